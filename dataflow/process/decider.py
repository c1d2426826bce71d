"""A decider: threads that take decision tasks and answer them.

1. *Two lists.* Each thread polls the common task list, and one of its own, to which its answers
   redirect the executions that it keeps suspended (`dataflow.process.deciding`). The redirection
   ends by itself when a task waits there too long: a thread that is gone, or busy with one slow
   execution, costs the others that much and no more.
2. *A thread that decides polls for nothing new.* What it has taken it decides in turn.
3. *An answer is given until it is taken*, or the task is known to be somebody else's. A run whose
   answer may not have been accepted is dropped.
4. *Errors of the service never end a decider*, except those of use: an unknown domain, no right.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dataflow.chance import SeededChance, new_id
from dataflow.process.calls import Stopped, code, passes, pauses, persist
from dataflow.process.deciding import Answer, Find, Runs
from dataflow.process.logs import task_context
from dataflow.process.polling import Connection, Poller
from dataflow.process.registering import Registrar
from dataflow.protocol import decisions as de
from dataflow.protocol.decisions import Decision
from dataflow.protocol.limits import ID_LENGTH, SWF_LIMITS, Limits

#: Seconds that a task may wait for the thread that has its run, before others may take it.
STICKY_SECONDS = 10
#: Runs that a thread keeps suspended.
CACHE_SIZE = 1_000
#: Seconds for which an answer is tried to be given.
_ANSWER_SECONDS = 120.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Taken:
    """A decision task in the hands of a thread."""

    task: dict[str, Any]
    #: Whom to ask for further pages of it.
    poll: Callable[..., dict[str, Any]]
    #: To be released when it is decided: its poller may poll again.
    slot: threading.Semaphore


class Decider:
    """Threads that decide for the executions of a task list."""

    def __init__(  # noqa: PLR0913 - options, by keyword
        self,
        connection: Connection,
        domain: str,
        task_list: str,
        find: Find,
        *,
        threads: int = 2,
        cache_size: int = CACHE_SIZE,
        sticky_seconds: int = STICKY_SECONDS,
        identity: str = "",
        limits: Limits = SWF_LIMITS,
        place: Callable[[Decision], Decision] | None = None,
    ) -> None:
        """``threads``: with two, one slow execution does not keep others waiting.

        ``place`` has the last word on each decision, such as on the task list of an activity.
        ``cache_size``: runs that each thread keeps suspended; ``sticky_seconds``: how long a task
        may wait for the thread that has its run.
        """
        self._stop = threading.Event()
        self._problems: queue.SimpleQueue[BaseException] = queue.SimpleQueue()
        registrar = Registrar(connection.service, domain)
        name = f"{task_list}-{socket.gethostname()}-{os.getpid()}"[: ID_LENGTH - 16]
        self._threads = [
            _Thread(
                connection,
                domain,
                (task_list, f"{name}-{new_id()[:12]}"),
                Runs(
                    connection.service,
                    domain,
                    find,
                    chance=SeededChance(),
                    most=cache_size,
                    limits=limits,
                ),
                registrar,
                place=place,
                stop=self._stop,
                problems=self._problems,
                sticky_seconds=sticky_seconds,
                identity=identity,
            )
            for _ in range(threads)
        ]

    def start(self) -> None:
        """Begin to take decision tasks."""
        for thread in self._threads:
            thread.start()

    def run(self) -> None:
        """Decide until `stop` is called. Raises what no decider can go on with."""
        self.start()
        self._stop.wait()
        self.join()
        if not self._problems.empty():
            raise self._problems.get()

    def stop(self) -> None:
        """Take no more tasks; what is in hand is decided. From any thread or signal handler."""
        self._stop.set()
        for thread in self._threads:
            thread.cancel()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the threads to end; whether they have."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        return not any(thread.alive for thread in self._threads)


class _Thread:
    """One thread that decides, and the two that poll for it."""

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        connection: Connection,
        domain: str,
        task_lists: tuple[str, str],
        runs: Runs,
        registrar: Registrar,
        *,
        place: Callable[[Decision], Decision] | None,
        stop: threading.Event,
        problems: queue.SimpleQueue[BaseException],
        sticky_seconds: int,
        identity: str,
    ) -> None:
        """``task_lists``: the common one, and that of this thread."""
        self._service = connection.service
        self._domain = domain
        self._runs = runs
        self._registrar = registrar
        self._place = place
        self._stop = stop
        self._problems = problems
        self._identity = {"identity": identity} if identity else {}
        self._redirection = {
            "taskList": {"name": task_lists[1]},
            "taskListScheduleToStartTimeout": str(sticky_seconds),
        }
        self._inbox: queue.SimpleQueue[_Taken | None] = queue.SimpleQueue()
        self._pollers = [connection.poller() for _ in task_lists]
        self._threads = [
            threading.Thread(target=self._decide, name=f"decider {task_lists[1]}", daemon=True),
            *(
                threading.Thread(
                    target=self._poll, args=(poller, name), name=f"poller {name}", daemon=True
                )
                for poller, name in zip(self._pollers, task_lists, strict=True)
            ),
        ]

    @property
    def alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def cancel(self) -> None:
        for poller in self._pollers:
            poller.cancel()

    def join(self, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    # --- polling ------------------------------------------------------------------------

    def _poll(self, poller: Poller, task_list: str) -> None:
        slot = threading.Semaphore()

        def poll(**more: Any) -> dict[str, Any]:
            return poller.poll_for_decision_task(
                domain=self._domain,
                taskList={"name": task_list},
                startAtPreviousStartedEvent=True,
                **self._identity,
                **more,
            )

        waits = pauses()
        try:
            while slot.acquire() and not self._stop.is_set():
                try:
                    task = poll()
                except Exception as error:
                    if not passes(error):
                        raise
                    _log.warning(
                        "cannot poll %s: %s", task_list, error, extra={"event": "poll.failed"}
                    )
                    self._stop.wait(next(waits))
                    task = {}
                else:
                    waits = pauses()
                if task.get("taskToken"):
                    self._inbox.put(_Taken(task, poll, slot))
                else:
                    slot.release()
        except BaseException as error:  # noqa: BLE001 - told by `Decider.run`
            self._give_up(error)
        finally:
            self._inbox.put(None)

    def _give_up(self, error: BaseException) -> None:
        self._problems.put(error)
        self._stop.set()
        self.cancel()

    # --- deciding -----------------------------------------------------------------------

    def _decide(self) -> None:
        polling = len(self._pollers)
        try:
            while polling:
                taken = self._inbox.get()
                if taken is None:
                    polling -= 1
                else:
                    self._take(taken)
                    taken.slot.release()
        finally:
            self._runs.drop_all()

    def _take(self, taken: _Taken) -> None:
        task = taken.task
        execution = task["workflowExecution"]
        run_id = execution["runId"]
        with task_context(domain=self._domain, workflow_id=execution["workflowId"], run_id=run_id):
            try:
                answer = self._runs.decide(task, _pages(taken))
                self._answer(task, answer)
            except Stopped:
                self._runs.drop(run_id)
            except Exception as error:  # noqa: BLE001 - law 4
                # Whether the answer was accepted or not: the history knows, the run does not.
                self._runs.drop(run_id)
                level = logging.INFO if code(error) == "UnknownResourceFault" else logging.ERROR
                _log.log(
                    level,
                    "the decision came to nothing: %s",
                    error,
                    extra={"event": "decision.lost"},
                )
            else:
                if answer.closing:
                    self._runs.drop(run_id)

    def _answer(self, task: dict[str, Any], answer: Answer) -> None:
        decisions: Iterable[Decision] = answer.decisions
        if self._place is not None:
            decisions = map(self._place, decisions)
        request: dict[str, Any] = {
            "taskToken": task["taskToken"],
            "decisions": [de.to_wire(decision) for decision in decisions],
            **self._redirection,
        }
        if answer.execution_context is not None:
            request["executionContext"] = answer.execution_context

        def respond() -> None:
            self._registrar.before(answer.decisions)
            self._service.respond_decision_task_completed(**request)

        persist(respond, seconds=_ANSWER_SECONDS, stop=self._stop)


def _pages(taken: _Taken) -> Iterator[Sequence[Any]]:
    """The events of a task, page after page."""
    page = taken.task
    while True:
        yield page["events"]
        token = page.get("nextPageToken")
        if not token:
            return
        page = taken.poll(nextPageToken=token)
