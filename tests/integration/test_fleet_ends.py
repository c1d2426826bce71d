"""How fleets end: when they are told to, and because they cannot work."""

import json
import signal
import time

import psutil
import pytest
from fleet_flows import Steps
from fleets import Fleet, kill, until

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        fleet.server = fleet.serve("--listen", "127.0.0.1:0")
        fleet.url = fleet.server.until_told(r"http://127\.0\.0\.1:\d+")[0]
        fleet.connect()
        yield fleet


def key(fleet, role, *options):
    """The environment of who has a key of this role."""
    made = fleet.command("server.key.create", "--role", role, "--format", "json", *options)
    out, _ = made.process.communicate()
    told = json.loads(out)
    return {
        "AWS_ACCESS_KEY_ID": told["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": told["secret_access_key"],
    }


# --- told to stop -------------------------------------------------------------------------


def test_those_who_wait_for_work_end_at_once(fleet):
    deciders = fleet.decide("-N", "1", "--grace", "20", LOG_LEVEL="INFO")
    workers = fleet.work("-N", "1", "--grace", "20", LOG_LEVEL="INFO")
    fleet.open("short")
    assert fleet.result(fleet.start(Steps, "short"))  # so they poll: for a minute, undisturbed
    for command in (deciders, workers):
        command.signal(signal.SIGINT)
    for command in (deciders, workers):
        code, told = command.end()
        assert code == 0, told
        assert "shall end at once" not in told


def test_what_is_in_hand_is_finished(fleet):
    deciders = fleet.decide("-N", "1")
    workers = fleet.work("-N", "1")
    execution = fleet.start(Steps, "finishes")
    fleet.until_noted("begin", "finishes")
    workers.signal(signal.SIGTERM)
    deciders.signal(signal.SIGTERM)
    assert deciders.end()[0] == 0
    fleet.open("finishes")
    assert workers.end()[0] == 0
    kinds = [type(event.attributes).__name__ for event in fleet.client.history(execution)]
    assert kinds.count("ActivityTaskCompleted") == 2
    deciders = fleet.decide("-N", "1")
    workers = fleet.work("-N", "1")
    assert fleet.result(execution) == ["finishes-before", "finishes", "finishes-after"]
    fleet.assert_done_once("finishes")
    assert len(fleet.notes("begin", "finishes")) == len(fleet.notes("end", "finishes")) == 1
    workers.stop()
    deciders.stop()


def test_what_does_not_end_in_time_is_answered(fleet):
    deciders = fleet.decide("-N", "1")
    workers = fleet.work("-N", "1", "--grace", "1")
    execution = fleet.start(Steps, "slow")
    fleet.until_noted("begin", "slow")
    code, told = workers.stop()
    assert code == 1
    assert "shall end at once" in told
    assert "killed" not in told
    reasons = []

    def failed():
        reasons[:] = [
            event.attributes.reason
            for event in fleet.client.history(execution)
            if type(event.attributes).__name__ == "ActivityTaskFailed"
        ]
        return reasons

    until(failed, workers)
    assert "the worker was stopped before the activity had ended" in reasons[0]
    workers = fleet.work("-N", "1")  # somebody else does it
    fleet.open("slow")
    assert fleet.result(execution) == ["slow-before", "slow", "slow-after"]
    fleet.assert_done_once("slow")
    workers.stop()
    deciders.stop()


def test_a_worker_without_its_supervisor_finishes_and_ends(fleet):
    deciders = fleet.decide("-N", "1")
    workers = fleet.work("-N", "1")
    (worker,) = workers.children
    execution = fleet.start(Steps, "alone")
    fleet.until_noted("begin", "alone")
    kill(workers.process.pid)
    fleet.open("alone")
    until(lambda: not psutil.pid_exists(worker), workers)
    again = fleet.work("-N", "1")
    assert fleet.result(execution) == ["alone-before", "alone", "alone-after"]
    assert len(fleet.notes("begin", "alone")) == 1
    again.stop()
    deciders.stop()


def test_one_task(fleet):
    deciders = fleet.decide("-N", "1")
    execution = fleet.start(Steps, "one")
    worker = fleet.command("worker.start", "--task-list", "work", "--one-task")
    assert worker.end() == (0, "")
    assert fleet.notes("step", "one-before") == [[]]
    workers = fleet.work("-N", "1", "--isolation", "inline", "--max-tasks", "1")
    fleet.open("one")
    assert fleet.result(execution) == ["one-before", "one", "one-after"]
    ((first, _),) = fleet.notes("begin", "one")
    assert first not in workers.children  # it was replaced
    assert workers.stop()[0] == 0
    deciders.stop()


# --- over TCP -----------------------------------------------------------------------------


def test_a_fleet_with_keys(fleet):
    decider, worker = key(fleet, "decider"), key(fleet, "worker", "--domain", "test")
    deciders = fleet.decide("-N", "1", "--engine", fleet.url, "fleet_flows.Steps", **decider)
    workers = fleet.work("-N", "1", "--engine", fleet.url, **worker)
    fleet.open("signed")
    execution = fleet.start(Steps, "signed")
    assert fleet.result(execution) == ["signed-before", "signed", "signed-after"]
    assert workers.stop()[0] == 0
    assert deciders.stop()[0] == 0


def test_a_fleet_whose_key_is_revoked_ends_soon(fleet):
    worker = key(fleet, "worker")
    workers = fleet.work("-N", "1", "--engine", fleet.url, **worker)
    deciders = fleet.decide("-N", "1")
    fleet.open("revoked")
    assert fleet.result(fleet.start(Steps, "revoked"))  # so it polls: for a minute, undisturbed
    fleet.command("server.key.revoke", worker["AWS_ACCESS_KEY_ID"]).end()
    began = time.monotonic()
    code, told = workers.end()
    assert time.monotonic() - began < 30
    assert code == 2
    assert told.splitlines()[-1].startswith("error: ")
    deciders.stop()


# --- what cannot work ---------------------------------------------------------------------


def refused(command, expected=2):
    code, told = command.end()
    assert code == expected
    assert told.count("\n") == 1, told
    assert told.startswith("error: ")
    return told


@pytest.mark.parametrize("kind", ["decider", "worker"])
def test_an_unknown_domain(fleet, kind):
    command = fleet.command(f"{kind}.start", "--task-list", "x", "--domain", "nowhere")
    assert "there is no domain nowhere" in refused(command, 3)


def test_no_engine(fleet, tmp_path):
    command = fleet.command("worker.start", "--task-list", "x", "--home", str(tmp_path))
    assert f"`dataflow server.start --home {tmp_path}` starts one" in refused(command, 6)


def test_no_task_list(fleet):
    assert "--task-list" in refused(fleet.command("decider.start"))
    assert "--task-list" in refused(fleet.command("worker.start"))


def test_a_workflow_that_is_not_there(fleet):
    told = refused(fleet.command("decider.start", "fleet_flows.Setps"))
    assert "did you mean fleet_flows.Steps?" in told


def test_no_key_and_wrong_keys(fleet):
    arguments = ("worker.start", "--task-list", "x", "--engine", fleet.url)
    assert "there is no key" in refused(fleet.command(*arguments))
    good = key(fleet, "worker")
    wrong = {**good, "AWS_SECRET_ACCESS_KEY": "wrong"}
    assert "does not accept the credentials" in refused(fleet.command(*arguments, **wrong))
    unknown = {**good, "AWS_ACCESS_KEY_ID": "AKIAUNKNOWN000000000"}
    assert "dataflow server.key.create" in refused(fleet.command(*arguments, **unknown))


def test_a_key_for_something_else(fleet):
    worker = key(fleet, "worker", "--task-list", "mail-*")
    arguments = ("--task-list", "x", "--engine", fleet.url)
    assert "its role is worker" in refused(fleet.command("decider.start", *arguments, **worker))
    assert "no right to poll x" in refused(fleet.command("worker.start", *arguments, **worker))


def test_what_only_the_processes_find_out_is_told_once(fleet):
    # A decider may see how many activities wait, but not take any.
    decider = key(fleet, "decider")
    arguments = ("--task-list", "x", "--engine", fleet.url, "-N", "2")
    command = fleet.command("worker.start", *arguments, **decider)
    command.until_told(r"dataflow worker test/x: 2 processes on http.*\n")
    code, told = command.end()
    assert code == 2
    assert told.count("\n") == 2, told
    assert told.splitlines()[1].startswith("error: no right to poll x in domain test")


def test_middleware_that_is_not_there(fleet):
    command = fleet.work("-N", "2", "--middleware-pre-execution", "fleet_flows.nothing")
    code, told = command.end()
    assert code == 2
    assert told.splitlines()[1:] == [
        "error: fleet_flows.nothing cannot be had: fleet_flows has no nothing"
    ]
