"""Law 8: the limits of SWF are the replay's business, not the user's."""

import json

import pytest
from replaying import accept, add, ask, decide, double, inputs, new_run, told, wake_up

from dataflow import Group, Workflow, activity, futures
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.limits import DATA_LENGTH, SWF_LIMITS, Limits
from dataflow.replay.agenda import WAKE_UP_TIMER
from dataflow.replay.decided import Verdict
from dataflow.testing import HistoryBuilder, run_workflow

WAKE_UP = f"start {WAKE_UP_TIMER} 0"


class FanOut(Workflow):
    def run(self, n, size=0):
        tasks = [self.submit(add, "x" * size) for _ in range(n)]
        for task in tasks:
            task.result  # noqa: B018
        return n


def answers(definition, history, most=50, **options):
    """All answers until nothing more is asked for, each accepted and followed by the wake-up."""
    run = new_run(definition, **options)
    made = []
    while len(made) < most:
        decided = run.advance(history.events)
        made.append(decided)
        accept(history, decided)
        if WAKE_UP not in told(decided):
            history.deciding()
            assert not run.advance(history.events).decisions
            run.drop()
            return made
        wake_up(history)
    raise AssertionError("no end")


# --- 100 decisions ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "sizes"),
    [
        (1, [1]),
        (99, [99]),
        (100, [100]),
        (101, [100, 2]),
        (198, [100, 99]),
        (199, [100, 100]),
        (200, [100, 100, 2]),
        (250, [100, 100, 52]),
    ],
)
def test_an_answer_has_at_most_100_decisions(n, sizes):
    made = answers(FanOut, HistoryBuilder(FanOut, n).deciding())
    assert [len(decided.decisions) for decided in made] == sizes
    scheduled = [told_ for decided in made for told_ in told(decided) if told_ != WAKE_UP]
    assert scheduled == [f"schedule activity-add-{i}" for i in range(1, n + 1)]
    assert all(told(decided)[-1] == WAKE_UP for decided in made[:-1])


def test_a_cold_replay_splits_in_the_same_way():
    history = HistoryBuilder(FanOut, 250).deciding()
    for decided in answers(FanOut, HistoryBuilder(FanOut, 250).deciding())[:2]:
        wake_up(accept(history, decided))
    assert len(decide(FanOut, history).decisions) == 52


def test_another_event_may_come_before_the_wake_up_timer_fires():
    limits = Limits(decisions=3)
    history = HistoryBuilder(FanOut, 6).deciding()
    accept(history, decide(FanOut, history, limits=limits))
    history.completed("activity-add-1").deciding()
    # The timer is on its way already, so there is room for three activities.
    second = decide(FanOut, history, limits=limits)
    assert told(second) == [f"schedule activity-add-{n}" for n in (3, 4, 5)]
    accept(history, second)
    assert ask(FanOut, wake_up(history), limits=limits) == ["schedule activity-add-6"]


def test_the_wake_up_timer_counts_what_is_wanted_only():
    class CancelsLast(Workflow):
        def run(self):
            tasks = self.map(add, range(3))
            tasks[-1].cancel()
            return [task.result for task in tasks[:2]]

    first = ask(CancelsLast, HistoryBuilder(CancelsLast).deciding(), limits=Limits(decisions=2))
    assert [x for x in first if x != WAKE_UP] in (
        ["schedule activity-add-1"],
        ["schedule activity-add-1", "schedule activity-add-2"],
    )


def test_a_refused_wake_up_timer_is_asked_for_again():
    limits = Limits(decisions=2)
    history = HistoryBuilder(FanOut, 4).decided().scheduled("activity-add-1", add, "")
    history.add(
        ev.StartTimerFailed(
            timer_id=WAKE_UP_TIMER,
            cause="TIMER_CREATION_RATE_EXCEEDED",
            decision_task_completed_event_id=4,
        )
    )
    assert ask(FanOut, history.deciding(), limits=limits) == ["schedule activity-add-2", WAKE_UP]


def test_timers_and_cancellations_go_before_activities():
    class Mixed(Workflow):
        def run(self):
            self.map(add, range(3))
            self.submit(self.start_timer("t", 60))
            self.sleep(5)

    assert ask(Mixed, HistoryBuilder(Mixed).deciding(), limits=Limits(decisions=3)) == [
        "start t 60",
        "start dataflow-sleep-1 5",
        WAKE_UP,
    ]


def test_the_end_of_a_run_is_its_only_decision():
    class Leaves(Workflow):
        def run(self):
            self.map(add, range(300))
            return "left"

    assert ask(Leaves, HistoryBuilder(Leaves).deciding()) == ['complete "left"']


# --- 1 MB ---------------------------------------------------------------------------------


