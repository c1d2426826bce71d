"""A pool of threads that perform activities.

Threads are started as they are needed, up to the pool's size, and are daemons: an activity that
hangs cannot keep the program from ending. A thread whose task has timed out is given up, since a
thread cannot be stopped from outside: it ends with its activity, and another takes its place.
"""

from __future__ import annotations

import os
import threading
from queue import Empty, SimpleQueue

from dataflow.clock import Clock
from dataflow.process.jobs import STARTED, Job, Report, perform


def default_size() -> int:
    """As many threads as `concurrent.futures.ThreadPoolExecutor` would have."""
    return min(32, (os.cpu_count() or 1) + 4)


#: Jobs that may wait in the queue, so that a thread that ends a short one finds the next at once.
_QUEUE = 64


class ThreadWorkers:
    """Workers in this process; all methods are for one thread, the one that runs the workflow.

    Jobs wait in a queue, and a thread that takes one reports so: as with any worker, a task has
    started when someone has begun to perform it.
    """

    def __init__(self, size: int, clock: Clock) -> None:
        self._size = size
        self._clock = clock
        self._threads = 0
        self._waiting = 0
        self._busy = 0
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._reports: SimpleQueue[Report] = SimpleQueue()

    @property
    def free(self) -> bool:
        """Whether there is room for one more job."""
        return self._waiting < _QUEUE

    def give(self, job: Job) -> None:
        """Perform a job; only when `free`."""
        self._waiting += 1
        if self._threads < self._size and self._threads < self._waiting + self._busy:
            self._threads += 1
            name = f"dataflow-worker-{self._threads}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put(job)

    def started(self) -> None:
        """A job's `Started` report was taken in."""
        self._waiting -= 1
        self._busy += 1

    def ended(self) -> None:
        """The report of a started job's end was taken in."""
        self._busy -= 1

    def withdraw(self, job: Job) -> None:
        """Nobody waits for a job any more: do not start it; if it runs, give its thread up."""
        if job.started_event_id:
            self._busy -= 1
        else:
            self._waiting -= 1
        if not job.take():
            self._threads -= 1  # it ends with the job, and another may take its place

    def wait(self, timeout: float | None) -> list[Report]:
        """All reports there are; waits at most ``timeout`` seconds for the first."""
        try:
            reports = [self._reports.get(timeout=timeout)]
        except Empty:
            return []
        try:
            while True:
                reports.append(self._reports.get_nowait())
        except Empty:
            return reports

    def stop(self) -> None:
        """Let idle threads end; busy ones end with the program."""
        for _ in range(self._threads):
            self._jobs.put(None)

    def _work(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                return
            if not job.take():
                continue
            self._reports.put((job, STARTED, self._clock.now()))
            perform(job, self._clock, self._reports.put)
            if job.abandoned:
                return
