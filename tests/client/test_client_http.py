"""The lean client, with the server as it is and the engine behind it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from served_engine import furnish, schedule, served, start

from dataflow.client import wire
from dataflow.client.http import HttpService
from dataflow.client.signing import Credentials
from dataflow.engine import Engine
from dataflow.engine.auth.caller import Role
from dataflow.errors import UsageError
from dataflow.protocol.faults import FAULTS, Fault

LISTS = {"domain": "shop", "taskList": {"name": "work"}}


@pytest.fixture
def over_tcp(server):
    """A client with a key, which may be a wrong one."""
    clients = []

    def over_tcp(secret=None, key_id=None, **options):
        key = server.key(**options)
        credentials = Credentials(key_id or key.access_key_id, secret or key.secret)
        clients.append(HttpService(server.tcp, key=lambda: credentials))
        return clients[-1]

    yield over_tcp
    for client in clients:
        client.close()


# --- as the engine in this process ----------------------------------------------------------


def story(service):
    """What a user may do, and what he is answered; names that chance has made are replaced."""
    furnish(service)
    run_id = start(service)
    schedule(service, "a", "b")
    task = service.poll_for_activity_task(**LISTS)
    beat = service.record_activity_task_heartbeat(taskToken=task["taskToken"], details="half")
    done = service.respond_activity_task_completed(taskToken=task["taskToken"], result="ü☃")
    history = service.get_workflow_execution_history(
        domain="shop", execution={"workflowId": "one", "runId": run_id}
    )
    open_ones = service.list_open_workflow_executions(
        domain="shop", startTimeFilter={"oldestDate": datetime(2000, 1, 1, tzinfo=UTC)}
    )
    described = service.describe_workflow_execution(
        domain="shop", execution={"workflowId": "one", "runId": run_id}
    )
    types = service.list_workflow_types(domain="shop", registrationStatus="REGISTERED")
    return run_id, [task, beat, done, history, open_ones, described, types]


def shape(value):
    """An answer without what depends on the moment and on chance."""
    match value:
        case dict():
            return {
                name: shape(part)
                for name, part in value.items()
                if name not in {"taskToken", "runId", "ResponseMetadata"}
            }
        case list():
            return [shape(part) for part in value]
        case datetime():
            return value.tzinfo, value > datetime(2020, 1, 1, tzinfo=UTC)
        case _:
            return value


def test_answers_are_those_of_the_engine_in_this_process(server):
    with Engine(":memory:") as engine, closing(HttpService(server.unix)) as client:
        _, here = story(engine)
        _, there = story(client)
    assert shape(there) == shape(here)
    for answer, same in zip(there, here, strict=True):
        assert answer["ResponseMetadata"].keys() == same["ResponseMetadata"].keys()
        assert len(answer["ResponseMetadata"]["RequestId"]) == 36


def test_over_tcp_it_is_the_same(server, over_tcp):
    with closing(HttpService(server.unix)) as client:
        _, by_unix = story(client)
    swf = over_tcp()
    assert shape(swf.describe_domain(name="shop"))["domainInfo"]["status"] == "REGISTERED"
    (run,) = swf.list_open_workflow_executions(
        domain="shop", startTimeFilter={"oldestDate": 0}, executionFilter={"workflowId": "one"}
    )["executionInfos"]
    assert shape(run) == shape(by_unix[4]["executionInfos"][0])


def test_times_are_sent_as_numbers(client):
    start(client)
    now = datetime.now(UTC)
    hour = timedelta(hours=1)

    def count(oldest, latest):
        times = {"oldestDate": oldest, "latestDate": latest}
        answer = client.count_open_workflow_executions(domain="shop", startTimeFilter=times)
        return answer["count"]

    assert count(now - hour, now + hour) == 1
    assert count((now - hour).timestamp(), int((now + hour).timestamp())) == 1
    assert count(now - 2 * hour, now - hour) == 0
    assert count(now.astimezone() - hour, now.astimezone() + hour) == 1


def test_pages(client):
    run_id = start(client)
    execution = {"domain": "shop", "execution": {"workflowId": "one", "runId": run_id}}
    pages = client.get_paginator("get_workflow_execution_history").paginate(
        **execution, PaginationConfig={"PageSize": 1}
    )
    assert [len(page["events"]) for page in pages] == [1, 1]


def test_a_fault_has_its_class(client):
    with pytest.raises(client.exceptions.UnknownResourceFault) as refused:
        client.describe_domain(name="nowhere")
    assert refused.value.response["Error"]["Code"] == "UnknownResourceFault"
    assert refused.value.status == 400
    assert "nowhere" in str(refused.value)
    with pytest.raises(client.exceptions.WorkflowExecutionAlreadyStartedFault):
        [start(client), start(client)]


def test_what_does_not_fit_the_model_is_not_sent(scripted):
    server, client = scripted()
    with Engine(":memory:") as engine:
        for request in ({}, {"nmae": "shop"}, {"name": 3}, {"name": "x" * 300}):
            told = []
            for service in (engine, client):
                with pytest.raises(Fault) as refused:
                    service.describe_domain(**request)
                told.append((refused.value.code, refused.value.message))
            assert told[0] == told[1]
    assert server.requests == []


def test_a_long_answer(client):
    start(client)
    for _ in range(40):
        client.signal_workflow_execution(
            domain="shop", workflowId="one", signalName="s", input="ä" * 32_000
        )
    task = client.poll_for_decision_task(domain="shop", taskList={"name": "decisions"})
    assert len(task["events"]) == 43
    assert {
        len(e["workflowExecutionSignaledEventAttributes"]["input"]) for e in task["events"][2:42]
    } == {32_000}


# --- who comes in ---------------------------------------------------------------------------


def test_a_key_without_the_right(over_tcp):
    worker = over_tcp(role=Role.WORKER)
    with pytest.raises(worker.exceptions.AccessDeniedException):
        worker.list_domains(registrationStatus="REGISTERED")


def test_no_such_key(over_tcp, server):
    stranger = over_tcp(key_id="DFAAAAAAAAAAAAAAAAAA")
    with pytest.raises(stranger.exceptions.UnrecognizedClientException) as refused:
        stranger.describe_domain(name="x")
    assert f"No such key at {server.tcp}: `dataflow server.key.create`" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_wrong_secret(over_tcp):
    thief = over_tcp(secret="s" * 40)
    with pytest.raises(thief.exceptions.InvalidSignatureException, match="Check your AWS Secret"):
        thief.describe_domain(name="x")


def test_a_key_is_found_as_by_aws_tools(server, monkeypatch):
    with pytest.raises(UsageError, match=r"`dataflow server\.key\.create`"):
        HttpService(server.tcp)
    key = server.key()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    with closing(HttpService(server.tcp)) as client:
        assert client.list_domains(registrationStatus="REGISTERED")["domainInfos"] == []


def test_a_key_that_changes_while_it_is_used(server):
    keys = [server.key(name=name) for name in ("old", "new")]
    current = iter(Credentials(key.access_key_id, key.secret) for key in keys)
    with closing(HttpService(server.tcp, key=lambda: next(current))) as client:
        client.list_domains(registrationStatus="REGISTERED")
        server.keys.revoke("old")
        client.list_domains(registrationStatus="REGISTERED")


# --- connections ----------------------------------------------------------------------------


def test_one_connection_does_for_one_thread(server, client):
    for _ in range(20):
        client.describe_domain(name="shop")
        with pytest.raises(client.exceptions.UnknownResourceFault):
            client.describe_domain(name="nowhere")
        client.count_pending_activity_tasks(**LISTS)
    assert server.connections == 1


def test_many_threads(server, client):
    """Each gets the answers to its own questions."""
    names = [f"domain-{n}" for n in range(8)]
    for name in names:
        client.register_domain(name=name, workflowExecutionRetentionPeriodInDays="1")

    def ask(name):
        return [client.describe_domain(name=name)["domainInfo"]["name"] for _ in range(100)]

    with ThreadPoolExecutor(len(names)) as threads:
        assert list(threads.map(ask, names)) == [[name] * 100 for name in names]
    assert server.connections <= len(names)


def test_a_connection_that_the_server_has_closed_is_not_used(server, client, slept):
    client.describe_domain(name="shop")
    (wire,) = client._pool
    wire._socket.shutdown(2)  # as if the server had done it
    client.describe_domain(name="shop")
    assert slept == []
    assert wire not in client._pool


def test_a_connection_that_has_rested_too_long_is_not_used(client, monkeypatch):
    client.describe_domain(name="shop")
    (before,) = client._pool
    monkeypatch.setattr(wire, "IDLE_SECONDS", -1.0)
    client.describe_domain(name="shop")
    (after,) = client._pool
    assert after is not before
    assert before._socket.fileno() == -1


def test_a_closed_client_says_so(server, client):
    client.describe_domain(name="shop")
    client.close()
    client.close()
    with pytest.raises(client.exceptions.ServiceUnavailable, match="is closed"):
        client.describe_domain(name="shop")
    server.until(lambda: server.connections == 0)


def test_a_connection_in_use_is_closed_after_its_use(server, client):
    poller = client.poller()
    with ThreadPoolExecutor(1) as threads:
        polled = threads.submit(poller.poll_for_activity_task, **LISTS)
        server.until(lambda: server.parked)
        client.close()
        poller.cancel()
        assert polled.result(20)["taskToken"] == ""
    server.until(lambda: server.connections == 0)


# --- a server that restarts -----------------------------------------------------------------


def test_a_server_that_restarts(home):
    """Idle connections have ended; they are replaced, and nothing is noticed."""
    with served(home) as first, closing(HttpService(first.unix, sleep=pytest.fail)) as client:
        furnish(client)
        first.stop()
        with served(home):
            assert client.describe_domain(name="shop")["domainInfo"]["name"] == "shop"


def test_a_server_that_takes_a_while_to_come_back(home):
    servers = []
    with served(home) as first, closing(HttpService(first.unix)) as client:
        furnish(client)
        first.stop()

        def sleep(seconds):
            if len(slept := [*sleeps, seconds]) == 3:
                servers.append(served(home))
                servers[0].__enter__()
            sleeps[:] = slept

        sleeps = []
        client._sleep = sleep
        try:
            assert start(client)  # what was not sent can be repeated, whatever it is
        finally:
            servers[0].__exit__(None, None, None)
        assert len(sleeps) == 3
        assert all(0.1 <= seconds <= 0.8 for seconds in sleeps)


def test_a_server_that_does_not_come_back(server, client, slept, monkeypatch):
    server.stop()
    with pytest.raises(client.exceptions.ServiceUnavailable) as unavailable:
        start(client)
    path = server.unix.removeprefix("unix:")
    assert str(unavailable.value) == f"there is no socket {path}; the request was not sent"
    assert len(slept) == 4
    monkeypatch.setattr(wire.Breaker, "wait", lambda _, seconds: slept.append(seconds))
    with pytest.raises(client.exceptions.ServiceUnavailable):
        client.poller().poll_for_activity_task(**LISTS)
    assert len(slept) == 8


def test_a_server_that_stops_lets_polls_go(server, client):
    with ThreadPoolExecutor(2) as threads:
        polls = [
            threads.submit(client.poll_for_activity_task, **LISTS),
            threads.submit(client.poller().poll_for_activity_task, **LISTS),
        ]
        server.until(lambda: server.parked == 2)
        server.stop()
        assert [poll.result(20)["taskToken"] for poll in polls] == ["", ""]


def test_all_exceptions_are_there(client):
    assert set(vars(client.exceptions)) == {*FAULTS, "ClientError"}


def test_nothing_is_left_running(client):
    """The client needs no threads of its own."""
    before = threading.active_count()
    client.describe_domain(name="shop")
    assert threading.active_count() == before
