"""Polls that are broken off, over HTTP and in this process: at once, and without losing a task."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import pytest
from scripted_server import HANG_UP, answers, busy
from served_engine import furnish, schedule, served, start

from dataflow.client import wire
from dataflow.client.http import HttpService
from dataflow.client.outcomes import Unsent
from dataflow.client.signing import Credentials
from dataflow.engine import Engine
from dataflow.engine.http.gates import SameUser
from dataflow.engine.http.sockets import tls_context
from dataflow.engine.service import EngineService
from dataflow.protocol import faults
from dataflow.protocol.operations import convert
from dataflow.protocol.service import in_python

WORK = {"domain": "shop", "taskList": {"name": "work"}}
DECISIONS = {"domain": "shop", "taskList": {"name": "decisions"}}
NO_TASK = {"taskToken": "", "startedEventId": 0}
NO_DECISION = {**NO_TASK, "previousStartedEventId": 0}
TASK = answers(b'{"taskToken": "t", "startedEventId": 7}')


class Way:
    """One of the ways to an engine."""

    def __init__(self, service, engine_service):
        self.service = service
        self._engine_service = engine_service

    @property
    def parked(self):
        return sum(self._engine_service.gauges().parked.values())

    def until(self, condition):
        pause = threading.Event()
        for _ in range(20_000):
            if condition():
                return
            pause.wait(0.001)
        raise AssertionError("it did not come to that")


@contextmanager
def by_unix(home, *_):
    with served(home) as server, closing(HttpService(server.unix)) as client:
        yield Way(client, server.service)


@contextmanager
def by_tls(home, certificate, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", certificate[0])
    with (
        served(home, tls=tls_context(*certificate), gate=SameUser()) as server,
        closing(HttpService(server.tcp, key=lambda: Credentials("A", "S"))) as client,
    ):
        yield Way(client, server.service)


@contextmanager
def embedded(home, *_):
    home.mkdir(mode=0o700)
    with Engine(home / "engine.db") as engine:
        yield Way(engine, engine._service)


@pytest.fixture(params=[by_unix, by_tls, embedded], ids=lambda way: way.__name__)
def way(request, home, certificate, monkeypatch):
    with request.param(home, certificate, monkeypatch) as way:
        furnish(way.service)
        yield way


@pytest.fixture
def threads():
    with ThreadPoolExecutor(20) as threads:
        yield threads


def without_metadata(answer):
    assert answer.pop("ResponseMetadata").keys() == in_python({})["ResponseMetadata"].keys()
    return answer


# --- on every way -------------------------------------------------------------------------


def test_a_task_that_comes(way, threads):
    poller = way.service.poller()
    polled = threads.submit(poller.poll_for_decision_task, **DECISIONS)
    way.until(lambda: way.parked)
    run_id = start(way.service)
    task = polled.result(20)
    assert task["workflowExecution"]["runId"] == run_id
    assert task["events"][0]["eventTimestamp"].tzinfo is not None
    # and again, with the same poller
    start(way.service, "two")
    task = poller.poll_for_decision_task(**DECISIONS)
    assert task["workflowExecution"]["workflowId"] == "two"


def test_a_poll_under_way_answers_at_once(way, threads):
    activities, decisions = way.service.poller(), way.service.poller()
    polls = [
        threads.submit(activities.poll_for_activity_task, **WORK),
        threads.submit(decisions.poll_for_decision_task, **DECISIONS),
    ]
    way.until(lambda: way.parked == 2)
    activities.cancel()
    assert without_metadata(polls[0].result(20)) == NO_TASK
    # the server learns of it when the connection closes, which is after the caller has its answer
    way.until(lambda: way.parked == 1)
    assert not polls[1].done(), "the others go on"
    decisions.cancel()
    decisions.cancel()
    assert without_metadata(polls[1].result(20)) == NO_DECISION
    way.until(lambda: way.parked == 0)


def test_later_polls_answer_at_once(way):
    """And take nothing, though there is something to take."""
    start(way.service)
    poller = way.service.poller()
    poller.cancel()
    for _ in range(3):
        assert without_metadata(poller.poll_for_decision_task(**DECISIONS)) == NO_DECISION
        assert without_metadata(poller.poll_for_activity_task(**WORK)) == NO_TASK
    assert way.service.count_pending_decision_tasks(**DECISIONS)["count"] == 1


def test_pages_of_a_task_are_read_all_the_same(way):
    start(way.service)
    poller = way.service.poller()
    task = poller.poll_for_decision_task(**DECISIONS, maximumPageSize=2)
    poller.cancel()
    page = poller.poll_for_decision_task(
        **DECISIONS, maximumPageSize=2, nextPageToken=task["nextPageToken"]
    )
    assert [event["eventId"] for event in (*task["events"], *page["events"])] == [1, 2, 3]


def test_what_is_wrong_with_a_poll_is_told(way):
    poller = way.service.poller()
    with pytest.raises(faults.UnknownResourceFault):
        poller.poll_for_activity_task(domain="nowhere", taskList={"name": "l"})
    with pytest.raises(faults.ValidationException):
        poller.poll_for_activity_task(domain="shop")


def test_no_task_is_lost(way, threads, monkeypatch):
    """Tasks come in the very moment in which the polls are broken off."""
    monkeypatch.setattr(wire, "LINGER_SECONDS", 20.0)  # however busy the machine and its disk are
    start(way.service)
    pollers = [way.service.poller() for _ in range(8)]
    polls = [threads.submit(poller.poll_for_activity_task, **WORK) for poller in pollers]
    way.until(lambda: way.parked == 8)
    deciding = threads.submit(schedule, way.service, *"abcdefgh")
    way.until(lambda: way.parked < 8)
    for poller in pollers:
        poller.cancel()
    deciding.result(20)
    taken = [task for poll in polls if (task := poll.result(30))["taskToken"]]
    waiting = way.service.count_pending_activity_tasks(**WORK)["count"]
    assert len(taken) + waiting == 8
    assert taken, "what had met a poll before was handed over"
    for task in taken:
        way.service.respond_activity_task_completed(taskToken=task["taskToken"])


def test_from_the_handler_of_a_signal(way, threads):
    """It interrupts the thread that polls, wherever that is."""
    poller = way.service.poller()
    before = signal.signal(signal.SIGUSR1, lambda *_: poller.cancel())
    try:

        def interrupt():
            way.until(lambda: way.parked)
            os.kill(os.getpid(), signal.SIGUSR1)

        threads.submit(interrupt)
        assert poller.poll_for_activity_task(**WORK)["taskToken"] == ""
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_an_interrupt_withdraws_the_poll(way, threads):
    class Interrupt(BaseException):
        pass

    def interrupted(*_):
        raise Interrupt

    poller = way.service.poller()
    before = signal.signal(signal.SIGUSR1, interrupted)
    try:

        def interrupt():
            way.until(lambda: way.parked)
            os.kill(os.getpid(), signal.SIGUSR1)

        threads.submit(interrupt)
        with pytest.raises(Interrupt):
            poller.poll_for_activity_task(**WORK)
    finally:
        signal.signal(signal.SIGUSR1, before)
    way.until(lambda: way.parked == 0)


# --- in this process ------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["at once", "later", "never"])
def test_a_poll_that_could_not_be_withdrawn(answer, threads, monkeypatch):
    """The task has met the poll, and is on its way to the disk when the poll is broken off."""
    with Engine(":memory:") as engine:
        furnish(engine)
        poller = engine.poller()
        asked, telling = threading.Event(), []

        def submit(operation, reply):
            telling.append(reply)
            if answer == "at once":
                reply({"taskToken": "t"})
                return None
            asked.set()
            return None if answer == "later" else object()

        def cancel(poll):
            assert answer == "never"
            return True

        monkeypatch.setattr(engine._service, "submit", submit)
        monkeypatch.setattr(engine._service, "cancel", cancel)
        polled = threads.submit(poller.poll_for_activity_task, **WORK)
        if answer != "at once":
            assert asked.wait(20)
            poller.cancel()
            poller.cancel()
        if answer == "later":
            telling[0]({"taskToken": "t"})
        assert polled.result(20)["taskToken"] == ("" if answer == "never" else "t")


def test_the_service_says_whether_a_poll_was_withdrawn():
    service = EngineService(":memory:")
    told = []
    domain = {"name": "shop", "workflowExecutionRetentionPeriodInDays": "1"}
    service.submit(convert("RegisterDomain", domain), told.append)
    poll = service.submit(convert("PollForActivityTask", WORK), told.append)
    assert service.cancel(poll) is True
    assert service.cancel(poll) is False
    service.close()
    assert told == [None]


# --- over HTTP ------------------------------------------------------------------------------


def test_a_task_on_its_way_is_waited_for(scripted, threads):
    asked, pulled = threading.Event(), threading.Event()

    def late(connection):
        asked.set()
        assert pulled.wait(20)
        return TASK(connection)

    _, client = scripted(late)
    poller = client.poller()
    polled = threads.submit(poller.poll_for_activity_task, **WORK)
    assert asked.wait(20)
    poller.cancel()
    pulled.set()
    assert polled.result(20)["taskToken"] == "t"


def test_a_task_that_the_server_sends_in_parting(scripted, threads, monkeypatch):
    """It had begun to answer when it was told that nothing more would come."""
    monkeypatch.setattr(wire, "LINGER_SECONDS", 0.0)
    asked = threading.Event()

    def parting(connection):
        asked.set()
        assert connection.recv(1) == b"", "the client says that it is done"
        TASK(connection)
        return HANG_UP

    _, client = scripted(parting)
    poller = client.poller()
    polled = threads.submit(poller.poll_for_activity_task, **WORK)
    assert asked.wait(20)
    poller.cancel()
    assert polled.result(20)["taskToken"] == "t"
    assert not client._pool


def test_a_server_that_does_not_hang_up(scripted, threads, monkeypatch):
    monkeypatch.setattr(wire, "LINGER_SECONDS", 0.0)
    monkeypatch.setattr(wire, "PARTING_SECONDS", 0.0)
    asked, over = threading.Event(), threading.Event()

    def sits(connection):
        asked.set()
        assert over.wait(20)
        return HANG_UP

    _, client = scripted(sits)
    poller = client.poller()
    polled = threads.submit(poller.poll_for_activity_task, **WORK)
    assert asked.wait(20)
    poller.cancel()
    assert polled.result(20)["taskToken"] == ""
    over.set()


def test_an_answer_that_has_begun_is_read_to_its_end(scripted, threads):
    begun, pulled = threading.Event(), threading.Event()

    def slowly(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n{")
        begun.set()
        assert pulled.wait(20)
        connection.sendall(b'"taskToken": "t" }')

    _, client = scripted(slowly)
    poller = client.poller()
    polled = threads.submit(poller.poll_for_activity_task, **WORK)
    assert begun.wait(20)
    poller.cancel()
    pulled.set()
    assert polled.result(20)["taskToken"] == "t"


def test_who_waits_for_another_attempt_is_woken(scripted, threads):
    _, client = scripted(busy())
    poller = client.poller()
    pausing = threading.Event()
    wait = wire.Breaker.wait

    def waits(breaker, _):
        pausing.set()
        wait(breaker, 60)

    poller._breaker.wait = waits.__get__(poller._breaker)
    polled = threads.submit(poller.poll_for_activity_task, **WORK)
    assert pausing.wait(20)
    poller.cancel()
    assert polled.result(20)["taskToken"] == ""


def test_who_is_cancelled_does_not_care_whether_there_is_a_server(tmp_path):
    with closing(HttpService(f"unix:{tmp_path / 'none'}")) as client:
        poller = client.poller()
        poller._breaker.wait = lambda _: poller.cancel()
        assert poller.poll_for_activity_task(**WORK)["taskToken"] == ""


def test_who_is_cancelled_while_he_connects_does_not_care_either(tmp_path, monkeypatch):
    with closing(HttpService(f"unix:{tmp_path / 'none'}", attempts=1)) as client:
        poller = client.poller()

        def take():
            poller.cancel()
            raise Unsent("there is no socket")

        monkeypatch.setattr(client, "_take", take)
        assert poller.poll_for_activity_task(**WORK)["taskToken"] == ""


def test_a_poller_that_is_cancelled_as_often_as_one_likes(client):
    poller = client.poller()
    for _ in range(10_000):
        poller.cancel()
    assert poller.poll_for_activity_task(**WORK)["taskToken"] == ""


def test_a_poller_leaves_nothing_open(client):
    poller = client.poller()
    sockets = poller._breaker._hearing, poller._breaker._telling
    poller.cancel()
    del poller
    assert [each.fileno() for each in sockets] == [-1, -1]
