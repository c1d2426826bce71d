"""The rows of a timeline."""

import pytest
from stories import BEGIN, Story, charted, instants, mapping, orders

from dataflow import Workflow
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.testing.histories import HistoryBuilder


def spans(row):
    """Phases with their times, to a tenth of a second, since the beginning."""
    return [(s.phase, round(s.begin - BEGIN, 1), round(s.end - BEGIN, 1)) for s in row.spans]


def rows(events, **how):
    return {row.label: row for row in charted(events, **how).rows}


def test_waiting_and_running_are_apart():
    story = Story(workers=1)
    story.task("shop.first", 2.0)
    story.task("shop.second", 3.0)
    found = rows(story.events())
    assert spans(found["first-1"])[-1] == ("running", 0.0, 2.0)
    assert spans(found["second-1"]) == [("waiting", 0.0, 2.0), ("running", 2.0, 5.0)]
    assert round(found["second-1"].waiting, 1) == 2.0
    assert found["second-1"].running == pytest.approx(3.0)


def test_attempts_follow_each_other_with_back_offs_between_them():
    found = rows(orders())["check_stock-2"]
    assert [(s.phase, s.attempt, s.state) for s in found.spans if s.phase != "waiting"] == [
        ("running", 1, "failed"),
        ("backing_off", 1, "failed"),
        ("running", 2, "failed"),
        ("backing_off", 2, "failed"),
        ("running", 3, "completed"),
    ]
    assert (found.attempts, found.state, found.reason) == (3, "completed", None)
    ends = [span.end for span in found.spans]
    assert [span.begin for span in found.spans[1:]] == ends[:-1]


def test_the_timers_of_back_offs_have_no_rows():
    assert [row.label for row in charted(orders()).rows] == [
        "load_orders-1",
        "cooling-off",
        "check_stock-1",
        "check_stock-2",
        "check_stock-3",
        "score_customer-1",
        "charge_card-1",
        "shop.Shipping-1",
        "send_receipt-1",
        "close_books-1",
    ]


def test_what_is_not_over_ends_now():
    chart = charted(orders(until=5.0), after=10.0)
    assert chart.status == "OPEN"
    found = {row.label: row for row in chart.rows}
    running, waiting = found["check_stock-2"], found["score_customer-1"]
    assert running.spans[-1].phase == "running"
    assert (running.spans[-1].end, running.state) == (chart.end, "started")
    assert waiting.is_backing_off
    assert waiting.spans[-1].end == chart.end
    assert not running.is_backing_off


def test_a_closed_execution_ends_with_its_last_event_whenever_it_is_looked_at():
    events = orders()
    assert charted(events, after=0.0) == charted(events, after=1e6)
    assert charted(events).end == events[-1].timestamp


@pytest.mark.parametrize("end", ["completed", "failed", "timed_out"])
def test_the_status(end):
    story = Story()
    story.task("shop.first")
    assert charted(story.events(end=end)).status == end.upper()


def test_a_task_that_is_running_when_the_execution_is_closed_ends_with_it():
    story = Story()
    story.task("shop.endless", None)
    events = story.events()
    closing = ev.WorkflowExecutionTerminated(child_policy="TERMINATE")
    events.append(Event(len(events) + 1, BEGIN + 60, closing))
    chart = charted(events, after=1e6)
    assert chart.status == "TERMINATED"
    assert spans(chart.rows[0])[-1] == ("running", 0.0, 60.0)
    assert chart.rows[0].state == "started"


def test_markers_signals_and_refusals_take_no_time():
    found = charted(instants()).rows
    assert [(row.kind, row.label, row.state) for row in found] == [
        ("signal", "hurry", "received"),
        ("marker", "half-way", "recorded"),
        ("timer", "late", "not_scheduled"),
    ]
    assert all([span.phase for span in row.spans] == ["instant"] for row in found)


def test_an_execution_that_has_just_begun_has_no_rows():
    class Empty(Workflow):
        name, version, task_list = "empty", "1", "l"

        def run(self):
            pass

    chart = charted(HistoryBuilder(Empty).events, after=3.0)
    assert (chart.status, chart.rows) == ("OPEN", [])
    assert chart.end - chart.begin == 3.0


def test_every_task_of_a_large_history_has_a_row():
    chart = charted(mapping(500))
    assert len(chart.rows) == 1002
    for row in chart.rows:
        assert row.spans
        assert all(chart.begin <= s.begin <= s.end <= chart.end for s in row.spans)
