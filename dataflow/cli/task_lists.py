"""``dataflow tasklist.info``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import positional, tables
from dataflow.cli import reader as reading
from dataflow.cli.reader import reader
from dataflow.cli.tables import Column, member
from dataflow.inspection.fields import who

if TYPE_CHECKING:
    from dataflow.inspection.task_lists import TaskList

#: In how many executions one looks for pollers.
_EXECUTIONS = 5


@click.command(
    short_help="Show a task list.",
    epilog="\b\nExample:\ndataflow --header tasklist.info shop payments",
)
@positional.argument("[DOMAIN] NAME")
@click.option(
    "--executions",
    metavar="N",
    type=click.IntRange(min=0),
    default=_EXECUTIONS,
    help=f"In how many of the latest executions to look for who takes tasks. Default: "
    f"{_EXECUTIONS}.",
)
@reading.options
def info(**options: Any) -> None:
    """Show how many tasks wait in the task list NAME, and who was seen to take tasks from it.

    A list exists by its use: one that nobody has used is empty. Who polls, SWF does not tell;
    histories tell who has taken a task, and when.
    """
    words = positional.read(options["words"], options["domain"], ["NAME"])
    with reader(options, words.domain) as there:
        found = there.task_list(words.names[0], executions=options["executions"])
    tables.show_one(found, _COLUMNS, options)


def _seen(kind: str) -> Any:
    def value(found: TaskList) -> list[str]:
        return [who(poller.identity) for poller in found.pollers if poller.kind == kind]

    return value


def _last_seen(kind: str) -> Any:
    def value(found: TaskList) -> float | None:
        return max((p.seen_at for p in found.pollers if p.kind == kind), default=None)

    return value


_COLUMNS = [
    member("name", "Task List"),
    member("waiting_decisions", "Waiting Decisions", "number"),
    member("waiting_activities", "Waiting Activities", "number"),
    Column(
        key="counts_truncated",
        title="Counts Truncated",
        kind="flag",
        value=lambda found: found.truncated,
        shown=False,
    ),
    Column(key="deciders", title="Deciders Seen", kind="list", value=_seen("decision")),
    Column(key="decider_seen_at", title="Last", kind="time", value=_last_seen("decision")),
    Column(key="workers", title="Workers Seen", kind="list", value=_seen("activity")),
    Column(key="worker_seen_at", title="Last", kind="time", value=_last_seen("activity")),
]
