"""Lets msgspec see every type of the protocol before several threads can show it one at once.

msgspec (0.22, at least) notes in a structure's class what it has found out about it, bit by bit: a
second thread that decodes this structure for the first time at the same moment ends the process
with a segmentation fault.
"""

from __future__ import annotations

import threading
from contextlib import suppress

from dataflow.protocol import events as ev
from dataflow.protocol import operations
from dataflow.protocol.faults import Fault

_guard = threading.Lock()
_done = False

_ANY_EVENT = ev.Event(1, 0.0, ev.TimerFired(timer_id="t", started_event_id=1))


def prepare() -> None:
    """Takes some milliseconds, once in a process."""
    global _done  # noqa: PLW0603 - it is a fact about the process
    with _guard:
        if _done:
            return
        ev.decode(ev.encode(_ANY_EVENT))
        ev.decode_all(b"[]")
        ev.from_wire(ev.to_wire(_ANY_EVENT))
        for name in operations.OPERATIONS:
            with suppress(Fault):
                operations.parse(name, b"{}")
            with suppress(Fault):
                operations.convert(name, {})
        _done = True
