"""Deciders and workers on the embedded engine, beside their floors, such as bare SQLite commits.

    ./script/bench fleet [--scale FACTOR] [standalone|fleet|replay|fresh] ...

``standalone`` has all in one process, with inline workers; ``fleet`` a server, a decider process,
and two worker processes with warm children. In both: a chain of activities that do nothing, a
fan-out, many workflows of three steps, and then nothing. ``replay`` is a cold one of 25,000 events,
``fresh`` a whole ``dataflow standalone``. Durability is full: every step is on disk before the next
begins. With ``--scale 0.05`` there is a twentieth of the work, for a look whether all goes well.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from _fleet import fresh, places, replaying, shapes


def _in(
    place: Callable[[Path], AbstractContextManager[places.Place]],
) -> Callable[[Path, float], None]:
    def measure(directory: Path, scale: float) -> None:
        with place(directory) as it:
            shapes.run(it, directory, scale)

    return measure


SECTIONS: dict[str, Callable[[Path, float], None]] = {
    "standalone": _in(places.standalone),
    "fleet": _in(places.fleet),
    "replay": lambda _, scale: replaying.run(scale),
    "fresh": lambda directory, _: fresh.run(directory),
}


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind
    parser = argparse.ArgumentParser(prog="script/bench fleet")
    parser.add_argument("--scale", type=float, default=1.0, metavar="FACTOR")
    parser.add_argument("sections", nargs="*", metavar="|".join(SECTIONS))
    options = parser.parse_args()
    for name in options.sections:
        if name not in SECTIONS:
            parser.error(f"there is no section {name}: choose among {', '.join(SECTIONS)}")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{os.cpu_count()} processors, load {load} (1, 5, 15 minutes), scale {options.scale:g}")
    for name in options.sections or SECTIONS:
        # On the disk of this checkout: what is in memory, as /tmp may be, says nothing of a disk.
        with tempfile.TemporaryDirectory(prefix="dataflow-", dir=places.ROOT) as directory:
            SECTIONS[name](Path(directory), options.scale)


if __name__ == "__main__":
    main()
