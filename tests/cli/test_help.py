"""Help, and what it costs to start."""

import json
import os
import re
import resource
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner
from commands import HERE, dataflow, environment, start

from dataflow.cli import main


def test_help_lists_the_commands():
    result = CliRunner().invoke(main.command, ["-h"])
    assert result.exit_code == 0
    assert re.search(r"workflow\.start +Run a workflow\.", result.output)
    assert "--version" in result.output


@pytest.mark.parametrize("name", main.command.list_commands(None))
def test_help_of_a_command(name):
    result = CliRunner().invoke(main.command, [name, "-h"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: {main.command.name} {name} ")
    assert [line for line in result.output.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("arguments", [["-h"], ["workflow.start", "-h"]])
def test_examples_in_help_are_copied_as_they_are(arguments):
    output = CliRunner().invoke(main.command, arguments).output
    example = "dataflow workflow.start --local examples.basic.BasicWorkflow --input '[1, 5]'"
    assert f"  {example}\n" in output


def test_without_a_command_the_help_is_for_reading(capsys):
    assert main.run([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Usage:" in captured.err


def test_version(capsys):
    assert main.run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("dataflow")


# --- what is imported ---------------------------------------------------------------------

LOADED = """
import sys, json
from dataflow.cli.main import run
code = run(sys.argv[1:])
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def loaded(*arguments):
    """The modules that the process has imported when the command is done."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        cwd=HERE,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


HEAVY = {"asyncio", "boto3", "botocore", "dataflow.testing", "multiprocessing", "pytest", "sqlite3"}


@pytest.mark.integration
def test_help_imports_nothing_that_runs_workflows():
    modules = loaded("--help")
    assert not modules & (HEAVY | {"dataflow.engine", "dataflow.process", "dataflow.replay"})


@pytest.mark.integration
def test_a_local_run_imports_nothing_heavy():
    modules = loaded("workflow.start", "--local", "examples.basic.BasicWorkflow", "-i[1, 0]")
    assert "dataflow.process.local" in modules
    assert not modules & HEAVY


@pytest.mark.integration
def test_a_fresh_process_is_quick():
    def once():
        started, worked = time.perf_counter(), processor_time()
        assert start("flows.Doubles").code == 0
        return time.perf_counter() - started, processor_time() - worked

    def processor_time():
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    walls, works = zip(*(once() for _ in range(5)), strict=True)
    assert min(works) < 0.4
    if os.getloadavg()[0] < os.cpu_count():  # or it waits for its turn
        assert min(walls) < 0.4


@pytest.mark.integration
def test_the_module_is_the_command():
    done = dataflow("--help")
    assert done.code == 0
    assert done.out.startswith("Usage: python")


# --- options before the command, and behind it ------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "as_json"),
    [
        (["--format", "json", "info", "versions"], True),
        (["info", "versions", "--format", "json"], True),
        (["--format", "json", "info", "versions", "--format", "text"], False),
        (["info", "versions"], False),
    ],
)
def test_what_stands_behind_the_command_counts(capsys, arguments, as_json):
    assert main.run(arguments) == 0
    assert capsys.readouterr().out.startswith("{") is as_json


def test_a_format_that_the_command_does_not_have(capsys):
    assert main.run(["--format", "csv", "info"]) == 2
    assert "'--format': 'csv' is not one of 'text', 'json'" in capsys.readouterr().err
