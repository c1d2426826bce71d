"""The small structures that events and decisions are made of, and SWF's way to write a duration."""

from __future__ import annotations

import functools

import msgspec


class Value(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, gc=False):
    """A structure of the SWF model: snake_case here, camelCase on the wire.

    ``gc=False``: a value holds strings, numbers and other values, so it can never be part of a
    reference cycle, and long histories cost the garbage collector nothing.
    """


class ActivityType(Value, frozen=True):
    name: str
    version: str


class WorkflowType(Value, frozen=True):
    name: str
    version: str


class TaskList(Value, frozen=True):
    name: str


class WorkflowExecution(Value, frozen=True):
    workflow_id: str
    run_id: str


#: What SWF writes for a time-out that is switched off.
NO_TIMEOUT = "NONE"


@functools.lru_cache(maxsize=1024)
def seconds(duration: str | None) -> int | None:
    """The number of seconds in an SWF duration; None where there is no limit."""
    if duration is None or duration in {NO_TIMEOUT, ""}:
        return None
    return int(duration)
