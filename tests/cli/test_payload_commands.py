"""``payload.get``, ``payload.gc``, ``cache.info`` and ``cache.clear``."""

import json
import os
import re
import sqlite3
import stat
from contextlib import closing

import pytest
from click.testing import CliRunner

from dataflow.cli import main
from dataflow.engine import Engine
from dataflow.payload import jumbo
from dataflow.storage.cache import DiskCache
from dataflow.storage.opening import home_store, open_fields

COMMANDS = ["payload.get", "payload.gc", "cache.info", "cache.clear"]
LONG = f'"{"long" * 10_000}"'


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    for name in list(os.environ):
        if name.startswith("DATAFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATAFLOW_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DATAFLOW_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "home"


@pytest.fixture
def run(capsys):
    """Standard output and standard error of a command that does its work."""

    def run(*arguments):
        assert main.run(arguments) == 0
        return capsys.readouterr()

    return run


@pytest.fixture
def refused(capsys):
    """The line that refuses a command."""

    def refused(*arguments, code=2):
        assert main.run(arguments) == code
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        return captured.err.removeprefix("error: ").rstrip()

    return refused


def put(home, text=LONG):
    """Store a text, long ago; its reference."""
    reference = open_fields(str(home)).write(text, field="result", limit=10)
    name = jumbo.parse(reference).object_name
    os.utime(home / "payloads" / name[:2] / name, (1000, 1000))
    return reference


# --- payload.get ----------------------------------------------------------------------------


def test_getting(run, home):
    assert run("payload.get", put(home)) == (f"{LONG}\n", "")


def test_getting_from_another_home(run, tmp_path):
    reference = put(tmp_path / "other")
    assert run("payload.get", reference, "--home", str(tmp_path / "other")).out == f"{LONG}\n"


def test_getting_into_a_file(run, refused, home, tmp_path):
    file = tmp_path / "result.json"
    told = run("payload.get", put(home), "--output", str(file))
    assert told == ("", f"wrote 40,002 bytes to {file}\n")
    assert file.read_text() == LONG
    assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0
    line = refused("payload.get", put(home), "-o", str(file))
    assert line == f"{file} exists: name another file, or move that one"
    line = refused("payload.get", put(home), "-o", str(tmp_path / "no" / "file"))
    assert line == f"cannot write {tmp_path}/no/file: No such file or directory"


def test_getting_an_encrypted_field(run, monkeypatch):
    monkeypatch.setenv("DATAFLOW_CODEC", "aesgcm")
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS", f"k:{'A' * 43}=")
    text = open_fields().write('"hush"', field="result", limit=1000)
    assert "hush" not in text
    assert run("payload.get", text).out == '"hush"\n'


@pytest.mark.parametrize("text", ["", "nonsense", "dataflow+file://payloads/abc 1", '"text"'])
def test_what_is_no_reference(refused, text):
    line = refused("payload.get", text)
    assert line == (
        f"{text!r} is no reference: quote it whole, with the number behind it "
        "('dataflow+file://... 123')"
    )


def test_a_long_text_is_not_repeated(refused):
    assert len(refused("payload.get", "x" * 10_000)) < 250


def test_what_is_missing(refused, home):
    reference = put(home)
    name = jumbo.parse(reference).object_name
    (home / "payloads" / name[:2] / name).unlink()
    line = refused("payload.get", reference, code=1)
    assert line.startswith(f"there is no object {name} in {home}/payloads: it was deleted, or")


# --- payload.gc -----------------------------------------------------------------------------


@pytest.fixture
def engine(home):
    """An engine's file, with an execution that has been given a reference."""
    kept = put(home)
    with Engine(str(home / "engine.db")) as swf:
        swf.register_domain(name="shop", workflowExecutionRetentionPeriodInDays="30")
        swf.register_workflow_type(
            domain="shop",
            name="order",
            version="1",
            defaultTaskList={"name": "deciders"},
            defaultExecutionStartToCloseTimeout="3600",
            defaultTaskStartToCloseTimeout="60",
            defaultChildPolicy="TERMINATE",
        )
        swf.start_workflow_execution(
            domain="shop",
            workflowId="order-17",
            workflowType={"name": "order", "version": "1"},
            input=json.dumps({"args": [kept], "refs": [kept]}),
        )
        yield kept


def test_collecting_while_the_engine_runs(run, home, engine):
    put(home, LONG * 2)
    told = run("payload.gc")
    assert re.fullmatch(
        rf"deleted 1 objects \(\d+ bytes\) in {home}/payloads, kept 1 objects \(\d+ bytes\)\n",
        told.err,
    )
    assert run("payload.get", engine).out == f"{LONG}\n"
    assert run("payload.gc").err.startswith("deleted 0 objects (0 bytes)")


def test_only_looking(run, home, engine):
    useless = put(home, LONG * 2)
    told = json.loads(run("payload.gc", "--dry-run", "--format", "json").out)
    assert told == {
        "directory": f"{home}/payloads",
        "dry_run": True,
        "deleted": 1,
        "deleted_bytes": told["deleted_bytes"],
        "kept": 1,
        "kept_bytes": told["kept_bytes"],
    }
    assert 0 < told["deleted_bytes"] < 1000
    assert run("payload.gc", "--dry-run").err.startswith("would delete 1 objects")
    assert run("payload.get", useless)


def test_what_is_young_is_kept(run, home, engine):
    open_fields(str(home)).write(LONG * 2, field="result", limit=10)
    assert run("payload.gc").err.startswith("deleted 0 objects")
    assert run("payload.gc", "--older-than", "0").err.startswith("deleted 1 objects")


@pytest.fixture
def working(home):
    """An engine with an activity that is in the hands of a worker; its task token."""
    home.mkdir()
    with Engine(str(home / "engine.db")) as swf:
        swf.register_domain(name="shop", workflowExecutionRetentionPeriodInDays="30")
        swf.register_workflow_type(domain="shop", name="order", version="1")
        swf.register_activity_type(domain="shop", name="pack", version="1")
        swf.start_workflow_execution(
            domain="shop",
            workflowId="order-17",
            workflowType={"name": "order", "version": "1"},
            taskList={"name": "list"},
            executionStartToCloseTimeout="36000",
            taskStartToCloseTimeout="60",
            childPolicy="TERMINATE",
        )
        task = swf.poll_for_decision_task(domain="shop", taskList={"name": "list"})
        asked = {
            "activityType": {"name": "pack", "version": "1"},
            "activityId": "pack-1",
            "taskList": {"name": "list"},
            "scheduleToStartTimeout": "NONE",
            "scheduleToCloseTimeout": "NONE",
            "startToCloseTimeout": "NONE",
            "heartbeatTimeout": "NONE",
        }
        swf.respond_decision_task_completed(
            taskToken=task["taskToken"],
            decisions=[
                {
                    "decisionType": "ScheduleActivityTask",
                    "scheduleActivityTaskDecisionAttributes": asked,
                }
            ],
        )
        token = swf.poll_for_activity_task(domain="shop", taskList={"name": "list"})["taskToken"]
        yield swf, token


def test_what_a_heartbeat_has_told_is_kept_while_the_activity_runs(run, refused, home, working):
    swf, token = working
    old = put(home, LONG * 2)
    told = open_fields(str(home)).write(LONG, field="details", limit=2048)
    swf.record_activity_task_heartbeat(taskToken=token, details=told)
    assert run("payload.gc", "--older-than", "0").err.startswith("deleted 1 objects")
    assert run("payload.get", told).out == f"{LONG}\n"
    assert refused("payload.get", old, code=1).startswith("there is no object")
    swf.respond_activity_task_completed(taskToken=token)
    assert run("payload.gc", "--older-than", "0").err.startswith("deleted 1 objects")


def test_without_an_engine_nothing_is_deleted(refused, home):
    put(home)
    assert refused("payload.gc") == (
        f"there is no file {home}/engine.db: name the --home of the server"
    )
    (home / "engine.db").write_bytes(b"nonsense" * 1000)
    assert refused("payload.gc").startswith(f"cannot read {home}/engine.db: ")
    (home / "engine.db").unlink()
    with closing(sqlite3.connect(home / "engine.db")) as file:
        file.execute("CREATE TABLE other (x)")
    assert "is a database, but not of dataflow's engine" in refused("payload.gc")
    assert len(list(home_store(str(home)).entries())) == 1


def test_what_cannot_be_read_keeps_everything(refused, home, engine):
    put(home, LONG * 2)
    name = jumbo.parse(engine).object_name
    (home / "payloads" / name[:2] / name).write_bytes(b"damaged")
    line = refused("payload.gc", code=1)
    assert line.startswith(f"nothing was deleted, for it may be needed: the object {name} cannot")
    assert len(list(home_store(str(home)).entries())) == 2


# --- task.info ------------------------------------------------------------------------------


@pytest.fixture
def failed(home, working, monkeypatch):
    """An activity has failed; what is told of it is encrypted, and its details are stored, too."""
    monkeypatch.setenv("DATAFLOW_CODEC", "aesgcm")
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS", f"k:{'A' * 43}=")
    fields = open_fields(str(home))
    swf, token = working
    details = fields.write(json.dumps({"message": LONG}), field="details", limit=32_768)
    swf.respond_activity_task_failed(
        taskToken=token, reason=fields.brief("ValueError: hush", 256), details=details
    )
    return jumbo.parse(details)


TASK = ("task.info", "shop", "order-17", "pack-1", "--format", "json")


def test_a_task_is_told_in_clear_where_details_are_wanted(run, failed):
    told = json.loads(run(*TASK, "--details").out)
    [attempt] = told["attempt_list"]
    assert told["reason"] == attempt["reason"] == "ValueError: hush"
    assert told["details"] == attempt["details"] == {"message": LONG}
    assert "hush" in run(*TASK[:4], "--details").out


def test_a_task_is_told_as_it_stands_where_they_are_not(run, home, failed):
    (home / "payloads" / failed.object_name[:2] / failed.object_name).unlink()  # nor read
    told = json.loads(run(*TASK).out)
    assert told["reason"].startswith("dataflow+aesgcm:k:")
    assert told["details"] == str(failed)
    assert "<40.0 KB, dataflow+file://payloads/" in run(*TASK[:4], "--fields", "details").out


def test_what_cannot_be_read_of_a_task_is_told_as_it_stands(run, home, failed):
    (home / "payloads" / failed.object_name[:2] / failed.object_name).unlink()
    found = run(*TASK, "--details")
    assert json.loads(found.out)["details"] == str(failed)
    assert json.loads(found.out)["reason"] == "ValueError: hush"
    assert found.err.startswith(f"warning: there is no object {failed.object_name} in ")


# --- cache ----------------------------------------------------------------------------------


def test_the_cache(run, tmp_path, monkeypatch):
    monkeypatch.setenv("DATAFLOW_CACHE_SIZE", "2MB")
    cache = DiskCache(tmp_path / "cache", 2_000_000)
    cache.put("key", bytes(10_000))
    cache.close()
    told = run("cache.info")
    assert told.err == ""
    lines = dict(line.split(" ", 1) for line in told.out.splitlines())
    assert lines["directory"] == f"{tmp_path}/cache"
    assert (lines["objects"], lines["limit"]) == ("1", "2,000,000")
    told = json.loads(run("cache.info", "--format", "json").out)
    assert 10_000 < told.pop("bytes") < 100_000
    assert told == {"directory": f"{tmp_path}/cache", "objects": 1, "limit": 2_000_000}
    told = run("cache.clear")
    assert re.fullmatch(rf"dropped 1 objects \([\d,]+ bytes\) from {tmp_path}/cache\n", told.err)
    assert json.loads(run("--format=json", "cache.clear").out)["objects"] == 0
    assert json.loads(run("--format=json", "cache.info").out)["objects"] == 0


def test_a_cache_of_somebody_else(refused, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert "belongs to user" in refused("cache.info")
    monkeypatch.undo()
    monkeypatch.setenv("DATAFLOW_CACHE_SIZE", "huge")
    assert refused("cache.info").startswith("DATAFLOW_CACHE_SIZE=huge is not a size")


def test_keys_are_not_shown(run, monkeypatch):
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS", "k:hush")
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", "bucket/flows")
    told = run("info").out
    assert "hush" not in told
    assert "DATAFLOW_ENCRYPTION_KEYS (hidden)" in told
    assert "  jumbo_fields bucket/flows\n" in told


# --- help -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_help(name):
    output = CliRunner().invoke(main.command, [name, "--help"]).output
    assert all(len(line) <= 80 for line in output.splitlines())
    listed = CliRunner().invoke(main.command, ["--help"]).output
    assert re.search(rf"^  {re.escape(name)}  +[A-Z]", listed, re.MULTILINE)
