"""Rows of what a service answers, and ends of executions."""

from datetime import UTC, datetime

import pytest

from dataflow.inspection.executions import Ending, description, ending, execution
from dataflow.inspection.registrations import domain, type_
from dataflow.inspection.task_lists import Poller, pollers
from dataflow.protocol import events as ev
from dataflow.protocol.events import CLOSE_STATUS, Event
from dataflow.protocol.values import ActivityType, TaskList, WorkflowExecution, WorkflowType

INFO = {
    "execution": {"workflowId": "w", "runId": "r"},
    "workflowType": {"name": "order", "version": "1"},
    "startTimestamp": datetime.fromtimestamp(10, UTC),
    "executionStatus": "OPEN",
}
CLOSED = {
    **INFO,
    "executionStatus": "CLOSED",
    "closeStatus": "FAILED",
    "closeTimestamp": datetime.fromtimestamp(25.5, UTC),
    "tagList": ["a", "b"],
    "parent": {"workflowId": "p", "runId": "q"},
    "cancelRequested": True,
}


def test_an_open_execution():
    found = execution("shop", INFO)
    assert (found.domain, found.workflow_id, found.run_id) == ("shop", "w", "r")
    assert (found.name, found.version, found.status) == ("order", "1", "OPEN")
    assert (found.started_at, found.closed_at, found.tags) == (10, None, ())
    assert found.is_open
    assert found.seconds(30) == 20


def test_a_closed_execution():
    found = execution("shop", CLOSED)
    assert (found.status, found.closed_at, found.tags) == ("FAILED", 25.5, ("a", "b"))
    assert found.parent == WorkflowExecution("p", "q")
    assert found.cancel_requested
    assert not found.is_open
    assert found.seconds(30) == 15.5


def test_a_description():
    found = description(
        "shop",
        {
            "executionInfo": INFO,
            "executionConfiguration": {
                "taskList": {"name": "list"},
                "taskStartToCloseTimeout": "NONE",
                "executionStartToCloseTimeout": "60",
                "childPolicy": "ABANDON",
            },
            "openCounts": {
                "openActivityTasks": 1,
                "openDecisionTasks": 0,
                "openTimers": 2,
                "openChildWorkflowExecutions": 3,
            },
            "latestActivityTaskTimestamp": datetime.fromtimestamp(12, UTC),
        },
    )
    assert (found.task_list, found.execution_timeout, found.decision_timeout) == ("list", 60, None)
    assert (found.open.activities, found.open.timers, found.open.lambdas) == (1, 2, 0)
    assert (found.latest_activity_at, found.context, found.task_priority) == (12, None, None)


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (
            ev.WorkflowExecutionCompleted(decision_task_completed_event_id=1, result="2"),
            Ending(status="COMPLETED", result="2"),
        ),
        (
            ev.WorkflowExecutionFailed(
                decision_task_completed_event_id=1, reason="no", details="why"
            ),
            Ending(status="FAILED", reason="no", details="why"),
        ),
        (
            ev.WorkflowExecutionTimedOut(timeout_type="START_TO_CLOSE", child_policy="ABANDON"),
            Ending(
                status="TIMED_OUT", reason="the execution took longer than its execution_timeout"
            ),
        ),
        (
            ev.WorkflowExecutionContinuedAsNew(
                decision_task_completed_event_id=1,
                new_execution_run_id="next",
                task_list=TaskList("l"),
                child_policy="ABANDON",
                workflow_type=WorkflowType("w", "1"),
            ),
            Ending(status="CONTINUED_AS_NEW", next_run_id="next"),
        ),
        (ev.DecisionTaskStarted(scheduled_event_id=1), None),
    ],
)
def test_endings(last, expected):
    assert ending(last) == expected


def test_every_closing_event_is_an_ending():
    assert len(CLOSE_STATUS) == 6


def test_domains_and_types():
    assert domain({"name": "shop", "status": "REGISTERED"}).description is None
    info = {
        "activityType": {"name": "pay", "version": "2"},
        "status": "DEPRECATED",
        "creationDate": datetime.fromtimestamp(1, UTC),
        "deprecationDate": datetime.fromtimestamp(2, UTC),
    }
    found = type_(info)
    assert (found.name, found.version, found.created_at, found.deprecated_at) == ("pay", "2", 1, 2)
    kind = info.pop("activityType")
    del info["deprecationDate"]
    assert type_({**info, "workflowType": kind}).deprecated_at is None


def test_pollers_are_seen_in_histories():
    def scheduled(name):
        return ev.ActivityTaskScheduled(
            activity_type=ActivityType("pay", "1"),
            activity_id="a",
            task_list=TaskList(name),
            decision_task_completed_event_id=0,
        )

    history = [
        Event(5, 50.0, ev.ActivityTaskStarted(scheduled_event_id=2, identity="before")),
        Event(6, 60.0, scheduled("here")),
        Event(7, 70.0, scheduled("there")),
        Event(8, 80.0, ev.ActivityTaskStarted(scheduled_event_id=6, identity="me")),
        Event(9, 90.0, ev.ActivityTaskStarted(scheduled_event_id=7, identity="elsewhere")),
        Event(10, 95.0, ev.DecisionTaskScheduled(task_list=TaskList("here"))),
        Event(11, 99.0, ev.DecisionTaskStarted(scheduled_event_id=10, identity="a decider")),
        Event(12, 99.0, ev.DecisionTaskStarted(scheduled_event_id=10)),
    ]
    later = [
        Event(1, 200.0, scheduled("here")),
        Event(2, 201.0, ev.ActivityTaskStarted(scheduled_event_id=1, identity="me")),
    ]
    assert pollers("here", [later, history]) == [
        Poller(kind="activity", identity="me", seen_at=201.0),
        Poller(kind="decision", identity="a decider", seen_at=99.0),
    ]
