"""When a decision task is due, what it tells, and what becomes of the answer.

"Every time a state change occurs for a workflow execution, Amazon SWF schedules a decision task."
https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dev-tasks.html
"""

import pytest
from conforming import (
    cancel_activity,
    cancel_external,
    cancel_timer,
    child,
    complete,
    continue_as_new,
    decision,
    marker,
    refused,
    schedule,
    signal_external,
    timer,
)
from deciding import ANSWER, decision_due, events_after, parcels, written

# --- the first one -----------------------------------------------------------------------


def test_the_start_makes_the_first(world):
    """DecisionTaskScheduled: the name of the task list in which the decision task was scheduled;
    the maximum duration for this decision task; the maximum amount of time the decision task can
    wait to be assigned to a worker. (DecisionTaskScheduledEventAttributes)"""
    world.start(taskStartToCloseTimeout="60", taskList={"name": "special"})
    assert world.kinds() == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    assert world.last("DecisionTaskScheduled") == {
        "taskList": {"name": "special"},
        "startToCloseTimeout": "60",
        "scheduleToStartTimeout": "NONE",
    }
    assert decision_due(world)


def test_a_task_shows_the_priority_of_its_execution(world):
    """A task priority that, if set, specifies the priority for this decision task.
    (DecisionTaskScheduledEventAttributes)"""
    world.start(taskPriority="7")
    world.decide()
    world.signal()
    assert [s["taskPriority"] for s in world.all("DecisionTaskScheduled")] == ["7", "7"]


def test_its_start_is_recorded(world):
    """Identity of the decider making the request. The ID of the DecisionTaskScheduled event that
    was recorded when this decision task was scheduled. (DecisionTaskStartedEventAttributes)"""
    world.start()
    task = world.poll_decision(identity="decider-1")
    assert task["startedEventId"] == 3
    assert world.last("DecisionTaskStarted") == {"identity": "decider-1", "scheduledEventId": 2}


def test_its_end_is_recorded(world):
    """A DecisionTaskCompleted event is added to the workflow history. The executionContext
    specified is attached to the event in the workflow execution history.
    (RespondDecisionTaskCompleted)"""
    world.decided()
    assert world.last("DecisionTaskCompleted") == {"scheduledEventId": 2, "startedEventId": 3}
    world.signal()
    world.decide(executionContext="half way")
    assert world.last("DecisionTaskCompleted") == {
        "scheduledEventId": 6,
        "startedEventId": 7,
        "executionContext": "half way",
    }


def test_the_latest_context_is_kept(world):
    """The latest executionContext provided by the decider for this workflow execution.
    (DescribeWorkflowExecution)"""
    world.start()
    world.decide()
    assert "latestExecutionContext" not in world.describe()
    for context in ({"executionContext": "one"}, {"executionContext": "two"}, {}):
        world.signal()
        world.decide(**context)
    assert world.describe()["latestExecutionContext"] == "two"


# --- what makes one due ------------------------------------------------------------------


def activity_completed(world):
    world.activity_completed(world.working())


def activity_failed(world):
    world.activity_failed(world.working())


def activity_canceled(world):
    task = world.working()
    world.signal()
    world.decide(cancel_activity("a"))
    world.activity_canceled(task)


def activity_canceled_before_its_start(world):
    world.decided(schedule("a"), cancel_activity("a"))


def activity_timed_out(world):
    world.decided(schedule("a", scheduleToStartTimeout="10"))
    world.advance(10)


def timer_fired(world):
    world.decided(timer("t", 10))
    world.advance(10)


def signaled(world):
    world.decided()
    world.signal()


def cancel_requested(world):
    world.decided()
    world.request_cancel()


def child_started(world):
    world.decided(child("c", parcels(world)))


def child_completed(world):
    run = world.decided(child("c", parcels(world)))
    world.decide()
    world.decide(complete(), task=world.poll_decision("parcels"))
    assert world.run == run


def other_signaled(world):
    world.decided(workflow_id="other")
    world.decided(signal_external("other"))


def other_not_signaled(world):
    world.decided(signal_external("nobody"))


