"""Child executions: their start, what the parent hears of their end, and the child policies."""

import pytest
from one_domain import NEEDED, ORDER, PARCEL, of, start_child, story
from one_execution import DECIDERS, kinds

from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.limits import Limits
from dataflow.protocol.values import TaskList, WorkflowExecution

#: The events of an execution that began with one child: its initiation, and the news of its start.
INITIATED, STARTED = 5, 6


@pytest.fixture
def parent(domain):
    """A domain with an execution that has a child; the parent's decider knows all, the child's has
    looked once."""
    domain.begin("order", start_child())
    domain.decide("parcel")
    return domain


# --- the start ---------------------------------------------------------------------------


def test_a_child_starts(domain):
    """StartChildWorkflowExecution - Requests that a child workflow execution be started and records
    a StartChildWorkflowExecutionInitiated event in the history. The child workflow execution is a
    separate workflow execution with its own history. (Decision) ChildWorkflowExecutionStarted - A
    child workflow execution was successfully started. (HistoryEvent)"""
    settings = {
        "execution_start_to_close_timeout": "60",
        "task_list": TaskList("parcels"),
        "task_start_to_close_timeout": "30",
        "child_policy": "ABANDON",
        "task_priority": "3",
        "tag_list": ("a", "b"),
        "lambda_role": "arn:aws:iam::1:role/r",
        "input": "[1]",
    }
    domain.start()
    written = domain.decide("order", start_child(control="c", **settings))
    assert story(written) == [
        "order DecisionTaskCompleted",
        "order StartChildWorkflowExecutionInitiated",
        "parcel WorkflowExecutionStarted",
        "parcel DecisionTaskScheduled",
        "order ChildWorkflowExecutionStarted",
        "order DecisionTaskScheduled",
    ]
    assert of(written, "order")[1:3] == [
        ev.StartChildWorkflowExecutionInitiated(
            workflow_id="parcel",
            workflow_type=PARCEL,
            decision_task_completed_event_id=4,
            control="c",
            **settings,
        ),
        ev.ChildWorkflowExecutionStarted(
            workflow_execution=domain.name("parcel"),
            workflow_type=PARCEL,
            initiated_event_id=INITIATED,
        ),
    ]
    # "This data isn't sent to the child workflow execution": of the control.
    assert of(written, "parcel")[0] == ev.WorkflowExecutionStarted(
        workflow_type=PARCEL,
        parent_workflow_execution=domain.name("order"),
        parent_initiated_event_id=INITIATED,
        **settings,
    )
    assert domain["order"].children[INITIATED].started_event_id == STARTED


def test_a_child_has_not_started_before_it_is_told_so(run):
    """A request was made to start a child workflow execution. (HistoryEvent,
    StartChildWorkflowExecutionInitiated)"""
    run.decide(start_child())
    child = run.state.children[INITIATED]
    assert (child.initiated_event_id, child.started_event_id) == (INITIATED, 0)
    assert child.initiated == run.history[INITIATED - 1].attributes


def test_runs_are_named_after_the_events_that_begin_them(domains):
    """A history written twice from the same answers names the same runs, and each run has a name of
    its own."""
    names = []
    for _ in range(2):
        domain = domains()
        domain.begin("order", start_child("a"), start_child("b"))
        domain.decide("a", start_child("c"))
        names.append(list(domain.executions))
    assert names[0] == names[1]
    assert len(set(names[0])) == 4
    assert all(0 < len(run_id) <= 64 for run_id in names[0])


def test_a_child_may_have_children(parent):
    parent.signal("parcel")
    written = parent.decide("parcel", start_child("label"))
    assert of(written, "label")[0].parent_workflow_execution == parent.name("parcel")
    assert len(parent["order"].children) == len(parent["parcel"].children) == 1


def refused(cause, workflow_type=PARCEL, initiated=0, completed=4):
    return ev.StartChildWorkflowExecutionFailed(
        workflow_type=workflow_type,
        cause=cause,
        workflow_id="parcel",
        initiated_event_id=initiated,
        decision_task_completed_event_id=completed,
        control="c",
    )


