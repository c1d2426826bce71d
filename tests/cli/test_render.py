"""Outcomes as text and as JSON."""

import json
import logging
import os
import sys

import pytest

from dataflow.cli import render
from dataflow.payload import failure
from dataflow.process.local import Counts, Outcome


def outcome(status, *, result=None, reason=None, details=None):
    return Outcome(
        workflow_id="id",
        run_id="run",
        status=status,
        result=result,
        reason=reason,
        details=details,
        notices=(),
        history=(),
    )


@pytest.mark.parametrize(
    ("ended", "text"),
    [
        (outcome("COMPLETED", result='{"a":1}'), 'completed in 1.00 s: {"a":1}'),
        (outcome("COMPLETED", result=None), "completed in 1.00 s: null"),
        (outcome("FAILED", reason="no", details="why\nso"), "failed in 1.00 s: no\n  why\n  so"),
        (outcome("FAILED", reason="no", details='{"a":1}'), 'failed in 1.00 s: no\n  {"a":1}'),
        (outcome("FAILED", reason="no", details="[1]"), "failed in 1.00 s: no\n  [1]"),
        (outcome("TIMED_OUT", reason="too long"), "timed out after 1.00 s: too long"),
        (outcome("CANCELED"), "canceled after 1.00 s"),
        (outcome("TERMINATED", reason="by hand"), "terminated after 1.00 s: by hand"),
        (outcome("TERMINATED", reason="stuck: for ever"), "stuck after 1.00 s: for ever"),
        (outcome("CONTINUED_AS_NEW"), "continued as new after 1.00 s"),
    ],
)
def test_text(ended, text):
    assert render.as_text(ended, 1) == text


def test_results_are_cut_only_where_they_are_long():
    assert render.as_text(outcome("COMPLETED", result="1" * 500), 1).endswith("s: " + "1" * 500)
    cut = render.as_text(outcome("COMPLETED", result="1" * 501), 1)
    assert cut.endswith("s: " + "1" * 500 + " ...")


def test_one_line_that_would_repeat_the_reason_is_left_out():
    details = failure.describe(ValueError("no")).details
    ended = outcome("FAILED", reason="ValueError: no", details=details)
    assert render.as_text(ended, 1) == "failed in 1.00 s: ValueError: no"


def ours(line):
    return f'  File "{render._OUR_FILES}futures.py", line 1, in result\n    {line}\n'


def theirs(line):
    return f'  File "/home/me/work.py", line 1, in run\n    {line}\n'


HEADER = "Traceback (most recent call last):\n"


@pytest.mark.parametrize(
    ("traceback", "shown"),
    [
        (
            [HEADER, theirs("a"), ours("b"), "E: x\n"],
            [HEADER, theirs("a"), "E: x\n"],
        ),
        (
            [HEADER, ours("b"), "  [Previous line repeated 9 more times]\n", theirs("a"), "E: x\n"],
            [HEADER, theirs("a"), "E: x\n"],
        ),
        (
            [HEADER, ours("b\n    ^"), "E: x\n\nThe above\n\n", HEADER, theirs("a"), "E: y\n"],
            ["E: x\n\nThe above\n\n", HEADER, theirs("a"), "E: y\n"],
        ),
        (
            [f"dataflow.errors.OriginalError: \n{HEADER}", theirs("a"), "E: x\n"],
            [HEADER, theirs("a"), "E: x\n"],
        ),
        (
            ["dataflow.errors.OriginalError: E: x\n", HEADER, theirs("a"), "E: y\n"],
            ["E: x\n", HEADER, theirs("a"), "E: y\n"],
        ),
    ],
)
def test_frames_of_ours_are_left_out(traceback, shown):
    details = json.dumps({"traceback": traceback})
    expected = "".join(f"  {line}\n" if line else "\n" for line in "".join(shown).splitlines())
    told = render.as_text(outcome("FAILED", reason="no", details=details), 1)
    assert told == f"failed in 1.00 s: no\n{expected}".rstrip()


def test_frames_of_ours_are_shown_for_debugging(caplog):
    details = json.dumps({"traceback": [HEADER, ours("b"), "E: x\n"]})
    with caplog.at_level(logging.DEBUG):
        assert "futures.py" in render.as_text(outcome("FAILED", details=details), 1)


def test_json():
    ended = outcome("COMPLETED", result='{"é":[1,null]}')
    told = render.as_json(ended)
    assert told.isascii()
    assert json.loads(told)["result"] == {"é": [1, None]}
    ended = outcome("FAILED", reason="no", details='"text"')
    assert json.loads(render.as_json(ended)) == {
        "workflow_id": "id",
        "run_id": "run",
        "status": "FAILED",
        "reason": "no",
        "details": '"text"',
    }


def test_progress_never_counts_below_zero():
    assert render.progress(Counts(-1, 2, 3)) == "scheduled 0  running 2  done 3"


# --- what a terminal would take for a command -------------------------------------------------

RED = "\x1b[31mred\x9b0m"
SHOWN = "\\x1b[31mred\\x9b0m"


def test_a_failure_does_not_speak_to_the_terminal():
    details = json.dumps({"traceback": ["Traceback:\n", f"\tValueError: {RED}\n"]})
    assert render.failure(f"ValueError: {RED}", details).splitlines() == [
        f"failed: ValueError: {SHOWN}",
        "  Traceback:",
        f"      ValueError: {SHOWN}",
    ]
    assert render.failure(None, RED).splitlines()[1] == f"  {SHOWN}"


def test_nor_does_an_end():
    assert render.as_text(outcome("FAILED", reason=RED), 1) == f"failed in 1.00 s: {SHOWN}"


# --- a reader who goes away -------------------------------------------------------------------


def test_a_pause_ends_with_its_reader(monkeypatch):
    reader, writer = os.pipe()
    with open(writer, "w") as stdout:  # noqa: PTH123 - it has no path
        monkeypatch.setattr(sys, "stdout", stdout)
        render.pause(0.001)
        os.close(reader)
        with pytest.raises(BrokenPipeError):
            render.pause(3600)


def test_a_pause_without_a_reader_is_one(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    render.pause(0.001)
