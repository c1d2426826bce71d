"""Many independent activities at once.

They do nothing, so the time they take is what an activity costs, whatever it does.

    $ dataflow workflow.start --local examples.fan_out.FanOut --input 1000
    completed in 0.15 s: 1000
"""

from dataflow import Workflow, activity, futures


@activity.with_attributes(task_list="quickstart", version="example")
def nothing() -> None:
    """Do nothing."""


class FanOut(Workflow):
    """Runs ``n`` activities and waits for all of them."""

    name = "fan_out"
    version = "example"
    task_list = "example"

    def run(self, n: int = 1000) -> int:
        done, _ = futures.wait(*(self.submit(nothing) for _ in range(n)))
        return len(done)
