"""The README does what it says: its Python is run, its command typed and the output compared."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import time
import types
from pathlib import Path

import pytest
from click.testing import CliRunner
from documents import indented, run_python

from dataflow.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.rst").read_text()


@pytest.fixture
def readme(monkeypatch):
    """The README's Python, as one module."""
    module = types.ModuleType("readme")
    module.time = time
    monkeypatch.setitem(sys.modules, "readme", module)
    return module


def test_the_python_runs(readme):
    assert run_python(README, readme) > 8
    tests = [function for name, function in vars(readme).items() if name.startswith("test_")]
    assert len(tests) == 2
    for function in tests:
        function()


def _without_times(text: str) -> str:
    return re.sub(r"\d+\.\d+ s", "N s", text)


def _sessions() -> list[tuple[str, list[str]]]:
    """The commands that the README types, with what they print."""
    (session,) = [
        block for block in indented(README, ".*::") if "workflow.start --local ex" in block
    ]
    found: list[tuple[str, list[str]]] = []
    for line in filter(None, session.splitlines()):
        if line.startswith("$ "):
            found.append((line.removeprefix("$ "), []))
        else:
            found[-1][1].append(line)
    return [(command, printed) for command, printed in found if printed]


@pytest.mark.integration
@pytest.mark.parametrize(("command", "printed"), _sessions())
def test_a_command_prints_what_it_says(command, printed, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "dataflow", *shlex.split(command)[1:]],
        cwd=ROOT,
        env={**os.environ, "DATAFLOW_HOME": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    assert _without_times(done.stdout).splitlines() == [_without_times(line) for line in printed]


def _section(title: str) -> str:
    """From this title to the next of its kind."""
    after = README[re.search(rf"^{title}\n=+\n", README, re.MULTILINE).end() :]
    return re.split(r"^.+\n=+\n", after, maxsplit=1, flags=re.MULTILINE)[0]


def _help(command: str) -> str:
    return CliRunner().invoke(main.command, [command, "--help"]).output


@pytest.mark.parametrize("title", ["Running workflows", "The engine"])
def test_every_option_is_in_the_help_of_a_command(title):
    known = "".join(map(_help, main.command.list_commands(None)))
    text = re.sub(r"^ +\$ aws .*$", "", _section(title), flags=re.MULTILINE)
    options = set(re.findall(r"(?<![-\w])--[a-z][a-z-]+", text))
    assert options
    assert {option for option in options if option not in known} == set()


def test_every_command_is_in_the_readme():
    commands = main.command.list_commands(None)
    assert len(commands) > 5
    assert [name for name in commands if name not in README] == []
