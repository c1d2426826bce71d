"""Where the time of an execution went: for each task, for each type, along the critical path.

A task waits from when it is scheduled until it starts, and runs until it ends; both are summed over
its attempts. What lies between two attempts, a back-off above all, is neither.

**The critical path** leads from the beginning of an execution to its end, through the tasks whose
ends it was waiting for. A task is scheduled by a decision, and a decision is made because something
has ended since the one before. So what a task came after is, among what has ended in between, the
task that fed it (``control``), else the last one; `run()` may read a result and go on without
handing it over. If nothing has ended in between (a decision may schedule 100 tasks and no more), it
is whatever fed it or ended last before. The steps lie end to end: their times add up to the time of
the execution.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dataflow.inspection.tasks import WRONG, Kind, Task
from dataflow.protocol import events as ev
from dataflow.protocol.events import CLOSE_STATUS, Event

#: The kinds of tasks that somebody performs.
WORK: frozenset[Kind] = frozenset({"activity", "child", "lambda"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one task took; seconds."""

    task: Task
    waiting: float
    #: None: it never started.
    running: float | None
    #: Of the time of the execution.
    percent: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Some durations, in seconds: nearest-rank percentiles."""

    p50: float
    p95: float
    longest: float
    total: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """What all tasks of one type took."""

    kind: Kind
    name: str
    version: str
    tasks: int
    attempts: int
    #: Attempts that went wrong.
    failed: int
    waiting: Spread
    #: None: no task has started.
    running: Spread | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of the critical path; seconds."""

    #: None: the last step, from the last task to the end of the execution.
    task: Task | None
    #: From the step before to the scheduling of the task: decisions.
    deciding: float
    waiting: float = 0.0
    running: float = 0.0
    #: Between attempts.
    pausing: float = 0.0
    #: Of the time of the execution.
    percent: float

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.deciding + self.waiting + self.running + self.pausing


def timings(tasks: Iterable[Task], started: float, until: float) -> list[Timing]:
    """What work took, the longest first.

    ``started``, ``until``: when the execution began, and when it ended, or now.
    """
    whole = until - started
    found = []
    for task in tasks:
        if task.kind in WORK:
            running = task.running(until)
            found.append(
                Timing(
                    task=task,
                    waiting=task.waiting(until),
                    running=running,
                    percent=_percent(running or 0.0, whole),
                )
            )
    found.sort(key=lambda timing: -1.0 if timing.running is None else timing.running, reverse=True)
    return found


def totals(timings: Iterable[Timing]) -> list[Total]:
    """For each type, what its tasks took; the type that ran longest first."""
    groups: dict[tuple[Kind, str, str], list[Timing]] = {}
    for timing in timings:
        task = timing.task
        groups.setdefault((task.kind, task.name, task.version), []).append(timing)
    found = [_total(*key, group) for key, group in groups.items()]
    found.sort(key=lambda total: total.running.total if total.running else 0.0, reverse=True)
    return found


def _total(kind: Kind, name: str, version: str, group: Sequence[Timing]) -> Total:
    attempts = [attempt for timing in group for attempt in timing.task.attempts]
    ran = [timing.running for timing in group if timing.running is not None]
    return Total(
        kind=kind,
        name=name,
        version=version,
        tasks=len(group),
        attempts=len(attempts),
        failed=sum(attempt.state in WRONG for attempt in attempts),
        waiting=spread([timing.waiting for timing in group]),
        running=spread(ran) if ran else None,
    )


def spread(durations: Sequence[float]) -> Spread:
    """Of at least one duration."""
    ordered = sorted(durations)

    def percentile(share: float) -> float:
        return ordered[math.ceil(share * len(ordered)) - 1]

    return Spread(
        p50=percentile(0.50), p95=percentile(0.95), longest=ordered[-1], total=sum(ordered)
    )


# --- the critical path -----------------------------------------------------------------------


def critical_path(events: Sequence[Event], tasks: Sequence[Task], now: float) -> list[Step]:
    """The steps from the beginning of an execution to its end, or, if it is open, to ``now``.

    ``events``: its history so far. ``tasks``: those of it.
    """
    if not events:
        return []
    last = events[-1]
    closed = type(last.attributes) in CLOSE_STATUS
    until = last.timestamp if closed else max(now, last.timestamp)
    # Whoever decides to end an execution waits for nothing any more.
    decided = closed and hasattr(last.attributes, "decision_task_completed_event_id")
    search = _Predecessors(events, tasks)
    end = None if decided else _waited_for(tasks)
    path = _path(search, end or search.of(last.event_id, ()))
    begin = events[0].timestamp
    whole = until - begin
    steps: list[Step] = []
    at = begin
    for task in path:
        steps.append(_step(task, at, until, whole))
        at += steps[-1].seconds
    rest = max(0.0, until - at)
    steps.append(Step(task=None, deciding=rest, percent=_percent(rest, whole)))
    return steps


def _path(search: _Predecessors, task: Task | None) -> list[Task]:
    path: list[Task] = []
    while task is not None:
        path.append(task)
        sources = task.sources
        task = search.of(task.first.scheduled_event_id, (*sources.inputs, *sources.after))
    path.reverse()
    return path


def _waited_for(tasks: Sequence[Task]) -> Task | None:
    """Of the tasks that have not ended, the one that was scheduled first."""
    return next((task for task in tasks if task.ended_at is None and not task.is_own), None)


def _step(task: Task, at: float, until: float, whole: float) -> Step:
    deciding = max(0.0, task.scheduled_at - at)
    waiting, running = task.waiting(until), task.running(until) or 0.0
    end = until if task.ended_at is None else task.ended_at
    seconds = max(0.0, end - at)
    return Step(
        task=task,
        deciding=deciding,
        waiting=waiting,
        running=running,
        pausing=max(0.0, seconds - deciding - waiting - running),
        percent=_percent(seconds, whole),
    )


class _Predecessors:
    """Finds what a task came after."""

    def __init__(self, events: Sequence[Event], tasks: Sequence[Task]) -> None:
        #: By the event that ended them, in order.
        self._ended = sorted(
            (
                (task.last.ended_event_id, task)
                for task in tasks
                if task.last.ended_event_id is not None and not task.is_own
            ),
            key=lambda pair: pair[0],
        )
        self._ends = [event_id for event_id, _ in self._ended]
        self._by_id: dict[str, Task] = {task.task_id: task for task in tasks}
        #: Of the decisions that were made: the events that completed and that started them.
        self._completed: list[int] = []
        self._started: list[int] = []
        for event in events:
            if isinstance(event.attributes, ev.DecisionTaskCompleted):
                self._completed.append(event.event_id)
                self._started.append(event.attributes.started_event_id)

    def of(self, event_id: int, sources: Iterable[str]) -> Task | None:
        """What came before the task that this event scheduled; None: nothing."""
        made = bisect_left(self._completed, event_id) - 1
        seen = self._started[made] if made >= 0 else event_id
        seen_before = self._started[made - 1] if made >= 1 else 0
        fed = [
            task
            for task in map(self._by_id.get, sources)
            if task is not None and (task.last.ended_event_id or event_id) < seen
        ]
        source = max(fed, key=lambda task: task.last.ended_event_id or 0, default=None)
        if source is not None and (source.last.ended_event_id or 0) > seen_before:
            return source
        position = bisect_left(self._ends, seen) - 1
        if position < 0:
            return None
        ended, task = self._ended[position]
        return task if ended > seen_before or source is None else source


def _percent(part: float, whole: float) -> float:
    return 100 * part / whole if whole > 0 else 0.0
