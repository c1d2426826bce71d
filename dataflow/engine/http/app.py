"""The ASGI application: a request is read, its caller made sure of, and the service has it done.

1. What a client sends is never answered 500. What goes wrong with us is, and is logged.
2. Nothing is read of a body that says it is too long, and no more than ``MOST_BODY`` of one that
   does not say; who sends slowly is given ``BODY_SECONDS``.
3. An answer may come from any thread, at once or after a minute. While a poll is parked, the end of
   its connection is watched for: then the poll is withdrawn, so that it takes no task. If a task is
   on its way to it by then, that is a worker that died with its task in hand. A client that is only
   done with sending (`dataflow.engine.http.connections`) is answered at once.
4. A poll whose caller is let in no longer takes no task: it is answered that there is none.
5. What an answer has to read from disk is read in a thread: others do not wait for it.

There is one application for each kind of socket; they differ in the `Gate`. It is a bare ASGI
callable, since a framework would cost more than everything that is done here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any, Protocol

from dataflow.clock import Clock
from dataflow.engine import metrics
from dataflow.engine.auth.caller import Caller
from dataflow.engine.http import answers
from dataflow.engine.http.answers import HttpAnswer
from dataflow.engine.http.exchange import GONE, NOT_YET, Exchange, Replies
from dataflow.engine.http.gates import Gate, Scope
from dataflow.protocol import faults, operations
from dataflow.protocol.faults import Fault
from dataflow.protocol.limits import REQUEST_BYTES
from dataflow.protocol.operations import Operation

MOST_BODY = REQUEST_BYTES
BODY_SECONDS = 30.0
#: What is still read, and for how long, of a body that was refused: a client that is busy sending
#: would otherwise find its connection broken, and no answer.
MOST_REST = 4 * MOST_BODY
REST_SECONDS = 2.0

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_SERVICE = "SimpleWorkflowService."
_CONTENT_TYPES = frozenset({b"application/x-amz-json-1.0", b"application/x-amz-json-1.1"})
_POLLS = frozenset({"PollForActivityTask", "PollForDecisionTask"})
#: After these the rest of a body may still come: no other request can be read.
_LAST = frozenset({"RequestEntityTooLargeException", "RequestTimeoutException"})
#: What is counted as the operation of a request that asks for none.
_NONE = "(none)"
#: Characters of an unknown operation that are repeated.
_SHOWN = 100

_log = logging.getLogger(__name__)


class Later(Protocol):
    """An answer that has to be read from disk first."""

    def read(self) -> dict[str, Any]: ...


class Service(Protocol):
    """What the application needs of the engine's service."""

    def submit(
        self, operation: Operation, reply: Callable[[Any], None], caller: Caller
    ) -> Any | None:
        """Have an operation done. What is returned is a poll that is parked.

        ``reply`` is called once, from any thread: with the answer (a dictionary, None or `Later`)
        or a `Fault`.
        """
        ...

    def cancel(self, poll: Any) -> object:
        """Withdraw a parked poll; it is not answered."""
        ...

    def empty(self, poll: Any) -> None:
        """Answer a parked poll that there is no task, unless one is on its way to it."""
        ...

    def gauges(self) -> metrics.Gauges: ...

    @property
    def trouble(self) -> str | None:
        """Why nothing can be committed at present, in one line."""
        ...


class _GoneError(Exception):
    """The client is not there any more."""


