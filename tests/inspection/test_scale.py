"""Round steps on the axis, and times in words."""

import time
from datetime import UTC

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dataflow.cli.drawing.scale import clock, date_and_time, duration, ticks

AT = 1_767_261_600.125  # 2026-01-01 10:00:00.125 UTC


@example(0.6, 3)
@given(st.floats(1e-3, 1e9), st.integers(1, 20))
def test_marks_are_as_many_as_there_is_room_for(length, most):
    marks = ticks(length, most)
    assert 1 <= len(marks) <= most
    assert marks[0].at == 0
    assert marks[-1].at <= length * (1 + 1e-6)
    assert len({mark.elapsed for mark in marks}) == len(marks)


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (11.05, "0, 2 s, 4 s, 6 s, 8 s, 10 s"),
        (0.7, "0, 0.1 s, 0.2 s, 0.3 s, 0.4 s, 0.5 s, 0.6 s, 0.7 s"),
        (0.0041, "0, 1 ms, 2 ms, 3 ms, 4 ms"),
        (95, "0, 15 s, 30 s, 45 s, 1 min, 1 min 15 s, 1 min 30 s"),
        (15_000, "0, 30 min, 1 h, 1 h 30 min, 2 h, 2 h 30 min, 3 h, 3 h 30 min, 4 h"),
        (400_000, "0, 1 d, 2 d, 3 d, 4 d"),
    ],
)
def test_marks_in_words(length, words):
    assert ", ".join(mark.elapsed for mark in ticks(length, 9)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.0004, "0 s"),
        (0.0083, "8 ms"),
        (0.9994, "999 ms"),
        (0.9999, "1 s"),
        (1.26, "1.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (61, "1 min 1 s"),
        (3599.6, "1 h"),
        (3_960, "1 h 6 min"),
        (86_399, "1 d"),
        (90_000, "1 d 1 h"),
        (86_400 * 400, "400 d"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (86_400, "2026-01-01"),
        (60, "10:00"),
        (1, "10:00:00"),
        (0.5, "10:00:00.1"),
        (0.02, "10:00:00.12"),
        (0.001, "10:00:00.125"),
    ],
)
def test_the_clock_says_no_more_than_it_needs(step, words):
    assert clock(AT, UTC, step=step) == words


def test_a_moment():
    assert date_and_time(AT, UTC) == "2026-01-01 10:00:00 UTC"


def test_a_moment_in_local_time(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    try:
        assert date_and_time(AT, None) == "2026-01-01 15:30:00 +0530"
        assert clock(AT, None) == "15:30:00"
    finally:
        monkeypatch.undo()
        time.tzset()
