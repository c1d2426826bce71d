"""Operations in this process, one caller, beside what no engine can do without.

The floor reads the request with msgspec, writes and reads the answer as JSON, and commits one row
of 300 bytes, in memory or on a file, for each commit that the operation has to wait for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from _engine import figures
from _engine.bare import Rows
from _engine.subject import DATA, DOMAIN, Client, in_process

from dataflow.engine import Engine
from dataflow.protocol.operations import OPERATIONS

#: Decisions in one answer.
_MOST_DECISIONS = 100


class Step(NamedTuple):
    """A request as the floor has it."""

    operation: str
    request: dict[str, Any]
    answer: Any
    commits: int


class Case(NamedTuple):
    """What is measured."""

    name: str
    n: int
    work: Callable[[], object]
    steps: list[Step]
    #: Comes before each round, and is not measured.
    prepare: Callable[[], object] = lambda: None


class Subject:
    """An engine with something to ask about."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._ids = count()
        client = self._client = Client(in_process(engine))
        client.register()
        self._named = client.start("subject")
        client.decide(client.schedule("held"))
        self._task = client.activity_task()

    def cases(self) -> Iterator[Case]:
        """The operations."""
        engine, start = self._engine, self._client.starting
        execution = {"domain": DOMAIN, "execution": self._named}
        described = engine.describe_workflow_execution(**execution)
        answer = msgspec.to_builtins({**described, "latestActivityTaskTimestamp": 0.0})
        yield Case(
            "describe",
            2_000,
            lambda: engine.describe_workflow_execution(**execution),
            [Step("DescribeWorkflowExecution", execution, answer, 0)],
        )
        yield Case(
            "start",
            300,
            lambda: engine.start_workflow_execution(**start(f"run-{next(self._ids)}")),
            [Step("StartWorkflowExecution", start("run-0"), {"runId": "0" * 32}, 1)],
        )
        news = {"domain": DOMAIN, **self._named, "signalName": "news", "input": DATA}
        yield Case(
            "signal",
            300,
            lambda: engine.signal_workflow_execution(**news),
            [Step("SignalWorkflowExecution", news, None, 1)],
        )
        beat = {"taskToken": self._task["taskToken"], "details": DATA}
        yield Case(
            "heartbeat",
            2_000,
            lambda: engine.record_activity_task_heartbeat(**beat),
            [Step("RecordActivityTaskHeartbeat", beat, {"cancelRequested": False}, 0)],
        )
        yield self._perform()

    def _perform(self) -> Case:
        tasks = Client(in_process(self._engine), "tasks")
        n = 2 * _MOST_DECISIONS

        def stock_up() -> None:
            """Have the tasks of a round wait."""
            for _ in range(0, n, _MOST_DECISIONS):
                tasks.start(f"run-{next(self._ids)}")
                tasks.decide(*(tasks.schedule(str(k)) for k in range(_MOST_DECISIONS)))

        poll = {"domain": DOMAIN, "taskList": tasks.task_list}
        done = {"taskToken": self._task["taskToken"], "result": DATA}
        task = {**self._task, "ResponseMetadata": None}
        return Case(
            "activity poll + respond",
            n,
            lambda: tasks.complete(tasks.activity_task()),
            [
                Step("PollForActivityTask", poll, task, 1),
                Step("RespondActivityTaskCompleted", done, None, 1),
            ],
            stock_up,
        )


def _floor(rows: Rows, steps: list[Step]) -> None:
    for step in steps:
        msgspec.convert(step.request, OPERATIONS[step.operation])
        for _ in range(step.commits):
            rows.commit()
        msgspec.json.decode(msgspec.json.encode(step.answer))


def run(directory: Path) -> None:
    figures.title(
        f"In process, one caller: operations/s, medians of {figures.ROUNDS} rounds;"
        " floor: msgspec, and bare SQLite commits"
    )
    for place, path, bare in (
        ("memory", ":memory:", ":memory:"),
        ("file", directory / "engine.db", directory / "bare.db"),
    ):
        rows = Rows(bare)
        with Engine(path) as engine:
            for case in Subject(engine).cases():
                _compare(f"{place:6} {case.name}", case, rows)
        rows.close()


def _compare(name: str, case: Case, rows: Rows) -> None:
    def ours() -> float:
        case.prepare()
        return figures.per_second(case.n, case.work)

    def floor() -> float:
        return figures.per_second(case.n, lambda: _floor(rows, case.steps))

    measured = figures.in_turn({"ours": ours, "floor": floor})
    figures.rates(name, measured["ours"], measured["floor"])
