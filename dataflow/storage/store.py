"""What a store of jumbo fields must do.

Objects are named after what is in them, so they are written once and never change, and it does not
matter who of several writes one. Nothing is ever deleted through this door.
"""

from __future__ import annotations

from typing import Protocol


class Store(Protocol):
    """Objects by name, for all threads of a process.

    Both methods raise `PayloadError` for what stays wrong (missing, denied, no such bucket), with
    the place and what to do, and `PayloadUnavailable` for what may pass.
    """

    @property
    def scheme(self) -> str:
        """What its references begin with: ``s3``."""
        ...

    @property
    def location(self) -> str:
        """What its references have between the scheme and the name: ``bucket/prefix``."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Keep an object. When this returns, it will survive; one that is there stays."""
        ...

    def get(self, name: str) -> bytes:
        """The object of this name."""
        ...
