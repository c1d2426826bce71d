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

# --- how an execution begins: `dataflow.cli.inputs` reads them ------------------------------

input_option = click.option(
    "-i",
    "--input",
    "text",
    metavar="JSON",
    help="Arguments of run(): a list of them, an object with args and kwargs, or one argument.",
)

input_file_option = click.option(
    "--input-file", "file", metavar="FILE", help="A file that holds the JSON."
)

execution_timeout_option = click.option(
    "--execution-timeout",
    metavar="S",
    type=click.IntRange(min=1),
    help="Seconds that the execution may take. Default: the workflow's own.",
)

decision_tasks_timeout_option = click.option(
    "--decision-tasks-timeout",
    metavar="S",
    type=click.IntRange(min=1),
    help="Seconds that a decision may take. Default: the workflow's own, else 300.",
)

tags_option = click.option(
    "--tags", metavar="A,B", help="Tags of the execution, at most 5. Default: the workflow's own."
)
