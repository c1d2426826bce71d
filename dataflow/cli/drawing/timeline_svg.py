"""A timeline as one SVG file: thin bars for waiting, thick ones for running, dots for back-offs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import tzinfo

from dataflow.cli.drawing import svg
from dataflow.cli.drawing.palette import SIGNED, STYLES, Look, look
from dataflow.cli.drawing.scale import clock, duration, ticks
from dataflow.cli.drawing.svg import MARGIN
from dataflow.cli.drawing.texts import markup, shorten, text_width
from dataflow.cli.drawing.wording import behind, in_state, summary
from dataflow.inspection.fields import line
from dataflow.inspection.timeline import Row, Span, Timeline

_WIDTH = 1000.0
#: Between the names and the chart.
_GAP = 18.0
#: Right of the chart, for what is written behind the last bar.
_BEHIND = 118.0
_NAME_SIZE, _NAME_COLUMNS = 12.0, 34
_SMALL, _SMALLER = 11.0, 10.0
#: Of the legend.
_SAMPLE = 20.0
_HEADER = 92.0
_AXIS = 38.0
_ROW, _DENSE_ROW = 24.0, 17.0
#: From this many rows on they are dense.
_MANY = 150
#: Rows after which the axis is repeated below.
_LONG = 25
_MOST_TICKS = 9
#: What is written at a mark that is so near to the end would run into "now".
_NEAR_NOW = 48.0
_THIN, _TIMER, _THICK = 4.0, 6.0, 14.0
#: A bar is at least this wide, however short its time.
_LEAST = 2.5
#: A bar that is wide enough for a sign.
_SIGNED = 10.0

_CSS = (
    ".dots{stroke-dasharray:.1 5;stroke-width:2.6;stroke-linecap:round}"
    ".open{stroke-dasharray:3 3}"
    f".name{{font-family:{svg.MONO};font-size:{_NAME_SIZE:.0f}px}}"
)


def draw(chart: Timeline, title: str, zone: tzinfo | None) -> str:
    """The picture; ``title``: which execution it is. ``zone``: of the times, None for local."""
    return _Picture(chart, zone).draw(line(title))


class _Picture:
    def __init__(self, chart: Timeline, zone: tzinfo | None) -> None:
        self._chart = chart
        self._zone = zone
        self._names = [shorten(line(row.label), _NAME_COLUMNS) for row in chart.rows]
        widest = max(map(text_width, self._names), default=0)
        self._left = MARGIN + widest * _NAME_SIZE * svg.MONO_WIDTH + _GAP
        self._right = _WIDTH - MARGIN - _BEHIND
        self._length = max(chart.end - chart.begin, 1e-3)
        self._row = _DENSE_ROW if len(chart.rows) > _MANY else _ROW
        self._top = _HEADER + _AXIS
        self._bottom = self._top + self._row * len(chart.rows)

    def draw(self, title: str) -> str:
        is_long = len(self._chart.rows) > _LONG
        height = self._bottom + (_AXIS if is_long else 0) + MARGIN * 0.7
        body = [
            *self._header(title),
            *self._stripes(),
            *self._axis(below=is_long),
            *(
                part
                for index, row in enumerate(self._chart.rows)
                for part in self._task(index, row)
            ),
        ]
        return svg.document(_WIDTH, height, f"Timeline of {title}", body, _CSS)

    def _x(self, at: float) -> float:
        share = (at - self._chart.begin) / self._length
        return self._left + min(max(share, 0), 1) * (self._right - self._left)

    # --- around the chart ------------------------------------------------------------------

    def _header(self, title: str) -> Iterator[str]:
        # The axis tells when it began, too.
        told = [*summary(self._chart, self._zone)]
        room = _WIDTH - 2 * MARGIN
        while len(told) > 1 and svg.sans_width(" · ".join(told), svg.SUMMARY_SIZE) > room:
            told.pop()
        yield from svg.heading(shorten(title, 76), shorten(" · ".join(told), 140))
        x = MARGIN
        for name, word in self._legend():
            yield from _sample(x, svg.LEGEND, name)
            label, x = svg.legend(x, _SAMPLE, word)
            yield label

    def _legend(self) -> Sequence[tuple[Look | None, str]]:
        """What there is in this picture, each with its word."""
        looks: Counter[Look] = Counter()
        waits = backs_off = False
        for row in self._chart.rows:
            for span in row.spans:
                waits = waits or span.phase == "waiting"
                backs_off = backs_off or span.phase == "backing_off"
                if span.phase in {"running", "instant"}:
                    looks[look(span.state, row.kind)] += 1
        legend: list[tuple[Look | None, str]] = []
        if waits:
            legend.append(("waiting", "waits for a worker"))
        legend.extend((name, style.word) for name, style in STYLES.items() if looks[name])
        if backs_off:
            legend.append((None, "waits to try again"))
        return legend

    def _stripes(self) -> Iterator[str]:
        for index in range(0, len(self._chart.rows), 2):
            y = self._top + index * self._row
            yield svg.box(MARGIN - 8, y, _WIDTH - 2 * MARGIN + 16, self._row, "stripe", radius=4)

    def _axis(self, *, below: bool) -> Iterator[str]:
        is_open = self._chart.status == "OPEN"
        marks = ticks(self._length, _MOST_TICKS)
        step = marks[1].at - marks[0].at if len(marks) > 1 else self._length
        for mark in marks:
            at = self._chart.begin + mark.at
            x = self._x(at)
            yield svg.line(x, self._top, x, self._bottom, "line-line")
            if is_open and x > self._right - _NEAR_NOW:
                continue
            for y in (self._top - 20, self._bottom + 18) if below else (self._top - 20,):
                yield svg.text(x, y, mark.elapsed, "ink num", size=_SMALL, more=_MIDDLE)
                told = clock(at, self._zone, step=step)
                yield svg.text(x, y + 13, told, "muted num", size=_SMALLER, more=_MIDDLE)
        if is_open:
            x = self._right
            yield svg.line(x, self._top - 6, x, self._bottom, "running-line open")
            yield svg.text(x, self._top - 20, "now", "running strong", size=_SMALL, more=_MIDDLE)

    # --- a task ----------------------------------------------------------------------------

    def _task(self, index: int, row: Row) -> Iterator[str]:
        y = self._top + (index + 0.5) * self._row
        yield f"<g><title>{markup(_tooltip(row))}</title>"
        yield svg.text(MARGIN, y + 4, self._names[index], "ink name")
        for span in row.spans:
            yield from self._span(row, span, y)
        end = max(self._x(span.end) for span in row.spans)
        least = self._x(row.spans[-1].begin) + _LEAST
        yield svg.text(max(end, least) + 7, y + 4, behind(row), "muted num", size=_SMALL)
        yield "</g>"

    def _span(self, row: Row, span: Span, y: float) -> Iterator[str]:
        x, end = self._x(span.begin), self._x(span.end)
        name = look(span.state, row.kind)
        if span.phase == "waiting":
            if end - x >= 1:
                yield svg.box(x, y - _THIN / 2, end - x, _THIN, "waiting", radius=_THIN / 2)
        elif span.phase == "backing_off":
            if end - x > 8:  # noqa: PLR2004 - room for a dot
                yield svg.line(x + 5, y, end - 3, y, "muted-line dots")
        elif span.phase == "instant":
            yield f'<path class="{name}" d="M{svg.number(x)} {svg.number(y - 6)}l6 6l-6 6l-6-6Z"/>'
        elif name == "timer":
            yield svg.box(x, y - _TIMER / 2, max(end - x, _LEAST), _TIMER, "timer", radius=3)
        else:
            height = min(_THICK, self._row - 5)
            yield svg.box(x, y - height / 2, max(end - x, _LEAST), height, name, radius=3)
            if end - x >= _SIGNED and name in SIGNED:
                yield svg.sign(max(end - 8, (x + end) / 2), y, name)


_MIDDLE = ' text-anchor="middle"'


def _sample(x: float, y: float, name: Look | None) -> Iterator[str]:
    """A bar of the legend; None: a back-off."""
    if name is None:
        yield svg.line(x + 2, y, x + _SAMPLE, y, "muted-line dots")
        return
    high = {"waiting": _THIN, "timer": _TIMER}.get(name, _THICK - 2)
    yield svg.box(x, y - high / 2, _SAMPLE, high, name, radius=min(3, high / 2))
    if name in SIGNED:
        yield svg.sign(x + _SAMPLE / 2, y, name)


def _tooltip(row: Row) -> str:
    parts = [
        f"{row.task_id}: {in_state(row.state)}",
        f"waited {duration(row.waiting)}",
        "" if row.running is None else f"ran {duration(row.running)}",
        f"{row.attempts} attempts" if row.attempts > 1 else "",
        row.reason or "",
    ]
    return ", ".join(filter(None, parts))
