"""Values to fields of history and back: compact JSON with sorted keys.

Sorted keys make encoding a pure function of the value: the same arguments always give the same
text, which is what replay compares and what idempotent tasks are named after.

A value may contain *holes*: objects of one given type (the replay's futures) whose text is not
known yet. `template` encodes everything around them in one pass, at the time of the call, so what
a caller changes in its lists afterwards cannot leak in; `Template.fill` is a string join.

This module refuses to know what a future is, and never decodes what it joins.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import msgspec.inspect

from dataflow.errors import PayloadError


class Template(NamedTuple):
    """A text with holes: ``texts[0] + hole[0] + texts[1] + ... + texts[-1]``."""

    texts: tuple[str, ...]
    #: The objects that stand in the holes.
    holes: tuple[Any, ...]

    def fill(self, encoded: Sequence[str]) -> str:
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

    Lists, tuples, dictionaries, dataclasses and msgspec structs are searched. Raises
    `PayloadError` as `encode` does.
    """
    salt = ""
    while True:
        encoder = _Encoder(hole, salt)
        try:
            text = encoder.encode(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise _explain(value, where, hole, error) from None
        if not encoder.holes:
            return Template((text,), ())
        pieces = encoder.mark_pattern.split(text)
        order = pieces[1::2]
        if len(order) == len(encoder.holes):
            return Template(tuple(pieces[::2]), tuple(encoder.holes[int(n)] for n in order))
        salt += "+"  # the value itself contains our mark: take another one


def decode(text: str | None) -> Any:
    """The value of a field; a text that is not JSON stands for itself, an absent one for None.

    Other SWF programs put plain text into these fields, so that is no error.
    """
    if text is None:
        return None
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        pass
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


class _Encoder(json.JSONEncoder):
    """JSON for one value; remembers the holes it met."""

    def __init__(self, hole: type | None, salt: str) -> None:
        super().__init__(sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
        self.hole = hole
        self.salt = salt
        self.holes: list[Any] = []

    @property
    def mark_pattern(self) -> re.Pattern[str]:
        return re.compile(rf'"\\u0000hole{re.escape(self.salt)}:(\d+)\\u0000"')

    def encode(self, o: Any) -> str:
        text = super().encode(o)
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                # Half a surrogate pair, as in an undecodable file name: no UTF-8 has it, but a
                # JSON escape can say it.
                text = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
        return text

    def default(self, o: Any) -> Any:
        if self.hole is not None and isinstance(o, self.hole):
            self.holes.append(o)
            return f"\0hole{self.salt}:{len(self.holes) - 1}\0"
        return _plain(o, self.default)


def _plain(o: Any, enc_hook: Callable[[Any], Any]) -> Any:
    """One level of an object that JSON does not know, as something nearer to JSON.

    Raises `TypeError` if there is nothing.
    """
    if dataclasses.is_dataclass(o) and not isinstance(o, type):
        return {field.name: getattr(o, field.name) for field in dataclasses.fields(o)}
    if isinstance(o, (set, frozenset)):
        # A set has no order of its own, and that of its hash table differs between processes.
        return [json.loads(text) for text in sorted(encode(item) for item in o)]
    if isinstance(o, enum.Enum):
        return o.value
    if hasattr(o, "__fspath__"):
        return o.__fspath__()
    # mypy takes the __hash__ of a class's instances for that of the class.
    if _msgspec_knows(type(o)):  # type: ignore[arg-type]
        # datetime, date, time, timedelta, UUID, Decimal, bytes, structs, attrs classes.
        return msgspec.to_builtins(o, enc_hook=enc_hook)
    raise TypeError(f"a {type(o).__name__} has no JSON form")


@functools.cache
def _msgspec_knows(cls: type) -> bool:
    """Whether msgspec has a form of its own for instances of this class."""
    return not isinstance(msgspec.inspect.type_info(cls), msgspec.inspect.CustomType)


def _explain(value: Any, where: str, hole: type | None, error: Exception) -> PayloadError:
    """Find which part of the value cannot be encoded, and say so."""
    path, reason = _find(value, where, hole, ()) or (where, str(error))
    return PayloadError(f"{path} cannot be encoded: {reason}", path=path)


def _find(
    value: Any, path: str, hole: type | None, above: tuple[int, ...]
) -> tuple[str, str] | None:
    """The path to the first part that cannot be encoded, and why; None if all can."""
    if id(value) in above:
        return path, "it contains itself"
    above = (*above, id(value))
    try:
        parts = _parts(value, path)
        for part_path, part in parts:
            found = _find(part, part_path, hole, above)
            if found is not None:
                return found
        if not parts:
            _Encoder(hole, "").encode(value)
    except RecursionError:
        return path, "it is nested too deeply"
    except (TypeError, ValueError) as error:
        return path, str(error)
    return None


def _parts(value: Any, path: str) -> list[tuple[str, Any]]:
    """The parts of a container, each with its path."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, (str, int, float, bool, type(None))):
                raise TypeError(f"the key {key!r} is a {type(key).__name__}, not a string")
        if len({isinstance(key, str) for key in value}) > 1:
            raise TypeError("its keys are of mixed types, which have no order")
        return [(f"{path}[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return [(f"{path}[{n}]", part) for n, part in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f"{path}.{f.name}", getattr(value, f.name)) for f in dataclasses.fields(value)]
    return []
