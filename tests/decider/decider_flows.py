"""Workflows for deciders to decide."""

import logging
import threading
from typing import ClassVar

from dataflow import Chain, Group, Retry, TaskFailed, Workflow, activity

log = logging.getLogger("users")


@activity.with_attributes(name="double")
def double(x):
    return 2 * x


@activity.with_attributes(name="increment")
def increment(x):
    return x + 1


@activity.with_attributes(name="third time", retry=Retry(attempts=3, initial_delay=0))
def third_time(x):
    if activity.context().attempt < 3:
        raise ValueError("not yet")
    return x + 3


@activity.with_attributes(name="fails")
def fails(x):
    raise ValueError(x)


@activity.with_attributes(name="grow")
def grow(n):
    return "x" * n


@activity.with_attributes(name="measure")
def measure(text):
    return len(text)


ACTIVITIES = {a.name: a for a in (double, increment, third_time, fails, grow, measure)}


class Large(Workflow):
    """One activity makes what another takes; neither is for the decider to see."""

    def run(self, n, *more):
        length = self.submit(measure, self.submit(grow, n))
        return [length.result, self.submit(measure, list(more)).result]


class Doubling(Workflow):
    """As many steps as it is told, one after the other."""

    def run(self, steps):
        x = 1
        for _ in range(steps):
            x = self.submit(double, x).result
        return x


class Changed(Workflow):
    """What becomes of `Doubling` when somebody changes it."""

    def run(self, steps):
        return self.submit(increment, steps).result


class Doubled(Workflow):
    """Fits `Doubling` for a while."""

    def run(self, steps):
        x = self.submit(double, 1).result
        return self.submit(increment, x + steps).result


class Once(Workflow):
    def run(self):
        return self.submit(double, 1).result


class Nothing(Workflow):
    def run(self):
        return None


class Tracked(Workflow):
    """Tells when ``run()`` begins, and when it is let go of."""

    begun: ClassVar = []
    ended: ClassVar = []

    def run(self, name):
        self.begun.append(name)
        try:
            return [self.submit(double, x).result for x in range(9)]
        finally:
            self.ended.append(name)


class Forgetful(Workflow):
    """Returns before its task is done, of which its owner should hear."""

    def run(self, name):
        self.submit(double, 1)
        self.sleep(1)
        return name


class Interrupted(Workflow):
    def run(self):
        raise KeyboardInterrupt


class Clinging(Workflow):
    """Does not like to be let go of."""

    def run(self):
        try:
            return self.submit(double, 1).result
        except BaseException:  # noqa: BLE001 - what users write
            raise KeyboardInterrupt from None


class Logs(Workflow):
    def run(self):
        log.warning("first")
        self.submit(double, 1).result  # noqa: B018 - waits
        log.warning("second")
        return 2


class Slow(Workflow):
    """Takes its time, in ``run()``."""

    waiting = threading.Semaphore(0)
    go_on = threading.Event()

    def run(self, steps):
        for _ in range(steps):
            self.submit(double, 1).result  # noqa: B018 - waits
        self.waiting.release()
        assert self.go_on.wait(60)
        return "slow"


class Meeting(Workflow):
    """Cannot end before another one is decided at the same time."""

    both = threading.Barrier(2)

    def run(self):
        self.both.wait(60)
        return "met"


# --- of many shapes -------------------------------------------------------------------------


class Shape(Workflow):
    """Of what shape, it is told."""

    def run(self, kind, n):
        return getattr(self, f"_{kind}")(n)

    def _chain(self, n):
        x = 1
        for _ in range(n):
            x = self.submit(increment, x).result
        return x

    def _fan(self, n):
        return sum(future.result for future in self.map(double, range(n)))

    def _groups(self, n):
        chain = Chain((double, n), increment, send_result=True)
        group = Group((double, n), (third_time, n), max_parallel=1)
        return [self.submit(chain).result, self.submit(group).result]

    def _retries(self, n):
        futures = [self.submit(third_time, x) for x in range(n % 4)]
        return [future.result for future in futures]

    def _timers(self, n):
        first = self.submit(double, n)
        self.sleep(n % 2)
        return first.result + self.submit(double, first).result

    def _failures(self, n):
        try:
            return self.submit(fails, n).result
        except TaskFailed as error:
            return [error.reason, self.submit(double, n).result]


def plainly(kind, n):
    """What a `Shape` means, in plain Python."""
    match kind:
        case "chain":
            return 1 + n
        case "fan":
            return sum(2 * x for x in range(n))
        case "groups":
            return [[2 * n, 2 * n + 1], [2 * n, n + 3]]
        case "retries":
            return [x + 3 for x in range(n % 4)]
        case "timers":
            return 2 * n + 4 * n
        case "failures":
            return [f"ValueError: {n}", 2 * n]


KINDS = ("chain", "fan", "groups", "retries", "timers", "failures")

FLOWS = {
    flow.__name__: flow
    for flow in (
        Clinging,
        Doubling,
        Forgetful,
        Interrupted,
        Large,
        Logs,
        Meeting,
        Nothing,
        Once,
        Shape,
        Slow,
        Tracked,
    )
}
