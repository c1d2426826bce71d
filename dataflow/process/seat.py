"""One seat of a worker: a thread that polls, performs and answers, one task after the other."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dataflow.clock import Clock
from dataflow.process.answers import Answers
from dataflow.process.calls import pauses
from dataflow.process.heartbeat import Heartbeats
from dataflow.process.isolation import ChildFailed
from dataflow.process.jobs import Canceled, Failed
from dataflow.process.logs import task_context
from dataflow.process.polling import Poller
from dataflow.process.refusals import refusal
from dataflow.process.running import Ending, Running
from dataflow.process.slots import Slot
from dataflow.process.tasks import PolledTask

#: How often in a row a child process may fail to start before the worker gives up.
_STARTS = 5
#: A poll that finds nothing takes a minute. Where it takes less than this (a stand-in for SWF that
#: does not hold polls), the next one waits as long.
_HASTY_SECONDS = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What all seats of a worker work with."""

    domain: str
    task_list: str
    identity: str
    heartbeats: Heartbeats
    answers: Answers
    clock: Clock
    #: Set when no more polls shall be made.
    stopping: threading.Event
    #: Called with each task that was taken, before it begins.
    begin: Callable[[Running], None]
    #: Called after each task.
    done: Callable[[], None]
    #: Called last, with what went wrong, if anything did.
    left: Callable[[Seat, BaseException | None], None]


class Seat:
    """Where one task at a time is performed."""

    def __init__(self, number: int, poller: Poller, slot: Slot, duty: Duty) -> None:
        self.poller = poller
        #: The task in hand.
        self.running: Running | None = None
        self.thread = threading.Thread(target=self._run, name=f"worker-{number}", daemon=True)
        self._slot = slot
        self._duty = duty
        self._request: dict[str, Any] = {
            "domain": duty.domain,
            "taskList": {"name": duty.task_list},
        }
        if duty.identity:
            self._request["identity"] = duty.identity
        self._waits = pauses()
        self._starts = 0

    def end(self, why: Ending) -> None:
        """Ask the task in hand to end. From any thread."""
        running = self.running
        if running is not None:
            running.end(why)

    def kill(self, why: Ending) -> bool:
        """End the task in hand; whether that is possible. From any thread."""
        self.end(why)
        return self._slot.kill()

    def _run(self) -> None:
        problem: BaseException | None = None
        try:
            while not self._duty.stopping.is_set():
                if self._make_ready() and (task := self._poll()) is not None:
                    self._perform(task)
                    self._duty.done()
        except BaseException as error:  # noqa: BLE001 - raised by `Worker.run`
            problem = error
        finally:
            self._slot.close()
            self._duty.left(self, problem)

    def _make_ready(self) -> bool:
        """Whether there is room for a task."""
        try:
            self._slot.make_ready()
        except ChildFailed as error:
            if self._duty.stopping.is_set():
                return False  # it was ended with its worker
            self._starts += 1
            if self._starts >= _STARTS:
                raise
            _log.error("%s", error, extra={"event": "child.failed"})
            self._duty.stopping.wait(next(self._waits))
            return False
        self._starts = 0
        return True

    def _poll(self) -> PolledTask | None:
        """A task, if there is one within a minute."""
        duty = self._duty
        began = duty.clock.now()
        try:
            answer = self.poller.poll_for_activity_task(**self._request)
        except Exception as error:
            if (told := refusal(error, duty.domain, duty.task_list)) is not None:
                raise told from error
            wait = next(self._waits)
            _log.warning(
                "cannot poll %s, again in %.1f s: %s: %s",
                duty.task_list,
                wait,
                type(error).__name__,
                error,
                extra={"event": "poll.failed"},
            )
            duty.stopping.wait(wait)
            return None
        self._waits = pauses()
        task = PolledTask.of(answer, duty.domain)
        if task is None and duty.clock.now() - began < _HASTY_SECONDS:
            duty.stopping.wait(_HASTY_SECONDS)
        return task

    def _perform(self, task: PolledTask) -> None:
        duty = self._duty
        running = self.running = Running(task, self._slot.wake)
        with task_context(**task.log_fields):
            duty.begin(running)
            duty.heartbeats.watch(running)
            _log.info("%s begins", task.name, extra={"event": "task.started"})
            try:
                ended = running.ending is not None
                outcome = Canceled() if ended else self._slot.perform(running)
            except BaseException as error:
                duty.answers.give(running, Failed.of(error))
                raise
            duty.answers.give(running, outcome)
            duty.heartbeats.forget(running)
            _log.info(
                "%s ends: %s",
                task.name,
                outcome.reason if isinstance(outcome, Failed) else type(outcome).__name__.lower(),
                extra={"event": "task.ended"},
            )
        self.running = None
