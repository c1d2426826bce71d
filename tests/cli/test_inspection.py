"""What the commands that only look print: texts as they are, JSON by its members.

The executions are decided and worked for by hand, on a clock that stands still between steps.
"""

import contextlib
import csv
import io
import json
import re

import pytest
from commands import HERE

from dataflow.cli import main
from dataflow.connect import Connection
from dataflow.engine import Engine
from dataflow.testing import VirtualClock

BEGIN = 1_767_261_600.0  # 2026-01-01 10:00:00 UTC
LIST = {"name": "shop"}
TIMEOUTS = ("scheduleToStart", "scheduleToClose", "startToClose", "heartbeat")
TRACEBACK = {
    "error": "ValueError",
    "error_type": "ValueError",
    "bases": ["Exception"],
    "message": "no funds",
    "traceback": [
        "Traceback (most recent call last):\n",
        '  File "shop.py", line 3, in charge\n    raise ValueError("no funds")\n',
        "ValueError: no funds\n",
    ],
}


class Shop:
    """Executions by hand."""

    def __init__(self, engine, clock):
        self.engine, self.clock = engine, clock
        self.runs = {}
        for domain in ("shop", "default"):
            engine.register_domain(
                name=domain, workflowExecutionRetentionPeriodInDays="30", description="Orders."
            )
        for name in ("shop.Order", "shop.Bill"):
            engine.register_workflow_type(domain="shop", name=name, version="1")
        for name in ("shop.load", "shop.charge"):
            engine.register_activity_type(domain="shop", name=name, version="1")

    def start(self, workflow_id, *, name="shop.Order", tags=(), text='{"args":[7],"kwargs":{}}'):
        self.runs[workflow_id] = self.engine.start_workflow_execution(
            domain="shop",
            workflowId=workflow_id,
            workflowType={"name": name, "version": "1"},
            taskList=LIST,
            tagList=list(tags),
            input=text,
            executionStartToCloseTimeout="600",
            taskStartToCloseTimeout="60",
            childPolicy="TERMINATE",
        )["runId"]

    def decide(self, *decisions):
        task = self.engine.poll_for_decision_task(domain="shop", taskList=LIST, identity="decider")
        self.engine.respond_decision_task_completed(
            taskToken=task["taskToken"], decisions=[*decisions]
        )

    def work(self, seconds, *, result=None, reason=None, details=None):
        identity = '{"user":"ann","hostname":"vm","pid":7}'
        task = self.engine.poll_for_activity_task(domain="shop", taskList=LIST, identity=identity)
        self.clock.advance(seconds)
        token = task["taskToken"]
        if reason is None:
            self.engine.respond_activity_task_completed(taskToken=token, result=result)
        else:
            self.engine.respond_activity_task_failed(
                taskToken=token, reason=reason, details=json.dumps(details)
            )


def activity(name, number, *inputs, text="[]"):
    return {
        "decisionType": "ScheduleActivityTask",
        "scheduleActivityTaskDecisionAttributes": {
            "activityType": {"name": f"shop.{name}", "version": "1"},
            "activityId": f"activity-shop.{name}-{number}",
            "taskList": LIST,
            "input": text,
            "control": json.dumps({"inputs": inputs}),
            **{f"{name}Timeout": "300" for name in TIMEOUTS},
        },
    }


def timer(timer_id, seconds):
    return {
        "decisionType": "StartTimer",
        "startTimerDecisionAttributes": {
            "timerId": timer_id,
            "startToFireTimeout": str(seconds),
        },
    }


def close(how, **attributes):
    member = f"{how[0].lower()}{how[1:]}WorkflowExecutionDecisionAttributes"
    return {"decisionType": f"{how}WorkflowExecution", member: attributes}


