"""``dataflow workflow.history``."""

from __future__ import annotations

from typing import Any

import click

from dataflow.cli import positional, render, tables
from dataflow.cli import reader as reading
from dataflow.cli.reader import reader
from dataflow.errors import UsageError


@click.command(
    short_help="Show the events of an execution.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.history shop order-17\n"
    "dataflow workflow.history shop order-17 --output-format raw >order-17.json\n"
    "dataflow workflow.history order-17 --follow",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@positional.run_id_option
@click.option(
    "-o",
    "--output-format",
    "shape",
    type=click.Choice(["raw", "events", "cooked"]),
    help="JSON, whatever --format says. raw: as the SWF API answers it, and workflow.replay reads "
    "it; events: flat, with names in snake_case; cooked: the tasks, by their kind and id.",
)
@click.option("--reverse-order", is_flag=True, help="The latest event first.")
@click.option("--follow", is_flag=True, help="Wait for more events until the execution has ended.")
@reading.options
def history(**options: Any) -> None:
    """Show the whole history of an execution: of this run, else the latest of its workflow id.

    A table tells most of each event on a line. --format json alone means --output-format raw.
    """
    named = positional.execution(options)
    wanted = tables.layout(options)
    shape = options["shape"] or ("raw" if wanted.is_json and not wanted.fields else None)
    follow, reverse = options["follow"], options["reverse_order"]
    if follow and (reverse or shape == "cooked"):
        other = "--reverse-order" if reverse else "--output-format cooked"
        raise UsageError(f"--follow and {other} exclude each other")
    from dataflow.cli.events import printed

    with reader(options, named.domain) as there:
        execution = there.find(named.workflow_id, named.run_id)
        texts = printed(there, execution, wanted, shape=shape, reverse=reverse, follow=follow)
        render.lines(texts, flush=follow)
