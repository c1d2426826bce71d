"""``dataflow activity_type.list`` and ``workflow_type.list``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import click

from dataflow.cli import positional, tables
from dataflow.cli import reader as reading
from dataflow.cli.reader import reader, statuses, statuses_option
from dataflow.cli.tables import Column

_COLUMNS = [
    Column(key="name", title="Name", value=lambda kind: kind.name),
    Column(key="version", title="Version", value=lambda kind: kind.version),
    Column(key="status", title="Status", kind="state", value=lambda kind: kind.status),
    Column(key="created_at", title="Created", kind="time", value=lambda kind: kind.created_at),
    Column(
        key="deprecated_at",
        title="Deprecated",
        kind="time",
        value=lambda kind: kind.deprecated_at,
        shown=False,
    ),
    Column(key="description", title="Description", value=lambda kind: kind.description),
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
