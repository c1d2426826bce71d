"""What the model's texts say of single values, beyond the lengths and types that it states.

Names: https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RegisterDomain.html
Durations and priorities:
https://docs.aws.amazon.com/amazonswf/latest/apireference/API_StartWorkflowExecution.html
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from dataflow.protocol.constraints import broken
from dataflow.protocol.decisions import ScheduleLambdaFunction
from dataflow.protocol.limits import (
    DURATION_SECONDS,
    EXECUTION_SECONDS,
    LAMBDA_SECONDS,
    RETENTION_DAYS,
)
from dataflow.protocol.operations import Operation
from dataflow.protocol.values import NO_TIMEOUT, ResourceTag

#: "The specified string must not contain a : (colon), / (slash), | (vertical bar), or any control
#: characters (\u0000-\u001f | \u007f-\u009f). Also, it must not be the literal string arn."
_FORBIDDEN = re.compile(r"[:/|\x00-\x1f\x7f-\x9f]")


class _Integer(NamedTuple):
    """A text that holds an integer; or, if it may be off, ``NONE``."""

    least: int
    most: int
    off: bool = False
    #: Whether it must say something: else an empty text says nothing, as one that is left out.
    needed: bool = False

    def fits(self, value: str) -> bool:
        if not value:
            return not self.needed
        if value == NO_TIMEOUT:
            return self.off
        # Other scripts' digits are no digits.
        return re.fullmatch(r"[+-]?[0-9]{1,10}", value) is not None and (
            self.least <= int(value) <= self.most
        )

    def __str__(self) -> str:
        return f"Member must be an integer from {self.least} to {self.most}" + (
            f", or {NO_TIMEOUT}" if self.off else ""
        )


_NOT_IN_TAGS = re.compile(r"[^\w\s.:/=+@-]")

_PRIORITY = _Integer(-(2**31), 2**31 - 1)
_DURATION = _Integer(0, DURATION_SECONDS, off=True)
_TIMER = _Integer(0, DURATION_SECONDS, needed=True)
_EXECUTION = _Integer(0, EXECUTION_SECONDS)
_EXECUTION_OF_DECISION = _Integer(0, EXECUTION_SECONDS, off=True)
_LAMBDA = _Integer(1, LAMBDA_SECONDS)
_RETENTION = _Integer(0, RETENTION_DAYS, off=True, needed=True)


def check_name(value: str, member: str) -> None:
    """Refuse what may not be the name of a domain or type, or a version."""
    if _FORBIDDEN.search(value) or value == "arn":
        raise broken(
            value, [member], "Member must not contain : / | or control characters, nor be 'arn'"
        )


def check_domain_name(value: str) -> None:
    """Refuse what may not be the name of a domain."""
    check_name(value, "name")
    if value != value.strip():
        # "The specified string must not start or end with whitespace."
        raise broken(value, ["name"], "Member must not start or end with whitespace")


def retention_days(value: str) -> int:
    """The days for which a domain keeps closed executions; 0 if it does not keep them.

    "If you pass the value NONE or 0 (zero), then the workflow execution history isn't retained."
    """
    if not _RETENTION.fits(value):
        raise broken(value, ["workflowExecutionRetentionPeriodInDays"], str(_RETENTION))
    return 0 if value == NO_TIMEOUT else int(value)


def check_tags(tags: Iterable[ResourceTag]) -> None:
    """Refuse what may not be a tag of a domain.

    "Tags may only contain unicode letters, digits, whitespace, or these symbols: _ . : / = + - @."
    """
    for tag in tags:
        for text in (tag.key, tag.value or ""):
            if _NOT_IN_TAGS.search(text):
                raise broken(
                    text,
                    ["tags"],
                    "Member must be letters, digits, white space and _ . : / = + - @",
                )


def check_settings(structure: msgspec.Struct) -> None:
    """Refuse wrong durations and priorities in a request or decision."""
    for member, wire_name, rule in _settings(type(structure)):
        value = getattr(structure, member)
        if value is not None and not _fits(value, rule):
            raise broken(value, [wire_name], str(rule))


@functools.lru_cache(maxsize=4096)
def _fits(value: str, rule: _Integer) -> bool:
    return rule.fits(value)


@functools.cache
def _settings(cls: type[msgspec.Struct]) -> tuple[tuple[str, str, _Integer], ...]:
    """The members of a structure that are durations or priorities, and what they may be."""
    names = zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True)
    return tuple(
        (member, wire_name, _rule(cls, member))
        for member, wire_name in names
        if member.endswith(("timeout", "task_priority"))
    )


def _rule(cls: type[msgspec.Struct], member: str) -> _Integer:
    if member.endswith("task_priority"):
        return _PRIORITY
    if member == "start_to_fire_timeout":
        return _TIMER
    if member.endswith("execution_start_to_close_timeout"):
        # "There is a one-year max limit", and no NONE where a client gives the value. In decisions
        # "you can use NONE to specify unlimited duration".
        return _EXECUTION if issubclass(cls, Operation) else _EXECUTION_OF_DECISION
    return _LAMBDA if cls is ScheduleLambdaFunction else _DURATION
