"""How fields, lines of events and exported histories are shown and read."""

import json

import pytest
from stories import BEGIN, orders

from dataflow.errors import UsageError
from dataflow.inspection import exported
from dataflow.inspection.executions import Execution
from dataflow.inspection.fields import line, shown, size, who
from dataflow.inspection.lines import lines
from dataflow.protocol import events as ev

EXECUTION = Execution(
    domain="shop",
    workflow_id="w",
    run_id="r",
    name="order",
    version="1",
    status="COMPLETED",
    started_at=BEGIN,
)


# --- fields ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "limit", "told"),
    [
        (None, 10, ""),
        ("", 10, ""),
        ('{"args":[1]}', 20, '{"args":[1]}'),
        ("0123456789", 10, "0123456789"),
        ("0123456789a", 10, "0123456..."),
        ("x" * 10_000_000, 5, "xx..."),
        ("two\nlines\t and more", 40, "two lines and more"),
        ("a\x1b[31mb", 40, "a\\x1b[31mb"),
        ("\udc80", 40, "\\udc80"),
        (
            "dataflow+s3://bucket/ab/cdef 1234567",
            60,
            "<1.2 MB, dataflow+s3://bucket/ab/cdef>",
        ),
        ("simpleflow+s3://b/k 12", 60, "<12 B, simpleflow+s3://b/k>"),
        ("dataflow+s3://bucket/key 12 and more", 60, "dataflow+s3://bucket/key 12 and more"),
    ],
)
def test_a_field_on_one_line(text, limit, told):
    assert shown(text, limit) == told


@pytest.mark.parametrize(
    ("length", "told"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 KB"),
        (5_242_880, "5.2 MB"),
        (7_300_000_000, "7.3 GB"),
        (10**15, "1000000.0 GB"),
    ],
)
def test_sizes(length, told):
    assert size(length) == told


def test_a_printable_line_is_left_alone():
    assert line("日本 é") == "日本 é"


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        ('{"user":"ann","hostname":"vm","pid":7,"exe":"/bin/python"}', "ann@vm:7"),
        ('{"user":"ann"}', '{"user":"ann"}'),
        ("[1]", "[1]"),
        ("worker 3", "worker 3"),
    ],
)
def test_identities(identity, told):
    assert who(identity) == told


# --- lines -----------------------------------------------------------------------------------


def test_events_are_told_with_the_task_that_they_are_about():
    events = orders()
    told = list(lines(events))
    assert [one.event for one in told] == events
    for one in told:
        kind = one.event.event_type
        if kind.startswith(("ActivityTask", "Timer", "ChildWorkflow", "StartChild")):
            assert one.subject is not None, kind
        if kind.startswith(("DecisionTask", "WorkflowExecution")):
            assert one.subject is None, kind
    failed = next(one for one in told if one.event.event_type == "ActivityTaskFailed")
    assert (failed.subject, failed.told) == (
        "activity-shop.check_stock-2",
        "ConnectionError: no answer",
    )
    assert told[0].told == '{"args":[],"kwargs":{}}'


# --- exported histories ------------------------------------------------------------------------


def test_what_is_written_is_read():
    events = orders()
    text = "\n".join(exported.written(EXECUTION, events))
    found = exported.read(text)
    assert found.events == events
    assert (found.domain, found.workflow_id, found.run_id) == ("shop", "w", "r")
    assert len(text.splitlines()) == len(events) + 2


def test_no_events_are_still_json():
    assert json.loads("\n".join(exported.written(EXECUTION, [])))["events"] == []


@pytest.mark.parametrize(
    "form",
    [
        lambda wires: json.dumps({"events": wires}),
        json.dumps,
        lambda wires: json.dumps(wires[::-1]),
        lambda wires: "\n".join(map(json.dumps, wires)) + "\n",
        lambda wires: json.dumps({"events": wires}, indent=4),
    ],
)
def test_other_forms_are_read(form):
    events = orders()
    assert exported.read(form([ev.to_wire(event) for event in events])).events == events


def test_times_as_texts_are_read():
    """As ``aws swf get-workflow-execution-history`` writes them."""
    wires = [ev.to_wire(event) for event in orders()]
    wires[0]["eventTimestamp"] = "2026-01-01T11:00:00.250000+01:00"
    assert exported.read(json.dumps({"events": wires})).events[0].timestamp == BEGIN + 0.25


def test_one_event_is_a_history():
    (found,) = exported.read(json.dumps(ev.to_wire(orders()[0]))).events
    assert found == orders()[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "this is no history (JSONDecodeError"),
        ("{}", "this is no history (KeyError"),
        ("7", "this is no history (TypeError"),
        ('{"events": 7}', "this is no history (TypeError"),
        ('{"events": [7]}', "this is no history (AttributeError"),
        ('{"events": [{"eventId": 1}]}', "this is no history (ValueError: event 1: "),
        ("[" * 100_000, "this is no history ("),
        ('{"events": []}', "does not begin with WorkflowExecutionStarted"),
    ],
)
def test_what_is_no_history(text, told):
    with pytest.raises(UsageError) as caught:
        exported.read(text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_history_must_be_whole():
    wires = [ev.to_wire(event) for event in orders()]
    with pytest.raises(UsageError, match="lacks event 4"):
        exported.read(json.dumps(wires[:3] + wires[4:]))
    with pytest.raises(UsageError, match="does not begin"):
        exported.read(json.dumps(wires[3:]))
