"""A new run that goes back to a moment of an old one, on any engine.

The new run begins as the old one did, and keeps what had ended up to that moment. As long as there
is such a thing, its decisions are made here; then the deciders of its task list take over.

1. *The code decides.* The workflow is replayed as any decider does it, so the new history fits the
   code of today, whatever the old one says: a task keeps its result if the code asks for the same
   (`repairing.Results`), and is done again if not.
2. *In the old order.* Results are given one decision of the old run at a time, in the order in
   which they came there: a race has the winner that it had.
3. *Who slept need not sleep again.* A timer that had fired fires at once, unless something else
   ended while it ran: then it may be a deadline, and runs for as long as it did.
4. *Nothing half done.* The new run waits on a task list that nobody else knows, until it is handed
   over. If something goes wrong before, it is terminated.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import msgspec

from dataflow.chance import SeededChance
from dataflow.errors import DataflowError, NotFound
from dataflow.inspection.reading import Reader
from dataflow.inspection.tasks import Task, tasks
from dataflow.process.control import Control, lasting_list, reset_list
from dataflow.process.deciding import Find
from dataflow.process.polling import Connection
from dataflow.process.registering import Registrar
from dataflow.process.repairing import Results
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Event
from dataflow.protocol.values import NO_TIMEOUT, WorkflowExecution
from dataflow.replay.agenda import WAKE_UP_TIMER
from dataflow.replay.decided import Decided, Verdict
from dataflow.replay.run import Run
from dataflow.workflow import Workflow

_IDENTITY = "reset"
#: Why the old run ends, if it is open.
_REASON = "reset"

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRun:
    """What has become of a reset."""

    execution: WorkflowExecution
    #: How many results and timers were kept, of how many that there were.
    kept: int
    known: int
    #: Where it waits for a decider; None: it has ended already.
    task_list: str | None


def moment(events: Sequence[Event], to: str) -> int:
    """The last event that a reset keeps: the event of this id, or that before a task began.

    Raises `NotFound`.
    """
    if to.isascii() and to.isdecimal():
        if not 1 <= int(to) <= len(events):
            raise NotFound(f"there is no event {to}: the events are 1 to {len(events)}")
        return int(to)
    known = [task for task in tasks(events) if not task.is_own]
    for task in known:
        if task.task_id == to:
            return task.first.scheduled_event_id - 1
    told = ", ".join(task.task_id for task in known[:5]) + (" and others" if known[5:] else "")
    raise NotFound(f"there is no task {to} in the history: there are {told or 'none'}")


class Reset:
    """One run that is to go back."""

    def __init__(
        self, connection: Connection, reader: Reader, find: Find, old: WorkflowExecution, to: str
    ) -> None:
        """Read the old run, and find its code. ``to``: see `moment`.

        Raises `NotFound`, and `UsageError` if there is no code for it.
        """
        self._connection = connection
        self._control = Control(reader)
        self._reader = reader
        self._old = old
        events = list(reader.events(old))
        started = events[0].attributes
        assert isinstance(started, ev.WorkflowExecutionStarted)
        self._started = started
        self._definition = find(self._started.workflow_type, self._started.input)
        self._events = events[: moment(events, to)]

    def run(self, *, task_list: str | None = None) -> ResetRun:
        """Begin the new run, and hand it over; an old one that is open is terminated.

        ``task_list``: where deciders wait for the new run, if not where they did for the old one.
        Raises `UsageError` if that is not known; `DataflowError` if its code cannot decide.
        """
        name = task_list or lasting_list(self._old.workflow_id, self._started)
        own = reset_list(name)
        kept = _Kept(self._events, own)
        if self._reader.describe(self._old).execution.is_open:
            self._control.terminate(self._old.workflow_id, self._old.run_id, _REASON)
        new = self._control.begin(self._old.workflow_id, self._started, task_list=own)
        try:
            _Handover(self._connection, self._reader, kept, new, own).decide(self._definition, name)
        except BaseException:
            with suppress(DataflowError):
                self._control.terminate(new.workflow_id, new.run_id, f"{_REASON} has failed")
            raise
        is_open = self._reader.describe(new).execution.is_open
        return ResetRun(
            execution=new,
            kept=kept.number,
            known=len(kept.turns),
            task_list=name if is_open else None,
        )


class _Handover:
    """A new run, until others decide for it."""

    def __init__(
        self,
        connection: Connection,
        reader: Reader,
        kept: _Kept,
        new: WorkflowExecution,
        task_list: str,
    ) -> None:
        """``task_list``: where it is."""
        self._service = connection.service
        self._poller = connection.poller()
        self._reader = reader
        self._domain = reader.domain
        self._kept = kept
        self._new = new
        self._task_list = task_list

    def decide(self, definition: type[Workflow], task_list: str) -> None:
        """Decide until nothing is kept any more; then have others decide, on this task list."""
        run = Run(definition, self._new, chance=SeededChance(), domain=self._domain)
        registrar = Registrar(self._service, self._domain)
        try:
            while True:
                token, events = self._poll()
                self._kept.see(events)
                decided = run.advance(events)
                if decided.verdict in {Verdict.BROKEN, Verdict.STALE}:
                    raise _problem(decided)
                decisions = [self._kept.place(decision) for decision in decided.decisions]
                over = decided.verdict is not Verdict.WAITING or not (
                    self._kept.waiting or any(map(_asks_for_more, decisions))
                )
                more = {"taskList": {"name": task_list}} if over else {}
                registrar.before(decided.decisions)
                self._service.respond_decision_task_completed(
                    taskToken=token, decisions=[de.to_wire(d) for d in decisions], **more
                )
                if over:
                    return
                self._give()
        finally:
            run.drop()

    def _poll(self) -> tuple[str, list[Event]]:
        """The next decision task: its token, and the events that are new."""
        request: dict[str, Any] = {
            "domain": self._domain,
            "taskList": {"name": self._task_list},
            "identity": _IDENTITY,
            "startAtPreviousStartedEvent": True,
        }
        while not (task := self._poller.poll_for_decision_task(**request)).get("taskToken"):
            found = self._reader.describe(self._new).execution
            if not found.is_open:
                raise DataflowError(
                    f"the new run {self._new.run_id} was ended meanwhile: {found.status}"
                )
            self._give()  # what had not come yet
        events = [ev.from_wire(wire) for wire in task["events"]]
        while page := task.get("nextPageToken"):
            task = self._poller.poll_for_decision_task(**request, nextPageToken=page)
            events += map(ev.from_wire, task["events"])
        return task["taskToken"], events

    def _give(self) -> None:
        """Take what was scheduled, and give the results whose turn it is."""
        for _ in range(self._kept.untaken):
            task = self._poller.poll_for_activity_task(
                domain=self._domain, taskList={"name": self._task_list}, identity=_IDENTITY
            )
            if task.get("taskToken"):
                self._kept.take(task["activityId"], task["taskToken"])
        for activity_id, token in self._kept.due():
            self._kept.results.answer(self._service, token, activity_id)


class _Kept:
    """What an old run had when it was at the moment, and how far the new run is with it."""

    def __init__(self, old: Sequence[Event], task_list: str) -> None:
        self.results = Results(old, task_list)
        timers = _slept(old)
        decisions = [
            event.attributes.started_event_id
            for event in old
            if isinstance(event.attributes, ev.DecisionTaskCompleted)
        ]
        #: By the id of a task, when its end comes: in which decision, and as which event of it.
        self.turns: dict[str, tuple[int, int]] = {}
        for task in (*self.results.done.values(), *timers):
            end = task.last.ended_event_id or 0
            self.turns[task.task_id] = bisect_left(decisions, end), end
        self._timers = {task.task_id for task in timers}
        #: The ends that are to come.
        self.waiting: set[str] = set()
        #: The tasks that were scheduled and not taken yet.
        self.untaken = 0
        self._tokens: dict[str, str] = {}
        #: How many were kept so far.
        self.number = 0

    def place(self, decision: Decision) -> Decision:
        """The decision as it is to be made."""
        if isinstance(decision, de.StartTimer) and decision.timer_id in self._timers:
            self._timers.remove(decision.timer_id)
            self._keep(decision.timer_id)
            return msgspec.structs.replace(decision, start_to_fire_timeout="0")
        redirected = self.results.redirect(decision)
        if redirected is None:
            return decision
        assert isinstance(redirected, de.ScheduleActivityTask)
        self._keep(redirected.activity_id)
        self.untaken += 1
        # Nobody is at work who could be late.
        return msgspec.structs.replace(
            redirected,
            schedule_to_close_timeout=NO_TIMEOUT,
            schedule_to_start_timeout=NO_TIMEOUT,
            start_to_close_timeout=NO_TIMEOUT,
            heartbeat_timeout=NO_TIMEOUT,
        )

    def take(self, activity_id: str, token: str) -> None:
        """A task that was scheduled has been taken."""
        self.untaken -= 1
        self._tokens[activity_id] = token

    def due(self) -> Iterator[tuple[str, str]]:
        """The tasks whose results come next, in order, with their tokens."""
        first = min((self.turns[task_id] for task_id in self.waiting), default=(0, 0))[0]
        now = sorted((self.turns[task_id], task_id) for task_id in self._tokens)
        for (decision, _), task_id in now:
            if decision == first:
                self.waiting.discard(task_id)
                yield task_id, self._tokens.pop(task_id)

    def see(self, events: Sequence[Event]) -> None:
        """What has happened in the new run."""
        for event in events:
            if isinstance(event.attributes, ev.TimerFired | ev.TimerCanceled):
                self.waiting.discard(event.attributes.timer_id)

    def _keep(self, task_id: str) -> None:
        self.waiting.add(task_id)
        self.number += 1


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


def _asks_for_more(decision: Decision) -> bool:
    """Whether this answer had no room for all that was to be decided."""
    return isinstance(decision, de.StartTimer) and decision.timer_id == WAKE_UP_TIMER


def _problem(decided: Decided) -> DataflowError:
    return decided.problem or DataflowError("the new run is not as it was left")
