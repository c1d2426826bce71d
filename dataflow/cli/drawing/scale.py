"""The axis of time: round steps, and how moments and durations are written."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

_CENTISECOND = 0.01
_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0

#: Steps that a person can count in, in seconds; histories are to the millisecond.
_STEPS = (
    *(unit * 10.0**power for power in range(-3, 1) for unit in (1, 2, 5)),
    *(10.0, 15.0, 30.0),
    *(_MINUTE * n for n in (1, 2, 5, 10, 15, 30)),
    *(_HOUR * n for n in (1, 2, 3, 6, 12)),
    *(_DAY * n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500)),
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on the axis."""

    #: Seconds since the beginning.
    at: float
    #: The same, in words.
    elapsed: str


def ticks(length: float, most: int) -> Sequence[Tick]:
    """At most ``most`` marks, from 0, for an axis of ``length`` seconds."""
    step = next((step for step in _STEPS if _count(length, step) < most), None)
    if step is None:
        return [Tick(0.0, "0")]
    return [Tick(n * step, _elapsed(n * step, step)) for n in range(_count(length, step) + 1)]


def _count(length: float, step: float) -> int:
    return math.floor(length / step + 1e-9)


def _elapsed(at: float, step: float) -> str:
    if at == 0:
        return "0"
    if step < _CENTISECOND:
        return f"{at * 1000:.0f} ms"
    if step < 1:
        return f"{at:.{-math.floor(math.log10(step) + 1e-9)}f} s"
    return duration(at)


def duration(seconds: float) -> str:
    """A duration, in two units at most: ``1 h 5 min``, ``3.2 s``, ``8 ms``."""
    if seconds < 0.0005:  # noqa: PLR2004 - rounds to nothing
        return "0 s"
    if seconds < 0.9995:  # noqa: PLR2004 - rounds to a second
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < _MINUTE:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    for unit, name, smaller, smaller_name in (
        (_DAY, "d", _HOUR, "h"),
        (_HOUR, "h", _MINUTE, "min"),
        (_MINUTE, "min", 1.0, "s"),
    ):
        whole, rest = divmod(round(seconds / smaller) * smaller, unit)
        if whole:
            words = f"{whole:.0f} {name}"
            return words + (f" {rest / smaller:.0f} {smaller_name}" if rest else "")
    raise AssertionError(seconds)


def clock(at: float, zone: tzinfo | None, *, step: float = 1.0) -> str:
    """The time of day; with the day where steps are as long as days. ``zone`` None: local time."""
    moment = datetime.fromtimestamp(at, UTC).astimezone(zone)
    if step >= _DAY:
        return f"{moment:%Y-%m-%d}"
    if step >= _MINUTE:
        return f"{moment:%H:%M}"
    if step >= 1:
        return f"{moment:%H:%M:%S}"
    digits = max(1, -math.floor(math.log10(step) + 1e-9))
    return f"{moment:%H:%M:%S}.{f'{moment.microsecond:06d}'[:digits]}"


def date_and_time(at: float, zone: tzinfo | None) -> str:
    """A moment, to the second, with its offset from UTC."""
    moment = datetime.fromtimestamp(at, UTC).astimezone(zone)
    return f"{moment:%Y-%m-%d %H:%M:%S} {f'{moment:%z}'.replace('+0000', 'UTC')}"