def test_a_child_whose_id_is_in_use_fails_after_its_initiation(domain):
    """When the cause is WORKFLOW_ALREADY_RUNNING, initiatedEventId is the ID of the
    StartChildWorkflowExecutionInitiated event. (StartChildWorkflowExecutionFailed...)"""
    domain.start("parcel")
    domain.start()
    written = domain.decide("order", start_child(control="c"))
    assert of(written, "order")[2:3] == [refused("WORKFLOW_ALREADY_RUNNING", initiated=INITIATED)]
    assert story(written)[3:] == ["order DecisionTaskScheduled"]
    assert domain["order"].children == {}


def test_two_children_of_one_id_in_one_answer(domain):
    domain.start()
    written = domain.decide("order", start_child(control="c"), start_child(control="c"))
    assert kinds(of(written, "order"))[1:3] == ["StartChildWorkflowExecutionInitiated"] * 2
    assert of(written, "order")[-1] == refused("WORKFLOW_ALREADY_RUNNING", initiated=INITIATED + 1)
    assert list(domain["order"].children) == [INITIATED]


@pytest.mark.parametrize(
    ("close", "closed"),
    [
        (de.CompleteWorkflowExecution(), ["order WorkflowExecutionCompleted"]),
        (de.FailWorkflowExecution(), ["order WorkflowExecutionFailed"]),
    ],
)
def test_nobody_is_the_child_of_an_execution_of_its_own_id(domain, close, closed):
    """The decisions take effect in their order: the child is asked for while its parent runs. There
    is nobody left to be told."""
    domain.start()
    written = domain.decide("order", start_child("order"), close)
    assert story(written)[1:] == ["order StartChildWorkflowExecutionInitiated", *closed]
    assert domain.rules.open == {}


def test_at_most_so_many_children_are_open(domains):
    """open child workflow executions 1,000 (Developer Guide, Amazon SWF Quotas) When the cause
    isn't WORKFLOW_ALREADY_RUNNING, initiatedEventId is set to 0 because the
    StartChildWorkflowExecutionInitiated event doesn't exist."""
    domain = domains(limits=Limits(open_children=2))
    domain.start()
    a, b, c = start_child("a"), start_child("b"), start_child(control="c")
    written = domain.decide("order", a, b, c)
    assert of(written, "order")[3] == refused("OPEN_CHILDREN_LIMIT_EXCEEDED")
    domain.terminate("a")
    written = domain.decide("order", c)
    assert kinds(of(written, "order"))[1] == "StartChildWorkflowExecutionInitiated"
    assert domain["parcel"].open


def test_a_domain_has_room_for_so_many_executions(domains):
    """Maximum open workflow executions per domain. (Developer Guide, Quotas) No event is written
    of what could not begin, either."""
    domain = domains(open_executions=3)
    domain.start()
    c = start_child(control="c")
    written = domain.decide("order", start_child("a"), start_child("b"), c)
    assert of(written, "order")[3] == refused("OPEN_WORKFLOWS_LIMIT_EXCEEDED")
    assert list(domain.rules.open) == ["order", "a", "b"]
    domain.terminate("a")
    written = domain.decide("order", c, start_child("d"))
    assert kinds(of(written, "order"))[1:3] == [
        "StartChildWorkflowExecutionInitiated",
        "StartChildWorkflowExecutionFailed",
    ]
    assert list(domain.rules.open) == ["order", "b", "parcel"]


def test_a_failed_start_stops_a_close_in_the_same_answer(domains):
    """This could happen if there is an unhandled decision task pending. (Decision)"""
    domain = domains(limits=Limits(open_children=0))
    domain.start()
    written = domain.decide("order", start_child(), de.CompleteWorkflowExecution())
    assert story(written)[1:] == [
        "order StartChildWorkflowExecutionFailed",
        "order CompleteWorkflowExecutionFailed",
        "order DecisionTaskScheduled",
    ]


# --- the end -----------------------------------------------------------------------------

NEWS = {"initiated_event_id": INITIATED, "started_event_id": STARTED, "workflow_type": PARCEL}


