"""An answer as it goes over the wire: status, headers, body.

Every answer bears an id of its own, as those of AWS do.
"""

from __future__ import annotations

import http
import random
from typing import Any, NamedTuple, Self

import msgspec

from dataflow.protocol.faults import Fault

_JSON = b"application/x-amz-json-1.0"
_TEXT = b"text/plain; charset=utf-8"
_encode = msgspec.json.Encoder().encode


class HttpAnswer(NamedTuple):
    """What is sent to a client."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    #: What it is counted as: OK, or the name of the fault.
    code: str = "OK"

    def closing(self) -> Self:
        """The same, as the last answer on its connection."""
        return self._replace(headers=[*self.headers, (b"connection", b"close")])

    def to_bytes(self) -> bytes:
        """The whole answer, for where there is nobody else to write it."""
        lines = [
            b"HTTP/1.1 %d %b" % (self.status, http.HTTPStatus(self.status).phrase.encode()),
            *(b"%b: %b" % header for header in self.headers),
        ]
        return b"\r\n".join([*lines, b"", self.body])


def answered(answer: dict[str, Any] | None) -> HttpAnswer:
    """What an operation answers; ``None`` stands for no answer: an empty body, as AWS has it."""
    body = b"" if answer is None else _encode(answer)
    return HttpAnswer(200, _headers(_JSON, body), body)


def refused(fault: Fault) -> HttpAnswer:
    """A fault, in each of the places where the SDKs look for one."""
    body = _encode({"__type": fault.wire_type, "message": fault.message})
    code = fault.code.encode()
    told = ((b"x-amzn-errortype", code), (b"x-amzn-query-error", code))
    return HttpAnswer(fault.status, [*_headers(_JSON, body), *told], body, fault.code)


def text(status: int, words: str, content_type: bytes = _TEXT) -> HttpAnswer:
    """An answer for people, or for Prometheus."""
    body = words.encode()
    return HttpAnswer(status, _headers(content_type, body), body)


def _headers(content_type: bytes, body: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", content_type),
        (b"content-length", b"%d" % len(body)),
        (b"x-amzn-requestid", _uuid4()),
    ]


def _uuid4() -> bytes:
    # No secret, and asking the operating system would let another thread take over.
    digits = f"{random.getrandbits(128):032x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}".encode()
