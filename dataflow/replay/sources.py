"""Which tasks fed a task: the ``control`` field of what a replay schedules.

With it, a graph of an execution can be drawn from its history alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from dataflow.futures import Future
from dataflow.protocol.limits import DATA_LENGTH


def control(inputs: Sequence[Future[Any]], after: Future[Any] | None) -> str | None:
    """The ``control`` field: ids of the tasks whose results a task got, and of those it followed.

    So a graph can be drawn from history alone. Runs of ids that were numbered one after the other
    are written as ranges, ``activity-name-1..1000``.
    """
    members = {}
    if inputs:
        members["inputs"] = _ranges(_task_ids(inputs))
    if after is not None:
        following = _ranges(_task_ids([after]))
        if following:
            members["after"] = following
    if not members:
        return None
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    while len(text) > DATA_LENGTH:
        # A graph with edges missing is better than a task that cannot be scheduled.
        members = {name: ids[: len(ids) // 2] for name, ids in members.items()}
        text = json.dumps({**members, "cut": True}, separators=(",", ":"), sort_keys=True)
    return text


def _task_ids(futures: Iterable[Future[Any]]) -> Iterable[str]:
    """The ids of the tasks behind futures; for the parts of a whole, ranges of ids, found once."""
    for future in futures:
        if future.parts is None:
            yield future.name
            continue
        if future.sources is None:
            future.sources = _ranges(_task_ids(future.parts))
        yield from future.sources


_NUMBERED = re.compile(r"(.*-)(0|[1-9]\d*)")


def _ranges(task_ids: Iterable[str]) -> list[str]:
    """``[a-1, a-2, a-3, b]`` as ``[a-1..3, b]``."""
    runs: list[tuple[str, int, int]] = []
    for task_id in dict.fromkeys(task_ids):
        match = _NUMBERED.fullmatch(task_id)
        prefix, number = (match[1], int(match[2])) if match else (task_id, -1)
        if match and runs and runs[-1][0] == prefix and runs[-1][2] == number - 1:
            runs[-1] = (prefix, runs[-1][1], number)
        else:
            runs.append((prefix, number, number))
    return [
        prefix if last < 0 else f"{prefix}{first}" if first == last else f"{prefix}{first}..{last}"
        for prefix, first, last in runs
    ]
