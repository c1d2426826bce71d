"""What becomes of a request that got no answer.

The difference decides about repeating it: `Unsent` can always be sent again, `Unanswered` only if
it does no harm twice.
"""

from __future__ import annotations

from dataflow.errors import Unreachable


class _NoAnswer(Exception):
    """The text says why. ``lasting``: it stays so until somebody puts it right."""

    def __init__(self, reason: str, *, lasting: bool = False) -> None:
        super().__init__(reason)
        self.lasting = lasting


class Unsent(_NoAnswer):
    """The server has not received the request as a whole, so it has not carried it out.

    ``nobody``: there is no server.
    """

    def __init__(self, reason: str, *, lasting: bool = False, nobody: bool = False) -> None:
        super().__init__(reason, lasting=lasting)
        self.nobody = nobody


class Unanswered(_NoAnswer):
    """The request was sent. Whether the server has carried it out, nobody knows."""


class NoServer(Unreachable):
    """Nobody listens where a server was looked for."""
