"""The token buckets of a client; time is given."""

from concurrent.futures import ThreadPoolExecutor

from dataflow.client.rates import CallRates
from dataflow.protocol.limits import SWF_QUOTAS
from dataflow.protocol.operations import OPERATIONS


class Time:
    """Goes on when somebody sleeps, as long as he is alone."""

    def __init__(self):
        self.now = 1000.0
        self.slept = []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def rates(time, **calls):
    return CallRates(calls, now=lambda: time.now, sleep=time.sleep)


def test_as_many_at_once_as_there_are_tokens():
    time = Time()
    buckets = rates(time, Poll=(5.0, 2.0))
    for _ in range(5):
        buckets.wait("Poll")
    assert time.slept == []
    for _ in range(4):
        buckets.wait("Poll")
    assert time.slept == [0.5] * 4
    time.now += 100
    for _ in range(5):
        buckets.wait("Poll")
    assert time.slept == [0.5] * 4, "no more than a full bucket was saved up"
    buckets.wait("Poll")
    assert time.slept == [0.5] * 5


def test_each_operation_has_its_own():
    time = Time()
    buckets = rates(time, Poll=(1.0, 1.0), Start=(1.0, 1.0))
    for operation in ("Poll", "Start", "Free", "Free"):
        buckets.wait(operation)
    assert time.slept == []


def test_who_waits_waits_in_turn():
    """Those that come while others wait, wait for longer."""
    time = Time()
    slept = []
    buckets = CallRates({"Poll": (1.0, 10.0)}, now=lambda: time.now, sleep=slept.append)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(buckets.wait, ["Poll"] * 9))
    assert sorted(round(seconds, 6) for seconds in slept) == [n / 10 for n in range(1, 9)]


def test_the_quotas_of_amazon_are_those_of_operations():
    assert SWF_QUOTAS.calls.keys() <= OPERATIONS.keys()
    assert SWF_QUOTAS.calls["PollForActivityTask"] == (2000.0, 200.0)
