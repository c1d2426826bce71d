"""Requests as clients sign them and servers receive them; botocore signs."""

from datetime import UTC, datetime
from unittest import mock
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from dataflow.engine.auth.signature import Request

KEY_ID = "DFAAAAAAAAAAAAAAAAAA"
SECRET = "s-e_c" * 8
#: 2026-03-01T00:00:00Z
NOW = 1_772_323_200
URL = "http://localhost:8250/"
HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    "X-Amz-Target": "SimpleWorkflowService.PollForActivityTask",
    "User-Agent": "Boto3",
}
BODY = b'{"domain":"d","taskList":{"name":"l"}}'


def find_secret(key_id):
    return {KEY_ID: SECRET}.get(key_id)


def sign(  # noqa: PLR0913 - the parts of a request
    *,
    key_id=KEY_ID,
    secret=SECRET,
    method="POST",
    url=URL,
    headers=HEADERS,
    body=BODY,
    region="us-east-1",
    service="swf",
    when=NOW,
):
    """What arrives, if botocore signs this."""
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    time = datetime.fromtimestamp(when, UTC).replace(tzinfo=None)
    with mock.patch("botocore.auth.get_current_datetime", return_value=time):
        SigV4Auth(Credentials(key_id, secret), service, region).add_auth(request)
    return received(request.prepare())


def received(prepared):
    """The request as a server reads it from its socket."""
    url = urlsplit(prepared.url)
    headers = [
        (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in prepared.headers.items()
    ]
    body = prepared.body or b""
    return Request(
        method=prepared.method,
        path=url.path.encode(),
        query=url.query.encode(),
        headers=[(b"Host", url.netloc.encode()), *headers],
        body=body if isinstance(body, bytes) else body.encode(),
    )
