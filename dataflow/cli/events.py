"""The events of an execution, in every form that ``dataflow workflow.history`` prints."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import msgspec

from dataflow.cli import render, tables
from dataflow.cli.tables import Column, member
from dataflow.cli.tasks import ATTEMPT_LIST, of_task
from dataflow.inspection.executions import Execution
from dataflow.inspection.exported import written
from dataflow.inspection.lines import lines
from dataflow.inspection.reading import Reader
from dataflow.inspection.tasks import tasks
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event

#: Seconds between two looks for new events.
_PAUSE = 0.5

_COLUMNS = [
    Column(key="id", title="Event", kind="number", width=5, value=lambda line: line.event.event_id),
    Column(key="time", title="Time", kind="time", value=lambda line: line.event.timestamp),
    Column(key="type", title="Type", width=24, value=lambda line: line.event.event_type),
    member("subject", "Task", width=30),
    member("told", "Details", "field"),
]


def printed(
    there: Reader,
    execution: Execution,
    wanted: tables.Layout,
    *,
    shape: str | None,
    reverse: bool,
    follow: bool,
) -> Iterator[str]:
    """The lines to print; ``shape`` None: a table."""
    if shape is None and reverse:
        # Lines refer to what came before them.
        return tables.lines(reversed(list(lines(there.events(execution)))), _COLUMNS, wanted)
    if follow:
        new = there.follow(execution, lambda: render.pause(_PAUSE))
        events: Iterable[Event] = chain.from_iterable(new)
    else:
        events = there.events(execution, reverse=reverse)
    on_lines = follow or wanted.format == "jsonl"
    match shape:
        case None:
            return tables.lines(lines(events), _COLUMNS, replace(wanted, one_by_one=follow))
        case "raw":
            return map(_raw, events) if on_lines else written(execution, events)
        case "events":
            return map(_flat, events) if on_lines else tables.array(map(_flat, events))
    return iter([_cooked(list(events))])


# --- JSON ----------------------------------------------------------------------------------


def _raw(event: Event) -> str:
    return ev.encode(event).decode()


def _flat(event: Event) -> str:
    return json.dumps(
        {
            "id": event.event_id,
            "type": event.event_type,
            "time": tables.rfc3339(event.timestamp),
            **_members(event.attributes),
        }
    )


#: Members that hold what a workflow or an activity has written, which is JSON if it was ours.
_WRITTEN = frozenset({"input", "result", "details", "control", "execution_context"})


def _members(value: msgspec.Struct) -> dict[str, Any]:
    """What is not said is left out, as on the wire."""
    members: dict[str, Any] = {}
    for name, part in msgspec.structs.asdict(value).items():
        if part is None:
            continue
        if isinstance(part, msgspec.Struct):
            members[name] = _members(part)
        elif name in _WRITTEN:
            members[name] = tables.content(part)
        else:
            members[name] = part
    return members


_KINDS = {
    "activity": "activities",
    "child": "child_workflows",
    "lambda": "lambda_functions",
    "timer": "timers",
    "signal": "signals",
    "marker": "markers",
}


def _cooked(events: list[Event]) -> str:
    told: dict[str, dict[str, Any]] = {name: {} for name in _KINDS.values()}
    until = events[-1].timestamp if events else 0.0
    columns = [*of_task(until).values(), ATTEMPT_LIST]
    for task in tasks(events):
        told[_KINDS[task.kind]][task.task_id] = tables.as_json(task, columns)
    return json.dumps(told)
