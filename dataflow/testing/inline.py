"""Workers for tests: they perform one activity at a time, in an order that a seed decides."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

from dataflow.process.jobs import Job, Report, perform
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
        self._jobs: list[Job] = []
        #: How many jobs were performed.
        self.performed = 0

    @property
    def free(self) -> bool:
        """There is always one more."""
        return True

    def give(self, job: Job) -> None:
        """Take a job in hand."""
        if job.activity.callable is not NEVER:
            self._jobs.append(job)

    def over(self, job: Job) -> None:
        """Forget a job that has timed out."""
        if job in self._jobs:
            self._jobs.remove(job)

    def wait(self, timeout: float | None) -> Sequence[Report]:
        """Perform one job; if there is none, let time pass."""
        if not self._jobs:
            assert timeout is not None, "a run that waits for nothing is stuck, and says so"
            self._clock.advance(timeout)
            return []
        n = 0 if self._chance is None else self._chance.randrange(len(self._jobs))
        reports: list[Report] = []
        self.performed += 1
        perform(self._jobs.pop(n), self._clock, reports.append)
        return reports

    def stop(self) -> None:
        """Nothing is left to do."""
