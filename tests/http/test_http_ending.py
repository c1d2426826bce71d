"""How the server ends: what was taken is answered, and nobody is kept waiting."""

import threading
from contextlib import contextmanager

import pytest
from running_server import Client, describe, poll, post, running

from dataflow.engine.http import server as server_module

EMPTY = {"taskToken": "", "startedEventId": 0, "previousStartedEventId": 0}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "engine.sock"


@pytest.fixture
def started(service, path):
    """A server that the test stops."""
    with running(service, path) as server:
        yield server


@contextmanager
def ending(server):
    """The server stops meanwhile."""
    thread = threading.Thread(target=server.stop)
    thread.start()
    server.until(lambda: server.server._apps[0]._closing)
    try:
        yield
    finally:
        thread.join(20)


def test_parked_polls_are_answered_that_there_is_nothing(started, service, path):
    clients = [Client(str(path)).send(poll()) for _ in range(100)]
    service.wait_for(lambda: len(service.parked) == 100)
    started.stop()
    for client in clients:
        got = client.answer()
        assert (got.status, got.json, got.headers["connection"]) == (200, EMPTY, "close")
        assert client.ended()
        client.close()
    assert service.closed
    assert service.cancelled == []


def test_nobody_can_come_any_more(started, path):
    started.stop()
    assert not path.exists()
    with pytest.raises(FileNotFoundError):
        Client(str(path))


@pytest.mark.parametrize("half", [b"", b"POST / HT", describe("x") + b"POST"])
def test_connections_at_rest_are_closed(started, service, path, half):
    with Client(str(path)) as client:
        client.send(half)
        if half.startswith(describe("x")):
            client.answer()
        started.until(lambda: started.connections)
        started.stop()
        assert client.ended()
    assert service.closed


def test_what_is_in_hand_is_finished_first(started, service, path):
    with Client(str(path)) as client, Client(str(path)) as poller:
        client.send(describe("hold") + describe("x"))
        poller.send(poll())
        service.wait_for(lambda: service.held and service.parked)
        with ending(started):
            assert not service.closed
            service.held.pop()({"name": "held"})
            assert client.answer().json == {"name": "held"}
            got = client.answer()  # it had not begun
            assert (got.status, got.fault) == (503, "ServiceUnavailable")
            assert client.ended()
            assert poller.answer().json == EMPTY
    assert service.closed


def test_what_is_in_hand_is_not_waited_for_for_ever(started, service, path, monkeypatch):
    monkeypatch.setattr(server_module, "GRACE_SECONDS", 0.01)
    with Client(str(path)) as client:
        client.send(describe("hold"))
        service.wait_for(lambda: service.held)
        started.stop()
        assert service.closed
        assert client.ended()
    service.held.pop()({"name": "too late"})


def test_a_request_that_is_arriving_is_refused(started, service, path):
    with Client(str(path)) as client:
        client.send(post("DescribeDomain", b'{"name": "x"}')[:-1])
        started.until(lambda: started.server._apps[0]._reading)
        started.stop()
        got = client.answer()
        assert (got.status, got.fault) == (503, "ServiceUnavailable")
        assert client.ended()
    assert service.submitted == []


def test_a_client_that_does_not_read_does_not_keep_it(started, path, monkeypatch):
    monkeypatch.setattr(server_module, "GRACE_SECONDS", 0.01)
    with Client(str(path)) as client:
        client.send(describe("long"))
        started.until(lambda: any(each._unread_since for each in started.connections))
        started.stop()
        assert not started.connections


def test_an_answer_on_its_way_arrives(started, service, path):
    """It is longer than what the kernel takes at once."""
    with Client(str(path)) as client:
        client.send(describe("long"))
        started.until(lambda: any(each._unread_since for each in started.connections))
        with ending(started):
            assert len(client.answer().body) > 8_000_000


def test_it_says_that_it_is_ending(started, service, path):
    health = b"GET /healthz HTTP/1.1\r\n\r\n"
    with Client(str(path)) as client:
        client.send(describe("hold") + health)
        service.wait_for(lambda: service.held)
        with ending(started):
            service.held.pop()(None)
            assert client.answer().status == 200
            got = client.answer()
            assert (got.status, got.body) == (503, b"the server is stopping\n")


def test_a_service_that_cannot_close_is_heard_of(started, service, path, monkeypatch):
    def close():
        raise OSError("the disk is gone")

    with monkeypatch.context() as patch, Client(str(path)) as client:
        patch.setattr(service, "close", close)
        client.ask(describe("x"))
        with pytest.raises(OSError, match="the disk is gone"):
            started.stop()
        assert client.ended()
