"""``dataflow workflow.result``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import exits, positional, render
from dataflow.cli.options import domain_option, engine_option, format_option, home_option
from dataflow.errors import UsageError

if TYPE_CHECKING:
    from dataflow.process.client import Client, Ended
    from dataflow.protocol.values import WorkflowExecution

#: Seconds between two looks whether an execution has ended.
_LONGEST_PAUSE = 1.0


@click.command(
    short_help="Print the result of an execution.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.result shop order-17\n"
    "dataflow workflow.result shop order-17 --wait --timeout 60",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@positional.run_id_option
@click.option("--wait", is_flag=True, help="Wait for the end.")
@click.option(
    "--timeout",
    metavar="S",
    type=click.FloatRange(min=0),
    help="With --wait: no longer than so many seconds.",
)
@domain_option
@engine_option
@home_option
@format_option
@click.pass_context
def result(ctx: click.Context, /, **options: Any) -> None:
    """Print what an execution has resulted in, as JSON; a failure goes to standard error.

    If it goes on as another run, the result is that one's. With --format json it is an object, as
    that of workflow.start, however the execution has ended.

    Exit code: 0 if it completed; 1 if it failed; 3 if there is no such execution; 4 if it was
    cancelled or terminated; 5 if it has timed out, or has not ended.
    """
    if options["timeout"] is not None and not options["wait"]:
        raise UsageError("--timeout goes with --wait: without it nothing is waited for")
    from dataflow.cli import logs
    from dataflow.connect import connect
    from dataflow.process.client import Client

    logs.configure()
    named = positional.execution(options)
    look = not options["wait"]
    with connect(options["engine"], home=options["home"], look=look) as connection:
        client = Client(connection, named.domain)
        execution = client.find(named.workflow_id, named.run_id)
        ended = _wait(client, execution, options) if options["wait"] else client.look(execution)
    if ended is None:
        how = "has not ended in time" if options["wait"] else "has not ended: --wait waits for it"
        render.tell(f"{execution.workflow_id} {how}")
        ctx.exit(exits.TIMED_OUT)
    if options["output"] == "json":
        render.say(render.as_json(ended))
    elif ended.status == "COMPLETED":
        render.say(ended.result or "null")
    else:
        render.tell(render.failure(ended.reason, ended.details, status=ended.status))
    ctx.exit(exits.of_end(ended.status))


def _wait(client: Client, execution: WorkflowExecution, options: dict[str, Any]) -> Ended | None:
    import threading

    stop = threading.Event()
    if options["timeout"] is not None:
        limit = threading.Timer(options["timeout"], stop.set)
        limit.daemon = True
        limit.start()
    return client.wait(execution, stop, longest_pause=_LONGEST_PAUSE)
