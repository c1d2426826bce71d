"""A request and its answer, which may come at once, from another thread, or never.

The service answers in the thread that commits; the application waits in its event loop. A group
commit answers many requests: the loop is woken for the first of them, and then finds them all.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from threading import get_ident
from typing import Any, Final

#: The answer that has not come yet.
NOT_YET: Final = object()
#: In place of an answer: the client is not there any more.
GONE: Final = object()

_log = logging.getLogger(__name__)


class Replies:
    """Answers on their way to the event loop that this is made in."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.thread = get_ident()
        self._arrived: deque[tuple[Exchange, Any]] = deque()
        self._woken = False

    def bring(self, exchange: Exchange, answer: Any) -> None:
        """Called in other threads."""
        self._arrived.append((exchange, answer))
        # `_hand_out` clears this before it takes the first answer: who finds it set has put his
        # own where it will be found.
        if not self._woken:
            self._woken = True
            try:
                self.loop.call_soon_threadsafe(self._hand_out)
            except RuntimeError:  # the loop is closed
                _log.debug("an answer came after the end of the server")

    def _hand_out(self) -> None:
        self._woken = False
        while self._arrived:
            exchange, answer = self._arrived.popleft()
            exchange.put(answer)


class Exchange:
    """One request and its answer. It is called with the answer, from any thread."""

    __slots__ = ("_replies", "_waiting", "answer")

    def __init__(self, replies: Replies) -> None:
        self._replies = replies
        self._waiting: asyncio.Future[None] | None = None
        self.answer: Any = NOT_YET

    def __call__(self, answer: Any) -> None:
        if get_ident() == self._replies.thread:
            self.put(answer)
        else:
            self._replies.bring(self, answer)

    def put(self, answer: Any) -> None:
        """In the thread of the loop: the first answer counts."""
        if self.answer is NOT_YET:
            self.answer = answer
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_result(None)

    async def wait(self) -> None:
        """Until there is an answer."""
        if self.answer is NOT_YET:
            self._waiting = self._replies.loop.create_future()
            await self._waiting
