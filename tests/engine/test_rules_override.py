"""A decider's own task list: for good, or until one of its tasks there is late.

https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RespondDecisionTaskCompleted.html
"""

import pytest
from one_execution import DECIDERS, kinds

from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.values import TaskList

MINE, YOURS = TaskList("mine"), TaskList("yours")


def answer(run, *decisions, **override):
    return run.answer(run.poll(), *decisions, **override)


def listed(run):
    """Where the next decision task waits, and how long it may."""
    [signaled, scheduled] = run.signal()
    assert kinds([signaled]) == ["WorkflowExecutionSignaled"]
    return scheduled.task_list, scheduled.schedule_to_start_timeout


ORIGINAL = (DECIDERS, "NONE")
FOR_GOOD = {"task_list": MINE}
FOR_NOW = {"task_list": MINE, "task_list_schedule_to_start_timeout": "5"}


@pytest.fixture
def hurried(fresh):
    """An execution whose decision tasks time out after 30 seconds."""
    fresh.start(task_start_to_close_timeout="30", task_priority="3")
    return fresh


def test_the_answer_says_so_in_history(run):
    """The task list to use for the future decision tasks of this workflow execution. This list
    overrides the original task list. (DecisionTaskCompletedEventAttributes, taskList)"""
    assert answer(run, **FOR_NOW) == [
        ev.DecisionTaskCompleted(
            scheduled_event_id=2,
            started_event_id=3,
            task_list=MINE,
            task_list_schedule_to_start_timeout="5",
        )
    ]


def test_the_next_task_has_the_time_out_and_is_otherwise_as_all(hurried):
    """The maximum amount of time the decision task can wait to be assigned to a worker.
    (DecisionTaskScheduledEventAttributes, scheduleToStartTimeout)"""
    answer(hurried, **FOR_NOW)
    assert hurried.signal()[1] == ev.DecisionTaskScheduled(
        task_list=MINE,
        task_priority="3",
        start_to_close_timeout="30",
        schedule_to_start_timeout="5",
    )


@pytest.mark.parametrize("timeout", [None, ""])
def test_without_a_time_out_it_is_for_good(hurried, timeout):
    """When this parameter is missing, the task list override is permanent.
    (taskListScheduleToStartTimeout)"""
    answer(hurried, task_list=MINE, task_list_schedule_to_start_timeout=timeout)
    assert listed(hurried) == (MINE, "NONE")
    assert hurried.state.task_list == MINE
    assert hurried.wait(1_000) == []
    # A task that times out changes nothing, nor does an answer that says nothing.
    hurried.poll()
    assert hurried.wait(30)[1].task_list == MINE
    answer(hurried)
    assert listed(hurried) == (MINE, "NONE")


def test_a_task_that_is_not_started_in_time_goes_back_to_the_original_list(run):
    """If a decision task scheduled on the override task list is not started within the timeout, the
    decision task will time out. Amazon SWF will revert the override and schedule a new decision
    task to the original task list. (taskListScheduleToStartTimeout)"""
    answer(run, **FOR_NOW)
    assert listed(run) == (MINE, "5")
    scheduled = run.state.last_event_id
    assert run.wait(4.5) == []
    assert run.wait(0.5) == [
        ev.DecisionTaskTimedOut(
            timeout_type="SCHEDULE_TO_START", scheduled_event_id=scheduled, started_event_id=0
        ),
        ev.DecisionTaskScheduled(
            task_list=DECIDERS, start_to_close_timeout="NONE", schedule_to_start_timeout="NONE"
        ),
    ]
    answer(run)
    assert listed(run) == ORIGINAL


