"""What was fetched from a distant store, kept on this machine for all processes of this user.

1. *Bytes in, bytes out.* Nothing is pickled or unpickled (`objects`).
2. *As it came*: objects stay compressed and encrypted, so the cache holds no more than the store.
3. *A private place*: the directory has mode 0700 and belongs to this user, or nothing is kept.
4. *Within its size*: what was used longest ago goes, before `put` returns. Beyond it there may be,
   for a moment, the object that each process is just writing.
5. *Never in the way*: what is wrong with it, be it full, locked or damaged, is a miss. A damaged
   one is emptied.

Nothing is cached of a store in a directory: a file is read faster from where it is.
"""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from dataflow.files import check_private, locked

if TYPE_CHECKING:
    from dataflow.storage.objects import Objects

_PRIVATE_DIRECTORY = 0o700
#: Within the directory of the user's choice, so that nothing else of his is ever deleted.
_SUBDIRECTORY = "objects"
#: Seconds to wait for another process that writes.
_PATIENCE = 2.0
#: The file in which diskcache keeps its index.
_INDEX = "cache.db"
#: Codes of SQLite that say: this is no (longer a) cache.
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
_PRIMARY_CODE = 0xFF
_OTHER_PLACE = "name another directory in DATAFLOW_CACHE_DIR"

_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Usage(NamedTuple):
    """How full a cache is."""

    objects: int
    #: Bytes on the disk.
    size: int


class DiskCache:
    """Objects by their references; for all threads and processes."""

    def __init__(self, directory: Path, size: int) -> None:
        """``size``: bytes that it may take.

        Raises `UsageError` if the directory is not private, `OSError` if it cannot be made.
        """
        self.directory = directory
        self.size = size
        self._path = directory / _SUBDIRECTORY
        self._lock = threading.Lock()
        self._opened: Objects | None = None
        self._inode = 0
        self._warned = False
        _prepare(directory)
        _prepare(self._path)

    def get(self, key: str) -> bytes | None:
        """The object, if it is there."""
        return self._try(lambda objects: objects.get(key))

    def put(self, key: str, data: bytes) -> None:
        """Keep an object, unless it would fill more than half of the cache."""
        if len(data) > self.size // 2:
            return
        self._try(lambda objects: objects.put(key, data))

    def drop(self, key: str) -> None:
        """Keep an object no longer."""
        self._try(lambda objects: objects.drop(key))

    def clear(self) -> Usage:
        """Keep nothing any longer; what was kept."""
        usage = self.usage()
        self._empty()
        return usage

    def usage(self) -> Usage:
        """How full it is."""
        objects = self._try(len) or 0
        size = 0
        for directory, _, names in os.walk(self._path):
            for name in names:
                with suppress(FileNotFoundError):
                    size += (Path(directory) / name).stat().st_size
        return Usage(objects, size)

    def close(self) -> None:
        """Give back what this thread has open."""
        if self._opened is not None:
            self._opened.close()

    def _try(self, call: Callable[[Objects], _T]) -> _T | None:
        """What the call returns; None if the cache cannot do it."""
        try:
            try:
                return call(self._open())
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                _log.warning(
                    "the cache in %s is damaged (%s) and is emptied",
                    self._path,
                    error,
                    extra={"event": "cache.damaged"},
                )
                self._empty()
                return call(self._open())
        except (OSError, sqlite3.Error) as error:
            if not self._warned:
                self._warned = True
                _log.warning(
                    "the cache in %s cannot be used now: %s",
                    self._path,
                    error,
                    extra={"event": "cache.failed"},
                )
            return None

    def _open(self) -> Objects:
        """The cache, opened anew if another process has emptied it."""
        from dataflow.storage.objects import Objects  # noqa: PLC0415 - diskcache: 20 ms

        with self._lock:
            if self._opened is None or self._inode != _inode(self._path / _INDEX):
                with self._alone():
                    self._opened = Objects(self._path, self.size, _PATIENCE)
                    self._inode = _inode(self._path / _INDEX)
            return self._opened

    def _empty(self) -> None:
        with self._lock, self._alone():
            if self._opened is not None:
                self._opened.close()
                self._opened = None
            for path in self._path.iterdir():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    def _alone(self) -> AbstractContextManager[None]:
        """One process at a time makes the cache, or empties it."""
        return locked(os.open(self._path, os.O_RDONLY | os.O_DIRECTORY))


def _prepare(directory: Path) -> None:
    """Make a directory for this user alone. Raises `UsageError` if it is somebody else's."""
    # What is above it is not ours alone, and has the mode that others expect.
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(mode=_PRIVATE_DIRECTORY, exist_ok=True)
    check_private(
        directory, directory.stat(), called=f"the cache {directory}", instead=_OTHER_PLACE
    )


def _is_damage(error: sqlite3.Error) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    return code == sqlite3.SQLITE_IOERR_SHORT_READ or code & _PRIMARY_CODE in _DAMAGED


def _inode(path: Path) -> int:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return 0
