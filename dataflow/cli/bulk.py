"""What is done to one execution, or to all that meet some conditions.

1. *Conditions mean many*: with one of the options of ``workflow.filter``, a command is about all
   executions that meet them, and takes no workflow id.
2. *Nothing by mistake.* What ends executions, and whatever is done to many, is asked for first: on
   a terminal by a question, elsewhere by ``--yes``. ``--dry-run`` only shows which they are.
3. *To the end.* What cannot be done to one of many is told, and the others follow; unless the
   engine is away.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dataflow.cli import exits, filtering, render, tables
from dataflow.cli.tables import Column, member
from dataflow.errors import DataflowError, UsageError

if TYPE_CHECKING:
    from dataflow.inspection.executions import Execution
    from dataflow.inspection.reading import Filter, Reader

_F = TypeVar("_F", bound=Callable[..., Any])

#: Options that say which executions are meant.
_CONDITIONS = (
    "status",
    "close_status",
    "workflow_id",
    "type_name",
    "type_version",
    "tag",
    "started_since",
    "from_date",
    "to_date",
)

yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")

_dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Only show which executions are meant."
)

_COLUMNS = (
    member("workflow_id", "Workflow ID"),
    member("run_id", "Run ID"),
    Column(key="workflow_type", title="Workflow Type", value=lambda e: e.name),
    Column(key="workflow_version", title="Workflow Version", value=lambda e: e.version),
    member("status", "Status", "state"),
)


def bulk_options(command: _F) -> _F:
    """The options of workflow.filter, ``--dry-run`` and ``--yes``."""
    return filtering.filter_options(_dry_run_option(yes_option(command)))


def again_options(*, to: Sequence[str] = ("--to-date", "--to")) -> Callable[[_F], _F]:
    """Likewise, for a command that means `latest_runs`; ``to``: how its --to is called."""
    conditions = filtering.filter_options_with(status="closed", to=to)
    return lambda command: conditions(_dry_run_option(yes_option(command)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something to do to executions, in words."""

    #: As in "this would ... 3 executions".
    name: str
    #: As in "3 executions were ...".
    done: str


def means_many(options: Mapping[str, Any]) -> bool:
    """Whether the options say which executions are meant. Raises `UsageError` for half of it."""
    many = any(options[name] is not None for name in _CONDITIONS)
    if options["dry_run"] and not many:
        raise UsageError(
            "--dry-run goes with conditions, such as --status or --type: one execution is named"
        )
    return many


def open_ones(there: Reader, options: Mapping[str, Any], now: float) -> list[Execution]:
    """The executions that meet the conditions, and are open. Raises `UsageError`."""
    which = filtering.read(options, now)
    if not which.open or which.closed:
        raise UsageError("only what is open can be meant: leave --status out, or say --status open")
    return list(there.executions(which))


def latest_runs(there: Reader, options: Mapping[str, Any], now: float) -> list[Execution]:
    """The executions that meet the conditions, and are the latest of their workflow ids.

    A run that failed, and was done again since, is not to be done another time: so it is looked at
    what came later, too. Raises `UsageError`.
    """
    if options["status"] is None and options["close_status"] is None:
        options = {**options, "status": "closed"}
    which = filtering.read(options, now)
    if not which.closed:
        return list(there.executions(which))
    latest: dict[str, Execution] = {}
    anything = replace(which, open=True, closed=True, close_status=None, latest=None)
    for execution in there.executions(anything):
        known = latest.setdefault(execution.workflow_id, execution)
        if execution.started_at > known.started_at:
            latest[execution.workflow_id] = execution
    return [execution for execution in latest.values() if _is_meant(execution, which)]


def _is_meant(execution: Execution, which: Filter) -> bool:
    at = execution.closed_at if which.by == "close" else execution.started_at
    in_time = which.latest is None or (at is not None and at <= which.latest)
    wanted = which.open if execution.is_open else which.closed
    return in_time and wanted and which.matches(execution)


def check_output(columns: Sequence[Column], options: Mapping[str, Any]) -> None:
    """Find out that rows can be printed as wanted, before there are any. Raises `UsageError`."""
    tables.lines((), columns, tables.layout(options))


def confirm(what: str, options: Mapping[str, Any]) -> None:
    """Have it said that something shall be done; ``what``: as in "terminate order-17".

    Raises `UsageError` where nobody can be asked, `click.exceptions.Exit` if the answer is no.
    """
    if options["yes"]:
        return
    if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(f"this would {what}: say --yes if that is meant")
    if not render.ask(f"{what[0].upper()}{what[1:]}?"):
        render.tell("nothing was done")
        raise click.exceptions.Exit(exits.FAILED)


def carry_out(
    deed: Deed,
    chosen: Sequence[Execution],
    act: Callable[[Execution], Any],
    columns: Sequence[Column],
    options: Mapping[str, Any],
) -> int:
    """Do it to many, and print a row for each; the exit code. Raises as `confirm`."""
    number = _count(len(chosen))
    if options["dry_run"] or not chosen:
        tables.show(chosen, _COLUMNS, options)
        render.tell(f"{number} would be {deed.done}" if chosen else "no execution is meant")
        return exits.DONE
    check_output(columns, options)
    confirm(f"{deed.name} {number}", options)
    done: list[Any] = []
    code = exits.DONE
    try:
        for execution in chosen:
            try:
                done.append(act(execution))
            except DataflowError as error:
                if exits.of_error(error) == exits.UNREACHABLE:
                    raise  # the others would fare no better
                code = exits.FAILED
                render.error(error, f"{execution.workflow_id}: {error}")
    except KeyboardInterrupt:
        code = exits.INTERRUPTED
    finally:
        tables.show(done, columns, options)
        some = number if len(done) == len(chosen) else f"{len(done)} of {number}"
        render.tell(f"{some} {'was' if len(done) == 1 else 'were'} {deed.done}")
    return code


def _count(number: int) -> str:
    return "1 execution" if number == 1 else f"{number} executions"
