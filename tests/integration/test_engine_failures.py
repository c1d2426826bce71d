"""An engine in this process whose disk fails, or which has a bug: what could not be written has not
happened, everybody is told, and it goes on."""

import shutil
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from dataflow.engine import Engine
from dataflow.protocol.faults import InternalFailure, ServiceUnavailable
from dataflow.testing import VirtualClock

PATIENCE = 60
DECIDERS, WORKERS = {"name": "deciders"}, {"name": "workers"}
ORDER, PAY = {"name": "order", "version": "1"}, {"name": "pay", "version": "1"}
EVER = {"startTimeFilter": {"oldestDate": 0}}

pytestmark = pytest.mark.integration


class Disk:
    """What is under an engine's file, and can fail."""

    def __init__(self, engine):
        self._store = engine._service._state.store
        self._commits = engine._service._commits
        self._transaction = self._store._transaction
        self._rows = self._store._rows
        self._store._transaction = self._write
        self._store._rows = self._read
        self.full = False
        self.broken = False
        self.failed = 0
        self._held = self._on_its_way = None

    def hold(self):
        """From here on, nothing reaches the disk before `release`."""
        self._held, self._on_its_way = threading.Event(), threading.Event()

    def wait_for_a_write(self):
        """Until one is held."""
        assert self._on_its_way.wait(PATIENCE)

    def release(self):
        self._held.set()

    @contextmanager
    def _write(self):
        if self._held is not None:
            self._on_its_way.set()
            assert self._held.wait(PATIENCE)
        with self._transaction() as writer:
            yield writer
            if self.full or self.broken:
                self.failed += 1
                raise sqlite3.OperationalError("database or disk is full")

    def _read(self, *query):
        if self.broken:
            raise sqlite3.OperationalError("disk I/O error")
        return self._rows(*query)


