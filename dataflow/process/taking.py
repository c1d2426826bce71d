"""Decision tasks on their way from a task list to the thread that decides them.

1. *One at a time.* A source polls again when the thread is done with what it has brought.
2. *Errors of the service never end a source*, except those of use (`dataflow.process.refusals`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from dataflow.process.calls import pauses, persist
from dataflow.process.polling import Poller
from dataflow.process.refusals import refusal

#: Seconds for which a page of a task or of a history is asked for.
READ_SECONDS = 60.0
#: A poll that finds nothing takes a minute. Where it takes less than this (a stand-in for SWF that
#: does not hold polls), the next one waits as long.
_HASTY_SECONDS = 0.5
#: Seconds after which a source that waits for its thread looks whether it shall end.
_LOOK_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Taken:
    """A decision task in the hands of a thread."""

    task: dict[str, Any]
    #: Asks for a page.
    read: Callable[[str], dict[str, Any]]
    #: To be released when the thread is done with it: the source may poll again.
    slot: threading.Lock
    #: Whether another thread has decided it.
    decided: bool = False

    def pages(self) -> Iterator[Sequence[Any]]:
        """The events of the task, page after page."""
        page = self.task
        while True:
            yield page["events"]
            token = page.get("nextPageToken")
            if not token:
                return
            page = self.read(token)


class Source:
    """A thread that polls one task list."""

    def __init__(
        self,
        poller: Poller,
        request: dict[str, Any],
        *,
        stop: threading.Event,
        inbox: SimpleQueue[Taken | None],
        give_up: Callable[[BaseException], None],
    ) -> None:
        """``inbox`` gets the tasks, and None at the end; ``give_up`` is told of an error of use."""
        self.poller = poller
        self._request = request
        self._task_list: str = request["taskList"]["name"]
        self._stop = stop
        self._inbox = inbox
        self._give_up = give_up
        self._slot = threading.Lock()
        self._waits = pauses()
        self.thread = threading.Thread(
            target=self._run, name=f"poller {self._task_list}", daemon=True
        )

    def _run(self) -> None:
        try:
            while self._may_poll():
                task = self._poll()
                if task.get("taskToken"):
                    self._inbox.put(Taken(task, self._read, self._slot))
                else:
                    self._slot.release()
        except BaseException as error:  # noqa: BLE001 - raised by `Decider.run`
            self._give_up(error)
        finally:
            self._inbox.put(None)

    def _may_poll(self) -> bool:
        """Wait for the slot; False if there shall be no more polls."""
        while not self._stop.is_set():
            if self._slot.acquire(timeout=_LOOK_SECONDS):
                return True
        return False

    def _poll(self) -> dict[str, Any]:
        began = time.monotonic()
        try:
            task = self.poller.poll_for_decision_task(**self._request)
        except Exception as error:
            told = refusal(error, self._request["domain"], self._task_list)
            if told is not None:
                raise told from error
            wait = next(self._waits)
            _log.warning(
                "cannot poll %s, again in %.1f s: %s: %s",
                self._task_list,
                wait,
                type(error).__name__,
                error,
                extra={"event": "poll.failed"},
            )
            self._stop.wait(wait)
            return {}
        self._waits = pauses()
        if not task.get("taskToken") and time.monotonic() - began < _HASTY_SECONDS:
            self._stop.wait(_HASTY_SECONDS)
        return task

    def _read(self, token: str) -> dict[str, Any]:
        return persist(
            lambda: self.poller.poll_for_decision_task(**self._request, nextPageToken=token),
            seconds=READ_SECONDS,
            stop=self._stop,
        )
