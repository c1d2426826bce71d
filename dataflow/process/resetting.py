"""A new run that goes back to a moment of an old one, on any engine.

The new run begins as the old one did, and keeps what had ended up to that moment. As long as there
is such a thing, its decisions are made here; then the deciders of its task list take over.

1. *The code decides.* The workflow is replayed as any decider does it, so the new history fits the
   code of today, whatever the old one says. What is kept, and when it comes: `keeping`.
2. *Nothing half done.* The new run waits on a task list that nobody else knows, until it is handed
   over. If something goes wrong before, it is terminated.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dataflow.chance import SeededChance
from dataflow.errors import DataflowError, NotFound
from dataflow.inspection.reading import Reader
from dataflow.inspection.tasks import tasks
from dataflow.process.control import Control, lasting_list, reset_list
from dataflow.process.deciding import Find
from dataflow.process.keeping import Kept
from dataflow.process.outgoing import write_decisions
from dataflow.process.polling import Connection
from dataflow.process.registering import Registrar
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Event
from dataflow.protocol.values import WorkflowExecution
from dataflow.replay.agenda import WAKE_UP_TIMER
from dataflow.replay.decided import Decided, Verdict
from dataflow.replay.run import Run
from dataflow.workflow import Workflow

_IDENTITY = "reset"
#: Why the old run ends, if it is open.
_REASON = "reset"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetRun:
    """What has become of a reset."""

    execution: WorkflowExecution
    #: How many tasks and timers have kept their outcomes, of how many that had one.
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
        self,
        connection: Connection,
        reader: Reader,
        find: Find,
        old: WorkflowExecution,
        to: str | None,
        *,
        retry_failed: bool = False,
    ) -> None:
        """Read the old run, and find its code.

        ``to``: see `moment`; None: its end. ``retry_failed``: failures are not kept.

        Raises `NotFound`, `UsageError` if there is no code for it, and `PayloadError` if its input
        cannot be read: then the new run could not be decided, and nothing is begun.
        """
        self._connection = connection
        self._control = Control(reader, connection.fields)
        self._reader = reader
        self._old = old
        events = list(reader.events(old))
        started = events[0].attributes
        assert isinstance(started, ev.WorkflowExecutionStarted)
        self._started = started
        self._definition = find(self._started.workflow_type, self._started.input)
        self._control.input_of(self._started)
        self._events = events if to is None else events[: moment(events, to)]
        self._retry_failed = retry_failed

    def run(self, *, task_list: str | None = None) -> ResetRun:
        """Begin the new run, and hand it over; an old one that is open is terminated.

        ``task_list``: where deciders wait for the new run, if not where they did for the old one.
        Raises `UsageError` if that is not known; `DataflowError` if its code cannot decide.
        """
        name = task_list or lasting_list(self._old.workflow_id, self._started)
        own = reset_list(name)
        kept = Kept(
            self._events, own, fields=self._connection.fields, failures=not self._retry_failed
        )
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
            known=kept.known,
            task_list=name if is_open else None,
        )


class _Handover:
    """A new run, until others decide for it."""

    def __init__(
        self,
        connection: Connection,
        reader: Reader,
        kept: Kept,
        new: WorkflowExecution,
        task_list: str,
    ) -> None:
        """``task_list``: where it is."""
        self._service = connection.service
        self._fields = connection.fields
        self._poller = connection.poller()
        self._reader = reader
        self._domain = reader.domain
        self._kept = kept
        self._new = new
        self._task_list = task_list

    def decide(self, definition: type[Workflow], task_list: str) -> None:
        """Decide until nothing is kept any more; then have others decide, on this task list."""
        run = Run(
            definition,
            self._new,
            chance=SeededChance(),
            domain=self._domain,
            fields=self._fields,
        )
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
                    self._kept.is_waiting or any(map(_asks_for_more, decisions))
                )
                more = {"taskList": {"name": task_list}} if over else {}
                registrar.before(decided.decisions)
                written = write_decisions(self._fields, decisions)
                self._service.respond_decision_task_completed(
                    taskToken=token, decisions=[de.to_wire(d) for d in written], **more
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
        for outcome, token in self._kept.due():
            if outcome.failure is None:
                told = {"result": outcome.result}
                answer = self._service.respond_activity_task_completed
            else:
                told = dict(zip(("reason", "details"), outcome.failure, strict=True))
                answer = self._service.respond_activity_task_failed
            answer(
                taskToken=token, **{name: text for name, text in told.items() if text is not None}
            )


def _asks_for_more(decision: Decision) -> bool:
    """Whether this answer had no room for all that was to be decided."""
    return isinstance(decision, de.StartTimer) and decision.timer_id == WAKE_UP_TIMER


def _problem(decided: Decided) -> DataflowError:
    return decided.problem or DataflowError("the new run is not as it was left")
