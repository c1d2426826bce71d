"""A layered layout: where the boxes of a graph without cycles go, and the lines between them.

1. *Columns.* A box stands one column behind the last of those that lead to it, so all lines go to
   the right. A line that passes columns has a place of its own in each of them, as boxes have:
   nothing is drawn over a box. All lines of one box share these places.
2. *Rows.* Within a column, boxes are ordered by where their lines come from and go to, again and
   again (the barycentre method of Sugiyama, Tagawa and Toda, 1981); the order with the fewest
   crossings stays.
3. *Heights.* Each box wants to be level with its neighbours. What a column wants and what its order
   and gaps allow is brought together by isotonic regression (pool adjacent violators), which is
   exact: no box is nearer to another than the gap, and no arrangement of the column is closer to
   what was wanted.

No chance and no clock: equal graphs get equal layouts.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]

_COLUMN_GAP = 60.0
_GAP, _LINE_GAP = 16.0, 9.0
_SWEEPS = 8
#: How often heights are brought closer to what is wanted.
_LEVELLINGS = 24
#: Graphs with more lines and places than this are ordered and levelled in fewer sweeps.
_LARGE, _LARGE_SWEEPS = 20_000, 2
#: How much a passing line wants to be straight, compared to a box.
_STRAIGHT = 4.0
#: With more places than this for passing lines, they go straight behind boxes.
_MOST_PLACES = 100_000


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything is; 0, 0 is the upper left corner."""

    #: Of each box: the middle of its left side.
    places: Sequence[Point]
    #: Of each box: the width of its column.
    widths: Sequence[float]
    #: Of each box: what its lines have in common, from its right side through all columns that any
    #: of them passes. Between the first and the second point it changes its height, between the
    #: second and the third, within a column, it is level, and so on in turn.
    trunks: Sequence[Sequence[Point]]
    #: Of each line: the point of the trunk, by its index, where it leaves for its target.
    leaves: Sequence[int]
    width: float
    height: float


def layout(sizes: Sequence[Point], edges: Sequence[tuple[int, int]]) -> Layout:
    """Place boxes of these sizes; ``edges`` lead from lower to higher indices."""
    if not sizes:
        return Layout([], [], [], [], 0.0, 0.0)
    return _Layout(sizes, edges).result()


