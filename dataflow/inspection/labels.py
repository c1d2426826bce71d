"""What tasks are called in pictures: as short as can be without two types sharing a name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from dataflow.inspection.tasks import Task
from dataflow.task import OWN_TIMERS

#: What is left of the hash in the id of an idempotent task.
_HASH_LENGTH = 8
_NUMBER_LENGTH = 6


def short_names(names: Iterable[str]) -> Mapping[str, str]:
    """Each dotted name and its shortest ending that no other of them has."""
    parts = {name: name.split(".") for name in names}
    endings = Counter(
        ending
        for split in parts.values()
        for ending in {".".join(split[-n:]) for n in range(1, len(split) + 1)}
    )
    return {
        name: next(
            (
                ending
                for ending in (".".join(split[-n:]) for n in range(1, len(split)))
                if ending and endings[ending] == 1
            ),
            name,
        )
        for name, split in parts.items()
    }


def label(task: Task, short: Mapping[str, str]) -> str:
    """The name of one task; ``short``: see `short_names`."""
    if task.kind == "timer":
        return task.task_id.removeprefix(OWN_TIMERS)
    if task.kind in {"marker", "signal"}:
        return task.name
    name = short.get(task.name, task.name)
    prefix = f"activity-{task.name}-"
    if task.task_id.startswith(prefix):
        suffix = task.task_id.removeprefix(prefix)
        is_number = suffix.isdecimal() and len(suffix) <= _NUMBER_LENGTH
        return f"{name}-{suffix if is_number else suffix[:_HASH_LENGTH]}"
    return task.task_id
