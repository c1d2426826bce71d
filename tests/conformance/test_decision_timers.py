"""StartTimer, CancelTimer and RecordMarker.

https://docs.aws.amazon.com/amazonswf/latest/apireference/API_StartTimerDecisionAttributes.html
https://docs.aws.amazon.com/amazonswf/latest/apireference/API_CancelTimerDecisionAttributes.html
https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RecordMarkerDecisionAttributes.html
"""

import pytest
from conforming import cancel_timer, complete, marker, timer
from deciding import ANSWER, decision_due, event_times, expires_after, never_expires, written

from dataflow.protocol.limits import Limits


def not_started(cause, timer_id="t", completed=ANSWER):
    return (
        "StartTimerFailed",
        {"timerId": timer_id, "cause": cause, "decisionTaskCompletedEventId": completed},
    )


# --- StartTimer --------------------------------------------------------------------------


def test_a_timer_is_started(world):
    """The unique ID of the timer that was started, data attached to the event that can be used by
    the decider in subsequent workflow tasks, the duration of time after which the timer fires.
    (TimerStartedEventAttributes)"""
    world.start()
    assert written(world, timer("t", 900, control="c"), timer("u", 900)) == [
        (
            "TimerStarted",
            {
                "timerId": "t",
                "startToFireTimeout": "900",
                "control": "c",
                "decisionTaskCompletedEventId": ANSWER,
            },
        ),
        (
            "TimerStarted",
            {"timerId": "u", "startToFireTimeout": "900", "decisionTaskCompletedEventId": ANSWER},
        ),
    ]
    assert world.open_counts() == {"openTimers": 2}


@pytest.mark.needs_clock
@pytest.mark.parametrize("seconds", [1, 10, 30 * 86_400, 99_999])
def test_a_timer_fires_when_its_time_is_over(world, seconds):
    """This timer fires after the specified delay and record a TimerFired event. (Decision) The ID
    of the TimerStarted event that was recorded when this timer was started.
    (TimerFiredEventAttributes)"""
    world.decided(timer("t", seconds))
    assert expires_after(world, seconds) == [
        ("TimerFired", {"timerId": "t", "startedEventId": ANSWER + 1})
    ]
    assert world.open_counts() == {"openDecisionTasks": 1}
    world.decide()
    assert never_expires(world)


def test_a_timer_may_fire_at_once(world):
    """The duration is specified in seconds, an integer greater than or equal to 0.
    (StartTimerDecisionAttributes)"""
    world.decided(timer("t", 0))
    task = world.poll_decision()
    fired = [e["timerFiredEventAttributes"] for e in task["events"] if "Fired" in e["eventType"]]
    assert fired == [{"timerId": "t", "startedEventId": ANSWER + 1}]


@pytest.mark.needs_clock
def test_a_timer_counts_from_the_decision(world):
    """The duration to wait before firing the timer. (StartTimerDecisionAttributes)"""
    world.start()
    world.advance(100)
    world.decide(timer("t", 10))
    assert [kind for kind, _ in expires_after(world, 10)] == ["TimerFired"]


@pytest.mark.needs_clock
def test_timers_fire_in_the_order_of_their_times(world):
    """This timer fires after the specified delay. (Decision)"""
    world.decided(timer("late", 20), timer("early", 5), timer("between", 10))
    world.advance(1_000)
    assert [fired["timerId"] for fired in world.all("TimerFired")] == ["early", "between", "late"]
    assert [t for kind, t in event_times(world) if kind == "TimerFired"] == [5, 10, 20]


@pytest.mark.needs_clock
def test_timers_of_a_closed_execution_do_not_fire(world):
    """CompleteWorkflowExecution: closes the workflow execution. (Decision)"""
    world.decided(timer("t", 10), complete())
    assert world.open_counts() == {}
    assert never_expires(world)


def test_an_id_that_is_in_use(world):
    """StartTimerFailed: this could happen if there is another open timer with the same timerId.
    (Decision) Cause TIMER_ID_ALREADY_IN_USE."""
    world.start()
    events = written(world, timer("t", 900), timer("t", 800), timer("u", 700))
    assert events[1] == not_started("TIMER_ID_ALREADY_IN_USE")
    assert [kind for kind, _ in events] == ["TimerStarted", "StartTimerFailed", "TimerStarted"]
    assert world.open_counts() == {"openTimers": 2, "openDecisionTasks": 1}
    ((_, again),) = written(world, timer("t", 600))
    assert again["cause"] == "TIMER_ID_ALREADY_IN_USE"


@pytest.mark.needs_clock
def test_a_refused_timer_does_not_fire(world):
    """StartTimerFailed: this could happen if there is another open timer with the same timerId.
    (Decision) That timer goes on."""
    world.decided(timer("t", 10), timer("t", 5))
    world.decide()
    assert expires_after(world, 10) == [
        ("TimerFired", {"timerId": "t", "startedEventId": ANSWER + 1})
    ]


@pytest.mark.needs_clock
def test_an_id_may_be_used_again_when_the_timer_has_fired(world):
    """StartTimerFailed: this could happen if there is another open timer with the same timerId.
    (Decision)"""
    world.decided(timer("t", 10))
    world.advance(10)
    ((kind, _),) = written(world, timer("t", 20))
    assert kind == "TimerStarted"
    restarted = world.id_of("TimerStarted")
    assert expires_after(world, 20) == [
        ("TimerFired", {"timerId": "t", "startedEventId": restarted})
    ]


