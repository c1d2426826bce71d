"""The input of a task or a workflow: ``{"args": [...], "kwargs": {...}}``.

A task may add ``meta`` (what the activity's ``meta=`` says) and ``attempt`` (2, 3 ... when it is
tried again), so that a worker knows what no other field of SWF would tell it. The start of an
execution may add ``definition``, the path of the workflow's class, so that any decider finds it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from dataflow.payload import codec


class Arguments(NamedTuple):
    """A decoded input."""

    args: list[Any]
    kwargs: dict[str, Any]
    meta: Any = None
    attempt: int = 1
    #: ``package.module.Class``.
    definition: str | None = None


class _Ours(msgspec.Struct, forbid_unknown_fields=True):
    """An input as we write it."""

    args: list[Any]
    kwargs: dict[str, Any]
    meta: Any = None
    attempt: int = 1
    definition: str | None = None


_OURS = msgspec.json.Decoder(_Ours)

#: What `of_attempt` adds.
_LATER_ATTEMPT = re.compile(r',"attempt":\d+\}\Z')

_MEMBERS = {"args", "kwargs", "meta", "attempt", "definition"}


def decode(text: str | None) -> Arguments:
    """Read an input; other programs' inputs count as one argument, or as a list of them."""
    if text is None:
        return Arguments([], {})
    try:
        given = _OURS.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return from_value(codec.decode(text))
    return Arguments(given.args, given.kwargs, given.meta, given.attempt, given.definition)


def of_attempt(text: str, attempt: int) -> str:
    """The input of this attempt of a task, from the second on, given that of the first."""
    return f'{text[:-1]},"attempt":{attempt}}}'


def of_first_attempt(text: str | None) -> str | None:
    """The input of a task's first attempt, given that of any."""
    return None if text is None else _LATER_ATTEMPT.sub("}", text)


def from_value(value: Any) -> Arguments:
    """The arguments that a JSON value stands for.

    A list: the positional arguments. An object with ``args`` and ``kwargs``, or one of them: both.
    Anything else: one argument.
    """
    if isinstance(value, list):
        return Arguments(value, {})
    if isinstance(value, dict) and value and value.keys() <= _MEMBERS and _is_input(value):
        return Arguments(
            value.get("args", []),
            value.get("kwargs", {}),
            value.get("meta"),
            value.get("attempt", 1),
            value.get("definition"),
        )
    return Arguments([value], {})


def _is_input(value: Mapping[str, Any]) -> bool:
    return (
        ("args" in value or "kwargs" in value)
        and isinstance(value.get("args", []), list)
        and isinstance(value.get("kwargs", {}), dict)
        and type(value.get("attempt", 1)) is int
        and isinstance(value.get("definition", ""), str | None)
    )
