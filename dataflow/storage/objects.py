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
from diskcache.core import MODE_BINARY, MODE_RAW  # type: ignore[import-untyped]

#: Bytes from which on an object has a file of its own.
_OWN_FILE = 4096
#: Pages that SQLite's log may have before it is put into its file; bytes of a page.
_LOG_PAGES, _PAGE = 100, 4096
#: The log, and what SQLite shares between processes: diskcache does not count them.
_NOT_COUNTED = (_LOG_PAGES + 8) * _PAGE


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
        if mode == MODE_RAW and type(value) is bytes:
            return value
        if mode != MODE_BINARY or filename is None or read:
            _refuse()
        data: bytes = super().fetch(mode, filename, value, read)
        return data


class Objects:
    """A directory of them; for all threads and processes.

    What the file system or SQLite has against a call is raised as it is; `TimeoutError` if another
    process was too long in the way.
    """

    def __init__(self, directory: Path, size: int, patience: float) -> None:
        """``size``: bytes on the disk. ``patience``: seconds to wait for others."""
        self._cache = diskcache.Cache(
            str(directory),
            timeout=patience,
            disk=_Bytes,
            size_limit=max(size - _NOT_COUNTED, size // 2),
            cull_limit=0,  # ten at a time would not make room for a big one: see `put`
            eviction_policy="least-recently-used",
            disk_min_file_size=_OWN_FILE,
            sqlite_wal_autocheckpoint=_LOG_PAGES,
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
            self._cache.cull()
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
