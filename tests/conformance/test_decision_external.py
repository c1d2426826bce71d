"""SignalExternalWorkflowExecution and RequestCancelExternalWorkflowExecution; and how signals and
cancel requests of clients differ from them.

https://docs.aws.amazon.com/amazonswf/latest/apireference/API_SignalExternalWorkflowExecutionDecisionAttributes.html
https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RequestCancelExternalWorkflowExecutionDecisionAttributes.html
"""

import pytest
from conforming import (
    cancel,
    cancel_external,
    complete,
    continue_as_new,
    marker,
    signal_external,
)
from deciding import ANSWER, decision_due, events_after, parcels, without, written


@pytest.fixture
def target(world):
    """An execution that has nothing to do, and whose decision tasks have a list of their own."""
    run = world.start("target", workflow_type=parcels(world))
    world.decide(task=world.poll_decision("parcels"))
    assert not decision_due(world)
    return run


# --- SignalExternalWorkflowExecution -----------------------------------------------------


def test_a_signal_is_delivered(world, target):
    """Requests a signal to be delivered to the specified external workflow execution and records a
    SignalExternalWorkflowExecutionInitiated event in the history. (Decision)
    ExternalWorkflowExecutionSignaled: a signal, requested by this workflow execution, was
    successfully delivered to the target external workflow execution. (HistoryEvent)"""
    source = world.start()
    asked = {"runId": target["runId"], "input": "17 EUR", "control": "for the decider"}
    assert written(world, signal_external("target", "paid", **asked)) == [
        (
            "SignalExternalWorkflowExecutionInitiated",
            {
                "workflowId": "target",
                "signalName": "paid",
                "decisionTaskCompletedEventId": ANSWER,
                **asked,
            },
        ),
        (
            "ExternalWorkflowExecutionSignaled",
            {"workflowExecution": target, "initiatedEventId": ANSWER + 1},
        ),
    ]
    assert decision_due(world)
    # "The workflow execution that sent the signal. ... The ID of the
    # SignalExternalWorkflowExecutionInitiated event." (WorkflowExecutionSignaledEventAttributes)
    assert events_after(world, ANSWER, target) == [
        (
            "WorkflowExecutionSignaled",
            {
                "signalName": "paid",
                "input": "17 EUR",
                "externalWorkflowExecution": source,
                "externalInitiatedEventId": ANSWER + 1,
            },
        )
    ]
    assert decision_due(world, target)
    assert world.poll_decision("parcels")["workflowExecution"] == target


def test_without_a_run_the_open_one_is_meant(world, target):
    """The runId of the workflow execution to be signaled.
    (SignalExternalWorkflowExecutionDecisionAttributes: not required)"""
    world.start()
    events = written(world, signal_external("target"))
    assert events[0] == (
        "SignalExternalWorkflowExecutionInitiated",
        {"workflowId": "target", "signalName": "s", "decisionTaskCompletedEventId": ANSWER},
    )
    assert events[1][1]["workflowExecution"] == target
    signaled = world.last("WorkflowExecutionSignaled", target)
    assert (signaled["signalName"], "input" in signaled) == ("s", False)


def test_the_run_that_goes_on_is_signaled(world, target):
    """The current open workflow with the matching workflowId. (SignalWorkflowExecution)"""
    world.signal(run=target)
    world.decide(continue_as_new(), task=world.poll_decision("parcels"))
    new = world.open_run("target")
    world.start()
    events = written(world, signal_external("target"))
    assert events[1][1]["workflowExecution"] == new
    assert world.kinds(target)[-1] == "WorkflowExecutionContinuedAsNew"
    assert world.kinds(new)[-1] == "WorkflowExecutionSignaled"


def test_an_execution_may_signal_itself(world):
    """Requests a signal to be delivered to the specified external workflow execution. (Decision)
    Nothing excludes the one that asks."""
    run = world.decided(signal_external("order-17", "hello"))
    signaled = world.last("WorkflowExecutionSignaled")
    assert signaled["externalWorkflowExecution"] == run
    assert signaled["externalInitiatedEventId"] == ANSWER + 1
    assert len(world.all("ExternalWorkflowExecutionSignaled")) == 1
    assert decision_due(world)


def test_many_signals(world, target):
    """Each has its own SignalExternalWorkflowExecutionInitiated event.
    (ExternalWorkflowExecutionSignaledEventAttributes, initiatedEventId)"""
    world.start()
    world.decide(*[signal_external("target", f"s{n}") for n in range(5)], marker("m"))
    initiated = [
        event["eventId"]
        for event in world.history()
        if event["eventType"] == "SignalExternalWorkflowExecutionInitiated"
    ]
    delivered = world.all("ExternalWorkflowExecutionSignaled")
    assert [event["initiatedEventId"] for event in delivered] == initiated
    received = world.all("WorkflowExecutionSignaled", target)
    assert [event["signalName"] for event in received] == [f"s{n}" for n in range(5)]
    assert [event["externalInitiatedEventId"] for event in received] == initiated
    assert len(world.all("MarkerRecorded")) == 1


def test_the_signal_of_a_client_has_no_sender(world):
    """externalWorkflowExecution: this is set only of the signal was sent by another workflow
    execution. (WorkflowExecutionSignaledEventAttributes) externalInitiatedEventId is 0, as
    Amazon SWF writes it."""
    world.decided()
    world.signal("paid", input="17 EUR")
    world.signal("sent")
    assert world.all("WorkflowExecutionSignaled") == [
        {"signalName": "paid", "input": "17 EUR", "externalInitiatedEventId": 0},
        {"signalName": "sent", "externalInitiatedEventId": 0},
    ]


