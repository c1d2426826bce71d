"""Timers that a workflow starts, its sleeps, and its cancellations of both."""

import pytest
from replaying import add, ask, decide, tell

from dataflow import TaskFailed, Workflow
from dataflow.protocol import events as ev
from dataflow.protocol.limits import Limits
from dataflow.replay.agenda import WAKE_UP_TIMER
from dataflow.testing import HistoryBuilder, run_workflow


def test_sleeping_is_a_timer():
    class Sleeps(Workflow):
        def run(self):
            before = self.now()
            self.sleep(30 * 86_400)
            self.sleep(0)
            return (self.now() - before).total_seconds()

    finished = run_workflow(Sleeps)
    assert finished.result == 30 * 86_400
    assert list(finished.history.tasks) == ["dataflow-sleep-1", "dataflow-sleep-2"]


@pytest.mark.parametrize("seconds", [-1, 0.5, "soon", None, True, 100_000_000])
def test_one_sleeps_for_whole_seconds(seconds):
    class Sleeps(Workflow):
        def run(self):
            self.sleep(seconds)

    [told_] = ask(Sleeps, HistoryBuilder(Sleeps).deciding())
    assert told_.startswith(("fail TypeError", "fail ValueError"))


def test_a_sleep_that_cannot_be_had_is_an_error():
    class Sleeps(Workflow):
        def run(self):
            self.sleep(500)
            return "slept"

    history = HistoryBuilder(Sleeps).decided().add(start_failed("dataflow-sleep-1"))
    assert ask(Sleeps, history.deciding()) == [
        "fail TaskFailed: dataflow-sleep-1: OPEN_TIMERS_LIMIT_EXCEEDED"
    ]


def start_failed(timer_id):
    return ev.StartTimerFailed(
        timer_id=timer_id, cause="OPEN_TIMERS_LIMIT_EXCEEDED", decision_task_completed_event_id=4
    )


class Timed(Workflow):
    """``actions`` are carried out one each second; the result is the timer's ends."""

    def run(self, actions):
        futures = []
        for action in actions:
            if action == "start":
                futures.append(self.submit(self.start_timer("t", 60, control={"k": 1})))
            elif action == "cancel":
                futures.append(self.submit(self.cancel_timer("t")))
            elif action == "cancel future":
                futures[0].cancel()
            else:
                self.sleep(1)
        return [self.end(future) for future in futures]

    def end(self, future):
        try:
            return future.result or str(future.state)
        except TaskFailed as error:
            return f"{type(error).__name__}: {error.reason}"


@pytest.mark.parametrize(
    ("actions", "ends", "duration"),
    [
        (["start"], ["FINISHED"], 60),
        (["start", "pause"], ["FINISHED"], 60),
        (["start", "start"], ["FINISHED", "TaskFailed: TIMER_ID_ALREADY_IN_USE"], 60),
        (["start", "pause", "start"], ["FINISHED", "TaskFailed: TIMER_ID_ALREADY_IN_USE"], 60),
        (["start", "cancel"], ["TaskCanceled: cancelled", "FINISHED"], 0),
        (["start", "pause", "cancel"], ["TaskCanceled: cancelled", "FINISHED"], 1),
        (["start", "pause", "cancel", "pause"], ["TaskCanceled: cancelled", "FINISHED"], 2),
        (["start", "cancel future"], ["TaskCanceled: cancelled"], 0),
        (["start", "pause", "cancel future", "pause"], ["TaskCanceled: cancelled"], 2),
        (["cancel"], ["TaskFailed: TIMER_ID_UNKNOWN"], 0),
        (
            ["start", "pause", "cancel", "start"],
            ["TaskCanceled: cancelled", "FINISHED", "FINISHED"],
            61,
        ),
        (
            ["start", "pause", "cancel", "pause", "start"],
            ["TaskCanceled: cancelled", "FINISHED", "FINISHED"],
            62,
        ),
        (["start", "cancel", "start"], ["TaskCanceled: cancelled", "FINISHED", "FINISHED"], 60),
        (
            ["start", "pause", "cancel", "cancel"],
            ["TaskCanceled: cancelled", "FINISHED", "TaskFailed: TIMER_ID_UNKNOWN"],
            1,
        ),
    ],
)
def test_timers(actions, ends, duration):
    finished = run_workflow(Timed, actions)
    assert finished.result == ends
    assert finished.duration == duration


