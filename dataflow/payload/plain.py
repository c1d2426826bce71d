"""Values as those that JSON has, for msgspec to write them as they should be written.

msgspec alone would take liberties: NaN becomes null, private attributes of attrs classes are left
out, offsets of time zones lose their seconds, sets of sets have no order. It also refuses some
things that JSON can say: keys that are no strings, half a surrogate pair. Here nothing is cut in
silence: what has no JSON form is refused, and the refusal knows the way to it.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

import msgspec

from dataflow.payload.builtin import quickly, write

#: Around the number of a hole. JSON escapes it, so no text has it but for our marks.
MARK = "\0"


class Refused(Exception):
    """Some part of a value has no JSON form."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        #: The steps that lead to it, the last one first.
        self.path: list[str] = []


@contextmanager
def _refusing() -> Iterator[None]:
    """What others raise for a value that they cannot write is a refusal."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise Refused(str(error)) from None


class Plain:
    """One pass over a value: `of` makes a plain one of it."""

    def __init__(self, hole: type | None) -> None:
        """``hole``: the type of the objects that become marks; None: nothing does."""
        self.hole = hole
        #: The objects that the marks stand for, by their numbers.
        self.holes: list[Any] = []
        #: The ids of the containers around the present part.
        self._above: set[int] = set()

    def of(self, value: Any) -> Any:
        """Raises `Refused`."""
        kind: Any = type(value)
        if kind in _AS_THEY_ARE:
            return value
        if self.hole is not None and isinstance(value, self.hole):
            self.holes.append(value)
            return msgspec.Raw(f"{MARK}{len(self.holes) - 1}{MARK}".encode())
        scalar = _scalar(kind)
        if scalar is not None:
            return scalar(value)
        if id(value) in self._above:
            raise Refused("it contains itself")
        if len(self._above) == _QUICK_DEPTH and kind in _BUILTIN:
            quick = quickly(value)
            if quick is not None:
                return msgspec.Raw(quick)
        self._above.add(id(value))
        try:
            return _compound(kind)(self, value)
        finally:
            self._above.remove(id(value))

    @contextmanager
    def _without_holes(self) -> Iterator[None]:
        """What is to be put in order needs its text now."""
        hole, self.hole = self.hole, None
        try:
            yield
        finally:
            self.hole = hole

    def enum(self, value: enum.Enum) -> Any:
        return self.of(value.value)

    def path(self, value: Any) -> Any:
        return self.of(value.__fspath__())

    def raw(self, value: msgspec.Raw) -> Any:
        return self.of(msgspec.json.decode(value))

    def items(self, value: Iterable[Any]) -> list[Any]:
        plain: list[Any] = []
        try:
            for item in value:
                plain.append(self.of(item))  # noqa: PERF401 - how many there are says where it failed
        except Refused as refused:
            refused.path.append(f"[{len(plain)}]")
            raise
        return plain

    def set(self, value: Iterable[Any]) -> list[Any]:
        # A set has no order of its own, and that of its hash table differs between processes.
        try:
            with self._without_holes():
                pairs = [(item, self.of(item)) for item in value]
        except Refused as refused:
            refused.path.append("{...}")
            raise
        if {type(item) for item, _ in pairs} <= _ORDERED:
            with suppress(TypeError):  # as msgspec does it, if they can be compared
                return [plain for _, plain in sorted(pairs, key=operator.itemgetter(0))]
        return sorted((plain for _, plain in pairs), key=write)

    def mapping(self, value: Mapping[Any, Any]) -> Any:
        names = [key if type(key) is str else self._key(key) for key in value]
        parts: list[Any] = []
        try:
            for item in value.values():
                parts.append(self.of(item))  # noqa: PERF401 - as above
        except Refused as refused:
            refused.path.append(f"[{list(value)[len(parts)]!r}]")
            raise
        plain = dict(zip(names, parts, strict=True))
        if len(plain) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise Refused(f"two of its keys are written {twice!r}")
        return _object(plain)

    def _key(self, key: Any) -> str:
        """The text that stands for a key."""
        with self._without_holes():
            text = write(self.of(key)).decode()
        if text[0] in "[{":
            raise Refused(f"the key {key!r} is {_a(type(key))}, which JSON cannot have for a key")
        return cast("str", json.loads(text)) if text[0] == '"' else text

    def dataclass(self, value: Any) -> Any:
        kind: Any = type(value)
        return self._members(value, _dataclass_names(kind))

    def attrs(self, value: Any) -> Any:
        return self._members(value, [(a.name, a.name) for a in type(value).__attrs_attrs__])

    def struct(self, value: msgspec.Struct) -> Any:
        config = value.__struct_config__
        if config.array_like:
            tag = [] if config.tag is None else [config.tag]
            return tag + self.items(getattr(value, name) for name in value.__struct_fields__)
        names = list(zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True))
        if config.omit_defaults:
            # It alone knows what it takes for a default.
            written = _builtins(value, enc_hook=lambda _: None)
            names = [(name, written_as) for name, written_as in names if written_as in written]
        plain = self._members(value, names)
        if config.tag_field is not None:
            plain[config.tag_field] = config.tag
        return plain

    def _members(self, value: Any, names: Iterable[tuple[str, str]]) -> dict[str, Any]:
        """The attributes of these names that the value has, under what JSON calls them."""
        plain: dict[str, Any] = {}
        attribute = ""
        try:
            for attribute, written_as in names:
                part = getattr(value, attribute, msgspec.UNSET)
                if part is not msgspec.UNSET:
                    plain[written_as] = self.of(part)
        except Refused as refused:
            refused.path.append(f".{attribute}")
            raise
        return plain

    def pydantic(self, value: Any) -> Any:
        """As the model says: it may have aliases, and serializers of its own."""
        with _refusing():
            form = type(value).__pydantic_serializer__.to_python(
                value, mode="json", by_alias=True, round_trip=True
            )
        return self.of(_with_sorted_sets(form, value))

    def other(self, value: Any) -> Any:
        if isinstance(value, type):  # which msgspec 0.18 takes for an instance of it
            raise Refused(f"{_a(type(value))} has no JSON form")
        return self.of(_builtins(value, enc_hook=_no_json_form))


def _with_sorted_sets(form: Any, value: Any) -> Any:
    """What pydantic made of a value, with its sets in an order that all processes share.

    It makes None of a float that is no number, if the type of a field lets it: this is undone.
    """
    if getattr(type(value), "__pydantic_root_model__", False):
        return _with_sorted_sets(form, value.root)
    match form, value:
        case None, float():
            return form if math.isfinite(value) else value
        case list(), set() | frozenset() | list() | tuple() if len(form) == len(value):
            items = map(_with_sorted_sets, form, value)
            return sorted(items, key=write) if isinstance(value, set | frozenset) else list(items)
        case dict(), dict() if len(form) == len(value) and not all(map(_is_str, value)):
            parts = map(_with_sorted_sets, form.values(), value.values())
            return dict(zip(form, parts, strict=True))
        case dict(), _:
            parts_by_name = value if isinstance(value, dict) else _attributes(value)
            return {
                name: _with_sorted_sets(part, parts_by_name.get(name))
                for name, part in form.items()
            }
    return form


def _is_str(key: Any) -> bool:
    return type(key) is str


def _attributes(value: Any) -> dict[str, Any]:
    """The attributes of an object within a pydantic model, as pydantic names them in JSON."""
    kind = type(value)
    if not hasattr(kind, "model_fields"):
        names = getattr(kind, "__dataclass_fields__", ())
        return {name: getattr(value, name, None) for name in names}
    return {
        getattr(kind.model_fields.get(name), "serialization_alias", None) or name: part
        for name, part in value
    }


@functools.lru_cache(maxsize=1024)
def _dataclass_names(kind: Any) -> list[tuple[str, str]]:
    return [(field.name, field.name) for field in dataclasses.fields(kind)]


def _builtins(value: Any, *, enc_hook: Callable[[Any], Any]) -> Any:
    with _refusing():
        return msgspec.to_builtins(value, enc_hook=enc_hook, str_keys=True)


def _no_json_form(value: Any) -> Any:
    raise TypeError(f"{_a(type(value))} has no JSON form")


def _a(kind: type) -> str:
    return f"{'an' if kind.__name__[0] in 'aeiouAEIOU' else 'a'} {kind.__name__}"


def _text(value: str) -> Any:
    value = str.__str__(value)  # a subclass may write itself in another way
    try:
        value.encode()
    except UnicodeEncodeError:
        # Half a surrogate pair, as in an undecodable file name: no UTF-8 has it, but an escape
        # can say it.
        text = json.dumps(value, ensure_ascii=False)
        return msgspec.Raw(_SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode())
    return value


_SURROGATE = re.compile("[\ud800-\udfff]")


def _object(members: dict[str, Any]) -> Any:
    """An object whose keys may have halves of surrogate pairs."""
    if all(map(str.isascii, members)):
        return members
    parts = [write(_text(name)) + b":" + write(members[name]) for name in sorted(members)]
    return msgspec.Raw(b"{" + b",".join(parts) + b"}")


def _integer(value: int) -> int:
    value = int.__int__(value)
    if value.bit_length() > 64:  # noqa: PLR2004 - far below the limit
        with _refusing():
            str(value)  # Python has a limit to the digits that it writes and reads
    return value


def _float(value: float) -> float:
    if not math.isfinite(value):
        raise Refused(f"the float {value!r} has no JSON form")
    return float.__float__(value)


def _datetime(value: datetime) -> datetime:
    """A plain one, whose offset JSON can say."""
    if type(value) is datetime and (value.tzinfo is None or value.tzinfo is UTC):
        return value
    with _refusing():
        plain = datetime.combine(value.date(), value.timetz())
        unchanged = plain == value
        if not unchanged:
            raise ValueError(f"{_a(type(value))} would lose something as a datetime")
        return plain.astimezone(UTC) if (plain.utcoffset() or _NO_TIME) % _MINUTE else plain


def _time(value: time) -> time:
    if value.tzinfo is not None:
        offset = value.utcoffset()
        if offset is None or offset % _MINUTE:
            raise Refused("a time of day in a zone whose offset is not fixed has no JSON form")
    return datetime.combine(date.min, value).timetz()


_NO_TIME, _MINUTE = timedelta(), timedelta(minutes=1)

#: Values of these types, and of none below them, are written as they are.
_AS_THEY_ARE = {bool, type(None), bytes, bytearray, memoryview, date, timedelta, Decimal}

#: One level of a value is tried as a whole, that of the arguments in an input: beside a hole, large
#: ones may stand that have none. To try each level would take too long where holes are deep.
_QUICK_DEPTH = 2
_BUILTIN = {dict, list, tuple}

#: Values of these types, among themselves, have an order if they can be compared.
_ORDERED = {bool, int, float, str, bytes}

#: Their own way for values of these types and of those below; the first that fits counts.
_SCALARS: list[tuple[type, Callable[[Any], Any]]] = [
    (str, _text),
    (int, _integer),
    (float, _float),
    (datetime, _datetime),
    (date, lambda value: date(value.year, value.month, value.day)),
    (time, _time),
    (timedelta, lambda value: timedelta(value.days, value.seconds, value.microseconds)),
    (Decimal, Decimal),
    (bytes, bytes),
]


@functools.lru_cache(maxsize=1024)
def _scalar(kind: type) -> Callable[[Any], Any] | None:
    """What makes a plain value of a value without parts; None: it has some."""
    if issubclass(kind, enum.Enum):
        return None
    return next((plain for base, plain in _SCALARS if issubclass(kind, base)), None)


#: What makes a plain value of one with parts, by type; the first that fits counts.
_COMPOUNDS: list[tuple[type, Callable[[Plain, Any], Any]]] = [
    (enum.Enum, Plain.enum),
    (dict, Plain.mapping),
    (list, Plain.items),
    (tuple, Plain.items),
    (set, Plain.set),
    (frozenset, Plain.set),
    (msgspec.Struct, Plain.struct),
    (msgspec.Raw, Plain.raw),
]
#: The same, by what the type has.
_KINDS: list[tuple[str, Callable[[Plain, Any], Any]]] = [
    ("__dataclass_fields__", Plain.dataclass),
    ("__attrs_attrs__", Plain.attrs),
    ("__pydantic_serializer__", Plain.pydantic),
    ("__fspath__", Plain.path),
]


@functools.lru_cache(maxsize=1024)
def _compound(kind: type) -> Callable[[Plain, Any], Any]:
    for base, plain in _COMPOUNDS:
        if issubclass(kind, base):
            return plain
    return next((plain for name, plain in _KINDS if hasattr(kind, name)), Plain.other)
