"""The 54 history events of SWF, one structure per event type, named after it.

An `Event` is an id, a time and the attributes; the class of the attributes *is* the event type,
so code dispatches on classes (``type(event.attributes)``), never on strings.

On the wire an event is a dictionary with one ``...EventAttributes`` member (``to_wire`` and
``from_wire`` convert). An event type that this version does not know becomes `UnknownEvent`: a
history must stay readable when Amazon adds an event type.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from dataflow.protocol.names import (
    ActivityTaskTimeoutType,
    CancelTimerFailedCause,
    CancelWorkflowExecutionFailedCause,
    ChildPolicy,
    CompleteWorkflowExecutionFailedCause,
    ContinueAsNewWorkflowExecutionFailedCause,
    DecisionTaskTimeoutType,
    FailWorkflowExecutionFailedCause,
    LambdaFunctionTimeoutType,
    RecordMarkerFailedCause,
    RequestCancelActivityTaskFailedCause,
    RequestCancelExternalWorkflowExecutionFailedCause,
    ScheduleActivityTaskFailedCause,
    ScheduleLambdaFunctionFailedCause,
    SignalExternalWorkflowExecutionFailedCause,
    StartChildWorkflowExecutionFailedCause,
    StartLambdaFunctionFailedCause,
    StartTimerFailedCause,
    WorkflowExecutionCancelRequestedCause,
    WorkflowExecutionTerminatedCause,
    WorkflowExecutionTimeoutType,
)
from dataflow.protocol.values import ActivityType, TaskList, Value, WorkflowExecution, WorkflowType


class Attributes(Value, frozen=True):
    """What an event says beyond its id and time."""


class WorkflowExecutionStarted(Attributes, frozen=True):
    child_policy: ChildPolicy
    task_list: TaskList
    workflow_type: WorkflowType
    input: str | None = None
    execution_start_to_close_timeout: str | None = None
    task_start_to_close_timeout: str | None = None
    task_priority: str | None = None
    tag_list: tuple[str, ...] | None = None
    continued_execution_run_id: str | None = None
    parent_workflow_execution: WorkflowExecution | None = None
    parent_initiated_event_id: int | None = None
    lambda_role: str | None = None


class WorkflowExecutionCancelRequested(Attributes, frozen=True):
    external_workflow_execution: WorkflowExecution | None = None
    external_initiated_event_id: int | None = None
    cause: WorkflowExecutionCancelRequestedCause | None = None


class WorkflowExecutionCompleted(Attributes, frozen=True):
    decision_task_completed_event_id: int
    result: str | None = None


class CompleteWorkflowExecutionFailed(Attributes, frozen=True):
    cause: CompleteWorkflowExecutionFailedCause
    decision_task_completed_event_id: int


class WorkflowExecutionFailed(Attributes, frozen=True):
    decision_task_completed_event_id: int
    reason: str | None = None
    details: str | None = None


class FailWorkflowExecutionFailed(Attributes, frozen=True):
    cause: FailWorkflowExecutionFailedCause
    decision_task_completed_event_id: int


class WorkflowExecutionTimedOut(Attributes, frozen=True):
    timeout_type: WorkflowExecutionTimeoutType
    child_policy: ChildPolicy


class WorkflowExecutionCanceled(Attributes, frozen=True):
    decision_task_completed_event_id: int
    details: str | None = None


class CancelWorkflowExecutionFailed(Attributes, frozen=True):
    cause: CancelWorkflowExecutionFailedCause
    decision_task_completed_event_id: int


class WorkflowExecutionContinuedAsNew(Attributes, frozen=True):
    decision_task_completed_event_id: int
    new_execution_run_id: str
    task_list: TaskList
    child_policy: ChildPolicy
    workflow_type: WorkflowType
    input: str | None = None
    execution_start_to_close_timeout: str | None = None
    task_priority: str | None = None
    task_start_to_close_timeout: str | None = None
    tag_list: tuple[str, ...] | None = None
    lambda_role: str | None = None


class ContinueAsNewWorkflowExecutionFailed(Attributes, frozen=True):
    cause: ContinueAsNewWorkflowExecutionFailedCause
    decision_task_completed_event_id: int


class WorkflowExecutionTerminated(Attributes, frozen=True):
    child_policy: ChildPolicy
    reason: str | None = None
    details: str | None = None
    cause: WorkflowExecutionTerminatedCause | None = None


class DecisionTaskScheduled(Attributes, frozen=True):
    task_list: TaskList
    task_priority: str | None = None
    start_to_close_timeout: str | None = None
    schedule_to_start_timeout: str | None = None


class DecisionTaskStarted(Attributes, frozen=True):
    scheduled_event_id: int
    identity: str | None = None


class DecisionTaskCompleted(Attributes, frozen=True):
    scheduled_event_id: int
    started_event_id: int
    execution_context: str | None = None
    task_list: TaskList | None = None
    task_list_schedule_to_start_timeout: str | None = None


class DecisionTaskTimedOut(Attributes, frozen=True):
    timeout_type: DecisionTaskTimeoutType
    scheduled_event_id: int
    started_event_id: int


class ActivityTaskScheduled(Attributes, frozen=True):
    activity_type: ActivityType
    activity_id: str
    task_list: TaskList
    decision_task_completed_event_id: int
    input: str | None = None
    control: str | None = None
    schedule_to_start_timeout: str | None = None
    schedule_to_close_timeout: str | None = None
    start_to_close_timeout: str | None = None
    task_priority: str | None = None
    heartbeat_timeout: str | None = None


class ScheduleActivityTaskFailed(Attributes, frozen=True):
    activity_type: ActivityType
    activity_id: str
    cause: ScheduleActivityTaskFailedCause
    decision_task_completed_event_id: int


class ActivityTaskStarted(Attributes, frozen=True):
    scheduled_event_id: int
    identity: str | None = None


class ActivityTaskCompleted(Attributes, frozen=True):
    scheduled_event_id: int
    started_event_id: int
    result: str | None = None


class ActivityTaskFailed(Attributes, frozen=True):
    scheduled_event_id: int
    started_event_id: int
    reason: str | None = None
    details: str | None = None


class ActivityTaskTimedOut(Attributes, frozen=True):
    timeout_type: ActivityTaskTimeoutType
    scheduled_event_id: int
    started_event_id: int
    details: str | None = None


class ActivityTaskCanceled(Attributes, frozen=True):
    scheduled_event_id: int
    started_event_id: int
    details: str | None = None
    latest_cancel_requested_event_id: int | None = None


class ActivityTaskCancelRequested(Attributes, frozen=True):
    decision_task_completed_event_id: int
    activity_id: str


class RequestCancelActivityTaskFailed(Attributes, frozen=True):
    activity_id: str
    cause: RequestCancelActivityTaskFailedCause
    decision_task_completed_event_id: int


class WorkflowExecutionSignaled(Attributes, frozen=True):
    signal_name: str
    input: str | None = None
    external_workflow_execution: WorkflowExecution | None = None
    external_initiated_event_id: int | None = None


class MarkerRecorded(Attributes, frozen=True):
    marker_name: str
    decision_task_completed_event_id: int
    details: str | None = None


class RecordMarkerFailed(Attributes, frozen=True):
    marker_name: str
    cause: RecordMarkerFailedCause
    decision_task_completed_event_id: int


class TimerStarted(Attributes, frozen=True):
    timer_id: str
    start_to_fire_timeout: str
    decision_task_completed_event_id: int
    control: str | None = None


class StartTimerFailed(Attributes, frozen=True):
    timer_id: str
    cause: StartTimerFailedCause
    decision_task_completed_event_id: int


class TimerFired(Attributes, frozen=True):
    timer_id: str
    started_event_id: int


class TimerCanceled(Attributes, frozen=True):
    timer_id: str
    started_event_id: int
    decision_task_completed_event_id: int


class CancelTimerFailed(Attributes, frozen=True):
    timer_id: str
    cause: CancelTimerFailedCause
    decision_task_completed_event_id: int


class StartChildWorkflowExecutionInitiated(Attributes, frozen=True):
    workflow_id: str
    workflow_type: WorkflowType
    task_list: TaskList
    decision_task_completed_event_id: int
    child_policy: ChildPolicy
    control: str | None = None
    input: str | None = None
    execution_start_to_close_timeout: str | None = None
    task_priority: str | None = None
    task_start_to_close_timeout: str | None = None
    tag_list: tuple[str, ...] | None = None
    lambda_role: str | None = None


class StartChildWorkflowExecutionFailed(Attributes, frozen=True):
    workflow_type: WorkflowType
    cause: StartChildWorkflowExecutionFailedCause
    workflow_id: str
    initiated_event_id: int
    decision_task_completed_event_id: int
    control: str | None = None


class ChildWorkflowExecutionStarted(Attributes, frozen=True):
    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    initiated_event_id: int


class ChildWorkflowExecutionCompleted(Attributes, frozen=True):
    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    initiated_event_id: int
    started_event_id: int
    result: str | None = None


class ChildWorkflowExecutionFailed(Attributes, frozen=True):
    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    initiated_event_id: int
    started_event_id: int
    reason: str | None = None
    details: str | None = None


class ChildWorkflowExecutionTimedOut(Attributes, frozen=True):
    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    timeout_type: WorkflowExecutionTimeoutType
    initiated_event_id: int
    started_event_id: int


class ChildWorkflowExecutionCanceled(Attributes, frozen=True):
    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    initiated_event_id: int
    started_event_id: int
    details: str | None = None


class ChildWorkflowExecutionTerminated(Attributes, frozen=True):
    workflow_execution: WorkflowExecution
    workflow_type: WorkflowType
    initiated_event_id: int
    started_event_id: int


class SignalExternalWorkflowExecutionInitiated(Attributes, frozen=True):
    workflow_id: str
    signal_name: str
    decision_task_completed_event_id: int
    run_id: str | None = None
    input: str | None = None
    control: str | None = None


class SignalExternalWorkflowExecutionFailed(Attributes, frozen=True):
    workflow_id: str
    cause: SignalExternalWorkflowExecutionFailedCause
    initiated_event_id: int
    decision_task_completed_event_id: int
    run_id: str | None = None
    control: str | None = None


class ExternalWorkflowExecutionSignaled(Attributes, frozen=True):
    workflow_execution: WorkflowExecution
    initiated_event_id: int


class RequestCancelExternalWorkflowExecutionInitiated(Attributes, frozen=True):
    workflow_id: str
    decision_task_completed_event_id: int
    run_id: str | None = None
    control: str | None = None


class RequestCancelExternalWorkflowExecutionFailed(Attributes, frozen=True):
    workflow_id: str
    cause: RequestCancelExternalWorkflowExecutionFailedCause
    initiated_event_id: int
    decision_task_completed_event_id: int
    run_id: str | None = None
    control: str | None = None


class ExternalWorkflowExecutionCancelRequested(Attributes, frozen=True):
    workflow_execution: WorkflowExecution
    initiated_event_id: int


class LambdaFunctionScheduled(Attributes, frozen=True):
    id: str
    name: str
    decision_task_completed_event_id: int
    control: str | None = None
    input: str | None = None
    start_to_close_timeout: str | None = None


class LambdaFunctionStarted(Attributes, frozen=True):
    scheduled_event_id: int


class LambdaFunctionCompleted(Attributes, frozen=True):
    scheduled_event_id: int
    started_event_id: int
    result: str | None = None


class LambdaFunctionFailed(Attributes, frozen=True):
    scheduled_event_id: int
    started_event_id: int
    reason: str | None = None
    details: str | None = None


class LambdaFunctionTimedOut(Attributes, frozen=True):
    scheduled_event_id: int
    started_event_id: int
    timeout_type: LambdaFunctionTimeoutType | None = None


class ScheduleLambdaFunctionFailed(Attributes, frozen=True):
    id: str
    name: str
    cause: ScheduleLambdaFunctionFailedCause
    decision_task_completed_event_id: int


class StartLambdaFunctionFailed(Attributes, frozen=True):
    scheduled_event_id: int | None = None
    cause: StartLambdaFunctionFailedCause | None = None
    message: str | None = None


class UnknownEvent(Attributes, frozen=True):
    """An event of a type that this version of dataflow does not know."""

    event_type: str


class Event(msgspec.Struct, frozen=True, gc=False):
    """One line of a history."""

    #: 1, 2, 3 ... without gaps.
    event_id: int
    #: Seconds since the epoch.
    timestamp: float
    attributes: Attributes

    @property
    def event_type(self) -> str:
        """The name of the event type, as in the SWF documentation."""
        if isinstance(self.attributes, UnknownEvent):
            return self.attributes.event_type
        return type(self.attributes).__name__


#: Every event type by its name.
EVENT_TYPES: dict[str, type[Attributes]] = {
    cls.__name__: cls for cls in Attributes.__subclasses__() if cls is not UnknownEvent
}


def attributes_member(event_type: str) -> str:
    """The name of the member that holds the attributes of an event of this type."""
    return f"{event_type[0].lower()}{event_type[1:]}EventAttributes"


def to_wire(event: Event) -> dict[str, Any]:
    """The event as the SWF API answers it; ``eventTimestamp`` is a number, as on the wire."""
    wire: dict[str, Any] = {
        "eventId": event.event_id,
        "eventTimestamp": event.timestamp,
        "eventType": event.event_type,
    }
    if not isinstance(event.attributes, UnknownEvent):
        wire[attributes_member(event.event_type)] = msgspec.to_builtins(event.attributes)
    return wire


def from_wire(wire: Mapping[str, Any]) -> Event:
    """Read an event as ``boto3.client("swf")`` or the wire gives it.

    Raises `msgspec.ValidationError` for a structure that is not an event.
    """
    event_type = str(wire["eventType"])
    time = wire["eventTimestamp"]
    cls = EVENT_TYPES.get(event_type)
    attributes: Attributes
    if cls is None:
        attributes = UnknownEvent(event_type=event_type)
    else:
        attributes = msgspec.convert(wire.get(attributes_member(event_type), {}), cls)
    return Event(
        int(wire["eventId"]),
        time.timestamp() if isinstance(time, datetime) else float(time),
        attributes,
    )
