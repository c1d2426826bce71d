"""``dataflow activity_type.list`` and ``workflow_type.list``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import click

from dataflow.cli import positional, tables
from dataflow.cli import reader as reading
from dataflow.cli.reader import reader, statuses, statuses_option
from dataflow.cli.tables import member

_COLUMNS = [
    member("name", "Name"),
    member("version", "Version"),
    member("status", "Status", "state"),
    member("created_at", "Created", "time"),
    member("deprecated_at", "Deprecated", "time", shown=False),
    member("description", "Description"),
]


def _options(command: Callable[..., None]) -> Callable[..., None]:
    name = click.option("--name", metavar="NAME", help="Only the versions of this type.")
    return positional.argument("[DOMAIN]")(statuses_option(name(reading.options(command))))


@click.command(
    short_help="List the activity types of a domain.",
    epilog="\b\nExample:\ndataflow --header activity_type.list shop",
)
@_options
def activities(**options: Any) -> None:
    """List the activity types of DOMAIN by name."""
    _show("activity", options)


@click.command(
    short_help="List the workflow types of a domain.",
    epilog="\b\nExample:\ndataflow --header workflow_type.list shop",
)
@_options
def workflows(**options: Any) -> None:
    """List the workflow types of DOMAIN by name."""
    _show("workflow", options)


def _show(kind: Literal["activity", "workflow"], options: dict[str, Any]) -> None:
    words = positional.read(options["words"], options["domain"])
    with reader(options, words.domain) as there:
        found = there.types(kind, statuses(options), name=options["name"])
        tables.show(found, _COLUMNS, options)
