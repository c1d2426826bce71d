"""What is written in timelines, whatever they are drawn with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import tzinfo

from dataflow.cli.drawing.palette import STYLES, look
from dataflow.cli.drawing.scale import date_and_time, duration
from dataflow.cli.drawing.texts import clean
from dataflow.inspection.timeline import Row, Timeline


def summary(chart: Timeline, zone: tzinfo | None) -> Sequence[str]:
    """What became of the execution, in a few words each."""
    version = f" {chart.workflow_version}" if chart.workflow_version else ""
    verb = "open for" if chart.status == "OPEN" else f"{words(chart.status)} after"
    return [
        clean(f"{chart.workflow_name}{version}"),
        f"{verb} {duration(chart.end - chart.begin)}",
        _tasks(chart),
        f"began {date_and_time(chart.begin, zone)}",
    ]


def _tasks(chart: Timeline) -> str:
    count = len(chart.rows)
    told = f"{count:,} task{'' if count == 1 else 's'}"
    counts = Counter("waiting" if row.is_backing_off else look(row.state) for row in chart.rows)
    if not count or counts["completed"] == count:
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
    return " · ".join(filter(None, (took, tries))) or words(row.state)


def words(name: str) -> str:
    """A state or a status as it is written in a sentence."""
    return name.lower().replace("_", " ")
