"""Who a worker says it is, and what it makes of the task that a poll brings."""

import getpass
import json
import os
import socket
import sys

import pytest

from dataflow.errors import UsageError
from dataflow.process.identity import identity
from dataflow.process.tasks import PolledTask


@pytest.fixture(autouse=True)
def somebody(monkeypatch):
    monkeypatch.setattr(getpass, "getuser", lambda: "me")
    monkeypatch.setattr(socket, "gethostname", lambda: "here")
    monkeypatch.setattr(sys, "executable", "/bin/python")


def basic(**changes):
    return {"user": "me", "hostname": "here", "pid": os.getpid(), "exe": "/bin/python"} | changes


@pytest.mark.parametrize("changes", [None, "", "  ", "{}"])
def test_the_basic_identity(changes):
    assert json.loads(identity(changes)) == basic()


def test_changes_are_merged_and_nulls_take_away():
    told = json.loads(identity('{"cluster": "blue", "exe": null, "pid": 7}'))
    expected = basic(cluster="blue", pid=7)
    del expected["exe"]
    assert told == expected


def test_what_is_too_long_is_cut():
    told = identity(json.dumps({"note": "x" * 1000}))
    assert len(told) == 256
    assert told.endswith(" ...")


def test_a_user_without_a_name(monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert json.loads(identity())["user"] == str(os.getuid())


@pytest.mark.parametrize("wrong", ["blue", "[1]", '{"a":', "null"])
def test_what_is_no_object(wrong):
    with pytest.raises(UsageError, match=r"DATAFLOW_IDENTITY=.*is not a JSON object"):
        identity(wrong)


ANSWER = {
    "taskToken": "token",
    "activityId": "a-1",
    "startedEventId": 7,
    "workflowExecution": {"workflowId": "w", "runId": "r"},
    "activityType": {"name": "n", "version": "v"},
}


@pytest.mark.parametrize(
    ("given", "attempt"),
    [
        (None, 1),
        ("", 1),
        ('{"args":[],"kwargs":{}}', 1),
        ('{"args":[],"kwargs":{},"meta":{"attempt":9}}', 1),
        ('{"args":[{"attempt":9}],"kwargs":{},"attempt":3,"meta":[1]}', 3),
        ('{"args":[],"kwargs":{},"refs":["a"],"attempt":3}', 3),
        ('{"attempt": 9, "of": "somebody else"}', 1),
        (f"dataflow+file://payloads/{'0' * 64} 1", None),
        ("dataflow+aesgcm:key:AAAA", None),
        ('{"args":[],"kwargs":{},"attempt":"often"}', 1),
        ('{"args":' + "[" * 10_000, 1),
        ('{"args":["\ud800"],"kwargs":{},"attempt":3}', 1),
    ],
)
def test_a_task(given, attempt):
    answer = ANSWER if given is None else ANSWER | {"input": given}
    task = PolledTask.of(answer, "d")
    assert task == PolledTask(
        token=ANSWER["taskToken"],
        domain="d",
        name="n",
        version="v",
        activity_id="a-1",
        workflow_id="w",
        run_id="r",
        input=given,
        attempt=attempt,
    )
    assert task.log_fields == {
        "domain": "d",
        "workflow_id": "w",
        "run_id": "r",
        "activity_id": "a-1",
        "attempt": attempt,
    }


@pytest.mark.parametrize("answer", [{}, {"taskToken": ""}, {"startedEventId": 0}])
def test_no_task(answer):
    assert PolledTask.of(answer, "d") is None