def wire_size(decided):
    """As boto3 sends it, with a long token and context."""
    wire = {
        "taskToken": "t" * 1024,
        "executionContext": "c" * DATA_LENGTH,
        "decisions": [de.to_wire(decision) for decision in decided.decisions],
    }
    return len(json.dumps(wire))


def named(letter):
    """A workflow whose activity has the longest names that SWF takes, of this letter."""
    attributes = {"name": letter * 256, "version": letter * 64, "task_list": letter * 256}
    long_names = activity.with_attributes(**attributes)(lambda x: x)

    class LongNames(Workflow):
        def run(self, n, text):
            return futures.wait(*(self.submit(long_names, text) for _ in range(n)))

    return LongNames


class Submits(Workflow):
    def run(self, n, text):
        return futures.wait(*(self.submit(double, text) for _ in range(n)))


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        (Submits, "x" * 30_000),
        (Submits, "x" * 9_000),
        (Submits, "é" * 5_000),
        (Submits, '"' * 10_000),
        (Submits, "\0" * 5_000),
        (Submits, "𝄞" * 2_000),
        (named("n"), "x" * 9_000),
        (named("n"), "x" * 30_000),
        (named("é"), "x" * 9_000),
    ],
)
def test_an_answer_has_at_most_1_mb(definition, text):
    made = answers(definition, HistoryBuilder(definition, 90, text).deciding())
    assert sum(len(decided.decisions) for decided in made) == 90 + len(made) - 1
    sizes = [wire_size(decided) for decided in made]
    assert max(sizes) <= 2**20
    assert len(made) == 1 or max(sizes) > 800_000


def test_small_decisions_are_not_held_back():
    limits = Limits(request_bytes=100_000)
    assert len(decide(FanOut, HistoryBuilder(FanOut, 50).deciding(), limits=limits).decisions) == 50


def test_what_is_too_large_goes_alone():
    limits = Limits(request_bytes=50_000)
    made = answers(FanOut, HistoryBuilder(FanOut, 3, 30_000).deciding(), limits=limits)
    assert [len(decided.decisions) for decided in made] == [2, 2, 1]


def test_an_unlimited_request():
    limits = Limits(request_bytes=None, data_length=None)
    history = HistoryBuilder(FanOut, 90, 100_000).deciding()
    assert len(new_run(FanOut, limits=limits).advance(history.events).decisions) == 90


# --- 1,000 open activities ----------------------------------------------------------------


def test_at_most_1000_activities_are_open():
    history = HistoryBuilder(FanOut, 1003).deciding()
    made = answers(FanOut, history)
    scheduled = sum(told_ != WAKE_UP for decided in made for told_ in told(decided))
    assert scheduled == 1000
    history.answered()
    history.completed("activity-add-7").completed("activity-add-1000").deciding()
    run = new_run(FanOut)
    assert told(run.advance(history.events)) == [
        "schedule activity-add-1001",
        "schedule activity-add-1002",
    ]


CAP = Limits(open_activities=2)


@pytest.mark.parametrize("end", ["completed", "failed", "timed_out", "canceled"])
def test_every_end_of_an_activity_makes_room(end):
    class Patient(Workflow):
        def run(self):
            for task in [self.submit(add, n) for n in range(3)]:
                task.exception  # noqa: B018

    history = HistoryBuilder(Patient).decided()
    history.scheduled("activity-add-1", add, 0).scheduled("activity-add-2", add, 1)
    more = (ValueError("x"),) if end == "failed" else ()
    getattr(history, end)("activity-add-1", *more)
    assert ask(Patient, history.deciding(), limits=CAP) == ["schedule activity-add-3"]


def test_a_cancelled_activity_has_its_place_until_it_ends():
    class Cancels(Workflow):
        def run(self):
            tasks = [self.submit(add, n) for n in range(4)]
            self.sleep(1)
            tasks[0].cancel()
            tasks[2].cancel()
            return [str(task.exception) for task in tasks]

    history = HistoryBuilder(Cancels).decided().timer_started("dataflow-sleep-1", 1)
    history.scheduled("activity-add-1", add, 0).scheduled("activity-add-2", add, 1)
    history.started("activity-add-1").timer_fired("dataflow-sleep-1").deciding()
    assert ask(Cancels, history, limits=CAP) == ["cancel activity-add-1"]
    history.answered()
    history.add(
        ev.ActivityTaskCancelRequested(
            decision_task_completed_event_id=history.last_id, activity_id="activity-add-1"
        )
    )
    history.completed("activity-add-1", "too late").deciding()
    assert ask(Cancels, history, limits=CAP) == ["schedule activity-add-4"]


