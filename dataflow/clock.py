"""The only reader of the time.

Everything that needs the time takes a `Clock`, so that tests can put a virtual one in its place
(`dataflow.testing.VirtualClock`).
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """A source of the present time."""

    def now(self) -> float:
        """Seconds since the epoch; never goes back."""
        ...


class SystemClock:
    """The machine's clock: wall time at the start, monotonic from there.

    So a correction of the machine's clock can neither fire a time-out early nor write a history
    whose times go backwards. Where there is a clock that goes on while the machine sleeps (Linux
    has one), it is taken: a timer must not be late by the time that a lid was closed.
    """

    _CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

    def __init__(self) -> None:
        self._offset = time.time() - time.clock_gettime(self._CLOCK)

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._offset + time.clock_gettime(self._CLOCK)
