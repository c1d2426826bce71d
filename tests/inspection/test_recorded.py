"""Pictures of the recorded histories of the examples: what real executions look like."""

import json
import re
from datetime import UTC
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from stories import charted, graphed

from dataflow.cli.drawing import (
    dot,
    graph_svg,
    mermaid,
    timeline_html,
    timeline_svg,
    timeline_text,
    wording,
)
from dataflow.inspection import exported

RECORDED = sorted((Path(__file__).parents[1] / "golden").glob("*.json"))


def history(name):
    (path,) = [path for path in RECORDED if path.stem == name]
    return exported.read(path.read_text()).events


def drawn(name, fold=None):
    """The graph in Mermaid, without times."""
    text = mermaid.draw(graphed(history(name), fold))
    return [re.sub(r" · \d+(\.\d)? m?s", "", line).strip() for line in text.splitlines()[1:]]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_every_picture_can_be_drawn(path):
    events = exported.read(path.read_text()).events
    chart, graph = charted(events), graphed(events, 10)
    told = wording.summary(chart, UTC)
    for picture in (
        timeline_svg.draw(chart, path.stem, UTC),
        graph_svg.draw(graph, path.stem, told),
        graph_svg.draw(graphed(events), path.stem, told),
    ):
        assert ET.fromstring(picture).tag.endswith("svg")  # noqa: S314 - our own text
    text = timeline_text.draw(chart, path.stem, UTC, columns=80, colours=False)
    assert all(row.label in text for row in chart.rows)
    page = timeline_html.draw(chart, path.stem, UTC)
    data = re.search(r'type="application/json">(.*?)</script>', page, re.DOTALL)[1]
    assert len(json.loads(data)["rows"]) == len(chart.rows)
    assert dot.draw(graph, path.stem).count(" [label=") == len(graph.nodes)


def test_the_diamond():
    assert drawn("pipeline")[:8] == [
        'n0["measure-1<br/>completed"]:::completed',
        'n1["coldest-1<br/>completed"]:::completed',
        'n2["mean-1<br/>completed"]:::completed',
        'n3["report-1<br/>completed"]:::completed',
        "n0 --> n1",
        "n0 --> n2",
        "n1 --> n3",
        "n2 --> n3",
    ]


def test_a_place_that_was_free_again_in_a_group():
    # The first article was done when the third was begun; that the second had been drafted led to
    # its being edited.
    lines = drawn("canvas")
    assert [line for line in lines if line.endswith("-.-o n4")] == ["n2 -.-o n4"]


def test_a_fan_out_folds():
    count = len(charted(history("fan_out")).rows)
    many = f"nothing \N{MULTIPLICATION SIGN}{count:,}<br/>{count:,} completed"
    assert drawn("fan_out", 10)[0] == f'n0[["{many}"]]:::completed'


def test_what_is_tried_again_is_one_row():
    rows = {row.label: row for row in charted(history("failing")).rows}
    assert [(row.attempts, row.state) for row in rows.values()] == [
        (3, "completed"),
        (1, "failed"),
    ]
    assert [s.state for s in rows["fetch-1"].spans if s.phase == "running"] == [
        "failed",
        "failed",
        "completed",
    ]
