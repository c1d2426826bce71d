"""Time that passes only when it is told to."""

from __future__ import annotations


class VirtualClock:
    """A clock for tests; see `dataflow.clock.Clock`."""

    def __init__(self, start: float = 1_000_000_000.0) -> None:
        """``start``: seconds since the epoch."""
        self._now = start

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass; in a fake, this is how long the activity takes."""
        if seconds < 0:
            raise ValueError(f"advance({seconds}): time does not go back")
        self._now += seconds
