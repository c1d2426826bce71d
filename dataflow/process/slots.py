"""What performs the tasks of a worker, one at a time: in its own thread, or in a child process."""

from __future__ import annotations

from typing import Protocol

from dataflow.activity import Activity
from dataflow.errors import ActivityCanceled
from dataflow.process.heartbeat import Heartbeats
from dataflow.process.jobs import Outcome
from dataflow.process.performing import Performer, heartbeat_seconds
from dataflow.process.running import Running


class Slot(Protocol):
    """Room for one task; for one thread but for `wake` and `kill`."""

    def make_ready(self) -> None:
        """Be able to take a task. Raises `ChildFailed`, or `UsageError` if that will never be."""
        ...

    def perform(self, running: Running) -> Outcome:
        """Perform a task, until it ends."""
        ...

    def wake(self) -> None:
        """Look why the task shall end."""
        ...

    def kill(self) -> bool:
        """End the task at once; whether that is possible."""
        ...

    def close(self) -> None:
        """No more tasks will come."""
        ...


class InlineSlot:
    """Performs tasks in the thread that asks; what shall end hears of it at its next heartbeat."""

    def __init__(self, performer: Performer, heartbeats: Heartbeats) -> None:
        self._performer = performer
        self._heartbeats = heartbeats

    def make_ready(self) -> None:
        """It always is."""

    def perform(self, running: Running) -> Outcome:
        """Perform a task, here and now."""

        def beat(details: str | None) -> None:
            if running.ending is not None:
                raise ActivityCanceled(f"{running.task.activity_id} shall end")
            self._heartbeats.tell(running, details)

        def found(activity: Activity[..., object, object]) -> None:
            seconds = heartbeat_seconds(activity)
            if seconds is not None:
                self._heartbeats.expect(running, seconds)

        return self._performer.perform(running.task, beat, found)

    def wake(self) -> None:
        """Nobody sleeps: heartbeats look by themselves."""

    def kill(self) -> bool:
        """A thread cannot be ended from outside."""
        return False

    def close(self) -> None:
        """Nothing is held."""