def other_cancel_requested(world):
    world.decided(workflow_id="other")
    world.decided(cancel_external("other"))


def other_not_cancel_requested(world):
    world.decided(cancel_external("nobody"))


def timer_not_cancelled(world):
    world.decided(cancel_timer("t"))


def timer_not_started(world):
    world.decided(timer("t", 900), timer("t", 900))


def activity_not_scheduled(world):
    world.decided(schedule("a", {"name": "nothing", "version": "1"}))


def activity_not_cancelled(world):
    world.decided(cancel_activity("a"))


def child_not_started(world):
    world.decided(child("c", {"name": "nothing", "version": "1"}))


CALLING = {
    "ActivityTaskCompleted": activity_completed,
    "ActivityTaskFailed": activity_failed,
    "ActivityTaskCanceled": activity_canceled,
    "WorkflowExecutionSignaled": signaled,
    "WorkflowExecutionCancelRequested": cancel_requested,
    "ChildWorkflowExecutionStarted": child_started,
    "ChildWorkflowExecutionCompleted": child_completed,
    "ExternalWorkflowExecutionSignaled": other_signaled,
    "SignalExternalWorkflowExecutionFailed": other_not_signaled,
    "ExternalWorkflowExecutionCancelRequested": other_cancel_requested,
    "RequestCancelExternalWorkflowExecutionFailed": other_not_cancel_requested,
    "CancelTimerFailed": timer_not_cancelled,
    "StartTimerFailed": timer_not_started,
    "ScheduleActivityTaskFailed": activity_not_scheduled,
    "RequestCancelActivityTaskFailed": activity_not_cancelled,
    "StartChildWorkflowExecutionFailed": child_not_started,
}


@pytest.mark.parametrize("kind", CALLING)
def test_a_change_makes_one_due(world, kind):
    """Every time a state change occurs for a workflow execution, Amazon SWF schedules a decision
    task. (Developer Guide, Tasks)"""
    CALLING[kind](world)
    assert world.kinds()[-2:] == [kind, "DecisionTaskScheduled"]
    assert decision_due(world)


def test_the_canceling_of_an_activity_that_nobody_has_makes_one_due(world):
    """If the activity task was scheduled but has not been assigned to a worker, then it is
    canceled. (Decision)"""
    activity_canceled_before_its_start(world)
    assert world.kinds()[-2:] == ["ActivityTaskCanceled", "DecisionTaskScheduled"]


@pytest.mark.needs_clock
@pytest.mark.parametrize(
    ("kind", "happens"),
    [("ActivityTaskTimedOut", activity_timed_out), ("TimerFired", timer_fired)],
)
def test_time_makes_one_due(world, kind, happens):
    """Every time a state change occurs for a workflow execution, Amazon SWF schedules a decision
    task. (Developer Guide, Tasks)"""
    happens(world)
    assert world.kinds()[-2:] == [kind, "DecisionTaskScheduled"]


# --- what does not -----------------------------------------------------------------------


BATCHES = {
    "nothing": [],
    "a marker": [marker("m")],
    "a timer": [timer("t", 900)],
    "a timer that is cancelled": [timer("t", 900), cancel_timer("t")],
    "an activity": [schedule("a")],
}


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_what_the_decider_does_makes_none_due(world, batch):
    """The list of decisions (possibly empty) made by the decider while processing this decision
    task. (RespondDecisionTaskCompletedInput) A decider knows what it has decided; where nothing
    else changes, the execution waits."""
    world.decided(*batch)
    assert world.kinds().count("DecisionTaskScheduled") == 1
    assert not decision_due(world)


def test_what_a_worker_does_before_the_end_makes_none_due(world):
    """ActivityTaskStarted: the scheduled activity task was dispatched to a worker. (HistoryEvent)
    RecordActivityTaskHeartbeat doesn't in itself create an event in the workflow execution
    history."""
    task = world.working()
    world.heartbeat(task)
    assert world.kinds()[-1] == "ActivityTaskStarted"
    assert not decision_due(world)


