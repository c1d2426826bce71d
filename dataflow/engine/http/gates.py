"""Who may come in by which socket.

The Unix socket lies in a directory that only its user can enter: whoever connects to it is that
user, and may do everything. Over TCP anybody may come: there every operation is signed.

``/metrics`` is not signed, because Prometheus cannot sign. It names domains and task lists, so over
TCP it is shown to this machine alone, and not to what a proxy on this machine forwards.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from ipaddress import ip_address
from typing import Any, Protocol

from dataflow.clock import SystemClock
from dataflow.engine.auth import roles
from dataflow.engine.auth.admission import Admission
from dataflow.engine.auth.caller import LOCAL, Caller
from dataflow.engine.auth.keys import KeyFile
from dataflow.engine.auth.signature import Request
from dataflow.protocol.operations import Operation

Scope = MutableMapping[str, Any]

#: What proxies add to what they forward.
_FORWARDED = frozenset({b"forwarded", b"via", b"x-forwarded-for", b"x-real-ip"})


class Gate(Protocol):
    """What a socket asks of those who come in by it."""

    def caller(self, scope: Scope, body: bytes) -> Caller:
        """Who sends a request. Raises the fault for one that is not let in."""
        ...

    def check(self, caller: Caller, operation: Operation) -> None:
        """Raise `AccessDeniedException` for what the caller may not do."""
        ...

    def still_admits(self, caller: Caller) -> bool:
        """Whether a caller who was let in would be let in now."""
        ...

    def may_look(self, scope: Scope) -> bool:
        """Whether a request that nobody has signed may see the metrics."""
        ...


class SameUser:
    """The gate of the Unix socket."""

    def caller(self, scope: Scope, body: bytes) -> Caller:  # noqa: ARG002 - nothing to ask
        return LOCAL

    def check(self, caller: Caller, operation: Operation) -> None:
        """Everything is allowed."""

    def still_admits(self, caller: Caller) -> bool:  # noqa: ARG002 - for ever
        return True

    def may_look(self, scope: Scope) -> bool:  # noqa: ARG002 - whoever it is
        return True


class Signed:
    """The gate of TCP."""

    def __init__(self, keys: KeyFile) -> None:
        self._admission = Admission(keys, now=wall_time())

    def caller(self, scope: Scope, body: bytes) -> Caller:
        request = Request(
            method=scope["method"],
            path=scope["raw_path"],
            query=scope["query_string"],
            headers=scope["headers"],
            body=body,
        )
        return self._admission.admit(request, wall_time())

    def check(self, caller: Caller, operation: Operation) -> None:
        roles.check(caller, operation)

    def still_admits(self, caller: Caller) -> bool:
        return self._admission.still_admits(caller)

    def may_look(self, scope: Scope) -> bool:
        near = scope["client"] is not None and ip_address(scope["client"][0]).is_loopback
        return near and not any(name in _FORWARDED for name, _ in scope["headers"])


def wall_time() -> float:
    """The time as the machine has it now, with all corrections since the start.

    Dates that others wrote are compared with this: a server that started with a wrong clock must
    not refuse signatures for ever.
    """
    return SystemClock().now()
