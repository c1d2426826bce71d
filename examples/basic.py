"""A first workflow: activities that depend on each other, and one that nothing depends on.

`double` and `delay` both need the result of `increment`, and run at the same time when it is
there. The workflow waits for `delay` although nothing uses its result.

    $ dataflow workflow.start --local examples.basic.BasicWorkflow --input '[1, 5]'
    (1 + 1) * 2 = 4
    completed in 5.01 s: 4
"""

import time

from dataflow import Workflow, activity, futures


@activity.with_attributes(task_list="quickstart", version="example")
def increment(x: int) -> int:
    return x + 1


@activity.with_attributes(task_list="quickstart", version="example")
def double(x: int) -> int:
    return x * 2


@activity.with_attributes(task_list="quickstart", version="example")
def delay(t: float, x: int) -> int:
    time.sleep(t)
    return x


class BasicWorkflow(Workflow):
    """``(x + 1) * 2``, and a delay of ``t`` seconds beside it."""

    name = "basic"
    version = "example"
    task_list = "example"

    def run(self, x: int, t: float = 30) -> int:
        y = self.submit(increment, x)
        yy = self.submit(delay, t, y)
        z = self.submit(double, y)
        print(f"({x} + 1) * 2 = {z.result}")
        futures.wait(yy, z)
        return z.result
