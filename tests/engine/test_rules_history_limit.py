"""A history that has grown too long is ended, in whatever way it grew.

"Events in workflow execution history: 25,000. This is a hard limit that can't be changed."
https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dg-limits.html
"""

import pytest
from one_domain import PARCEL, continue_as_new, of, start_child, story
from one_execution import schedule

from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.limits import LOCAL_LIMITS, SWF_LIMITS, Limits


@pytest.fixture
def short(domains):
    """Makes domains in which histories are short."""
    return lambda events, **more: domains(limits=Limits(history_events=events), **more)


def too_long(child_policy="TERMINATE"):
    return ev.WorkflowExecutionTerminated(child_policy=child_policy, cause="EVENT_LIMIT_EXCEEDED")


def signal(workflow_id):
    return de.SignalExternalWorkflowExecution(workflow_id, "s")


@pytest.mark.parametrize("policy", ["TERMINATE", "REQUEST_CANCEL", "ABANDON"])
def test_an_execution_is_ended_with_the_event_that_reaches_the_limit(short, policy):
    """If set, indicates that the workflow execution was automatically terminated, and specifies the
    cause: EVENT_LIMIT_EXCEEDED. (WorkflowExecutionTerminatedEventAttributes)"""
    domain = short(4)
    domain.start(child_policy=policy)
    assert story(domain.signal()) == ["order WorkflowExecutionSignaled"]
    assert story(domain.signal()) == [
        "order WorkflowExecutionSignaled",
        "order WorkflowExecutionTerminated",
    ]
    assert domain.history("order")[-1] == too_long(policy)
    assert domain["order"].close_status == "TERMINATED"
    assert domain.rules.open == {}


WAYS = {
    "a decision task is taken": (3, lambda domain: domain.poll()),
    "a decider answers": (4, lambda domain: domain.decide("order")),
    "a request to cancel": (3, lambda domain: domain.request_cancel()),
    "a deadline": (5, lambda domain: domain.decide("order", de.StartTimer("t", "9")), 9),
    "an activity is taken": (
        6,
        lambda domain: domain.decide("order", schedule("a")) and domain.take("order", "a"),
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_it_does_not_matter_what_reaches_the_limit(short, way):
    limit, grow, *seconds = way
    domain = short(limit)
    domain.start()
    grow(domain)
    for pause in seconds:
        domain.wait(pause)
    assert domain.history("order")[-1] == too_long()


def test_an_execution_that_closes_with_the_event_has_closed(short):
    domain = short(5)
    domain.start()
    written = domain.decide("order", de.CompleteWorkflowExecution())
    assert story(written)[1:] == ["order WorkflowExecutionCompleted"]
    assert domain["order"].last_event_id == 5


def test_a_run_that_continues_begins_a_history_of_its_own(short):
    domain = short(5)
    domain.start()
    domain.decide("order", continue_as_new())
    assert domain["order"].open
    assert domain["order"].last_event_id == 2


def test_the_decisions_of_the_answer_that_reaches_the_limit_have_their_effect(short):
    """They are in the history; only the source is not there to be told."""
    domain = short(6)
    domain.start("other")
    domain.start()
    written = domain.decide("order", signal("other"), start_child())
    assert story(written)[1:] == [
        "order SignalExternalWorkflowExecutionInitiated",
        "order StartChildWorkflowExecutionInitiated",
        "order WorkflowExecutionTerminated",
        "other WorkflowExecutionSignaled",
        "parcel WorkflowExecutionStarted",
        "parcel DecisionTaskScheduled",
        # "The child executions are terminated."
        "parcel WorkflowExecutionTerminated",
    ]


STRANGERS = {
    "nobody's child": lambda domain: domain.start("parcel"),
    # Its parent began it with an event of the same id.
    "another's child": lambda domain: domain.begin("other", start_child()),
}


@pytest.mark.parametrize("begin", STRANGERS.values(), ids=STRANGERS)
def test_a_stranger_with_the_id_of_a_child_that_never_began_is_left_alone(short, begin):
    domain = short(12)
    begin(domain)
    domain.start()
    written = domain.decide("order", start_child(), *[de.RecordMarker("m")] * 7)
    assert [event for event in story(written) if "Marker" not in event][1:] == [
        "order StartChildWorkflowExecutionInitiated",
        "order WorkflowExecutionTerminated",
    ]
    assert domain["parcel"].open


def test_a_child_that_was_asked_for_twice_is_ended_once(short):
    domain = short(6)
    domain.start()
    written = domain.decide("order", start_child(), start_child())
    assert of(written, "parcel")[2:] == [
        ev.WorkflowExecutionTerminated(child_policy="TERMINATE", cause="CHILD_POLICY_APPLIED")
    ]
    assert story(written)[3:4] == ["order WorkflowExecutionTerminated"]


def test_a_function_that_reaches_the_limit_is_not_invoked(short):
    domain = short(5)
    domain.start(lambda_role="arn:aws:iam::1:role/r")
    written = domain.decide("order", de.ScheduleLambdaFunction("f", "name"))
    assert story(written)[1:] == [
        "order LambdaFunctionScheduled",
        "order WorkflowExecutionTerminated",
    ]


def test_the_parent_hears_of_it(short):
    """ChildWorkflowExecutionTerminated - A child workflow execution, started by this workflow
    execution, was terminated. (HistoryEvent)"""
    domain = short(11)
    domain.begin("order", start_child())
    while domain["parcel"].last_event_id < 10:
        domain.signal("parcel")
    written = domain.signal("parcel")
    assert story(written) == [
        "parcel WorkflowExecutionSignaled",
        "parcel WorkflowExecutionTerminated",
        "order ChildWorkflowExecutionTerminated",
        # And this is one event too many in turn.
        "order DecisionTaskScheduled",
        "order WorkflowExecutionTerminated",
    ]
    assert of(written, "order")[0] == ev.ChildWorkflowExecutionTerminated(
        workflow_execution=domain.name("parcel"),
        workflow_type=PARCEL,
        initiated_event_id=5,
        started_event_id=6,
    )


@pytest.mark.parametrize("names", [("order", "parcel"), ("parcel", "order")])
def test_a_parent_and_its_child_may_reach_it_in_one_request(short, names):
    """Each is ended once, and neither tells the other: both are closed."""
    domain = short(12)
    domain.begin("order", start_child())
    for name in names:
        while domain[name].last_event_id < 11:
            domain.signal(name)
    domain.start("other")
    written = domain.decide("other", *map(signal, names))
    ended = [event for event in story(written) if "Terminated" in event]
    assert ended == [f"{name} WorkflowExecutionTerminated" for name in names]
    assert [domain.history(name)[-1] for name in names] == [too_long(), too_long()]


@pytest.mark.parametrize(("limits", "ends"), [(SWF_LIMITS, True), (LOCAL_LIMITS, False)])
def test_the_limit_of_swf(domains, limits, ends):
    """25,000. (Developer Guide, Quotas) An engine without a wire may have none."""
    domain = domains(limits=limits)
    domain.start()
    domain["order"].last_event_id = 24_998
    rules, execution = domain.rules, domain["order"]
    for number in (24_999, 25_000):
        assert execution.open
        [write, *more] = rules.signal(execution, "s", None, domain.now)
        assert write.events[0].event_id == number
    assert [event.attributes for write in more for event in write.events] == [too_long()] * ends
    assert execution.open is not ends
    domain.executions.clear()  # the history between was never written
