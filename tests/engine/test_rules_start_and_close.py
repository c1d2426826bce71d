"""The beginning and the ways to end of an execution."""

import pytest
from one_execution import (
    DECIDERS,
    RUN_ID,
    OneExecution,
    Token,
    kinds,
    schedule,
    started_with,
)

from dataflow.engine.rules.requests import next_deadline
from dataflow.engine.rules.starting import next_run_id
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.values import WorkflowType

# --- start -------------------------------------------------------------------------------


def test_a_start_schedules_the_first_decision_task(fresh):
    """Every time a state change occurs for a workflow execution, Amazon SWF schedules a decision
    task. (Developer Guide, Tasks) Its list, its time-out and its priority are the execution's."""
    settings = {"task_priority": "3", "task_start_to_close_timeout": "30", "input": "[1]"}
    assert fresh.start(**settings) == [
        started_with(**settings),
        ev.DecisionTaskScheduled(
            task_list=DECIDERS,
            task_priority="3",
            start_to_close_timeout="30",
            schedule_to_start_timeout="NONE",
        ),
    ]
    assert [event.event_id for event in fresh.history] == [1, 2]
    assert [event.timestamp for event in fresh.history] == [fresh.now, fresh.now]


def test_before_the_start_there_is_nothing(fresh):
    assert not fresh.state.open
    assert fresh.wait(1_000_000) == []
    for ask in (fresh.poll, fresh.terminate, lambda: fresh.complete(Token(1, 2))):
        with fresh.refused():
            ask()


# --- the ways to close -------------------------------------------------------------------


def complete(run):
    return run.decide(de.CompleteWorkflowExecution(result="42"))


def fail(run):
    return run.decide(de.FailWorkflowExecution(reason="r", details="d"))


def cancel(run):
    return run.decide(de.CancelWorkflowExecution(details="d"))


#: What a run that follows is like.
NEXT = {
    "child_policy": "ABANDON",
    "task_list": DECIDERS,
    "execution_start_to_close_timeout": "60",
    "task_start_to_close_timeout": "30",
}


def continue_as_new(run):
    return run.decide(de.ContinueAsNewWorkflowExecution(**NEXT))


def terminate(run):
    return run.terminate(reason="r", details="d")


def time_out(run):
    return run.wait(1_000_000)


CLOSINGS = {
    "COMPLETED": (
        complete,
        ev.WorkflowExecutionCompleted(decision_task_completed_event_id=4, result="42"),
    ),
    "FAILED": (
        fail,
        ev.WorkflowExecutionFailed(decision_task_completed_event_id=4, reason="r", details="d"),
    ),
    "CANCELED": (
        cancel,
        ev.WorkflowExecutionCanceled(decision_task_completed_event_id=4, details="d"),
    ),
    "CONTINUED_AS_NEW": (
        continue_as_new,
        ev.WorkflowExecutionContinuedAsNew(
            decision_task_completed_event_id=4,
            new_execution_run_id=next_run_id(RUN_ID, 4),
            workflow_type=WorkflowType("order", "1"),
            **NEXT,
        ),
    ),
    "TERMINATED": (
        terminate,
        ev.WorkflowExecutionTerminated(
            child_policy="ABANDON", reason="r", details="d", cause="OPERATOR_INITIATED"
        ),
    ),
    "TIMED_OUT": (
        time_out,
        ev.WorkflowExecutionTimedOut(timeout_type="START_TO_CLOSE", child_policy="ABANDON"),
    ),
}


@pytest.mark.parametrize("status", CLOSINGS)
def test_an_execution_closes(fresh, status):
    """CompleteWorkflowExecution - Closes the workflow execution and records a
    WorkflowExecutionCompleted event in the history. FailWorkflowExecution - Closes the workflow
    execution and records a WorkflowExecutionFailed event in the history. CancelWorkflowExecution
    and ContinueAsNewWorkflowExecution alike. (Decision)
    Records a WorkflowExecutionTerminated event and forces closure of the workflow execution.
    (TerminateWorkflowExecution) Exceeding this limit causes the workflow execution to time out.
    (StartWorkflowExecutionInput, executionStartToCloseTimeout)"""
    fresh.start(child_policy="ABANDON")
    close, event = CLOSINGS[status]
    assert close(fresh)[-1] == event
    assert fresh.state.close_status == status
    assert not fresh.state.open


@pytest.fixture(params=CLOSINGS)
def closed(request, run):
    """An execution that closed with everything open, and the tokens of its tasks."""
    decisions = [schedule("a"), schedule("b"), de.StartTimer("t", "5000")]
    run.decide(*decisions)
    token = run.take("a")
    run.signal()
    decision_token = None
    if request.param in {"TERMINATED", "TIMED_OUT"}:
        decision_token = run.poll()
    close, _ = CLOSINGS[request.param]
    close(run)
    return run, token, decision_token


def test_what_was_open_is_void_after_the_close(closed):
    """If the identified workflow execution was in progress, it is terminated immediately.
    (TerminateWorkflowExecution) This could happen if the named resource was never created or is no
    longer available for this operation. (UnknownResourceFault)"""
    run, token, decision_token = closed
    for ask in (
        run.poll,
        run.signal,
        run.request_cancel,
        run.terminate,
        lambda: run.complete(token),
        lambda: run.fail(token),
        lambda: run.cancel(token),
        lambda: run.heartbeat(token),
        lambda: run.answer(decision_token or 3),
    ):
        with run.refused():
            ask()
    assert run.state.activities == run.state.activity_ids == {}
    assert run.state.timers == run.state._timer_ids == {}
    assert run.state.decision_task is None


