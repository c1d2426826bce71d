"""Tasks and their attempts, event by event."""

import pytest
from stories import mapping, orders

from dataflow.inspection.tasks import ENDED, Attempt, Fold, state_after, tasks, whole
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.protocol.values import (
    WORKER_LOST,
    ActivityType,
    TaskList,
    WorkflowExecution,
    WorkflowType,
)

LIST = TaskList("list")
CHILD = {
    "workflow_execution": WorkflowExecution("child", "its run"),
    "workflow_type": WorkflowType("ship", "2"),
    "initiated_event_id": 1,
}


def history(*attributes):
    """Events 1, 2, 3 ..., ten seconds apart."""
    return [Event(n, 10.0 * n, a) for n, a in enumerate(attributes, 1)]


def scheduled(activity_id="a", **more):
    return ev.ActivityTaskScheduled(
        activity_type=ActivityType("pay", "2"),
        activity_id=activity_id,
        task_list=LIST,
        decision_task_completed_event_id=0,
        **more,
    )


def started(event_id=1):
    return ev.ActivityTaskStarted(scheduled_event_id=event_id, identity="me")


def ended(cls, event_id=1, **more):
    return cls(scheduled_event_id=event_id, started_event_id=event_id + 1, **more)


def initiated():
    return ev.StartChildWorkflowExecutionInitiated(
        workflow_id="child",
        workflow_type=WorkflowType("ship", "2"),
        task_list=LIST,
        decision_task_completed_event_id=0,
        child_policy="TERMINATE",
        input="[1]",
    )


def only(*attributes):
    (task,) = tasks(history(*attributes))
    return task


def test_an_activity_from_beginning_to_end():
    task = only(
        scheduled(input="[1]", control='{"inputs":["b-1..3"]}'),
        started(),
        ended(ev.ActivityTaskCompleted, result="2"),
    )
    assert (task.task_id, task.kind, task.name, task.version) == ("a", "activity", "pay", "2")
    assert (task.task_list, task.input, task.result) == ("list", "[1]", "2")
    assert (task.state, task.state_at) == ("completed", 30)
    assert (task.scheduled_at, task.started_at, task.ended_at) == (10, 20, 30)
    assert (task.waiting(99), task.running(99)) == (10, 10)
    assert task.sources.inputs == ("b-1", "b-2", "b-3")
    assert task.last == Attempt(
        scheduled_event_id=1,
        scheduled_at=10,
        started_at=20,
        ended_at=30,
        ended_event_id=3,
        state="completed",
        identity="me",
    )


def test_what_has_not_started_or_ended_goes_on_until_now():
    waiting = only(scheduled())
    assert (waiting.state, waiting.state_at) == ("scheduled", 10)
    assert (waiting.waiting(50), waiting.running(50)) == (40, None)
    running = only(scheduled(), started())
    assert (running.state, running.state_at, running.ended_at) == ("started", 20, None)
    assert (running.waiting(50), running.running(50)) == (10, 30)


@pytest.mark.parametrize(
    ("end", "state", "reason", "details"),
    [
        (
            ended(ev.ActivityTaskFailed, reason="ValueError: no", details="{}"),
            "failed",
            "ValueError: no",
            "{}",
        ),
        (
            ended(ev.ActivityTaskTimedOut, timeout_type="HEARTBEAT", details="half"),
            "timed_out",
            "HEARTBEAT",
            "half",
        ),
        (ended(ev.ActivityTaskCanceled, details="gone"), "canceled", None, "gone"),
    ],
)
def test_how_an_activity_can_go_wrong(end, state, reason, details):
    task = only(scheduled(), started(), end)
    assert (task.state, task.last.reason, task.last.details) == (state, reason, details)
    assert task.last.state in ENDED


def test_attempts_of_one_task():
    task = only(
        scheduled(),
        started(1),
        ended(ev.ActivityTaskFailed, reason="no"),
        scheduled(input="again"),
        started(4),
        ended(ev.ActivityTaskCompleted, 4, result="2"),
    )
    assert [attempt.state for attempt in task.attempts] == ["failed", "completed"]
    assert (task.scheduled_at, task.started_at, task.ended_at) == (10, 20, 60)
    assert (task.waiting(0), task.running(0)) == (20, 20)
    assert (task.input, task.result, task.last.reason) == ("again", "2", None)


