"""Exit codes: what they say is the same for every command.

====  ==============================================================================================
0     done; of a workflow: it has completed, or goes on as another run
1     failed: the workflow, the activity; or the engine has refused what was asked
2     written wrongly: an option, a name, JSON
3     not found: an execution, a task, a type, a domain
4     the execution was cancelled or terminated
5     the execution has timed out; or its end did not come in the time that ``--timeout`` gives
6     the engine is not to be reached, or has too much to do
130   interrupted
====  ==============================================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dataflow.errors import NotFound, Unreachable, UsageError

if TYPE_CHECKING:
    from dataflow.protocol.names import CloseStatus

DONE = 0
FAILED = 1
USAGE = 2
NOT_FOUND = 3
ENDED_FROM_OUTSIDE = 4
TIMED_OUT = 5
UNREACHABLE = 6
INTERRUPTED = 130

_OF_STATUS: dict[CloseStatus, int] = {
    "COMPLETED": DONE,
    "CONTINUED_AS_NEW": DONE,
    "FAILED": FAILED,
    "CANCELED": ENDED_FROM_OUTSIDE,
    "TERMINATED": ENDED_FROM_OUTSIDE,
    "TIMED_OUT": TIMED_OUT,
}
#: Faults that say that a request cannot be carried out as it is written.
_MALFORMED = frozenset({"SerializationException", "ValidationException"})


def of_end(status: CloseStatus) -> int:
    """The exit code for how an execution has ended."""
    return _OF_STATUS[status]


def of_error(error: BaseException) -> int:
    """The exit code for an error that a user is told of in one line."""
    from dataflow.process.calls import code, passes  # costs nothing where nothing went wrong

    if isinstance(error, NotFound) or code(error) == "UnknownResourceFault":
        return NOT_FOUND
    if isinstance(error, Unreachable) or (code(error) and passes(error)):
        return UNREACHABLE
    if isinstance(error, UsageError) or code(error) in _MALFORMED:
        return USAGE
    return FAILED
