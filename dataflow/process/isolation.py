"""Activities in child processes: one warm child for each slot of a worker, for one task at a time.

1. *A child is started by exec*, not by forking a process that has threads, and not for each task.
   It is ready before its slot is free.
2. *A crash fails its task only*, and says how the child ended. The next task finds a new child.
3. *A task that shall end* is told, terminated, killed (`dataflow.process.escalation`). A child that
   was not left in peace is replaced: who knows in what state it is.
4. *A child is replaced* after so many tasks, or when it holds on to too much memory.
5. *No child outlives its worker*: the child watches over that itself (`dataflow.process.child`).
"""

from __future__ import annotations

import logging
import math
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from dataflow.clock import Clock
from dataflow.errors import DataflowError, UsageError
from dataflow.process.escalation import Escalation, Step
from dataflow.process.heartbeat import Heartbeats
from dataflow.process.jobs import Canceled, Completed, Failed, Heartbeat, Outcome
from dataflow.process.pipe import (
    FROM_CHILD,
    Cancel,
    Expected,
    FromChild,
    Pipe,
    Quit,
    Ready,
    Start,
    ToChild,
    Unusable,
)
from dataflow.process.processes import describe_exit, kill_group, kill_tree, megabytes
from dataflow.process.running import Running

#: Seconds that a child may take to be ready. It imports no activities for that.
_READY_SECONDS = 60.0
#: Seconds from a closed connection to the end of the process.
_DYING_SECONDS = 1.0
#: Where the system cannot tell of a process's end (it has no pidfd), seconds between two looks.
_LOOK_SECONDS = 0.2

_log = logging.getLogger(__name__)


class ActivityCrashed(DataflowError):
    """The process that performed an activity has died of it."""


class ChildFailed(DataflowError):
    """A child process has ended before it was ready."""


@dataclass(frozen=True, slots=True)
class Limits:
    """After what a process is replaced; None: never."""

    #: Tasks.
    max_tasks: int | None = None
    #: Megabytes in use when a task has ended.
    max_memory: int | None = None

    def reached(self, tasks: int, pid: int) -> bool:
        """Whether a process that has performed so many tasks should be replaced."""
        if self.max_tasks is not None and tasks >= self.max_tasks:
            return True
        return self.max_memory is not None and megabytes(pid) > self.max_memory


class Wake:
    """Wakes a thread that waits in a poll. From any thread."""

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        #: Once it is closed, its numbers may be those of other files.
        self._lock = threading.Lock()
        self._closed = False

    def __call__(self) -> None:
        with self._lock, suppress(BlockingIOError):  # full: it will wake
            if not self._closed:
                os.write(self._write, b"!")

    def clear(self) -> None:
        """Forget that it was woken."""
        with suppress(BlockingIOError):
            while os.read(self.fd, 1024):
                pass

    def close(self) -> None:
        """Nobody will wait any more."""
        with self._lock:
            self._closed = True
            os.close(self.fd)
            os.close(self._write)


class ChildProcess:
    """A child, as its worker holds it; for one thread but for `kill`."""

    def __init__(self, start: Start, wake: Wake) -> None:
        """Start it; it is not ready yet. Raises `OSError` if there can be no more processes."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            self._process = subprocess.Popen(  # noqa: S603 - this very program
                # -P: what lies in the working directory is no part of Python.
                [sys.executable, "-P", "-m", "dataflow.process.child", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                process_group=0,
            )
            self._pipe = Pipe(ours.detach(), FROM_CHILD)
        self.pid = self._process.pid
        self.tasks = 0
        self._end = _end_of(self.pid)
        self._poll = select.poll()
        for fd in (self._pipe.fd, self._end, wake.fd):
            if fd is not None:
                self._poll.register(fd, select.POLLIN)
        self._wake = wake
        with suppress(OSError):  # it is dead already, as `wait_until_ready` will see
            self._pipe.send(start)

    def wait_until_ready(self) -> None:
        """Raises `ChildFailed`, or `UsageError` if it cannot work as it is told to."""
        message = None
        poll = select.poll()
        poll.register(self._pipe.fd, select.POLLIN)
        with suppress(EOFError, msgspec.MsgspecError):
            if poll.poll(_READY_SECONDS * 1000):
                message = self._pipe.receive()
        if isinstance(message, Ready):
            return
        end = self.bury()
        if isinstance(message, Unusable):
            raise UsageError(message.why)
        raise ChildFailed(f"a child process {end} before it was ready")

    @property
    def alive(self) -> bool:
        """Whether it can be given a task."""
        return not self._pipe.speaks and not self._has_ended()

    def send(self, message: ToChild) -> None:
        """Raises `OSError` if it is dead."""
        self._pipe.send(message)

    def wait(self, seconds: float) -> FromChild | None:
        """What it says; None if it says nothing for so long, or this thread was woken.

        Raises `EOFError` if it has died.
        """
        if not self._pipe.pending:
            if self._end is None:
                seconds = min(seconds, _LOOK_SECONDS)
            ready = {
                fd for fd, _ in self._poll.poll(None if seconds == math.inf else seconds * 1000)
            }
            if self._wake.fd in ready:
                self._wake.clear()
            if self._pipe.fd not in ready:
                if self._has_ended():
                    raise EOFError
                return None
        try:
            message: FromChild | None = self._pipe.take()
        except msgspec.MsgspecError as error:
            raise EOFError from error
        return message

    def terminate(self) -> None:
        """Send it SIGTERM."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End it and all that it has started. From any thread."""
        if self._process.returncode is None:
            kill_tree(self.pid)

    def bury(self) -> str:
        """Leave nothing of it; the answer is how it ended, if it has ended by itself."""
        ended = self._has_ended(_DYING_SECONDS)
        if ended:
            kill_group(self.pid)  # what it had started
        else:
            self.kill()
        code = self._process.wait()
        self._close()
        # By itself, or killed by us for what it has sent.
        return describe_exit(code) if ended else "has broken its connection"

    def dismiss(self, patience: float) -> None:
        """Let it end by itself; kill it if that takes too long."""
        with suppress(OSError):
            self._pipe.send(Quit())
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            self._process.wait()
        self._close()

    def _has_ended(self, seconds: float = 0) -> bool:
        """Whether it ends within so many seconds."""
        if self._end is not None:
            poll = select.poll()
            poll.register(self._end, select.POLLIN)
            return bool(poll.poll(seconds * 1000))
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.returncode is not None

    def _close(self) -> None:
        self._pipe.close()
        if self._end is not None:
            os.close(self._end)


