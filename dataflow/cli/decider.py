"""``dataflow decider.start``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dataflow.cli.options import (
    domain_option,
    engine_option,
    grace_option,
    home_option,
    line_option,
    module_option,
    processes_option,
)

if TYPE_CHECKING:
    from dataflow.cli.fleet import Fleet
    from dataflow.connect import Connection
    from dataflow.process.decider import Decider
    from dataflow.workflow import Workflow

#: As in `dataflow.process.decider`, which --help must not import.
_CACHE_SIZE, _STICKY_SECONDS = 1_000, 10


@click.command(
    short_help="Decide for the executions of a task list.",
    epilog="\b\nExamples:\n"
    "dataflow decider.start --domain shop --task-list orders --module shop\n"
    "dataflow decider.start --domain shop shop.orders.Order shop.orders.Refund",
)
@click.argument("workflows", metavar="[WORKFLOW]...", nargs=-1)
@domain_option
@click.option(
    "-t",
    "--task-list",
    metavar="L",
    help="Where decision tasks wait. Default: the task list of the WORKFLOWs.",
)
@processes_option
@click.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    default=2,
    help="How many threads decide in each process: with two, one slow execution does not keep "
    "others waiting. Default: 2.",
)
@click.option(
    "--cache-size",
    metavar="N",
    type=click.IntRange(min=0),
    default=_CACHE_SIZE,
    help=f"Executions that each thread keeps in memory. Default: {_CACHE_SIZE}.",
)
@click.option(
    "--sticky-timeout",
    metavar="S",
    type=click.IntRange(min=1),
    default=_STICKY_SECONDS,
    help="Seconds that an execution waits for the thread that has it in memory, before any other "
    f"may decide. Default: {_STICKY_SECONDS}.",
)
@module_option
@grace_option
@engine_option
@home_option
@line_option
@click.pass_context
def start(ctx: click.Context, /, **options: Any) -> None:
    """Decide, in several processes, what the workflows of a task list do next.

    With WORKFLOW arguments (package.module.Class or package.module:Class) these are served, and
    nothing else; their types are registered. Without, the class is found by the path in the
    execution's input, or by the name of its type. Modules are found from the current directory,
    too.

    Processes that end are replaced. SIGTERM or Ctrl-C: decide what is in hand, and end; a second
    one: end at once. SIGTTIN and SIGTTOU: one process more, or fewer. SIGUSR1: write the stacks of
    all threads. LOG_LEVEL says what is logged (default: WARNING), DATAFLOW_LOG_FORMAT (text or
    json) how.

    Exit code: 0 when it was told to stop, 1 if it had to be cut short, 2 if it cannot work, 3 if
    there is no such domain, 6 if there is no engine.
    """
    from dataflow.cli import logs
    from dataflow.cli.fleet import Fleet, one_task_list, supervise, work
    from dataflow.connect import connect
    from dataflow.process import loading
    from dataflow.settings import domain

    logs.configure()
    given = [loading.find(name) for name in options["workflows"]]
    fleet = Fleet(
        kind="decider",
        domain=domain(options["domain"]),
        task_list=one_task_list(options["task_list"], [one.task_list for one in given]),
        grace=options["grace"],
    )

    def to_engine() -> Connection:
        # Each thread polls the common list, and its own.
        pollers = 2 * options["threads"]
        return connect(options["engine"], home=options["home"], pollers=pollers)

    def register(connection: Connection) -> None:
        from dataflow.process.definitions import type_of
        from dataflow.process.registering import Registrar

        registrar = Registrar(connection.service, fleet.domain)
        for definition in given:
            registrar.workflow(type_of(definition))

    if options["line"] is None:
        supervise(ctx, fleet, to_engine, options["processes"], register)
    else:
        work(ctx, fleet, to_engine, lambda c: _decider(c, fleet, given, options), options["line"])


def _decider(
    connection: Connection, fleet: Fleet, given: list[type[Workflow]], options: dict[str, Any]
) -> Decider:
    from dataflow.process.decider import Decider
    from dataflow.process.definitions import Definitions
    from dataflow.process.identity import identity
    from dataflow.settings import identity_changes, modules

    return Decider(
        connection,
        fleet.domain,
        fleet.task_list,
        Definitions(given, modules=modules(options["modules"]), fields=connection.fields).find,
        threads=options["threads"],
        cache_size=options["cache_size"],
        sticky_seconds=options["sticky_timeout"],
        identity=identity(identity_changes()),
        # "Amazon SWF will revert the override and schedule a new decision task to the original
        # task list": that of the start, as it seems. Our engine goes back to the last for good.
        # https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RespondDecisionTaskCompleted.html
        reverts_to_start=connection.kind == "swf",
    )
