"""Completion, as the shell asks for it."""

import shutil
import subprocess
import sys

import pytest
from commands import environment

from dataflow.cli import main

ASK = """
eval "$(cat)"
read -ra COMP_WORDS <<<"$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_dataflow_completion dataflow
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(capsys):
    def script(shell):
        assert main.run(["completion", shell]) == 0
        return capsys.readouterr().out

    return script


@pytest.fixture
def path(tmp_path):
    """Where a program of the name is, which the scripts call."""
    program = tmp_path / "dataflow"
    program.write_text(f"#!{sys.executable}\nfrom dataflow.cli.main import main\nmain()\n")
    program.chmod(0o700)
    return f"{tmp_path}:/usr/bin:/bin"


@pytest.mark.integration
@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("server.k", ["server.key.create", "server.key.list", "server.key.revoke"]),
        ("workflow.start --inp", ["--input", "--input-file"]),
        ("--format json server.check --form", ["--format"]),
        ("server.check --format j", ["json"]),
    ],
)
def test_bash(script, path, words, completed):
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", f"dataflow {words}"],
        input=script("bash"),
        env=environment(PATH=path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == completed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_syntax_that_the_shell_takes(script, shell):
    text = script(shell)
    assert "_DATAFLOW_COMPLETE" in text
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, check=True)


def test_other_shells(capsys):
    assert main.run(["completion", "tcsh"]) == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in capsys.readouterr().err
