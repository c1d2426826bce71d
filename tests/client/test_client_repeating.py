"""Connections that break, and answers that say "later": what is repeated, and what is not."""

import socket
import struct
import threading
import time
from contextlib import closing, contextmanager

import pytest
from scripted_server import HANG_UP, answers, busy, hang_up, read_request, refuses, says

from dataflow.client import http, repeating, wire
from dataflow.client.http import HttpService
from dataflow.client.repeating import pause, repeatable
from dataflow.client.signing import Credentials
from dataflow.engine.http.connections import IDLE_SECONDS
from dataflow.errors import UsageError
from dataflow.protocol import faults
from dataflow.protocol.operations import OPERATIONS

#: A request for each kind of operation.
READ = ("DescribeDomain", {"name": "x"})
BEAT = ("RecordActivityTaskHeartbeat", {"taskToken": "t"})
ANSWER = ("RespondActivityTaskCompleted", {"taskToken": "t"})
DECIDE = ("RespondDecisionTaskCompleted", {"taskToken": "t", "decisions": []})
PAGE = (
    "PollForDecisionTask",
    {"domain": "d", "taskList": {"name": "l"}, "nextPageToken": "n"},
)
SIGNAL = (
    "SignalWorkflowExecution",
    {"domain": "d", "workflowId": "w", "signalName": "s"},
)
START = (
    "StartWorkflowExecution",
    {"domain": "d", "workflowId": "w", "workflowType": {"name": "n", "version": "1"}},
)
REGISTER = ("RegisterDomain", {"name": "x", "workflowExecutionRetentionPeriodInDays": "1"})
TERMINATE = ("TerminateWorkflowExecution", {"domain": "d", "workflowId": "w"})
POLL = ("PollForActivityTask", {"domain": "d", "taskList": {"name": "l"}})
DECISION_POLL = ("PollForDecisionTask", {"domain": "d", "taskList": {"name": "l"}})

ONCE = [SIGNAL, START, REGISTER, TERMINATE]
TWICE = [READ, BEAT, ANSWER, DECIDE, PAGE]

