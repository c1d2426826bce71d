"""``dataflow workflow.graph`` and ``workflow.timeline``."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dataflow.cli import positional, render
from dataflow.cli.options import domain_option, engine_option, home_option
from dataflow.cli.reader import Told, read_execution
from dataflow.cli.tables import color_option, content, has_color, rfc3339, utc_option

if TYPE_CHECKING:
    from dataflow.inspection.graph import Graph
    from dataflow.inspection.timeline import Timeline

_F = TypeVar("_F", bound=Callable[..., Any])

#: Of how many alike each is drawn, when nobody says.
_FOLD = 10
#: Where the output is no terminal.
_COLUMNS = 100
#: What a picture for a terminal is made of.
_DRAWN = "─█━·◆✗○▸…┬"


def _options(command: _F) -> _F:
    """What both commands have."""
    for option in (home_option, engine_option, domain_option, positional.run_id_option, utc_option):
        command = option(command)
    return positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")(command)


def _zone(options: Mapping[str, Any]) -> tzinfo | None:
    return UTC if options["utc"] else None


def _names(told: Told) -> dict[str, Any]:
    execution = told.execution
    return {
        "workflow_id": execution.workflow_id,
        "run_id": execution.run_id,
        "workflow_type": execution.name,
        "workflow_version": execution.version,
    }


# --- workflow.graph ------------------------------------------------------------------------


@click.command(
    short_help="Draw the tasks of an execution and what ties them.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.graph shop order-17 --format svg > graph.svg\n"
    "dataflow workflow.graph order-17 | dot -Tpng > graph.png",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["dot", "mermaid", "svg", "json"]),
    help="The language of the picture; json: its nodes and edges. Default: dot.",
)
@click.option(
    "--fold",
    metavar="N",
    type=click.IntRange(min=0),
    default=_FOLD,
    show_default=True,
    help="Draw a fan-out or a loop of more than N tasks as one; 0: never.",
)
@_options
def graph(**options: Any) -> None:
    """Draw which tasks got whose results, from the history of an execution alone.

    Tasks of one type that come after the same tasks are a fan-out; steps that repeat one after the
    other are a loop. What was not handed on as a future leaves no trace in the history: such a task
    is tied, by a dotted line, to what had ended when it was asked for.
    """
    from dataflow.inspection.graph import graph

    told = read_execution(options, positional.execution(options))
    found = graph(told.events, told.tasks, told.until, fold=options["fold"] or None)
    render.lines(_drawn_graph(found, told, options).splitlines())


def _drawn_graph(found: Graph, told: Told, options: Mapping[str, Any]) -> str:
    title = told.execution.workflow_id
    match options["output"]:
        case "svg":
            from dataflow.cli.drawing import graph_svg
            from dataflow.cli.drawing.wording import summary

            return graph_svg.draw(found, title, summary(_chart(told), _zone(options)))
        case "mermaid":
            from dataflow.cli.drawing import mermaid

            return mermaid.draw(found)
        case "json":
            return json.dumps(_names(told) | _graph_as_json(found))
        case _:
            from dataflow.cli.drawing import dot

            return dot.draw(found, title)


def _graph_as_json(found: Graph) -> dict[str, Any]:
    return {
        "nodes": [
            {
                "key": node.key,
                "kind": node.kind,
                "name": node.name,
                "version": node.version,
                "label": node.label,
                "task_ids": list(node.task_ids),
                "in_turn": node.in_turn,
                "states": dict(node.states),
                "attempts": node.attempts,
                "scheduled_at": rfc3339(node.scheduled_at),
                "ended_at": None if node.ended_at is None else rfc3339(node.ended_at),
                "running_seconds": None if node.running is None else round(node.running, 3),
                "reason": node.reason,
            }
            for node in found.nodes
        ],
        "edges": [
            {"source": edge.source, "target": edge.target, "kind": edge.kind}
            for edge in found.edges
        ],
    }


# --- workflow.timeline ---------------------------------------------------------------------


@click.command(
    short_help="Draw when the tasks of an execution waited and ran.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.timeline shop order-17\n"
    "dataflow workflow.timeline order-17 --format html > order-17.html",
)
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "svg", "html", "json"]),
    help="text: as wide as the terminal; svg: a picture; html: one file with a page to search and "
    "zoom in; json: the tasks and their spans. Default: text.",
)
@color_option
@_options
def timeline(**options: Any) -> None:
    """Draw an execution as a Gantt chart: when each task waited for a worker, and when it ran.

    Attempts follow each other in the line of their task. An open execution is drawn up to now.
    """
    told = read_execution(options, positional.execution(options))
    render.lines(_drawn_timeline(_chart(told), told, options).splitlines())


def _chart(told: Told) -> Timeline:
    from dataflow.inspection.timeline import timeline

    return timeline(told.events, told.tasks, told.until)


def _drawn_timeline(chart: Timeline, told: Told, options: Mapping[str, Any]) -> str:
    title, zone = told.execution.workflow_id, _zone(options)
    match options["output"]:
        case "svg":
            from dataflow.cli.drawing import timeline_svg

            return timeline_svg.draw(chart, title, zone)
        case "html":
            from dataflow.cli.drawing import timeline_html

            return timeline_html.draw(chart, title, zone)
        case "json":
            return json.dumps(_names(told) | _timeline_as_json(chart))
        case _:
            from dataflow.cli.drawing import timeline_text

            return timeline_text.draw(
                chart,
                title,
                zone,
                columns=shutil.get_terminal_size((_COLUMNS, 24)).columns,
                colours=has_color(options),
                plain=not _can_print(_DRAWN),
            )


def _can_print(text: str) -> bool:
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _timeline_as_json(chart: Timeline) -> dict[str, Any]:
    return {
        "status": chart.status,
        "started_at": rfc3339(chart.begin),
        "closed_at": None if chart.status == "OPEN" else rfc3339(chart.end),
        "tasks": [
            {
                "task_id": row.task_id,
                "kind": row.kind,
                "name": row.name,
                "version": row.version,
                "label": row.label,
                "state": row.state,
                "reason": row.reason,
                "attempts": row.attempts,
                "identity": row.identity and content(row.identity),
                "waiting_seconds": round(row.waiting, 3),
                "running_seconds": None if row.running is None else round(row.running, 3),
                "spans": [
                    {
                        "phase": span.phase,
                        "attempt": span.attempt,
                        "state": span.state,
                        "from": rfc3339(span.begin),
                        "to": rfc3339(span.end),
                    }
                    for span in row.spans
                ],
            }
            for row in chart.rows
        ],
    }
