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

#: Which engine: `dataflow.connect.connect` reads it.
engine_option = click.option(
    "--engine",
    metavar="ENGINE",
    help="local, swf, http://HOST:PORT or unix:PATH. Default: DATAFLOW_ENGINE, else local.",
)

domain_option = click.option(
    "-d",
    "--domain",
    metavar="D",
    help="The domain. Default: SWF_DOMAIN, else default.",
)
