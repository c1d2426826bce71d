"""What Python callers can write that JSON cannot: misspelt keywords, times, odd strings."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Mapping
from datetime import datetime
from types import GenericAlias
from typing import Any, get_args, get_origin

import msgspec
from msgspec import inspect

from dataflow.protocol.constraints import broken, located, type_at
from dataflow.protocol.faults import ValidationException
from dataflow.protocol.values import ExecutionTimeFilter

_UNKNOWN = re.compile(r"Object contains unknown field `(?P<name>.*)`", re.DOTALL)


def check_spelling(request: Mapping[str, Any], shape: type[msgspec.Struct]) -> None:
    """Refuse a member that the model does not know, wherever it stands, as botocore does.

    The request is read as a structure that has the same member names and refuses all others: a
    fraction of what a walk through the request would cost.
    """
    try:
        msgspec.convert(request, _strict(shape))
    except msgspec.ValidationError as error:
        what, path = located(error)
        if not (found := _UNKNOWN.fullmatch(what)):
            return  # something else is wrong with it, which others will say better
        structure = type_at(shape, path)
        assert isinstance(structure, inspect.StructType)
        known = ", ".join(sorted(field.encode_name for field in structure.fields))
        raise ValidationException(
            f'Unknown parameter in {_python_path(path)}: "{found["name"]}", must be one of: {known}'
        ) from error


@functools.cache
def _strict(shape: type[msgspec.Struct]) -> Any:
    fields = [
        (field.encode_name, _strict_type(field.type), None)
        for field in msgspec.structs.fields(shape)
    ]
    return msgspec.defstruct(shape.__name__, fields, forbid_unknown_fields=True, gc=False)


def _strict_type(annotation: Any) -> Any:
    """Structures and lists of them are looked into; the rest may be anything."""
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        return _strict(annotation) | None
    for part in get_args(annotation):
        if (within := _strict_type(part)) is not Any:
            if get_origin(annotation) is tuple:
                return GenericAlias(list, (within,)) | None
            return within
    return Any


def _python_path(path: list[str | int]) -> str:
    steps = [f".{step}" if isinstance(step, str) else f"[{step}]" for step in path]
    return "".join(steps).removeprefix(".") or "input"


def with_seconds(request: Mapping[str, Any], shape: type[msgspec.Struct]) -> Mapping[str, Any]:
    """The request with its times as they are on the wire."""
    members = _time_filters(shape)
    if not members:
        return request
    converted = dict(request)
    for member in members:
        given = request.get(member)
        if isinstance(given, Mapping):
            converted[member] = {
                name: _seconds(value, [member, name]) for name, value in given.items()
            }
    return converted


@functools.cache
def _time_filters(shape: type[msgspec.Struct]) -> tuple[str, ...]:
    return tuple(
        field.encode_name
        for field in msgspec.structs.fields(shape)
        if ExecutionTimeFilter in (field.type, *get_args(field.type))
    )


def _seconds(value: Any, path: list[str | int]) -> Any:
    seconds = value
    if isinstance(value, datetime):
        try:
            seconds = value.timestamp()
        except (ValueError, OverflowError) as error:  # near the years 1 and 9999
            raise broken(value, path, "Member must be a time") from error
    if isinstance(seconds, float) and not math.isfinite(seconds):
        raise broken(value, path, "Member must be a time")
    return seconds


def exact_texts(value: Any) -> Any:
    """The request with plain strings for instances of subclasses of `str` (``numpy.str_``)."""
    match value:
        case str():
            return str.__str__(value)
        case Mapping():
            return {name: exact_texts(member) for name, member in value.items()}
        case list() | tuple() | set() | frozenset():
            return [exact_texts(item) for item in value]
    return value
