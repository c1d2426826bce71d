"""One process owns an engine's file: the lock, and who holds it.

The lock is one of the operating system's (`fcntl.lockf`), so it ends with its process, however that
ends, and a child that outlives the process does not keep it. Within one process such a lock does
not keep anybody out, so the process remembers what it owns.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

from dataflow.errors import UsageError

_owned: set[Path] = set()
_guard = threading.Lock()


class EngineInUse(UsageError):
    """Another process, or another engine of this one, owns the file."""


class Ownership:
    """The lock on an engine's file, from construction to `release`."""

    def __init__(self, path: Path) -> None:
        """Raises `EngineInUse`, which names the owner; `OSError` where there can be no lock."""
        self._path = path.resolve()
        self._lock = self._path.with_name(self._path.name + ".lock")
        with _guard:
            if self._path in _owned:
                raise EngineInUse(
                    f"{path} is in use by another engine of this process: use that one, or close it"
                )
            self._file = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                owner = os.pread(self._file, 32, 0).decode("ascii", "replace").strip() or "unknown"
                os.close(self._file)
                if isinstance(error, BlockingIOError | PermissionError):
                    raise EngineInUse(
                        f"{path} is in use by process {owner}: connect to that server, or stop it"
                    ) from error
                raise
            os.truncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
            _owned.add(self._path)

    def release(self) -> None:
        """Let another process own the file."""
        with _guard:
            if self._path in _owned:
                _owned.discard(self._path)
                os.close(self._file)
