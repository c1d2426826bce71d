"""The time that an execution has.

https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-timeout-types.html
"""

import pytest
from conforming import marker, refused, schedule, timer
from deciding import expires_after, never_expires, parcels

pytestmark = pytest.mark.needs_clock


def test_an_execution_that_takes_too_long(world):
    """Exceeding this limit causes the workflow execution to time out. (StartWorkflowExecution,
    executionStartToCloseTimeout) The type of timeout that caused this event. The policy used for
    the child workflow executions. (WorkflowExecutionTimedOutEventAttributes)"""
    world.start(executionStartToCloseTimeout="100", childPolicy="REQUEST_CANCEL")
    assert expires_after(world, 100) == [
        (
            "WorkflowExecutionTimedOut",
            {"timeoutType": "START_TO_CLOSE", "childPolicy": "REQUEST_CANCEL"},
        )
    ]
    info = world.describe()["executionInfo"]
    assert (info["executionStatus"], info["closeStatus"]) == ("CLOSED", "TIMED_OUT")
    assert info["closeTimestamp"].timestamp() == world.now()
    assert world.kinds()[-1] == "WorkflowExecutionTimedOut"
    assert world.open_counts() == {}


def test_the_time_out_of_the_type(world):
    """This overrides the defaultExecutionStartToCloseTimeout specified when registering the
    workflow type. (StartWorkflowExecution, executionStartToCloseTimeout)"""
    kind = parcels(world, defaultExecutionStartToCloseTimeout="100")
    world.start("default", workflow_type=kind)
    assert [kind for kind, _ in expires_after(world, 100)] == ["WorkflowExecutionTimedOut"]
    world.start("overridden", workflow_type=kind, executionStartToCloseTimeout="150")
    assert [kind for kind, _ in expires_after(world, 150)] == ["WorkflowExecutionTimedOut"]


def test_a_year(world):
    """There is a one-year max limit on the time that a workflow execution can run.
    (StartWorkflowExecution, executionStartToCloseTimeout)"""
    world.start(executionStartToCloseTimeout="31536000")
    assert [kind for kind, _ in expires_after(world, 31_536_000)] == ["WorkflowExecutionTimedOut"]


def test_whoever_works_for_it_is_refused(world):
    """UnknownResourceFault: this could happen if the named resource was never created or is no
    longer available for this operation."""
    run = world.decided(
        schedule("a"), schedule("b"), timer("t", 200), executionStartToCloseTimeout="100"
    )
    activity = world.poll_activity()
    world.signal()
    decision = world.poll_decision()
    assert [kind for kind, _ in expires_after(world, 100)] == ["WorkflowExecutionTimedOut"]
    for answer in (
        world.heartbeat,
        world.activity_completed,
        world.activity_failed,
        world.activity_canceled,
    ):
        with refused(world.swf, "UnknownResourceFault"):
            answer(activity)
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(marker(), task=decision)
    for reach in (world.signal, world.request_cancel, world.terminate):
        with refused(world.swf, "UnknownResourceFault"):
            reach(run=run)
    assert world.no_activity()
    assert world.no_decision()
    assert never_expires(world)
    assert world.kinds()[-1] == "WorkflowExecutionTimedOut"


def test_nothing_prolongs_it(world):
    """The total duration for this workflow execution. (StartWorkflowExecution,
    executionStartToCloseTimeout)"""
    world.start(executionStartToCloseTimeout="100")
    for _ in range(9):
        world.advance(10)
        world.signal()
        world.decide(marker())
    assert [kind for kind, _ in expires_after(world, 10)] == ["WorkflowExecutionTimedOut"]


def test_its_id_is_free_for_another(world):
    """You cannot have two open workflow executions with the same workflowId at the same time within
    the same domain. (StartWorkflowExecution, workflowId)"""
    first = world.start(executionStartToCloseTimeout="100")
    world.advance(99)
    with refused(world.swf, "WorkflowExecutionAlreadyStartedFault"):
        world.start()
    world.advance(1)
    second = world.start()
    assert world.close_status(first) == "TIMED_OUT"
    assert world.close_status(second) is None


def test_lists_show_how_it_ended(world):
    """If specified, only workflow executions that match this close status are listed.
    (ListClosedWorkflowExecutions, closeStatusFilter)"""
    run = world.start(executionStartToCloseTimeout="100")
    world.advance(100)
    # "This operation is eventually consistent": only what has taken effect need be listed.
    assert world.close_status(run) == "TIMED_OUT"
    listed = world.swf.list_closed_workflow_executions(
        domain=world.domain,
        startTimeFilter={"oldestDate": 0},
        closeStatusFilter={"status": "TIMED_OUT"},
    )
    (info,) = listed["executionInfos"]
    assert (info["execution"], info["closeStatus"]) == (run, "TIMED_OUT")
    opened = world.swf.list_open_workflow_executions(
        domain=world.domain, startTimeFilter={"oldestDate": 0}
    )
    assert opened["executionInfos"] == []
