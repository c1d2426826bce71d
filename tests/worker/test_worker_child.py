"""A child process in pieces, in this process: its pipe, its way with signals, how it is ended."""

import math
import os
import select
import signal
import socket
import threading

import msgspec
import pytest
import worker_activities
from test_worker_heartbeats import TASK

from dataflow import ActivityCanceled, activity
from dataflow.process.catalogue import Catalogue
from dataflow.process.child import Child
from dataflow.process.escalation import Escalation, Step
from dataflow.process.isolation import Wake
from dataflow.process.jobs import Canceled, Completed, Failed, Heartbeat
from dataflow.process.performing import Performer, heartbeat_seconds
from dataflow.process.pipe import FROM_CHILD, TO_CHILD, Cancel, Expected, Pipe, Quit, Ready
from dataflow.process.processes import describe_exit


@pytest.fixture
def ends():
    """The ends of the worker and of the child."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Pipe(ours.fileno(), FROM_CHILD), Pipe(theirs.fileno(), TO_CHILD)


# --- the pipe --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "message",
    [Ready(), Heartbeat("{}"), Heartbeat(None), Completed("1"), Failed("a", "b"), Canceled()],
)
def test_what_a_child_says(ends, message):
    worker, child = ends
    child.send(message)
    assert worker.receive() == message


@pytest.mark.parametrize("message", [TASK, Cancel(), Quit()])
def test_what_a_child_is_told(ends, message):
    worker, child = ends
    worker.send(message)
    assert child.receive() == message


def test_several_messages_at_once(ends):
    worker, child = ends
    for n in range(3):
        child.send(Completed(str(n)))
    assert worker.take() == Completed("0")
    assert worker.pending
    assert [worker.take(), worker.take()] == [Completed("1"), Completed("2")]
    assert not worker.pending


def test_a_message_in_pieces(ends):
    worker, child = ends
    there, back = socket.socketpair()
    with there, back:
        Pipe(there.fileno(), TO_CHILD).send(Completed("long"))
        whole = back.recv(1000)
    for n in range(len(whole) - 1):
        os.write(child.fd, whole[n : n + 1])
        assert worker.take() is None
        assert worker.speaks
    os.write(child.fd, whole[-1:])
    assert worker.take() == Completed("long")
    assert not worker.speaks


def test_a_message_that_is_longer_than_a_socket_takes_at_once(ends):
    worker, child = ends
    long = Completed("x" * 1_000_000)
    sender = threading.Thread(target=child.send, args=[long])
    sender.start()
    assert worker.receive() == long
    sender.join()


def test_the_end(ends):
    worker, child = ends
    assert not worker.speaks
    with socket.socket(fileno=os.dup(child.fd)) as again:
        again.shutdown(socket.SHUT_WR)
    assert worker.speaks
    with pytest.raises(EOFError):
        worker.receive()


def test_nonsense(ends):
    worker, child = ends
    os.write(child.fd, b"\xff" * 100)
    with pytest.raises(EOFError):
        worker.receive()


# --- signals, as if they came ---------------------------------------------------------------


@pytest.fixture
def child(ends):
    return Child(ends[1])


def perform(child, function):
    """What a child that performs this activity says."""
    worker_activities.given = activity.with_attributes(name="name", version="version")(function)
    try:
        child._perform(Performer(Catalogue()), TASK)
    finally:
        del worker_activities.given


def test_a_signal_that_was_announced_interrupts(ends, child, monkeypatch):
    worker, _ = ends

    def work():
        worker.send(Cancel())
        child._terminate(signal.SIGTERM, None)
        raise AssertionError("not interrupted")

    perform(child, work)
    assert worker.receive() == Canceled()


def test_a_signal_that_was_not_announced_does_nothing(ends, child, monkeypatch):
    worker, _ = ends
    perform(child, lambda: child._terminate(signal.SIGTERM, None))
    assert worker.receive() == Completed("null")


def test_a_signal_does_nothing_to_a_child_that_has_nothing_to_do(ends, child):
    worker, _ = ends
    worker.send(Cancel())
    child._terminate(signal.SIGTERM, None)


def test_a_signal_does_not_cut_a_message_in_two(ends, child, monkeypatch):
    worker, pipe = ends
    send = pipe.send

    def interrupted(message):
        if isinstance(message, Heartbeat):
            worker.send(Cancel())
            child._terminate(signal.SIGTERM, None)
        send(message)

    monkeypatch.setattr(pipe, "send", interrupted)

    def work():
        activity.heartbeat("half")
        raise AssertionError("not interrupted")

    perform(child, work)
    assert [worker.receive(), worker.receive()] == [Heartbeat('"half"'), Canceled()]


def test_a_signal_when_the_activity_has_just_ended(ends, child, monkeypatch):
    worker, _ = ends

    class Late(Performer):
        def perform(self, *args):
            super().perform(*args)
            raise ActivityCanceled

    child._perform(Late(Catalogue()), TASK)
    assert worker.receive() == Canceled()


def test_a_signal_while_a_module_is_imported(ends, child, tmp_path, monkeypatch):
    worker, _ = ends
    (tmp_path / "interrupted.py").write_text(
        "from dataflow import ActivityCanceled\nraise ActivityCanceled"
    )
    monkeypatch.syspath_prepend(tmp_path)
    child._perform(Performer(Catalogue()), msgspec.structs.replace(TASK, name="interrupted.f"))
    assert worker.receive() == Canceled()


def test_a_heartbeat_of_a_task_that_shall_end(ends, child, monkeypatch):
    worker, _ = ends

    def work():
        worker.send(Cancel())
        activity.heartbeat()

    perform(child, work)
    assert worker.receive() == Canceled()


def test_a_heartbeat_of_a_task_that_has_ended(ends, child, monkeypatch):
    worker, _ = ends
    contexts = []
    perform(child, lambda: contexts.append(activity.context()))
    with pytest.raises(ActivityCanceled, match="the activity has ended"):
        contexts[0].heartbeat()
    assert worker.receive() == Completed("null")
    assert not worker.speaks


@pytest.mark.parametrize(("every", "told"), [(0, 0), (60, 1), (1, 0)])
def test_a_worker_hears_how_often_to_beat(ends, child, every, told):
    worker, _ = ends
    child._every = every
    child._found(activity.with_attributes(heartbeat_timeout=9)(lambda: 0))
    assert worker.speaks is bool(told)
    if told:
        assert worker.receive() == Expected(3)


@pytest.mark.parametrize(
    ("timeout", "seconds"), [(None, None), ("NONE", None), (300, 100), (3, 1), (0, 0.25)]
)
def test_how_often_to_beat(timeout, seconds):
    named = activity.with_attributes(heartbeat_timeout=timeout)(lambda: 0)
    assert heartbeat_seconds(named) == seconds


# --- how the worker's thread is woken --------------------------------------------------------


def test_woken():
    wake = Wake()
    for _ in range(100_000):  # more than fits
        wake()
    assert select.select([wake.fd], [], [], 0)[0]
    wake.clear()
    assert not select.select([wake.fd], [], [], 0)[0]
    wake.close()


def test_woken_too_late():
    wake = Wake()
    wake.close()
    reader, writer = os.pipe()  # with the numbers of those that were closed
    os.set_blocking(reader, False)
    wake()
    with pytest.raises(BlockingIOError):
        os.read(reader, 1)
    os.close(reader)
    os.close(writer)


# --- how a child is ended --------------------------------------------------------------------


def test_told_then_terminated_then_killed():
    escalation = Escalation(3)
    steps = [(now, step) for now in range(100, 120) if (step := escalation.step(now))]
    assert steps == [(100, Step.TELL), (103, Step.TERMINATE), (106, Step.KILL)]
    assert escalation.due == math.inf


def test_without_patience():
    escalation = Escalation(0)
    assert [escalation.step(5) for _ in range(4)] == [*Step, None]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (0, "ended with exit code 0"),
        (3, "ended with exit code 3"),
        (-11, "was killed by SIGSEGV"),
        (-9, "was killed by SIGKILL, perhaps for want of memory"),
        (-200, "was killed by signal 200"),
    ],
)
def test_how_a_process_has_ended(code, told):
    assert describe_exit(code) == told
