"""A captured request must not be sent again.

The signature of a request is its fingerprint, but two requests may bear the same one and be honest:
x-amz-date counts whole seconds and the SDKs do not sign their invocation id, so two workers with
one key, that send equal polls within a second, send the same signature. Hence the law:

* a signature that comes again more than `REPEATABLE` seconds after it first came is a replay;
* one that is dated more than `REPEATABLE` seconds before this memory began counts as a replay: the
  server before this one may have seen it. (So a client whose clock is slow has to wait after a
  restart of the server, as long as it is slow.) When our clock is set back, the memory begins
  anew.

Workers that give an ``identity`` each never meet these repetitions, however far apart their clocks
are. A signature is remembered until its date is out of the bounds that `signature` sets. It takes
8 bytes after some seconds, 100 before: at 1,000 requests a second about 4 MB.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left

from dataflow.engine.auth.signature import SKEW
from dataflow.protocol.faults import InvalidSignatureException

#: Seconds for which equal signatures may come from different senders.
REPEATABLE = 10
#: Hexadecimal digits of a signature that are kept: what fits a small int. That two requests of one
#: second agree in 60 bits does not happen.
_DIGITS = 15


class Replays:
    """The signatures that were seen lately, by the second of their date."""

    def __init__(self, began: float) -> None:
        """``began`` is the present; what was seen before it is forgotten."""
        self._began = began
        self._seconds: dict[int, _Second] = {}
        self._swept = int(began)

    def __len__(self) -> int:
        return sum(map(len, self._seconds.values()))

    def check(self, signature: str, signed_at: int, now: float) -> None:
        """Take note of a signature that has been verified. Raises `InvalidSignatureException`."""
        if int(now) > self._swept:
            self._sweep(now)
        elif now < self._swept - REPEATABLE:
            self._began, self._swept = now, int(now)
        if signed_at < max(self._began - REPEATABLE, self._swept - SKEW):
            raise _replay("it is dated before what this server remembers")
        second = self._seconds.get(signed_at)
        if second is None:
            second = self._seconds[signed_at] = _Second(now)
        if second.saw(int(signature[:_DIGITS], 16), int(now)):
            raise _replay("it came for the first time a while ago")

    def _sweep(self, now: float) -> None:
        self._swept = int(now)
        for date, second in list(self._seconds.items()):
            if now - date > SKEW:
                del self._seconds[date]
            elif now > second.pack_at:
                second.pack(int(now))


class _Second:
    """The signatures of one date."""

    __slots__ = ("_old", "_recent", "pack_at")

    def __init__(self, now: float) -> None:
        #: Signature -> when it came first.
        self._recent: dict[int, int] = {}
        #: Those that may not come again, sorted.
        self._old = array("Q")
        self.pack_at = now + 2 * REPEATABLE

    def __len__(self) -> int:
        return len(self._old) + len(self._recent)

    def saw(self, signature: int, now: int) -> bool:
        """Whether the signature came before, so long ago that this is a replay."""
        place = bisect_left(self._old, signature)
        if place < len(self._old) and self._old[place] == signature:
            return True
        return now - self._recent.setdefault(signature, now) > REPEATABLE

    def pack(self, now: int) -> None:
        """Make what cannot come again small."""
        recent = {s: first for s, first in self._recent.items() if now - first <= REPEATABLE}
        if len(recent) < len(self._recent):
            old = self._recent.keys() - recent.keys()
            self._old = array("Q", sorted([*self._old, *old]))
            self._recent = recent
        self.pack_at = now + 2 * REPEATABLE


def _replay(reason: str) -> InvalidSignatureException:
    return InvalidSignatureException(
        f"This request was not accepted because {reason}. If you did not send it a second time, "
        "set your clock, or give each of your workers an identity of its own."
    )
