"""Keeps a number of child processes of one command alive.

1. *A child that ends is replaced at once*; one that has failed as soon as it began, after a pause
   that doubles each time, so that a broken command does not burn the machine.
2. *What no new child would mend ends all*: a child that ends with exit code 2 was used wrongly, and
   has said why on its line to here (`dataflow.process.supervised`).
3. *An end has a bound.* The first SIGTERM, SIGINT or SIGHUP is passed on. Children that have not
   ended after the grace, or at a second signal, are told to end at once (SIGUSR2), and killed two
   seconds later with all that they have started.
4. *Signals are events.* Handlers only write a byte that wakes the loop, so nothing can come in
   between (https://cr.yp.to/docs/selfpipe.html).

SIGTTIN and SIGTTOU make the children one more or one fewer. SIGUSR1 has everyone write the stacks
of its threads to standard error. As process 1 of a container it also reaps what others have left
behind. All children of this process are its own: nothing else in it may start any.
"""

from __future__ import annotations

import faulthandler
import logging
import math
import os
import select
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dataflow.errors import UsageError
from dataflow.process.processes import describe_exit, kill_tree

_log = logging.getLogger(__name__)

#: Tells a child to end at once.
HURRY = signal.SIGUSR2
#: Seconds that it has for that.
LAST_SECONDS = 2.0
#: The exit code of a child that was used wrongly.
USAGE = 2

#: A child that fails sooner than this has failed to begin.
_SETTLED_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0
#: Exit codes: not all have ended by themselves; and what a shell adds to the number of a signal.
_CUT_SHORT, _SIGNALED = 1, 128
_STOP = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
_SIGNALS = _STOP | {signal.SIGCHLD, signal.SIGTTIN, signal.SIGTTOU, signal.SIGUSR1}
#: Where they are ignored (a job in the background of a script, nohup), they stay ignored.
_MAY_BE_IGNORED = frozenset({signal.SIGINT, signal.SIGHUP})


@dataclass(slots=True, eq=False)
class _Child:
    process: subprocess.Popen[bytes]
    began: float
    #: It was told to end, and is not to be replaced.
    dismissed: bool = False
    #: It was told to end at once.
    hurried: bool = False
    #: When it is told so, or killed.
    deadline: float = math.inf


