"""A worker whose activities run in child processes: real ones."""

import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import msgspec
import psutil
import pytest
from test_worker_heartbeats import TASK
from test_worker_inline import given
from working import running

from dataflow.clock import SystemClock
from dataflow.errors import UsageError
from dataflow.process import processes
from dataflow.process.heartbeat import Heartbeats
from dataflow.process.isolation import ChildFailed, IsolatedSlot, Limits
from dataflow.process.jobs import Completed
from dataflow.process.pipe import Start
from dataflow.process.running import Running

pytestmark = pytest.mark.integration

HERE = "worker_activities"


def perform(site, name, *args, version="default", **options):
    [task] = site.schedule(f"{HERE}.{name}", version=version, input=given(*args))
    with site.working(**options):
        return site.end(task)


def eventually(condition):
    """Wait until it is so."""
    deadline = time.monotonic() + 60
    while not (answer := condition()):
        assert time.monotonic() < deadline, "never"
        time.sleep(0.01)
    return answer


def heard(site):
    """The details of the heartbeats that the service has heard of."""
    return [
        request.get("details")
        for method, request in site.service.calls
        if method == "record_activity_task_heartbeat"
    ]


def lives(pid):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def children():
    """The child processes of workers in this test."""
    return [
        process.pid
        for process in psutil.Process().children()
        if "dataflow.process.child" in process.cmdline()
    ]


@pytest.fixture(autouse=True)
def no_child_is_left():
    yield
    assert children() == []


# --- what activities see and say ------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "result"),
    [
        ("add", [1, 2], "3"),
        ("waits_for", ["it"], '"it"'),
        ("Counts", [3], "[0,1,2]"),
        ("long_result", [32_766], f'"{"x" * 32_766}"'),
    ],
)
def test_a_result(site, name, args, result):
    end = perform(site, name, *args)
    assert (end.kind, end.result) == ("ActivityTaskCompleted", result)


def test_one_warm_child_for_all_tasks(site):
    tasks = site.schedule(*[f"{HERE}.pid"] * 20)
    with site.working(concurrency=1):
        pids = {end.result for end in site.ends(tasks)}
    assert len(pids) == 1
    assert pids != {str(os.getpid())}


def test_one_child_for_each_slot(site):
    with site.working(concurrency=3):
        assert len(eventually(lambda: len(children()) == 3 and children())) == 3


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("fails", "ValueError: no such number"),
        ("missing", "UnknownActivity: worker_activities has no activity worker_activities.missing"),
        ("exits", "SystemExit: 3"),
        ("interrupted", "KeyboardInterrupt"),
    ],
)
def test_a_failure(site, name, reason):
    assert perform(site, name).reason == reason


def test_only_some_modules(site):
    end = perform(site, "add", 1, modules=["json"])
    assert end.reason.endswith(f"no activity {HERE}.add: it imports only what is in json")
    assert perform(site, "add", 1, modules=["json", HERE]).result == "2"


def test_an_input_that_has_no_utf_8(site):
    heartbeats = Heartbeats(site.service, SystemClock(), 0)
    start = Start(path=sys.path, modules=[], pre=[], post=[], prepare=None, every=0)
    slot = IsolatedSlot(start, Limits(), heartbeats, SystemClock(), patience=3)
    outcomes = []
    for text in ('["\ud800"]', "[1]"):
        slot.make_ready()
        task = msgspec.structs.replace(TASK, name=f"{HERE}.add", version="default", input=text)
        outcomes.append(slot.perform(Running(task)))
    slot.close()
    assert outcomes[0].reason.startswith("UnicodeEncodeError:")
    assert outcomes[1] == Completed("2")


def test_the_context(site):
    end = perform(site, "context")
    assert json.loads(end.result) == ["test", "flow-1", site.run_id, "task-1", 1]


def test_what_an_activity_prints(site, capfd):
    perform(site, "prints", "hello")
    assert capfd.readouterr() == ("hello\n", "hello\n")


