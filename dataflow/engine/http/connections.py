"""One connection: what a client may make the server hold, and for how long.

uvicorn parses requests and writes answers; these are the bounds that it does not set:

1. At most ``MOST_BYTES`` may arrive without completing a header section or bringing a piece of a
   body. That bounds headers, trailers and the extensions of chunks, which would otherwise pile up.
2. Behind a request that is not answered yet, at most ``MOST_PIPELINED`` others may wait, with as
   many bytes of their bodies in each. For them reading never pauses, as it would in uvicorn: the
   end of a connection must be seen while a poll is parked on it.
3. A connection that brings no request, or half a header section, is closed after
   ``REQUEST_SECONDS``; one that does not take its answer after ``ANSWER_SECONDS``. Between requests
   it may rest for ``IDLE_SECONDS``, longer than any client keeps one. (A body has its time limit in
   the application, a parked poll its own in the service.)
4. What is no HTTP is answered 400 where an answer would be understood. Behind a request that is
   not answered yet it would be taken for the answer, so there the connection is closed.
5. A client that sends nothing more may still be waiting for answers, and gets those to whole
   requests. `receive` does not wait any more then, so that the application can tell: a poll is
   answered at once, with the task that is on its way to it, if one is. With TLS there is no such
   thing: there the client is gone.
6. A kind of socket has a number of connections beyond which new ones are closed at once, so that
   strangers cannot use up the files that the process may open.

It leans on uvicorn's ``HttpToolsProtocol``: on its callbacks for the parser, ``_start_asgi_task``,
``cycle`` and its ``transport``, ``pipeline``, ``flow`` and ``timeout_keep_alive_task``. The tests
would notice if these changed.
"""

from __future__ import annotations

import asyncio

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from dataflow.engine.http import answers
from dataflow.protocol.faults import fault

MOST_BYTES = 64 * 1024
MOST_PIPELINED = 16
REQUEST_SECONDS = 30.0
ANSWER_SECONDS = 60.0
IDLE_SECONDS = 120


class RefusalError(Exception):
    """Why a connection is closed, as the client is told."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(status, reason)
        self.status = status
        self.reason = reason


class _Lasting(asyncio.Event):
    """Set, for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.set()

    def clear(self) -> None:
        """What has happened stays so."""


class Clients(ServerState):
    """The connections of one kind of socket."""

    connections: set[Connection]  # type: ignore[assignment]

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most
        self.nobody = asyncio.Event()

    async def gone(self) -> None:
        """Until there is no connection any more."""
        if self.connections:
            self.nobody.clear()
            await self.nobody.wait()

    def check(self, now: float) -> None:
        """Close what has taken too long; ``now`` is the loop's time.

        One timer for all connections, every few seconds, costs a request nothing.
        """
        for connection in list(self.connections):
            connection.check(now)


class _OneWrite:
    """The transport of one answer: the head goes out together with the first of the body.

    uvicorn writes them one after the other. Each would be a system call, and wake the client.
    """

    __slots__ = ("_head", "_headless", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._headless = True
        self._head = b""

    def write(self, data: bytes) -> None:
        if self._headless and not data.startswith(_CONTINUE):
            self._headless = False
            self._head = data
            return
        self._transport.write(self._head + data)
        self._head = b""

    def close(self) -> None:
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


#: What may come before the head of an answer.
_CONTINUE = b"HTTP/1.1 100"


class Connection(HttpToolsProtocol):
    """A client's connection."""

    def __init__(self, config: Config, clients: Clients, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(config, clients, {}, loop)
        self._clients = clients
        #: The request that is worked on; ``cycle`` is the last one that has arrived.
        self._in_hand: RequestResponseCycle | None = None
        #: Bytes since something was completed.
        self._piled_up = 0
        #: Whether a message has all its headers, and not yet all of its body.
        self._in_body = False
        #: When what the client owes began to be due: a request, the reading of its answer.
        self._since = self.loop.time()
        self._unread_since: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self._clients.connections) > self._clients.most:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._in_hand is not None and not self._in_hand.response_complete:
            self._in_hand.disconnected = True
            self._in_hand.message_event.set()
        super().connection_lost(exc)
        if not self._clients.connections:
            self._clients.nobody.set()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn has no opinion
        """Whether the connection stays open for writing."""
        cycle = self._in_hand
        if (
            cycle is None
            or cycle.more_body
            or cycle.response_complete
            or self.transport.get_extra_info("sslcontext")
        ):
            return False
        if self.pipeline and self.pipeline[0][0].more_body:
            self.pipeline.popleft()
        last = self.pipeline[0][0] if self.pipeline else cycle
        last.keep_alive = False
        for each, _ in [(cycle, None), *self.pipeline]:
            each.message_event.set()
            each.message_event = _Lasting()
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._in_hand = cycle
        super()._start_asgi_task(cycle, app)

    # --- what arrives -------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self.timeout_keep_alive_task is not None:  # the first bytes after a rest
            self._since = self.loop.time()
            self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except RefusalError as refusal:
            self._refuse(refusal)
        except httptools.HttpParserError as error:
            cause = error.__context__  # what a callback has raised
            if not isinstance(cause, RefusalError):
                cause = RefusalError(400, "this is no HTTP request")
            self._refuse(cause)

    def _feed(self, data: bytes) -> None:
        self._piled_up += len(data)
        self.parser.feed_data(data)
        if self._piled_up > MOST_BYTES:
            raise RefusalError(431, "the headers are too long")

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade():  # the parser would take the body for another protocol
            raise RefusalError(400, "send no Upgrade: only HTTP/1.1 is spoken here")
        self._in_body = True
        self._piled_up = 0
        super().on_headers_complete()
        if self.scope["method"] != "HEAD":
            self.cycle.transport = _OneWrite(self.transport)  # type: ignore[assignment]
        self.headers = []  # for trailers, which nobody looks at: they are no headers
        if self.pipeline:
            if len(self.pipeline) > MOST_PIPELINED:
                raise RefusalError(429, "too much is sent before an answer is read")
            self.flow.resume_reading()

    def on_body(self, body: bytes) -> None:
        self._piled_up = 0
        super().on_body(body)
        if self.pipeline:
            if len(self.cycle.body) > MOST_BYTES:
                raise RefusalError(429, "too much is sent before an answer is read")
            self.flow.resume_reading()

    def on_message_complete(self) -> None:
        self._piled_up = 0
        self._in_body = False
        super().on_message_complete()

    def _refuse(self, refusal: RefusalError) -> None:
        """Say why, if there is nothing else that it could be taken for, and hang up."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            listening = not self._in_body  # else this request has its answer already
        else:
            listening = cycle.more_body and not cycle.response_started and not self.pipeline
        if listening:
            told = fault("BadRequestException", refusal.reason, refusal.status)
            self.transport.write(answers.refused(told).closing().to_bytes())
            self.transport.close()
        else:
            self.transport.abort()

    # --- what takes too long ------------------------------------------------------------

    def pause_writing(self) -> None:
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        self._unread_since = None
        super().resume_writing()

    def check(self, now: float) -> None:
        """Close the connection if the client has taken too long; ``now`` is the loop's time."""
        if self.transport.is_closing() and self._unread_since is None:
            self._unread_since = now  # what is not read by now keeps it from closing
        if self._unread_since is not None:
            if now - self._unread_since > ANSWER_SECONDS:
                self.transport.abort()
        elif (
            self.timeout_keep_alive_task is None
            and (self.cycle is None or self.cycle.response_complete)
            and now - self._since > REQUEST_SECONDS
        ):
            self.transport.close()
