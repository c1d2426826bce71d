"""What a client is answered, byte for byte: results, faults, and requests that are none."""

import logging
import re
import uuid
from contextlib import suppress

import pytest
from running_server import Client, describe, post, request

from dataflow.engine.http import app
from dataflow.engine.http.connections import _OneWrite
from dataflow.protocol import faults

# --- results ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("some", {"name": "some"}),
        ("thread", {"name": "thread"}),
        ("later", {"read in": "a thread"}),
    ],
)
def test_an_answer_whether_it_comes_at_once_or_from_a_thread_or_from_disk(client, name, answer):
    got = client.ask(describe(name))
    assert (got.status, got.json) == (200, answer)
    assert got.headers["content-type"] == "application/x-amz-json-1.0"


def test_an_operation_without_an_answer_has_an_empty_body(client, service):
    body = b'{"name": "d", "workflowExecutionRetentionPeriodInDays": "1"}'
    got = client.ask(post("RegisterDomain", body))
    assert (got.status, got.body) == (200, b"")
    ((operation, caller),) = service.submitted
    assert operation.name == "d"
    assert caller.key_id == ""


def test_a_long_answer(client):
    assert client.ask(describe("long")).json == {"text": "x" * 8_000_000}


def test_each_answer_has_a_random_id_and_the_date(client):
    answers = [client.ask(describe(name)) for name in ("a", "b", "fault")]
    ids = {uuid.UUID(answer.headers["x-amzn-requestid"]) for answer in answers}
    assert len(ids) == 3
    assert {each.version for each in ids} == {4}
    assert {each.variant for each in ids} == {uuid.RFC_4122}
    for answer in answers:
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", answer.headers["date"])


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-amz-json-1.0",
        "application/x-amz-json-1.1",
        "application/x-amz-json-1.0; charset=utf-8",
        "Application/X-Amz-JSON-1.0 ;charset=UTF-8",
    ],
)
def test_content_types(client, kind):
    assert client.ask(post("DescribeDomain", b'{"name": "x"}', kind=kind)).status == 200


# --- faults -------------------------------------------------------------------------------


def test_a_fault_of_the_service(client):
    got = client.ask(describe("fault"))
    assert (got.status, got.fault) == (400, "UnknownResourceFault")
    assert got.json == {
        "__type": "com.amazonaws.swf.base.model#UnknownResourceFault",
        "message": "Unknown domain: fault",
    }
    assert got.headers["content-type"] == "application/x-amz-json-1.0"
    assert client.ask(describe("x")).status == 200


JSON = "content-type: application/x-amz-json-1.0"
UNKNOWN = "UnknownOperationException"
OTHER_SERVICE = "x-amz-target: DynamoDB_20120810.GetItem"
REFUSED = {
    "unknown operation": (post("DescribeDomains"), 400, UNKNOWN),
    "of another service": (request(OTHER_SERVICE, JSON, body=b"{}"), 400, UNKNOWN),
    "no service": (request("x-amz-target: DescribeDomain", JSON, body=b"{}"), 400, UNKNOWN),
    "no target": (request(JSON, body=b"{}"), 400, UNKNOWN),
    "target in Latin-1": (request("x-amz-target: \xe9", JSON, body=b"{}"), 400, UNKNOWN),
    "a form": (post("DescribeDomain", kind="application/x-www-form-urlencoded"), 404, UNKNOWN),
    "GET": (b"GET / HTTP/1.1\r\n\r\n", 404, UNKNOWN),
    "PUT": (request(method="PUT / HTTP/1.1", body=b"1"), 404, UNKNOWN),
    "another path": (request(method="POST /swf HTTP/1.1"), 404, UNKNOWN),
    "POST to a page": (request(method="POST /metrics HTTP/1.1"), 404, UNKNOWN),
    "no JSON": (post("DescribeDomain", b"{"), 400, "SerializationException"),
    "no UTF-8": (post("DescribeDomain", b'{"name": "\xff"}'), 400, "SerializationException"),
    "a list": (post("DescribeDomain", b"[]"), 400, "SerializationException"),
    "deep": (post("DescribeDomain", b"[" * 900_000), 400, "SerializationException"),
    "half a pair": (post("DescribeDomain", rb'{"name": "\ud800"}'), 400, "SerializationException"),
    "wrong type": (post("DescribeDomain", b'{"name": 1}'), 400, "SerializationException"),
    "missing member": (post("DescribeDomain", b"{}"), 400, "ValidationException"),
    "no body": (post("DescribeDomain", b""), 400, "ValidationException"),
    "too long a name": (describe("x" * 257), 400, "ValidationException"),
}


@pytest.mark.parametrize("which", REFUSED)
def test_requests_that_are_refused(client, service, which):
    refused, status, fault = REFUSED[which]
    got = client.ask(refused)
    assert (got.status, got.fault) == (status, fault)
    assert uuid.UUID(got.headers["x-amzn-requestid"])
    assert service.submitted == []
    assert client.ask(describe("x")).status == 200  # the connection is as good as before


