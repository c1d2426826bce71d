"""Calls to a store that is far away, made again while what is wrong may pass.

Five attempts within about six seconds. Who calls knows better whether it is worth more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from dataflow.chance import back_off
from dataflow.errors import DataflowError, PayloadUnavailable

_ATTEMPTS = 5
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0

_T = TypeVar("_T")


class Transient(DataflowError):
    """The same call may succeed in a moment: throttled, timed out, an error of the service."""


def repeat(call: Callable[[], _T], sleep: Callable[[float], None]) -> _T:
    """What the call returns; it is made again while it raises `Transient`.

    Raises `PayloadUnavailable` when it has been made often enough.
    """
    for attempt in range(1, _ATTEMPTS):
        try:
            return call()
        except Transient:
            sleep(back_off(attempt, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, least=1 / 4))
    try:
        return call()
    except Transient as error:
        raise PayloadUnavailable(str(error)) from error.__cause__
