import json

import pytest

from dataflow import Workflow, activity
from dataflow.history import History
from dataflow.protocol import events as ev
from dataflow.testing import HistoryBuilder


@activity.with_attributes(name="charge", meta={"m": 1})
def charge(amount):
    return amount


@activity.with_attributes(name="ship", version="2", task_list="dock")
def ship(order):
    return order


class Order(Workflow):
    name = "order"
    version = "3"
    task_list = "orders"


def test_a_history_in_a_few_words():
    history = (
        HistoryBuilder(Order, 5, express=True)
        .decided()
        .scheduled("c-1", charge, 5)
        .scheduled_with("s-1", ship, "plain")
        .timer_started("t", 60)
        .started("c-1")
        .completed("c-1", {"a": 1})
        .timer_fired("t")
        .deciding()
        .decision_timed_out()
        .decided()
        .execution_completed([1])
    )
    events = history.events
    assert [event.event_id for event in events] == list(range(1, history.last_id + 1))
    assert [event.event_type for event in events] == [
        "WorkflowExecutionStarted",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
        "DecisionTaskCompleted",
        "ActivityTaskScheduled",
        "ActivityTaskScheduled",
        "TimerStarted",
        "ActivityTaskStarted",
        "ActivityTaskCompleted",
        "TimerFired",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
        "DecisionTaskTimedOut",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
        "DecisionTaskCompleted",
        "WorkflowExecutionCompleted",
    ]
    times = [event.timestamp for event in events]
    assert times == sorted(set(times))
    started = events[0].attributes
    assert (started.workflow_type.name, started.workflow_type.version) == ("order", "3")
    assert started.task_list.name == "orders"
    assert json.loads(started.input) == {"args": [5], "kwargs": {"express": True}}
    assert json.loads(events[4].attributes.input) == {
        "args": [5],
        "kwargs": {},
        "meta": {"m": 1},
    }
    assert events[5].attributes.input == "plain"
    assert events[5].attributes.task_list.name == "dock"
    assert events[8].attributes == ev.ActivityTaskCompleted(
        scheduled_event_id=5, started_event_id=8, result='{"a":1}'
    )
    assert events[9].attributes.started_event_id == 7
    assert events[12].attributes.started_event_id == 12
    assert events[16].attributes.decision_task_completed_event_id == 16


@pytest.mark.parametrize(
    ("end", "args", "state"),
    [
        ("completed", (1,), "completed"),
        ("failed", (ValueError("no"),), "failed"),
        ("timed_out", (), "timed_out"),
        ("canceled", (), "canceled"),
    ],
)
def test_every_end_of_an_activity(end, args, state):
    history = HistoryBuilder(Order).decided().scheduled("c-1", charge, 5)
    getattr(history, end)("c-1", *args)
    task = History(history.events).tasks["c-1"]
    assert (task.state, task.name) == (state, "charge")
    assert task.started_at is not None
    # A second attempt begins anew.
    history.scheduled("c-1", charge, 5)
    getattr(history, end)("c-1", *args)
    assert History(history.events).tasks["c-1"].attempts == 2


def test_a_task_that_was_not_scheduled_cannot_end():
    with pytest.raises(KeyError, match="c-1"):
        HistoryBuilder(Order).completed("c-1")
