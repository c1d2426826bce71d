"""A graph as a Mermaid flowchart (https://mermaid.js.org/syntax/flowchart.html)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dataflow.cli.drawing.palette import STYLES
from dataflow.cli.drawing.wording import node_heading, node_look, node_told
from dataflow.inspection.graph import Graph, Node
from dataflow.inspection.ties import TieKind

_TIES: Mapping[TieKind, str] = {"input": "-->", "after": "-.->", "next": "-.-o"}


def draw(graph: Graph) -> str:
    """The text of a flowchart."""
    return "\n".join(_lines(graph))


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart LR"
    for node in graph.nodes:
        yield f"  {node.key}{_shape(node)}:::{node_look(node)}"
    for edge in graph.edges:
        yield f"  {edge.source} {_TIES[edge.kind]} {edge.target}"
    drawn = {node_look(node) for node in graph.nodes}
    for name, style in STYLES.items():
        if name in drawn:
            yield f"  classDef {name} stroke:{style.light},stroke-width:2px"


def _shape(node: Node) -> str:
    text = f'"{_escaped(node_heading(node))}<br/>{_escaped(" · ".join(node_told(node)))}"'
    if len(node.task_ids) > 1 or node.kind == "child":
        return f"[[{text}]]"
    return f"([{text}])" if node.kind == "timer" else f"[{text}]"


def _escaped(text: str) -> str:
    """A text in which nothing means anything to Mermaid, or to the HTML that it becomes."""
    return "".join(
        character
        if character.isalnum() or character in " -_.,·\N{MULTIPLICATION SIGN}"
        else f"#{ord(character)};"
        for character in text
    )
