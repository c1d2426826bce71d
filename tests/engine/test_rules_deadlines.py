"""The heap of deadlines, against a plain dictionary."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.engine.rules.deadlines import Deadlines, Key, Kind

A, B = Key(Kind.TIMER, 5), Key(Kind.TIMER, 6)


def test_the_earliest_comes_first():
    deadlines = Deadlines()
    deadlines.set(A, 20)
    deadlines.set(B, 10)
    assert deadlines.first() == (10, B)
    assert deadlines.first() == (10, B)
    assert len(deadlines) == 2


@pytest.mark.parametrize("moves", [[30], [30, 10], [5, 30], [None], [None, 30], [30, None, 30]])
def test_a_deadline_can_be_moved_and_cleared(moves):
    deadlines = Deadlines()
    deadlines.set(A, 10)
    deadlines.set(B, 20)
    for when in moves:
        deadlines.set(A, when)
    expected = {30: (20, B), 10: (10, A), None: (20, B)}
    assert deadlines.first() == expected[moves[-1]]


def test_without_deadlines_there_is_no_first():
    deadlines = Deadlines()
    assert deadlines.first() is None
    deadlines.set(A, None)
    assert deadlines.first() is None
    deadlines.set(A, 10)
    deadlines.clear()
    assert (deadlines.first(), len(deadlines), deadlines._heap) == (None, 0, [])


def test_at_one_instant_work_goes_before_what_waits_for_it():
    deadlines = Deadlines()
    keys = [Key(kind, event_id) for kind in reversed(Kind) for event_id in (9, 5)]
    for key in keys:
        deadlines.set(key, 10)
    order = []
    while (first := deadlines.first()) is not None:
        order.append(first[1])
        deadlines.set(first[1], None)
    assert order == [
        Key(kind, event_id)
        for kind in (Kind.ACTIVITY, Kind.LAMBDA, Kind.TIMER, Kind.DECISION, Kind.EXECUTION)
        for event_id in (5, 9)
    ]


def test_heartbeats_do_not_make_the_heap_grow():
    deadlines = Deadlines()
    deadlines.set(B, 10**9)
    for second in range(10_000):
        deadlines.set(A, second)
        assert deadlines.first() == (second, A)
    assert len(deadlines._heap) <= 2 * 2 + 64


def test_timers_that_are_cancelled_do_not_make_the_heap_grow():
    deadlines = Deadlines()
    for n in range(10_000):
        deadlines.set(Key(Kind.TIMER, n), n)
        deadlines.set(Key(Kind.TIMER, n), None)
    assert len(deadlines._heap) <= 64


KEYS = st.builds(Key, st.sampled_from(Kind), st.integers(1, 6))
WHENS = st.none() | st.integers(0, 4) | st.floats(0, 4)


@given(st.lists(st.tuples(KEYS, WHENS), max_size=60), st.integers(0, 150))
def test_the_first_is_always_the_least(moves, heartbeats):
    # The heartbeats bring the heap near the size at which it is rebuilt.
    beats = [(A, n / 100) for n in range(heartbeats)]
    deadlines, expected = Deadlines(), {}
    for key, when in [*moves, *beats, *reversed(moves)]:
        deadlines.set(key, when)
        expected[key] = when
        left = [(when, key) for key, when in expected.items() if when is not None]
        assert deadlines.first() == min(left, default=None)
        assert len(deadlines) == len(left)
        assert len(deadlines._heap) <= 2 * len(left) + 64