def test_a_request_to_cancel_a_started_activity_makes_none_due(world):
    """If the activity task was already assigned to a worker, then the worker is informed that
    cancellation has been requested in the response to RecordActivityTaskHeartbeat. (Decision)"""
    world.working()
    world.signal()
    world.decide(cancel_activity("a"))
    assert world.kinds()[-1] == "ActivityTaskCancelRequested"
    assert not decision_due(world)


# --- at most one -------------------------------------------------------------------------


def test_many_changes_make_one(world):
    """The count of decision tasks whose status is OPEN. A workflow execution can have at most one
    open decision task. (WorkflowExecutionOpenCounts)"""
    world.decided()
    world.signal("one")
    world.signal("two")
    world.request_cancel()
    assert world.kinds().count("DecisionTaskScheduled") == 2
    assert decision_due(world)
    task = world.decide()
    assert [e["eventType"] for e in task["events"][ANSWER:]] == [
        "WorkflowExecutionSignaled",
        "DecisionTaskScheduled",
        "WorkflowExecutionSignaled",
        "WorkflowExecutionCancelRequested",
        "DecisionTaskStarted",
    ]
    assert not decision_due(world)


def test_changes_while_a_decider_works_make_one_more_after_it(world):
    """A workflow execution can have at most one open decision task. (WorkflowExecutionOpenCounts)
    Every state change makes one due: the one that is being worked on does not know of it."""
    world.start()
    first = world.poll_decision()
    world.signal("one")
    world.signal("two")
    pending = {"domain": world.domain, "taskList": {"name": "deciders"}}
    assert decision_due(world)
    assert world.swf.count_pending_decision_tasks(**pending)["count"] == 0
    world.decide(task=first)
    assert decision_due(world)
    assert world.swf.count_pending_decision_tasks(**pending)["count"] == 1
    second = world.decide()
    told = [e for e in second["events"] if e["eventType"] == "WorkflowExecutionSignaled"]
    assert len(told) == 2
    assert not decision_due(world)
    assert world.kinds().count("DecisionTaskScheduled") == 2


def test_two_executions_have_one_each(world):
    """A decision task may be returned for any open workflow execution that is using the specified
    task list. (PollForDecisionTask)"""
    runs = [world.start(workflow_id) for workflow_id in ("one", "two")]
    tasks = [world.poll_decision() for _ in runs]
    assert [task["workflowExecution"] for task in tasks] == runs
    for task in reversed(tasks):
        world.decide(task=task)


# --- what it tells -----------------------------------------------------------------------


def test_it_knows_the_task_before_it(world):
    """The ID of the DecisionTaskStarted event of the previous decision task of this workflow
    execution that was processed by the decider. (DecisionTask)"""
    world.start()
    told = []
    for _ in range(3):
        task = world.decide()
        told.append((task.get("previousStartedEventId", 0), task["startedEventId"]))
        world.signal()
    assert told == [(0, 3), (3, 7), (7, 11)]


def test_it_ends_with_its_own_start(world):
    """The ID of the DecisionTaskStarted event recorded in the history. (DecisionTask)"""
    world.start()
    task = world.poll_decision()
    world.signal()
    assert [event["eventId"] for event in task["events"]] == [1, 2, 3]
    assert task["startedEventId"] == 3
    assert task["workflowType"] == {"name": "order", "version": "1"}


# --- the answer --------------------------------------------------------------------------


def test_decisions_are_carried_out_in_their_order(world):
    """The ordering of decisions should follow a logical flow. (Decision)"""
    world.start()
    events = written(
        world,
        timer("t", 5),
        schedule("a"),
        cancel_timer("t"),
        marker("m"),
        timer("t", 6),
        complete(),
    )
    assert [kind for kind, _ in events] == [
        "TimerStarted",
        "ActivityTaskScheduled",
        "TimerCanceled",
        "MarkerRecorded",
        "TimerStarted",
        "WorkflowExecutionCompleted",
    ]