# --- RequestCancelExternalWorkflowExecution ----------------------------------------------


def test_a_cancel_request_is_delivered(world, target):
    """Requests that a request be made to cancel the specified external workflow execution and
    records a RequestCancelExternalWorkflowExecutionInitiated event in the history. (Decision)
    ExternalWorkflowExecutionCancelRequested: request to cancel an external workflow execution was
    successfully delivered to the target execution. (HistoryEvent)"""
    source = world.start()
    asked = {"runId": target["runId"], "control": "for the decider"}
    assert written(world, cancel_external("target", **asked)) == [
        (
            "RequestCancelExternalWorkflowExecutionInitiated",
            {"workflowId": "target", "decisionTaskCompletedEventId": ANSWER, **asked},
        ),
        (
            "ExternalWorkflowExecutionCancelRequested",
            {"workflowExecution": target, "initiatedEventId": ANSWER + 1},
        ),
    ]
    assert decision_due(world)
    assert events_after(world, ANSWER, target) == [
        (
            "WorkflowExecutionCancelRequested",
            {"externalWorkflowExecution": source, "externalInitiatedEventId": ANSWER + 1},
        )
    ]
    # It is up to the decider to take appropriate actions.
    assert world.describe(target)["executionInfo"]["cancelRequested"] is True
    assert world.close_status(target) is None
    world.decide(cancel(), task=world.poll_decision("parcels"))
    assert world.close_status(target) == "CANCELED"
    assert world.close_status(source) is None


def test_without_a_run_the_open_one_is_asked(world, target):
    """The runId of the external workflow execution to cancel.
    (RequestCancelExternalWorkflowExecutionDecisionAttributes: not required)"""
    world.start()
    events = written(world, cancel_external("target"))
    assert events[0] == (
        "RequestCancelExternalWorkflowExecutionInitiated",
        {"workflowId": "target", "decisionTaskCompletedEventId": ANSWER},
    )
    assert events[1][1]["workflowExecution"] == target
    assert world.last("WorkflowExecutionCancelRequested", target)


def test_the_cancel_request_of_a_client_has_no_sender(world):
    """If set, indicates that the request to cancel the workflow execution was automatically
    generated, and specifies the cause. (WorkflowExecutionCancelRequestedEventAttributes)"""
    world.decided()
    world.request_cancel()
    (requested,) = world.all("WorkflowExecutionCancelRequested")
    assert without(requested, "externalInitiatedEventId") == {}
    assert requested.get("externalInitiatedEventId", 0) == 0


# --- their failures ----------------------------------------------------------------------


def nobody(_):
    return {"workflow_id": "nobody"}


def one_that_is_closed(world):
    run = world.decided(complete(), workflow_id="closed")
    return {"workflow_id": "closed", "runId": run["runId"]}


def one_without_an_open_run(world):
    world.decided(complete(), workflow_id="closed")
    return {"workflow_id": "closed"}


def an_old_run(world):
    old = world.decided(complete(), workflow_id="again")
    world.start("again", workflow_type=parcels(world))
    return {"workflow_id": "again", "runId": old["runId"]}


def one_of_another_domain(world):
    elsewhere = world.another().start("elsewhere")
    return {"workflow_id": "elsewhere", "runId": elsewhere["runId"]}


TARGETS = [nobody, one_that_is_closed, one_without_an_open_run, an_old_run, one_of_another_domain]


@pytest.mark.parametrize("who", TARGETS)
@pytest.mark.parametrize(
    ("decision", "word"),
    [
        (signal_external, "SignalExternalWorkflowExecution"),
        (cancel_external, "RequestCancelExternalWorkflowExecution"),
    ],
)
def test_a_target_that_is_not_there(world, who, decision, word):
    """SignalExternalWorkflowExecutionFailed: this could happen if the workflowID specified in the
    decision was incorrect. (Decision; likewise for cancel requests) Cause
    UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION; "the ID of the ...Initiated event" (the events'
    attributes)."""
    asked = who(world)
    world.start("source")
    events = written(world, decision(**asked, control="c"), marker("m"))
    named = {"workflowId": asked["workflow_id"], **without(asked, "workflow_id"), "control": "c"}
    kinds = [kind for kind, _ in events]
    assert sorted(kinds) == sorted([f"{word}Initiated", f"{word}Failed", "MarkerRecorded"])
    initiated = world.id_of(f"{word}Initiated")
    assert world.last(f"{word}Failed") == {
        **named,
        "cause": "UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
        "initiatedEventId": initiated,
        "decisionTaskCompletedEventId": ANSWER,
    }
    assert decision_due(world)
    assert world.close_status() is None


@pytest.mark.parametrize("decision", [signal_external, cancel_external])
def test_a_closed_target_stays_as_it_is(world, decision):
    """Requests a signal to be delivered to the specified external workflow execution (Decision): to
    one that is open. Nothing is added to the history of one that is closed."""
    closed = world.decided(complete(), workflow_id="closed")
    known = world.kinds(closed)
    world.decided(decision("closed", runId=closed["runId"]))
    assert world.kinds(closed) == known
