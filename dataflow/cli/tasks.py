"""``dataflow workflow.tasks``, ``workflow.profile`` and ``task.info``."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import positional, render, tables
from dataflow.cli import reader as reading
from dataflow.cli.reader import Told, read_execution
from dataflow.cli.tables import Column, member
from dataflow.errors import NotFound, UsageError

if TYPE_CHECKING:
    from dataflow.inspection.tasks import Attempt, Task

nb_tasks_option = click.option(
    "-n", "--nb-tasks", metavar="N", type=click.IntRange(min=1), help="No more than so many."
)


# --- columns -------------------------------------------------------------------------------


def of_task(until: float, of: Callable[[Any], Task] = lambda row: row) -> dict[str, Column]:
    """Everything there is to tell of a task, by its key; nothing is in the table yet."""

    def column(key: str, tell: Callable[[Task], Any], kind: tables.Kind = "text") -> Column:
        title = key.replace("_", " ").capitalize()
        return Column(key=key, title=title, value=lambda row: tell(of(row)), kind=kind, shown=False)

    columns = (
        column("task_id", lambda task: task.task_id),
        column("kind", lambda task: task.kind),
        column("name", lambda task: task.name),
        column("version", lambda task: task.version),
        column("task_list", lambda task: task.task_list),
        column("state", lambda task: task.state, "state"),
        column("state_at", lambda task: task.state_at, "time"),
        column("scheduled_at", lambda task: task.scheduled_at, "time"),
        column("started_at", lambda task: task.started_at, "time"),
        column("ended_at", lambda task: task.ended_at, "time"),
        column("waiting_seconds", lambda task: task.waiting(until), "seconds"),
        column("running_seconds", lambda task: task.running(until), "seconds"),
        column("attempts", lambda task: len(task.attempts), "number"),
        column("reason", lambda task: task.last.reason),
        column("details", lambda task: task.last.details, "field"),
        column("input", lambda task: task.input, "field"),
        column("result", lambda task: task.result, "field"),
        column("identity", lambda task: task.last.identity, "identity"),
        column("run_id", lambda task: task.run_id),
        column("inputs", lambda task: task.sources.inputs, "list"),
        column("after", lambda task: task.sources.after, "list"),
        column("scheduled_event_id", lambda task: task.last.scheduled_event_id, "number"),
    )
    return {column.key: column for column in columns}


def _with_titles(columns: dict[str, Column], titles: Mapping[str, str]) -> list[Column]:
    """Those with a title come first and are in the table; the others are there to be asked for."""
    first = [replace(columns[key], title=title, shown=True) for key, title in titles.items()]
    return [*first, *(column for key, column in columns.items() if key not in titles)]


# --- workflow.tasks ------------------------------------------------------------------------


@click.command(
    short_help="Show the tasks of an execution.",
    epilog="\b\nExamples:\n"
    "dataflow --header workflow.tasks shop order-17\n"
    "dataflow workflow.tasks order-17 --fields task_id,state,attempts",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@positional.run_id_option
@nb_tasks_option
@click.option(
    "--all", "everything", is_flag=True, help="Signals, markers and dataflow's own timers, too."
)
@reading.options
def tasks(**options: Any) -> None:
    """Show the tasks of an execution and their states, those scheduled last on top.

    Tasks are activities, children, Lambda functions, and the timers of the workflow. A task that
    was tried again is one task; --fields knows its attempts.
    """
    told = read_execution(options, positional.execution(options))
    shown = [task for task in reversed(told.tasks) if options["everything"] or task.is_step]
    titles = {
        "name": "Tasks",
        "state": "Last State",
        "state_at": "Last State Time",
        "scheduled_at": "Scheduled Time",
    }
    tables.show(shown[: options["nb_tasks"]], _with_titles(of_task(told.until), titles), options)


# --- workflow.profile ----------------------------------------------------------------------


@click.command(
    short_help="Show where the time of an execution went.",
    epilog="\b\nExamples:\n"
    "dataflow --header workflow.profile shop order-17\n"
    "dataflow workflow.profile order-17 --critical-path --header\n"
    "dataflow workflow.profile order-17 --totals --header",
)
@positional.argument("[DOMAIN] WORKFLOW_ID [RUN_ID]")
@positional.run_id_option
@nb_tasks_option
@click.option(
    "--critical-path",
    is_flag=True,
    help="The tasks that the end of the execution waited for, one after the other.",
)
@click.option("--totals", is_flag=True, help="For each type: how many tasks, and how long.")
@reading.options
def profile(**options: Any) -> None:
    """Show how long tasks have waited for a worker and how long they have run, the longest first.

    Times are in seconds, summed over the attempts of a task.
    """
    from dataflow.inspection import profile

    if options["critical_path"] and options["totals"]:
        raise UsageError("--critical-path and --totals exclude each other")
    told = read_execution(options, positional.execution(options))
    limit = options["nb_tasks"]
    if options["critical_path"]:
        steps = profile.critical_path(told.events, told.tasks, told.until)
        tables.show(steps[:limit], _PATH, options)
        return
    timings = profile.timings(told.tasks, told.execution.started_at, told.until)
    if options["totals"]:
        tables.show(profile.totals(timings)[:limit], _TOTALS, options)
        return
    columns = of_task(told.until, lambda timing: timing.task)
    columns["percent"] = _PERCENT
    titles = {
        "task_id": "Task",
        "state": "Last State",
        "scheduled_at": "Scheduled",
        "waiting_seconds": "Time Scheduled",
        "started_at": "Start",
        "running_seconds": "Time Running",
        "ended_at": "End",
        "percent": "Percentage of total time",
    }
    tables.show(timings[:limit], _with_titles(columns, titles), options)


_PERCENT = member("percent", "Percentage of total time", "percent")


def _of_step(key: str, tell: Callable[[Task], Any], kind: tables.Kind, title: str) -> Column:
    return Column(key=key, title=title, kind=kind, value=lambda step: step.task and tell(step.task))


def _seconds_of_step(name: str, title: str) -> Column:
    return Column(
        key=f"{name}_seconds", title=title, kind="seconds", value=lambda step: getattr(step, name)
    )


_PATH = [
    Column(
        key="task_id",
        title="Task",
        value=lambda step: step.task.task_id if step.task else "(the end)",
    ),
    _of_step("state", lambda task: task.state, "state", "Last State"),
    _of_step("scheduled_at", lambda task: task.scheduled_at, "time", "Scheduled"),
    _seconds_of_step("deciding", "Time Deciding"),
    _seconds_of_step("waiting", "Time Scheduled"),
    _seconds_of_step("running", "Time Running"),
    _seconds_of_step("pausing", "Time Pausing"),
    _of_step("attempts", lambda task: len(task.attempts), "number", "Attempts"),
    _PERCENT,
]


def _spread(name: str, title: str) -> Iterator[Column]:
    def part(key: str, label: str, member: str) -> Column:
        def value(total: Any) -> float | None:
            found = getattr(total, name)
            return None if found is None else float(getattr(found, member))

        return Column(key=f"{name}_{key}", title=f"{title} {label}", kind="seconds", value=value)

    yield part("p50", "p50", "p50")
    yield part("p95", "p95", "p95")
    yield part("max", "max", "longest")
    yield part("total", "total", "total")


_TOTALS = [
    member("name", "Type"),
    member("version", "Version", shown=False),
    member("kind", "Kind"),
    member("tasks", "Tasks", "number"),
    member("attempts", "Attempts", "number"),
    member("failed", "Failed", "number"),
    *_spread("waiting", "Scheduled"),
    *_spread("running", "Running"),
]


# --- task.info -----------------------------------------------------------------------------


@click.command(
    short_help="Show one task.",
    epilog="\b\nExamples:\n"
    "dataflow --header task.info shop order-17 activity-shop.charge-1\n"
    "dataflow task.info order-17 activity-shop.charge-1 --details",
)
@positional.argument("[DOMAIN] WORKFLOW_ID TASK_ID")
@positional.run_id_option
@click.option(
    "--details/--no-details",
    default=False,
    help="Every attempt, fields in full, and the traceback of a failure.",
)
@reading.options
def info(**options: Any) -> None:
    """Show a task of an execution: of this run, else the latest one of its workflow id.

    TASK_ID is the id of an activity, timer, child ... (workflow.tasks --fields task_id), or the
    number of the event that scheduled it.
    """
    from dataflow.inspection.tasks import whole

    named = positional.execution(options, "TASK_ID")
    told = read_execution(options, named)
    task = _find(told, named.names[0])
    columns = _with_titles(of_task(told.until), _INFO)
    if not options["details"]:
        tables.show_one(task, columns, options)
        return
    task = whole(task, told.content)
    wanted = tables.layout(options)
    if wanted.is_json:
        tables.show_one(task, [*columns, ATTEMPT_LIST], options)
    elif wanted.format in {"text", "human"} and not wanted.fields:
        _tell(task, columns, replace(wanted, format="human", field_length=sys.maxsize), told.until)
    else:
        titles = {**_INFO, "details": "details"}
        tables.show_one(task, _with_titles(of_task(told.until), titles), options)


def _tell(task: Task, columns: Sequence[Column], wanted: tables.Layout, until: float) -> None:
    """All of a task, for people."""
    shown = [column for column in columns if column.key != "details"]
    render.lines(tables.lines([task], shown, wanted))
    render.say("")
    numbered = list(enumerate(task.attempts, 1))
    table = replace(wanted, format="text", header=True)
    render.lines(tables.lines(numbered, _attempts(until), table))
    explanation = render.explanation(task.last.details)
    if explanation:
        render.say("\n" + "\n".join(explanation))


def _attempts(until: float) -> list[Column]:
    def column(key: str, tell: Callable[[Attempt], Any], kind: tables.Kind = "text") -> Column:
        title = key.replace("_", " ").capitalize()
        return Column(key=key, title=title, kind=kind, value=lambda row: tell(row[1]))

    return [
        Column(key="attempt", title="Attempt", kind="number", value=lambda row: row[0]),
        column("state", lambda attempt: attempt.state, "state"),
        column("scheduled", lambda attempt: attempt.scheduled_at, "time"),
        column("waiting", lambda attempt: attempt.waiting(until), "seconds"),
        column("started", lambda attempt: attempt.started_at, "time"),
        column("running", lambda attempt: attempt.running(until), "seconds"),
        column("ended", lambda attempt: attempt.ended_at, "time"),
        column("identity", lambda attempt: attempt.identity, "identity"),
        column("reason", lambda attempt: attempt.reason),
    ]


def _attempt_as_json(attempt: Attempt) -> dict[str, Any]:
    times = {"scheduled_at": attempt.scheduled_at, "started_at": attempt.started_at}
    times["ended_at"] = attempt.ended_at
    return {
        "scheduled_event_id": attempt.scheduled_event_id,
        "state": attempt.state,
        **{name: time and tables.rfc3339(time) for name, time in times.items()},
        "reason": attempt.reason,
        "details": attempt.details and tables.content(attempt.details),
        "identity": attempt.identity and tables.content(attempt.identity),
    }


ATTEMPT_LIST = Column(
    key="attempt_list",
    title="Attempts",
    kind="list",
    value=lambda task: map(_attempt_as_json, task.attempts),
)


def _find(told: Told, wanted: str) -> Task:
    for task in told.tasks:
        if task.task_id == wanted:
            return task
    if wanted.isdecimal():
        for task in told.tasks:
            if any(attempt.scheduled_event_id == int(wanted) for attempt in task.attempts):
                return task
    known = [task.task_id for task in told.tasks if not task.is_own]
    near = (
        [task_id for task_id in known if wanted in task_id]
        or difflib.get_close_matches(wanted, known)
        or known
    )[:3]
    some = f"such as {', '.join(near)}" if near else "there is none yet"
    execution = told.execution
    raise NotFound(
        f"there is no task {wanted} in the execution {execution.workflow_id}: `dataflow "
        f"workflow.tasks {execution.domain} {execution.workflow_id} --all --fields task_id` shows "
        f"which there are ({some})"
    )


#: Keys and titles, as in the ancestor.
_INFO = {
    "kind": "type",
    "task_id": "id",
    "name": "name",
    "version": "version",
    "state": "state",
    "state_at": "timestamp",
    "input": "input",
    "result": "result",
    "reason": "reason",
}
