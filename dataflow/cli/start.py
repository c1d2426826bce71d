"""``dataflow workflow.start``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from dataflow.cli import render
from dataflow.cli.screen import Screen
from dataflow.errors import UsageError

if TYPE_CHECKING:
    from dataflow.process.local import LocalRun


@click.command(
    short_help="Run a workflow.",
    epilog="\b\nExample:\n"
    "dataflow workflow.start --local examples.basic.BasicWorkflow --input '[1, 5]'",
)
@click.argument("workflow")
@click.argument("rest", metavar="[-]", nargs=-1)
@click.option("--local", is_flag=True, help="Run it here and now, in this process.")
@click.option(
    "-i",
    "--input",
    "text",
    metavar="JSON",
    help="Arguments of run(): a list of them, an object with args and kwargs, or one argument.",
)
@click.option("--input-file", "file", metavar="FILE", help="A file that holds the JSON.")
@click.option(
    "--nb-workers",
    metavar="N",
    type=click.IntRange(min=1),
    help="How many activities may run at once. Default: the processors and 4 more, at most 32.",
)
@click.option("--workflow-id", metavar="ID", help="A name for the execution. Default: a new one.")
@click.option(
    "--format",
    "output",
    type=click.Choice(["text", "json"]),
    help="The outcome as text on standard error, or as a JSON object on standard output.",
)
@click.pass_context
def start(  # noqa: PLR0913 - one for each option
    ctx: click.Context,
    *,
    workflow: str,
    rest: Sequence[str],
    local: bool,
    text: str | None,
    file: str | None,
    nb_workers: int | None,
    workflow_id: str | None,
    output: str | None,
) -> None:
    """Run WORKFLOW, which is package.module.Class or package.module:Class.

    Modules are found from the current directory, too. - reads the input from standard input.
    What the workflow prints goes to standard output, all else to standard error.

    Exit code: 0 if it completed, 1 if it failed, 2 if it could not be started, 130 if it was
    interrupted.
    """
    if not local:
        raise UsageError(
            "this version runs workflows in its own process only: "
            f"dataflow workflow.start --local {workflow}"
        )
    as_json = (output or ctx.obj) == "json"
    screen = Screen(keep_stdout=as_json)
    _configure_logging()
    from dataflow.clock import SystemClock

    clock = SystemClock()
    started = None
    try:
        run = _prepare(workflow, workflow_id, (text, file, rest), nb_workers)
        started = clock.now()
        with screen.live(lambda: render.progress(run.counts)):
            outcome = run.run()
        seconds = clock.now() - started
    except KeyboardInterrupt:
        screen.end_line()
        after = "" if started is None else f" after {clock.now() - started:.2f} s"
        render.tell(f"interrupted{after}")
        ctx.exit(130)
    screen.end_line()
    for notice in outcome.notices:
        render.warning(notice)
    if as_json:
        screen.answer(render.as_json(outcome))
    else:
        render.tell(render.as_text(outcome, seconds))
    ctx.exit(0 if outcome.status == "COMPLETED" else 1)


def _configure_logging() -> None:
    import logging
    import sys

    from dataflow.settings import log_level

    logging.basicConfig(
        level=log_level(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )


def _prepare(
    name: str,
    workflow_id: str | None,
    sources: tuple[str | None, str | None, Sequence[str]],
    nb_workers: int | None,
) -> LocalRun:
    """Everything that can be found wrong before the workflow starts. Raises `UsageError`."""
    from dataflow.cli import inputs
    from dataflow.process import loading
    from dataflow.process.local import local_run

    given = inputs.read(*sources)
    definition = loading.find(name)
    text = inputs.check(definition, given)
    try:
        return local_run(definition, text, nb_workers=nb_workers, workflow_id=workflow_id)
    except (TypeError, ValueError) as error:  # an attribute of the class that SWF does not take
        raise UsageError(f"{name}: {error}") from error
