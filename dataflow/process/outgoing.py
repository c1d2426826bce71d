"""What a process has written into history, through the fields of its engine.

The replay decides in clear text. Codec and store come last, just before an answer: so an answer
that nobody gives has stored nothing, and whatever a history refers to is stored before it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dataflow.errors import PayloadError, PayloadUnavailable, UsageError
from dataflow.payload.fields import Fields, Outgoing
from dataflow.protocol import decisions as de
from dataflow.protocol.decisions import Decision
from dataflow.protocol.limits import DATA_LENGTH, REASON_LENGTH
from dataflow.replay.decided import DATA_FIELDS


def write_input(fields: Fields, text: str) -> str:
    """An input that somebody outside gives, as it goes into history.

    Raises `UsageError` if it cannot be kept, and `PayloadUnavailable`.
    """
    try:
        return fields.write(text, field="input", limit=DATA_LENGTH)
    except PayloadUnavailable:
        raise
    except PayloadError as error:
        raise UsageError(str(error)) from error


def write_decisions(
    fields: Fields, decisions: Sequence[Decision], limit: int = DATA_LENGTH
) -> tuple[Decision, ...]:
    """The decisions as they go into history.

    Raises `PayloadError`, or `PayloadUnavailable` if it may go better later.
    """
    decisions = [
        _with_reason(fields, decision) if type(decision) is de.FailWorkflowExecution else decision
        for decision in decisions
    ]
    batch: list[Outgoing] = []
    places: list[tuple[int, str]] = []
    for n, decision in enumerate(decisions):
        field = DATA_FIELDS.get(type(decision))
        text = None if field is None else getattr(decision, field)
        if field is not None and text is not None:
            batch.append(Outgoing(text, field, limit))
            places.append((n, field))
    if not batch:
        return tuple(decisions)
    written = list(decisions)
    for (n, field), outgoing, text in zip(places, batch, fields.write_all(batch), strict=True):
        if text is not outgoing.text:
            written[n] = msgspec.structs.replace(written[n], **{field: text})
    return tuple(written)


def _with_reason(fields: Fields, decision: de.FailWorkflowExecution) -> Decision:
    if decision.reason is None:
        return decision
    return msgspec.structs.replace(decision, reason=fields.brief(decision.reason, REASON_LENGTH))