@pytest.fixture(scope="module")
def world():
    """A failed execution, one that completed, and one that is open; in this order."""
    clock = VirtualClock(BEGIN)
    with Engine(":memory:", poll_seconds=0, clock=clock) as engine:
        shop = Shop(engine, clock)
        shop.start("o-1", tags=["red", "big"])
        shop.decide(activity("load", 1, text='{"args":["x"],"kwargs":{}}'), timer("pause", 1))
        clock.advance(0.5)
        shop.work(1.25, result='{"total": 3}')
        shop.decide(activity("charge", 1, "activity-shop.load-1", text="[3]"))
        for _ in range(2):
            clock.advance(0.25)
            shop.work(2, reason="ValueError: no funds", details=TRACEBACK)
            shop.decide(timer("dataflow-retry-activity-shop.charge-1", 1))
            clock.advance(1)
            shop.decide(activity("charge", 1, "activity-shop.load-1", text="[3]"))
        shop.work(2, reason="ValueError: no funds", details=TRACEBACK)
        shop.decide(close("Fail", reason="TaskFailed: shop.charge", details="why"))
        clock.advance(100)
        shop.start("o-2", name="shop.Bill", tags=["red"])
        clock.advance(2)
        shop.decide(close("Complete", result='[1, "two"]'))
        clock.advance(100)
        shop.start("o-3")
        shop.decide(activity("load", 1), timer("dataflow-sleep-1", 50))
        clock.advance(4)
        yield shop


@pytest.fixture
def run(world, monkeypatch, capsys):
    """A command, with times in UTC and its output as a user sees it."""
    for name in ("SWF_DOMAIN", "DATAFLOW_FORMAT", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)

    @contextlib.contextmanager
    def connect(*_, **__):
        yield Connection(world.engine, world.engine.poller, kind="embedded", name="in memory")

    monkeypatch.setattr("dataflow.connect.connect", connect)
    monkeypatch.setattr("dataflow.clock.SystemClock", lambda: world.clock)

    def run(*arguments, code=0):
        assert main.run(["--utc", *arguments]) == code
        told = capsys.readouterr()
        if code == 0:
            assert told.err == ""
        text = told.out if code == 0 else told.err
        for workflow_id, run_id in world.runs.items():
            text = text.replace(run_id, f"run-of-{workflow_id}".ljust(len(run_id), "-"))
        return text

    return run


# --- texts -----------------------------------------------------------------------------------

#: Command lines, each with what it prints.
SESSIONS = re.findall(
    r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", (HERE / "inspection.txt").read_text(), re.MULTILINE
)


@pytest.mark.parametrize(("command", "output"), SESSIONS, ids=[line for line, _ in SESSIONS])
def test_session(run, command, output):
    assert run(*command.split()) == output


def test_the_sessions_show_every_command():
    shown = {word for command, _ in SESSIONS for word in command.split() if "." in word}
    assert shown >= {
        "activity_type.list",
        "domain.info",
        "domain.list",
        "task.info",
        "tasklist.info",
        "workflow.filter",
        "workflow.history",
        "workflow.info",
        "workflow.list",
        "workflow.profile",
        "workflow.tasks",
        "workflow.watch",
        "workflow_type.list",
    }


# --- JSON ------------------------------------------------------------------------------------

TEXT, NUMBER, FLAG, LIST_OF, ANY, NONE = str, (int, float), bool, list, object, type(None)
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

