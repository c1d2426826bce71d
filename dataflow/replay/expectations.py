"""What a decision asked for, until history confirms it: the law of the match.

Each decision of a batch becomes exactly one event, its success or its failure. The events that
follow a ``DecisionTaskCompleted`` must be those of the decisions that the code makes at that
point, no more and no less: in an incremental replay they are the answer just given, in a cold one
the answers of earlier deciders. A difference is `NonDeterminism`.

Compared are the kind of a task, its id, its type and its input. The duration of a timer is not:
history's stands, so that a change of a back-off does not break what is running. An input that
history holds as a reference is compared by its hash: nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dataflow.errors import NonDeterminism
from dataflow.payload import jumbo
from dataflow.payload.failure import cut
from dataflow.payload.fields import Fields
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Event

Key = tuple[type[Decision], str]

#: How each decision is told from the others of its batch.
_DECISION_KEYS: dict[type[Decision], Callable[[Any], str]] = {
    de.ScheduleActivityTask: lambda d: d.activity_id,
    de.RequestCancelActivityTask: lambda d: d.activity_id,
    de.StartTimer: lambda d: d.timer_id,
    de.CancelTimer: lambda d: d.timer_id,
    de.CompleteWorkflowExecution: lambda _: "",
    de.FailWorkflowExecution: lambda _: "",
}


def _activity_id(event: Any) -> str:
    return str(event.activity_id)


def _timer_id(event: Any) -> str:
    return str(event.timer_id)


def _no_id(_: Any) -> str:
    return ""


#: Which decision each event comes from, and how it is told from the others.
_EVENT_KEYS: dict[type[ev.Attributes], tuple[type[Decision], Callable[[Any], str]]] = {
    ev.ActivityTaskScheduled: (de.ScheduleActivityTask, _activity_id),
    ev.ScheduleActivityTaskFailed: (de.ScheduleActivityTask, _activity_id),
    ev.ActivityTaskCancelRequested: (de.RequestCancelActivityTask, _activity_id),
    ev.RequestCancelActivityTaskFailed: (de.RequestCancelActivityTask, _activity_id),
    ev.TimerStarted: (de.StartTimer, _timer_id),
    ev.StartTimerFailed: (de.StartTimer, _timer_id),
    ev.TimerCanceled: (de.CancelTimer, _timer_id),
    ev.CancelTimerFailed: (de.CancelTimer, _timer_id),
    ev.WorkflowExecutionCompleted: (de.CompleteWorkflowExecution, _no_id),
    ev.CompleteWorkflowExecutionFailed: (de.CompleteWorkflowExecution, _no_id),
    ev.WorkflowExecutionFailed: (de.FailWorkflowExecution, _no_id),
    ev.FailWorkflowExecutionFailed: (de.FailWorkflowExecution, _no_id),
}

#: The events that come from a decision.
DECIDED_EVENTS: frozenset[type[ev.Attributes]] = frozenset(
    cls
    for cls in ev.EVENT_TYPES.values()
    if "decision_task_completed_event_id" in cls.__struct_fields__
)


class Expectations:
    """The decisions whose events have not been seen yet."""

    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self._asked: dict[Key, Decision] = {}

    def ask(self, decisions: Iterable[Decision]) -> None:
        """Expect the events of these decisions next."""
        self._asked = {
            (type(decision), _DECISION_KEYS[type(decision)](decision)): decision
            for decision in decisions
        }

    def confirm(self, event: Event) -> None:
        """An event that comes from a decision.

        Raises `NonDeterminism` if nothing asked for it, and `PayloadError` if it cannot be read.
        """
        attributes = event.attributes
        kind, key = _EVENT_KEYS.get(type(attributes), (None, _no_id))
        decision = None if kind is None else self._asked.pop((kind, key(attributes)), None)
        if decision is None:
            raise NonDeterminism(
                event_id=event.event_id,
                history=f"event {event.event_id}, {_tell_event(event)}",
                code=f"{self._other(kind)} at this point",
            )
        if not self._fits(decision, attributes):
            raise NonDeterminism(
                event_id=event.event_id,
                history=f"event {event.event_id}, {_tell_event(event)}",
                code=_tell_decision(decision),
            )

    def check_all_confirmed(self, next_event_id: int | None) -> None:
        """The events of the decision are over. Raises `NonDeterminism` if some are missing."""
        if not self._asked:
            return
        decision = next(iter(self._asked.values()))
        more = f" (and {len(self._asked) - 1} more)" if len(self._asked) > 1 else ""
        raise NonDeterminism(
            event_id=next_event_id,
            history=(
                f"nothing of the kind before event {next_event_id}"
                if next_event_id
                else "nothing of the kind until its end"
            ),
            code=_tell_decision(decision) + more,
        )

    def _fits(self, decision: Decision, attributes: ev.Attributes) -> bool:
        """Whether an event says what the decision that it comes from has asked."""
        if not isinstance(attributes, ev.ActivityTaskScheduled):
            return True
        assert isinstance(decision, de.ScheduleActivityTask)
        if decision.activity_type != attributes.activity_type:
            return False
        asked, stands = decision.input, attributes.input
        if asked is None or stands is None or asked == stands:
            return asked == stands
        return jumbo.matches(self._fields.open(stands), asked)

    def _other(self, kind: type[Decision] | None) -> str:
        """What the code asks instead."""
        if not self._asked:
            return "nothing more"
        same = [d for d in self._asked.values() if type(d) is kind]
        return _tell_decision(same[0] if same else next(iter(self._asked.values())))


def _tell(kind: str, parts: Iterable[tuple[str, Any]]) -> str:
    told = (f"{name} {_short(value)}" for name, value in parts if value is not None)
    return " ".join([kind, *told])


def _short(text: Any) -> str:
    return cut(str(text), 200)


def _tell_event(event: Event) -> str:
    return _tell(event.event_type, _parts(event.attributes))


def _tell_decision(decision: Decision) -> str:
    return _tell(type(decision).__name__, _parts(decision))


def _parts(value: Any) -> Iterable[tuple[str, Any]]:
    """What tells one event or decision from another, for people."""
    activity_type = getattr(value, "activity_type", None)
    if activity_type is not None:
        yield "of", f"{activity_type.name} version {activity_type.version}"
    for field, word in (
        ("activity_id", "as"),
        ("timer_id", "id"),
        ("cause", "cause"),
        ("input", "with"),
        ("reason", "reason"),
        ("result", "result"),
    ):
        yield word, getattr(value, field, None)
