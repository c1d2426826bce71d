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
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
import msgspec.inspect

from dataflow.errors import PayloadError


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

    Lists, tuples, dictionaries, dataclasses and msgspec structs are searched. Raises
    `PayloadError` as `encode` does.
    """
    try:
        data = _QUICK.encode(value)
        if _LOSS not in data:
            return Template((data.decode(),), ())
    except (TypeError, ValueError, RecursionError):
        pass  # a hole, or something to look at more closely
    salt = ""
    while True:
        attempt = _Attempt(hole, salt)
        try:
            text = attempt.encode(value)
        except (TypeError, ValueError, RecursionError) as error:
            raise _explain(value, where, hole, error) from None
        if not attempt.holes:
            return Template((text,), ())
        pieces = re.split(rf'"\\u0000hole{re.escape(salt)}:(\d+)\\u0000"', text)
        order = pieces[1::2]
        if len(order) == len(attempt.holes):
            return Template(tuple(pieces[::2]), tuple(attempt.holes[int(n)] for n in order))
        salt += "+"  # the value itself contains our mark: take another one


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


class _Attempt:
    """One pass over a value; remembers the holes it met.

    msgspec does the work, and its text is the one that counts. It takes liberties, though, that
    would cut values silently (NaN becomes null), and refuses some that JSON can say (numbers as
    keys, half a surrogate pair): in those cases the standard library decides.
    """

    def __init__(self, hole: type | None, salt: str = "") -> None:
        self.hole = hole
        self.salt = salt
        self.holes: list[Any] = []

    def encode(self, value: Any) -> str:
        try:
            data = msgspec.json.Encoder(enc_hook=self.plain, order="sorted").encode(value)
            if _LOSS not in data:
                return data.decode()
        except (TypeError, ValueError):
            pass
        self.holes.clear()
        text = json.dumps(
            value, allow_nan=False, default=self.plain, separators=(",", ":"), sort_keys=True
        )
        try:
            return _CANONICAL.encode(msgspec.json.decode(text)).decode()
        except (msgspec.DecodeError, UnicodeEncodeError):
            # Half a surrogate pair, as in an undecodable file name: no UTF-8 has it, but an
            # escape can say it.
            text = json.dumps(
                json.loads(text), ensure_ascii=False, separators=(",", ":"), sort_keys=True
            )
            return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)

    def plain(self, o: Any) -> Any:
        """One level of an object that JSON does not know, as something nearer to JSON.

        Raises `TypeError` if there is nothing.
        """
        if self.hole is not None and isinstance(o, self.hole):
            self.holes.append(o)
            return f"\0hole{self.salt}:{len(self.holes) - 1}\0"
        if dataclasses.is_dataclass(o) and not isinstance(o, type):
            return {field.name: getattr(o, field.name) for field in dataclasses.fields(o)}
        if isinstance(o, (set, frozenset)):
            # A set has no order of its own, and that of its hash table differs between processes.
            try:
                return sorted(o)  # as msgspec does
            except TypeError:
                return sorted(o, key=encode)
        if isinstance(o, enum.Enum):
            return o.value
        if isinstance(o, (str, int, float)):  # their subclasses
            return next(kind(o) for kind in (str, int, float) if isinstance(o, kind))
        if hasattr(type(o), "__fspath__"):
            return o.__fspath__()
        # mypy takes the __hash__ of a class's instances for that of the class.
        if _msgspec_knows(type(o)):  # type: ignore[arg-type]
            # datetime, date, time, timedelta, UUID, Decimal, bytes, structs, attrs classes.
            try:  # sorted, since there may be sets in it
                return msgspec.to_builtins(o, enc_hook=self.plain, order="sorted")
            except TypeError:
                msgspec.to_builtins(o, enc_hook=self.plain)  # raises, if it is not for the order
                raise TypeError("it has a set of mixed types in it, which have no order") from None
        kind = type(o).__name__
        raise TypeError(f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind} has no JSON form")


_SURROGATE = re.compile("[\ud800-\udfff]")

_CANONICAL = msgspec.json.Encoder(order="sorted")

#: For values without holes, which are most.
_QUICK = msgspec.json.Encoder(enc_hook=_Attempt(None).plain, order="sorted")

#: Where this is in msgspec's text, something may have been lost: NaN is written like None.
_LOSS = b"null"


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
            in_set = isinstance(value, (set, frozenset))
            found = _find(part, part_path, None if in_set else hole, above)
            if found is not None:
                return found
        if not parts:
            _Attempt(hole).encode(value)
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
        if len({"str" if isinstance(key, str) else key is None for key in value}) > 1:
            raise TypeError("its keys are of mixed types, which have no order")
        return [(f"{path}[{key!r}]", part) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return [(f"{path}[{n}]", part) for n, part in enumerate(value)]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [(f"{path}.{f.name}", getattr(value, f.name)) for f in dataclasses.fields(value)]
    if isinstance(value, msgspec.Struct):
        return [(f"{path}.{name}", getattr(value, name)) for name in value.__struct_fields__]
    if isinstance(value, (set, frozenset)):
        return [(f"{path}{{...}}", part) for part in value]
    return []