def test_an_attempt_whose_worker_was_lost():
    task = only(
        scheduled(),
        started(),
        ended(ev.ActivityTaskTimedOut, timeout_type="HEARTBEAT", details=WORKER_LOST),
        scheduled(),
    )
    assert [attempt.is_lost for attempt in task.attempts] == [True, False]


def test_a_timer_runs_from_its_start():
    task = only(
        ev.TimerStarted(
            timer_id="t", start_to_fire_timeout="9", decision_task_completed_event_id=0
        ),
        ev.TimerFired(timer_id="t", started_event_id=1),
    )
    assert (task.kind, task.name, task.state) == ("timer", "t", "fired")
    assert (task.waiting(0), task.running(0), task.is_own) == (0, 10, False)


@pytest.mark.parametrize(
    ("timer_id", "is_own"),
    [
        ("dataflow-retry-a", True),
        ("dataflow-wake-up", True),
        ("dataflow-sleep-1", False),
        ("pause", False),
    ],
)
def test_timers_of_the_replay(timer_id, is_own):
    task = only(
        ev.TimerStarted(
            timer_id=timer_id, start_to_fire_timeout="9", decision_task_completed_event_id=0
        )
    )
    assert task.is_own is is_own


@pytest.mark.parametrize(
    ("cls", "more", "state"),
    [
        (ev.ChildWorkflowExecutionCompleted, {"result": "7"}, "completed"),
        (ev.ChildWorkflowExecutionFailed, {"reason": "no"}, "failed"),
        (ev.ChildWorkflowExecutionTimedOut, {"timeout_type": "START_TO_CLOSE"}, "timed_out"),
        (ev.ChildWorkflowExecutionCanceled, {}, "canceled"),
        (ev.ChildWorkflowExecutionTerminated, {}, "terminated"),
    ],
)
def test_children(cls, more, state):
    task = only(
        initiated(),
        ev.ChildWorkflowExecutionStarted(**CHILD),
        cls(**CHILD, started_event_id=2, **more),
    )
    assert (task.task_id, task.kind, task.name, task.run_id) == (
        "child",
        "child",
        "ship",
        "its run",
    )
    assert (task.state, task.result) == (state, more.get("result"))
    assert task.last.reason == more.get("reason", more.get("timeout_type"))


@pytest.mark.parametrize("initiated_event_id", [0, 1])
def test_a_child_that_cannot_be(initiated_event_id):
    refused = ev.StartChildWorkflowExecutionFailed(
        workflow_type=WorkflowType("ship", "2"),
        cause="WORKFLOW_ALREADY_RUNNING",
        workflow_id="child",
        initiated_event_id=initiated_event_id,
        decision_task_completed_event_id=0,
    )
    task = only(*([initiated()] if initiated_event_id else []), refused)
    assert (task.state, task.last.reason) == ("not_scheduled", "WORKFLOW_ALREADY_RUNNING")
    assert len(task.attempts) == 1


def test_lambda_functions():
    task = only(
        ev.LambdaFunctionScheduled(
            id="l", name="resize", decision_task_completed_event_id=0, input="1"
        ),
        ev.LambdaFunctionStarted(scheduled_event_id=1),
        ended(ev.LambdaFunctionCompleted, result="2"),
    )
    assert (task.task_id, task.kind, task.name, task.state, task.result) == (
        "l",
        "lambda",
        "resize",
        "completed",
        "2",
    )
    cannot = only(
        ev.LambdaFunctionScheduled(id="l", name="resize", decision_task_completed_event_id=0),
        ev.StartLambdaFunctionFailed(
            scheduled_event_id=1, cause="ASSUME_ROLE_FAILED", message="no role"
        ),
    )
    assert (cannot.state, cannot.last.reason, cannot.last.details) == (
        "failed",
        "ASSUME_ROLE_FAILED",
        "no role",
    )


