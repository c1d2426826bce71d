"""What is in an engine's file, while its owner works on it: each answer is of one state of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from dataflow.engine import schema
from dataflow.errors import UsageError
from dataflow.protocol import events as ev

#: By which an attempt at an activity that had been started is over.
_ENDS = (
    ev.ActivityTaskCompleted,
    ev.ActivityTaskFailed,
    ev.ActivityTaskTimedOut,
    ev.ActivityTaskCanceled,
)


def bodies(path: Path) -> Iterator[bytes]:
    """The events, as JSON, in no order. Raises `UsageError` if the file cannot be read."""
    with _open(path) as file:
        if file is not None:
            for (body,) in file.execute("SELECT body FROM event"):
                yield body


def working_since(path: Path) -> float | None:
    """When the first of the activities that run now was started, in seconds since the epoch.

    None: none runs. Raises `UsageError` as `bodies`.
    """
    running: dict[tuple[int, int], float] = {}
    with _open(path) as file:
        if file is not None:
            for number, body in file.execute(
                "SELECT number, body FROM execution JOIN event"
                " ON id BETWEEN number << ?1 AND ((number + 1) << ?1) - 1"
                " WHERE closed IS NULL ORDER BY id",
                (schema.EVENT_BITS,),
            ):
                event = ev.decode(body)
                if isinstance(event.attributes, ev.ActivityTaskStarted):
                    running[number, event.event_id] = event.timestamp
                elif isinstance(event.attributes, _ENDS):
                    running.pop((number, event.attributes.started_event_id), None)
    return min(running.values(), default=None)


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection | None]:
    """The file to be read; None if there is nothing in it yet."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}: name the --home of the server")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            yield file if schema.check(file, str(path)) else None
    except sqlite3.Error as error:
        raise UsageError(f"cannot read {path}: {error}") from error
