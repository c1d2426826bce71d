"""The settings of a new execution: what was asked, else its type's defaults, else a fault or a
cause that names what is missing. (How a run that continues is set: test_rules_continue_as_new.)"""

import pytest
from one_domain import NEEDED, ORDER, of, start_child, story, versions_of_order

from dataflow.protocol import events as ev
from dataflow.protocol.faults import DefaultUndefinedFault
from dataflow.protocol.values import TaskList, WorkflowType

BARE, OLD, UNKNOWN = (WorkflowType("order", version) for version in ("bare", "old", "2"))
DEFAULTS = {
    "execution_start_to_close_timeout": "61",
    "task_list": TaskList("defaults"),
    "task_start_to_close_timeout": "31",
    "child_policy": "REQUEST_CANCEL",
    "task_priority": "4",
    "lambda_role": "arn:aws:iam::1:role/d",
}
ASKED = {
    "execution_start_to_close_timeout": "60",
    "task_list": TaskList("asked"),
    "task_start_to_close_timeout": "NONE",
    "child_policy": "ABANDON",
    "task_priority": "-4",
    "lambda_role": "arn:aws:iam::1:role/a",
}
NOTHING = dict.fromkeys(NEEDED)


@pytest.fixture
def typed(domains):
    """A domain with three versions of a type: with all defaults, with none, and deprecated."""
    return domains(registry=versions_of_order(**DEFAULTS))


def first(written, workflow_id="order"):
    return of(written, workflow_id)[0]


def test_the_defaults_of_the_type_stand_in(typed):
    """These parameters might have been set as defaults when the workflow type was registered. In
    this case, you can omit these parameters from the StartWorkflowExecution call and Amazon SWF
    uses the values defined in the workflow type. (DefaultUndefinedFault)"""
    written = typed.start(**NOTHING, input="[1]", tag_list=("a",))
    assert first(written) == ev.WorkflowExecutionStarted(
        workflow_type=ORDER, input="[1]", tag_list=("a",), parent_initiated_event_id=0, **DEFAULTS
    )


def test_what_the_start_says_overrides_the_defaults(typed):
    """This overrides the defaultTaskList specified when registering the workflow type. (taskList;
    the others alike)"""
    written = typed.start(**ASKED)
    assert first(written) == ev.WorkflowExecutionStarted(
        workflow_type=ORDER, parent_initiated_event_id=0, **ASKED
    )


def test_an_empty_time_out_says_nothing(typed):
    """DurationInSecondsOptional has no minimum length."""
    written = typed.start(execution_start_to_close_timeout="", task_start_to_close_timeout="")
    assert first(written).execution_start_to_close_timeout == "61"
    assert first(written).task_start_to_close_timeout == "31"


def test_a_priority_and_a_role_are_not_mandatory(typed):
    """If not set, then the default task priority for the workflow type is used. If not assigned,
    then 0 is used. (taskPriority, defaultTaskPriority)"""
    started = first(typed.start(workflow_type=BARE))
    assert (started.task_priority, started.lambda_role) == (None, None)


MISSING = {
    "execution_start_to_close_timeout": "defaultExecutionStartToCloseTimeout",
    "task_list": "defaultTaskList",
    "task_start_to_close_timeout": "defaultTaskStartToCloseTimeout",
    "child_policy": "defaultChildPolicy",
}


@pytest.mark.parametrize("member", MISSING)
def test_what_is_missing_is_named(typed, member):
    """If neither this parameter is set nor a default task list was specified at registration time
    then a fault is returned. (taskList; the others alike)"""
    with typed.refused(DefaultUndefinedFault, match=f"^{MISSING[member]}$"):
        typed.start(workflow_type=BARE, **{member: None})


# --- children ----------------------------------------------------------------------------


def test_the_defaults_of_the_type_stand_in_for_a_child(typed):
    """A task list for this workflow execution must be specified either as a default for the
    workflow type or through this parameter. (StartChildWorkflowExecution, taskList)"""
    typed.start(**ASKED)
    written = typed.decide("order", start_child(workflow_type=ORDER, **NOTHING))
    started = of(written, "order")[1]
    for member, value in DEFAULTS.items():
        assert getattr(started, member) == getattr(first(written, "parcel"), member) == value


CAUSES = {
    "WORKFLOW_TYPE_DOES_NOT_EXIST": {"workflow_type": UNKNOWN},
    "WORKFLOW_TYPE_DEPRECATED": {"workflow_type": OLD},
    **{
        f"DEFAULT_{member.upper()}_UNDEFINED": {"workflow_type": BARE, member: None}
        for member in MISSING
    },
}


@pytest.mark.parametrize("cause", CAUSES)
def test_a_child_that_cannot_be_started(typed, cause):
    """StartChildWorkflowExecutionFailed - A StartChildWorkflowExecution decision failed. This could
    happen if the workflow type specified isn't registered, is deprecated, or the decision isn't
    properly configured. (Decision)"""
    typed.start()
    written = typed.decide("order", start_child(control="c", **CAUSES[cause]))
    assert of(written, "order")[1] == ev.StartChildWorkflowExecutionFailed(
        workflow_type=CAUSES[cause]["workflow_type"],
        cause=cause,
        workflow_id="parcel",
        initiated_event_id=0,
        decision_task_completed_event_id=4,
        control="c",
    )
    assert story(written)[2:] == ["order DecisionTaskScheduled"]
    assert typed["order"].children == {}
