"""Jumbo fields in Amazon S3, or in what ``AWS_ENDPOINT_URL_S3`` names, through boto3.

1. *Nothing is overwritten*: uploads are conditional (``If-None-Match: *``). Where an endpoint does
   not know conditions, it is asked first whether the object is there.
2. *What is written again is young again*, if it is older than a day: a lifecycle rule of the bucket
   counts from the day of writing, and the text is referred to anew.
3. *Attempts are ours* (`repeating`) and not botocore's: an answer that breaks off while it is read
   is asked for again as well, and what may pass is told from what stays wrong in one place.
4. *What is wrong is said with the bucket, and what to do*. A call that lacks good credentials may
   succeed later, or in another process; one that is denied will not.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import Any

import boto3  # type: ignore[import-untyped]
from botocore import exceptions as boto  # type: ignore[import-untyped]
from botocore.config import Config  # type: ignore[import-untyped]

from dataflow.clock import SystemClock
from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.storage.repeating import Transient, repeat

#: Seconds after which an object is given a new date.
_OLD = 24 * 3600
#: Seconds for a connection, and for each part of an answer.
_CONNECT_SECONDS, _ANSWER_SECONDS = 10, 60
#: At least as many as threads of this process that read or write at a time.
_CONNECTIONS = 32

_THERE, _FORBIDDEN, _NOT_FOUND, _CONFLICT, _EXISTS, _NOT_KNOWN = 200, 403, 404, 409, 412, 501
_REQUEST_TIMEOUT, _TOO_MANY, _SERVER_ERROR = 408, 429, 500
_THROTTLED = ("SlowDown", "RequestTimeout", "RequestLimitExceeded", "OperationAborted")
#: About who calls, and not about what he may do.
_CREDENTIALS = (
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
)
#: There was no answer, or not all of it.
_BROKEN_OFF = (boto.HTTPClientError, boto.ConnectionError, boto.IncompleteReadError)
_LOOK = "`aws sts get-caller-identity` shows which credentials are found"


class S3Store:
    """A bucket, or what lies under a prefix of it."""

    scheme = "s3"

    def __init__(
        self,
        location: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] | None = None,
    ) -> None:
        """``location``: ``bucket/with/optional/prefix``."""
        self.location = location
        self._bucket, _, self._prefix = location.partition("/")
        self._sleep = sleep
        self._now = now or SystemClock().now
        self._conditional = True
        self._lock = threading.Lock()
        self._made: Any = None

    def put(self, name: str, data: bytes) -> None:
        repeat(lambda: self._put(self._key(name), data), self._sleep)

    def get(self, name: str) -> bytes:
        return repeat(lambda: self._get(self._key(name)), self._sleep)

    def _put(self, key: str, data: bytes) -> None:
        try:
            if not self._conditional:
                if self._renew(key) != _THERE:
                    self._client().put_object(Bucket=self._bucket, Key=key, Body=data)
                return
            self._client().put_object(Bucket=self._bucket, Key=key, Body=data, IfNoneMatch="*")
        except boto.ClientError as error:
            if _status(error) == _EXISTS:
                if self._renew(key) == _NOT_FOUND:
                    raise Transient(f"{key} has just been deleted from {self._bucket}") from error
                return
            if _status(error) != _NOT_KNOWN or not self._conditional:
                raise self._refused(error, key) from error
            self._conditional = False
            self._put(key, data)
        except boto.BotoCoreError as error:
            raise self._failed(error) from error

    def _renew(self, key: str) -> int:
        """Give an object that has long been there the date of today; the status says if it is."""
        place = {"Bucket": self._bucket, "Key": key}
        try:
            written = self._client().head_object(**place)["LastModified"].timestamp()
            if self._now() - written > _OLD:
                self._client().copy_object(**place, CopySource=place, MetadataDirective="REPLACE")
        except boto.ClientError as error:
            # Who may write may not look, or not write anew, perhaps.
            if _status(error) not in {_FORBIDDEN, _NOT_FOUND}:
                raise self._refused(error, key) from error
            return _status(error)
        except boto.BotoCoreError as error:
            raise self._failed(error) from error
        return _THERE

    def _get(self, key: str) -> bytes:
        try:
            answer = self._client().get_object(Bucket=self._bucket, Key=key)
            with closing(answer["Body"]) as body:  # entered itself, it is not botocore's any more
                data: bytes = body.read()
        except boto.ClientError as error:
            raise self._refused(error, key) from error
        except boto.BotoCoreError as error:
            raise self._failed(error) from error
        return data

    def _key(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name

    def _client(self) -> Any:
        with self._lock:  # sessions are not for several threads
            if self._made is None:
                config = Config(
                    retries={"mode": "standard", "total_max_attempts": 1},
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_ANSWER_SECONDS,
                    max_pool_connections=_CONNECTIONS,
                    tcp_keepalive=True,
                    user_agent_extra="dataflow",
                )
                try:
                    self._made = boto3.session.Session().client("s3", config=config)
                except ValueError as error:  # an endpoint that is no URL
                    raise PayloadUnavailable(f"S3 cannot be used: {error}") from error
            return self._made

    def _refused(self, error: Any, key: str) -> PayloadError | Transient:
        """What to raise for an answer of the service."""
        told = error.response.get("Error", {})
        code, status = str(told.get("Code", "")), _status(error)
        words = f"{code}: {told.get('Message', '')}".rstrip(": .")
        if code == "NoSuchBucket":
            return PayloadError(
                f"there is no bucket {self._bucket}: create it, or name another one in "
                "DATAFLOW_JUMBO_FIELDS_BUCKET"
            )
        if status == _NOT_FOUND:
            return PayloadError(
                f"there is no object {key} in the bucket {self._bucket}: it was deleted, perhaps "
                "by a lifecycle rule of the bucket, or never arrived"
            )
        if code in _CREDENTIALS:
            return PayloadUnavailable(f"S3 does not accept the credentials ({words}): {_LOOK}")
        if status == _FORBIDDEN:
            return PayloadError(
                f"the bucket {self._bucket} denies access to {key} ({words}): allow s3:GetObject "
                "and s3:PutObject on it, and s3:ListBucket on the bucket, without which a missing "
                f"object is denied, too; {_LOOK}"
            )
        passes = status in {_CONFLICT, _REQUEST_TIMEOUT, _TOO_MANY} or status >= _SERVER_ERROR
        if passes or code.startswith("Throttl") or code in _THROTTLED:
            return Transient(f"the bucket {self._bucket} cannot be reached now ({words})")
        return PayloadError(f"the bucket {self._bucket} refuses {key} ({words})")

    def _failed(self, error: Exception) -> PayloadError | Transient:
        """What to raise where there was no answer."""
        words = " ".join(str(error).split())
        if isinstance(error, _BROKEN_OFF):
            return Transient(f"the bucket {self._bucket} cannot be reached now: {words}")
        if isinstance(error, boto.ParamValidationError):
            return PayloadError(f"the bucket {self._bucket} cannot be used: {words}")
        return PayloadUnavailable(
            f"the bucket {self._bucket} cannot be used: {words.rstrip('.')}: {_LOOK}"
        )


def _status(error: Any) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
