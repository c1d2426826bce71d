"""The keys, in ``keys.json`` of the home directory: who may come in over TCP.

The laws:

1. The file is the user's alone (mode 0600). One that somebody else owns or may read is refused,
   and so is one that cannot be understood: then nobody comes in, which is better than anybody.
2. It is replaced as a whole and never changed, so a reader sees the keys from before a change or
   those after it. Writers take turns at a lock, so none loses the key of another.
3. A running server asks for the keys at each request. That costs one ``stat``: a key that was
   made or revoked by another process counts from the next request on. Polls that are parked when
   their key is revoked end within a second.

A secret is kept as it is: checking a signature needs it, not its hash.
"""

from __future__ import annotations

import base64
import os
import re
import secrets
import shlex
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from dataflow.engine.auth.caller import Caller, Role
from dataflow.errors import UsageError
from dataflow.files import locked, sync_directory

#: What our access key ids begin with; Amazon's begin with AKIA and ASIA.
_PREFIX = "DF"
_ID_LENGTH = 20
#: They become 40 characters.
_SECRET_BYTES = 30
_ID = re.compile(r"DF[A-Z2-7]{18}")
#: Names are typed in commands and stand in the brackets of a credentials file.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,63}")
#: What the names of domains and task lists are not made of.
_NOT_IN_NAMES = re.compile(r"[:/|\x00-\x1f\x7f-\x9f]")
_MAX_NAME = 256
#: Letters and digits of the id in the name of a key that was given none.
_SUFFIX = 4
_PRIVATE = 0o600
_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key, and what it is good for."""

    access_key_id: str
    secret: str = field(repr=False)
    #: What people call it; no two keys have the same name.
    name: str
    role: Role
    domain: str | None
    task_list: str | None
    #: Seconds since the epoch.
    created: float

    @property
    def caller(self) -> Caller:
        """Whoever uses it, as the engine sees him."""
        return Caller(
            key_id=self.access_key_id,
            role=self.role,
            domain=self.domain,
            task_list=self.task_list,
        )


class _Content(msgspec.Struct, forbid_unknown_fields=True):
    """What is in the file."""

    version: Literal[1]
    keys: list[Key]


class KeyFile:
    """The keys of one home directory."""

    def __init__(self, home: Path) -> None:
        """``home`` must exist before a key is made."""
        self.path = home / "keys.json"
        self._keys: dict[str, Key] = {}
        self._read_from: tuple[int, ...] | None = None

    def current(self) -> Mapping[str, Key]:
        """The keys of this moment, by access key id.

        Raises `UsageError` if the file cannot be read, understood or trusted.
        """
        try:
            if _identity(self.path.stat()) != self._read_from:
                self._read()
        except FileNotFoundError:
            self._read_from, self._keys = None, {}
        except OSError as error:
            raise UsageError(f"cannot read {self.path}: {error.strerror}") from error
        return self._keys

    def create(
        self,
        *,
        now: float,
        name: str | None = None,
        role: Role = Role.ADMIN,
        domain: str | None = None,
        task_list: str | None = None,
    ) -> Key:
        """Make a key and keep it. Without a name it is called after its role.

        ``task_list`` is a pattern. Raises `UsageError` for a name that is taken, and for what
        cannot be the name of a key, a domain or a task list.
        """
        _check(name, domain, task_list)
        with self._alone():
            keys = self.current()
            names = {key.name for key in keys.values()}
            if name in names:
                raise UsageError(
                    f"there is a key called {name} in {self.path}: choose another --name, "
                    f"or revoke it with dataflow server.key.revoke {name}"
                )
            while True:
                key = _new(name, role, domain, task_list, now)
                if key.access_key_id not in keys and key.name not in names:
                    break
            self._write([*keys.values(), key])
        return key

    def revoke(self, name_or_id: str) -> Key:
        """Drop a key. Raises `UsageError` if there is none of this name or access key id."""
        with self._alone():
            keys = self.current()
            for key in keys.values():
                if name_or_id in {key.name, key.access_key_id}:
                    self._write(other for other in keys.values() if other is not key)
                    return key
        raise UsageError(
            f"there is no key {name_or_id} in {self.path}: dataflow server.key.list shows the keys"
        )

    def _read(self) -> None:
        with self.path.open("rb") as file:
            status = os.fstat(file.fileno())
            self._check_trust(status)
            text = file.read()
        try:
            content = msgspec.json.decode(text, type=_Content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise UsageError(
                f"{self.path} is damaged: {error}; put a copy in its place, "
                "or move it away and make new keys"
            ) from error
        self._keys = {key.access_key_id: key for key in content.keys}
        self._read_from = _identity(status)

    def _check_trust(self, status: os.stat_result) -> None:
        if status.st_uid != os.geteuid():
            raise UsageError(
                f"{self.path} belongs to user {status.st_uid} and not to you "
                f"(user {os.geteuid()}): run the command as its owner"
            )
        if status.st_mode & _OF_OTHERS:
            raise UsageError(
                f"others may read or write {self.path}, which holds secrets: "
                f"chmod 600 {shlex.quote(str(self.path))}, and revoke keys that may be known"
            )

    def _write(self, keys: Iterable[Key]) -> None:
        text = msgspec.json.format(msgspec.json.encode(_Content(1, list(keys))), indent=1)
        new = self.path.with_suffix(".new")  # only one writer: what is left from a crash is ours
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _PRIVATE)
            file.write(text + b"\n")
            file.flush()
            os.fsync(descriptor)
        new.replace(self.path)
        sync_directory(self.path.parent)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other writers out, in this process and in others."""
        lock = self.path.with_suffix(".lock")
        try:
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, _PRIVATE)
        except FileNotFoundError:
            yield  # no directory: there is nothing to change, and no place to write
            return
        except OSError as error:
            raise UsageError(f"cannot write {lock}: {error.strerror}") from error
        with locked(descriptor):
            yield


def _new(
    name: str | None, role: Role, domain: str | None, task_list: str | None, now: float
) -> Key:
    # 12 bytes make more than the 18 characters that are left, each of them random.
    rest = base64.b32encode(secrets.token_bytes(12)).decode()
    access_key_id = f"{_PREFIX}{rest}"[:_ID_LENGTH]
    return Key(
        access_key_id=access_key_id,
        secret=secrets.token_urlsafe(_SECRET_BYTES),
        name=name or f"{role}-{access_key_id[-_SUFFIX:].lower()}",
        role=role,
        domain=domain,
        task_list=task_list,
        created=now,
    )


def _check(name: str | None, domain: str | None, task_list: str | None) -> None:
    if name is not None and (not _NAME.fullmatch(name) or _ID.fullmatch(name)):
        raise UsageError(
            f"a key cannot be called {name!r}: use up to 64 letters, digits and . _ @ + -, "
            "beginning with a letter or digit"
        )
    for what, value in (("domain", domain), ("task list", task_list)):
        if value is not None and not (
            0 < len(value) <= _MAX_NAME and not _NOT_IN_NAMES.search(value)
        ):
            raise UsageError(
                f"{value!r} is not the name of a {what}: it has 1 to {_MAX_NAME} characters, "
                "none of them : / | or a control character"
            )


def _identity(status: os.stat_result) -> tuple[int, ...]:
    """What changes when the file, its owner or its mode does."""
    return (status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size)
