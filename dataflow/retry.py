"""When a failed task is tried again, and how long after: pure arithmetic.

``retry=3`` on an activity means three more attempts, at once. A `Retry` says more: how many
attempts, after which delays, for which errors.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from dataflow.errors import TaskFailed
from dataflow.protocol.limits import DURATION_SECONDS

_AN_HOUR = 3600

ErrorType = type[BaseException] | str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """A policy: the delay before attempt *n* + 1 is ``initial_delay * factor ** (n - 1)`` seconds.

    Delays are timers in the history; SWF counts whole seconds, so a delay is rounded up.
    """

    #: Attempts in all, the first included.
    attempts: int = 3
    #: Seconds before the second attempt; 0: at once.
    initial_delay: float = 1
    #: What each further delay is multiplied with.
    factor: float = 2
    #: The longest delay, in seconds; None: an hour, or the first delay if that is longer.
    maximum_delay: float | None = None
    #: The share of a delay that is left to chance, 0 to 1: with 0.5, a delay of 10 s becomes one
    #: of 5 to 10 s. Chance is the workflow's own, so a replay draws the same delay.
    jitter: float = 0
    #: Only these errors are tried again (classes, or names as in ``TaskFailed.error_type``).
    retry_on: tuple[ErrorType, ...] = (Exception,)
    #: These never are; wins over ``retry_on``.
    never: tuple[ErrorType, ...] = ()

    def __post_init__(self) -> None:
        if isinstance(self.attempts, bool) or not isinstance(self.attempts, int):
            msg = f"Retry(attempts={self.attempts!r}): attempts must be a whole number"
            raise TypeError(msg)
        for field, low, high in (
            ("attempts", 1, math.inf),
            ("initial_delay", 0, math.inf),
            ("factor", 1, math.inf),
            ("maximum_delay", 0, math.inf),
            ("jitter", 0, 1),
        ):
            value = getattr(self, field)
            if value is None and field == "maximum_delay":
                continue
            if not low <= value <= high or value == math.inf:
                bounds = f"at least {low}" if high == math.inf else f"from {low} to {high}"
                msg = f"Retry({field}={value!r}): {field} must be {bounds}"
                raise ValueError(msg)
        for field in ("retry_on", "never"):
            value = getattr(self, field)
            if isinstance(value, (str, type)):
                object.__setattr__(self, field, (value,))

    @classmethod
    def of(cls, retry: int | Retry) -> Retry:
        """The policy that ``retry=`` stands for: a number means more attempts, at once."""
        if isinstance(retry, Retry):
            return retry
        if isinstance(retry, bool) or not isinstance(retry, int):
            msg = f"retry={retry!r}: retry must be a number of retries or a dataflow.Retry"
            raise TypeError(msg)
        if retry < 0:
            msg = f"retry={retry}: retry must be 0 or more"
            raise ValueError(msg)
        return cls(attempts=retry + 1, initial_delay=0)

    def delay(self, failures: int, error: TaskFailed, chance: float) -> int | None:
        """Whole seconds to wait after this many failures; None: do not try again.

        ``chance`` is a number from 0 to 1, which decides about the jitter.
        """
        if failures >= self.attempts or error.is_a(*self.never) or not error.is_a(*self.retry_on):
            return None
        if self.initial_delay == 0:
            return 0
        longest = self.maximum_delay
        if longest is None:
            longest = max(_AN_HOUR, self.initial_delay)
        longest = min(longest, DURATION_SECONDS)
        try:
            delay = min(self.initial_delay * self.factor ** (failures - 1), longest)
        except OverflowError:
            delay = longest
        return math.ceil(delay * (1 - self.jitter * chance))
