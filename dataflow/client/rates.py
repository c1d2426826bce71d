"""Calls no faster than the service grants them: a token bucket for each operation.

Amazon SWF throttles an account as a whole, and answers what is over it ``ThrottlingException``,
which costs a round trip and a share of what others may call. So one waits here, and in turn.
https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dg-limits.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping


class CallRates:
    """The buckets, full at the beginning; for all threads."""

    def __init__(
        self,
        calls: Mapping[str, tuple[float, float]],
        *,
        now: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        """``calls``: for an operation, how many calls at once and how many more each second."""
        self._calls = calls
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        #: What is left in a bucket, and when that was; less than nothing is owed by who waits.
        self._left: dict[str, tuple[float, float]] = {}

    def wait(self, operation: str) -> None:
        """Wait until the operation may be called, and count the call."""
        limit = self._calls.get(operation)
        if limit is None:
            return
        size, refill = limit
        with self._lock:
            now = self._now()
            left, at = self._left.get(operation, (size, now))
            left = min(size, left + (now - at) * refill) - 1
            self._left[operation] = (left, now)
        if left < 0:
            self._sleep(-left / refill)
