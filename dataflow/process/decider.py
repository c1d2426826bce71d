"""A decider: threads that take decision tasks and answer them.

1. *Two lists.* Each thread takes tasks from the common task list, and from one of its own, to which
   its answers redirect the executions that it keeps suspended (`dataflow.process.deciding`). The
   redirection ends by itself when a task waits there too long: a thread that is gone, or busy with
   one slow execution, costs the others that much and no more.
2. *A thread that decides polls for nothing new.* What was on its way to it waits; but not for
   longer than a moment, if another thread has nothing to do: that one takes it over.
3. *An answer is given until it is taken*, or the task is known to be somebody else's. A run whose
   answer may not have been accepted is dropped. An answer that is refused is postponed. An engine
   in this process calls back when an answer is on disk: until then the thread decides others; not
   the same one, though, for whom it is better to see all that happens meanwhile at once.
4. *Errors of the service never end a decider*, except those of use: an unknown domain, no right.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from dataflow.chance import SeededChance, new_id
from dataflow.engine.readiness import prepare
from dataflow.errors import DataflowError, PayloadError
from dataflow.payload.fields import Fields
from dataflow.process.calls import NO_RIGHT, Stopped, code, passes, persist
from dataflow.process.deciding import Answer, Find, Runs
from dataflow.process.logs import task_context
from dataflow.process.outgoing import write_decisions
from dataflow.process.polling import Answered, Connection, Direct
from dataflow.process.registering import Registrar
from dataflow.process.taking import READ_SECONDS, Inbox, Own, Request, Taken, source
from dataflow.protocol import decisions as de
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Event
from dataflow.protocol.limits import ID_LENGTH, SWF_LIMITS, Limits
from dataflow.protocol.service import Service

#: Seconds that a task may wait for the thread that has its run, before others may take it.
STICKY_SECONDS = 10
#: Runs that a thread keeps suspended.
CACHE_SIZE = 1_000
#: Seconds for which an answer is tried to be given: as long as a server may be away.
_ANSWER_SECONDS = 3_600.0
#: Seconds after which a thread is slow, and others look after what waits for it.
_SLOW_SECONDS = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Duty:
    """What all threads of a decider work with."""

    service: Service
    direct: Direct | None
    domain: str
    #: The common one.
    task_list: str
    identity: str
    sticky_seconds: int
    #: See `Decider`.
    reverts_to_start: bool
    registrar: Registrar
    place: Callable[[Decision], Decision] | None
    fields: Fields
    #: Set when no more tasks shall be taken.
    stop: threading.Event
    #: Told of an error that no thread can go on with.
    give_up: Callable[[BaseException], None]
    #: Called by each thread at its end.
    left: Callable[[], None]


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
        reverts_to_start: bool = False,
    ) -> None:
        """``threads``: with two, one slow execution does not keep others waiting.

        ``place`` has the last word on each decision, such as on the task list of an activity.
        ``cache_size``: runs that each thread keeps suspended; 0: every decision replays the whole
        history. ``sticky_seconds``: how long a task may wait for the thread that has its run.
        ``reverts_to_start``: whether an execution may go back to the list that it was started on
        when a redirection ends, even if it was moved to this one for good (by a reset): then such
        an execution is not redirected.
        """
        prepare()
        self._stopping = False
        self._stop = threading.Event()
        self._problem: BaseException | None = None
        #: What `run` waits for: True, a thread has ended; False, it shall wait no longer.
        self._told: SimpleQueue[bool] = SimpleQueue()
        self._service = connection.service
        duty = _Duty(
            service=connection.service,
            direct=connection.direct,
            domain=domain,
            task_list=task_list,
            identity=identity,
            sticky_seconds=sticky_seconds,
            reverts_to_start=reverts_to_start,
            registrar=Registrar(connection.service, domain),
            place=place,
            fields=connection.fields,
            stop=self._stop,
            give_up=self._give_up,
            left=lambda: self._told.put(True),
        )
        name = f"{task_list}-{socket.gethostname()}-{os.getpid()}"[: ID_LENGTH - 16]
        self._threads = [
            _Thread(
                duty,
                connection,
                f"{name}-{new_id()[:12]}" if cache_size else task_list,
                Runs(
                    self._read_history,
                    domain,
                    find,
                    chance=SeededChance(),
                    most=cache_size,
                    limits=limits,
                    fields=connection.fields,
                ),
            )
            for _ in range(threads)
        ]
        for thread in self._threads:
            thread.others = [other for other in self._threads if other is not thread]

    def start(self) -> None:
        """Begin to take decision tasks."""
        for thread in self._threads:
            thread.start()

    def run(self) -> None:
        """Decide until `stop` is called. Raises what no decider can go on with."""
        self.start()
        working = len(self._threads)
        while working and self._told.get():
            working -= 1
        if self._problem is not None:
            raise self._problem

    def stop(self) -> None:
        """Take no more tasks; what is in hand is decided. From any thread or signal handler."""
        # A signal may come while one is handled, and an event is not made for that.
        if not self._stopping:
            self._stopping = True
            self._stop.set()
            for thread in self._threads:
                thread.cancel()

    def stop_now(self) -> None:
        """Let `run` return at once; what is in hand is left to time out. From where `stop` may."""
        self.stop()
        self._told.put(False)

    def join(self, timeout: float | None = None) -> bool:
        """Wait for the threads to end; whether they have."""
        deadline = None if timeout is None else time.monotonic() + timeout
        for thread in self._threads:
            thread.join(deadline)
        return not any(thread.alive for thread in self._threads)

    def _read_history(self, **request: Any) -> dict[str, Any]:
        ask = partial(self._service.get_workflow_execution_history, **request)
        return persist(ask, seconds=READ_SECONDS, stop=self._stop)

    def _give_up(self, problem: BaseException) -> None:
        self._problem = self._problem or problem
        self.stop()


class _Thread:
    """One thread that decides, and those that poll for it."""

    def __init__(self, duty: _Duty, connection: Connection, task_list: str, runs: Runs) -> None:
        """``task_list``: its own; the common one, if it keeps no runs."""
        self._duty = duty
        self._runs = runs
        #: Those who may help.
        self.others: Sequence[_Thread] = ()
        #: Since when it is at the task in hand.
        self._since: float | None = None
        self._ended = False
        #: Which execution was decided last.
        self._last = ""
        self._inbox: Inbox = SimpleQueue()
        self._back: dict[str, Any] = {"taskList": {"name": duty.task_list}}
        self._here = self._back
        if task_list != duty.task_list:
            self._here = {
                "taskList": {"name": task_list},
                "taskListScheduleToStartTimeout": str(duty.sticky_seconds),
            }
        request: dict[str, Any] = {"domain": duty.domain, "startAtPreviousStartedEvent": True}
        if duty.identity:
            request["identity"] = duty.identity
        self._sources = [
            source(
                duty.direct,
                connection.poller(),
                Request(
                    poll={**request, "taskList": {"name": name}},
                    stop=duty.stop,
                    inbox=self._inbox,
                    give_up=duty.give_up,
                ),
            )
            for name in dict.fromkeys((duty.task_list, task_list))
        ]
        self._thread = threading.Thread(target=self._work, name=f"decider {task_list}", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive() or any(source.alive for source in self._sources)

    def start(self) -> None:
        self._thread.start()
        for one in self._sources:
            one.start()

    def cancel(self) -> None:
        for one in self._sources:
            one.cancel()

    def join(self, deadline: float | None) -> None:
        started = [] if self._thread.ident is None else [self._thread.join]
        for join in (*started, *(one.join for one in self._sources)):
            join(None if deadline is None else max(0.0, deadline - time.monotonic()))

    # --- taking turns ---------------------------------------------------------------------

    def _work(self) -> None:
        polling = len(self._sources)
        try:
            while polling:
                taken = self._next()
                if taken is None:
                    polling -= 1
                    continue
                if not taken.decided:
                    self._decide(taken)
                if not taken.held:
                    taken.release()
        except BaseException as error:  # noqa: BLE001 - raised by `Decider.run`
            self._duty.give_up(error)
        finally:
            self._ended = True
            self._runs.drop_all()
            self._duty.left()

    def _next(self) -> Taken | None:
        """The next task; None: a source has ended."""
        while True:
            try:
                news = self._inbox.get(timeout=_SLOW_SECONDS)
            except Empty:
                for other in self.others:
                    other.give_away(self._decide)
                continue
            if isinstance(news, Own):
                news.do()
                continue
            if not callable(news):
                return news
            taken = news()
            if taken is not None:
                return taken

    def give_away(self, decide: Callable[[Taken], None]) -> None:
        """Let another thread decide the task that waits for this one, if there is one."""
        since = self._since
        if since is None or time.monotonic() - since < _SLOW_SECONDS:
            return
        try:
            news = self._inbox.get_nowait()
        except Empty:
            return
        if callable(news):
            news = news()
            if news is None:
                return
        if isinstance(news, Taken) and not news.decided:
            decide(news)
            news.decided = True
        # Its slot, what is its own, or that its source has ended: that is for this thread.
        self._inbox.put(news)

    # --- deciding -------------------------------------------------------------------------

    def _decide(self, taken: Taken) -> None:
        """Decide and answer, or tell why not."""
        self._try(taken.task, partial(self._answer, taken))

    def _try(self, task: Mapping[str, Any], answer: Callable[[], Answer]) -> None:
        """Give an answer to a task, or tell why not."""
        execution = task["workflowExecution"]
        run_id = execution["runId"]
        self._since = time.monotonic()
        with task_context(
            domain=self._duty.domain, workflow_id=execution["workflowId"], run_id=run_id
        ):
            try:
                given = answer()
            except Exception as error:  # noqa: BLE001 - law 4
                # Whether an answer was accepted or not: the history knows, the run does not.
                self._runs.drop(run_id)
                _log_loss(error)
            else:
                if given.closing:
                    self._runs.drop(run_id)
        self._since = None

    def _answer(self, taken: Taken) -> Answer:
        task = taken.task
        try:
            answer = self._runs.decide(task, taken.pages())
        except BaseException as error:
            # Not only an `Exception`: user code may raise KeyboardInterrupt, too.
            if _nothing_helps(error):
                raise
            answer = self._runs.postpone(task, error, self._runs.known)
        known = self._runs.known
        try:
            self._give(taken, answer, known)
        except Exception as error:  # noqa: BLE001 - raised again, if there is nothing to be done
            return self._refused(task, error, known)
        return answer

    def _refused(self, task: Mapping[str, Any], error: Exception, known: Sequence[Event]) -> Answer:
        """An answer was refused: postpone the decision. Raises the error if that is no help."""
        if _nothing_helps(error) or code(error) in NO_RIGHT:
            raise error
        answer = self._runs.postpone(task, _why(error), known)
        self._insist(answer, self._request(task, answer))
        return answer

    def _give(self, taken: Taken, answer: Answer, known: Sequence[Event]) -> None:
        task, direct = taken.task, self._duty.direct
        request = self._request(task, answer)
        if direct is None:
            self._insist(answer, request)
            return
        run_id = task["workflowExecution"]["runId"]
        again_at_once, self._last = run_id != self._last, run_id

        def again(error: Exception) -> Answer:
            # It may have gone on meanwhile, from a history that has not come to be.
            self._runs.drop(run_id)
            try:
                self._insist(answer, request, error)
            except Exception as refused:  # noqa: BLE001 - raised again, if nothing is to be done
                return self._refused(task, refused, known)
            return answer

        def told(answered: Answered) -> None:
            try:
                answered()
            except Exception as error:  # noqa: BLE001 - looked at by the thread that has the run
                if self._ended:
                    _log_loss(error)
                self._inbox.put(Own(partial(self._try, task, partial(again, error))))
            if not again_at_once:
                taken.release()

        self._register(answer)
        direct.ask("respond_decision_task_completed", request, told)
        taken.held = not again_at_once

    def _insist(
        self, answer: Answer, request: dict[str, Any], met: Exception | None = None
    ) -> None:
        """Give an answer until it is taken; ``met``: what the first attempt has met."""
        self._register(answer)
        respond = partial(self._duty.service.respond_decision_task_completed, **request)
        persist(respond, seconds=_ANSWER_SECONDS, stop=self._duty.stop, met=met)

    def _register(self, answer: Answer) -> None:
        duty = self._duty
        register = partial(duty.registrar.before, answer.decisions)
        persist(register, seconds=_ANSWER_SECONDS, stop=duty.stop)

    def _request(self, task: Mapping[str, Any], answer: Answer) -> dict[str, Any]:
        duty = self._duty
        place = duty.place
        placed = answer.decisions if place is None else tuple(map(place, answer.decisions))
        decisions = write_decisions(duty.fields, placed)
        request: dict[str, Any] = {
            "taskToken": task["taskToken"],
            "decisions": [de.to_wire(decision) for decision in decisions],
            **(self._back if answer.postponed or not self._may_keep(task) else self._here),
        }
        if answer.execution_context is not None:
            request["executionContext"] = answer.execution_context
        return request

    def _may_keep(self, task: Mapping[str, Any]) -> bool:
        """Whether the next task of an execution may be redirected to this thread."""
        duty = self._duty
        if duty.stop.is_set():
            return False
        if not duty.reverts_to_start:
            return True
        return self._runs.task_list(task["workflowExecution"]["runId"]) == duty.task_list


_LOST = {"event": "decision.lost"}


def _nothing_helps(error: BaseException) -> bool:
    """Whether another answer would fare no better: the task is over, or the service is away."""
    return isinstance(error, Stopped) or code(error) == "UnknownResourceFault" or passes(error)


def _why(error: Exception) -> DataflowError:
    """Why there must be another answer."""
    if isinstance(error, PayloadError):
        return error
    refused = DataflowError(
        f"the answer was refused: {code(error) or type(error).__name__}: {error}"
    )
    refused.__cause__ = error
    return refused


def _log_loss(error: Exception) -> None:
    if isinstance(error, Stopped):
        _log.warning("not answered, since the decider is stopped", extra=_LOST)
    elif code(error) == "UnknownResourceFault":
        _log.warning(
            "the answer came too late (or twice, its first acknowledgement being lost): %s",
            error,
            extra=_LOST,
        )
    else:
        _log.error("the decision came to nothing", exc_info=error, extra=_LOST)
