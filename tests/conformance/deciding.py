"""What the tests of decisions, children and time-outs do, beyond what ``conforming.py`` knows."""

import time

from conforming import attributes

#: The DecisionTaskCompleted of an execution's first decision task; what its decisions write
#: begins with the next event.
ANSWER = 4
#: A type of executions that are not to be mixed up with those of ORDER: their decision tasks have
#: a list of their own, and so on.
PARCEL_DEFAULTS = {
    "defaultTaskList": {"name": "parcels"},
    "defaultTaskStartToCloseTimeout": "3000",
    "defaultExecutionStartToCloseTimeout": "400000",
    "defaultChildPolicy": "ABANDON",
}
#: What an event shows of PARCEL_DEFAULTS.
PARCEL_SETTINGS = {
    "taskList": {"name": "parcels"},
    "taskStartToCloseTimeout": "3000",
    "executionStartToCloseTimeout": "400000",
    "childPolicy": "ABANDON",
}


def without(settings, *names):
    """The settings but for some."""
    return {name: value for name, value in settings.items() if name not in names}


def parcels(world, name="parcel", version="1", **settings):
    """Register one more workflow type, with all defaults."""
    return world.workflow_type(name, version, **{**PARCEL_DEFAULTS, **settings})


def events_after(world, event_id, run=None):
    """The types and attributes of the events after one; without the scheduling of decisions."""
    return [
        (event["eventType"], attributes(event))
        for event in world.history(run)[event_id:]
        if event["eventType"] != "DecisionTaskScheduled"
    ]


def written(world, *decisions, task_list="deciders", task=None, **more):
    """What comes of the decisions that answer a decision task: types and attributes of events.

    Without the scheduling of the next decision task (of which `decision_due` tells).
    """
    task = world.decide(*decisions, task=task or world.poll_decision(task_list), **more)
    run = task["workflowExecution"]
    (answered,) = [
        event["eventId"]
        for event in world.history(run)
        if event["eventType"] == "DecisionTaskCompleted"
        and attributes(event)["startedEventId"] == task["startedEventId"]
    ]
    return events_after(world, answered, run)


def decision_due(world, run=None):
    """Whether a decision task is open."""
    return world.describe(run)["openCounts"]["openDecisionTasks"] == 1


def event_times(world, run=None):
    """The type of each event, and how many seconds after the start of the run it was written."""
    events = world.history(run)
    start = events[0]["eventTimestamp"].timestamp()
    return [(event["eventType"], event["eventTimestamp"].timestamp() - start) for event in events]


def expires_after(world, seconds, run=None):
    """The time that passes brings nothing until its last moment: what is written then.

    Types and attributes of the events, without the scheduling of decisions. Their time is that
    moment's.
    """
    known = len(world.history(run))
    world.advance(seconds - 0.5)
    assert world.kinds(run)[known:] == []
    world.advance(0.5)
    times = {event["eventTimestamp"].timestamp() for event in world.history(run)[known:]}
    assert times <= {world.now()}
    return events_after(world, known, run)


def never_expires(world, run=None):
    """Nothing is written in twenty days: a closed execution is kept longer than that."""
    known = len(world.history(run))
    world.advance(20 * 86_400)
    return len(world.history(run)) == known


def eventually(condition):
    """What a condition gives once it gives something; for what happens in another thread."""
    for _ in range(500):
        if found := condition():
            return found
        time.sleep(0.01)
    raise AssertionError("it did not happen in 5 seconds")
