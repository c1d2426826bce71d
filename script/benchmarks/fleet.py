"""Deciders and workers on the embedded engine, beside the floor: bare SQLite commits.

    ./script/bench fleet [standalone|fleet] ...

Three shapes of work, of activities that do nothing: a chain (each waits for the one before), a
fan-out (none waits for any other), and many workflows of three steps. ``standalone``: all in one
process, workers inline. ``fleet``: a server, a decider process, and two worker processes with warm
children. Durability is full: every step is on disk before the next begins.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from dataflow import Workflow, activity
from dataflow.connect import Connection, connect
from dataflow.process.client import Client, Start
from dataflow.process.decider import Decider
from dataflow.process.definitions import Definitions, type_of
from dataflow.process.worker import Worker
from dataflow.protocol.values import WorkflowExecution

ROOT = Path(__file__).parents[2]
DOMAIN, TASK_LIST = "bench", "bench"
CHAIN, FAN_OUT, MANY, STEPS = 1_000, 5_000, 1_000, 3
#: Steps a second that the project means to reach on a quiet machine of two cores.
WANTED = {
    "standalone": {"chain": 1_500, "fan-out": 4_000, "many": 2_500},
    "fleet": {"chain": 500, "fan-out": 1_500, "many": 1_200},
}
#: A decision of the last tenth of a chain, against one of the first.
GROWTH = 1.3
INLINE_WORKERS = 8


@activity.with_attributes(
    name="fleet.nothing",
    task_list=TASK_LIST,
    schedule_to_start_timeout=None,
    schedule_to_close_timeout=None,
)
def nothing(x: int) -> int:
    return x


class ChainOfActivities(Workflow):
    """Each activity waits for the one before."""

    name = "chain"

    def run(self, n: int) -> int:
        x = 0
        for _ in range(n):
            x = self.submit(nothing, x).result
        return x


class FanOut(Workflow):
    """None waits for any other."""

    name = "fan-out"

    def run(self, n: int) -> int:
        return len([future.result for future in self.map(nothing, range(n))])


DEFINITIONS = [ChainOfActivities, FanOut]


def bare_commits(directory: Path, seconds: float = 1.0) -> float:
    """Commits of one row a second: what the disk gives."""
    connection = sqlite3.connect(directory / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("CREATE TABLE IF NOT EXISTS t (body BLOB)")
    began, n = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        connection.execute("INSERT INTO t VALUES (?)", (b"x" * 300,))
        n += 1
    connection.close()
    return n / seconds


class Bench:
    """Starts executions and waits for them."""

    def __init__(self, name: str, connection: Connection, processes: dict[str, int]) -> None:
        """``processes``: whose processor time is told, by what they do."""
        self.name = name
        self.service = connection.service
        self.client = Client(connection, DOMAIN)
        self.client.ensure_domain()
        self.processes = {what: psutil.Process(pid) for what, pid in processes.items()}
        self.started = 0

    def start(self, definition: type[Workflow], n: int) -> WorkflowExecution:
        self.started += 1
        return self.client.start(
            Start(
                workflow_type=type_of(definition),
                workflow_id=f"{definition.__name__}-{self.started}",
                task_list=TASK_LIST,
                input=json.dumps({"args": [n], "kwargs": {}}),
                decision_tasks_timeout=60,
            )
        )

    def wait(self, execution: WorkflowExecution) -> None:
        ended = self.client.wait(execution, threading.Event(), longest_pause=0.05)
        assert ended is not None
        assert ended.status == "COMPLETED", ended

    def open(self) -> int:
        """How many executions are."""
        answer = self.service.count_open_workflow_executions(
            domain=DOMAIN, startTimeFilter={"oldestDate": 0}
        )
        return int(answer["count"])

    def measure(self, shape: str, steps: int, work: Callable[[], object], floor: float) -> None:
        before = self.used()
        began = time.perf_counter()
        work()
        seconds = time.perf_counter() - began
        used = {what: after - before[what] for what, after in self.used().items()}
        rate, wanted = steps / seconds, WANTED[self.name][shape]
        told = "  ".join(f"{what} {1e6 * used[what] / steps:.0f}" for what in used)
        print(
            f"{self.name:11} {shape:8} {rate:7.0f} steps/s   floor {floor:6.0f} commits/s   "
            f"ratio {rate / floor:.2f}   wanted {wanted}{'' if rate >= wanted else ' (missed)'}   "
            f"CPU us/step: {told}"
        )

    def used(self) -> dict[str, float]:
        """Seconds of processor time, of a process and its children."""
        return {
            what: sum(
                p.cpu_times().user + p.cpu_times().system
                for p in [process, *process.children(recursive=True)]
            )
            for what, process in self.processes.items()
        }

    def run(self, directory: Path) -> None:
        self.wait(self.start(ChainOfActivities, 20))  # everything is imported and registered
        floor = statistics.median(bare_commits(directory) for _ in range(3))
        chain: list[WorkflowExecution] = []

        def one_chain() -> None:
            chain.append(self.start(ChainOfActivities, CHAIN))
            self.wait(chain[0])

        self.measure("chain", CHAIN, one_chain, floor)
        print(f"{'':20} last tenth / first tenth {self.growth(chain[0]):.2f} (wanted {GROWTH})")
        self.measure("fan-out", FAN_OUT, lambda: self.wait(self.start(FanOut, FAN_OUT)), floor)

        def many() -> None:
            last = [self.start(ChainOfActivities, STEPS) for _ in range(MANY)][-1]
            self.wait(last)
            while self.open():
                time.sleep(0.02)

        self.measure("many", MANY * STEPS, many, floor)

    def growth(self, execution: WorkflowExecution) -> float:
        events = self.client.history(execution)
        ends = [e.timestamp for e in events if e.event_type == "ActivityTaskCompleted"]
        tenth = len(ends) // 10
        return (ends[-1] - ends[-tenth]) / (ends[tenth - 1] - ends[0])


@contextmanager
def standalone(home: Path) -> Iterator[Bench]:
    """Everything in this process."""
    with connect("local", home=str(home), own=True) as connection:
        bench = Bench("standalone", connection, {"all": os.getpid()})
        decider = Decider(connection, DOMAIN, TASK_LIST, Definitions(DEFINITIONS).find, threads=1)
        worker = Worker(
            connection, DOMAIN, TASK_LIST, isolation="inline", concurrency=INLINE_WORKERS
        )
        threads = [threading.Thread(target=actor.run) for actor in (decider, worker)]
        for thread in threads:
            thread.start()
        try:
            yield bench
        finally:
            decider.stop()
            worker.stop()
            for thread in threads:
                thread.join()


@contextmanager
def fleet(home: Path) -> Iterator[Bench]:
    """A server, a decider, two workers: processes of their own."""
    here = str(Path(__file__).parent)
    environment = {**os.environ, "DATAFLOW_HOME": str(home), "PYTHONPATH": f"{ROOT}:{here}"}
    common = ["--domain", DOMAIN, "--task-list", TASK_LIST]
    commands = {
        "server": ["server.start"],
        "decider": ["decider.start", *common, "-N", "1", *_names()],
        "worker 1": ["worker.start", *common, "-N", "1", "--concurrency", "4"],
        "worker 2": ["worker.start", *common, "-N", "1", "--concurrency", "4"],
    }
    with ExitStack() as stack:
        processes = {}
        for what, command in commands.items():
            process = subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "dataflow", *command],
                env=environment,
                cwd=here,
                stderr=subprocess.PIPE if what == "server" else None,
                text=True,
            )
            stack.callback(process.wait)
            stack.callback(process.terminate)
            processes[what] = process.pid
            if what == "server":
                assert process.stderr is not None
                process.stderr.readline()  # it is ready
                with connect("local", home=str(home)) as connection:
                    Client(connection, DOMAIN).ensure_domain()
        with connect("local", home=str(home)) as connection:
            yield Bench("fleet", connection, processes)


def _names() -> list[str]:
    return [f"fleet.{definition.__name__}" for definition in DEFINITIONS]


def main() -> None:
    wanted = sys.argv[1:] or ["standalone", "fleet"]
    ways = {"standalone": standalone, "fleet": fleet}
    for name in wanted:
        if name not in ways:
            sys.exit(f"{name} is neither standalone nor fleet")
        with (
            tempfile.TemporaryDirectory(dir=ROOT) as directory,
            ways[name](Path(directory)) as bench,
        ):
            bench.run(Path(directory))


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
    main()
