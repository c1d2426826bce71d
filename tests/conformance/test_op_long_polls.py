"""PollForDecisionTask and PollForActivityTask, where no task is there yet."""

import socket
import threading
from contextlib import closing

import pytest
from conforming import Checked, World, schedule
from serving import Wire, served

pytestmark = pytest.mark.polls_wait


class Waiting:
    """A poll on its way, in a thread of its own."""

    def __init__(self, world, service, kind, task_list):
        self.answer = None
        self._poll = getattr(world.swf, f"poll_for_{kind}_task")
        self._request = {"domain": world.domain, "taskList": {"name": task_list}}
        self._thread = threading.Thread(target=self._run, name=kind)
        before = parked(service)
        self._thread.start()
        wait_until(lambda: parked(service) != before)

    def _run(self):
        self.answer = self._poll(**self._request)

    @property
    def over(self):
        return not self._thread.is_alive()

    def answered(self):
        self._thread.join(60)
        assert self.answer is not None
        return self.answer


def parked(service):
    return sum(service.gauges().parked.values())


def wait_until(condition):
    for _ in range(60_000):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it does not come to this")


def test_a_decider_that_waits(world, service):
    """ "This action initiates a long poll, where the service holds the HTTP connection open and
    responds as soon a task becomes available." """
    poll = Waiting(world, service, "decision", "deciders")
    run = world.start()
    task = poll.answered()
    assert task["workflowExecution"] == run
    assert [event["eventId"] for event in task["events"]] == [1, 2, 3]
    world.decide(task=task)
    again = Waiting(world, service, "decision", "deciders")
    world.signal()
    assert again.answered()["previousStartedEventId"] == 3


def test_a_worker_that_waits(world, service):
    """ "This initiates a long poll, where the service holds the HTTP connection open and responds
    as soon as a task becomes available." """
    poll = Waiting(world, service, "activity", "workers")
    run = world.decided(schedule("a"))
    task = poll.answered()
    assert (task["workflowExecution"], task["activityId"]) == (run, "a")
    world.activity_completed(task)
    assert world.kinds(run)[-2:] == ["ActivityTaskCompleted", "DecisionTaskScheduled"]


def test_a_task_for_each(world, service):
    """A task is handed out once: one poll is answered for each."""
    polls = [Waiting(world, service, "activity", "workers") for _ in range(3)]
    run = world.decided(*(schedule(activity_id) for activity_id in "abc"))
    tasks = [poll.answered() for poll in polls]
    assert sorted(task["activityId"] for task in tasks) == ["a", "b", "c"]
    assert world.kinds(run).count("ActivityTaskStarted") == 3


def test_a_poll_hears_of_its_own_list_only(world, service):
    """ "Specifies the task list to poll for activity tasks." """
    poll = Waiting(world, service, "activity", "mine")
    world.decided(schedule("a", taskList={"name": "yours"}))
    world.start("other", taskList={"name": "mine"})  # a list of decisions
    assert not poll.over
    world.decide(schedule("b", taskList={"name": "mine"}), task=world.poll_decision("mine"))
    assert poll.answered()["activityId"] == "b"


@pytest.mark.needs_clock
@pytest.mark.parametrize("kind", ["decision", "activity"])
def test_a_minute_is_the_longest(world, service, kind):
    """ "The maximum time the service holds on to the request before responding is 60 seconds. If no
    task is available within 60 seconds, the poll returns an empty result." """
    poll = Waiting(world, service, kind, "list")
    world.advance(59)
    world.start()
    assert parked(service) == 1
    world.advance(1)
    world.terminate()
    assert poll.answered()["taskToken"] == ""
    assert parked(service) == 0


def test_who_has_been_answered_waits_no_longer(world, service):
    """An answered poll takes no second task."""
    poll = Waiting(world, service, "decision", "deciders")
    world.start("a")
    poll.answered()
    assert parked(service) == 0
    world.start("b")
    assert world.poll_decision()["workflowExecution"]["workflowId"] == "b"


def test_a_worker_that_has_stopped_sending_gets_the_task_that_it_was_given(tmp_path, monkeypatch):
    """ "Workers should set their client side socket timeout": what they may do while they wait."""
    with (
        served(tmp_path, poll_seconds=60) as server,
        closing(server.boto3_client()) as client,
        closing(Wire(server)) as worker,
    ):
        world, service = World(Checked(client)), server.service
        world.start()
        task = world.poll_decision()
        worker.send(
            "PollForActivityTask", {"domain": world.domain, "taskList": {"name": "workers"}}
        )
        wait_until(lambda: parked(service))
        commit, disk = service._state.store.commit, threading.Event()

        def slow(batch):
            assert disk.wait(60)
            commit(batch)

        monkeypatch.setattr(service._state.store, "commit", slow)
        decider = threading.Thread(
            target=world.decide, args=(schedule("a"),), kwargs={"task": task}
        )
        decider.start()
        wait_until(lambda: not parked(service))
        worker.socket.shutdown(socket.SHUT_WR)
        client.describe_domain(name=world.domain)  # when this is answered, the server has seen it
        disk.set()
        decider.join()
        assert worker.answer().json["activityId"] == "a"
        assert [started["scheduledEventId"] for started in world.all("ActivityTaskStarted")] == [5]
