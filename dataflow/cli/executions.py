"""``dataflow workflow.list``, ``workflow.filter`` and ``workflow.info``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import filtering, positional, tables
from dataflow.cli import reader as reading
from dataflow.cli.reader import reader
from dataflow.cli.tables import Column, member

if TYPE_CHECKING:
    from dataflow.inspection.executions import Summary

limit_option = click.option(
    "-l", "--limit", metavar="N", type=click.IntRange(min=1), help="No more than so many."
)

_ID = member("workflow_id", "Workflow ID")
_TYPE = Column(key="workflow_type", title="Workflow Type", value=lambda e: e.name)
_VERSION = Column(key="workflow_version", title="Workflow Version", value=lambda e: e.version)
_RUN = member("run_id", "Run ID")
_STATUS = member("status", "Status", "state")
_TAGS = member("tags", "Tags", "list")
_STARTED = member("started_at", "Started", "time")
_CLOSED = member("closed_at", "Closed", "time")
_MORE = (
    member("cancel_requested", "Cancel Requested", "flag", shown=False),
    Column(
        key="parent_workflow_id",
        title="Parent Workflow ID",
        value=lambda e: e.parent and e.parent.workflow_id,
        shown=False,
    ),
    Column(
        key="parent_run_id",
        title="Parent Run ID",
        value=lambda e: e.parent and e.parent.run_id,
        shown=False,
    ),
)


def _hidden(*columns: Column) -> tuple[Column, ...]:
    from dataclasses import replace

    return tuple(replace(column, shown=False) for column in columns)


_LIST = (_ID, _TYPE, _STATUS, *_hidden(_VERSION, _RUN, _TAGS, _STARTED, _CLOSED), *_MORE)
_FILTER = (_ID, _TYPE, _VERSION, _RUN, _STATUS, _TAGS, _STARTED, _CLOSED, *_MORE)


@click.command(
    short_help="List the executions of a domain.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.list shop\n"
    "dataflow workflow.list shop --status failed --started-since 7",
)
@positional.argument("[DOMAIN]")
@filtering.status_option
@filtering.started_since_option
@limit_option
@reading.options_without_d
def list_(**options: Any) -> None:
    """List executions of DOMAIN, the latest first: workflow id, type and status."""
    _show(options, _LIST)


@click.command(
    short_help="Find executions of a domain.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.filter shop --tag priority --type order\n"
    "dataflow workflow.filter shop --status failed --from 2026-11-01 --format jsonl",
)
@positional.argument("[DOMAIN]")
@filtering.filter_options
@limit_option
@reading.options_without_d
def filter_(**options: Any) -> None:
    """Show the executions of DOMAIN that meet all conditions, the latest first.

    An engine filters by one condition; for the others more may have to be read than is shown.
    """
    _show(options, _FILTER)


def _show(options: dict[str, Any], columns: tuple[Column, ...]) -> None:
    from dataflow.clock import SystemClock

    words = positional.read(options["words"], options["domain"])
    which = filtering.read(options, SystemClock().now())
    with reader(options, words.domain) as there:
        tables.show(there.executions(which, limit=options["limit"]), columns, options)


# --- one of them ---------------------------------------------------------------------------


@click.command(
    short_help="Show one execution.",
    epilog="\b\nExamples:\n"
    "dataflow --header workflow.info shop order-17\n"
    "dataflow workflow.info order-17 --format human",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@positional.run_id_option
@reading.options
def info(**options: Any) -> None:
    """Show an execution: of this run, else the latest one of its workflow id, open or closed.

    --format human and the formats of JSON tell more than fits a table: status, times, what it waits
    for, result or failure.
    """
    from dataflow.clock import SystemClock

    named = positional.execution(options)
    with reader(options, named.domain) as there:
        summary = there.summary(there.find(named.workflow_id, named.run_id))
    tables.show_one(summary, _info(SystemClock().now()), options)


def _info(now: float) -> tuple[Column, ...]:
    """``now``: how long an open execution takes so far depends on it."""

    def column(
        key: str, value: Any, kind: tables.Kind = "text", title: str | None = None
    ) -> Column:
        """Those with a title are in the table, as in the ancestor's."""
        return Column(key=key, title=title or key, value=value, kind=kind, shown=title is not None)

    def execution(name: str) -> Any:
        return lambda summary: getattr(summary.description.execution, name)

    def described(name: str) -> Any:
        return lambda summary: getattr(summary.description, name)

    def counted(name: str) -> Any:
        return lambda summary: getattr(summary.description.open, name)

    def ended(name: str) -> Any:
        return lambda summary: getattr(summary.ending, name, None)

    def parent(name: str) -> Any:
        return lambda summary: getattr(summary.description.execution.parent, name, None)

    def seconds(summary: Summary) -> float:
        return summary.description.execution.seconds(now)

    return (
        column("domain", execution("domain"), title="domain"),
        column("workflow_type", execution("name"), title="workflow_type.name"),
        column("workflow_version", execution("version"), title="workflow_type.version"),
        column("task_list", described("task_list"), title="task_list"),
        column("workflow_id", execution("workflow_id"), title="workflow_id"),
        column("run_id", execution("run_id"), title="run_id"),
        column("tags", execution("tags"), "list", title="tag_list"),
        column("execution_time", seconds, "seconds", title="execution_time"),
        column("input", lambda summary: summary.started.input, "field", title="input"),
        column("status", execution("status"), "state"),
        column("started_at", execution("started_at"), "time"),
        column("closed_at", execution("closed_at"), "time"),
        column("result", ended("result"), "field"),
        column("reason", ended("reason")),
        column("details", ended("details"), "field"),
        column("cancel_requested", execution("cancel_requested"), "flag"),
        column("open_activities", counted("activities"), "number"),
        column("open_timers", counted("timers"), "number"),
        column("open_children", counted("children"), "number"),
        column("open_lambdas", counted("lambdas"), "number"),
        column("open_decisions", counted("decisions"), "number"),
        column("latest_activity_at", described("latest_activity_at"), "time"),
        column("context", described("context"), "field"),
        column("parent_workflow_id", parent("workflow_id")),
        column("parent_run_id", parent("run_id")),
        column("previous_run_id", lambda summary: summary.started.continued_execution_run_id),
        column("next_run_id", ended("next_run_id")),
        column("execution_timeout", described("execution_timeout"), "number"),
        column("decision_tasks_timeout", described("decision_timeout"), "number"),
        column("task_priority", described("task_priority")),
        column("child_policy", described("child_policy")),
        column("lambda_role", described("lambda_role")),
    )
