"""``dataflow workflow.restart`` and ``workflow.reset``."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import bulk, positional, render, tables
from dataflow.cli import reader as reading
from dataflow.cli.bulk import Deed
from dataflow.cli.options import input_file_option, input_option
from dataflow.cli.tables import Column, member
from dataflow.errors import UsageError

if TYPE_CHECKING:
    from dataflow.connect import Connection
    from dataflow.inspection.executions import Execution
    from dataflow.inspection.reading import Reader
    from dataflow.process.resetting import ResetRun
    from dataflow.protocol.values import WorkflowExecution

task_list_option = click.option(
    "--task-list",
    metavar="L",
    help="Where deciders wait for the new run. Default: where they did for the old one.",
)

_NEW = (
    member("workflow_id", "Workflow ID"),
    member("run_id", "Run ID"),
)
_RESET = (
    Column(key="workflow_id", title="Workflow ID", value=lambda new: new.execution.workflow_id),
    Column(key="run_id", title="Run ID", value=lambda new: new.execution.run_id),
    member("kept", "Kept", "number", shown=False),
    member("known", "Known", "number", shown=False),
    member("task_list", "Task List", shown=False),
)


@click.command(
    short_help="Run executions again.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.restart shop order-17\n"
    "dataflow workflow.restart shop --status failed --from 2026-11-24 --dry-run",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@positional.run_id_option
@input_option
@input_file_option
@task_list_option
@bulk.again_options()
@reading.options_without_d
def restart(**options: Any) -> None:
    """Begin an execution again, with the same type, input, tags and time-outs.

    One that is open is terminated; on a terminal it is asked whether that is meant, elsewhere --yes
    must say so. With conditions, all that meet them are begun again (by default closed ones), as
    far as they are the latest of their workflow ids. Prints workflow id and run id.
    """
    from dataflow.cli import inputs
    from dataflow.process.control import Control, lasting_list

    changed = options["text"] is not None or options["file"] is not None
    given = inputs.read(options["text"], options["file"], ())

    def make(connection: Connection, there: Reader) -> Callable[[Execution], WorkflowExecution]:
        control = Control(there, connection.fields)

        def begin(old: Execution) -> WorkflowExecution:
            started = there.beginning(old)
            task_list = options["task_list"] or lasting_list(old.workflow_id, started)
            if changed:
                text = inputs.again(control.input_of(started), given)
                started = control.with_input(started, text)
            if old.is_open:
                control.terminate(old.workflow_id, old.run_id, "restart")
            return control.begin(old.workflow_id, started, task_list=task_list)

        return begin

    _do(Deed(name="restart", done="restarted"), make, _NEW, options)


@click.command(
    short_help="Take executions back to a moment.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.reset shop order-17 --to activity-shop.charge-1\n"
    "dataflow workflow.reset shop --status failed --retry-failed --dry-run",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@positional.run_id_option
@click.option(
    "--to",
    "moment",
    metavar="EVENT_ID|TASK",
    help="Keep what had ended at this event; or before this task was scheduled, by its id.",
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Do again what had failed. Without --to, everything else is kept.",
)
@click.option("--workflow", metavar="CLASS", help="Its code. Default: as a decider finds it.")
@task_list_option
@bulk.again_options(to=["--to-date"])
@reading.options_without_d
def reset(**options: Any) -> None:
    """Begin an execution again that keeps the results that it had at a moment.

    The new run is decided here, by the code of the workflow, as long as there are results to keep;
    then the deciders of its task list go on. Tasks that had not ended, or that the code asks for
    otherwise now, are done again. An open execution is terminated, as by workflow.restart.
    """
    if options["moment"] is None and not options["retry_failed"]:
        raise UsageError(
            "back to when? --to names an event or a task, --retry-failed does again what failed"
        )
    from dataflow.process import loading
    from dataflow.process.definitions import Definitions
    from dataflow.process.resetting import Reset
    from dataflow.protocol import values
    from dataflow.settings import modules

    loading.see_working_directory()
    code = options["workflow"]
    given = [] if code is None else [loading.find(code)]

    def make(connection: Connection, there: Reader) -> Callable[[Execution], ResetRun]:
        definitions = Definitions(given, modules=modules(), fields=connection.fields)

        def go_back(old: Execution) -> ResetRun:
            # What the workflow prints is not what this command has to say.
            with contextlib.redirect_stdout(sys.stderr):
                run = values.WorkflowExecution(old.workflow_id, old.run_id)
                reset = Reset(
                    connection,
                    there,
                    definitions.find,
                    run,
                    options["moment"],
                    retry_failed=options["retry_failed"],
                )
                done = reset.run(task_list=options["task_list"])
            render.tell(f"{old.workflow_id}: {_told(done)}")
            return done

        return go_back

    _do(Deed(name="reset", done="reset"), make, _RESET, options)


def _told(done: ResetRun) -> str:
    kept = f"kept {done.kept} of {done.known} outcomes"
    if done.task_list is None:
        return f"{kept}, with which it has ended"
    return f"{kept}; it waits for deciders of the task list {done.task_list}"


def _do(
    deed: Deed,
    make: Callable[[Connection, Reader], Callable[[Execution], Any]],
    columns: Sequence[Column],
    options: dict[str, Any],
) -> None:
    """To the run that is named, else to all that meet the conditions."""
    from dataflow.clock import SystemClock

    named = None
    if bulk.means_many(options):
        if options["run_id"] is not None:
            raise UsageError("--run-id goes with one workflow id, and not with conditions")
        domain = positional.read(options["words"], options["domain"]).domain
    else:
        named = positional.execution(options)
        domain = named.domain
    with reading.connected(options, domain) as (connection, there):
        act = make(connection, there)
        if named is not None:
            bulk.check_output(columns, options)
            old = there.find(named.workflow_id, named.run_id)
            if old.is_open:
                bulk.confirm(
                    f"terminate {old.workflow_id}, which is open, to {deed.name} it", options
                )
            tables.show_one(act(old), columns, options)
            return
        chosen = bulk.latest_runs(there, options, SystemClock().now())
        code = bulk.carry_out(deed, chosen, act, columns, options)
    click.get_current_context().exit(code)
