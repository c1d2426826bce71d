"""The small structures and constrained texts that events, decisions and operations are made of.

A constraint is part of the type (``Annotated[str, Meta(...)]``): msgspec checks it wherever such a
value is *read*. Creating a value in Python checks nothing.
"""

from __future__ import annotations

import functools
from typing import Annotated

import msgspec
from msgspec import Meta

from dataflow.protocol.limits import (
    ARN_LENGTH,
    DATA_LENGTH,
    DESCRIPTION_LENGTH,
    DURATION_DIGITS,
    FUNCTION_NAME_LENGTH,
    HEARTBEAT_DETAILS_LENGTH,
    ID_LENGTH,
    IDENTITY_LENGTH,
    PAGE_SIZE,
    PAGE_TOKEN_LENGTH,
    REASON_LENGTH,
    RUN_ID_LENGTH,
    TAG_KEY_LENGTH,
    TAG_LENGTH,
    TAGS,
    TASK_TOKEN_LENGTH,
    VERSION_LENGTH,
)
from dataflow.protocol.names import CloseStatus

# --- texts and numbers -------------------------------------------------------------------
# "Optional" is the model's word: such a text may be empty.

Id = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH)]
Name = Annotated[str, Meta(min_length=1, max_length=ID_LENGTH)]
Version = Annotated[str, Meta(min_length=1, max_length=VERSION_LENGTH)]
OptionalVersion = Annotated[str, Meta(max_length=VERSION_LENGTH)]
RunId = Annotated[str, Meta(min_length=1, max_length=RUN_ID_LENGTH)]
OptionalRunId = Annotated[str, Meta(max_length=RUN_ID_LENGTH)]
FunctionName = Annotated[str, Meta(min_length=1, max_length=FUNCTION_NAME_LENGTH)]
Arn = Annotated[str, Meta(min_length=1, max_length=ARN_LENGTH)]

#: Seconds in decimal digits; `NO_TIMEOUT` in many places.
Duration = Annotated[str, Meta(min_length=1, max_length=DURATION_DIGITS)]
OptionalDuration = Annotated[str, Meta(max_length=DURATION_DIGITS)]
#: Days in decimal digits, or `NO_TIMEOUT`.
Days = Annotated[str, Meta(min_length=1, max_length=DURATION_DIGITS)]

Data = Annotated[str, Meta(max_length=DATA_LENGTH)]
HeartbeatDetails = Annotated[str, Meta(max_length=HEARTBEAT_DETAILS_LENGTH)]
Reason = Annotated[str, Meta(max_length=REASON_LENGTH)]
Identity = Annotated[str, Meta(max_length=IDENTITY_LENGTH)]
Description = Annotated[str, Meta(max_length=DESCRIPTION_LENGTH)]

Tag = Annotated[str, Meta(max_length=TAG_LENGTH)]
TagList = Annotated[tuple[Tag, ...], Meta(max_length=TAGS)]
TagKey = Annotated[str, Meta(min_length=1, max_length=TAG_KEY_LENGTH)]
TagValue = Annotated[str, Meta(max_length=TAG_LENGTH)]

TaskToken = Annotated[str, Meta(min_length=1, max_length=TASK_TOKEN_LENGTH)]
PageToken = Annotated[str, Meta(max_length=PAGE_TOKEN_LENGTH)]
#: 0 means what leaving it out means: the most there can be.
PageSize = Annotated[int, Meta(ge=0, le=PAGE_SIZE)]


# --- structures --------------------------------------------------------------------------


class Value(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A structure of the SWF model: snake_case here, camelCase on the wire.

    ``gc=False``: a value holds strings, numbers and other values, so it can never be part of a
    reference cycle, and long histories cost the garbage collector nothing.
    """


class ActivityType(Value, frozen=True):
    name: Name
    version: Version


class WorkflowType(Value, frozen=True):
    name: Name
    version: Version


class TaskList(Value, frozen=True):
    name: Name


class WorkflowExecution(Value, frozen=True):
    workflow_id: Id
    run_id: RunId


class ResourceTag(Value, frozen=True):
    key: TagKey
    value: TagValue | None = None


class ExecutionTimeFilter(Value, frozen=True):
    #: Seconds since the epoch, like every time here.
    oldest_date: float
    latest_date: float | None = None


class WorkflowExecutionFilter(Value, frozen=True):
    workflow_id: Id


class WorkflowTypeFilter(Value, frozen=True):
    name: Name
    version: OptionalVersion | None = None


class TagFilter(Value, frozen=True):
    tag: Tag


class CloseStatusFilter(Value, frozen=True):
    status: CloseStatus


# --- durations ---------------------------------------------------------------------------

#: The details of a HEARTBEAT time-out that an engine has written because it knew that the worker
#: was gone: no fault of the activity's, and no attempt. Amazon SWF never writes it.
WORKER_LOST = "dataflow: the worker of this task is gone"

#: What SWF writes for a time-out that is switched off.
NO_TIMEOUT = "NONE"


@functools.lru_cache(maxsize=1024)
def seconds(duration: str | None) -> int | None:
    """The number of seconds in an SWF duration; None where there is no limit."""
    if duration is None or duration in {NO_TIMEOUT, ""}:
        return None
    return int(duration)
