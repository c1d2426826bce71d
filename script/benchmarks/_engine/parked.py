"""Many parked polls: the memory that they take, and the processor, while they come and wait."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from _engine import bare, figures, servers
from _engine.servers import Server
from _engine.subject import DOMAIN, Client
from _engine.wire import Connection, prepared

_POLLS = 2_000
#: Amazon SWF lets 1,000 polls wait at a list.
_TASK_LISTS = 20
_SETTLING, _RESTING = 1.0, 5.0
#: Files that this process needs besides connections.
_OWN_FILES = 64
#: Of one processor.
_WANTED_PERCENT = 1.0
_METRICS = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
_ALL_PARKED = b'dataflow_parked_polls{kind="activity"} %d\n' % _POLLS


class Crowd:
    """Requests that one server does not answer yet."""

    def __init__(self, server: Server, request: Callable[[int], bytes]) -> None:
        self.pid = server.pid
        self.before = figures.memory(self.pid)
        cpu = figures.cpu_seconds(self.pid)
        self.connections = [Connection(server.unix) for _ in range(_POLLS)]
        for n, connection in enumerate(self.connections):
            connection.send(request(n))
        time.sleep(_SETTLING)
        self.parked = figures.memory(self.pid)
        self.parking = figures.cpu_seconds(self.pid) - cpu

    def leave(self) -> None:
        for connection in self.connections:
            connection.close()

    def report(self, name: str, percent: float) -> None:
        gone = figures.memory(self.pid)
        figures.line(
            name,
            f"{self.before:.1f} MB before, {self.parked:.1f} MB parked"
            f" ({(self.parked - self.before) / _POLLS * 1024:.1f} KB each), {gone:.1f} MB when they"
            f" are gone   {self.parking / _POLLS * 1e6:.0f} us of CPU each, then {percent:.2f} %",
        )


def run(directory: Path) -> None:
    figures.title(
        f"{_POLLS:,} parked polls over the Unix socket, at rest for {_RESTING:.0f} s; floor: as"
        " many requests that wait in a bare application"
    )
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * _POLLS + _OWN_FILES
    if resource.RLIM_INFINITY != hard < needed:
        figures.line("not measured", f"only {hard} files may be open here, {needed} are needed")
        return
    if resource.RLIM_INFINITY != soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    with ExitStack() as stack:
        engine = stack.enter_context(servers.engine(directory / "home"))
        floor = stack.enter_context(servers.bare(directory))
        connection = Connection(engine.unix)
        Client(connection.call).register()
        time.sleep(_SETTLING)
        polls = [
            prepared("PollForActivityTask", {"domain": DOMAIN, "taskList": {"name": f"list-{n}"}})
            for n in range(_TASK_LISTS)
        ]
        crowds = {
            "engine": Crowd(engine, lambda n: polls[n % _TASK_LISTS]),
            "floor": Crowd(floor, lambda _: bare.request("/park")),
        }
        assert _ALL_PARKED in connection.ask(_METRICS)
        connection.close()
        percents = _at_rest(crowds)
        for crowd in crowds.values():
            crowd.leave()
        time.sleep(_SETTLING)
        for name, crowd in crowds.items():
            crowd.report(name, percents[name])
    figures.at_most(percents["engine"], _WANTED_PERCENT, "% of a processor at rest", 2)


def _at_rest(crowds: dict[str, Crowd]) -> dict[str, float]:
    """The percentage of a processor that each server takes, in the same seconds."""
    before = {name: figures.cpu_seconds(crowd.pid) for name, crowd in crowds.items()}
    time.sleep(_RESTING)
    return {
        name: (figures.cpu_seconds(crowd.pid) - before[name]) / _RESTING * 100
        for name, crowd in crowds.items()
    }
