"""Timers: those that a workflow submits, and those that back-offs and pauses are made of."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

from dataflow.errors import TaskFailed
from dataflow.futures import Future
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.replay.agenda import WAKE_UP_TIMER, Agenda, Lane


class _State(enum.Enum):
    READY = "to be asked for"
    ASKED = "for, and not confirmed by history"
    STARTED = "in the history"
    CLOSED = "fired, cancelled or refused"


class Timer:
    """One timer, from submit until it fires."""

    __slots__ = ("control", "future", "state", "timeout", "timer_id")

    def __init__(
        self, timer_id: str, timeout: str, control: str | None, future: Future[None]
    ) -> None:
        self.timer_id = timer_id
        self.timeout = timeout
        self.control = control
        self.future = future
        self.state = _State.READY

    def decision(self) -> Decision | None:
        """See `agenda.Ask`."""
        if self.state is not _State.READY:
            return None
        return de.StartTimer(
            timer_id=self.timer_id, start_to_fire_timeout=self.timeout, control=self.control
        )

    def asked(self) -> None:
        """See `agenda.Ask`."""
        self.state = _State.ASKED


class _Cancellation:
    """The cancellation of a timer that is in the history."""

    __slots__ = ("lane", "timer_id")

    def __init__(self, timer_id: str, lane: Lane) -> None:
        self.timer_id = timer_id
        self.lane = lane

    def decision(self) -> Decision | None:
        return de.CancelTimer(timer_id=self.timer_id)

    def asked(self) -> None:
        """Its place is free at once, for timers that start in the same answer.

        SWF writes an event when it has cancelled a timer, but makes no decision task of it.
        """
        self.lane.open -= 1


class Timers:
    """The timers of one run that have not fired, by id."""

    def __init__(self, agenda: Agenda, new_future: Callable[[str], Future[Any]]) -> None:
        self._agenda = agenda
        self._new_future = new_future
        self._open: dict[str, Timer] = {}
        #: Cancelled after they were asked for and before history has confirmed them.
        self._unwanted: set[str] = set()

    def start(self, timer_id: str, timeout: str, control: str | None = None) -> Future[None]:
        """A timer's future; failed at once if the id belongs to a timer that has not fired."""
        future = self._new_future(timer_id)
        if timer_id in self._open:
            future.set_exception(TaskFailed(timer_id, "TIMER_ID_ALREADY_IN_USE", task_id=timer_id))
            return future
        timer = self._open[timer_id] = Timer(timer_id, timeout, control, future)
        self._agenda.timers.add(timer)
        future.on_cancel(lambda: self._cancel(timer))
        return future

    def cancel(self, timer_id: str) -> Future[None]:
        """Cancel a timer by its id: the future of the cancellation, which is done at once."""
        future: Future[None] = self._new_future(f"cancel {timer_id}")
        timer = self._open.get(timer_id)
        if timer is None:
            future.set_exception(TaskFailed(timer_id, "TIMER_ID_UNKNOWN", task_id=timer_id))
        else:
            timer.future.cancel()
            future.set_finished(None)
        return future

    def _cancel(self, timer: Timer) -> None:
        """The timer's future was cancelled: let history follow."""
        del self._open[timer.timer_id]
        if timer.state is _State.STARTED:
            self._cancel_in_history(timer.timer_id)
        elif timer.state is _State.ASKED:
            self._unwanted.add(timer.timer_id)
        timer.state = _State.CLOSED

    def _cancel_in_history(self, timer_id: str) -> None:
        self._agenda.cancellations.add(_Cancellation(timer_id, self._agenda.timers))

    # --- events ------------------------------------------------------------------

    def started(self, attributes: ev.TimerStarted) -> None:
        """The engine has started a timer."""
        timer_id = attributes.timer_id
        if timer_id in self._unwanted:
            self._unwanted.remove(timer_id)
            self._cancel_in_history(timer_id)
        elif timer_id != WAKE_UP_TIMER:
            timer = self._open[timer_id]
            timer.state = _State.STARTED
            timer.future.set_running()

    def not_started(self, attributes: ev.StartTimerFailed) -> None:
        """The engine has refused a timer."""
        timer = self._over(attributes.timer_id, _State.ASKED)
        self._unwanted.discard(attributes.timer_id)
        if timer is not None:
            timer.future.set_exception(
                TaskFailed(timer.timer_id, attributes.cause, task_id=timer.timer_id)
            )

    def fired(self, attributes: ev.TimerFired) -> None:
        """A timer's time is up."""
        timer = self._over(attributes.timer_id, _State.STARTED)
        if timer is not None:
            timer.future.set_finished(None)

    def not_cancelled(self, _: ev.CancelTimerFailed) -> None:
        """The engine could not: the timer had fired, and its place was free already."""
        self._agenda.timers.open += 1

    def _over(self, timer_id: str, state: _State) -> Timer | None:
        """Make room for another; the timer, if it is in this state.

        In any other it is a newer one with the same id, and nobody waits for the old one any more.
        """
        if timer_id == WAKE_UP_TIMER:
            self._agenda.wake_up_open = False
            return None
        self._agenda.timers.open -= 1
        timer = self._open.get(timer_id)
        if timer is None or timer.state is not state:
            return None
        del self._open[timer_id]
        timer.state = _State.CLOSED
        return timer
