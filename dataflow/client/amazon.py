"""Amazon SWF, through boto3 and all that it finds in the environment and in the user's profile.

boto3 is the client; what is added is what a fleet needs of it:

1. *Retries are said and not left to a default*: mode "standard", so many attempts. But a poll is
   attempted once: who gives up a poll that Amazon has already answered loses a task.
2. *Nobody hangs up before Amazon does*: it holds a poll for 60 seconds.
3. *No faster than the account may* (`CallRates`), and slower when it says so: a limit that passes
   is waited for.
4. *Faults are those of `dataflow.protocol.faults`*, and errors of the network
   `ServiceUnavailable`, as everywhere else. What is wrong with the credentials or the region is
   one line that says what to do.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore import exceptions as boto  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]

from dataflow.client.rates import CallRates
from dataflow.client.repeating import POLLS, no_task, passes, pause
from dataflow.clock import SystemClock
from dataflow.errors import UsageError
from dataflow.protocol.faults import (
    Fault,
    LimitExceededFault,
    ServiceUnavailable,
    ValidationException,
    fault,
)
from dataflow.protocol.limits import POLL_SECONDS, SWF_QUOTAS
from dataflow.protocol.operations import method_name
from dataflow.protocol.service import Service, in_python

#: Seconds for a connection, for an answer, and for the answer to a poll.
CONNECT_SECONDS, ANSWER_SECONDS, POLL_ANSWER_SECONDS = 10, 60, POLL_SECONDS + 10
#: Connections for calls that are no polls.
_CALLERS = 10

#: Faults that are about who calls.
_REFUSED_KEYS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
#: The request was sent, and no answer came.
_UNANSWERED = (boto.ReadTimeoutError, boto.ConnectionClosedError)
_NO_REGION = "there is no AWS region: set AWS_DEFAULT_REGION, or give the profile a region"
_NO_CREDENTIALS = (
    "there are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, name a profile "
    "in AWS_PROFILE, or run `aws configure`"
)
_LOOK = "`aws sts get-caller-identity` shows which credentials are found"

_Pause = Callable[[float], None]


class AmazonService(Service):
    """Amazon SWF, or what ``AWS_ENDPOINT_URL_SWF`` names."""

    def __init__(
        self, *, attempts: int, pollers: int = _CALLERS, sleep: _Pause = time.sleep
    ) -> None:
        """``attempts``: how often a call is made, polls excepted. ``pollers``: polls at a time.

        Raises `UsageError` if there is no region or are no credentials.
        """
        self._attempts = attempts
        self._pollers = pollers
        self._sleep = sleep
        self._make()

    def _make(self) -> None:
        self._process = os.getpid()
        self._rates = CallRates(SWF_QUOTAS.calls, now=SystemClock().now, sleep=self._sleep)
        try:
            session = boto3.session.Session()
            self._client = session.client(
                "swf", config=_config(self._attempts, ANSWER_SECONDS, _CALLERS)
            )
            self._polls = session.client(
                "swf", config=_config(1, POLL_ANSWER_SECONDS, self._pollers)
            )
            if session.get_credentials() is None:
                raise UsageError(_NO_CREDENTIALS)
        except (boto.BotoCoreError, ValueError) as error:  # ValueError: an endpoint that is no URL
            raise _told(error) from error

    @property
    def url(self) -> str:
        """Where the service is."""
        return str(self._client.meta.endpoint_url)

    def poller(self) -> AmazonPoller:
        """Polls for one thread."""
        return AmazonPoller(self)

    def close(self) -> None:
        self._client.close()
        self._polls.close()

    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if operation in POLLS and not request.get("nextPageToken"):
            return self.poll(operation, request, self._sleep)
        for attempt in range(1, self._attempts):
            try:
                return self._ask(self._boto3(), operation, request)
            except LimitExceededFault as problem:  # boto3 takes it for one that stays
                if not passes(problem, operation):
                    raise
            self._sleep(pause(attempt))
        return self._ask(self._boto3(), operation, request)

    def poll(self, operation: str, request: dict[str, Any], wait: _Pause) -> dict[str, Any]:
        """Wait for a task; ``wait`` is how to sleep between attempts that were not accepted."""
        for attempt in range(1, self._attempts + 1):
            try:
                answer = self._ask(self._boto3(polls=True), operation, request)
            except _Unanswered:
                wait(pause(1))  # the next poll may fare likewise
                break
            except Fault as problem:
                if attempt == self._attempts or not passes(problem, operation):
                    raise
                wait(pause(attempt))
            else:
                return {**no_task(operation), **answer}
        return in_python(no_task(operation))

    def _boto3(self, *, polls: bool = False) -> Any:
        if self._process != os.getpid():  # a child must not talk on its parent's connections
            self._make()
        return self._polls if polls else self._client

    def _ask(self, client: Any, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self._rates.wait(operation)
        try:
            answer: dict[str, Any] = getattr(client, method_name(operation))(**request)
        except boto.ClientError as error:
            raise _fault(error) from error
        except boto.BotoCoreError as error:
            if isinstance(error, _UNANSWERED) and client is self._polls:
                raise _Unanswered from error
            raise _told(error) from error
        return answer


class AmazonPoller:
    """Polls of one thread. A poll that is under way cannot be broken off.

    After `cancel` it goes on, for up to a minute; only those that come later answer at once.
    """

    def __init__(self, service: AmazonService) -> None:
        self._service = service
        self._cancelled = False
        self._told: SimpleQueue[None] = SimpleQueue()

    def poll_for_activity_task(self, **request: Any) -> dict[str, Any]:
        """As the method of `AmazonService`."""
        return self._poll("PollForActivityTask", request)

    def poll_for_decision_task(self, **request: Any) -> dict[str, Any]:
        """As the method of `AmazonService`. Further pages are answered after `cancel`, too."""
        if request.get("nextPageToken"):
            return self._service.poll_for_decision_task(**request)
        return self._poll("PollForDecisionTask", request)

    def cancel(self) -> None:
        """Let no further poll wait. From any thread, and from the handler of a signal."""
        self._cancelled = True
        self._told.put(None)

    def _poll(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        try:
            if not self._cancelled:
                return self._service.poll(operation, request, self._wait)
        except _Cancelled:
            pass
        return in_python(no_task(operation))

    def _wait(self, seconds: float) -> None:
        with suppress(Empty):
            self._told.get(timeout=seconds)
        if self._cancelled:
            raise _Cancelled


class _Unanswered(Exception):
    """A poll was sent, and no answer came."""


class _Cancelled(Exception):
    """The poller was cancelled while it waited for another attempt."""


def _config(attempts: int, seconds: float, connections: int) -> Config:
    return Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=CONNECT_SECONDS,
        read_timeout=seconds,
        max_pool_connections=connections,
        tcp_keepalive=True,
        user_agent_extra="dataflow",
    )


def _fault(error: Any) -> Fault:
    """The fault that boto3's ``ClientError`` tells of."""
    told = error.response.get("Error", {})
    code, message = str(told.get("Code", "")), str(told.get("Message", ""))
    if code in _REFUSED_KEYS:
        message = f"{message.rstrip('.')}: {_LOOK}"
    return fault(code, message, error.response.get("ResponseMetadata", {}).get("HTTPStatusCode"))


