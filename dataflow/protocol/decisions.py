"""The 13 decisions of SWF, one structure per decision type, named after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dataflow.protocol.names import ChildPolicy, DecisionType
from dataflow.protocol.values import (
    ActivityType,
    Arn,
    Data,
    Duration,
    FunctionName,
    Id,
    Name,
    OptionalDuration,
    OptionalRunId,
    Reason,
    TagList,
    TaskList,
    Value,
    Version,
    WorkflowType,
)


class Decision(Value, frozen=True):
    """What a decider asks of the engine."""


class ScheduleActivityTask(Decision, frozen=True):
    activity_type: ActivityType
    activity_id: Id
    control: Data | None = None
    input: Data | None = None
    schedule_to_close_timeout: OptionalDuration | None = None
    task_list: TaskList | None = None
    task_priority: str | None = None
    schedule_to_start_timeout: OptionalDuration | None = None
    start_to_close_timeout: OptionalDuration | None = None
    heartbeat_timeout: OptionalDuration | None = None


class RequestCancelActivityTask(Decision, frozen=True):
    activity_id: Id


class CompleteWorkflowExecution(Decision, frozen=True):
    result: Data | None = None


class FailWorkflowExecution(Decision, frozen=True):
    reason: Reason | None = None
    details: Data | None = None


class CancelWorkflowExecution(Decision, frozen=True):
    details: Data | None = None


class ContinueAsNewWorkflowExecution(Decision, frozen=True):
    input: Data | None = None
    execution_start_to_close_timeout: OptionalDuration | None = None
    task_list: TaskList | None = None
    task_priority: str | None = None
    task_start_to_close_timeout: OptionalDuration | None = None
    child_policy: ChildPolicy | None = None
    tag_list: TagList | None = None
    workflow_type_version: Version | None = None
    lambda_role: Arn | None = None


class RecordMarker(Decision, frozen=True):
    marker_name: Name
    details: Data | None = None


class StartTimer(Decision, frozen=True):
    timer_id: Id
    start_to_fire_timeout: Duration
    control: Data | None = None


class CancelTimer(Decision, frozen=True):
    timer_id: Id


class SignalExternalWorkflowExecution(Decision, frozen=True):
    workflow_id: Id
    signal_name: Name
    run_id: OptionalRunId | None = None
    input: Data | None = None
    control: Data | None = None


class RequestCancelExternalWorkflowExecution(Decision, frozen=True):
    workflow_id: Id
    run_id: OptionalRunId | None = None
    control: Data | None = None


class StartChildWorkflowExecution(Decision, frozen=True):
    workflow_type: WorkflowType
    workflow_id: Id
    control: Data | None = None
    input: Data | None = None
    execution_start_to_close_timeout: OptionalDuration | None = None
    task_list: TaskList | None = None
    task_priority: str | None = None
    task_start_to_close_timeout: OptionalDuration | None = None
    child_policy: ChildPolicy | None = None
    tag_list: TagList | None = None
    lambda_role: Arn | None = None


class ScheduleLambdaFunction(Decision, frozen=True):
    id: Id
    name: FunctionName
    control: Data | None = None
    input: Data | None = None
    start_to_close_timeout: OptionalDuration | None = None


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


class WireDecision(Value, frozen=True):
    """A decision as it travels: its type, and the one of thirteen members that goes with it.

    The attributes may be left out where none of them is required.
    """

    decision_type: DecisionType
    schedule_activity_task_decision_attributes: ScheduleActivityTask | None = None
    request_cancel_activity_task_decision_attributes: RequestCancelActivityTask | None = None
    complete_workflow_execution_decision_attributes: CompleteWorkflowExecution | None = None
    fail_workflow_execution_decision_attributes: FailWorkflowExecution | None = None
    cancel_workflow_execution_decision_attributes: CancelWorkflowExecution | None = None
    continue_as_new_workflow_execution_decision_attributes: (
        ContinueAsNewWorkflowExecution | None
    ) = None
    record_marker_decision_attributes: RecordMarker | None = None
    start_timer_decision_attributes: StartTimer | None = None
    cancel_timer_decision_attributes: CancelTimer | None = None
    signal_external_workflow_execution_decision_attributes: (
        SignalExternalWorkflowExecution | None
    ) = None
    request_cancel_external_workflow_execution_decision_attributes: (
        RequestCancelExternalWorkflowExecution | None
    ) = None
    start_child_workflow_execution_decision_attributes: StartChildWorkflowExecution | None = None
    schedule_lambda_function_decision_attributes: ScheduleLambdaFunction | None = None

    def __post_init__(self) -> None:
        if self._given() is None and self.decision_type not in _WITHOUT_ATTRIBUTES:
            # msgspec adds the path, and says it so itself where a member is missing.
            missing = attributes_member(self.decision_type)
            raise ValueError(f"Object missing required field `{missing}`")

    def _given(self) -> Decision | None:
        decision: Decision | None = getattr(self, _MEMBERS[self.decision_type])
        return decision

    @property
    def decision(self) -> Decision:
        """What is decided."""
        return self._given() or _WITHOUT_ATTRIBUTES[self.decision_type]


#: Where a `WireDecision` of each type has its attributes.
_MEMBERS: dict[str, str] = dict(
    zip(DECISION_TYPES, WireDecision.__struct_fields__[1:], strict=True)
)

#: The decisions of which no attribute is required.
_WITHOUT_ATTRIBUTES: dict[str, Decision] = {
    name: cls()
    for name, cls in DECISION_TYPES.items()
    if not any(field.required for field in msgspec.structs.fields(cls))
}


def to_wire(decision: Decision) -> dict[str, Any]:
    """The decision as ``RespondDecisionTaskCompleted`` takes it."""
    name = type(decision).__name__
    return {"decisionType": name, attributes_member(name): msgspec.to_builtins(decision)}


def from_wire(wire: Mapping[str, Any]) -> Decision:
    """Read a decision from its wire form.

    Raises `msgspec.ValidationError` for an unknown decision type and for wrong members.
    """
    return msgspec.convert(wire, WireDecision).decision
