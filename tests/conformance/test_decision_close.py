"""CompleteWorkflowExecution, FailWorkflowExecution, CancelWorkflowExecution; and what all four
closing decisions have in common (ContinueAsNewWorkflowExecution has a file of its own).

https://docs.aws.amazon.com/amazonswf/latest/apireference/API_Decision.html
"""

import pytest
from conforming import (
    cancel,
    cancel_activity,
    cancel_timer,
    child,
    complete,
    continue_as_new,
    fail,
    marker,
    refused,
    schedule,
    signal_external,
    timer,
)
from deciding import decision_due, parcels, written

#: decision, its event, what it says, how the execution is closed
CLOSINGS = {
    "CompleteWorkflowExecution": (
        complete(result="r"),
        "WorkflowExecutionCompleted",
        {"result": "r"},
        "COMPLETED",
    ),
    "CompleteWorkflowExecution, silent": (
        complete(),
        "WorkflowExecutionCompleted",
        {},
        "COMPLETED",
    ),
    "FailWorkflowExecution": (
        fail(reason="why", details="d"),
        "WorkflowExecutionFailed",
        {"reason": "why", "details": "d"},
        "FAILED",
    ),
    "FailWorkflowExecution, silent": (fail(), "WorkflowExecutionFailed", {}, "FAILED"),
    "CancelWorkflowExecution": (
        cancel(details="d"),
        "WorkflowExecutionCanceled",
        {"details": "d"},
        "CANCELED",
    ),
    "CancelWorkflowExecution, silent": (cancel(), "WorkflowExecutionCanceled", {}, "CANCELED"),
}


@pytest.mark.parametrize("closing", CLOSINGS)
def test_the_execution_is_closed(world, closing):
    """CompleteWorkflowExecution: closes the workflow execution and records a
    WorkflowExecutionCompleted event in the history; Fail..., a WorkflowExecutionFailed event;
    Cancel..., a WorkflowExecutionCanceled event. (Decision)"""
    decision, kind, said, status = CLOSINGS[closing]
    world.start()
    world.request_cancel()
    world.tick()
    events = written(world, decision)
    completed = world.id_of("DecisionTaskCompleted")
    assert events == [(kind, {**said, "decisionTaskCompletedEventId": completed})]
    info = world.describe()["executionInfo"]
    assert (info["executionStatus"], info["closeStatus"]) == ("CLOSED", status)
    assert info["closeTimestamp"] == world.history()[-1]["eventTimestamp"]
    assert info["closeTimestamp"] > info["startTimestamp"]
    assert world.kinds()[-1] == kind


def test_an_execution_may_be_canceled_without_a_request(world):
    """CancelWorkflowExecution: closes the workflow execution and records a
    WorkflowExecutionCanceled event in the history. (Decision) No request is asked for."""
    world.decided(cancel())
    info = world.describe()["executionInfo"]
    assert (info["closeStatus"], info["cancelRequested"]) == ("CANCELED", False)


@pytest.mark.parametrize("closing", [complete(), fail(), cancel()])
def test_with_what_is_still_open(world, closing):
    """Closes the workflow execution. (Decision) The texts give no condition but that no decision
    is pending."""
    kind = parcels(world)
    world.start()
    world.decide(schedule("a"), schedule("b"), timer("t", 900), child("c", kind))
    task = world.poll_activity()
    world.decide(closing)
    assert world.close_status() is not None
    assert world.open_counts().get("openTimers", 0) == 0
    assert world.open_counts().get("openActivityTasks", 0) == 0
    with refused(world.swf, "UnknownResourceFault"):
        world.activity_completed(task)
    # The child is an execution of its own.
    world.decide(complete(), task=world.poll_decision("parcels"))
    assert world.kinds()[-1] not in ("ChildWorkflowExecutionCompleted", "DecisionTaskScheduled")


