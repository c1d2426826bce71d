"""A diamond: two activities read the result of a third, and a fourth reads both of theirs.

::

             ┌─► coldest ─┐
    measure ─┤            ├─► report
             └─► mean ────┘

A future is passed on as an argument, before there is a result. No activity is waited for: each
starts as soon as its inputs are there, and so `coldest` and `mean` run at the same time.

    $ dataflow workflow.start --local examples.pipeline.Weather --input '["Oslo", 7]'
    7 days in Oslo: mean 4.0, coldest 1
    completed in 0.01 s: {"coldest":1,"mean":4.0}
"""

from dataflow import Workflow, activity


@activity.with_attributes(task_list="quickstart", version="example")
def measure(city: str, days: int) -> list[int]:
    """The temperature of each day, from a very regular thermometer."""
    return [(day * 3 + len(city)) % 7 + 1 for day in range(days)]


@activity.with_attributes(task_list="quickstart", version="example")
def coldest(temperatures: list[int]) -> int:
    return min(temperatures)


@activity.with_attributes(task_list="quickstart", version="example")
def mean(temperatures: list[int]) -> float:
    return sum(temperatures) / len(temperatures)


@activity.with_attributes(task_list="quickstart", version="example")
def report(city: str, days: int, numbers: dict[str, float]) -> dict[str, float]:
    print(f"{days} days in {city}: mean {numbers['mean']}, coldest {numbers['coldest']}")
    return numbers


class Weather(Workflow):
    """Reports on the weather of some days in a city."""

    name = "weather"
    version = "example"
    task_list = "example"

    def run(self, city: str, days: int) -> dict[str, float]:
        temperatures = self.submit(measure, city, days)
        numbers = {
            "coldest": self.submit(coldest, temperatures),
            "mean": self.submit(mean, temperatures),
        }
        return self.submit(report, city, days, numbers).result
