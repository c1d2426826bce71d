"""Decisions that a decider could not make: a change that does not fit the history, a broken import.

1. *Nothing is lost, and nothing spins.* The decider answers with a timer and nothing else, so that
   the execution comes back after a while: 5 seconds, then 10, 20 ... up to an hour, until one is
   made. Why, it says in the execution context, where people and tools can see it.
2. *For the replay such an answer is none* (`Postponed`): what happened around it belongs to the
   next decision that is made, as if the task had timed out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dataflow.protocol import events as ev
from dataflow.protocol.decisions import StartTimer
from dataflow.protocol.events import Event
from dataflow.task import OWN_TIMERS

_TIMER = f"{OWN_TIMERS}postponed-"
_FIRST_SECONDS, _MOST_SECONDS = 5, 3600


def postpone(events: Iterable[Event], started_event_id: int) -> StartTimer:
    """The answer to the decision task in hand; ``events``: all that is known of its history."""
    known = list(events)
    postponed, before = Postponed(known).answers, 0
    for event in known:
        if type(event.attributes) is ev.DecisionTaskCompleted:
            before = before + 1 if event.event_id in postponed else 0
    # Beyond any power that is cut off anyway.
    seconds = min(_MOST_SECONDS, _FIRST_SECONDS * 2 ** min(before, 16))
    return StartTimer(timer_id=f"{_TIMER}{started_event_id}", start_to_fire_timeout=str(seconds))


def was_postponed(events: Sequence[Event]) -> bool:
    """Whether the last answer among these events was none."""
    answers = Postponed(events).answers
    for event in reversed(events):
        if type(event.attributes) is ev.DecisionTaskCompleted:
            return event.event_id in answers
    return False


class Postponed:
    """The postponed decisions among some events."""

    def __init__(self, events: Iterable[Event]) -> None:
        #: The ``DecisionTaskCompleted`` events that decided nothing.
        self.answers = frozenset(
            event.attributes.decision_task_completed_event_id
            for event in events
            if isinstance(event.attributes, ev.TimerStarted)
            and event.attributes.timer_id.startswith(_TIMER)
        )

    def about(self, event: Event) -> bool:
        """Whether an event only tells of a postponed decision."""
        attributes = event.attributes
        if isinstance(attributes, ev.TimerStarted | ev.TimerFired):
            return attributes.timer_id.startswith(_TIMER)
        return event.event_id in self.answers
