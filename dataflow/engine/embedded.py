"""The engine in this process: ``Engine(path)`` has the methods of ``boto3.client("swf")``."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from dataflow.clock import Clock
from dataflow.engine.lambdas import Invoker, LocalFunctions
from dataflow.engine.service import EngineService, Later
from dataflow.engine.state import NO_TASK
from dataflow.engine.store import Durability
from dataflow.engine.task_lists import Kind
from dataflow.protocol import operations
from dataflow.protocol.faults import Fault
from dataflow.protocol.limits import NO_QUOTAS, POLL_SECONDS, SWF_LIMITS, Limits, Quotas
from dataflow.protocol.service import Service, in_python

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode
#: Told to a poll that it shall not wait any longer.
_BREAK_OFF: Final = object()


class Engine(Service):
    """Amazon SWF on a file, or in memory (``":memory:"``), for all threads of this process.

    Requests and answers are those of boto3: camelCase keywords, plain dictionaries, `datetime` for
    times (here in UTC). Faults are raised as exceptions of the same names, found as
    ``engine.exceptions.UnknownResourceFault`` and in `dataflow.protocol.faults`.
    """

    def __init__(  # noqa: PLR0913 - options, by keyword
        self,
        path: str | Path,
        *,
        durability: Durability = "full",
        clock: Clock | None = None,
        poll_seconds: float = POLL_SECONDS,
        limits: Limits = SWF_LIMITS,
        quotas: Quotas = NO_QUOTAS,
        lambdas: Mapping[str, Callable[[str], str | None]] | Invoker | None = None,
        read_only: bool = False,
    ) -> None:
        """Open the file, or make it, and own it until `close`.

        ``durability``: ``full`` (every answer is on disk, come what may) or ``process`` (a failure
        of the machine may lose the last moments). ``clock``: whoever gives one says when time
        passes: what is due takes effect at the next request. ``poll_seconds``: how long a poll
        waits for a task; 0: not at all. ``limits``: of an execution and a request. ``quotas``: of
        the account, off unless given. ``lambdas``: the Lambda functions by their names, called with
        their input (JSON text); or an `Invoker`, such as `dataflow.engine.lambdas.AwsLambda`.
        ``read_only``: look at a file that may be another process's; whatever would change something
        is refused, and nothing times out.

        Raises `UsageError` if the file cannot be used, `EngineInUse` if another process owns it.
        """
        functions = LocalFunctions(lambdas) if isinstance(lambdas, Mapping) else lambdas
        self._service = EngineService(
            path,
            durability=durability,
            clock=clock,
            poll_seconds=poll_seconds,
            limits=limits,
            quotas=quotas,
            invoke_lambda=functions,
            read_only=read_only,
        )

    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        asked = operations.convert(operation, request)
        answer = _Answer()
        poll = self._service.submit(asked, answer)
        try:
            given = answer.wait()
        except BaseException:  # an interrupt: nobody waits for a task any more
            if poll is not None:
                self._service.cancel(poll)
            raise
        return _in_python(given)

    def ask(
        self,
        method: str,
        request: Mapping[str, Any],
        told: Callable[[Callable[[], Mapping[str, Any]]], None],
    ) -> Callable[[], bool]:
        """Have done what this method does, without waiting for it.

        ``told`` is called once, from any thread, and may neither wait nor raise. What it is given
        returns the answer as on the wire (times are numbers, a list of events is the `msgspec.Raw`
        of its JSON), or raises the fault. Returns what withdraws a poll: True, if ``told`` will not
        be called any more. Raises the faults of a request that does not fit the model.
        """
        asked = operations.convert(operations.METHODS[method], request)
        poll = self._service.submit(asked, lambda given: told(lambda: _on_the_wire(given)))
        return lambda: poll is not None and self._service.cancel(poll)

    def poller(self) -> EnginePoller:
        """Polls for one thread, which another one can break off."""
        return EnginePoller(self, self._service)

    def lose_workers(self, domain: str, task_list: str) -> None:
        """Time out what was taken from a task list: its deciders and workers are gone.

        For whoever knows that they were part of a process that has ended. Activities run again, and
        the attempt does not count. Raises a fault, if there is no such domain.
        """
        self._service.lose_workers(domain, task_list)

    def close(self) -> None:
        """Write what is to be written and let the file go; polls that wait are answered empty."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class EnginePoller:
    """Polls of one thread, until `cancel`; after that they answer at once that there is no task."""

    def __init__(self, engine: Engine, service: EngineService) -> None:
        self._engine = engine
        self._service = service
        self._cancelled = False
        self._told: SimpleQueue[Any] = SimpleQueue()

    def poll_for_activity_task(self, **request: Any) -> dict[str, Any]:
        """As the method of `Engine`."""
        return self._poll("PollForActivityTask", request, "activity")

    def poll_for_decision_task(self, **request: Any) -> dict[str, Any]:
        """As the method of `Engine`. Further pages are answered after `cancel`, too."""
        if request.get("nextPageToken"):
            return self._engine.poll_for_decision_task(**request)
        return self._poll("PollForDecisionTask", request, "decision")

    def cancel(self) -> None:
        """Break off the poll under way, and let no other one wait.

        A task that was on its way to the poll is still answered. Any thread may call this, and so
        may the handler of a signal: the queue takes what is put into it wherever its thread is,
        which a lock would not allow.
        """
        self._cancelled = True
        self._told.put(_BREAK_OFF)

    def _poll(self, operation: str, request: dict[str, Any], kind: Kind) -> dict[str, Any]:
        asked = operations.convert(operation, request)
        told = self._told = SimpleQueue()
        if self._cancelled:  # asked after the queue is there: `cancel` does it the other way round
            return in_python(dict(NO_TASK[kind]))
        poll = self._service.submit(asked, told.put)
        try:
            given = told.get()
        except BaseException:  # as in `Engine`
            if poll is not None:
                self._service.cancel(poll)
            raise
        if given is _BREAK_OFF and poll is not None and self._service.cancel(poll):
            return in_python(dict(NO_TASK[kind]))
        while given is _BREAK_OFF:  # too late: an answer comes
            given = told.get()
        if isinstance(given, Fault):
            raise given
        return _in_python(given)


def _on_the_wire(given: Any) -> Mapping[str, Any]:
    if isinstance(given, Fault):
        raise given
    if isinstance(given, Later):
        given = given.read()
    return {} if given is None else given


def _in_python(given: Any) -> dict[str, Any]:
    if isinstance(given, Later):
        given = given.read()
    # Through JSON, since events are kept as the text that goes over the wire.
    return in_python(None if given is None else _decode(_encode(given)))


class _Answer:
    """Waits for the one answer of a request. A bare lock is the quickest thing to wait for."""

    __slots__ = ("_given", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self._given: Any = None

    def __call__(self, given: Any) -> None:
        self._given = given
        self._lock.release()

    def wait(self) -> Any:
        self._lock.acquire()
        if isinstance(self._given, Fault):
            raise self._given
        return self._given
