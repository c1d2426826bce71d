"""A child of the supervisor: does its work until it is told to end.

1. *SIGTERM or SIGINT: stop*; SIGUSR2: at once. A second SIGTERM means nothing new to a child:
   service managers send it to all processes, and the supervisor passes on its own. Who has no
   supervisor stops at once at a second signal.
2. *No child outlives its supervisor*: when the line to it breaks, the child stops, within the
   grace, and then for certain.
3. *A child that was used wrongly* tells its supervisor why, and ends with exit code 2.

Handlers of signals only put a word into a queue. What is to be done is done outside of them, so
that whatever the main thread is at cannot be in its own way.
"""

from __future__ import annotations

import enum
import faulthandler
import os
import queue
import select
import signal
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Protocol

from dataflow.process.processes import kill_tree
from dataflow.process.supervisor import HURRY, LAST_SECONDS


class Actor(Protocol):
    """What a child does."""

    def run(self) -> None:
        """Work, until it is told to stop, or there is a reason to be replaced."""
        ...

    def stop(self) -> None:
        """Take nothing new, and end within the grace."""
        ...

    def stop_now(self) -> None:
        """End at once."""
        ...


class _Told(enum.Enum):
    STOP = enum.auto()
    HURRY = enum.auto()
    #: The work has ended.
    ENDED = enum.auto()


class Child:
    """The process itself, as one that is told when to end."""

    def __init__(self, line: int | None, *, grace: float) -> None:
        """``line``: the file descriptor of the line to the supervisor; None: there is none."""
        self._line = line
        self._grace = grace
        self._inbox: queue.SimpleQueue[_Told] = queue.SimpleQueue()
        show_stacks_on_signal()
        if line is not None:
            os.set_inheritable(line, False)
            threading.Thread(target=self._watch, name="watch the supervisor", daemon=True).start()

    def run(self, actor: Actor) -> None:
        """Have the work done. Raises what it raises. To be called in the main thread."""
        problems: list[BaseException] = []

        def work() -> None:
            try:
                actor.run()
            except BaseException as problem:  # noqa: BLE001 - raised below
                problems.append(problem)
            finally:
                self._inbox.put(_Told.ENDED)

        for number in (signal.SIGTERM, signal.SIGINT, HURRY):
            signal.signal(number, self._take)
        threading.Thread(target=work, name="work", daemon=True).start()
        self._obey(actor)
        if problems:
            raise problems[0]

    def give_up(self, reason: str) -> None:
        """Tell the supervisor why no child can work."""
        if self._line is not None:
            with suppress(OSError):  # nobody is there any more
                os.write(self._line, f"{' '.join(reason.split())}\n".encode())

    def _take(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._inbox.put(_Told.HURRY if number == HURRY else _Told.STOP)

    def _obey(self, actor: Actor) -> None:
        stopping = False
        while (told := self._inbox.get()) is not _Told.ENDED:
            if told is _Told.STOP and not stopping:
                stopping = True
                actor.stop()
            elif told is _Told.HURRY or self._line is None:
                break
        else:
            return
        actor.stop_now()
        deadline = time.monotonic() + LAST_SECONDS
        with suppress(queue.Empty):
            while self._inbox.get(timeout=deadline - time.monotonic()) is not _Told.ENDED:
                pass

    def _watch(self) -> None:
        """Wait for the supervisor's end, and follow it."""
        assert self._line is not None
        poll = select.poll()
        poll.register(self._line, 0)  # only whether the other end is gone
        poll.poll()
        self._inbox.put(_Told.STOP)
        time.sleep(self._grace)
        self._inbox.put(_Told.HURRY)
        time.sleep(LAST_SECONDS)
        try:
            kill_tree(os.getpid())
        finally:
            os.kill(os.getpid(), signal.SIGKILL)


def show_stacks_on_signal() -> None:
    """Have SIGUSR1 write the stacks of all threads to standard error, and crashes, too."""
    with suppress(RuntimeError, OSError, ValueError):  # there is no standard error
        faulthandler.enable()
        faulthandler.register(signal.SIGUSR1, all_threads=True)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})


def set_title(title: str) -> None:
    """What ``ps`` shows of this process."""
    from setproctitle import setproctitle  # noqa: PLC0415 - few processes need it

    setproctitle(title)
