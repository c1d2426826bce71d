"""ContinueAsNewWorkflowExecution: the close of a run, and the run that follows it."""

import pytest
from one_domain import (
    NEEDED,
    ORDER,
    PARCEL,
    continue_as_new,
    of,
    start_child,
    story,
    versions_of_order,
)
from one_execution import schedule

from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.values import TaskList, WorkflowType

SETTINGS = {
    "execution_start_to_close_timeout": "60",
    "task_list": TaskList("others"),
    "task_start_to_close_timeout": "30",
    "child_policy": "ABANDON",
    "task_priority": "3",
    "tag_list": ("a", "b"),
    "lambda_role": "arn:aws:iam::1:role/r",
    "input": "[1]",
}


def test_a_run_is_closed_and_the_next_begins(domain):
    """ContinueAsNewWorkflowExecution - Closes the workflow execution and starts a new workflow
    execution of the same type using the same workflowId and a unique runId. A
    WorkflowExecutionContinuedAsNew event is recorded in the history. (Decision)"""
    domain.start(input="[0]", task_priority="9", tag_list=("old",))
    written = domain.decide("order", de.ContinueAsNewWorkflowExecution(**SETTINGS))
    assert story(written)[1:] == [
        "order WorkflowExecutionContinuedAsNew",
        "order WorkflowExecutionStarted",
        "order DecisionTaskScheduled",
    ]
    new = domain["order"]
    assert written[1].attributes == ev.WorkflowExecutionContinuedAsNew(
        decision_task_completed_event_id=4,
        new_execution_run_id=new.run_id,
        workflow_type=ORDER,
        **SETTINGS,
    )
    assert written[2].attributes == ev.WorkflowExecutionStarted(
        workflow_type=ORDER,
        continued_execution_run_id="run-1",
        parent_initiated_event_id=0,
        **SETTINGS,
    )
    assert domain.executions["run-1"].close_status == "CONTINUED_AS_NEW"
    assert domain.rules.open == {"order": new}
    assert domain.rules.run("run-1") is None
    assert new.last_event_id == 2


def test_each_run_has_an_id_of_its_own(domain):
    domain.start()
    for _ in range(3):
        domain.decide("order", continue_as_new())
    assert len(domain.executions) == 4
    continued = [e.started.continued_execution_run_id for e in domain.executions.values()]
    assert continued == [None, *list(domain.executions)[:-1]]


def test_a_full_domain_has_room_for_the_next_run(domains):
    """One closes, one begins."""
    domain = domains(open_executions=1)
    domain.start()
    domain.decide("order", continue_as_new())
    assert domain["order"].open


def test_what_was_open_ends_with_the_old_run(domain):
    domain.start()
    domain.decide("order", schedule("a"), de.StartTimer("t", "5"))
    domain.signal()
    domain.decide("order", continue_as_new())
    assert domain.wait(90_000) == []
    assert domain["order"].activities == domain["order"].timers == {}


def test_a_workflow_id_leads_to_the_new_run(domain):
    domain.start()
    domain.decide("order", continue_as_new())
    domain.start("other")
    by_id = de.SignalExternalWorkflowExecution("order", "s")
    by_run = de.SignalExternalWorkflowExecution("order", "s", run_id="run-1")
    written = domain.decide("other", by_id, by_run)
    assert story(written)[3:] == [
        "order WorkflowExecutionSignaled",
        "other ExternalWorkflowExecutionSignaled",
        "other DecisionTaskScheduled",
        "other SignalExternalWorkflowExecutionFailed",
    ]


# --- the type ----------------------------------------------------------------------------


DEFAULTS = {
    "execution_start_to_close_timeout": "61",
    "task_list": TaskList("defaults"),
    "task_start_to_close_timeout": "31",
    "child_policy": "REQUEST_CANCEL",
    "task_priority": "4",
    "lambda_role": "arn:aws:iam::1:role/d",
}


@pytest.fixture
def typed(domains):
    """An execution of a type with three versions: with all defaults, with none, and deprecated."""
    domain = domains(registry=versions_of_order(**DEFAULTS))
    domain.start(tag_list=("a",), input="[0]")
    return domain


