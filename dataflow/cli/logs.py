"""Where log records go while a command runs: to standard error, from ``LOG_LEVEL`` on.

``DATAFLOW_LOG_FORMAT`` says how. In both formats a record of a task tells which task it is.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

from dataflow.process.logs import FIELDS, TaskContextFilter
from dataflow.settings import log_format, log_level

_TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def configure() -> None:
    """Raises `UsageError` if ``LOG_LEVEL`` names no level, ``DATAFLOW_LOG_FORMAT`` no format."""
    level = log_level()
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if log_format() == "json" else TextFormatter(_TEXT))
    handler.addFilter(TaskContextFilter())
    logging.basicConfig(level=level, handlers=[handler])


class TextFormatter(logging.Formatter):
    """A line for people, with the fields of the task behind the message: ``workflow_id=a-1``."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """The first line, before any traceback."""
        told = [f"{name}={_quoted(value)}" for name, value in _fields(record).items()]
        return " ".join([super().formatMessage(record), *told])


class JsonFormatter(logging.Formatter):
    """A line for programs: one JSON object. What a record does not have is not in it."""

    def format(self, record: logging.LogRecord) -> str:
        """The whole record."""
        when = datetime.fromtimestamp(record.created, UTC)
        told: dict[str, Any] = {
            "ts": when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "pid": record.process,
        }
        event = getattr(record, "event", None)
        if event is not None:
            told["event"] = event
        told.update(_fields(record))
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            told["stack"] = self.formatStack(record.stack_info)
        return json.dumps(told, default=str)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    """What is told of the task in hand."""
    values = {name: getattr(record, name, "") for name in FIELDS}
    return {name: value for name, value in values.items() if value not in {"", None}}


def _quoted(value: Any) -> str:
    """A value that can be told from what follows it."""
    text = str(value)
    plain = text.isprintable() and not any(character in text for character in ' "=')
    return text if plain else json.dumps(text)
