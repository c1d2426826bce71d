"""The task list that a decider asks for: for good, or until a task on it is late.

https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RespondDecisionTaskCompleted.html
"""

import pytest
from conforming import complete, timer
from deciding import expires_after, never_expires

STICKY = {"taskList": {"name": "sticky"}, "taskListScheduleToStartTimeout": "5"}
FOR_GOOD = {"taskList": {"name": "sticky"}}


def pending(world, task_list):
    """How many decision tasks wait in a list."""
    counted = world.swf.count_pending_decision_tasks(
        domain=world.domain, taskList={"name": task_list}
    )
    return counted["count"]


# --- for good ----------------------------------------------------------------------------


def test_the_next_tasks_wait_in_the_list(world):
    """The task list to use for the future decision tasks of this workflow execution. This list
    overrides the original task list you specified while starting the workflow execution.
    (RespondDecisionTaskCompletedInput, taskList)"""
    world.start()
    world.decide(**FOR_GOOD)
    assert world.last("DecisionTaskCompleted") == {
        "scheduledEventId": 2,
        "startedEventId": 3,
        "taskList": {"name": "sticky"},
    }
    for _ in range(3):
        world.signal()
        assert world.last("DecisionTaskScheduled") == {
            "taskList": {"name": "sticky"},
            "startToCloseTimeout": "NONE",
            "scheduleToStartTimeout": "NONE",
        }
        assert (pending(world, "sticky"), pending(world, "deciders")) == (1, 0)
        world.decide(task=world.poll_decision("sticky"))


def test_the_task_that_is_due_already_waits_there_too(world):
    """The task list to use for the future decision tasks: also for what has happened while the
    decider worked."""
    world.start()
    task = world.poll_decision()
    world.signal()
    world.decide(task=task, **FOR_GOOD)
    assert world.poll_decision("sticky")["workflowExecution"] == world.run


def test_it_may_be_changed_again(world):
    """The task list to use for the future decision tasks of this workflow execution.
    (RespondDecisionTaskCompletedInput, taskList)"""
    world.start()
    world.decide(**FOR_GOOD)
    world.signal()
    world.decide(task=world.poll_decision("sticky"), taskList={"name": "third"})
    world.signal()
    world.decide(task=world.poll_decision("third"), taskList={"name": "deciders"})
    world.signal()
    world.decide(complete())


def test_it_is_of_one_execution_only(world):
    """... of this workflow execution. (RespondDecisionTaskCompletedInput, taskList)"""
    world.start("one")
    world.decide(**FOR_GOOD)
    world.start("two")
    assert world.poll_decision()["workflowExecution"] == world.run


@pytest.mark.needs_clock
def test_without_a_time_out_it_stays(world):
    """When this parameter is missing, the task list override is permanent.
    (taskListScheduleToStartTimeout)"""
    world.start(taskStartToCloseTimeout="30")
    world.decide(**FOR_GOOD)
    world.signal()
    assert never_expires(world)
    world.poll_decision("sticky")
    assert [kind for kind, _ in expires_after(world, 30)] == ["DecisionTaskTimedOut"]
    assert world.last("DecisionTaskScheduled")["taskList"] == {"name": "sticky"}
    world.decide(task=world.poll_decision("sticky"))


# --- until a task is late ----------------------------------------------------------------


def test_the_next_tasks_wait_in_the_list_for_a_while(world):
    """Specifies a timeout (in seconds) for the task list override. This parameter makes it possible
    to temporarily override the task list. (taskListScheduleToStartTimeout) The maximum amount of
    time the decision task can wait to be assigned to a worker.
    (DecisionTaskScheduledEventAttributes)"""
    world.start()
    world.decide(**STICKY)
    assert world.last("DecisionTaskCompleted") == {
        "scheduledEventId": 2,
        "startedEventId": 3,
        **STICKY,
    }
    # It stands for every task until one is late, whether or not the decider asks for it again.
    for more in (STICKY, {}, STICKY):
        world.signal()
        assert world.last("DecisionTaskScheduled") == {
            "taskList": {"name": "sticky"},
            "startToCloseTimeout": "NONE",
            "scheduleToStartTimeout": "5",
        }
        assert (pending(world, "sticky"), pending(world, "deciders")) == (1, 0)
        world.decide(task=world.poll_decision("sticky"), **more)


