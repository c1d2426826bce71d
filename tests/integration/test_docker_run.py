"""What script/docker-run asks Docker for; a stand-in for Docker writes it down."""

import itertools
import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

SCRIPT = Path(__file__).parents[2] / "script" / "docker-run"
DOCKER = '#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n'


@pytest.fixture
def asked(tmp_path):
    """The words that Docker is given."""
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)

    def asked(*arguments, **variables):
        path = f"{tmp_path}:{os.environ['PATH']}"
        done = subprocess.run(
            [SCRIPT, *arguments],
            env={"PATH": path, **variables},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.splitlines()

    return asked


def follows(words, first, second):
    return (first, second) in itertools.pairwise(words)


def test_the_settings_go_along_and_nothing_else(asked):
    words = asked(
        "info",
        AWS_SECRET_ACCESS_KEY="hidden",  # noqa: S106 - a stand-in
        DATAFLOW_ENGINE="swf",
        SWF_DOMAIN="shop",
        SWF_DOMAINS="other",
        OTHER="x",
    )
    for name in ("AWS_SECRET_ACCESS_KEY", "DATAFLOW_ENGINE", "SWF_DOMAIN"):
        assert follows(words, "--env", name)
    assert not {"SWF_DOMAINS", "OTHER", "PATH"} & set(words)
    assert not any("hidden" in word for word in words)  # anybody may see the list of processes


def test_the_directory_and_the_user(asked, tmp_path):
    words = asked("workflow.start", "--local", "flows.Order", "--input", "[1, 2]")
    assert follows(words, "--volume", f"{tmp_path}:/workflows")
    assert follows(words, "--user", f"{os.getuid()}:{os.getgid()}")
    assert words[-6:] == [
        "dataflow",
        "workflow.start",
        "--local",
        "flows.Order",
        "--input",
        "[1, 2]",
    ]
    assert "--tty" not in words


@pytest.mark.parametrize("command", ["decider.start", "worker.start"])
def test_a_supervisor_is_process_1(asked, command):
    words = asked(command, "--task-list", "x")
    assert "--init" not in words
    assert follows(words, "--stop-timeout", "40")  # Docker's own are 10 s, less than --grace


def test_others_have_an_init(asked):
    assert "--init" in asked("standalone", "flows.Order")
