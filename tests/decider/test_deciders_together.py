"""Two deciders on one engine, on the machine's clock, of which one or the other is replaced."""

import random
import threading
import time

import pytest
from decider_flows import KINDS, Shape, plainly
from decider_world import DOMAIN, SECONDS, TASK_LIST, World, find

from dataflow.engine import Engine
from dataflow.process.decider import Decider

pytestmark = pytest.mark.integration

EXECUTIONS = 30
DECIDERS = 2
WORKERS = 3


@pytest.fixture
def world():
    with Engine(":memory:") as engine:
        yield World(engine)


@pytest.fixture
def _workers(world):
    """Threads that do activities."""
    pollers = [world.engine.poller() for _ in range(WORKERS)]
    stop = threading.Event()

    def work(poller):
        while not stop.is_set():
            task = poller.poll_for_activity_task(domain=DOMAIN, taskList={"name": "default"})
            if task["taskToken"]:
                world.perform(task)

    threads = [threading.Thread(target=work, args=(poller,)) for poller in pollers]
    for thread in threads:
        thread.start()
    yield
    stop.set()
    for poller in pollers:
        poller.cancel()
    for thread in threads:
        thread.join(SECONDS)


def open_executions(world):
    answer = world.engine.count_open_workflow_executions(
        domain=DOMAIN, startTimeFilter={"oldestDate": 0}
    )
    return answer["count"]


@pytest.mark.usefixtures("_workers")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_result_is_that_of_plain_python(world, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable is the point

    def begin():
        decider = Decider(
            world,
            DOMAIN,
            TASK_LIST,
            find,
            threads=2,
            cache_size=chance.choice([0, 2, 100]),
            sticky_seconds=1,
        )
        decider.start()
        return decider

    deciders = [begin() for _ in range(DECIDERS)]
    expected = {}
    for number in range(EXECUTIONS):
        kind, n = KINDS[number % len(KINDS)], chance.randrange(1, 20)
        execution = world.start(Shape, kind, n, workflow_id=f"{kind}-{number}")
        expected[execution["workflowId"], execution["runId"]] = plainly(kind, n)
        time.sleep(chance.random() / 20)
        if chance.random() < 0.3:
            victim = chance.randrange(DECIDERS)
            deciders[victim].stop()
            assert deciders[victim].join(SECONDS)
            deciders[victim] = begin()
    deadline = time.monotonic() + SECONDS
    while open_executions(world):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for decider in deciders:
        decider.stop()
    assert all(decider.join(SECONDS) for decider in deciders)
    for (workflow_id, run_id), value in expected.items():
        assert world.result({"workflowId": workflow_id, "runId": run_id}) == value
