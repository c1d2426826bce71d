"""AWS Signature Version 4, the server's half: it finds out who signed a request.

The laws, after https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html:

1. The signature is made again from what was received, never from what the request claims about
   itself: the hash of the body is always computed.
2. What decides about a request is signed: ``host``, ``x-amz-date`` and every other ``x-amz-``
   header that is there, such as the target, which names the operation. (A proxy may add others.)
3. The date is that of the signature's scope, and at most five minutes from ours. Regions mean
   nothing here: whatever was signed is accepted.
4. A key that does not exist costs the same work as one that does, and comparing two signatures
   takes the same time wherever they differ.

Only the Authorization header is read; a signature in the query is none. Each fault speaks AWS's
words, which people search for. What was signed may come again: that is for `replays`.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote_from_bytes

from dataflow.protocol.faults import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
)

#: Seconds that the clocks of client and server may differ.
SKEW = 300

_ALGORITHM = "AWS4-HMAC-SHA256"
_SERVICE = "swf"
_TERMINATOR = "aws4_request"
_CREDENTIAL_PARTS = 5
_PARAMETERS = ("Credential", "SignedHeaders", "Signature")
_BASIC_FORMAT = re.compile("[0-9]{8}T[0-9]{6}Z")
#: What a signature under an unknown key is compared with.
_NOBODYS_SECRET = "-" * 40

_Headers = Mapping[bytes, Sequence[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An HTTP request as it was received, nothing decoded."""

    method: str
    #: Up to the question mark.
    path: bytes
    #: Behind the question mark.
    query: bytes
    #: In the order of their arrival; names in any case.
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class Proof(NamedTuple):
    """A signature that holds."""

    #: The access key id of the signer.
    key_id: str
    #: 64 hexadecimal digits, lower case.
    signature: str
    #: Seconds since the epoch, from x-amz-date.
    signed_at: int


class _Claim(NamedTuple):
    """What the Authorization header says."""

    key_id: str
    date: str
    region: str
    service: str
    terminator: str
    signed: tuple[bytes, ...]
    signature: str


def verify(request: Request, find_secret: Callable[[str], str | None], now: float) -> Proof:
    """Who signed the request. ``find_secret`` gives the secret of an access key id, or None.

    Raises the fault that AWS gives: `MissingAuthenticationTokenException` without a signature,
    `IncompleteSignatureException` for half of one, `UnrecognizedClientException` for a key that
    is not known, `InvalidSignatureException` for a signature that does not hold (any more).
    """
    headers = _by_name(request.headers)
    claim = _read_authorization(headers)
    timestamp, signed_at = _read_date(headers)
    _check_signed(claim, headers)
    _check_scope(claim, timestamp)
    _check_time(timestamp, signed_at, now)
    text = "\n".join(
        (
            _ALGORITHM,
            timestamp,
            "/".join(claim[1:5]),
            hashlib.sha256(_canonical(request, headers, claim.signed)).hexdigest(),
        )
    )
    secret = find_secret(claim.key_id)
    key = signing_key(
        _NOBODYS_SECRET if secret is None else secret, claim.date, claim.region, claim.service
    )
    holds = hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), claim.signature)
    if secret is None:
        raise UnrecognizedClientException("The security token included in the request is invalid.")
    if not holds:
        raise InvalidSignatureException(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. "
            "Consult the service documentation for details."
        )
    return Proof(claim.key_id, claim.signature, signed_at)


