"""The child process of a worker: performs activities, one after the other.

``python -P -m dataflow.process.child FD``, with one end of a socket as FD: that is how
`dataflow.process.isolation` starts it. It knows nothing of the service.

A task that shall end is told so at its next heartbeat. If it does not listen, SIGTERM raises
`ActivityCanceled` in the main thread. A SIGTERM that nobody has announced is not for the child: it
comes when all processes of a service are told to end at once, and the worker decides what becomes
of the task. When the worker is gone, so is the child, with all that it has started.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from dataflow.activity import Activity
from dataflow.errors import ActivityCanceled, UsageError
from dataflow.process.catalogue import Catalogue
from dataflow.process.jobs import Canceled, Heartbeat, Outcome
from dataflow.process.logs import task_context
from dataflow.process.middleware import Middleware, load_callable
from dataflow.process.performing import Performer, heartbeat_seconds
from dataflow.process.pipe import TO_CHILD, Expected, FromChild, Pipe, Quit, Ready, Start, Unusable
from dataflow.process.processes import kill_tree
from dataflow.process.tasks import PolledTask
from dataflow.storage.opening import open_fields


class Child:
    """Performs what comes through a pipe; lives in the main thread."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe
        #: Heartbeats may come from any thread of the activity.
        self._lock = threading.Lock()
        self._every = 0.0
        #: What a signal's handler goes by: an activity is being performed; a message is being sent,
        #: which must not be cut in two; a signal came while it was.
        self._performing = False
        self._sending = False
        self._late = False
        self._quits = False
        #: The task in hand: threads that an activity leaves behind have no say in the next one.
        self._task: PolledTask | None = None

    def run(self) -> None:
        """Work until there is no more to come."""
        start: Start = self._pipe.receive()
        sys.path[:] = start.path
        signal.signal(signal.SIGTERM, self._terminate)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        threading.Thread(target=self._watch, name="watch the worker", daemon=True).start()
        try:
            if start.prepare is not None:
                load_callable(start.prepare)()
            performer = Performer(
                Catalogue(start.modules),
                Middleware.load(start.pre, start.post),
                fields=open_fields(start.home),
            )
        except UsageError as error:
            self._quits = True
            self._send(Unusable(str(error)))
            return
        self._every = start.every
        self._send(Ready())
        while not isinstance(message := self._pipe.receive(), Quit):
            if isinstance(message, PolledTask):
                self._perform(performer, message)
        self._quits = True

    def _perform(self, performer: Performer, task: PolledTask) -> None:
        outcome: Outcome

        def beat(details: str | None) -> None:
            self._beat(task, details)

        with task_context(**task.log_fields):
            try:
                self._task = task
                self._performing = True
                outcome = performer.perform(task, beat, self._found)
            except ActivityCanceled:  # from the handler, when the activity had just ended
                outcome = Canceled()
            self._performing = False
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # whatever users make of them
                stream.flush()
        with self._lock:
            self._task = None
        self._send(outcome)

    def _found(self, activity: Activity[..., Any, Any]) -> None:
        seconds = heartbeat_seconds(activity)
        if seconds is not None and seconds < self._every:
            self._send(Expected(seconds))

    def _beat(self, task: PolledTask, details: str | None) -> None:
        if self._pipe.speaks:
            raise ActivityCanceled(_SHALL_END)
        self._send(Heartbeat(details), task)

    def _send(self, message: FromChild, task: PolledTask | None = None) -> None:
        """``task``: to be sent only while it is in hand."""
        main = threading.current_thread() is threading.main_thread()
        with self._lock:
            if task is not None and task is not self._task:
                raise ActivityCanceled("the activity has ended")
            self._sending = main
            try:
                self._pipe.send(message)
            finally:
                self._sending = False
        if main and self._late:
            self._late = False
            raise ActivityCanceled(_SHALL_END)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        """SIGTERM, in the main thread, between any two of its instructions."""
        del number, frame
        if not self._performing or not self._pipe.speaks:
            return
        if self._sending:
            self._late = True
        else:
            raise ActivityCanceled(_SHALL_END)

    def _watch(self) -> None:
        """Wait for the worker's end, and follow it."""
        poll = select.poll()
        poll.register(self._pipe.fd, 0)  # only whether the other end is gone
        poll.poll()
        if not self._quits:
            try:
                kill_tree(os.getpid())
            finally:
                os.kill(os.getpid(), signal.SIGKILL)


_SHALL_END = "the task was cancelled or has timed out, or its worker is stopped"


def main() -> None:
    """Be a child process."""
    faulthandler.enable()  # says where a crash was
    faulthandler.register(signal.SIGUSR1)  # what does it do?
    fd = int(sys.argv[1])
    os.set_inheritable(fd, False)
    with suppress(EOFError, KeyboardInterrupt, BrokenPipeError):
        Child(Pipe(fd, TO_CHILD)).run()


if __name__ == "__main__":
    main()
