"""Figures beside their floors: measured in turn, as medians, with the ratio of each round.

A machine is not equally fast from one moment to the next. What is measured in turn meets the same
moments, so the ratios say more than the figures; their spread says how much they are worth.
"""

from __future__ import annotations

import math
import os
import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROUNDS = 5
_NAME_WIDTH = 34

#: One measurement.
Measure = Callable[[], float]


def in_turn(measures: Mapping[str, Measure], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Measure each once, then each again, and so on."""
    measured: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            measured[name].append(measure())
    return measured


def per_second(n: int, work: Callable[[], object]) -> float:
    """How often a second ``work`` is done, if it is done ``n`` times."""
    start = time.perf_counter()
    for _ in range(n):
        work()
    return n / (time.perf_counter() - start)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


def ratio(ours: Sequence[float], floors: Sequence[float]) -> str:
    """Ours against the floor of the same round: the median, the lowest, the highest."""
    ratios = sorted(one / floor for one, floor in zip(ours, floors, strict=True))
    return f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"


def rates(name: str, ours: Sequence[float], floors: Sequence[float], note: str = "") -> None:
    """Print what is done how often a second."""
    line(
        name,
        f"{median(ours):8,.0f}/s   floor {median(floors):8,.0f}/s   {ratio(ours, floors)}{note}",
    )


def line(name: str, text: str) -> None:
    print(f"  {name:{_NAME_WIDTH}} {text}", flush=True)


def title(text: str) -> None:
    print(f"\n{text}", flush=True)


def verdict(what: str, *, kept: bool) -> None:
    """Say whether a target was kept."""
    print(f"  {'kept' if kept else 'MISSED'}: {what}", flush=True)


def at_most(value: float, wanted: float, unit: str, digits: int = 0) -> None:
    """Say whether a figure is as low as it should be."""
    if math.isnan(value):
        line("not measured", f"{unit}: there is no /proc here")
    else:
        verdict(f"{value:.{digits}f} {unit}; wanted {wanted:g}", kept=value <= wanted)


# --- processes, where there is a /proc ------------------------------------------------------


def memory(pid: int | None = None) -> float:
    """Megabytes that a process (this one) has resident."""
    return _status(pid, "VmRSS")


def most_memory() -> float:
    """Megabytes that this process had resident at most.

    Not `resource.getrusage`, which remembers the process that this one was forked from.
    """
    return _status(None, "VmHWM")


def _status(pid: int | None, name: str) -> float:
    status = _proc(pid, "status")
    if status is None:
        return math.nan
    (kilobytes,) = re.findall(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    return int(kilobytes) / 1024


def cpu_seconds(pid: int | None = None) -> float:
    """Seconds that a process (this one) has been busy, by the kernel's ticks."""
    stat = _proc(pid, "stat")
    if stat is None:
        return math.nan
    # The name in parentheses may have spaces; utime and stime are the 12th and 13th behind it.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _proc(pid: int | None, file: str) -> str | None:
    """None where there is no /proc: then figures are not numbers."""
    path = Path(f"/proc/{'self' if pid is None else pid}/{file}")
    return path.read_text() if path.exists() else None