@pytest.mark.parametrize("closing", [complete(), fail(), cancel(), continue_as_new()])
def test_a_closed_run_can_be_reached_no_more(world, closing):
    """If the specified workflow execution isn't open, this method fails with UnknownResource.
    (SignalWorkflowExecution)"""
    run = world.decided(closing)
    known = world.kinds(run)
    for reach in (world.signal, world.request_cancel, world.terminate):
        with refused(world.swf, "UnknownResourceFault"):
            reach(run=run)
    assert world.kinds(run) == known


@pytest.mark.parametrize("closing", [complete(), fail(), cancel()])
def test_its_id_is_free_for_another(world, closing):
    """You cannot have two open workflow executions with the same workflowId at the same time
    within the same domain. (StartWorkflowExecution)"""
    first = world.start()
    with refused(world.swf, "WorkflowExecutionAlreadyStartedFault"):
        world.start()
    world.decide(closing)
    second = world.start()
    assert second["workflowId"] == first["workflowId"]
    assert second["runId"] != first["runId"]
    assert world.open_run("order-17") == second


# --- only as the last one ----------------------------------------------------------------


BATCHES = {
    "others after it": [marker("m"), complete(), marker("n")],
    "two of them": [fail(), complete()],
    "continued and more": [continue_as_new(), marker("m")],
}


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_nothing_may_follow_it(world, batch):
    """Close must be last decision in list. (the message of Amazon SWF) The ordering of decisions
    should follow a logical flow. (Decision) Nothing is done, and the token stays usable."""
    world.start()
    task = world.poll_decision()
    with refused(world.swf, "ValidationException"):
        world.decide(*batch, task=task)
    assert world.kinds()[-1] == "DecisionTaskStarted"
    world.decide(complete(), task=task)
    assert world.close_status() == "COMPLETED"


def test_others_may_come_before_it(world):
    """The ordering of decisions should follow a logical flow. (Decision)"""
    world.start()
    events = written(world, marker("m"), timer("t"), complete(result="r"))
    assert [kind for kind, _ in events] == [
        "MarkerRecorded",
        "TimerStarted",
        "WorkflowExecutionCompleted",
    ]


def test_a_signal_may_be_sent_with_it(world):
    """SignalExternalWorkflowExecution: requests a signal to be delivered to the specified external
    workflow execution. (Decision) Its delivery happens after the decision task has been performed,
    so it is no "signal or activity event [that] had been added to the history while the decision
    task was being performed"."""
    other = world.decided(workflow_id="other")
    run = world.start()
    events = written(world, signal_external("other", "news"), complete())
    assert [kind for kind, _ in events] == [
        "SignalExternalWorkflowExecutionInitiated",
        "WorkflowExecutionCompleted",
    ]
    assert world.close_status(run) == "COMPLETED"
    assert world.last("WorkflowExecutionSignaled", other)["signalName"] == "news"


def test_what_it_leaves_may_be_cancelled_with_it(world):
    """RequestCancelActivityTask: if the activity task was scheduled but has not been assigned to a
    worker, then it is canceled. (Decision) That is what the decider itself has done, and no news to
    it."""
    world.decided(schedule("a"), timer("t", 900))
    world.signal()
    events = written(world, cancel_activity("a"), cancel_timer("t"), complete())
    assert [kind for kind, _ in events] == [
        "ActivityTaskCancelRequested",
        "ActivityTaskCanceled",
        "TimerCanceled",
        "WorkflowExecutionCompleted",
    ]


# --- UNHANDLED_DECISION ------------------------------------------------------------------

REFUSALS = {
    "CompleteWorkflowExecutionFailed": complete(),
    "FailWorkflowExecutionFailed": fail(),
    "CancelWorkflowExecutionFailed": cancel(),
    "ContinueAsNewWorkflowExecutionFailed": continue_as_new(),
}


def is_signaled(world, _):
    world.signal()


def is_asked_to_cancel(world, _):
    world.request_cancel()


def hears_of_an_activity(world, activity):
    world.activity_completed(activity)


