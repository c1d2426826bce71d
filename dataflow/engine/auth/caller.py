"""Who sends a request, as the engine sees him: a key and its limits."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Role(enum.StrEnum):
    """What a key is for; `dataflow.engine.auth.roles` says what that allows."""

    ADMIN = "admin"
    DECIDER = "decider"
    WORKER = "worker"
    READER = "reader"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who sends a request."""

    #: The access key id; empty where no key is asked for: in this process and on the Unix socket.
    key_id: str
    role: Role
    #: The only domain that may be spoken of; None: every one.
    domain: str | None = None
    #: The task lists that may be polled and counted, as a pattern of `fnmatch`; None: every one.
    task_list: str | None = None


#: The user who owns the engine.
LOCAL = Caller(key_id="", role=Role.ADMIN)