@pytest.mark.engine_options(limits=Limits(open_timers=2))
def test_too_many_open_timers(world):
    """Cause OPEN_TIMERS_LIMIT_EXCEEDED (StartTimerFailedEventAttributes). Maximum open timers per
    workflow execution. (Developer Guide, Quotas)"""
    world.start()
    events = written(world, timer("t"), timer("u"), timer("v"), marker("m"))
    assert events[2] == not_started("OPEN_TIMERS_LIMIT_EXCEEDED", "v")
    assert events[3][0] == "MarkerRecorded"
    events = written(world, cancel_timer("t"), timer("v"))
    assert [kind for kind, _ in events] == ["TimerCanceled", "TimerStarted"]


# --- CancelTimer -------------------------------------------------------------------------


def test_a_timer_is_cancelled(world):
    """Cancels a previously started timer and records a TimerCanceled event in the history.
    (Decision)"""
    world.decided(timer("t", 900), timer("u", 900))
    world.signal()
    assert written(world, cancel_timer("t")) == [
        (
            "TimerCanceled",
            {
                "timerId": "t",
                "startedEventId": ANSWER + 1,
                "decisionTaskCompletedEventId": ANSWER + 6,
            },
        )
    ]
    assert world.open_counts() == {"openTimers": 1}


@pytest.mark.needs_clock
def test_a_cancelled_timer_does_not_fire(world):
    """Cancels a previously started timer. (Decision)"""
    world.decided(timer("t", 10), cancel_timer("t"))
    assert never_expires(world)


@pytest.mark.needs_clock
def test_an_id_may_be_used_again_when_the_timer_is_cancelled(world):
    """StartTimerFailed: this could happen if there is another open timer with the same timerId.
    (Decision)"""
    world.start()
    events = written(world, timer("t", 10), cancel_timer("t"), timer("t", 20))
    assert [kind for kind, _ in events] == ["TimerStarted", "TimerCanceled", "TimerStarted"]
    assert expires_after(world, 20) == [
        ("TimerFired", {"timerId": "t", "startedEventId": ANSWER + 3})
    ]


def test_a_timer_that_is_not_open(world):
    """CancelTimerFailed: this could happen if there is no open timer with the specified timerId.
    (Decision) Cause TIMER_ID_UNKNOWN."""
    world.start()
    failed = {
        "timerId": "t",
        "cause": "TIMER_ID_UNKNOWN",
        "decisionTaskCompletedEventId": ANSWER,
    }
    events = written(world, cancel_timer("t"), timer("t"), cancel_timer("t"), cancel_timer("t"))
    assert [events[0], events[3]] == [("CancelTimerFailed", failed)] * 2
    assert [kind for kind, _ in events[1:3]] == ["TimerStarted", "TimerCanceled"]
    assert decision_due(world)


@pytest.mark.needs_clock
def test_a_timer_that_has_fired(world):
    """CancelTimerFailed: this could happen if there is no open timer with the specified timerId.
    (Decision)"""
    world.decided(timer("t", 10))
    world.advance(10)
    ((kind, failed),) = written(world, cancel_timer("t"))
    assert (kind, failed["cause"]) == ("CancelTimerFailed", "TIMER_ID_UNKNOWN")


@pytest.mark.needs_clock
def test_a_timer_that_fires_while_the_decider_cancels_it(world):
    """CancelTimerFailed: this could happen if there is no open timer with the specified timerId.
    (Decision) The next task shows that it has fired."""
    world.decided(timer("t", 10))
    world.signal()
    task = world.poll_decision()
    world.advance(10)
    ((kind, _),) = written(world, cancel_timer("t"), task=task)
    assert kind == "CancelTimerFailed"
    assert "TimerFired" in [event["eventType"] for event in world.poll_decision()["events"]]


# --- RecordMarker ------------------------------------------------------------------------


def test_a_marker_is_recorded(world):
    """Records a MarkerRecorded event in the history. Markers can be used for adding custom
    information in the history. (Decision) The name of the marker. The details of the marker.
    (MarkerRecordedEventAttributes)"""
    world.start()
    assert written(world, marker("m", details="d"), marker("m"), marker("n", details="")) == [
        (
            "MarkerRecorded",
            {"markerName": "m", "details": "d", "decisionTaskCompletedEventId": ANSWER},
        ),
        ("MarkerRecorded", {"markerName": "m", "decisionTaskCompletedEventId": ANSWER}),
        (
            "MarkerRecorded",
            {"markerName": "n", "details": "", "decisionTaskCompletedEventId": ANSWER},
        ),
    ]
    assert world.open_counts() == {}


def test_what_is_written_is_read(world):
    """details: up to 32,768 characters (the model), of any script."""
    details = ('\N{SNOWMAN} \N{GRINNING FACE} \\ " \u0007 \n' * 5_000)[:32_768]
    world.decided(marker("m\N{SNOWMAN}", details=details))
    assert world.last("MarkerRecorded")["details"] == details
    assert world.last("MarkerRecorded")["markerName"] == "m\N{SNOWMAN}"
