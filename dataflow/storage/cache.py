"""What was fetched from a distant store, kept on this machine for all processes of this user.

1. *Bytes in, bytes out.* diskcache would pickle what it does not know, and unpickle what it finds
   (CVE-2025-69872): the `Disk` here can do neither.
2. *As it came*: objects stay compressed and encrypted, so the cache holds no more than the store.
3. *A private place*: the directory has mode 0700 and belongs to this user, or nothing is kept.
4. *Within its size*: what was used longest ago goes, before `put` returns. Beyond the size there
   can be, for a moment, what each process is just writing; and SQLite's log, below 1 MB.
5. *Never in the way*: what is wrong with it, be it full, locked or damaged, is a miss. A damaged
   one is emptied.

Nothing is cached of a store in a directory: a file is read faster from where it is.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shlex
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, TypeVar

import diskcache  # type: ignore[import-untyped]
from diskcache.core import (  # type: ignore[import-untyped]
    DBNAME,
    MODE_BINARY,
    MODE_RAW,
)

from dataflow.errors import UsageError

_PRIVATE_DIRECTORY = 0o700
#: Within the directory of the user's choice, so that nothing else of his is ever deleted.
_SUBDIRECTORY = "objects"
#: Seconds to wait for another process that writes.
_PATIENCE = 2.0
#: Bytes from which on an object has a file of its own.
_OWN_FILE = 4096
#: Pages that SQLite's log may have before it is put into its file.
_LOG_PAGES = 100
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


def _refuse() -> NoReturn:
    """What is neither text nor bytes was not written here."""
    error = sqlite3.DatabaseError("the cache holds what is no bytes")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    raise error


class DiskCache:
    """Objects by their references; for all threads and processes."""

    def __init__(self, directory: Path, size: int) -> None:
        """``size``: bytes that it may take.

        Raises `UsageError` if the directory is not private, `OSError` if it cannot be made.
        """
        self.directory = directory
        self.size = size
        self._objects = directory / _SUBDIRECTORY
        self._lock = threading.Lock()
        self._cache: Any = None
        self._inode = 0
        self._warned = False
        _prepare(directory)
        _prepare(self._objects)

    def get(self, key: str) -> bytes | None:
        """The object, if it is there."""
        return self._try(lambda cache: cache.get(key))

    def put(self, key: str, data: bytes) -> None:
        """Keep an object, unless it would fill more than half of the cache."""
        if len(data) > self.size // 2:
            return

        def put(cache: Any) -> None:
            cache.set(key, data)
            cache.cull()

        self._try(put)

    def drop(self, key: str) -> None:
        """Keep an object no longer."""
        self._try(lambda cache: cache.delete(key))

    def clear(self) -> Usage:
        """Keep nothing any longer; what was kept."""
        usage = self.usage()
        self._empty()
        return usage

    def usage(self) -> Usage:
        """How full it is."""
        objects = self._try(len) or 0
        size = 0
        for directory, _, names in os.walk(self._objects):
            for name in names:
                with suppress(FileNotFoundError):
                    size += (Path(directory) / name).stat().st_size
        return Usage(objects, size)

    def close(self) -> None:
        """Give back what this thread has open."""
        if self._cache is not None:
            self._cache.close()

    def _try(self, call: Callable[[Any], _T]) -> _T | None:
        """What the call returns; None if the cache cannot do it."""
        try:
            try:
                return call(self._open())
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                _log.warning(
                    "the cache in %s is damaged (%s) and is emptied",
                    self._objects,
                    error,
                    extra={"event": "cache.damaged"},
                )
                self._empty()
                return call(self._open())
        except (OSError, sqlite3.Error, diskcache.Timeout) as error:
            if not self._warned:
                self._warned = True
                _log.warning(
                    "the cache in %s cannot be used now: %s",
                    self._objects,
                    error,
                    extra={"event": "cache.failed"},
                )
            return None

    def _open(self) -> Any:
        """The cache, opened anew if another process has emptied it."""
        with self._lock:
            if self._cache is None or self._inode != _inode(self._objects / DBNAME):
                with self._alone():
                    self._cache = diskcache.Cache(
                        str(self._objects),
                        timeout=_PATIENCE,
                        disk=_Bytes,
                        size_limit=self.size,
                        cull_limit=0,  # `put` culls itself, until there is room
                        eviction_policy="least-recently-used",
                        disk_min_file_size=_OWN_FILE,
                        sqlite_wal_autocheckpoint=_LOG_PAGES,
                    )
                    self._inode = _inode(self._objects / DBNAME)
            return self._cache

    def _empty(self) -> None:
        with self._lock, self._alone():
            if self._cache is not None:
                self._cache.close()
                self._cache = None
            for path in self._objects.iterdir():
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One process at a time makes the cache, or empties it."""
        descriptor = os.open(self._objects, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _prepare(directory: Path) -> None:
    """Make a directory for this user alone. Raises `UsageError` if it is somebody else's."""
    # What is above it is not ours alone, and has the mode that others expect.
    directory.parent.mkdir(parents=True, exist_ok=True)
    directory.mkdir(mode=_PRIVATE_DIRECTORY, exist_ok=True)
    status = directory.stat()
    if status.st_uid != os.geteuid():
        raise UsageError(
            f"the cache {directory} belongs to user {status.st_uid} and not to you (user "
            f"{os.geteuid()}): {_OTHER_PLACE}"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(
            f"others may write in the cache {directory}: chmod go-w {shlex.quote(str(directory))}, "
            f"or {_OTHER_PLACE}"
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
