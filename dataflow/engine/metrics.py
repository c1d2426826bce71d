"""What the engine counts and measures, as text for Prometheus (exposition format 0.0.4).

Two kinds of numbers. What happens is counted as it happens: `Counter` and `Histogram`, cheap enough
for every request (well under a microsecond) and safe from any thread. What is, is asked for when
somebody looks: the service's `Gauges`.

Nothing here grows with what clients send: a family holds at most ``MOST_SERIES`` combinations of
labels, and what is beyond them is counted together as ``(other)``.
"""

from __future__ import annotations

import os
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"

#: Combinations of labels in one family.
MOST_SERIES = 1_000
OTHER = "(other)"

#: Upper bounds, in seconds: from an operation in memory to a disk in trouble.
SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
#: Upper bounds, in events: a group commit takes what is waiting.
EVENTS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 5_000)

_ESCAPES = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauges:
    """How things stand with the service at one moment."""

    open_executions: int
    #: Tasks that wait for a poller, by domain, kind and task list.
    backlog: Mapping[tuple[str, str, str], int]
    #: Polls that wait for a task, by kind.
    parked: Mapping[str, int]


class Counter:
    """Numbers that only grow, one for each combination of labels."""

    def __init__(self, name: str, told: str, labels: Sequence[str] = ()) -> None:
        self.name, self._told, self._labels = name, told, tuple(labels)
        self._lock = threading.Lock()
        self._series: dict[tuple[str, ...], float] = {}

    def add(self, *values: str, amount: float = 1) -> None:
        with self._lock:
            if values not in self._series:
                values = _admit(values, self._series)
                self._series.setdefault(values, 0)
            self._series[values] += amount

    def lines(self) -> Iterator[str]:
        with self._lock:
            series = dict(self._series)
        yield from family(self.name, "counter", self._told, self._labels, series)


class Histogram:
    """How measurements are spread, one spread for each combination of labels."""

    def __init__(
        self, name: str, told: str, bounds: Sequence[float], labels: Sequence[str] = ()
    ) -> None:
        self.name, self._told, self._labels = name, told, tuple(labels)
        self._bounds = tuple(bounds)
        self._lock = threading.Lock()
        #: Of each series how many fell below each bound, how many above all, and their sum.
        self._series: dict[tuple[str, ...], list[float]] = {}
        if not labels:  # there before anything was measured, as Prometheus wants it
            self._series[()] = self._empty()

    def observe(self, measured: float, *values: str) -> None:
        place = bisect_left(self._bounds, measured)
        with self._lock:
            spread = self._series.get(values)
            if spread is None:
                spread = self._series.setdefault(_admit(values, self._series), self._empty())
            spread[place] += 1
            spread[-1] += measured

    def _empty(self) -> list[float]:
        return [0] * (len(self._bounds) + 2)

    def lines(self) -> Iterator[str]:
        with self._lock:
            series = {values: list(spread) for values, spread in self._series.items()}
        yield from _head(self.name, "histogram", self._told)
        for values, (*counts, total) in series.items():
            below = 0.0
            for bound, count in zip((*map(_number, self._bounds), "+Inf"), counts, strict=True):
                below += count
                told = _labelled((*self._labels, "le"), (*values, bound))
                yield f"{self.name}_bucket{told} {_number(below)}"
            told = _labelled(self._labels, values)
            yield f"{self.name}_sum{told} {_number(total)}"
            yield f"{self.name}_count{told} {_number(below)}"


