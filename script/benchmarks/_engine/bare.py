"""Floors: what SQLite, HTTP and threads cost without an engine.

As a program it serves a bare ASGI application, that reads a request and answers some bytes, on
uvicorn: ``bare.py SOCKET`` listens at this Unix socket and at a port of 127.0.0.1, which it prints.
"""

from __future__ import annotations

import asyncio
import socket
import sqlite3
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn

_ROW = b"x" * 300
#: As long as the description of an execution.
_BODY = b'{"hello": "' + b"x" * 600 + b'"}'
_BACKLOG = 2_048


class Rows:
    """Commits of one row each, on a file that is as durable as an engine's, or in memory."""

    def __init__(self, path: str | Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, body BLOB)")

    def commit(self) -> None:
        self._db.execute("INSERT INTO bare (body) VALUES (?)", (_ROW,))

    def rate(self, seconds: float) -> float:
        """Commits a second."""
        n, start = 0, time.perf_counter()
        while (taken := time.perf_counter() - start) < seconds:
            self.commit()
            n += 1
        return n / taken

    def close(self) -> None:
        self._db.close()


class Application:
    """Answers the same to every request; one for /park is answered when one for /wake comes."""

    def __init__(self) -> None:
        self._parked: deque[asyncio.Future[None]] = deque()

    async def __call__(
        self,
        scope: dict[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        await receive()
        if scope["path"] == "/park":
            parked = asyncio.get_running_loop().create_future()
            self._parked.append(parked)
            await parked
        elif scope["path"] == "/wake":
            self._parked.popleft().set_result(None)
        headers = [
            (b"content-type", b"application/x-amz-json-1.0"),
            (b"content-length", b"%d" % len(_BODY)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _BODY})


def request(path: str = "/") -> bytes:
    """A request for the application."""
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}".encode()


def main() -> None:
    near = socket.socket(socket.AF_UNIX)
    near.bind(sys.argv[1])
    tcp = socket.create_server(("127.0.0.1", 0))
    for each in (near, tcp):
        each.listen(_BACKLOG)
    config = uvicorn.Config(
        Application(),  # type: ignore[arg-type]
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        timeout_graceful_shutdown=1,  # what is parked is never answered
    )
    print(tcp.getsockname()[1], flush=True)
    uvicorn.Server(config).run(sockets=[near, tcp])


if __name__ == "__main__":
    main()
