"""Signature Version 4, with botocore as the client and AWS's own test vectors."""

import re
from dataclasses import replace
from datetime import datetime
from unittest import mock
from urllib.parse import quote

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from hypothesis import assume, given
from hypothesis import strategies as st
from signing import BODY, HEADERS, KEY_ID, NOW, SECRET, URL, find_secret, received, sign

from dataflow.engine.auth import signature
from dataflow.engine.auth.signature import Request, signing_key, verify
from dataflow.protocol.faults import (
    IncompleteSignatureException,
    InvalidSignatureException,
    MissingAuthenticationTokenException,
    UnrecognizedClientException,
)

MISMATCH = "The request signature we calculated does not match the signature you provided."


def header(request, name):
    return next(value for key, value in request.headers if key.lower() == name)


def with_header(request, name, value):
    """The request with another value of a header; None takes it away."""
    others = [pair for pair in request.headers if pair[0].lower() != name]
    return replace(request, headers=[*others, *([] if value is None else [(name, value)])])


def edited(request, old, new):
    """The request with an edited Authorization header."""
    value = header(request, b"authorization")
    changed = re.sub(old, new, value)
    assert changed != value
    return with_header(request, b"authorization", changed)


def refused(request, fault, now=NOW):
    with pytest.raises(fault) as caught:
        verify(request, find_secret, now)
    return caught.value.message


# --- what holds -----------------------------------------------------------------------------


def test_whoever_signed_is_found():
    request = sign()
    proof = verify(request, find_secret, NOW)
    assert proof.key_id == KEY_ID
    assert proof.signed_at == NOW
    assert header(request, b"authorization").endswith(proof.signature.encode())


WORDS = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1)
VALUES = st.lists(WORDS, min_size=1).flatmap(
    lambda words: st.sampled_from(["  ".join(words), " ".join(words), f" {words[0]} "])
)
NAMES = st.from_regex(r"\A[A-Za-z][A-Za-z0-9-]{0,20}\Z")
PARTS = st.lists(
    st.sampled_from(["", ".", "..", "%2F", "a%20b"])
    | st.text(max_size=8).map(lambda text: quote(text, safe="-_.~")),
    max_size=5,
)


@st.composite
def queries(draw):
    return "&".join(
        f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
        for name, value in draw(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=4))
    )


@given(
    key_id=st.from_regex(r"\A[A-Z0-9]{4,128}\Z"),
    secret=st.text(min_size=1),
    headers=st.dictionaries(NAMES, VALUES, max_size=5),
    body=st.binary(max_size=300),
    path=PARTS,
    query=queries(),
    region=st.from_regex(r"\A[a-z]{2}-[a-z]{1,9}-[1-9]\Z"),
    when=st.integers(0, 4_000_000_000),
    skew=st.integers(-300, 300),
)
def test_what_botocore_signs_holds(  # noqa: PLR0913, PLR0917 - the parts of a request
    key_id, secret, headers, body, path, query, region, when, skew
):
    lower = [name.lower() for name in headers]
    ours = ("x-amz-", "date", "host", "authorization", "content-length", "transfer-encoding")
    assume(len(set(lower)) == len(lower) and not any(n.startswith(ours) for n in lower))
    request = sign(
        key_id=key_id,
        secret=secret,
        headers={**HEADERS, **headers},
        body=body,
        url=f"{URL}{'/'.join(path)}" + (f"?{query}" if query else ""),
        region=region,
        when=when,
    )
    now = max(0, when + skew)
    assert verify(request, {key_id: secret}.get, now).key_id == key_id


@pytest.mark.parametrize("query", ["a-b=1&a=2", "a=2&a-b=1", "a=2&a=1&a", "=&a=&a", "b&a"])
def test_queries_are_sorted_by_name(query):
    assert verify(sign(url=f"{URL}?{query}"), find_secret, NOW).key_id == KEY_ID


def test_a_client_of_botocore(monkeypatch):
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    client = botocore.session.Session().create_client(
        "swf",
        region_name="eu-west-3",
        endpoint_url="http://[::1]:8250",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )
    sent = []

    def keep(request, **_):
        sent.append(request)
        raw = mock.Mock(stream=lambda: iter([b'{"taskToken": ""}']))
        return AWSResponse(request.url, 200, {}, raw)

    client.meta.events.register("before-send", keep)
    client.poll_for_activity_task(domain="d", taskList={"name": "é"})
    request = received(sent[0])
    when = datetime.fromisoformat(header(request, b"x-amz-date").decode()).timestamp()
    assert verify(request, find_secret, when).signed_at == when
    # Two polls of one second have one signature: `replays` must let the second pass.
    assert b"amz-sdk-invocation-id" in {name.lower() for name, _ in request.headers}
    assert b"invocation-id" not in header(request, b"authorization")


