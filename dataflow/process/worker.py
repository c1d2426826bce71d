"""A worker: slots that take activity tasks of a task list, perform them, and answer them.

1. *A slot is free before a poll is made.* Each has a thread of its own, which polls, performs and
   answers, one task after the other.
2. *No error of the service ends a worker*, except those of use: an unknown domain, no right, no
   credentials. They are raised by `Worker.run`.
3. *Stopping has an end.* No more polls; what runs may finish for a while (``grace``); then it is
   asked to end, and the slots that have child processes see to it; what is left then is answered on
   its behalf, and left behind. `stop_now` begins with the last but one.
4. *Nothing that was taken is left without an answer*, if the service takes one.

What one thread does about stopping, it does in `Worker.run`. `stop` and `stop_now` only tell it, so
that they can be called wherever a signal's handler finds itself.
"""

from __future__ import annotations

import enum
import itertools
import logging
import math
import os
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Literal

from dataflow.clock import Clock, SystemClock
from dataflow.errors import UsageError
from dataflow.process.answers import STOPPED, Answers
from dataflow.process.catalogue import Catalogue
from dataflow.process.heartbeat import Heartbeats
from dataflow.process.isolation import IsolatedSlot, Limits
from dataflow.process.logs import task_context
from dataflow.process.middleware import Middleware
from dataflow.process.performing import Performer
from dataflow.process.pipe import Start
from dataflow.process.polling import Connection
from dataflow.process.running import Ending, Running
from dataflow.process.seat import Duty, Seat
from dataflow.process.slots import InlineSlot, Slot

Isolation = Literal["process", "inline"]

#: Seconds between two heartbeats of a task.
HEARTBEAT_SECONDS = 60.0
#: Seconds that tasks have to finish when a worker is stopped.
GRACE_SECONDS = 30.0
#: Seconds that a task has for its end once it was told of it, and again once it was terminated.
PATIENCE_SECONDS = 3.0
#: Seconds for the answers of tasks that were ended.
_ANSWER_SECONDS = 1.0

_log = logging.getLogger(__name__)


class _Phase(enum.IntEnum):
    """How far a worker is with stopping."""

    WORKING = 0
    #: No more polls.
    FINISHING = 1
    #: What still runs is asked to end.
    ENDING = 2
    #: What still runs is killed.
    KILLING = 3


@dataclass(frozen=True, slots=True)
class _Stop:
    """Be at least that far with stopping, and go on from there after so many seconds."""

    phase: _Phase
    seconds: float
    #: Why what still runs then shall end.
    ending: Ending = Ending.STOPPED


@dataclass(frozen=True, slots=True)
class _Ended:
    """The thread of a seat has ended."""

    seat: Seat
    problem: BaseException | None


