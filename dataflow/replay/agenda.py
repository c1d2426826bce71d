"""What is ready to be asked for, and how much of it fits one answer.

An answer may hold 100 decisions and 1 MB; what does not fit waits, and a timer of zero seconds
asks to be called again. An execution may have 1,000 open activity tasks; the rest wait their turn
here, and need no timer, since the end of an activity brings the next decision.

Everything is counted, nothing is measured twice: O(1) for each decision.
"""

from __future__ import annotations

from collections import deque
from json.encoder import encode_basestring_ascii
from typing import Any, Protocol

from dataflow.protocol.decisions import Decision, StartTimer
from dataflow.protocol.limits import Limits

WAKE_UP_TIMER = "dataflow-wake-up"

#: Bytes of a request that are not decisions: the token, an execution context of 32,768 characters.
_ENVELOPE = 40_000
#: Bytes of a decision beyond its texts: names of members, punctuation, time-outs.
_FRAME = 600


class Ask(Protocol):
    """Something that becomes a decision when there is room."""

    def decision(self) -> Decision | None:
        """The decision; None if it is not wanted any more."""
        ...


class Agenda:
    """Asks in the order in which they became ready; activities apart, for they have a cap."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._activities: deque[Ask] = deque()
        self._others: deque[Ask] = deque()
        #: Activity tasks asked for and not closed.
        self.open_activities = 0
        #: Whether the wake-up timer has been asked for and has not fired.
        self.wake_up_open = False

    def add(self, ask: Ask) -> None:
        """Add anything but an activity."""
        self._others.append(ask)

    def add_activity(self, ask: Ask) -> None:
        """Add an activity: it waits for a free place among the open ones."""
        self._activities.append(ask)

    def __len__(self) -> int:
        return len(self._activities) + len(self._others)

    def take(self) -> list[Decision]:
        """The decisions of this answer."""
        limits = self._limits
        taken: list[Decision] = []
        room = limits.decisions
        size = _ENVELOPE
        while True:
            queue = self._next_queue()
            if queue is None:
                return taken
            decision = queue[0].decision()
            if decision is None:
                queue.popleft()
                continue
            if limits.request_bytes is not None:
                size += _size(decision)
            # The last place is for the wake-up timer, unless nothing comes after this decision.
            full = room == 0 or (room == 1 and not self.wake_up_open and self._askable() > 1)
            too_large = limits.request_bytes is not None and size > limits.request_bytes
            if taken and (full or too_large):
                if not self.wake_up_open:
                    self.wake_up_open = True
                    taken.append(StartTimer(timer_id=WAKE_UP_TIMER, start_to_fire_timeout="0"))
                return taken
            queue.popleft()
            if queue is self._activities:
                self.open_activities += 1
            taken.append(decision)
            room -= 1

    def _next_queue(self) -> deque[Ask] | None:
        if self._others:
            return self._others
        if self._activities and self.open_activities < self._limits.open_activities:
            return self._activities
        return None

    def _askable(self) -> int:
        """How many asks could be taken, were there room for all."""
        places = self._limits.open_activities - self.open_activities
        return len(self._others) + min(len(self._activities), places)


def _size(decision: Any) -> int:
    """Bytes of a decision on the wire, rounded up."""
    size = _FRAME
    for field in ("input", "control"):
        text = getattr(decision, field, None)
        if text:
            size += len(encode_basestring_ascii(text))
    return size
