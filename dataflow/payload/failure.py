"""How an exception is written into ``reason`` and ``details`` of an event, and read back.

``reason`` is ``TypeName: message``, at most 256 characters. ``details`` is JSON: ``error`` (the
type's short name), ``error_type`` (its full name), ``bases`` (the full names of its base classes,
so that a decider can ask "is it an OSError?" without importing anything), ``message`` and
``traceback`` (a list of lines). What is too long is cut, and says so; it never makes a report
fail. Where a store takes long fields nothing of the details is cut. Texts written by other programs
are read as they are.
"""

from __future__ import annotations

import json
import traceback
from typing import Any, NamedTuple

import msgspec

from dataflow.errors import InputFailed, OriginalError, TaskFailed, type_name
from dataflow.payload import codec
from dataflow.protocol.limits import DATA_LENGTH, REASON_LENGTH

#: The part of a details field that is for the message; what remains is for the traceback.
_MESSAGE_PART = 4
#: The part of it that a line of the traceback may take; the last line is the message once more.
_LINE_PART = 32
#: Lines of the traceback that go only after the message has been cut.
_LAST_LINES = 8


class Failure(NamedTuple):
    """The two fields that say why something failed."""

    reason: str
    details: str


class _Details(msgspec.Struct):
    error_type: str = ""
    message: str = ""
    bases: tuple[str, ...] = ()
    traceback: tuple[str, ...] = ()


# Seen by msgspec now, before two threads can be the first: `dataflow.payload.annotations` says why.
msgspec.json.Decoder(_Details)


def cut(text: str, length: int) -> str:
    """At most ``length`` characters of a text; an ellipsis shows that there was more."""
    return text if len(text) <= length else text[: length - 4] + " ..."


def describe(
    exception: BaseException, *, skip_frames: int = 0, longest: int | None = DATA_LENGTH
) -> Failure:
    """Write an exception down; ``skip_frames`` leaves out that many of our own frames on top.

    ``longest``: characters of the details; None: any number.
    """
    error_type, message = type_name(type(exception)), _message(exception)
    trace = exception.__traceback__
    for _ in range(skip_frames):
        trace = trace.tb_next if trace is not None and trace.tb_next is not None else trace
    bases = [type_name(cls) for cls in type(exception).__mro__[1:-1]]
    if isinstance(exception, TaskFailed):
        bases = list(dict.fromkeys([*bases, exception.error_type, *exception.bases]))
    details: dict[str, object] = {
        "error": type(exception).__name__,
        "error_type": error_type,
        "bases": bases,
        "message": message,
        "traceback": traceback.format_exception(type(exception), exception, trace),
    }
    name = error_type.rpartition(".")[2]
    reason = " ".join(f"{name}: {message}".split()) if message else name
    # Half a surrogate pair, as in an undecodable file name, has no UTF-8.
    reason = reason.encode("utf-8", "backslashreplace").decode()
    return Failure(cut(reason, REASON_LENGTH), _fit(details, longest))


def shorten(details: str, longest: int) -> str:
    """The details that `describe` has written, cut to so many characters."""
    return _fit(json.loads(details), longest)


def task_failed(
    name: str, reason: str | None, details: str | None, *, task_id: str = ""
) -> TaskFailed:
    """The error that stands for a failed task, its cause chained."""
    try:
        told = msgspec.convert(codec.decode(details), _Details)
    except (msgspec.ValidationError, UnicodeEncodeError):
        told = _Details()
    error = TaskFailed(
        name,
        reason or "failed without a reason",
        details,
        task_id=task_id,
        error_type=told.error_type,
        message=told.message,
        traceback=told.traceback,
        bases=told.bases,
    )
    if told.error_type:
        error.__cause__ = OriginalError(told.error_type, told.message, told.traceback)
    return error


def input_failed(name: str, exception: BaseException, *, task_id: str = "") -> InputFailed:
    """The error of a task that cannot start, because a task that feeds it failed."""
    root = exception.root if isinstance(exception, InputFailed) else exception
    reason = cut(f"an input failed: {_message(root)}", REASON_LENGTH)
    error = InputFailed(name, reason, task_id=task_id)
    error.root = root
    error.__cause__ = exception
    return error


def _message(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception as error:  # noqa: BLE001 - a broken __str__ must not hide the failure
        return f"<its __str__ raised {type(error).__name__}>"


def _fit(details: dict[str, Any], longest: int | None) -> str:
    """The details as JSON of at most so many characters.

    What is too long goes in this order: the middle of the traceback but for a few lines, the end of
    the message, the rest of the traceback, and names that nobody wrote by hand.
    """
    if longest is None:
        return json.dumps(details, separators=(",", ":"))
    details["message"] = cut(details["message"], longest // _MESSAGE_PART)
    details["traceback"] = lines = [
        f"{cut(line[:-1], longest // _LINE_PART)}\n" for line in details["traceback"]
    ]
    keep = len(lines)
    while True:
        text = json.dumps(details, separators=(",", ":"))
        if len(text) <= longest:
            return text
        if keep > _LAST_LINES or (keep and len(details["message"]) <= REASON_LENGTH):
            keep //= 2
            first, last = keep // 2, keep - keep // 2
            left_out = f"  ... {len(lines) - keep} lines left out ...\n"
            details["traceback"] = [*lines[:first], left_out, *lines[len(lines) - last :]]
        elif len(details["message"]) > REASON_LENGTH:
            details["message"] = cut(details["message"], len(details["message"]) // 2)
        else:
            for name in ("error", "error_type"):
                details[name] = cut(details[name], REASON_LENGTH)
            details["bases"] = []
