"""A client that costs next to nothing: prepared requests over a raw socket that is kept open.

boto3 takes ten times as long for a call as the server does, and would be all that is measured.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any, NamedTuple

_RECEIVED = 65_536
_END = b"\r\n\r\n"
_LENGTH = b"content-length: "


class Key(NamedTuple):
    """What requests over TCP are signed with."""

    access_key_id: str
    secret: str


#: The path of a Unix socket, or a host and a port.
Address = str | tuple[str, int]


class Connection:
    """One connection; answers other than 200 are raised as `RuntimeError`."""

    def __init__(self, address: Address) -> None:
        if isinstance(address, str):
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.connect(address)
        else:
            self._socket = socket.create_connection(address)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self._socket.sendall(request)

    def receive(self) -> bytes:
        """The body of the answer."""
        received = b""
        while (end := received.find(_END)) < 0:
            received += self._more()
        # uvicorn writes the names of headers as the application gave them: in lower case.
        at = received.index(_LENGTH) + len(_LENGTH)
        body = end + len(_END)
        whole = body + int(received[at : received.index(b"\r", at)])
        while len(received) < whole:
            received += self._more()
        if not received.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(received.decode(errors="replace"))
        return received[body:]

    def _more(self) -> bytes:
        more = self._socket.recv(_RECEIVED)
        if not more:
            raise ConnectionError("the server has hung up")
        return more

    def ask(self, request: bytes) -> bytes:
        self.send(request)
        return self.receive()

    def call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """An operation over the Unix socket."""
        body = self.ask(prepared(operation, request))
        return json.loads(body) if body else {}

    def close(self) -> None:
        self._socket.close()


def prepared(operation: str, request: dict[str, Any], key: Key | None = None) -> bytes:
    """The request for an operation as it goes over the wire, signed if there is a key.

    A signature holds for some minutes, but a server may refuse to see one again after some seconds.
    """
    body = json.dumps(request)
    headers = {
        "Host": "localhost",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"SimpleWorkflowService.{operation}",
        "Content-Length": str(len(body.encode())),
    }
    if key is not None:
        headers = _signed(headers, body, key)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n{body}".encode()


def _signed(headers: dict[str, str], body: str, key: Key) -> dict[str, str]:
    # Importing botocore takes longer than most processes that do not sign have to live.
    from botocore.auth import SigV4Auth  # noqa: PLC0415
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415
    from botocore.credentials import Credentials  # noqa: PLC0415

    request = AWSRequest("POST", "http://localhost/", headers, body)
    SigV4Auth(Credentials(*key), "swf", "us-east-1").add_auth(request)
    return dict(request.headers.items())


#: Has an operation done: by its name, with its members.
Call = Callable[[str, dict[str, Any]], dict[str, Any]]
