"""``run()`` in a greenlet: suspended where it waits, resumed where it was.

Suspending is a switch of stacks, not an exception, so nothing that a user writes (``except
Exception``, ``except:``, ``finally``) can see or swallow it.

A suspended function that is no longer wanted is *dropped*: `GreenletExit` unwinds it, so that its
``with`` blocks let go of what they hold. Whatever it asks for on the way is refused; a function
that swallows the exit and keeps asking is left where it is, for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from greenlet import GreenletExit, getcurrent, greenlet

from dataflow.errors import NotInWorkflow
from dataflow.futures import Awaited

ONLY_RUN_WAITS = (
    "only run() can wait: here (a hook, a callback, a FuncGroup behind others) read only the "
    "results of futures that are done"
)

#: How often a dropped function may ask again before it is left where it is.
_PATIENCE = 3


class Suspension:
    """One function that waits for futures."""

    def __init__(self, function: Callable[[], None]) -> None:
        """``function`` must keep its own result, and let only exits of the process escape."""
        self._greenlet = greenlet(function)
        self._started = False
        self._refusals: int | None = None
        self._awaited: Awaited | None = None

    @property
    def awaited(self) -> Awaited | None:
        """What it waits for; None before the start and after the end."""
        return self._awaited

    @property
    def inside(self) -> bool:
        """Whether the caller is the function itself."""
        return getcurrent() is self._greenlet

    def resume(self) -> None:
        """Run it until it has to wait for something, or ends."""
        if not self._started or (self._awaited is not None and self._awaited.done):
            self._started = True
            self._awaited = None
            self._switch(self._greenlet.switch)

    def suspend(self, awaited: Awaited) -> None:
        """Called by the function: come back when ``awaited.done``."""
        if not self.inside:
            raise NotInWorkflow(ONLY_RUN_WAITS)
        self.refuse_if_dropped()
        while not awaited.done:
            self._awaited = awaited
            self._back()

    def leave(self) -> NoReturn:
        """Called by the function: never come back."""
        while True:
            self._back()

    def refuse_if_dropped(self) -> None:
        """Called at each thing the function asks for."""
        if self._refusals is None:
            return
        self._refusals += 1
        while self._refusals > _PATIENCE:
            self._back()
        raise GreenletExit

    def drop(self) -> None:
        """Unwind the function; it can do nothing any more."""
        if self._refusals is None:
            self._refusals = 0
            if self._started and not self._greenlet.dead:
                self._switch(lambda: self._greenlet.throw(GreenletExit))

    def _back(self) -> None:
        """Switch to the decider; returns when it comes back."""
        parent = self._greenlet.parent
        assert parent is not None
        parent.switch()

    def _switch(self, into: Callable[[], Any]) -> None:
        # The decider may itself run in one of several greenlets: come back to the one that called.
        self._greenlet.parent = getcurrent()
        into()
