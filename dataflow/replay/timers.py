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
from dataflow.replay.agenda import WAKE_UP_TIMER, Agenda


class _State(enum.Enum):
    READY = "ready to be asked for"
    STARTED = "in the history"
    CLOSED = "fired, cancelled or refused"


class Timer:
    """One timer, from submit until it fires."""

    __slots__ = ("control", "future", "started_event_id", "state", "timeout", "timer_id")

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


class _Cancellation:
    """The cancellation of a timer that is in the history."""

    __slots__ = ("timer",)

    def __init__(self, timer: Timer) -> None:
        self.timer = timer

    def decision(self) -> Decision | None:
        return de.CancelTimer(timer_id=self.timer.timer_id)


class Timers:
    """The timers of one run that have not fired, by id."""

    def __init__(self, agenda: Agenda, new_future: Callable[[str], Future[Any]]) -> None:
        self._agenda = agenda
        self._new_future = new_future
        self._open: dict[str, Timer] = {}
        #: Timers whose cancellation history has not confirmed; their id may be in use again.
        self._cancelling: dict[str, tuple[Timer, Future[None]]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def start(self, timer_id: str, timeout: str, control: str | None = None) -> Future[None]:
        """A timer's future; failed at once if the id belongs to a timer that has not fired."""
        future = self._new_future(timer_id)
        if timer_id in self._open:
            future.set_exception(TaskFailed(timer_id, "TIMER_ID_ALREADY_IN_USE", task_id=timer_id))
            return future
        timer = Timer(timer_id, timeout, control, future)
        self._open[timer_id] = timer
        self._agenda.add(timer)
        future.on_cancel(lambda: self._cancel(timer))
        return future

    def cancel(self, timer_id: str) -> Future[None]:
        """Cancel a timer by its id: the future of the cancellation."""
        timer = self._open.get(timer_id)
        future: Future[None] = self._new_future(f"cancel {timer_id}")
        if timer is None:
            future.set_exception(TaskFailed(timer_id, "TIMER_ID_UNKNOWN", task_id=timer_id))
        elif timer.state is _State.READY:
            timer.future.cancel()
            future.set_finished(None)
        else:
            timer.future.cancel()
            self._cancelling[timer_id] = (timer, future)
        return future

    def _cancel(self, timer: Timer) -> None:
        """The timer's future was cancelled: let history follow."""
        del self._open[timer.timer_id]
        if timer.state is _State.STARTED:
            self._agenda.add(_Cancellation(timer))
        timer.state = _State.CLOSED

    # --- events ------------------------------------------------------------------

    def started(self, attributes: ev.TimerStarted) -> None:
        """The engine has started a timer."""
        timer = self._open.get(attributes.timer_id)
        if timer is not None:
            timer.state = _State.STARTED
            timer.future.set_running()

    def not_started(self, attributes: ev.StartTimerFailed) -> None:
        """The engine has refused a timer."""
        if attributes.timer_id == WAKE_UP_TIMER:
            self._agenda.wake_up_open = False
            return
        timer = self._open.pop(attributes.timer_id)
        timer.state = _State.CLOSED
        timer.future.set_exception(
            TaskFailed(timer.timer_id, attributes.cause, task_id=timer.timer_id)
        )

    def fired(self, attributes: ev.TimerFired) -> None:
        """A timer's time is up."""
        if attributes.timer_id == WAKE_UP_TIMER:
            self._agenda.wake_up_open = False
            return
        timer = self._open.get(attributes.timer_id)
        # One that was cancelled while its time ran out has fired all the same: nobody waits.
        if timer is not None and timer.state is _State.STARTED:
            del self._open[attributes.timer_id]
            timer.state = _State.CLOSED
            timer.future.set_finished(None)

    def cancelled(self, attributes: ev.TimerCanceled) -> None:
        """The engine has cancelled a timer."""
        _, future = self._cancelling.pop(attributes.timer_id, (None, None))
        if future is not None:
            future.set_finished(None)

    def not_cancelled(self, attributes: ev.CancelTimerFailed) -> None:
        """The engine could not: the timer had fired."""
        _, future = self._cancelling.pop(attributes.timer_id, (None, None))
        if future is not None:
            future.set_exception(TaskFailed(attributes.timer_id, attributes.cause))
