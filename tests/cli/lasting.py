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
