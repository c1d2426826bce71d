"""Tokens: what a client must show to go on with a task or a listing.

1. *Stateless*: a token holds all there is to know, so it survives a restart of the engine.
2. *Sealed*: it cannot be made or changed without the file's secret; what does not fit its seal is
   no token.
3. *A task token names one hand-out of one task*: the run, the task's events, and when it was
   started. A history that lost its last moments in a crash may use the same event ids again, but
   not at the same time. Whether the task is still open, only the state of the execution knows.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from dataflow.protocol.faults import ValidationException

#: A page token older than this is refused.
#: https://docs.aws.amazon.com/amazonswf/latest/apireference/API_GetWorkflowExecutionHistory.html
PAGE_SECONDS = 24 * 3600.0

_MAC_BYTES = 12


class TaskToken(NamedTuple):
    """A task in somebody's hands."""

    kind: Literal["activity", "decision"]
    run_id: str
    scheduled_event_id: int
    started_event_id: int
    #: When the task was started: seconds since the epoch.
    started_at: float
    #: The key of the caller who was given the task; empty for a local caller.
    key_id: str


class HistoryPage(NamedTuple):
    """Where in a history the next page begins."""

    run_id: str
    #: The first event of the page, and the last of all pages (0: whatever is last by then).
    first: int
    last: int
    reverse: bool
    issued_at: float
    #: Of a decision task, whose it is: see `TaskToken`.
    key_id: str = ""


class ListPage(NamedTuple):
    """Where in a listing the next page begins: behind this position."""

    #: What the listing is of (see `digest`): a page token fits one query only.
    query: str
    position: tuple[float | str, ...]
    issued_at: float


Content = TypeVar("Content", TaskToken, HistoryPage, ListPage)


def digest(*query: Any) -> str:
    """A short text that stands for a query."""
    return blake2b(msgspec.json.encode(query), digest_size=12).hexdigest()


class Tokens:
    """Seals and opens tokens with a secret."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def seal(self, content: TaskToken | HistoryPage | ListPage) -> str:
        """The token for this content."""
        body = _encode(content)
        mac = blake2b(body, key=self._secret, digest_size=_MAC_BYTES).digest()
        return base64.urlsafe_b64encode(mac + body).decode()

    def task(self, token: str) -> TaskToken:
        """What a task token says. Raises `ValidationException` for what is none."""
        return self._open(token, _TASK.decode)

    def history_page(self, token: str, now: float) -> HistoryPage:
        """What a token of `GetWorkflowExecutionHistory` or a poll says."""
        return _fresh(self._open(token, _HISTORY.decode), now)

    def list_page(self, token: str, now: float) -> ListPage:
        """What a token of a listing says."""
        return _fresh(self._open(token, _LIST.decode), now)

    def _open(self, token: str, decode: Callable[[bytes], Content]) -> Content:
        try:
            sealed = base64.b64decode(token, altchars=b"-_", validate=True)
            mac, body = sealed[:_MAC_BYTES], sealed[_MAC_BYTES:]
            expected = blake2b(body, key=self._secret, digest_size=_MAC_BYTES).digest()
            if hmac.compare_digest(mac, expected):
                return decode(body)
        except (binascii.Error, ValueError, msgspec.DecodeError):
            pass
        raise ValidationException("Invalid token")


Page = TypeVar("Page", HistoryPage, ListPage)


def _fresh(page: Page, now: float) -> Page:
    if now - page.issued_at > PAGE_SECONDS:
        raise ValidationException("Specified token has exceeded its maximum lifetime")
    return page


_encode = msgspec.msgpack.Encoder().encode
_TASK = msgspec.msgpack.Decoder(TaskToken)
_HISTORY = msgspec.msgpack.Decoder(HistoryPage)
_LIST = msgspec.msgpack.Decoder(ListPage)