def test_a_header_that_came_twice_is_one_value():
    request = sign(headers={**HEADERS, "Forwarded": "a, b,c"})
    parts = [(b"Forwarded", b"a, b"), (b"forwarded", b" c")]
    split = replace(request, headers=[*with_header(request, b"forwarded", None).headers, *parts])
    assert verify(split, find_secret, NOW).key_id == KEY_ID
    assert MISMATCH in refused(
        replace(split, headers=split.headers[::-1]), InvalidSignatureException
    )


def test_headers_that_were_not_signed_do_not_matter():
    request = sign()
    request = replace(
        request, headers=[*request.headers, (b"Via", b"\xff"), (b"X-Amzn-Trace-Id", b"1")]
    )
    assert verify(with_header(request, b"user-agent", b"Boto4"), find_secret, NOW)


# --- AWS's vectors --------------------------------------------------------------------------

EXAMPLE = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
EXAMPLE_NOW = 1_440_938_160  # 20150830T123600Z


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("20120215", "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d"),
        ("20150830", "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"),
    ],
)
def test_the_signing_keys_of_the_documentation(date, expected):
    assert signing_key(EXAMPLE, date, "us-east-1", "iam").hex() == expected


@pytest.mark.parametrize(
    ("method", "query", "headers", "body", "expected"),
    [
        # get-vanilla
        (
            "GET",
            b"",
            [],
            b"",
            "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        ),
        # post-vanilla
        (
            "POST",
            b"",
            [],
            b"",
            "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        ),
        # get-vanilla-query-order-key-case
        (
            "GET",
            b"Param2=value2&Param1=value1",
            [],
            b"",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        # get-header-key-duplicate
        (
            "GET",
            b"",
            [(b"My-Header1", b"value2"), (b"My-Header1", b"value2"), (b"My-Header1", b"value1")],
            b"",
            "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
        ),
        # get-header-value-trim
        (
            "GET",
            b"",
            [(b"My-Header1", b" value1"), (b"My-Header2", b' "a   b   c"')],
            b"",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
        # post-x-www-form-urlencoded
        (
            "POST",
            b"",
            [(b"Content-Type", b"application/x-www-form-urlencoded")],
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_the_suite_of_aws(monkeypatch, method, query, headers, body, expected):
    monkeypatch.setattr(signature, "_SERVICE", "service")
    headers = [
        (b"Host", b"example.amazonaws.com"),
        *headers,
        (b"X-Amz-Date", b"20150830T123600Z"),
    ]
    signed = b";".join(sorted({name.lower() for name, _ in headers}))
    authorization = (
        b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        b"SignedHeaders=%s, Signature=%s" % (signed, expected.encode())
    )
    request = Request(
        method=method,
        path=b"/",
        query=query,
        headers=[*headers, (b"Authorization", authorization)],
        body=body,
    )
    assert verify(request, {"AKIDEXAMPLE": EXAMPLE}.get, EXAMPLE_NOW).signature == expected


# --- what does not hold ---------------------------------------------------------------------

TAMPERED = {
    "body": lambda r: replace(r, body=r.body.replace(b'"d"', b'"e"')),
    "no body": lambda r: replace(r, body=b""),
    "longer body": lambda r: replace(r, body=r.body + b" "),
    "method": lambda r: replace(r, method="PUT"),
    "path": lambda r: replace(r, path=b"/x"),
    "encoded path": lambda r: replace(r, path=b"/%2F"),
    "query": lambda r: replace(r, query=b"a=b"),
    "target": lambda r: with_header(r, b"x-amz-target", b"SimpleWorkflowService.ListDomains"),
    "host": lambda r: with_header(r, b"host", b"localhost:8251"),
    "date": lambda r: with_header(r, b"x-amz-date", b"20260301T000001Z"),
    "second target": lambda r: replace(r, headers=[*r.headers, (b"x-amz-target", b"x")]),
    "region": lambda r: edited(r, b"/us-east-1/", b"/us-east-2/"),
    "signature": lambda r: edited(r, b"Signature=.", b"Signature=x"),
    "upper case": lambda r: edited(r, b"(?<=Signature=).*", lambda m: m[0].upper()),
    "short signature": lambda r: edited(r, b"Signature=(.*).", rb"Signature=\1"),
    "unsigned header": lambda r: edited(r, b"SignedHeaders=content-type;", b"SignedHeaders="),
}


@pytest.mark.parametrize("part", TAMPERED)
def test_tampering(part):
    assert refused(TAMPERED[part](sign()), InvalidSignatureException).startswith(MISMATCH)


@given(st.data())
def test_any_other_body(data):
    body = bytearray(BODY)
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    refused(replace(sign(), body=bytes(body)), InvalidSignatureException)


def test_a_wrong_secret():
    assert MISMATCH in refused(sign(secret="x" * 40), InvalidSignatureException)


@pytest.mark.parametrize("secret", [SECRET, "", "-" * 40, signature._NOBODYS_SECRET])
def test_an_unknown_key(secret):
    message = refused(
        sign(key_id="DFBBBBBBBBBBBBBBBBBB", secret=secret), UnrecognizedClientException
    )
    assert message == "The security token included in the request is invalid."


def test_an_unknown_key_costs_the_work_of_a_known_one(monkeypatch):
    derived, compared = [], []
    monkeypatch.setattr(signature, "signing_key", lambda *a: derived.append(a) or signing_key(*a))
    compare = signature.hmac.compare_digest
    monkeypatch.setattr(
        signature.hmac, "compare_digest", lambda *a: compared.append(a) or compare(*a)
    )
    verify(sign(), find_secret, NOW)
    refused(sign(key_id="X"), UnrecognizedClientException)
    assert [len(secret) for secret, *_ in derived] == [40, 40]
    assert [[len(text) for text in pair] for pair in compared] == [[64, 64], [64, 64]]


def test_signing_keys_that_are_remembered_are_bounded():
    signing_key.cache_clear()
    for n in range(1_000):
        refused(sign(key_id="X", region=f"r{n}"), UnrecognizedClientException)
    assert signing_key.cache_info().currsize <= 256


@pytest.mark.parametrize(
    ("off", "earlier", "now"),
    [
        (300.5, "20260301T000000Z", "20260301T000500Z"),
        (301, "20260301T000001Z", "20260301T000501Z"),
        (86_400, "20260301T235500Z", "20260302T000000Z"),
    ],
)
def test_a_signature_that_is_too_old(off, earlier, now):
    assert refused(sign(), InvalidSignatureException, NOW + off) == (
        f"Signature expired: 20260301T000000Z is now earlier than {earlier} ({now} - 5 min.)"
    )


def test_a_signature_from_the_future():
    assert refused(sign(), InvalidSignatureException, NOW - 301) == (
        "Signature not yet current: 20260301T000000Z is still later than 20260228T235959Z "
        "(20260228T235459Z + 5 min.)"
    )


def test_the_body_that_is_claimed():
    headers = {**HEADERS, "X-Amz-Content-SHA256": signature.hashlib.sha256(BODY).hexdigest()}
    assert verify(sign(headers=headers), find_secret, NOW)
    other = "The provided 'x-amz-content-sha256' header does not match what was computed."
    tampered = replace(sign(headers=headers), body=b"{}")
    assert refused(tampered, InvalidSignatureException) == other
    for claim in ("UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", ""):
        headers["X-Amz-Content-SHA256"] = claim
        assert refused(sign(headers=headers), InvalidSignatureException) == other


@pytest.mark.parametrize("name", ["host", "x-amz-date", "x-amz-target"])
def test_what_must_be_signed(name):
    # It may even be honest: whoever can take a header out of the list could do so for others.
    request = edited(sign(), rb"[;]%s\b" % name.encode(), b"")
    message = refused(request, InvalidSignatureException)
    assert message == f"'{name}' must be a 'SignedHeader' in the AWS Authorization."


def test_a_target_that_was_slipped_in():
    request = sign(headers={"Content-Type": "application/x-amz-json-1.0"})
    assert verify(request, find_secret, NOW)
    request = with_header(request, b"x-amz-target", b"SimpleWorkflowService.DeprecateDomain")
    message = refused(request, InvalidSignatureException)
    assert message == "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."


def test_a_signed_header_that_was_taken_out():
    for name in (b"content-type", b"host", b"x-amz-target"):
        message = refused(with_header(sign(), name, None), InvalidSignatureException)
        assert message == f"The header '{name.decode()}' was signed and has not arrived."


@pytest.mark.parametrize(
    ("old", "new", "start"),
    [
        (b"/20260301/", b"/20260302/", "Date in Credential scope does not match YYYYMMDD"),
        (b"/swf/", b"/sqs/", "Credential should be scoped to correct service: 'swf'."),
        (b"/aws4_request", b"/aws5_request", "Credential should be scoped with a valid term"),
    ],
)
def test_the_scope(old, new, start):
    assert refused(edited(sign(), old, new), InvalidSignatureException).startswith(start)


def test_a_signature_for_another_service():
    message = refused(sign(service="sqs"), InvalidSignatureException)
    assert message == "Credential should be scoped to correct service: 'swf'."


# --- what is no signature -------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, b"", b"  "])
def test_no_signature(value):
    request = with_header(sign(), b"authorization", value)
    message = refused(request, MissingAuthenticationTokenException)
    assert message == "Missing Authentication Token"


def test_a_signature_in_the_query_is_none():
    request = replace(sign(), query=b"X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00")
    refused(with_header(request, b"authorization", None), MissingAuthenticationTokenException)


@pytest.mark.parametrize(
    ("old", "new", "start"),
    [
        (rb"AWS4-HMAC-SHA256", b"AWS4-HMAC-SHA512", "Unsupported AWS 'algorithm'"),
        (rb".*", b"Basic c2VjcmV0", "Unsupported AWS 'algorithm'"),
        (rb"Credential=[^,]*, ", b"", "Authorization header requires 'Credential' parameter."),
        (rb"=DF[^,]*, ", b"=, ", "Authorization header requires 'Credential' parameter."),
        (rb", Signature=.*", b"", "Authorization header requires 'Signature' parameter."),
        (rb"SignedHeaders", b"SignedHeader", "Authorization header has an unexpected 'SignedHead"),
        (rb"Signature=", b"Signature", "'Signature"),
        (rb"Signature=", b"Signature=0, Signature=", "Authorization header has an unexpected 'Sig"),
        (rb"/swf/aws4_request", b"/aws4_request", "Credential must have exactly 5"),
        (rb"Credential=", b"Credential=a/", "Credential must have exactly 5"),
        (rb"=content-type;host", b"=host;content-type", "SignedHeaders must be in lower case"),
        (rb"=content-type", b"=Content-Type", "SignedHeaders must be in lower case"),
        (rb"host;", b"host;host;", "SignedHeaders must be in lower case"),
        (rb"Credential=DF", b"Credential=\xff", "Header 'authorization' is not ASCII."),
    ],
)
def test_half_a_signature(old, new, start):
    request = sign()
    value = re.sub(old, new, header(request, b"authorization"), count=1)
    request = with_header(request, b"authorization", value)
    message = refused(request, IncompleteSignatureException)
    assert message.startswith(start)
    assert "c2VjcmV0" not in message


def test_everything_that_is_missing_is_named():
    request = with_header(sign(), b"authorization", b"AWS4-HMAC-SHA256 Credential=a/b/c/d/e")
    assert refused(request, IncompleteSignatureException) == (
        "Authorization header requires 'SignedHeaders' parameter. "
        "Authorization header requires 'Signature' parameter."
    )


@pytest.mark.parametrize("name", [b"authorization", b"x-amz-date"])
def test_a_header_that_must_not_come_twice(name):
    request = sign()
    request = replace(request, headers=[*request.headers, (name, header(request, name))])
    message = refused(request, IncompleteSignatureException)
    assert message == f"More than one header '{name.decode()}'."


@pytest.mark.parametrize(
    "date",
    [
        b"",
        b"20260301",
        b"2026-03-01T00:00",
        b"20260301t000000Z",
        b"20260301T000000+",
        b"20260230T000000Z",
        b"20260301T256000Z",
        b"2026W091T000000Z",
        b"Sun, 01 Mar 2026 00:00:00 GMT",
    ],
)
def test_dates_that_are_none(date):
    message = refused(with_header(sign(), b"x-amz-date", date), IncompleteSignatureException)
    assert message.startswith("Date must be in ISO-8601 'basic format'")


def test_no_date():
    message = refused(with_header(sign(), b"x-amz-date", None), IncompleteSignatureException)
    assert message == "Authorization header requires existence of a 'X-Amz-Date' header."


@given(st.binary() | st.binary().map(lambda tail: b"AWS4-HMAC-SHA256 " + tail))
def test_whatever_stands_in_the_header_is_refused(value):
    refused(
        with_header(sign(), b"authorization", value),
        (IncompleteSignatureException, MissingAuthenticationTokenException),
    )
