"""A pool of threads that perform activities.

Threads are started as they are needed, up to the pool's size, and are daemons: an activity that
hangs cannot keep the program from ending. A thread whose task has timed out is given up, since a
thread cannot be stopped: another takes its place, and it ends with its activity.
"""

from __future__ import annotations

import os
import threading
from queue import Empty, SimpleQueue

from dataflow.clock import Clock
from dataflow.process.jobs import Job, Report, perform


def default_size() -> int:
    """As many threads as `concurrent.futures.ThreadPoolExecutor` would have."""
    return min(32, (os.cpu_count() or 1) + 4)


class ThreadWorkers:
    """Workers in this process; all methods are for one thread, the one that runs the workflow."""

    def __init__(self, size: int, clock: Clock) -> None:
        self._size = size
        self._clock = clock
        self._threads = 0
        self._busy = 0
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._reports: SimpleQueue[Report] = SimpleQueue()

    @property
    def free(self) -> bool:
        """Whether a job given now would start now."""
        return self._busy < self._size

    def give(self, job: Job) -> None:
        """Perform a job; only when `free`."""
        self._busy += 1
        if self._threads < self._busy:
            self._threads += 1
            name = f"dataflow-worker-{self._threads}"
            threading.Thread(target=self._work, name=name, daemon=True).start()
        self._jobs.put(job)

    def over(self, job: Job) -> None:
        """A job's report has been taken, or nobody waits for it any more (``job.abandoned``)."""
        self._busy -= 1
        if job.abandoned:
            self._threads -= 1

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
            perform(job, self._clock, self._reports.put)
            if job.abandoned:
                return
