"""Ways to make a value of some type of a value decoded from JSON.

Each says what does not fit, and where. `dataflow.payload.annotations` chooses among them.
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from collections import abc
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import msgspec

from dataflow.errors import PayloadError
from dataflow.payload import codec

Convert = Callable[[Any], Any]


class Mismatch(Exception):
    """A value does not fit its annotation."""

    def __init__(self, reason: str, *steps: str) -> None:
        super().__init__(reason)
        self._steps = list(steps)

    def inside(self, step: str) -> None:
        """Say where the value was that did not fit: ``[0]``, ``.name``."""
        self._steps.append(step)

    @property
    def path(self) -> str:
        """The way from the whole value to the part that does not fit."""
        return "".join(reversed(self._steps))


def as_it_is(value: Any) -> Any:
    """For what JSON gives by itself, and for what nobody can make."""
    return value


def _expect(value: Any, kind: type) -> None:
    if type(value) is not kind:
        raise _unexpected(_JSON_NAMES[kind], value)


def _unexpected(expected: str, value: Any) -> Mismatch:
    return Mismatch(
        f"Expected `{expected}`, got `{_JSON_NAMES.get(type(value), type(value).__name__)}`"
    )


#: The types that JSON gives, as msgspec calls them.
_JSON_NAMES = {
    type(None): "null",
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    list: "array",
    dict: "object",
}


def sequence(make: Callable[[Iterable[Any]], Any], item: Convert) -> Convert:
    def convert(value: Any) -> Any:
        _expect(value, list)
        parts: list[Any] = []
        try:
            for part in value:
                parts.append(item(part))  # noqa: PERF401 - their number says where it failed
        except Mismatch as mismatch:
            mismatch.inside(f"[{len(parts)}]")
            raise
        try:
            return make(parts)
        except TypeError as error:  # not hashable
            raise Mismatch(str(error)) from None

    return convert


def fixed_tuple(items: list[Convert]) -> Convert:
    def convert(value: Any) -> Any:
        _expect(value, list)
        if len(value) != len(items):
            raise Mismatch(f"Expected `array` of length {len(items)}, got {len(value)}")
        parts: list[Any] = []
        try:
            for item, part in zip(items, value, strict=True):
                parts.append(item(part))
        except Mismatch as mismatch:
            mismatch.inside(f"[{len(parts)}]")
            raise
        return tuple(parts)

    return convert


def mapping(make: Callable[[dict[Any, Any]], Any], key: Convert, item: Convert) -> Convert:
    def convert(value: Any) -> Any:
        _expect(value, dict)
        parts, name = {}, ""
        try:
            for name, part in value.items():
                parts[key(name)] = item(part)
        except Mismatch as mismatch:
            mismatch.inside(f"[{name!r}]")
            raise
        return make(parts)

    return convert


def text(kind: Any) -> Convert:
    def convert(value: Any) -> Any:
        _expect(value, str)
        return kind(value)

    return convert


def listed(kind: Any, members: Iterable[Any], write: Callable[[Any], str]) -> Convert:
    """One of some values, found by its text."""
    by_text = {}
    for member in members:
        with suppress(PayloadError):
            by_text[write(member)] = member

    def convert(value: Any) -> Any:
        try:
            return by_text[write(value)]
        except KeyError:
            raise Mismatch(f"{value!r} is no {kind.__name__}") from None

    return convert


def first_that_fits(hint: Any, members: list[Convert], write: Callable[[Any], str]) -> Convert:
    # What accepts anything comes last.
    in_turn = sorted(members, key=lambda member: member is as_it_is)

    def convert(value: Any) -> Any:
        text, fitting = write(value), []
        for member in in_turn:
            with suppress(Mismatch):
                made = member(value)
                fitting.append(made)
                with suppress(PayloadError):
                    if write(made) == text:
                        return made
        if not fitting:
            raise _unexpected(inspect.formatannotation(hint), value)
        return fitting[0]

    return convert


def key_text(key: Any) -> str:
    """What stands for a key in JSON."""
    (text,) = codec.decode(codec.encode({key: None}))
    return str(text)


def pydantic(model: Any) -> Convert:
    def convert(value: Any) -> Any:
        try:
            return model.__pydantic_validator__.validate_json(codec.encode(value))
        except ValueError as error:
            refusal: Any = error  # a ValidationError, which is not ours to import
            problem = refusal.errors(include_url=False, include_input=False)[0]
            steps = (f"[{s}]" if isinstance(s, int) else f".{s}" for s in problem["loc"])
            raise Mismatch(problem["msg"], "".join(steps)) from None

    return convert


@dataclasses.dataclass(frozen=True, slots=True)
class Field:
    """One field of a class."""

    name: str
    #: In JSON.
    written_as: str
    #: The parameter that takes it when an instance is made; None: it is set afterwards.
    parameter: str | None


def fields_of(kind: Any) -> list[Field] | None:
    if dataclasses.is_dataclass(kind):
        return [Field(f.name, f.name, f.name if f.init else None) for f in dataclasses.fields(kind)]
    if hasattr(kind, "__attrs_attrs__"):
        return [Field(a.name, a.name, a.alias if a.init else None) for a in kind.__attrs_attrs__]
    if issubclass(kind, msgspec.Struct) and not kind.__struct_config__.array_like:
        names = zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True)
        return [Field(name, written_as, name) for name, written_as in names]
    if typing.is_typeddict(kind):
        return [Field(name, name, name) for name in kind.__annotations__]
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return [Field(name, name, name) for name in kind._fields]
    return None


def record(kind: Any, fields: list[Field], parts: dict[str, Convert]) -> Convert:
    """An instance of a class, of an object or, if it is a tuple, of a list.

    ``parts``: the converters of the fields, which may come later.
    """
    as_list = issubclass(kind, tuple)

    def convert(value: Any) -> Any:
        _expect(value, list if as_list else dict)
        given = dict(zip((f.written_as for f in fields), value, strict=False)) if as_list else value
        if as_list and len(value) > len(fields):
            raise Mismatch(f"Expected `array` of at most length {len(fields)}, got {len(value)}")
        arguments, others = {}, {}
        for field in fields:
            if field.written_as in given:
                try:
                    part = parts[field.name](given[field.written_as])
                except Mismatch as mismatch:
                    mismatch.inside(f".{field.written_as}")
                    raise
                if field.parameter is None:
                    others[field.name] = part
                else:
                    arguments[field.parameter] = part
        missing: abc.Set[str] = getattr(kind, "__required_keys__", frozenset()) - arguments.keys()
        if missing:
            raise Mismatch(f"Object missing required field `{min(missing)}`")
        try:
            made = kind(**arguments)
        except (TypeError, ValueError) as error:  # what is missing; what the class itself refuses
            raise Mismatch(str(error)) from None
        for name, part in others.items():
            object.__setattr__(made, name, part)
        return made

    return convert
