"""Each command that looks at executions, as a user has it: a process of its own, and a server.

    ./script/bench inspection

One execution has a history of 25,000 events, and 100,000 others have closed. Printed are medians of
whole commands, beside a command that does nothing, which is what starting Python and the command
line costs. What misses a target of the project is said.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _engine import copies, figures
from _engine.copies import Copy, Original
from _engine.subject import COMPLETE, DOMAIN, Client

from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.protocol.values import ActivityType, TaskList

_EXECUTIONS = 100_000
_EVENTS = 25_000
_ROUNDS = 5
_LONG = "long"
#: What the project means to keep to, in seconds.
_WANTED_HISTORY, _WANTED_PAGE = 1.0, 0.3
_RETENTION_SECONDS = 30 * 86_400.0

#: Commands about the long history.
_HISTORY = {
    "workflow.info": [],
    "workflow.tasks": [],
    "workflow.tasks, JSON": ["--format", "jsonl"],
    "workflow.profile": [],
    "workflow.profile, critical path": ["--critical-path"],
    "workflow.profile, totals": ["--totals"],
    "workflow.history": [],
    "workflow.history, raw": ["--output-format", "raw"],
    "workflow.history, cooked": ["--output-format", "cooked"],
    "workflow.graph": [],
    "workflow.timeline": [],
    "workflow.timeline, html": ["--format", "html"],
}
#: Commands about the many executions.
_PAGES = {
    "workflow.list": ["--status", "closed", "--limit", "1000"],
    "workflow.filter, tag": ["--status", "closed", "--tag", "half", "--limit", "1000"],
    "workflow.filter, two criteria": [
        *("--status", "failed", "--tag", "half", "--limit", "20"),
    ],
}


def main() -> None:
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"{os.cpu_count()} processors, load {load} (1, 5, 15 minutes)")
    with tempfile.TemporaryDirectory(prefix="dataflow-") as directory:
        home = Path(directory) / "home"
        home.mkdir(mode=0o700)
        file = home / "engine.db"
        copies.write(file, _copies(copies.originals(file, _bring_about)))
        _measure(home, served=False)
        with _served(home):
            _measure(home, served=True)


def _measure(home: Path, *, served: bool) -> None:
    figures.title(
        f"{'A server runs' if served else 'No server runs: the file is opened'}; a history of "
        f"{_EVENTS:,} events, {_EXECUTIONS:,} closed executions; medians of {_ROUNDS}"
    )
    figures.line("--version", f"{figures.median(_times(['--version'])):.2f} s")
    for commands, names, wanted in (
        (_HISTORY, [DOMAIN, _LONG], _WANTED_HISTORY),
        (_PAGES, [DOMAIN], _WANTED_PAGE),
    ):
        missed = []
        for name, options in commands.items():
            command = [name.partition(",")[0], "--home", str(home), *names, *options]
            seconds = figures.median(_times(command))
            figures.line(name, f"{seconds:.2f} s")
            if seconds > wanted:
                missed.append(name)
        told = f": not {', '.join(missed)}" if missed else ""
        figures.verdict(f"each takes {wanted} s at most{told}", kept=not missed)


def _times(arguments: list[str]) -> list[float]:
    def once() -> float:
        start = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "dataflow", *arguments],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        return time.perf_counter() - start

    return [once() for _ in range(_ROUNDS)]


@contextmanager
def _served(home: Path) -> Iterator[None]:
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "dataflow", "server.start", "--home", str(home)],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        while "ready" not in (said := process.stderr.readline()):
            if not said:
                raise RuntimeError("the server has not started")
        yield
    finally:
        process.terminate()
        process.communicate()


# --- the executions -------------------------------------------------------------------------


def _bring_about(client: Client) -> None:
    client.start("completed")
    client.decide(COMPLETE)
    client.start("failed")
    client.decide({"decisionType": "FailWorkflowExecution"})


def _copies(originals: list[Original]) -> Iterator[Copy]:
    completed, failed = originals
    begin = time.time() - 2 * _EXECUTIONS
    for n in range(_EXECUTIONS):
        started = begin + n
        copy = (completed if n % 10 else failed).copy(
            len(originals) + 1 + n,
            f"id-{n}",
            started=started,
            closed=started + 60,
            expires=started + _RETENTION_SECONDS,
        )
        yield copy._replace(tags=["half"] if n % 3 else [])
    events = _events(completed)
    copy = completed.copy(len(originals) + 1 + _EXECUTIONS, _LONG)
    yield copy._replace(events=[ev.encode(event) for event in events])


def _events(original: Original) -> list[Event]:
    """A map over as many items as fit, 100 to a decision, each performed as soon as it can be."""
    events = [ev.decode(body) for body in original.events[:2]]
    at = events[0].timestamp
    data = json.dumps({"args": ["x" * 60], "kwargs": {}})

    def add(attributes: ev.Attributes) -> int:
        nonlocal at
        at += 0.001
        events.append(Event(len(events) + 1, at, attributes))
        return len(events)

    def decide() -> int:
        scheduled = len(events)
        if not isinstance(events[-1].attributes, ev.DecisionTaskScheduled):
            scheduled = add(ev.DecisionTaskScheduled(task_list=TaskList("default")))
        started = add(ev.DecisionTaskStarted(scheduled_event_id=scheduled, identity="decider"))
        return add(ev.DecisionTaskCompleted(scheduled_event_id=scheduled, started_event_id=started))

    number = 0
    while len(events) + 310 < _EVENTS:
        answer = decide()
        begun = []
        for _ in range(100):
            number += 1
            begun.append(
                add(
                    ev.ActivityTaskScheduled(
                        activity_type=ActivityType("shop.step", "1"),
                        activity_id=f"activity-shop.step-{number}",
                        task_list=TaskList("default"),
                        decision_task_completed_event_id=answer,
                        input=data,
                        control=json.dumps({"inputs": [f"activity-shop.step-{number - 100}"]}),
                    )
                )
            )
        for scheduled in begun:
            started = add(ev.ActivityTaskStarted(scheduled_event_id=scheduled, identity="worker"))
            add(
                ev.ActivityTaskCompleted(
                    scheduled_event_id=scheduled, started_event_id=started, result=data
                )
            )
    answer = decide()
    add(ev.WorkflowExecutionCompleted(decision_task_completed_event_id=answer, result="1"))
    return events


if __name__ == "__main__":
    main()
