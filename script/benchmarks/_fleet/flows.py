"""What is measured: activities that do nothing, in a chain or side by side."""

from __future__ import annotations

from dataflow import Workflow, activity

DOMAIN, TASK_LIST = "bench", "bench"


@activity.with_attributes(
    name="_fleet.flows.nothing",
    task_list=TASK_LIST,
    schedule_to_start_timeout=None,
    schedule_to_close_timeout=None,
)
def nothing(x: int) -> int:
    return x


class ChainOfActivities(Workflow):
    """Each activity waits for the one before."""

    name = "chain"

    def run(self, n: int) -> int:
        x = 0
        for _ in range(n):
            x = self.submit(nothing, x).result
        return x


class FanOut(Workflow):
    """None waits for any other."""

    name = "fan-out"

    def run(self, n: int) -> int:
        return len([future.result for future in self.map(nothing, range(n))])


DEFINITIONS = [ChainOfActivities, FanOut]
