"""Where log records go while a command runs: to standard error, from ``LOG_LEVEL`` on."""

from __future__ import annotations

import logging
import sys

from dataflow.settings import log_level


def configure() -> None:
    """Raises `UsageError` if ``LOG_LEVEL`` names no level."""
    logging.basicConfig(
        level=log_level(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
