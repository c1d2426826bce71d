"""The engine: the 39 operations of SWF on a file, for callers in any number of threads.

1. *One lock.* A request is validated before it, changes the state in memory under it, and is
   answered after it: when its events are on disk (`dataflow.engine.commits`).
2. *Deadlines first.* Before a request is looked at, every deadline that has passed takes effect, so
   a late answer is late, whoever looks first. Between requests a thread waits for the next one.
3. *A poll parks.* It costs nothing while it waits, and is answered where its task comes from.
4. *Memory follows the file.* Whatever goes wrong, a full disk or a bug, the state is read anew
   from what is on disk; until that can be read, nothing is answered.

`EngineService.submit` is the one door: it never waits for the disk, and tells the answer through a
callback. `dataflow.engine.embedded` and `dataflow.engine.http` are the two ways to it.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from dataflow.clock import Clock, SystemClock
from dataflow.engine.auth.caller import LOCAL, Caller
from dataflow.engine.commits import Commits, Pending, Reply, tell
from dataflow.engine.functions import Functions, Outcome
from dataflow.engine.lambdas import Invoker, LocalFunctions
from dataflow.engine.later import Later
from dataflow.engine.metrics import Gauges, Metrics
from dataflow.engine.operations import executions, registrations, tasks, visibility
from dataflow.engine.operations.call import Call
from dataflow.engine.quotas import CallRates
from dataflow.engine.readiness import prepare
from dataflow.engine.rules import requests
from dataflow.engine.schema import MOST_EVENTS
from dataflow.engine.state import Live, Poll, State
from dataflow.engine.store import Durability, Store, damaged
from dataflow.engine.tokens import Tokens
from dataflow.protocol.faults import (
    Fault,
    InternalFailure,
    RequestEntityTooLargeException,
    ServiceUnavailable,
)
from dataflow.protocol.limits import (
    NO_QUOTAS,
    POLL_SECONDS,
    SWF_LIMITS,
    Limits,
    Quotas,
)
from dataflow.protocol.operations import Operation, RespondDecisionTaskCompleted

__all__ = ["EngineService", "Later", "Poll"]

_HANDLERS: dict[type[Operation], Callable[[Call, Any], Poll | None]] = {
    **registrations.HANDLERS,
    **executions.HANDLERS,
    **tasks.HANDLERS,
    **visibility.HANDLERS,
}

#: The operations that can be answered while nothing can be written.
_WITHOUT_WRITING = frozenset(
    kind
    for kind in _HANDLERS
    if kind.__name__.startswith(("Count", "Describe", "Get", "List", "RecordActivityTaskHeartbeat"))
)
#: Events of expired executions that one transaction deletes.
_PURGED_EVENTS = 2_000
#: Seconds between such transactions, so that they leave room for others.
_PURGE_PAUSE = 0.05
#: Seconds after which a deadline is tried again that could not be written.
_PATIENCE = 1.0
#: The longest that the thread for deadlines sleeps: the machine may have slept meanwhile.
_LONGEST_SLEEP = 60.0

_log = logging.getLogger(__name__)


class EngineService:
    """An engine on a file, or in memory (``":memory:"``)."""

    def __init__(  # noqa: PLR0913 - options, by keyword
        self,
        path: str | Path,
        *,
        durability: Durability = "full",
        clock: Clock | None = None,
        poll_seconds: float = POLL_SECONDS,
        limits: Limits = SWF_LIMITS,
        quotas: Quotas = NO_QUOTAS,
        invoke_lambda: Invoker | None = None,
        metrics: Metrics | None = None,
        read_only: bool = False,
    ) -> None:
        """Open the file, or make it, and take up what is open in it.

        ``clock``: if given, no thread watches the time: what is due takes effect at the next
        request. ``poll_seconds``: how long polls wait, 0: not at all. ``read_only``: one can look
        at what is in the file, whoever owns it; nothing else is done, and nothing takes effect.

        Raises `UsageError` if the file cannot be used: `EngineInUse` if another engine owns it.
        """
        prepare()
        self._clock = clock or SystemClock()
        self._poll_seconds = poll_seconds
        if limits.history_events is None or limits.history_events > MOST_EVENTS:
            limits = msgspec.structs.replace(limits, history_events=MOST_EVENTS)
        self._limits = limits
        self._rates = CallRates(quotas.calls)
        self._functions = Functions(invoke_lambda or LocalFunctions({}), self._end_function)
        #: Ends of Lambda functions that could not be written.
        self._unwritten: list[tuple[Live, int, Outcome]] = []
        self._metrics = metrics or Metrics()
        self._closed = False
        #: The file could not be read when it had to be: what is in memory does not follow from it.
        self._doubtful = False
        self.lock = threading.Lock()
        self._alarm = threading.Condition(self.lock)
        #: Until when the thread for deadlines sleeps.
        self._asleep_until = 0.0
        store = Store(path, durability=durability, read_only=read_only)
        try:
            self._tokens = Tokens(store.secret)
            self._state = State(store, limits=limits, quotas=quotas, invoke=self._functions.invoke)
            self._state.now = self._now()
            self._state.load()
        except (sqlite3.Error, msgspec.MsgspecError, LookupError, AssertionError) as error:
            store.close()
            raise damaged(path, error) from error
        except BaseException:
            store.close()
            raise
        self._commits = self._state.commits = Commits(
            store,
            self.lock,
            settle=self._state.settle,
            take_back=self._take_back,
            observe=self._metrics.commit,
        )
        self._watch: threading.Thread | None = None
        if read_only:
            # As if the disk could not be written just now: one can still look.
            self._commits.probe()
            return
        if clock is None:
            self._watch = threading.Thread(
                target=self._keep_time, name="dataflow-time", daemon=True
            )
            self._watch.start()
        for live, scheduled_event_id in self._state.lost_functions():
            self._functions.give_up(live, scheduled_event_id)

    # --- requests -----------------------------------------------------------------------

    def submit(self, operation: Operation, reply: Reply, caller: Caller = LOCAL) -> Poll | None:
        """Have an operation done. What is returned is a poll that is parked.

        ``reply`` is called once, from any thread, without any lock: with the answer (a dictionary;
        None for an operation that answers nothing; `Later` for what is read from the disk), or with
        a `Fault`. For a poll that was cancelled it is not called.
        """
        poll = None
        with _Turn(self) as answers:
            try:
                self._admit(operation)
                call = Call(self._state, self._tokens, reply, caller, self._poll_seconds)
                poll = _HANDLERS[type(operation)](call, operation)
            except Fault as fault:
                answers.append((reply, fault))
            except sqlite3.Error as error:  # in reading, which comes before any change
                answers.append((reply, ServiceUnavailable(f"cannot read: {error}")))
        return poll

    def _admit(self, operation: Operation) -> None:
        """Let a request in, after what has come before it. Raises a `Fault`."""
        self._check_able(writing=type(operation) not in _WITHOUT_WRITING)
        self._rates.take(type(operation).__name__, self._state.now)
        self._check_size(operation)
        self._catch_up()

    def _check_able(self, *, writing: bool) -> None:
        """Raise `ServiceUnavailable` if nothing can be done, or nothing be written."""
        if self._closed:
            raise ServiceUnavailable("the engine is closed")
        if self._commits.trouble is not None and writing:
            if self._watch is None:  # there is no thread that does it
                self._commits.probe()
            if self._commits.trouble is not None:
                raise ServiceUnavailable(f"nothing was changed: {self._commits.trouble}")

    def _catch_up(self) -> None:
        """Let everything take effect that is due."""
        if self._doubtful:
            self._state.start_over()
            self._doubtful = False
        self._state.empty_polls()
        if self._commits.trouble is not None:
            return  # what cannot be written does not happen yet; so one can still look
        self._state.expire()
        self._state.match()  # after such trouble tasks and polls may wait side by side
        if self._unwritten:
            ends, self._unwritten = self._unwritten, []
            for end in ends:
                self._record_end(*end)

    def cancel(self, poll: Poll) -> bool:
        """Withdraw a parked poll: it takes no task, and is not answered.

        False: it was too late for that, the answer has just been given or is on its way.
        """
        with self.lock:
            parked = not poll.gone
            self._state.withdraw(poll)
        return parked

    def empty(self, poll: Poll) -> None:
        """Answer a parked poll that there is no task, unless one is on its way to it."""
        with _Turn(self):
            self._state.empty(poll)

    def lose_workers(self, domain: str, task_list: str) -> None:
        """Nobody serves a task list any more: what was taken from it has timed out.

        For whoever knows that its deciders and workers were part of a process that is gone. Returns
        when it is on its way to the disk. Raises a `Fault`, with nothing changed, if there is no
        such domain, or nothing can be written.
        """
        refused: Fault | None = None
        with _Turn(self):
            try:
                self._check_able(writing=True)
                self._catch_up()
                found = self._state.domain(domain)
            except Fault as fault:
                refused = fault  # for the caller; to the turn it would be a bug
            else:
                self._state.record(found, found.rules.lose_workers(task_list, self._state.now))
        if refused is not None:
            raise refused

    def tick(self) -> None:
        """Let what is due take effect, and delete some of what has expired."""
        with _Turn(self):
            if not self._closed:
                self._catch_up()
        self._purge()

    def close(self) -> None:
        """Answer parked polls that there is no task, write what is to be written, and stop."""
        with _Turn(self):
            if self._closed:
                return
            self._state.empty_polls(all_of_them=True)
            self._closed = True
            self._alarm.notify()
        if self._watch is not None:
            self._watch.join()
        self._functions.close()
        self._commits.close()
        self._state.store.close()

    @property
    def trouble(self) -> str | None:
        """Why nothing can be written at present, in one line; None if it can."""
        return "the engine is closed" if self._closed else self._commits.trouble

    def gauges(self) -> Gauges:
        """How much of what there is at present."""
        with self.lock:
            lists = list(self._state.task_lists)
            parked: dict[str, int] = {"activity": 0, "decision": 0}
            for task_list in lists:
                parked[task_list.name.kind] += len(task_list.polls)
            return Gauges(
                open_executions=sum(len(d.rules.open) for d in self._state.domains.values()),
                backlog={one.name: one.waiting for one in lists if one.waiting},
                parked=parked,
            )

    def _check_size(self, operation: Operation) -> None:
        """Of all requests, only an answer with decisions can be too long and yet fit the model."""
        most = self._limits.request_bytes
        if (
            most is not None
            and type(operation) is RespondDecisionTaskCompleted
            and operation.decisions
            and len(msgspec.json.encode(operation)) > most
        ):
            raise RequestEntityTooLargeException(f"a request may have {most} bytes")

    # --- a turn -------------------------------------------------------------------------

    def _now(self) -> float:
        """The time, in whole milliseconds: as exact as Amazon SWF's.

        So a time that a client has read, rounded to its own liking, is still that of the event.
        """
        return math.floor(self._clock.now() * 1000) / 1000

    def begin(self) -> None:
        """It is now; the lock is held."""
        self._state.now = self._now()

    def settle(self) -> list[tuple[Reply, Any]]:
        """What is to be told now; have written what is to be written. The lock is held."""
        answers, self._state.outbox = self._state.outbox, []
        if self._state.store.in_memory:
            answers += self._commits.flush()
        else:
            self._commits.wake()
        if self._watch is not None:
            due = self._state.next_deadline()
            if due is not None and due < self._asleep_until:
                self._alarm.notify()
        return answers

    def start_over(self, error: BaseException) -> list[tuple[Reply, Any]]:
        """Go back to what is on disk, and drop what is not; the lock is held.

        After a bug, or without memory, the state may be half changed. What is on disk is whole.
        """
        _log.error(
            "a request has failed in the engine", exc_info=error, extra={"event": "engine.failed"}
        )
        lost = self._commits.drop() + self._state.outbox
        self._read_anew(self._state.start_over)
        fault = InternalFailure("nothing was changed: another request has failed in the engine")
        return [(reply, fault) for reply, _ in lost]

    def _take_back(self, failed: Sequence[Pending]) -> None:
        self._state.now = self._now()
        self._read_anew(lambda: self._state.take_back(failed))
        self._alarm.notify()  # the disk has to be tried again and again

    def _read_anew(self, read: Callable[[], None]) -> None:
        try:
            read()
        except Exception as error:  # noqa: BLE001 - a bug, too, leaves memory in doubt
            self._doubtful = True
            _log.critical(
                "cannot read %s: %s; all requests are refused until it can be read",
                self._state.store.path,
                error,
                extra={"event": "engine.unreadable"},
            )

    # --- time ---------------------------------------------------------------------------

    def _keep_time(self) -> None:
        while True:
            with self.lock:
                now = self._now()
                pause = _LONGEST_SLEEP
                due = self._state.next_deadline()
                if due is not None:
                    pause = min(pause, due - now)
                expiry = self._state.next_expiry
                if expiry is not None:
                    pause = min(pause, max(_PURGE_PAUSE, expiry - now))
                if self._commits.trouble is not None:
                    pause = _PATIENCE
                if pause > 0 and not self._closed:
                    self._asleep_until = now + pause
                    self._alarm.wait(pause)
                    self._asleep_until = 0.0
                if self._closed:
                    return
            try:
                if self._commits.trouble is not None:
                    self._commits.probe()
                self.tick()
            except Exception:  # noqa: BLE001 - whatever the bug is
                # The state was read anew. To go on is all that one can do: without this thread
                # nothing would time out any more.
                _log.exception("what is due could not take effect; it is tried again")
                time.sleep(_PATIENCE)

    def _purge(self) -> None:
        state = self._state
        if state.next_expiry is None or state.next_expiry > state.now or self._commits.trouble:
            return
        self._commits.purge(state.now, _PURGED_EVENTS)
        with self.lock:
            state.next_expiry = state.store.next_expiry()

    # --- Lambda functions ---------------------------------------------------------------

    def _end_function(self, live: Live, scheduled_event_id: int, outcome: Outcome) -> None:
        with _Turn(self):
            if self._closed:
                return
            self._catch_up()
            if self._commits.trouble is None:
                self._record_end(live, scheduled_event_id, outcome)
            else:
                self._unwritten.append((live, scheduled_event_id, outcome))

    def _record_end(self, live: Live, scheduled_event_id: int, outcome: Outcome) -> None:
        state = self._state
        # After a failed write it is another one; and it may be closed and gone.
        found = state.lives.get(live.execution.run_id)
        if found is None or scheduled_event_id not in found.execution.lambdas:
            _log.info("a Lambda function ended too late: nobody waits for it")
            return
        events = requests.end_lambda_function(
            found.execution, scheduled_event_id, outcome, state.now
        )

        def written(answer: Any) -> None:
            # The function will not end a second time.
            if isinstance(answer, Fault):
                with self.lock:
                    self._unwritten.append((live, scheduled_event_id, outcome))

        state.record(found.domain, found.domain.rules.follow(found.execution, events))
        state.tell_when_saved(written, None)


class _Turn:
    """A turn with the state: under the lock, at one moment; afterwards answers are told."""

    __slots__ = ("_answers", "_service")

    def __init__(self, service: EngineService) -> None:
        self._service = service
        self._answers: list[tuple[Reply, Any]] = []

    def __enter__(self) -> list[tuple[Reply, Any]]:
        service = self._service
        service.lock.acquire()
        service.begin()
        return self._answers

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        service = self._service
        try:
            if error is not None:
                self._answers += service.start_over(error)
            self._answers += service.settle()
        finally:
            service.lock.release()
        tell(self._answers)
