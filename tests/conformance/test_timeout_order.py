"""Many deadlines: each takes effect at its own time, the earliest first, one at a time.

Even if nobody looks for a long time: what the events say does not depend on when somebody asks.
"""

import pytest
from conforming import attributes, child, complete, refused, schedule, signal_external, timer
from deciding import event_times, never_expires, parcels

pytestmark = pytest.mark.needs_clock


def after(world, seconds, run=None):
    """The types and times of the events that were written later than that."""
    return [(kind, at) for kind, at in event_times(world, run) if at > seconds]


def test_events_bear_the_times_of_their_deadlines(world):
    """The date and time when the event occurred. (HistoryEvent, eventTimestamp)"""
    world.decided(
        timer("late", 300),
        timer("early", 5),
        schedule("unclaimed", scheduleToStartTimeout="7"),
        schedule("slow", scheduleToCloseTimeout="100"),
        executionStartToCloseTimeout="1000",
    )
    world.advance(100_000)
    assert after(world, 0) == [
        ("TimerFired", 5),
        ("DecisionTaskScheduled", 5),
        ("ActivityTaskTimedOut", 7),
        ("ActivityTaskTimedOut", 100),
        ("TimerFired", 300),
        ("WorkflowExecutionTimedOut", 1000),
    ]


def test_the_order_is_that_of_time_and_not_of_the_decisions(world):
    """By default the results are returned in ascending order of the eventTimestamp of the events.
    (PollForDecisionTask, reverseOrder)"""
    world.decided(*[timer(str(seconds), seconds) for seconds in (50, 20, 40, 10, 30)])
    world.advance(1_000)
    assert [fired["timerId"] for fired in world.all("TimerFired")] == ["10", "20", "30", "40", "50"]


def test_of_one_moment_each_takes_effect(world):
    """This timer fires after the specified delay. (Decision)"""
    world.decided(timer("t", 10), timer("u", 10), schedule("a", scheduleToStartTimeout="10"))
    world.advance(10)
    kinds = world.kinds()
    assert kinds.count("TimerFired") == 2
    assert kinds.count("ActivityTaskTimedOut") == 1
    assert kinds.count("DecisionTaskScheduled") == 2


def test_what_would_come_after_the_end_does_not_come(world):
    """Exceeding this limit causes the workflow execution to time out. (StartWorkflowExecution)"""
    world.decided(timer("t", 9), timer("u", 11), executionStartToCloseTimeout="10")
    world.advance(100)
    assert after(world, 0) == [
        ("TimerFired", 9),
        ("DecisionTaskScheduled", 9),
        ("WorkflowExecutionTimedOut", 10),
    ]


def test_an_answer_that_comes_after_two_deadlines(world):
    """If the timeout is exceeded, the activity task is automatically timed out: whether or not
    somebody has looked since. (ScheduleActivityTaskDecisionAttributes, heartbeatTimeout)"""
    world.decided(schedule("a", heartbeatTimeout="5", startToCloseTimeout="8"), timer("t", 6))
    task = world.poll_activity()
    world.advance(100)
    with refused(world.swf, "UnknownResourceFault"):
        world.activity_completed(task)
    assert after(world, 0) == [
        ("ActivityTaskTimedOut", 5),
        ("DecisionTaskScheduled", 5),
        ("TimerFired", 6),
    ]
    assert world.last("ActivityTaskTimedOut")["timeoutType"] == "HEARTBEAT"


def test_a_decision_task_that_expires_among_others(world):
    """The task is considered timed out if it doesn't completed within this duration.
    (DecisionTaskScheduledEventAttributes, startToCloseTimeout)"""
    world.decided(timer("t", 10), timer("u", 50), taskStartToCloseTimeout="30")
    world.signal()
    world.poll_decision()
    world.advance(1_000)
    assert after(world, 0) == [
        ("TimerFired", 10),
        ("DecisionTaskTimedOut", 30),
        ("DecisionTaskScheduled", 30),
        ("TimerFired", 50),
    ] or after(world, 0) == [
        # The task that the timer makes due may be written at once.
        ("TimerFired", 10),
        ("DecisionTaskScheduled", 10),
        ("DecisionTaskTimedOut", 30),
        ("TimerFired", 50),
    ]