def decide(decision):
    def end(domain):
        domain.signal("parcel")
        return domain.decide("parcel", decision)

    return end


ENDS = {
    "Completed": (decide(de.CompleteWorkflowExecution(result="r")), {"result": "r"}),
    "Failed": (
        decide(de.FailWorkflowExecution(reason="r", details="d")),
        {"reason": "r", "details": "d"},
    ),
    "Canceled": (decide(de.CancelWorkflowExecution(details="d")), {"details": "d"}),
    "Terminated": (lambda domain: domain.terminate("parcel", "r", "d"), {}),
    "TimedOut": (lambda domain: domain.wait(60), {"timeout_type": "START_TO_CLOSE"}),
}


@pytest.fixture(params=ENDS)
def ended(request):
    """A way to end, what it says, and the type of the news."""
    return (*ENDS[request.param], getattr(ev, f"ChildWorkflowExecution{request.param}"))


def test_the_parent_hears_how_a_child_has_ended(domain, ended):
    """ChildWorkflowExecutionCompleted - A child workflow execution, started by this workflow
    execution, completed successfully and was closed. ...Failed, ...Canceled, ...Terminated,
    ...TimedOut alike. (HistoryEvent)"""
    end, said, news = ended
    domain.begin("order", start_child(execution_start_to_close_timeout="60"))
    domain.decide("parcel")
    written = end(domain)
    assert of(written, "order")[0] == news(workflow_execution=domain.name("parcel"), **NEWS, **said)
    assert kinds(of(written, "order"))[1:] == ["DecisionTaskScheduled"]
    assert domain["order"].children == {}
    assert list(domain.rules.open) == ["order"]


def test_a_closed_parent_hears_nothing(domain, ended):
    """Nothing is added to the history of an execution that is closed."""
    end, _, __ = ended
    domain.start(child_policy="ABANDON")
    domain.decide("order", start_child(execution_start_to_close_timeout="60"))
    domain.decide("parcel")
    domain.terminate()
    assert of(end(domain), "order") == []
    assert not domain["parcel"].open


def test_a_new_run_of_the_parent_does_not_hear_of_the_children_of_another(parent):
    """The source workflow execution is a run, with its runId. (parentWorkflowExecution)"""
    parent.terminate(child_policy="ABANDON")
    parent.start()
    assert story(parent.terminate("parcel")) == ["parcel WorkflowExecutionTerminated"]


def test_the_id_of_a_child_that_has_ended_is_free(parent):
    parent.terminate("parcel")
    written = parent.decide("order", start_child())
    assert kinds(of(written, "order"))[-2:] == [
        "ChildWorkflowExecutionStarted",
        "DecisionTaskScheduled",
    ]
    assert of(written, "parcel")[0].parent_initiated_event_id != INITIATED


def test_news_of_a_child_stop_a_close(parent):
    """An UnhandledDecision fault is returned if a workflow closing decision is specified and [an]
    event had been added to the history while the decision task was being performed. (Decision)"""
    parent.signal()
    started = parent.poll()
    parent.terminate("parcel")
    written = parent.answer("order", started, de.CompleteWorkflowExecution())
    assert story(written)[1] == "order CompleteWorkflowExecutionFailed"


# --- the child policies ------------------------------------------------------------------

APPLIED = {
    "TERMINATE": [
        ev.WorkflowExecutionTerminated(child_policy="TERMINATE", cause="CHILD_POLICY_APPLIED")
    ],
    "REQUEST_CANCEL": [
        ev.WorkflowExecutionCancelRequested(
            external_workflow_execution=WorkflowExecution("order", "run-1"),
            external_initiated_event_id=0,
            cause="CHILD_POLICY_APPLIED",
        ),
        ev.DecisionTaskScheduled(
            task_list=DECIDERS, start_to_close_timeout="NONE", schedule_to_start_timeout="NONE"
        ),
    ],
    "ABANDON": [],
}
POLICIES = pytest.mark.parametrize("policy", APPLIED)


