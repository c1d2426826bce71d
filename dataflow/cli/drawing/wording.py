"""What is written in pictures, whatever they are drawn with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo

from dataflow.cli.drawing.palette import STYLES, Look, look
from dataflow.cli.drawing.scale import date_and_time, duration
from dataflow.inspection.fields import line
from dataflow.inspection.graph import Node
from dataflow.inspection.tasks import State
from dataflow.inspection.timeline import Row, Timeline


def summary(chart: Timeline, zone: tzinfo | None) -> Sequence[str]:
    """What became of the execution, in a few words each."""
    version = f" {chart.workflow_version}" if chart.workflow_version else ""
    verb = "open for" if chart.status == "OPEN" else f"{_words(chart.status)} after"
    return [
        line(f"{chart.workflow_name}{version}"),
        f"{verb} {duration(chart.end - chart.begin)}",
        _tasks(chart),
        f"began {date_and_time(chart.begin, zone)}",
    ]


def _tasks(chart: Timeline) -> str:
    count = len(chart.rows)
    told = f"{count:,} task{'' if count == 1 else 's'}"
    counts = Counter(
        "waiting" if row.is_backing_off else look(row.state, row.kind) for row in chart.rows
    )
    if counts["completed"] + counts["timer"] == count:
        return told
    return f"{told}: " + ", ".join(
        f"{counts[name]:,} {style.word}" for name, style in STYLES.items() if counts[name]
    )


def behind(row: Row) -> str:
    """What is written behind the last bar of a task."""
    if row.kind in {"marker", "signal"}:
        return row.kind
    took = "" if row.running is None else duration(row.running)
    tries = f"{row.attempts} attempts" if row.attempts > 1 and row.kind != "timer" else ""
    return " · ".join(filter(None, (took, tries))) or in_state(row.state)


# --- graphs --------------------------------------------------------------------------------


def node_looks(node: Node) -> Sequence[tuple[Look, int]]:
    """How the tasks of a node look, and how many look so, in the order of the legend."""
    counts: Counter[Look] = Counter()
    for state, count in node.states.items():
        counts[look(state, node.kind)] += count
    return [(name, counts[name]) for name in STYLES if counts[name]]


def node_look(node: Node) -> Look:
    """How a node looks as a whole: as what one should know first of its tasks."""
    looks = {name for name, _ in node_looks(node)}
    order: tuple[Look, ...] = ("failed", "timed_out", "running", "waiting", "canceled", "timer")
    return next((name for name in order if name in looks), "completed")


def node_heading(node: Node) -> str:
    """What a node is called."""
    many = f" \N{MULTIPLICATION SIGN}{len(node.task_ids):,}" if len(node.task_ids) > 1 else ""
    return line(f"{node.label}{many}")


def node_told(node: Node) -> Sequence[str]:
    """What became of a node, in a few words each."""
    count = len(node.task_ids)
    kind = "" if node.kind in {"activity", "timer"} else node.kind
    # A timer that is started again is no retry.
    retries = 0 if node.kind == "timer" else node.attempts - count
    if count > 1:
        states = ", ".join(f"{n:,} {STYLES[name].word}" for name, n in node_looks(node))
        tries = f"{retries:,} retries" if retries > 1 else "1 retry" if retries else ""
        return [*filter(None, (kind, states, tries, "in turn" if node.in_turn else ""))]
    took = "" if node.running is None else duration(node.running)
    tries = f"{retries + 1} attempts" if retries else ""
    return [*filter(None, (kind, in_state(next(iter(node.states))), took, tries))]


def in_state(state: State) -> str:
    """A state in words: those of the legend, where these say as much."""
    if state in {"scheduled", "started"}:
        return STYLES[look(state)].word
    return _words(state)


def _words(name: str) -> str:
    return name.lower().replace("_", " ")
