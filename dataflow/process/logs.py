"""Every log line of a task says which task: domain, workflow id, run id, activity id, attempt.

The task in hand is a context variable, so that what user code logs says it, too.
`TaskContextFilter` puts it on records; a handler's format or formatter shows it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

#: The fields of a task, in the order in which they are told.
FIELDS = ("domain", "workflow_id", "run_id", "activity_id", "attempt")

_NO_TASK: Mapping[str, Any] = MappingProxyType({})
_task: ContextVar[Mapping[str, Any]] = ContextVar("dataflow_task", default=_NO_TASK)


@contextmanager
def task_context(**fields: Any) -> Iterator[None]:
    """What is logged within tells of this task; ``fields`` are some of `FIELDS`."""
    token = _task.set(fields)
    try:
        yield
    finally:
        _task.reset(token)


class TaskContextFilter(logging.Filter):
    """Gives each record the fields of the task in hand; ``""`` where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        task = _task.get()
        for field in FIELDS:
            if not hasattr(record, field):
                setattr(record, field, task.get(field, ""))
        return True
