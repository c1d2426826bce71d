"""A timeline for a terminal: one line for each task, as wide as the terminal and no wider.

What ended badly is marked by a sign at the end of its bar, so that the picture can be read without
colours; with them, a bar has the colour of its state.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from dataflow.cli.drawing.palette import STYLES, Look, look
from dataflow.cli.drawing.scale import Tick, ticks
from dataflow.cli.drawing.texts import shorten, text_width
from dataflow.cli.drawing.wording import behind, summary
from dataflow.inspection.fields import line
from dataflow.inspection.timeline import Phase, Row, Span, Timeline

#: Narrower than this, lines are broken by the terminal.
_LEAST_COLUMNS = 40
_LEAST_CHART = 16
_GAP = 2
#: Columns of the axis for a mark, and what is written there: at least.
_LEAST_MARK = 6
#: Rows after which the axis is repeated below.
_LONG = 25

_WAITING, _RUNNING, _TIMER, _BACKING_OFF, _INSTANT = "─", "█", "━", "·", "◆"
#: The last character of a bar that did not end well, or has not ended.
_ENDS: dict[Look, str] = {"failed": "✗", "timed_out": "T", "canceled": "○", "running": "▸"}
#: What is drawn over what, where a column is shared.
_LAYERS: Sequence[Phase] = ("backing_off", "waiting", "running", "instant")
#: For terminals that know ASCII alone.
_PLAIN = str.maketrans("─█━·◆✗○▸…┬", "-#=.*xo>~|")


def draw(
    chart: Timeline,
    title: str,
    zone: tzinfo | None,
    *,
    columns: int,
    colours: bool,
    plain: bool = False,
) -> str:
    """The picture, without a line end behind the last line; ``plain``: in ASCII alone."""
    picture = _Picture(chart, max(columns, _LEAST_COLUMNS), colours=colours)
    lines = [*picture.lines(line(title), zone)]
    text = "\n".join(line.rstrip() for line in lines)
    return text.translate(_PLAIN).encode("ascii", "replace").decode() if plain else text


class _Picture:
    def __init__(self, chart: Timeline, columns: int, *, colours: bool) -> None:
        self._chart = chart
        self._columns = columns
        self._colours = colours
        names = [line(row.label) for row in chart.rows]
        self._left = min(max(map(text_width, names), default=0), columns // 3)
        self._names = [shorten(name, self._left) for name in names]
        self._behind = [behind(row) for row in chart.rows]
        right = max(map(text_width, self._behind), default=0) + _GAP
        self._cells = columns - self._left - _GAP - right
        if self._cells < _LEAST_CHART:
            self._cells = columns - self._left - _GAP
            self._behind = [""] * len(names)
        self._length = max(chart.end - chart.begin, 1e-3)

    def lines(self, title: str, zone: tzinfo | None) -> Iterator[str]:
        yield shorten(title, self._columns)
        yield from _wrapped(summary(self._chart, zone), self._columns)
        yield ""
        axis = [*self._axis()]
        yield from axis
        for name, row, told in zip(self._names, self._chart.rows, self._behind, strict=True):
            padding = " " * (self._left - text_width(name) + _GAP)
            yield f"{name}{padding}{self._bar(row)}{' ' * _GAP}{told}"
        if len(self._chart.rows) > _LONG:
            yield from reversed(axis)
        yield ""
        yield self._legend()

    def _axis(self) -> Sequence[str]:
        words, rule = "", ""
        for mark in self._marks():
            at = self._cell(mark.at)
            words = words.ljust(at) + mark.elapsed
            rule = rule.ljust(at, "─") + "┬"
        margin = " " * (self._left + _GAP)
        return margin + words, margin + self._paint(rule.ljust(self._cells, "─"), "waiting")

    def _marks(self) -> Sequence[Tick]:
        """As many as there is room for."""
        for most in range(self._cells // _LEAST_MARK, 0, -1):
            marks = ticks(self._length, most)
            begins = [self._cell(mark.at) for mark in marks]
            ends = [at + len(mark.elapsed) for at, mark in zip(begins, marks, strict=True)]
            if all(end + _GAP <= at for end, at in zip(ends, begins[1:], strict=False)):
                # Nothing is below the last one's right end.
                return marks if ends[-1] <= self._columns - self._left - _GAP else marks[:-1]
        raise AssertionError("a single mark fits")

    def _cell(self, seconds: float) -> int:
        return min(int(seconds / self._length * self._cells), self._cells - 1)

    def _bar(self, row: Row) -> str:
        cells: list[tuple[str, Look | None]] = [(" ", None)] * self._cells
        for span in sorted(row.spans, key=lambda span: _LAYERS.index(span.phase)):
            begin = self._cell(span.begin - self._chart.begin)
            end = self._cell(span.end - self._chart.begin)
            sign, name = _drawn(span, row)
            cells[begin : end + 1] = [(sign, name)] * (end + 1 - begin)
            if span.phase == "running" and name in _ENDS:
                cells[end] = (_ENDS[name], name)
        return self._joined(cells)

    def _joined(self, cells: Sequence[tuple[str, Look | None]]) -> str:
        parts, begin = [], 0
        for index in range(1, len(cells) + 1):
            if index == len(cells) or cells[index][1] != cells[begin][1]:
                text = "".join(sign for sign, _ in cells[begin:index])
                parts.append(self._paint(text, cells[begin][1]))
                begin = index
        return "".join(parts)

    def _paint(self, text: str, name: Look | None) -> str:
        if not self._colours or name is None:
            return text
        return f"\x1b[{STYLES[name].terminal}m{text}\x1b[0m"

    def _legend(self) -> str:
        drawn = {_drawn(span, row): span.phase for row in self._chart.rows for span in row.spans}
        legend: list[tuple[str, str, Look]] = []
        if "waiting" in drawn.values():
            legend.append((_WAITING, "waits", "waiting"))
        for name, style in STYLES.items():
            signs = {
                sign for sign, look_ in drawn if look_ == name and drawn[sign, look_] == "running"
            }
            legend.extend((sign + _ENDS.get(name, ""), style.word, name) for sign in sorted(signs))
        if "backing_off" in drawn.values():
            legend.append((_BACKING_OFF, "waits to try again", "waiting"))
        return "  ".join(f"{self._paint(sign, name)} {word}" for sign, word, name in legend)


def _drawn(span: Span, row: Row) -> tuple[str, Look]:
    name = look(span.state, row.kind)
    match span.phase:
        case "waiting":
            return _WAITING, "waiting"
        case "backing_off":
            return _BACKING_OFF, "waiting"
        case "instant":
            return _INSTANT, name
        case "running":
            return (_TIMER if name == "timer" else _RUNNING), name


def _wrapped(parts: Sequence[str], columns: int) -> Iterator[str]:
    line = ""
    for part in parts:
        longer = f"{line} · {part}" if line else part
        if line and text_width(longer) > columns:
            yield line
            longer = part
        line = shorten(longer, columns)
    yield line
