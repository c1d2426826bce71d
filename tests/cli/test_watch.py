"""``workflow.watch`` and ``workflow.history --follow``, while an execution goes on."""

import contextlib
import io
import os
import re

import pytest

from dataflow.cli import main, render, view
from dataflow.connect import Connection
from dataflow.engine import Engine
from dataflow.testing import VirtualClock

LIST = {"name": "list"}
TYPE = {"name": "order", "version": "1"}
SETTINGS = {
    "executionStartToCloseTimeout": "60",
    "taskStartToCloseTimeout": "NONE",
    "childPolicy": "ABANDON",
}
SCHEDULE = {
    "decisionType": "ScheduleActivityTask",
    "scheduleActivityTaskDecisionAttributes": {
        "activityType": {"name": "pay", "version": "1"},
        "activityId": "pay-1",
        "taskList": LIST,
        **{
            f"{name}Timeout": "NONE"
            for name in ("scheduleToStart", "scheduleToClose", "startToClose", "heartbeat")
        },
    },
}
COMPLETE = {
    "decisionType": "CompleteWorkflowExecution",
    "completeWorkflowExecutionDecisionAttributes": {"result": "7"},
}
FAIL = {
    "decisionType": "FailWorkflowExecution",
    "failWorkflowExecutionDecisionAttributes": {"reason": "no"},
}
CONTINUE = {
    "decisionType": "ContinueAsNewWorkflowExecution",
    "continueAsNewWorkflowExecutionDecisionAttributes": {"taskList": LIST, **SETTINGS},
}


class Terminal(io.StringIO):
    def isatty(self):
        return True


class World:
    """An execution that takes a step whenever somebody waits for one."""

    def __init__(self, engine, clock):
        self.engine, self.clock = engine, clock
        self.steps = []
        engine.register_domain(name="shop", workflowExecutionRetentionPeriodInDays="1")
        engine.register_workflow_type(domain="shop", **TYPE)
        engine.register_activity_type(domain="shop", name="pay", version="1")
        engine.start_workflow_execution(
            domain="shop", workflowId="w", workflowType=TYPE, taskList=LIST, **SETTINGS
        )

    def step(self, *_):
        self.clock.advance(1)
        self.steps.pop(0)()

    def decide(self, decision):
        def step():
            task = self.engine.poll_for_decision_task(domain="shop", taskList=LIST)
            self.engine.respond_decision_task_completed(
                taskToken=task["taskToken"], decisions=[decision]
            )

        return step

    def take(self):
        self.task = self.engine.poll_for_activity_task(domain="shop", taskList=LIST)

    def done(self):
        self.engine.respond_activity_task_completed(
            taskToken=self.task["taskToken"], result='"paid"'
        )


@pytest.fixture
def world(monkeypatch):
    clock = VirtualClock(1_767_261_600.0)
    with Engine(":memory:", poll_seconds=0, clock=clock) as engine:
        world = World(engine, clock)

        @contextlib.contextmanager
        def connect(*_, **__):
            yield Connection(engine, engine.poller, kind="embedded", name="in memory")

        monkeypatch.setattr("dataflow.connect.connect", connect)
        monkeypatch.setattr("dataflow.cli.view.SystemClock", lambda: clock)
        monkeypatch.setattr(render, "pause", world.step)
        for name in ("NO_COLOR", "DATAFLOW_FORMAT", "SWF_DOMAIN"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("TERM", "xterm")
        yield world


def test_each_change_is_a_row(world, capsys):
    world.steps = [
        world.decide(SCHEDULE),
        lambda: None,
        world.take,
        world.done,
        world.decide(COMPLETE),
    ]
    assert main.run(["workflow.watch", "shop", "w", "--utc"]) == 0
    rows = [re.split(r"  +", line) for line in capsys.readouterr().out.splitlines()]
    assert [row[1:] for row in rows] == [
        ["OPEN"],
        ["pay-1", "scheduled"],
        ["pay-1", "started"],
        ["pay-1", "completed", '"paid"'],
        ["COMPLETED", "7"],
    ]
    assert rows[0][0] == "2026-01-01 10:00:00.000Z"
    assert world.steps == []


def test_a_run_that_goes_on_as_another_is_watched_to_its_end(world, capsys):
    world.steps = [world.decide(CONTINUE), world.decide(FAIL)]
    assert main.run(["workflow.watch", "shop", "w"]) == 1
    captured = capsys.readouterr()
    states = [line.split()[2] for line in captured.out.splitlines()]
    assert states == ["OPEN", "CONTINUED_AS_NEW", "OPEN", "FAILED"]
    assert captured.err == "failed: no\n"


@pytest.fixture
def terminal(monkeypatch):
    """Watches on a terminal of 60 columns and 8 lines: the exit code, and all that it was told."""
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((60, 8)))

    def watch():
        terminal = Terminal()
        with contextlib.redirect_stdout(terminal):
            code = main.run(["workflow.watch", "shop", "w"])
        return code, terminal.getvalue()

    return watch


