"""What annotations make of values decoded from JSON.

msgspec makes what it can. What it cannot is taken apart here: paths, pydantic models, enumerations
of any values, keys that are true or null, unions whose members look alike in JSON, and whatever
has such parts. A part that nobody can build (a callable, an unknown class) stays as JSON gives it.

In a union that msgspec finds ambiguous, the members are tried in the order written, and the first
that gives the same JSON again counts: a class that would drop a member of the object does not win.

**First use.** msgspec (0.22, at least) notes in a class what it has found out about it, bit by bit:
a second thread that converts to this class for the first time at the same moment ends the process
with a segmentation fault. So it sees every annotation, and all classes in it, first in `converter`
and under one lock.
"""

from __future__ import annotations

import collections
import dataclasses
import enum
import inspect
import re
import threading
import types
import typing
from collections import abc
from collections.abc import Callable, Iterable
from pathlib import PurePath
from typing import Any

import msgspec
import msgspec.inspect

from dataflow.payload import codec
from dataflow.payload.conversion import (
    Convert,
    Mismatch,
    as_it_is,
    fields_of,
    first_that_fits,
    fixed_tuple,
    key_text,
    listed,
    mapping,
    pydantic,
    record,
    sequence,
    text,
)


def converter(hint: Any) -> Convert | None:
    """What makes a value of this type of a value decoded from JSON; it may raise `Mismatch`.

    None if there is nothing to do: values of this type are what JSON gives, or cannot be made.
    """
    if _is_plain(hint) or not isinstance(hint, abc.Hashable):  # as no type is
        return None
    with _first_use:
        convert = _Maker().of(hint)
    return None if convert is as_it_is else convert


#: Held while msgspec may see a class for the first time. Finding out about one runs its
#: annotations, which may lead back here.
_first_use = threading.RLock()

_PLAIN = (int, float, str, bool, type(None), list, dict, object, Any, inspect.Parameter.empty)

_UNIONS = (typing.Union, types.UnionType)

#: What is made for a type of sequences.
_SEQUENCES: dict[Any, Callable[[Iterable[Any]], Any]] = {
    list: list,
    abc.Iterable: list,
    abc.Collection: list,
    abc.Sequence: list,
    abc.MutableSequence: list,
    set: set,
    abc.Set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
}
#: What is made for a type of mappings.
_MAPPINGS: dict[Any, Callable[[dict[Any, Any]], Any]] = {
    dict: dict,
    abc.Mapping: dict,
    abc.MutableMapping: dict,
    collections.OrderedDict: collections.OrderedDict,
}


def _is_plain(hint: Any) -> bool:
    """Whether JSON gives values of this type by itself."""
    if hint in _PLAIN or (isinstance(hint, typing.TypeVar) and _unwrapped(hint) is hint):
        return True
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict and arguments[0] not in {str, Any}:
        return False  # JSON has only strings for keys
    return origin in {list, dict, *_UNIONS} and all(map(_is_plain, arguments))


class _Maker:
    """Makes the converters of one annotation and of its parts."""

    def __init__(self) -> None:
        #: Those of classes with fields, which may have fields of their own type.
        self._records: dict[Any, Convert] = {}

    def of(self, hint: Any) -> Convert:
        hint = _unwrapped(hint)
        if hint in {Any, object} or isinstance(hint, typing.TypeVar):
            return as_it_is
        if hint in self._records:
            return self._records[hint]
        return _native(hint) or self._compound(hint) or as_it_is

    def _compound(self, hint: Any) -> Convert | None:
        origin, arguments = typing.get_origin(hint), typing.get_args(hint)
        kind = origin or hint
        if origin in _UNIONS:
            return self._union(hint, arguments)
        if origin is tuple and arguments[-1] is not ...:
            return fixed_tuple([self.of(argument) for argument in arguments])
        if origin is tuple:
            return sequence(tuple, self.of(arguments[0]))
        if origin in _SEQUENCES:
            return sequence(_SEQUENCES[origin], self.of(arguments[0]))
        if origin in _MAPPINGS:
            return mapping(_MAPPINGS[origin], self._key(arguments[0]), self.of(arguments[1]))
        if not isinstance(kind, type):
            return None
        if issubclass(kind, PurePath):
            return text(kind)
        if issubclass(kind, enum.Enum):
            return listed(kind, kind, codec.encode)
        if hasattr(kind, "__pydantic_validator__") and not dataclasses.is_dataclass(kind):
            return pydantic(kind)
        return self._record(hint, kind)

    def _union(self, hint: Any, arguments: tuple[Any, ...]) -> Convert:
        members = [self.of(argument) for argument in arguments]
        return first_that_fits(hint, members, codec.encode)

    def _key(self, hint: Any) -> Convert:
        """For the keys of a mapping, of which JSON has the texts."""
        hint = _unwrapped(hint)
        if typing.get_origin(hint) in _UNIONS:
            members = [self._key(argument) for argument in typing.get_args(hint)]
            return first_that_fits(hint, members, key_text)
        if hint is bool:
            return listed(hint, (True, False), key_text)
        if hint is type(None):
            return listed(hint, (None,), key_text)
        if isinstance(hint, type) and issubclass(hint, PurePath):
            return text(hint)
        native = _native(dict[hint, None])
        if native is not None:
            return lambda text: next(iter(native({text: None})))
        if isinstance(hint, type) and issubclass(hint, enum.Enum):
            return listed(hint, hint, key_text)
        return as_it_is

    def _record(self, hint: Any, kind: Any) -> Convert | None:
        """A class with fields, some of which are not for msgspec."""
        fields = fields_of(kind)
        if fields is None:
            return None
        try:
            hints = typing.get_type_hints(kind, include_extras=True)
        except Exception:  # noqa: BLE001 - a name only a type checker knows
            return None
        parameters = dict(
            zip(getattr(kind, "__parameters__", ()), typing.get_args(hint), strict=False)
        )
        parts: dict[str, Convert] = {}
        build = record(kind, fields, parts)
        self._records[hint] = build
        for field in fields:
            parts[field.name] = self.of(_filled_in(hints.get(field.name, Any), parameters))
        return build


