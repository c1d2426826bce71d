"""Law 6: what the code asks for is what history holds, or it is told that it is not."""

import pytest
from replaying import add, ask, decide, double, new_run

from dataflow import Workflow, activity
from dataflow.errors import NonDeterminism
from dataflow.payload.fields import CLEAR
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.replay.decided import Verdict
from dataflow.replay.expectations import Expectations
from dataflow.testing import HistoryBuilder


@activity.with_attributes(name="add", version="2")
def newer(*numbers):
    return sum(numbers)


def version_1(self):
    return self.submit(add, 1).result + 1


class Versioned(Workflow):
    name = "versioned"

    def run(self):
        raise NotImplementedError


def version(run):
    """The same workflow type with other code."""
    return type("Versioned", (Versioned,), {"run": run})


def asked():
    """A history of version 1, up to the events of its first decision."""
    return HistoryBuilder(Versioned).decided().scheduled("activity-add-1", add, 1)


def returns(self):
    return 7


def sleeps(self):
    self.sleep(5)


def fails_later(self):
    self.submit(add, 1).result  # noqa: B018
    raise ValueError("bad")


def cancels(self):
    future = self.submit(add, 1)
    self.sleep(1)
    future.cancel()
    self.sleep(1)


ADD_1 = "event 5, ActivityTaskScheduled of add version default as activity-add-1"
INPUT_1 = ' with {"args":[1],"kwargs":{}}'

CASES = {
    "another type": (
        lambda self: self.submit(double, 1).result,
        asked().deciding(),
        5,
        ADD_1 + INPUT_1,
        "ScheduleActivityTask of double version default as activity-double-1",
    ),
    "another input": (
        lambda self: self.submit(add, 2).result,
        asked().deciding(),
        5,
        ADD_1 + INPUT_1,
        'ScheduleActivityTask of add version default as activity-add-1 with {"args":[2]',
    ),
    "another version": (
        lambda self: self.submit(newer, 1).result,
        asked().deciding(),
        5,
        ADD_1 + INPUT_1,
        "ScheduleActivityTask of add version 2 as activity-add-1",
    ),
    "another kind": (
        sleeps,
        asked().deciding(),
        5,
        ADD_1 + INPUT_1,
        "StartTimer id dataflow-sleep-1 at this point",
    ),
    "nothing asked any more": (
        lambda self: [self.submit(double, self.submit(add, 1)).result],
        asked().scheduled("activity-add-2", add, 2).completed("activity-add-1", 5).deciding(),
        6,
        "event 6, ActivityTaskScheduled of add version default as activity-add-2",
        "nothing more at this point",
    ),
    "more asked": (
        lambda self: [f.result for f in self.map(add, (1, 2, 3))],
        asked().completed("activity-add-1", 5).deciding(),
        6,
        "nothing of the kind before event 6",
        (
            "ScheduleActivityTask of add version default as activity-add-2 with "
            '{"args":[2],"kwargs":{}} (and 1 more)'
        ),
    ),
    "one more asked": (
        lambda self: [f.result for f in self.map(add, (1, 2))],
        asked().completed("activity-add-1", 5).deciding(),
        6,
        "nothing of the kind before event 6",
        "ScheduleActivityTask of add version default as activity-add-2",
    ),
    "nothing asked, at the end of the history": (
        returns,
        asked(),
        5,
        ADD_1 + INPUT_1,
        "CompleteWorkflowExecution result 7 at this point",
    ),
    "another closing decision": (
        fails_later,
        asked().completed("activity-add-1", 1).decided().execution_completed(2),
        11,
        "event 11, WorkflowExecutionCompleted result 2",
        "FailWorkflowExecution reason ValueError: bad at this point",
    ),
    "closing before the history does": (
        returns,
        HistoryBuilder(Versioned).decided().deciding(),
        5,
        "nothing of the kind before event 5",
        "CompleteWorkflowExecution result 7",
    ),
    "a cancellation that was not asked for": (
        version_1,
        asked()
        .decided()
        .add(
            ev.ActivityTaskCancelRequested(
                decision_task_completed_event_id=8, activity_id="activity-add-1"
            )
        ),
        9,
        "event 9, ActivityTaskCancelRequested as activity-add-1",
        "nothing more",
    ),
    "a refusal of what was not asked for": (
        version_1,
        asked()
        .decided()
        .add(
            ev.CancelTimerFailed(
                decision_task_completed_event_id=8, timer_id="t", cause="TIMER_ID_UNKNOWN"
            )
        ),
        9,
        "event 9, CancelTimerFailed id t cause TIMER_ID_UNKNOWN",
        "nothing more",
    ),
    "a decision that dataflow does not make": (
        version_1,
        HistoryBuilder(Versioned)
        .decided()
        .add(ev.MarkerRecorded(marker_name="m", decision_task_completed_event_id=4)),
        5,
        "event 5, MarkerRecorded",
        "ScheduleActivityTask of add",
    ),
}


