"""How the fields of a history are shown: inputs, results, details.

A field may be longer than a line of a table, and it may be a reference to where its content is
(``dataflow+s3://bucket/key 5242880``: the address, and the length in bytes).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable

#: From a field to its content, for whoever wants to see it whole.
Fetch = Callable[[str], str]

#: ``simpleflow+s3://`` is how the ancestor wrote it.
_REFERENCE = re.compile(r"((?:dataflow|simpleflow)\+[a-z0-9]+://\S+) (\d{1,18})")
_UNITS = ("B", "KB", "MB", "GB")
_UNIT = 1_000
_CUT = "..."


def shown(text: str | None, limit: int) -> str:
    """A field on one line of at most ``limit`` characters; a reference by length and address."""
    if text is None:
        return ""
    reference = _REFERENCE.fullmatch(text)
    if reference is not None:
        text = f"<{size(int(reference[2]))}, {reference[1]}>"
    elif len(text) > limit:
        text = text[: limit + 1]  # no need to look at megabytes of it
    text = line(text)
    return text if len(text) <= limit else text[: max(0, limit - len(_CUT))] + _CUT


def line(text: str) -> str:
    """A text on one line, without what a terminal would take for a command."""
    return text if text.isprintable() else escaped(" ".join(text.split()))


def escaped(text: str) -> str:
    """A line as it stands, but for what a terminal would take for a command."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text.expandtabs(4))


def size(length: int) -> str:
    """A number of bytes, for people: ``1.2 MB``."""
    amount = float(length)
    for unit in _UNITS[:-1]:
        if amount < _UNIT:
            return f"{length} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= _UNIT
    return f"{amount:.1f} {_UNITS[-1]}"


def who(identity: str) -> str:
    """An identity in short, ``root@host:4711``, where it tells so much; else as it stands."""
    try:
        told = json.loads(identity)
        return f"{told['user']}@{told['hostname']}:{told['pid']}"
    except (ValueError, TypeError, LookupError):
        return identity
