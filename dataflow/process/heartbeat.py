"""Heartbeats of the tasks of a worker, from one thread beside those that perform them.

1. *Every so many seconds* the service hears that a task is alive, with what the activity last told
   of its progress. An activity whose time-out is shorter is heard of more often.
2. *The activity's own heartbeats* go out at once, but not more than one a second: of those between,
   the last counts.
3. *The answer is what makes a task end*: it shall be cancelled, or nobody waits for it any more.
4. *A lost heartbeat is no harm.* It is logged and tried again a little later, and nothing else
   comes of it.
"""

from __future__ import annotations

import logging
import math
import threading
from typing import Any

from dataflow.clock import Clock
from dataflow.process.calls import code
from dataflow.process.logs import task_context
from dataflow.process.running import Ending, Running
from dataflow.protocol.service import Service

#: Seconds between two heartbeats of an activity's own; twice as long after each that is lost.
_OWN_SECONDS = 1.0
_LONGEST_PAUSE = 30.0
#: The thread does not wake more often, however many tasks there are.
_TICK = 0.02

_log = logging.getLogger(__name__)


class Heartbeats:
    """Sends heartbeats; its methods are for all threads."""

    def __init__(self, service: Service, clock: Clock, every: float) -> None:
        """``every``: seconds; 0: only the activities' own."""
        self._service = service
        self._clock = clock
        self._every = every or math.inf
        self._watched: set[Running] = set()
        self._changed = threading.Condition()
        #: Until when the thread sleeps.
        self._wakes_at = -math.inf
        self._stopped = False

    def start(self) -> None:
        """Begin to send."""
        threading.Thread(target=self._run, name="heartbeats", daemon=True).start()

    def stop(self) -> None:
        """Send no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def watch(self, running: Running) -> None:
        """A task begins."""
        running.every = self._every
        running.beat_at = self._clock.now() + self._every
        with self._changed:
            self._watched.add(running)
            self._wake_for(running)

    def forget(self, running: Running) -> None:
        """A task is answered."""
        with self._changed:
            self._watched.discard(running)

    def expect(self, running: Running, seconds: float) -> None:
        """The service expects to hear of a task this often."""
        if seconds < running.every < math.inf:
            with self._changed:
                running.every = seconds
                running.beat_at = min(running.beat_at, self._clock.now() + seconds)
                self._wake_for(running)

    def tell(self, running: Running, details: str | None) -> None:
        """The activity itself says that it is alive, and how far it is."""
        running.details = details
        earliest = running.beaten_at + _pause(running.failures)
        if earliest < running.beat_at:
            with self._changed:
                running.beat_at = max(earliest, self._clock.now())
                self._wake_for(running)

    def beat(self) -> float:
        """Send what is due; the answer is when the next will be."""
        now = self._clock.now()
        with self._changed:
            due = [running for running in self._watched if running.beat_at <= now]
        for running in due:
            if running in self._watched:
                self._send(running)
        with self._changed:
            return self._next()

    def _send(self, running: Running) -> None:
        request: dict[str, Any] = {"taskToken": running.task.token}
        if running.details is not None:
            request["details"] = running.details
        # Before the call: what the activity tells meanwhile is for the next.
        running.beaten_at = now = self._clock.now()
        running.beat_at = now + running.every
        try:
            answer = self._service.record_activity_task_heartbeat(**request)
        except Exception as error:  # noqa: BLE001 - law 4
            self._lost(running, error)
            return
        running.failures = 0
        if answer.get("cancelRequested"):
            running.end(Ending.CANCELED)

    def _lost(self, running: Running, error: Exception) -> None:
        with task_context(**running.task.log_fields):
            if code(error) == "UnknownResourceFault":
                if running in self._watched:  # and not answered meanwhile
                    _log.warning(
                        "the task is over: it has timed out, or its execution is closed",
                        extra={"event": "task.gone"},
                    )
                    running.end(Ending.GONE)
                    self.forget(running)
                return
            running.failures += 1
            pause = _pause(running.failures)
            with self._changed:
                running.beat_at = min(running.beat_at, running.beaten_at + pause)
            _log.log(
                logging.WARNING if running.failures == 1 else logging.DEBUG,
                "a heartbeat was lost: %s: %s",
                type(error).__name__,
                error,
                extra={"event": "heartbeat.lost"},
            )

    def _next(self) -> float:
        return min((running.beat_at for running in self._watched), default=math.inf)

    def _wake_for(self, running: Running) -> None:
        if running.beat_at < self._wakes_at:
            self._wakes_at = running.beat_at
            self._changed.notify()

    def _run(self) -> None:
        while not self._stopped:
            self.beat()
            with self._changed:
                now = self._clock.now()
                # Never for ever, where tasks are watched: a task that comes need not wake the
                # thread then, since its heartbeat is due later than the thread wakes.
                self._wakes_at = min(max(self._next(), now + _TICK), now + self._every)
                wait = self._wakes_at - now
                if not self._stopped:
                    self._changed.wait(None if wait == math.inf else wait)
                self._wakes_at = -math.inf


def _pause(failures: int) -> float:
    return float(min(_OWN_SECONDS * 2 ** min(failures, 10), _LONGEST_PAUSE))
