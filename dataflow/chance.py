"""Random numbers and UUIDs that depend on nothing but a seed.

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


def new_id() -> str:
    """A fresh random id, for runs that start here."""
    return uuid.uuid4().hex
