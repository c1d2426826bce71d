"""Activities a second on a file, each from its decision to its result, with several callers.

A cycle is four requests: a decision task is polled for and answered, then an activity task. Three
of them wait for the disk; callers who wait at the same time share a commit.
"""

from __future__ import annotations

import threading
import time
from itertools import count
from pathlib import Path

from _engine import figures
from _engine.bare import Rows
from _engine.subject import COMPLETE, Client, in_process

from dataflow.engine import Engine

_CALLERS = (1, 8, 64)
_SECONDS = 1.0
#: Cycles of one execution, whose history may have 25,000 events.
_LONGEST = 2_000
#: With the most callers, the lower of the two: so many times the bare commits, so many cycles.
_TIMES, _CYCLES = 10, 5_000


class Callers:
    """Threads with an execution and task lists of their own each."""

    def __init__(self, engine: Engine, n: int) -> None:
        self._engine = engine
        self._n = n
        self._rounds = count()
        #: Of all rounds.
        self.cycles = 0
        self.cpu_seconds = 0.0

    def rate(self) -> float:
        """Cycles a second, of all together."""
        round_ = next(self._rounds)
        done = [0] * self._n
        ready = threading.Barrier(self._n + 1)

        def work(caller: int) -> None:
            client = Client(in_process(self._engine), f"list-{caller}")
            workflow_id = f"run-{self._n}-{round_}-{caller}"
            client.start(workflow_id)
            ready.wait()
            until = time.perf_counter() + _SECONDS
            while time.perf_counter() < until:
                client.cycle(str(done[caller]))
                done[caller] += 1
                if done[caller] % _LONGEST == 0:
                    client.decide(COMPLETE)
                    client.start(workflow_id)
            # What is left would be the first task of the next round.
            client.decide(COMPLETE)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(self._n)]
        for thread in threads:
            thread.start()
        ready.wait()
        start, cpu = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.join()
        self.cycles += sum(done)
        self.cpu_seconds += time.process_time() - cpu
        return sum(done) / (time.perf_counter() - start)


def run(directory: Path) -> None:
    figures.title(
        f"Durable activity cycles/s on a file, medians of {figures.ROUNDS} rounds of"
        f" {_SECONDS:.0f} s; floor: bare SQLite commits of one row"
    )
    rows = Rows(directory / "bare.db")
    with Engine(directory / "engine.db") as engine:
        client = Client(in_process(engine))
        client.register()
        client.warm_up()
        callers = {n: Callers(engine, n) for n in _CALLERS}
        measures: dict[str, figures.Measure] = {}
        for n, those in callers.items():
            measures[f"floor {n}"] = lambda: rows.rate(_SECONDS)
            measures[f"{n}"] = those.rate
        measured = figures.in_turn(measures)
    rows.close()
    for n, those in callers.items():
        cost = those.cpu_seconds / those.cycles * 1e6
        figures.rates(
            f"{n} caller{'s' if n > 1 else ''}",
            measured[f"{n}"],
            measured[f"floor {n}"],
            f"   {cost:.0f} us of CPU each",
        )
    most = _CALLERS[-1]
    cycles, bare = figures.median(measured[f"{most}"]), figures.median(measured[f"floor {most}"])
    wanted = min(_TIMES * bare, _CYCLES)
    figures.verdict(
        f"{cycles:,.0f} cycles/s with {most} callers; wanted {wanted:,.0f}, the lower of"
        f" {_TIMES} times the bare rate and {_CYCLES:,}",
        kept=cycles >= wanted,
    )