EXECUTION = {
    "workflow_id": TEXT,
    "workflow_type": TEXT,
    "workflow_version": TEXT,
    "run_id": TEXT,
    "status": TEXT,
    "tags": LIST_OF,
    "started_at": TIME,
    "closed_at": (TIME, NONE),
    "cancel_requested": FLAG,
    "parent_workflow_id": (TEXT, NONE),
    "parent_run_id": (TEXT, NONE),
}
INFO = {
    **EXECUTION,
    "domain": TEXT,
    "task_list": TEXT,
    "execution_time": NUMBER,
    "input": ANY,
    "result": ANY,
    "reason": (TEXT, NONE),
    "details": ANY,
    "open_activities": NUMBER,
    "open_timers": NUMBER,
    "open_children": NUMBER,
    "open_lambdas": NUMBER,
    "open_decisions": NUMBER,
    "latest_activity_at": (TIME, NONE),
    "context": ANY,
    "previous_run_id": (TEXT, NONE),
    "next_run_id": (TEXT, NONE),
    "execution_timeout": (int, NONE),
    "decision_tasks_timeout": (int, NONE),
    "task_priority": (TEXT, NONE),
    "child_policy": TEXT,
    "lambda_role": (TEXT, NONE),
}
TASK = {
    "task_id": TEXT,
    "kind": TEXT,
    "name": TEXT,
    "version": TEXT,
    "task_list": (TEXT, NONE),
    "state": TEXT,
    "state_at": TIME,
    "scheduled_at": TIME,
    "started_at": (TIME, NONE),
    "ended_at": (TIME, NONE),
    "waiting_seconds": NUMBER,
    "running_seconds": (*NUMBER, NONE),
    "attempts": int,
    "reason": (TEXT, NONE),
    "details": ANY,
    "input": ANY,
    "result": ANY,
    "identity": ANY,
    "run_id": (TEXT, NONE),
    "inputs": LIST_OF,
    "after": LIST_OF,
    "scheduled_event_id": int,
}
STEP = {
    "task_id": TEXT,
    "state": (TEXT, NONE),
    "scheduled_at": (TIME, NONE),
    "deciding_seconds": NUMBER,
    "waiting_seconds": NUMBER,
    "running_seconds": NUMBER,
    "pausing_seconds": NUMBER,
    "attempts": (int, NONE),
    "percent": NUMBER,
}
TOTAL = {
    "name": TEXT,
    "version": TEXT,
    "kind": TEXT,
    "tasks": int,
    "attempts": int,
    "failed": int,
    **{
        f"{what}_{part}": (*NUMBER, NONE)
        for what in ("waiting", "running")
        for part in ("p50", "p95", "max", "total")
    },
}
EVENT = {"id": int, "time": TIME, "type": TEXT, "subject": (TEXT, NONE), "told": ANY}
CHANGE = {"time": TIME, "task_id": (TEXT, NONE), "state": TEXT, "details": ANY}
TYPE = {
    "name": TEXT,
    "version": TEXT,
    "status": TEXT,
    "created_at": TIME,
    "deprecated_at": (TIME, NONE),
    "description": (TEXT, NONE),
}
DOMAIN = {"name": TEXT, "status": TEXT, "description": (TEXT, NONE), "arn": TEXT}
DOMAIN_INFO = {
    **DOMAIN,
    "retention_days": int,
    "open_executions": int,
    "closed_executions": int,
    "counts_truncated": FLAG,
}
TASK_LIST = {
    "name": TEXT,
    "waiting_decisions": int,
    "waiting_activities": int,
    "counts_truncated": FLAG,
    "deciders": LIST_OF,
    "decider_seen_at": (TIME, NONE),
    "workers": LIST_OF,
    "worker_seen_at": (TIME, NONE),
}


def fits(value, kind):
    kinds = kind if isinstance(kind, tuple) else (kind,)
    return any(
        isinstance(value, str) and k.fullmatch(value) is not None
        if isinstance(k, re.Pattern)
        else isinstance(value, k) and not (isinstance(value, bool) and k in (int, float))
        for k in kinds
    )


@pytest.mark.parametrize(
    ("command", "schema"),
    [
        ("workflow.list shop -s all", EXECUTION),
        ("workflow.filter shop -s all --tag red", EXECUTION),
        ("workflow.tasks shop o-1 --all", TASK),
        ("workflow.tasks shop o-3", TASK),
        ("workflow.profile shop o-1", {**TASK, "percent": NUMBER}),
        ("workflow.profile shop o-1 --critical-path", STEP),
        ("workflow.profile shop o-3 --critical-path", STEP),
        ("workflow.profile shop o-1 --totals", TOTAL),
        ("workflow.history shop o-1 --fields id,time,type,subject,told", EVENT),
        ("domain.list", DOMAIN),
        ("activity_type.list shop", TYPE),
        ("workflow_type.list shop --status all", TYPE),
    ],
)
def test_rows_as_json(run, command, schema):
    rows = json.loads(run(*command.split(), "--format", "json"))
    assert rows
    lines = run(*command.split(), "--format", "jsonl").splitlines()
    if "history" not in command:
        assert [json.loads(line) for line in lines] == rows
    for row in rows:
        assert row.keys() == schema.keys()
        wrong = {key: row[key] for key, kind in schema.items() if not fits(row[key], kind)}
        assert not wrong


