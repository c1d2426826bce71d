"""What AWS says of a request that breaks a constraint of the model.

msgspec finds the first thing that is wrong; here its sentence becomes the fault and the words of
AWS, which name the value, the path (``decisions.2.member.decisionType``, counted from one) and the
constraint. All of it happens after the fact: a request that is right pays nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import inspect

from dataflow.protocol.faults import Fault, SerializationException, ValidationException

#: Characters of a refused value that the message repeats.
SHOWN = 256

_AT = re.compile(r"(?P<what>.*) - at `\$(?P<path>.*)`", re.DOTALL)
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_MISSING = re.compile(r"Object missing required field `(?P<member>\w+)`")
_TYPE = re.compile(r"Expected `(?P<wanted>.*)`, got `(?P<given>.*)`")
_LENGTH = re.compile(r"Expected `\w+` of length (?P<relation>[<>]=) (?P<bound>\d+)")
_RANGE = re.compile(r"Expected `\w+` (?P<relation>[<>]=) (?P<bound>-?\d+)")
_RELATIONS = {"<=": "less than or equal to", ">=": "greater than or equal to"}
_JAVA_TYPES = {
    "str": "a String",
    "int": "an Integer",
    "float": "a Double",
    "bool": "a Boolean",
    "object": "a Structure",
    "array": "a List",
}
_JSON_TYPES = {"str": "STRING", "int": "NUMBER", "float": "NUMBER", "bool": "BOOLEAN"}


#: The names and indexes (from zero) that lead to a value.
Path = Sequence[str | int]


def refusal(error: msgspec.ValidationError, shape: type[msgspec.Struct], request: Any) -> Fault:
    """The fault for a request, in built-in types, that msgspec has refused to read as `shape`."""
    what, path = located(error)
    if found := _MISSING.fullmatch(what):
        return broken(None, [*path, found["member"]], "Member must not be null")
    if found := _TYPE.fullmatch(what):
        if found["given"] == "null" and path:
            return broken(None, path, "Member must not be null")
        return _unreadable(found["wanted"], found["given"], path)
    value = _value_at(request, path)
    if found := _LENGTH.fullmatch(what):
        relation = _RELATIONS[found["relation"]]
        return broken(value, path, f"Member must have length {relation} {found['bound']}")
    if found := _RANGE.fullmatch(what):
        relation = _RELATIONS[found["relation"]]
        return broken(value, path, f"Member must have value {relation} {found['bound']}")
    if what.startswith("Invalid enum value"):
        enumeration = type_at(shape, path)
        assert isinstance(enumeration, inspect.LiteralType)
        values = ", ".join(map(str, enumeration.values))
        return broken(value, path, f"Member must satisfy enum value set: [{values}]")
    # A number that no number type holds, or a sentence of a later msgspec.
    return SerializationException(f"{what} (at '{aws_path(path)}')" if path else what)


def broken(value: Any, path: Path, constraint: str) -> ValidationException:
    """The fault for a value that breaks a constraint."""
    shown = "null" if value is None else f"'{_shown(value)}'"
    return ValidationException(
        f"1 validation error detected: Value {shown} at '{aws_path(path)}' "
        f"failed to satisfy constraint: {constraint}"
    )


def aws_path(path: Path) -> str:
    """A path as AWS writes it: names joined by dots, ``2.member`` for the second of a list."""
    return ".".join(step if isinstance(step, str) else f"{step + 1}.member" for step in path)


def located(error: msgspec.ValidationError) -> tuple[str, list[str | int]]:
    """What msgspec complains of, and where it is."""
    found = _AT.fullmatch(str(error))
    if not found:
        return str(error), []
    steps = _STEP.findall(found["path"])
    return found["what"], [name or int(index) for name, index in steps]


def type_at(shape: type[msgspec.Struct], path: Path) -> inspect.Type:
    """What a structure has at a path, less its null."""
    kind = inspect.type_info(shape)
    for step in path:
        if isinstance(kind, inspect.StructType):
            kind = next(field.type for field in kind.fields if field.encode_name == step)
        else:
            assert isinstance(kind, inspect.VarTupleType)
            kind = kind.item_type
        if isinstance(kind, inspect.UnionType):
            kind = next(part for part in kind.types if not isinstance(part, inspect.NoneType))
    return kind


def _shown(value: Any) -> str:
    try:
        text = f"[{', '.join(map(str, value))}]" if isinstance(value, list) else str(value)
    except ValueError:  # Python writes no integer of more than 4,300 digits
        text = "a number of thousands of digits"
    # A Python caller's half surrogate pair must not keep the fault from being written.
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _unreadable(wanted: str, given: str, path: Path) -> SerializationException:
    if given == "object":
        text = "Start of structure or map found where not expected."
    elif given == "array":
        text = "Start of list found where not expected."
    else:
        wanted = wanted.removesuffix(" | null")
        given = _JSON_TYPES.get(given, given.upper())
        text = f"{given}_VALUE can not be converted to {_JAVA_TYPES.get(wanted, wanted)}"
    return SerializationException(f"{text} (at '{aws_path(path)}')" if path else text)


def _value_at(request: Any, path: Path) -> Any:
    for step in path:
        request = request[step]
    return request