def test_nothing_happens_after_the_close(closed):
    run, _, __ = closed
    length = len(run.history)
    assert next_deadline(run.state) is None
    assert run.wait(1_000_000) == []
    assert len(run.history) == length


def test_an_execution_times_out_at_its_time(fresh):
    """The total duration for this workflow execution. (executionStartToCloseTimeout)"""
    fresh.start(execution_start_to_close_timeout="60")
    assert fresh.wait(59.5) == []
    assert kinds(fresh.wait(0.5)) == ["WorkflowExecutionTimedOut"]
    assert fresh.history[-1].timestamp == fresh.history[0].timestamp + 60


def test_without_a_limit_an_execution_never_times_out(fresh):
    """None: what an engine without SWF's limit of one year may store."""
    fresh.start(execution_start_to_close_timeout=None)
    assert fresh.wait(10**9) == []


def test_work_that_ends_at_the_last_instant_ends_before_the_execution(fresh):
    """Silent in the documentation: at one instant, what works goes first, and the whole last."""
    fresh.start(execution_start_to_close_timeout="60", task_start_to_close_timeout="60")
    fresh.decide(de.StartTimer("t", "60"), schedule("a", schedule_to_close_timeout="60"))
    fresh.signal()
    fresh.poll()
    assert kinds(fresh.wait(60)) == [
        "ActivityTaskTimedOut",
        "TimerFired",
        "DecisionTaskTimedOut",
        "DecisionTaskScheduled",
        "WorkflowExecutionTimedOut",
    ]


# --- closing decisions that come too early -----------------------------------------------

REFUSALS = [
    (de.CompleteWorkflowExecution(), ev.CompleteWorkflowExecutionFailed),
    (de.FailWorkflowExecution(), ev.FailWorkflowExecutionFailed),
    (de.CancelWorkflowExecution(), ev.CancelWorkflowExecutionFailed),
    (de.ContinueAsNewWorkflowExecution(**NEXT), ev.ContinueAsNewWorkflowExecutionFailed),
]
NEWS = {
    "a signal": lambda run, _: run.signal(),
    "a cancel request": lambda run, _: run.request_cancel(),
    "an activity completes": lambda run, token: run.complete(token),
    "an activity fails": lambda run, token: run.fail(token),
    "an activity is canceled": lambda run, token: run.cancel(token),
    "an activity times out": lambda run, _: run.wait(40),
    "a timer fires": lambda run, _: run.wait(30),
}


def busy():
    """An execution with an activity in a worker's hands and a timer; the next decision is due."""
    run = OneExecution()
    run.start()
    run.decide(schedule("a", start_to_close_timeout="40"), de.StartTimer("t", "30"))
    token = run.take("a")
    run.signal("first")
    return run, token


@pytest.mark.parametrize(("decision", "refusal"), REFUSALS)
@pytest.mark.parametrize("news", NEWS)
def test_a_decider_may_not_close_what_it_has_not_seen(news, decision, refusal):
    """An UnhandledDecision fault is returned if a workflow closing decision is specified and a
    signal or activity event had been added to the history while the decision task was being
    performed by the decider. (Decision)"""
    run, token = busy()
    started = run.poll()
    NEWS[news](run, token)
    written = run.answer(started, decision)
    completed = run.state.last_event_id - 2
    assert kinds(written) == ["DecisionTaskCompleted", refusal.__name__, "DecisionTaskScheduled"]
    assert written[1] == refusal(
        cause="UNHANDLED_DECISION", decision_task_completed_event_id=completed
    )
    assert run.state.open
    assert kinds(run.decide(decision))[0] == "DecisionTaskCompleted"
    assert not run.state.open


@pytest.mark.parametrize("news", NEWS)
def test_what_happened_before_the_decider_looked_does_not_stop_it(news):
    run, token = busy()
    NEWS[news](run, token)
    run.decide(de.CompleteWorkflowExecution())
    assert run.state.close_status == "COMPLETED"


def test_what_calls_for_no_decision_does_not_stop_the_decider(run):
    """This action doesn't in itself create an event in the workflow execution history.
    (RecordActivityTaskHeartbeat) ActivityTaskStarted - The scheduled activity task was dispatched
    to a worker. (HistoryEvent)"""
    run.decide(schedule("a"), schedule("b"))
    token = run.take("a")
    run.signal()
    started = run.poll()
    run.take("b")
    run.heartbeat(token)
    run.answer(started, de.CompleteWorkflowExecution())
    assert run.state.close_status == "COMPLETED"


def test_the_other_decisions_of_a_refused_close_keep_their_effect(run):
    started = run.poll()
    run.signal()
    written = run.answer(started, de.StartTimer("t", "5"), de.CompleteWorkflowExecution())
    assert kinds(written) == [
        "DecisionTaskCompleted",
        "TimerStarted",
        "CompleteWorkflowExecutionFailed",
        "DecisionTaskScheduled",
    ]
    assert list(run.state.timers) == ["t"]


def test_a_failed_decision_stops_a_close_in_the_same_answer(run):
    """CompleteWorkflowExecutionFailed - A CompleteWorkflowExecution decision failed. This could
    happen if there is an unhandled decision task pending in the workflow execution. (Decision)"""
    written = run.decide(de.CancelTimer("t"), de.CompleteWorkflowExecution())
    assert kinds(written)[1:3] == ["CancelTimerFailed", "CompleteWorkflowExecutionFailed"]
    assert run.state.open
