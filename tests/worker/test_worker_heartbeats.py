"""When heartbeats are sent, and what their answers come to; on a clock that the test turns."""

import logging
import threading

import pytest

from dataflow.process.heartbeat import Heartbeats
from dataflow.process.running import Ending, Running
from dataflow.process.tasks import PolledTask
from dataflow.protocol.faults import ThrottlingException, UnknownResourceFault
from dataflow.testing import VirtualClock

TASK = PolledTask(
    token="token",  # noqa: S106 - no password
    domain="domain",
    name="name",
    version="version",
    activity_id="activity",
    workflow_id="workflow",
    run_id="run",
    input=None,
    attempt=1,
)


class Service:
    def __init__(self, clock):
        self.clock = clock
        self.start = clock.now()
        self.told = []
        self.answers = []

    def record_activity_task_heartbeat(self, **request):
        self.told.append((self.clock.now() - self.start, request.get("details")))
        assert request["taskToken"] == "token"
        answer = self.answers.pop(0) if self.answers else {"cancelRequested": False}
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def service(clock):
    return Service(clock)


@pytest.fixture
def running():
    return Running(TASK)


def watching(service, clock, running, every=60):
    heartbeats = Heartbeats(service, clock, every)
    heartbeats.watch(running)
    return heartbeats


def pass_time(heartbeats, clock, seconds, step=1):
    for _ in range(int(seconds / step)):
        clock.advance(step)
        heartbeats.beat()


def times(service):
    return [time for time, _ in service.told]


def test_every_so_often(service, clock, running):
    heartbeats = watching(service, clock, running)
    assert heartbeats.beat() == clock.now() + 60
    pass_time(heartbeats, clock, 200)
    assert service.told == [(60, None), (120, None), (180, None)]
    heartbeats.forget(running)
    pass_time(heartbeats, clock, 200)
    assert len(service.told) == 3


def test_off_but_for_the_activitys_own(service, clock, running):
    heartbeats = watching(service, clock, running, every=0)
    heartbeats.expect(running, 1)
    pass_time(heartbeats, clock, 1000, step=50)
    assert service.told == []
    heartbeats.tell(running, "half")
    heartbeats.beat()
    assert service.told == [(1000, "half")]


def test_more_often_if_the_service_expects_it(service, clock, running):
    heartbeats = watching(service, clock, running)
    heartbeats.expect(running, 100)
    heartbeats.expect(running, 20)
    pass_time(heartbeats, clock, 65)
    assert times(service) == [20, 40, 60]


def test_the_activitys_own_go_out_at_once_and_one_a_second(service, clock, running):
    heartbeats = watching(service, clock, running)
    for n in range(30):
        heartbeats.tell(running, f"{n}")
        heartbeats.beat()
        clock.advance(0.1)
    assert [(round(time, 3), told) for time, told in service.told] == [
        (0, "0"),
        (1, "10"),
        (2, "20"),
    ]


def test_the_last_of_the_activitys_own_is_not_forgotten(service, clock, running):
    heartbeats = watching(service, clock, running)
    for details in ("a", "b", "c"):
        heartbeats.tell(running, details)
        heartbeats.beat()
    pass_time(heartbeats, clock, 62)
    assert service.told == [(0, "a"), (1, "c"), (61, "c")]


@pytest.mark.parametrize("own", [False, True])
def test_lost_heartbeats_are_tried_again_ever_later(service, clock, running, own, caplog):
    service.answers = [ThrottlingException("later"), OSError("gone"), RuntimeError("bug"), {}]
    heartbeats = watching(service, clock, running)
    if own:
        heartbeats.tell(running, "x")
        heartbeats.beat()
    else:
        pass_time(heartbeats, clock, 60)
    first = times(service)[0]
    for _ in range(20):
        if own:
            heartbeats.tell(running, "x")
        pass_time(heartbeats, clock, 1)
    tried = [time - first for time in times(service)]
    assert tried[:4] == [0, 2, 6, 14]
    assert tried[4:] == ([15, 16, 17, 18, 19, 20] if own else [])
    warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert warnings == ["a heartbeat was lost: ThrottlingException: later"]
    assert running.ending is None


def test_a_cancellation_is_told(service, clock, running):
    service.answers = [{"cancelRequested": True}]
    heartbeats = watching(service, clock, running)
    pass_time(heartbeats, clock, 120)
    assert running.ending is Ending.CANCELED
    assert times(service) == [60, 120], "until it is answered it is alive"


def test_a_task_that_is_gone(service, clock, running, caplog):
    service.answers = [UnknownResourceFault("unknown activity")]
    heartbeats = watching(service, clock, running)
    pass_time(heartbeats, clock, 180)
    assert running.ending is Ending.GONE
    assert times(service) == [60]
    assert "the task is over" in caplog.text


def test_a_heartbeat_that_crosses_the_answer(service, clock, running, caplog):
    heartbeats = watching(service, clock, running)

    def answered(**request):
        heartbeats.forget(running)
        raise UnknownResourceFault("unknown activity")

    service.record_activity_task_heartbeat = answered
    pass_time(heartbeats, clock, 60)
    assert running.ending is None
    assert caplog.text == ""


def test_no_heartbeat_for_a_task_that_was_answered_while_another_was_sent(service, clock):
    first, second = Running(TASK), Running(TASK)
    heartbeats = watching(service, clock, first)
    heartbeats.watch(second)

    def record(**request):
        service.told.append((0, None))
        heartbeats.forget(first)
        heartbeats.forget(second)
        return {}

    service.record_activity_task_heartbeat = record
    pass_time(heartbeats, clock, 60)
    assert len(service.told) == 1


@pytest.mark.parametrize(
    ("asked", "ending"),
    [
        ("STOPPED", "STOPPED"),
        ("STOPPED CANCELED", "CANCELED"),
        ("CANCELED STOPPED", "CANCELED"),
        ("CANCELED GONE STOPPED", "GONE"),
    ],
)
def test_the_greater_reason_prevails(asked, ending):
    woken = []
    running = Running(TASK, lambda: woken.append(running.ending))
    for why in asked.split():
        running.end(Ending[why])
    assert running.ending is Ending[ending]
    assert woken == sorted(set(woken))


class Sent(Exception):
    """Says that a heartbeat was sent, to a test that waits for it."""


def test_the_thread_wakes_for_what_is_due_sooner(clock, running):
    """Nothing is due for a minute; then the activity speaks."""
    sent = threading.Event()

    class Listening:
        def record_activity_task_heartbeat(self, **request):
            sent.set()
            return {}

    heartbeats = Heartbeats(Listening(), clock, 60)
    heartbeats.start()
    heartbeats.watch(running)
    heartbeats.tell(running, "now")
    assert sent.wait(60)
    heartbeats.stop()
