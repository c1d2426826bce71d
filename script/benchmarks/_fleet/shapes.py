"""Three shapes of work: a chain, a fan-out, many workflows of a few steps."""

from __future__ import annotations

import json
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from _engine import figures
from _engine.bare import Rows
from _fleet.flows import DOMAIN, TASK_LIST, ChainOfActivities, FanOut
from _fleet.places import Place
from _fleet.processes import Meter, Processes

from dataflow import Workflow
from dataflow.process.client import Client, Start
from dataflow.process.definitions import type_of
from dataflow.protocol import events as ev
from dataflow.protocol.values import WorkflowExecution

CHAIN, FAN_OUT, MANY, STEPS = 1_000, 5_000, 1_000, 3
FEWEST = 20
#: Steps a second that the project means to reach on a quiet machine of two cores.
WANTED = {
    "standalone": {"chain": 1_500, "fan-out": 4_000, "many": 2_500},
    "fleet": {"chain": 500, "fan-out": 1_500, "many": 1_200},
}
#: A decision of the last tenth of a chain, against one of the first.
GROWTH = 1.3
#: Percent of a processor that a fleet without work may use.
IDLE = 1.0
IDLE_SECONDS = 10
_FLOOR_SECONDS = 0.5
_PATIENCE = 600
#: Executions of whose histories the times of activities are taken.
_SAMPLED = 200


class Bench:
    """Starts executions in a place, waits for them, and tells what they cost."""

    def __init__(self, place: Place, rows: Rows, scale: float) -> None:
        """``rows``: the floor. ``scale``: of the numbers above."""
        self._place = place
        self._rows = rows
        self._scale = scale
        self._client = Client(place.connection, DOMAIN)
        self._processes = Processes(place.processes)
        self._started = 0

    def run(self) -> None:
        self._wait([self._start(ChainOfActivities, FEWEST)])  # imports, registers, warms up
        chain = self._size(CHAIN)
        meter = Meter(self._processes.pids(self._place.decider))
        meter.start()
        (execution,) = self._measure(
            "chain", chain, lambda: [self._start(ChainOfActivities, chain)]
        )
        meter.stop()
        self._tell_growth(meter, self._client.history(execution))
        wide = self._size(FAN_OUT)
        self._measure("fan-out", wide, lambda: [self._start(FanOut, wide)])
        many = self._size(MANY)
        self._measure(
            "many",
            many * STEPS,
            lambda: [self._start(ChainOfActivities, STEPS) for _ in range(many)],
        )
        self._tell_idleness()

    def _size(self, number: int) -> int:
        return max(FEWEST, round(number * self._scale))

    # --- executions -----------------------------------------------------------------------

    def _start(self, definition: type[Workflow], n: int) -> WorkflowExecution:
        self._started += 1
        return self._client.start(
            Start(
                workflow_type=type_of(definition),
                workflow_id=f"{definition.__name__}-{self._started}",
                task_list=TASK_LIST,
                input=json.dumps({"args": [n], "kwargs": {}}),
                decision_tasks_timeout=60,
                execution_timeout=_PATIENCE,
            )
        )

    def _wait(self, executions: Sequence[WorkflowExecution]) -> None:
        ended = self._client.wait(executions[-1], threading.Event(), longest_pause=0.05)
        assert ended is not None
        assert ended.status == "COMPLETED", ended
        while self._open():
            time.sleep(0.02)

    def _open(self) -> int:
        answer = self._place.connection.service.count_open_workflow_executions(
            domain=DOMAIN, startTimeFilter={"oldestDate": 0}
        )
        return int(answer["count"])

    # --- what they cost -------------------------------------------------------------------

    def _measure(
        self, shape: str, steps: int, start: Callable[[], list[WorkflowExecution]]
    ) -> list[WorkflowExecution]:
        floors = [self._floors()]
        used, read = self._processes.used(), self._place.read()
        began = time.perf_counter()
        executions = start()
        self._wait(executions)
        rate = steps / (time.perf_counter() - began)
        used = {what: after - used[what] for what, after in self._processes.used().items()}
        now = self._place.read()
        floors.append(self._floors())
        figures.title(f"{self._place.name}, {shape}: {steps:,} activities")
        figures.line("activities", f"{rate:,.0f}/s")
        for what in floors[0]:
            floor = statistics.mean(each[what] for each in floors)
            figures.line(f"  floor: bare {what}", f"{floor:,.0f}/s   ratio {rate / floor:.2f}")
        figures.line("CPU of each, us", _told(used, 1e6 / steps))
        decisions = now.decisions - read.decisions
        figures.line(
            "history read by each decision",
            f"{(now.bytes - read.bytes) / max(1, decisions):,.0f} bytes ({decisions:,} decisions)",
        )
        figures.line("from schedule to completion", self._waits(executions))
        figures.line("resident memory, MB", _told(self._processes.megabytes(), 1))
        wanted = WANTED[self._place.name][shape]
        if self._scale >= 1:  # less work is over before it is under way
            figures.verdict(f"{rate:,.0f} activities/s; wanted {wanted:,}", kept=rate >= wanted)
        return executions

    def _floors(self) -> dict[str, float]:
        """What could be done how often a second, just now."""
        others = {what: measure() for what, measure in self._place.floors.items()}
        return {"commits": self._rows.rate(_FLOOR_SECONDS), **others}

    def _waits(self, executions: Iterable[WorkflowExecution]) -> str:
        waits = []
        for execution in list(executions)[:_SAMPLED]:
            events = self._client.history(execution)
            for event in events:
                if isinstance(event.attributes, ev.ActivityTaskCompleted):
                    scheduled = events[event.attributes.scheduled_event_id - 1]
                    waits.append((event.timestamp - scheduled.timestamp) * 1e3)
        p50, p99 = (figures.percentile(waits, percent) for percent in (50, 99))
        return f"p50 {p50:,.0f} ms   p99 {p99:,.0f} ms"

    def _tell_growth(self, meter: Meter, history: Sequence[ev.Event]) -> None:
        ends = [e.timestamp for e in history if isinstance(e.attributes, ev.DecisionTaskCompleted)]
        tenth = max(1, len(ends) // 10)
        first = meter.used_until(ends[tenth]) - meter.used_until(ends[0])
        last = meter.used_until(ends[-1]) - meter.used_until(ends[-1 - tenth])
        growth = last / first
        who = self._place.decider
        figures.verdict(
            f"CPU of each decision ({who}): {1e6 * first / tenth:.0f} us in the first tenth, "
            f"{1e6 * last / tenth:.0f} in the last: {growth:.2f}; wanted {GROWTH}",
            kept=growth <= GROWTH,
        )

    def _tell_idleness(self) -> None:
        seconds = max(2.0, IDLE_SECONDS * self._scale)
        before = self._processes.used()
        time.sleep(seconds)
        used = {
            what: 100 * (after - before[what]) / seconds
            for what, after in self._processes.used().items()
        }
        figures.title(f"{self._place.name}, idle for {seconds:.0f} s")
        total = sum(used.values())
        figures.line("CPU, percent", "  ".join(f"{what} {used[what]:.2f}" for what in used))
        figures.verdict(f"{total:.2f} % CPU; wanted {IDLE:g}", kept=total < IDLE)


def _told(numbers: dict[str, float], factor: float) -> str:
    return "   ".join(f"{what} {number * factor:,.0f}" for what, number in numbers.items())


def run(place: Place, directory: Path, scale: float) -> None:
    rows = Rows(directory / "bare.db")
    Bench(place, rows, scale).run()
    rows.close()