@pytest.mark.needs_clock
def test_a_task_that_nobody_takes_goes_to_the_original_list(world):
    """If a decision task scheduled on the override task list is not started within the timeout, the
    decision task will time out. Amazon SWF will revert the override and schedule a new decision
    task to the original task list. (taskListScheduleToStartTimeout)"""
    world.start()
    world.decide(**STICKY)
    world.signal()
    late = world.id_of("DecisionTaskScheduled")
    assert expires_after(world, 5) == [
        (
            "DecisionTaskTimedOut",
            {"timeoutType": "SCHEDULE_TO_START", "scheduledEventId": late, "startedEventId": 0},
        )
    ]
    assert world.last("DecisionTaskScheduled") == {
        "taskList": {"name": "deciders"},
        "startToCloseTimeout": "NONE",
        "scheduleToStartTimeout": "NONE",
    }
    assert (pending(world, "sticky"), pending(world, "deciders")) == (0, 1)
    assert never_expires(world)
    world.decide()
    # From now on that list is used.
    world.signal()
    world.decide(complete())


@pytest.mark.needs_clock
def test_a_task_that_is_not_answered_in_time_goes_to_the_original_list(world):
    """If a decision task scheduled on the override task list is started within the timeout, but not
    completed within the start-to-close timeout, Amazon SWF will also revert the override and
    schedule a new decision task to the original task list. (taskListScheduleToStartTimeout)"""
    world.start(taskStartToCloseTimeout="30")
    world.decide(**STICKY)
    world.signal()
    world.advance(4)
    task = world.poll_decision("sticky")
    scheduled = world.id_of("DecisionTaskScheduled")
    assert expires_after(world, 30) == [
        (
            "DecisionTaskTimedOut",
            {
                "timeoutType": "START_TO_CLOSE",
                "scheduledEventId": scheduled,
                "startedEventId": task["startedEventId"],
            },
        )
    ]
    assert world.last("DecisionTaskScheduled") == {
        "taskList": {"name": "deciders"},
        "startToCloseTimeout": "30",
        "scheduleToStartTimeout": "NONE",
    }
    world.decide()
    world.signal()
    world.decide(complete())


@pytest.mark.needs_clock
def test_a_task_that_is_taken_and_answered_in_time_changes_nothing(world):
    """If a decision task scheduled on the override task list is not started within the timeout ...
    (taskListScheduleToStartTimeout): it counts from the scheduling of each task to its start."""
    world.start()
    world.decide(**STICKY)
    world.advance(1_000)  # nothing is scheduled
    for _ in range(3):
        world.signal()
        world.advance(4)
        task = world.poll_decision("sticky")
        world.advance(1_000)
        world.decide(task=task)
    assert world.all("DecisionTaskTimedOut") == []


@pytest.mark.needs_clock
def test_it_may_be_asked_for_again(world):
    """This parameter makes it possible to temporarily override the task list.
    (taskListScheduleToStartTimeout)"""
    world.start()
    world.decide(**STICKY)
    for _ in range(2):
        world.signal()
        assert [kind for kind, _ in expires_after(world, 5)] == ["DecisionTaskTimedOut"]
        world.decide(**STICKY)
    world.signal()
    world.decide(task=world.poll_decision("sticky"), taskList={"name": "sticky"})
    world.signal()
    assert never_expires(world)


@pytest.mark.needs_clock
def test_what_happens_while_a_task_waits_does_not_prolong_it(world):
    """At most one decision task is open; the time-out counts from when it was scheduled."""
    world.start()
    world.decide(timer("t", 3), **STICKY)
    world.signal("first")
    world.advance(3)
    world.signal("second")
    assert world.kinds()[-2:] == ["TimerFired", "WorkflowExecutionSignaled"]
    assert [kind for kind, _ in expires_after(world, 2)] == ["DecisionTaskTimedOut"]
    task = world.poll_decision()
    told = [event["eventType"] for event in task["events"]]
    assert told.count("WorkflowExecutionSignaled") == 2