def _told(error: Exception) -> Exception:
    """What to raise for an error of botocore's."""
    words = " ".join(str(error).split())
    match error:
        case boto.NoRegionError():
            return UsageError(_NO_REGION)
        case boto.NoCredentialsError():
            return UsageError(_NO_CREDENTIALS)
        case boto.ParamValidationError():
            return ValidationException(words)
        case boto.SSLError() if "CERTIFICATE_VERIFY_FAILED" in words:
            return UsageError(
                f"{words}: name the file with the certificate of its authority in AWS_CA_BUNDLE"
            )
        case boto.EndpointConnectionError():
            return ServiceUnavailable(f"{words} (is AWS_DEFAULT_REGION a region of Amazon SWF?)")
        case boto.HTTPClientError() | boto.ConnectionError():
            return ServiceUnavailable(words)
        case boto.ProfileNotFound():
            return UsageError(f"{words}: `aws configure list-profiles` shows those that there are")
        case boto.SSOError() | boto.TokenRetrievalError():
            return UsageError(f"{words.rstrip('.')}: run `aws sso login`")
        case boto.PartialCredentialsError() | boto.CredentialRetrievalError():
            return UsageError(f"{words.rstrip('.')}: {_LOOK}")
    return UsageError(f"AWS cannot be used: {words}")
