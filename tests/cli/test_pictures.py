"""``workflow.graph`` and ``workflow.timeline``, over an execution in memory."""

import contextlib
import io
import json
import re
import sys
from xml.etree import ElementTree as ET

import pytest

from dataflow.cli import main
from dataflow.connect import Connection
from dataflow.engine import Engine

TYPE = {"name": "shop.Orders", "version": "1"}
LIST = {"name": "shop"}
TIMEOUTS = ("scheduleToStart", "scheduleToClose", "startToClose", "heartbeat")


class Shop:
    """An execution that is decided and worked for by hand."""

    def __init__(self, engine):
        self.engine = engine
        engine.register_domain(name="shop", workflowExecutionRetentionPeriodInDays="1")
        engine.register_workflow_type(domain="shop", **TYPE)
        for name in ("shop.load", "shop.work"):
            engine.register_activity_type(domain="shop", name=name, version="1")
        self.run_id = engine.start_workflow_execution(
            domain="shop",
            workflowId="monday",
            workflowType=TYPE,
            taskList=LIST,
            executionStartToCloseTimeout="600",
            taskStartToCloseTimeout="60",
            childPolicy="TERMINATE",
        )["runId"]
        self.decide(activity("load-1"))
        self.answer()
        self.decide(*(activity(f"work-{n}", ["activity-shop.load-1"]) for n in (1, 2, 3)))
        for reason in (None, "ValueError: no", None):
            self.answer(reason)

    def decide(self, *decisions):
        task = self.engine.poll_for_decision_task(domain="shop", taskList=LIST)
        self.engine.respond_decision_task_completed(
            taskToken=task["taskToken"], decisions=[*decisions]
        )

    def answer(self, reason=None):
        task = self.engine.poll_for_activity_task(domain="shop", taskList=LIST)
        if reason is None:
            self.engine.respond_activity_task_completed(taskToken=task["taskToken"], result="1")
        else:
            self.engine.respond_activity_task_failed(taskToken=task["taskToken"], reason=reason)

    def complete(self):
        self.decide({"decisionType": "CompleteWorkflowExecution"})


def activity(name, inputs=()):
    return {
        "decisionType": "ScheduleActivityTask",
        "scheduleActivityTaskDecisionAttributes": {
            "activityType": {"name": f"shop.{name.partition('-')[0]}", "version": "1"},
            "activityId": f"activity-shop.{name}",
            "taskList": LIST,
            "control": json.dumps({"inputs": [*inputs]}),
            **{f"{name}Timeout": "60" for name in TIMEOUTS},
        },
    }


