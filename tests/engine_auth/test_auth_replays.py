"""Captured requests that come again."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from signing import NOW

from dataflow.engine.auth.replays import REPEATABLE, Replays
from dataflow.engine.auth.signature import SKEW
from dataflow.protocol.faults import InvalidSignatureException


def signature(n):
    return hashlib.sha256(str(n).encode()).hexdigest()


def passes(replays, n, signed_at, now):
    try:
        replays.check(signature((n, signed_at)), signed_at, now)
    except InvalidSignatureException:
        return False
    return True


@pytest.fixture
def replays():
    return Replays(NOW)


def test_two_workers_may_send_the_same_poll(replays):
    for now in (NOW, NOW, NOW + 0.5, NOW + REPEATABLE):
        replays.check(signature(1), NOW, now)


@pytest.mark.parametrize("later", [11, 20, 21, 22, 60, 299, 300])
def test_a_signature_does_not_come_again(replays, later):
    replays.check(signature(1), NOW, NOW)
    for n in range(2, later):  # what else is going on
        replays.check(signature(n), NOW + n, NOW + n)
    with pytest.raises(InvalidSignatureException, match="give each of your workers an identity"):
        replays.check(signature(1), NOW, NOW + later)
    replays.check(signature(-1), NOW, NOW + later)


def test_a_repetition_does_not_begin_the_time_anew(replays):
    for now in (0, 6, 9):
        assert passes(replays, 1, NOW, NOW + now)
    assert not passes(replays, 1, NOW, NOW + 12)


def test_what_came_late_may_be_repeated_as_long(replays):
    # The memory of one second is made small twice here, with a signature in each half.
    assert passes(replays, 1, NOW, NOW)
    assert passes(replays, 2, NOW, NOW + 20)
    assert passes(replays, 2, NOW, NOW + 21)
    assert passes(replays, 2, NOW, NOW + 30)
    for now in (31, 41, 42, 52, 100):
        assert not passes(replays, 1, NOW, NOW + now)
        assert not passes(replays, 2, NOW, NOW + now)


def test_clocks_that_differ(replays):
    # Of two workers with one key and no identity: the same poll, at the same time by their clocks.
    assert passes(replays, 1, NOW + 30, NOW + 30)
    assert passes(replays, 1, NOW + 30, NOW + 39)
    assert not passes(replays, 1, NOW + 30, NOW + 42)
    assert passes(replays, 2, NOW + 30, NOW + 42)


def test_what_the_server_before_may_have_seen(replays):
    assert passes(replays, 1, NOW - REPEATABLE, NOW)
    for now in (NOW, NOW + 5, NOW + 100):
        assert not passes(replays, 2, NOW - REPEATABLE - 1, now)


def test_a_clock_that_is_set_back():
    replays = Replays(NOW)
    assert passes(replays, 1, NOW, NOW)
    assert passes(replays, 2, NOW + 3_600, NOW + 3_600)
    # As after a restart: what was signed before may have been seen, and it was.
    assert not passes(replays, 1, NOW, NOW + 100)
    assert passes(replays, 3, NOW + 100, NOW + 100)
    assert passes(replays, 4, NOW + 90, NOW + 101)
    assert not passes(replays, 3, NOW + 100, NOW + 112)


def test_a_clock_that_is_corrected_by_a_little(replays):
    assert passes(replays, 1, NOW, NOW)
    assert passes(replays, 2, NOW + 301, NOW + 301)
    assert passes(replays, 3, NOW + 299, NOW + 299)
    assert not passes(replays, 1, NOW, NOW + 299)  # it is no longer remembered


STEPS = st.lists(
    st.tuples(
        st.floats(0, 40) | st.floats(0, 400),  # seconds since the step before
        st.integers(1, 3),  # which request
        st.integers(-SKEW, SKEW) | st.sampled_from([-SKEW, -20, 0, 0, 0, SKEW]),  # its age
        st.booleans(),  # whether it is one that came before, if there is one
    ),
    max_size=60,
)


@given(STEPS, st.data())
def test_against_a_memory_without_end(steps, data):
    now = float(NOW)
    replays, first = Replays(now), {}
    for pause, m, age, again in steps:
        now += pause
        request = (m, int(now) - age)
        alive = sorted(r for r in first if abs(now - r[1]) <= SKEW)
        if again and alive:
            request = data.draw(st.sampled_from(alive))
        n, signed_at = request
        if abs(now - signed_at) > SKEW:
            continue  # `signature` refuses it
        if signed_at < NOW - REPEATABLE:
            expected = False
        else:
            expected = int(now) - first.setdefault(request, int(now)) <= REPEATABLE
        assert passes(replays, n, signed_at, now) == expected


def test_memory_follows_the_rate_of_requests():
    replays = Replays(NOW)
    for second in range(3_000):
        for n in range(3):
            replays.check(signature((n, second)), NOW + second, NOW + second)
    assert len(replays) == 3 * (SKEW + 1)
    packed = [second for second in replays._seconds.values() if not second._recent]
    assert len(packed) >= SKEW - 2 * REPEATABLE - 1
    # Long after the last of them.
    replays.check(signature(0), NOW + 10_000, NOW + 10_000)
    assert len(replays) == 1


def test_what_cannot_come_again_takes_8_bytes():
    replays = Replays(NOW)
    for n in range(1_000):
        replays.check(signature(n), NOW, NOW)
    replays.check(signature(0), NOW + 21, NOW + 21)
    second = replays._seconds[NOW]
    assert (second._recent, len(second._old), second._old.itemsize) == ({}, 1_000, 8)
    for n in range(1_000):
        with pytest.raises(InvalidSignatureException):
            replays.check(signature(n), NOW, NOW + 22)