def test_the_defaults_of_the_type_stand_in_and_not_the_old_run(typed):
    """A task list for the new workflow execution must be specified either as a default for the
    workflow type or through this parameter. (and alike for the other settings)"""
    written = typed.decide("order", de.ContinueAsNewWorkflowExecution())
    assert written[2].attributes == ev.WorkflowExecutionStarted(
        workflow_type=ORDER,
        continued_execution_run_id="run-1",
        parent_initiated_event_id=0,
        **DEFAULTS,
    )


def test_another_version_of_the_type_may_go_on(typed):
    """The version of the workflow to start. (workflowTypeVersion)"""
    written = typed.decide("order", continue_as_new(workflow_type_version="bare"))
    assert written[1].attributes.workflow_type == WorkflowType("order", "bare")
    assert written[2].attributes.workflow_type == WorkflowType("order", "bare")


def lacking(member):
    return {name: value for name, value in NEEDED.items() if name != member}


CAUSES = {
    "WORKFLOW_TYPE_DOES_NOT_EXIST": {"workflow_type_version": "2"},
    "WORKFLOW_TYPE_DEPRECATED": {"workflow_type_version": "old"},
    **{
        f"DEFAULT_{member.upper()}_UNDEFINED": {**lacking(member), "workflow_type_version": "bare"}
        for member in NEEDED
    },
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_run_that_cannot_be_continued(typed, cause):
    """ContinueAsNewWorkflowExecutionFailed - A ContinueAsNewWorkflowExecution decision failed. This
    could happen if there is an unhandled decision task pending in the workflow execution or the
    ContinueAsNewWorkflowExecution decision was not configured correctly. (Decision)"""
    written = typed.decide("order", de.ContinueAsNewWorkflowExecution(**CAUSES[cause]))
    assert written[1].attributes == ev.ContinueAsNewWorkflowExecutionFailed(
        cause=cause, decision_task_completed_event_id=4
    )
    assert story(written)[2:] == ["order DecisionTaskScheduled"]
    assert typed["order"].open


# --- with a parent -----------------------------------------------------------------------


@pytest.fixture
def continued(domain):
    """A parent whose child has continued as new twice."""
    domain.begin("order", start_child())
    first = domain.name("parcel")
    for _ in range(2):
        written = domain.decide("parcel", continue_as_new())
        assert of(written, "order") == []
    return domain, first


def test_the_new_run_keeps_the_parent(continued):
    """The source workflow execution that started this workflow execution.
    (parentWorkflowExecution)"""
    domain, _ = continued
    started = domain["parcel"].started
    assert started.parent_workflow_execution == domain.name("order")
    assert started.parent_initiated_event_id == 5
    assert started.continued_execution_run_id is not None


def test_the_parent_hears_of_the_last_run_only(continued):
    """Contains information about the child: the events that initiated and started it are those of
    the first run. (ChildWorkflowExecutionCompletedEventAttributes)"""
    domain, first = continued
    written = domain.decide("parcel", de.CompleteWorkflowExecution(result="r"))
    assert domain.name("parcel") != first
    assert of(written, "order")[0] == ev.ChildWorkflowExecutionCompleted(
        workflow_execution=domain.name("parcel"),
        workflow_type=PARCEL,
        result="r",
        initiated_event_id=5,
        started_event_id=6,
    )
    assert domain["order"].children == {}


def test_the_child_policy_is_applied_to_the_last_run(continued):
    domain, _ = continued
    assert story(domain.terminate()) == [
        "order WorkflowExecutionTerminated",
        "parcel WorkflowExecutionTerminated",
    ]


def test_the_children_of_the_old_run_are_not_those_of_the_new_one(domain):
    """No policy is applied, and nobody hears of them any more."""
    domain.begin("order", start_child())
    domain.signal()
    domain.decide("order", continue_as_new())
    assert story(domain.terminate()) == ["order WorkflowExecutionTerminated"]
    assert story(domain.terminate("parcel")) == ["parcel WorkflowExecutionTerminated"]