class Worker:
    """Performs the activity tasks of one task list."""

    def __init__(  # noqa: PLR0913 - options, by keyword
        self,
        connection: Connection,
        domain: str,
        task_list: str,
        *,
        concurrency: int = 1,
        isolation: Isolation = "process",
        heartbeat: float = HEARTBEAT_SECONDS,
        max_tasks: int | None = None,
        max_memory: int | None = None,
        one_task: bool = False,
        modules: Sequence[str] = (),
        pre: Sequence[str] = (),
        post: Sequence[str] = (),
        identity: str = "",
        patience: float = PATIENCE_SECONDS,
        prepare: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        """``concurrency``: tasks at a time.

        ``isolation``: ``process``, each slot has a warm child process: it survives crashes, and
        ends what does not want to end; ``inline``, a thread: cheaper, for activities that wait
        (``async`` ones, too).
        ``heartbeat``: seconds between two heartbeats of a task; 0: only the activities' own.
        ``max_tasks``, ``max_memory`` (megabytes): after so many tasks, or when a task has left more
        memory in use, a child process is replaced; inline, `run` returns, so that its process can
        be.
        ``one_task``: `run` returns after one task.
        ``modules``: what may be imported, by prefixes (`Catalogue`).
        ``pre``, ``post``: dotted paths of hooks (`Middleware`).
        ``identity``: what the history shows for each task.
        ``patience``: seconds that an activity has once it is told to end, before it is terminated,
        and again before it is killed.
        ``prepare``: the dotted path of what a child process calls first, to set up its logging.

        Raises `UsageError`.
        """
        if concurrency < 1 or heartbeat < 0 or patience < 0:
            raise UsageError(
                f"concurrency={concurrency}, heartbeat={heartbeat}, patience={patience}: "
                "a worker needs one slot at least, and no time is negative"
            )
        self._one_task = one_task
        self._patience = patience
        self._clock = clock or SystemClock()
        self._limits = Limits(max_tasks, max_memory)
        #: Where there are no children, the process is replaced with its worker.
        self._own_limits = self._limits if isolation == "inline" else Limits()
        self._performed = itertools.count(1)
        #: No more polls; no more attempts.
        self._stopping, self._hurry = threading.Event(), threading.Event()
        self._heartbeats = Heartbeats(connection.service, self._clock, heartbeat)
        self._answers = Answers(connection.service, self._hurry, direct=connection.direct)
        self._inbox: SimpleQueue[_Stop | _Ended] = SimpleQueue()
        self._phase = _Phase.WORKING
        self._deadline = math.inf
        self._ending = Ending.STOPPED
        duty = Duty(
            domain=domain,
            task_list=task_list,
            identity=identity,
            heartbeats=self._heartbeats,
            answers=self._answers,
            clock=self._clock,
            stopping=self._stopping,
            begin=self._begin,
            done=self._done,
            left=lambda seat, problem: self._inbox.put(_Ended(seat, problem)),
        )
        start = Start(
            path=[str(path) for path in sys.path],
            modules=list(modules),
            pre=list(pre),
            post=list(post),
            prepare=prepare,
            every=heartbeat,
            home=connection.home,
        )
        self._fields = connection.fields
        make_slot = self._in_processes(start) if isolation == "process" else self._inline(start)
        self._seats = [
            Seat(n, connection.poller(), make_slot(), duty)
            for n in range(1 if one_task else concurrency)
        ]

    @property
    def busy(self) -> int:
        """How many tasks are in hand."""
        return sum(seat.running is not None for seat in self._seats)

    def run(self) -> None:
        """Work until `stop` is called.

        Or until there is a reason to replace the process, or the one task is performed. Raises what
        no worker can go on with.
        """
        problem: BaseException | None = None
        self._heartbeats.start()
        for seat in self._seats:
            seat.thread.start()
        left = set(self._seats)
        try:
            while left:
                told = self._next()
                if isinstance(told, _Ended):
                    left.discard(told.seat)
                    if told.problem is not None:
                        problem = problem or told.problem
                        self._go_to(_Phase.FINISHING, GRACE_SECONDS)
                elif told is not None:
                    self._ending = max(self._ending, told.ending)
                    self._go_to(told.phase, told.seconds)
                elif not self._go_on():
                    break
        finally:
            self._leave(left)
            self._heartbeats.stop()
        if problem is not None:
            raise problem

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Take no more tasks; what runs may finish for so many seconds. From any signal handler.

        `run` returns at most twice ``patience`` and a second after that.
        """
        self._inbox.put(_Stop(_Phase.FINISHING, grace))

    def stop_now(self, *, answer: bool = True) -> None:
        """End what runs at once. From any thread or signal handler. `run` returns in a second.

        ``answer``: that it has failed, so that it can be tried again; else it is for the service to
        find out.
        """
        ending = Ending.STOPPED if answer else Ending.GONE
        self._inbox.put(_Stop(_Phase.KILLING, _ANSWER_SECONDS, ending))

    # --- stopping, in the thread that runs ------------------------------------------------

    def _next(self) -> _Stop | _Ended | None:
        """What happens next; None: it is time to go on."""
        try:
            if self._deadline == math.inf:
                return self._inbox.get()
            return self._inbox.get(timeout=max(0.0, self._deadline - self._clock.now()))
        except Empty:
            return None

    def _go_on(self) -> bool:
        """Time is up: the next phase; False if there is none."""
        if self._phase is _Phase.FINISHING and self.busy:
            self._go_to(_Phase.ENDING, 2 * self._patience + _ANSWER_SECONDS)
            return True
        if self._phase is _Phase.ENDING and self.busy:
            self._go_to(_Phase.KILLING, _ANSWER_SECONDS)
            return True
        return False

    def _go_to(self, phase: _Phase, seconds: float) -> None:
        """Be at least in this phase, for no longer than so many seconds."""
        deadline = self._clock.now() + seconds
        if phase <= self._phase:
            if phase is self._phase:
                self._deadline = min(self._deadline, deadline)
            return
        self._phase, self._deadline = phase, deadline
        _log.info("worker: %s", phase.name.lower(), extra={"event": f"worker.{phase.name.lower()}"})
        self._stopping.set()
        for seat in self._seats:
            seat.poller.cancel()
        if phase is _Phase.ENDING:
            for seat in self._seats:
                seat.end(self._ending)
        elif phase is _Phase.KILLING:
            self._hurry.set()
            killed = [seat.kill(self._ending) for seat in self._seats]
            if not any(killed):
                self._deadline = -math.inf  # nothing will come of waiting

    def _leave(self, left: set[Seat]) -> None:
        """Answer for those who cannot, and go."""
        self._stopping.set()
        self._hurry.set()
        for seat in left:
            seat.poller.cancel()
            seat.kill(self._ending)
        self._answers.close(_ANSWER_SECONDS)
        unanswered = [running for seat in left if (running := seat.running) is not None]
        if not unanswered:
            return

        def answer() -> None:
            for running in unanswered:
                with task_context(**running.task.log_fields):
                    self._answers.give(running, STOPPED)

        thread = threading.Thread(target=answer, name="last answers", daemon=True)
        thread.start()
        thread.join(_ANSWER_SECONDS)

    # --- what seats ask for, each in its thread -------------------------------------------

    def _begin(self, running: Running) -> None:
        """A task was taken: perhaps in the last moment."""
        if self._phase >= _Phase.ENDING:
            running.end(self._ending)

    def _done(self) -> None:
        """A task was answered."""
        tasks = next(self._performed)
        if self._one_task or self._own_limits.reached(tasks, os.getpid()):
            self._stopping.set()
            self._inbox.put(_Stop(_Phase.FINISHING, math.inf))

    def _in_processes(self, start: Start) -> Callable[[], Slot]:
        return lambda: IsolatedSlot(
            start, self._limits, self._heartbeats, self._clock, self._patience
        )

    def _inline(self, start: Start) -> Callable[[], Slot]:
        within = Middleware.load(start.pre, start.post)
        performer = Performer(Catalogue(start.modules), within, fields=self._fields)
        return lambda: InlineSlot(performer, self._heartbeats)
