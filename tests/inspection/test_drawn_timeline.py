"""Timelines as text, SVG and HTML."""

import json
import re
from datetime import UTC
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from stories import Story, charted, instants, mapping, orders

from dataflow.cli.drawing import timeline_html, timeline_svg, timeline_text
from dataflow.cli.drawing.palette import STYLES
from dataflow.cli.drawing.texts import text_width

SVG = "{http://www.w3.org/2000/svg}"
NASTY = "x</script><!--\"'&<b>\x1b[31m\u202eé漢\ud800]]>{{css}}\\"


def nasty():
    story = Story(workflow=NASTY)
    story.task(NASTY, 1.0, state="failed", reason=NASTY)
    story.task(NASTY, 1.0)
    return charted(story.events())


# --- text ------------------------------------------------------------------------------------


def text(chart, columns=80, **how):
    return timeline_text.draw(chart, "monday", UTC, columns=columns, colours=False, **how)


def test_text():
    assert text(charted(orders())).splitlines() == [
        "monday",
        "shop.Orders 1 · completed after 11 s · 10 tasks: 8 completed, 1 failed, 1 timer",
        "began 2026-01-01 10:00:00 UTC",
        "",
        "                  0      2 s     4 s    6 s     8 s     10 s",
        "                  ┬──────┬───────┬──────┬───────┬───────┬───",
        "load_orders-1     ██████                                      1.4 s",
        "cooling-off       ━━━━━━━━━━━━                                3 s",
        "check_stock-1          ████                                   900 ms",
        "check_stock-2          ██✗···██✗···██████                     2.4 s · 3 attempts",
        "check_stock-3          █████████                              2.2 s",
        "score_customer-1       ──███████T·······████                  2.8 s · 2 attempts",
        "charge_card-1                              █████              1.1 s",
        "shop.Shipping-1                                ─███████████   2.6 s",
        "send_receipt-1                                 ██✗            400 ms",
        "close_books-1                                             ██  500 ms",
        "",
        "─ waits  █ completed  █✗ failed  █T timed out  ━ timer  · waits to try again",
    ]


def test_text_of_an_open_execution():
    drawn = text(charted(orders(until=5.0), after=0.3))
    assert "open for 5 s" in drawn
    assert re.search(r"check_stock-2 .*█▸  1\.5 s · 3 attempts", drawn)
    # It is going to be tried again, so it has not timed out for good.
    assert "6 tasks: 1 waiting, 1 running, 3 completed, 1 timer" in drawn


@pytest.mark.parametrize("columns", [40, 61, 80, 100, 200])
@pytest.mark.parametrize("events", [orders(), orders(until=5.0), mapping(30)])
def test_text_is_no_wider_than_the_terminal(columns, events):
    for line in text(charted(events), columns).splitlines()[:-1]:
        assert text_width(line) <= columns, line


@pytest.mark.parametrize("columns", [60, 80, 100])
@pytest.mark.parametrize("seconds", [0.003, 0.4, 3.9, 4.05, 6.2, 62.0, 3_700.0, 90_000.0])
def test_the_axis_has_marks_that_do_not_run_into_each_other(seconds, columns):
    story = Story()
    story.task("shop.work", seconds)
    axis = text(charted(story.events()), columns).split("\n\n")[1].splitlines()[0]
    marks = re.split(" {2,}", axis.strip())
    assert len(marks) >= 3
    assert all(re.fullmatch(r"0|[\d.]+ (ms|s|min|h|d)( \d+ (s|min|h))?", mark) for mark in marks)


def test_a_long_text_has_its_axis_at_the_end_too():
    def axes(items):
        return sum(
            line.strip().startswith("┬") for line in text(charted(mapping(items))).splitlines()
        )

    assert (axes(5), axes(30)) == (1, 2)


def test_text_without_tasks():
    assert "0 tasks" in text(charted(Story().events()))


def test_instants_in_text():
    drawn = text(charted(instants()))
    for told in ("hurry +◆ +signal", "half-way +◆ +marker", "late +◆ +not scheduled"):
        assert re.search(f"^{told}$", drawn, re.MULTILINE)


def test_a_terminal_that_is_too_narrow_for_all_has_the_chart():
    story = Story()
    story.task("shop." + "long_" * 20, 90.0, wrong=[(90.0, "failed", "no")] * 2)
    drawn = text(charted(story.events()), 40).splitlines()
    (line,) = [line for line in drawn if line.startswith("long_")]
    assert text_width(line) <= 40
    assert "…" in line
    assert "█" in line
    assert "attempts" not in line


def test_text_in_ascii():
    drawn = text(charted(orders()), plain=True)
    assert drawn.isascii()
    assert re.search(r"check_stock-2 +##x\.\.\.##x\.\.\.######", drawn)


def test_colours_change_no_column():
    chart = charted(orders())
    coloured = timeline_text.draw(chart, "monday", UTC, columns=80, colours=True)
    assert "\x1b[31m██✗\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == text(chart)


def test_names_of_users_do_not_command_the_terminal():
    drawn = text(nasty(), 200)
    assert "\x1b" not in drawn
    assert "\u202e" not in drawn
    drawn.encode()


# --- SVG -------------------------------------------------------------------------------------


def svg(chart, title="monday"):
    return ET.fromstring(timeline_svg.draw(chart, title, UTC))  # noqa: S314 - our own text