@pytest.mark.parametrize(
    ("command", "schema"),
    [
        ("workflow.info shop o-1", INFO),
        ("workflow.info shop o-3", INFO),
        ("task.info shop o-1 pause", TASK),
        ("task.info shop o-1 activity-shop.charge-1 --details", {**TASK, "attempt_list": LIST_OF}),
        ("domain.info shop", DOMAIN_INFO),
        ("tasklist.info shop shop", TASK_LIST),
        ("tasklist.info shop nothing", TASK_LIST),
    ],
)
def test_one_thing_as_json(run, command, schema):
    told = json.loads(run(*command.split(), "--format", "json"))
    assert told.keys() == schema.keys()
    assert not {key: told[key] for key, kind in schema.items() if not fits(told[key], kind)}


def test_fields_of_a_history_are_json_in_json(run):
    told = json.loads(run("workflow.info", "shop", "o-2", "--format", "json"))
    assert told["input"] == {"args": [7], "kwargs": {}}
    assert told["result"] == [1, "two"]
    failed = json.loads(run("workflow.info", "shop", "o-1", "--format", "json"))
    assert failed["details"] == "why"


def test_attempts_as_json(run):
    told = run("task.info", "shop", "o-1", "activity-shop.charge-1", "--details", "--format=json")
    attempts = json.loads(told)["attempt_list"]
    assert [attempt["state"] for attempt in attempts] == ["failed"] * 3
    assert attempts[0]["details"] == TRACEBACK
    assert attempts[0]["identity"] == {"user": "ann", "hostname": "vm", "pid": 7}
    assert all(TIME.fullmatch(attempt["ended_at"]) for attempt in attempts)


def test_a_change_as_json(run):
    lines = run("workflow.watch", "shop", "o-2", "--format", "json").splitlines()
    assert [json.loads(line)["state"] for line in lines] == ["OPEN", "COMPLETED"]
    assert all(json.loads(line).keys() == CHANGE.keys() for line in lines)


# --- histories -------------------------------------------------------------------------------


def test_a_raw_history_is_what_the_service_answers(run, world):
    told = json.loads(run("workflow.history", "shop", "o-1", "-o", "raw"))
    assert told["domain"] == "shop"
    answer = world.engine.get_workflow_execution_history(
        domain="shop", execution={"workflowId": "o-1", "runId": world.runs["o-1"]}
    )["events"]
    for event in answer:
        event["eventTimestamp"] = event["eventTimestamp"].timestamp()
    assert told["events"] == answer


def test_json_alone_is_the_raw_history(run):
    assert run("workflow.history", "shop", "o-1", "--format", "json") == run(
        "workflow.history", "shop", "o-1", "-o", "raw"
    )


def test_the_latest_first(run):
    events = json.loads(run("workflow.history", "shop", "o-1", "-o", "raw"))["events"]
    turned = run("workflow.history", "shop", "o-1", "-o", "raw", "--reverse-order")
    assert json.loads(turned)["events"] == events[::-1]
    table = run("workflow.history", "shop", "o-1").splitlines()
    turned = run("workflow.history", "shop", "o-1", "--reverse-order").splitlines()
    assert turned == table[::-1]


def test_a_cooked_history(run):
    told = json.loads(run("workflow.history", "shop", "o-1", "-o", "cooked"))
    assert told.keys() == {
        "activities",
        "child_workflows",
        "lambda_functions",
        "timers",
        "signals",
        "markers",
    }
    assert told["activities"].keys() == {"activity-shop.load-1", "activity-shop.charge-1"}
    assert len(told["activities"]["activity-shop.charge-1"]["attempt_list"]) == 3
    assert "dataflow-retry-activity-shop.charge-1" in told["timers"]


def test_following_a_closed_execution_ends_at_once(run):
    followed = run("workflow.history", "shop", "o-1", "--follow", "-o", "raw").splitlines()
    whole = json.loads(run("workflow.history", "shop", "o-1", "-o", "raw"))["events"]
    assert [json.loads(line) for line in followed] == whole


# --- watching --------------------------------------------------------------------------------


