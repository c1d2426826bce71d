"""Task lists: what waits in one, and who was seen to take from it.

SWF does not tell who polls a list. But histories tell who has taken a task, and when.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from dataflow.protocol import events as ev
from dataflow.protocol.events import Event

Kind = Literal["activity", "decision"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Poller:
    """One process that has taken tasks."""

    kind: Kind
    #: As it calls itself.
    identity: str
    #: When it last took a task: seconds since the epoch.
    seen_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskList:
    """A list, as there is one of each kind under its name."""

    name: str
    waiting_activities: int
    waiting_decisions: int
    #: Whether there are more than were counted.
    truncated: bool
    #: The latest first.
    pollers: tuple[Poller, ...]


def pollers(name: str, histories: Iterable[Iterable[Event]]) -> list[Poller]:
    """Who was seen at a list in some histories, or ends of histories; the latest first."""
    seen: dict[tuple[Kind, str], float] = {}
    for events in histories:
        there: set[int] = set()
        for event in events:
            match event.attributes:
                case ev.ActivityTaskScheduled() | ev.DecisionTaskScheduled() as scheduled:
                    if scheduled.task_list.name == name:
                        there.add(event.event_id)
                case ev.ActivityTaskStarted() | ev.DecisionTaskStarted() as started:
                    if started.identity is None or started.scheduled_event_id not in there:
                        continue
                    is_activity = isinstance(started, ev.ActivityTaskStarted)
                    kind: Kind = "activity" if is_activity else "decision"
                    at = max(event.timestamp, seen.get((kind, started.identity), 0.0))
                    seen[kind, started.identity] = at
    found = [
        Poller(kind=kind, identity=identity, seen_at=at) for (kind, identity), at in seen.items()
    ]
    return sorted(found, key=lambda poller: poller.seen_at, reverse=True)
