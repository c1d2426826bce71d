"""A history as JSON: what ``GetWorkflowExecutionHistory`` answers, written and read again.

What other tools have written can be read, too: ``aws swf get-workflow-execution-history`` (times as
texts), the bare list of the events, events on a line each, the latest first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import msgspec

from dataflow.errors import UsageError
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event


def written(events: Iterable[Event]) -> Iterator[str]:
    """The lines of the JSON, one for each event."""
    line = '{"events": ['
    comma = ""
    for event in events:
        yield line + comma
        line, comma = ev.encode(event).decode(), ","
    yield line
    yield "]}"


def read(text: str) -> list[Event]:
    """The events, in order. Raises `UsageError` for what is no history from its beginning."""
    try:
        events = [_event(wire) for wire in _wires(text)]
    except (ValueError, TypeError, AttributeError, RecursionError, OverflowError) as error:
        raise UsageError(
            f"is no history: {error}; `dataflow workflow.history --output-format raw` writes one"
        ) from error
    events.sort(key=lambda event: event.event_id)
    if not events:
        raise UsageError("has no events")
    for expected, event in enumerate(events, 1):
        if event.event_id != expected:
            raise UsageError(
                f"lacks event {expected}: a history is needed as a whole, from its first event on"
            )
    if not isinstance(events[0].attributes, ev.WorkflowExecutionStarted):
        raise UsageError("does not begin with WorkflowExecutionStarted")
    return events


def _wires(text: str) -> list[Any]:
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        lines = text.split("\n")
        if not lines[0].rstrip().endswith("}"):
            raise
        return [json.loads(line) for line in lines if line.strip()]
    if isinstance(whole, dict) and "eventId" in whole:  # one line
        return [whole]
    found = whole["events"] if isinstance(whole, dict) and "events" in whole else whole
    if not isinstance(found, list):
        raise ValueError("there is no list of events")  # noqa: TRY004 - told as what it is
    return found


def _event(wire: Mapping[str, Any]) -> Event:
    time = wire.get("eventTimestamp")
    if isinstance(time, str):
        wire = {**wire, "eventTimestamp": datetime.fromisoformat(time).timestamp()}
    try:
        return ev.from_wire(wire)
    except msgspec.ValidationError as error:
        raise ValueError(f"event {wire.get('eventId')}: {error}") from error
