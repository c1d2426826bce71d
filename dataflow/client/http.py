"""The lean client of our own server: HTTP/1.1 that is kept alive, JSON, and nothing between.

1. *For any number of threads.* Each call has a connection to itself, which waits for the next one
   in a pool, and is the younger the likelier it is taken. After a fork the child has a pool of its
   own.
2. *As the engine in this process.* A request is held to the model before it is sent; answers and
   faults are those of `dataflow.engine.Engine`.
3. *A server may restart.* Calls are repeated for a few seconds where that does no harm
   (`dataflow.client.repeating`), and then raise `ServiceUnavailable`. A poll whose connection
   breaks has found no task.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from dataflow.client.addresses import read_address
from dataflow.client.credentials import FindKey, find_key
from dataflow.client.outcomes import NoServer, Unanswered, Unsent
from dataflow.client.repeating import POLLS, no_task, passes, pause, repeatable
from dataflow.client.signing import CONTENT_TYPE, signature
from dataflow.client.wire import Answer, Breaker, Wire
from dataflow.clock import SystemClock
from dataflow.errors import Unreachable
from dataflow.protocol import operations
from dataflow.protocol.faults import Fault, ServiceUnavailable, fault
from dataflow.protocol.limits import POLL_SECONDS
from dataflow.protocol.service import Service, in_python
from dataflow.settings import aws_region

#: Seconds for an answer. The server commits before it answers, to a disk that may be busy.
ANSWER_SECONDS = 60.0
#: Seconds for the answer to a poll.
POLL_ANSWER_SECONDS = POLL_SECONDS + 10.0
#: Seconds for the answer to the question whether there is a server.
REACH_SECONDS = 10.0
#: How often a call is made before its failure is told.
ATTEMPTS = 5

_OK = 200
_SERVER_ERRORS = 500
#: The server takes any.
_SOME_REGION = "us-east-1"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class HttpService(Service):
    """A running ``dataflow server.start``.

    Three words on what cannot be known when a connection breaks or the server ends:

    * A ``respond_...`` is repeated until it is answered. `UnknownResourceFault` may then mean that
      it was accepted the first time, and only the answer to it was lost.
    * `ServiceUnavailable` from a call that starts, signals or registers something says whether the
      request was sent. If it was, it may have been carried out.
    * A poll whose connection breaks answers that there is no task. If one was on its way, it times
      out, as that of a worker does that has died.
    """

    def __init__(
        self,
        url: str,
        *,
        key: FindKey | None = None,
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``url``: ``unix:PATH``, ``http://HOST:PORT`` or ``https://HOST:PORT``.

        ``key``: what requests over TCP are signed with; by default what AWS tools would take.
        ``attempts``: how often a call is made before its failure is told. Nothing is sent yet:
        `reach` finds out whether there is a server. Raises `UsageError`.
        """
        self._address = read_address(url)
        self.url = self._address.url
        self._key = (key or find_key()) if self._address.signed else None
        self._region = aws_region() or _SOME_REGION
        self._attempts = attempts
        self._sleep = sleep
        self._heads: dict[str, tuple[bytes, bytes]] = {}
        self._pool: deque[Wire] = deque()
        self._closed = False

    def reach(self) -> None:
        """Make sure that there is a server, by a connection that the first call will use.

        Raises `Unreachable`, which says why there is none; `NoServer` if nobody listens there.
        """
        ping = b"GET /healthz HTTP/1.1\r\nhost: %b\r\n\r\n" % self._address.host.encode()
        try:
            wire = Wire(self._address)
            wire.ask(ping, REACH_SECONDS)  # whatever it says: it speaks HTTP
        except Unsent as problem:
            cls = NoServer if problem.nobody else Unreachable
            raise cls(str(problem)) from problem
        except Unanswered as problem:
            hint = ": is it https:// ?" if self.url.startswith("http:") else ""
            raise Unreachable(f"{problem}{hint}") from problem
        self._give_back(wire)

    def poller(self) -> HttpPoller:
        """Polls for one thread, which another one can break off."""
        return HttpPoller(self)

    def close(self) -> None:
        """End all connections, those in use when they are done; nothing can be asked any more."""
        self._closed = True
        while self._pool:
            self._pool.pop().close()

    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        return self.ask(operation, request, None)

    def ask(
        self, operation: str, request: dict[str, Any], breaker: Breaker | None
    ) -> dict[str, Any]:
        """Have an operation done; ``breaker``: what breaks it off, if it is a poll."""
        body = _encode(operations.convert(operation, request))
        polls = operation in POLLS and not request.get("nextPageToken")
        for attempt in range(1, self._attempts + 1):
            if breaker is not None and breaker.pulled:
                break
            try:
                answer = self._read(self._exchange(operation, body, breaker, polls=polls))
            except (Unsent, Unanswered, Fault) as problem:
                if polls and isinstance(problem, Unanswered) and not problem.lasting:
                    # A breath, since the next poll may fare likewise.
                    self._pause(pause(1), breaker)
                    break
                if breaker is not None and breaker.pulled and isinstance(problem, Unsent):
                    break
                self._judge(problem, operation, last=attempt == self._attempts)
                self._pause(pause(attempt), breaker)
            else:
                answer["ResponseMetadata"]["RetryAttempts"] = attempt - 1
                return answer
        return in_python(no_task(operation))

    def _judge(self, problem: Unsent | Unanswered | Fault, operation: str, *, last: bool) -> None:
        """Raise what the caller is to be told, unless the call is made again."""
        if isinstance(problem, Fault):
            if last or not passes(problem, operation):
                raise problem
            return
        if problem.lasting:
            raise Unreachable(str(problem)) from problem
        if isinstance(problem, Unsent):
            if last:
                raise ServiceUnavailable(f"{problem}; the request was not sent") from problem
        elif last or not repeatable(operation):
            raise ServiceUnavailable(
                f"{problem}; the request was sent, and may have been carried out"
            ) from problem

    def _pause(self, seconds: float, breaker: Breaker | None) -> None:
        if breaker is None:
            self._sleep(seconds)
        else:
            breaker.wait(seconds)

    # --- a request and its answer -------------------------------------------------------

    def _exchange(
        self, operation: str, body: bytes, breaker: Breaker | None, *, polls: bool
    ) -> Answer:
        if self._closed:
            raise ServiceUnavailable(f"this connection to {self.url} is closed")
        request = self._request(operation, body)
        wire = self._take()
        answer = wire.ask(request, POLL_ANSWER_SECONDS if polls else ANSWER_SECONDS, breaker)
        self._give_back(wire)
        return answer

    def _take(self) -> Wire:
        """A connection. Raises `Unsent`."""
        while True:
            try:
                wire = self._pool.pop()
            except IndexError:
                return Wire(self._address)
            if wire.awake():
                return wire
            wire.close()

    def _give_back(self, wire: Wire) -> None:
        if wire.rest() and not self._closed:
            self._pool.append(wire)
        else:
            wire.close()

    def _request(self, operation: str, body: bytes) -> bytes:
        if operation not in self._heads:
            target = f"SimpleWorkflowService.{operation}".encode()
            head = (
                b"POST / HTTP/1.1\r\nhost: %b\r\nuser-agent: dataflow\r\ncontent-type: %b\r\n"
                b"x-amz-target: %b\r\n" % (self._address.host.encode(), CONTENT_TYPE, target)
            )
            self._heads[operation] = target, head
        target, head = self._heads[operation]
        signed = b""
        if self._key is not None:
            signed = signature(
                self._key(),
                host=self._address.host,
                target=target,
                body=body,
                region=self._region,
                # The time as it is now, with all corrections since the start.
                now=SystemClock().now(),
            )
        return b"%b%bcontent-length: %d\r\n\r\n%b" % (head, signed, len(body), body)

    def _read(self, answer: Answer) -> dict[str, Any]:
        """What is answered. Raises a `Fault`, or `Unanswered` if this is no answer of SWF."""
        status, headers, body = answer
        if status == _OK:
            try:
                told = _decode(body) if body else None
            except msgspec.DecodeError as error:
                raise self._odd(status) from error
            told = in_python(told)
            told["ResponseMetadata"]["RequestId"] = headers.get(b"x-amzn-requestid", b"").decode(
                "latin-1"
            )
            return told
        try:
            refusal = _decode(body)
            code = refusal["__type"]
        except (msgspec.DecodeError, KeyError) as error:
            raise self._odd(status) from error
        message = str(refusal.get("message") or refusal.get("Message") or "")
        if str(code).endswith("UnrecognizedClientException"):
            message += f" No such key at {self.url}: `dataflow server.key.create` makes one."
        raise fault(str(code), message, status)

    def _odd(self, status: int) -> Unanswered:
        """What something between us and the server answers; or something that is no server."""
        if status >= _SERVER_ERRORS:
            return Unanswered(f"{self.url} answers HTTP {status}")
        return Unanswered(
            f"{self.url} answers HTTP {status}, and not as a dataflow server would", lasting=True
        )


class HttpPoller:
    """Polls of one thread, until `cancel`; after that they answer at once that there is no task."""

    def __init__(self, service: HttpService) -> None:
        self._service = service
        self._breaker = Breaker()

    def poll_for_activity_task(self, **request: Any) -> dict[str, Any]:
        """As the method of `HttpService`."""
        return self._service.ask("PollForActivityTask", request, self._breaker)

    def poll_for_decision_task(self, **request: Any) -> dict[str, Any]:
        """As the method of `HttpService`. Further pages are answered after `cancel`, too."""
        if request.get("nextPageToken"):
            return self._service.poll_for_decision_task(**request)
        return self._service.ask("PollForDecisionTask", request, self._breaker)

    def cancel(self) -> None:
        """Break off the poll under way, and let no other one wait; a task on its way is answered.

        From any thread, and from the handler of a signal.
        """
        self._breaker.pull()