def test_a_timer_says_what_it_is_for():
    [decision] = decide(Timed, HistoryBuilder(Timed, ["start"]).deciding()).decisions
    assert (tell(decision), decision.control) == ("start t 60", '{"k":1}')


def test_a_control_that_cannot_be_encoded():
    class Wrong(Workflow):
        def run(self):
            self.submit(self.start_timer("t", 1, control={"k": object()}))

    [told_] = ask(Wrong, HistoryBuilder(Wrong).deciding())
    assert told_.startswith("fail PayloadError: control['k'] cannot be encoded")


def test_a_timer_that_runs_is_running():
    class Looks(Workflow):
        def run(self):
            timer = self.submit(self.start_timer("t", 60))
            before = str(timer.state)
            self.submit(add, 1).result  # noqa: B018
            return [before, str(timer.state)]

    assert run_workflow(Looks).result == ["PENDING", "RUNNING"]


def test_a_timer_that_was_refused():
    history = HistoryBuilder(Timed, ["start"]).decided().add(start_failed("t"))
    assert ask(Timed, history.deciding()) == ['complete ["TaskFailed: OPEN_TIMERS_LIMIT_EXCEEDED"]']


def cancelling():
    """The timer runs, and its cancellation was asked for."""
    history = HistoryBuilder(Timed, ["start", "pause", "cancel", "pause"]).decided()
    history.timer_started("t", 60).timer_started("dataflow-sleep-1", 1)
    return history.timer_fired("dataflow-sleep-1").deciding()


def test_a_cancellation_that_comes_too_late():
    assert ask(Timed, cancelling()) == ["stop t", "start dataflow-sleep-2 1"]
    history = cancelling().timer_fired("t").answered()
    history.add(
        ev.CancelTimerFailed(
            timer_id="t", cause="TIMER_ID_UNKNOWN", decision_task_completed_event_id=history.last_id
        )
    )
    history.timer_started("dataflow-sleep-2", 1).timer_fired("dataflow-sleep-2").deciding()
    assert ask(Timed, history) == ['complete ["TaskCanceled: cancelled","FINISHED"]']


def test_a_future_that_was_cancelled_too_late():
    actions = ["start", "pause", "cancel future", "pause"]
    history = HistoryBuilder(Timed, actions).decided()
    history.timer_started("t", 60).timer_started("dataflow-sleep-1", 1)
    history.timer_fired("dataflow-sleep-1").deciding()
    assert ask(Timed, history) == ["stop t", "start dataflow-sleep-2 1"]
    history.timer_fired("t").answered()
    history.add(
        ev.CancelTimerFailed(
            timer_id="t", cause="TIMER_ID_UNKNOWN", decision_task_completed_event_id=history.last_id
        )
    )
    history.timer_started("dataflow-sleep-2", 1).timer_fired("dataflow-sleep-2").deciding()
    assert ask(Timed, history) == ['complete ["TaskCanceled: cancelled"]']


def test_a_timer_does_not_fire_twice():
    class Restarts(Workflow):
        def run(self):
            self.submit(self.start_timer("t", 1)).result  # noqa: B018
            self.submit(self.start_timer("t", 2)).result  # noqa: B018
            return (self.now().timestamp()) % 100

    assert run_workflow(Restarts).result == 3


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("", 1), ValueError, "timer_id='' is not a name that SWF takes: use 1 to 256 characters"),
        (("x" * 257, 1), ValueError, "use 1 to 256 characters"),
        ((5, 1), TypeError, "timer_id=5: use a string"),
        (("t", None), TypeError, "a timer needs a number of seconds"),
        (("t", -1), ValueError, "timeout=-1: use 0 to 99999999 seconds"),
        (("t", 1.5), TypeError, "timeout=1.5: use whole seconds"),
    ],
)
def test_wrong_timers(arguments, error, message):
    with pytest.raises(error, match=message):
        Workflow().start_timer(*arguments)


@pytest.mark.parametrize("timer_id", ["12:30", "a/b", "a|b", "arn", "a\nb"])
def test_a_timer_id_that_swf_refuses(timer_id):
    with pytest.raises(ValueError, match="timer_id="):
        Workflow().start_timer(timer_id, 1)


