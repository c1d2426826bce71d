"""Graphs as SVG, DOT and Mermaid."""

import re
from xml.etree import ElementTree as ET

import pytest
from stories import Story, graphed, mapping, orders

from dataflow.cli.drawing import dot, graph_svg, mermaid

SVG = "{http://www.w3.org/2000/svg}"
NASTY = 'x"]; evil -> n0\\ </script><b>#;\x1b\n漢'


def nasty():
    story = Story()
    story.task(NASTY, 1.0, state="failed", reason=NASTY)
    return graphed(story.events())


def open_story():
    story = Story(workers=1)
    story.task("shop.canceled", 0.1, state="canceled")
    story.task("shop.running", 5.0)
    story.task("shop.waiting", 1.0)
    return graphed(story.events(until=2.0))


# --- DOT -------------------------------------------------------------------------------------


def test_dot():
    story = Story()
    first = story.task("shop.first", 1.5)
    pause = story.task("pause", 2, kind="timer")
    child = story.task("shop.Child", 1.0, kind="child", inputs=[first])
    story.task("shop.last", 1.0, after=[child, pause], state="failed", reason="no luck")
    assert dot.draw(graphed(story.events()), 'a "title"').splitlines() == [
        'digraph "a \\"title\\"" {',
        "  rankdir=LR;",
        '  node [shape=box, style=rounded, penwidth=2, fontname="sans-serif", fontsize=11];',
        '  edge [color="#63707e", arrowsize=0.7];',
        '  n0 [label="first-1\\ncompleted · 1.5 s", color="#4ba58d"];',
        '  n1 [label="pause\\nfired · 2 s", color="#a3afc2", shape="ellipse"];',
        '  n2 [label="shop.Child-1\\nchild · completed · 1 s", color="#4ba58d", peripheries="2"];',
        '  n3 [label="last-1\\nfailed · 1 s", color="#c9472b"];',
        "  n0 -> n2;",
        "  n1 -> n3 [style=dashed];",
        "  n2 -> n3 [style=dashed];",
        "}",
    ]


def test_a_fold_in_dot():
    drawn = dot.draw(graphed(mapping(41), fold=10), "map")
    many = "\N{MULTIPLICATION SIGN}41"
    assert f'label="draft {many}\\n41 completed · 3 retries"' in drawn
    assert f'label="edit {many}\\n40 completed, 1 failed", color="#c9472b", shape="box3d"' in drawn


def test_names_of_users_are_texts_in_dot():
    (line,) = [line for line in dot.draw(nasty(), NASTY).splitlines() if line.startswith("  n0")]
    label = re.fullmatch(r'  n0 \[label="((?:[^"\\]|\\.)*)", color="#c9472b"\];', line)
    assert label is not None
    assert r"x\"]; evil -> n0\\ </script>" in label[1]


# --- Mermaid ---------------------------------------------------------------------------------


def test_mermaid():
    assert mermaid.draw(graphed(mapping(20), fold=10)).splitlines() == [
        "flowchart LR",
        '  n0["plan-1<br/>completed · 300 ms"]:::completed',
        '  n1[["draft \N{MULTIPLICATION SIGN}20<br/>20 completed · 1 retry"]]:::completed',
        '  n2[["edit \N{MULTIPLICATION SIGN}20<br/>20 completed"]]:::completed',
        '  n3["bind-1<br/>completed · 1 s"]:::completed',
        "  n0 --> n1",
        "  n1 --> n2",
        "  n2 --> n3",
        "  classDef completed stroke:#4ba58d,stroke-width:2px",
    ]


def test_names_of_users_are_texts_in_mermaid():
    line = mermaid.draw(nasty()).splitlines()[1]
    shape = re.fullmatch(r'  n0\["([^"]*)"\]:::failed', line)
    assert shape is not None
    assert re.search(r"[\"\[\]>\\]", shape[1].replace("<br/>", "")) is None
    assert "x#34;#93;#59; evil -#62; n0" in shape[1]


# --- SVG -------------------------------------------------------------------------------------


def svg(graph, title="monday"):
    return ET.fromstring(graph_svg.draw(graph, title, ["told"]))  # noqa: S314 - our own text


def nodes(root):
    """The groups of the boxes."""
    return [group for group in root.iter(f"{SVG}g") if group.find(f"{SVG}title") is not None]


def test_svg_has_a_box_for_each_node_and_a_line_for_each_edge():
    graph = graphed(orders())
    root = svg(graph)
    headings = [group.find(f"{SVG}text").text for group in nodes(root)]
    assert headings == [node.label for node in graph.nodes]
    lines = [
        p for p in root.iter(f"{SVG}path") if p.get("d").startswith("M") and p.get("marker-end")
    ]
    assert len(lines) == len(graph.edges) + 2  # and two samples in the legend


@pytest.mark.parametrize(
    "graph", [graphed(orders()), graphed(mapping(25)), graphed(mapping(60), fold=10), open_story()]
)
def test_texts_stay_within_their_boxes(graph):
    found = []
    for group in nodes(svg(graph)):
        # The last frame is the one in front.
        frame = [box for box in group.iter(f"{SVG}rect") if box.get("class") == "paper outline"][-1]
        left, top = float(frame.get("x")), float(frame.get("y"))
        right, bottom = left + float(frame.get("width")), top + float(frame.get("height"))
        heading, told = group.iter(f"{SVG}text")
        for text, size in ((heading, 7.6), (told, 5.6)):
            assert left < float(text.get("x"))
            assert float(text.get("x")) + len(text.text) * size < right
            assert top < float(text.get("y")) < bottom
        found.append((left, top, right, bottom))
    for n, (left, top, right, bottom) in enumerate(found):
        for x1, y1, x2, y2 in found[:n]:
            assert right <= x1 or x2 <= left or bottom <= y1 or y2 <= top


def test_states_have_colours_and_signs():
    root = svg(open_story())
    badges = {
        group.find(f"{SVG}text").text: group.find(f"{SVG}circle").get("class")
        for group in nodes(root)
    }
    assert badges == {"canceled-1": "canceled", "running-1": "running", "waiting-1": "waiting"}
    told = [text.text for text in root.iter(f"{SVG}text")]
    assert {"canceled", "running", "waiting"} <= {*told}
    assert "failed" not in told


def test_a_fold_shows_the_shares_of_its_states():
    (group,) = [g for g in nodes(svg(graphed(mapping(60), fold=10))) if "edit" in g[0].text]
    shares = [
        (box.get("class"), float(box.get("width")))
        for box in group.iter(f"{SVG}rect")
        if float(box.get("height")) < 4
    ]
    assert [cls for cls, _ in shares] == ["completed", "failed"]
    assert shares[0][1] / shares[1][1] == pytest.approx(59, rel=0.05)
    assert "ValueError: too long" in group[0].text


def test_names_of_users_are_texts_in_svg():
    root = svg(nasty(), NASTY)
    assert "</script>" in root.find(f"{SVG}title").text


def test_no_tasks():
    root = svg(graphed(Story().events()))
    assert nodes(root) == []


def test_the_same_graph_gives_the_same_bytes():
    first, second = (graph_svg.draw(graphed(mapping(30)), "a", []) for _ in range(2))
    assert first == second
