"""What is ready to be asked for, and how much of it fits one answer.

An answer may hold 100 decisions and 1 MB; what does not fit waits, and a timer of zero seconds
asks to be called again. An execution may have 1,000 open activity tasks and as many timers; the
rest wait their turn here, and need no wake-up, since the end of one brings the next decision.

Everything is counted, nothing is measured twice: O(1) for each decision.
"""

from __future__ import annotations

import json
from collections import deque
from typing import Protocol

import msgspec

from dataflow.payload.fields import CLEAR, Fields
from dataflow.protocol.decisions import Decision, StartTimer
from dataflow.protocol.limits import Limits
from dataflow.replay.decided import DATA_FIELDS
from dataflow.task import OWN_TIMERS

WAKE_UP_TIMER = f"{OWN_TIMERS}wake-up"

#: Bytes of a request that are not decisions: the token, an execution context of 32,768 characters.
_ENVELOPE = 40_000


class Ask(Protocol):
    """Something that becomes a decision when there is room."""

    def decision(self) -> Decision | None:
        """The decision; None if it is not wanted any more."""
        ...

    def asked(self) -> None:
        """The decision is part of an answer; history will confirm it."""
        ...


class Lane:
    """Asks of one kind, in the order in which they became ready, and a cap on how many are open."""

    def __init__(self, cap: int | None = None) -> None:
        self._cap = cap
        self.asks: deque[Ask] = deque()
        #: Asked for and not over.
        self.open = 0

    def add(self, ask: Ask) -> None:
        """It waits for room, and for a place among the open ones."""
        self.asks.append(ask)

    def __len__(self) -> int:
        """How many could be asked for, were there room for all."""
        return len(self.asks) if self._cap is None else min(len(self.asks), self._cap - self.open)

    def first(self) -> Decision | None:
        """The first decision that is wanted and may be asked for; None if there is none."""
        asks = self.asks
        while asks and (self._cap is None or self.open < self._cap):
            decision = asks[0].decision()
            if decision is not None:
                return decision
            asks.popleft()
        return None


class Agenda:
    """What is ready, in three lanes: what ends something goes first, for it makes room."""

    def __init__(self, limits: Limits, fields: Fields = CLEAR) -> None:
        self._limits = limits
        self._fields = fields
        limit = limits.data_length
        #: The characters of a field; None: texts are sent as they are.
        self._limit = None if limit is None or fields.longest(limit) == limit else limit
        self.cancellations = Lane()
        #: One place is kept for the wake-up timer.
        self.timers = Lane(limits.open_timers - 1)
        self.activities = Lane(limits.open_activities)
        self._lanes = (self.cancellations, self.timers, self.activities)
        #: Whether the wake-up timer has been asked for and has not fired.
        self.wake_up_open = False

    def take(self) -> list[Decision]:
        """The decisions of this answer."""
        limits = self._limits
        taken: list[Decision] = []
        size = _ENVELOPE
        for lane in self._lanes:
            while (decision := lane.first()) is not None:
                if limits.request_bytes is not None:
                    size += _size(self._as_sent(decision))
                room = limits.decisions - len(taken)
                # The last place is for the wake-up timer, unless nothing comes after this decision.
                full = room == 0 or (room == 1 and not self.wake_up_open and self._askable() > 1)
                too_large = limits.request_bytes is not None and size > limits.request_bytes
                if taken and (full or too_large):
                    if not self.wake_up_open:
                        self.wake_up_open = True
                        taken.append(StartTimer(timer_id=WAKE_UP_TIMER, start_to_fire_timeout="0"))
                    return taken
                lane.asks.popleft().asked()
                lane.open += 1
                taken.append(decision)
        return taken

    def _as_sent(self, decision: Decision) -> Decision:
        """The decision with data as long as that which is sent: a reference, if need be."""
        if self._limit is None or (field := DATA_FIELDS.get(type(decision))) is None:
            return decision
        text = getattr(decision, field) or ""
        length = self._fields.written_length(text, self._limit)
        if length == len(text):
            return decision
        return msgspec.structs.replace(decision, **{field: "-" * length})

    def _askable(self) -> int:
        return sum(map(len, self._lanes))


def _size(decision: Decision) -> int:
    """Bytes of a decision on the wire, at most; what is not ASCII is escaped there."""
    data = _encode(decision)
    # Most are ASCII, and then their length is enough: a tenth of the cost.
    return _WRAPPING + (len(data) if data.isascii() else len(json.dumps(msgspec.json.decode(data))))


_encode = msgspec.json.Encoder().encode

#: Bytes around the attributes of a decision: its type, twice, and the spaces that a client may put
#: between its members.
_WRAPPING = 200