def test_what_fails_in_us_is_logged_and_told(client, caplog):
    got = client.ask(describe("bug"))
    assert (got.status, got.fault) == (500, "InternalFailure")
    assert b"bug in" not in got.body
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.message == "DescribeDomain failed"
    assert "a bug in the service" in str(record.exc_info[1])
    assert client.ask(describe("x")).status == 200


def test_a_disk_that_fails_while_an_answer_is_read(client, caplog):
    assert client.ask(describe("worse")).fault == "InternalFailure"
    assert "the disk is gone" in caplog.text
    caplog.clear()


# --- too much -----------------------------------------------------------------------------


def test_a_body_that_says_it_is_too_long_is_not_read(client, service):
    client.send(
        b"POST / HTTP/1.1\r\nx-amz-target: SimpleWorkflowService.DescribeDomain\r\n"
        b"content-type: application/x-amz-json-1.0\r\ncontent-length: 1000001\r\n\r\n"
    )
    got = client.answer()
    assert (got.status, got.fault) == (413, "RequestEntityTooLargeException")
    assert got.headers["connection"] == "close"
    client.send(b"x" * 1_000_001)
    assert client.ended()
    assert service.submitted == []


def test_a_client_that_sends_before_it_reads_gets_its_answer(client):
    got = client.ask(post("DescribeDomain", b"x" * 3_000_000))
    assert (got.status, got.fault) == (413, "RequestEntityTooLargeException")
    assert client.ended()


def chunked(*chunks):
    return (
        b"POST / HTTP/1.1\r\nx-amz-target: SimpleWorkflowService.DescribeDomain\r\n"
        b"content-type: application/x-amz-json-1.0\r\ntransfer-encoding: chunked\r\n\r\n"
        + b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    )


def test_chunks(client):
    assert client.ask(chunked(b'{"na', b'me": ', b'"x"}', b"")).json == {"name": "x"}
    assert client.ask(describe("y")).json == {"name": "y"}


def test_the_longest_body_in_chunks(client):
    padding = b" " * (1_000_000 - len(b'{"name": "x"}'))
    assert client.ask(chunked(padding, b'{"name": "x"}', b"")).json == {"name": "x"}


def test_chunks_without_end(client, service):
    client.send(chunked(*[b"x" * 1000] * 1049))
    got = client.answer()
    assert (got.status, got.fault) == (413, "RequestEntityTooLargeException")
    client.send(b"0\r\n\r\n")
    assert client.ended()
    assert service.submitted == []


def test_a_client_that_does_not_stop_sending_is_cut_off(client, monkeypatch):
    monkeypatch.setattr(app, "MOST_REST", 100_000)
    monkeypatch.setattr(app, "REST_SECONDS", 1_000)
    assert client.ask(chunked(*[b"x" * 1000] * 1100)).status == 413
    with suppress(OSError):
        client.send(b"3e8\r\n%b\r\n" % (b"x" * 1000) * 1000)
    assert client.ended()


def test_a_client_that_stops_in_a_body_that_was_refused_is_not_waited_for(client, monkeypatch):
    monkeypatch.setattr(app, "REST_SECONDS", 0.01)
    client.send(chunked(*[b"x" * 1000] * 1049))
    assert client.answer().status == 413
    assert client.ended()


# --- no HTTP ------------------------------------------------------------------------------

POST = b"POST / HTTP/1.1\r\n"
NO_HTTP = {
    "garbage": b"hello\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "CONNECT": b"CONNECT host:80 HTTP/1.1\r\n\r\n",
    "no path": b"POST \xe9 HTTP/1.1\r\n\r\n",
    "a path in Latin-1": b"POST /\xe9 HTTP/1.1\r\n\r\n",
    "negative length": POST + b"content-length: -1\r\n\r\n",
    "length in words": POST + b"content-length: ten\r\n\r\n",
    "length with sign": POST + b"content-length: +1\r\n\r\n",
    "length without end": POST + b"content-length: " + b"9" * 30 + b"\r\n\r\n",
    "two lengths": POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
    "both lengths": POST + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n",
    "chunks that are none": chunked() + b"x\r\n",
    "a header without a name": POST + b": 1\r\n\r\n",
    "a NUL": POST + b"a: \x00\r\n\r\n",
    "a folded header": POST + b"a: 1\r\n b\r\n\r\n",
}


@pytest.mark.parametrize("which", NO_HTTP)
def test_what_is_no_http(client, service, which):
    got = client.ask(NO_HTTP[which])
    assert 400 <= got.status < 500
    if got.headers.get("connection") == "close":
        assert (got.status, got.fault) == (400, "BadRequestException")
        assert client.ended()
    assert service.submitted == []


def test_what_is_no_http_behind_a_request_that_was_refused(client):
    got = client.ask(b"POST /nowhere HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n")
    assert got.status == 404
    client.send(b"no chunk\r\n")
    assert client.ended()  # and nothing that could be taken for the answer to the next one


@pytest.mark.parametrize(
    "start",
    [b"GET /" + b"x" * 70_000, POST + b"a: " + b"x" * 70_000, POST + b"a: 1\r\n" * 12_000],
    ids=["a path", "a header", "headers"],
)
def test_headers_without_end(client, start):
    got = client.ask(start)  # of just so many bytes that all of them are read
    assert (got.status, got.fault) == (431, "BadRequestException")
    assert client.ended()


