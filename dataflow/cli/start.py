"""``dataflow workflow.start``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import exits, render
from dataflow.cli.options import (
    decision_tasks_timeout_option,
    domain_option,
    engine_option,
    execution_timeout_option,
    home_option,
    input_file_option,
    input_option,
    tags_option,
)
from dataflow.cli.screen import Screen
from dataflow.errors import UsageError

if TYPE_CHECKING:
    from dataflow.process.local import LocalRun

#: Seconds between two looks whether an execution has ended.
_LONGEST_PAUSE = 1.0

#: The options of each way to start, with how they are written.
_LOCAL_ONLY = {"nb_workers": "--nb-workers"}
_REMOTE_ONLY = {
    "domain": "--domain",
    "task_list": "--task-list",
    "execution_timeout": "--execution-timeout",
    "decision_tasks_timeout": "--decision-tasks-timeout",
    "tags": "--tags",
    "wait": "--wait",
    "engine": "--engine",
    "home": "--home",
}


@click.command(
    short_help="Run a workflow.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.start --local examples.basic.BasicWorkflow --input '[1, 5]'\n"
    "dataflow workflow.start --domain shop --wait orders.Order --input 17",
)
@click.argument("workflow")
@click.argument("rest", metavar="[-]", nargs=-1)
@click.option("--local", is_flag=True, help="Run it here and now, in this process.")
@input_option
@input_file_option
@click.option(
    "--nb-workers",
    metavar="N",
    type=click.IntRange(min=1),
    help="With --local: how many activities may run at once. Default: the processors and 4 more, "
    "at most 32.",
)
@click.option("--workflow-id", metavar="ID", help="A name for the execution. Default: a new one.")
@domain_option
@click.option(
    "--task-list",
    metavar="L",
    help="Where its deciders wait. Default: the workflow's own.",
)
@execution_timeout_option
@decision_tasks_timeout_option
@tags_option
@click.option("--wait", is_flag=True, help="Wait for its end, and tell it as --local does.")
@engine_option
@home_option
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    help="The outcome as text on standard error, or as a JSON object on standard output.",
)
@click.pass_context
def start(ctx: click.Context, /, **options: Any) -> None:
    """Start WORKFLOW, which is package.module.Class or package.module:Class.

    Modules are found from the current directory, too. - reads the input from standard input.
    Without --local the execution is started on an engine, for deciders and workers to do
    (decider.start, worker.start), and its workflow id and run id are printed. What is not
    registered is registered.

    With --local or --wait, what the workflow prints (--local) goes to standard output, all else to
    standard error.

    Exit code: 0 if it was started, or has completed; 1 if it failed, or an execution of its
    workflow id is open; 2 if it could not be started as written; 3 if there is no such domain; 4 if
    it was cancelled or terminated; 5 if it has timed out; 6 if there is no engine; 130 if it was
    interrupted.
    """
    local = options["local"]
    for member, option in (_REMOTE_ONLY if local else _LOCAL_ONLY).items():
        if options[member]:
            where = "without --local" if local else "with --local"
            raise UsageError(f"{option} goes {where} only")
    as_json = options["output"] == "json"
    if local:
        _run_here(ctx, options, as_json=as_json)
    else:
        _run_there(ctx, options, as_json=as_json)


# --- on an engine ---------------------------------------------------------------------------


def _run_there(ctx: click.Context, options: dict[str, Any], *, as_json: bool) -> None:
    import json
    import threading

    from dataflow.cli import inputs, logs
    from dataflow.clock import SystemClock
    from dataflow.connect import connect
    from dataflow.process import loading
    from dataflow.process.client import Client
    from dataflow.settings import domain

    logs.configure()
    given = inputs.read(options["text"], options["file"], options["rest"])
    definition = loading.find(options["workflow"])
    text = inputs.check(definition, given, path=options["workflow"])
    begin = inputs.start(definition, text, options)
    with connect(options["engine"], home=options["home"]) as connection:
        client = Client(connection, domain(options["domain"]))
        clock = SystemClock()
        began = clock.now()
        execution = client.start(begin)
        names = {"workflow_id": execution.workflow_id, "run_id": execution.run_id}
        if not options["wait"]:
            render.say(json.dumps(names) if as_json else " ".join(names.values()))
            return
        render.tell(" ".join(names.values()))
        try:
            ended = client.wait(execution, threading.Event(), longest_pause=_LONGEST_PAUSE)
        except KeyboardInterrupt:
            render.tell("interrupted; the execution goes on")
            ctx.exit(exits.INTERRUPTED)
    assert ended is not None
    if as_json:
        render.say(render.as_json(ended))
    else:
        render.tell(render.as_text(ended, clock.now() - began))
    ctx.exit(exits.of_end(ended.status))


# --- in this process ------------------------------------------------------------------------


def _run_here(ctx: click.Context, options: dict[str, Any], *, as_json: bool) -> None:
    screen = Screen(keep_stdout=as_json)
    from dataflow.cli import logs
    from dataflow.clock import SystemClock

    logs.configure()
    clock = SystemClock()
    started = None
    try:
        sources = (options["text"], options["file"], options["rest"])
        run = _prepare(options["workflow"], options["workflow_id"], sources, options["nb_workers"])
        started = clock.now()
        with screen.live(lambda: render.progress(run.counts)):
            outcome = run.run()
        seconds = clock.now() - started
    except KeyboardInterrupt:
        screen.end_line()
        after = "" if started is None else f" after {clock.now() - started:.2f} s"
        render.tell(f"interrupted{after}")
        ctx.exit(exits.INTERRUPTED)
    screen.end_line()
    for notice in outcome.notices:
        render.warning(notice)
    if as_json:
        screen.answer(render.as_json(outcome))
    else:
        render.tell(render.as_text(outcome, seconds))
    # Nobody terminates it but the run itself, when it cannot go on.
    ctx.exit(exits.FAILED if outcome.status == "TERMINATED" else exits.of_end(outcome.status))


def _prepare(
    name: str,
    workflow_id: str | None,
    sources: tuple[str | None, str | None, Sequence[str]],
    nb_workers: int | None,
) -> LocalRun:
    """Everything that can be found wrong before the workflow starts. Raises `UsageError`."""
    from dataflow.cli import inputs
    from dataflow.process import loading
    from dataflow.process.local import local_run

    given = inputs.read(*sources)
    definition = loading.find(name)
    text = inputs.check(definition, given)
    try:
        return local_run(definition, text, nb_workers=nb_workers, workflow_id=workflow_id)
    except (TypeError, ValueError) as error:  # an attribute of the class that SWF does not take
        raise UsageError(f"{name}: {error}") from error
