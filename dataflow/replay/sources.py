"""Which tasks fed a task: the ``control`` field of what a replay schedules.

With it, a graph of an execution can be drawn from its history alone: `control` writes it, `read`
reads it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from dataflow.futures import Future
from dataflow.protocol.limits import DATA_LENGTH

#: More tasks than this, no history holds: a text that is not ours may ask for any number.
_MOST_SOURCES = 25_000


class Sources(NamedTuple):
    """Ids of tasks, in order."""

    #: Whose results a task got.
    inputs: tuple[str, ...] = ()
    #: Which it followed.
    after: tuple[str, ...] = ()


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


# --- reading -------------------------------------------------------------------------------


def read(text: str | None) -> Sources:
    """What `control` wrote; nothing, where somebody else wrote the field."""
    if not text or not text.startswith("{"):
        return Sources()
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        return Sources()
    return Sources(*(tuple(_expanded(members.get(name))) for name in Sources._fields))


def _expanded(ranges: Any) -> Iterator[str]:
    """``[a-1..3, b]`` as ``a-1, a-2, a-3, b``."""
    if not isinstance(ranges, list):
        return iter(())
    return islice((one for text in ranges for one in _members(str(text))), _MOST_SOURCES)


_RANGE = re.compile(r"(.*-)(0|[1-9]\d{0,8})\.\.([1-9]\d{0,8})", re.DOTALL)


def _members(text: str) -> Iterator[str]:
    match = _RANGE.fullmatch(text)
    if match is None:
        yield text
        return
    first, last = int(match[2]), int(match[3])
    for number in range(first, min(last, first + _MOST_SOURCES) + 1):
        yield f"{match[1]}{number}"
