"""DescribeWorkflowExecution."""

from datetime import UTC, datetime

import pytest
from conforming import (
    ORDER,
    cancel_activity,
    cancel_timer,
    child,
    complete,
    continue_as_new,
    fail,
    marker,
    refused,
    schedule,
    timer,
)


def time(seconds):
    return datetime.fromtimestamp(seconds, UTC)


# --- information and configuration -------------------------------------------------------


def test_an_open_execution(world):
    """ "Returns information about the specified workflow execution including its type and some
    statistics." """
    run = world.start(tagList=["a", "b"], taskPriority="3", childPolicy="ABANDON")
    started = world.history(run)[0]["eventTimestamp"]
    assert world.describe(run) == {
        "executionInfo": {
            "execution": run,
            "workflowType": ORDER,
            "startTimestamp": started,
            "executionStatus": "OPEN",
            "tagList": ["a", "b"],
            "cancelRequested": False,
        },
        "executionConfiguration": {
            "taskStartToCloseTimeout": "NONE",
            "executionStartToCloseTimeout": "31536000",
            "taskList": {"name": "deciders"},
            "taskPriority": "3",
            "childPolicy": "ABANDON",
        },
        "openCounts": {
            "openActivityTasks": 0,
            "openDecisionTasks": 1,
            "openTimers": 0,
            "openChildWorkflowExecutions": 0,
            "openLambdaFunctions": 0,
        },
    }


@pytest.mark.needs_clock
def test_times(world):
    """startTimestamp: "The time when the execution was started." closeTimestamp: "The time when the
    workflow execution was closed. Set only if the execution status is CLOSED." """
    started = world.now()
    run = world.start()
    world.advance(60)
    world.decide(complete())
    info = world.describe(run)["executionInfo"]
    assert info["startTimestamp"] == time(started)
    assert info["closeTimestamp"] == time(started + 60)
    history = world.history(run)
    assert history[0]["eventTimestamp"] == time(started)
    assert history[-1]["eventTimestamp"] == time(started + 60)


CLOSINGS = {
    "COMPLETED": complete,
    "FAILED": fail,
    "CONTINUED_AS_NEW": continue_as_new,
}


@pytest.mark.parametrize("status", CLOSINGS)
def test_a_closed_execution(world, status):
    """executionStatus: "The current status of the execution." closeStatus: "If the execution status
    is closed then this specifies how the execution was closed." """
    run = world.decided(schedule("a"), timer("t"))
    world.signal()
    world.decide(CLOSINGS[status]())
    described = world.describe(run)
    info = described["executionInfo"]
    assert (info["executionStatus"], info["closeStatus"]) == ("CLOSED", status)
    assert info["closeTimestamp"] == world.history(run)[-1]["eventTimestamp"]
    assert info["execution"] == run
    assert world.open_counts(run) == {}
    assert described["executionConfiguration"]["taskList"] == {"name": "deciders"}


def test_each_run_of_an_id(world):
    """ "execution: The workflow execution to describe", by both its ids."""
    first = world.decided(complete())
    second = world.start()
    assert world.describe(first)["executionInfo"]["execution"] == first
    assert world.close_status(first) == "COMPLETED"
    assert world.describe(second)["executionInfo"]["execution"] == second
    assert world.close_status(second) is None


def test_an_unknown_execution(world):
    """UnknownResourceFault: "Returned when the named resource cannot be found with in the scope
    of this operation (region or domain)." """
    run, other = world.start("a"), world.start("b")
    unknown = [
        {"workflowId": "a", "runId": other["runId"]},
        {"workflowId": "nobody", "runId": run["runId"]},
        {"workflowId": "a", "runId": "r"},
    ]
    for wrong in unknown:
        with refused(world.swf, "UnknownResourceFault"):
            world.describe(wrong)
    with refused(world.swf, "UnknownResourceFault"):
        world.another().describe(run)


def test_a_child_names_its_parent(world):
    """parent: "If this workflow execution is a child of another execution then contains the
    workflow execution that started this execution." """
    parent = world.decided(child("child"))
    info = world.describe(world.open_run("child"))["executionInfo"]
    assert info["parent"] == parent
    assert "parent" not in world.describe(parent)["executionInfo"]


# --- what is open ------------------------------------------------------------------------


