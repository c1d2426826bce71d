"""Workflows whose activities leave a trace."""

import os
import time
from pathlib import Path

from dataflow import Workflow, activity


@activity.with_attributes()
def step(n):
    with Path(os.environ["STEPS"]).open("a") as steps:
        steps.write(f"{n}\n")
    if os.environ.get("HANG") == str(n):
        time.sleep(60)
    return n


@activity.with_attributes()
def fail():
    raise ValueError("no luck")


@activity.with_attributes()
def grow(text):
    with Path(os.environ["STEPS"]).open("a") as steps:
        steps.write("grow\n")
    return text * 10


@activity.with_attributes()
def measure(text):
    return len(text)


class Large(Workflow):
    """Long texts everywhere: its input, a task's, a result that is passed on, its own result."""

    def run(self, text):
        large = self.submit(grow, text)
        assert self.submit(measure, large).result == 10 * len(text)
        return large


class Steps(Workflow):
    def run(self, n):
        results = [self.submit(step, i).result for i in range(n)]
        print(f"{n} steps")  # noqa: T201 - as users do
        return results


class Fails(Workflow):
    def run(self):
        return self.submit(fail).result


class Waits(Workflow):
    def run(self, seconds):
        self.submit(step, 0).result  # noqa: B018 - waits
        self.sleep(seconds)
        return self.submit(step, 1).result