def test_the_ids_of_the_replays_own_timers_are_taken():
    with pytest.raises(ValueError, match=WAKE_UP_TIMER):
        Workflow().start_timer(WAKE_UP_TIMER, 1)


def test_timers_take_no_arguments():
    class Wrong(Workflow):
        def run(self):
            self.submit(self.start_timer("t", 1), 5)

    assert ask(Wrong, HistoryBuilder(Wrong).deciding()) == [
        "fail TypeError: TimerTask has its arguments: submit it alone"
    ]


# --- what a cancelled task still brings ---------------------------------------------------


class CancelsFirst(Workflow):
    def run(self):
        task = self.submit(add, 1)
        self.sleep(1)
        task.cancel()
        self.sleep(1)
        return str(task.state)

    def on_task_failure(self, failure_context):
        raise AssertionError


@pytest.mark.parametrize("end", ["completed", "failed", "timed_out", "canceled"])
def test_the_end_of_a_cancelled_task_is_read_over(end):
    history = HistoryBuilder(CancelsFirst).decided().timer_started("dataflow-sleep-1", 1)
    history.scheduled("activity-add-1", add, 1).started("activity-add-1")
    history.timer_fired("dataflow-sleep-1").decided()
    history.add(
        ev.ActivityTaskCancelRequested(
            activity_id="activity-add-1", decision_task_completed_event_id=history.last_id
        )
    )
    history.timer_started("dataflow-sleep-2", 1)
    getattr(history, end)("activity-add-1", *([ValueError("x")] if end == "failed" else []))
    assert ask(CancelsFirst, history.deciding()) == []
    history.answered().timer_fired("dataflow-sleep-2").deciding()
    assert ask(CancelsFirst, history) == ['complete "CANCELLED"']


def test_a_task_that_was_cancelled_by_others_is_cancelled():
    class Waits(Workflow):
        def run(self):
            return repr(self.submit(add, 1).exception)

    history = HistoryBuilder(Waits).decided().scheduled("activity-add-1", add, 1)
    assert ask(Waits, history.canceled("activity-add-1").deciding()) == [
        "complete \"TaskCanceled('activity-add-1', 'cancelled')\""
    ]


# --- what a callback does while a decision is on its way ----------------------------------


class Decides(Workflow):
    """When the first task is done, a callback cancels the second."""

    def run(self, kind):
        first = self.submit(add, 1)
        self.sleep(1)
        second = self.submit(add, 2) if kind == "add" else self.submit(self.start_timer("t", 60))
        first.add_done_callback(lambda _: second.cancel())
        second.exception  # noqa: B018
        self.sleep(5)
        return str(second.state)


def while_deciding(kind):
    """The first task ends after the decision to start the second, before the answer."""
    history = HistoryBuilder(Decides, kind).decided().timer_started("dataflow-sleep-1", 1)
    history.scheduled("activity-add-1", add, 1).timer_fired("dataflow-sleep-1").deciding()
    return history.completed("activity-add-1", 1).answered()


def test_an_activity_may_be_cancelled_while_its_scheduling_is_on_its_way():
    history = while_deciding("add").scheduled("activity-add-2", add, 2).deciding()
    assert sorted(ask(Decides, history)) == ["cancel activity-add-2", "start dataflow-sleep-2 5"]


def test_a_timer_may_be_cancelled_while_its_start_is_on_its_way():
    history = while_deciding("timer").timer_started("t", 60).deciding()
    assert sorted(ask(Decides, history)) == ["start dataflow-sleep-2 5", "stop t"]


def test_an_activity_that_was_refused_and_cancelled_is_not_asked_for_again():
    history = while_deciding("add")
    history.add(
        ev.ScheduleActivityTaskFailed(
            activity_type=add.activity_type,
            activity_id="activity-add-2",
            cause="ACTIVITY_CREATION_RATE_EXCEEDED",
            decision_task_completed_event_id=history.last_id,
        )
    )
    assert ask(Decides, history.deciding()) == ["start dataflow-sleep-2 5"]


def test_a_timer_that_was_refused_and_cancelled():
    history = while_deciding("timer").add(start_failed("t"))
    assert ask(Decides, history.deciding()) == ["start dataflow-sleep-2 5"]


