"""One connection to a server: a request is sent, its answer is read.

1. *One request at a time.* A connection belongs to one thread from `Wire.ask` to its end; after an
   error it is closed.
2. *A connection that rests is looked at before it is used again*: the server may have ended it
   meanwhile, and a request that is sent into that would have an uncertain fate.
3. *A poll can be broken off* (`Breaker`) without losing its task. An answer that is on its way is
   waited for, shortly; then the server is told that nothing more will be sent, on which it either
   hangs up, or still delivers what it had begun to say.
4. *A child of this process has no share in its connections.* A copy that it held would keep the
   server from noticing the end of this process, and it would hand out tasks to nobody.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
import weakref
from contextlib import suppress
from typing import NamedTuple

import httptools

from dataflow.client.addresses import Address
from dataflow.client.outcomes import Unanswered, Unsent
from dataflow.clock import SystemClock

#: Seconds that a connection may rest and be used again; our server closes it after 120.
IDLE_SECONDS = 100.0
#: Seconds that a poll which is broken off still waits for a task that is on its way ...
LINGER_SECONDS = 0.2
#: ... and then for the server to hang up.
PARTING_SECONDS = 1.0

_CHUNK = 65_536
_OK = 200
_LENGTH = frozenset({b"content-length", b"transfer-encoding"})
_now = SystemClock().now
#: What a child of this process closes.
_open: weakref.WeakSet[Wire | Breaker] = weakref.WeakSet()


class Answer(NamedTuple):
    """What the server has answered."""

    status: int
    #: By their names in lower case.
    headers: dict[bytes, bytes]
    body: bytes


class Breaker:
    """Breaks off a poll: pulled from any thread, and from the handler of a signal."""

    def __init__(self) -> None:
        self.pulled = False
        self._signal()

    def _signal(self) -> None:
        self._hearing, self._telling = socket.socketpair()
        self._telling.setblocking(False)
        _open.add(self)

    def __del__(self) -> None:
        # Not before: somebody may be about to pull, and the number of a closed file is soon
        # another one's.
        self.close()

    def pull(self) -> None:
        """Break off what is waiting, now and in future."""
        self.pulled = True
        with suppress(OSError):  # pulled very often; or in a child of the process it was made in
            self._telling.send(b"!")

    def close(self) -> None:
        self._hearing.close()
        self._telling.close()

    def fileno(self) -> int:
        """What becomes readable when it is pulled. In a child of the process, another one."""
        if self._hearing.fileno() < 0:
            self._signal()
            if self.pulled:
                self.pull()
        return self._hearing.fileno()

    def wait(self, seconds: float) -> None:
        """Sleep, unless it is pulled."""
        waiter = select.poll()
        waiter.register(self.fileno(), select.POLLIN)
        waiter.poll(seconds * 1000)


class Wire:
    """A connection to a server."""

    def __init__(self, address: Address) -> None:
        """Raises `Unsent` if there is no connection to be had."""
        self._address = address
        self._socket = address.connect()
        self._timeout = self._socket.gettimeout()
        self._waiter = select.poll()
        self._waiter.register(self._socket, select.POLLIN)
        self._parser = httptools.HttpResponseParser(self)
        self._status = 0
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        #: Whether the headers are there, and whether all is.
        self._headed = self._complete = False
        self._reusable = True
        #: When it began to rest.
        self._resting_since = _now()
        _open.add(self)

    def close(self) -> None:
        self._reusable = False
        self._socket.close()

    def rest(self) -> bool:
        """Whether it can be used again, a little later."""
        self._resting_since = _now()
        return self._reusable

    def awake(self) -> bool:
        """Whether it can still be used after its rest."""
        return (
            self._reusable
            and _now() - self._resting_since < IDLE_SECONDS
            and not self._waiter.poll(0)  # nothing can have come but the end
        )

    def ask(self, request: bytes, seconds: float, breaker: Breaker | None = None) -> Answer:
        """Send a request and read its answer, for which the server has so many seconds.

        Raises `Unsent` or `Unanswered`; then the connection is closed.
        """
        self._headers = {}
        self._body = []
        self._headed = self._complete = False
        try:
            self._send(request, seconds)
            if breaker is None:
                self._read()
            else:
                self._read_unless(breaker, seconds)
        except BaseException:
            self.close()
            raise
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        return Answer(self._status, self._headers, body)

    # --- sending ------------------------------------------------------------------------

    def _send(self, request: bytes, seconds: float) -> None:
        self._set_timeout(seconds)
        try:
            self._socket.sendall(request)
        except OSError as error:
            # What fails here has not taken the last of it; half a request is none.
            raise Unsent(f"{self._address.url} has hung up ({_words(error)})") from error

    def _set_timeout(self, seconds: float) -> None:
        if self._timeout != seconds:
            self._socket.settimeout(seconds)
            self._timeout = seconds

    # --- reading ------------------------------------------------------------------------

    def _read(self) -> None:
        while not self._complete:
            try:
                data = self._socket.recv(_CHUNK)
            except OSError as error:
                raise self._unanswered(error) from error
            self._feed(data)

    def _read_unless(self, breaker: Breaker, seconds: float) -> None:
        """Read the answer, unless there is none when the breaker is pulled."""
        waiter, alarm = self._waiter, breaker.fileno()
        waiter.register(alarm, select.POLLIN)
        self._set_timeout(0)  # a record of TLS need not hold anything for us
        pulled = parted = False
        deadline = _now() + seconds
        try:
            while not self._complete:
                # Of what TLS has decrypted already the waiter knows nothing; so first of all this.
                data = self._read_what_is_there()
                if data is not None:
                    self._feed(data)
                    continue
                ready = waiter.poll(max(0.0, deadline - _now()) * 1000)
                if not ready:
                    if not pulled or parted or not self._part():
                        raise self._unanswered(TimeoutError())
                    parted = True
                    deadline = _now() + PARTING_SECONDS
                elif not pulled and any(number == alarm for number, _ in ready):
                    pulled = True
                    waiter.unregister(alarm)
                    deadline = min(deadline, _now() + LINGER_SECONDS)
        finally:
            if not pulled:
                waiter.unregister(alarm)

    def _read_what_is_there(self) -> bytes | None:
        try:
            return self._socket.recv(_CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as error:
            raise self._unanswered(error) from error

    def _part(self) -> bool:
        """Tell the server that nothing more will come; whether that can be told."""
        if isinstance(self._socket, ssl.SSLSocket):
            return False
        self._reusable = False
        with suppress(OSError):  # it has broken, which is about to be read
            self._socket.shutdown(socket.SHUT_WR)
        return True

    def _feed(self, data: bytes) -> None:
        if not data:
            # An answer that does not tell its length ends with the connection.
            if not self._headed or self._headers.keys() & _LENGTH:
                raise Unanswered(f"{self._address.url} has hung up")
            self._complete = True
            self._reusable = False
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if self._complete:  # what comes behind the answer is not our concern
                self._reusable = False
                return
            raise Unanswered(
                f"what listens at {self._address.url} does not speak HTTP", lasting=True
            ) from error

    def _unanswered(self, error: OSError) -> Unanswered:
        if isinstance(error, TimeoutError):
            return Unanswered(f"{self._address.url} has not answered in time")
        return Unanswered(f"{self._address.url} has hung up ({_words(error)})")

    # --- what the parser has found ------------------------------------------------------

    def on_message_begin(self) -> None:
        if self._complete:
            raise Unanswered("an answer that nobody has asked for")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        self._headed = True

    def on_message_complete(self) -> None:
        if self._status < _OK:  # 100: the answer comes behind it
            self._headers = {}
            self._headed = False
        else:
            self._complete = True
            if not self._parser.should_keep_alive():
                self._reusable = False


def _words(error: OSError) -> str:
    return error.strerror or str(error)


def _leave_to_parent() -> None:
    for each in list(_open):
        each.close()


os.register_at_fork(after_in_child=_leave_to_parent)