class IsolatedSlot:
    """Performs tasks in a child process; for one thread but for `wake` and `kill`."""

    def __init__(
        self, start: Start, limits: Limits, heartbeats: Heartbeats, clock: Clock, patience: float
    ) -> None:
        """``patience``: seconds that a task has for each step of its `Escalation`."""
        self._start = start
        self._limits = limits
        self._heartbeats = heartbeats
        self._clock = clock
        self._patience = patience
        self._child: ChildProcess | None = None
        self.wake = Wake()

    def make_ready(self) -> None:
        """Have a child that takes a task. Raises `ChildFailed`, or `UsageError`."""
        old = self._child
        if old is not None and not old.alive:
            _log.warning(
                "idle child process %d %s", old.pid, old.bury(), extra={"event": "child.died"}
            )
            old = self._child = None
        if old is not None and not self._limits.reached(old.tasks, old.pid):
            return
        try:
            child = ChildProcess(self._start, self.wake)
        except OSError as error:
            raise ChildFailed(f"no child process can be started: {error}") from error
        if old is not None:
            old.dismiss(self._patience)
        self._child = child
        try:
            child.wait_until_ready()
        except BaseException:
            self._child = None
            raise

    def perform(self, running: Running) -> Outcome:
        """Perform a task; call `make_ready` before it is asked for."""
        try:
            if self._child is None or not self._child.alive:  # it has died while there was no task
                self.make_ready()
        except DataflowError as error:
            return Failed.of(error)
        child = self._child
        assert child is not None, "ready"
        try:
            return self._perform(child, running)
        except (EOFError, BrokenPipeError):
            self._child = None
            end = child.bury()
            if running.ending is not None:
                return Canceled()
            _log.error("child process %d %s", child.pid, end, extra={"event": "child.died"})
            return Failed.of(ActivityCrashed(f"the activity's process (pid {child.pid}) {end}"))

    def kill(self) -> bool:
        """End the child. From any thread; for when the worker ends at once."""
        child = self._child
        if child is not None:
            child.kill()
        return True

    def close(self) -> None:
        """No more tasks will come."""
        child, self._child = self._child, None
        if child is not None:
            child.dismiss(self._patience)
        self.wake.close()

    def _perform(self, child: ChildProcess, running: Running) -> Outcome:
        child.tasks += 1
        try:
            child.send(running.task)
        except UnicodeEncodeError as error:  # half a surrogate pair, which JSON can say
            return Failed.of(error)
        escalation: Escalation | None = None
        disturbed = False
        while True:
            seconds = math.inf
            if running.ending is not None:
                escalation = escalation or Escalation(self._patience)
                now = self._clock.now()
                if (step := escalation.step(now)) is not None:
                    _take(step, child)
                    disturbed = step is not Step.TELL
                seconds = escalation.due - now
            message = child.wait(seconds)
            if isinstance(message, Heartbeat):
                self._heartbeats.tell(running, message.details)
            elif isinstance(message, Expected):
                self._heartbeats.expect(running, message.seconds)
            elif isinstance(message, Completed | Failed | Canceled):
                if disturbed:
                    self._child = None
                    child.kill()
                    child.bury()
                return message


def _take(step: Step, child: ChildProcess) -> None:
    _log.log(
        logging.INFO if step is Step.TELL else logging.WARNING,
        _STEPS[step],
        child.pid,
        extra={"event": f"task.{step.name.lower()}"},
    )
    if step is Step.TELL:
        child.send(Cancel())
    elif step is Step.TERMINATE:
        child.terminate()
    else:
        child.kill()


_STEPS = {
    Step.TELL: "the task shall end: the activity (in process %d) is told",
    Step.TERMINATE: "the activity goes on: its process %d is terminated",
    Step.KILL: "the activity goes on: its process %d is killed",
}


def _end_of(pid: int) -> int | None:
    """What becomes readable when a child ends; None where the system has no such thing.

    A closed connection is not enough to go by: what the child has forked keeps it open.
    """
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
