"""A copy of an engine's file, made while its owner works on it.

SQLite copies one state of the file, however long it takes. The copy appears under its name when it
is whole and on disk, or not at all, and never in the place of something else.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from dataflow.engine import schema
from dataflow.errors import UsageError
from dataflow.files import give_name, sync_directory

_PRIVATE = 0o600


def backup(path: Path, copy: Path) -> int:
    """Copy the engine's file at ``path``; how many bytes the copy has. Raises `UsageError`."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}: name the --home of the server")
    if os.path.lexists(copy):
        raise UsageError(f"{copy} exists: name another file, or move that one")
    part = copy.with_name(f".{copy.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE)
        try:
            _copy(path, part)
            os.fsync(descriptor)
            give_name(part, copy)
        finally:
            os.close(descriptor)
            part.unlink(missing_ok=True)
        sync_directory(copy.parent)
        return copy.stat().st_size
    except FileExistsError as error:
        raise UsageError(f"{copy} has just been made by somebody else") from error
    except (OSError, sqlite3.Error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot copy {path} to {copy}: {reason}") from error


def _copy(path: Path, part: Path) -> None:
    with (
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(part)) as target,
    ):
        if schema.check(source, str(path)) == 0:
            raise UsageError(f"{path} is empty: start the server once")
        # Nobody sees the copy before it is whole: it needs no journal.
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        source.backup(target)
        # The copy is one file, without a log beside it, until a server takes it up.
        target.execute("PRAGMA journal_mode = DELETE")
