"""Files and directories for this user alone, written so that they survive a loss of power."""

from __future__ import annotations

import fcntl
import os
import shlex
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dataflow.errors import UsageError


def sync_directory(directory: Path) -> None:
    """Bring names to the disk: those of new files, and that old ones are gone."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def give_name(part: Path, file: Path) -> None:
    """Let what is whole appear under its name. ``part`` may be left, to be deleted.

    Raises `FileExistsError`, where the file system can tell: unlike a renaming, this replaces
    nothing.
    """
    try:
        os.link(part, file)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        part.replace(file)


@contextmanager
def locked(descriptor: int, how: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Hold the lock of an open file, which is closed in the end; ``how`` as for `fcntl.flock`."""
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def check_private(
    directory: Path,
    status: os.stat_result,
    *,
    called: str,
    owner_may: str = "",
    holds: str = "",
    instead: str,
) -> None:
    """Raise `UsageError` if somebody else owns a directory, or may write there.

    ``status``: what `os.stat` says of it. In the words of the error: ``called``, what the directory
    is; ``owner_may``, what its owner may do; ``holds``, what will be in it; ``instead``, what to do
    if nothing else helps.
    """
    if status.st_uid != os.geteuid():
        raise UsageError(
            f"{called} belongs to user {status.st_uid} and not to you (user {os.geteuid()}): "
            f"{owner_may}{instead}"
        )
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise UsageError(
            f"others may write in {called}{holds}: chmod go-w {shlex.quote(str(directory))}, or "
            f"{instead}"
        )
