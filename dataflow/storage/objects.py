"""diskcache as a place for bytes by name.

diskcache would pickle what it does not know, and unpickle what it finds (CVE-2025-69872): whoever
can write into its directory could have his code run. The `Disk` here knows texts for keys and bytes
for values. Anything else is damage: it raises a `sqlite3.DatabaseError`.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any, NoReturn

import diskcache  # type: ignore[import-untyped]
from diskcache.core import MODE_BINARY  # type: ignore[import-untyped]

#: Bytes that SQLite's journal may take while a transaction is under way: nobody counts them.
_JOURNAL = 100_000


class _Bytes(diskcache.Disk):  # type: ignore[misc] # diskcache has no types
    """Keys that are texts and values that are bytes, and nothing else."""

    def put(self, key: Any) -> tuple[str, bool]:
        if type(key) is not str:
            _refuse()
        return key, True

    def get(self, key: Any, raw: Any) -> str:
        if not raw or type(key) is not str:
            _refuse()
        return key

    def store(self, value: Any, read: Any, key: Any = diskcache.UNKNOWN) -> Any:
        if type(value) is not bytes:
            _refuse()
        return super().store(value, read, key)

    def fetch(self, mode: Any, filename: Any, value: Any, read: Any) -> bytes:
        if mode != MODE_BINARY or filename is None or read:
            _refuse()
        data: bytes = super().fetch(mode, filename, value, read)
        return data


class _Cache(diskcache.Cache):  # type: ignore[misc] # likewise
    """Makes room object by object; its parent drops ten at a time, however large they are."""

    def _cull(self, now: float, sql: Any, cleanup: Any, limit: int | None = None) -> None:
        # In the transaction that adds an object, which is the last to go.
        while len(self) > 1 and self.volume() > self.size_limit:
            super()._cull(now, sql, cleanup, limit)


class Objects:
    """A directory of them; for all threads and processes.

    What the file system or SQLite has against a call is raised as it is; `TimeoutError` if another
    process was too long in the way.
    """

    def __init__(self, directory: Path, size: int, patience: float) -> None:
        """``size``: bytes on the disk. ``patience``: seconds to wait for others."""
        self._cache = _Cache(
            str(directory),
            timeout=patience,
            disk=_Bytes,
            size_limit=max(size - _JOURNAL, size // 2),
            cull_limit=1,
            eviction_policy="least-recently-used",
            disk_min_file_size=0,  # a file each, so that dropping one makes room at once
            # A log would grow while several processes are busy. Nothing is brought to the disk:
            # what a loss of power damages is emptied.
            sqlite_journal_mode="truncate",
            sqlite_synchronous=0,
        )

    def get(self, key: str) -> bytes | None:
        try:
            data: bytes | None = self._cache.get(key)
        except diskcache.Timeout as error:
            raise TimeoutError(_BUSY) from error
        return data

    def put(self, key: str, data: bytes) -> None:
        """Keep it, and drop what was used longest ago until there is room."""
        try:
            self._cache.set(key, data)
        except diskcache.Timeout as error:
            raise TimeoutError(_BUSY) from error

    def drop(self, key: str) -> None:
        try:
            self._cache.delete(key)
        except diskcache.Timeout as error:
            raise TimeoutError(_BUSY) from error

    def __len__(self) -> int:
        return len(self._cache)

    def close(self) -> None:
        """Close the connection of this thread."""
        self._cache.close()


_BUSY = "other processes are writing to it"


def _refuse() -> NoReturn:
    error = sqlite3.DatabaseError("the cache holds what is no bytes")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise error
