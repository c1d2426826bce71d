"""The documented limits of SWF.

https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dg-limits.html
"""

from __future__ import annotations

import msgspec

#: Characters in an activity id, timer id or workflow id.
ID_LENGTH = 256
#: Characters in the version of a type.
VERSION_LENGTH = 64
#: Characters in the reason of a failure.
REASON_LENGTH = 256
#: Characters in an input, result, control or details field.
DATA_LENGTH = 32_768
#: Characters in the details of a heartbeat.
HEARTBEAT_DETAILS_LENGTH = 2_048
#: Tags of one execution, each of at most 256 characters.
TAGS = 5
#: The longest time-out or timer: SWF writes durations in at most 8 digits.
DURATION_SECONDS = 99_999_999


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that depend on where an execution runs; None: no limit."""

    #: Decisions in one answer to a decision task.
    decisions: int = 100
    #: Bytes of one request on the wire.
    request_bytes: int | None = 1_000_000
    #: Open activity tasks of one execution.
    open_activities: int = 1_000
    #: Open timers of one execution.
    open_timers: int = 1_000
    #: Characters in an input, result, control or details field.
    data_length: int | None = DATA_LENGTH
    #: Events in one history, after which SWF terminates the execution.
    history_events: int | None = 25_000
    #: Events after which the owner of the workflow should hear of the limit.
    history_events_warning: int = 10_000


#: What Amazon SWF allows.
SWF_LIMITS = Limits()

#: One process, nothing on a wire: only what paces the work stays, so that a workflow behaves
#: here as it does on SWF.
LOCAL_LIMITS = Limits(request_bytes=None, data_length=None, history_events=None)
