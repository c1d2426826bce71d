"""What ``decider.start`` and ``worker.start`` have in common: a supervisor, and its processes.

Those run the same command line with a hidden option. What can be found wrong, the supervisor finds
before there is any process, and says once. A process that meets a mistake later, such as a key that
was revoked, ends the whole command with one line, too. But that an engine is away for a while is no
mistake once the command has begun.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import render
from dataflow.errors import UsageError

if TYPE_CHECKING:
    from dataflow.connect import Connection
    from dataflow.process.supervised import Actor

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """What a fleet is for."""

    #: ``decider`` or ``worker``.
    kind: str
    domain: str
    task_list: str
    grace: float

    def __str__(self) -> str:
        return f"{self.kind} {self.domain}/{self.task_list}"


def supervise(
    ctx: click.Context,
    fleet: Fleet,
    connect: Callable[[], Connection],
    processes: int | None,
    prepare: Callable[[Connection], None] = lambda _: None,
) -> None:
    """Check that there can be such a fleet, and have it until the command is told to stop.

    ``prepare`` is called once, when all was found to be right. Raises `UsageError`.
    """
    from dataflow.process import supervised
    from dataflow.process.refusals import refusal
    from dataflow.process.supervisor import Supervisor

    count = processes or os.cpu_count() or 1
    with connect() as connection:
        try:
            _check(connection, fleet)
            prepare(connection)
        except Exception as error:
            told = refusal(error, fleet.domain, fleet.task_list)
            if told is None:
                raise
            raise told from error
        name = connection.name
    supervised.set_title(f"dataflow supervisor {fleet}")
    plural = "es" if count > 1 else ""
    supervisor = Supervisor(
        lambda line: _command(str(ctx.info_name), line), count, grace=fleet.grace
    )
    render.tell(f"dataflow {fleet}: {count} process{plural} on {name}")
    ctx.exit(supervisor.run())


def work(
    ctx: click.Context,
    fleet: Fleet,
    connect: Callable[[], Connection],
    actor: Callable[[Connection], Actor],
    line: int | None,
) -> None:
    """Be one of the processes; without a ``line``, be the only one, without a supervisor."""
    from dataflow.process import loading, supervised
    from dataflow.process.refusals import refusal

    child = supervised.Child(line, grace=fleet.grace)
    supervised.set_title(f"dataflow {fleet}")
    loading.see_working_directory()
    try:
        with _persistently(connect, fleet) if line is not None else connect() as connection:
            child.run(actor(connection))
    except Exception as error:
        told = refusal(error, fleet.domain, fleet.task_list)
        if told is None:
            raise
        if line is None:
            raise told from error
        _log.debug("no process can work", exc_info=error)
        child.give_up(str(told))
        ctx.exit(2)


def _command(name: str, line: int) -> list[str]:
    """The command line of a process: our own, and its line."""
    here = sys.argv.index(name, 1) + 1
    return [
        sys.executable,
        "-P",  # what lies in the working directory is no part of Python
        "-m",
        "dataflow",
        *sys.argv[1:here],
        f"--supervised={line}",
        *sys.argv[here:],
    ]


def _check(connection: Connection, fleet: Fleet) -> None:
    """Ask for what only those may know who may work there. Raises what the service does."""
    from dataflow.process.calls import code

    service = connection.service
    if fleet.kind == "decider":
        count: Callable[..., Any] = service.count_pending_decision_tasks
    else:
        count = service.count_pending_activity_tasks
    try:
        service.describe_domain(name=fleet.domain)
        count(domain=fleet.domain, taskList={"name": fleet.task_list})
    except Exception as error:
        # Amazon's policies may allow polls, and nothing else: the first poll will tell.
        if connection.kind != "swf" or code(error) != "AccessDeniedException":
            raise


def _persistently(connect: Callable[[], Connection], fleet: Fleet) -> Connection:
    """Connect to an engine that was there when the fleet began; it may be starting again."""
    from dataflow.process.calls import pauses

    for pause in pauses():
        try:
            return connect()
        except UsageError as error:
            if not _is_away(error):
                raise
            _log.warning(
                "%s cannot connect, again in %.1f s: %s",
                fleet,
                pause,
                error,
                extra={"event": "connect.failed"},
            )
        time.sleep(pause)
    raise AssertionError("pauses never end")


def _is_away(error: BaseException | None) -> bool:
    """Whether there is no engine just now, and not a mistake about it."""
    from dataflow.client.outcomes import NoServer, Unanswered, Unsent

    while error is not None:
        if isinstance(error, NoServer):
            return True
        if isinstance(error, Unsent | Unanswered):
            return not error.lasting
        error = error.__cause__
    return False


def one_task_list(given: str | None, known: Sequence[str]) -> str:
    """The task list: ``given``, else the one that is known. Raises `UsageError`."""
    if given is not None:
        return given
    if not known:
        raise UsageError("which tasks? Name the list with --task-list, or name a workflow")
    if len(set(known)) > 1:
        names = ", ".join(sorted(set(known)))
        raise UsageError(
            f"the workflows have several task lists ({names}): start a decider for each, or name "
            "one with --task-list"
        )
    return known[0]
