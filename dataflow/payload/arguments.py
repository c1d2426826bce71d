"""The input of a task or a workflow: ``{"args": [...], "kwargs": {...}}``.

A task may add ``meta`` (what the activity's ``meta=`` says) and ``attempt`` (2, 3 ... when it is
tried again), so that a worker knows what no other field of SWF would tell it. The start of an
execution may add ``definition``, the path of the workflow's class, so that any decider finds it.

A result that stands in history as a reference (`dataflow.payload.jumbo`) goes into an input as that
reference, quoted. ``refs`` lists them: only a string that is in there stands for what it refers to,
so that no text of a user is ever taken for one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from dataflow.payload import codec, jumbo


class Arguments(NamedTuple):
    """A decoded input."""

    args: list[Any]
    kwargs: dict[str, Any]
    meta: Any = None
    attempt: int = 1
    #: ``package.module.Class``.
    definition: str | None = None
    refs: tuple[str, ...] = ()


class _Ours(msgspec.Struct, forbid_unknown_fields=True):
    """An input as we write it."""

    args: list[Any]
    kwargs: dict[str, Any]
    meta: Any = None
    attempt: int = 1
    definition: str | None = None
    refs: tuple[str, ...] = ()


_OURS = msgspec.json.Decoder(_Ours)

#: What `of_attempt` adds.
_LATER_ATTEMPT = re.compile(r',"attempt":\d+\}\Z')

_MEMBERS = {"args", "kwargs", "meta", "attempt", "definition", "refs"}


def decode(text: str | None) -> Arguments:
    """Read an input; other programs' inputs count as one argument, or as a list of them."""
    if text is None:
        return Arguments([], {})
    try:
        given = _OURS.decode(text)
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError):
        return from_value(codec.decode(text))
    return Arguments(
        given.args, given.kwargs, given.meta, given.attempt, given.definition, given.refs
    )


def of_attempt(text: str, attempt: int) -> str:
    """The input of this attempt of a task, from the second on, given that of the first."""
    return f'{text[:-1]},"attempt":{attempt}}}'


def of_first_attempt(text: str) -> str:
    """The input of a task's first attempt, given that of any."""
    return _LATER_ATTEMPT.sub("}", text)


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
            tuple(value.get("refs", ())),
        )
    return Arguments([value], {})


def read(text: str | None, fetch: Callable[[Sequence[str]], Sequence[str]]) -> Arguments:
    """Read an input as it stands in history, with what it refers to.

    ``fetch`` gives the clear texts of fields, each as `Fields.read` does, and raises what that
    raises.
    """
    if text is None:
        return decode(None)
    given = decode(text if jumbo.is_clear(text) else fetch([text])[0])
    if not given.refs:
        return given
    texts = dict(zip(given.refs, fetch(given.refs), strict=True))
    return given._replace(
        args=_resolve(given.args, texts), kwargs=_resolve(given.kwargs, texts), refs=()
    )


def add_references(text: str, references: Iterable[str]) -> str:
    """An input that says which of the strings in it are references."""
    refs = codec.encode(sorted(set(references)))
    return f'{text[:-1]},"refs":{refs}}}'


def _resolve(value: Any, texts: Mapping[str, str]) -> Any:
    """The value, with what references stand for; each time anew, for users may change it."""
    if isinstance(value, str):
        return codec.decode(texts[value]) if value in texts else value
    if isinstance(value, list):
        return [_resolve(item, texts) for item in value]
    if isinstance(value, dict):
        return {key: _resolve(item, texts) for key, item in value.items()}
    return value


def _is_input(value: Mapping[str, Any]) -> bool:
    return (
        ("args" in value or "kwargs" in value)
        and isinstance(value.get("args", []), list)
        and isinstance(value.get("kwargs", {}), dict)
        and type(value.get("attempt", 1)) is int
        and isinstance(value.get("definition", ""), str | None)
        and isinstance(value.get("refs", []), list)
        and all(isinstance(reference, str) for reference in value.get("refs", []))
    )
