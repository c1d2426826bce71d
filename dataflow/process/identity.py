"""Who polls: the identity that the history shows for each task, as a JSON object.

The user, the host, the process and its program; ``DATAFLOW_IDENTITY``, a JSON object too, is merged
over it, and its nulls take members away.
"""

from __future__ import annotations

import getpass
import os
import socket
import sys
from typing import Any

import msgspec

from dataflow.errors import UsageError
from dataflow.payload import codec
from dataflow.payload.failure import cut
from dataflow.protocol.limits import IDENTITY_LENGTH


def identity(changes: str | None = None) -> str:
    """The identity of this process.

    ``changes``: the text of ``DATAFLOW_IDENTITY``. What is longer than SWF takes is cut. Raises
    `UsageError` if ``changes`` is not a JSON object.
    """
    told: dict[str, Any] = {
        "user": _user(),
        "hostname": socket.gethostname(),
        "pid": os.getpid(),
        "exe": sys.executable,
    }
    if changes and changes.strip():
        told.update(_read(changes))
    known = {name: value for name, value in told.items() if value is not None}
    return cut(codec.encode(known, where="DATAFLOW_IDENTITY"), IDENTITY_LENGTH)


def _user() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        return str(os.getuid())


def _read(changes: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(changes, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeEncodeError) as error:
        raise UsageError(
            f"DATAFLOW_IDENTITY={cut(changes, 80)} is not a JSON object ({error}): "
            'write, for example, {"cluster": "blue", "exe": null}'
        ) from error
