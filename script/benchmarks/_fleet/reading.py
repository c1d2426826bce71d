"""How much history deciders read: as the server counts it, or kept on its way in this process."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from _engine.wire import Connection as Wire

from dataflow.connect import Connection
from dataflow.payload.fields import Fields
from dataflow.process.polling import Poller
from dataflow.protocol import events as ev
from dataflow.protocol.service import Service

_LINE = re.compile(r"^dataflow_(response_bytes|requests)_total\{operation=\"(\w+)\".*\} (\d+)$")


class Read(NamedTuple):
    """What has been read until now."""

    decisions: int
    bytes: int


def by_server(home: Path) -> Read:
    """Bytes of all answers to deciders, with the names and tokens around the events."""
    wire = Wire(str(home / "engine.sock"))
    wire.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    text = wire.receive().decode()
    wire.close()
    counted: dict[tuple[str, str], int] = {}
    for line in text.splitlines():
        if found := _LINE.match(line):
            what, operation, number = found.groups()
            counted[what, operation] = counted.get((what, operation), 0) + int(number)
    return Read(
        counted.get(("requests", "RespondDecisionTaskCompleted"), 0),
        counted.get(("response_bytes", "PollForDecisionTask"), 0)
        + counted.get(("response_bytes", "GetWorkflowExecutionHistory"), 0),
    )


class Reads:
    """A connection that keeps the events that a decider reads; they are measured when asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pages: list[Any] = []
        self._tasks = 0

    @property
    def service(self) -> Service:
        return _Reading(self._connection.service, self._keep)  # type: ignore[return-value]

    @property
    def fields(self) -> Fields:
        return self._connection.fields

    @property
    def home(self) -> str | None:
        return self._connection.home

    @property
    def direct(self) -> Any:
        return _Reading(self._connection.direct, self._keep)

    def poller(self) -> Poller:
        return _Reading(self._connection.poller(), self._keep)  # type: ignore[return-value]

    def read(self) -> Read:
        """Bytes of the events alone, since nothing is sent."""
        return Read(self._tasks, sum(map(_length, self._pages)))

    def _keep(self, answer: Mapping[str, Any]) -> None:
        if answer.get("taskToken"):
            self._tasks += 1
        if events := answer.get("events"):
            self._pages.append(events)


def _length(events: Any) -> int:
    if isinstance(events, msgspec.Raw):
        return len(bytes(events))
    return sum(len(ev.encode(ev.from_wire(wire))) for wire in events)


class _Reading:
    """A service, a poller or an engine that calls back, of whose answers some are kept."""

    def __init__(self, inner: Any, keep: Callable[[Mapping[str, Any]], None]) -> None:
        self._inner = inner
        self._keep = keep

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def poll_for_decision_task(self, **request: Any) -> dict[str, Any]:
        return self._kept(self._inner.poll_for_decision_task(**request))

    def get_workflow_execution_history(self, **request: Any) -> dict[str, Any]:
        return self._kept(self._inner.get_workflow_execution_history(**request))

    def ask(self, method: str, request: Any, told: Callable[[Callable[[], Any]], None]) -> Any:
        if method not in {"poll_for_decision_task", "get_workflow_execution_history"}:
            return self._inner.ask(method, request, told)
        return self._inner.ask(
            method, request, lambda answered: told(lambda: self._kept(answered()))
        )

    def _kept(self, answer: Any) -> Any:
        self._keep(answer)
        return answer