def screens(told):
    """What has stood on the terminal, one view after the other."""
    return [re.sub(r"\x1b\[\d+m", "", part) for part in re.split(r"\x1b\[\d+F\x1b\[J", told)]


def test_a_terminal_shows_a_view_in_one_place(world, terminal):
    world.steps = [world.decide(SCHEDULE), world.take, world.done, world.decide(COMPLETE)]
    code, told = terminal()
    views = screens(told)
    assert (code, len(views)) == (0, 5)
    assert views[0].splitlines() == [
        "order w  OPEN  0 s",
        "no tasks yet",
        "",
        "Task  State  For  Attempts  Details",
    ]
    assert views[2].splitlines()[:2] == ["order w  OPEN  2 s", "1 started"]
    assert views[-1].splitlines() == [
        "order w  COMPLETED  4 s",
        "1 completed",
        "",
        "Task   State      For  Attempts  Details",
        'pay-1  completed              1  "paid"',
    ]
    ups = [int(lines) for lines in re.findall(r"\x1b\[(\d+)F", told)]
    assert ups == [len(text.splitlines()) for text in views[:-1]]


def test_a_view_fits_the_terminal(world, terminal):
    for number in range(20):
        world.engine.signal_workflow_execution(
            domain="shop", workflowId="w", signalName=f"s{number}"
        )
    attributes = SCHEDULE["scheduleActivityTaskDecisionAttributes"]
    many = [
        {
            **SCHEDULE,
            "scheduleActivityTaskDecisionAttributes": {
                **attributes,
                "activityId": f"{'long-' * 20}{n}",
            },
        }
        for n in range(20)
    ]
    task = world.engine.poll_for_decision_task(domain="shop", taskList=LIST)
    world.engine.respond_decision_task_completed(taskToken=task["taskToken"], decisions=many)
    world.steps = [lambda: world.engine.terminate_workflow_execution(domain="shop", workflowId="w")]
    code, told = terminal()
    assert code == 4
    for text in screens(told):
        lines = text.splitlines()
        assert len(lines) < 8
        assert max(map(len, lines)) <= 60


def test_a_terminal_without_a_cursor_shows_changes(world, terminal, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    world.steps = [world.decide(COMPLETE)]
    code, told = terminal()
    assert code == 0
    assert "\x1b[1F" not in told
    assert len(told.splitlines()) == 3  # with a header


@pytest.mark.parametrize(
    ("text", "width", "kept"),
    [
        ("abcdef", 4, "abcd"),
        ("abc", 4, "abc"),
        ("日本語", 5, "日本"),
        ("\x1b[31mabcdef\x1b[0m", 4, "\x1b[31mabcd\x1b[0m"),
        ("ab\x1b[31mcd\x1b[0mef", 3, "ab\x1b[31mc\x1b[0m"),
    ],
)
def test_lines_are_cut_to_the_width(text, width, kept):
    assert view._cut(text, width) == kept


def test_a_history_is_followed_to_its_end(world, capsys):
    world.steps = [lambda: None, world.decide(SCHEDULE), world.take, world.done]
    world.steps.append(world.decide(COMPLETE))
    assert main.run(["workflow.history", "shop", "w", "--follow"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [int(line.split()[0]) for line in lines] == list(range(1, len(lines) + 1))
    assert "WorkflowExecutionCompleted" in lines[-1]
    assert world.steps == []
