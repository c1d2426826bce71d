"""The tour runs, shows every command that looks at executions, and is what the README quotes."""

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from dataflow.cli import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.rst").read_text()

pytestmark = pytest.mark.integration

#: Commands that are no part of the tour: what they do does not fit a page.
_ELSEWHERE = {"workflow.watch", "workflow.start", "workflow.cancel", "workflow.reset"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture(scope="module")
def demo(pictures):
    """What the tour prints."""
    done = subprocess.run(
        [ROOT / "script" / "demo", pictures],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def sessions(text):
    """Commands, each with what it prints."""
    found = re.split(r"^ *\$ (?=dataflow )", text, flags=re.MULTILINE)[1:]
    parts = (part.partition("\n")[::2] for part in found)
    return {command: re.split(r"^# ", printed, flags=re.MULTILINE)[0] for command, printed in parts}


def steady(printed):
    """What is the same in every run: neither times nor what is drawn of them."""
    lines = [line for line in printed.splitlines() if not re.match(r" +(0 |┬)", line)]
    text = re.sub(r"[─█━·✗]+", "~", "\n".join(lines))
    text = re.sub(r"\d+(\.\d+)? m?s\b", "N s", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d( [A-Z]+| \+\d+)", "WHEN", text)
    return [" ".join(line.split()) for line in text.splitlines() if line.strip()]


def test_the_tour_shows_what_looks_at_executions(demo):
    shown = " ".join(sessions(demo))
    commands = {
        name
        for name in main.command.list_commands(None)
        if re.match(r"(workflow|task|tasklist|domain|activity_type|workflow_type)\.", name)
    }
    assert {name for name in commands - _ELSEWHERE if f" {name} " not in f"{shown} "} == set()


def test_no_command_of_the_tour_goes_wrong(demo):
    assert "error:" not in demo
    assert "Error" not in demo.replace("ConnectionError", "").replace("ValueError", "")
    for command, printed in sessions(demo).items():
        if not command.endswith("&") and " > " not in command:
            assert printed.strip(), command


def test_the_pictures_are_there(demo, pictures):
    for name in ("timeline.svg", "graph.svg"):
        assert ET.parse(pictures / name).getroot().tag.endswith("svg")  # noqa: S314 - our own text
    assert (pictures / "timeline.html").read_text().startswith("<!DOCTYPE html>")


def test_the_readme_quotes_the_tour(demo):
    (block,) = re.findall(r"A part of it::\n\n((?:(?:    .*)?\n)+)", README)
    shown = sessions(demo)
    quoted = sessions(block)
    assert len(quoted) > 1
    for command, printed in quoted.items():
        assert steady(printed) == steady(shown[command])


def test_the_picture_in_the_readme_is_a_timeline_as_it_is_drawn_today(pictures, demo):
    def drawn(path):
        root = ET.parse(path).getroot()  # noqa: S314 - our own text
        style = root.find("{http://www.w3.org/2000/svg}style").text
        return style, [g[1].text for g in root.iter("{http://www.w3.org/2000/svg}g")]

    assert drawn(ROOT / "docs" / "timeline.svg") == drawn(pictures / "timeline.svg")