def test_the_end_decides_about_the_exit_code(run):
    told = run("workflow.watch", "shop", "o-1", code=1)
    assert told == "failed: TaskFailed: shop.charge\n  why\n"


# --- what is asked for wrongly ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("command", "code", "line"),
    [
        (
            "workflow.info shop nobody",
            3,
            (
                "there is no execution nobody in the domain shop: `dataflow workflow.list shop "
                "--status all` shows which there are"
            ),
        ),
        (
            "workflow.tasks shop o-1 nix",
            3,
            "there is no execution o-1 with the run id nix in the domain shop",
        ),
        (
            "workflow.list nix",
            3,
            (
                "there is no domain nix: name one first, with --domain or in SWF_DOMAIN; "
                "`dataflow domain.list` shows which there are"
            ),
        ),
        (
            "task.info shop o-1 charge-1",
            3,
            (
                "there is no task charge-1 in the execution o-1: `dataflow workflow.tasks shop o-1 "
                "--all --fields task_id` shows which there are (such as activity-shop.charge-1)"
            ),
        ),
        (
            "workflow.profile shop o-1 --totals --critical-path",
            2,
            "--critical-path and --totals exclude each other",
        ),
        (
            "workflow.history shop o-1 --follow --reverse-order",
            2,
            "--follow and --reverse-order exclude each other",
        ),
        (
            "workflow.info shop o-1 a-run another",
            2,
            "unexpected 'another': write DOMAIN WORKFLOW_ID [RUN_ID], or WORKFLOW_ID alone",
        ),
        (
            "task.info shop",
            2,
            "TASK_ID is missing: write DOMAIN WORKFLOW_ID TASK_ID, or WORKFLOW_ID TASK_ID alone",
        ),
    ],
)
def test_one_line_says_what_is_wrong(run, command, code, line):
    assert run(*command.split(), code=code) == f"error: {line}\n"


def test_unknown_fields(run):
    told = run("workflow.tasks", "shop", "o-1", "--fields", "state,nix", code=2)
    assert told.startswith("error: --fields: there is no nix; there are name, state, ")
    assert told.count("\n") == 1


def test_an_event_names_a_task_too(run):
    by_event = run("task.info", "shop", "o-1", "5")
    assert by_event == run("task.info", "shop", "o-1", "activity-shop.load-1")


def test_csv_is_read_back(run):
    text = run("workflow.tasks", "shop", "o-1", "--format", "csv", "--fields", "task_id,input")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["input"] for row in rows] == ["[3]", "", '{"args":["x"],"kwargs":{}}']


# --- the environment ----------------------------------------------------------------------------


def test_the_format_of_the_environment(run, monkeypatch):
    as_json = run("workflow.list", "shop", "--format", "json")
    monkeypatch.setenv("DATAFLOW_FORMAT", "json")
    assert run("workflow.list", "shop") == as_json
    assert run("workflow.list", "shop", "--format", "text") == "o-3  shop.Order  OPEN\n"
    monkeypatch.setenv("DATAFLOW_FORMAT", "tabular")
    assert run("workflow.list", "shop") == "o-3  shop.Order  OPEN\n"
    monkeypatch.setenv("DATAFLOW_FORMAT", "nix")
    assert run("workflow.list", "shop", code=2).startswith(
        "error: DATAFLOW_FORMAT=nix is no format: use one of text, human, csv, "
    )


@pytest.mark.parametrize(
    ("variables", "options", "colored"),
    [
        ({}, [], True),
        ({"NO_COLOR": "1"}, [], False),
        ({"NO_COLOR": ""}, [], True),
        ({"TERM": "dumb"}, [], False),
        ({"NO_COLOR": "1"}, ["--color", "always"], True),
        ({}, ["--color", "never"], False),
    ],
)
def test_colours_and_headers_on_a_terminal(run, monkeypatch, variables, options, colored):
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    with contextlib.redirect_stdout(terminal):
        assert main.run(["workflow.list", "shop", *options]) == 0
    head, row = terminal.getvalue().splitlines()
    assert head == "Workflow ID  Workflow Type  Status"
    assert ("\x1b[33mOPEN\x1b[0m" in row) is colored
