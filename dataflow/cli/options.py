"""Options that several commands have."""

from __future__ import annotations

import click

#: Which server: `dataflow.settings.home` reads it.
home_option = click.option(
    "--home",
    metavar="DIR",
    help="The server's directory. Default: DATAFLOW_HOME, else the XDG state directory.",
)

format_option = click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    help="Print text, or JSON on one line.",
)