def test_an_activity_that_waits_for_its_turn_is_pending_and_can_be_cancelled():
    class Cancels(Workflow):
        def run(self):
            tasks = [self.submit(add, n) for n in range(4)]
            tasks[0].result  # noqa: B018
            states = [str(task.state) for task in tasks]
            return [states, tasks[2].cancel(), tasks[3].result]

    limits = Limits(open_activities=1)
    history = HistoryBuilder(Cancels).decided().scheduled("activity-add-1", add, 0)
    history.completed("activity-add-1").deciding()
    assert ask(Cancels, history, limits=limits) == ["schedule activity-add-2"]
    history.answered().scheduled("activity-add-2", add, 1).completed("activity-add-2").deciding()
    assert ask(Cancels, history, limits=limits) == ["schedule activity-add-4"]


def test_a_capped_fan_out_needs_no_timer():
    limits = Limits(open_activities=2, decisions=2)
    assert ask(FanOut, HistoryBuilder(FanOut, 5).deciding(), limits=limits) == [
        "schedule activity-add-1",
        "schedule activity-add-2",
    ]


# --- 32,768 characters --------------------------------------------------------------------

#: Characters of an input around its only argument, a string.
AROUND = len('{"args":[""],"kwargs":{}}')


@activity.with_attributes(name="stubborn", retry=1)
def stubborn(x):
    return x


class Long(Workflow):
    def run(self, length):
        return str(self.submit(stubborn, "x" * length).exception)


#: The longest of inputs: a later attempt adds its number.
LONGEST = DATA_LENGTH - AROUND - len(',"attempt":999999')


def test_the_longest_input():
    history = HistoryBuilder(Long, LONGEST).deciding()
    [text] = inputs(decide(Long, history)).values()
    assert len(text) == LONGEST + AROUND


def test_an_input_that_is_too_long_fails_its_task():
    [told_] = ask(Long, HistoryBuilder(Long, LONGEST + 1).deciding())
    assert told_.startswith(
        'complete "stubborn: PayloadError: the input has 32752 characters, and a field of SWF '
        "takes at most 32751: set DATAFLOW_JUMBO_FIELDS_BUCKET "
    )


def test_the_longest_input_can_be_tried_again():
    history = HistoryBuilder(Long, LONGEST).decided()
    history.scheduled("activity-stubborn-1", stubborn, "x" * LONGEST)
    history.failed("activity-stubborn-1", OSError("x")).deciding()
    [again] = inputs(decide(Long, history)).values()
    assert LONGEST < len(again) <= DATA_LENGTH


def test_an_input_that_becomes_too_long_when_a_result_arrives():
    class Late(Workflow):
        def run(self):
            return type(self.submit(stubborn, [self.submit(add, 1)] * 2).exception).__name__

    history = HistoryBuilder(Late).decided().scheduled("activity-add-1", add, 1)
    history.completed("activity-add-1", "x" * 20_000).deciding()
    assert ask(Late, history) == ['complete "TaskFailed"']


@pytest.mark.parametrize(("length", "closes"), [(DATA_LENGTH - 2, "complete"), (32_767, "fail")])
def test_the_longest_result(length, closes):
    class Returns(Workflow):
        def run(self):
            return "x" * length

    [told_] = ask(Returns, HistoryBuilder(Returns).deciding())
    assert told_.startswith(closes)
    if closes == "fail":
        assert "the result has 32769 characters" in told_
        assert "a reference to the data instead of the data" in told_


def test_no_limit_no_complaint():
    limits = Limits(data_length=None)
    history = HistoryBuilder(Long, 100_000).deciding()
    assert ask(Long, history, limits=limits) == ["schedule activity-stubborn-1"]


def test_the_control_of_a_timer_is_limited_too():
    class Timed(Workflow):
        def run(self):
            self.submit(self.start_timer("t", 5, control="x" * DATA_LENGTH)).result  # noqa: B018

    [told_] = ask(Timed, HistoryBuilder(Timed).deciding())
    assert told_.startswith("fail PayloadError: the control has 32770 characters")


def test_what_fail_says_is_cut():
    class Fails(Workflow):
        def run(self):
            self.fail("r" * 300, "d" * 40_000)

    [decision] = decide(Fails, HistoryBuilder(Fails).deciding()).decisions
    assert (len(decision.reason), len(decision.details)) == (256, DATA_LENGTH)
    assert decision.reason.endswith("r ...")


# --- 25,000 events ------------------------------------------------------------------------


def test_a_long_history_is_noticed_once():
    limits = Limits(history_events_warning=8)
    run, history = new_run(FanOut, limits=limits), HistoryBuilder(FanOut, 2).deciding()
    assert not run.advance(history.events).notices
    history.answered().scheduled("activity-add-1", add, "").scheduled("activity-add-2", add, "")
    [notice] = run.advance(history.completed("activity-add-1").deciding().events).notices
    assert notice.startswith("the history has 8 events; Amazon SWF ends an execution at 25000")
    history.answered().completed("activity-add-2").deciding()
    assert not run.advance(history.events).notices


