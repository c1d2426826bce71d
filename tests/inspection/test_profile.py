"""Where time went."""

# ruff: noqa: S311 - seeds make tests repeatable

import random

import pytest
from stories import BEGIN, Story, mapping, orders

from dataflow.inspection.profile import critical_path, spread, timings, totals
from dataflow.inspection.tasks import tasks


def path_of(events, now=None):
    end = events[-1].timestamp if now is None else now
    return critical_path(events, tasks(events), end)


def ids(steps):
    return [step.task.task_id if step.task else None for step in steps]


def adds_up(events, steps, now=None):
    """The steps lie end to end, from the beginning to the end."""
    end = events[-1].timestamp if now is None else now
    whole = end - events[0].timestamp
    assert sum(step.seconds for step in steps) == pytest.approx(whole, abs=1e-6)
    assert sum(step.percent for step in steps) == pytest.approx(100 if whole else 0)
    assert all(
        part >= 0
        for step in steps
        for part in (step.deciding, step.waiting, step.running, step.pausing)
    )


# --- timings and totals ----------------------------------------------------------------------


def test_timings_are_of_work_and_the_longest_comes_first():
    events = orders()
    found = timings(tasks(events), BEGIN, events[-1].timestamp)
    assert [timing.task.kind for timing in found].count("timer") == 0
    running = [timing.running for timing in found]
    assert running == sorted(running, reverse=True)
    assert found[0].percent == pytest.approx(
        100 * found[0].running / (events[-1].timestamp - BEGIN)
    )


def test_what_never_started_comes_last():
    story = Story(workers=1)
    story.task("slow", None)
    story.task("late", 1.0)
    events = story.events(until=5)
    found = timings(tasks(events), BEGIN, BEGIN + 5)
    assert [timing.running is None for timing in found] == [False, True]
    assert found[1].waiting == pytest.approx(4.99, abs=0.01)
    assert found[1].percent == 0


def test_totals_of_each_type():
    events = orders()
    found = {
        total.name: total for total in totals(timings(tasks(events), BEGIN, events[-1].timestamp))
    }
    stock = found["shop.check_stock"]
    assert (stock.tasks, stock.attempts, stock.failed) == (3, 5, 2)
    assert stock.running.longest == pytest.approx(2.4, abs=0.01)  # 0.5 + 0.7 + 1.2
    assert stock.running.p50 == pytest.approx(2.2, abs=0.01)
    assert stock.running.total == pytest.approx(0.9 + 2.4 + 2.2, abs=0.01)
    assert found["shop.send_receipt"].failed == 1


@pytest.mark.parametrize(
    ("durations", "p50", "p95"),
    [([3.0], 3, 3), ([1.0, 2.0], 1, 2), ([*map(float, range(1, 101))], 50, 95)],
)
def test_percentiles_are_of_the_nearest_rank(durations, p50, p95):
    found = spread(random.Random(0).sample(durations, len(durations)))
    assert (found.p50, found.p95, found.longest) == (p50, p95, durations[-1])
    assert found.total == sum(durations)


# --- the critical path ------------------------------------------------------------------------


def test_the_path_goes_through_what_the_end_waited_for():
    story = Story(workers=4)
    first = story.task("first", 1.0)
    quick = story.task("quick", 0.5, inputs=[first])
    slow = story.task("slow", 5.0, inputs=[first])
    last = story.task("last", 1.0, inputs=[quick, slow])
    events = story.events()
    steps = path_of(events)
    assert ids(steps) == [first, slow, last, None]
    adds_up(events, steps)


def test_what_fed_a_task_comes_before_what_ended_beside_it():
    story = Story(workers=4)
    one, other = story.task("one", 1.0), story.task("other", 1.0)
    end = story.task("end", 3.0, inputs=[one])
    events = story.events()
    steps = path_of(events)
    assert other not in ids(steps)
    assert ids(steps) == [one, end, None]


def test_where_nothing_was_recorded_the_last_end_counts():
    story = Story(workers=4)
    story.task("quick", 0.5)
    slow = story.task("slow", 2.0)
    end = story.task("end", 1.0, inputs=[slow], recorded=False)
    events = story.events()
    assert ids(path_of(events)) == [slow, end, None]


def test_waiting_for_a_worker_and_back_offs_are_told_apart():
    story = Story(workers=1)
    story.task("first", 2.0)
    again = story.task("again", 1.0, wrong=[(0.5, "failed", "no")], back_off=4.0)
    events = story.events()
    steps = path_of(events)
    assert ids(steps) == [again, None]
    assert steps[0].waiting == pytest.approx(2.0, abs=0.02)
    assert steps[0].running == pytest.approx(1.5, abs=0.02)
    assert steps[0].pausing == pytest.approx(4.0, abs=0.1)
    adds_up(events, steps)


def test_an_open_execution_waits_for_what_was_scheduled_first():
    story = Story(workers=2)
    done = story.task("done", 1.0)
    stuck = story.task("stuck", None, inputs=[done])
    events = story.events(until=10)
    now = BEGIN + 60
    steps = path_of(events, now)
    assert ids(steps) == [done, stuck, None]
    assert steps[1].running == pytest.approx(58.98, abs=0.02)
    adds_up(events, steps, now)


def test_an_execution_without_tasks():
    events = Story().events(until=0)
    assert ids(path_of(events)) == [None]
    assert critical_path([], [], 0.0) == []


@pytest.mark.parametrize("end", ["completed", "failed", "timed_out"])
def test_paths_of_stories_add_up(end):
    for events in (orders(end=end), mapping(40, chain=True)):
        adds_up(events, path_of(events))


@pytest.mark.parametrize("seed", range(40))
def test_any_path_adds_up(seed):
    chance = random.Random(seed)
    story = Story(workers=chance.randint(1, 4))
    known = []
    for _ in range(chance.randint(1, 25)):
        wrong = [(chance.uniform(0, 2), "failed", "no")] * chance.choice([0, 0, 0, 1, 2])
        known.append(
            story.task(
                chance.choice("abc"),
                chance.uniform(0.01, 5),
                inputs=chance.sample(known, min(len(known), chance.choice([0, 1, 2]))),
                recorded=chance.random() < 0.8,
                wrong=wrong,
            )
        )
    whole = story.events()
    adds_up(whole, path_of(whole))
    until = chance.uniform(0, whole[-1].timestamp - BEGIN)
    events = [event for event in whole if event.timestamp <= BEGIN + until]
    adds_up(events, path_of(events, BEGIN + until), BEGIN + until)