class Metrics:
    """All that is counted in one process."""

    def __init__(self, *, version: str = "", started: float | None = None) -> None:
        """``started``: when the process began, in seconds since the epoch."""
        self._version = version
        self._started = started
        self._commit_events = Histogram(
            "dataflow_commit_events", "Events written by one commit.", EVENTS
        )
        self._commit_seconds = Histogram(
            "dataflow_commit_seconds", "How long commits took, with the disk's answer.", SECONDS
        )
        self._requests = Counter(
            "dataflow_requests_total",
            "Requests that were answered, by operation and by the code of the answer: OK or the "
            "name of a fault.",
            ("operation", "code"),
        )
        self._response_bytes = Counter(
            "dataflow_response_bytes_total",
            "Bytes of the bodies of answers: for polls of deciders, the history that they read.",
            ("operation",),
        )
        self._request_seconds = Histogram(
            "dataflow_request_seconds",
            "From a request's last byte to its answer; polls, which may wait, are not in it.",
            SECONDS,
            ("operation",),
        )

    def commit(self, events: int, seconds: float) -> None:
        """A commit has reached the disk."""
        self._commit_events.observe(events)
        self._commit_seconds.observe(seconds)

    def request(
        self, operation: str, code: str, seconds: float | None = None, length: int = 0
    ) -> None:
        """A request has its answer; ``seconds`` is left out where it could wait for long.

        ``length``: bytes of the answer's body.
        """
        self._requests.add(operation, code)
        self._response_bytes.add(operation, amount=length)
        if seconds is not None:
            self._request_seconds.observe(seconds, operation)

    def text(self, gauges: Gauges) -> str:
        """Everything, as Prometheus reads it."""
        lines = [
            *family("dataflow_info", "gauge", "The version.", ("version",), {(self._version,): 1}),
            *family(
                "dataflow_open_executions",
                "gauge",
                "Executions that are open.",
                (),
                {(): gauges.open_executions},
            ),
            *family(
                "dataflow_backlog",
                "gauge",
                "Tasks that wait for a poller.",
                ("domain", "kind", "task_list"),
                _largest(gauges.backlog),
            ),
            *family(
                "dataflow_parked_polls",
                "gauge",
                "Polls that wait for a task.",
                ("kind",),
                {(kind,): number for kind, number in gauges.parked.items()},
            ),
            *self._requests.lines(),
            *self._response_bytes.lines(),
            *self._request_seconds.lines(),
            *self._commit_events.lines(),
            *self._commit_seconds.lines(),
            *self._process(),
        ]
        return "\n".join(lines) + "\n"

    def _process(self) -> Iterator[str]:
        if self._started is not None:
            told = "When the process began, in seconds since the epoch."
            yield from family("process_start_time_seconds", "gauge", told, (), {(): self._started})
        memory = _memory()
        if memory is not None:
            told = "Memory of the process that is in use."
            yield from family("process_resident_memory_bytes", "gauge", told, (), {(): memory})


def family(
    name: str,
    kind: str,
    told: str,
    labels: Sequence[str],
    series: Mapping[tuple[str, ...], float],
) -> Iterator[str]:
    """The lines of one family of plain numbers."""
    yield from _head(name, kind, told)
    for values, number in series.items():
        yield f"{name}{_labelled(labels, values)} {_number(number)}"


def _head(name: str, kind: str, told: str) -> Iterable[str]:
    return f"# HELP {name} {told}", f"# TYPE {name} {kind}"


def _labelled(labels: Sequence[str], values: Sequence[str]) -> str:
    pairs = ",".join(
        f'{label}="{value.translate(_ESCAPES)}"'
        for label, value in zip(labels, values, strict=True)
    )
    return f"{{{pairs}}}" if pairs else ""


def _number(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)


def _admit(values: tuple[str, ...], series: Mapping[tuple[str, ...], object]) -> tuple[str, ...]:
    """The labels under which a new series is counted."""
    return values if len(series) < MOST_SERIES else (OTHER,) * len(values)


def _largest(backlog: Mapping[tuple[str, str, str], int]) -> dict[tuple[str, ...], float]:
    """The longest task lists by name, and all others together.

    A sticky decider has a task list of its own, so their number is without bound.
    """
    ordered = sorted(backlog.items(), key=lambda entry: -entry[1])
    told: dict[tuple[str, ...], float] = dict(ordered[:MOST_SERIES])
    rest = sum(number for _, number in ordered[MOST_SERIES:])
    if rest:
        told[OTHER, OTHER, OTHER] = rest
    return told


def _memory() -> int | None:
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None  # not Linux: there it is not told, rather than told wrong
