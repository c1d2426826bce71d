"""The 54 history events of SWF, one structure per event type, named after it.

An `Event` is an id, a time and the attributes; the class of the attributes *is* the event type,
so code dispatches on classes (``type(event.attributes)``), never on strings.

On the wire an event is a dictionary with one ``...EventAttributes`` member (``to_wire`` and
``from_wire`` convert; ``encode`` and ``decode`` are the fast pair for JSON).

A history must stay readable when Amazon adds to it. An event type that this version does not know
becomes `UnknownEvent`; a member is passed over; a value of an enumeration stays in the event as the
string that it is, although the annotation does not list it.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args, get_origin

import msgspec

from dataflow.protocol.names import (
    ActivityTaskTimeoutType,
    CancelTimerFailedCause,
    CancelWorkflowExecutionFailedCause,
    ChildPolicy,
    CloseStatus,
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


#: The events that close an execution, and how it is closed then.
CLOSE_STATUS: dict[type[Attributes], CloseStatus] = {
    WorkflowExecutionCompleted: "COMPLETED",
    WorkflowExecutionFailed: "FAILED",
    WorkflowExecutionCanceled: "CANCELED",
    WorkflowExecutionTimedOut: "TIMED_OUT",
    WorkflowExecutionTerminated: "TERMINATED",
    WorkflowExecutionContinuedAsNew: "CONTINUED_AS_NEW",
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
    time = wire.get("eventTimestamp")
    if isinstance(time, datetime):
        wire = {**wire, "eventTimestamp": time.timestamp()}
    head = msgspec.convert(wire, _Head)
    cls = EVENT_TYPES.get(head.eventType)
    if cls is None:
        attributes: Attributes = UnknownEvent(event_type=head.eventType)
    else:
        given = wire.get(_NAMES[cls][1])
        if given is None:
            given = {}
        try:
            attributes = msgspec.convert(given, cls)
        except msgspec.ValidationError:
            # Once more, with every value of an enumeration allowed.
            attributes = cls(*msgspec.structs.astuple(msgspec.convert(given, _open(cls))))
    return Event(head.eventId, head.eventTimestamp, attributes)


def encode(event: Event) -> bytes:
    """The JSON of an event, as the SWF API answers it."""
    attributes = event.attributes
    if isinstance(attributes, UnknownEvent):
        return _ENCODE(to_wire(event))
    name, member = _NAMES[type(attributes)]
    return _ENCODE(
        {
            "eventId": event.event_id,
            "eventTimestamp": event.timestamp,
            "eventType": name,
            member: attributes,
        }
    )


def decode(text: bytes) -> Event:
    """Read an event from its JSON.

    Raises `msgspec.DecodeError`: for what is not an event, its kind `msgspec.ValidationError`.
    """
    try:
        return _event(_decoder().decode(text))
    except msgspec.ValidationError:
        return from_wire(msgspec.json.decode(text, type=dict[str, Any]))
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from error


def decode_all(text: bytes | msgspec.Raw) -> list[Event]:
    """Read a JSON list of events. Raises what `decode` raises."""
    try:
        return [_event(wire) for wire in _list_decoder().decode(text)]
    except msgspec.ValidationError:
        return [from_wire(wire) for wire in msgspec.json.decode(text, type=list[dict[str, Any]])]
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(str(error)) from error


_ENCODE = msgspec.json.Encoder().encode

#: What an event of each class is called, and its attributes.
_NAMES: dict[type[Attributes], tuple[str, str]] = {
    cls: (name, attributes_member(name)) for name, cls in EVENT_TYPES.items()
}


def _event(wire: Any) -> Event:
    cls = EVENT_TYPES.get(wire.eventType)
    if cls is None:
        return Event(wire.eventId, wire.eventTimestamp, UnknownEvent(event_type=wire.eventType))
    attributes: Attributes | None = getattr(wire, _NAMES[cls][1])
    if attributes is None:
        attributes = msgspec.convert({}, cls)
    return Event(wire.eventId, wire.eventTimestamp, attributes)


# Measured: one decoder of a structure that has a member for each of the 54 types is as fast as 54
# decoders, of which the right one would have to be found first. It is made when it is needed, since
# it would make up half of the time that importing this module takes.


@functools.cache
def _decoder() -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_wire_event())


@functools.cache
def _list_decoder() -> msgspec.json.Decoder[Any]:
    kind = _wire_event()
    return msgspec.json.Decoder(list[kind])  # type: ignore[valid-type]


@functools.cache
def _wire_event() -> type[Any]:
    """A structure with the members of an event on the wire."""
    members = [(attributes_member(name), cls | None, None) for name, cls in EVENT_TYPES.items()]
    return msgspec.defstruct(
        "WireEvent",
        [("eventId", int), ("eventTimestamp", float), ("eventType", str), *members],
        frozen=True,
        gc=False,
    )


class _Head(msgspec.Struct, gc=False):
    """What every event has."""

    eventId: int
    eventTimestamp: float
    eventType: str


@functools.cache
def _open(cls: type[Attributes]) -> type[Any]:
    """A structure with the members of this one, in which an enumeration may be any string."""
    fields = []
    for field in msgspec.structs.fields(cls):
        parts = (field.type, *get_args(field.type))
        kind = str if any(get_origin(part) is Literal for part in parts) else field.type
        fields.append((field.name, kind) if field.required else (field.name, kind | None, None))
    return msgspec.defstruct(cls.__name__, fields, rename="camel", gc=False)
