"""Where work is done: all in this process, or in a fleet as users start it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from _engine import bare, figures, servers
from _engine.wire import Connection as Wire
from _fleet import reading
from _fleet.flows import DEFINITIONS, DOMAIN, TASK_LIST
from _fleet.reading import Read

from dataflow.connect import Connection, connect
from dataflow.process.client import Client
from dataflow.process.decider import Decider
from dataflow.process.definitions import Definitions
from dataflow.process.worker import Worker

HERE = Path(__file__).parents[1]
ROOT = HERE.parents[1]
INLINE_WORKERS = 8
WORKERS, CONCURRENCY = 2, 4
#: Of a bare application over a Unix socket; an activity takes four.
_CALLS = 2_000


class Place(NamedTuple):
    """Where executions are started, and who works on them."""

    name: str
    connection: Connection
    #: Process ids, by what they do.
    processes: dict[str, int]
    #: Which of them decides.
    decider: str
    read: Callable[[], Read]
    #: What can be done at most how often a second, besides bare commits, by its name.
    floors: Mapping[str, Callable[[], float]]


@contextmanager
def standalone(directory: Path) -> Iterator[Place]:
    """Everything in this process, with a thread that decides and inline workers."""
    home = directory / "home"
    with connect("local", home=str(home), own=True) as connection:
        reads = reading.Reads(connection)
        decider = Decider(reads, DOMAIN, TASK_LIST, Definitions(DEFINITIONS).find, threads=1)
        worker = Worker(
            connection, DOMAIN, TASK_LIST, isolation="inline", concurrency=INLINE_WORKERS
        )
        Client(connection, DOMAIN).ensure_domain()
        threads = [threading.Thread(target=actor.run) for actor in (decider, worker)]
        for thread in threads:
            thread.start()
        try:
            yield Place("standalone", connection, {"all": os.getpid()}, "all", reads.read, {})
        finally:
            decider.stop()
            worker.stop()
            for thread in threads:
                thread.join()


@contextmanager
def fleet(directory: Path) -> Iterator[Place]:
    """A server, a decider process, two worker processes with warm children."""
    home = directory / "home"
    common = ["--domain", DOMAIN, "--task-list", TASK_LIST, "-N", "1"]
    names = [f"_fleet.flows.{definition.__name__}" for definition in DEFINITIONS]
    with ExitStack() as stack:
        processes = {"server": stack.enter_context(_command(home, "server.start"))}
        connection = stack.enter_context(connect("local", home=str(home)))
        Client(connection, DOMAIN).ensure_domain()
        decider = _command(home, "decider.start", *common, *names)
        processes["decider"] = stack.enter_context(decider)
        for n in range(1, WORKERS + 1):
            worker = _command(home, "worker.start", *common, "--concurrency", str(CONCURRENCY))
            processes[f"worker {n}"] = stack.enter_context(worker)
        bare_server = stack.enter_context(servers.bare(directory)).unix

        def bare_calls() -> float:
            with closing(Wire(bare_server)) as wire:  # a server does not keep one that is idle
                return figures.per_second(_CALLS, lambda: wire.ask(bare.request()))

        yield Place(
            "fleet",
            connection,
            processes,
            "decider",
            lambda: reading.by_server(home),
            {"calls": bare_calls},
        )


@contextmanager
def _command(home: Path, *arguments: str) -> Iterator[int]:
    """A command in a process of its own, from when it says that it runs; its process id."""
    with subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "dataflow", *arguments],
        env=environment(home),
        cwd=HERE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            said = process.stderr.readline()
            if not said.startswith("dataflow "):
                sys.exit(f"{arguments[0]} has not started: {said}")
            # What it says later is for whoever looks at the measurement.
            threading.Thread(target=_pass_on, args=(process.stderr,), daemon=True).start()
            yield process.pid
        finally:
            process.terminate()


def _pass_on(lines: Iterator[str]) -> None:
    for line in lines:
        print(line, end="", file=sys.stderr)


def environment(home: Path) -> dict[str, str]:
    """What a command is told."""
    ours = ("DATAFLOW_", "SWF_", "LOG_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**clean, "DATAFLOW_HOME": str(home), "PYTHONPATH": f"{ROOT}:{HERE}"}
