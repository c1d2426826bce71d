"""Local runs beside their floor, a bare ThreadPoolExecutor that calls the same functions.

    ./script/bench local [N]

Both are measured in this process, in turn, several times; the medians are printed. How fast threads
wake each other differs between machines and from one moment to the next, so the ratio is what
counts, and the spread is printed with it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from dataflow import Workflow, activity
from dataflow.process.local import Outcome, local_run
from dataflow.process.threads import default_size

ROUNDS = 7
#: What the project means to keep to.
FLOOR_RATIO, GROWTH, FRESH_SECONDS = 1 / 3, 1.3, 0.4


@activity.with_attributes()
def nothing(x: int) -> int:
    return x


class ChainOfActivities(Workflow):
    """Each activity waits for the one before."""

    def run(self, n: int) -> int:
        x = 0
        for _ in range(n):
            x = self.submit(nothing, x).result
        return x


class FanOut(Workflow):
    """None waits for any other."""

    def run(self, n: int) -> int:
        return len([future.result for future in self.map(nothing, range(n))])


def bare_chain(pool: ThreadPoolExecutor, n: int) -> None:
    x = 0
    for _ in range(n):
        x = pool.submit(nothing.callable, x).result()


def bare_fan_out(pool: ThreadPoolExecutor, n: int) -> None:
    for future in [pool.submit(nothing.callable, i) for i in range(n)]:
        future.result()


def rate(n: int, work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return n / (time.perf_counter() - start)


def growth(outcome: Outcome) -> float:
    """What an activity of the last tenth costs, against one of the first."""
    ends = [e.timestamp for e in outcome.history if e.event_type == "ActivityTaskCompleted"]
    tenth = len(ends) // 10
    return (ends[-1] - ends[-tenth]) / (ends[tenth - 1] - ends[0])


def compare(
    definition: type[Workflow], bare: Callable[[ThreadPoolExecutor, int], None], n: int
) -> None:
    floors, rates, growths = [], [], []
    outcomes: list[Outcome] = []
    for _ in range(ROUNDS):
        with ThreadPoolExecutor(default_size()) as pool:
            bare(pool, 100)
            floors.append(rate(n, lambda pool=pool: bare(pool, n)))  # type: ignore[misc]
        run = local_run(definition, json.dumps([n]))
        rates.append(rate(n, lambda run=run: outcomes.append(run.run())))  # type: ignore[misc]
        growths.append(growth(outcomes.pop()))
    ratios = sorted(ours / floor for ours, floor in zip(rates, floors, strict=True))
    print(
        f"{definition.__name__:20} {statistics.median(rates):8.0f}/s"
        f"   floor {statistics.median(floors):8.0f}/s"
        f"   ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f},"
        f" wanted {FLOOR_RATIO:.2f})"
        f"   last tenth / first {statistics.median(growths):.2f} (wanted {GROWTH})"
    )


def fresh_process() -> None:
    """One activity in a new process, from start to exit."""
    command = [
        *(sys.executable, "-m", "dataflow", "workflow.start", "--local"),
        *("examples.fan_out.FanOut", "--input", "1"),
    ]
    seconds, bare = [], []
    for _ in range(ROUNDS):
        for times, argv in ((seconds, command), (bare, [sys.executable, "-c", "pass"])):
            start = time.perf_counter()
            subprocess.run(argv, check=True, capture_output=True)  # noqa: S603 - our own command
            times.append(time.perf_counter() - start)
    print(
        f"{'fresh process':20} {statistics.median(seconds):8.3f} s"
        f"   floor {statistics.median(bare):.3f} s (a bare Python)   wanted {FRESH_SECONDS} s"
    )


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    print(f"{n} activities that do nothing, {default_size()} threads, median of {ROUNDS} rounds")
    compare(ChainOfActivities, bare_chain, n)
    compare(FanOut, bare_fan_out, n)
    fresh_process()


if __name__ == "__main__":
    main()
