"""Opening a file with many open executions: seconds and memory, each time in a new process.

As a program (``recovery.py engine|bare FILE``) it opens the file, or reads and decodes the same
rows with bare sqlite3 and msgspec, and prints seconds and bytes.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

import msgspec
from _engine import copies, figures
from _engine.subject import Client

from dataflow.engine import Engine

_EXECUTIONS, _EVENTS = 10_000, 50
#: Of a start, and of each activity.
_STARTING, _CYCLE = 2, 6
_ROUNDS = 3
_WANTED_SECONDS, _WANTED_MEGABYTES = 5.0, 1024.0


class Opened(NamedTuple):
    """What one opening took."""

    seconds: float
    megabytes: float
    peak_megabytes: float


def run(directory: Path) -> None:
    figures.title(
        f"Opening a file with {_EXECUTIONS:,} open executions of {_EVENTS} events, medians of"
        f" {_ROUNDS} rounds; floor: bare sqlite3 and msgspec read the same rows"
    )
    path = directory / "engine.db"
    (original,) = copies.originals(path, _bring_about)
    assert len(original.events) == _EVENTS
    copies.write(path, (original.copy(n, f"run-{n}") for n in range(2, _EXECUTIONS + 1)))
    opened: dict[str, list[Opened]] = {"engine": [], "bare": []}
    for _ in range(_ROUNDS):
        for how, those in opened.items():
            those.append(_open(how, path))
    seconds = {how: [one.seconds for one in those] for how, those in opened.items()}
    for how, those in opened.items():
        figures.line(
            "engine" if how == "engine" else "floor",
            f"{figures.median(seconds[how]):.2f} s,"
            f" {figures.median([one.megabytes for one in those]):.0f} MB"
            f" (at most {max(one.peak_megabytes for one in those):.0f} MB)",
        )
    figures.line("engine / floor", figures.ratio(seconds["engine"], seconds["bare"]))
    figures.at_most(figures.median(seconds["engine"]), _WANTED_SECONDS, "s", 2)
    most = max(one.peak_megabytes for one in opened["engine"])
    figures.at_most(most, _WANTED_MEGABYTES, "MB of memory")


def _bring_about(client: Client) -> None:
    """An open execution of so many events, with a decision task that waits."""
    client.start("run-1")
    for n in range((_EVENTS - _STARTING) // _CYCLE):
        client.cycle(str(n))


def _open(how: str, path: Path) -> Opened:
    done = subprocess.run(  # noqa: S603 - this program
        [sys.executable, "-m", "_engine.recovery", how, str(path)],
        cwd=Path(__file__).parent.parent,
        check=True,
        capture_output=True,
    )
    return Opened(*json.loads(done.stdout))


def main() -> None:
    how, path = sys.argv[1:]
    start = time.perf_counter()
    if how == "engine":
        engine = Engine(path)
        seconds = time.perf_counter() - start
        memory = figures.memory()
        engine.close()
    else:
        db, decode, decoded = sqlite3.connect(path), msgspec.json.Decoder().decode, 0
        for (body,) in db.execute("SELECT body FROM event ORDER BY id"):
            decoded += bool(decode(body))
        assert decoded >= _EXECUTIONS * _EVENTS
        seconds = time.perf_counter() - start
        memory = figures.memory()
    print(json.dumps([seconds, memory, figures.most_memory()]))


if __name__ == "__main__":
    main()
