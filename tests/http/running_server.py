"""A server in a thread of this process, and a client that sends what it is told to send."""

import asyncio
import json
import socket
import threading
from contextlib import contextmanager
from typing import NamedTuple

import uvloop

from dataflow.clock import SystemClock
from dataflow.engine.http import sockets
from dataflow.engine.http.gates import SameUser
from dataflow.engine.http.server import Entrance, Server
from dataflow.engine.metrics import Metrics


class Running:
    """A server that runs."""

    def __init__(self, server, loop, entrances):
        self.server = server
        self.loop = loop
        self.urls = [url for entrance in entrances for url in entrance.urls]
        self._stopped = False

    @property
    def path(self):
        return self.urls[0].removeprefix("unix:")

    @property
    def port(self):
        return int(self.urls[-1].rpartition(":")[2])

    def do(self, function, *arguments):
        """Call it in the thread of the event loop."""

        async def call():
            return function(*arguments)

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(20)

    def stop(self):
        """As a signal would; once."""
        if self._stopped:
            return
        self._stopped = True
        asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop).result(20)

    def after(self, seconds):
        """What the server does when that much time has gone by."""
        self.do(lambda: self.server.check(self.loop.time() + seconds))

    def until(self, condition):
        """Wait for what the server does on its own; asked in the thread of the event loop."""

        async def wait():
            while not condition():  # noqa: ASYNC110 - nothing in the server tells of it
                await asyncio.sleep(0.001)

        asyncio.run_coroutine_threadsafe(wait(), self.loop).result(20)

    @property
    def connections(self):
        return [each for clients in self.server._clients for each in clients.connections]


@contextmanager
def running(service, path, *more, clock=None):
    """A server on a Unix socket, and whatever other entrances."""
    entrances = [Entrance(sockets=[sockets.unix_socket(path)], gate=SameUser()), *more]
    clock = clock or SystemClock()
    server = Server(
        service, entrances, counted=Metrics(version="1.2.3", started=clock.now()), clock=clock
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, name="server")
        it = Running(server, loop, entrances)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(server.start(), loop).result(20)
            yield it
        finally:
            try:
                it.stop()
            finally:
                loop.call_soon_threadsafe(loop.stop)
                thread.join(20)


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def fault(self):
        """The name of the fault, which stands in three places."""
        name = self.json["__type"].rpartition("#")[2]
        assert self.headers["x-amzn-errortype"] == name
        assert self.headers["x-amzn-query-error"] == name
        return name


class Client:
    """A connection."""

    def __init__(self, address, *, wrap=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        if isinstance(address, tuple) and ":" in address[0]:
            family = socket.AF_INET6
        self.socket = socket.socket(family)
        self.socket.settimeout(20)
        try:
            self.socket.connect(address)
            if wrap is not None:
                self.socket = wrap(self.socket)
        except BaseException:
            self.socket.close()
            raise
        self._file = self.socket.makefile("rb")

    def send(self, text):
        self.socket.sendall(text)
        return self

    def ask(self, text):
        return self.send(text).answer()

    def answer(self, *, head=False):
        """The next answer; ``head``: to a HEAD."""
        status = self._file.readline()
        assert status.startswith(b"HTTP/1.1 "), status
        headers = {}
        while (line := self._file.readline()) not in {b"\r\n", b""}:
            name, _, value = line.decode().partition(":")
            headers[name.strip().lower()] = value.strip()
        body = b"" if head else self._file.read(int(headers["content-length"]))
        return Answer(int(status.split()[1]), headers, body)

    def ended(self):
        """Whether the server hangs up, and says nothing more before that."""
        try:
            return self._file.read() == b""
        except ConnectionResetError:
            return True

    def close(self):
        self._file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(*headers, method="POST / HTTP/1.1", body=b""):
    """A request with these headers, and the length of its body."""
    lines = [method, *headers, f"content-length: {len(body)}"]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def post(operation, body=b"{}", *headers, kind="application/x-amz-json-1.0"):
    """A request for an operation."""
    target = f"x-amz-target: SimpleWorkflowService.{operation}"
    return request("host: localhost", target, f"content-type: {kind}", *headers, body=body)


def describe(name):
    return post("DescribeDomain", b'{"name": "%b"}' % name.encode())


def poll(task_list="list"):
    body = {"domain": "d", "taskList": {"name": task_list}}
    return post("PollForActivityTask", json.dumps(body).encode())
