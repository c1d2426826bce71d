"""What processes use: time of the processor to the nanosecond, and memory."""

from __future__ import annotations

import sys
import threading
import time
from bisect import bisect_left
from collections.abc import Mapping
from contextlib import suppress

import psutil

_PAUSE = 0.005


class Processes:
    """Processes and their children, by what they do."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        """``roots``: process ids."""
        self._roots = {what: psutil.Process(pid) for what, pid in roots.items()}

    def pids(self, what: str) -> list[int]:
        root = self._roots[what]
        return [root.pid, *(child.pid for child in root.children(recursive=True))]

    def used(self) -> dict[str, float]:
        """Seconds of the processor until now."""
        return {what: sum(map(seconds, self.pids(what))) for what in self._roots}

    def megabytes(self) -> dict[str, float]:
        """Memory that is resident now, each page of it as often as it is shared."""
        return {
            what: sum(psutil.Process(pid).memory_info().rss for pid in self.pids(what)) / 2**20
            for what in self._roots
        }


def seconds(pid: int) -> float:
    """Seconds of the processor that a process has used; 0 for one that has ended."""
    if sys.platform == "linux":
        # clock_getcpuclockid(3), which Python does not have; `psutil` only knows ticks of 10 ms.
        with suppress(OSError):
            return time.clock_gettime((~pid << 3) | 2)
        return 0.0
    with suppress(psutil.Error):
        times = psutil.Process(pid).cpu_times()
        return float(times.user + times.system)
    return 0.0


class Meter(threading.Thread):
    """Reads the time that processes use again and again, so that one can ask for it afterwards."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__(name="meter", daemon=True)
        self._pids = pids
        self._read: list[tuple[float, float]] = []
        self._over = threading.Event()

    def run(self) -> None:
        while True:
            self._read.append((time.time(), sum(map(seconds, self._pids))))
            if self._over.wait(_PAUSE):
                return

    def stop(self) -> None:
        self._over.set()
        self.join()

    def used_until(self, when: float) -> float:
        """Seconds of the processor until a moment (of `time.time`), between two readings."""
        after = min(max(1, bisect_left(self._read, (when, 0.0))), len(self._read) - 1)
        (t0, used0), (t1, used1) = self._read[after - 1], self._read[after]
        return used0 + (used1 - used0) * min(max(0.0, (when - t0) / (t1 - t0)), 1.0)
