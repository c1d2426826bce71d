"""All events of an engine's file, while its owner works on it: one state of the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from dataflow.engine import schema
from dataflow.errors import UsageError


def bodies(path: Path) -> Iterator[bytes]:
    """The events, as JSON, in no order. Raises `UsageError` if the file cannot be read."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}: name the --home of the server")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            if schema.check(file, str(path)):
                for (body,) in file.execute("SELECT body FROM event"):
                    yield body
    except sqlite3.Error as error:
        raise UsageError(f"cannot read {path}: {error}") from error
