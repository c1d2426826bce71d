"""When each task waited and when it ran: the rows of a Gantt chart, from a history alone.

1. *Waiting and running are apart.* An attempt waits from the event that schedules it to the one
   that starts it, and runs from there to its end.
2. *A row is a task.* Its attempts follow each other in it, with the back-offs between them; the
   timers that these are made of have no rows.
3. *What is not over ends now*: at a time that the caller says, so that the same history gives the
   same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dataflow.inspection.labels import label, short_names
from dataflow.inspection.retrying import backing_off
from dataflow.inspection.tasks import Attempt, Kind, State, Task
from dataflow.protocol import events as ev
from dataflow.protocol.events import CLOSE_STATUS, Event
from dataflow.protocol.names import CloseStatus

Phase = Literal[
    "waiting",
    "running",
    # Between two attempts.
    "backing_off",
    # Something that takes no time: a marker, a signal, a refusal.
    "instant",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of a row."""

    phase: Phase
    #: Seconds since the epoch. An instant ends where it begins.
    begin: float
    end: float
    #: Counts from 1; of a back-off, the attempt that failed.
    attempt: int
    #: How the attempt stands at the end of the span: what a bar is coloured by.
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One task."""

    task_id: str
    kind: Kind
    #: The type's name.
    name: str
    version: str
    #: What it is called in a picture.
    label: str
    state: State
    #: Why the last attempt did not succeed.
    reason: str | None
    attempts: int
    #: Who performed the last attempt.
    identity: str | None
    #: Seconds, all attempts together. None: it never started.
    waiting: float
    running: float | None
    #: At least one, in order; they do not overlap, save where an id was used twice at a time.
    spans: Sequence[Span]

    @property
    def is_backing_off(self) -> bool:
        """Whether it is not over, whatever its state: another attempt will follow."""
        return self.spans[-1].phase == "backing_off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The chart of one execution."""

    workflow_name: str
    workflow_version: str
    status: CloseStatus | Literal["OPEN"]
    #: Seconds since the epoch; of an open execution, now.
    begin: float
    end: float
    #: In the order of first scheduling.
    rows: Sequence[Row]


def timeline(events: Sequence[Event], tasks: Sequence[Task], now: float) -> Timeline:
    """The chart of an execution; ``now``: where an open one ends.

    ``events``: a whole history, from the first event on; ``tasks``: those in it.
    """
    first, last = events[0], events[-1]
    status = CLOSE_STATUS.get(type(last.attributes))
    end = last.timestamp if status else max(now, last.timestamp)
    retried = backing_off(tasks)
    shown = [task for task in tasks if not task.is_own]
    short = short_names({task.name for task in shown})
    started = first.attributes
    assert isinstance(started, ev.WorkflowExecutionStarted)
    return Timeline(
        workflow_name=started.workflow_type.name,
        workflow_version=started.workflow_type.version,
        status=status or "OPEN",
        begin=first.timestamp,
        end=end,
        rows=[
            _row(task, label(task, short), end, goes_on=task.task_id in retried) for task in shown
        ],
    )


def _row(task: Task, name: str, end: float, *, goes_on: bool) -> Row:
    """``goes_on``: whether another attempt is being waited for."""
    spans: list[Span] = []
    for number, attempt in enumerate(task.attempts, start=1):
        if spans and task.kind == "activity" and attempt.scheduled_at > spans[-1].end:
            spans.append(_back_off(spans[-1], attempt.scheduled_at))
        spans.extend(_spans(attempt, number, end))
    if goes_on and task.ended_at is not None:
        spans.append(_back_off(spans[-1], end))
    return Row(
        task_id=task.task_id,
        kind=task.kind,
        name=task.name,
        version=task.version,
        label=name,
        state=task.state,
        reason=task.last.reason,
        attempts=len(task.attempts),
        identity=task.last.identity,
        waiting=task.waiting(end),
        running=task.running(end),
        spans=spans,
    )


def _spans(attempt: Attempt, number: int, end: float) -> Sequence[Span]:
    spans = []
    ended = end if attempt.ended_at is None else attempt.ended_at
    begun = ended if attempt.started_at is None else attempt.started_at
    if attempt.started_at is None and attempt.scheduled_at == attempt.ended_at:
        return [_span("instant", attempt, number, attempt.scheduled_at, ended)]
    if begun > attempt.scheduled_at or attempt.started_at is None:
        spans.append(_span("waiting", attempt, number, attempt.scheduled_at, begun))
    if attempt.started_at is not None:
        spans.append(_span("running", attempt, number, begun, ended))
    return spans


def _span(phase: Phase, attempt: Attempt, number: int, begin: float, end: float) -> Span:
    return Span(phase=phase, begin=begin, end=max(begin, end), attempt=number, state=attempt.state)


def _back_off(before: Span, end: float) -> Span:
    return Span(
        phase="backing_off",
        begin=before.end,
        end=max(before.end, end),
        attempt=before.attempt,
        state=before.state,
    )
