"""What becomes of a decision task: the suspended runs of one thread, and the answers they give.

1. *Sticky.* A run stays suspended between its decisions, so that each costs what is new. The ones
   that were idle longest make room for others (`Runs`).
2. *A run knows what history knows.* One whose answer was not accepted is dropped; where the events
   of a task do not go on where a run is, the whole history is fetched and replayed.
3. *A decision that cannot be made is postponed* (`dataflow.replay.postponing`), whatever is wrong:
   code that does not fit, a module that cannot be imported, a field that cannot be read or stored
   just now, an answer that the service refuses, a bug of ours. Whoever can make it may: the
   execution goes back to the common task list.

A run belongs to the thread that advanced it, because its greenlet does: so do the objects here.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dataflow.errors import DataflowError, UsageError
from dataflow.payload import failure
from dataflow.payload.fields import CLEAR, Fields
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Event
from dataflow.protocol.limits import PAGE_SIZE, SWF_LIMITS, Limits
from dataflow.protocol.values import WorkflowExecution, WorkflowType
from dataflow.replay.decided import Chance, Decided, Verdict
from dataflow.replay.postponing import postpone, was_postponed
from dataflow.replay.run import Run
from dataflow.workflow import Workflow

#: The class for a workflow type, given the input of the execution. Raises a `DataflowError` that
#: says why there is none.
Find = Callable[[WorkflowType, str | None], type[Workflow]]

#: ``get_workflow_execution_history`` of a service.
ReadHistory = Callable[..., Mapping[str, Any]]

#: Characters of a problem that the execution context tells.
_TOLD = 8_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a decider answers."""

    decisions: tuple[Decision, ...]
    #: None: it stays as it is.
    execution_context: str | None = None
    #: Whether the execution ends here, as far as the decider is concerned.
    closing: bool = False
    #: Whether nothing was decided: another decider may be able to.
    postponed: bool = False