def until(condition):
    """Wait for what other threads do."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "engine.db"


@pytest.fixture
def engine(path, clock):
    engine = Engine(path, clock=clock, poll_seconds=0)
    engine.register_domain(name="d", workflowExecutionRetentionPeriodInDays="1")
    engine.register_workflow_type(
        domain="d",
        **ORDER,
        defaultTaskList=DECIDERS,
        defaultTaskStartToCloseTimeout="60",
        defaultExecutionStartToCloseTimeout="86400",
        defaultChildPolicy="TERMINATE",
    )
    engine.register_activity_type(
        domain="d",
        **PAY,
        defaultTaskList=WORKERS,
        defaultTaskStartToCloseTimeout="60",
        defaultTaskHeartbeatTimeout="NONE",
        defaultTaskScheduleToStartTimeout="NONE",
        defaultTaskScheduleToCloseTimeout="NONE",
    )
    yield engine
    engine.close()


@pytest.fixture
def disk(engine):
    return Disk(engine)


def start(engine, workflow_id):
    started = engine.start_workflow_execution(
        domain="d", workflowId=workflow_id, workflowType=ORDER, tagList=["t"]
    )
    return {"workflowId": workflow_id, "runId": started["runId"]}


def schedule(engine, *activity_ids):
    """Take a decision task and have activities scheduled."""
    task = engine.poll_for_decision_task(domain="d", taskList=DECIDERS)
    attributes = [{"activityType": PAY, "activityId": one} for one in activity_ids]
    engine.respond_decision_task_completed(
        taskToken=task["taskToken"],
        decisions=[
            {
                "decisionType": "ScheduleActivityTask",
                "scheduleActivityTaskDecisionAttributes": members,
            }
            for members in attributes
        ],
    )


def everything(engine):
    """What there is to see."""
    seen = {}
    for status in ("REGISTERED", "DEPRECATED"):
        seen[status] = [
            engine.list_domains(registrationStatus=status),
            engine.list_workflow_types(domain="d", registrationStatus=status),
            engine.list_activity_types(domain="d", registrationStatus=status),
        ]
    seen["domain"] = engine.describe_domain(name="d")
    arn = seen["domain"]["domainInfo"]["arn"]
    seen["tags"] = engine.list_tags_for_resource(resourceArn=arn)
    seen["open"] = engine.list_open_workflow_executions(domain="d", **EVER)
    seen["closed"] = engine.list_closed_workflow_executions(domain="d", **EVER)
    seen["tagged"] = engine.count_open_workflow_executions(
        domain="d", tagFilter={"tag": "t"}, **EVER
    )
    for task_list, count in (
        (DECIDERS, engine.count_pending_decision_tasks),
        (WORKERS, engine.count_pending_activity_tasks),
    ):
        seen[task_list["name"]] = count(domain="d", taskList=task_list)
    for info in seen["open"]["executionInfos"] + seen["closed"]["executionInfos"]:
        named = {"domain": "d", "execution": info["execution"]}
        seen[info["execution"]["runId"]] = [
            engine.describe_workflow_execution(**named),
            engine.get_workflow_execution_history(**named),
        ]
    return seen


def on_disk(path, clock, tmp_path_factory):
    """What an engine sees that opens a copy of the file."""
    copy = tmp_path_factory.mktemp("copy") / "engine.db"
    for suffix in ("", "-wal"):
        original = path.with_name(path.name + suffix)
        if original.exists():
            shutil.copy(original, copy.with_name(copy.name + suffix))
    with Engine(copy, clock=clock, poll_seconds=0) as other:
        return everything(other)


@pytest.fixture
def nothing_changed(engine, path, clock, tmp_path_factory):
    """What happens here changes nothing that can be seen, in memory or on disk."""

    @contextmanager
    def nothing_changed():
        before = everything(engine)
        yield
        assert everything(engine) == before
        assert on_disk(path, clock, tmp_path_factory) == before

    return nothing_changed


# --- a full disk --------------------------------------------------------------------------


def test_what_could_not_be_written_has_not_happened(engine, disk, nothing_changed):
    runs = [start(engine, name) for name in ("a", "b", "c", "e")]
    schedule(engine, "1", "2")
    schedule(engine)
    activity = engine.poll_for_activity_task(domain="d", taskList=WORKERS)
    decision = engine.poll_for_decision_task(domain="d", taskList=DECIDERS)
    arn = engine.describe_domain(name="d")["domainInfo"]["arn"]
    complete = {"decisionType": "CompleteWorkflowExecution"}
    changes = {
        "register_domain": {"name": "x", "workflowExecutionRetentionPeriodInDays": "1"},
        "tag_resource": {"resourceArn": arn, "tags": [{"key": "k", "value": "v"}]},
        "register_activity_type": {"domain": "d", "name": "x", "version": "1"},
        "register_workflow_type": {"domain": "d", "name": "x", "version": "1"},
        "start_workflow_execution": {"domain": "d", "workflowId": "x", "workflowType": ORDER},
        "signal_workflow_execution": {"domain": "d", "workflowId": "a", "signalName": "s"},
        "request_cancel_workflow_execution": {"domain": "d", "workflowId": "b"},
        "terminate_workflow_execution": {"domain": "d", "workflowId": "b"},
        "poll_for_activity_task": {"domain": "d", "taskList": WORKERS},
        "respond_activity_task_completed": {"taskToken": activity["taskToken"]},
        "respond_activity_task_failed": {"taskToken": activity["taskToken"]},
        "respond_activity_task_canceled": {"taskToken": activity["taskToken"]},
        "respond_decision_task_completed": {
            "taskToken": decision["taskToken"],
            "decisions": [complete],
        },
        "deprecate_activity_type": {"domain": "d", "activityType": PAY},
        "deprecate_workflow_type": {"domain": "d", "workflowType": ORDER},
        "deprecate_domain": {"name": "d"},
    }
    everything(engine)  # until all is on disk
    disk.full = True
    with nothing_changed():
        for method, request in changes.items():
            with pytest.raises(ServiceUnavailable, match="disk is full"):
                getattr(engine, method)(**request)
    assert disk.failed == len(changes)
    disk.full = False
    for method, request in changes.items():
        if method not in {"respond_activity_task_failed", "respond_activity_task_canceled"}:
            getattr(engine, method)(**request)
    closed = engine.list_closed_workflow_executions(domain="d", **EVER)["executionInfos"]
    assert {info["execution"]["runId"] for info in closed} == {runs[1]["runId"], runs[2]["runId"]}


def test_all_that_wait_for_a_batch_are_told(engine, disk, nothing_changed):
    start(engine, "a")
    disk.full = True
    disk.hold()
    with nothing_changed():
        with ThreadPoolExecutor(32) as threads:
            asked = [threads.submit(start, engine, f"w{n}") for n in range(16)]
            asked += [
                threads.submit(
                    engine.signal_workflow_execution,
                    domain="d",
                    workflowId="a",
                    signalName=str(n),
                )
                for n in range(16)
            ]
            disk.release()
            for one in asked:
                with pytest.raises(ServiceUnavailable, match="nothing was changed"):
                    one.result(PATIENCE)
        disk.full = False
    with ThreadPoolExecutor(32) as threads:
        list(threads.map(lambda n: start(engine, f"w{n}"), range(16)))
    assert engine.count_open_workflow_executions(domain="d", **EVER)["count"] == 17


def test_what_stands_on_a_failed_batch_fails_with_it(engine, disk):
    """While one batch is on its way to the disk, another one fills with what follows from it."""
    disk.full = True
    disk.hold()
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(start, engine, "a")
        disk.wait_for_a_write()
        second = threads.submit(
            engine.signal_workflow_execution, domain="d", workflowId="a", signalName="s"
        )
        until(lambda: engine._service._commits.pending.answers)
        disk.release()
        for one in (first, second):
            with pytest.raises(ServiceUnavailable):
                one.result(PATIENCE)
    disk.full = False
    with pytest.raises(engine.exceptions.UnknownResourceFault):
        engine.signal_workflow_execution(domain="d", workflowId="a", signalName="s")


def test_reads_go_on_while_deadlines_cannot_be_written(engine, disk, clock, nothing_changed):
    run = start(engine, "a")
    schedule(engine, "1")
    engine.poll_for_activity_task(domain="d", taskList=WORKERS)
    disk.full = True
    with pytest.raises(ServiceUnavailable):
        start(engine, "b")
    disk_was = everything(engine)
    clock.advance(61)  # the activity has timed out
    assert everything(engine) == disk_was
    disk.full = False
    start(engine, "b")
    events = engine.get_workflow_execution_history(domain="d", execution=run)["events"]
    assert [event["eventType"] for event in events][-2:] == [
        "ActivityTaskTimedOut",
        "DecisionTaskScheduled",
    ]


def test_a_late_answer_is_late_even_then(engine, disk, clock):
    start(engine, "a")
    schedule(engine, "1")
    task = engine.poll_for_activity_task(domain="d", taskList=WORKERS)
    disk.full = True
    with pytest.raises(ServiceUnavailable):
        start(engine, "b")
    clock.advance(61)
    disk.full = False
    with pytest.raises(engine.exceptions.UnknownResourceFault):
        engine.respond_activity_task_completed(taskToken=task["taskToken"])


def test_trouble_is_told_until_it_is_over(engine, disk):
    service = engine._service
    assert service.trouble is None
    disk.full = True
    with pytest.raises(ServiceUnavailable):
        start(engine, "a")
    assert "disk is full" in service.trouble
    disk.full = False
    start(engine, "a")
    assert service.trouble is None


def test_a_file_that_is_closed_while_the_disk_is_full_is_whole(path, engine, disk, clock):
    start(engine, "a")
    before = everything(engine)
    disk.full = True
    disk.hold()
    with ThreadPoolExecutor(2) as threads:
        lost = threads.submit(start, engine, "b")
        disk.wait_for_a_write()
        closed = threads.submit(engine.close)
        disk.release()
        closed.result(PATIENCE)
        with pytest.raises(ServiceUnavailable):
            lost.result(PATIENCE)
    with Engine(path, clock=clock, poll_seconds=0) as other:
        assert everything(other) == before


# --- a disk that cannot be read, either ---------------------------------------------------


def test_an_unreadable_disk_is_told_and_survived(engine, disk, path, clock, tmp_path_factory):
    closed = start(engine, "closed")
    engine.terminate_workflow_execution(domain="d", workflowId="closed")
    start(engine, "a")
    schedule(engine, "1")
    before = everything(engine)
    disk.broken = True
    for _ in range(3):
        with pytest.raises(ServiceUnavailable):
            start(engine, "b")
        with pytest.raises(ServiceUnavailable):
            engine.get_workflow_execution_history(domain="d", execution=closed)
        with pytest.raises(ServiceUnavailable):
            engine.list_open_workflow_executions(domain="d", **EVER)
    disk.broken = False
    assert everything(engine) == before
    assert on_disk(path, clock, tmp_path_factory) == before
    start(engine, "b")
    assert engine.poll_for_activity_task(domain="d", taskList=WORKERS)["activityId"] == "1"


# --- a bug --------------------------------------------------------------------------------


class BugError(Exception):
    """Nobody has thought of it."""


@contextmanager
def bug(monkeypatch, owner, name):
    """Where something is half done, it goes wrong, once."""
    right, bugs = getattr(owner, name), [BugError(name)]

    def wrong(*arguments, **options):
        right(*arguments, **options)
        if bugs:
            raise bugs.pop()

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, wrong)
        yield


@pytest.mark.parametrize("name", ["watch", "match", "_wait", "_begin", "_write_header"])
def test_a_bug_leaves_the_engine_whole(engine, monkeypatch, nothing_changed, name):
    start(engine, "a")
    schedule(engine, "1")
    state = engine._service._state
    child = {
        "decisionType": "StartChildWorkflowExecution",
        "startChildWorkflowExecutionDecisionAttributes": {
            "workflowType": ORDER,
            "workflowId": "child",
        },
    }
    start(engine, "b")
    task = engine.poll_for_decision_task(domain="d", taskList=DECIDERS)
    ends = {"decisionType": "CompleteWorkflowExecution"}
    with nothing_changed(), bug(monkeypatch, state, name), pytest.raises(BugError):
        engine.respond_decision_task_completed(taskToken=task["taskToken"], decisions=[child, ends])
    engine.respond_decision_task_completed(taskToken=task["taskToken"], decisions=[child, ends])
    assert engine.poll_for_activity_task(domain="d", taskList=WORKERS)["activityId"] == "1"


def test_a_bug_that_comes_again_when_all_is_read_anew(engine, monkeypatch, nothing_changed):
    start(engine, "a")
    schedule(engine, "1")

    def wrong(*_):
        raise BugError

    with nothing_changed(), monkeypatch.context() as patch:
        patch.setattr(engine._service._state, "watch", wrong)
        for _ in range(2):
            with pytest.raises(BugError):
                start(engine, "b")
            with pytest.raises(BugError):  # rather than an answer that may be wrong
                everything(engine)


def test_a_bug_takes_what_was_not_written_with_it(engine, disk, monkeypatch, nothing_changed):
    start(engine, "a")
    disk.hold()
    with ThreadPoolExecutor(4) as threads:
        # One is on its way to the disk, one waits for the next way.
        saved = threads.submit(start, engine, "saved")
        disk.wait_for_a_write()
        lost = threads.submit(start, engine, "lost")
        until(lambda: engine._service._commits.pending.answers)
        with bug(monkeypatch, engine._service._state, "watch"):
            failed = threads.submit(
                engine.signal_workflow_execution, domain="d", workflowId="a", signalName="s"
            )
            until(engine._service.lock.locked)
            disk.release()
            with pytest.raises(BugError):
                failed.result(PATIENCE)
        with pytest.raises(InternalFailure, match="nothing was changed"):
            lost.result(PATIENCE)
        run_id = saved.result(PATIENCE)["runId"]
    listed = engine.list_open_workflow_executions(domain="d", **EVER)["executionInfos"]
    assert {info["execution"]["workflowId"] for info in listed} == {"a", "saved"}
    assert run_id in {info["execution"]["runId"] for info in listed}
    with nothing_changed():
        pass


def test_parked_polls_survive_a_bug(path, monkeypatch):
    with Engine(path) as engine, ThreadPoolExecutor(1) as threads:
        engine.register_domain(name="d", workflowExecutionRetentionPeriodInDays="1")
        engine.register_workflow_type(
            domain="d",
            **ORDER,
            defaultTaskList=DECIDERS,
            defaultTaskStartToCloseTimeout="60",
            defaultExecutionStartToCloseTimeout="86400",
            defaultChildPolicy="TERMINATE",
        )
        poll = threads.submit(engine.poll_for_decision_task, domain="d", taskList=DECIDERS)
        until(lambda: engine._service.gauges().parked["decision"])
        with bug(monkeypatch, engine._service._state, "_begin"), pytest.raises(BugError):
            start(engine, "a")
        assert engine._service.gauges().parked["decision"] == 1
        run = start(engine, "a")
        assert poll.result(PATIENCE)["workflowExecution"] == run
