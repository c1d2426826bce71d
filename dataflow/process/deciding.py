"""What becomes of a decision task: the suspended runs of one thread, and the answers they give.

1. *Sticky.* A run stays suspended between its decisions, so that each costs what is new. The ones
   that were idle longest make room for others (`Runs`).
2. *A run knows what history knows.* One whose answer was not accepted is dropped; where the events
   of a task do not go on where a run is, the whole history is fetched and replayed.
3. *A decision that cannot be made is postponed* (`dataflow.replay.postponing`), whatever is wrong:
   code that does not fit, a module that cannot be imported, a bug of ours.

A run belongs to the thread that advanced it, because its greenlet does: so do the objects here.
"""

from __future__ import annotations

import json
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dataflow.errors import DataflowError
from dataflow.payload.failure import cut
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Event
from dataflow.protocol.limits import SWF_LIMITS, Limits
from dataflow.protocol.service import Service
from dataflow.protocol.values import WorkflowExecution, WorkflowType
from dataflow.replay.decided import Chance, Decided, Verdict
from dataflow.replay.postponing import postpone, was_postponed
from dataflow.replay.run import Run
from dataflow.workflow import Workflow

#: The class for a workflow type, given the input of the execution. Raises a `DataflowError` that
#: says why there is none.
Find = Callable[[WorkflowType, str | None], type[Workflow]]

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


class Runs:
    """The runs of one thread, the least recently used first."""

    def __init__(
        self,
        service: Service,
        domain: str,
        find: Find,
        *,
        chance: Chance,
        most: int,
        limits: Limits = SWF_LIMITS,
    ) -> None:
        """``most``: how many runs stay suspended."""
        self._service = service
        self._domain = domain
        self._find = find
        self._chance = chance
        self._most = most
        self._limits = limits
        self._runs: OrderedDict[str, Run] = OrderedDict()

    def __len__(self) -> int:
        return len(self._runs)

    def decide(self, task: Mapping[str, Any], pages: Iterator[Sequence[Any]]) -> Answer:
        """The answer to a decision task; ``pages`` are its events, page after page."""
        execution = WorkflowExecution(
            task["workflowExecution"]["workflowId"], task["workflowExecution"]["runId"]
        )
        events = [ev.from_wire(wire) for page in pages for wire in page]
        decided = self._go_on(execution.run_id, events)
        if decided is None:
            if events[0].event_id != 1:
                events = self._whole_history(task)
            decided = self._begin(execution, task["workflowType"], events)
        for notice in decided.notices:
            _log.warning("%s", notice)
        if decided.verdict in {Verdict.BROKEN, Verdict.STALE}:
            return self._postpone(execution.run_id, task, events, decided.problem)
        return Answer(
            decisions=decided.decisions,
            execution_context="" if was_postponed(events) else None,
            closing=decided.verdict in {Verdict.CLOSING, Verdict.CLOSED},
        )

    def drop(self, run_id: str) -> None:
        """Let go of a run."""
        run = self._runs.pop(run_id, None)
        if run is not None:
            run.drop()

    def drop_all(self) -> None:
        """Let go of all runs."""
        for run_id in list(self._runs):
            self.drop(run_id)

    def _go_on(self, run_id: str, events: Sequence[Event]) -> Decided | None:
        """The decision of a run that is suspended here; None if there is none that fits."""
        run = self._runs.get(run_id)
        if run is None:
            return None
        self._runs.move_to_end(run_id)
        decided = run.advance(events)
        if decided.verdict is Verdict.STALE:
            self.drop(run_id)
            return None
        return decided

    def _begin(
        self, execution: WorkflowExecution, kind: Mapping[str, str], events: Sequence[Event]
    ) -> Decided:
        """Replay a whole history."""
        started = events[0].attributes
        text = started.input if isinstance(started, ev.WorkflowExecutionStarted) else None
        try:
            definition = self._find(WorkflowType(kind["name"], kind["version"]), text)
        except DataflowError as problem:
            return Decided(verdict=Verdict.BROKEN, problem=problem)
        run = Run(
            definition, execution, chance=self._chance, domain=self._domain, limits=self._limits
        )
        decided = run.advance(events)
        self._runs[execution.run_id] = run
        while len(self._runs) > self._most:
            self.drop(next(iter(self._runs)))
        return decided

    def _whole_history(self, task: Mapping[str, Any]) -> list[Event]:
        """All events up to the one that started the task."""
        events: list[Event] = []
        request: dict[str, Any] = {"domain": self._domain, "execution": task["workflowExecution"]}
        while True:
            page = self._service.get_workflow_execution_history(**request)
            for wire in page["events"]:
                if wire["eventId"] > task["startedEventId"]:
                    return events
                events.append(ev.from_wire(wire))
            if "nextPageToken" not in page:
                return events
            request["nextPageToken"] = page["nextPageToken"]

    def _postpone(
        self,
        run_id: str,
        task: Mapping[str, Any],
        events: Sequence[Event],
        problem: DataflowError | None,
    ) -> Answer:
        run = self._runs.get(run_id)
        known = events if run is None else run.history.events
        told = str(problem or "the events of the task do not fit its history")
        timer = postpone(known, task["startedEventId"])
        _log.error(
            "the decision is put off for %s s: %s",
            timer.start_to_fire_timeout,
            told,
            exc_info=problem.__cause__ if problem is not None else None,
            extra={"event": "decision.postponed"},
        )
        self.drop(run_id)
        return Answer(
            decisions=(timer,),
            execution_context=json.dumps({"postponed": cut(told, _TOLD)}, ensure_ascii=False),
        )