def test_a_task_that_is_not_completed_in_time_goes_back_to_the_original_list(hurried):
    """If a decision task scheduled on the override task list is started within the timeout, but not
    completed within the start-to-close timeout, Amazon SWF will also revert the override and
    schedule a new decision task to the original task list. (taskListScheduleToStartTimeout)"""
    answer(hurried, **FOR_NOW)
    assert listed(hurried) == (MINE, "5")
    hurried.wait(4)
    started = hurried.poll()
    assert hurried.wait(29.5) == []
    written = hurried.wait(0.5)
    assert written[0] == ev.DecisionTaskTimedOut(
        timeout_type="START_TO_CLOSE", scheduled_event_id=started - 1, started_event_id=started
    )
    assert written[1].task_list == DECIDERS
    assert written[1].schedule_to_start_timeout == "NONE"


def test_a_task_that_is_completed_in_time_leaves_it_as_it_is(run):
    """Silent in the documentation: an answer that says nothing of a list changes nothing."""
    answer(run, **FOR_NOW)
    for _ in range(3):
        assert listed(run) == (MINE, "5")
        run.wait(4)
        answer(run)
    assert run.wait(90_000) == []


def test_it_may_have_no_time_out_and_yet_be_for_now(hurried):
    """NONE: it waits there as long as it takes, but a task that is not completed goes back."""
    answer(hurried, task_list=MINE, task_list_schedule_to_start_timeout="NONE")
    assert listed(hurried) == (MINE, "NONE")
    assert hurried.wait(90_000) == []
    hurried.poll()
    assert hurried.wait(30)[1].task_list == DECIDERS


def test_a_time_out_of_zero_seconds_is_one(run):
    answer(run, task_list=MINE, task_list_schedule_to_start_timeout="0")
    assert listed(run) == (MINE, "0")
    assert kinds(run.wait(0)) == ["DecisionTaskTimedOut", "DecisionTaskScheduled"]


def test_a_time_out_without_a_list_says_nothing(run):
    """Specifies a timeout (in seconds) for the task list override: there is none."""
    answer(run, task_list_schedule_to_start_timeout="5")
    assert listed(run) == ORIGINAL


def test_the_last_word_counts(run):
    """This list overrides: the one before, too."""
    for override, expected in [
        (FOR_NOW, (MINE, "5")),
        ({**FOR_NOW, "task_list": YOURS}, (YOURS, "5")),
        (FOR_GOOD, (MINE, "NONE")),
        ({"task_list": YOURS}, (YOURS, "NONE")),
        ({"task_list": DECIDERS}, ORIGINAL),
    ]:
        answer(run, **override)
        assert listed(run) == expected


def test_the_original_list_is_the_one_that_was_chosen_for_good(run):
    """Silent in the documentation: what an override for now gives way to is the list of before."""
    answer(run, task_list=YOURS)
    assert listed(run) == (YOURS, "NONE")
    answer(run, **FOR_NOW)
    assert listed(run) == (MINE, "5")
    assert run.wait(5)[1].task_list == YOURS
    assert run.state.task_list == YOURS


def test_it_counts_for_the_task_that_is_due_already(run):
    """What has happened meanwhile makes the next task, which is one of the future."""
    started = run.poll()
    run.signal()
    written = run.answer(started, **FOR_NOW)
    assert written[1].task_list == MINE


def test_it_counts_for_the_task_that_a_refused_decision_makes(run):
    written = answer(run, de.CancelTimer("t"), **FOR_NOW)
    assert kinds(written)[1:] == ["CancelTimerFailed", "DecisionTaskScheduled"]
    assert written[2].task_list == MINE


def test_it_is_only_for_decision_tasks_of_this_run(domain):
    """A run that continues as new takes the list of its decision or type."""
    domain.start()
    domain.answer("order", domain.poll(), **FOR_GOOD)
    domain.signal()
    assert domain.history("order")[-1].task_list == MINE
    continue_as_new = de.ContinueAsNewWorkflowExecution(
        execution_start_to_close_timeout="60",
        task_list=YOURS,
        task_start_to_close_timeout="NONE",
        child_policy="ABANDON",
    )
    domain.decide("order", continue_as_new)
    assert domain.history("order")[-1].task_list == YOURS
