"""Futures: results that a workflow can hold before they exist.

A `Future` is created by ``Workflow.submit``. Reading ``result`` of an unfinished one suspends the
workflow until history brings the result; nothing runs again when it does.

This module knows nothing of how a workflow is suspended: it asks the future's `Host` (the replay).
Order among finished futures is the order of history, never that of arguments.
"""

from __future__ import annotations

import enum
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Generic, Literal, NamedTuple, Protocol, TypeVar, cast

from dataflow.errors import NotInWorkflow, TaskCanceled

R = TypeVar("R")


class State(enum.StrEnum):
    """Where a future stands."""

    #: Not scheduled yet: its inputs are missing, or it waits for its turn.
    PENDING = "PENDING"
    #: Scheduled: history knows the task.
    RUNNING = "RUNNING"
    #: Done, with a result or an exception.
    FINISHED = "FINISHED"
    #: Cancelled: done, without a result.
    CANCELLED = "CANCELLED"


PENDING = State.PENDING
RUNNING = State.RUNNING
FINISHED = State.FINISHED
CANCELLED = State.CANCELLED

ReturnWhen = Literal["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]

ALL_COMPLETED: Literal["ALL_COMPLETED"] = "ALL_COMPLETED"
FIRST_COMPLETED: Literal["FIRST_COMPLETED"] = "FIRST_COMPLETED"
FIRST_EXCEPTION: Literal["FIRST_EXCEPTION"] = "FIRST_EXCEPTION"


class Awaited(Protocol):
    """What a suspended workflow waits for."""

    @property
    def done(self) -> bool:
        """Whether the workflow can go on."""
        ...

    def missing(self) -> Sequence[Future[Any]]:
        """The unfinished futures it waits for."""
        ...


Callback = Callable[["Future[Any]"], None]


class Host(Protocol):
    """The run that a future belongs to."""

    def suspend(self, awaited: Awaited) -> None:
        """Suspend ``run()``; return when ``awaited.done``."""
        ...

    def next_completion(self) -> int:
        """The rank, in the order of history, of the future that finishes now."""
        ...

    def call_user(self, callback: Callback, future: Future[Any]) -> None:
        """Call a user's callback, whose errors are the workflow's."""
        ...

    def call_back(self, future: Future[Any], callbacks: Sequence[Callback]) -> None:
        """Call these with a future that is done, now or as soon as earlier ones have been."""
        ...


class Future(Generic[R]):
    """The result of a task, now or later."""

    __slots__ = (
        "_callbacks",
        "_canceller",
        "_encoded",
        "_exception",
        "_host",
        "_load",
        "_rank",
        "_state",
        "_value",
        "items",
        "name",
        "parts",
        "sources",
    )

    def __init__(self, host: Host | None = None, name: str = "future") -> None:
        #: What the future stands for, in messages: the task's id.
        self.name = name
        #: The futures that this one is made of, if it stands for no task of its own.
        self.parts: Sequence[Future[Any]] | None = None
        #: The futures whose results, in a list, are its result, where that is so and it is done.
        self.items: Sequence[Future[Any]] | None = None
        #: The ids of the tasks behind the parts, once someone has asked.
        self.sources: Sequence[str] | None = None
        self._host = host
        self._canceller: Callable[[], object] | None = None
        self._state: State = PENDING
        self._value: R | None = None
        self._load: Callable[[], R] | None = None
        self._encoded: str | None = None
        self._exception: BaseException | None = None
        self._callbacks: list[Callback] | None = None
        self._rank = 0

    def __repr__(self) -> str:
        return f"<Future {self.name} {self._state}>"

    # --- what a workflow reads ------------------------------------------------

    @property
    def state(self) -> State:
        """`PENDING`, `RUNNING`, `FINISHED` or `CANCELLED`; never suspends."""
        return self._state

    @property
    def done(self) -> bool:
        """Whether there will be no more change: finished or cancelled."""
        return self._state is FINISHED or self._state is CANCELLED

    @property
    def finished(self) -> bool:
        """Whether it is done with a result or an exception."""
        return self._state is FINISHED

    @property
    def pending(self) -> bool:
        """Whether its task is not scheduled yet."""
        return self._state is PENDING

    @property
    def running(self) -> bool:
        """Whether its task is scheduled and not done."""
        return self._state is RUNNING

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled."""
        return self._state is CANCELLED

    @property
    def result(self) -> R:
        """The task's result; suspends the workflow until there is one.

        Raises `TaskFailed` if the task failed (an `ExceptionGroup` for a canvas), `TaskCanceled`
        if it was cancelled.
        """
        exception = self.exception
        if exception is not None:
            raise exception
        if self._load is not None:
            self._value = self._load()
            self._load = None
        return cast("R", self._value)

    @property
    def exception(self) -> BaseException | None:
        """Why there is no result, or None if there is one; suspends until the task is done."""
        if self._state is not FINISHED and self._state is not CANCELLED:
            if self._host is None:
                raise NotInWorkflow(
                    f"stuck: {self.name} is tied to no task, so nothing can ever finish it; "
                    "futures come from self.submit()"
                )
            self._host.suspend(self)
        return self._exception

    def __await__(self) -> Generator[Any, None, R]:
        # `await future` in an `async def run` is the same suspension: nothing is ever yielded.
        return self.result
        yield  # type: ignore[unreachable]  # what makes this a generator

    def cancel(self) -> bool:
        """Cancel the task; False if it is finished already.

        A task that has not started never will. One that runs is asked to stop (its heartbeat
        tells it so); the future is cancelled at once, whatever becomes of it.
        """
        if self._state is CANCELLED:
            return True
        if self._state is FINISHED:
            return False
        canceller = self._canceller
        self.set_cancelled()
        if canceller is not None:
            canceller()
        return True

    def add_done_callback(self, callback: Callback) -> None:
        """Call ``callback(future)`` when the future is done; at once if it is.

        It is called by the decider while it reads history, outside ``run()``: it may not wait. An
        error in it fails the workflow.
        """
        host = self._host
        if host is None or self.done:
            self.when_done(callback)
        else:
            self.when_done(lambda future: host.call_user(callback, future))

    def when_done(self, callback: Callback) -> None:
        """As `add_done_callback`, for callbacks of our own: an error in one is a bug of ours."""
        if self.done:
            callback(self)
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def missing(self) -> Sequence[Future[Any]]:
        """Itself, unless it is done (see `Awaited`)."""
        return () if self.done else (self,)

    # --- what the replay writes ----------------------------------------------

    @property
    def rank(self) -> int:
        """The place of its completion in the order of history; 0 while it is not done."""
        return self._rank

    @property
    def encoded(self) -> str | None:
        """The result as history holds it, where it came from there."""
        return self._encoded

    def on_cancel(self, canceller: Callable[[], object]) -> None:
        """Call ``canceller()`` if the future is cancelled before it is done."""
        self._canceller = canceller

    def set_running(self) -> None:
        """The task is scheduled."""
        if self._state is PENDING:
            self._state = RUNNING

    def set_finished(self, value: R) -> None:
        """The task is done and this is its result."""
        self._value = value
        self._settle(FINISHED)

    def set_encoded(self, encoded: str | None, load: Callable[[], R]) -> None:
        """The task is done; ``load`` decodes its result when it is first read."""
        self._encoded = encoded
        self._load = load
        self._settle(FINISHED)

    def set_items(self, items: Sequence[Future[Any]]) -> None:
        """The result is the list of those of other futures, with None for one that failed."""
        self.items = items
        self._load = lambda: cast(
            "R", [None if item.exception is not None else item.result for item in items]
        )
        self._settle(FINISHED)

    def set_exception(self, exception: BaseException) -> None:
        """The task failed."""
        self._exception = exception
        self._settle(FINISHED)

    def set_cancelled(self) -> None:
        """The task was cancelled."""
        self._exception = TaskCanceled(self.name, "cancelled")
        self._settle(CANCELLED)

    def _settle(self, state: State) -> None:
        if self.done:
            raise AssertionError(f"{self!r} is done already")
        self._state = state
        self._canceller = None
        if self._host is not None:
            self._rank = self._host.next_completion()
        callbacks, self._callbacks = self._callbacks, None
        if callbacks is None:
            return
        if self._host is not None:
            self._host.call_back(self, callbacks)
        else:
            for callback in callbacks:
                callback(self)


def follow(source: Future[Any], target: Future[Any]) -> None:
    """Let one future end as another does."""

    def end(source: Future[Any]) -> None:
        if target.done:
            return
        if source.cancelled:
            target.set_cancelled()
        elif source.exception is not None:
            target.set_exception(source.exception)
        else:
            target.items = source.items
            target.set_encoded(source.encoded, lambda: source.result)

    target.parts = (source,)
    source.when_done(end)


class DoneAndNotDone(NamedTuple):
    """What `wait` returns: ``done`` in the order of history, ``not_done`` in that of arguments."""

    done: list[Future[Any]]
    not_done: list[Future[Any]]


def _rank(future: Future[Any]) -> int:
    return future.rank


def _failed(future: Future[Any]) -> bool:
    return future.finished and future.exception is not None


def _suspend(awaited: Awaited) -> None:
    """Suspend the run that the missing futures belong to."""
    for future in awaited.missing():
        host = future._host  # noqa: SLF001 - this module's own class
        if host is not None:
            host.suspend(awaited)
            return
    names = ", ".join(future.name for future in awaited.missing())
    raise NotInWorkflow(
        f"stuck: tied to no task, nothing can ever finish {names}; futures come from self.submit()"
    )


class _Wait:
    """Counts what a `wait` still needs: O(1) for each future that finishes."""

    def __init__(self, futures: Sequence[Future[Any]], return_when: ReturnWhen) -> None:
        self._futures = futures
        self._return_when = return_when
        self._left = sum(not future.done for future in futures)
        self.done = (
            self._left == 0
            or (return_when == FIRST_COMPLETED and self._left < len(futures))
            or (return_when == FIRST_EXCEPTION and any(map(_failed, futures)))
        )
        if not self.done:
            for future in futures:
                if not future.done:
                    future.when_done(self._count)

    def _count(self, future: Future[Any]) -> None:
        self._left -= 1
        self.done = (
            self.done
            or self._left == 0
            or self._return_when == FIRST_COMPLETED
            or (self._return_when == FIRST_EXCEPTION and _failed(future))
        )

    def missing(self) -> Sequence[Future[Any]]:
        return [future for future in self._futures if not future.done]


def _check(function: str, futures: Sequence[Any]) -> None:
    for future in futures:
        if not isinstance(future, Future):
            raise TypeError(
                f"futures.{function}() takes futures, not {type(future).__name__}"
                + (f": write futures.{function}(*fs)" if isinstance(future, (list, tuple)) else "")
            )


def wait(*fs: Future[Any], return_when: ReturnWhen = ALL_COMPLETED) -> DoneAndNotDone:
    """Suspend the workflow until futures are done, as `concurrent.futures.wait` does.

    ``return_when`` is `ALL_COMPLETED`, `FIRST_COMPLETED`, or `FIRST_EXCEPTION` (the first failure,
    or all). It never raises for a failed task: read ``result`` or ``exception`` of the futures.
    Several futures may be done at once when it returns; ``done[0]`` was the first in history.
    """
    _check("wait", fs)
    if return_when not in {ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION}:
        raise ValueError(
            f"return_when={return_when!r}: use ALL_COMPLETED, FIRST_COMPLETED or FIRST_EXCEPTION"
        )
    awaited = _Wait(fs, return_when)
    if not awaited.done:
        _suspend(awaited)
    unique = list(dict.fromkeys(fs))
    return DoneAndNotDone(
        done=sorted((future for future in unique if future.done), key=_rank),
        not_done=[future for future in unique if not future.done],
    )


class _Arrivals:
    """Futures in the order in which they finish."""

    def __init__(self, futures: Sequence[Future[Any]]) -> None:
        self._queue = deque(sorted((future for future in futures if future.done), key=_rank))
        self._futures = [future for future in futures if not future.done]
        for future in self._futures:
            future.when_done(self._queue.append)

    @property
    def done(self) -> bool:
        return bool(self._queue)

    def missing(self) -> Sequence[Future[Any]]:
        return [future for future in self._futures if not future.done]

    def next(self) -> Future[Any]:
        if not self._queue:
            _suspend(self)
        return self._queue.popleft()


def as_completed(*fs: Future[R]) -> Iterator[Future[R]]:
    """Iterate over futures in the order in which history finishes them."""
    _check("as_completed", fs)
    unique = list(dict.fromkeys(fs))
    arrivals = _Arrivals(unique)
    return (arrivals.next() for _ in unique)
