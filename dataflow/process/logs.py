"""Every log line of a task says which task: domain, workflow id, run id, activity id, attempt.

What user code logs says it, too: the task in hand is a context variable, so that each of several
coroutines has its own. A greenlet has a context to itself, which begins empty, and ``run()`` of a
workflow lives in one; there the task of the thread is meant. `TaskContextFilter` puts the fields on
records; a handler's format or formatter shows them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any

#: The fields of a task, in the order in which they are told.
FIELDS = ("domain", "workflow_id", "run_id", "activity_id", "attempt")

_NO_TASK: Mapping[str, Any] = MappingProxyType({})
_task: ContextVar[Mapping[str, Any] | None] = ContextVar("dataflow_task", default=None)


class _OfThread(threading.local):
    def __init__(self) -> None:
        #: The last one is in hand. (Coroutines do not end in the order in which they began.)
        self.tasks: list[Mapping[str, Any]] = [_NO_TASK]


_thread = _OfThread()


@contextmanager
def task_context(**fields: Any) -> Iterator[None]:
    """What is logged within tells of this task; ``fields`` are some of `FIELDS`."""
    token = _task.set(fields)
    _thread.tasks.append(fields)
    try:
        yield
    finally:
        _thread.tasks.remove(fields)
        _task.reset(token)


class TaskContextFilter(logging.Filter):
    """Gives each record the fields of the task in hand; ``""`` where there is none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        task = _task.get()
        if task is None:
            task = _thread.tasks[-1]
        for field in FIELDS:
            if not hasattr(record, field):
                setattr(record, field, task.get(field, ""))
        return True
