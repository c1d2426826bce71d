"""What the rules need to know of registered types."""

from __future__ import annotations

from typing import Protocol

import msgspec

from dataflow.protocol.values import ActivityType, TaskList


class ActivityDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """A registered activity type: what stands in where a decision says nothing."""

    deprecated: bool = False
    task_list: TaskList | None = None
    task_priority: str | None = None
    schedule_to_start_timeout: str | None = None
    schedule_to_close_timeout: str | None = None
    start_to_close_timeout: str | None = None
    heartbeat_timeout: str | None = None


class Registry(Protocol):
    """The registered types of a domain."""

    def activity_type(self, activity_type: ActivityType) -> ActivityDefaults | None:
        """The defaults of a type; None if it is not registered."""
        ...


class EveryType:
    """A registry in which every type exists, without defaults: nothing needs registering."""

    _DEFAULTS = ActivityDefaults()

    def activity_type(self, activity_type: ActivityType) -> ActivityDefaults | None:  # noqa: ARG002
        """No defaults."""
        return self._DEFAULTS
