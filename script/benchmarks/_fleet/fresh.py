"""``dataflow standalone`` from its start to its exit, with a workflow of one activity."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from _engine import figures
from _fleet.places import HERE, environment

WANTED_SECONDS = 1.0
#: What the command stands on, imported and nothing else.
_FLOOR = "import click, greenlet, msgspec, psutil, sqlite3"


def run(directory: Path) -> None:
    figures.title("A fresh standalone of one activity, from start to exit")
    homes = (directory / f"home-{n}" for n in count())
    standalone = ["-m", "dataflow", "standalone", "_fleet.flows.ChainOfActivities", "-i", "1"]

    def seconds(arguments: Sequence[str]) -> float:
        began = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, *arguments],
            env=environment(next(homes)),
            cwd=HERE,
            check=True,
            capture_output=True,
        )
        return time.perf_counter() - began

    measured = figures.in_turn(
        {
            "floor": lambda: seconds(["-c", _FLOOR]),
            "process": lambda: seconds(standalone),
            "inline": lambda: seconds([*standalone, "--isolation", "inline"]),
        }
    )
    floor = measured["floor"]
    for isolation in ("process", "inline"):
        ours = measured[isolation]
        figures.line(
            f"--isolation {isolation}",
            f"{figures.median(ours):.2f} s   floor (imports alone) {figures.median(floor):.2f} s   "
            + figures.ratio(ours, floor),
        )
    figures.at_most(figures.median(measured["process"]), WANTED_SECONDS, "s", 2)
