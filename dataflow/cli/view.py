"""An execution while it goes on, for ``dataflow workflow.watch``.

On a terminal the view is drawn again and again in the same place, as many lines as fit. Elsewhere,
and in the formats for programs, each change is a row.
"""

from __future__ import annotations

import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from dataflow.cli import render, tables
from dataflow.cli.drawing.scale import duration
from dataflow.cli.drawing.texts import text_width
from dataflow.cli.tables import Column, member
from dataflow.clock import SystemClock
from dataflow.inspection.executions import Ending, Execution, ending
from dataflow.inspection.fields import line
from dataflow.inspection.lines import lines
from dataflow.inspection.reading import Reader
from dataflow.inspection.tasks import ENDED, Fold, Task, state_after
from dataflow.protocol.events import CLOSE_STATUS, Event

#: Seconds between two looks.
_PAUSE = 0.5


def _pause() -> None:
    render.pause(_PAUSE)


# --- elsewhere -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """A task, or the execution itself, is in another state."""

    at: float
    #: None: the execution.
    task_id: str | None
    state: str
    told: str | None


_COLUMNS = [
    Column(key="time", title="Time", kind="time", value=lambda change: change.at),
    member("task_id", "Task", width=30),
    Column(key="state", title="State", width=9, kind="state", value=lambda change: change.state),
    Column(key="details", title="Details", kind="field", value=lambda change: change.told),
]


def tell(there: Reader, execution: Execution, wanted: tables.Layout) -> Ending | None:
    """How it has ended; None: nobody reads on."""
    events: list[Event] = []

    def followed() -> Iterator[Event]:
        for new in there.follow(execution, _pause):
            events[:] = new or events
            yield from new

    changes = _changes(followed())
    table = replace(wanted, format="jsonl" if wanted.is_json else wanted.format, one_by_one=True)
    render.lines(tables.lines(changes, _COLUMNS, table), flush=True)
    return ending(events[-1].attributes)


def _changes(events: Iterator[Event]) -> Iterator[_Change]:
    for told in lines(events):
        event = told.event
        state: str | None = state_after(event)
        closed = CLOSE_STATUS.get(type(event.attributes))
        if closed is not None or event.event_id == 1:
            state = closed or "OPEN"
        if state is not None:
            yield _Change(at=event.timestamp, task_id=told.subject, state=state, told=told.told)


# --- on a terminal -------------------------------------------------------------------------


def draw(there: Reader, execution: Execution, wanted: tables.Layout) -> Ending | None:
    fold, clock = Fold(), SystemClock()
    how: Ending | None = None
    height = 0
    for new in there.follow(execution, _pause):
        for event in new:
            fold.apply(event)
        how = ending(new[-1].attributes) if new else None
        until = clock.now() if how is None else new[-1].timestamp
        size = shutil.get_terminal_size()
        view = _view(execution, how, fold.tasks(), until, size, wanted)
        back = f"\x1b[{height}F\x1b[J" if height else ""  # to where it began, and clear
        render.say(back + "\n".join(view))
        height = len(view)
    return how


def _view(
    execution: Execution,
    how: Ending | None,
    tasks: Sequence[Task],
    until: float,
    size: os.terminal_size,
    wanted: tables.Layout,
) -> list[str]:
    """As many lines as fit."""
    shown = [task for task in tasks if task.is_step]
    counts = Counter(task.state for task in shown)
    status = "OPEN" if how is None else how.status
    head = [
        line(f"{execution.name} {execution.workflow_id}")
        + f"  {tables.painted(status, color=wanted.color)}"
        + f"  {duration(until - execution.started_at)}",
        ", ".join(f"{count} {state}" for state, count in counts.items()) or "no tasks yet",
        "",
    ]
    room = max(1, size.lines - len(head) - 2)
    shown.sort(key=lambda task: (task.state in ENDED, -task.state_at))
    table = replace(wanted, format="text", header=True, one_by_one=False)
    rows = tables.lines(shown[:room], _tasks(until), table)
    return [_cut(text, size.columns) for text in (*head, *rows)]


def _tasks(until: float) -> list[Column]:
    return [
        member("task_id", "Task"),
        member("state", "State", "state"),
        Column(
            key="for",
            title="For",
            value=lambda task: None if task.state in ENDED else duration(until - task.state_at),
        ),
        Column(
            key="attempts", title="Attempts", kind="number", value=lambda task: len(task.attempts)
        ),
        Column(
            key="details",
            title="Details",
            kind="field",
            value=lambda task: task.last.reason or task.result,
        ),
    ]


_ESCAPE = re.compile(r"(\x1b\[[0-9;]*m)")


def _cut(text: str, width: int) -> str:
    """The beginning that takes so many columns; colours take none, and are all kept."""
    kept = ""
    for part in _ESCAPE.split(text):
        if _ESCAPE.fullmatch(part):
            kept += part
            continue
        shown = part
        while text_width(shown) > width:
            shown = shown[:-1]
        width -= text_width(shown)
        kept += shown
    return kept
