"""What a new run keeps of an old one that had come to some moment; and when it gets it.

1. *The same task.* What the code asks for now keeps its outcome if it has the id, the type and the
   input of a task that had ended: its result, or its failure. Time-outs cannot be given, and
   cancellations are the code's own: such tasks are done again.
2. *In the old order.* Outcomes are due one decision of the old run at a time, in the order in which
   they came there: a race has the winner that it had.
3. *Who slept need not sleep again.* A timer that had fired fires at once, unless something else
   ended while it ran: then it may be a deadline, and runs for its time again. A task that was tried
   several times has its result at the first attempt; if it has none, its attempts fail one by one,
   and do not wait for each other.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from dataflow.inspection.tasks import Attempt, Task, tasks
from dataflow.payload.fields import CLEAR, Fields
from dataflow.process.repairing import is_same
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Event
from dataflow.protocol.values import NO_TIMEOUT, TaskList
from dataflow.replay.activities import backoff_timer_id

#: Events by which something has ended, so that a decider is asked.
_ENDS = (
    ev.ActivityTaskCompleted,
    ev.ActivityTaskFailed,
    ev.ActivityTaskTimedOut,
    ev.ActivityTaskCanceled,
    ev.ChildWorkflowExecutionCompleted,
    ev.ChildWorkflowExecutionFailed,
    ev.ChildWorkflowExecutionTimedOut,
    ev.ChildWorkflowExecutionCanceled,
    ev.ChildWorkflowExecutionTerminated,
    ev.LambdaFunctionCompleted,
    ev.LambdaFunctionFailed,
    ev.LambdaFunctionTimedOut,
    ev.TimerFired,
    ev.WorkflowExecutionSignaled,
    ev.WorkflowExecutionCancelRequested,
)


class Turn(NamedTuple):
    """When something is due."""

    #: The number of the decision that saw it in the old run.
    decision: int
    event_id: int


#: Before anything else.
_NOW = Turn(-1, 0)


class Outcome(NamedTuple):
    """How an attempt at an activity has ended."""

    turn: Turn
    #: Of one that completed.
    result: str | None
    #: Of one that failed: its reason and details.
    failure: tuple[str | None, str | None] | None


class Kept:
    """What there is to keep, and how far the new run is with it."""

    def __init__(
        self,
        old: Sequence[Event],
        task_list: str,
        *,
        fields: Fields = CLEAR,
        failures: bool = True,
    ) -> None:
        """``task_list``: where kept tasks are scheduled. ``failures``: whether they are kept.

        Outcomes are given as they stand in history; ``fields`` reads what has to be compared.
        """
        self._fields = fields
        self._task_list = TaskList(task_list)
        #: The events at which decisions were made.
        self._decisions = [
            event.attributes.started_event_id
            for event in old
            if isinstance(event.attributes, ev.DecisionTaskCompleted)
        ]
        self._tasks: dict[str, tuple[Task, list[Outcome]]] = {}
        for task in tasks(old):
            outcomes = self._outcomes(task, failures=failures) if task.kind == "activity" else []
            if outcomes:
                self._tasks[task.task_id] = task, outcomes
        #: Timers that fire at once, and when that is due.
        self._timers = {task.task_id: self._turn(task.last) for task in _slept(old)}
        #: How many tasks and timers there are to keep; how many were kept so far.
        self.known = len(self._tasks) + len(self._timers)
        self.number = 0
        #: The ends that are to come.
        self._waiting: dict[str, Turn] = {}
        self._scheduled: dict[str, Outcome] = {}
        #: With the tokens of their tasks.
        self._taken: dict[str, tuple[Outcome, str]] = {}
        #: How often a task was scheduled.
        self._attempts: dict[str, int] = {}

    # --- decisions ------------------------------------------------------------------------

    @property
    def is_waiting(self) -> bool:
        """Whether something is to come that the new run knows of."""
        return bool(self._waiting)

    @property
    def untaken(self) -> int:
        """How many tasks were scheduled to be given their outcomes, and were not taken yet."""
        return len(self._scheduled)

    def place(self, decision: Decision) -> Decision:
        """The decision as it is to be made, so that what is kept is kept."""
        if isinstance(decision, de.StartTimer):
            return self._place_timer(decision)
        if isinstance(decision, de.ScheduleActivityTask):
            return self._place_activity(decision)
        return decision

    def _place_timer(self, decision: de.StartTimer) -> Decision:
        turn = self._timers.pop(decision.timer_id, None)
        if turn is not None:
            self.number += 1
        elif decision.timer_id in map(backoff_timer_id, self._failing()):
            turn = _NOW
        else:
            return decision
        self._waiting[decision.timer_id] = turn
        return msgspec.structs.replace(decision, start_to_fire_timeout="0")

    def _failing(self) -> Iterator[str]:
        """The tasks that have failed in the new run, and will once more."""
        for task_id, attempts in self._attempts.items():
            if attempts < len(self._tasks[task_id][1]):
                yield task_id

    def _place_activity(self, decision: de.ScheduleActivityTask) -> Decision:
        task_id = decision.activity_id
        task, outcomes = self._tasks.get(task_id, (None, []))
        attempts = self._attempts.get(task_id, 0)
        if task is None or not is_same(task, decision, self._fields) or attempts >= len(outcomes):
            return decision
        self._attempts[task_id] = attempts + 1
        self.number += attempts == 0
        self._scheduled[task_id] = outcomes[attempts]
        self._waiting[task_id] = outcomes[attempts].turn
        # Nobody is at work who could be late.
        return msgspec.structs.replace(
            decision,
            task_list=self._task_list,
            schedule_to_close_timeout=NO_TIMEOUT,
            schedule_to_start_timeout=NO_TIMEOUT,
            start_to_close_timeout=NO_TIMEOUT,
            heartbeat_timeout=NO_TIMEOUT,
        )

    # --- outcomes -------------------------------------------------------------------------

    def take(self, activity_id: str, token: str) -> None:
        """A task that was scheduled has been taken."""
        self._taken[activity_id] = self._scheduled.pop(activity_id), token

    def due(self) -> list[tuple[Outcome, str]]:
        """The outcomes that come next, in order, with the tokens of their tasks; each once."""
        if not self._waiting:
            return []
        first = min(self._waiting.values()).decision
        now = sorted(
            (taken[0].turn, task_id)
            for task_id, taken in self._taken.items()
            if taken[0].turn.decision == first
        )
        for _, task_id in now:
            del self._waiting[task_id]
        return [self._taken.pop(task_id) for _, task_id in now]

    def see(self, events: Sequence[Event]) -> None:
        """What has happened in the new run."""
        for event in events:
            if isinstance(event.attributes, ev.TimerFired | ev.TimerCanceled):
                self._waiting.pop(event.attributes.timer_id, None)

    # --- the old run ----------------------------------------------------------------------

    def _outcomes(self, task: Task, *, failures: bool) -> list[Outcome]:
        if task.state == "completed":
            return [Outcome(self._turn(task.last), task.result, None)]
        attempts = [attempt for attempt in task.attempts if not attempt.is_lost]
        if not failures or any(attempt.state != "failed" for attempt in attempts):
            return []
        return [Outcome(self._turn(a), None, (a.reason, a.details)) for a in attempts]

    def _turn(self, attempt: Attempt) -> Turn:
        end = attempt.ended_event_id or 0
        return Turn(bisect_left(self._decisions, end), end)


def _slept(old: Sequence[Event]) -> list[Task]:
    """The timers of the workflow that have fired, and while which nothing else has ended."""
    ends = [event.event_id for event in old if isinstance(event.attributes, _ENDS)]
    return [
        task
        for task in tasks(old)
        if task.state == "fired"
        and not task.is_own
        and len(task.attempts) == 1
        and bisect_right(ends, task.last.scheduled_event_id)
        == bisect_left(ends, task.last.ended_event_id or 0)
    ]