class Runs:
    """The runs of one thread, the least recently used first."""

    def __init__(
        self,
        read_history: ReadHistory,
        domain: str,
        find: Find,
        *,
        chance: Chance,
        most: int,
        limits: Limits = SWF_LIMITS,
        fields: Fields = CLEAR,
    ) -> None:
        """``most``: how many runs stay suspended."""
        self._read_history = read_history
        self._domain = domain
        self._find = find
        self._chance = chance
        self._most = most
        self._limits = limits
        self._fields = fields
        self._runs: OrderedDict[str, Run] = OrderedDict()
        #: What was read of the history in hand.
        self._events: Sequence[Event] = ()

    def __len__(self) -> int:
        return len(self._runs)

    def decide(self, task: Mapping[str, Any], pages: Iterable[Sequence[Event]]) -> Answer:
        """The answer to a decision task; ``pages`` are its events, page after page.

        Raises what reading pages and histories raises.
        """
        run_id = task["workflowExecution"]["runId"]
        self._events = ()
        self._events = [event for page in pages for event in page]
        decided, context = self._go_on(run_id), None
        if decided is None:
            # Where a run goes on, the last answer was its own.
            decided = self._begin(task)
            context = "" if was_postponed(self._events) else None
        for notice in decided.notices:
            _log.warning("%s", notice, extra={"event": "workflow.notice"})
        if decided.verdict in {Verdict.BROKEN, Verdict.STALE}:
            problem = decided.problem
            return self.postpone(
                task,
                problem or DataflowError("the events of the task do not fit its history"),
                self._events,
            )
        return Answer(
            decisions=decided.decisions,
            execution_context=context,
            closing=decided.verdict in {Verdict.CLOSING, Verdict.CLOSED},
        )

    @property
    def known(self) -> Sequence[Event]:
        """What was read of the history of the last task.

        All of it; or what is new, where a run that was suspended goes on.
        """
        return self._events

    def postpone(
        self, task: Mapping[str, Any], problem: BaseException, known: Sequence[Event]
    ) -> Answer:
        """The answer to a decision task, if there is no other; ``known``: of its history."""
        run_id = task["workflowExecution"]["runId"]
        timer = postpone(known, task["startedEventId"])
        if isinstance(problem, DataflowError):
            told, cause = str(problem), problem.__cause__
        else:
            told, cause = failure.describe(problem).reason, problem
        _log.error(
            "the decision is put off for %s s: %s",
            timer.start_to_fire_timeout,
            told,
            exc_info=cause,
            extra={"event": "decision.postponed"},
        )
        self.drop(run_id)
        told = json.dumps({"postponed": self._fields.brief(told, _TOLD)}, ensure_ascii=False)
        return Answer(decisions=(timer,), execution_context=told, postponed=True)

    def task_list(self, run_id: str) -> str | None:
        """The task list that a run was started on; None if it is not suspended here."""
        run = self._runs.get(run_id)
        started = None if run is None else run.history.started
        return None if started is None else started.task_list.name

    def drop(self, run_id: str) -> None:
        """Let go of a run."""
        run = self._runs.pop(run_id, None)
        if run is not None:
            # User code may raise it while it is let go of: in a thread it is nobody's wish.
            with suppress(KeyboardInterrupt):
                run.drop()

    def drop_all(self) -> None:
        """Let go of all runs."""
        for run_id in list(self._runs):
            self.drop(run_id)

    def _go_on(self, run_id: str) -> Decided | None:
        """The decision of a run that is suspended here; None if there is none that fits."""
        run = self._runs.get(run_id)
        if run is None:
            return None
        self._runs.move_to_end(run_id)
        decided = run.advance(self._events)
        if decided.verdict is Verdict.STALE:
            self.drop(run_id)
            return None
        return decided

    def _begin(self, task: Mapping[str, Any]) -> Decided:
        """Replay a whole history."""
        first = self._events[0].event_id
        before = self._read_before(task, first)
        if len(before) < first - 1:
            # "This operation is eventually consistent. The results are best effort":
            # https://docs.aws.amazon.com/amazonswf/latest/apireference/API_GetWorkflowExecutionHistory.html
            return Decided(verdict=Verdict.STALE)
        self._events = [*before, *self._events]
        started = self._events[0].attributes
        text = started.input if isinstance(started, ev.WorkflowExecutionStarted) else None
        kind = WorkflowType(task["workflowType"]["name"], task["workflowType"]["version"])
        try:
            definition = self._find(kind, text)
        except DataflowError as problem:
            return Decided(verdict=Verdict.BROKEN, problem=problem)
        except Exception as error:  # noqa: BLE001 - law 3
            told = f"no class for workflow type {kind.name} version {kind.version}"
            unknown = UsageError(f"{told}: {failure.describe(error).reason}")
            unknown.__cause__ = error
            return Decided(verdict=Verdict.BROKEN, problem=unknown)
        named = task["workflowExecution"]
        execution = WorkflowExecution(named["workflowId"], named["runId"])
        run = Run(
            definition,
            execution,
            chance=self._chance,
            domain=self._domain,
            limits=self._limits,
            fields=self._fields,
        )
        decided = run.advance(self._events)
        self._runs[execution.run_id] = run
        while len(self._runs) > self._most:
            self.drop(next(iter(self._runs)))
        return decided

    def _read_before(self, task: Mapping[str, Any], event_id: int) -> list[Event]:
        """The events before this one; not all of them, if the service does not know them yet."""
        events: list[Event] = []
        request: dict[str, Any] = {
            "domain": self._domain,
            "execution": task["workflowExecution"],
            "maximumPageSize": min(event_id - 1, PAGE_SIZE),
        }
        while (missing := event_id - 1 - len(events)) > 0:
            page = self._read_history(**request)
            events += map(ev.from_wire, page["events"][:missing])
            if not page.get("nextPageToken"):
                break
            request["nextPageToken"] = page["nextPageToken"]
        return events
