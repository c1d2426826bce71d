"""A child of the supervisor, and what it makes of signals."""

import os
import signal
import sys

import pytest
from supervising import alive

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc"),
]

CHILD = """
import threading
from dataflow.process.supervised import Child

class Actor:
    def __init__(self):
        self.told = threading.Event()

    def run(self):
        ready()
        self.told.wait()
        note("ended")

    def stop(self):
        note("stop")
        {stop}

    def stop_now(self):
        note("stop now")
        {stop_now}

class Noting(Child):
    def _take(self, number, frame):
        note(f"signal {{number}}")
        super()._take(number, frame)

Noting({line}, grace={grace}).run(Actor())
note("returned")
"""


def child(*, line="line", stop="self.told.set()", stop_now="self.told.set()", grace=20):
    return CHILD.format(line=line, stop=stop, stop_now=stop_now, grace=grace)


def told(supervised):
    return [line for line in supervised.lines if not line.startswith(("pid ", "signal "))]


def test_it_is_told_to_stop(supervise):
    supervised = supervise(child())
    supervised.until_started(1)
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 0
    assert told(supervised) == ["stop", "ended", "returned"]


def test_it_is_told_to_end_at_once(supervise):
    supervised = supervise(child(stop="pass"), grace=600)
    supervised.until_started(1)
    supervised.signal(signal.SIGTERM)
    supervised.until(lambda: "stop" in supervised.lines)
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 128 + signal.SIGTERM
    assert told(supervised) == ["stop", "stop now", "ended", "returned"]


def test_it_does_not_wait_for_who_does_not_end(supervise):
    supervised = supervise(child(stop="pass", stop_now="pass"), grace=0)
    supervised.until_started(1)
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 1
    assert "ended" not in supervised.lines


def test_a_signal_for_all_processes_of_a_service_is_not_a_second_one(supervise):
    supervised = supervise(child(stop="pass"))
    pid = supervised.until_started(1)[0]
    os.kill(pid, signal.SIGTERM)
    supervised.until(lambda: "stop" in supervised.lines)
    supervised.signal(signal.SIGTERM)
    supervised.until(lambda: supervised.lines.count(f"signal {signal.SIGTERM:d}") == 2)
    os.kill(pid, signal.SIGUSR2)
    assert supervised.end()[0] == 0
    assert told(supervised) == ["stop", "stop now", "ended", "returned"]
    hurry = supervised.lines.index(f"signal {signal.SIGUSR2:d}")
    assert supervised.lines.index("stop now") > hurry


def test_without_a_supervisor_a_second_signal_is_in_a_hurry(supervise):
    supervised = supervise(child(line=None, stop="pass"))
    pid = supervised.until_started(1)[0]
    os.kill(pid, signal.SIGINT)
    supervised.until(lambda: "stop" in supervised.lines)
    os.kill(pid, signal.SIGINT)
    supervised.until(lambda: "returned" in supervised.lines)
    assert told(supervised)[:4] == ["stop", "stop now", "ended", "returned"]


def test_it_stops_when_its_supervisor_is_gone(supervise):
    supervised = supervise(child())
    pid = supervised.until_started(1)[0]
    supervised.signal(signal.SIGKILL)
    supervised.until(lambda: not alive(pid))
    assert told(supervised) == ["stop", "ended", "returned"]


def test_it_is_killed_when_its_supervisor_is_gone_and_it_does_not_end(supervise):
    # It does not even come to hear of it: the main thread sleeps.
    program = (
        child(grace=0.1)
        .replace('note("returned")', "")
        .replace("Child(", "child = Child(")
        .replace(".run(Actor())", "\nready()\ntime.sleep(600)")
    )
    supervised = supervise(program, 2)
    pids = supervised.until_started(2)
    supervised.signal(signal.SIGKILL)
    supervised.until(lambda: not any(map(alive, pids)))


def test_who_has_ended_is_replaced(supervise):
    supervised = supervise(child().replace("self.told.wait()", "self.told.wait(0.05)"))
    supervised.until_started(3)
    supervised.signal(signal.SIGTERM)
    assert supervised.end()[0] == 0


def test_what_the_work_raises_is_raised(supervise):
    supervised = supervise(child().replace("self.told.wait()", "raise ZeroDivisionError"))
    supervised.until_started(1)
    supervised.signal(signal.SIGTERM)
    code, errors = supervised.end()
    assert code == 0
    assert "ZeroDivisionError" in errors


def test_it_says_why_it_gives_up(supervise):
    supervised = supervise(
        """
        from dataflow.process.supervised import Child

        child = Child(line, grace=1)
        child.give_up("two\\nlines")
        sys.exit(2)
        """,
        2,
    )
    code, errors = supervised.end()
    assert code == 2
    assert errors.splitlines()[-1] == "error: two lines"