def test_an_override_that_expires_among_others(world):
    """Amazon SWF will revert the override and schedule a new decision task to the original task
    list. (taskListScheduleToStartTimeout)"""
    world.start()
    world.decide(
        timer("t", 10),
        timer("u", 50),
        taskList={"name": "sticky"},
        taskListScheduleToStartTimeout="5",
    )
    world.advance(1_000)
    assert after(world, 0) == [
        ("TimerFired", 10),
        ("DecisionTaskScheduled", 10),
        ("DecisionTaskTimedOut", 15),
        ("DecisionTaskScheduled", 15),
        ("TimerFired", 50),
    ]


def test_executions_do_not_wait_for_each_other(world):
    """Each workflow execution has its own history. (GetWorkflowExecutionHistory)"""
    runs = {
        seconds: world.start(str(seconds), executionStartToCloseTimeout=str(seconds))
        for seconds in (100, 50, 200)
    }
    world.advance(1_000)
    for seconds, run in runs.items():
        assert event_times(world, run)[-1] == ("WorkflowExecutionTimedOut", seconds)
    listed = world.swf.list_closed_workflow_executions(
        domain=world.domain, closeTimeFilter={"oldestDate": 0}
    )["executionInfos"]
    assert [info["execution"]["workflowId"] for info in listed] == ["200", "100", "50"]


def test_a_child_and_its_parent(world):
    """ChildWorkflowExecutionTimedOut: a child workflow execution, started by this workflow
    execution, timed out and was closed. (HistoryEvent)"""
    kind = parcels(world)
    parent = world.start(executionStartToCloseTimeout="100")
    world.decide(
        child("short", kind, executionStartToCloseTimeout="50"),
        child("long", kind, executionStartToCloseTimeout="200"),
        timer("t", 60),
    )
    world.decide()
    long = world.open_run("long")
    world.advance(1_000)
    assert after(world, 0, parent) == [
        ("ChildWorkflowExecutionTimedOut", 50),
        ("DecisionTaskScheduled", 50),
        ("TimerFired", 60),
        ("WorkflowExecutionTimedOut", 100),
    ]
    # The policy of ORDER is TERMINATE.
    assert after(world, 0, long) == [("WorkflowExecutionTerminated", 100)]


def test_a_family_of_three(world):
    """The child policy is applied when the parent times out, at that time; and so on."""
    world.start("grandparent", executionStartToCloseTimeout="100")
    settings = {"childPolicy": "TERMINATE", "executionStartToCloseTimeout": "500"}
    world.decide(child("parent", taskList={"name": "middle"}, **settings))
    world.decide(
        child("c", taskList={"name": "last"}, **settings), task=world.poll_decision("middle")
    )
    runs = [world.open_run(name) for name in ("grandparent", "parent", "c")]
    world.advance(10_000)
    assert [after(world, 0, run)[-1] for run in runs] == [
        ("WorkflowExecutionTimedOut", 100),
        ("WorkflowExecutionTerminated", 100),
        ("WorkflowExecutionTerminated", 100),
    ]


def test_a_timer_of_thirty_days(world):
    """The duration to wait before firing the timer. (StartTimerDecisionAttributes)"""
    world.decided(timer("t", 30 * 86_400))
    world.advance(30 * 86_400 - 1)
    assert world.open_counts() == {"openTimers": 1}
    world.advance(1)
    task = world.decide(complete())
    assert attributes(task["events"][-3]) == {"timerId": "t", "startedEventId": 5}
    assert world.close_status() == "COMPLETED"


def test_what_is_done_on_time_takes_effect_on_time(world):
    """The date and time when the event occurred. (HistoryEvent, eventTimestamp)"""
    world.decided(timer("t", 10))
    world.advance(25)
    world.decide(timer("u", 10), signal_external("nobody"))
    assert event_times(world)[-1][1] == 25
    world.decide()
    world.advance(100)
    assert after(world, 25) == [("TimerFired", 35), ("DecisionTaskScheduled", 35)]
    world.decide()
    assert never_expires(world)
