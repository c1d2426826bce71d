"""Jumbo fields in a directory: the store that the embedded engine has by itself.

1. *Whole or not there.* An object is written under another name, brought to the disk, and linked
   to its own.
2. *Nobody else's business.* Directories are made with mode 0700, files with 0600.
3. *What is written again is young again.* Else a collection (`payload.gc`) might take an object
   just when somebody refers to it anew. A lock file holds the two apart.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import NamedTuple

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.files import give_name, locked, sync_directory

_PRIVATE, _PRIVATE_DIRECTORY = 0o600, 0o700
_HASH = re.compile(r"[0-9a-f]{64}")
#: What a file is called before it is whole.
_UNFINISHED = ".part-"
_LOCK = ".lock"
#: No room, which may be made; a server of files that does not answer.
_PASSES = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EMFILE,
    errno.ENFILE,
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
}


class Entry(NamedTuple):
    """A file of the store."""

    name: str
    #: Bytes.
    size: int
    #: When it was last written, in seconds since the epoch.
    written: float

    @property
    def unfinished(self) -> bool:
        """Whether it is being written, or was when somebody died."""
        return self.name.startswith(_UNFINISHED)

    @property
    def object_hash(self) -> str | None:
        """The hash of the clear text; None if it is no object."""
        name = self.name.partition(".")[0]
        return name if _HASH.fullmatch(name) else None


class DirectoryStore:
    """Objects as files, in directories of the first two letters of their names."""

    scheme = "file"

    def __init__(self, path: Path, location: str) -> None:
        """``location``: how references call the directory, which is made when it is needed."""
        self.path = path
        self.location = location

    def put(self, name: str, data: bytes) -> None:
        file = self._file(name)
        try:
            # One that is there needs no second copy; should it vanish meanwhile, there is one.
            while not self._renew(file):
                self._write(file, data)
        except OSError as error:
            raise _told(error, f"cannot write {file}") from error

    def get(self, name: str) -> bytes:
        file = self._file(name)
        try:
            return file.read_bytes()
        except FileNotFoundError as error:
            where = "" if self.path.is_dir() else f" (nor a directory {self.path})"
            raise PayloadError(
                f"there is no object {name} in {self.path}{where}: it was deleted, or this is not "
                "the directory that it was written to"
            ) from error
        except OSError as error:
            raise _told(error, f"cannot read {file}") from error

    def entries(self) -> Iterator[Entry]:
        """All files, those too that were never finished."""
        for directory in sorted(self.path.glob("[0-9a-f][0-9a-f]")):
            for file in sorted(directory.iterdir()):
                with suppress(FileNotFoundError):
                    status = file.stat()
                    yield Entry(file.name, status.st_size, status.st_mtime)

    def discard(self, name: str, before: float) -> bool:
        """Delete a file, unless it was written at this time or later; whether it is gone."""
        file = self._unfinished(name) if name.startswith(_UNFINISHED) else self._file(name)
        with self._locked(fcntl.LOCK_EX):
            try:
                if file.stat().st_mtime >= before:
                    return False
                file.unlink()
            except FileNotFoundError:
                return False
        return True

    def _file(self, name: str) -> Path:
        return self.path / name[:2] / name

    def _unfinished(self, name: str) -> Path:
        object_name = name.removeprefix(_UNFINISHED)
        return self.path / object_name[:2] / name

    def _renew(self, file: Path) -> bool:
        """Make a file young; whether there is one."""
        if not file.exists():
            return False
        with self._locked(fcntl.LOCK_SH):
            try:
                os.utime(file)
            except FileNotFoundError:
                return False
        return True

    def _write(self, file: Path, data: bytes) -> None:
        self._make(file.parent)
        part = file.with_name(f"{_UNFINISHED}{file.name}.{os.getpid()}-{threading.get_ident()}")
        part.unlink(missing_ok=True)  # of a process that had this number
        try:
            with open(part, "xb", opener=_open_private) as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            with suppress(FileExistsError):  # somebody else was faster, with the same text
                give_name(part, file)
        finally:
            part.unlink(missing_ok=True)
        sync_directory(file.parent)

    def _make(self, directory: Path) -> None:
        if directory.is_dir():
            return
        self.path.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        directory.mkdir(mode=_PRIVATE_DIRECTORY, exist_ok=True)
        sync_directory(self.path)
        sync_directory(self.path.parent)

    def _locked(self, how: int) -> AbstractContextManager[None]:
        """Hold the lock of the directory: to make files young shared, to delete them alone."""
        return locked(os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT, _PRIVATE), how)


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, _PRIVATE)


def _told(error: OSError, what: str) -> PayloadError:
    told = f"{what}: {error.strerror}"
    return PayloadUnavailable(told) if error.errno in _PASSES else PayloadError(told)
