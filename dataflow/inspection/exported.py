"""A history as JSON: what ``GetWorkflowExecutionHistory`` answers, written and read again.

Events do not tell which execution they are of; what is written here does. What other tools have
written can be read, too: ``aws swf get-workflow-execution-history`` (times as texts), the bare list
of the events, events on a line each, the latest first.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from dataflow.errors import UsageError
from dataflow.inspection.executions import Execution
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """A history, and whose it is; empty, where that is not known."""

    events: Sequence[Event]
    domain: str = ""
    workflow_id: str = ""
    run_id: str = ""


def written(execution: Execution, events: Iterable[Event]) -> Iterator[str]:
    """The lines of the JSON, one for each event."""
    whose = {
        "domain": execution.domain,
        "workflowExecution": {
            "workflowId": execution.workflow_id,
            "runId": execution.run_id,
        },
    }
    line = f'{json.dumps(whose)[:-1]}, "events": ['
    comma = ""
    for event in events:
        yield line + comma
        line, comma = ev.encode(event).decode(), ","
    yield line
    yield "]}"


def read(text: str) -> Exported:
    """Read a history. Raises `UsageError` for what is none, or none from its beginning."""
    try:
        whole = _parsed(text)
        found, whose = (whole, {}) if isinstance(whole, list) else (whole["events"], whole)
        events = sorted(map(_event, found), key=lambda event: event.event_id)
        execution = whose.get("workflowExecution", {})
        exported = Exported(
            events=events,
            domain=str(whose.get("domain", "")),
            workflow_id=str(execution.get("workflowId", "")),
            run_id=str(execution.get("runId", "")),
        )
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as e:
        raise UsageError(
            f"this is no history ({type(e).__name__}: {e}): `dataflow workflow.history "
            "--output-format raw` writes one"
        ) from e
    if not events or not isinstance(events[0].attributes, ev.WorkflowExecutionStarted):
        raise UsageError("the history does not begin with WorkflowExecutionStarted")
    for expected, event in enumerate(events, 1):
        if event.event_id != expected:
            raise UsageError(f"the history lacks event {expected}: it is needed as a whole")
    return exported


def _parsed(text: str) -> Any:
    """One JSON, or events on a line each."""
    try:
        whole = json.loads(text)
    except json.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) < 2 or not lines[0].rstrip().endswith("}"):  # noqa: PLR2004
            raise
        return [json.loads(line) for line in lines]
    return [whole] if isinstance(whole, dict) and "eventId" in whole else whole


def _event(wire: Mapping[str, Any]) -> Event:
    time = wire.get("eventTimestamp")
    if isinstance(time, str):
        wire = {**wire, "eventTimestamp": datetime.fromisoformat(time).timestamp()}
    try:
        return ev.from_wire(wire)
    except msgspec.ValidationError as error:
        raise ValueError(f"event {wire.get('eventId')}: {error}") from error
