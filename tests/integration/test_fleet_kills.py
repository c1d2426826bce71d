"""Processes of a fleet are killed in the middle of work: what was completed is not done again."""

import os
import random
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from fleet_flows import SlowDecision, Steps, Sum
from fleets import Fleet, kill, until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="takes the names of processes from /proc"),
]

#: What seeds the random crashes.
SEED = int(os.environ.get("DATAFLOW_SEED", "1"))
EXECUTIONS, FEWEST_KILLS, MOST_KILLS = 200, 5, 20


class Killer(threading.Thread):
    """Kills processes of a fleet: deciders, workers, and those in which activities run."""

    def __init__(self, fleet, chance):
        super().__init__(name="killer")
        self.fleet, self.chance = fleet, chance
        self.victims = 0

    def run(self):
        while self.victims < MOST_KILLS:
            time.sleep(self.chance.uniform(0.2, 0.6))
            workers = psutil.Process(self.fleet.workers.process.pid)
            kind = self.chance.choice(["decider", "worker", "activity"])
            if kind == "activity":
                pids = {p.pid for p in workers.children(recursive=True)}
                pids -= set(self.fleet.workers.children)
            else:
                command = self.fleet.deciders if kind == "decider" else self.fleet.workers
                pids = set(command.children)
            if pids:
                with suppress(ProcessLookupError):
                    kill(self.chance.choice(sorted(pids)))
                    self.victims += 1


def is_completed(event):
    return type(event.attributes).__name__ == "ActivityTaskCompleted"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        fleet.server = fleet.serve()
        fleet.connect()
        fleet.deciders = fleet.decide("-N", "2")
        fleet.workers = fleet.work("-N", "2")
        yield fleet


def test_end_to_end(fleet):
    fleet.open("whole")
    execution = fleet.start(Steps, "whole")
    assert fleet.result(execution) == ["whole-before", "whole", "whole-after"]
    fleet.assert_done_once("whole")
    (begin,) = fleet.notes("begin", "whole")
    assert int(begin[1]) in fleet.workers.children
    assert fleet.notes("end", "whole") == [[]]


def test_processes_say_what_they_are(fleet):
    def title(pid):
        return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0 ")

    until(
        lambda: all(title(p) == "dataflow decider test/decide" for p in fleet.deciders.children),
        fleet.deciders,
    )
    assert title(fleet.deciders.process.pid) == "dataflow supervisor decider test/decide"
    until(
        lambda: all(title(p) == "dataflow worker test/work" for p in fleet.workers.children),
        fleet.workers,
    )


def test_a_decider_that_is_killed_while_executions_wait(fleet):
    execution = fleet.start(Steps, "waits")
    fleet.until_noted("begin", "waits")
    for pid in fleet.deciders.children:  # one of them has the execution in memory
        kill(pid)
    fleet.open("waits")
    assert fleet.result(execution) == ["waits-before", "waits", "waits-after"]
    fleet.assert_done_once("waits")
    assert len(fleet.notes("end", "waits")) == 1


def test_a_decider_that_is_killed_while_it_decides(fleet):
    execution = fleet.start(SlowDecision, "decides")
    ((pid,),) = fleet.until_noted("deciding", "decides")
    kill(pid)
    fleet.open("decides")
    assert fleet.result(execution) == "decides-after"
    fleet.assert_done_once("decides")
    pids = [pid for (pid,) in fleet.notes("deciding", "decides")]
    assert len(pids) == len(set(pids)) == 2


def test_a_worker_that_is_killed(fleet):
    execution = fleet.start(Steps, "worker")
    ((child, worker),) = fleet.until_noted("begin", "worker")
    kill(worker)
    begins = fleet.until_noted("begin", "worker", times=2)  # when its heartbeats are missed
    fleet.open("worker")
    assert fleet.result(execution) == ["worker-before", "worker", "worker-after"]
    fleet.assert_done_once("worker")
    assert len(fleet.notes("end", "worker")) == 1  # the activity has died with its worker
    assert begins[1][0] != child


def test_an_activity_that_is_killed(fleet):
    execution = fleet.start(Steps, "child")
    ((child, worker),) = fleet.until_noted("begin", "child")
    kill(child)
    fleet.until_noted("begin", "child", times=2)
    fleet.open("child")
    assert fleet.result(execution) == ["child-before", "child", "child-after"]
    fleet.assert_done_once("child")
    assert len(fleet.notes("end", "child")) == 1
    assert int(worker) in fleet.workers.children  # it has lived on
    reasons = [
        event.attributes.reason
        for event in fleet.client.history(execution)
        if type(event.attributes).__name__ == "ActivityTaskFailed"
    ]
    assert len(reasons) == 1
    assert f"(pid {child}) was killed by SIGKILL" in reasons[0]


def test_a_server_that_is_killed(fleet):
    execution = fleet.start(Steps, "server")
    fleet.until_noted("begin", "server")
    kill(fleet.server.process.pid)
    fleet.server.process.wait()
    # Whose replacement finds no server: no reason to end the fleet.
    before = len(fleet.deciders.children)
    kill(fleet.deciders.children[0])
    fleet.open("server")  # nor can the activity be answered
    fleet.until_noted("end", "server")
    fleet.deciders.until_told("cannot connect")
    fleet.server = fleet.serve()
    assert fleet.result(execution) == ["server-before", "server", "server-after"]
    fleet.assert_done_once("server")
    assert fleet.notes("end", "server") == [[]]
    assert len(fleet.deciders.children) == before
    assert fleet.deciders.process.poll() is None


def test_many_executions_and_random_kills(fleet):
    """Every sum is right, and no activity that was completed has been done again."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    fleet.workers.stop()
    fleet.workers = fleet.work("-N", "4", "--concurrency", "2")
    numbers = {f"sum-{n}": [chance.randrange(100) for _ in range(3)] for n in range(EXECUTIONS)}
    killer = Killer(fleet, chance)
    killer.start()
    try:
        executions = {name: fleet.start(Sum, name, given) for name, given in numbers.items()}
    finally:
        killer.join()
    assert killer.victims >= FEWEST_KILLS
    for name, given in numbers.items():
        execution = executions[name]
        assert fleet.result(execution) == sum(given) + len(given), (name, SEED)
        done = [event for event in fleet.client.history(execution) if is_completed(event)]
        assert len(done) == 2 * len(given), (name, SEED)


def test_nobody_is_left_behind(fleet):
    assert fleet.workers.stop()[0] == 0
    assert fleet.deciders.stop()[0] == 0
    fleet.server.signal(signal.SIGTERM)
    assert fleet.server.end()[0] == 0
