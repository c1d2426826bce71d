"""How workers end, and what keeps them from it."""

import os
import signal
import threading
import time

import pytest
import worker_activities
from working import DOMAIN, TASK_LIST, running

from dataflow import ActivityCanceled, activity
from dataflow.errors import UsageError
from dataflow.process.worker import Worker
from dataflow.protocol.faults import (
    AccessDeniedException,
    LimitExceededFault,
    ServiceUnavailable,
    ThrottlingException,
    UnknownResourceFault,
    UnrecognizedClientException,
    ValidationException,
)


class Work:
    """Activities that the test holds the strings of."""

    def __init__(self):
        self.begun, self.go_on, self.told = (threading.Event() for _ in range(3))

    def waits(self):
        """Work until the test says so; it does not listen."""
        self.begun.set()
        assert self.go_on.wait(60)
        return "done"

    def listens(self):
        """Work until it is told to end."""
        try:
            while True:
                activity.heartbeat()
                self.begun.set()
                time.sleep(0.001)
        except ActivityCanceled:
            self.told.set()
            raise

    def lingers(self):
        """Take a while to clean up."""
        try:
            self.listens()
        except ActivityCanceled:
            assert self.go_on.wait(60)
            raise


@pytest.fixture
def work(monkeypatch):
    work = Work()
    for name in ("waits", "listens", "lingers"):
        it = activity.with_attributes(name=name)(getattr(work, name))
        monkeypatch.setattr(worker_activities, name, it, raising=False)
    yield work
    work.go_on.set()


def inline(site, **options):
    return site.worker(isolation="inline", **options)


@pytest.fixture(autouse=True)
def nobody_waits(monkeypatch):
    monkeypatch.setattr("dataflow.process.seat.pauses", lambda: iter([0.0] * 100))
    monkeypatch.setattr("dataflow.process.heartbeat._OWN_SECONDS", 0.001)
    monkeypatch.setattr("dataflow.process.heartbeat._TICK", 0.001)


# --- stopping ----------------------------------------------------------------------------


def test_a_worker_that_waits_for_tasks_stops_at_once(site):
    with running(inline(site, concurrency=3)) as worker:
        worker.stop(grace=60)
        worker.thread.join()
    assert not worker._seats[0].thread.is_alive()


def test_stopped_before_it_runs(site):
    worker = inline(site)
    worker.stop()
    worker.run()


def test_a_task_that_runs_may_finish(site, work):
    [task, _] = site.schedule("waits", "waits")
    with running(inline(site)) as worker:
        work.begun.wait()
        worker.stop(grace=60)
        assert worker._stopping.wait(60)
        work.go_on.set()
        worker.thread.join()
    assert site.end(task).result == '"done"'
    pending = site.engine.count_pending_activity_tasks(domain=DOMAIN, taskList={"name": TASK_LIST})
    assert pending["count"] == 1, "the second task was left to others"


def test_after_a_while_it_is_told_to_end(site, work):
    [task] = site.schedule("listens")
    with running(inline(site)) as worker:
        work.begun.wait()
        worker.stop(grace=0)
        worker.thread.join()
    end = site.end(task)
    assert work.told.is_set()
    assert end.reason == "WorkerStopped: the worker was stopped before the activity had ended"


def test_a_cancellation_that_was_asked_for_is_answered_as_such(site, work):
    [task] = site.schedule("listens")
    with running(inline(site)) as worker:
        work.begun.wait()
        site.cancel(task)
        worker.stop(grace=60)
        worker.thread.join()
    assert site.end(task).kind == "ActivityTaskCanceled"


def test_a_task_that_does_not_listen_is_answered_for(site, work, monkeypatch):
    monkeypatch.setattr("dataflow.process.worker._ANSWER_SECONDS", 0.01)
    [task] = site.schedule("waits")
    with running(inline(site, patience=0)) as worker:
        work.begun.wait()
        worker.stop(grace=0)
        worker.thread.join()
    assert site.end(task).reason.startswith("WorkerStopped:")
    responses = [method for method, _ in site.service.calls if method.startswith("respond")]
    work.go_on.set()
    worker._seats[0].thread.join()
    assert responses == ["respond_activity_task_failed"]


def test_at_once(site, work):
    [task] = site.schedule("waits")
    with running(inline(site)) as worker:
        work.begun.wait()
        worker.stop_now()
        worker.thread.join()
    assert site.end(task).reason.startswith("WorkerStopped:")


def test_at_once_without_an_answer(site, work):
    site.schedule("waits")
    with running(inline(site)) as worker:
        work.begun.wait()
        worker.stop_now(answer=False)
        worker.thread.join()
        work.go_on.set()
        worker._seats[0].thread.join()
    assert site.service.calls == []


def test_at_once_after_all(site, work):
    [task] = site.schedule("waits")
    with running(inline(site)) as worker:
        work.begun.wait()
        worker.stop(grace=3600)
        worker.stop(grace=7200)
        worker.stop_now()
        worker.thread.join()
    assert site.end(task).reason.startswith("WorkerStopped:")


def test_an_interrupt_ends_it_at_once(site, work, monkeypatch):
    [task] = site.schedule("waits")
    worker = inline(site)

    def interrupted():
        work.begun.wait()
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "_next", interrupted)
    with pytest.raises(KeyboardInterrupt):
        worker.run()
    assert site.end(task).reason.startswith("WorkerStopped:")


