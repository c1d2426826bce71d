"""What the processes need of an engine: requests of any kind, and polls that can be broken off.

`dataflow.connect` has what does this: the engine in this process, a server, Amazon SWF.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from dataflow.payload.fields import Fields
from dataflow.protocol.service import Service


class Poller(Protocol):
    """Polls for one thread."""

    def poll_for_activity_task(self, **request: Any) -> dict[str, Any]:
        """As the method of a `Service`; without a task if it was cancelled."""
        ...

    def poll_for_decision_task(self, **request: Any) -> dict[str, Any]:
        """As the method of a `Service`; without a task if it was cancelled.

        With ``nextPageToken`` it is no poll, but reads a page of the task that one has: any thread
        may ask, and it is answered after `cancel`, too.
        """
        ...

    def cancel(self) -> None:
        """Let the poll under way and all later ones answer at once; no task is lost.

        So the poll under way may still answer a task, which was on its way already: look at what
        comes. From any thread, and from a signal's handler. (Amazon SWF knows no such thing: there
        a poll under way is left alone, and may take up to a minute.)
        """
        ...


#: Gives an answer, or raises the fault that it is.
Answered = Callable[[], Mapping[str, Any]]


class Direct(Protocol):
    """An engine in this process, which calls back: nobody waits in a thread for its answers.

    What is called back is called once, from any thread, and may neither wait nor raise.
    """

    def ask(
        self, method: str, request: Mapping[str, Any], told: Callable[[Answered], None]
    ) -> Callable[[], bool]:
        """Have done what this method of a `Service` does.

        An answer is as on the wire: times are numbers, and a list of events is the `msgspec.Raw` of
        its JSON. Returns what withdraws a poll: True, if ``told`` will not be called any more.
        Raises what the engine has against the request itself.
        """
        ...


class Connection(Protocol):
    """A way to an engine."""

    @property
    def service(self) -> Service:
        """For all threads."""
        ...

    @property
    def direct(self) -> Direct | None:
        """The engine, if it is in this process."""
        ...

    @property
    def fields(self) -> Fields:
        """How what this engine keeps is read and written; for all threads."""
        ...

    @property
    def home(self) -> str | None:
        """The directory of a local engine: with it, another process finds the same fields."""
        ...

    def poller(self) -> Poller:
        """A poller, for one thread."""
        ...
