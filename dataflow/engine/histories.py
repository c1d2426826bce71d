"""The histories of open executions: their ends in memory, all of them on disk.

What is not on disk yet is always in memory; beyond that, as much as `Histories` is allowed to keep,
the least recently written first to go. So a decider that asks for what is new costs no reading.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

import msgspec

from dataflow.engine.store import Store

#: Bytes of histories that are kept in memory.
MOST_BYTES = 128 * 2**20
#: Bytes of events in one page: "the actual number of results returned per call may be fewer than
#: the specified maximum".
PAGE_BYTES = 4 * 2**20


class Owner(Protocol):
    """Whose history it is."""

    @property
    def number(self) -> int:
        """By which the file knows it."""
        ...

    @property
    def saved(self) -> bool:
        """Whether all of it is on disk."""
        ...

    end: End


class End:
    """The last events of a history."""

    __slots__ = ("bodies", "bytes", "first")

    def __init__(self, first: int) -> None:
        """``first``: the id of the first event that will be kept."""
        self.first = first
        self.bodies: list[bytes] = []
        self.bytes = 0


class Histories:
    """The ends of all open histories."""

    def __init__(self, store: Store, most_bytes: int = MOST_BYTES) -> None:
        self._store = store
        self._most = most_bytes
        self._bytes = 0
        self._owners: OrderedDict[int, Owner] = OrderedDict()

    def add(self, owner: Owner, bodies: list[bytes]) -> None:
        """Keep new events; the owner is not saved."""
        size = sum(map(len, bodies))
        owner.end.bodies += bodies
        owner.end.bytes += size
        self._bytes += size
        self._owners[owner.number] = owner
        self._owners.move_to_end(owner.number)
        while self._bytes > self._most:
            oldest = next(iter(self._owners.values()))
            if not oldest.saved:
                break
            self.forget(oldest)

    def forget(self, owner: Owner) -> None:
        """Keep nothing of this history."""
        end = owner.end
        self._owners.pop(owner.number, None)
        self._bytes -= end.bytes
        owner.end = End(end.first + len(end.bodies))

    def read(self, owner: Owner, first: int, last: int, *, reverse: bool) -> Reading:
        """These events (both included), to be read without any lock."""
        end = owner.end
        kept = end.bodies[max(0, first - end.first) : max(0, last + 1 - end.first)]
        stored = (first, min(last, end.first - 1))
        return Reading(self._store, owner.number, stored, kept, reverse=reverse)


class Reading:
    """A page of a history; what is not in memory is read from the file when it is asked for."""

    __slots__ = ("_kept", "_number", "_reverse", "_store", "_stored")

    def __init__(
        self,
        store: Store,
        number: int,
        stored: tuple[int, int],
        kept: list[bytes],
        *,
        reverse: bool,
    ) -> None:
        """``stored``: the first and last event that are only in the file; ``kept``: the rest."""
        self._store = store
        self._number = number
        self._stored = stored
        self._kept = kept
        self._reverse = reverse

    @property
    def at_hand(self) -> bool:
        """Whether nothing has to be read from the file."""
        first, last = self._stored
        return first > last

    def page(self) -> tuple[msgspec.Raw, int]:
        """A JSON list of events, and how many of them fit into a page."""
        first, last = self._stored
        bodies = [] if self.at_hand else self._store.events(self._number, first, last)
        bodies += self._kept
        if self._reverse:
            bodies.reverse()
        size = 0
        for n, body in enumerate(bodies):
            size += len(body)
            if size > PAGE_BYTES and n:
                bodies = bodies[:n]
                break
        return msgspec.Raw(b"[" + b",".join(bodies) + b"]"), len(bodies)
