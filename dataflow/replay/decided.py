"""What a replay answers, and what it needs to be given."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

import msgspec

from dataflow.errors import DataflowError
from dataflow.protocol import decisions as de
from dataflow.protocol.decisions import Decision

if TYPE_CHECKING:
    import random
    import uuid


#: The field of a decision that holds data of users. A replay decides in clear text; who sends the
#: decision writes the field (`Fields.write_all`). The ``control`` of an activity is ours: it names
#: tasks, and stays readable.
DATA_FIELDS: dict[type[Decision], str] = {
    de.ScheduleActivityTask: "input",
    de.StartTimer: "control",
    de.CompleteWorkflowExecution: "result",
    de.FailWorkflowExecution: "details",
}


class Verdict(enum.Enum):
    """How the decision ended."""

    #: The workflow waits for events; the decisions are to be sent.
    WAITING = "waiting"
    #: The decisions close the execution.
    CLOSING = "closing"
    #: History says that the execution is closed; there is nothing to decide.
    CLOSED = "closed"
    #: The events do not continue what this run has seen: drop it, and replay the whole history.
    STALE = "stale"
    #: There is a ``problem``; no answer must be sent, the execution stays open.
    BROKEN = "broken"


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """The result of ``Run.advance``."""

    verdict: Verdict
    #: To be sent with ``RespondDecisionTaskCompleted``, in this order.
    decisions: tuple[Decision, ...] = ()
    #: Why there is no decision: `NonDeterminism` or `ReplayBug`.
    problem: DataflowError | None = None
    #: What the owner of the workflow should hear of, one line each.
    notices: tuple[str, ...] = ()


class Chance(Protocol):
    """Where a replay gets random numbers and UUIDs from: equal seeds, equal values."""

    def random(self, seed: str) -> random.Random:
        """A generator of its own for this seed."""
        ...

    def uuid(self, seed: str) -> uuid.UUID:
        """A UUID for this seed."""
        ...
