"""A graph as one SVG file: tasks are boxes, and time goes to the right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dataflow.cli.drawing import svg
from dataflow.cli.drawing.layout import Point, layout
from dataflow.cli.drawing.palette import STYLES, Look
from dataflow.cli.drawing.svg import MARGIN, number
from dataflow.cli.drawing.texts import markup, shorten, text_width
from dataflow.cli.drawing.wording import node_heading, node_look, node_looks, node_told
from dataflow.inspection.fields import line
from dataflow.inspection.graph import Graph, Node
from dataflow.inspection.ties import TieKind

_HEADER = 100.0
_LEAST_WIDTH = 500.0
_HEIGHT = 44.0
_NAME_SIZE, _NAME_COLUMNS = 12.5, 34
_TOLD_SIZE = 11.0
#: Left of the texts in a box: the badge.
_BADGE = 36.0
_PADDING = 14.0
_RADIUS = 7.0
#: How far the boxes behind a folded one stand out.
_BEHIND = 4.0
#: Of the legend.
_BADGE_SAMPLE, _LINE_SAMPLE = 14.0, 24.0

_EDGES: Mapping[TieKind, str] = {
    "input": "gets its result",
    "after": "comes after it",
    "next": "asked for once it had ended",
}

_CSS = (
    f".name{{font-family:{svg.MONO}}}"
    ".tie{stroke-width:1.4}"
    ".after{stroke-dasharray:6 4}.next{stroke-dasharray:.1 5;stroke-width:2;stroke-linecap:round}"
)


def draw(graph: Graph, title: str, told: Sequence[str]) -> str:
    """The picture; ``title``: which execution it is. ``told``: what became of it."""
    return _Picture(graph).draw(line(title), " · ".join(told))


class _Picture:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._index = {node.key: n for n, node in enumerate(graph.nodes)}
        self._headings = [shorten(node_heading(node), _NAME_COLUMNS) for node in graph.nodes]
        self._told = [" · ".join(node_told(node)) for node in graph.nodes]
        self._layout = layout(
            [*map(_size, graph.nodes, self._headings, self._told)],
            [(self._index[edge.source], self._index[edge.target]) for edge in graph.edges],
        )

    def draw(self, title: str, told: str) -> str:
        title, told = shorten(title, 80), shorten(told, 200)
        legend, legend_end = self._legend()
        wide = max(
            _LEAST_WIDTH,
            MARGIN + self._layout.width,
            MARGIN + svg.sans_width(title, svg.TITLE_SIZE),
            MARGIN + svg.sans_width(told, svg.SUMMARY_SIZE),
            legend_end,
        )
        body = [
            _ARROW,
            *svg.heading(title, told),
            *legend,
            f'<g transform="translate({number(MARGIN)} {number(_HEADER)})">',
            *self._edges(),
            *self._boxes(),
            "</g>",
        ]
        high = self._layout.height + _HEADER + MARGIN
        return svg.document(wide + MARGIN, high, f"Graph of {title}", body, _CSS)

    def _legend(self) -> tuple[Sequence[str], float]:
        """What there is in this picture, and where it ends."""
        x = MARGIN
        parts: list[str] = []
        drawn = {name for node in self._graph.nodes for name, _ in node_looks(node)}
        for name, style in STYLES.items():
            if name in drawn:
                parts += _badge(x + _BADGE_SAMPLE / 2, svg.LEGEND, name)
                word, x = svg.legend(x, _BADGE_SAMPLE, style.word)
                parts.append(word)
        ties = {edge.kind for edge in self._graph.edges}
        for kind, told in _EDGES.items():
            if kind in ties:
                route = f"M{number(x)} {number(svg.LEGEND)}h{number(_LINE_SAMPLE)}"
                parts.append(f'<path class="edge-line tie {kind}" d="{route}" {_END}/>')
                word, x = svg.legend(x, _LINE_SAMPLE, told)
                parts.append(word)
        return parts, x

    def _boxes(self) -> Iterator[str]:
        for node, place, wide, heading, told in zip(
            self._graph.nodes,
            self._layout.places,
            self._layout.widths,
            self._headings,
            self._told,
            strict=True,
        ):
            yield from _box(node, place, wide, heading, told)

    def _edges(self) -> Iterator[str]:
        """What lines of one box have in common is drawn once, and then the end of each."""
        longest: dict[tuple[int, TieKind], int] = {}
        for edge, leave in zip(self._graph.edges, self._layout.leaves, strict=True):
            source = self._index[edge.source]
            longest[source, edge.kind] = max(leave, longest.get((source, edge.kind), 0))
            end = _curve(
                [self._layout.trunks[source][leave], self._layout.places[self._index[edge.target]]]
            )
            yield f'<path class="edge-line tie {edge.kind}" d="{end}" {_END}/>'
        for (source, kind), leave in longest.items():
            if leave:
                trunk = _curve(self._layout.trunks[source][: leave + 1])
                yield f'<path class="edge-line tie {kind}" d="{trunk}"/>'


#: The head of an arrow.
_ARROW = (
    '<defs><marker id="head" viewBox="0 0 8 8" refX="7.5" refY="4" markerWidth="8" '
    'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
    '<path class="edge" d="M0 .5L8 4L0 7.5Z"/></marker></defs>'
)
_END = 'marker-end="url(#head)"'


def _size(node: Node, heading: str, told: str) -> Point:
    texts = max(text_width(heading) * _NAME_SIZE * svg.MONO_WIDTH, svg.sans_width(told, _TOLD_SIZE))
    # As much above as below, so that lines end in the middle of the box in front.
    return _BADGE + texts + _PADDING, _HEIGHT + (4 * _BEHIND if _is_folded(node) else 0)


def _is_folded(node: Node) -> bool:
    return len(node.task_ids) > 1


def _curve(route: Sequence[Point]) -> str:
    """Level where it passes columns, and a curve between them."""
    x, y = route[0]
    path = [f"M{number(x)} {number(y)}"]
    for index, (to_x, to_y) in enumerate(route[1:]):
        if index % 2:
            path.append(f"H{number(to_x)}")
        else:
            middle = number((x + to_x) / 2)
            path.append(
                f"C{middle} {number(y)} {middle} {number(to_y)} {number(to_x)} {number(to_y)}"
            )
        x, y = to_x, to_y
    return "".join(path)


def _box(node: Node, place: Point, wide: float, heading: str, told: str) -> Iterator[str]:
    x, middle = place
    y = middle - _HEIGHT / 2
    radius = _HEIGHT / 2 if node.kind == "timer" else _RADIUS
    yield f"<g><title>{markup(_tooltip(node))}</title>"
    if _is_folded(node):
        for offset in (2 * _BEHIND, _BEHIND):
            yield svg.box(x + offset, y + offset, wide - 2 * offset, _HEIGHT, _FRAME, radius=radius)
    yield svg.box(x, y, wide, _HEIGHT, _FRAME, radius=radius)
    yield from _badge(x + 19, middle, node_look(node))
    yield svg.text(x + _BADGE, middle - 3, heading, "ink name", size=_NAME_SIZE)
    yield svg.text(x + _BADGE, middle + 13, told, "muted num", size=_TOLD_SIZE)
    if _is_folded(node):
        yield from _shares(node, x + _RADIUS, y + _HEIGHT - 4, wide - 2 * _RADIUS)
    yield "</g>"


_FRAME = "paper outline"


def _shares(node: Node, x: float, y: float, wide: float) -> Iterator[str]:
    """How many of a fan-out are in which state, as parts of a bar."""
    for name, count in node_looks(node):
        share = wide * count / len(node.task_ids)
        yield svg.box(x, y, share, 2.5, name)
        x += share


def _badge(x: float, y: float, name: Look) -> Iterator[str]:
    yield f'<circle class="{name}" cx="{number(x)}" cy="{number(y)}" r="8"/>'
    yield svg.sign(x, y, name)


def _tooltip(node: Node) -> str:
    ids = ", ".join(node.task_ids[:3]) + (" ..." if len(node.task_ids) > 3 else "")  # noqa: PLR2004
    return ": ".join(filter(None, (ids, " · ".join(node_told(node)), node.reason)))
