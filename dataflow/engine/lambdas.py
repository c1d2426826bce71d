"""Who performs Lambda functions for the engine: callables of this process, or AWS Lambda.

An invoker is called in a thread of its own with the name and the input of a function and the role
of the execution; it returns the result or raises. What it raises becomes the ``reason`` (the type's
name) and ``details`` of ``LambdaFunctionFailed``.
https://docs.aws.amazon.com/amazonswf/latest/developerguide/lambda-task.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

#: What Amazon SWF gives to a function that is scheduled without an input.
_NO_INPUT = "{}"


class Invoker(Protocol):
    """Performs a function."""

    def __call__(self, name: str, input: str | None, role: str) -> str | None:  # noqa: A002
        """The result of the function, as text. Raises whatever it raises."""
        ...


class FunctionFailed(Exception):
    """A function that has failed, by the name that its error has there."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class LocalFunctions:
    """Functions that are callables of this process, by name."""

    def __init__(self, functions: Mapping[str, Callable[[str], str | None]]) -> None:
        self._functions = functions

    def __call__(self, name: str, input: str | None, role: str) -> str | None:  # noqa: A002, ARG002
        """Call the function of this name with its input."""
        function = self._functions.get(name)
        if function is None:
            raise FunctionFailed("ResourceNotFoundException", f"Function not found: {name}")
        result = function(input or _NO_INPUT)
        if result is not None and not isinstance(result, str):
            raise TypeError(
                f"the Lambda function {name} returned {type(result).__name__}: return text (JSON)"
            )
        return result


class AwsLambda:
    """AWS Lambda, through boto3 and its usual configuration (the role is the caller's own)."""

    def __init__(self, client: Any = None) -> None:
        """``client``: a ``boto3.client("lambda")``, made when it is first needed if not given."""
        self._client = client

    def __call__(self, name: str, input: str | None, role: str) -> str | None:  # noqa: A002, ARG002
        """Invoke the function and wait for its result."""
        if self._client is None:
            import boto3  # type: ignore[import-untyped]  # noqa: PLC0415 - half a second, for few

            self._client = boto3.client("lambda")
        answer = self._client.invoke(FunctionName=name, Payload=(input or _NO_INPUT).encode())
        payload: str = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise FunctionFailed(answer["FunctionError"], payload)
        return payload


def failure(error: BaseException) -> tuple[str, str]:
    """The reason and the details of a failed function."""
    if isinstance(error, FunctionFailed):
        return error.error_type, str(error)
    code = getattr(error, "response", {}).get("Error", {}).get("Code")
    return code or type(error).__name__, str(error)
