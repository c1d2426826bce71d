"""Which errors of a service pass by themselves, and how long to wait for that.

Faults are told by their code, which our own services and boto3 have in the same place
(``error.response["Error"]["Code"]``), so that nothing here depends on which it is.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from dataflow.chance import back_off

T = TypeVar("T")

_log = logging.getLogger(__name__)

#: Faults that say: later.
_PASSING = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "LimitExceededFault",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
    }
)
#: Faults that tell of the caller's rights.
NO_RIGHT = frozenset({"AccessDeniedException", "OperationNotPermittedFault"})
#: botocore's errors of the network, by name: it need not be there.
_NETWORK = frozenset(
    {
        "ConnectTimeoutError",
        "ConnectionClosedError",
        "EndpointConnectionError",
        "HTTPClientError",
        "ReadTimeoutError",
    }
)
#: What went wrong with the HTTP server, and not with the request.
_SERVER_ERRORS = 500
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 10.0


class Stopped(Exception):
    """The process was told to stop meanwhile."""


def code(error: BaseException) -> str:
    """The code of a fault; empty for any other error."""
    return str(_response(error).get("Error", {}).get("Code", ""))


def passes(error: BaseException) -> bool:
    """Whether the same call may well succeed a little later."""
    if code(error):
        # A gateway on the way answers codes of its own.
        status = _response(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return code(error) in _PASSING or status >= _SERVER_ERRORS
    names = {cls.__name__ for cls in type(error).__mro__}
    return isinstance(error, OSError) or bool(names & _NETWORK)


def _response(error: BaseException) -> dict[str, Any]:
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) else {}


def pauses() -> Iterator[float]:
    """Seconds to wait after each failure, longer and longer."""
    for failures in itertools.count(1):
        yield back_off(failures, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, least=1 / 10)


def persist(
    call: Callable[[], T],
    *,
    seconds: float,
    stop: threading.Event,
    pause: Iterator[float] | None = None,
    may_pass: Callable[[BaseException], bool] = passes,
    met: Exception | None = None,
) -> T:
    """Call until it succeeds, or fails with an error that will not pass, or time is up.

    ``met``: what a first attempt, which is behind us, has met. Raises what the call raises, and
    `Stopped` if ``stop`` is set between two attempts.
    """
    deadline = time.monotonic() + seconds
    for wait in pause or pauses():
        try:
            if met is not None:
                failed, met = met, None
                raise failed  # noqa: TRY301 - it is one of the attempts
            return call()
        except Exception as error:
            if not may_pass(error) or time.monotonic() + wait > deadline:
                raise
            _log.warning(
                "tried again in %.1f s: %s: %s",
                wait,
                type(error).__name__,
                error,
                extra={"event": "call.failed"},
            )
        if stop.wait(wait):
            raise Stopped
    raise AssertionError("pauses never end")
