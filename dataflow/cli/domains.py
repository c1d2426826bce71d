"""``dataflow domain.register``, ``domain.list`` and ``domain.info``."""

from __future__ import annotations

from typing import Any

import click

from dataflow.cli import positional, render, tables
from dataflow.cli import reader as reading
from dataflow.cli.options import engine_option, home_option
from dataflow.cli.reader import reader, statuses, statuses_option
from dataflow.cli.tables import Column, member


@click.command(
    short_help="Register a domain.",
    epilog="\b\nExample:\ndataflow domain.register shop --retention 30",
)
@click.argument("name", metavar="DOMAIN")
@click.option(
    "--retention",
    metavar="DAYS",
    type=click.IntRange(min=0, max=90),
    default=30,
    help="For how long closed executions are kept, at most 90 days. Default: 30.",
)
@click.option("--description", metavar="TEXT", help="What it is for.")
@engine_option
@home_option
@click.pass_context
def register(
    ctx: click.Context,
    *,
    name: str,
    retention: int,
    description: str | None,
    engine: str | None,
    home: str | None,
) -> None:
    """Register DOMAIN on an engine. A domain that is there already is an error, exit code 1."""
    from dataflow.cli import logs
    from dataflow.connect import connect
    from dataflow.errors import UsageError
    from dataflow.process.calls import code

    logs.configure()
    more = {} if description is None else {"description": description}
    with connect(engine, home=home) as connection:
        try:
            connection.service.register_domain(
                name=name, workflowExecutionRetentionPeriodInDays=str(retention), **more
            )
        except Exception as error:
            if code(error) == "DomainAlreadyExistsFault":
                render.error(error, f"the domain {name} is registered already")
                ctx.exit(1)
            if code(error) == "ValidationException":
                raise UsageError(str(error)) from error
            raise
    render.tell(f"registered the domain {name}; closed executions are kept for {retention} days")


# --- reading -------------------------------------------------------------------------------


@click.command(
    short_help="List the domains of an engine.",
    epilog="\b\nExample:\ndataflow --header domain.list",
)
@statuses_option
@engine_option
@home_option
@tables.output_options
def list_(**options: Any) -> None:
    """List domains by name."""
    from dataflow.inspection.reading import domains

    with reader(options, "") as there:
        tables.show(domains(there.service, statuses(options)), _LIST, options)


_LIST = [
    member("name", "Name"),
    member("status", "Status", "state"),
    member("description", "Description"),
    member("arn", "ARN", shown=False),
]


@click.command(
    short_help="Show a domain.",
    epilog="\b\nExample:\ndataflow --header domain.info shop",
)
@positional.argument("[DOMAIN]")
@reading.options
def info(**options: Any) -> None:
    """Show DOMAIN: for how many days it keeps closed executions, and how many there are."""
    words = positional.read(options["words"], options["domain"])
    with reader(options, words.domain) as there:
        tables.show_one(there.describe_domain(), _INFO, options)


_INFO = [
    Column(key="name", title="Name", value=lambda told: told.domain.name),
    Column(key="status", title="Status", kind="state", value=lambda told: told.domain.status),
    member("retention_days", "Retention Days", "number"),
    member("open_executions", "Open Executions", "number"),
    member("closed_executions", "Closed Executions", "number"),
    Column(
        key="counts_truncated",
        title="Counts Truncated",
        kind="flag",
        value=lambda told: told.truncated,
        shown=False,
    ),
    Column(key="description", title="Description", value=lambda told: told.domain.description),
    Column(key="arn", title="ARN", value=lambda told: told.domain.arn, shown=False),
]