@POLICIES
@pytest.mark.parametrize("end", ["terminated", "timed out"])
def test_the_policy_is_applied_to_the_open_children(domain, policy, end):
    """The policy to use for the child workflow executions of this workflow execution if it is
    terminated, by calling the TerminateWorkflowExecution action explicitly or due to an expired
    timeout: TERMINATE - The child executions are terminated. REQUEST_CANCEL - A request to cancel
    is attempted for each child execution by recording a WorkflowExecutionCancelRequested event in
    its history. ABANDON - No action is taken. The child executions continue to run. (childPolicy)
    """
    settings = {"child_policy": policy, "execution_start_to_close_timeout": "60"}
    domain.begin("order", start_child("a"), start_child("b"), start_child("closed"), **settings)
    for child in ("a", "b"):
        domain.decide(child)
    domain.terminate("closed")
    written = domain.terminate() if end == "terminated" else domain.wait(60)
    assert of(written, "order")[0].child_policy == policy
    assert of(written, "a") == of(written, "b") == APPLIED[policy]
    assert len(written) == 1 + 2 * len(APPLIED[policy])
    assert domain["a"].open is domain["b"].open is (policy != "TERMINATE")
    assert domain["a"].cancel_requested is (policy == "REQUEST_CANCEL")


@POLICIES
def test_who_terminates_may_choose_another_policy(parent, policy):
    """This policy overrides the child policy specified for the workflow execution at registration
    time or when starting the execution. (TerminateWorkflowExecution, childPolicy)"""
    written = parent.terminate(child_policy=policy)
    assert of(written, "order") == [
        ev.WorkflowExecutionTerminated(child_policy=policy, cause="OPERATOR_INITIATED")
    ]
    assert of(written, "parcel") == APPLIED[policy]


@POLICIES
def test_the_policy_of_a_child_is_for_its_own_children(domain, policy):
    """If set, specifies the policy to use for the child workflow executions if the workflow
    execution being started is terminated. (StartChildWorkflowExecution, childPolicy)"""
    domain.begin("order", start_child(child_policy=policy))
    domain.decide("parcel", start_child("label"))
    domain.decide("label")
    written = domain.terminate()
    assert [told.workflow_id for told in written[:2]] == ["order", "parcel"]
    assert of(written, "parcel") == [
        ev.WorkflowExecutionTerminated(child_policy=policy, cause="CHILD_POLICY_APPLIED")
    ]
    assert kinds(of(written, "label")) == kinds(APPLIED[policy])
    assert domain["label"].open is (policy != "TERMINATE")


@POLICIES
@pytest.mark.parametrize(
    "close",
    [
        de.CompleteWorkflowExecution(),
        de.FailWorkflowExecution(),
        de.CancelWorkflowExecution(),
        de.ContinueAsNewWorkflowExecution(**NEEDED),
    ],
    ids=lambda decision: type(decision).__name__,
)
def test_an_execution_that_closes_itself_applies_no_policy(domain, policy, close):
    """... if it is terminated, by calling the TerminateWorkflowExecution action explicitly or due
    to an expired timeout. (childPolicy: no other end is named)"""
    domain.begin("order", start_child(), child_policy=policy)
    domain.signal()
    assert of(domain.decide("order", close), "parcel") == []
    assert domain["parcel"].open


def test_a_child_that_begins_with_the_last_answer_of_its_parent_goes_on(domain):
    domain.start()
    written = domain.decide("order", start_child(), de.CompleteWorkflowExecution())
    assert story(written)[1:] == [
        "order StartChildWorkflowExecutionInitiated",
        "order WorkflowExecutionCompleted",
        "parcel WorkflowExecutionStarted",
        "parcel DecisionTaskScheduled",
    ]
    assert story(domain.terminate("parcel")) == ["parcel WorkflowExecutionTerminated"]


def test_a_stranger_that_took_the_id_of_a_child_is_left_alone(parent):
    """Applied to any open child workflow executions of this workflow execution.
    (TerminateWorkflowExecution)"""
    parent.terminate("parcel")
    parent.start("parcel", workflow_type=ORDER)
    assert story(parent.terminate()) == ["order WorkflowExecutionTerminated"]
    assert parent["parcel"].open