def test_open_decision_tasks(world):
    """ "openDecisionTasks: The count of decision tasks whose status is OPEN. A workflow execution
    can have at most one open decision task." """
    run = world.start()
    assert world.open_counts(run) == {"openDecisionTasks": 1}
    task = world.poll_decision()
    assert world.open_counts(run) == {"openDecisionTasks": 1}
    world.signal()
    assert world.open_counts(run) == {"openDecisionTasks": 1}
    world.decide(task=task)
    assert world.open_counts(run) == {"openDecisionTasks": 1}
    world.decide(timer("t"))
    assert world.open_counts(run) == {"openTimers": 1}


def test_open_activity_tasks(world):
    """ "A task is considered open from the time that it is scheduled until it is closed. Therefore
    a task is reported as open while a worker is processing it." """
    run = world.decided(schedule("a"), schedule("b"), schedule("c"))
    assert world.open_counts(run) == {"openActivityTasks": 3}
    a, b = world.poll_activity(), world.poll_activity()
    assert world.open_counts(run) == {"openActivityTasks": 3}
    world.heartbeat(a)
    assert world.open_counts(run) == {"openActivityTasks": 3}
    world.activity_completed(a)
    assert world.open_counts(run) == {"openActivityTasks": 2, "openDecisionTasks": 1}
    world.activity_failed(b)
    assert world.open_counts(run) == {"openActivityTasks": 1, "openDecisionTasks": 1}
    world.decide(cancel_activity("c"))
    assert world.open_counts(run) == {"openDecisionTasks": 1}


def test_open_timers(world):
    """ "openTimers: The count of timers started by this workflow execution that have not fired
    yet." """
    run = world.decided(timer("a"), timer("b"))
    assert world.open_counts(run) == {"openTimers": 2}
    world.signal()
    world.decide(cancel_timer("a"))
    assert world.open_counts(run) == {"openTimers": 1}


@pytest.mark.needs_clock
def test_a_fired_timer_is_not_open(world):
    """ "openTimers: The count of timers started by this workflow execution that have not fired
    yet." """
    run = world.decided(timer("a", 10), timer("b", 20))
    world.advance(10)
    assert world.open_counts(run) == {"openTimers": 1, "openDecisionTasks": 1}


def test_open_children(world):
    """ "openChildWorkflowExecutions: The count of child workflow executions whose status is
    OPEN." """
    parent = world.decided(child("a", taskList={"name": "a"}), child("b", taskList={"name": "b"}))
    world.decide()  # ChildWorkflowExecutionStarted
    assert world.open_counts(parent) == {"openChildWorkflowExecutions": 2}
    world.decide(complete(), task=world.poll_decision("a"))
    assert world.open_counts(parent) == {
        "openChildWorkflowExecutions": 1,
        "openDecisionTasks": 1,
    }
    assert world.open_counts(world.open_run("b")) == {"openDecisionTasks": 1}


def test_markers_are_never_open(world):
    run = world.decided(marker("m"))
    assert world.open_counts(run) == {}


# --- the last news -----------------------------------------------------------------------


@pytest.mark.needs_clock
def test_the_latest_activity_task(world):
    """ "latestActivityTaskTimestamp: The time when the last activity task was scheduled for this
    workflow execution. You can use this information to determine if the workflow has not made
    progress for an unusually long period of time and might require a corrective action." """
    run = world.start()
    assert "latestActivityTaskTimestamp" not in world.describe(run)
    world.advance(60)
    world.decide(schedule("a"))
    first = world.now()
    world.advance(60)
    world.activity_completed(world.poll_activity())
    assert world.describe(run)["latestActivityTaskTimestamp"] == time(first)
    world.decide(schedule("b"), schedule("c"))
    assert world.describe(run)["latestActivityTaskTimestamp"] == time(world.now())
    last = world.now()
    world.advance(60)
    world.terminate()
    assert world.describe(run)["latestActivityTaskTimestamp"] == time(last)


def test_a_failed_scheduling_is_no_activity_task(world):
    """ "The time when the last activity task was scheduled for this workflow execution." """
    run = world.decided(schedule("a", {"name": "nothing", "version": "1"}))
    assert "latestActivityTaskTimestamp" not in world.describe(run)


def test_the_latest_execution_context(world):
    """ "latestExecutionContext: The latest executionContext provided by the decider for this
    workflow execution." """
    run = world.start()
    assert "latestExecutionContext" not in world.describe(run)
    contexts = []
    for context in ("one", None, "two"):
        world.decide(**({} if context is None else {"executionContext": context}))
        world.signal()
        contexts.append(world.describe(run)["latestExecutionContext"])
    # One that is left out does not take the last one away.
    assert contexts == ["one", "one", "two"]
    world.decide(complete())
    assert world.describe(run)["latestExecutionContext"] == "two"
