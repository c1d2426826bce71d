"""The page of a timeline in a browser: drawn at once, whatever its size, and without an error."""

import re
import shutil
import subprocess
from datetime import UTC

import pytest
from stories import charted, mapping, orders

from dataflow.cli.drawing import timeline_html

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(BROWSER is None, reason="there is no Chromium"),
]

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,760",
    "--virtual-time-budget=3000",
    "--enable-logging=stderr",
    "--dump-dom",
]
#: A browser without a window has no frames to wait for.
BEFORE = "window.requestAnimationFrame = (f) => setTimeout(f); const began = performance.now();"
ROWS = 'document.querySelectorAll(".row").length'


@pytest.fixture
def opened(tmp_path):
    def opened(chart, script="", told=ROWS):
        """What ``told`` is worth in a page, after ``script``; and milliseconds to draw it."""
        page = timeline_html.draw(chart, "monday", UTC)
        # Its own policy allows scripts that are in the file.
        page = page.replace("</head>", f"<script>{BEFORE}</script></head>")
        after = (
            "const took = performance.now() - began;"
            f"setTimeout(() => {{ {script}; setTimeout(() => {{"
            f"document.title = `${{Math.round(took)}} ${{{told}}}`; }}, 200); }}, 200);"
        )
        file = tmp_path / "page.html"
        file.write_text(page.replace("</body>", f"<script>{after}</script></body>"))
        done = subprocess.run(
            [BROWSER, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", file.as_uri()],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert "CONSOLE" not in done.stderr, done.stderr
        took, _, value = re.search(r"<title>(.*?)</title>", done.stdout, re.DOTALL)[1].partition(
            " "
        )
        return value, int(took)

    return opened


def test_all_rows_of_a_small_execution(opened):
    assert opened(charted(orders()))[0] == "10"


def test_five_thousand_tasks_are_there_at_once(opened):
    value, took = opened(charted(mapping(2499, workers=40)))
    assert 10 < int(value) < 60  # those in sight
    assert took < 1000


def test_a_search_finds_what_failed(opened):
    script = """
        const search = document.getElementById("search");
        search.value = "edit failed";
        search.dispatchEvent(new Event("input"));
    """
    told = 'document.getElementById("count").textContent'
    assert opened(charted(mapping(82)), script, told)[0] == "2 of 166 tasks"


def test_a_state_can_be_left_out(opened):
    script = 'document.querySelector("#states button").click()'
    told = 'document.getElementById("count").textContent'
    assert opened(charted(orders()), script, told)[0] == "2 of 10 tasks"


def test_zooming_shows_a_part_of_the_time(opened):
    script = 'for (let n = 0; n < 3; n++) document.getElementById("in").click()'
    told = 'document.querySelector(".tick").textContent'
    assert opened(charted(orders()), script, told)[0] == "5.0 s10:00:05.0"


def test_a_click_tells_everything_of_a_task(opened):
    script = """
        const bar = document.querySelectorAll(".row")[3].querySelector(".span");
        for (const type of ["pointerdown", "pointerup"])
            bar.dispatchEvent(new PointerEvent(type, {bubbles: true, button: 0, clientX: 500}));
    """
    told = 'document.getElementById("details").textContent'
    value = opened(charted(orders()), script, told)[0]
    assert value.startswith("activity-shop.check_stock-2completed, 3 attempts")
    assert "ran (2)10:00:02.95" in value


def test_the_arrow_keys_walk_through_the_tasks(opened):
    script = """
        for (let n = 0; n < 2; n++)
            document.body.dispatchEvent(
                new KeyboardEvent("keydown", {key: "ArrowDown", bubbles: true}));
    """
    told = 'document.querySelector("#details h2").textContent'
    assert opened(charted(orders()), script, told)[0] == "cooling-off"