class Restarts(Workflow):
    """When the task is done, a callback cancels the timer and starts another with its id."""

    def run(self):
        task = self.submit(add, 1)
        self.sleep(1)
        first, second = self.submit(self.start_timer("t", 60)), []

        def restart(_):
            first.cancel()
            second.append(self.submit(self.start_timer("t", 5)))

        task.add_done_callback(restart)
        first.exception  # noqa: B018
        return str(second[0].exception)


def restarting():
    history = HistoryBuilder(Restarts).decided().timer_started("dataflow-sleep-1", 1)
    history.scheduled("activity-add-1", add, 1).timer_fired("dataflow-sleep-1").deciding()
    return history.completed("activity-add-1", 1).answered()


def test_a_timer_that_takes_the_id_of_one_that_is_on_its_way():
    history = restarting().timer_started("t", 60).deciding()
    assert ask(Restarts, history) == ["stop t", "start t 5"]
    history.answered()
    history.add(
        ev.TimerCanceled(
            timer_id="t", started_event_id=14, decision_task_completed_event_id=history.last_id
        )
    )
    history.timer_started("t", 5).timer_fired("t").deciding()
    assert ask(Restarts, history) == ['complete "None"']


def test_a_timer_that_takes_the_id_of_one_that_was_refused():
    history = restarting().add(start_failed("t")).deciding()
    assert ask(Restarts, history) == ["start t 5"]
    history.answered().timer_started("t", 5).timer_fired("t").deciding()
    assert ask(Restarts, history) == ['complete "None"']


# --- as many timers as SWF takes --------------------------------------------------------

#: Two of our own, and the place of the wake-up timer.
THREE = Limits(open_timers=3)


class ManyTimers(Workflow):
    def run(self, cancel=None):
        timers = [self.submit(self.start_timer(f"t{n}", 60)) for n in range(4)]
        self.submit(add, 1).result  # noqa: B018
        if cancel is not None:
            timers[cancel].cancel()
        return [str(timer.exception) for timer in timers]


def test_timers_wait_their_turn():
    history = HistoryBuilder(ManyTimers).deciding()
    assert ask(ManyTimers, history, limits=THREE) == [
        "start t0 60",
        "start t1 60",
        "schedule activity-add-1",
    ]
    history.answered().timer_started("t0", 60).timer_started("t1", 60)
    history.scheduled("activity-add-1", add, 1).completed("activity-add-1").deciding()
    assert ask(ManyTimers, history, limits=THREE) == []
    history.answered().timer_fired("t1").deciding()
    assert ask(ManyTimers, history, limits=THREE) == ["start t2 60"]
    history.answered().timer_started("t2", 60).timer_fired("t0").timer_fired("t2").deciding()
    assert ask(ManyTimers, history, limits=THREE) == ["start t3 60"]


def test_a_timer_that_waits_its_turn_may_be_cancelled():
    history = HistoryBuilder(ManyTimers, 2).decided()
    history.timer_started("t0", 60).timer_started("t1", 60)
    history.scheduled("activity-add-1", add, 1).completed("activity-add-1").deciding()
    assert ask(ManyTimers, history, limits=THREE) == []
    history.answered().timer_fired("t0").deciding()
    assert ask(ManyTimers, history, limits=THREE) == ["start t3 60"]


def test_a_cancelled_timer_gives_its_place_to_the_next_at_once():
    history = HistoryBuilder(ManyTimers, 0).decided()
    history.timer_started("t0", 60).timer_started("t1", 60)
    history.scheduled("activity-add-1", add, 1).completed("activity-add-1").deciding()
    assert ask(ManyTimers, history, limits=THREE) == ["stop t0", "start t2 60"]


def test_a_cancelled_timer_gives_its_place_once():
    history = HistoryBuilder(ManyTimers, 0).decided()
    history.timer_started("t0", 60).timer_started("t1", 60)
    history.scheduled("activity-add-1", add, 1).completed("activity-add-1").deciding()
    [first, *started] = ask(ManyTimers, history, limits=THREE)
    assert first == "stop t0"
    # It had fired before the answer came.
    history.timer_fired("t0").answered()
    history.add(
        ev.CancelTimerFailed(
            timer_id="t0", cause="TIMER_ID_UNKNOWN", decision_task_completed_event_id=12
        )
    )
    for told in started:
        history.timer_started(told.split()[1], 60)
    decided = ask(ManyTimers, history.deciding(), limits=THREE)
    assert [*started, *decided] == ["start t2 60"]
