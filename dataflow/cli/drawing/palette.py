"""How states look in every picture: a colour, a sign, and a word.

The colours differ in lightness as well as in hue, so that they can be told apart with any kind of
colour vision, and no state is told by its colour alone. Each has a value for light and for dark
backgrounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from dataflow.inspection.tasks import State

Look = Literal["waiting", "running", "completed", "failed", "timed_out", "canceled", "timer"]


@dataclass(frozen=True, slots=True)
class Style:
    """What one look is made of."""

    word: str
    #: Of a task in this state, where there is room for a sign alone.
    sign: str
    light: str
    dark: str
    #: The code of the nearest colour that every terminal has (SGR, foreground).
    terminal: int


STYLES: Mapping[Look, Style] = {
    "waiting": Style("waiting", "·", "#bcc5cf", "#566270", 90),
    "running": Style("running", "▸", "#3b7cc4", "#6aa8ea", 34),
    "completed": Style("completed", "✓", "#4fa58f", "#4fae98", 36),
    "failed": Style("failed", "✗", "#c9472b", "#ee7453", 31),
    "timed_out": Style("timed out", "⧗", "#e0a32e", "#ecc062", 33),
    "canceled": Style("canceled", "⊘", "#7f8894", "#98a1ac", 35),
    "timer": Style("timer", "◷", "#98a5b8", "#7a879a", 90),
}

_LOOKS: Mapping[State, Look] = {
    "scheduled": "waiting",
    "started": "running",
    "completed": "completed",
    "fired": "completed",
    "recorded": "completed",
    "received": "completed",
    "failed": "failed",
    "not_scheduled": "failed",
    "timed_out": "timed_out",
    "canceled": "canceled",
    "terminated": "canceled",
}


def look(state: State, kind: str = "activity") -> Look:
    """How a task in this state looks; a timer does no work, whether it has fired or not."""
    if kind == "timer" and state in {"started", "fired"}:
        return "timer"
    return _LOOKS[state]


#: What is not a state: the paper, and what is written on it.
PAPER: Mapping[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#14181d"),
    "stripe": ("#f7f8fa", "#191e24"),
    "line": ("#e4e8ec", "#2b333c"),
    "ink": ("#1f2933", "#e6eaee"),
    "muted": ("#63707e", "#9aa5b1"),
}
