"""The tasks of an execution, with every attempt, from the events of its history alone.

1. *In the order of their first scheduling*, in one pass over the events.
2. *Whoever decided.* Histories of other deciders are read, too: what a kind of task is called, and
   what ``control`` holds, may be anything.
3. *Any stretch of a history will do.* What an event refers to and is not there is passed over.

A task is known by its kind and id. An id that is scheduled again, by a retry or by a workflow that
uses it twice, is another attempt of the same task.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from dataflow.inspection.fields import Fetch
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.protocol.values import WORKER_LOST
from dataflow.replay.sources import Sources
from dataflow.replay.sources import read as read_sources
from dataflow.task import OWN_TIMERS

Kind = Literal["activity", "timer", "child", "lambda", "signal", "marker"]

State = Literal[
    "scheduled",
    "started",
    "completed",
    "failed",
    "timed_out",
    "canceled",
    # a child alone
    "terminated",
    # a timer alone
    "fired",
    # a marker alone
    "recorded",
    # a signal that came from outside
    "received",
    # refused by the engine; the reason is its cause
    "not_scheduled",
]

#: The states that nothing follows, unless the task is scheduled again.
ENDED: frozenset[State] = frozenset(get_args(State)) - {"scheduled", "started"}
#: The states of what went wrong.
WRONG: frozenset[State] = frozenset(
    {"failed", "timed_out", "canceled", "terminated", "not_scheduled"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at a task; times are seconds since the epoch."""

    scheduled_event_id: int
    scheduled_at: float
    #: None until it has started, and for good if it ended before.
    started_at: float | None = None
    ended_at: float | None = None
    ended_event_id: int | None = None
    state: State = "scheduled"
    #: ``ValueError: ...``, the type of a time-out, or the cause of a refusal.
    reason: str | None = None
    details: str | None = None
    #: Who performed it, as that process calls itself.
    identity: str | None = None

    @property
    def state_at(self) -> float:
        """Since when it is in its state."""
        if self.ended_at is not None:
            return self.ended_at
        return self.scheduled_at if self.started_at is None else self.started_at

    @property
    def is_lost(self) -> bool:
        """Whether its worker was gone: no fault of the task's, which is tried again."""
        return self.details == WORKER_LOST

    def waiting(self, until: float) -> float:
        """Seconds before it started; ``until``, where it has neither started nor ended."""
        end = self.ended_at if self.started_at is None else self.started_at
        return max(0.0, (until if end is None else end) - self.scheduled_at)

    def running(self, until: float) -> float | None:
        """Seconds since it started; ``until``, where it has not ended. None: it never started."""
        if self.started_at is None:
            return None
        return max(0.0, (until if self.ended_at is None else self.ended_at) - self.started_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What history says of one task."""

    task_id: str
    kind: Kind
    #: Of the type, of the Lambda function, of the signal, of the marker; a timer's id.
    name: str
    version: str = ""
    task_list: str | None = None
    input: str | None = None
    control: str | None = None
    #: Of the last attempt; a marker's details.
    result: str | None = None
    #: Of a child: the run of its last attempt.
    run_id: str | None = None
    #: At least one, in order.
    attempts: tuple[Attempt, ...]

    @property
    def first(self) -> Attempt:
        """The first attempt."""
        return self.attempts[0]

    @property
    def last(self) -> Attempt:
        """The last attempt, in whose state the task is."""
        return self.attempts[-1]

    @property
    def state(self) -> State:
        """The state of the last attempt."""
        return self.attempts[-1].state

    @property
    def state_at(self) -> float:
        """Since when it is in its state."""
        return self.attempts[-1].state_at

    @property
    def scheduled_at(self) -> float:
        """When it was scheduled first."""
        return self.attempts[0].scheduled_at

    @property
    def started_at(self) -> float | None:
        """When it started first; None: no attempt has started."""
        return next((a.started_at for a in self.attempts if a.started_at is not None), None)

    @property
    def ended_at(self) -> float | None:
        """When its last attempt ended; None: it has not."""
        return self.attempts[-1].ended_at

    @property
    def is_step(self) -> bool:
        """Whether a workflow asked for it, and it takes its time: no signal, no marker."""
        return not self.is_own and self.kind not in {"signal", "marker"}

    @property
    def is_own(self) -> bool:
        """Whether the replay needs it and no workflow asked: back-offs, postponed decisions."""
        return (
            self.kind == "timer"
            and self.task_id.startswith(OWN_TIMERS)
            and not self.task_id.startswith(f"{OWN_TIMERS}sleep-")
        )

    @property
    def sources(self) -> Sources:
        """The tasks that fed it, and those that it followed."""
        return read_sources(self.control)

    def waiting(self, until: float) -> float:
        """Seconds before it started, in all attempts; ``until``, where the last one waits still."""
        return sum(attempt.waiting(until) for attempt in self.attempts)

    def running(self, until: float) -> float | None:
        """Seconds that it ran, in all attempts. None: it never started."""
        ran = [t for t in (attempt.running(until) for attempt in self.attempts) if t is not None]
        return sum(ran) if ran else None


def tasks(events: Iterable[Event]) -> list[Task]:
    """The tasks that these events tell of."""
    fold = Fold()
    for event in events:
        fold.apply(event)
    return fold.tasks()


def state_after(event: Event) -> State | None:
    """The state of the task that an event is about; None: it is about none."""
    cls = type(event.attributes)
    if cls in _STARTS:
        return "started"
    if cls in _ENDS:
        return _ENDS[cls][0]
    return _BEGINNINGS.get(cls)


def whole(task: Task, fetch: Fetch) -> Task:
    """The same task with its fields in clear, and what they refer to."""

    def field(text: str | None) -> str | None:
        return None if text is None else fetch(text)

    attempts = tuple(
        replace(attempt, reason=field(attempt.reason), details=field(attempt.details))
        for attempt in task.attempts
    )
    return replace(task, input=field(task.input), result=field(task.result), attempts=attempts)


# --- the fold ------------------------------------------------------------------------------

#: Events that start an attempt, and the member that names the event which scheduled it.
_STARTS: dict[type[ev.Attributes], str] = {
    ev.ActivityTaskStarted: "scheduled_event_id",
    ev.ChildWorkflowExecutionStarted: "initiated_event_id",
    ev.LambdaFunctionStarted: "scheduled_event_id",
}

#: Events that end an attempt: the state after it, and the member, as above.
_ENDS: dict[type[ev.Attributes], tuple[State, str]] = {
    ev.ActivityTaskCompleted: ("completed", "scheduled_event_id"),
    ev.ActivityTaskFailed: ("failed", "scheduled_event_id"),
    ev.ActivityTaskTimedOut: ("timed_out", "scheduled_event_id"),
    ev.ActivityTaskCanceled: ("canceled", "scheduled_event_id"),
    ev.TimerFired: ("fired", "started_event_id"),
    ev.TimerCanceled: ("canceled", "started_event_id"),
    ev.ChildWorkflowExecutionCompleted: ("completed", "initiated_event_id"),
    ev.ChildWorkflowExecutionFailed: ("failed", "initiated_event_id"),
    ev.ChildWorkflowExecutionTimedOut: ("timed_out", "initiated_event_id"),
    ev.ChildWorkflowExecutionCanceled: ("canceled", "initiated_event_id"),
    ev.ChildWorkflowExecutionTerminated: ("terminated", "initiated_event_id"),
    ev.LambdaFunctionCompleted: ("completed", "scheduled_event_id"),
    ev.LambdaFunctionFailed: ("failed", "scheduled_event_id"),
    ev.LambdaFunctionTimedOut: ("timed_out", "scheduled_event_id"),
    ev.StartLambdaFunctionFailed: ("failed", "scheduled_event_id"),
    ev.ExternalWorkflowExecutionSignaled: ("completed", "initiated_event_id"),
    ev.SignalExternalWorkflowExecutionFailed: ("failed", "initiated_event_id"),
}

#: Events that begin an attempt, and its state then.
_BEGINNINGS: dict[type[ev.Attributes], State] = {
    ev.ActivityTaskScheduled: "scheduled",
    ev.ScheduleActivityTaskFailed: "not_scheduled",
    ev.TimerStarted: "started",
    ev.StartTimerFailed: "not_scheduled",
    ev.StartChildWorkflowExecutionInitiated: "scheduled",
    ev.StartChildWorkflowExecutionFailed: "not_scheduled",
    ev.LambdaFunctionScheduled: "scheduled",
    ev.ScheduleLambdaFunctionFailed: "not_scheduled",
    ev.SignalExternalWorkflowExecutionInitiated: "scheduled",
    ev.WorkflowExecutionSignaled: "received",
    ev.MarkerRecorded: "recorded",
    ev.RecordMarkerFailed: "not_scheduled",
}


class _Draft:
    """A task while its events are read."""

    __slots__ = ("fields", "result", "run_id", "tries")

    def __init__(self, fields: dict[str, Any]) -> None:
        self.fields = fields
        self.result: str | None = None
        self.run_id: str | None = None
        self.tries: list[dict[str, Any]] = []

    def task(self) -> Task:
        attempts = tuple(Attempt(**fields) for fields in self.tries)
        return Task(**self.fields, result=self.result, run_id=self.run_id, attempts=attempts)


class Fold:
    """Tasks while events come."""

    def __init__(self) -> None:
        self._drafts: dict[tuple[str, str], _Draft] = {}
        #: By the event that scheduled the attempt.
        self.unfinished: dict[int, tuple[_Draft, dict[str, Any]]] = {}

    def tasks(self) -> list[Task]:
        """As they are after the events so far."""
        return [draft.task() for draft in self._drafts.values()]

    def apply(self, event: Event) -> None:
        """Take the next event."""
        attributes: Any = event.attributes
        cls = type(attributes)
        if cls in _STARTS:
            self._start(event, attributes, _STARTS[cls])
        elif cls in _ENDS:
            self.end(event, attributes, *_ENDS[cls])
        elif cls in _METHODS:
            _METHODS[cls](self, event, attributes)

    def begin(self, event: Event, **fields: Any) -> _Draft:
        """Another attempt, at a task that may be new; the latest fields count."""
        state = _BEGINNINGS[type(event.attributes)]
        key = (fields["kind"], fields["task_id"])
        draft = self._drafts.get(key)
        if draft is None:
            draft = self._drafts[key] = _Draft(fields)
        else:
            draft.fields.update(fields)
            draft.result = draft.run_id = None
        attempt = {
            "scheduled_event_id": event.event_id,
            "scheduled_at": event.timestamp,
            "state": state,
        }
        draft.tries.append(attempt)
        if state in ENDED:
            attempt["ended_at"], attempt["ended_event_id"] = event.timestamp, event.event_id
        else:
            self.unfinished[event.event_id] = draft, attempt
        return draft

    def _start(self, event: Event, attributes: Any, member: str) -> None:
        found = self.unfinished.get(getattr(attributes, member))
        if found is None:
            return
        draft, attempt = found
        attempt["state"], attempt["started_at"] = "started", event.timestamp
        attempt["identity"] = getattr(attributes, "identity", None)
        if isinstance(attributes, ev.ChildWorkflowExecutionStarted):
            draft.run_id = attributes.workflow_execution.run_id

    def end(self, event: Event, attributes: Any, state: State, member: str) -> None:
        """End an attempt; ``member`` names the event that began it."""
        found = self.unfinished.pop(getattr(attributes, member), None)
        if found is None:
            return
        draft, attempt = found
        attempt["state"], attempt["ended_at"] = state, event.timestamp
        attempt["ended_event_id"] = event.event_id
        for name in ("reason", "timeout_type", "cause"):
            attempt["reason"] = attempt.get("reason") or getattr(attributes, name, None)
        for name in ("details", "message"):
            attempt["details"] = attempt.get("details") or getattr(attributes, name, None)
        draft.result = getattr(attributes, "result", None)


# --- what begins an attempt --------------------------------------------------------------


def _activity(fold: Fold, event: Event, a: ev.ActivityTaskScheduled) -> None:
    fold.begin(
        event,
        task_id=a.activity_id,
        kind="activity",
        name=a.activity_type.name,
        version=a.activity_type.version,
        task_list=a.task_list.name,
        input=a.input,
        control=a.control,
    )


def _timer(fold: Fold, event: Event, a: ev.TimerStarted) -> None:
    draft = fold.begin(event, task_id=a.timer_id, kind="timer", name=a.timer_id, control=a.control)
    draft.tries[-1]["started_at"] = event.timestamp


def _child(fold: Fold, event: Event, a: ev.StartChildWorkflowExecutionInitiated) -> None:
    fold.begin(
        event,
        task_id=a.workflow_id,
        kind="child",
        name=a.workflow_type.name,
        version=a.workflow_type.version,
        task_list=a.task_list.name,
        input=a.input,
        control=a.control,
    )


def _lambda(fold: Fold, event: Event, a: ev.LambdaFunctionScheduled) -> None:
    fold.begin(event, task_id=a.id, kind="lambda", name=a.name, input=a.input, control=a.control)


def _signal(fold: Fold, event: Event, a: ev.SignalExternalWorkflowExecutionInitiated) -> None:
    fold.begin(
        event,
        task_id=f"signal-{event.event_id}",
        kind="signal",
        name=a.signal_name,
        input=a.input,
        control=a.control,
    )


def _received(fold: Fold, event: Event, a: ev.WorkflowExecutionSignaled) -> None:
    fold.begin(
        event,
        task_id=f"signal-{event.event_id}",
        kind="signal",
        name=a.signal_name,
        input=a.input,
    )


def _marker(fold: Fold, event: Event, a: ev.MarkerRecorded) -> None:
    draft = fold.begin(
        event,
        task_id=f"marker-{event.event_id}",
        kind="marker",
        name=a.marker_name,
    )
    draft.result = a.details


def _refused(fold: Fold, event: Event, cause: str, **fields: Any) -> None:
    fold.begin(event, **fields).tries[-1]["reason"] = cause


def _no_activity(fold: Fold, event: Event, a: ev.ScheduleActivityTaskFailed) -> None:
    _refused(
        fold,
        event,
        a.cause,
        task_id=a.activity_id,
        kind="activity",
        name=a.activity_type.name,
        version=a.activity_type.version,
    )


def _no_timer(fold: Fold, event: Event, a: ev.StartTimerFailed) -> None:
    _refused(fold, event, a.cause, task_id=a.timer_id, kind="timer", name=a.timer_id)


def _no_child(fold: Fold, event: Event, a: ev.StartChildWorkflowExecutionFailed) -> None:
    # It may have been initiated before the engine found that it cannot be.
    if a.initiated_event_id in fold.unfinished:
        fold.end(event, a, "not_scheduled", "initiated_event_id")
        return
    _refused(
        fold,
        event,
        a.cause,
        task_id=a.workflow_id,
        kind="child",
        name=a.workflow_type.name,
        version=a.workflow_type.version,
        control=a.control,
    )


def _no_lambda(fold: Fold, event: Event, a: ev.ScheduleLambdaFunctionFailed) -> None:
    _refused(fold, event, a.cause, task_id=a.id, kind="lambda", name=a.name)


def _no_marker(fold: Fold, event: Event, a: ev.RecordMarkerFailed) -> None:
    _refused(
        fold,
        event,
        a.cause,
        task_id=f"marker-{event.event_id}",
        kind="marker",
        name=a.marker_name,
    )


_METHODS: dict[type[ev.Attributes], Any] = {
    ev.ActivityTaskScheduled: _activity,
    ev.ScheduleActivityTaskFailed: _no_activity,
    ev.TimerStarted: _timer,
    ev.StartTimerFailed: _no_timer,
    ev.StartChildWorkflowExecutionInitiated: _child,
    ev.StartChildWorkflowExecutionFailed: _no_child,
    ev.LambdaFunctionScheduled: _lambda,
    ev.ScheduleLambdaFunctionFailed: _no_lambda,
    ev.SignalExternalWorkflowExecutionInitiated: _signal,
    ev.WorkflowExecutionSignaled: _received,
    ev.MarkerRecorded: _marker,
    ev.RecordMarkerFailed: _no_marker,
}
