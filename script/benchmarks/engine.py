"""The engine beside its floors: bare SQLite, bare uvicorn, bare threads, bare msgspec.

    ./script/bench engine [SECTION...]

Everything is measured in turn with its floor, on the disk of this checkout (or where TMPDIR says),
and printed as medians with the spread of the ratios. What misses a target of the project is said.
Without a SECTION all are run, in less than four minutes.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from _engine import durable, http, in_process, listing, parked, recovery, wake_up

SECTIONS: dict[str, Callable[[Path], None]] = {
    "in-process": in_process.run,
    "durable": durable.run,
    "http": http.run,
    "wake-up": wake_up.run,
    "parked": parked.run,
    "recovery": recovery.run,
    "listing": listing.run,
}


def scratch() -> str | None:
    """Where temporary files go: what is in memory (/tmp often is) says nothing of a disk."""
    checkout = Path(__file__).resolve().parent
    usual = Path(tempfile.gettempdir())
    if "TMPDIR" in os.environ or usual.stat().st_dev == checkout.stat().st_dev:
        return str(usual)
    return str(checkout)


def main() -> None:
    # What was begun is ended: servers are stopped, files removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    wanted = sys.argv[1:] or list(SECTIONS)
    unknown = [name for name in wanted if name not in SECTIONS]
    if unknown:
        sys.exit(f"there is no section {unknown[0]}: choose among {', '.join(SECTIONS)}")
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{os.cpu_count()} processors, load {load} (1, 5, 15 minutes), files in {scratch()}")
    for name in wanted:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory(prefix="dataflow-", dir=scratch()) as directory:
            SECTIONS[name](Path(directory))
        print(f"  ({time.perf_counter() - start:.0f} s)")


if __name__ == "__main__":
    main()
