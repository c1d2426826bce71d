"""Workers for tests: they perform one activity at a time, in an order that a seed decides."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from dataflow.process.jobs import STARTED, Job, Report, perform
from dataflow.testing.clock import VirtualClock


class Never:
    """The type of `NEVER`."""

    def __repr__(self) -> str:
        return "NEVER"

    def __call__(self, *_: object, **__: object) -> None:
        raise AssertionError("NEVER is for run_workflow(activities=...)")


#: The fake of an activity that never answers, so that it times out.
NEVER: Final = Never()


class InlineWorkers:
    """All jobs start at once; they end one by one, and no time passes but what fakes let pass."""

    def __init__(self, clock: VirtualClock, seed: int | None = None) -> None:
        """``seed``: decides in which order jobs end; None: in the order they began."""
        self._clock = clock
        self._chance = None if seed is None else random.Random(seed)  # noqa: S311 - repeatable
        self._given: list[Job] = []
        self._jobs: list[Job] = []

    @property
    def free(self) -> bool:
        """There is always room for one more."""
        return True

    def give(self, job: Job) -> None:
        """Take a job in hand."""
        self._given.append(job)

    def started(self) -> None:
        """There is nothing to count."""

    def ended(self) -> None:
        """There is nothing to count."""

    def withdraw(self, job: Job) -> None:
        """Forget a job that has timed out or was cancelled."""
        for jobs in (self._given, self._jobs):
            if job in jobs:
                jobs.remove(job)

    def wait(self, timeout: float | None) -> Sequence[Report]:
        """Start what was given; else perform one job; else let time pass."""
        reports: list[Report] = []
        if self._given:
            reports.extend((job, STARTED, self._clock.now()) for job in self._given)
            self._jobs.extend(job for job in self._given if job.activity.callable is not NEVER)
            self._given.clear()
        elif self._jobs:
            n = 0 if self._chance is None else self._chance.randrange(len(self._jobs))
            perform(self._jobs.pop(n), self._clock, reports.append)
        else:
            assert timeout is not None, "a run that waits for nothing is stuck, and says so"
            self._clock.advance(timeout)
        return reports

    def stop(self) -> None:
        """Nothing is left to do."""
