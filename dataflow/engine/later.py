"""An answer that has to be read from disk first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Later:
    """Gives the answer when it is asked for: by the one who waits for it, and holding no lock."""

    __slots__ = ("read",)

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        self.read = read
