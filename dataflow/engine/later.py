"""An answer that has to be read from disk first."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from dataflow.protocol.faults import ServiceUnavailable


class Later:
    """Gives the answer when it is asked for: by the one who waits for it, and holding no lock."""

    __slots__ = ("_read", "of_disk")

    def __init__(self, read: Callable[[], dict[str, Any]], *, of_disk: bool = False) -> None:
        """``of_disk``: it reads nothing but the disk, so it is right even if a write has failed."""
        self._read = read
        self.of_disk = of_disk

    def read(self) -> dict[str, Any]:
        """The answer. Raises `ServiceUnavailable` if the disk cannot be read."""
        try:
            return self._read()
        except sqlite3.Error as error:
            raise ServiceUnavailable(f"cannot read: {error}") from error
