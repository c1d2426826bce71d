"""A task in a worker's hands: what the threads that deal with it tell each other.

One thread performs it and answers it, another sends its heartbeats, a third may stop the worker.
A task has one end: whoever claims it answers, and nobody else.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable

from dataflow.process.tasks import PolledTask


class Ending(enum.IntEnum):
    """Why a task that still runs shall end. The greater one prevails."""

    #: The worker is stopped: the task fails, so that it can be retried elsewhere.
    STOPPED = 1
    #: Its decider has asked for it: it is answered that it was cancelled.
    CANCELED = 2
    #: It is over for the service (a time-out, its execution closed): nobody waits for an answer.
    GONE = 3


class Running:
    """A task that is being performed."""

    __slots__ = (
        "_claim",
        "_lock",
        "_wake",
        "beat_at",
        "beaten_at",
        "details",
        "ending",
        "every",
        "failures",
        "task",
    )

    def __init__(self, task: PolledTask, wake: Callable[[], None] = lambda: None) -> None:
        """``wake``: how the thread that performs it hears that `ending` has changed."""
        self.task = task
        #: Set by `end`, read by who performs the task.
        self.ending: Ending | None = None
        #: What its last heartbeat told: how far it is.
        self.details: str | None = None
        #: The business of `Heartbeats`: seconds between two, when the next is due, when the last
        #: was, and how many were lost since.
        self.every = float("inf")
        self.beat_at = float("inf")
        self.beaten_at = float("-inf")
        self.failures = 0
        self._wake = wake
        self._lock = threading.Lock()
        self._claim = threading.Lock()

    def end(self, why: Ending) -> None:
        """Ask for its end. From any thread."""
        with self._lock:
            if self.ending is not None and why <= self.ending:
                return
            self.ending = why
        self._wake()

    def claim(self) -> bool:
        """Whoever gets True answers the task, the first and only."""
        return self._claim.acquire(blocking=False)
