"""Task lists: tasks that wait for a poll, and polls that wait for a task.

1. *They are derived.* A list exists while something waits in it, and is nowhere on disk: what is
   open in the histories says which tasks there are.
2. *Higher priority first; within a priority, first in, first out*: tasks by when they were
   scheduled, polls by when they came.
3. *Tasks and polls never wait in one list at once*: whoever adds one looks for the other.

https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dev-task-lists.html
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

Kind = Literal["activity", "decision"]


class Name(NamedTuple):
    """What names a task list. Lists of activities and of decisions are different ones."""

    domain: str
    kind: Kind
    task_list: str


class Task:
    """A task that waits."""

    __slots__ = ("gone", "key", "owner", "scheduled_event_id")

    def __init__(self, owner: Any, scheduled_event_id: int, key: tuple[int, float, int]) -> None:
        self.owner = owner
        self.scheduled_event_id = scheduled_event_id
        #: Sorts by priority (highest first), time, and age.
        self.key = key
        #: Handed out, timed out or cancelled: skipped when its turn comes.
        self.gone = False

    def __lt__(self, other: Task) -> bool:
        return self.key < other.key


class TaskList:
    """One list."""

    __slots__ = ("_heap", "name", "polls", "waiting")

    def __init__(self, name: Name) -> None:
        self.name = name
        #: Tasks that wait.
        self.waiting = 0
        self._heap: list[Task] = []
        #: Polls that wait, oldest first; a dictionary, since any of them may be withdrawn.
        self.polls: dict[Any, None] = {}

    def add(self, task: Task) -> None:
        heapq.heappush(self._heap, task)
        self.waiting += 1

    def remove(self, task: Task) -> None:
        """The task waits no longer."""
        if task.gone:
            return
        task.gone = True
        self.waiting -= 1
        # The heap's size follows the number of tasks that wait, not of those that ever did.
        if len(self._heap) > 2 * self.waiting + 64:
            self._heap = [task for task in self._heap if not task.gone]
            heapq.heapify(self._heap)

    def clear(self) -> None:
        """No task waits any longer."""
        self._heap.clear()
        self.waiting = 0

    def first(self) -> Task | None:
        """The task whose turn it is; it goes on waiting."""
        while self._heap and self._heap[0].gone:
            heapq.heappop(self._heap)
        return self._heap[0] if self._heap else None


class TaskLists:
    """All lists, of all domains."""

    def __init__(self) -> None:
        self._lists: dict[Name, TaskList] = {}
        self._scheduled = 0

    def __iter__(self) -> Iterator[TaskList]:
        return iter(self._lists.values())

    def get(self, name: Name) -> TaskList:
        """The list of this name; a new one, if nothing waits there."""
        found = self._lists.get(name)
        if found is None:
            found = self._lists[name] = TaskList(name)
        return found

    def waiting(self, name: Name) -> int:
        """How many tasks wait."""
        found = self._lists.get(name)
        return 0 if found is None else found.waiting

    def polling(self, name: Name) -> int:
        """How many polls wait."""
        found = self._lists.get(name)
        return 0 if found is None else len(found.polls)

    def schedule(
        self, name: Name, owner: Any, scheduled_event_id: int, priority: str | None, at: float
    ) -> tuple[TaskList, Task]:
        """A task begins to wait."""
        self._scheduled += 1
        # "If not assigned, then 0 is used. ... Higher numbers indicate higher priority."
        task = Task(owner, scheduled_event_id, (-int(priority or 0), at, self._scheduled))
        task_list = self.get(name)
        task_list.add(task)
        return task_list, task

    def drop_tasks(self) -> None:
        """No task waits any longer; polls do."""
        for task_list in list(self._lists.values()):
            task_list.clear()
            self.sweep(task_list)

    def sweep(self, task_list: TaskList) -> None:
        """Forget a list in which nothing waits."""
        # It may have been forgotten already, and another one of its name have begun.
        if (
            not task_list.waiting
            and not task_list.polls
            and self._lists.get(task_list.name) is task_list
        ):
            del self._lists[task_list.name]
