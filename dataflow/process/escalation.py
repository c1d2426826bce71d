"""How a task in a child process is brought to its end: it is told; then terminated; then killed.

Arithmetic: who asks does what is to be done.
"""

from __future__ import annotations

import enum
import math


class Step(enum.Enum):
    """What is done to the child."""

    #: Its next heartbeat raises.
    TELL = enum.auto()
    #: SIGTERM, which raises wherever it is.
    TERMINATE = enum.auto()
    #: SIGKILL, for it and all that it has started.
    KILL = enum.auto()


class Escalation:
    """The steps, each a while after the other."""

    def __init__(self, patience: float) -> None:
        """``patience``: seconds that a task has for its end, after each of the first two steps."""
        self._patience = patience
        self._left = list(Step)
        #: When the next step is due: at once for the first.
        self.due = -math.inf

    def step(self, now: float) -> Step | None:
        """The step that is due now, if one is."""
        if now < self.due or not self._left:
            return None
        self.due = now + self._patience if len(self._left) > 1 else math.inf
        return self._left.pop(0)
