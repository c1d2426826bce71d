import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dataflow.errors import TaskFailed, TaskTimedOut
from dataflow.payload.failure import describe, task_failed
from dataflow.protocol.limits import DURATION_SECONDS
from dataflow.retry import Retry


class Custom(ConnectionError):
    pass


def failed_with(error):
    return task_failed("task", *describe(error))


FAILED = failed_with(ValueError("bad"))


def delays(policy, chance=0.0):
    """The delays before the second, third ... attempt, until no more is made."""
    found = []
    while (delay := policy.delay(len(found) + 1, FAILED, chance)) is not None:
        found.append(delay)
    return found


@pytest.mark.parametrize(
    ("policy", "chance", "expected"),
    [
        (Retry(), 0, [1, 2]),
        (Retry(), 1, [1, 2]),
        (Retry(attempts=1), 0, []),
        (Retry(attempts=7), 0, [1, 2, 4, 8, 16, 32]),
        (Retry(attempts=4, initial_delay=0), 0, [0, 0, 0]),
        (Retry(attempts=4, initial_delay=5, factor=1), 0, [5, 5, 5]),
        (Retry(attempts=5, factor=10, maximum_delay=60), 0, [1, 10, 60, 60]),
        (Retry(attempts=3, initial_delay=90, maximum_delay=60), 0, [60, 60]),
        (Retry(attempts=4, initial_delay=0.25, factor=3), 0, [1, 1, 3]),
        (Retry(attempts=3, initial_delay=10, maximum_delay=0), 0, [0, 0]),
        (Retry(attempts=3, initial_delay=10, jitter=0.5), 0, [10, 20]),
        (Retry(attempts=3, initial_delay=10, jitter=0.5), 0.5, [8, 15]),
        (Retry(attempts=3, initial_delay=10, jitter=0.5), 1, [5, 10]),
        (Retry(attempts=3, initial_delay=10, jitter=1), 1, [0, 0]),
        # Without a longest delay it is an hour, or the first delay where that is more.
        (Retry(attempts=4, initial_delay=1_000, factor=3), 0, [1_000, 3_000, 3_600]),
        (Retry(attempts=3, initial_delay=5_000), 0, [5_000, 5_000]),
        (Retry(attempts=3, initial_delay=1e9), 0, [99_999_999, 99_999_999]),
        (Retry(attempts=2, initial_delay=1e9, maximum_delay=1e9), 0, [99_999_999]),
        (Retry.of(0), 0, []),
        (Retry.of(3), 0, [0, 0, 0]),
    ],
    ids=str,
)
def test_the_delays_of(policy, chance, expected):
    assert delays(policy, chance) == expected


def test_a_delay_too_large_for_a_float_is_the_longest():
    policy = Retry(attempts=10_000, factor=10.0)
    assert policy.delay(9_999, FAILED, 0) == 3600


def test_no_delay_stays_none_however_often_it_is_multiplied():
    policy = Retry(attempts=10_000, initial_delay=0, factor=10.0)
    assert policy.delay(9_999, FAILED, 0) == 0


SECONDS = st.floats(0, 1e9)
POLICIES = st.builds(
    Retry,
    attempts=st.integers(1, 3_000),
    initial_delay=SECONDS,
    factor=st.floats(1, 1e3) | st.integers(1, 10),
    maximum_delay=st.none() | SECONDS,
    jitter=st.floats(0, 1),
)
CHANCES = st.floats(0, 1)


@given(POLICIES, st.integers(1, 3_000), CHANCES)
def test_a_delay_is_a_whole_number_from_zero_to_the_longest(policy, failures, chance):
    delay = policy.delay(failures, FAILED, chance)
    if failures >= policy.attempts:
        assert delay is None
    else:
        assert type(delay) is int
        longest = policy.maximum_delay
        if longest is None:
            longest = max(3600, policy.initial_delay)
        assert 0 <= delay <= min(math.ceil(longest), DURATION_SECONDS)
        assert delay == policy.delay(failures, FAILED, chance)


@given(POLICIES, st.integers(1, 3_000), CHANCES, CHANCES)
def test_delays_grow_with_the_failures_and_shrink_with_chance(policy, failures, low, high):
    assume(failures + 1 < policy.attempts and low <= high)
    delay = policy.delay(failures, FAILED, low)
    assert policy.delay(failures + 1, FAILED, low) >= delay >= policy.delay(failures, FAILED, high)
    assert delay >= math.floor(policy.delay(failures, FAILED, 0) * (1 - policy.jitter))


@pytest.mark.parametrize(
    ("fields", "error", "again"),
    [
        ({}, ValueError(), True),
        ({}, SystemExit(), True),  # what failed is a task, and TaskFailed is an Exception
        ({"retry_on": (ConnectionError,)}, Custom(), True),
        ({"retry_on": (ConnectionError,)}, ValueError(), False),
        ({"retry_on": ConnectionError}, Custom(), True),
        ({"retry_on": "ConnectionError"}, Custom(), True),
        ({"retry_on": f"{__name__}.Custom"}, Custom(), True),
        ({"retry_on": f"{__name__}.Custom"}, ConnectionError(), False),
        ({"retry_on": ()}, ValueError(), False),
        ({"never": (ValueError,)}, ValueError(), False),
        ({"never": (ValueError,)}, KeyError(), True),
        ({"never": "OSError"}, Custom(), False),
        ({"never": OSError, "retry_on": Custom}, Custom(), False),
        ({"never": Custom, "retry_on": OSError}, ConnectionError(), True),
    ],
    ids=repr,
)
def test_which_errors_are_tried_again(fields, error, again):
    delay = Retry(**fields).delay(1, failed_with(error), 0)
    assert (delay is not None) is again


@pytest.mark.parametrize(
    ("fields", "again"),
    [
        ({}, True),
        ({"retry_on": TimeoutError}, True),
        ({"retry_on": TaskTimedOut}, True),
        ({"never": TimeoutError}, False),
        ({"retry_on": ValueError}, False),
    ],
    ids=repr,
)
def test_whether_a_time_out_is_tried_again(fields, again):
    delay = Retry(**fields).delay(1, TaskTimedOut("task", "HEARTBEAT"), 0)
    assert (delay is not None) is again


def test_a_failure_of_another_program_is_tried_again():
    assert Retry().delay(1, TaskFailed("task", "out of paper"), 0) == 1


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"attempts": 0}, ValueError, "attempts must be at least 1"),
        ({"attempts": 2.0}, TypeError, "attempts must be a whole number"),
        ({"attempts": True}, TypeError, "attempts must be a whole number"),
        ({"initial_delay": -1}, ValueError, "initial_delay must be at least 0"),
        ({"factor": 0.5}, ValueError, "factor must be at least 1"),
        ({"maximum_delay": math.inf}, ValueError, "maximum_delay must be at least 0"),
        ({"initial_delay": math.nan}, ValueError, "initial_delay must be at least 0"),
        ({"jitter": 1.5}, ValueError, "jitter must be from 0 to 1"),
    ],
    ids=str,
)
def test_a_policy_that_cannot_be_is_refused(fields, error, words):
    with pytest.raises(error, match=words):
        Retry(**fields)


@pytest.mark.parametrize(
    ("retry", "error"), [(-1, ValueError), (True, TypeError), (1.5, TypeError), ("3", TypeError)]
)
def test_what_is_no_number_of_retries_is_refused(retry, error):
    with pytest.raises(error, match=r"^retry="):
        Retry.of(retry)


def test_a_policy_stands_for_itself():
    policy = Retry(attempts=9)
    assert Retry.of(policy) is policy
