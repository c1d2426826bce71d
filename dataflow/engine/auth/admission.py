"""The door: a request that was received over TCP becomes a `Caller`, or a fault."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from dataflow.engine.auth.caller import Caller
from dataflow.engine.auth.keys import Key, KeyFile
from dataflow.engine.auth.replays import Replays
from dataflow.engine.auth.signature import Request, verify
from dataflow.errors import UsageError
from dataflow.protocol.faults import ServiceUnavailable

_log = logging.getLogger(__name__)


class Admission:
    """Lets in whoever signed with a key that counts now. For one thread."""

    def __init__(self, keys: KeyFile, *, now: float) -> None:
        self._keys = keys
        self._replays = Replays(now)
        self._complaint = ""

    def admit(self, request: Request, now: float) -> Caller:
        """Who sends this. Raises the faults of `signature.verify`.

        `ServiceUnavailable`, where the file of keys has become unreadable; the log says why.
        """
        keys = self._current()

        def secret_of(key_id: str) -> str | None:
            key = keys.get(key_id)
            return None if key is None else key.secret

        proof = verify(request, secret_of, now)
        self._replays.check(proof.signature, proof.signed_at, now)
        return keys[proof.key_id].caller

    def still_admits(self, caller: Caller) -> bool:
        """Whether the key of a caller counts now, and for the same things."""
        try:
            key = self._current().get(caller.key_id)
        except ServiceUnavailable:
            return False
        return key is not None and key.caller == caller

    def _current(self) -> Mapping[str, Key]:
        """The keys that count now. Raises `ServiceUnavailable`."""
        try:
            keys = self._keys.current()
        except UsageError as error:
            if str(error) != self._complaint:  # once, and not at every request
                self._complaint = str(error)
                _log.error("nobody can come in: %s", error)
            raise ServiceUnavailable("The keys of this server cannot be read.") from error
        self._complaint = ""
        return keys
