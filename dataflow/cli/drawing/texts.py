"""Texts of users in pictures: how wide they are, cut to a width, in XML."""

from __future__ import annotations

import unicodedata
from itertools import accumulate

from dataflow.inspection.fields import line

_ELLIPSIS = "…"
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})


def text_width(text: str) -> int:
    """How many columns of a terminal a text takes; a wide character takes two."""
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in {"Mn", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def shorten(text: str, most: int) -> str:
    """A text in at most so many columns. It loses its middle: ends tell similar names apart."""
    if text_width(text) <= most:
        return text
    room = max(0, most - 1)
    head, tail = _take(text, room - room // 2), _take(text[::-1], room // 2)[::-1]
    return f"{head}{_ELLIPSIS}{tail}" if most else ""


def _take(text: str, most: int) -> str:
    return text[: sum(taken <= most for taken in accumulate(map(_columns, text)))]


def markup(text: str) -> str:
    """A text within XML or HTML, as content or in a quoted attribute."""
    return line(text).translate(_ENTITIES)
