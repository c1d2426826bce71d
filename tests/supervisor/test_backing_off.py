"""How long the supervisor waits before it starts children that fail at once."""

import subprocess
from types import SimpleNamespace

import pytest

from dataflow.process import supervisor
from dataflow.process.supervisor import Supervisor, _Child


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=1_000.0)
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture
def one(clock):
    one = Supervisor(lambda line: ["command", str(line)], 5, grace=0)
    yield one
    one._kill_all()
    for end in (one._line, one._childrens, one._receiver, one._sender):
        end.close()


def dies(one, *, age, code=1):
    process = subprocess.Popen.__new__(subprocess.Popen)
    process.pid, process.returncode = 1 << 30, code
    one._bury(_Child(process, supervisor.time.monotonic() - age), code)


def pause(one, clock):
    return pytest.approx(max(0.0, one._not_before - clock.now))


def test_pauses_double_and_have_a_limit(one, clock):
    pauses = []
    for _ in range(12):
        dies(one, age=0)
        pauses.append(one._not_before - clock.now)
        clock.now = one._not_before
    assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30])


def test_several_that_die_at_once_count_as_one(one, clock):
    # If each doubled the pause, those of a machine with 64 processors would never come back.
    for _ in range(64):
        dies(one, age=0)
    assert pause(one, clock) == 0.1


def test_a_child_that_lived_is_replaced_at_once(one, clock):
    dies(one, age=3600, code=-9)
    assert pause(one, clock) == 0


def test_a_child_that_has_ended_in_good_order_is_replaced_at_once(one, clock):
    dies(one, age=0, code=0)
    assert pause(one, clock) == 0


def test_after_a_child_that_lived_pauses_are_short_again(one, clock):
    for _ in range(5):
        dies(one, age=0)
        clock.now = one._not_before
    dies(one, age=3600)
    dies(one, age=0)
    assert pause(one, clock) == 0.1