@pytest.mark.integration  # a signal interrupts this very process
def test_from_the_handler_of_a_signal(site, work):
    [task] = site.schedule("waits")
    worker = inline(site)
    before = signal.signal(signal.SIGTERM, lambda *_: worker.stop(0.01))

    def send():
        work.begun.wait()
        os.kill(os.getpid(), signal.SIGTERM)
        work.go_on.set()

    try:
        threading.Thread(target=send).start()
        worker.run()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert site.end(task).kind in {"ActivityTaskCompleted", "ActivityTaskFailed"}


class LatePoller:
    """Answers a task although it was cancelled, as some engines cannot help."""

    def __init__(self, poller, go_on):
        self._poller = poller
        self._go_on = go_on

    def poll_for_activity_task(self, **request):
        assert self._go_on.wait(60)
        return self._poller.poll_for_activity_task(**request)

    def cancel(self):
        pass


def test_a_task_that_comes_in_the_last_moment_is_performed(site, work):
    [task] = site.schedule("worker_activities.add", input="[1]")
    worker = inline(site)
    seat = worker._seats[0]
    seat.poller = LatePoller(seat.poller, work.go_on)
    with running(worker):
        worker.stop(grace=60)
        assert worker._stopping.wait(60)
        work.go_on.set()
        assert site.end(task).result == "2"


def test_a_task_that_comes_later_is_answered_for(site, work):
    [first, second] = site.schedule("lingers", "worker_activities.add", input="[]")
    worker = inline(site, concurrency=2)
    late = threading.Event()
    seat = worker._seats[1]
    seat.poller = LatePoller(seat.poller, late)
    with running(worker):
        work.begun.wait()
        worker.stop(grace=0)
        work.told.wait()
        late.set()
        assert site.end(second).reason.startswith("WorkerStopped:")
        work.go_on.set()
        assert site.end(first).reason.startswith("WorkerStopped:")


# --- what goes wrong with polls ------------------------------------------------------------


class Troubled:
    """A connection whose polls fail before they work."""

    direct = None

    def __init__(self, site, *errors):
        self.service = site.service
        self.fields, self.home = site.fields, site.home
        self.errors = list(errors)
        self._poller = site.engine.poller()
        self.cancel = self._poller.cancel

    def poller(self):
        return self

    def poll_for_activity_task(self, **request):
        if self.errors:
            raise self.errors.pop(0)
        return self._poller.poll_for_activity_task(**request)


@pytest.mark.parametrize(
    "error",
    [
        ThrottlingException("later"),
        ServiceUnavailable("later"),
        LimitExceededFault("1000 pollers"),
        ConnectionResetError(),
        TimeoutError(),
        ValueError("what the service answered is no JSON"),
    ],
)
def test_errors_of_the_service_do_not_end_a_worker(site, error, caplog):
    [task] = site.schedule("worker_activities.add", input="[1]")
    worker = Worker(Troubled(site, *[error] * 10), DOMAIN, TASK_LIST, isolation="inline")
    with running(worker):
        assert site.end(task).result == "2"
    assert caplog.text.count("cannot poll workers, again in 0.0 s") == 10


class NoCredentialsError(Exception):
    """As botocore has it."""


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (UnknownResourceFault("Unknown domain: test"), "there is no domain test .*register it"),
        (AccessDeniedException("not you"), "no right to poll workers in domain test: not you"),
        (UnrecognizedClientException("who?"), "does not accept the credentials"),
        (ValidationException("bad name"), "workers in domain test cannot be polled: bad name"),
        (NoCredentialsError("Unable to locate credentials"), "cannot be polled: Unable to locate"),
        (UsageError("no server"), "^no server$"),
    ],
)
def test_errors_of_use_do(site, error, told):
    worker = Worker(Troubled(site, *[error] * 3), DOMAIN, TASK_LIST, isolation="inline")
    with pytest.raises(UsageError, match=told):
        worker.run()


def test_the_other_slots_finish_first(site, work):
    [task] = site.schedule("waits")
    worker = inline(site, concurrency=2)

    class Refused:
        def poll_for_activity_task(self, **request):
            assert work.begun.wait(60)
            work.go_on.set()
            raise AccessDeniedException("not you")

        def cancel(self):
            pass

    worker._seats[1].poller = Refused()
    with pytest.raises(UsageError, match="no right"):
        worker.run()
    assert site.end(task).result == '"done"'


def test_a_bug_of_ours_leaves_no_task_without_an_answer(site, monkeypatch):
    [task] = site.schedule("worker_activities.add", input="[1]")
    worker = inline(site)

    def fail(running):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(worker._seats[0]._slot, "perform", fail)
    with pytest.raises(ZeroDivisionError):
        worker.run()
    assert site.end(task).reason == "ZeroDivisionError: a bug"


def test_a_service_that_does_not_hold_polls_is_not_stormed(site, monkeypatch):
    polls, waits = [], []
    worker = inline(site)

    class Empty:
        def poll_for_activity_task(self, **request):
            polls.append(request)
            if len(polls) == 5:
                worker._stopping.set()
            return {"taskToken": ""}

        def cancel(self):
            pass

    worker._seats[0].poller = Empty()
    monkeypatch.setattr(worker._stopping, "wait", waits.append)
    worker.run()
    assert polls == [{"domain": DOMAIN, "taskList": {"name": TASK_LIST}}] * 5
    assert waits == [0.5] * 5
