"""dataflow: distributed, durable programs as ordinary Python.

>>> from dataflow import Workflow, activity, futures
"""

from __future__ import annotations

from dataflow import activity, canvas, futures
from dataflow.canvas import Chain, FuncGroup, Group
from dataflow.errors import (
    ActivityCanceled,
    DataflowError,
    InputFailed,
    TaskCanceled,
    TaskFailed,
    TaskTimedOut,
)
from dataflow.futures import Future
from dataflow.retry import Retry
from dataflow.task import ActivityTask
from dataflow.workflow import Workflow

__all__ = [  # noqa: RUF022 - grouped by what they are for
    # writing workflows
    "Workflow",
    "activity",
    "Retry",
    # composing them
    "futures",
    "Future",
    "canvas",
    "ActivityTask",
    "Group",
    "Chain",
    "FuncGroup",
    # what can go wrong
    "DataflowError",
    "TaskFailed",
    "TaskTimedOut",
    "TaskCanceled",
    "InputFailed",
    "ActivityCanceled",
]
