"""``dataflow activity.rerun``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import render
from dataflow.cli.options import domain_option, engine_option, home_option
from dataflow.errors import NotFound, UsageError

if TYPE_CHECKING:
    from dataflow.history import TaskRecord


@click.command(
    short_help="Do one activity again, in this process.",
    epilog="\b\nExample:\ndataflow activity.rerun --workflow-id order-17 --scheduled-id 12",
)
@domain_option
@click.option("--workflow-id", metavar="ID", required=True, help="The execution.")
@click.option("--run-id", metavar="RUN", help="Its run. Default: the latest.")
@click.option("--activity-id", metavar="ID", help="The activity, by its id.")
@click.option(
    "--scheduled-id",
    metavar="N",
    type=click.IntRange(min=1),
    help="The activity, by the event that scheduled it.",
)
@click.option("-i", "--input", "text", metavar="JSON", help="Another input than its own.")
@engine_option
@home_option
def rerun(**options: Any) -> None:
    """Perform an activity with the input that a history holds, and print its result as JSON.

    The engine is only read: the execution hears nothing of it.

    Exit code: 0 if the activity returned, 1 if it failed, 3 if there is no such activity.
    """
    from dataflow.cli import logs
    from dataflow.clock import SystemClock
    from dataflow.connect import connect
    from dataflow.process.catalogue import Catalogue
    from dataflow.process.client import Client
    from dataflow.process.jobs import Completed, Job, Report, perform
    from dataflow.process.loading import see_working_directory
    from dataflow.settings import domain

    logs.configure()
    if (options["activity_id"] is None) is (options["scheduled_id"] is None):
        raise UsageError("name the activity: with --activity-id or with --scheduled-id")
    name = domain(options["domain"])
    with connect(options["engine"], home=options["home"], look=True) as connection:
        client = Client(connection, name)
        execution = client.find(options["workflow_id"], options["run_id"])
        record = _find(client.history(execution), options)
        fields = connection.fields
    see_working_directory()
    job = Job(
        activity=Catalogue().find(record.name, record.version),
        activity_id=record.task_id,
        input=record.input if options["text"] is None else options["text"],
        domain=name,
        workflow_id=execution.workflow_id,
        run_id=execution.run_id,
    )
    reports: list[Report] = []
    perform(job, SystemClock(), reports.append, fields)
    outcome = reports[-1][1]
    if isinstance(outcome, Completed):
        render.say(outcome.result)
        return
    render.tell(render.failure(getattr(outcome, "reason", None), getattr(outcome, "details", None)))
    click.get_current_context().exit(1)


def _find(events: list[Any], options: dict[str, Any]) -> TaskRecord:
    from dataflow.history import History
    from dataflow.protocol import events as ev

    wanted, activity_id = options["scheduled_id"], options["activity_id"]
    if wanted is not None:
        if wanted > len(events) or not isinstance(
            events[wanted - 1].attributes, ev.ActivityTaskScheduled
        ):
            raise NotFound(f"event {wanted} does not schedule an activity")
        activity_id = events[wanted - 1].attributes.activity_id
    record = History(events).tasks.get(activity_id)
    if record is None or record.kind != "activity":
        known = [r.task_id for r in History(events).tasks.values() if r.kind == "activity"]
        told = ", ".join(known[:5]) + (" and others" if len(known) > 5 else "")  # noqa: PLR2004
        raise NotFound(f"there is no activity {activity_id}: there are {told or 'none'}")
    return record
