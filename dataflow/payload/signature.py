"""What a callable takes and gives.

Arguments are checked when a task is submitted, and values come back from JSON as what the
annotations say.

Without annotations, or where they name plain JSON types, values stay as JSON gives them. An
annotation that has no JSON form is left alone: annotations guide decoding, they are no contract.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

import msgspec

from dataflow.errors import PayloadError

_PLAIN = (int, float, str, bool, type(None), list, dict, object, Any, inspect.Parameter.empty)
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class _NoJsonForm(Exception):
    """The annotation names a class that msgspec cannot build."""


class Signature:
    """The parameters and the result of one callable."""

    def __init__(self, function: Callable[..., Any], name: str, *, method: bool = False) -> None:
        """``method``: the first parameter is the instance, and is left out."""
        self._name = name
        signature = inspect.signature(function)
        parameters = list(signature.parameters.values())[1 if method else 0 :]
        self._signature = signature.replace(parameters=parameters)
        self._function = function
        self._hints: dict[str, Any] | None = None
        kinds = {parameter.kind for parameter in parameters}
        #: How many positional arguments are right without looking closer; None: look closer.
        self._simple: range | None = None
        if kinds <= {
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            inspect.Parameter.POSITIONAL_ONLY,
        }:
            needed = sum(p.default is inspect.Parameter.empty for p in parameters)
            self._simple = range(needed, len(parameters) + 1)

    def __str__(self) -> str:
        return f"{self._name}{self._signature.replace(return_annotation=inspect.Signature.empty)}"

    def check(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise `TypeError`, naming the signature, for arguments that do not fit it."""
        if not kwargs and self._simple is not None and len(args) in self._simple:
            return
        try:
            self._signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self} does not take these arguments: {error}") from None

    def convert(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """The arguments, as decoded from JSON, in the types of the parameters.

        Raises `PayloadError` for an argument that its annotation cannot be made of.
        """
        hints = self._typed_hints()
        if not hints or (hints.keys() == {"return"}):
            return list(args), dict(kwargs)
        positional = self._names(*_POSITIONAL)
        more = "".join(self._names(inspect.Parameter.VAR_POSITIONAL))
        converted = []
        for n, value in enumerate(args):
            name = positional[n] if n < len(positional) else more
            converted.append(self._convert(value, hints[name], name) if name in hints else value)
        by_name = self._names(*_NAMED)
        more = "".join(self._names(inspect.Parameter.VAR_KEYWORD))
        named = {}
        for key, value in kwargs.items():
            name = key if key in by_name else more
            named[key] = self._convert(value, hints[name], key) if name in hints else value
        return converted, named

    def _names(self, *kinds: Any) -> list[str]:
        """The names of the parameters of these kinds."""
        return [p.name for p in self._signature.parameters.values() if p.kind in kinds]

    def convert_result(self, value: Any) -> Any:
        """The result, as decoded from JSON, in the type of the return annotation."""
        hint = self._typed_hints().get("return")
        return value if hint is None else self._convert(value, hint, "result")

    def _typed_hints(self) -> dict[str, Any]:
        """The annotations that ask for more than plain JSON types."""
        if self._hints is None:
            try:
                hints = typing.get_type_hints(self._function)
            except Exception:  # noqa: BLE001 - a name only a type checker knows: no hint
                hints = {}
            self._hints = {name: hint for name, hint in hints.items() if not _is_plain(hint)}
        return self._hints

    def _convert(self, value: Any, hint: Any, name: str) -> Any:
        try:
            return msgspec.convert(value, hint, dec_hook=_build, str_keys=True)
        except (_NoJsonForm, TypeError):
            return value
        except (msgspec.ValidationError, UnicodeEncodeError) as error:
            raise PayloadError(f"{name} of {self}: {error}", path=name) from None


def _build(cls: type, value: Any) -> Any:
    if isinstance(cls, type) and issubclass(cls, PurePath) and isinstance(value, str):
        return cls(value)
    raise _NoJsonForm


def _is_plain(hint: Any) -> bool:
    """Whether JSON gives values of this type by itself."""
    if hint in _PLAIN or isinstance(hint, typing.TypeVar):
        return True
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is dict and arguments[0] not in {str, Any}:
        return False  # JSON has only strings for keys
    return origin in {list, dict, typing.Union, types.UnionType} and all(map(_is_plain, arguments))
