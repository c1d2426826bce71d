"""Parked polls, and clients that go away."""

import socket

import pytest
from fake_service import NO_TASK
from running_server import describe, poll, post

TASK = {"taskToken": "a task", "startedEventId": 2}


def parked(service, number=1):
    service.wait_for(lambda: len(service.parked) == number)


def test_a_poll_waits_for_its_task(client, service):
    client.send(poll())
    parked(service)
    service.hand_out(TASK)
    assert client.answer().json == TASK
    assert service.cancelled == []
    assert client.ask(describe("x")).status == 200


def test_a_task_that_comes_while_the_poll_is_asked_for(client, service, monkeypatch):
    def submit(operation, reply, caller):
        reply(TASK)
        return object()

    monkeypatch.setattr(service, "submit", submit)
    assert client.ask(poll()).json == TASK
    assert service.cancelled == []


def test_polls_are_answered_each_with_its_own(connect, service):
    clients = [connect() for _ in range(20)]
    for n, client in enumerate(clients):
        client.send(poll())
        parked(service, n + 1)
    for n in range(20):
        service.hand_out({"taskToken": f"task {n}"})
    assert [client.answer().json["taskToken"] for client in clients] == [
        f"task {n}" for n in range(20)
    ]


def leave(client):
    client.close()


def reset(client):
    linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    client.close()


def stop_sending(client):
    client.socket.shutdown(socket.SHUT_WR)


X = {"name": "x"}
HALF = describe("x")[:-3]


@pytest.mark.parametrize("waits", [True, False])
@pytest.mark.parametrize(
    ("sent", "answers"),
    [
        (poll(), [NO_TASK]),
        (describe("x") * 2 + poll(), [X, X, NO_TASK]),
        (poll() + describe("x") + poll() + b"POST / HT", [NO_TASK, X, NO_TASK]),
        (poll() + poll() + describe("x") + HALF, [NO_TASK, NO_TASK, X]),
        (poll() + HALF, [NO_TASK]),
    ],
)
def test_a_client_that_sends_nothing_more_does_not_wait(client, service, waits, sent, answers):
    client.send(sent)
    if waits:
        parked(service)
    stop_sending(client)
    told = [client.answer() for _ in answers]
    assert [answer.json for answer in told] == answers
    assert [answer.headers.get("connection") for answer in told] == [
        *[None for _ in answers[1:]],
        "close",
    ]
    assert client.ended()
    assert (service.parked, service.cancelled) == ([], [])


def test_a_client_that_sends_nothing_more_gets_the_task_that_is_on_its_way(client, service):
    client.send(poll())
    parked(service)
    late = service.parked.pop()  # it has been given a task, which is on its way to the disk
    stop_sending(client)
    service.wait_for(lambda: service.emptied == [late])
    late.reply(TASK)
    assert client.answer().json == TASK
    assert client.ended()


def test_a_client_that_goes_while_it_still_could_read(connect, server, service):
    client = connect().send(poll())
    parked(service)
    late = service.parked.pop()
    stop_sending(client)
    service.wait_for(lambda: service.emptied)
    client.close()
    late.reply(TASK)
    server.until(lambda: not server.connections)
    assert connect().ask(describe("x")).status == 200


def test_other_answers_are_given_to_who_sends_nothing_more(client, service):
    client.send(describe("hold"))
    service.wait_for(lambda: service.held)
    stop_sending(client)
    service.held.pop()({"name": "late"})
    assert client.answer().json == {"name": "late"}
    assert client.ended()


@pytest.mark.parametrize("half", [b"", b"POST / HT", HALF])
def test_half_a_request_gets_no_answer(client, half):
    client.send(half)
    stop_sending(client)
    assert client.ended()


@pytest.mark.parametrize("vanish", [leave, reset])
@pytest.mark.parametrize("first", [b"", describe("x"), describe("x") * 3])
def test_a_client_that_is_gone_takes_no_task(connect, service, vanish, first):
    client = connect()
    client.send(first + poll("the first"))
    parked(service)
    vanish(client)
    service.wait_for(lambda: service.withdrawn)
    assert service.parked == []
    other = connect()
    other.send(poll("the other"))
    parked(service)
    service.hand_out(TASK)
    assert other.answer().json == TASK
    assert [each.operation.task_list.name for each in service.withdrawn] == ["the first"]


@pytest.mark.parametrize(
    "behind",
    [
        describe("x"),
        b"GET /healthz HTTP/1.1\r\n\r\n",
        describe("x") * 16,
        post("DescribeDomain", b" " * 60_000),
        b"POST / HT",
        b"POST / HTTP/1.1\r\ncontent-length: 1000\r\n\r\n{",
    ],
    ids=["one", "a page", "many", "long", "half", "half a body"],
)
def test_it_is_noticed_whatever_stands_behind_the_poll(client, service, behind):
    client.send(poll())
    parked(service)
    client.send(behind)
    client.close()
    service.wait_for(lambda: service.withdrawn)
    assert len(service.submitted) == 1


def test_what_stands_behind_a_poll_is_done_after_it(client, service):
    client.send(poll() + describe("x") + poll())
    parked(service)
    assert len(service.submitted) == 1
    service.hand_out(TASK)
    assert client.answer().json == TASK
    assert client.answer().json == {"name": "x"}
    parked(service)
    service.hand_out(TASK)
    assert client.answer().json == TASK


@pytest.mark.parametrize(
    "behind",
    [b"garbage\r\n\r\n", describe("x") * 18, post("DescribeDomain", b" " * 400_000)],
    ids=["garbage", "too many", "too long"],
)
def test_what_may_not_stand_behind_a_poll_ends_the_connection(client, service, behind):
    client.send(poll())
    parked(service)
    try:
        client.send(behind)
    except OSError:
        pass
    else:
        assert client.ended()
    service.wait_for(lambda: service.withdrawn)
    assert len(service.submitted) == 1


def test_a_task_that_is_on_its_way_when_the_client_goes_is_lost_with_it(server, connect, service):
    client = connect()
    client.send(poll())
    parked(service)
    (late,) = service.parked
    client.close()
    service.wait_for(lambda: service.withdrawn)
    late.reply(TASK)
    assert connect().ask(describe("x")).status == 200


def test_an_answer_that_nobody_reads_harms_nobody(server, connect, service, caplog):
    client = connect()
    client.send(describe("hold"))
    service.wait_for(lambda: service.held)
    client.close()
    service.held.pop()({"name": "nobody's"})
    server.until(lambda: not server.connections)
    assert connect().ask(describe("x")).status == 200
    assert caplog.text == ""


def test_long_polls_outlast_every_time_limit(server, client, service):
    client.send(poll())
    parked(service)
    server.after(10_000)
    service.hand_out(TASK)
    assert client.answer().json == TASK


def test_a_long_answer_keeps_nobody_waiting(connect):
    reader, other = connect(), connect()
    reader.send(describe("long"))
    assert other.ask(describe("x")).status == 200
    assert len(reader.answer().body) > 8_000_000
