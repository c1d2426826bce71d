"""How soon a parked poll returns: from the call that makes its task available.

Two polls are parked, one for a decision and one for an activity. The answer to the activity wakes
the first, the answer to the decision the second, and so on. A decision task is handed out at once;
an activity task when it is on disk, so beside a bare hand-over stands a bare commit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from _engine import bare, figures, servers
from _engine.bare import Rows
from _engine.subject import Client, in_process
from _engine.wire import Call, Connection

from dataflow.engine import Engine

_SAMPLES = 250
#: After so long a poll is parked, or a thread waits.
_PARKED_SECONDS = 0.003


class Parked:
    """A thread that waits for something, again and again."""

    def __init__(self, wait: Callable[[], Any]) -> None:
        self._wait = wait
        self._go: SimpleQueue[bool] = SimpleQueue()
        self._arrived: SimpleQueue[tuple[float, Any]] = SimpleQueue()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()
        self._go.put(True)

    def _work(self) -> None:
        while self._go.get():
            arrived = self._wait()
            self._arrived.put((time.perf_counter(), arrived))

    def woken_by(self, wake: Callable[[], Any]) -> tuple[float, Any]:
        """Seconds from the call to the arrival, and what has arrived; it waits again then."""
        time.sleep(_PARKED_SECONDS)
        start = time.perf_counter()
        wake()
        at, arrived = self._arrived.get()
        self._go.put(True)
        return at - start, arrived

    def stop(self, wake: Callable[[], Any]) -> None:
        """Let it go."""
        self._go.put(False)
        wake()
        self._thread.join()


Samples = dict[str, list[float]]


def _sample(
    calls: tuple[Call, Call, Call], floor: Parked, wake: Callable[[], Any], rows: Rows
) -> Samples:
    """``calls``: of whoever wakes, of the decider, of the worker."""
    waking, decider, worker = (Client(call) for call in calls)
    waking.register()
    waking.warm_up()
    decisions, activities = Parked(decider.decision_task), Parked(worker.activity_task)
    samples: Samples = {"decision": [], "activity": [], "floor": [], "commit": []}
    ids = count()
    _, decision = decisions.woken_by(partial(waking.start, "sampled"))
    for _ in range(_SAMPLES):
        scheduled = waking.schedule(str(next(ids)))
        seconds, activity = activities.woken_by(partial(waking.answer, decision, scheduled))
        samples["activity"].append(seconds)
        seconds, decision = decisions.woken_by(partial(waking.complete, activity))
        samples["decision"].append(seconds)
        samples["floor"].append(floor.woken_by(wake)[0])
        began = time.perf_counter()
        rows.commit()
        samples["commit"].append(time.perf_counter() - began)
    # Both polls have to return once more.
    activities.stop(partial(waking.answer, decision, waking.schedule("last")))
    decisions.stop(partial(waking.start, "last"))
    return samples


def _print(place: str, samples: Mapping[str, list[float]], *, on_disk: bool) -> None:
    floor, commit = _percentiles(samples["floor"]), _percentiles(samples["commit"])
    figures.line(f"{place}: decision task", f"{_percentiles(samples['decision'])}   floor {floor}")
    beside = f" + commit {commit}" if on_disk else ""
    figures.line(
        f"{place}: activity task", f"{_percentiles(samples['activity'])}   floor {floor}{beside}"
    )


def _percentiles(samples: list[float]) -> str:
    p50, p99 = (figures.percentile(samples, percent) * 1e3 for percent in (50, 99))
    return f"p50 {p50:.2f} p99 {p99:.2f} ms"


def run(directory: Path) -> None:
    figures.title(
        f"Wake-up of a parked poll, {_SAMPLES} of each; floor: a lock, or a bare application"
    )
    rows = Rows(directory / "bare.db")
    for place, path in (("memory", ":memory:"), ("file", directory / "engine.db")):
        lock = threading.Lock()
        lock.acquire()
        floor = Parked(lock.acquire)
        with Engine(path) as engine:
            call = in_process(engine)
            samples = _sample((call, call, call), floor, lock.release, rows)
        floor.stop(lock.release)
        _print(place, samples, on_disk=place == "file")
    with ExitStack() as stack:
        server = stack.enter_context(servers.engine(directory / "home"))
        floor_server = stack.enter_context(servers.bare(directory))
        ours = [Connection(server.unix) for _ in range(3)]
        parking, waking = (Connection(floor_server.unix) for _ in range(2))
        calls = (ours[0].call, ours[1].call, ours[2].call)
        floor = Parked(lambda: parking.ask(bare.request("/park")))
        samples = _sample(calls, floor, lambda: waking.ask(bare.request("/wake")), rows)
        floor.stop(lambda: waking.ask(bare.request("/wake")))
        _print("Unix socket", samples, on_disk=True)
        for connection in (*ours, parking, waking):
            connection.close()
    rows.close()