def test_headers_that_are_long_and_no_more(client):
    long = "a: " + "x" * 50_000
    assert client.ask(post("DescribeDomain", b'{"name": "x"}', long)).status == 200


@pytest.mark.parametrize(
    "end",
    [b"0\r\na: " + b"x" * 400_000, b"0\r\n" + b"a: 1\r\n" * 70_000, b"1;a=" + b"x" * 400_000],
    ids=["a trailer", "trailers", "the extension of a chunk"],
)
def test_what_has_no_end_behind_a_body(client, service, end):
    with suppress(OSError):  # it may be refused before all is sent
        client.send(chunked(b'{"name": "x"}') + end)
    with suppress(ConnectionResetError):
        assert client.answer().status == 431
    assert client.ended()
    assert service.submitted == []


def test_a_trailer_is_no_header(client, service):
    end = b"0\r\nx-amz-target: SimpleWorkflowService.DeprecateDomain\r\n\r\n"
    assert client.ask(chunked(b'{"name": "x"}') + end).json == {"name": "x"}


# --- connections --------------------------------------------------------------------------


def test_requests_may_come_before_their_answers_are_read(client):
    names = [f"n{n}" for n in range(16)]
    client.send(b"".join(map(describe, names)))
    assert [client.answer().json["name"] for _ in names] == names


def test_answers_come_in_the_order_of_the_requests(client, service):
    client.send(describe("hold") + describe("x") + describe("hold") + describe("y"))
    for n in range(2):
        service.wait_for(lambda: service.held)
        assert len(service.submitted) == 2 * n + 1
        service.held.pop()({"name": f"held {n}"})
    told = [client.answer().json["name"] for _ in range(4)]
    assert told == ["held 0", "x", "held 1", "y"]


def test_a_request_in_small_pieces(client):
    for byte in describe("x") * 2:
        client.send(bytes([byte]))
    assert [client.answer().status, client.answer().status] == [200, 200]


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1\r\nconnection: close"])
def test_a_connection_for_one_request(client, version):
    got = client.ask(describe("x").replace(b"HTTP/1.1", version, 1))
    assert (got.status, got.headers["connection"]) == (200, "close")
    assert client.ended()


def test_a_client_that_asks_whether_to_send_its_body(client):
    head, _, body = post("DescribeDomain", b'{"name": "x"}', "expect: 100-continue").partition(
        b"\r\n\r\n"
    )
    client.send(head + b"\r\n\r\n")
    assert client.socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert client.ask(body).status == 200


def test_a_client_that_asks_for_another_protocol(client, service):
    upgrade = ("connection: upgrade, http2-settings", "upgrade: h2c", "http2-settings: AAMAAABk")
    got = client.ask(post("DescribeDomain", b'{"name": "x"}', *upgrade))
    assert (got.status, got.fault) == (400, "BadRequestException")
    assert "Upgrade" in got.json["message"]
    assert client.ended()
    assert service.submitted == []


def test_there_are_connections_enough_for_everybody_else(server, connect):
    server.server._clients[0].most = 2
    first, second = connect(), connect()
    assert first.ask(describe("x")).status == second.ask(describe("x")).status == 200
    assert connect().ended()
    first.close()
    server.until(lambda: len(server.connections) == 1)
    assert connect().ask(describe("x")).status == 200
    assert second.ask(describe("x")).status == 200


# --- the log ------------------------------------------------------------------------------


def test_a_line_for_each_request_where_somebody_looks_closely(client, caplog):
    client.ask(describe("x"))
    assert caplog.text == ""
    caplog.set_level(logging.DEBUG, "dataflow.engine.http")
    client.ask(describe("fault"))
    client.ask(b"GET /a%0Ab HTTP/1.1\r\n\r\n")
    assert [record.message for record in caplog.records] == [
        "local POST '/' DescribeDomain: 400 UnknownResourceFault",
        "local GET '/a\\nb' (none): 404 UnknownOperationException",
    ]


def test_the_fault_of_each_kind_can_be_told(client, service, monkeypatch):
    for code, fault in faults.FAULTS.items():
        monkeypatch.setattr(
            service, "_describe", lambda _, reply, fault=fault: reply(fault("why: \N{SNOWMAN}\n"))
        )
        with Client(client.socket.getpeername()) as other:
            got = other.ask(describe("x"))
        assert got.fault == code
        assert got.status == fault.status
        assert got.json["message"] == "why: \N{SNOWMAN}\n"


# --- how it is written ------------------------------------------------------------------------


class Transport:
    def __init__(self):
        self.written = []

    def write(self, data):
        self.written.append(data)


def test_head_and_body_are_one_write():
    """Two would wake the client twice."""
    transport = Transport()
    answer = _OneWrite(transport)
    answer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    answer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n")
    assert transport.written == [b"HTTP/1.1 100 Continue\r\n\r\n"]
    answer.write(b"body")
    answer.write(b"HTTP/1.1 more")
    assert transport.written[1:] == [
        b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nbody",
        b"HTTP/1.1 more",
    ]