def test_log_lines_of_a_child(site, capfd):
    perform(site, "logs", prepare="test_worker_isolation.prepare")
    assert capfd.readouterr().err == "flow-1 task-1 1: at work\n"


def prepare():
    """Set up the logging of a child process."""
    from dataflow.process.logs import TaskContextFilter  # noqa: PLC0415 - in the child

    handler = logging.StreamHandler()
    handler.addFilter(TaskContextFilter())
    handler.setFormatter(
        logging.Formatter("%(workflow_id)s %(activity_id)s %(attempt)s: %(message)s")
    )
    logging.getLogger().addHandler(handler)


def before(context):
    print("before", context.name)  # noqa: T201


def after(context, result):
    print("after", result)  # noqa: T201


def test_hooks_run_in_the_child(site, capfd):
    perform(site, "add", 1, pre=[f"{__name__}.before"], post=[f"{__name__}.after"])
    assert capfd.readouterr().out == f"before {HERE}.add\nafter 2\n"


# --- children that cannot work ---------------------------------------------------------------


def test_hooks_that_cannot_be_had(site):
    with pytest.raises(UsageError, match=r"nowhere.hook cannot be had"):
        site.worker(pre=["nowhere.hook"]).run()


def dies():
    os._exit(7)


def test_children_that_die_at_once_end_the_worker(site, caplog):
    with pytest.raises(ChildFailed, match="a child process ended with exit code 7 before it was"):
        site.worker(prepare=f"{__name__}.dies").run()
    assert caplog.text.count("ended with exit code 7") == 4
    assert site.service.calls == [], "no task was taken"


def test_no_more_processes(site, monkeypatch):
    def refuse(*args, **options):
        raise BlockingIOError("Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(ChildFailed, match="no child process can be started: Resource temp"):
        site.worker().run()


# --- crashes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "args", "end"),
    [
        ("crashes", ["SIGSEGV"], "was killed by SIGSEGV"),
        ("crashes", ["SIGKILL"], "was killed by SIGKILL, perhaps for want of memory"),
        ("leaves", [0], "ended with exit code 0"),
        ("leaves", [42], "ended with exit code 42"),
        ("closes_everything", [], "ended with exit code 1"),
        ("babbles", [255], "has broken its connection"),
        ("babbles", [0], "has broken its connection"),
        ("forks", [], "was killed by SIGKILL, perhaps for want of memory"),
    ],
)
def test_a_crash_fails_its_task_only(site, tmp_path, name, args, end, capfd):
    path = tmp_path / "pid"
    [crashed] = site.schedule(f"{HERE}.{name}", input=given(str(path), *args))
    others = site.schedule(*[f"{HERE}.add"] * 3, input=given(1))
    with site.working():
        failed = site.end(crashed)
        assert {other.result for other in site.ends(others)} == {"2"}
    assert failed.kind == "ActivityTaskFailed"
    assert failed.reason.startswith("ActivityCrashed: the activity's process (pid ")
    assert failed.reason.endswith(f") {end}")
    assert failed.told["error_type"] == "dataflow.process.isolation.ActivityCrashed"
    if path.exists():
        eventually(lambda: not lives(int(path.read_text())))
    if args == ["SIGSEGV"]:
        assert "in crashes" in capfd.readouterr().err, "where it was"


def test_without_news_of_ends_it_is_looked_for(site, tmp_path, monkeypatch):
    """As on systems that have no pidfd; here what the activity forks keeps the connection open."""
    monkeypatch.delattr(os, "pidfd_open")
    end = perform(site, "forks", str(tmp_path / "pid"))
    assert end.reason.endswith("was killed by SIGKILL, perhaps for want of memory")
    assert perform(site, "add", 1).result == "2"


