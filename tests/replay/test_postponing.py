"""A decision that could not be made decided nothing: the next decider finds the execution whole."""

import pytest
from replaying import add, ask, double, new_run, told

from dataflow import Workflow
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import StartTimer
from dataflow.replay.postponing import Postponed, postpone, was_postponed
from dataflow.testing import HistoryBuilder


class Twice(Workflow):
    def run(self):
        return self.submit(double, self.submit(add, 1).result).result


def postponed(history):
    """A decider takes the task and cannot make the decision."""
    history.deciding()
    timer = postpone(history.events, history.last_id)
    return history.answered().timer_started(timer.timer_id, int(timer.start_to_fire_timeout))


def first_scheduled():
    return HistoryBuilder(Twice).decided().scheduled("activity-add-1", add, 1)


NEXT = ["schedule activity-double-1"]


def test_the_first_decision_of_all():
    history = postponed(HistoryBuilder(Twice))
    assert ask(Twice, history.timer_fired("dataflow-postponed-3").deciding()) == [
        "schedule activity-add-1"
    ]


def test_what_came_before_it_is_decided_after_it():
    history = postponed(first_scheduled().completed("activity-add-1", 2))
    assert ask(Twice, history.deciding()) == NEXT


def test_what_came_while_it_was_tried_is_decided_after_it():
    history = first_scheduled().deciding().completed("activity-add-1", 2)
    timer = postpone(history.events, 6)
    history.answered().timer_started(timer.timer_id, 5).deciding()
    assert ask(Twice, history) == NEXT


def test_any_number_of_times():
    history = first_scheduled().completed("activity-add-1", 2)
    for _ in range(3):
        postponed(history)
        history.timer_fired(f"dataflow-postponed-{history.last_id - 2}")
    assert ask(Twice, history.deciding()) == NEXT


def test_it_goes_on_from_there():
    history = postponed(first_scheduled().completed("activity-add-1", 2))
    history.decided().scheduled("activity-double-1", double, 2)
    history.completed("activity-double-1", 4).deciding()
    assert ask(Twice, history) == ["complete 4"]


def test_a_suspended_run_does_not_mind_that_another_decider_postponed():
    run = new_run(Twice)
    history = first_scheduled().completed("activity-add-1", 2).deciding()
    assert told(run.advance(history.events)) == NEXT
    postponed(history.answered().scheduled("activity-double-1", double, 2))
    history.completed("activity-double-1", 4).deciding()
    assert told(run.advance(history.events)) == ["complete 4"]
    run.drop()


def test_the_pause_grows_to_an_hour():
    history, pauses = HistoryBuilder(Twice), []
    for _ in range(14):
        postponed(history)
        pauses.append(int(history.events[-1].attributes.start_to_fire_timeout))
        history.timer_fired(f"dataflow-postponed-{history.last_id - 2}")
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 3600


def test_the_pause_begins_anew_after_a_decision():
    history = HistoryBuilder(Twice)
    for _ in range(4):
        postponed(history)
    history.decided()
    assert postpone(history.events, 99).start_to_fire_timeout == "5"


def test_each_has_a_timer_of_its_own():
    assert postpone([], 3) == StartTimer(timer_id="dataflow-postponed-3", start_to_fire_timeout="5")
    assert postpone([], 9).timer_id != postpone([], 3).timer_id


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (HistoryBuilder(Twice).deciding(), False),
        (first_scheduled(), False),
        (postponed(first_scheduled()), True),
        (postponed(first_scheduled()).deciding(), True),
        (postponed(first_scheduled()).decided(), False),
    ],
)
def test_whether_the_last_answer_was_none(history, expected):
    assert was_postponed(history.events) is expected


def test_only_our_timers_postpone():
    history = HistoryBuilder(Twice).decided().timer_started("mine", 5).timer_fired("mine")
    assert not Postponed(history.events).answers
    assert not any(Postponed(history.events).about(event) for event in history.events)
    assert isinstance(history.events[-1].attributes, ev.TimerFired)