class Supervisor:
    """Runs ``count`` processes of a command until it is told to stop."""

    def __init__(
        self, command: Callable[[int], Sequence[str]], count: int, *, grace: float
    ) -> None:
        """``command``: the command line of a child, given the file descriptor of its line to here.

        ``grace``: seconds that children have to end when they are told to.
        """
        self._count = count
        self._grace = grace
        self._children: dict[int, _Child] = {}
        #: When the next child may be started, and how long the pause after that will be.
        self._not_before = 0.0
        self._pause = _FIRST_PAUSE
        self._stopping = False
        self._exit_code = 0
        #: The children have the other end, and see it close when this process is gone.
        self._line, self._childrens = socket.socketpair()
        self._command = list(command(self._childrens.fileno()))
        self._receiver, self._sender = socket.socketpair()
        for end in (self._line, self._receiver, self._sender):
            end.setblocking(False)

    def run(self) -> int:
        """Keep the children alive; the exit code: 0 after a stop in good order.

        To be called in the main thread, which the signals of a process go to. Raises `UsageError`
        if that is what a child has ended with.
        """
        before = {
            number: signal.signal(number, lambda *_: None)
            for number in _SIGNALS
            if number not in _MAY_BE_IGNORED or signal.getsignal(number) is not signal.SIG_IGN
        }
        wakeup = signal.set_wakeup_fd(self._sender.fileno(), warn_on_full_buffer=False)
        try:
            self._run()
            if self._exit_code == USAGE:
                self._tell_why()
            return self._exit_code
        finally:
            self._kill_all()
            signal.set_wakeup_fd(wakeup)
            for number, handler in before.items():
                signal.signal(number, handler)
            for end in (self._line, self._childrens, self._receiver, self._sender):
                end.close()

    def _run(self) -> None:
        while True:
            self._reap()
            if not self._stopping:
                self._fill_up()
            elif not self._children:
                return
            self._press()
            for number in self._wait():
                self._take(number)

    def _take(self, number: int) -> None:
        """Do what a signal asks for."""
        if number in _STOP:
            if self._stopping:
                self._exit_code = _SIGNALED + number
                for child in self._children.values():
                    child.deadline = -math.inf
            else:
                self._stop(0)
        elif number == signal.SIGTTIN:
            self._count += 1
        elif number == signal.SIGTTOU:
            self._dismiss_one()
        elif number == signal.SIGUSR1:
            faulthandler.dump_traceback(all_threads=True)
            for child in self._children.values():
                _send(child, signal.SIGUSR1)

    def _wait(self) -> bytes:
        """The signals that have come; waits for one, or until there is something to do."""
        until = min((child.deadline for child in self._children.values()), default=math.inf)
        if self._missing and not self._stopping:
            until = min(until, self._not_before)
        seconds = None if until == math.inf else max(0.0, until - time.monotonic())
        select.select([self._receiver], [], [], seconds)
        try:
            return self._receiver.recv(4096)
        except BlockingIOError:
            return b""

    # --- children that come ---------------------------------------------------------------

    @property
    def _missing(self) -> int:
        return max(0, self._count - sum(not c.dismissed for c in self._children.values()))

    def _fill_up(self) -> None:
        while self._missing and time.monotonic() >= self._not_before:
            try:
                process = self._start()
            except OSError as error:
                _log.error("no process can be started: %s", error, extra={"event": "child.failed"})
                self._back_off()
            else:
                self._children[process.pid] = _Child(process, time.monotonic())
                _log.info("started process %d", process.pid, extra={"event": "child.started"})

    def _start(self) -> subprocess.Popen[bytes]:
        # It would die of SIGUSR1 until it knows what that is for, and unblock it then.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
        try:
            return subprocess.Popen(  # noqa: S603 - our own command
                self._command,
                stdin=subprocess.DEVNULL,
                pass_fds=[self._childrens.fileno()],
                process_group=0,  # Ctrl-C is for this process, which passes it on
            )
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGUSR1})

    def _back_off(self) -> None:
        now = time.monotonic()
        if now >= self._not_before:  # several that fail at once count as one
            self._not_before = now + self._pause
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    # --- children that go -----------------------------------------------------------------

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:  # or it was an orphan, which came to us as process 1
                code = os.waitstatus_to_exitcode(status)
                child.process.returncode = code  # so that it does not ask the kernel itself
                self._bury(child, code)

    def _bury(self, child: _Child, code: int) -> None:
        if child.dismissed:
            return
        if code == USAGE:
            self._stop(USAGE)
            return
        how, event = describe_exit(code), {"event": "child.ended"}
        if code == 0:
            _log.info("process %d %s; another takes its place", child.process.pid, how, extra=event)
            return
        _log.error("process %d %s; another takes its place", child.process.pid, how, extra=event)
        if time.monotonic() - child.began < _SETTLED_SECONDS:
            self._back_off()
        else:
            self._pause = _FIRST_PAUSE

    def _dismiss_one(self) -> None:
        """Have one fewer, but not none."""
        if self._count > 1:
            self._count -= 1
            staying = [child for child in self._children.values() if not child.dismissed]
            if len(staying) > self._count:
                self._dismiss(staying[-1])

    def _stop(self, exit_code: int) -> None:
        self._stopping, self._exit_code = True, exit_code
        for child in self._children.values():
            if not child.dismissed:
                self._dismiss(child)

    def _dismiss(self, child: _Child) -> None:
        child.dismissed = True
        child.deadline = time.monotonic() + self._grace
        _send(child, signal.SIGTERM)

    def _press(self) -> None:
        """Deal with children whose time is up."""
        now = time.monotonic()
        for pid, child in self._children.items():
            if now < child.deadline:
                continue
            if self._stopping:
                self._exit_code = self._exit_code or _CUT_SHORT
            if child.hurried:
                _log.warning("process %d does not end: killed", pid, extra={"event": "child.kill"})
                kill_tree(pid)
                child.deadline = math.inf
            else:
                _log.warning("process %d shall end at once", pid, extra={"event": "child.hurry"})
                _send(child, HURRY)
                child.hurried, child.deadline = True, now + LAST_SECONDS

    def _kill_all(self) -> None:
        """Leave nobody behind, whatever has gone wrong here."""
        for pid in self._children:
            kill_tree(pid)
        for child in self._children.values():
            child.process.wait()
        self._children.clear()

    def _tell_why(self) -> None:
        """Raise what a child has given as its reason, if it has."""
        try:
            told = self._line.recv(65536).decode(errors="replace")
        except BlockingIOError:
            return
        raise UsageError(told.partition("\n")[0])


def _send(child: _Child, number: signal.Signals) -> None:
    # Not Popen.send_signal(), which may reap the child behind our back. Nobody else has its pid
    # before it is reaped.
    os.kill(child.process.pid, number)
