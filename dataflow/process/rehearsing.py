"""Whether today's code fits a history: its replay, without an engine.

The decisions of the history are made again and held to what it tells, as a decider does it before
it goes on. The end is compared, too, which a decider never sees again: the result, or the reason
for which it failed.
"""

from __future__ import annotations

from dataclasses import dataclass

from dataflow.chance import SeededChance
from dataflow.errors import DataflowError, NonDeterminism
from dataflow.inspection.exported import Exported
from dataflow.payload import jumbo
from dataflow.payload.failure import cut
from dataflow.payload.fields import CLEAR, Fields
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import (
    CompleteWorkflowExecution,
    Decision,
    FailWorkflowExecution,
)
from dataflow.protocol.events import Event
from dataflow.protocol.values import WorkflowExecution
from dataflow.replay.run import Run
from dataflow.workflow import Workflow

#: Characters of a result that are told.
_TOLD = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What came of it."""

    #: How many there are in the history.
    events: int
    decisions: int
    #: The first divergence, a `NonDeterminism`; None: the code fits.
    problem: DataflowError | None
    #: What the owner of the workflow should hear of.
    notices: tuple[str, ...]


def rehearse(history: Exported, definition: type[Workflow], *, fields: Fields = CLEAR) -> Rehearsal:
    """Replay a history; that of an open execution as far as it goes. ``fields`` reads it."""
    execution = WorkflowExecution(history.workflow_id, history.run_id)
    run = Run(definition, execution, chance=SeededChance(), domain=history.domain, fields=fields)
    try:
        decided = run.advance(history.events)
        problem = decided.problem or _compare_end(history.events[-1], run.closing, fields)
    finally:
        run.drop()
    return Rehearsal(
        events=len(history.events),
        decisions=sum(
            isinstance(event.attributes, ev.DecisionTaskCompleted) for event in history.events
        ),
        problem=problem,
        notices=decided.notices,
    )


def _compare_end(last: Event, closing: Decision | None, fields: Fields) -> NonDeterminism | None:
    match last.attributes, closing:
        case ev.WorkflowExecutionCompleted(), CompleteWorkflowExecution():
            told, asked = last.attributes.result, closing.result
        case ev.WorkflowExecutionFailed(), FailWorkflowExecution():
            told, asked = last.attributes.reason, closing.reason
        case _:
            return None
    if told == asked or (
        told is not None and asked is not None and jumbo.matches(fields.open(told), asked)
    ):
        return None
    return NonDeterminism(
        event_id=last.event_id,
        history=f"event {last.event_id}, {last.event_type} with {cut(str(told), _TOLD)}",
        code=f"{type(closing).__name__} with {cut(str(asked), _TOLD)}",
    )
