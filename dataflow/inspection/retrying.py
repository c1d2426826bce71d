"""Which tasks are going to be tried again: their last attempt has failed, and they have not."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from dataflow.inspection.tasks import ENDED, Task
from dataflow.replay.activities import backoff_timer_id


def backing_off(tasks: Iterable[Task]) -> Collection[str]:
    """The ids of tasks whose back-off is not over; ``tasks``: all of an execution."""
    told = list(tasks)
    open_timers = {task.task_id for task in told if task.is_own and task.state not in ENDED}
    if not open_timers:
        return frozenset()
    return {
        task.task_id
        for task in told
        if task.kind == "activity" and backoff_timer_id(task.task_id) in open_timers
    }
