"""``decider.start`` and ``worker.start``, as far as they go without processes."""

import sys

import pytest
from click.testing import CliRunner

from dataflow import settings
from dataflow.cli import decider, fleet, main
from dataflow.client.outcomes import NoServer, Unanswered, Unsent
from dataflow.engine import Engine
from dataflow.errors import UsageError
from dataflow.process.decider import CACHE_SIZE, STICKY_SECONDS


@pytest.fixture
def run(here, monkeypatch, tmp_path, capsys):
    for name in ("DATAFLOW_ENGINE", "DATAFLOW_MODULES", "SWF_DOMAIN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATAFLOW_HOME", str(tmp_path))

    def run(*arguments):
        code = main.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.mark.parametrize("name", ["decider.start", "worker.start"])
def test_help(name):
    result = CliRunner().invoke(main.command, [name, "--help"])
    assert result.exit_code == 0
    assert f"  dataflow {name} --domain shop --task-list " in result.output
    assert "--supervised" not in result.output
    assert all(len(line) <= 80 for line in result.output.splitlines())


def test_the_defaults_of_a_decider_are_those_of_the_library():
    assert (decider._CACHE_SIZE, decider._STICKY_SECONDS) == (CACHE_SIZE, STICKY_SECONDS)


def refused(done, expected=2):
    code, out, err = done
    assert (code, out) == (expected, "")
    assert err.count("\n") == 1
    return err


def test_which_task_list(run):
    assert "Name the list with --task-list, or name a workflow" in refused(run("decider.start"))
    assert "--task-list" in refused(run("worker.start"))
    assert fleet.one_task_list("x", ["a", "b"]) == "x"
    assert fleet.one_task_list(None, ["a", "a"]) == "a"
    with pytest.raises(UsageError, match=r"\(a, b\)"):
        fleet.one_task_list(None, ["b", "a", "b"])


def test_no_server(run):
    assert "`dataflow server.start` starts one" in refused(run("worker.start", "-tx"), 6)
    assert "`dataflow server.start` starts one" in refused(run("decider.start", "flows.Doubles"), 6)


def test_one_task_is_for_one_process(run):
    told = refused(run("worker.start", "-tx", "--one-task", "-N2"))
    assert "--one-task is for one process" in told


def test_a_format_of_the_log(run, monkeypatch):
    monkeypatch.setenv("DATAFLOW_LOG_FORMAT", "xml")
    assert "DATAFLOW_LOG_FORMAT=xml" in refused(run("worker.start", "-tx"))


def test_the_command_line_of_a_process(monkeypatch):
    words = ["dataflow", "--format", "json", "decider.start", "-t", "x", "--", "flows.Doubles"]
    monkeypatch.setattr(sys, "argv", words)
    assert fleet._command("decider.start", 7) == [
        sys.executable,
        "-P",
        "-m",
        "dataflow",
        "--format",
        "json",
        "decider.start",
        "--supervised=7",
        "-t",
        "x",
        "--",
        "flows.Doubles",
    ]


def caused(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "away"),
    [
        (NoServer("nobody"), True),
        (caused(UsageError("no engine runs"), NoServer("nobody")), True),
        (caused(UsageError("no answer"), Unanswered("it ends")), True),
        (caused(UsageError("no such host"), Unsent("no such host", lasting=True)), False),
        (UsageError("half a key"), False),
    ],
)
def test_whether_an_engine_is_away(error, away):
    assert fleet._is_away(error) is away


def test_a_process_waits_for_an_engine_that_is_away(monkeypatch):
    problems = [NoServer("nobody"), caused(UsageError("no answer"), Unanswered("it ends"))]
    monkeypatch.setattr(fleet.time, "sleep", lambda _: None)

    def connect():
        if problems:
            raise problems.pop()
        return "a connection"

    one = fleet.Fleet(kind="worker", domain="d", task_list="l", grace=1)
    assert fleet._persistently(connect, one) == "a connection"
    problems.append(UsageError("half a key"))
    with pytest.raises(UsageError, match="half a key"):
        fleet._persistently(connect, one)


class Refusing:
    """A connection whose service has something against us."""

    kind = "swf"

    def __init__(self, engine, error):
        self.service = self
        self._engine, self._error = engine, error

    def describe_domain(self, **_):
        raise self._error

    def __getattr__(self, name):
        return getattr(self._engine, name)


def test_amazon_may_allow_polls_only():
    with Engine(":memory:") as engine:
        denied = engine.exceptions.AccessDeniedException("no")
        one = fleet.Fleet(kind="worker", domain="d", task_list="l", grace=1)
        connection = Refusing(engine, denied)
        fleet._check(connection, one)
        connection.kind = "http"
        with pytest.raises(type(denied)):
            fleet._check(connection, one)


def test_modules(monkeypatch):
    monkeypatch.delenv("DATAFLOW_MODULES", raising=False)
    assert settings.modules() == []
    monkeypatch.setenv("DATAFLOW_MODULES", " shop, mail.sending,,")
    assert settings.modules() == ["shop", "mail.sending"]
    assert settings.modules(("other",)) == ["other"]