FINE = answers(b'{"fine": true}')
GARBAGE = says(b"\x15\x03\x01\x00\x02", then=HANG_UP)
SHORT = b'HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{"fine":true}'
HALF = says(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{", then=HANG_UP)
HEADLESS = says(b"HTTP/1.1 200 OK\r\nContent-Type: a", then=HANG_UP)


def ask(client, request, breaker=None):
    operation, members = request
    return client.ask(operation, members, breaker)


@pytest.mark.parametrize("request_", TWICE, ids=lambda request: request[0])
@pytest.mark.parametrize("breaks", [hang_up, HALF, HEADLESS, answers(b"<html>", 502)])
def test_what_may_be_done_twice_is_repeated(scripted, slept, request_, breaks):
    server, client = scripted(breaks, breaks, FINE)
    answer = ask(client, request_)
    assert answer["fine"] is True
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    assert server.operations == [request_[0]] * 3
    assert len(slept) == 2


@pytest.mark.parametrize("request_", ONCE, ids=lambda request: request[0])
@pytest.mark.parametrize("breaks", [hang_up, HALF, answers(b"", 504)])
def test_what_may_have_been_done_is_not_repeated(scripted, slept, request_, breaks):
    server, client = scripted(breaks)
    with pytest.raises(faults.ServiceUnavailable) as unavailable:
        ask(client, request_)
    assert str(unavailable.value).startswith(server.url)
    assert "the request was sent, and may have been carried out" in str(unavailable.value)
    assert server.operations == [request_[0]]
    assert slept == []


@pytest.mark.parametrize("request_", [*TWICE, *ONCE, POLL], ids=lambda request: request[0])
def test_what_was_refused_for_now_is_repeated(scripted, slept, request_):
    later = faults.ThrottlingException("Rate exceeded")
    server, client = scripted(busy(), refuses(later), FINE)
    assert ask(client, request_)["fine"] is True
    assert server.operations == [request_[0]] * 3
    assert len(slept) == 2


@pytest.mark.parametrize("request_", [READ, START])
def test_not_for_ever(scripted, slept, request_):
    server, client = scripted(*[busy()] * 5)
    with pytest.raises(faults.ServiceUnavailable, match="the server is stopping"):
        ask(client, request_)
    assert len(server.requests) == 5
    assert len(slept) == 4


def test_as_often_as_is_wished(scripted, slept):
    server, client = scripted(hang_up, attempts=1)
    with pytest.raises(faults.ServiceUnavailable, match="may have been carried out"):
        ask(client, READ)
    assert (len(server.requests), slept) == (1, [])


@pytest.mark.parametrize(
    ("request_", "fault", "passes"),
    [
        (POLL, faults.LimitExceededFault("1000 polls wait"), True),
        (START, faults.LimitExceededFault("too many are open"), True),
        (REGISTER, faults.LimitExceededFault("100 domains"), False),
        (READ, faults.InternalFailure("a bug"), True),
        (START, faults.InternalFailure("a bug"), False),
        (START, faults.RequestTimeoutException("no whole body"), True),
        (READ, faults.UnknownResourceFault("nowhere"), False),
        (READ, faults.ValidationException("no"), False),
        (READ, faults.AccessDeniedException("no"), False),
    ],
)
def test_which_faults_pass(scripted, slept, request_, fault, passes):
    _, client = scripted(refuses(fault), *[FINE] * passes)
    if passes:
        assert ask(client, request_)["fine"] is True
    else:
        with pytest.raises(type(fault)) as refused:
            ask(client, request_)
        assert (refused.value.message, refused.value.status) == (fault.message, fault.status)
    assert len(slept) == passes


def test_every_operation_was_thought_of():
    assert {name for name in OPERATIONS if not repeatable(name)} == {
        "DeleteActivityType",
        "DeleteWorkflowType",
        "DeprecateActivityType",
        "DeprecateDomain",
        "DeprecateWorkflowType",
        "RegisterActivityType",
        "RegisterDomain",
        "RegisterWorkflowType",
        "RequestCancelWorkflowExecution",
        "SignalWorkflowExecution",
        "StartWorkflowExecution",
        "TagResource",
        "TerminateWorkflowExecution",
        "UndeprecateActivityType",
        "UndeprecateDomain",
        "UndeprecateWorkflowType",
        "UntagResource",
    }


def test_pauses_grow_and_differ():
    for attempt, longest in enumerate([0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0], 1):
        pauses = [pause(attempt) for _ in range(200)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest
        assert len(set(pauses)) > 100


# --- polls --------------------------------------------------------------------------------


@pytest.mark.parametrize("breaks", [hang_up, HALF, answers(b"<html>", 502)])
@pytest.mark.parametrize("request_", [POLL, DECISION_POLL], ids=lambda request: request[0])
def test_a_poll_that_breaks_has_found_no_task(scripted, slept, request_, breaks):
    server, client = scripted(breaks)
    answer = ask(client, request_)
    expected = {"taskToken": "", "startedEventId": 0}
    if request_ is DECISION_POLL:
        expected["previousStartedEventId"] = 0
    assert {k: v for k, v in answer.items() if k != "ResponseMetadata"} == expected
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert server.operations == [request_[0]]
    assert len(slept) == 1, "the next one may fare likewise, and must not come at once"


def test_a_poll_that_is_not_answered_has_found_no_task(scripted, monkeypatch):
    monkeypatch.setattr(http, "POLL_ANSWER_SECONDS", 0.01)
    server, client = scripted(says(b""), FINE)
    assert client.poller().poll_for_activity_task(**POLL[1])["taskToken"] == ""
    assert ask(client, POLL)["fine"] is True
    assert server.connections == 2


def test_polls_are_given_longer_than_the_server_holds_them():
    assert http.POLL_ANSWER_SECONDS == 70


@contextmanager
def resetting(times):
    """A server whose machine breaks connections off, so many times; and a client of it."""
    abort = struct.pack("ii", 1, 0)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            for _ in range(times):
                connection, _ = listening.accept()
                with connection, connection.makefile("rb") as file:
                    read_request(file)
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, abort)

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        key = Credentials("A", "S")
        slept = []
        with closing(HttpService(url, key=lambda: key, attempts=2, sleep=slept.append)) as client:
            yield client
        thread.join(20)


def test_a_connection_that_is_reset():
    told = r"has hung up \(Connection reset by peer\); the request was sent"
    with resetting(2) as client, pytest.raises(faults.ServiceUnavailable, match=told):
        ask(client, READ)
    with resetting(1) as client:
        assert client.poller().poll_for_activity_task(**POLL[1])["taskToken"] == ""


# --- odd answers ----------------------------------------------------------------------------


def test_what_is_no_http(scripted, slept):
    _, client = scripted(GARBAGE)
    with pytest.raises(UsageError, match="does not speak HTTP"):
        ask(client, READ)
    assert slept == []


@pytest.mark.parametrize(
    "odd",
    [
        answers(b"<html>Welcome!</html>", 200),
        answers(b"[]", 200),
        answers(b"<html>Not found</html>", 404),
        answers(b'{"message": "Not found"}', 404),
        answers(b"", 301, ["Location: https://x/"]),
    ],
)
@pytest.mark.parametrize("request_", [READ, START, POLL])
def test_what_is_no_server_of_ours(scripted, slept, request_, odd):
    server, client = scripted(odd)
    with pytest.raises(UsageError) as refused:
        ask(client, request_)
    assert f"{server.url} answers HTTP " in str(refused.value)
    assert "not as a dataflow server would" in str(refused.value)
    assert slept == []


@pytest.mark.parametrize(
    "answer",
    [
        says(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b'6\r\n{"fine\r\n7\r\n":true}\r\n0\r\n\r\n'
        ),
        says(b"HTTP/1.1 100 Continue\r\n\r\n" + SHORT),
        says(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\n" + SHORT[-13:], then=HANG_UP),
        answers(b'{"fine":true}', headers=["Connection: close"], then=HANG_UP),
    ],
    ids=["chunks", "100 Continue", "HTTP/1.0", "the last one"],
)
def test_other_ways_to_answer(scripted, answer):
    server, client = scripted(answer, FINE)
    assert ask(client, READ)["fine"] is True
    assert ask(client, READ)["fine"] is True
    assert server.operations == ["DescribeDomain"] * 2


def test_an_answer_that_comes_in_drops(scripted):
    def drop_by_drop(connection):
        for byte in SHORT:
            connection.sendall(bytes([byte]))

    _, client = scripted(drop_by_drop)
    assert ask(client, READ)["fine"] is True


@pytest.mark.parametrize("more", [b"HTTP/1.1 408 Late\r\nContent-Length: 0\r\n\r\n", b"nonsense"])
def test_what_comes_behind_an_answer_is_not_taken_for_the_next_one(scripted, more):
    server, client = scripted(says(SHORT + more), FINE)
    answer = ask(client, READ)
    assert answer["fine"] is True
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert ask(client, READ)["fine"] is True
    assert server.connections == 2


def test_a_fault_without_a_class(scripted):
    body = b'{"__type": "com.example#StrangeFault:http://x", "Message": "so it is"}'
    _, client = scripted(answers(body, 418))
    with pytest.raises(faults.Fault) as refused:
        ask(client, READ)
    told = refused.value
    assert (told.code, told.message, told.status) == ("StrangeFault", "so it is", 418)


def test_an_empty_answer(scripted):
    _, client = scripted(answers(b""))
    answer = client.respond_activity_task_completed(taskToken="t")
    assert answer.keys() == {"ResponseMetadata"}


def test_a_request_that_cannot_be_sent_is_sent_again(scripted, slept):
    """A large one fails while it is sent, as the server has hung up without reading it."""
    server, client = scripted(FINE, FINE)
    ask(client, READ)
    (used,) = client._pool
    used._socket.shutdown(1)
    used.awake = lambda: True  # what the look has missed
    client._pool[0] = used
    assert ask(client, START)["fine"] is True
    assert server.operations == ["DescribeDomain", "StartWorkflowExecution"]
    assert len(slept) == 1


def test_how_a_request_looks(scripted):
    server, client = scripted(FINE)
    ask(client, POLL)
    (request,) = server.requests
    assert request.first == "POST / HTTP/1.1"
    assert request.headers == {
        "host": "localhost",
        "user-agent": "dataflow",
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "SimpleWorkflowService.PollForActivityTask",
        "content-length": str(len(request.body)),
    }
    assert request.body == b'{"domain":"d","taskList":{"name":"l"}}'


def test_constants_are_those_of_the_server():
    """The server closes what rests for longer."""
    assert wire.IDLE_SECONDS < IDLE_SECONDS
    assert {"PollForActivityTask", "PollForDecisionTask"} == repeating.POLLS
    assert http.HttpService.__init__.__kwdefaults__["sleep"] is time.sleep
