"""The input of a workflow, as it is given on the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from dataflow.chance import new_id
from dataflow.errors import PayloadError, UsageError
from dataflow.payload import arguments, codec
from dataflow.payload.arguments import Arguments
from dataflow.payload.signature import Signature
from dataflow.process.client import Start
from dataflow.process.definitions import type_of
from dataflow.protocol.limits import ID_LENGTH, TAGS
from dataflow.workflow import Workflow, type_name

_STDIN = "-"


def read(text: str | None, file: str | None, rest: Sequence[str]) -> Arguments:
    """The arguments that ``--input``, ``--input-file`` and what stands behind them give.

    Raises `UsageError` for what cannot be read and for what is not JSON.
    """
    found = _source(text, file, rest)
    return Arguments([], {}) if found is None else _parse(*found)


def read_value(text: str | None, file: str | None, rest: Sequence[str] = ()) -> str | None:
    """The JSON that they give, as text; None if they give nothing.

    Raises `UsageError`, as `read`.
    """
    found = _source(text, file, rest)
    if found is None:
        return None
    try:
        return codec.encode(_json(*found), where="input")
    except PayloadError as error:
        raise UsageError(f"{found[1]} is JSON that cannot be used: {error}") from error


def again(text: str | None, given: Arguments) -> str:
    """The input of an execution that began with ``text``, with these arguments instead."""
    message: dict[str, Any] = {"args": given.args, "kwargs": given.kwargs}
    definition = arguments.decode(text).definition
    if definition is not None:
        message["definition"] = definition
    return codec.encode(message, where="input")


def _source(text: str | None, file: str | None, rest: Sequence[str]) -> tuple[str, str] | None:
    """What is given, and where, for people."""
    for extra in rest:
        if extra != _STDIN:
            raise UsageError(
                f"unexpected {extra!r}: the workflow's arguments are JSON, as in --input '[1, 5]'"
            )
    sources = [*(() if text is None else (text,)), *(() if file is None else (file,)), *rest]
    if not sources:
        return None
    if len(sources) > 1:
        raise UsageError("there is more than one input: use one of --input, --input-file and -")
    if sources[0] == _STDIN:
        return _read_stdin(), "standard input"
    if file is not None:
        return _read(file), file
    return sources[0], "--input"


def check(definition: type[Workflow], given: Arguments, *, path: str | None = None) -> str:
    """The input of an execution; with the ``path`` of the class, any decider finds it.

    Raises `UsageError` for arguments that ``run()`` does not take.
    """
    signature = Signature(definition.run, f"{definition.__qualname__}.run", method=True)
    try:
        signature.check(given.args, given.kwargs)
        signature.convert(given.args, given.kwargs)
        message: dict[str, Any] = {"args": given.args, "kwargs": given.kwargs}
        if path is not None:
            message["definition"] = path
        return codec.encode(message, where="input")
    except (TypeError, PayloadError) as error:
        raise UsageError(
            f"{error}; --input takes a list of arguments, "
            'or {"args": [...], "kwargs": {...}}, or one argument'
        ) from error


def start(definition: type[Workflow], text: str | None, options: Mapping[str, Any]) -> Start:
    """How an execution begins: what the options say, else the class's own attributes.

    Raises `UsageError` for what SWF does not take.
    """
    given = options["tags"]
    tags = definition.tag_list if given is None else [tag for tag in given.split(",") if tag]
    if len(tags) > TAGS:
        raise UsageError(f"{len(tags)} tags: an execution may have {TAGS}")
    name = options["workflow_id"] or f"{type_name(definition)[:200]}-{new_id()[:8]}"
    if len(name) > ID_LENGTH:
        raise UsageError(f"--workflow-id has {len(name)} characters: it may have {ID_LENGTH}")
    return Start(
        workflow_type=type_of(definition),
        workflow_id=name,
        task_list=options.get("task_list") or definition.task_list,
        input=text,
        execution_timeout=options["execution_timeout"] or definition.execution_timeout,
        decision_tasks_timeout=options["decision_tasks_timeout"]
        or definition.decision_tasks_timeout,
        tags=tags,
    )


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"cannot read --input-file {file}: {error.strerror}; name a file with JSON in it, "
            "or - for standard input"
        ) from error
    except UnicodeDecodeError as error:
        _not_text(file, error)


def _read_stdin() -> str:
    if sys.stdin is None:
        raise UsageError("standard input is closed: give the input with --input")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _not_text("standard input", error)


def _not_text(source: str, error: UnicodeDecodeError) -> NoReturn:
    raise UsageError(f"{source} is not UTF-8 text at byte {error.start}: save it as JSON in UTF-8")


def _parse(text: str, source: str) -> Arguments:
    return arguments.from_value(_json(text, source))


def _json(text: str, source: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        where = f"{error.msg} at line {error.lineno}, column {error.colno}"
        what = f"is not JSON: {where}" if text.strip() else "is empty"
        raise UsageError(f"{source} {what}; JSON looks like '[1, \"two\", null]'") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{source} is JSON that cannot be used: {error}") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number; use null or a string")
