"""A graph in the language of Graphviz (https://graphviz.org/doc/info/lang.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataflow.cli.drawing.palette import STYLES
from dataflow.cli.drawing.wording import node_heading, node_look, node_told
from dataflow.inspection.fields import line
from dataflow.inspection.graph import Graph, Node
from dataflow.inspection.ties import TieKind

_STYLES: Mapping[TieKind, str] = {"input": "solid", "after": "dashed", "next": "dotted"}


def draw(graph: Graph, title: str) -> str:
    """The text of a ``digraph``."""
    return "\n".join(_lines(graph, title))


def _lines(graph: Graph, title: str) -> Iterator[str]:
    yield f'digraph "{_escaped(line(title))}" {{'
    yield "  rankdir=LR;"
    yield '  node [shape=box, style=rounded, penwidth=2, fontname="sans-serif", fontsize=11];'
    yield '  edge [color="#63707e", arrowsize=0.7];'
    for node in graph.nodes:
        yield f"  {node.key} [{_attributes(node)}];"
    for edge in graph.edges:
        style = "" if edge.kind == "input" else f" [style={_STYLES[edge.kind]}]"
        yield f"  {edge.source} -> {edge.target}{style};"
    yield "}"


def _attributes(node: Node) -> str:
    told = {
        # \n begins a line in a label, where a backslash of a name is written twice.
        "label": rf"{_escaped(node_heading(node))}\n{_escaped(' · '.join(node_told(node)))}",
        "color": STYLES[node_look(node)].light,
    }
    if node.kind == "timer":
        told["shape"] = "ellipse"
    if node.kind == "child":
        told["peripheries"] = "2"
    if len(node.task_ids) > 1:
        told["shape"] = "box3d"
    return ", ".join(f'{name}="{value}"' for name, value in told.items())


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