@functools.lru_cache(maxsize=256)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key of one day (``YYYYMMDD``), region and service.

    Remembered by secret: all the keys that do not exist share one place.
    """
    key = b"AWS4" + secret.encode()
    for part in (date, region, service, _TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


# --- what the request says ------------------------------------------------------------------


def _by_name(headers: Sequence[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value)
    return found


def _only(headers: _Headers, name: bytes) -> str | None:
    """The one value of a header that must not come twice; None if it is not there."""
    values = headers.get(name)
    if values is None:
        return None
    if len(values) > 1:
        raise IncompleteSignatureException(f"More than one header '{name.decode()}'.")
    try:
        return values[0].decode("ascii").strip()
    except UnicodeDecodeError:
        raise IncompleteSignatureException(f"Header '{name.decode()}' is not ASCII.") from None


def _read_authorization(headers: _Headers) -> _Claim:
    header = _only(headers, b"authorization")
    if not header:
        raise MissingAuthenticationTokenException("Missing Authentication Token")
    algorithm, _, rest = header.partition(" ")
    if algorithm != _ALGORITHM:
        # The word is not repeated: it may be a password that somebody put in its place.
        raise IncompleteSignatureException(
            f"Unsupported AWS 'algorithm': the Authorization header must begin with {_ALGORITHM}."
        )
    given: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals:
            raise IncompleteSignatureException(
                f"'{name}' not a valid key=value pair (missing equal-sign) in Authorization header."
            )
        if name in given or name not in _PARAMETERS:
            raise IncompleteSignatureException(
                f"Authorization header has an unexpected '{name}' parameter."
            )
        given[name] = value
    missing = [name for name in _PARAMETERS if not given.get(name)]
    if missing:
        raise IncompleteSignatureException(
            " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
        )
    credential = given["Credential"].split("/")
    if len(credential) != _CREDENTIAL_PARTS:
        raise IncompleteSignatureException(
            "Credential must have exactly 5 slash-separated elements, "
            "e.g. keyid/date/region/service/term."
        )
    signed = tuple(given["SignedHeaders"].encode().split(b";"))
    if list(signed) != sorted(set(signed)) or any(name != name.lower() for name in signed):
        raise IncompleteSignatureException(
            "SignedHeaders must be in lower case, sorted, and each there once."
        )
    key_id, date, region, service, terminator = credential
    return _Claim(key_id, date, region, service, terminator, signed, given["Signature"])


def _read_date(headers: _Headers) -> tuple[str, int]:
    """The text of x-amz-date, and its seconds since the epoch."""
    text = _only(headers, b"x-amz-date")
    if text is None:
        raise IncompleteSignatureException(
            "Authorization header requires existence of a 'X-Amz-Date' header."
        )
    # fromisoformat() takes other forms, too.
    if _BASIC_FORMAT.fullmatch(text):
        try:
            return text, int(datetime.fromisoformat(text).timestamp())
        except ValueError:
            pass  # the 30th of February
    raise IncompleteSignatureException(
        "Date must be in ISO-8601 'basic format': YYYYMMDD'T'HHMMSS'Z', in the header 'X-Amz-Date'."
    )


# --- whether it may be so -------------------------------------------------------------------


def _check_signed(claim: _Claim, headers: _Headers) -> None:
    needed = {b"host", *(name for name in headers if name.startswith(b"x-amz-"))}
    for name in sorted(needed.difference(claim.signed)):
        raise InvalidSignatureException(
            f"'{_shown(name)}' must be a 'SignedHeader' in the AWS Authorization."
        )
    for name in claim.signed:
        if name not in headers:
            raise InvalidSignatureException(
                f"The header '{_shown(name)}' was signed and has not arrived."
            )


def _shown(name: bytes) -> str:
    return name.decode("ascii", "backslashreplace")


def _check_scope(claim: _Claim, timestamp: str) -> None:
    if claim.date != timestamp[:8]:
        raise InvalidSignatureException(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            f"HTTP: '{claim.date}' != '{timestamp[:8]}', from '{timestamp}'."
        )
    if claim.service != _SERVICE:
        raise InvalidSignatureException(
            f"Credential should be scoped to correct service: '{_SERVICE}'."
        )
    if claim.terminator != _TERMINATOR:
        raise InvalidSignatureException(
            f"Credential should be scoped with a valid terminator: '{_TERMINATOR}', "
            f"not '{claim.terminator}'."
        )


def _check_time(timestamp: str, signed_at: int, now: float) -> None:
    if now - signed_at > SKEW:
        raise InvalidSignatureException(
            f"Signature expired: {timestamp} is now earlier than {_basic(now - SKEW)} "
            f"({_basic(now)} - 5 min.)"
        )
    if signed_at - now > SKEW:
        raise InvalidSignatureException(
            f"Signature not yet current: {timestamp} is still later than {_basic(now + SKEW)} "
            f"({_basic(now)} + 5 min.)"
        )


def _basic(when: float) -> str:
    return datetime.fromtimestamp(when, UTC).strftime("%Y%m%dT%H%M%SZ")


# --- what was signed ------------------------------------------------------------------------


def _canonical(request: Request, headers: _Headers, signed: Sequence[bytes]) -> bytes:
    digest = hashlib.sha256(request.body).hexdigest().encode()
    claimed = headers.get(b"x-amz-content-sha256")
    # UNSIGNED-PAYLOAD is such a claim, too.
    if claimed is not None and list(claimed) != [digest]:
        raise InvalidSignatureException(
            "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
    return b"\n".join(
        (
            request.method.encode(),
            _canonical_path(request.path),
            _canonical_query(request.query),
            *(name + b":" + b",".join(map(_trimmed, headers[name])) for name in signed),
            b"",
            b";".join(signed),
            digest,
        )
    )


def _canonical_path(path: bytes) -> bytes:
    """Without dots and empty parts, and encoded a second time, as AWS has it for all but S3."""
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            del parts[-1:]
        elif part not in {b"", b"."}:
            parts.append(part)
    end = b"/" if parts and path.endswith(b"/") else b""
    return quote_from_bytes(b"/" + b"/".join(parts) + end, safe="/~").encode()


def _canonical_query(query: bytes) -> bytes:
    """As it came, sorted."""
    # Not by the pairs as they are: "=" sorts behind "-", so that "a-b=1" would precede "a=1".
    pairs = sorted(pair.partition(b"=")[::2] for pair in query.split(b"&")) if query else []
    return b"&".join(name + b"=" + value for name, value in pairs)


def _trimmed(value: bytes) -> bytes:
    return b" ".join(value.split())
