"""Timers."""

import pytest
from one_execution import kinds

from dataflow.engine.rules.requests import expire
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import CancelTimer, StartTimer
from dataflow.protocol.limits import Limits


def fired(timer_id="t", started_event_id=5):
    return ev.TimerFired(timer_id=timer_id, started_event_id=started_event_id)


def test_a_timer_fires_after_its_time(run):
    """StartTimer - Starts a timer for this workflow execution and records a TimerStarted event in
    the history. This timer fires after the specified delay and record a TimerFired event.
    (Decision)"""
    assert run.decide(StartTimer("t", "10", control="c"))[1:] == [
        ev.TimerStarted(
            timer_id="t",
            start_to_fire_timeout="10",
            decision_task_completed_event_id=4,
            control="c",
        )
    ]
    assert run.wait(9.5) == []
    written = run.wait(0.5)
    assert written[0] == fired()
    assert kinds(written)[1:] == ["DecisionTaskScheduled"]
    assert run.history[-1].timestamp == run.now
    assert run.wait(90_000) == []


def test_a_timer_of_zero_seconds_fires_at_once_but_not_in_the_same_answer(run):
    """The duration is specified in seconds, an integer greater than or equal to 0.
    (StartTimerDecisionAttributes, startToFireTimeout)"""
    assert kinds(run.decide(StartTimer("t", "0"))) == ["DecisionTaskCompleted", "TimerStarted"]
    assert kinds(run.wait(0)) == ["TimerFired", "DecisionTaskScheduled"]


def test_timers_fire_in_the_order_of_their_times_then_of_their_start(run):
    times = {"late": "20", "second": "10", "third": "10", "first": "5"}
    run.decide(*[StartTimer(name, seconds) for name, seconds in times.items()])
    names = [event.timer_id for event in run.wait(20) if isinstance(event, ev.TimerFired)]
    assert names == ["first", "second", "third", "late"]


def test_timers_that_are_noticed_late_fire_one_at_a_time(run):
    run.decide(StartTimer("b", "20"), StartTimer("a", "10"))
    run.now += 100
    written = run.wait(0)
    assert kinds(written) == ["TimerFired", "DecisionTaskScheduled", "TimerFired"]
    assert [written[0].timer_id, written[2].timer_id] == ["a", "b"]


def test_an_id_is_in_use_until_its_timer_ends(run):
    """StartTimerFailed - A StartTimer decision failed. This could happen if there is another open
    timer with the same timerId. (Decision)"""
    written = run.decide(StartTimer("t", "10"), StartTimer("t", "99"))
    assert written[2] == ev.StartTimerFailed(
        timer_id="t", cause="TIMER_ID_ALREADY_IN_USE", decision_task_completed_event_id=4
    )
    assert kinds(written)[3:] == ["DecisionTaskScheduled"]
    assert kinds(run.wait(90_000)) == ["TimerFired"]


@pytest.mark.parametrize("end", ["fired", "cancelled"])
def test_an_id_can_be_used_again(run, end):
    run.decide(StartTimer("t", "10"))
    if end == "fired":
        run.wait(10)
    else:
        run.signal()
        run.decide(CancelTimer("t"))
        run.signal()
    written = run.decide(StartTimer("t", "20"))
    assert kinds(written) == ["DecisionTaskCompleted", "TimerStarted"]
    second = run.state.last_event_id
    assert run.wait(19.5) == []
    assert run.wait(0.5)[0] == fired(started_event_id=second)


def test_at_most_so_many_timers_are_open(run):
    """open timers 1,000 (Developer Guide, Amazon SWF Quotas)"""
    run.limits = Limits(open_timers=2)
    written = run.decide(*[StartTimer(name, "10") for name in "abca"])
    assert kinds(written)[1:3] == ["TimerStarted", "TimerStarted"]
    assert [event.cause for event in written[3:5]] == [
        "OPEN_TIMERS_LIMIT_EXCEEDED",
        "TIMER_ID_ALREADY_IN_USE",
    ]
    assert kinds(run.decide(CancelTimer("a"), StartTimer("c", "10")))[2] == "TimerStarted"


def test_a_cancelled_timer_does_not_fire(run):
    """CancelTimer - Cancels a previously started timer and records a TimerCanceled event in the
    history. (Decision)"""
    run.decide(StartTimer("t", "10"))
    run.signal()
    assert run.decide(CancelTimer("t"))[1:] == [
        ev.TimerCanceled(timer_id="t", started_event_id=5, decision_task_completed_event_id=9)
    ]
    assert run.wait(90_000) == []
    assert run.state.timers == run.state._timer_ids == {}


@pytest.mark.parametrize(
    "earlier",
    [[], [StartTimer("t", "10"), CancelTimer("t")]],
    ids=["never started", "cancelled already"],
)
def test_a_timer_that_is_not_open_cannot_be_cancelled(run, earlier):
    """CancelTimerFailed - A CancelTimer decision failed. This could happen if there is no open
    timer with the specified timerId. (Decision)"""
    written = run.decide(*earlier, CancelTimer("t"))
    assert written[-2] == ev.CancelTimerFailed(
        timer_id="t", cause="TIMER_ID_UNKNOWN", decision_task_completed_event_id=4
    )
    assert kinds(written)[-1] == "DecisionTaskScheduled"


def test_a_timer_that_has_fired_cannot_be_cancelled(run):
    run.decide(StartTimer("t", "10"))
    run.wait(10)
    assert run.decide(CancelTimer("t"))[1].cause == "TIMER_ID_UNKNOWN"


def test_nothing_expires_before_its_time(run):
    run.decide(StartTimer("t", "10"))
    length = len(run.history)
    assert expire(run.state, run.now + 9.9) == []
    assert (len(run.history), list(run.state.timers)) == (length, ["t"])
    run.terminate()
    assert expire(run.state, run.now + 10) == []