def _unwrapped(hint: Any) -> Any:
    """What stands behind an alias, a new type, a bound, and words about a field."""
    while True:
        if typing.get_origin(hint) in _WORDS:
            hint = typing.get_args(hint)[0]
        elif isinstance(hint, typing.TypeVar) and hint.__constraints__:
            hint = typing.Union[hint.__constraints__]  # noqa: UP007 - of any number
        elif isinstance(hint, typing.TypeVar) and hint.__bound__ is not None:
            hint = hint.__bound__
        elif isinstance(hint, typing.NewType):
            hint = hint.__supertype__
        elif hasattr(hint, "__value__"):
            hint = hint.__value__  # ``type Name = ...``
        else:
            return hint


_WORDS = (typing.Annotated, typing.Final, typing.ClassVar, typing.Required, typing.NotRequired)


def _filled_in(hint: Any, parameters: dict[Any, Any]) -> Any:
    """The hint with the type variables of a generic class replaced."""
    if hint in parameters:
        return parameters[hint]
    variables = getattr(hint, "__parameters__", ())
    if not variables or isinstance(hint, type):
        return hint
    return hint[tuple(parameters.get(variable, variable) for variable in variables)]


# --- what msgspec makes ------------------------------------------------------------------


def _native(hint: Any) -> Convert | None:
    """What msgspec makes by itself; None: not all of it."""
    try:
        # It builds a decoder, which looks at all classes in the type.
        if not _knows_all(msgspec.inspect.type_info(hint)):
            return None
    except Exception:  # noqa: BLE001 - it meets annotations of users, with names that may not exist
        return None

    def convert(value: Any) -> Any:
        try:
            return msgspec.convert(value, hint, str_keys=True)
        except msgspec.ValidationError as error:
            found = _WHERE.fullmatch(str(error))
            if found is None:
                raise Mismatch(str(error)) from None
            reason = f"its key: {found['reason']}" if found["key"] else found["reason"]
            raise Mismatch(reason, found["path"]) from None
        except UnicodeEncodeError:
            raise Mismatch("a text with half a surrogate pair does not fit") from None

    return convert


#: How msgspec says where it has met something: ``Expected `int`, got `str` - at `$.points[0].x` ``.
_WHERE = re.compile(r"(?P<reason>.*) - at `(?P<key>key` in `)?\$(?P<path>.*)`", re.DOTALL)


def _knows_all(info: msgspec.inspect.Type) -> bool:
    """Whether there is nothing in a type that msgspec would hand to a hook, or not read back."""
    seen: set[int] = set()
    rest: list[Any] = [info]
    while rest:
        part = rest.pop()
        if isinstance(part, msgspec.inspect.CustomType):
            return False
        if isinstance(part, msgspec.inspect.DictType) and isinstance(part.key_type, _NO_KEYS):
            return False
        if isinstance(part, tuple):
            rest.extend(part)
        elif isinstance(part, _INFO) and id(part) not in seen:
            seen.add(id(part))
            rest.extend(getattr(part, name) for name in part.__struct_fields__)
    return True


_INFO = (msgspec.inspect.Type, msgspec.inspect.Field)

#: What msgspec does not read as keys, or reads as texts where it need not.
_NO_KEYS = (
    msgspec.inspect.BoolType,
    msgspec.inspect.NoneType,
    msgspec.inspect.UnionType,
)
