"""What commands print; the only module that does.

Standard output is for what users print and for what programs read; everything that the command
itself has to say goes to standard error.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import select
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataflow.cli.screen import drain
from dataflow.inspection.fields import escaped

if TYPE_CHECKING:
    from dataflow.process.client import Ended
    from dataflow.process.local import Counts
    from dataflow.protocol.names import CloseStatus

#: Characters of a result that are shown to people.
_RESULT_LENGTH = 500

_VERBS = {
    "COMPLETED": "completed in",
    "FAILED": "failed in",
    "TIMED_OUT": "timed out after",
    "CANCELED": "canceled after",
    "TERMINATED": "terminated after",
    "CONTINUED_AS_NEW": "continued as new after",
}
_STUCK = "stuck: "
_OUR_FILES = f"{Path(__file__).parents[1]}{os.sep}"
_FRAME = re.compile(r'[ |]*File "([^"]+)", line \d+')
_HEADER = "Traceback (most recent call last):"
#: The name of what stands for an exception of another process: noise above its own traceback.
_STAND_IN = "dataflow.errors.OriginalError: "


def say(text: str) -> None:
    """Print to standard output."""
    print(text)


def lines(texts: Iterable[str], *, flush: bool = False) -> None:
    """Print line by line; the lines stop coming where the reader goes away (``| head``)."""
    try:
        for text in texts:
            print(text, flush=flush)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        drain(sys.stdout)


def pause(seconds: float) -> None:
    """Wait, but not for a reader of standard output who has gone away (``| head``).

    Raises `BrokenPipeError`, as printing would.
    """
    try:
        reader = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # closed, or something in its place
        time.sleep(seconds)
        return
    poll = select.poll()
    poll.register(reader, 0)  # only whether the other end is gone
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if any(happened & select.POLLERR for _, happened in poll.poll(left * 1000)):
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def tell(text: str) -> None:
    """Print to standard error, below what was printed to standard output before."""
    with suppress(OSError):  # it will fail again, where the process ends
        if sys.stdout is not None:
            sys.stdout.flush()
    if sys.stderr is not None:  # print() would take None for standard output
        print(text, file=sys.stderr, flush=True)


def ask(question: str) -> bool:
    """A question on the terminal, to be answered with yes or no; no answer is no."""
    import click

    try:
        return click.confirm(question, err=True)
    except click.Abort:
        tell("")
        return False


def error(problem: BaseException, message: str | None = None) -> None:
    """One line about what the user can put right; with ``LOG_LEVEL=DEBUG``, where it came from."""
    if logging.getLogger().isEnabledFor(logging.DEBUG):
        import traceback

        tell("".join(traceback.format_exception(problem)).rstrip())
    tell(f"error: {message or problem}")


def warning(message: str) -> None:
    """One line about what the user should know."""
    tell(f"warning: {message}")


def progress(counts: Counts) -> str:
    """The live line."""
    # The three numbers are read one after the other while the run goes on.
    return "  ".join(f"{name} {max(0, n)}" for name, n in counts._asdict().items())


def open_counts(counts: Mapping[str, int]) -> str:
    """The live line of an execution, from the ``openCounts`` of an engine."""
    words = {
        "openActivityTasks": "activities",
        "openTimers": "timers",
        "openDecisionTasks": "decisions",
    }
    return "  ".join(f"{word} {counts[name]}" for name, word in words.items())


def as_text(outcome: Ended, seconds: float) -> str:
    """How a run ended, for people."""
    told, reason = _VERBS[outcome.status], outcome.reason or ""
    if reason.startswith(_STUCK):
        told, reason = "stuck after", reason.removeprefix(_STUCK)
    elif outcome.status == "COMPLETED":
        reason = _cut(outcome.result or "null")
    head = f"{told} {seconds:.2f} s" + (f": {escaped(reason)}" if reason else "")
    return "\n".join([head, *(f"  {line}".rstrip() for line in explanation(outcome.details))])


def failure(reason: str | None, details: str | None, *, status: CloseStatus = "FAILED") -> str:
    """Why something failed, for people."""
    lines = [f"  {line}".rstrip() for line in explanation(details)]
    how = status.lower().replace("_", " ")
    return "\n".join([f"{how}: {escaped(reason or 'no reason was given')}", *lines])


def as_json(outcome: Ended) -> str:
    """How a run ended, for programs: one object on one line."""
    told: dict[str, Any] = {
        "workflow_id": outcome.workflow_id,
        "run_id": outcome.run_id,
        "status": outcome.status,
    }
    if outcome.status == "COMPLETED":
        told["result"] = outcome.value
    else:
        told["reason"] = outcome.reason
        told["details"] = _structure(outcome.details) or outcome.details
    return json.dumps(told)


def _cut(result: str) -> str:
    return result if len(result) <= _RESULT_LENGTH else result[:_RESULT_LENGTH] + " ..."


def _structure(details: str | None) -> dict[str, Any] | None:
    """The details of a failure, where they are an object as we write it."""
    try:
        told = json.loads(details or "null")
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def explanation(details: str | None) -> list[str]:
    """The lines that explain a failure: the traceback, or whatever the details are."""
    told = _structure(details)
    if told is None or not isinstance(told.get("traceback"), list):
        return list(map(escaped, (details or "").splitlines()))
    lines = "".join(map(str, told["traceback"])).splitlines()
    if not logging.getLogger().isEnabledFor(logging.DEBUG):
        lines = _of_users(lines)
    # One line would repeat the reason.
    return list(map(escaped, lines)) if len(lines) > 1 else []


def _of_users(lines: Sequence[str]) -> list[str]:
    """A traceback without our own frames: a user looks for his."""
    kept: list[str] = []
    hidden: int | None = None  # the indentation of the frame that is being left out
    for line in lines:
        text = line.lstrip(" |")
        indentation = len(line) - len(text)
        frame = _FRAME.match(line)
        if frame is not None:
            hidden = indentation if frame[1].startswith(_OUR_FILES) else None
        elif hidden is not None and indentation < hidden:
            hidden = None
        if hidden is None and text != _STAND_IN:
            kept.append(line.replace(_STAND_IN, ""))
    following = [*kept[1:], ""]
    return [
        line
        for line, after in zip(kept, following, strict=True)
        if line != _HEADER or _FRAME.match(after)
    ]
