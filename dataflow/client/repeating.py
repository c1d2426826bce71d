"""When a call is made again by itself, and how long after.

1. *What was not carried out can be asked for again*: a request that was not sent, and one that is
   answered "later": by ``ThrottlingException``, by ``ServiceUnavailable`` and, where the limit is
   one that passes, by ``LimitExceededFault``.
2. *What may have been carried out is asked for again if twice is the same as once.* That holds for
   reading, for heartbeats, and for the answers to tasks, of which only the first one counts.
3. *Not for ever.* After some attempts the caller is told; he knows better how long it is worth it.
"""

from __future__ import annotations

from dataflow.chance import back_off
from dataflow.protocol.faults import (
    Fault,
    InternalFailure,
    LimitExceededFault,
    RequestTimeoutException,
    ServiceUnavailable,
    ThrottlingException,
)
from dataflow.protocol.operations import OPERATIONS

#: The operations that wait for a task.
POLLS = frozenset({"PollForActivityTask", "PollForDecisionTask"})

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_READING = ("Count", "Describe", "Get", "List")
_OF_TASKS = ("Record", "Respond")
#: Nobody's waiting makes room for one more of these.
_REGISTERING = ("Register", "Tag")
_TWICE_AS_ONCE = POLLS | {name for name in OPERATIONS if name.startswith((*_READING, *_OF_TASKS))}
_NOT_DONE = (RequestTimeoutException, ServiceUnavailable, ThrottlingException)


def repeatable(operation: str) -> bool:
    """Whether it does no harm to have the operation carried out twice."""
    return operation in _TWICE_AS_ONCE


def passes(fault: Fault, operation: str) -> bool:
    """Whether the same request may be made again after this fault, a little later."""
    if isinstance(fault, LimitExceededFault):
        return not operation.startswith(_REGISTERING)
    if isinstance(fault, InternalFailure):
        return repeatable(operation)
    return isinstance(fault, _NOT_DONE)


def pause(attempt: int) -> float:
    """Seconds to wait after this many attempts."""
    return back_off(attempt, first=_FIRST_PAUSE, longest=_LONGEST_PAUSE, least=1 / 2)


def no_task(operation: str) -> dict[str, object]:
    """What a poll is answered that no task has come for, as it is on the wire."""
    answer: dict[str, object] = {"taskToken": "", "startedEventId": 0}
    if operation == "PollForDecisionTask":
        answer["previousStartedEventId"] = 0
    return answer