@pytest.fixture
def shop(monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    with Engine(":memory:", poll_seconds=0.05) as engine:

        @contextlib.contextmanager
        def connect(*_, **__):
            yield Connection(engine, engine.poller, kind="embedded", name="in memory")

        monkeypatch.setattr("dataflow.connect.connect", connect)
        yield Shop(engine)


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = main.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


# --- workflow.timeline -----------------------------------------------------------------------


def test_a_timeline(shop, run):
    shop.complete()
    code, out, err = run("workflow.timeline", "shop", "monday", "--utc")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "monday"
    assert lines[1].startswith("shop.Orders 1 · completed after ")
    assert "4 tasks: 3 completed, 1 failed" in out
    for name in ("load-1", "work-1", "work-2", "work-3"):
        assert re.search(rf"^{name}  .*[█✗]", out, re.MULTILINE)
    assert re.search(r"^work-2 .*✗", out, re.MULTILINE)
    assert "\x1b" not in out
    assert max(map(len, lines)) <= 90


def test_colours_are_given_when_they_are_asked_for(shop, run):
    assert "\x1b[36m█" in run("workflow.timeline", "shop", "monday", "--color", "always")[1]


def test_a_terminal_that_knows_ascii_alone(shop, monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    assert main.run(["workflow.timeline", "shop", "monday"]) == 0
    out.flush()
    assert b"work-1" in out.buffer.getvalue()


def test_a_timeline_as_json(shop, run):
    code, out, _ = run("workflow.timeline", "shop", "monday", "--format", "json")
    assert code == 0
    told = json.loads(out)
    assert {name: told[name] for name in ("workflow_id", "run_id", "status", "closed_at")} == {
        "workflow_id": "monday",
        "run_id": shop.run_id,
        "status": "OPEN",
        "closed_at": None,
    }
    assert [task["label"] for task in told["tasks"]] == ["load-1", "work-1", "work-2", "work-3"]
    failed = told["tasks"][2]
    assert {*failed} == {
        "task_id",
        "kind",
        "name",
        "version",
        "label",
        "state",
        "reason",
        "attempts",
        "identity",
        "waiting_seconds",
        "running_seconds",
        "spans",
    }
    assert (failed["state"], failed["reason"], failed["attempts"]) == (
        "failed",
        "ValueError: no",
        1,
    )
    last = failed["spans"][-1]
    assert {*last} == {"phase", "attempt", "state", "from", "to"}
    assert (last["phase"], last["attempt"], last["state"]) == ("running", 1, "failed")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", last["from"])


def test_a_timeline_as_a_picture_and_as_a_page(shop, run):
    _, out, _ = run("workflow.timeline", "shop", "monday", "--format", "svg")
    assert ET.fromstring(out).tag.endswith("svg")  # noqa: S314 - our own text
    _, out, _ = run("workflow.timeline", "shop", "monday", "--format", "html", "--utc")
    assert out.startswith("<!DOCTYPE html>")
    assert "<title>monday" in out


# --- workflow.graph --------------------------------------------------------------------------


def test_a_graph(shop, run):
    code, out, err = run("workflow.graph", "shop", "monday")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == 'digraph "monday" {'
    label = r'  n2 \[label="work-2\\nfailed · \d+ m?s", color="#c9472b"\];'
    assert any(re.fullmatch(label, line) for line in lines)
    assert lines[-4:] == ["  n0 -> n1;", "  n0 -> n2;", "  n0 -> n3;", "}"]


def test_a_folded_graph(shop, run):
    _, out, _ = run("workflow.graph", "shop", "monday", "--fold", "2", "--format", "mermaid")
    assert "work \N{MULTIPLICATION SIGN}3" in out
    assert out.count("-->") == 1
    _, out, _ = run("workflow.graph", "shop", "monday", "--fold", "0", "--format", "mermaid")
    assert out.count("-->") == 3


def test_a_graph_as_json(shop, run):
    told = json.loads(run("workflow.graph", "shop", "monday", "--format", "json")[1])
    assert told["run_id"] == shop.run_id
    assert told["edges"] == [
        {"source": "n0", "target": f"n{n}", "kind": "input"} for n in (1, 2, 3)
    ]
    node = told["nodes"][2]
    assert {*node} == {
        "key",
        "kind",
        "name",
        "version",
        "label",
        "task_ids",
        "in_turn",
        "states",
        "attempts",
        "scheduled_at",
        "ended_at",
        "running_seconds",
        "reason",
    }
    assert (node["task_ids"], node["states"]) == (["activity-shop.work-2"], {"failed": 1})


def test_a_graph_as_a_picture(shop, run):
    _, out, _ = run("workflow.graph", "shop", "monday", "--format", "svg", "--utc")
    assert ET.fromstring(out).tag.endswith("svg")  # noqa: S314 - our own text


# --- which execution, and what there is not --------------------------------------------------


@pytest.mark.parametrize("command", ["workflow.graph", "workflow.timeline"])
def test_the_domain_may_be_left_to_the_environment(shop, run, monkeypatch, command):
    monkeypatch.setenv("SWF_DOMAIN", "shop")
    named = run(command, "monday", "--run-id", shop.run_id, "--format", "json")
    assert named[0] == 0
    assert json.loads(named[1])["workflow_id"] == "monday"


@pytest.mark.parametrize("command", ["workflow.graph", "workflow.timeline"])
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["shop", "tuesday"], 3, "there is no execution tuesday in the domain shop"),
        (["bank", "monday"], 3, "there is no domain bank"),
        ([], 2, "WORKFLOW_ID is missing"),
        (["shop", "monday", "--format", "png"], 2, "'png' is not one of"),
    ],
)
def test_what_is_not_there(shop, run, command, arguments, code, message):
    got, out, err = run(command, *arguments)
    assert (got, out) == (code, "")
    assert message in err
    assert err.count("\n") == 1


def test_a_format_before_the_command_counts_for_it(shop, run):
    assert json.loads(run("--format", "json", "workflow.graph", "shop", "monday")[1])["nodes"]