@pytest.mark.parametrize(
    ("run", "history", "event_id", "says", "asks"), CASES.values(), ids=CASES.keys()
)
def test_a_difference_is_named(run, history, event_id, says, asks):
    decided = decide(version(run), history)
    assert (decided.verdict, decided.decisions) == (Verdict.BROKEN, ())
    problem = decided.problem
    assert isinstance(problem, NonDeterminism)
    assert problem.event_id == event_id
    assert problem.history.startswith(says)
    assert problem.code.startswith(asks)
    message = str(problem)
    assert f"history says: {problem.history}" in message
    assert f"the code asks: {problem.code}" in message
    assert "code has changed since the execution began" in message
    assert "something that is not in history" in message


@pytest.mark.parametrize("run", [sleeps, lambda self: self.submit(add, 2).result])
def test_the_run_stays_broken_and_nothing_is_lost(run):
    broken, history = new_run(version(run)), asked().completed("activity-add-1", 5).deciding()
    first = broken.advance(history.events)
    assert first.verdict is Verdict.BROKEN
    assert broken.advance(history.events) is first
    assert broken.advance(history.decision_timed_out().deciding().events) is first
    assert ask(version(version_1), history) == ["complete 6"]


def test_an_activity_that_the_code_does_not_cancel_any_more():
    history = (
        asked()
        .timer_started("dataflow-sleep-1", 1)
        .timer_fired("dataflow-sleep-1")
        .decided()
        .timer_started("dataflow-sleep-2", 1)
    )
    decided = decide(version(cancels), history.deciding())
    assert decided.problem.history == "nothing of the kind before event 12"
    assert decided.problem.code == "RequestCancelActivityTask as activity-add-1"


def test_the_end_of_a_history_is_named():
    decided = decide(version(version_1), HistoryBuilder(Versioned).decided())
    assert decided.problem.event_id is None
    assert decided.problem.history == "nothing of the kind until its end"
    assert decided.problem.code.startswith("ScheduleActivityTask of add")


def test_long_texts_are_cut():
    history = HistoryBuilder(Versioned).decided().scheduled("activity-add-1", add, "x" * 1000)
    problem = decide(version(version_1), history.deciding()).problem
    assert len(problem.history) < 400
    assert problem.history.endswith(" ...")


# --- what may differ ----------------------------------------------------------------------


def test_the_duration_of_a_timer_may_change():
    history = HistoryBuilder(Versioned).decided().timer_started("dataflow-sleep-1", 1000)
    history.timer_fired("dataflow-sleep-1").deciding()
    assert ask(version(sleeps), history) == ["complete null"]


def test_the_result_may_change():
    history = HistoryBuilder(Versioned).decided().execution_completed(1)
    assert decide(version(returns), history).verdict is Verdict.CLOSED


def test_the_order_within_one_decision_may_change():
    # As it does when a code change submits the same tasks in another order.
    history = HistoryBuilder(Versioned).decided()
    history.scheduled("activity-double-1", double, 1).scheduled("activity-add-1", add, 1)

    def other_order(self):
        return self.submit(add, 1).result + self.submit(double, 1).result

    def right(self):
        first, second = self.submit(add, 1), self.submit(double, 1)
        return first.result + second.result

    history.completed("activity-add-1", 1).completed("activity-double-1", 2).deciding()
    assert ask(version(right), history) == ["complete 3"]
    assert isinstance(decide(version(other_order), history).problem, NonDeterminism)


# --- an engine writes the end of a cancelled task between the events of a decision --------


class CancelsTwo(Workflow):
    def run(self):
        tasks = self.map(add, (1, 2))
        self.sleep(1)
        for task in tasks:
            task.cancel()
        self.sleep(1)


def test_tasks_that_nobody_had_taken_end_among_the_events_of_the_decision():
    history = (
        HistoryBuilder(CancelsTwo)
        .decided()
        .timer_started("dataflow-sleep-1", 1)
        .scheduled("activity-add-1", add, 1)
        .scheduled("activity-add-2", add, 2)
        .timer_fired("dataflow-sleep-1")
        .decided()
    )
    for n in (1, 2):
        history.add(
            ev.ActivityTaskCancelRequested(
                decision_task_completed_event_id=11, activity_id=f"activity-add-{n}"
            )
        )
        history.add(ev.ActivityTaskCanceled(scheduled_event_id=5 + n, started_event_id=0))
    history.timer_started("dataflow-sleep-2", 1)
    assert ask(CancelsTwo, history.timer_fired("dataflow-sleep-2").deciding()) == ["complete null"]


def test_each_decision_of_the_replay_can_be_expected():
    expectations = Expectations(CLEAR)
    expectations.ask([de.StartTimer(timer_id="t", start_to_fire_timeout="1")])
    with pytest.raises(NonDeterminism):
        expectations.check_all_confirmed(7)
    expectations.ask([])
    expectations.check_all_confirmed(7)
