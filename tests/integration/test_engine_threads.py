"""One engine, and many threads of its own process: none waits for ever, and nothing is confused."""

import json
import sys
import threading
import time
from contextlib import closing

import killing
import pytest
from botocore import xform_name
from killing import DECIDERS, DOMAIN, WORKERS, Client, Evidence, Journal, LostError, RefusedError

from dataflow.engine import Engine
from dataflow.engine.check import check
from dataflow.protocol.faults import Fault, ServiceUnavailable

PATIENCE = 60
SECONDS = 3
#: What runs at once: 32 threads.
ROLES = (
    ("starter",) * 3 + ("signaller",) * 3 + ("decider",) * 9 + ("worker",) * 13 + ("looker",) * 4
)

pytestmark = pytest.mark.integration


@pytest.fixture(autouse=True)
def _restless():
    """Threads are interrupted as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


class InProcess:
    """In the place of a connection."""

    def __init__(self, engine):
        self._engine = engine

    def ask(self, operation, **request):
        try:
            return getattr(self._engine, xform_name(operation))(**request)
        except ServiceUnavailable as fault:
            raise LostError(operation) from fault
        except Fault as fault:
            raise RefusedError(fault.code) from fault

    def close(self):
        pass


class Looker(Client):
    """Looks at everything; what it sees at one time fits together."""

    def turn(self):
        since = {"startTimeFilter": {"oldestDate": 0}}
        kind = self.chance.choice(["Open", "Closed"])
        listed = self.wire.ask(f"List{kind}WorkflowExecutions", domain=DOMAIN, **since)
        for info in listed["executionInfos"][:3]:
            named = {"domain": DOMAIN, "execution": info["execution"]}
            detail = self.wire.ask("DescribeWorkflowExecution", **named)
            events = self.history(named)
            if [event["eventId"] for event in events] != list(range(1, len(events) + 1)):
                self.journal.note("wrong", fault="a history with gaps", client=self.name)
            closed = detail["executionInfo"]["executionStatus"] == "CLOSED"
            if closed and detail["executionInfo"]["closeStatus"] is None:
                self.journal.note("wrong", fault="closed, but how?", client=self.name)
        for task_list, counted in ((DECIDERS, "Decision"), (WORKERS, "Activity")):
            self.wire.ask(f"CountPending{counted}Tasks", domain=DOMAIN, taskList=task_list)

    def history(self, named):
        request, events = {**named, "maximumPageSize": self.chance.choice([3, 1000])}, []
        while True:
            page = self.wire.ask("GetWorkflowExecutionHistory", **request)
            events += page["events"]
            if "nextPageToken" not in page:
                return events
            request["nextPageToken"] = page["nextPageToken"]


class Crowd:
    """Clients in threads."""

    def __init__(self, engine, directory):
        self.journals = [directory / f"journal-{number}" for number in range(len(ROLES))]
        self.ending = (threading.Event(), threading.Event())
        self.errors = []
        self.threads = []
        kinds = {**killing.ROLES, "looker": Looker}
        for number, role in enumerate(ROLES):
            name = f"{role}-{number}"
            journal = Journal(self.journals[number])
            client = kinds[role](name, InProcess(engine), journal, self.ending)
            self.threads.append(threading.Thread(target=self._run, args=(client,), name=name))
        for thread in self.threads:
            thread.start()

    def _run(self, client):
        try:
            client.run()
        except LostError:
            assert self.ending[1].is_set()
        except BaseException as error:
            self.errors.append(error)
            raise

    def join(self):
        self.ending[1].set()
        for thread in self.threads:
            thread.join(PATIENCE)
        assert [thread.name for thread in self.threads if thread.is_alive()] == []
        assert self.errors == []
        lines = [line for journal in self.journals for line in journal.read_text().splitlines()]
        assert lines
        assert [line for line in lines if json.loads(line)["kind"] == "wrong"] == []


def registered(engine):
    for operation, request in killing.REGISTRATIONS:
        getattr(engine, xform_name(operation))(**request)
    return engine


def test_a_crowd_of_threads(tmp_path):
    path = tmp_path / "engine.db"
    with closing(registered(Engine(path, poll_seconds=0.5))) as engine:
        crowd = Crowd(engine, tmp_path)
        time.sleep(SECONDS)
        crowd.ending[0].set()
        end = time.monotonic() + PATIENCE
        since = {"startTimeFilter": {"oldestDate": 0}}
        while engine.count_open_workflow_executions(domain=DOMAIN, **since)["count"]:
            assert time.monotonic() < end, "something is stuck"
            time.sleep(0.05)
        crowd.join()
    assert check(path).problems == []
    assert Evidence(path, crowd.journals).examine() == []


@pytest.mark.parametrize("moment", [0.05, 0.3, 1.0])
@pytest.mark.parametrize("durable", [True, False])
def test_the_engine_is_closed_under_their_hands(tmp_path, durable, moment):
    path = tmp_path / "engine.db" if durable else ":memory:"
    engine = registered(Engine(path, poll_seconds=600))
    crowd = Crowd(engine, tmp_path)
    time.sleep(moment)
    closing_ = threading.Thread(target=engine.close)
    closing_.start()
    closing_.join(PATIENCE)
    assert not closing_.is_alive()
    crowd.join()
    with pytest.raises(ServiceUnavailable, match="closed"):
        engine.list_domains(registrationStatus="REGISTERED")
    if durable:
        assert check(path).problems == []
        problems = Evidence(path, crowd.journals).examine()
        assert [problem for problem in problems if "stuck" not in problem] == []


def test_polls_that_wait_are_answered_when_the_engine_is_closed(tmp_path):
    engine = registered(Engine(tmp_path / "engine.db", poll_seconds=600))
    answers = []

    def poll(kind, task_list):
        answers.append(getattr(engine, kind)(domain=DOMAIN, taskList=task_list)["taskToken"])

    kinds = ("poll_for_decision_task", "poll_for_activity_task")
    threads = [
        threading.Thread(target=poll, args=(kind, {"name": f"l{number % 3}"}))
        for kind in kinds
        for number in range(16)
    ]
    for thread in threads:
        thread.start()
    while sum(engine._service.gauges().parked.values()) < len(threads):
        time.sleep(0.01)
    engine.close()
    for thread in threads:
        thread.join(PATIENCE)
    assert answers == [""] * len(threads)
