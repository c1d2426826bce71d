"""Keeps a number of child processes of one command alive.

1. *A child that ends is replaced at once*; one that ends as soon as it begins, after a pause that
   doubles each time, so that a broken command does not burn the machine.
2. *An end has a bound.* The first SIGTERM or SIGINT is passed on; children that have not ended
   after the grace are killed, with all that they started. A second signal kills at once.
3. *Signals are events.* Handlers only write a byte that wakes the loop, so nothing can come in
   between (https://cr.yp.to/docs/selfpipe.html).

SIGTTIN and SIGTTOU make the children one more or one fewer. SIGUSR1 has everyone write the stacks
of its threads to standard error (`show_stacks_on_signal`). As process 1 of a container it also
reaps what others have left behind.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

_log = logging.getLogger(__name__)

#: A child that ends sooner than this has failed to begin.
_SETTLED_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0
_SIGNALS = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGCHLD,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGUSR1,
)
_STOP = frozenset({signal.SIGTERM, signal.SIGINT})
_SIGNALED = 128


def show_stacks_on_signal() -> None:
    """Have SIGUSR1 write the stacks of all threads to standard error."""
    faulthandler.register(signal.SIGUSR1, all_threads=True)


@dataclass(slots=True)
class _Child:
    process: subprocess.Popen[bytes]
    began: float
    #: It was told to end, and is not to be replaced.
    dismissed: bool = False


class Supervisor:
    """Runs ``count`` processes of a command until it is told to stop."""

    def __init__(self, command: Sequence[str], count: int, *, grace: float) -> None:
        """``grace``: seconds that children have to end when they are told to."""
        self._command = list(command)
        self._count = count
        self._grace = grace
        self._children: dict[int, _Child] = {}
        #: When the next child may be started, and how long the pause after that will be.
        self._not_before = 0.0
        self._pause = _FIRST_PAUSE
        #: When what is left is killed; None while nobody has said to stop.
        self._deadline: float | None = None
        self._receiver, self._sender = socket.socketpair()
        self._receiver.setblocking(False)
        self._sender.setblocking(False)

    def run(self) -> int:
        """Keep the children alive; the exit code: 0 after a stop in good order.

        To be called in the main thread, which the signals of a process go to.
        """
        handlers = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        wakeup = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        try:
            return self._run()
        finally:
            self._kill()
            signal.set_wakeup_fd(wakeup)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self._receiver.close()
            self._sender.close()

    def _run(self) -> int:
        while True:
            self._reap()
            if self._deadline is None:
                self._fill_up()
            elif not self._children:
                return 0
            elif time.monotonic() >= self._deadline:
                _log.warning(
                    "%d processes have not ended in %g s: killed", len(self._children), self._grace
                )
                return 1
            for number in self._wait():
                if number in _STOP and self._deadline is not None:
                    return _SIGNALED + number
                self._take(number)

    def _take(self, number: int) -> None:
        """Do what a signal asks for."""
        if number in _STOP:
            self._deadline = time.monotonic() + self._grace
            self._signal_all(signal.SIGTERM)
        elif number == signal.SIGTTIN:
            self._count += 1
        elif number == signal.SIGTTOU:
            self._dismiss_one()
        elif number == signal.SIGUSR1:
            faulthandler.dump_traceback(all_threads=True)
            self._signal_all(signal.SIGUSR1)

    def _wait(self) -> bytes:
        """The signals that have come; waits for one, or until there is something to do."""
        now, until = time.monotonic(), self._deadline
        if until is None and self._missing and self._not_before > now:
            until = self._not_before
        select.select([self._receiver], [], [], None if until is None else max(0.0, until - now))
        try:
            return self._receiver.recv(4096)
        except BlockingIOError:
            return b""

    # --- children -----------------------------------------------------------------------

    @property
    def _missing(self) -> int:
        return self._count - sum(not child.dismissed for child in self._children.values())

    def _fill_up(self) -> None:
        while self._missing > 0 and time.monotonic() >= self._not_before:
            process = subprocess.Popen(self._command)  # noqa: S603 - our own command
            self._children[process.pid] = _Child(process, time.monotonic())
            _log.info("started process %d", process.pid, extra={"event": "child.started"})

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is None:
                continue  # an orphan that came to us as process 1
            code = os.waitstatus_to_exitcode(status)
            child.process.returncode = code  # so that it does not ask the kernel itself
            if child.dismissed or self._deadline is not None:
                continue
            _log.error(
                "process %d ended with %s; another takes its place",
                pid,
                _tell(code),
                extra={"event": "child.ended"},
            )
            now = time.monotonic()
            if now - child.began >= _SETTLED_SECONDS:
                self._pause = _FIRST_PAUSE
            else:
                self._not_before = now + self._pause
                self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _dismiss_one(self) -> None:
        """Have one fewer, but not none."""
        if self._count > 1:
            self._count -= 1
            staying = [child for child in self._children.values() if not child.dismissed]
            if len(staying) > self._count:
                staying[-1].dismissed = True
                staying[-1].process.send_signal(signal.SIGTERM)

    def _signal_all(self, number: signal.Signals) -> None:
        for child in self._children.values():
            child.process.send_signal(number)

    def _kill(self) -> None:
        """Kill what is left, with all that it started."""
        for pid in self._children:
            try:
                tree = [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]
            except psutil.NoSuchProcess:
                continue
            for process in tree:
                try:
                    process.kill()
                except psutil.NoSuchProcess:
                    continue
        self._children.clear()


def same_command(*more: str) -> list[str]:
    """The command line of this process, for a child; ``more`` is added to it."""
    return [sys.executable, "-m", "dataflow", *sys.argv[1:], *more]


def _tell(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
