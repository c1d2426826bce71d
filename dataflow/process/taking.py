"""Decision tasks on their way from a task list to the thread that decides them.

1. *One at a time.* A source polls again when the thread is done with what it has brought.
2. *Errors of the service never end a source*, except those of use (`dataflow.process.refusals`).

`PollingSource` has a thread of its own, which waits for the service. An engine in this process
calls back instead (`CallbackSource`): a thread that is not there need not be woken, which is a
tenth of the cost of a decision.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, NoReturn, Protocol

import msgspec

from dataflow.errors import UsageError
from dataflow.process.calls import pauses, persist
from dataflow.process.polling import Answered, Direct, Poller
from dataflow.process.refusals import refusal
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event

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

    task: Mapping[str, Any]
    #: Asks for a page.
    read: Callable[[str], Mapping[str, Any]]
    #: To be called when the thread is done with it: the source may poll again.
    release: Callable[[], None]
    #: Whether another thread has decided it.
    decided: bool = False
    #: Whether it will be released when its answer is on disk.
    held: bool = False

    def pages(self) -> Iterator[Sequence[Event]]:
        """The events of the task, page after page."""
        page = self.task
        while True:
            yield _events(page["events"])
            token = page.get("nextPageToken")
            if not token:
                return
            page = self.read(token)


@dataclass(frozen=True, slots=True)
class Own:
    """What only the thread itself may do, since it is about one of its runs."""

    do: Callable[[], None]


#: What a thread finds in its inbox: a task; what has to be looked at, and may be one; what is its
#: own; None, when a source has ended.
News = Taken | Callable[[], Taken | None] | Own | None
Inbox = SimpleQueue[News]


class Source(Protocol):
    """Polls one task list for one thread, and brings what it finds to its inbox."""

    def start(self) -> None:
        """Begin to poll."""
        ...

    def cancel(self) -> None:
        """Break off the poll under way, ``stop`` being set. From any thread or signal handler."""
        ...

    @property
    def alive(self) -> bool:
        """Whether it still polls."""
        ...

    def join(self, timeout: float | None) -> None:
        """Wait for its end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a source asks for, and who hears of it."""

    #: Of ``PollForDecisionTask``.
    poll: dict[str, Any]
    #: Set when there shall be no more polls.
    stop: threading.Event
    inbox: Inbox
    #: Told of an error of use.
    give_up: Callable[[BaseException], None]

    @property
    def task_list(self) -> str:
        """The name of the task list."""
        name: str = self.poll["taskList"]["name"]
        return name

    def refused(self, error: Exception) -> UsageError | None:
        """What to tell of an error, if nothing will mend it."""
        return refusal(error, self.poll["domain"], self.task_list)

    def failed(self, error: Exception, wait: float) -> None:
        """Log a poll that is tried again."""
        _log.warning(
            "cannot poll %s, again in %.1f s: %s: %s",
            self.task_list,
            wait,
            type(error).__name__,
            error,
            extra={"event": "poll.failed"},
        )

    def page(self, poller: Poller, token: str) -> Mapping[str, Any]:
        """A page of a task that has been taken."""
        return persist(
            lambda: poller.poll_for_decision_task(**self.poll, nextPageToken=token),
            seconds=READ_SECONDS,
            stop=self.stop,
        )


class PollingSource:
    """A thread that polls."""

    def __init__(self, poller: Poller, request: Request) -> None:
        self._poller = poller
        self._request = request
        self._slot = threading.Lock()
        self._waits = pauses()
        self._thread = threading.Thread(
            target=self._run, name=f"poller {request.task_list}", daemon=True
        )

    def start(self) -> None:
        """See `Source`."""
        self._thread.start()

    def cancel(self) -> None:
        """See `Source`."""
        self._poller.cancel()

    @property
    def alive(self) -> bool:
        """See `Source`."""
        return self._thread.is_alive()

    def join(self, timeout: float | None) -> None:
        """See `Source`."""
        if self._thread.ident is not None:  # it has been started
            self._thread.join(timeout)

    def _run(self) -> None:
        inbox = self._request.inbox
        read = partial(self._request.page, self._poller)
        try:
            while self._may_poll():
                task = self._poll()
                if task.get("taskToken"):
                    inbox.put(Taken(task, read, self._slot.release))
                else:
                    self._slot.release()
        except BaseException as error:  # noqa: BLE001 - raised by `Decider.run`
            self._request.give_up(error)
        finally:
            inbox.put(None)

    def _may_poll(self) -> bool:
        """Wait for the slot; False if there shall be no more polls."""
        while not self._request.stop.is_set():
            if self._slot.acquire(timeout=_LOOK_SECONDS):
                return True
        return False

    def _poll(self) -> dict[str, Any]:
        request = self._request
        began = time.monotonic()
        try:
            task = self._poller.poll_for_decision_task(**request.poll)
        except Exception as error:
            told = request.refused(error)
            if told is not None:
                raise told from error
            wait = next(self._waits)
            request.failed(error, wait)
            request.stop.wait(wait)
            return {}
        self._waits = pauses()
        if not task.get("taskToken") and time.monotonic() - began < _HASTY_SECONDS:
            request.stop.wait(_HASTY_SECONDS)
        return task


class CallbackSource:
    """Polls an engine that calls back. What is to be done then, the thread does that it is for."""

    def __init__(self, direct: Direct, poller: Poller, request: Request) -> None:
        """``poller`` reads pages."""
        self._direct = direct
        self._poller = poller
        self._request = request
        self._waits = pauses()
        self._began = 0.0
        self._withdraw: Callable[[], bool] = lambda: False
        #: Until the next poll, after one that has failed.
        self._pause: threading.Timer | None = None
        self._ended = False

    def start(self) -> None:
        """See `Source`."""
        self._request.inbox.put(self._poll)

    def cancel(self) -> None:
        """See `Source`."""
        # The engine has a lock, which a signal's handler must not wait for.
        self._request.inbox.put(self._break_off)

    @property
    def alive(self) -> bool:
        """See `Source`; it has no thread of its own."""
        return False

    def join(self, timeout: float | None) -> None:
        """See `Source`."""

    def _poll(self) -> None:
        request = self._request
        if request.stop.is_set():
            self._end()
            return
        self._pause = None
        self._began = time.monotonic()
        try:
            self._withdraw = self._direct.ask("poll_for_decision_task", request.poll, self._told)
        except Exception as error:  # noqa: BLE001 - looked at where answers are
            self._told(partial(_raise, error))
        if request.stop.is_set():  # what was to break it off may have come too early
            self._break_off()

    def _told(self, answered: Answered) -> None:
        self._request.inbox.put(partial(self._look, answered))

    def _look(self, answered: Answered) -> Taken | None:
        """What a poll has brought."""
        try:
            task = answered()
        except Exception as error:
            told = self._request.refused(error)
            if told is not None:
                raise told from error
            wait = next(self._waits)
            self._request.failed(error, wait)
            self._poll_after(wait)
            return None
        self._waits = pauses()
        if task.get("taskToken"):
            return Taken(task, partial(self._request.page, self._poller), self._poll)
        if time.monotonic() - self._began < _HASTY_SECONDS:
            self._poll_after(_HASTY_SECONDS)
        else:
            self._poll()
        return None

    def _poll_after(self, seconds: float) -> None:
        self._pause = threading.Timer(seconds, self._request.inbox.put, [self._poll])
        self._pause.daemon = True
        self._pause.start()
        if self._request.stop.is_set():
            self._break_off()

    def _break_off(self) -> None:
        pause, self._pause = self._pause, None
        if pause is not None:
            pause.cancel()
            self._end()
        elif self._withdraw():
            self._end()
        # Else something has come of it, and the thread that looks at it sees that it is over.

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._request.inbox.put(None)


def _raise(error: Exception) -> NoReturn:
    raise error


def source(direct: Direct | None, poller: Poller, request: Request) -> Source:
    """What polls best."""
    if direct is None:
        return PollingSource(poller, request)
    return CallbackSource(direct, poller, request)


def _events(given: Any) -> Sequence[Event]:
    """The events of a page, as a service or the wire gives them."""
    if isinstance(given, msgspec.Raw):
        return ev.decode_all(given)
    return list(map(ev.from_wire, given))
