"""The events of a history, a line for each: what happened, to which task, with what outcome."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from dataflow.protocol.events import Event

#: Members that name the task, in the event that begins it and in those that are about it by name.
_IDS = ("activity_id", "timer_id", "workflow_id", "id", "signal_name", "marker_name")
#: Members that name the event which began the task, the best first.
_REFERENCES = ("scheduled_event_id", "initiated_event_id", "started_event_id")
#: Members that tell most, the best first.
_TELLING = ("reason", "cause", "timeout_type", "result", "details", "message", "input")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event."""

    event: Event
    #: The id of the task, or the name of the signal or marker; None: it is about none.
    subject: str | None
    #: A reason, a result, an input, whichever there is.
    told: str | None


def lines(events: Iterable[Event]) -> Iterator[Line]:
    """The lines of a history, or of its beginning: each refers to what came before."""
    begun: dict[int, str] = {}
    for event in events:
        attributes: Any = event.attributes
        subject = _first(attributes, _IDS) or _referred(attributes, begun)
        if subject is not None:
            begun[event.event_id] = subject
        yield Line(event=event, subject=subject, told=_first(attributes, _TELLING))


def _referred(attributes: Any, begun: dict[int, str]) -> str | None:
    for name in _REFERENCES:
        subject = begun.get(getattr(attributes, name, 0))
        if subject is not None:
            return subject
    return None


def _first(attributes: Any, names: Iterable[str]) -> str | None:
    for name in names:
        value = getattr(attributes, name, None)
        if value is not None:
            return str(value)
    return None
