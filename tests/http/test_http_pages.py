"""``/healthz`` and ``/metrics``."""

import pytest
from running_server import describe, poll, post

HEALTH = b"GET /healthz HTTP/1.1\r\n\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\n\r\n"


def test_healthy(client):
    got = client.ask(HEALTH)
    assert (got.status, got.body) == (200, b"ok\n")
    assert got.headers["content-type"].startswith("text/plain")


def test_a_disk_in_trouble(client, service):
    service.trouble = "cannot write engine.db: disk full"
    got = client.ask(HEALTH)
    assert (got.status, got.body) == (503, b"cannot write engine.db: disk full\n")
    service.trouble = None
    assert client.ask(HEALTH).status == 200


def test_head(client):
    got = client.send(HEALTH.replace(b"GET", b"HEAD")).answer(head=True)
    assert (got.status, got.headers["content-length"]) == (200, "3")
    assert client.ask(describe("x")).status == 200


@pytest.fixture
def metrics(connect):
    def metrics():
        got = connect().ask(METRICS)
        assert got.status == 200
        assert got.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = [line for line in got.body.decode().splitlines() if not line.startswith("#")]
        return dict(line.rsplit(" ", 1) for line in lines)

    return metrics


def test_metrics(client, metrics, service):
    service.backlog = {("shop", "decision", "box"): 3}
    answers = [client.ask(describe(name)) for name in ("x", "fault", "fault")]
    client.ask(post("Nonsense"))
    client.send(poll())
    service.wait_for(lambda: service.parked)
    told = metrics()
    requests = {k: v for k, v in told.items() if k.startswith("dataflow_requests_total")}
    assert requests == {
        'dataflow_requests_total{operation="DescribeDomain",code="OK"}': "1",
        'dataflow_requests_total{operation="DescribeDomain",code="UnknownResourceFault"}': "2",
        'dataflow_requests_total{operation="(none)",code="UnknownOperationException"}': "1",
    }
    length = sum(len(answer.body) for answer in answers)
    assert told['dataflow_response_bytes_total{operation="DescribeDomain"}'] == str(length)
    assert told['dataflow_request_seconds_count{operation="DescribeDomain"}'] == "3"
    assert told["dataflow_open_executions"] == "7"
    assert told['dataflow_backlog{domain="shop",kind="decision",task_list="box"}'] == "3"
    assert told['dataflow_parked_polls{kind="activity"}'] == "1"
    assert told['dataflow_info{version="1.2.3"}'] == "1"
    service.hand_out({"taskToken": "t"})
    assert client.answer().status == 200
    told = metrics()
    assert told['dataflow_requests_total{operation="PollForActivityTask",code="OK"}'] == "1"
    assert not any("seconds" in name and "PollFor" in name for name in told)
