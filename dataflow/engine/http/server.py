"""The server: how it begins, and how it ends.

How it ends is a law of its own. No request that was taken may go without its answer, and nobody
may be kept waiting:

1. Listening ends, and the Unix socket's file goes, while the home is still ours.
2. Connections at rest are closed. Requests that are arriving are refused: nothing of them is done.
3. What is in hand is finished, for ``GRACE_SECONDS`` at most.
4. The service closes: parked polls get their empty answers, everything is committed.
5. What is left gets ``GRACE_SECONDS`` to take its answer.

A second signal ends the process at once. That is no worse than a loss of power, which the service
survives.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from socket import AF_UNIX, socket
from typing import Protocol

import uvloop
from uvicorn.config import Config

from dataflow.clock import Clock
from dataflow.engine.http import app, sockets
from dataflow.engine.http.app import Application
from dataflow.engine.http.connections import IDLE_SECONDS, REQUEST_SECONDS, Clients, Connection
from dataflow.engine.http.gates import Gate, wall_time
from dataflow.engine.metrics import Metrics

GRACE_SECONDS = 3.0
#: Seconds between two looks at who has taken too long.
_CHECK_SECONDS = 5
#: Threads that read what is not in memory.
_READERS = 4
#: Files that the process needs besides connections.
_OWN_FILES = 64
#: More connections than anybody has; macOS does not take "without limit" for an answer.
_MOST_FILES = 65_536
_SIGNALED = 128


class Service(app.Service, Protocol):
    """What the server needs of the engine's service."""

    def close(self) -> None:
        """Answer what is parked, commit, let go of the file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Sockets by which the same callers come in."""

    sockets: Sequence[socket]
    gate: Gate
    tls: ssl.SSLContext | None = None

    @property
    def urls(self) -> list[str]:
        return [sockets.url(each, tls=self.tls is not None) for each in self.sockets]


class Server:
    """Serves a service, in the event loop that it is started in."""

    def __init__(
        self, service: Service, entrances: Sequence[Entrance], *, counted: Metrics, clock: Clock
    ) -> None:
        """The sockets and the service are the server's from here on: it closes them."""
        self._service = service
        self._entrances = entrances
        self._metrics = counted
        self._clock = clock
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="dataflow-reader")
        self._apps: list[Application] = []
        self._clients: list[Clients] = []
        self._listening: list[asyncio.Server] = []
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Accept connections."""
        self._loop = asyncio.get_running_loop()
        most = _most_files() // len(self._entrances) - _OWN_FILES
        for entrance in self._entrances:
            await self._open(entrance, Clients(most))
        self._keeping = self._loop.create_task(self._keep())

    async def _open(self, entrance: Entrance, clients: Clients) -> None:
        application = Application(
            self._service,
            entrance.gate,
            counted=self._metrics,
            clock=self._clock,
            readers=self._readers,
        )
        config = _config(application)
        self._apps.append(application)
        self._clients.append(clients)

        def connection() -> Connection:
            return Connection(config, clients, self._loop)

        for each in entrance.sockets:
            if each.family == AF_UNIX:
                listening = self._loop.create_unix_server(
                    connection, sock=each, backlog=sockets.BACKLOG
                )
            else:
                listening = self._loop.create_server(
                    connection,
                    sock=each,
                    backlog=sockets.BACKLOG,
                    ssl=entrance.tls,
                    ssl_handshake_timeout=REQUEST_SECONDS if entrance.tls else None,
                )
            self._listening.append(await listening)

    async def _keep(self) -> None:
        """What has to be done now and then."""
        while True:
            for _ in range(_CHECK_SECONDS):
                # By it the clients of some languages put their clock right, and sign again.
                date = formatdate(wall_time(), usegmt=True).encode()
                for clients in self._clients:
                    clients.default_headers = [(b"date", date)]
                self.check_callers()
                await asyncio.sleep(1)
            self.check(self._loop.time())

    def check(self, now: float) -> None:
        """Give up clients that take too long; ``now`` is the loop's time."""
        for application, clients in zip(self._apps, self._clients, strict=True):
            application.check(now)
            clients.check(now)

    def check_callers(self) -> None:
        """End the polls of those whose keys count no longer."""
        for application in self._apps:
            application.check_callers()

    async def stop(self) -> None:
        """End, as the laws above say. What the service raises when it closes is raised at the end.

        That includes what has to be said about a commit that failed.
        """
        if self._keeping is not None:
            self._keeping.cancel()
        self._stop_listening()
        for application, clients in zip(self._apps, self._clients, strict=True):
            application.close()
            for connection in list(clients.connections):
                connection.shutdown()
        try:
            await _wait(self._tasks(parked=False))
            await self._loop.run_in_executor(self._readers, self._service.close)
        finally:
            await _wait(self._tasks(parked=True))
            await self._flush()
            self._readers.shutdown(wait=False, cancel_futures=True)

    def _stop_listening(self) -> None:
        for entrance in self._entrances:
            for each in entrance.sockets:
                if each.family == AF_UNIX:
                    Path(each.getsockname()).unlink(missing_ok=True)
        for listening in self._listening:
            listening.close()  # and its socket

    def _tasks(self, *, parked: bool) -> set[asyncio.Task[None]]:
        """The requests in hand, with or without the parked polls."""
        return {
            task
            for application, clients in zip(self._apps, self._clients, strict=True)
            for task in clients.tasks
            if parked or task not in application.parked
        }

    async def _flush(self) -> None:
        """Let clients take what was written to them, then end all connections."""
        self._end_connections(all_of_them=False)
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_SECONDS):
                for clients in self._clients:
                    await clients.gone()
        self._end_connections(all_of_them=True)

    def _end_connections(self, *, all_of_them: bool) -> None:
        """End those that nothing waits to be sent on, or all."""
        for clients in self._clients:
            for connection in list(clients.connections):
                # With TLS, a closing connection would wait for the client to say goodbye.
                if all_of_them or not connection.transport.get_write_buffer_size():
                    connection.transport.abort()


def serve(server: Server, ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT comes; ``ready`` is called when clients can come."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(server, ready))


async def _serve(server: Server, ready: Callable[[], None]) -> None:
    told = asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        if told.is_set():
            os._exit(_SIGNALED + number)
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        if signal.getsignal(number) != signal.SIG_IGN:  # what is ignored stays ignored
            asyncio.get_running_loop().add_signal_handler(number, on_signal, number)
    await server.start()
    try:
        ready()
        await told.wait()
    finally:
        await server.stop()


def _config(application: Application) -> Config:
    config = Config(
        application,
        http=Connection,  # we make our connections ourselves; others must not be imported
        ws="none",
        lifespan="off",
        interface="asgi3",
        workers=1,  # said, so that uvicorn does not ask the environment
        forwarded_allow_ips="",
        proxy_headers=False,  # the address of a client is what the kernel says it is
        log_config=None,
        access_log=False,
        timeout_keep_alive=IDLE_SECONDS,
    )
    config.load()
    return config


def _most_files() -> int:
    """How many files the process may open: as many as it may allow itself."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


async def _wait(tasks: set[asyncio.Task[None]]) -> None:
    if tasks:
        await asyncio.wait(tasks, timeout=GRACE_SECONDS)
