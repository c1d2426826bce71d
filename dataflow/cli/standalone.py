"""``dataflow standalone``."""

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
    format_option,
    home_option,
    input_file_option,
    input_option,
    tags_option,
)
from dataflow.cli.screen import Screen
from dataflow.errors import UsageError

if TYPE_CHECKING:
    from dataflow.connect import Connection
    from dataflow.process.client import Client
    from dataflow.process.standalone import Standalone
    from dataflow.protocol.values import WorkflowExecution

#: Seconds between two questions to an engine that is not in this process.
_ASK_SECONDS = 2.0


@click.command(
    short_help="Run a workflow with an engine, decider and workers of its own.",
    epilog="\b\nExamples:\n"
    "dataflow standalone examples.basic.BasicWorkflow --input '[1, 5]'\n"
    "dataflow standalone --workflow-id monday reports.Weekly",
)
@click.argument("workflow")
@click.argument("rest", metavar="[-]", nargs=-1)
@domain_option
@input_option
@input_file_option
@click.option(
    "--workflow-id",
    metavar="ID",
    help="A name for the execution. If one of this name is open, it goes on where it was.",
)
@execution_timeout_option
@decision_tasks_timeout_option
@tags_option
@click.option(
    "-D", "--nb-deciders", metavar="N", type=click.IntRange(min=1), default=1, help="Default: 1."
)
@click.option(
    "-W",
    "--nb-workers",
    metavar="N",
    type=click.IntRange(min=1),
    help="How many activities may run at once. Default: the number of processors.",
)
@click.option(
    "--isolation",
    type=click.Choice(["process", "inline"]),
    default="process",
    help="process: each worker has a process of its own; inline: a thread. Default: process.",
)
@click.option(
    "--heartbeat",
    metavar="S",
    type=click.FloatRange(min=0),
    default=60,
    help="Seconds between heartbeats of an activity, 0: none. Default: 60.",
)
@click.option(
    "--durability",
    type=click.Choice(["full", "process"]),
    default="full",
    help="Of the engine, as for server.start. Default: full.",
)
@click.option(
    "--display-status/--no-display-status",
    default=True,
    help="Show on a terminal how far the execution is. Default: yes.",
)
@click.option(
    "--repair",
    metavar='"ID [RUN]"',
    help="Use the results of this earlier run: only what failed there is done again.",
)
@click.option(
    "--force-activities",
    "force",
    metavar="REGEX",
    help="With --repair: activities to do again all the same, by their ids.",
)
@engine_option
@home_option
@format_option
@click.pass_context
def standalone(ctx: click.Context, /, **options: Any) -> None:
    """Run WORKFLOW durably, with everything it needs in this command, and print its result.

    WORKFLOW is package.module.Class or package.module:Class, found from the current directory, too.
    The execution is kept by the engine (by default the embedded one, in its home directory): after
    a crash the same command with the same --workflow-id goes on where it was.

    Exit code: 0 if it completed; 1 if it failed; 2 if it could not be started as written; 3 if
    there is no run to repair; 4 if it was cancelled or terminated; 5 if it has timed out; 6 if
    there is no way to the engine; 130 if it was interrupted.
    """
    as_json = options["output"] == "json"
    screen = Screen(keep_stdout=as_json)
    from dataflow.cli import logs
    from dataflow.clock import SystemClock
    from dataflow.connect import connect

    logs.configure()
    clock = SystemClock()
    began = clock.now()
    with connect(
        options["engine"],
        home=options["home"],
        own=True,
        durability=options["durability"],
        pollers=2 * options["nb_deciders"] + _workers(options) + 1,
    ) as connection:
        run = _prepare(connection, options)
        if run.resumed:
            render.tell(f"going on with {run.execution.workflow_id} {run.execution.run_id}")
        ended = None
        try:
            if options["display_status"]:
                with screen.live(_Status(run, clock.now, live=connection.kind == "embedded")):
                    ended = run.run()
            else:
                ended = run.run()
        except KeyboardInterrupt:
            pass
        screen.end_line()
    if ended is None:
        name = run.execution.workflow_id
        render.tell(f"interrupted: the same command with --workflow-id {name} goes on with it")
        ctx.exit(exits.INTERRUPTED)
    if as_json:
        screen.answer(render.as_json(ended))
    else:
        render.tell(render.as_text(ended, clock.now() - began))
    ctx.exit(exits.of_end(ended.status))


class _Status:
    """The line that says how far the execution is."""

    def __init__(self, run: Standalone, now: Any, *, live: bool) -> None:
        self._run = run
        self._now = now
        self._every = 0.0 if live else _ASK_SECONDS
        self._asked = 0.0
        self._line = ""

    def __call__(self) -> str:
        if self._now() - self._asked >= self._every:
            self._asked = self._now()
            self._line = render.open_counts(self._run.counts())
        return self._line


def _workers(options: dict[str, Any]) -> int:
    import os

    workers: int = options["nb_workers"] or os.cpu_count() or 1
    return workers


def _prepare(connection: Connection, options: dict[str, Any]) -> Standalone:
    """Everything that can be found wrong before work begins. Raises `UsageError`."""
    from dataflow.cli import inputs
    from dataflow.process import loading
    from dataflow.process.client import Client
    from dataflow.process.identity import identity
    from dataflow.process.standalone import Setup, Standalone
    from dataflow.settings import domain, identity_changes

    definition = loading.find(options["workflow"])
    name = domain(options["domain"])
    client = Client(connection, name)
    if connection.kind != "swf":
        client.ensure_domain()
    repair = _repair(client, options["repair"], options["force"])
    given = inputs.read(options["text"], options["file"], options["rest"])
    if repair is not None and not any((options["text"], options["file"], options["rest"])):
        text = client.input(repair[0])
    else:
        text = inputs.check(definition, given, path=options["workflow"])
    embedded = connection.kind == "embedded"
    return Standalone(
        connection,
        name,
        definition,
        inputs.start(definition, text, options),
        Setup(
            deciders=options["nb_deciders"],
            workers=_workers(options),
            isolation=options["isolation"],
            heartbeat=options["heartbeat"],
            identity=identity(identity_changes()),
            prepare="dataflow.cli.logs.configure",
        ),
        lose_workers=connection.service.lose_workers if embedded else None,  # type: ignore[attr-defined]
        repair=repair,
    )


def _repair(
    client: Client, repair: str | None, force: str | None
) -> tuple[WorkflowExecution, str | None] | None:
    import re

    if repair is None:
        if force is not None:
            raise UsageError("--force-activities goes with --repair: name the run to repair")
        return None
    if force is not None:
        try:
            re.compile(force)
        except re.error as error:
            raise UsageError(
                f"--force-activities {force} is no regular expression: {error}"
            ) from error
    names: Sequence[str] = repair.split()
    if not 1 <= len(names) <= 2:  # noqa: PLR2004 - see the help
        raise UsageError('--repair takes a workflow id and perhaps a run id: "ID" or "ID RUN"')
    return client.find(*names), force
