"""Which tasks of a new run get the results of an old one."""

import pytest
from decider_flows import Shape
from decider_world import DOMAIN, Hand

from dataflow.inspection.reading import Reader
from dataflow.process.repairing import Repair
from dataflow.protocol.decisions import ScheduleActivityTask, StartTimer
from dataflow.protocol.values import ActivityType, TaskList, WorkflowExecution


@pytest.fixture
def old(world):
    """A run in which one activity has completed at once, and another at the third time."""
    execution = world.start(Shape, "groups", 4)
    hand = Hand(world)
    hand.step()
    while world.kinds(execution)[-1] != "WorkflowExecutionCompleted":
        world.work()
        hand.step()
    run = WorkflowExecution(execution["workflowId"], execution["runId"])
    return list(Reader(world.engine, DOMAIN).events(run))


def schedules(name, n=1, *, version="default", text='{"args":[4],"kwargs":{}}'):
    return ScheduleActivityTask(
        activity_type=ActivityType(name, version), activity_id=f"activity-{name}-{n}", input=text
    )


@pytest.mark.parametrize(
    ("decision", "redirected"),
    [
        (schedules("double"), True),
        (schedules("double", version="2"), False),
        (schedules("double", text='{"args":[5],"kwargs":{}}'), False),
        (schedules("double", 9), False),
        (schedules("third time"), True),
        (schedules("third time", text='{"args":[4],"kwargs":{},"attempt":3}'), True),
        (StartTimer(timer_id="activity-double-1", start_to_fire_timeout="1"), False),
    ],
)
def test_what_is_redirected(world, old, decision, redirected):
    found = Repair(world, DOMAIN, "results", old).redirect(decision)
    assert (found is not None) is redirected
    if redirected:
        assert found.task_list == TaskList("results")
        assert found.activity_id == decision.activity_id


def test_what_is_done_again_all_the_same(world, old):
    repair = Repair(world, DOMAIN, "results", old, force="^activity-d")
    assert repair.redirect(schedules("double")) is None
    assert repair.redirect(schedules("third time")) is not None
