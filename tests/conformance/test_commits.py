"""What shares a commit, and what an engine that calls back promises (`Engine.ask`)."""

import threading
from contextlib import closing

import pytest

from dataflow.engine import Engine, commits
from dataflow.engine.store import Store
from dataflow.protocol import events as ev
from dataflow.protocol.faults import (
    ServiceUnavailable,
    UnknownResourceFault,
    ValidationException,
)

SECONDS = 20
DOMAIN = "shop"
DECISIONS = {"domain": DOMAIN, "taskList": {"name": "decisions"}}
SCHEDULE = {
    "decisionType": "ScheduleActivityTask",
    "scheduleActivityTaskDecisionAttributes": {
        "activityType": {"name": "pay", "version": "1"},
        "activityId": "1",
        "taskList": {"name": "work"},
        "scheduleToStartTimeout": "NONE",
        "scheduleToCloseTimeout": "NONE",
        "startToCloseTimeout": "NONE",
        "heartbeatTimeout": "NONE",
    },
}


class Told:
    """What is called back, once."""

    def __init__(self):
        self._news = threading.Event()
        self._answered = None

    def __call__(self, answered):
        assert self._answered is None, "told twice"
        self._answered = answered
        self._news.set()

    @property
    def already(self):
        return self._news.is_set()

    def answer(self):
        assert self._news.wait(SECONDS)
        return self._answered()


@pytest.fixture
def written(monkeypatch):
    """The kinds of events of each transaction."""
    transactions = []
    commit = Store.commit

    def write(store, batch):
        kinds = [ev.decode(body).event_type for _, body in batch.events]
        if kinds:
            transactions.append(kinds)
        commit(store, batch)

    monkeypatch.setattr(Store, "commit", write)
    return transactions


@pytest.fixture
def engine(tmp_path, written):
    with closing(Engine(tmp_path / "engine.db")) as engine:
        engine.register_domain(name=DOMAIN, workflowExecutionRetentionPeriodInDays="NONE")
        engine.register_workflow_type(domain=DOMAIN, name="order", version="1")
        engine.register_activity_type(domain=DOMAIN, name="pay", version="1")
        yield engine


@pytest.fixture
def ask(engine):
    def ask(method, **request):
        told = Told()
        told.withdraw = engine.ask(method, request, told)
        return told

    return ask


def start(ask, workflow_id="order-1"):
    return ask(
        "start_workflow_execution",
        domain=DOMAIN,
        workflowId=workflow_id,
        workflowType={"name": "order", "version": "1"},
        taskList={"name": "decisions"},
        executionStartToCloseTimeout="60",
        taskStartToCloseTimeout="60",
        childPolicy="TERMINATE",
    )


def decide(ask, task, *decisions):
    return ask(
        "respond_decision_task_completed", taskToken=task["taskToken"], decisions=list(decisions)
    )


# --- a commit waits for a decision ------------------------------------------------------------


@pytest.fixture
def _for_ever(monkeypatch):
    monkeypatch.setattr(commits, "_DECISION_SECONDS", 3600.0)


@pytest.mark.usefixtures("_for_ever")
def test_what_a_decision_is_made_of_is_written_with_it(ask, written):
    polled = ask("poll_for_decision_task", **DECISIONS)
    started = start(ask)
    task = polled.answer()
    assert not started.already
    assert written == []
    answered = decide(ask, task, SCHEDULE)
    assert answered.answer() == {}
    assert started.answer()["runId"] == task["workflowExecution"]["runId"]
    assert written == [
        [
            "WorkflowExecutionStarted",
            "DecisionTaskScheduled",
            "DecisionTaskStarted",
            "DecisionTaskCompleted",
            "ActivityTaskScheduled",
        ]
    ]


@pytest.mark.usefixtures("_for_ever")
def test_whatever_comes_first_ends_the_wait(ask, written):
    polled = ask("poll_for_decision_task", **DECISIONS)
    started = start(ask)
    task = polled.answer()
    signal = {"domain": DOMAIN, "workflowId": "order-1", "signalName": "news"}
    assert ask("signal_workflow_execution", **signal).answer() == {}
    assert started.already
    assert [kinds[-1] for kinds in written] == ["WorkflowExecutionSignaled"]
    assert decide(ask, task).answer() == {}


@pytest.mark.usefixtures("_for_ever")
def test_nobody_is_there_to_decide(ask):
    """So there is nothing to wait for."""
    assert start(ask).answer()["runId"]


def test_the_wait_has_an_end(ask):
    ask("poll_for_decision_task", **DECISIONS)
    assert start(ask).answer()["runId"]


@pytest.mark.usefixtures("_for_ever")
def test_an_engine_that_ends_does_not_wait(engine, ask, written):
    polled = ask("poll_for_decision_task", **DECISIONS)
    started = start(ask)
    polled.answer()
    engine.close()
    assert started.answer()["runId"]
    assert [kinds[-1] for kinds in written] == ["DecisionTaskStarted"]


# --- calling back -----------------------------------------------------------------------------


def test_an_answer_is_as_on_the_wire(ask):
    start(ask).answer()
    task = ask("poll_for_decision_task", **DECISIONS).answer()
    assert task["workflowType"] == {"name": "order", "version": "1"}
    kinds = [event.event_type for event in ev.decode_all(task["events"])]
    assert kinds == ["WorkflowExecutionStarted", "DecisionTaskScheduled", "DecisionTaskStarted"]


def test_faults_are_raised_by_what_is_given(ask):
    answered = ask("describe_domain", name="nowhere")
    with pytest.raises(UnknownResourceFault):
        answered.answer()


def test_what_does_not_fit_the_model_is_refused_at_once(ask):
    with pytest.raises(ValidationException):
        ask("describe_domain", name="")


def test_a_poll_can_be_withdrawn(ask, engine):
    polled = ask("poll_for_decision_task", **DECISIONS)
    assert polled.withdraw()
    assert not polled.withdraw()
    start(ask).answer()
    assert not polled.already
    assert engine.count_pending_decision_tasks(**DECISIONS)["count"] == 1


def test_a_poll_that_has_a_task_cannot(ask):
    polled = ask("poll_for_decision_task", **DECISIONS)
    start(ask).answer()
    assert not polled.withdraw()
    assert polled.answer()["taskToken"]


def test_only_polls_can(ask):
    assert not start(ask).withdraw()


def test_an_engine_that_is_closed(engine, ask):
    polled = ask("poll_for_decision_task", **DECISIONS)
    engine.close()
    assert polled.answer()["taskToken"] == ""
    with pytest.raises(ServiceUnavailable):
        start(ask).answer()


def test_an_answer_that_nobody_takes_keeps_none_from_others(engine, ask, caplog):
    def told(_):
        raise RuntimeError("not now")

    for name in ("one", "two"):
        request = {"name": name, "workflowExecutionRetentionPeriodInDays": "1"}
        engine.ask("register_domain", request, told)
        assert start(ask, name).answer()["runId"]
    assert caplog.text.count("an answer could not be given") == 2


def test_who_is_called_back_may_ask_again(engine, ask):
    """From the thread that calls: no lock is held there."""
    decided = Told()

    def told(answered):
        task = answered()
        request = {"taskToken": task["taskToken"], "decisions": [SCHEDULE]}
        engine.ask("respond_decision_task_completed", request, decided)

    engine.ask("poll_for_decision_task", DECISIONS, told)
    start(ask).answer()
    assert decided.answer() == {}