NEWS = [is_signaled, is_asked_to_cancel, hears_of_an_activity]


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("news", NEWS)
def test_news_while_the_decider_works(world, kind, news):
    """An UnhandledDecision fault is returned if a workflow closing decision is specified and a
    signal or activity event had been added to the history while the decision task was being
    performed by the decider. ... This would result in another decision task with these new events
    included in the history. (Decision) Cause UNHANDLED_DECISION."""
    activity = world.working()
    world.signal()
    task = world.poll_decision()
    news(world, activity)
    told = len(world.history())
    events = written(world, marker("m"), REFUSALS[kind], task=task)
    completed = world.id_of("DecisionTaskCompleted")
    assert events == [
        ("MarkerRecorded", {"markerName": "m", "decisionTaskCompletedEventId": completed}),
        (kind, {"cause": "UNHANDLED_DECISION", "decisionTaskCompletedEventId": completed}),
    ]
    assert world.close_status() is None
    assert decision_due(world)
    # The decider sees what it did not know, and may close now.
    task = world.poll_decision()
    assert task["events"][told - 1]["eventType"] in (
        "WorkflowExecutionSignaled",
        "WorkflowExecutionCancelRequested",
        "ActivityTaskCompleted",
        "DecisionTaskScheduled",
    )
    assert kind in [event["eventType"] for event in task["events"]]
    world.decide(REFUSALS[kind], task=task)
    assert world.close_status(world.run) is not None


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_decision_of_the_same_batch_that_fails(world, kind):
    """CompleteWorkflowExecutionFailed: this could happen if there is an unhandled decision task
    pending in the workflow execution. (Decision; likewise for the other three) A decision that
    fails makes one due: the decider does not know of it."""
    world.start()
    events = written(world, cancel_timer("nothing"), REFUSALS[kind])
    assert [kind for kind, _ in events] == ["CancelTimerFailed", kind]
    assert events[1][1]["cause"] == "UNHANDLED_DECISION"
    assert world.close_status() is None
    world.decide(REFUSALS[kind])
    assert world.close_status(world.run) is not None


@pytest.mark.needs_clock
@pytest.mark.parametrize("kind", REFUSALS)
def test_a_timer_that_fires_while_the_decider_works(world, kind):
    """CompleteWorkflowExecutionFailed: this could happen if there is an unhandled decision task
    pending in the workflow execution. (Decision; likewise for the other three)"""
    world.decided(timer("t", 10))
    world.signal()
    task = world.poll_decision()
    world.advance(10)
    events = written(world, REFUSALS[kind], task=task)
    assert [kind for kind, _ in events] == [kind]
    assert world.close_status() is None


def test_news_from_before_the_decider_looked(world):
    """... while the decision task was being performed by the decider. (Decision)"""
    activity = world.working()
    world.signal()
    world.request_cancel()
    world.activity_completed(activity)
    world.decide(complete())
    assert world.close_status() == "COMPLETED"


def test_what_workers_do_before_the_end_is_no_news(world):
    """CompleteWorkflowExecutionFailed: this could happen if there is an unhandled decision task
    pending in the workflow execution. (Decision) The start of an activity, or its heartbeat, makes
    no decision task due."""
    world.decided(schedule("a"), schedule("b"))
    activity = world.poll_activity()
    world.signal()
    task = world.poll_decision()
    world.heartbeat(activity)
    world.poll_activity()
    world.decide(complete(), task=task)
    assert world.close_status() == "COMPLETED"


def test_the_rest_of_a_refused_batch_has_its_effect(world):
    """Unhandled decisions are races, not mistakes: "the right action here is to call
    RespondDecisionTaskCompleted without any decisions" (Decision) shows that the task counts as
    completed; what else was decided stands."""
    world.decided(schedule("a"))
    world.signal()
    task = world.poll_decision()
    world.signal()
    world.decide(cancel_activity("a"), timer("t", 900), complete(), task=task)
    counts = world.open_counts()
    assert counts == {"openTimers": 1, "openDecisionTasks": 1}
