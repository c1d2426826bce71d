"""CountPendingDecisionTasks and CountPendingActivityTasks."""

import pytest
from conforming import cancel_activity, complete, schedule


def decisions(world, task_list="deciders"):
    answer = world.swf.count_pending_decision_tasks(
        domain=world.domain, taskList={"name": task_list}
    )
    assert not answer.get("truncated")
    return answer["count"]


def activities(world, task_list="workers"):
    answer = world.swf.count_pending_activity_tasks(
        domain=world.domain, taskList={"name": task_list}
    )
    assert not answer.get("truncated")
    return answer["count"]


def test_no_tasks(world):
    """ "If you specify a task list that no activity task was ever scheduled in then 0 is
    returned." """
    assert (decisions(world), decisions(world, "nowhere")) == (0, 0)
    assert (activities(world), activities(world, "nowhere")) == (0, 0)


def test_decision_tasks(world):
    """ "Returns the estimated number of decision tasks in the specified task list." """
    for workflow_id in "abc":
        world.start(workflow_id)
    world.start("d", taskList={"name": "other"})
    assert (decisions(world), decisions(world, "other")) == (3, 1)
    assert activities(world, "deciders") == 0
    assert decisions(world.another()) == 0
    task = world.poll_decision()
    assert decisions(world) == 2  # what a decider has is not in the list
    world.decide(task=task)
    assert decisions(world) == 2
    world.signal(run=task["workflowExecution"])
    assert decisions(world) == 3
    world.terminate(run=task["workflowExecution"])
    assert decisions(world) == 2


def test_a_decision_task_that_is_due_later(world):
    """What happens while the decider thinks makes a task that cannot be taken yet."""
    world.start()
    task = world.poll_decision()
    world.signal()
    assert decisions(world) == 0
    world.decide(task=task)
    assert decisions(world) == 1


def test_activity_tasks(world):
    """ "Returns the estimated number of activity tasks in the specified task list." """
    world.decided(
        *(schedule(activity_id) for activity_id in "abcd"),
        schedule("e", taskList={"name": "other"}),
    )
    assert (activities(world), activities(world, "other")) == (4, 1)
    assert decisions(world, "workers") == 0
    task = world.poll_activity()
    assert activities(world) == 3
    world.activity_completed(task)
    assert activities(world) == 3
    world.decide(cancel_activity("b"))
    assert activities(world) == 2
    world.decide(complete())
    assert (activities(world), activities(world, "other")) == (0, 0)


@pytest.mark.needs_clock
def test_a_task_that_has_timed_out_is_not_pending(world):
    """ "SCHEDULE_TO_START": it has left its list."""
    world.decided(schedule("a", scheduleToStartTimeout="10"), schedule("b"))
    assert activities(world) == 2
    world.advance(10)
    assert activities(world) == 1
