"""The history of one execution: its events, and the tasks that they tell of.

There is one `History`. Replay appends to it, hooks and inspection read it. Tasks are folded from
events when they are first asked for, so that a decision that nobody inspects pays nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from dataflow.protocol import events as ev
from dataflow.protocol.events import Event

TaskState = Literal[
    "scheduled", "started", "completed", "failed", "timed_out", "canceled", "fired", "not_scheduled"
]


@dataclass(slots=True, kw_only=True)
class TaskRecord:
    """What history says of one task; of its latest attempt, where there were several."""

    task_id: str
    kind: Literal["activity", "timer"]
    #: The activity type's name; the timer's id.
    name: str
    version: str = ""
    state: TaskState = "scheduled"
    attempts: int = 1
    #: The event that scheduled the latest attempt.
    scheduled_event_id: int
    #: Seconds since the epoch.
    scheduled_at: float
    started_at: float | None = None
    closed_at: float | None = None
    input: str | None = None
    control: str | None = None
    result: str | None = None
    reason: str | None = None
    details: str | None = None


class History:
    """The events of one execution so far, first to last."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._events = list(events)
        self._folded = 0
        self._tasks: dict[str, TaskRecord] = {}
        self._by_event: dict[int, TaskRecord] = {}

    def __len__(self) -> int:
        return len(self._events)

    @property
    def events(self) -> Sequence[Event]:
        """All events, in order."""
        return self._events

    @property
    def last_event_id(self) -> int:
        """The id of the last event; 0 in an empty history."""
        return self._events[-1].event_id if self._events else 0

    @property
    def started(self) -> ev.WorkflowExecutionStarted | None:
        """What the first event says; None in an empty history."""
        first = self._events[0].attributes if self._events else None
        return first if isinstance(first, ev.WorkflowExecutionStarted) else None

    @property
    def tasks(self) -> Mapping[str, TaskRecord]:
        """Activities and timers by their id, in the order of their first scheduling."""
        for event in self._events[self._folded :]:
            fold = _FOLDS.get(type(event.attributes))
            if fold is not None:
                fold(self, event, event.attributes)
        self._folded = len(self._events)
        return self._tasks

    def append(self, event: Event) -> None:
        """Add the next event."""
        self._events.append(event)

    def _open(self, event: Event, task_id: str, **fields: Any) -> None:
        earlier = self._tasks.get(task_id)
        task = TaskRecord(
            task_id=task_id,
            scheduled_event_id=event.event_id,
            scheduled_at=event.timestamp,
            attempts=earlier.attempts + 1 if earlier else 1,
            **fields,
        )
        self._tasks[task_id] = self._by_event[event.event_id] = task

    def _activity_scheduled(self, event: Event, a: ev.ActivityTaskScheduled) -> None:
        self._open(
            event,
            a.activity_id,
            kind="activity",
            name=a.activity_type.name,
            version=a.activity_type.version,
            input=a.input,
            control=a.control,
        )

    def _activity_not_scheduled(self, event: Event, a: ev.ScheduleActivityTaskFailed) -> None:
        self._open(
            event,
            a.activity_id,
            kind="activity",
            name=a.activity_type.name,
            version=a.activity_type.version,
            state="not_scheduled",
            reason=a.cause,
            closed_at=event.timestamp,
        )
        self._tasks[a.activity_id].attempts -= 1  # nobody has tried anything

    def _timer_started(self, event: Event, a: ev.TimerStarted) -> None:
        self._open(event, a.timer_id, kind="timer", name=a.timer_id, control=a.control)

    def _started(self, event: Event, a: ev.ActivityTaskStarted) -> None:
        task = self._by_event[a.scheduled_event_id]
        task.state, task.started_at = "started", event.timestamp

    def _close(self, event: Event, scheduled_event_id: int, state: TaskState) -> TaskRecord:
        task = self._by_event.pop(scheduled_event_id)
        task.state, task.closed_at = state, event.timestamp
        return task

    def _completed(self, event: Event, a: ev.ActivityTaskCompleted) -> None:
        self._close(event, a.scheduled_event_id, "completed").result = a.result

    def _failed(self, event: Event, a: ev.ActivityTaskFailed) -> None:
        task = self._close(event, a.scheduled_event_id, "failed")
        task.reason, task.details = a.reason, a.details

    def _timed_out(self, event: Event, a: ev.ActivityTaskTimedOut) -> None:
        task = self._close(event, a.scheduled_event_id, "timed_out")
        task.reason, task.details = a.timeout_type, a.details

    def _canceled(self, event: Event, a: ev.ActivityTaskCanceled) -> None:
        self._close(event, a.scheduled_event_id, "canceled").details = a.details

    def _fired(self, event: Event, a: ev.TimerFired) -> None:
        self._close(event, a.started_event_id, "fired")

    def _timer_canceled(self, event: Event, a: ev.TimerCanceled) -> None:
        self._close(event, a.started_event_id, "canceled")


_FOLDS: dict[type[ev.Attributes], Callable[[History, Event, Any], None]] = {
    ev.ActivityTaskScheduled: History._activity_scheduled,  # noqa: SLF001 - a table of its methods
    ev.ScheduleActivityTaskFailed: History._activity_not_scheduled,  # noqa: SLF001
    ev.ActivityTaskStarted: History._started,  # noqa: SLF001
    ev.ActivityTaskCompleted: History._completed,  # noqa: SLF001
    ev.ActivityTaskFailed: History._failed,  # noqa: SLF001
    ev.ActivityTaskTimedOut: History._timed_out,  # noqa: SLF001
    ev.ActivityTaskCanceled: History._canceled,  # noqa: SLF001
    ev.TimerStarted: History._timer_started,  # noqa: SLF001
    ev.TimerFired: History._fired,  # noqa: SLF001
    ev.TimerCanceled: History._timer_canceled,  # noqa: SLF001
}
