"""The store on S3, against moto's server, and against what S3 answers on bad days."""

import re
import time

import boto3
import pytest

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.storage.s3 import S3Store

NAME = "ab" * 32


def test_an_object(store, bucket, server):
    store.put(NAME, b"data")
    assert store.get(NAME) == b"data"
    assert server.requests == [f"PUT /{bucket}/flows/{NAME}", f"GET /{bucket}/flows/{NAME}"]


def test_without_a_prefix(bucket, server):
    S3Store(bucket).put(NAME, b"data")
    assert server.requests == [f"PUT /{bucket}/{NAME}"]


def test_what_is_there_is_not_overwritten(store, server):
    store.put(NAME, b"first")
    store.put(NAME, b"second")
    assert store.get(NAME) == b"first"
    assert server.headers[0]["HTTP_IF_NONE_MATCH"] == "*"
    assert [request.split()[0] for request in server.requests] == ["PUT", "PUT", "HEAD", "GET"]


def test_what_is_written_again_is_young_again(bucket, server):
    S3Store(bucket).put(NAME, b"data")
    server.headers.clear()
    S3Store(bucket, now=lambda: time.time() + 25 * 3600).put(NAME, b"data")
    assert server.headers[-1]["HTTP_X_AMZ_COPY_SOURCE"] == f"{bucket}/{NAME}"
    assert S3Store(bucket).get(NAME) == b"data"


def test_what_may_not_be_made_young_stays_as_it_is(bucket, server):
    S3Store(bucket).put(NAME, b"data")
    server.refuse("412 Precondition Failed", "PreconditionFailed")
    server.refuse("403 Forbidden", "AccessDenied", method="HEAD")
    S3Store(bucket).put(NAME, b"data")


def test_what_is_deleted_while_it_is_written_again_is_there_all_the_same(store, server):
    server.refuse("412 Precondition Failed", "PreconditionFailed")
    store.put(NAME, b"data")
    assert [request.split()[0] for request in server.requests] == ["PUT", "HEAD", "PUT"]
    assert store.get(NAME) == b"data"


def test_what_passes_while_an_object_is_made_young(store, server, pauses):
    store.put(NAME, b"data")
    server.refuse("412 Precondition Failed", "PreconditionFailed")
    server.refuse("503 Slow Down", "SlowDown", method="HEAD")
    store.put(NAME, b"data")
    assert len(pauses) == 1


def test_an_endpoint_without_conditions(store, server):
    for n in range(2):
        if n == 0:
            server.refuse("501 Not Implemented", "NotImplemented")
        store.put(NAME, b"first")
    store.put(NAME[::-1], b"second")
    verbs = [request.split()[0] for request in server.requests]
    assert verbs == ["PUT", "HEAD", "PUT", "HEAD", "HEAD", "PUT"]
    assert store.get(NAME) == b"first"


def test_who_may_write_and_not_read(store, server):
    server.refuse("501 Not Implemented", "NotImplemented")
    server.refuse("403 Forbidden", "AccessDenied", method="HEAD")
    store.put(NAME, b"data")
    assert store.get(NAME) == b"data"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("503 Slow Down", "SlowDown"),
        ("500 Internal Server Error", "InternalError"),
        ("400 Bad Request", "RequestTimeout"),
        ("409 Conflict", "ConditionalRequestConflict"),
        ("429 Too Many Requests", "TooManyRequests"),
    ],
)
def test_what_passes_is_asked_for_again(store, server, pauses, status, code):
    server.refuse(status, code, times=2)
    store.put(NAME, b"data")
    server.refuse(status, code, times=2)
    assert store.get(NAME) == b"data"
    assert len(pauses) == 4
    assert all(0.1 < pause < 1 for pause in pauses)


def test_throttled_for_long(store, server, bucket, pauses):
    server.refuse("503 Slow Down", "SlowDown", times=5)
    with pytest.raises(PayloadUnavailable) as caught:
        store.put(NAME, b"data")
    assert type(caught.value) is PayloadUnavailable  # the name that users see
    assert str(caught.value) == (
        f"the bucket {bucket} cannot be reached now (SlowDown: as the test says)"
    )
    assert len(pauses) == 4
    assert pauses[-1] > 1


def test_an_answer_that_breaks_off(store, server, pauses):
    store.put(NAME, b"data")
    server.break_off()
    assert store.get(NAME) == b"data"
    assert len(pauses) == 1


def test_nobody_there(bucket, monkeypatch, pauses):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    store = S3Store(bucket, sleep=pauses.append)
    with pytest.raises(PayloadUnavailable, match=f"the bucket {bucket} cannot be reached now"):
        store.get(NAME)
    assert len(pauses) == 4


def refused(call, *arguments, kind=PayloadError):
    with pytest.raises(PayloadError) as caught:
        call(*arguments)
    assert type(caught.value) is kind
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_an_upload_that_was_lost(store, bucket, pauses):
    assert refused(store.get, NAME) == (
        f"there is no object flows/{NAME} in the bucket {bucket}: it was deleted, perhaps by a "
        "lifecycle rule of the bucket, or never arrived"
    )
    assert pauses == []


def test_no_bucket(server, pauses):
    store = S3Store("nobody-s-bucket", sleep=pauses.append)
    line = (
        "there is no bucket nobody-s-bucket: create it, or name another one in "
        "DATAFLOW_JUMBO_FIELDS_BUCKET"
    )
    assert refused(store.get, NAME) == line
    assert refused(store.put, NAME, b"data") == line
    assert pauses == []


def test_no_bucket_of_an_endpoint_without_conditions(server):
    server.refuse("501 Not Implemented", "NotImplemented")
    store = S3Store("nobody-s-bucket")
    assert refused(store.put, NAME, b"data").startswith("there is no bucket nobody-s-bucket")


def test_access_denied(store, server, bucket, pauses):
    for call in (store.get, lambda name: store.put(name, b"data")):
        server.refuse("403 Forbidden", "AccessDenied")
        line = refused(call, NAME)
        assert line.startswith(
            f"the bucket {bucket} denies access to flows/{NAME} (AccessDenied: as the test says): "
            "allow s3:GetObject and s3:PutObject on it"
        )
    assert pauses == []


@pytest.mark.parametrize("code", ["ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch"])
def test_credentials_that_are_not_accepted(store, server, code):
    server.refuse("403 Forbidden", code)
    line = refused(store.get, NAME, kind=PayloadUnavailable)
    assert line.startswith(f"S3 does not accept the credentials ({code}: as the test says): `aws ")


def test_no_credentials(store, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    line = refused(store.get, NAME, kind=PayloadUnavailable)
    assert re.search("cannot be used: Unable to locate credentials: `aws sts", line)


def test_an_endpoint_that_is_no_url(monkeypatch, bucket):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "nonsense")
    line = refused(S3Store(bucket).get, NAME, kind=PayloadUnavailable)
    assert line == "S3 cannot be used: Invalid endpoint: nonsense"


def test_what_the_bucket_refuses(store, server, bucket):
    server.refuse("400 Bad Request", "EntityTooLarge")
    line = refused(store.put, NAME, b"data")
    assert line == f"the bucket {bucket} refuses flows/{NAME} (EntityTooLarge: as the test says)"


def test_a_request_that_cannot_be(bucket):
    assert "cannot be used" in refused(S3Store(f"{bucket}!").get, NAME)


def test_many_threads_have_one_client(store, server, monkeypatch):
    made = []
    session = boto3.session.Session

    def count():
        made.append(1)
        return session()

    monkeypatch.setattr(boto3.session, "Session", count)
    store.put(NAME, b"data")
    store.get(NAME)
    assert made == [1]
