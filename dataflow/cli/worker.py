"""``dataflow worker.start``."""

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
from dataflow.errors import UsageError

if TYPE_CHECKING:
    from dataflow.cli.fleet import Fleet
    from dataflow.connect import Connection
    from dataflow.process.worker import Worker


@click.command(
    short_help="Perform the activities of a task list.",
    epilog="\b\nExamples:\n"
    "dataflow worker.start --domain shop --task-list mail --module shop.mail\n"
    "dataflow worker.start --task-list web -N 1 --concurrency 50 --isolation inline",
)
@domain_option
@click.option("-t", "--task-list", metavar="L", required=True, help="Where activity tasks wait.")
@processes_option
@click.option(
    "--concurrency",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    help="How many activities at once in each process. Default: 1.",
)
@click.option(
    "--isolation",
    type=click.Choice(["process", "inline"]),
    default="process",
    help="process: activities have processes of their own, so that they can be ended, and may "
    "crash. inline: threads, for activities that wait for something, and async ones. Default: "
    "process.",
)
@click.option(
    "--heartbeat",
    metavar="S",
    type=click.FloatRange(min=0),
    default=60,
    help="Seconds between heartbeats of an activity, 0: only its own. Default: 60.",
)
@click.option(
    "--max-tasks",
    metavar="N",
    type=click.IntRange(min=1),
    help="Replace the process of activities after so many.",
)
@click.option(
    "--max-memory",
    metavar="MB",
    type=click.IntRange(min=1),
    help="Replace it when so much memory is in use after an activity.",
)
@click.option("--one-task", is_flag=True, help="Perform one task, in this process, and end.")
@click.option(
    "--middleware-pre-execution",
    "pre",
    metavar="PATH",
    multiple=True,
    help="Call package.module.function(context) before each activity. May be repeated.",
)
@click.option(
    "--middleware-post-execution",
    "post",
    metavar="PATH",
    multiple=True,
    help="Call package.module.function(context, result=...) after each. May be repeated.",
)
@module_option
@grace_option
@engine_option
@home_option
@line_option
@click.pass_context
def start(ctx: click.Context, /, **options: Any) -> None:
    """Perform, in several processes, the activities whose tasks wait in a task list.

    The code of an activity is found by the name of its type: the module that the name begins with
    is imported, from the current directory, too. Nothing but an activity is ever called; --module
    limits what is imported.

    Processes that end are replaced. SIGTERM or Ctrl-C: finish the activities in hand, and end; what
    has not finished a few seconds before the end of --grace is told to end, then killed, and
    answered as failed. A second one: end at once. SIGTTIN and SIGTTOU: one process more, or fewer.
    SIGUSR1: write the stacks of all threads. LOG_LEVEL says what is logged (default: WARNING),
    DATAFLOW_LOG_FORMAT (text or json) how.

    Exit code: 0 when it was told to stop, 1 if it had to be cut short, 2 if it cannot work, 3 if
    there is no such domain, 6 if there is no engine.
    """
    from dataflow.cli import logs
    from dataflow.cli.fleet import Fleet, supervise, work
    from dataflow.connect import connect
    from dataflow.settings import domain

    if options["one_task"] and (options["processes"] or 1) > 1:
        raise UsageError("--one-task is for one process: leave --nb-processes away")
    logs.configure()
    fleet = Fleet(
        kind="worker",
        domain=domain(options["domain"]),
        task_list=options["task_list"],
        grace=options["grace"],
    )

    def to_engine() -> Connection:
        pollers = options["concurrency"]
        return connect(options["engine"], home=options["home"], pollers=pollers)

    if options["line"] is None and not options["one_task"]:
        supervise(ctx, fleet, to_engine, options["processes"])
    else:
        work(ctx, fleet, to_engine, lambda c: _Working(c, fleet, options), options["line"])


class _Working:
    """A worker whose end takes no longer than the grace."""

    def __init__(self, connection: Connection, fleet: Fleet, options: dict[str, Any]) -> None:
        from dataflow.process.identity import identity
        from dataflow.process.worker import PATIENCE_SECONDS, Worker
        from dataflow.settings import identity_changes, modules

        self._worker: Worker = Worker(
            connection,
            fleet.domain,
            fleet.task_list,
            concurrency=options["concurrency"],
            isolation=options["isolation"],
            heartbeat=options["heartbeat"],
            max_tasks=options["max_tasks"],
            max_memory=options["max_memory"],
            one_task=options["one_task"],
            modules=modules(options["modules"]),
            pre=options["pre"],
            post=options["post"],
            identity=identity(identity_changes()),
            prepare="dataflow.cli.logs.configure",
        )
        # Told to end, terminated, answered: that takes a while.
        ending = 2 * PATIENCE_SECONDS + 1
        self._finish = max(fleet.grace - ending, fleet.grace / 2)
        self.run = self._worker.run
        self.stop_now = self._worker.stop_now

    def stop(self) -> None:
        """Take nothing new; what runs may finish."""
        self._worker.stop(self._finish)
