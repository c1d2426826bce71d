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
    #: A path of SVG, 8 pixels in size around 0, 0, to be stroked.
    sign: str
    light: str
    dark: str
    #: The code of the nearest colour that every terminal has (SGR, foreground).
    terminal: int


STYLES: Mapping[Look, Style] = {
    "waiting": Style("waiting", "M-3 0H-2.6M-.2 0H.2M2.6 0H3", "#bcc5cf", "#566270", 90),
    "running": Style("running", "M-2.2-3.4L3.2 0L-2.2 3.4Z", "#2b66ad", "#5694e0", 34),
    "completed": Style("completed", "M-3.5 0L-1 2.8L3.5-3", "#4ba58d", "#69c2a8", 36),
    "failed": Style("failed", "M-3-3L3 3M3-3L-3 3", "#c9472b", "#e8694a", 31),
    "timed_out": Style("timed out", "M-3-3.5H3L-3 3.5H3Z", "#e0a32e", "#f0c766", 33),
    "canceled": Style("canceled", "M-3.5 0H3.5", "#5c6571", "#8d95a0", 35),
    "timer": Style("timer", "M0-3.4V0L2.4 1.6", "#a3afc2", "#5f6f8c", 90),
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


#: What has ended badly, or may not end: its bars bear a sign.
SIGNED: frozenset[Look] = frozenset({"failed", "timed_out", "canceled"})

#: What is not a state: the paper, and what is written on it.
PAPER: Mapping[str, tuple[str, str]] = {
    "paper": ("#ffffff", "#14181d"),
    "stripe": ("#f7f8fa", "#191e24"),
    "line": ("#e4e8ec", "#2b333c"),
    "edge": ("#8b96a3", "#74818f"),
    "frame": ("#c5ccd4", "#465260"),
    "ink": ("#1f2933", "#e6eaee"),
    "muted": ("#63707e", "#9aa5b1"),
}
