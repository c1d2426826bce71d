"""Our keys in an AWS credentials file, where boto3, the ``aws`` command and every SDK find them.

https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html. The file is the user's: a section
is added below what is there, not a byte of which changes, and one that is there is never replaced.
"""

from __future__ import annotations

import configparser
import fcntl
import os
import stat
from pathlib import Path

from dataflow.engine.auth.keys import Key
from dataflow.errors import UsageError

_PRIVATE = 0o600
_PRIVATE_DIRECTORY = 0o700


def add_profile(file: Path, key: Key) -> None:
    """Add the key as the profile of its name, and let nobody else read the file.

    The file, and the directory it is in, need not exist. Raises `UsageError` if there is such a
    profile already, and if the file is none of this kind or cannot be written.
    """
    if key.name == configparser.DEFAULTSECT:
        raise UsageError(
            f"a profile called {key.name} would be part of every profile: choose another --name"
        )
    try:
        file.parent.mkdir(mode=_PRIVATE_DIRECTORY, exist_ok=True)
        # O_APPEND: what is there cannot be overwritten, not even by mistake.
        descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, _PRIVATE)
        with os.fdopen(descriptor, "r+b", buffering=0) as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UsageError(f"--credentials {file} is not a file")
            fcntl.flock(descriptor, fcntl.LOCK_EX)  # two of us must not add the same profile
            before = stream.readall()
            section = _section(file, before, key)
            os.fchmod(descriptor, _PRIVATE)
            try:
                while section:
                    section = section[stream.write(section) :]
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, len(before))
                raise
    except OSError as error:
        raise UsageError(f"cannot write --credentials {file}: {error.strerror}") from error


def _section(file: Path, before: bytes, key: Key) -> bytes:
    """What has to follow ``before``. Raises `UsageError` if it cannot stand there."""
    profiles = _parse(file, before)
    # Several SDKs read "profile x" as x; to add x would be to replace theirs.
    if any(section in profiles for section in (key.name, f"profile {key.name}")):
        raise UsageError(
            f"{file} has a profile {key.name} already: choose another --name, "
            "or take the profile out of the file first"
        )
    lines = [
        f"[{key.name}]",
        f"aws_access_key_id = {key.access_key_id}",
        f"aws_secret_access_key = {key.secret}",
        "",
    ]
    if before:
        lines.insert(0, "")
        if not before.endswith(b"\n"):
            lines.insert(0, "")
    end = b"\r\n" if b"\r\n" in before else b"\n"
    return end.join(line.encode() for line in lines)


def _parse(file: Path, content: bytes) -> configparser.RawConfigParser:
    """The file as botocore reads it."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(content.decode())
    except (configparser.Error, UnicodeDecodeError) as error:
        # The error quotes the file, of which no secret should reach a log.
        where = f" at line {error.lineno}" if hasattr(error, "lineno") else ""
        raise UsageError(
            f"{file} is not an AWS credentials file{where}: name another one, or put it right"
        ) from None
    return parser
