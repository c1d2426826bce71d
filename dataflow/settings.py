"""The only reader of the environment."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from dataflow.errors import UsageError


def log_level() -> int:
    """The level of ``LOG_LEVEL`` as `logging` counts it; WARNING where it is not set.

    Raises `UsageError` for a word that names no level.
    """
    word = os.environ.get("LOG_LEVEL", "").strip().upper() or "WARNING"
    level = logging.getLevelNamesMapping().get(word)
    if level is None:
        known = ", ".join(sorted(logging.getLevelNamesMapping(), key=str))
        msg = f"LOG_LEVEL={word} is not a log level: use one of {known}"
        raise UsageError(msg)
    return level


def home(explicit: str | None = None) -> Path:
    """Where the engine keeps its files, as an absolute path; the directory need not exist.

    It is ``explicit`` (the option ``--home``), else ``DATAFLOW_HOME``, else ``dataflow`` in the
    state directory of https://specifications.freedesktop.org/basedir-spec/latest/: XDG_STATE_HOME,
    or ``~/.local/state``. Raises `UsageError` where the user has no home directory.
    """
    try:
        chosen = explicit or os.environ.get("DATAFLOW_HOME")
        if chosen:
            return Path(chosen).expanduser().absolute()
        state = os.environ.get("XDG_STATE_HOME", "")
        # Relative paths must be ignored, says the specification.
        if os.path.isabs(state):  # noqa: PTH117 - the empty string is not a Path
            return Path(state) / "dataflow"
        return Path.home() / ".local" / "state" / "dataflow"
    except RuntimeError as error:
        raise UsageError(
            "there is no home directory to keep files in: name one with --home or DATAFLOW_HOME"
        ) from error