class Application:
    """The application for one kind of socket; it belongs to the event loop it is made in."""

    def __init__(
        self,
        service: Service,
        gate: Gate,
        *,
        counted: metrics.Metrics,
        clock: Clock,
        readers: Executor,
    ) -> None:
        """``readers`` are the threads for what has to be read from disk."""
        self._service = service
        self._gate = gate
        self._metrics = counted
        self._clock = clock
        self._readers = readers
        self._loop = asyncio.get_running_loop()
        self._replies = Replies()
        self._closing = False
        #: Since when, in the loop's time, each of these has been waiting for a body.
        self._reading: dict[asyncio.Task[Any], float] = {}
        #: What to say to those of them that are not waited for any longer.
        self._given_up: dict[asyncio.Task[Any], Fault] = {}
        #: Those that have a poll parked; which one, and who has sent it.
        self.parked: dict[asyncio.Task[Any], tuple[Any, Caller]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation, began = _NONE, None
        try:
            if scope["path"] != "/" or scope["method"] != "POST":
                answer = await self._page(scope)
            else:
                headers = dict(scope["headers"])
                operation = _target(headers)
                body = await self._body(headers, receive)
                began = self._clock.now()
                answer = await self._ask(operation, scope, body, receive)
        except Fault as fault:
            answer = answers.refused(fault)
        except _GoneError:
            return
        except Exception:  # noqa: BLE001 - whatever has failed here: the client is told, and the log
            _log.exception("%s failed", operation, extra={"event": "http.failed"})
            answer = answers.refused(faults.InternalFailure("the server has failed: see its log"))
        seconds = None if began is None or operation in _POLLS else self._clock.now() - began
        self._metrics.request(operation, answer.code, seconds, len(answer.body))
        if _log.isEnabledFor(logging.DEBUG):
            _log_access(scope, operation, answer)
        await _send(answer, receive, send)

    # --- for the server -----------------------------------------------------------------

    def check(self, now: float) -> None:
        """Give up bodies that do not arrive; ``now`` is the loop's time."""
        for task, since in list(self._reading.items()):
            if now - since > BODY_SECONDS:
                late = faults.RequestTimeoutException(f"no whole body in {BODY_SECONDS:.0f} s")
                self._give_up(task, late)

    def check_callers(self) -> None:
        """End the polls of those who are let in no longer."""
        callers = {caller for _, caller in self.parked.values()}
        gone = {caller for caller in callers if not self._gate.still_admits(caller)}
        for poll, caller in list(self.parked.values()) if gone else ():
            if caller in gone:
                self._service.empty(poll)

    def close(self) -> None:
        """Take no more requests, not even those that are arriving."""
        self._closing = True
        for task in list(self._reading):
            self._give_up(task, _stopping())

    def _give_up(self, task: asyncio.Task[Any], fault: Fault) -> None:
        self._given_up[task] = fault
        task.cancel()

    # --- a request ----------------------------------------------------------------------

    async def _body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        if self._closing:
            raise _stopping()
        _check_length(int(headers.get(b"content-length", 0)))  # the parser has read it as a number
        task = _present_task()
        self._reading[task] = self._loop.time()
        try:
            message = await receive()
            body: bytes | bytearray = message.get("body", b"")
            if message.get("more_body"):
                body = bytearray(body)
            while message.get("more_body"):
                message = await receive()
                body += message.get("body", b"")
                _check_length(len(body))
        except asyncio.CancelledError:
            fault = self._given_up.pop(task, None)
            if fault is None:
                raise
            task.uncancel()
            raise fault from None
        finally:
            del self._reading[task]
        if message["type"] == "http.disconnect":
            raise _GoneError
        return bytes(body)

    async def _ask(self, name: str, scope: Scope, body: bytes, receive: Receive) -> HttpAnswer:
        caller = self._gate.caller(scope, body)
        operation = operations.parse(name, body)
        self._gate.check(caller, operation)
        exchange = Exchange(self._replies)
        poll = self._service.submit(operation, exchange, caller)
        if poll is not None and exchange.answer is NOT_YET:
            await self._park(poll, caller, exchange, receive)
        else:
            await exchange.wait()
        answer = exchange.answer
        if answer is None or isinstance(answer, dict):
            return answers.answered(answer)
        if isinstance(answer, Fault):
            return answers.refused(answer)
        return await self._loop.run_in_executor(self._readers, _read, answer)

    async def _park(self, poll: Any, caller: Caller, exchange: Exchange, receive: Receive) -> None:
        """Wait for the answer to a poll, or for the client to go away."""
        task = _present_task()
        watch = self._loop.create_task(self._watch(poll, exchange, receive))
        self.parked[task] = poll, caller
        try:
            await exchange.wait()
        finally:
            del self.parked[task]
            watch.cancel()
            if exchange.answer is GONE or exchange.answer is NOT_YET:
                self._service.cancel(poll)
        if exchange.answer is GONE:
            raise _GoneError

    async def _watch(self, poll: Any, exchange: Exchange, receive: Receive) -> None:
        """Tell an exchange when its client goes away, or let it have its answer now."""
        if (await receive())["type"] == "http.disconnect":
            exchange.put(GONE)
        else:  # after the body nothing can come but that the client has come to an end
            self._service.empty(poll)

    # --- what is no operation -----------------------------------------------------------

    async def _page(self, scope: Scope) -> HttpAnswer:
        page = scope["path"] if scope["method"] in {"GET", "HEAD"} else None
        if page == "/healthz":
            trouble = "the server is stopping" if self._closing else self._service.trouble
            return answers.text(503, f"{trouble}\n") if trouble else answers.text(200, "ok\n")
        if page == "/metrics":
            if not self._gate.may_look(scope):
                raise faults.AccessDeniedException("metrics are shown to this machine alone")
            gauges = await self._loop.run_in_executor(self._readers, self._service.gauges)
            return answers.text(200, self._metrics.text(gauges), metrics.CONTENT_TYPE)
        raise _nothing_here("operations are sent to / by POST")


def _target(headers: dict[bytes, bytes]) -> str:
    """The operation that a request asks for."""
    kind = headers.get(b"content-type", b"")
    if kind not in _CONTENT_TYPES and kind.partition(b";")[0].strip().lower() not in _CONTENT_TYPES:
        raise _nothing_here("the content type of operations is application/x-amz-json-1.0")
    target = headers.get(b"x-amz-target", b"").decode("latin-1")
    name = target.removeprefix(_SERVICE)
    if name not in operations.OPERATIONS or name == target:
        raise faults.UnknownOperationException(f"there is no operation {target[:_SHOWN]!r}")
    return name


def _nothing_here(reason: str) -> Fault:
    fault = faults.UnknownOperationException(reason)
    fault.status = 404
    return fault


def _stopping() -> Fault:
    return faults.ServiceUnavailable("the server is stopping")


def _check_length(length: int) -> None:
    if length > MOST_BODY:
        raise faults.RequestEntityTooLargeException(f"a request has at most {MOST_BODY} bytes")


def _present_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _read(answer: Later) -> HttpAnswer:
    """In a thread: the disk, and writing what may be long."""
    return answers.answered(answer.read())


async def _send(answer: HttpAnswer, receive: Receive, send: Send) -> None:
    last = answer.code in _LAST
    if last:
        answer = answer.closing()
    await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": last})
    if last:
        await _drain(receive)
        await send({"type": "http.response.body"})


async def _drain(receive: Receive) -> None:
    """Let a client send what it is about to send, so that it comes to read its answer."""
    left = MOST_REST
    with suppress(TimeoutError):
        async with asyncio.timeout(REST_SECONDS):
            while left > 0:
                message = await receive()
                if not message.get("more_body"):  # the end of the body, or of the connection
                    return
                left -= len(message["body"])


def _log_access(scope: Scope, operation: str, answer: HttpAnswer) -> None:
    host = scope["client"][0] if scope["client"] else "local"
    asked = (host, scope["method"], scope["path"], operation)
    _log.debug("%s %s %r %s: %d %s", *asked, answer.status, answer.code)
