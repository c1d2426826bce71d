"""A timeline as one HTML file that needs nothing else: a page that can be opened, mailed and kept.

The page is in ``page/``; what is drawn goes into it as JSON. It loads nothing, and its policy says
so to the browser. Names of users reach it as JSON alone, and the script makes text nodes of them.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, tzinfo
from importlib.resources import files
from typing import Any

from dataflow.cli.drawing.palette import PAPER, SIGNED, STYLES, look
from dataflow.cli.drawing.texts import markup, text_width
from dataflow.cli.drawing.wording import behind, in_state, summary
from dataflow.inspection.fields import line
from dataflow.inspection.timeline import Row, Timeline

#: One block of code, in this order.
_SCRIPTS = ("words.js", "view.js", "chart.js", "overview.js", "details.js", "control.js")
_MARKER = re.compile(r"\{\{(\w+)\}\}")
#: Of the column of names, in pixels.
_LEAST_NAMES, _MOST_NAMES, _NAME_COLUMN, _NAME_PADDING = 210, 340, 7.3, 40
#: Decimals of a millisecond.
_DIGITS = 1


def draw(chart: Timeline, title: str, zone: tzinfo | None) -> str:
    """The page; ``zone``: UTC, else times are shown as the clock of the reader says."""
    parts = {
        "title": markup(title),
        "summary": markup(" · ".join(summary(chart, zone))),
        "css": _colours(chart) + _read("timeline.css"),
        "js": "\n".join(map(_read, _SCRIPTS)),
        "data": _as_json(_data(chart, utc=zone is UTC)),
    }
    # In one pass: what looks like a marker in somebody's title is none.
    return _MARKER.sub(lambda match: parts[match[1]], _read("timeline.html"))


def _read(name: str) -> str:
    return (files(__package__) / "page" / name).read_text(encoding="utf-8")


def _as_json(data: Any) -> str:
    """JSON that ends no script element, whatever is in it."""
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def _colours(chart: Timeline) -> str:
    widest = max((text_width(row.label) for row in chart.rows), default=0)
    names = min(max(widest * _NAME_COLUMN + _NAME_PADDING, _LEAST_NAMES), _MOST_NAMES)
    light, dark = (
        "".join(
            f"--{name}: {colour}; "
            for name, colour in (
                *((name, pair[n]) for name, pair in PAPER.items()),
                *((name, (style.light, style.dark)[n]) for name, style in STYLES.items()),
            )
        )
        for n in (0, 1)
    )
    return (
        f":root {{ --names: {names:.0f}px; {light}}}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}\n"
    )


def _data(chart: Timeline, *, utc: bool) -> dict[str, Any]:
    return {
        "begin": round(chart.begin * 1000, _DIGITS),
        "length": round((chart.end - chart.begin) * 1000, _DIGITS),
        "open": chart.status == "OPEN",
        "utc": utc,
        "looks": {
            name: {"word": style.word, "sign": style.sign if name in SIGNED else None}
            for name, style in STYLES.items()
        },
        "rows": [_row(row, chart.begin) for row in chart.rows],
    }


def _row(row: Row, begin: float) -> dict[str, Any]:
    return {
        "label": line(row.label),
        "id": line(row.task_id),
        "kind": row.kind,
        "name": line(row.name),
        "version": line(row.version),
        "state": in_state(row.state),
        "look": "waiting" if row.is_backing_off else look(row.state, row.kind),
        "reason": row.reason,
        "attempts": row.attempts,
        "identity": row.identity,
        "waiting": row.waiting,
        "running": row.running,
        "behind": behind(row),
        "spans": [
            [
                span.phase,
                round((span.begin - begin) * 1000, _DIGITS),
                round((span.end - begin) * 1000, _DIGITS),
                look(span.state, row.kind),
                span.attempt,
            ]
            for span in row.spans
        ],
    }
