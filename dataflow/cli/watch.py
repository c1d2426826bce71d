"""``dataflow workflow.watch``."""

from __future__ import annotations

import sys
from typing import Any

import click

from dataflow import settings
from dataflow.cli import exits, positional, render, tables
from dataflow.cli import reader as reading
from dataflow.cli.reader import reader


@click.command(
    short_help="Watch an execution until it ends.",
    epilog="\b\nExample:\ndataflow workflow.watch shop order-17",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@positional.run_id_option
@reading.options
@click.pass_context
def watch(ctx: click.Context, /, **options: Any) -> None:
    """Show what an execution does, until it ends; if it goes on as another run, that one's end.

    On a terminal: how many tasks are in which state, and those that are under way or have changed
    last. Elsewhere, and with --format: a row for each change.

    Exit code: 0 if it completed; 1 if it failed; 3 if there is no such execution; 4 if it was
    cancelled or terminated; 5 if it has timed out.
    """
    from dataflow.cli import view

    named = positional.execution(options)
    wanted = tables.layout(options)
    draws = wanted.format == "text" and sys.stdout is not None and sys.stdout.isatty()
    show = view.draw if draws and settings.has_cursor() else view.tell
    with reader(options, named.domain) as there:
        execution = there.find(named.workflow_id, named.run_id)
        while True:
            how = show(there, execution, wanted)
            if how is None:
                return
            if how.next_run_id is None:
                break
            execution = there.find(execution.workflow_id, how.next_run_id)
    if how.status != "COMPLETED":
        render.tell(render.failure(how.reason, how.details, status=how.status))
    ctx.exit(exits.of_end(how.status))
