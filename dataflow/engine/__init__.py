"""The embedded engine: the server's half of Amazon SWF, on SQLite.

It stores strings and knows nothing of workflows in Python, so it can serve deciders written in any
language. `Engine` is the engine in this process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataflow.engine.embedded import Engine

__all__ = ["Engine"]


def __getattr__(name: str) -> Any:
    # Local runs need the rules alone, and must not pay for the database.
    if name == "Engine":
        from dataflow.engine.embedded import Engine  # noqa: PLC0415 - see above

        return Engine
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
