from dataclasses import asdict

import pytest

from dataflow.history import History, TaskRecord
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.protocol.values import ActivityType, TaskList, WorkflowType

LIST = TaskList("list")
STARTED = ev.WorkflowExecutionStarted(
    child_policy="TERMINATE", task_list=LIST, workflow_type=WorkflowType("w", "1")
)
DECIDED = ev.DecisionTaskCompleted(scheduled_event_id=2, started_event_id=3)


def activity(activity_id, **fields):
    return ev.ActivityTaskScheduled(
        activity_type=ActivityType("pay", "2"),
        activity_id=activity_id,
        task_list=LIST,
        decision_task_completed_event_id=0,
        **fields,
    )


def refusal(activity_id):
    return ev.ScheduleActivityTaskFailed(
        activity_type=ActivityType("pay", "2"),
        activity_id=activity_id,
        cause="ACTIVITY_TYPE_DOES_NOT_EXIST",
        decision_task_completed_event_id=0,
    )


def timer(timer_id, **fields):
    return ev.TimerStarted(
        timer_id=timer_id,
        start_to_fire_timeout="5",
        decision_task_completed_event_id=0,
        **fields,
    )


def taken(scheduled):
    return ev.ActivityTaskStarted(scheduled_event_id=scheduled)


def ended(cls, scheduled, started, **fields):
    return cls(scheduled_event_id=scheduled, started_event_id=started, **fields)


def events_of(*attributes):
    """Events 1, 2, 3 ..., ten seconds apart."""
    return [Event(n, 10.0 * n, a) for n, a in enumerate(attributes, 1)]


def told(record):
    """What a record says beyond its defaults."""
    blank = TaskRecord(task_id="", kind="timer", name="", scheduled_event_id=0, scheduled_at=0)
    return dict(asdict(record).items() - asdict(blank).items())


ACTIVITY = {
    "task_id": "a",
    "kind": "activity",
    "name": "pay",
    "version": "2",
    "scheduled_event_id": 1,
    "scheduled_at": 10.0,
}
TIMER = {"task_id": "t", "name": "t", "scheduled_event_id": 1, "scheduled_at": 10.0}
AGAIN = {"attempts": 2, "scheduled_event_id": 4, "scheduled_at": 40.0}

TASKS = [
    # the events, the task that they tell of
    (
        [activity("a", input="in", control="c")],
        ACTIVITY | {"input": "in", "control": "c"},
    ),
    (
        [activity("a"), taken(1)],
        ACTIVITY | {"state": "started", "started_at": 20.0},
    ),
    (
        [activity("a"), taken(1), ended(ev.ActivityTaskCompleted, 1, 2, result="r")],
        ACTIVITY | {"state": "completed", "started_at": 20.0, "closed_at": 30.0, "result": "r"},
    ),
    (
        [activity("a"), taken(1), ended(ev.ActivityTaskFailed, 1, 2, reason="w", details="d")],
        ACTIVITY
        | {"state": "failed", "started_at": 20.0, "closed_at": 30.0, "reason": "w", "details": "d"},
    ),
    (
        [
            activity("a"),
            ended(ev.ActivityTaskTimedOut, 1, 0, timeout_type="SCHEDULE_TO_START", details="d"),
        ],
        ACTIVITY
        | {"state": "timed_out", "closed_at": 20.0, "reason": "SCHEDULE_TO_START", "details": "d"},
    ),
    (
        [activity("a"), ended(ev.ActivityTaskCanceled, 1, 0, details="d")],
        ACTIVITY | {"state": "canceled", "closed_at": 20.0, "details": "d"},
    ),
    (
        [refusal("a")],
        ACTIVITY
        | {
            "state": "not_scheduled",
            "attempts": 0,
            "closed_at": 10.0,
            "reason": "ACTIVITY_TYPE_DOES_NOT_EXIST",
        },
    ),
    (
        [activity("a"), taken(1), ended(ev.ActivityTaskFailed, 1, 2, reason="w"), activity("a")],
        ACTIVITY | AGAIN,
    ),
    (
        [refusal("a"), DECIDED, DECIDED, activity("a"), taken(4)],
        ACTIVITY
        | {"state": "started", "scheduled_event_id": 4, "scheduled_at": 40.0, "started_at": 50.0},
    ),
    ([timer("t", control="c")], TIMER | {"control": "c"}),
    (
        [timer("t"), ev.TimerFired(timer_id="t", started_event_id=1)],
        TIMER | {"state": "fired", "closed_at": 20.0},
    ),
    (
        [
            timer("t"),
            ev.TimerCanceled(timer_id="t", started_event_id=1, decision_task_completed_event_id=0),
        ],
        TIMER | {"state": "canceled", "closed_at": 20.0},
    ),
    (
        [timer("t"), ev.TimerFired(timer_id="t", started_event_id=1), DECIDED, timer("t")],
        TIMER | AGAIN,
    ),
]


@pytest.mark.parametrize(("attributes", "expected"), TASKS)
def test_a_task_is_told_from_its_events(attributes, expected):
    tasks = History(events_of(*attributes)).tasks
    assert len(tasks) == 1
    assert told(tasks[expected["task_id"]]) == expected


WHOLE = events_of(
    STARTED,
    activity("b"),
    timer("t"),
    activity("a"),
    taken(4),
    ev.TimerFired(timer_id="t", started_event_id=3),
    taken(2),
    ended(ev.ActivityTaskFailed, 2, 7, reason="w"),
    ended(ev.ActivityTaskCompleted, 4, 5, result="r"),
    activity("b"),
    ev.UnknownEvent(event_type="SomethingNew"),
)


@pytest.mark.parametrize("asked", range(len(WHOLE) + 1))
def test_tasks_follow_the_events_that_are_added_later(asked):
    history = History(WHOLE[:asked])
    before = dict(history.tasks)
    for event in WHOLE[asked:]:
        history.append(event)
    assert history.tasks == History(WHOLE).tasks
    assert [key for key in history.tasks if key in before] == list(before)


def test_tasks_stand_in_the_order_of_their_first_scheduling():
    assert list(History(WHOLE).tasks) == ["b", "t", "a"]


def test_tasks_of_one_type_are_kept_apart():
    tasks = History(WHOLE).tasks
    assert (tasks["a"].state, tasks["a"].attempts) == ("completed", 1)
    assert (tasks["b"].state, tasks["b"].attempts) == ("scheduled", 2)


def test_an_empty_history():
    history = History()
    assert (len(history), history.last_event_id, history.started) == (0, 0, None)
    assert list(history.events) == []
    assert history.tasks == {}


def test_what_a_history_says_of_itself():
    history = History(WHOLE)
    assert (len(history), history.last_event_id, history.started) == (11, 11, STARTED)
    assert list(history.events) == WHOLE


def test_a_history_whose_beginning_is_missing_does_not_say_how_it_started():
    history = History(WHOLE[1:])
    assert (len(history), history.last_event_id, history.started) == (10, 11, None)


def test_a_history_does_not_share_the_list_it_was_made_of():
    events = list(WHOLE)
    history = History(events)
    history.append(Event(12, 120.0, DECIDED))
    assert len(events) == 11
