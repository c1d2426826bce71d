"""A trip: everything that an execution can look like, in a few seconds.

Fares are asked for side by side; one airline does not answer at first, and is asked again. The
cheapest trip is booked when the traveller has had time to think, and what cannot be mailed is kept
at the desk. Everything takes as long as it pretends to, so that there is something to see:
``script/demo`` looks at it with each command that looks at executions.

    $ dataflow workflow.start --local examples.trip.Trip --input '["Oslo", "Rome", "Kyiv", "Faro"]'
    Kyiv: no answer
    the ticket to Oslo is at the desk (no mailbox)
    completed in 3.31 s: {"city":"Oslo","fare":92}
"""

import time

from dataflow import Retry, TaskFailed, Workflow, activity

#: How long asking for a fare takes, in seconds.
SLOW, SLOWER = 0.4, 0.3


@activity.with_attributes(
    task_list="quickstart", version="example", retry=Retry(attempts=3, initial_delay=1)
)
def ask_fare(city: str, place: int) -> int:
    """The fare to a city; the airline of the third does not answer at once."""
    time.sleep(SLOW + SLOWER * (place % 2))
    if place == 2 and activity.context().attempt == 1:  # noqa: PLR2004 - the third
        print(f"{city}: no answer")
        raise ConnectionError(f"no answer from {city}")
    return 50 + len(city) * 11 + place * 17 % 23 - ord(city[0]) % 7


@activity.with_attributes(task_list="quickstart", version="example")
def choose(cities: list[str], fares: list[int]) -> str:
    time.sleep(SLOW)
    return min(zip(fares, cities, strict=True))[1]


@activity.with_attributes(task_list="quickstart", version="example")
def book(city: str) -> str:
    time.sleep(2 * SLOW)
    return f"the ticket to {city}"


@activity.with_attributes(task_list="quickstart", version="example")
def mail(ticket: str) -> None:
    time.sleep(SLOWER)
    raise LookupError(f"{ticket}: no mailbox")


class Trip(Workflow):
    """Books a trip to the cheapest of some cities; the result is the city and its fare."""

    name = "trip"
    version = "example"
    task_list = "example"

    def run(self, *cities: str) -> dict[str, str | int]:
        if not cities:
            raise ValueError("where to? Name a city")
        time_to_think = self.submit(self.start_timer("time-to-think", 2))
        fares = [self.submit(ask_fare, city, place) for place, city in enumerate(cities)]
        chosen = self.submit(choose, cities, fares)
        time_to_think.result  # noqa: B018 - waits for it
        ticket = self.submit(book, chosen)
        try:
            self.submit(mail, ticket).result  # noqa: B018 - waits for it
        except TaskFailed:
            print(f"{ticket.result} is at the desk (no mailbox)")
        city = chosen.result
        return {"city": city, "fare": fares[cities.index(city)].result}
