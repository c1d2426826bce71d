"""A cold replay: what a decider has to do that takes over an execution, the history being here."""

from __future__ import annotations

import json
import time

import msgspec
from _engine import figures
from _fleet.flows import ChainOfActivities

from dataflow.chance import SeededChance
from dataflow.process.local import local_run
from dataflow.protocol import events as ev
from dataflow.protocol.values import WorkflowExecution
from dataflow.replay.decided import Verdict
from dataflow.replay.run import Run

EVENTS = 25_000
_EVENTS_A_STEP = 6
_FEWEST = 600
WANTED_SECONDS = 1.0


def run(scale: float) -> None:
    wanted = max(_FEWEST, round(EVENTS * scale))
    steps = wanted // _EVENTS_A_STEP
    history = local_run(ChainOfActivities, json.dumps([steps])).run().history
    # Up to the start of the last decision task, which is what a decider sees.
    last = max(
        n for n, event in enumerate(history) if isinstance(event.attributes, ev.DecisionTaskStarted)
    )
    bodies = [bytes(ev.encode(event)) for event in history[: last + 1]]
    figures.title(f"Cold replay of {len(bodies):,} events")
    decode = msgspec.json.Decoder().decode

    def floor() -> float:
        began = time.perf_counter()
        for body in bodies:
            decode(body)
        return time.perf_counter() - began

    def cold() -> float:
        began = time.perf_counter()
        execution = WorkflowExecution("cold", "run")
        replayed = Run(ChainOfActivities, execution, chance=SeededChance(), domain="local")
        decided = replayed.advance([ev.decode(body) for body in bodies])
        taken = time.perf_counter() - began
        assert decided.verdict is Verdict.CLOSING, decided
        replayed.drop()
        return taken

    measured = figures.in_turn({"floor": floor, "cold": cold})
    seconds = figures.median(measured["cold"])
    figures.line(
        "decoded and replayed in",
        f"{seconds:.3f} s   floor (JSON alone) {figures.median(measured['floor']):.3f} s   "
        + figures.ratio(measured["cold"], measured["floor"]),
    )
    figures.at_most(seconds * EVENTS / len(bodies), WANTED_SECONDS, f"s for {EVENTS:,} events", 2)
