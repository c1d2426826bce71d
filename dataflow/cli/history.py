"""``dataflow workflow.history``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from typing import Any

import click
import msgspec

from dataflow.cli import positional, render, tables
from dataflow.cli import reader as reading
from dataflow.cli.reader import reader
from dataflow.cli.tables import Column
from dataflow.cli.tasks import ATTEMPT_LIST, of_task
from dataflow.errors import UsageError
from dataflow.inspection.exported import written
from dataflow.inspection.lines import lines
from dataflow.inspection.tasks import tasks
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event

#: Seconds between two looks for new events.
_PAUSE = 0.5

_COLUMNS = [
    Column(key="id", title="Event", kind="number", width=5, value=lambda line: line.event.event_id),
    Column(key="time", title="Time", kind="time", value=lambda line: line.event.timestamp),
    Column(key="type", title="Type", width=24, value=lambda line: line.event.event_type),
    Column(key="subject", title="Task", width=30, value=lambda line: line.subject),
    Column(key="told", title="Details", kind="field", value=lambda line: line.told),
]


@click.command(
    short_help="Show the events of an execution.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.history shop order-17\n"
    "dataflow workflow.history shop order-17 --output-format raw >order-17.json\n"
    "dataflow workflow.history order-17 --follow",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@positional.run_id_option
@click.option(
    "-o",
    "--output-format",
    "shape",
    type=click.Choice(["raw", "events", "cooked"]),
    help="JSON, whatever --format says. raw: as the SWF API answers it, and workflow.replay reads "
    "it; events: flat, with names in snake_case; cooked: the tasks, by their kind and id.",
)
@click.option("--reverse-order", is_flag=True, help="The latest event first.")
@click.option("--follow", is_flag=True, help="Wait for more events until the execution has ended.")
@reading.options
def history(**options: Any) -> None:
    """Show the whole history of an execution: of this run, else the latest of its workflow id.

    A table tells most of each event on a line. --format json alone means --output-format raw.
    """
    named = positional.execution(options)
    wanted = tables.layout(options)
    shape = options["shape"] or ("raw" if wanted.is_json and not wanted.fields else None)
    follow, reverse = options["follow"], options["reverse_order"]
    if follow and (reverse or shape == "cooked"):
        other = "--reverse-order" if reverse else "--output-format cooked"
        raise UsageError(f"--follow and {other} exclude each other")
    with reader(options, named.domain) as there:
        execution = there.find(named.workflow_id, named.run_id)
        if shape is None and reverse:
            # Lines refer to what came before them.
            found = reversed(list(lines(there.events(execution))))
            render.lines(tables.lines(found, _COLUMNS, wanted))
            return
        if follow:
            new = there.follow(execution, lambda: time.sleep(_PAUSE))
            events: Iterator[Event] = chain.from_iterable(new)
        else:
            events = there.events(execution, reverse=reverse)
        on_lines = follow or wanted.format == "jsonl"
        match shape:
            case None:
                rows = lines(events)
                table = replace(wanted, one_by_one=follow)
                printed = tables.lines(rows, _COLUMNS, table)
            case "raw":
                printed = map(_raw, events) if on_lines else written(execution, events)
            case "events":
                printed = map(_flat, events) if on_lines else tables.array(map(_flat, events))
            case _:
                printed = iter([_cooked(list(events))])
        render.lines(printed, flush=follow)


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
    for name, member in msgspec.structs.asdict(value).items():
        if member is None:
            continue
        if isinstance(member, msgspec.Struct):
            members[name] = _members(member)
        elif name in _WRITTEN:
            members[name] = tables.content(member)
        else:
            members[name] = member
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
