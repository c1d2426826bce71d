"""What we sign against what botocore signs, and against the server that verifies it."""

from datetime import UTC, datetime
from unittest import mock

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from dataflow.client.signing import CONTENT_TYPE, Credentials, signature
from dataflow.engine.auth.signature import Request, verify
from dataflow.errors import UsageError
from dataflow.protocol.faults import (
    InvalidSignatureException,
    UnrecognizedClientException,
)

KEY = Credentials("DFAAAAAAAAAAAAAAAAAA", "s/e+c" * 8)
#: 2026-03-01T00:00:00Z
NOW = 1_772_323_200
TARGET = b"SimpleWorkflowService.PollForActivityTask"
WHAT = {"host": "localhost:8250", "target": TARGET, "body": b"{}", "region": "us-east-1"}


def lines(signed):
    """The headers by name, in lower case."""
    assert signed.endswith(b"\r\n")
    pairs = [line.split(b": ", 1) for line in signed.decode().encode().split(b"\r\n")[:-1]]
    return {name.decode(): value.decode() for name, value in pairs}


def as_botocore_signs(key, *, host, target, body, region, now):
    request = AWSRequest(
        method="POST",
        url=f"http://{host}/",
        headers={"Content-Type": CONTENT_TYPE.decode(), "X-Amz-Target": target.decode()},
        data=body,
    )
    time = datetime.fromtimestamp(now, UTC).replace(tzinfo=None)
    boto = BotoCredentials(key.key_id, key.secret, key.token)
    with mock.patch("botocore.auth.get_current_datetime", return_value=time):
        SigV4Auth(boto, "swf", region).add_auth(request)
    names = ("Authorization", "X-Amz-Date", "X-Amz-Security-Token")
    return {name.lower(): request.headers[name] for name in names if name in request.headers}


def received(signed, *, host=WHAT["host"], target=TARGET, body=b"{}"):
    """The request as a server reads it from its socket."""
    headers = {"host": host, "content-type": CONTENT_TYPE.decode(), **lines(signed)}
    headers["x-amz-target"] = target.decode()
    return Request(
        method="POST",
        path=b"/",
        query=b"",
        headers=[(name.encode(), value.encode()) for name, value in headers.items()],
        body=body,
    )


printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1)
# What has a meaning in a scope or in the header is in no id.
ids = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=1)
keys = st.builds(Credentials, ids, printable, st.none() | printable)


@given(
    key=keys,
    host=st.sampled_from(["localhost", "localhost:8250", "[::1]:8250", "a-b.example:65535"]),
    target=st.sampled_from([TARGET, b"SimpleWorkflowService.ListDomains"]),
    body=st.binary(),
    region=st.sampled_from(["us-east-1", "eu-central-1", "local"]),
    now=st.floats(0, 4_102_444_800),
)
def test_it_is_the_signature_of_botocore(key, **what):
    assert lines(signature(key, **what)) == as_botocore_signs(key, **what)


@given(
    key=keys, body=st.binary(), region=st.sampled_from(["us-east-1", "x"]), now=st.integers(0, NOW)
)
def test_the_server_knows_who_has_signed(key, body, region, now):
    signed = signature(key, **{**WHAT, "body": body, "region": region}, now=now)
    proof = verify(received(signed, body=body), {key.key_id: key.secret}.get, now)
    assert (proof.key_id, proof.signed_at) == (key.key_id, now)


@pytest.mark.parametrize(
    "change", [{"host": "localhost:8251"}, {"target": TARGET + b"s"}, {"body": b"{ }"}]
)
def test_what_is_signed_cannot_be_changed(change):
    signed = signature(KEY, **WHAT, now=NOW)
    with pytest.raises(InvalidSignatureException):
        verify(received(signed, **change), {KEY.key_id: KEY.secret}.get, NOW)


def test_the_secret_and_the_id_both_matter():
    signed = received(signature(KEY, **WHAT, now=NOW))
    with pytest.raises(InvalidSignatureException):
        verify(signed, {KEY.key_id: "another"}.get, NOW)
    with pytest.raises(UnrecognizedClientException):
        verify(signed, {}.get, NOW)


def test_the_key_of_a_day_is_not_that_of_the_next():
    for now in (NOW - 1, NOW, NOW + 86_400):
        assert lines(signature(KEY, **WHAT, now=now)) == as_botocore_signs(KEY, **WHAT, now=now)


@pytest.mark.parametrize("odd", ["", "a b", "a\r\nb: c", "a\n", "ä", "\x7f"])
@pytest.mark.parametrize("part", ["key_id", "secret", "token"])
def test_what_cannot_be_a_key_is_refused_and_not_shown(part, odd):
    parts = {"key_id": "A", "secret": "S", "token": "T", part: odd}
    with pytest.raises(UsageError, match="has a space, an odd character or nothing") as refused:
        Credentials(**parts)
    assert not odd or repr(odd)[1:-1] not in str(refused.value).replace("has a space", "")


def test_a_secret_is_not_shown():
    shown = repr(Credentials("ID", "sesame", "tokened"))
    assert "ID" in shown
    assert "sesame" not in shown
    assert "tokened" not in shown
