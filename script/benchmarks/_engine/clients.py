"""Client processes that ask as fast as they are answered.

As a program it is one of them: the first line of its input says what to ask, each further line for
how many seconds; each time it prints how many answers came.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple

from _engine import bare
from _engine.wire import Address, Connection, Key, prepared

#: A signed request is sent for so long: servers may take it for a replay later.
_SIGNATURE_SECONDS = 1.0
_WARMING_UP = 0.1


class Asked(NamedTuple):
    """What a client asks, over and over."""

    address: Address
    #: None: the bare application.
    operation: str | None = None
    #: One after the other.
    requests: Sequence[dict[str, Any]] = ()
    key: Key | None = None

    def prepared(self) -> list[bytes]:
        if self.operation is None:
            return [bare.request()]
        return [prepared(self.operation, request, self.key) for request in self.requests]


class Clients:
    """Some processes that ask the same."""

    def __init__(self, processes: Sequence[subprocess.Popen[str]]) -> None:
        self._processes = processes

    def rate(self, seconds: float) -> float:
        """Answers a second, of all together."""
        for process in self._processes:
            _write(process, f"{seconds}\n")
        return sum(int(_read(process)) for process in self._processes) / seconds


@contextmanager
def running(n: int, asked: Asked) -> Iterator[Clients]:
    """So many client processes, that have asked something already."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "_engine.clients"],
                    cwd=Path(__file__).parent.parent,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(n)
        ]
        for process in processes:
            _write(process, json.dumps(asked) + "\n")
        clients = Clients(processes)
        clients.rate(_WARMING_UP)
        yield clients  # the end of its input ends a client


def _write(process: subprocess.Popen[str], text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def _read(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def main() -> None:
    address, operation, requests, key = json.loads(sys.stdin.readline())
    asked = Asked(
        address if isinstance(address, str) else (address[0], address[1]),
        operation,
        requests,
        None if key is None else Key(*key),
    )
    connection = Connection(asked.address)
    for line in sys.stdin:
        n, now = 0, time.perf_counter()
        until = now + float(line)
        while now < until:
            again = now + _SIGNATURE_SECONDS
            for request in cycle(asked.prepared()):
                connection.ask(request)
                n += 1
                now = time.perf_counter()
                if now >= until or now >= again:
                    break
        print(n, flush=True)


if __name__ == "__main__":
    main()
