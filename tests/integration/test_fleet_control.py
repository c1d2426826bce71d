"""Executions that a fleet runs, steered from the command line."""

import json

import pytest
from fleet_flows import Steps
from fleets import DOMAIN, Fleet

from dataflow.protocol.values import WorkflowExecution

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        fleet.serve()
        fleet.connect()
        fleet.decide("-N", "1")
        fleet.work("-N", "1")
        yield fleet


def run(fleet, *arguments):
    """A command that ends by itself: its exit code, and what it says as JSON."""
    command = fleet.command(*arguments, "--format", "json")
    out, _ = command.process.communicate(timeout=60)
    return command.process.returncode, json.loads(out) if out else command.told


def test_a_reset_goes_on_with_the_fleet(fleet):
    fleet.open("back")
    result = fleet.result(fleet.start(Steps, "back"))
    code, told = run(fleet, "workflow.reset", "back", "--to", "activity-fleet_flows.gated-1")
    assert (code, told["kept"], told["task_list"]) == (0, 1, "decide")
    assert fleet.result(WorkflowExecution("back", told["run_id"])) == result
    assert len(fleet.notes("step", "back-before")) == 1
    assert len(fleet.notes("begin", "back")) == 2
    assert len(fleet.notes("step", "back-after")) == 2
    again = run(fleet, "workflow.result", DOMAIN, "back", "--wait", "--timeout", "30")
    assert again == (0, {**again[1], "run_id": told["run_id"], "result": result})


def test_what_waits_is_terminated_and_restarted(fleet):
    old = fleet.start(Steps, "stays")
    fleet.until_noted("begin", "stays")
    code, told = run(fleet, "workflow.restart", "stays")
    assert (code, "say --yes" in told) == (2, True)
    code, told = run(fleet, "workflow.restart", "stays", "--yes")
    assert code == 0
    assert told["run_id"] != old.run_id
    assert run(fleet, "workflow.result", DOMAIN, "stays", old.run_id)[0] == 4
    fleet.open("stays")
    assert fleet.result(WorkflowExecution("stays", told["run_id"]))[1] == "stays"
