"""Call rates: a token bucket for each operation, as Amazon SWF throttles an account."""

from __future__ import annotations

from collections.abc import Mapping

from dataflow.protocol.faults import ThrottlingException


class CallRates:
    """The buckets; full at the beginning. Time is an argument."""

    def __init__(self, calls: Mapping[str, tuple[float, float]]) -> None:
        """``calls``: for an operation, how many calls at once and how many more each second."""
        self._calls = calls
        #: What is left in a bucket, and when that was.
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, operation: str, now: float) -> None:
        """Count one call. Raises `ThrottlingException` if there have been too many."""
        limit = self._calls.get(operation)
        if limit is None:
            return
        size, refill = limit
        left, at = self._left.get(operation, (size, now))
        left = min(size, left + (now - at) * refill)
        if left < 1:
            raise ThrottlingException("Rate exceeded")
        self._left[operation] = (left - 1, now)
