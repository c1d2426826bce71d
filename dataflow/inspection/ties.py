"""Which tasks came after which, as history says.

``input``: a task got another's result. ``after``: it followed another in a chain. Both are in the
``control`` field of what a replay schedules. A task without either was asked for when ``run`` went
on; what it went on with is the end of a task, and the tie is called ``next``.

A tie leads from what was scheduled earlier to what was scheduled later; a history that says
otherwise is not believed, so there are no cycles.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from dataflow.inspection.tasks import Task
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.replay.agenda import WAKE_UP_TIMER
from dataflow.replay.sources import Sources

TieKind = Literal["input", "after", "next"]

#: The tasks that one came after, by their index and in its order, and what each is to it.
Ties = dict[int, TieKind]


def ties_of(told: Sequence[Task], events: Iterable[Event]) -> Sequence[Ties]:
    """What each task came after.

    Tasks that came after the same share one object: a thousand tasks behind a thousand others are
    a thousand ties and not a million.
    """
    index_of = {task.task_id: index for index, task in enumerate(told)}
    recorded: dict[str | None, Ties] = {}
    links = []
    for index, task in enumerate(told):
        # A timer's is its user's.
        control = None if task.kind == "timer" else task.control
        if control not in recorded:
            recorded[control] = _recorded(task.sources if control else Sources(), index_of)
        ties = recorded[control]
        if ties and next(reversed(ties)) >= index:
            ties = {one: kind for one, kind in ties.items() if one < index}
        links.append(ties)
    going_on = _GoingOn(told, links, events)
    return [ties or going_on.before(index) for index, ties in enumerate(links)]


def _recorded(sources: Sources, index_of: Mapping[str, int]) -> Ties:
    # What is both is an input. What is not in history was cut off, or is not ours.
    ties: dict[int, TieKind] = {}
    ties.update((index_of[one], "after") for one in sources.after if one in index_of)
    ties.update((index_of[one], "input") for one in sources.inputs if one in index_of)
    return dict(sorted(ties.items()))


class _GoingOn:
    """What ``run`` had been waiting for when it asked for a task: what ended before that answer.

    Tasks of one type that are under way at the same time are a fan-out. They need not be asked for
    in one answer (which holds 100), nor all be open at once; what the first of them came after is
    what all of them came after. A task whose end is known to have led to another in the same answer
    explains that one, and is what another came after only where nothing else is.
    """

    def __init__(
        self, told: Sequence[Task], links: Sequence[Ties], events: Iterable[Event]
    ) -> None:
        self._told = told
        #: By the answer of a decider: the tasks that it knew to be over and the one before did not.
        self._over: dict[int, Sequence[int]] = {}
        #: The answers that were asked for because the one before was full.
        self._portions: set[int] = set()
        #: By the event that schedules a task: the answer.
        self._answer: dict[int, int] = {}
        #: By type: the last task seen here, and the event by which all of them were over.
        self._siblings: dict[tuple[str, str, str], tuple[Ties, float]] = {}
        self._read(events)
        #: By the answer: the tasks that are known to have led to what it asks for.
        self._explained: dict[int, set[int]] = defaultdict(set)
        once = {
            (self._answer_of(task), id(ties)): ties for task, ties in zip(told, links, strict=True)
        }
        for (answer, _), ties in once.items():
            self._explained[answer].update(ties)

    def _read(self, events: Iterable[Event]) -> None:
        ends = {task.last.ended_event_id: index for index, task in enumerate(self._told)}
        begins = {task.first.scheduled_event_id for task in self._told}
        unseen: list[int] = []
        woken = 0
        for event in events:
            attributes: Any = event.attributes
            if event.event_id in ends:
                unseen.append(event.event_id)
            elif event.event_id in begins:
                self._answer[event.event_id] = attributes.decision_task_completed_event_id
            elif isinstance(attributes, ev.TimerFired):
                woken = event.event_id if attributes.timer_id == WAKE_UP_TIMER else woken
            elif isinstance(attributes, ev.DecisionTaskCompleted):
                seen = [one for one in unseen if one < attributes.started_event_id]
                unseen = unseen[len(seen) :]
                self._over[event.event_id] = [ends[one] for one in seen]
                if 0 < woken < attributes.started_event_id:
                    self._portions.add(event.event_id)
                    woken = 0

    def before(self, index: int) -> Ties:
        """The tasks that came before one without sources; to be asked in order."""
        task = self._told[index]
        scheduled, ended = task.first.scheduled_event_id, task.last.ended_event_id
        answer = self._answer_of(task)
        key = (task.kind, task.name, task.version)
        before, over_by = self._siblings.get(key, ({}, 0))
        if over_by < scheduled and answer not in self._portions:
            over = sorted(one for one in self._over.get(answer, ()) if one < index)
            unexplained = [one for one in over if one not in self._explained[answer]]
            before = dict.fromkeys(unexplained or over, "next")
        over_by = max(over_by, float("inf") if ended is None else ended)
        self._siblings[key] = before, over_by
        return before

    def _answer_of(self, task: Task) -> int:
        return self._answer.get(task.first.scheduled_event_id, 0)
