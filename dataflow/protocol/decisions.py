"""The 13 decisions of SWF, one structure per decision type, named after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dataflow.protocol.names import ChildPolicy
from dataflow.protocol.values import ActivityType, TaskList, Value, WorkflowType


class Decision(Value, frozen=True):
    """What a decider asks of the engine."""


class ScheduleActivityTask(Decision, frozen=True):
    activity_type: ActivityType
    activity_id: str
    control: str | None = None
    input: str | None = None
    schedule_to_close_timeout: str | None = None
    task_list: TaskList | None = None
    task_priority: str | None = None
    schedule_to_start_timeout: str | None = None
    start_to_close_timeout: str | None = None
    heartbeat_timeout: str | None = None


class RequestCancelActivityTask(Decision, frozen=True):
    activity_id: str


class CompleteWorkflowExecution(Decision, frozen=True):
    result: str | None = None


class FailWorkflowExecution(Decision, frozen=True):
    reason: str | None = None
    details: str | None = None


class CancelWorkflowExecution(Decision, frozen=True):
    details: str | None = None


class ContinueAsNewWorkflowExecution(Decision, frozen=True):
    input: str | None = None
    execution_start_to_close_timeout: str | None = None
    task_list: TaskList | None = None
    task_priority: str | None = None
    task_start_to_close_timeout: str | None = None
    child_policy: ChildPolicy | None = None
    tag_list: tuple[str, ...] | None = None
    workflow_type_version: str | None = None
    lambda_role: str | None = None


class RecordMarker(Decision, frozen=True):
    marker_name: str
    details: str | None = None


class StartTimer(Decision, frozen=True):
    timer_id: str
    start_to_fire_timeout: str
    control: str | None = None


class CancelTimer(Decision, frozen=True):
    timer_id: str


class SignalExternalWorkflowExecution(Decision, frozen=True):
    workflow_id: str
    signal_name: str
    run_id: str | None = None
    input: str | None = None
    control: str | None = None


class RequestCancelExternalWorkflowExecution(Decision, frozen=True):
    workflow_id: str
    run_id: str | None = None
    control: str | None = None


class StartChildWorkflowExecution(Decision, frozen=True):
    workflow_type: WorkflowType
    workflow_id: str
    control: str | None = None
    input: str | None = None
    execution_start_to_close_timeout: str | None = None
    task_list: TaskList | None = None
    task_priority: str | None = None
    task_start_to_close_timeout: str | None = None
    child_policy: ChildPolicy | None = None
    tag_list: tuple[str, ...] | None = None
    lambda_role: str | None = None


class ScheduleLambdaFunction(Decision, frozen=True):
    id: str
    name: str
    control: str | None = None
    input: str | None = None
    start_to_close_timeout: str | None = None


#: Every decision type by its name.
DECISION_TYPES: dict[str, type[Decision]] = {cls.__name__: cls for cls in Decision.__subclasses__()}

#: The decisions that close an execution; such a decision is the last of its batch.
#: https://docs.aws.amazon.com/amazonswf/latest/apireference/API_Decision.html
CLOSING_DECISIONS: frozenset[type[Decision]] = frozenset(
    {
        CompleteWorkflowExecution,
        FailWorkflowExecution,
        CancelWorkflowExecution,
        ContinueAsNewWorkflowExecution,
    }
)


def attributes_member(decision_type: str) -> str:
    """The name of the member that holds the attributes of a decision of this type."""
    return f"{decision_type[0].lower()}{decision_type[1:]}DecisionAttributes"


def to_wire(decision: Decision) -> dict[str, Any]:
    """The decision as ``RespondDecisionTaskCompleted`` takes it."""
    name = type(decision).__name__
    return {"decisionType": name, attributes_member(name): msgspec.to_builtins(decision)}


def from_wire(wire: Mapping[str, Any]) -> Decision:
    """Read a decision from its wire form.

    Raises `KeyError` for an unknown decision type, `msgspec.ValidationError` for wrong members.
    """
    name = str(wire["decisionType"])
    return msgspec.convert(wire.get(attributes_member(name), {}), DECISION_TYPES[name])