def test_the_notice_comes_at_10000_events():
    assert SWF_LIMITS.history_events_warning == 10_000


# --- refused decisions --------------------------------------------------------------------


class One(Workflow):
    def run(self):
        return repr(self.submit(add, 1).exception)


def refused(cause):
    history = HistoryBuilder(One).decided()
    return history.add(
        ev.ScheduleActivityTaskFailed(
            activity_type=add.activity_type,
            activity_id="activity-add-1",
            cause=cause,
            decision_task_completed_event_id=history.last_id,
        )
    )


@pytest.mark.parametrize(
    "cause", ["OPEN_ACTIVITIES_LIMIT_EXCEEDED", "ACTIVITY_CREATION_RATE_EXCEEDED"]
)
def test_a_refusal_that_passes_is_asked_again_after_a_second(cause):
    history = refused(cause).deciding()
    assert ask(One, history) == ["start dataflow-retry-activity-add-1 1"]
    history.answered().timer_started("dataflow-retry-activity-add-1", 1)
    decided = decide(One, history.timer_fired("dataflow-retry-activity-add-1").deciding())
    # Not an attempt of the activity: its input is the same.
    assert inputs(decided) == {"activity-add-1": '{"args":[1],"kwargs":{}}'}
    history.answered().scheduled("activity-add-1", add, 1).completed("activity-add-1").deciding()
    assert ask(One, history) == ['complete "None"']


@pytest.mark.parametrize(
    "cause",
    ["ACTIVITY_TYPE_DOES_NOT_EXIST", "ACTIVITY_ID_ALREADY_IN_USE", "OPERATION_NOT_PERMITTED"],
)
def test_any_other_refusal_fails_the_task(cause):
    assert ask(One, refused(cause).deciding()) == [f"complete \"TaskFailed('add', '{cause}')\""]


def test_a_refusal_gives_the_place_back():
    class Two(Workflow):
        def run(self):
            return [self.submit(add, n).exception for n in (1, 2)]

    limits = Limits(open_activities=1)
    history = refused("OPERATION_NOT_PERMITTED").deciding()
    assert ask(Two, history, limits=limits) == ["schedule activity-add-2"]


@pytest.mark.parametrize("end", ["complete", "fail"])
def test_a_refused_end_is_asked_for_again(end):
    class Ends(Workflow):
        def run(self):
            self.submit(add, 1)
            self.sleep(1)
            if end == "fail":
                raise ValueError("bad")
            return 5

    event = (
        ev.CompleteWorkflowExecutionFailed if end == "complete" else ev.FailWorkflowExecutionFailed
    )
    expected = ["complete 5"] if end == "complete" else ["fail ValueError: bad"]
    history = HistoryBuilder(Ends).decided().timer_started("dataflow-sleep-1", 1)
    history.scheduled("activity-add-1", add, 1).timer_fired("dataflow-sleep-1").deciding()
    assert ask(Ends, history) == expected
    # What came meanwhile is why it was refused; it changes nothing any more.
    for _ in range(2):
        if history.last_id < 12:
            history.completed("activity-add-1", 1)
        history.answered()
        history.add(
            event(cause="UNHANDLED_DECISION", decision_task_completed_event_id=history.last_id)
        )
        decided = decide(Ends, history.deciding())
        assert (told(decided), decided.verdict) == (expected, Verdict.CLOSING)


def test_a_refused_cancellation_changes_nothing():
    class Cancels(Workflow):
        def run(self):
            task = self.submit(add, 1)
            self.sleep(1)
            task.cancel()
            self.sleep(2)
            return str(task.state)

    history = HistoryBuilder(Cancels).decided().timer_started("dataflow-sleep-1", 1)
    history.scheduled("activity-add-1", add, 1).timer_fired("dataflow-sleep-1").deciding()
    assert ask(Cancels, history) == ["cancel activity-add-1", "start dataflow-sleep-2 2"]
    history.completed("activity-add-1", 1).answered()
    history.add(
        ev.RequestCancelActivityTaskFailed(
            activity_id="activity-add-1",
            cause="ACTIVITY_ID_UNKNOWN",
            decision_task_completed_event_id=history.last_id,
        )
    )
    history.timer_started("dataflow-sleep-2", 2).timer_fired("dataflow-sleep-2").deciding()
    assert ask(Cancels, history) == ['complete "CANCELLED"']


def test_a_large_fan_out_runs_to_its_end():
    assert run_workflow(FanOut, 250, activities={add: 0}).result == 250
    assert run_workflow(FanOut, 1100, activities={add: 0}).result == 1100


def test_groups_are_paced_too():
    class Grouped(Workflow):
        def run(self):
            return len(self.submit(Group(*((add, n) for n in range(150)))).result)

    assert run_workflow(Grouped).result == 150
