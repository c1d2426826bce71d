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

#: What may be imported for tasks: `dataflow.settings.modules` reads it.
module_option = click.option(
    "--module",
    "modules",
    metavar="PREFIX",
    multiple=True,
    help="Import only this module or package for tasks. May be repeated, and should be there in "
    "production. Default: DATAFLOW_MODULES, separated by commas, else everything.",
)

processes_option = click.option(
    "-N",
    "--nb-processes",
    "processes",
    metavar="N",
    type=click.IntRange(min=1),
    help="How many processes. Default: the number of processors.",
)

grace_option = click.option(
    "--grace",
    metavar="S",
    type=click.FloatRange(min=0),
    default=30,
    help="Seconds that processes have to end when they are told to. Default: 30.",
)

#: For the processes that a supervisor starts: their line to it.
line_option = click.option("--supervised", "line", type=int, hidden=True)
