"""Whatever has happened to an execution, and however far it is: it can be drawn."""

from datetime import UTC
from xml.etree import ElementTree as ET

from hypothesis import given, settings
from hypothesis import strategies as st
from programs import Interpreter, cancelling, programs

from dataflow.cli.drawing import graph_svg, timeline_svg, timeline_text, wording
from dataflow.inspection.graph import graph
from dataflow.inspection.tasks import tasks
from dataflow.inspection.timeline import timeline
from dataflow.testing import simulate


@settings(max_examples=100, deadline=None)
@given(programs | cancelling, st.integers(0, 2**32), st.floats(0, 1), st.integers(1, 4))
def test_any_history_can_be_drawn(program, seed, part, fold):
    whole = simulate(Interpreter, program, seed=seed, trouble=0.3).history
    events = whole[: max(1, round(part * len(whole)))]
    told, now = tasks(events), events[-1].timestamp + 1

    chart = timeline(events, told, now)
    assert len(chart.rows) == sum(not task.is_own for task in told)
    for row in chart.rows:
        ends = [(span.begin, span.end) for span in row.spans]
        assert all(chart.begin <= begin <= end <= chart.end for begin, end in ends)
        assert ends == sorted(ends)

    found = graph(events, told, now, fold=fold)
    order = {node.key: n for n, node in enumerate(found.nodes)}
    shown = [task_id for node in found.nodes for task_id in node.task_ids]
    assert sorted(shown) == sorted(row.task_id for row in chart.rows if _feeds(row))
    assert all(order[edge.source] < order[edge.target] for edge in found.edges)

    summary = wording.summary(chart, UTC)
    for picture in (timeline_svg.draw(chart, "x", UTC), graph_svg.draw(found, "x", summary)):
        ET.fromstring(picture)  # noqa: S314 - our own text
    text = timeline_text.draw(chart, "x", UTC, columns=80, colours=False)
    assert max(map(len, text.splitlines()[:-1])) <= 80


def _feeds(row):
    return row.kind not in {"marker", "signal"}
