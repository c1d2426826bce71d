"""``dataflow workflow.signal``, ``workflow.cancel`` and ``workflow.terminate``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import bulk, positional, render
from dataflow.cli import reader as reading
from dataflow.cli.bulk import Deed
from dataflow.cli.options import input_file_option
from dataflow.cli.tables import member
from dataflow.errors import UsageError

if TYPE_CHECKING:
    from dataflow.inspection.executions import Execution
    from dataflow.process.control import Control

_COLUMNS = (
    member("workflow_id", "Workflow ID"),
    member("run_id", "Run ID"),
)

#: To the execution of this workflow id and run id.
_Act = Callable[["Control", str, str | None], None]

run_id_option = click.option(
    "--run-id", metavar="RUN_ID", help="The run. Default: the open one of the workflow id."
)


@click.command(
    short_help="Send a signal to executions.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.signal shop order-17 paid --input '{\"amount\": 5}'\n"
    "dataflow workflow.signal shop hurry --type order --tag priority --dry-run",
)
@positional.argument("[DOMAIN] WORKFLOW_ID SIGNAL")
@run_id_option
@click.option("-i", "--input", "text", metavar="JSON", help="What comes with the signal.")
@input_file_option
@bulk.bulk_options
@reading.options_without_d
def signal(**options: Any) -> None:
    """Send SIGNAL to an open execution; with conditions, to all open executions that meet them.

    The signal is in the history from then on. - reads the input from standard input.
    """
    from dataflow.cli import inputs

    text = inputs.read_value(options["text"], options["file"])
    many = bulk.means_many(options)
    needed = ["SIGNAL"] if many else ["WORKFLOW_ID", "SIGNAL"]
    words = positional.read(options["words"], options["domain"], needed)
    *ids, name = words.names

    def send(control: Control, workflow_id: str, run_id: str | None) -> None:
        control.signal(workflow_id, run_id, name, text)

    _do(
        Deed(name=f"send the signal {name} to", done=f"sent the signal {name}"),
        words.domain,
        ids,
        send,
        options,
    )


@click.command(
    short_help="Ask executions to end themselves.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.cancel shop order-17\n"
    "dataflow workflow.cancel shop --type order --to 2026-11-01 --yes",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@run_id_option
@bulk.bulk_options
@reading.options_without_d
def cancel(**options: Any) -> None:
    """Ask an open execution to cancel itself; with conditions, all open ones that meet them.

    The request is in the history from then on; the workflow decides what becomes of it.
    """

    def ask(control: Control, workflow_id: str, run_id: str | None) -> None:
        control.cancel(workflow_id, run_id)

    _do_to_named(Deed(name="cancel", done="asked to cancel"), ask, options)


@click.command(
    short_help="End executions at once.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.terminate shop order-17 --reason 'ordered twice'\n"
    "dataflow workflow.terminate shop --tag test --dry-run",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@run_id_option
@click.option("--reason", metavar="TEXT", help="Why, for the history.")
@click.option("--details", metavar="TEXT", help="And in detail.")
@bulk.bulk_options
@reading.options_without_d
def terminate(**options: Any) -> None:
    """End an open execution at once, whatever it is at; with conditions, all that meet them.

    The workflow hears nothing of it. On a terminal it is asked whether that is meant; elsewhere
    --yes must say so.
    """

    def end(control: Control, workflow_id: str, run_id: str | None) -> None:
        control.terminate(workflow_id, run_id, options["reason"], options["details"])

    _do_to_named(Deed(name="terminate", done="terminated"), end, options, ask=True)


def _do_to_named(deed: Deed, act: _Act, options: dict[str, Any], *, ask: bool = False) -> None:
    if bulk.means_many(options):
        words = positional.read(options["words"], options["domain"])
        _do(deed, words.domain, [], act, options)
        return
    named = positional.execution(options)
    if ask:
        bulk.confirm(f"{deed.name} {named.workflow_id} in the domain {named.domain}", options)
    _do(deed, named.domain, [named.workflow_id], act, {**options, "run_id": named.run_id})


def _do(deed: Deed, domain: str, ids: list[str], act: _Act, options: dict[str, Any]) -> None:
    """To the one that is named, else to all that meet the conditions."""
    from dataflow.clock import SystemClock
    from dataflow.process.control import Control

    if not ids and options["run_id"] is not None:
        raise UsageError("--run-id goes with one workflow id, and not with conditions")
    with reading.connected(options, domain) as (connection, there):
        control = Control(there, connection.fields)
        if ids:
            act(control, ids[0], options["run_id"])
            render.tell(f"{ids[0]} was {deed.done}")
            return

        def do(execution: Execution) -> Execution:
            act(control, execution.workflow_id, execution.run_id)
            return execution

        chosen = bulk.open_ones(there, options, SystemClock().now())
        code = bulk.carry_out(deed, chosen, do, _COLUMNS, options)
    click.get_current_context().exit(code)
