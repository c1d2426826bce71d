"""Between a worker and a child process of its own: messages, whole, both ways over one socket.

While a child performs a task, the worker sends it nothing but `Cancel`. So a child knows that it
shall give up as soon as there is anything to read (the end of the stream, too), and need not read
it to know: it can look from within a signal's handler.
"""

from __future__ import annotations

import os
import select
import struct
from collections import deque
from typing import Any

import msgspec

from dataflow.process.jobs import Canceled, Completed, Failed, Heartbeat
from dataflow.process.tasks import PolledTask


class Start(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To the child, first: how to work."""

    #: Where modules are found: `sys.path` of the worker.
    path: list[str]
    #: What may be imported; empty: everything.
    modules: list[str]
    pre: list[str]
    post: list[str]
    #: What is called first, by its dotted path: to set up logging, for example.
    prepare: str | None
    #: Seconds between the worker's heartbeats.
    every: float
    #: The engine's directory: with the settings, it says where long fields are (`Connection.home`).
    home: str | None = None


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """To the child: the task in hand shall end. It may have ended already."""


class Quit(msgspec.Struct, frozen=True, tag=True):
    """To the child: no more tasks will come."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """From the child: it takes tasks."""


class Unusable(msgspec.Struct, frozen=True, tag=True):
    """From the child: it cannot work as it was told to."""

    why: str


class Expected(msgspec.Struct, frozen=True, tag=True):
    """From the child: the activity should be heard of this often; only if the worker would not."""

    seconds: float


ToChild = Start | PolledTask | Cancel | Quit
FromChild = Ready | Unusable | Expected | Heartbeat | Completed | Failed | Canceled

TO_CHILD = msgspec.msgpack.Decoder(ToChild)
FROM_CHILD: msgspec.msgpack.Decoder[FromChild] = msgspec.msgpack.Decoder(FromChild)

_encode = msgspec.msgpack.Encoder().encode
_LENGTH = struct.Struct("!I")
#: No message is as long as this: whoever says so is not one of us.
_TOO_LONG = 1 << 26
_CHUNK = 65536


class Pipe:
    """One end; it sends and receives in one thread at a time."""

    def __init__(self, fd: int, decoder: msgspec.msgpack.Decoder[Any]) -> None:
        """``decoder``: for what comes from the other end."""
        self.fd = fd
        self._decode = decoder.decode
        self._buffer = bytearray()
        self._messages: deque[Any] = deque()

    def send(self, message: ToChild | FromChild) -> None:
        """Raises `OSError` if nobody is there."""
        text = _encode(message)
        data = _LENGTH.pack(len(text)) + text
        sent = os.write(self.fd, data)
        while sent < len(data):
            sent += os.write(self.fd, data[sent:])

    def receive(self) -> Any:
        """The next message; waits for it. Raises `EOFError`."""
        while not self._messages:
            self._read()
        return self._messages.popleft()

    def take(self) -> Any:
        """What `receive` would give, if it is here whole after reading once; else None."""
        if not self._messages:
            self._read()
        return self._messages.popleft() if self._messages else None

    @property
    def pending(self) -> bool:
        """Whether there is a message that was read already."""
        return bool(self._messages)

    @property
    def speaks(self) -> bool:
        """Whether there is something to read, or the other end is gone. From any thread."""
        if self._messages or self._buffer:
            return True
        poll = select.poll()  # a fresh one: one cannot be asked by two, nor by a signal's handler
        poll.register(self.fd, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Nothing more will be said."""
        os.close(self.fd)

    def _read(self) -> None:
        try:
            data = os.read(self.fd, _CHUNK)
        except ConnectionError as error:
            raise EOFError from error
        if not data:
            raise EOFError
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(buffer, start)
            if length >= _TOO_LONG:
                raise EOFError
            end = start + _LENGTH.size + length
            if len(buffer) < end:
                break
            self._messages.append(self._decode(bytes(buffer[start + _LENGTH.size : end])))
            start = end
        del buffer[:start]
