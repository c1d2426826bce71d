"""When the engine must look at an execution next: the earliest deadline of each, in one heap.

An execution stands there for its earliest deadline, or for an earlier moment at which it turns out
that the deadline has been put off: that costs one look, where moving it each time would cost more.
"""

from __future__ import annotations

import heapq
from typing import Generic, Protocol, TypeVar


class Sleeper(Protocol):
    """Who is looked at."""

    #: For when it stands in the heap; None if it does not.
    alarm: float | None


S = TypeVar("S", bound=Sleeper)


class Alarms(Generic[S]):
    """The heap. Times are seconds since the epoch."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, S]] = []
        self._pushed = 0
        self._standing = 0

    def set(self, sleeper: S, due: float | None) -> None:
        """Look at the sleeper at this time, or sooner."""
        if due is None or (sleeper.alarm is not None and sleeper.alarm <= due):
            return
        self._standing += sleeper.alarm is None
        sleeper.alarm = due
        self._pushed += 1
        heapq.heappush(self._heap, (due, self._pushed, sleeper))
        # The heap's size follows the number of sleepers, however often their alarms were changed.
        if len(self._heap) > 2 * self._standing + 64:
            standing = {id(entry[2]): entry for entry in self._heap if entry[2].alarm == entry[0]}
            self._heap = list(standing.values())
            heapq.heapify(self._heap)

    def clear(self, sleeper: S) -> None:
        """Do not look at it any more."""
        self._standing -= sleeper.alarm is not None
        sleeper.alarm = None

    def first(self) -> float | None:
        """When the next one is due."""
        heap = self._heap
        while heap and heap[0][2].alarm != heap[0][0]:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop(self, now: float) -> S | None:
        """The next one whose time has come; it stands there no longer."""
        due = self.first()
        if due is None or due > now:
            return None
        sleeper = heapq.heappop(self._heap)[2]
        self.clear(sleeper)
        return sleeper
