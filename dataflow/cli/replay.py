"""``dataflow workflow.replay``."""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import exits, render
from dataflow.cli.options import format_option
from dataflow.errors import NonDeterminism, UsageError

if TYPE_CHECKING:
    from dataflow.inspection.exported import Exported
    from dataflow.payload.fields import Fields
    from dataflow.process.rehearsing import Rehearsal
    from dataflow.workflow import Workflow

_STDIN = "-"


@click.command(
    short_help="Check that code still fits the history of an execution.",
    epilog="\b\nExamples:\n"
    "dataflow workflow.history shop order-17 --output-format raw >order-17.json\n"
    "dataflow workflow.replay order-17.json orders.Order",
)
@click.argument("history")
@click.argument("workflow", required=False)
@format_option
@click.pass_context
def replay(ctx: click.Context, *, history: str, workflow: str | None, output: str | None) -> None:
    """Replay HISTORY, a file of workflow.history or - for standard input, against WORKFLOW.

    WORKFLOW is package.module.Class or package.module:Class; if it is left out, the class that the
    execution was started with. Nothing is performed and no engine is asked: it shows whether
    deciders with today's code could go on with such an execution. What the workflow prints goes to
    standard error.

    Where long fields are read from is in the environment (DATAFLOW_JUMBO_FIELDS_BUCKET); those of
    the embedded engine are in its home directory, DATAFLOW_HOME.

    Exit code: 0 if the code fits; 1 if not, and the first divergence is told; 2 if there is no such
    file or class.
    """
    from dataflow.cli import logs
    from dataflow.process import loading
    from dataflow.process.rehearsing import rehearse
    from dataflow.settings import home
    from dataflow.storage.opening import open_fields

    logs.configure()
    exported = _read(history)
    fields = open_fields(str(home()))
    with contextlib.redirect_stdout(sys.stderr):
        definition = loading.find(workflow or _path(exported, fields))
        _compare_types(exported, definition)
        rehearsal = rehearse(exported, definition, fields=fields)
    for notice in rehearsal.notices:
        render.warning(notice)
    if output == "json":
        render.say(json.dumps(_as_json(rehearsal)))
    elif rehearsal.problem is None:
        render.tell(
            f"the code fits: {rehearsal.events} events, {rehearsal.decisions} decisions replayed"
        )
    if rehearsal.problem is not None:
        render.error(rehearsal.problem)
        ctx.exit(exits.FAILED)


def _read(file: str) -> Exported:
    from dataflow.inspection.exported import read

    try:
        if file == _STDIN:
            text = sys.stdin.read() if sys.stdin is not None else ""
        else:
            text = Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{_name(file)} is no text in UTF-8: {error}") from error
    try:
        return read(text)
    except UsageError as error:
        raise UsageError(f"{_name(file)}: {error}") from error


def _name(file: str) -> str:
    return "standard input" if file == _STDIN else file


def _path(exported: Exported, fields: Fields) -> str:
    """The class that the execution was started with. Raises `PayloadError`."""
    from dataflow.payload import arguments

    started: Any = exported.events[0].attributes
    text = None if started.input is None else fields.read(started.input)
    return arguments.decode(text).definition or str(started.workflow_type.name)


def _compare_types(exported: Exported, definition: type[Workflow]) -> None:
    from dataflow.process.definitions import type_of

    started: Any = exported.events[0].attributes
    told, defined = started.workflow_type, type_of(definition)
    if told != defined:
        render.warning(
            f"the execution is of workflow type {told.name} version {told.version}, and the class "
            f"defines {defined.name} version {defined.version}: its deciders would not get it"
        )


def _as_json(rehearsal: Rehearsal) -> dict[str, Any]:
    problem = rehearsal.problem
    told: dict[str, Any] = {
        "fits": problem is None,
        "events": rehearsal.events,
        "decisions": rehearsal.decisions,
    }
    if isinstance(problem, NonDeterminism):
        told |= {"event_id": problem.event_id, "history": problem.history, "code": problem.code}
    elif problem is not None:
        told["problem"] = str(problem)
    return told
