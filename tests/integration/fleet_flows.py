"""Workflows whose activities write down what they do, and wait for the test to let them go on."""

import os
import time
from pathlib import Path

from dataflow import Workflow, activity

PLACE = Path(os.environ.get("FLEET_PLACE", "."))
ACTIVITIES = {"task_list": "work", "retry": 5}


def note(*words):
    """Add a line to the journal; lines of several processes do not mix."""
    journal = os.open(PLACE / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(journal, (" ".join(map(str, words)) + "\n").encode())
    os.close(journal)


def wait_for_gate(name):
    while not (PLACE / f"gate-{name}").exists():
        time.sleep(0.01)


@activity.with_attributes(**ACTIVITIES)
def step(name):
    note("step", name)
    return name


@activity.with_attributes(**ACTIVITIES, heartbeat_timeout=3)
def gated(name):
    """Begin, wait until the gate is open, and end."""
    note("begin", name, os.getpid(), os.getppid())
    wait_for_gate(name)
    note("end", name)
    return name


@activity.with_attributes(**ACTIVITIES, start_to_close_timeout=3)
def add(name, x, y):
    note("add", name, x, y)
    return x + y


class Steps(Workflow):
    """Something before, something in the middle that waits, something after."""

    task_list = "decide"
    # A task may be on its way to a decider that is killed.
    decision_tasks_timeout = 3

    def run(self, name):
        before = self.submit(step, f"{name}-before").result
        middle = self.submit(gated, name).result
        after = self.submit(step, f"{name}-after").result
        return [before, middle, after]


class SlowDecision(Workflow):
    """Waits where it should not: in a decision."""

    task_list = "decide"
    decision_tasks_timeout = 3

    def run(self, name):
        self.submit(step, f"{name}-before").result  # noqa: B018 - waits
        note("deciding", name, os.getpid())
        wait_for_gate(name)
        return self.submit(step, f"{name}-after").result


class Sum(Workflow):
    """Sums of sums."""

    task_list = "decide"
    decision_tasks_timeout = 3

    def run(self, name, numbers):
        futures = [self.submit(add, name, n, 1) for n in numbers]
        total = 0
        for future in futures:
            total = self.submit(add, name, total, future).result
        return total
