import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.errors import (
    InputFailed,
    OriginalError,
    TaskCanceled,
    TaskFailed,
    TaskTimedOut,
    type_name,
)
from dataflow.payload.failure import Failure, cut, describe, input_failed, shorten, task_failed
from dataflow.protocol.limits import DATA_LENGTH, REASON_LENGTH


class Custom(OSError):
    pass


class Speechless(Exception):
    def __str__(self):
        raise RuntimeError


class Mute(Exception):
    def __str__(self):
        return None  # noqa: PLE0307 - the bug that is tested


def raised(error, cause=None, depth=0):
    """The exception, as it is caught some calls below its raise."""

    def descend(levels):
        if levels:
            descend(levels - 1)
        raise error from cause

    try:
        descend(depth)
    except BaseException as caught:  # noqa: BLE001
        return caught


def read_back(error):
    return task_failed("task", *describe(error), task_id="t-1")


def lines_of(failure):
    return json.loads(failure.details)["traceback"]


# --- what is written ---------------------------------------------------------------------


def test_the_fields_of_a_failure():
    reason, details = describe(raised(Custom("no such file\n  here")))
    assert reason == "Custom: no such file here"
    told = json.loads(details)
    assert told.pop("traceback")[-1].endswith("Custom: no such file\n  here\n")
    assert told == {
        "error": "Custom",
        "error_type": f"{__name__}.Custom",
        "bases": ["OSError", "Exception", "BaseException"],
        "message": "no such file\n  here",
    }


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("bad"), "ValueError: bad"),
        (ValueError(), "ValueError"),
        (KeyError("k"), "KeyError: 'k'"),
        (SystemExit(3), "SystemExit: 3"),
        (Custom("x"), "Custom: x"),
        (ValueError("x" * 300), "ValueError: " + 240 * "x" + " ..."),
        (Speechless(), "Speechless: <its __str__ raised RuntimeError>"),
        (Mute(), "Mute: <its __str__ raised TypeError>"),
        (
            ExceptionGroup("two", [ValueError(), KeyError()]),
            "ExceptionGroup: two (2 sub-exceptions)",
        ),
        (ValueError("\udc80"), "ValueError: \\udc80"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_reason_of(error, reason):
    assert describe(raised(error)).reason == reason


ANY_TEXT = st.text(st.characters(exclude_categories=()))
#: How often a text is repeated: a longer one is too much for the report of a failing example.
TIMES = st.sampled_from([1, 7, 1_000, 20_000])
LETTERS = st.sampled_from(["E", "É", "😀"])


@given(ANY_TEXT, TIMES, LETTERS, st.sampled_from([1, 300, 40_000]), st.integers(0, 300))
def test_a_report_always_fits_its_fields(text, times, letter, length, depth):
    message, name, caused = text * times, letter * length, bool(times % 2)
    cls = type(name, (ValueError,), {})
    cause = raised(KeyError(message), depth=depth) if caused else None
    reason, details = describe(raised(cls(message), cause, depth))
    assert 0 < len(reason) <= REASON_LENGTH
    assert len(details) <= DATA_LENGTH
    assert reason.encode("utf-8") and details.encode("utf-8")  # noqa: PT018
    assert json.loads(details).keys() == {"error", "error_type", "bases", "message", "traceback"}
    assert read_back(cls(message)).is_a(ValueError) or len(name) > REASON_LENGTH


def test_a_deep_traceback_loses_its_middle():
    def bounce(n):  # two lines that take turns: Python shortens what repeats
        return bounce_back(n - 1) if n else 1 / 0

    def bounce_back(n):
        return bounce(n - 1) if n else 1 / 0

    with pytest.raises(ZeroDivisionError) as caught:
        bounce(600)
    lines = lines_of(describe(caught.value))
    assert lines[0] == "Traceback (most recent call last):\n"
    assert lines[-1] == "ZeroDivisionError: division by zero\n"
    left_out = [line for line in lines if "lines left out" in line]
    assert len(left_out) == 1
    assert len(lines) > 50


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_a_long_message_is_cut_and_leaves_room_for_the_traceback(letter):
    failure = describe(raised(ValueError(letter * 40_000)))
    assert json.loads(failure.details)["message"].endswith(f"{letter} ...")
    assert any("in descend" in line for line in lines_of(failure))


def test_our_own_frames_are_left_out():
    error = raised(ValueError("x"), depth=2)
    frames = [line for line in lines_of(describe(error)) if line.startswith("  File")]
    fewer = [line for line in lines_of(describe(error, skip_frames=3)) if line.startswith("  File")]
    assert fewer == frames[3:] != []
    last = lines_of(describe(error, skip_frames=99))
    assert sum(line.startswith("  File") for line in last) == 1


def test_causes_and_notes_are_told():
    error = raised(ValueError("outer"), cause=raised(KeyError("inner")))
    error.add_note("look at the input")
    text = "".join(lines_of(describe(error)))
    assert text.index("KeyError: 'inner'") < text.index("direct cause") < text.index("outer")
    assert text.endswith("ValueError: outer\nlook at the input\n")


def test_the_failure_of_a_task_is_still_told_from_others_when_it_is_passed_on():
    first = read_back(Custom("no such file"))
    second = read_back(first)
    assert second.error_type == type_name(TaskFailed)
    assert second.is_a(Custom, KeyError)
    assert second.is_a(OSError)
    assert not second.is_a(KeyError)


# --- what is read back -------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        ValueError("bad"),
        ValueError(),
        Custom("no such file"),
        UnicodeDecodeError("ascii", b"\xff", 0, 1, "not ASCII"),
        ValueError("\udc80"),
        ValueError("x" * 100_000),
        raised(ValueError("outer"), cause=raised(KeyError("inner"))),
        ExceptionGroup("two", [ValueError(), KeyError()]),
        TaskTimedOut("step", "HEARTBEAT"),
        TaskCanceled("step", "no longer needed"),
        Speechless(),
        KeyboardInterrupt(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failure_reads_back_as_it_was(error):
    failure = describe(raised(error))
    task = task_failed("task", *failure, task_id="t-1")
    assert task.error_type == type_name(type(error))
    assert (task.name, task.task_id, task.reason) == ("task", "t-1", failure.reason)
    assert task.details == failure.details
    bases = type(error).__mro__[:-1]
    assert [cls for cls in bases if not task.is_a(cls)] == []
    assert [type_name(cls) for cls in bases][1:] == list(task.bases)[: len(bases) - 1]
    assert not task.is_a(ConnectionError, "ConnectionError")
    assert list(task.traceback) == lines_of(failure)


def test_types_can_be_asked_for_by_name():
    task = read_back(Custom("x"))
    assert task.is_a(f"{__name__}.Custom")
    assert task.is_a("OSError")
    assert not task.is_a("Custom")
    assert not task.is_a()


def test_the_cause_shows_the_traceback_of_the_other_process():
    task = read_back(raised(ValueError("bad")))
    assert isinstance(task.__cause__, OriginalError)
    assert task.__cause__.error_type == "ValueError"
    assert str(task.__cause__).startswith("\nTraceback (most recent call last):\n")
    assert str(task.__cause__).endswith("ValueError: bad")
    assert str(OriginalError("ValueError", "bad", ())) == "ValueError: bad"


FOREIGN = [
    # reason and details, and what they are read as: reason, message, error_type
    (("out of paper", "tray 2"), ("out of paper", "out of paper", None)),
    ((None, None), ("failed without a reason", "failed without a reason", None)),
    (("", ""), ("failed without a reason", "failed without a reason", None)),
    (("r", "null"), ("r", "r", None)),
    (("r", "[1]"), ("r", "r", None)),
    (("r", '{"error_type":5}'), ("r", "r", None)),
    (("r", '{"color":"red"}'), ("r", "r", None)),
    (("r", '{"message":"m"}'), ("r", "m", None)),
    (("r", '{"error_type":"E","more":1}'), ("r", "r", "E")),
    (("r", "\udc80"), ("r", "r", None)),
    (("r", '{"x":' + "[" * 30_000), ("r", "r", None)),
]


@pytest.mark.parametrize(("given_fields", "expected"), FOREIGN, ids=lambda f: repr(f)[:40])
def test_the_texts_of_other_programs_are_read_as_they_are(given_fields, expected):
    task = task_failed("task", *given_fields)
    reason, message, error_type = expected
    assert (task.reason, task.message, task.details) == (reason, message, given_fields[1])
    assert task.error_type == (error_type or type_name(TaskFailed))
    assert isinstance(task.__cause__, OriginalError) is (error_type is not None)
    assert task.is_a(TaskFailed)


@given(st.none() | ANY_TEXT, st.none() | ANY_TEXT)
def test_every_pair_of_texts_can_be_read(reason, details):
    task = task_failed("task", reason, details)
    assert isinstance(task, TaskFailed)
    assert task.details == details
    assert describe(task).reason


def test_foreign_names_without_end_can_be_passed_on():
    bases = json.dumps({"error_type": "E" * 9_000, "bases": ["B" * 20_000, "C" * 20_000]})
    failure = describe(task_failed("task", "r", bases))
    assert len(failure.details) <= DATA_LENGTH


# --- the rest ----------------------------------------------------------------------------


def test_the_failure_of_an_input():
    error = raised(ValueError("x" * 300))
    task = input_failed("task", error, task_id="t-2")
    assert isinstance(task, InputFailed)
    assert (task.name, task.task_id, task.__cause__) == ("task", "t-2", error)
    assert task.reason.startswith("an input failed: xxx")
    assert len(task.reason) == REASON_LENGTH


def test_the_failure_of_an_input_of_an_input_tells_of_the_first():
    first = raised(ValueError("bad"))
    second = input_failed("second", first)
    third = input_failed("third", second)
    assert (third.reason, third.root, third.__cause__) == ("an input failed: bad", first, second)


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [("abcdefgh", 8, "abcdefgh"), ("abcdefghi", 8, "abcd ..."), ("", 8, "")],
)
def test_cut(text, length, expected):
    assert cut(text, length) == expected


def test_a_failure_is_two_fields():
    assert Failure("r", "d") == ("r", "d")


# --- where there is room ------------------------------------------------------------------


def test_nothing_is_cut_where_any_length_fits():
    long = "x" * DATA_LENGTH
    reason, details = describe(raised(ValueError(f"{long}\n{long}"), depth=50), longest=None)
    told = json.loads(details)
    assert told["message"] == f"{long}\n{long}"
    assert "".join(told["traceback"]).count("descend(levels - 1)") == 50 - 47
    assert long in told["traceback"][-1]
    assert len(reason) == REASON_LENGTH


@pytest.mark.parametrize("longest", [2_000, 100_000])
def test_details_are_cut_to_any_length(longest):
    error = raised(ValueError("x" * 300_000), depth=5)
    details = describe(error, longest=longest).details
    assert len(details) <= longest
    assert len(json.loads(details)["message"]) == longest // 4
    assert shorten(describe(error, longest=None).details, longest) == details
