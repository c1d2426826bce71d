"""Whether today's code fits a history: its replay, without an engine.

The decisions of the history are made again and held to what it tells, as a decider does it before
it goes on. The end is compared, too, which a decider never sees again: the result, or the reason
for which it failed.
"""

from __future__ import annotations

from collections.abc import Callable
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
#: What `Fields.brief` ends a text with that it has cut, after a space if there is anything before.
_ELLIPSIS = "..."


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
    fits: Callable[[str, str], bool]
    match last.attributes, closing:
        case ev.WorkflowExecutionCompleted(), CompleteWorkflowExecution():
            told, asked, fits = last.attributes.result, closing.result, jumbo.matches
        case ev.WorkflowExecutionFailed(), FailWorkflowExecution():
            told, asked, fits = last.attributes.reason, closing.reason, _is_brief
        case _:
            return None
    if told == asked or (told is not None and asked is not None and fits(fields.open(told), asked)):
        return None
    return NonDeterminism(
        event_id=last.event_id,
        history=f"event {last.event_id}, {last.event_type} with {cut(str(told), _TOLD)}",
        code=f"{type(closing).__name__} with {cut(str(asked), _TOLD)}",
    )


def _is_brief(told: str, asked: str) -> bool:
    """Whether a reason is this one, perhaps cut once more to have room where it is encrypted."""
    return told == asked or (
        told.endswith(_ELLIPSIS)
        and asked.startswith(told.removesuffix(_ELLIPSIS).removesuffix(" "))
    )
