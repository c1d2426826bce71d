"""The time that a decider has for a decision task.

https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-timeout-types.html
"""

import pytest
from conforming import complete, marker, refused, schedule, timer
from deciding import decision_due, expires_after, never_expires

pytestmark = pytest.mark.needs_clock


@pytest.fixture
def run(world):
    """An execution whose decision tasks time out after 30 seconds; its first task is scheduled."""
    return world.start(taskStartToCloseTimeout="30")


def test_a_decider_that_takes_too_long(world, run):
    """The maximum duration for this decision task. The task is considered timed out if it doesn't
    completed within this duration. (DecisionTaskScheduledEventAttributes, startToCloseTimeout)"""
    world.advance(1_000)  # nobody has it: it does not count yet
    world.poll_decision()
    assert expires_after(world, 30) == [
        (
            "DecisionTaskTimedOut",
            {"timeoutType": "START_TO_CLOSE", "scheduledEventId": 2, "startedEventId": 3},
        )
    ]


def test_another_task_is_scheduled(world, run):
    """Every time a state change occurs for a workflow execution, Amazon SWF schedules a decision
    task. (Developer Guide, Tasks)"""
    world.poll_decision()
    world.advance(30)
    assert world.kinds()[-2:] == ["DecisionTaskTimedOut", "DecisionTaskScheduled"]
    assert world.last("DecisionTaskScheduled") == {
        "taskList": {"name": "deciders"},
        "startToCloseTimeout": "30",
        "scheduleToStartTimeout": "NONE",
    }
    task = world.decide(complete())
    assert [event["eventType"] for event in task["events"]] == [
        "WorkflowExecutionStarted",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
        "DecisionTaskTimedOut",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
    ]
    assert world.close_status() == "COMPLETED"


def test_a_late_answer_is_refused(world, run):
    """UnknownResourceFault: this could happen if the named resource was never created or is no
    longer available for this operation."""
    late = world.poll_decision()
    world.advance(30)
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(marker("late"), task=late)
    assert world.kinds()[-1] == "DecisionTaskScheduled"
    task = world.poll_decision()
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(marker("late"), task=late)
    world.decide(marker("in time"), task=task)
    assert [event["markerName"] for event in world.all("MarkerRecorded")] == ["in time"]


def test_an_answer_in_time_counts(world, run):
    """The task is considered timed out if it doesn't completed within this duration.
    (DecisionTaskScheduledEventAttributes, startToCloseTimeout)"""
    task = world.poll_decision()
    world.advance(29)
    world.decide(marker("m"), task=task)
    assert never_expires(world)


def test_it_may_time_out_again_and_again(world, run):
    """The task is considered timed out if it doesn't completed within this duration.
    (DecisionTaskScheduledEventAttributes, startToCloseTimeout)"""
    for _ in range(3):
        world.poll_decision()
        assert [kind for kind, _ in expires_after(world, 30)] == ["DecisionTaskTimedOut"]
    world.decide()
    assert not decision_due(world)


def test_the_task_before_it_is_the_last_that_was_answered(world, run):
    """The ID of the DecisionTaskStarted event of the previous decision task of this workflow
    execution that was processed by the decider. (DecisionTask, previousStartedEventId)"""
    first = world.decide()
    world.signal()
    world.poll_decision()
    world.advance(30)
    task = world.poll_decision()
    assert task["previousStartedEventId"] == first["startedEventId"]


def test_what_it_was_told_is_told_again(world, run):
    """DecisionTaskTimedOut: the decision task timed out. (HistoryEvent) The next one shows all that
    was not decided upon."""
    world.decide()
    world.signal("one")
    world.poll_decision()
    world.signal("two")
    world.advance(30)
    task = world.poll_decision()
    names = [
        event["workflowExecutionSignaledEventAttributes"]["signalName"]
        for event in task["events"]
        if event["eventType"] == "WorkflowExecutionSignaled"
    ]
    assert names == ["one", "two"]
    world.decide(complete(), task=task)
    assert world.close_status() == "COMPLETED"


def test_the_time_out_of_the_type(world):
    """This default can be overridden when starting a workflow execution. (RegisterWorkflowType,
    defaultTaskStartToCloseTimeout)"""
    kind = world.workflow_type(
        "hasty",
        defaultTaskList={"name": "deciders"},
        defaultTaskStartToCloseTimeout="10",
        defaultExecutionStartToCloseTimeout="1000",
        defaultChildPolicy="TERMINATE",
    )
    world.start("default", workflow_type=kind)
    world.poll_decision()
    assert [kind for kind, _ in expires_after(world, 10)] == ["DecisionTaskTimedOut"]
    world.terminate()
    world.start("overridden", workflow_type=kind, taskStartToCloseTimeout="20")
    world.poll_decision()
    assert [kind for kind, _ in expires_after(world, 20)] == ["DecisionTaskTimedOut"]


def test_without_a_time_out_a_decider_may_take_its_time(world):
    """You can use NONE to specify unlimited duration. (StartWorkflowExecution,
    taskStartToCloseTimeout)"""
    world.start(taskStartToCloseTimeout="NONE")
    task = world.poll_decision()
    assert never_expires(world)
    world.decide(complete(), task=task)


def test_a_task_that_nobody_takes_waits(world, run):
    """scheduleToStartTimeout: the maximum amount of time the decision task can wait to be assigned
    to a worker. (DecisionTaskScheduledEventAttributes) There is none without an override."""
    assert never_expires(world)
    assert decision_due(world)


def test_what_was_decided_before_stays(world, run):
    """The task is considered timed out if it doesn't completed within this duration.
    (DecisionTaskScheduledEventAttributes, startToCloseTimeout)"""
    world.decide(schedule("a"), timer("t", 100_000))
    world.signal()
    world.poll_decision()
    world.advance(30)
    assert world.open_counts() == {"openActivityTasks": 1, "openTimers": 1, "openDecisionTasks": 1}