def test_signals_and_markers():
    found = tasks(
        history(
            ev.WorkflowExecutionSignaled(signal_name="go", input="1"),
            ev.MarkerRecorded(
                marker_name="here", decision_task_completed_event_id=0, details="there"
            ),
            ev.SignalExternalWorkflowExecutionInitiated(
                workflow_id="other", signal_name="come", decision_task_completed_event_id=0
            ),
            ev.ExternalWorkflowExecutionSignaled(
                workflow_execution=WorkflowExecution("other", "r"), initiated_event_id=3
            ),
            ev.RecordMarkerFailed(
                marker_name="no",
                cause="OPERATION_NOT_PERMITTED",
                decision_task_completed_event_id=0,
            ),
        )
    )
    assert [(t.task_id, t.kind, t.name, t.state, t.ended_at) for t in found] == [
        ("signal-1", "signal", "go", "received", 10),
        ("marker-2", "marker", "here", "recorded", 20),
        ("signal-3", "signal", "come", "completed", 40),
        ("marker-5", "marker", "no", "not_scheduled", 50),
    ]
    assert found[1].result == "there"


def test_refusals():
    found = tasks(
        history(
            ev.ScheduleActivityTaskFailed(
                activity_type=ActivityType("pay", "2"),
                activity_id="a",
                cause="ACTIVITY_TYPE_DOES_NOT_EXIST",
                decision_task_completed_event_id=0,
            ),
            ev.StartTimerFailed(
                timer_id="t",
                cause="TIMER_ID_ALREADY_IN_USE",
                decision_task_completed_event_id=0,
            ),
            ev.ScheduleLambdaFunctionFailed(
                id="l", name="f", cause="ID_ALREADY_IN_USE", decision_task_completed_event_id=0
            ),
            scheduled(),
        )
    )
    assert [(t.kind, t.state, t.last.reason) for t in found] == [
        ("activity", "scheduled", None),
        ("timer", "not_scheduled", "TIMER_ID_ALREADY_IN_USE"),
        ("lambda", "not_scheduled", "ID_ALREADY_IN_USE"),
    ]
    assert found[0].first.reason == "ACTIVITY_TYPE_DOES_NOT_EXIST"


def test_equal_ids_of_different_kinds():
    found = tasks(
        history(
            scheduled("x"),
            ev.TimerStarted(
                timer_id="x", start_to_fire_timeout="1", decision_task_completed_event_id=0
            ),
        )
    )
    assert [task.kind for task in found] == ["activity", "timer"]


def test_any_stretch_of_a_history_will_do():
    events = orders()
    for first in range(len(events)):
        tasks(events[first:])
        assert len(tasks(events[:first])) <= len(tasks(events))


def test_a_fold_is_the_same_at_every_event():
    events = mapping(20, chain=True)
    fold = Fold()
    for number, event in enumerate(events, 1):
        fold.apply(event)
        if number % 7 == 0:
            assert fold.tasks() == tasks(events[:number])
    assert fold.tasks() == tasks(events)


def test_the_state_after_an_event_is_the_state_of_its_task():
    fold = Fold()
    known = {}
    for event in orders():
        fold.apply(event)
        now = {(task.kind, task.task_id): task.last for task in fold.tasks()}
        changed = [last.state for key, last in now.items() if known.get(key) != last]
        assert changed == ([] if state_after(event) is None else [state_after(event)])
        known = now


def test_unknown_events_are_passed_over():
    assert tasks(history(ev.UnknownEvent(event_type="Tomorrow"), scheduled())) != []


def test_fields_can_be_fetched():
    task = only(
        scheduled(input="in"),
        started(),
        ended(ev.ActivityTaskFailed, reason="no", details="why"),
    )
    told = whole(task, lambda text: f"<{text}>")
    assert (told.input, told.result) == ("<in>", None)
    assert (told.last.reason, told.last.details) == ("<no>", "<why>")


def test_tasks_are_in_the_order_of_their_scheduling():
    found = tasks(mapping(30, chain=True))
    ids = [task.first.scheduled_event_id for task in found]
    assert ids == sorted(ids)