def boxes(group):
    """The bars of a task, from left to right: class, left, right."""
    found = []
    for box in group.iter(f"{SVG}rect"):
        left = float(box.get("x"))
        found.append((box.get("class"), left, left + float(box.get("width"))))
    return found


def groups(root):
    return {group.find(f"{SVG}text").text: group for group in root.iter(f"{SVG}g")}


def test_svg_has_a_bar_for_each_span():
    found = groups(svg(charted(orders())))
    assert [cls for cls, _, _ in boxes(found["check_stock-2"])] == ["failed", "failed", "completed"]
    assert [cls for cls, _, _ in boxes(found["cooling-off"])] == ["timer"]
    assert [cls for cls, _, _ in boxes(found["score_customer-1"])] == [
        "waiting",
        "timed_out",
        "completed",
    ]


@pytest.mark.parametrize("events", [orders(), orders(until=5.0), mapping(100)])
def test_bars_do_not_overlap_and_stay_within_the_picture(events):
    root = svg(charted(events))
    width = float(root.get("width"))
    heights = set()
    for group in root.iter(f"{SVG}g"):
        bars = boxes(group)
        for (_, _, right), (_, left, _) in pairwise(bars):
            assert right <= left + 2.6  # what is too short to be seen is drawn a bit longer
        texts = [*group.iter(f"{SVG}text")]
        assert float(texts[0].get("x")) + len(texts[0].text) * 7.4 < min(b[1] for b in bars)
        assert float(texts[1].get("x")) + len(texts[1].text) * 6.4 < width
        heights.add(texts[0].get("y"))
    assert len(heights) == len([*root.iter(f"{SVG}g")])


def test_instants_are_diamonds():
    root = svg(charted(instants()))
    shapes = [path.get("class") for path in root.iter(f"{SVG}path") if "l6 6" in path.get("d")]
    assert shapes == ["completed", "completed", "failed"]


def test_the_time_is_on_the_axis():
    told = [text.text for text in svg(charted(orders())).iter(f"{SVG}text")]
    for words in ("0", "2 s", "10 s", "10:00:00", "10:00:10"):
        assert words in told


def test_the_legend_has_what_is_drawn_and_nothing_else():
    told = [text.text for text in svg(charted(orders())).iter(f"{SVG}text")]
    assert {"waits for a worker", "completed", "failed", "timed out", "timer"} <= {*told}
    assert "canceled" not in told
    assert "running" not in told
    assert "running" in [t.text for t in svg(charted(orders(until=5.0))).iter(f"{SVG}text")]


def test_an_open_execution_ends_at_now():
    told = [text.text for text in svg(charted(orders(until=5.0), after=0.2)).iter(f"{SVG}text")]
    assert "now" in told
    assert "5 s" not in told  # it would run into it


def test_a_dark_background_has_colours_of_its_own():
    style = svg(charted(orders())).find(f"{SVG}style").text
    light, dark = style.split("@media(prefers-color-scheme:dark)")
    for look in STYLES.values():
        assert look.light in light
        assert look.dark in dark


def test_names_of_users_are_texts_in_svg():
    drawn = timeline_svg.draw(nasty(), NASTY, UTC)
    drawn.encode()
    root = ET.fromstring(drawn)  # noqa: S314 - our own text
    assert "</script>" in root.find(f"{SVG}title").text
    assert "\x1b" not in drawn


def test_the_same_rows_give_the_same_bytes():
    assert timeline_svg.draw(charted(mapping(20)), "a", UTC) == timeline_svg.draw(
        charted(mapping(20)), "a", UTC
    )


# --- HTML ------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a browser makes of a page: the texts of its elements by id or tag."""

    def __init__(self, text):
        super().__init__()
        self.texts, self.tags, self._open = {}, [], None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.append((tag, named))
        self._open = named.get("id") or tag
        self.texts.setdefault(self._open, "")

    def handle_data(self, data):
        if self._open:
            self.texts[self._open] += data


def test_the_page_has_all_tasks():
    page = Page(timeline_html.draw(charted(orders()), "monday", UTC))
    data = json.loads(page.texts["data"])
    assert len(data["rows"]) == 10
    assert (data["length"], data["open"], data["utc"]) == (11046.0, False, True)
    row = data["rows"][3]
    assert (row["id"], row["attempts"]) == ("activity-shop.check_stock-2", 3)
    assert [span[0] for span in row["spans"] if span[0] != "waiting"] == [
        "running",
        "backing_off",
        "running",
        "backing_off",
        "running",
    ]
    assert page.texts["title"].startswith("monday")


def test_the_page_needs_nothing_else():
    drawn = timeline_html.draw(charted(orders()), "monday", UTC)
    page = Page(drawn)
    for tag, attributes in page.tags:
        assert tag != "link"
        assert not {"src", "href"} & {*attributes}
    assert "@import" not in drawn
    assert "url(" not in drawn
    policy = next(a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'")


def test_names_of_users_end_no_script():
    drawn = timeline_html.draw(nasty(), NASTY, UTC)
    drawn.encode()
    page = Page(drawn)
    row = json.loads(page.texts["data"])["rows"][0]
    assert row["reason"] == NASTY
    assert row["name"].startswith("x</script>")
    assert "</script>" in page.texts["title"]
    assert "{{css}}" in page.texts["title"]
    assert [tag for tag, _ in page.tags].count("script") == 2


def test_local_time_is_that_of_the_reader():
    data = json.loads(Page(timeline_html.draw(charted(orders()), "monday", None)).texts["data"])
    assert data["utc"] is False
