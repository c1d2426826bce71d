"""Clients that are slow: each is given its time, and costs the others nothing."""

from types import SimpleNamespace

import pytest
from running_server import describe, poll, post

HALVES = {
    "nothing": b"",
    "half a line": b"POST / HT",
    "half a header": b"POST / HTTP/1.1\r\nhost: x\r\nconte",
    "half a header section": b"POST / HTTP/1.1\r\nhost: x\r\n",
}


RESTS = {
    "nothing": describe("x"),
    "half a line": b"TP/1.1\r\ncontent-length: 0\r\n\r\n",
    "half a header": b"nt-length: 0\r\n\r\n",
    "half a header section": b"\r\n",
}


@pytest.mark.parametrize("half", HALVES)
def test_half_a_request_is_waited_for(server, client, half):
    client.send(HALVES[half])
    server.until(lambda: server.connections)
    server.after(29)
    assert client.ask(RESTS[half]).status in {200, 404}


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("before", [0, 1, 3])
def test_half_a_request_is_not_waited_for_for_ever(server, connect, half, before):
    client = connect()
    for _ in range(before):
        client.ask(describe("x"))
    client.send(HALVES[half])
    rests = before > 0 and half == "nothing"
    server.until(
        lambda: [(e.timeout_keep_alive_task is not None) for e in server.connections] == [rests]
    )
    server.after(31)
    if rests:
        assert client.ask(describe("x")).status == 200
    else:
        assert client.ended()


def test_the_time_for_a_request_begins_with_its_first_byte(server, client):
    client.ask(describe("x"))
    (connection,) = server.connections
    connection._since -= 1_000
    client.send(b"POST / HT")
    server.until(lambda: connection.timeout_keep_alive_task is None)
    server.after(29)
    assert client.ask(b"TP/1.1\r\ncontent-length: 0\r\n\r\n").status == 404


def test_a_client_may_rest_between_requests(server, client):
    assert client.ask(describe("x")).status == 200
    server.after(10_000)
    (connection,) = server.connections
    rest = server.do(lambda: connection.timeout_keep_alive_task.when() - server.loop.time())
    assert 100 < rest < 121  # the time of the loop is not exact
    assert client.ask(describe("x")).status == 200
    server.do(connection.timeout_keep_alive_handler)
    assert client.ended()


BODY = post("DescribeDomain", b'{"name": "x"}')
CHUNK = BODY.replace(b"content-length: 13", b"transfer-encoding: chunked")[:-13] + b"d\r\n"


@pytest.mark.parametrize("half", [BODY[:-1], BODY[:-13], CHUNK, CHUNK + BODY[-13:] + b"\r\n"])
def test_a_body_that_does_not_arrive(server, client, service, half):
    client.send(half)
    server.until(lambda: server.server._apps[0]._reading)
    server.after(29)
    assert server.do(lambda: len(server.server._apps[0]._reading)) == 1
    server.after(31)
    got = client.answer()
    assert (got.status, got.fault) == (408, "RequestTimeoutException")
    assert got.headers["connection"] == "close"
    client.send(b"0\r\n\r\n")
    assert client.ended()
    assert service.submitted == []


def test_a_body_that_arrives_late(server, client):
    client.send(BODY[:-1])
    server.until(lambda: server.server._apps[0]._reading)
    server.after(29)
    assert client.ask(BODY[-1:]).json == {"name": "x"}


def test_a_client_that_leaves_in_its_body(server, connect, service):
    client = connect()
    client.send(BODY[:-1])
    server.until(lambda: server.server._apps[0]._reading)
    client.close()
    server.until(lambda: not server.server._apps[0]._reading)
    assert service.submitted == []
    assert connect().ask(describe("x")).status == 200


def test_an_answer_that_is_not_read(server, client, connect):
    client.send(describe("long"))
    server.until(lambda: any(each._unread_since for each in server.connections))
    server.after(59)
    assert server.do(lambda: len(server.connections)) == 1
    server.after(61)
    server.until(lambda: not server.connections)
    assert connect().ask(describe("x")).status == 200


def test_an_answer_that_is_read_late(server, client):
    client.send(describe("long"))
    server.until(lambda: any(each._unread_since for each in server.connections))
    assert len(client.answer().body) > 8_000_000
    server.after(61)
    assert client.ask(describe("x")).status == 200


def test_a_last_answer_that_is_not_read_does_not_keep_the_connection(server, client):
    client.send(post("DescribeDomain", b'{"name": "long"}', "connection: close"))
    server.until(lambda: any(each._unread_since for each in server.connections))
    server.after(61)
    server.until(lambda: not server.connections)


def test_a_connection_that_cannot_be_closed_is_broken_off(server, client, monkeypatch):
    """What is left of its last answer is less than what would pause the writing."""
    client.ask(describe("x"))
    (connection,) = server.connections
    broken_off = []
    stuck = SimpleNamespace(is_closing=lambda: True, abort=lambda: broken_off.append(1))
    with monkeypatch.context() as patch:
        patch.setattr(connection, "transport", stuck)
        server.after(0)
        server.after(59)
        assert not broken_off
        server.after(61)
        assert broken_off


def test_a_refused_body_without_end_does_not_keep_the_connection(server, client):
    client.send(b"POST /nowhere HTTP/1.1\r\ncontent-length: 1000000\r\n\r\n")
    assert client.answer().status == 404
    client.send(b"x" * 1000)
    server.until(lambda: all(each.timeout_keep_alive_task is None for each in server.connections))
    server.after(31)
    assert client.ended()


def test_many_slow_clients_and_a_quick_one(server, connect, service):
    slow = [connect().send(BODY[:-1]) for _ in range(50)]
    slow += [connect().send(poll()) for _ in range(50)]
    slow += [connect().send(b"POST") for _ in range(50)]
    server.until(lambda: len(server.connections) == 150)
    assert connect().ask(describe("x")).status == 200
    server.until(lambda: len(server.server._apps[0]._reading) == 50)
    service.wait_for(lambda: len(service.parked) == 50)
    server.after(31)
    assert [client.answer().status for client in slow[:50]] == [408] * 50
    assert all(client.ended() for client in slow[100:])
    assert len(service.parked) == 50
