"""AWS Signature Version 4, the client's half: a request says who sends it, and that it is his.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html

Only what this client sends can be signed: a POST to ``/``, with a content type, a host, a target
and a body. All of it is, as botocore does it. Time is an argument.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from dataflow.errors import UsageError

#: The content type of every request.
CONTENT_TYPE = b"application/x-amz-json-1.0"

_ALGORITHM = b"AWS4-HMAC-SHA256"
_SERVICE = "swf"
_TERMINATOR = "aws4_request"
_PRINTABLE = re.compile("[!-~]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """A key. Raises `UsageError` for what cannot be one."""

    key_id: str
    secret: str = field(repr=False)
    #: Of a key that lasts for a while only.
    token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        # They go into headers, where the end of a line would be the end of them.
        for name, value in (("id", self.key_id), ("secret", self.secret), ("token", self.token)):
            if value is not None and not _PRINTABLE.fullmatch(value):
                raise UsageError(
                    f"the {name} of the AWS access key has a space, an odd character or nothing in "
                    "it: look at AWS_ACCESS_KEY_ID and the like, or at your profile"
                )


def signature(
    credentials: Credentials, *, host: str, target: bytes, body: bytes, region: str, now: float
) -> bytes:
    """The lines that a signed request has besides its others: its date and its signature.

    ``now``: seconds since the epoch.
    """
    time = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    date = time[:8]
    signed = b"content-type;host;x-amz-date;x-amz-target"
    lines = token = b""
    if credentials.token is not None:
        signed = b"content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
        token = b"x-amz-security-token:%b\n" % credentials.token.encode()
        lines = b"x-amz-security-token: %b\r\n" % credentials.token.encode()
    when = time.encode()
    canonical = (
        b"POST\n/\n\n"
        b"content-type:%b\nhost:%b\nx-amz-date:%b\n%bx-amz-target:%b\n\n%b\n%b"
        % (
            CONTENT_TYPE,
            host.encode(),
            when,
            token,
            target,
            signed,
            hashlib.sha256(body).hexdigest().encode(),
        )
    )
    scope = f"{date}/{region}/{_SERVICE}/{_TERMINATOR}".encode()
    text = b"%b\n%b\n%b\n%b" % (
        _ALGORITHM,
        when,
        scope,
        hashlib.sha256(canonical).hexdigest().encode(),
    )
    key = _key(credentials.secret, date, region)
    return (
        b"%bx-amz-date: %b\r\nauthorization: %b Credential=%b/%b, SignedHeaders=%b, "
        % (
            lines,
            when,
            _ALGORITHM,
            credentials.key_id.encode(),
            scope,
            signed,
        )
        + b"Signature=%b\r\n" % hmac.digest(key, text, "sha256").hex().encode()
    )


@functools.lru_cache(maxsize=8)
def _key(secret: str, date: str, region: str) -> bytes:
    """The key of one day and region."""
    key = b"AWS4" + secret.encode()
    for part in (date, region, _SERVICE, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
