"""One request on its way through the engine."""

from __future__ import annotations

from typing import Any

from dataflow.engine.auth.caller import Caller
from dataflow.engine.commits import Reply
from dataflow.engine.state import Live, State
from dataflow.engine.tokens import Tokens


class Call:
    """Who asks, when, and how he is answered."""

    __slots__ = ("caller", "poll_seconds", "reply", "state", "tokens")

    def __init__(
        self, state: State, tokens: Tokens, reply: Reply, caller: Caller, poll_seconds: float
    ) -> None:
        self.state = state
        self.tokens = tokens
        self.reply = reply
        self.caller = caller
        #: How long a poll may wait.
        self.poll_seconds = poll_seconds

    @property
    def now(self) -> float:
        """Seconds since the epoch."""
        return self.state.now

    def done(self, answer: Any = None) -> None:
        """Answer when everything that has been changed up to now is on disk."""
        self.state.tell_when_saved(self.reply, answer)

    def tell(self, answer: Any, about: Live | None = None) -> None:
        """Answer without having changed anything."""
        self.state.tell(self.reply, answer, about)

    def tell_registered(self, answer: dict[str, Any]) -> None:
        """Answer what is registered; wait for the disk, if a registration is on its way there."""
        if self.state.commits.registrations_saved:
            self.tell(answer)
        else:
            self.done(answer)
