"""What a callable takes and gives.

Arguments are checked when a task is submitted, and values come back from JSON as what the
annotations say.

Without annotations, or where they name plain JSON types, values stay as JSON gives them. An
annotation that has no JSON form is left alone: annotations guide decoding, they are no contract.
How a type is made of JSON is `dataflow.payload.annotations`.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

from dataflow.errors import PayloadError
from dataflow.payload.annotations import converter
from dataflow.payload.conversion import Convert, Mismatch

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

#: What has been made for functions: a workflow's ``run`` is met anew in every execution.
_known: WeakKeyDictionary[Callable[..., Any], dict[str, Convert]] = WeakKeyDictionary()


class Signature:
    """The parameters and the result of one callable."""

    def __init__(self, function: Callable[..., Any], name: str, *, method: bool = False) -> None:
        """``method``: the first parameter is the instance, and is left out."""
        self._name = name
        signature = inspect.signature(function)
        parameters = list(signature.parameters.values())[1 if method else 0 :]
        self._signature = signature.replace(parameters=parameters)
        self._function = function
        self._known: dict[str, Convert] | None = None
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
        converters = self._converters()
        if not converters or (converters.keys() == {"return"}):
            return list(args), dict(kwargs)
        positional = self._names(*_POSITIONAL)
        more = "".join(self._names(inspect.Parameter.VAR_POSITIONAL))
        converted = []
        for n, value in enumerate(args):
            rest = n - len(positional)
            name, path = (more, f"{more}[{rest}]") if rest >= 0 else (positional[n], positional[n])
            converted.append(self._convert(value, converters.get(name), path))
        by_name = self._names(*_NAMED)
        more = "".join(self._names(inspect.Parameter.VAR_KEYWORD))
        named = {}
        for key, value in kwargs.items():
            name = key if key in by_name else more
            named[key] = self._convert(value, converters.get(name), key)
        return converted, named

    def _names(self, *kinds: Any) -> list[str]:
        """The names of the parameters of these kinds."""
        return [p.name for p in self._signature.parameters.values() if p.kind in kinds]

    def convert_result(self, value: Any) -> Any:
        """The result, as decoded from JSON, in the type of the return annotation."""
        return self._convert(value, self._converters().get("return"), "result")

    def _converters(self) -> dict[str, Convert]:
        """By parameter, for the annotations that ask for more than plain JSON types."""
        if self._known is None:
            function = getattr(self._function, "__func__", self._function)
            if not isinstance(function, types.FunctionType):  # nor can be referred to weakly
                self._known = self._make_converters()
            elif function in _known:
                self._known = _known[function]
            else:
                self._known = _known[function] = self._make_converters()
        return self._known

    def _make_converters(self) -> dict[str, Convert]:
        made = {name: converter(hint) for name, hint in self._hints().items()}
        return {name: convert for name, convert in made.items() if convert is not None}

    def _hints(self) -> dict[str, Any]:
        with suppress(Exception):  # a name that only type checkers know: try one by one, then
            return typing.get_type_hints(self._function)
        known: dict[str, Any] = {}
        names = getattr(self._function, "__globals__", {})
        annotations = {p.name: p.annotation for p in self._signature.parameters.values()}
        annotations["return"] = self._signature.return_annotation
        for name, annotation in annotations.items():
            alone = types.SimpleNamespace(__annotations__={name: annotation})
            with suppress(Exception):
                known |= typing.get_type_hints(alone, names)
        return known

    def _convert(self, value: Any, convert: Convert | None, where: str) -> Any:
        if convert is None:
            return value
        try:
            return convert(value)
        except Mismatch as mismatch:
            path = where + mismatch.path
            raise PayloadError(f"{path} of {self}: {mismatch}", path=path) from None
