"""What can expire, earliest first.

One deadline for each key. Moving or clearing one is O(log n): the heap's old entry is skipped when
it comes up, and the heap is rebuilt when most of it is old, so that its size follows the number of
open deadlines and not the length of the history.
"""

from __future__ import annotations

import enum
import heapq
from typing import NamedTuple


class Kind(enum.IntEnum):
    """What expires. At the same instant, the lower goes first: work before what waits for it."""

    ACTIVITY = 1
    LAMBDA = 2
    TIMER = 3
    DECISION = 4
    EXECUTION = 5


class Key(NamedTuple):
    """One thing that can expire, by the event that began it."""

    kind: Kind
    event_id: int


class Deadlines:
    """A heap of deadlines with a key each."""

    def __init__(self) -> None:
        self._when: dict[Key, float] = {}
        self._heap: list[tuple[float, Key]] = []

    def __len__(self) -> int:
        return len(self._when)

    def set(self, key: Key, when: float | None) -> None:
        """Set, move or (None) clear the deadline of a key."""
        if when is None:
            self._when.pop(key, None)
        elif self._when.get(key) != when:
            self._when[key] = when
            heapq.heappush(self._heap, (when, key))
        if len(self._heap) > 2 * len(self._when) + 64:
            self._heap = [(when, key) for key, when in self._when.items()]
            heapq.heapify(self._heap)

    def clear(self) -> None:
        """Nothing can expire any more."""
        self._when.clear()
        self._heap.clear()

    def first(self) -> tuple[float, Key] | None:
        """The earliest deadline and its key; None if there is none."""
        while self._heap:
            when, key = self._heap[0]
            if self._when.get(key) == when:
                return when, key
            heapq.heappop(self._heap)
        return None
