"""Random numbers and UUIDs: those that depend on nothing but a seed, and fresh ones.

`dataflow.replay` may not import `random` or `uuid`, whose module-level functions would make a
replay differ from the first run. It is handed this instead
(`dataflow.replay.decided.Chance` is its type).
"""

from __future__ import annotations

import hashlib
import random
import uuid


class SeededChance:
    """The standard library's generators, seeded."""

    def random(self, seed: str) -> random.Random:
        """A Mersenne twister for this seed."""
        return random.Random(seed)  # noqa: S311 - repeatable is the point

    def uuid(self, seed: str) -> uuid.UUID:
        """A UUID made of the seed's hash, in the form of a random one."""
        return uuid.UUID(bytes=hashlib.sha256(seed.encode()).digest()[:16], version=4)


def back_off(failures: int, *, first: float, longest: float, least: float) -> float:
    """Seconds to wait after this many failures in a row.

    Twice as long each time, from ``first`` to ``longest``; of that, by chance, as little as the
    part ``least``: those who failed together shall not come again together.
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    # Beyond any power that is cut off anyway.
    most = min(first * 2.0 ** min(failures - 1, 64), longest)
    return random.uniform(most * least, most)  # noqa: S311 - no secret


def new_id() -> str:
    """A fresh random id, for runs that start here."""
    return uuid.uuid4().hex
