"""Where the boxes of a graph go: nothing overlaps, whatever the graph."""

from hypothesis import example, given
from hypothesis import strategies as st

from dataflow.cli.drawing import layout as module
from dataflow.cli.drawing.layout import layout

SIZE = (100.0, 40.0)


@st.composite
def graphs(draw):
    """Sizes of boxes, and lines that lead from earlier to later ones."""
    sizes = draw(
        st.lists(
            st.tuples(st.floats(30, 300), st.sampled_from([44.0, 52.0])), min_size=1, max_size=25
        )
    )
    boxes = range(len(sizes))
    pairs = [(s, t) for t in boxes for s in range(t)]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=60)) if pairs else []
    return sizes, edges


def rectangles(found, sizes):
    for (x, y), wide, (_, high) in zip(found.places, found.widths, sizes, strict=True):
        yield x, y - high / 2, x + wide, y + high / 2


@given(graphs())
@example(([SIZE] * 4, [(0, 1), (1, 2), (2, 3), (0, 3), (0, 2)]))
def test_boxes_do_not_overlap(graph):
    sizes, edges = graph
    found = [*rectangles(layout(sizes, edges), sizes)]
    for n, (left, top, right, bottom) in enumerate(found):
        for x1, y1, x2, y2 in found[:n]:
            assert right <= x1 or x2 <= left or bottom + 1 <= y1 or y2 + 1 <= top


@given(graphs())
def test_a_column_has_room_for_its_boxes(graph):
    sizes, edges = graph
    found = layout(sizes, edges)
    for (x, _), wide, (needed, _) in zip(found.places, found.widths, sizes, strict=True):
        assert needed <= wide
        assert 0 <= x <= x + wide <= found.width + 1e-6
    for _, top, _, bottom in rectangles(found, sizes):
        assert -1e-6 <= top <= bottom <= found.height + 1e-6


@given(graphs())
@example(([SIZE] * 4, [(0, 1), (1, 2), (2, 3), (0, 3), (0, 2)]))
def test_lines_lead_to_the_right_and_over_no_box(graph):
    sizes, edges = graph
    found = layout(sizes, edges)
    boxes = [*rectangles(found, sizes)]
    for (source, target), leave in zip(edges, found.leaves, strict=True):
        route = [*found.trunks[source][: leave + 1], found.places[target]]
        assert route[0] == (found.places[source][0] + found.widths[source], found.places[source][1])
        assert route[-1] == found.places[target]
        xs = [x for x, _ in route]
        assert xs == sorted(xs)
        # Where a line is level, it passes a column; elsewhere it is between two.
        for index in range(1, len(route) - 1, 2):
            (x1, y), (x2, same) = route[index], route[index + 1]
            assert y == same
            for left, top, right, bottom in boxes:
                assert x2 <= left or right <= x1 or not top - 1 < y < bottom + 1


@given(graphs())
def test_equal_graphs_get_equal_layouts(graph):
    assert layout(*graph) == layout(*graph)


def test_no_boxes():
    found = layout([], [])
    assert (found.places, found.leaves, found.width, found.height) == ([], [], 0.0, 0.0)


def test_a_chain_is_a_straight_line():
    found = layout([SIZE] * 5, [(n, n + 1) for n in range(4)])
    assert {y for _, y in found.places} == {20.0}
    assert [x for x, _ in found.places] == [160.0 * n for n in range(5)]


def test_what_leads_to_many_stands_in_their_middle():
    found = layout([SIZE] * 4, [(0, 1), (0, 2), (0, 3)])
    assert found.places[0][1] == found.places[2][1]


def test_rows_are_ordered_so_that_lines_do_not_cross():
    # Two chains, the second column named in the other order.
    found = layout([SIZE] * 4, [(0, 3), (1, 2)])
    upper, lower = found.places[0][1], found.places[1][1]
    assert upper < lower
    assert found.places[3][1] < found.places[2][1]


def test_lines_that_pass_too_many_columns_go_straight(monkeypatch):
    monkeypatch.setattr(module, "_MOST_PLACES", 0)
    chain = [(n, n + 1) for n in range(3)]
    found = layout([SIZE] * 4, [*chain, (0, 3)])
    assert found.leaves[-1] == 0


def test_a_large_graph_is_no_different(monkeypatch):
    graph = [SIZE] * 6, [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (0, 5)]
    monkeypatch.setattr(module, "_LARGE", 1)
    found = [*rectangles(layout(*graph), graph[0])]
    assert len({(left, top) for left, top, _, _ in found}) == 6