class _Layout:
    def __init__(self, sizes: Sequence[Point], edges: Sequence[tuple[int, int]]) -> None:
        self._edges = edges
        self._boxes = len(sizes)
        self._heights = [height for _, height in sizes]
        self._ranks = self._ranked()
        #: Of each box: the places that its lines pass. These come behind the boxes in all lists.
        self._passed = self._places()
        self._links = self._linked()
        self._columns: list[list[int]] = [[] for _ in range(max(self._ranks) + 1)]
        for item, rank in enumerate(self._ranks):
            self._columns[rank].append(item)
        self._column_widths = [
            max((sizes[item][0] for item in column if item < self._boxes), default=0.0)
            for column in self._columns
        ]
        self._befores, self._behinds = self._neighbours()
        is_large = len(self._ranks) + len(self._links) > _LARGE
        self._sweeps = _LARGE_SWEEPS if is_large else _SWEEPS
        self._levellings = _LARGE_SWEEPS if is_large else _LEVELLINGS

    def result(self) -> Layout:
        self._order()
        heights = self._levelled()
        lefts, x = [], 0.0
        for width in self._column_widths:
            lefts.append(x)
            x += width + _COLUMN_GAP
        top = min(heights[box] - self._heights[box] / 2 for box in range(len(heights)))
        bottom = max(heights[box] + self._heights[box] / 2 for box in range(len(heights)))
        points = [
            (lefts[rank], height - top) for rank, height in zip(self._ranks, heights, strict=True)
        ]
        widths = [self._column_widths[rank] for rank in self._ranks]
        return Layout(
            places=points[: self._boxes],
            widths=widths[: self._boxes],
            trunks=[
                _trunk([box, *passed], points, widths) for box, passed in enumerate(self._passed)
            ],
            leaves=[2 * self._passes(source, target) for source, target in self._edges],
            width=x - _COLUMN_GAP,
            height=bottom - top,
        )

    def _passes(self, source: int, target: int) -> int:
        """How many places a line passes."""
        between = self._ranks[target] - self._ranks[source] - 1
        return min(between, len(self._passed[source]))

    # --- columns -----------------------------------------------------------------------------

    def _ranked(self) -> list[int]:
        ranks = [0] * self._boxes
        for source, target in sorted(self._edges, key=lambda edge: edge[1]):
            ranks[target] = max(ranks[target], ranks[source] + 1)
        return ranks

    def _places(self) -> Sequence[Sequence[int]]:
        furthest = [0] * self._boxes
        for source, target in self._edges:
            furthest[source] = max(furthest[source], self._ranks[target])
        spans = [max(0, to - rank - 1) for to, rank in zip(furthest, self._ranks, strict=True)]
        if sum(spans) > _MOST_PLACES:
            return [()] * self._boxes
        places = []
        for source, span in enumerate(spans):
            first = len(self._ranks)
            places.append(range(first, first + span))
            self._ranks += range(self._ranks[source] + 1, self._ranks[source] + 1 + span)
        self._heights += [0.0] * sum(spans)
        return places

    def _linked(self) -> Sequence[tuple[int, int]]:
        """Lines from one column to the next, each once."""
        links = [
            pair for box, passed in enumerate(self._passed) for pair in pairwise([box, *passed])
        ]
        for source, target in self._edges:
            passes = self._passes(source, target)
            links.append((self._passed[source][passes - 1] if passes else source, target))
        return links

    def _neighbours(self) -> tuple[list[list[int]], list[list[int]]]:
        befores: list[list[int]] = [[] for _ in self._ranks]
        behinds: list[list[int]] = [[] for _ in self._ranks]
        for source, target in self._links:
            befores[target].append(source)
            behinds[source].append(target)
        return befores, behinds

    # --- rows ----------------------------------------------------------------------------------

    def _order(self) -> None:
        best = [*map(list, self._columns)]
        fewest = self._crossings()
        for sweep in range(self._sweeps):
            if not fewest:
                break
            if sweep % 2:
                for column in reversed(self._columns[:-1]):
                    self._sort(column, self._behinds)
            else:
                for column in self._columns[1:]:
                    self._sort(column, self._befores)
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [*map(list, self._columns)], crossings
        self._columns = best

    def _sort(self, column: list[int], neighbours: Sequence[Sequence[int]]) -> None:
        row = self._rows()
        own = {item: index for index, item in enumerate(column)}

        def wanted(item: int) -> float:
            others = neighbours[item]
            return sum(row[other] for other in others) / len(others) if others else own[item]

        column.sort(key=wanted)

    def _rows(self) -> Sequence[int]:
        rows = [0] * len(self._ranks)
        for column in self._columns:
            for index, item in enumerate(column):
                rows[item] = index
        return rows

    def _crossings(self) -> int:
        row = self._rows()
        count = 0
        for column in self._columns[:-1]:
            ends: list[int] = []
            for item in column:
                rows = sorted(row[other] for other in self._behinds[item])
                count += sum(len(ends) - bisect_right(ends, one) for one in rows)
                for one in rows:
                    insort(ends, one)
        return count

    # --- heights -------------------------------------------------------------------------------

    def _levelled(self) -> Sequence[float]:
        heights = [0.0] * len(self._ranks)
        for column in self._columns:
            self._settle(column, heights, lambda _: (0.0, 1.0))
        for _ in range(self._levellings):
            for column in self._columns[1:]:
                self._settle(column, heights, self._wish(heights, self._befores))
            for column in reversed(self._columns[:-1]):
                self._settle(column, heights, self._wish(heights, self._behinds))
        return heights

    def _wish(
        self, heights: Sequence[float], neighbours: Sequence[Sequence[int]]
    ) -> Callable[[int], tuple[float, float]]:
        def wish(item: int) -> tuple[float, float]:
            """The height that an item wants, and how much."""
            others = neighbours[item]
            if not others:
                return heights[item], 0.05
            mean = sum(heights[other] for other in others) / len(others)
            passes = item >= self._boxes
            return mean, _STRAIGHT if passes else 1.0

        return wish

    def _settle(
        self,
        column: Sequence[int],
        heights: list[float],
        wish: Callable[[int], tuple[float, float]],
    ) -> None:
        """Give a column the heights that are closest to its wishes and keep order and gaps."""
        offsets, offset = [], 0.0
        for index, item in enumerate(column):
            if index:
                offset += self._distance(column[index - 1], item)
            offsets.append(offset)
        #: Runs of items that are as close as can be: weighted sum of wishes, weight, length.
        pools: list[tuple[float, float, int]] = []
        for item, offset in zip(column, offsets, strict=True):
            at, weight = wish(item)
            pool = ((at - offset) * weight, weight, 1)
            while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
                last = pools.pop()
                pool = (last[0] + pool[0], last[1] + pool[1], last[2] + pool[2])
            pools.append(pool)
        levels = [total / weight for total, weight, length in pools for _ in range(length)]
        for item, offset, level in zip(column, offsets, levels, strict=True):
            heights[item] = level + offset

    def _distance(self, upper: int, lower: int) -> float:
        gap = _GAP if upper < self._boxes and lower < self._boxes else _LINE_GAP
        return (self._heights[upper] + self._heights[lower]) / 2 + gap


def _trunk(
    items: Sequence[int], points: Sequence[Point], widths: Sequence[float]
) -> Sequence[Point]:
    trunk = []
    for item in items:
        x, y = points[item]
        trunk += [(x, y), (x + widths[item], y)]
    return trunk[1:]
