"""Which tasks fed which: the graph of an execution, from its history alone.

1. *Edges are what history says*: see `ties`. They lead from earlier to later tasks.
2. *Fan-outs fold.* Tasks are alike if they have the same type and the same kinds of edges from
   tasks that are alike. Where more than ``fold`` are alike, they are one node. So a map of a
   thousand items is as easily read as one of three, and so is a map of chains.
3. *Loops fold*, where a step is repeated more than ``fold`` times: see `loops`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from dataflow.inspection import loops
from dataflow.inspection.labels import label, short_names
from dataflow.inspection.retrying import backing_off
from dataflow.inspection.tasks import Kind, State, Task
from dataflow.inspection.ties import TieKind, Ties, ties_of
from dataflow.protocol.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A task, or many that are alike."""

    #: ``n0``, ``n1`` ...
    key: str
    kind: Kind
    #: The type's name.
    name: str
    version: str
    #: What it is called in a picture.
    label: str
    #: In the order of first scheduling; more than one in what is folded.
    task_ids: Sequence[str]
    #: Whether they came one after the other, in a loop, and not side by side.
    in_turn: bool
    #: How many of them are in which state, the most frequent first. What is going to be tried again
    #: has not failed: it is scheduled.
    states: Mapping[State, int]
    #: Of all attempts of all of them.
    attempts: int
    #: Seconds since the epoch: the first that was scheduled, the last that ended (None: not yet).
    scheduled_at: float
    ended_at: float | None
    #: Seconds that they ran, all together. None: none has started.
    running: float | None
    #: Why one of them did not succeed: the first of the reasons.
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One task, or fan-out, led to another."""

    source: str
    target: str
    kind: TieKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """The tasks of one execution, and what ties them."""

    #: Edges lead from earlier to later ones.
    nodes: Sequence[Node]
    #: In the order of their targets; at most one from a node to another.
    edges: Sequence[Edge]


def graph(
    events: Sequence[Event], tasks: Sequence[Task], now: float, *, fold: int | None = None
) -> Graph:
    """The graph of an execution; ``now``: until when open tasks count as running.

    ``events``: a whole history; ``tasks``: those in it. ``fold``: of how many alike there may be at
    most, each as a node of its own; None: of any.
    """
    # Signals and markers of a workflow are events to it, and feed nothing that history shows.
    told = [task for task in tasks if task.is_step]
    links = ties_of(told, events)
    classes = _classes(told, links)
    sizes = Counter(classes)
    members: dict[tuple[int, int], list[int]] = defaultdict(list)
    for index, cls in enumerate(classes):
        folded = fold is not None and sizes[cls] > fold
        members[cls, -1 if folded else index].append(index)
    # A class comes after those that its edges come from: see `_classes`.
    groups = [_Group(members[key], in_turn=False) for key in sorted(members)]
    if fold is not None:
        groups = _with_loops(groups, told, links, fold)
    making = _Nodes(told, backing_off(tasks), now)
    return Graph(
        nodes=[making.node(f"n{n}", group) for n, group in enumerate(groups)],
        edges=[
            Edge(source=f"n{source}", target=f"n{target}", kind=kind)
            for (target, source), kind in sorted(_edges(groups, links).items())
        ],
    )


class _Group(NamedTuple):
    """Tasks, by their indices, that are one node."""

    indices: list[int]
    in_turn: bool


# --- folding -------------------------------------------------------------------------------


def _classes(told: Sequence[Task], links: Sequence[Ties]) -> Sequence[int]:
    """For each task the number of its class: equal for tasks that are alike.

    The numbers grow along edges, since a class is numbered when its sources have been.
    """
    numbers: dict[Any, int] = {}
    classes: list[int] = []
    behind: dict[int, frozenset[tuple[int, TieKind]]] = {}
    for task, ties in zip(told, links, strict=True):
        if id(ties) not in behind:
            behind[id(ties)] = frozenset((classes[one], kind) for one, kind in ties.items())
        key = (_type(task), behind[id(ties)])
        classes.append(numbers.setdefault(key, len(numbers)))
    return classes


def _with_loops(
    groups: Sequence[_Group], told: Sequence[Task], links: Sequence[Ties], fold: int
) -> list[_Group]:
    firsts = [told[group.indices[0]] for group in groups]
    standing = loops.standing_in(
        [_type(task) for task in firsts],
        [(source, target) for target, source in _edges(groups, links)],
        fold,
    )
    turns: dict[int, list[_Group]] = defaultdict(list)
    for group, first in zip(groups, standing, strict=True):
        turns[first].append(group)
    return [
        _Group(
            indices=[index for group in turns[first] for index in group.indices],
            in_turn=len(turns[first]) > 1,
        )
        for first in sorted(turns)
    ]


def _type(task: Task) -> tuple[str, str, str]:
    # A timer is known by its id alone.
    return task.kind, "" if task.kind == "timer" else task.name, task.version


def _edges(groups: Sequence[_Group], links: Sequence[Ties]) -> Mapping[tuple[int, int], TieKind]:
    """What each group came after: by its number, and that of the other."""
    place = {index: n for n, group in enumerate(groups) for index in group.indices}
    found: dict[tuple[int, int], TieKind] = {}
    seen = set()
    for index, ties in enumerate(links):
        target = place[index]
        if (id(ties), target) in seen:
            continue
        seen.add((id(ties), target))
        for source, kind in ties.items():
            pair = (target, place[source])
            # That a loop begins again is said by its being one.
            if pair[1] < target and found.get(pair) != "input":
                found[pair] = kind
    return found


class _Nodes:
    """Makes nodes of groups."""

    def __init__(self, told: Sequence[Task], retried: Collection[str], now: float) -> None:
        self._told = told
        self._retried = retried
        self._now = now
        self._short = short_names({task.name for task in told})

    def node(self, key: str, group: _Group) -> Node:
        told = [self._told[index] for index in group.indices]
        first = told[0]
        states = [self._state(task) for task in told]
        ran = [seconds for task in told if (seconds := task.running(self._now)) is not None]
        ended = [task.ended_at for task in told]
        reasons = (task.last.reason for task in told)
        is_open = None in ended or "scheduled" in states
        return Node(
            key=key,
            kind=first.kind,
            name=first.name,
            version=first.version,
            label=self._label(first, many=len(told) > 1),
            task_ids=[task.task_id for task in told],
            in_turn=group.in_turn,
            states=dict(Counter(states).most_common()),
            attempts=sum(len(task.attempts) for task in told),
            scheduled_at=first.scheduled_at,
            ended_at=None if is_open else max(at for at in ended if at is not None),
            running=sum(ran) if ran else None,
            reason=next((reason for reason in reasons if reason), None),
        )

    def _state(self, task: Task) -> State:
        return "scheduled" if task.task_id in self._retried else task.state

    def _label(self, task: Task, *, many: bool) -> str:
        if not many:
            return label(task, self._short)
        return "timers" if task.kind == "timer" else self._short[task.name]
