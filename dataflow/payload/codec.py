"""Values to fields of history and back: compact JSON with sorted keys.

Encoding is a pure function of the value: equal arguments give equal texts, in every process. This
is what replay compares and what idempotent tasks are named after. Hence sorted keys and sorted
sets. Nothing is cut in silence: what JSON cannot say is refused, and the refusal says where it is.

A value may contain *holes*: objects of one given type (the replay's futures) whose text is not
known yet. `template` encodes everything around them in one pass, at the time of the call, so what
a caller changes in its lists afterwards cannot leak in; `Template.fill` is a string join.

This module refuses to know what a future is, and never decodes what it joins. What becomes of a
decoded value where an annotation asks for more than JSON's types is `dataflow.payload.annotations`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from dataflow.errors import PayloadError
from dataflow.payload.builtin import quickly, write
from dataflow.payload.plain import MARK, Plain, Refused


class Template(NamedTuple):
    """A text with holes: ``texts[0] + hole[0] + texts[1] + ... + texts[-1]``."""

    texts: tuple[str, ...]
    #: The objects that stand in the holes.
    holes: tuple[Any, ...]

    def fill(self, encoded: Iterable[str]) -> str:
        """The whole text, with the holes' own texts."""
        parts = [self.texts[0]]
        for text, after in zip(encoded, self.texts[1:], strict=True):
            parts.append(text)
            parts.append(after)
        return "".join(parts)


def encode(value: Any, *, where: str = "value") -> str:
    """The value as JSON.

    Raises `PayloadError`, whose path begins with ``where``, if some part of it has no JSON form.
    """
    return template(value, hole=None, where=where).texts[0]


def template(value: Any, *, hole: type | None, where: str = "value") -> Template:
    """Encode a value around the objects of type ``hole`` in it.

    Lists, tuples, dictionaries, dataclasses, msgspec structs and attrs classes are searched.
    Raises `PayloadError` as `encode` does.
    """
    quick = quickly(value)
    if quick is not None:
        return Template((quick.decode(),), ())
    plain = Plain(hole)
    try:
        data = write(plain.of(value))
    except Refused as refused:
        path = where + "".join(reversed(refused.path))
        raise PayloadError(f"{path} cannot be encoded: {refused}", path=path) from None
    except RecursionError:
        raise PayloadError(
            f"{where} cannot be encoded: it is nested too deeply", path=where
        ) from None
    pieces = data.decode().split(MARK)
    return Template(tuple(pieces[::2]), tuple(plain.holes[int(n)] for n in pieces[1::2]))


def decode(text: str | None) -> Any:
    """The value of a field; a text that is not JSON stands for itself, an absent one for None.

    Other SWF programs put plain text into these fields, so that is no error.
    """
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        pass
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text


def _refuse(word: str) -> None:
    """NaN and the infinities are no JSON, whatever the standard library takes."""
    raise ValueError(word)
