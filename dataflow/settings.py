"""The only reader of the environment."""

from __future__ import annotations

import logging
import os

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
