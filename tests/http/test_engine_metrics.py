"""The text for Prometheus, and that nothing in it grows with what clients send."""

import threading

import pytest

from dataflow.engine import metrics
from dataflow.engine.metrics import Counter, Gauges, Histogram, Metrics


@pytest.fixture
def few(monkeypatch):
    monkeypatch.setattr(metrics, "MOST_SERIES", 2)


def gauges(backlog=None):
    return Gauges(open_executions=0, backlog=backlog or {}, parked={})


def test_a_counter():
    counter = Counter("calls_total", "Calls.", ("operation",))
    counter.add("a")
    counter.add("a", amount=2)
    counter.add("b")
    assert list(counter.lines()) == [
        "# HELP calls_total Calls.",
        "# TYPE calls_total counter",
        'calls_total{operation="a"} 3',
        'calls_total{operation="b"} 1',
    ]


def test_labels_are_escaped():
    counter = Counter("calls_total", "Calls.", ("name",))
    counter.add('a"b\\c\nd\N{SNOWMAN}')
    assert list(counter.lines())[2] == 'calls_total{name="a\\"b\\\\c\\nd\N{SNOWMAN}"} 1'


def test_a_histogram():
    histogram = Histogram("size", "Sizes.", (1, 2.5))
    for size in (0.5, 1, 2, 2.5, 3):
        histogram.observe(size)
    assert list(histogram.lines()) == [
        "# HELP size Sizes.",
        "# TYPE size histogram",
        'size_bucket{le="1"} 2',
        'size_bucket{le="2.5"} 4',
        'size_bucket{le="+Inf"} 5',
        "size_sum 9",
        "size_count 5",
    ]


def test_a_histogram_with_labels():
    histogram = Histogram("size", "Sizes.", (1,), ("kind",))
    assert len(list(histogram.lines())) == 2
    histogram.observe(0.5, "a")
    histogram.observe(7, "b")
    assert list(histogram.lines())[2:] == [
        'size_bucket{kind="a",le="1"} 1',
        'size_bucket{kind="a",le="+Inf"} 1',
        'size_sum{kind="a"} 0.5',
        'size_count{kind="a"} 1',
        'size_bucket{kind="b",le="1"} 0',
        'size_bucket{kind="b",le="+Inf"} 1',
        'size_sum{kind="b"} 7',
        'size_count{kind="b"} 1',
    ]


def test_a_family_has_an_end(few):
    counter = Counter("calls_total", "Calls.", ("operation", "code"))
    histogram = Histogram("size", "Sizes.", (), ("operation", "code"))
    for n in range(5):
        counter.add("a", str(n))
        counter.add("a", "0")
        histogram.observe(1, "a", str(n))
    assert list(counter.lines())[2:] == [
        'calls_total{operation="a",code="0"} 6',
        'calls_total{operation="a",code="1"} 1',
        'calls_total{operation="(other)",code="(other)"} 3',
    ]
    assert 'size_count{operation="(other)",code="(other)"} 3' in histogram.lines()


def test_the_longest_of_many_task_lists(few):
    lists = {("d", "activity", name): n for n, name in enumerate("abcd", start=1)}
    told = Metrics().text(gauges(lists)).splitlines()
    assert [line for line in told if line.startswith("dataflow_backlog")] == [
        'dataflow_backlog{domain="d",kind="activity",task_list="d"} 4',
        'dataflow_backlog{domain="d",kind="activity",task_list="c"} 3',
        'dataflow_backlog{domain="(other)",kind="(other)",task_list="(other)"} 3',
    ]


def test_what_a_process_tells():
    told = Metrics(version='1"', started=12.5).text(gauges())
    assert told.endswith("\n")
    assert 'dataflow_info{version="1\\""} 1\n' in told
    assert "process_start_time_seconds 12.5\n" in told
    assert "dataflow_commit_events_count 0\n" in told
    for line in told.splitlines():
        if line.startswith("process_resident_memory_bytes "):
            assert 1e6 < int(line.split()[1]) < 1e12
    assert "process_start_time" not in Metrics().text(gauges())


def test_what_a_commit_tells():
    counted = Metrics()
    counted.commit(20, 0.002)
    counted.commit(1, 0.2)
    told = counted.text(gauges())
    assert "dataflow_commit_events_sum 21\n" in told
    assert 'dataflow_commit_events_bucket{le="10"} 1\n' in told
    assert 'dataflow_commit_seconds_bucket{le="0.0025"} 1\n' in told
    assert "dataflow_commit_seconds_count 2\n" in told


def test_nothing_is_lost_between_threads():
    counted = Metrics()

    def count():
        for _ in range(2_000):
            counted.request("Operation", "OK", 0.001)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told = counted.text(gauges())
    assert 'dataflow_requests_total{operation="Operation",code="OK"} 8000\n' in told
    assert 'dataflow_request_seconds_count{operation="Operation"} 8000\n' in told