def test_a_decision_that_fails_spoils_nothing(world):
    """Some decisions might not make sense in the current context of the workflow execution and
    therefore fails. One of the following events might be added to the history to indicate an
    error. (Decision)"""
    world.start()
    events = written(
        world,
        marker("m"),
        cancel_timer("u"),
        schedule("a"),
        schedule("a"),
        cancel_activity("b"),
        timer("t", 900),
    )
    assert [kind for kind, _ in events] == [
        "MarkerRecorded",
        "CancelTimerFailed",
        "ActivityTaskScheduled",
        "ScheduleActivityTaskFailed",
        "RequestCancelActivityTaskFailed",
        "TimerStarted",
    ]
    assert world.open_counts() == {"openActivityTasks": 1, "openTimers": 1, "openDecisionTasks": 1}
    assert world.poll_activity()["activityId"] == "a"


MISFITS = {
    "an unknown type": {"decisionType": "MakeCoffee"},
    "no type": {"recordMarkerDecisionAttributes": {"markerName": "m"}},
    "no attributes": {"decisionType": "RecordMarker"},
    "another's attributes": {
        "decisionType": "RecordMarker",
        "startTimerDecisionAttributes": {"timerId": "t", "startToFireTimeout": "5"},
    },
    "a member too few": decision("RecordMarker"),
    "a name too long": decision("RecordMarker", markerName="m" * 257),
    "a name too short": decision("RecordMarker", markerName=""),
    "too much data": decision("RecordMarker", markerName="m", details="d" * 32_769),
    "a time-out that is none": decision("StartTimer", timerId="t", startToFireTimeout="soon"),
    "a timer without a time": decision("StartTimer", timerId="t", startToFireTimeout="NONE"),
    "a time before now": decision("StartTimer", timerId="t", startToFireTimeout="-1"),
    "half a second": decision("StartTimer", timerId="t", startToFireTimeout="0.5"),
    "a policy that is none": decision("ContinueAsNewWorkflowExecution", childPolicy="ADOPT"),
    "too many tags": decision("ContinueAsNewWorkflowExecution", tagList=["t"] * 6),
    "a priority that is none": decision(
        "ScheduleActivityTask",
        activityId="b",
        activityType={"name": "pay", "version": "1"},
        taskPriority="urgent",
    ),
}


@pytest.mark.parametrize("misfit", MISFITS.values(), ids=MISFITS)
def test_a_batch_that_does_not_fit_the_model_is_refused_as_a_whole(swf, world, misfit):
    """Decision and its attributes: required members, lengths and values (the model). Nothing is
    done, and the token stays usable."""
    world.start()
    task = world.poll_decision()
    with refused(swf, "ValidationException"):
        swf.unchecked(
            "RespondDecisionTaskCompleted",
            taskToken=task["taskToken"],
            decisions=[schedule("a"), misfit],
        )
    assert world.kinds()[-1] == "DecisionTaskStarted"
    world.decide(complete(), task=task)
    assert world.close_status() == "COMPLETED"


def test_a_second_answer_is_refused(world):
    """UnknownResourceFault: this could happen if the named resource was never created or is no
    longer available for this operation."""
    world.start()
    task = world.decide()
    world.signal()
    before = world.kinds()
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(complete(), task=task)
    second = world.poll_decision()
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(complete(), task=task)
    assert world.kinds() == [*before, "DecisionTaskStarted"]
    world.decide(complete(), task=second)
    assert world.close_status() == "COMPLETED"


@pytest.mark.parametrize("closing", [complete(), continue_as_new()], ids=["closed", "continued"])
def test_an_answer_after_the_close_is_refused(world, closing):
    """UnknownResourceFault: this could happen if the named resource was never created or is no
    longer available for this operation."""
    run = world.start()
    task = world.decide(closing)
    assert world.close_status(run)
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(marker(), task=task)


def test_an_answer_after_termination_is_refused(world):
    """If the identified workflow execution was in progress, it is terminated immediately.
    (TerminateWorkflowExecution)"""
    world.start()
    task = world.poll_decision()
    world.terminate()
    known = len(world.history())
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(complete(), task=task)
    assert events_after(world, known) == []