def test_an_idle_child_that_dies_is_replaced(site, caplog):
    with site.working():
        [first] = site.schedule(f"{HERE}.pid")
        pid = int(site.end(first).result)
        end = os.pidfd_open(pid)
        os.kill(pid, signal.SIGKILL)
        assert select.select([end], [], [], 60)[0]
        os.close(end)
        [second] = site.schedule(f"{HERE}.pid")
        assert int(site.end(second).result) != pid
    assert f"idle child process {pid} was killed by SIGKILL" in caplog.text


# --- replacement -----------------------------------------------------------------------------


def test_replaced_after_so_many_tasks(site):
    tasks = site.schedule(*[f"{HERE}.pid"] * 5)
    with site.working(max_tasks=2):
        pids = [end.result for end in site.ends(tasks)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_replaced_when_it_holds_too_much_memory(site):
    tasks = site.schedule(*[f"{HERE}.leaks"] * 5, input=given(150))
    with site.working(max_memory=250):
        pids = [end.result for end in site.ends(tasks)]
    assert pids[0] == pids[1] != pids[2] == pids[3] != pids[4]


def test_the_memory_of_nobody():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert processes.megabytes(gone.pid) == 0
    assert not Limits(max_memory=1).reached(1, gone.pid)


# --- tasks that shall end -------------------------------------------------------------------


def test_a_cancelled_activity_is_told(site):
    [task] = site.schedule(f"{HERE}.beats_until_canceled", input=given("details"))
    with site.working():
        eventually(lambda: any(heard(site)))
        site.cancel(task)
        assert site.end(task).kind == "ActivityTaskCanceled"
        [again] = site.schedule(f"{HERE}.add", input=given(1))
        assert site.end(again).result == "2"


def test_one_that_does_not_listen_is_terminated(site, tmp_path, caplog):
    path = tmp_path / "note"
    [task] = site.schedule(f"{HERE}.beats_once_and_sleeps", input=given(str(path)))
    with site.working(heartbeat=0.1, patience=0.2):
        eventually(lambda: any(heard(site)))
        site.cancel(task)
        assert site.end(task).kind == "ActivityTaskCanceled"
        assert path.read_text() == "cleaned up"
    assert "is terminated" in caplog.text
    assert "is killed" not in caplog.text


def test_one_that_does_not_end_is_killed_with_all_that_it_has_started(site, tmp_path, caplog):
    path = tmp_path / "pids"
    [task] = site.schedule(f"{HERE}.will_not_end", input=given(str(path)))
    with site.working(heartbeat=0.1, patience=0.2):
        eventually(lambda: any(heard(site)))
        site.cancel(task)
        assert site.end(task).kind == "ActivityTaskCanceled"
        pids = [int(pid) for pid in path.read_text().split()]
        assert len(pids) == 3
        eventually(lambda: not any(map(lives, pids)))
        [again] = site.schedule(f"{HERE}.add", input=given(1))
        assert site.end(again).result == "2"
    assert "is killed" in caplog.text


def test_one_that_has_timed_out_is_ended_and_not_answered(site, tmp_path):
    path = tmp_path / "note"
    [task] = site.schedule(
        f"{HERE}.beats_once_and_sleeps", input=given(str(path)), startToCloseTimeout="1"
    )
    with site.working(heartbeat=0.1, patience=0.2):
        assert site.end(task).kind == "ActivityTaskTimedOut"
        eventually(path.exists)
        [again] = site.schedule(f"{HERE}.add", input=given(1))
        assert site.end(again).result == "2"
    asked = [method for method, _ in site.service.calls if method.startswith("respond")]
    assert asked == ["respond_activity_task_completed"]


def test_the_details_of_heartbeats(site, tmp_path):
    path = tmp_path / "note"
    [task] = site.schedule(
        f"{HERE}.beats_once_and_sleeps", input=given(str(path)), startToCloseTimeout="1"
    )
    with site.working(patience=0.1, heartbeat=0.1):
        assert "pid" in json.loads(site.end(task).details)


def test_silent_activities_are_kept_alive(site, tmp_path):
    """The code asks for a word each second: the worker's own minute would be too long."""
    path = tmp_path / "go on"
    [task] = site.schedule(f"{HERE}.silent", input=given(str(path)), heartbeatTimeout="1")
    with site.working():
        eventually(lambda: len(heard(site)) > 4)
        path.touch()
        assert site.end(task).result == '"done"'


def test_heartbeats_of_the_past(site):
    [first] = site.schedule(f"{HERE}.leaves_a_thread")
    with site.working():
        site.end(first)
        rest = site.schedule(*[f"{HERE}.add"] * 50, input=given(1))
        assert {end.result for end in site.ends(rest)} == {"2"}
    assert {
        request["taskToken"]
        for method, request in site.service.calls
        if "details" in request and method == "record_activity_task_heartbeat"
    } <= {request["taskToken"] for _, request in site.service.calls[:3]}


def test_a_signal_that_nobody_has_announced(site, tmp_path):
    """All processes of a service are told to end; a task may finish nevertheless."""
    path = tmp_path / "go on"
    [task] = site.schedule(f"{HERE}.silent", input=given(str(path)))
    with site.working() as worker:
        eventually(lambda: heard(site))
        [pid] = children()
        os.kill(pid, signal.SIGTERM)
        worker.stop()
        path.touch()
        assert site.end(task).result == '"done"'


# --- stopping --------------------------------------------------------------------------------


def test_stopping_lets_a_task_finish(site, tmp_path):
    path = tmp_path / "go on"
    [task] = site.schedule(f"{HERE}.silent", input=given(str(path)))
    with site.working() as worker:
        eventually(lambda: worker.busy)
        worker.stop()
        path.touch()
        assert site.end(task).result == '"done"'


def test_stopping_ends_a_task_in_the_end(site, tmp_path):
    path = tmp_path / "pids"
    [task] = site.schedule(f"{HERE}.will_not_end", input=given(str(path)))
    with running(site.worker(patience=0.1)) as worker:
        eventually(path.exists)
        worker.stop(grace=0.1)
        worker.thread.join()
    assert site.end(task).reason.startswith("WorkerStopped:")
    eventually(lambda: not any(map(lives, map(int, path.read_text().split()))))


def test_stopping_at_once(site, tmp_path):
    path = tmp_path / "pids"
    tasks = site.schedule(*[f"{HERE}.will_not_end"] * 2, input=given(str(path)))
    with running(site.worker(concurrency=2)) as worker:
        eventually(lambda: worker.busy == 2 and path.exists())
        worker.stop_now()
        worker.thread.join()
    for end in site.ends(tasks):
        assert end.reason.startswith("WorkerStopped:")
    eventually(lambda: not any(map(lives, map(int, path.read_text().split()))))


@pytest.mark.parametrize("busy", [False, True])
def test_no_child_outlives_its_worker(tmp_path, busy):
    program = """
        import sys
        sys.path[:0] = {path}
        from working import Site
        from dataflow.engine import Engine
        site = Site(Engine(":memory:"))
        if {busy}:
            site.schedule("worker_activities.will_not_end", input='["{pids}"]')
        site.worker().run()
    """
    pids = tmp_path / "pids"
    text = textwrap.dedent(program).format(path=sys.path, busy=busy, pids=pids)
    worker = subprocess.Popen([sys.executable, "-c", text])
    try:
        if busy:
            eventually(lambda: pids.exists() and len(pids.read_text().split()) == 3)
        started = eventually(lambda: psutil.Process(worker.pid).children(recursive=True))
    finally:
        worker.kill()
        worker.wait()
    assert len(started) == (3 if busy else 1)
    eventually(lambda: not any(lives(process.pid) for process in started))


def test_a_child_does_not_trust_its_working_directory(site, tmp_path, monkeypatch):
    Path(tmp_path, "select.py").write_text("raise AssertionError('imported')")
    monkeypatch.chdir(tmp_path)
    assert perform(site, "add", 1).result == "2"
