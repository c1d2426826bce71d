"""``dataflow domain.register``."""

from __future__ import annotations

import click

from dataflow.cli import render
from dataflow.cli.options import engine_option, home_option


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
