"""What ``control`` says of the tasks that fed a task is read as it was written."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.replay.sources import Sources, _ranges, read


def text(**members):
    return json.dumps(members)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 40)), unique=True))
def test_ranges_are_expanded_to_what_they_were_made_of(numbered):
    task_ids = [f"activity-{name}-{number}" for name, number in numbered]
    assert read(text(inputs=_ranges(task_ids))) == Sources(inputs=tuple(task_ids))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (None, Sources()),
        ("", Sources()),
        ("not ours", Sources()),
        ("[1]", Sources()),
        ("{", Sources()),
        ('{"inputs": 7}', Sources()),
        ('{"inputs": ["a-1..3", "b"], "cut": true}', Sources(inputs=("a-1", "a-2", "a-3", "b"))),
        ('{"after": ["a-2"], "inputs": ["a-0..1"]}', Sources(("a-0", "a-1"), ("a-2",))),
        ('{"inputs": ["a-3..1"]}', Sources()),
        ('{"inputs": ["a..1"]}', Sources(inputs=("a..1",))),
        ('{"inputs": [1]}', Sources(inputs=("1",))),
    ],
)
def test_what_is_read(written, expected):
    assert read(written) == expected


def test_what_others_write_cannot_ask_for_any_number():
    assert len(read('{"inputs": ["a-1..999999999", "b-1..999999999"]}').inputs) == 25_000
    assert read(f'{{"inputs": ["a-1..{"9" * 10_000}"]}}').inputs == (f"a-1..{'9' * 10_000}",)
