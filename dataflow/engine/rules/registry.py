"""Registered types: what the rules need to know of them, and how they come and go.

A type is named by its name and version and never changes; it is REGISTERED, then DEPRECATED, and
back, or deleted. What is running or scheduled under it goes on whatever becomes of it.
https://docs.aws.amazon.com/amazonswf/latest/apireference/API_DeprecateActivityType.html
"""

from __future__ import annotations

from typing import Generic, Protocol, TypeVar

import msgspec

from dataflow.engine.rules.checks import check_name, check_settings
from dataflow.protocol.faults import (
    LimitExceededFault,
    TypeAlreadyExistsFault,
    TypeDeprecatedFault,
    TypeNotDeprecatedFault,
    UnknownResourceFault,
)
from dataflow.protocol.names import ChildPolicy
from dataflow.protocol.operations import RegisterActivityType, RegisterWorkflowType
from dataflow.protocol.values import ActivityType, TaskList, WorkflowType


class ActivityDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """A registered activity type: what stands in where a decision says nothing."""

    deprecated: bool = False
    task_list: TaskList | None = None
    task_priority: str | None = None
    schedule_to_start_timeout: str | None = None
    schedule_to_close_timeout: str | None = None
    start_to_close_timeout: str | None = None
    heartbeat_timeout: str | None = None


class WorkflowDefaults(msgspec.Struct, frozen=True, kw_only=True):
    """A registered workflow type: what stands in where the start of an execution says nothing."""

    deprecated: bool = False
    task_list: TaskList | None = None
    task_priority: str | None = None
    task_start_to_close_timeout: str | None = None
    execution_start_to_close_timeout: str | None = None
    child_policy: ChildPolicy | None = None
    lambda_role: str | None = None


class Registry(Protocol):
    """The registered types of a domain."""

    def activity_type(self, activity_type: ActivityType) -> ActivityDefaults | None:
        """The defaults of a type; None if it is not registered."""
        ...

    def workflow_type(self, workflow_type: WorkflowType) -> WorkflowDefaults | None:
        """The defaults of a type; None if it is not registered."""
        ...


class EveryType:
    """A registry in which every type exists, without defaults: nothing needs registering."""

    def activity_type(self, activity_type: ActivityType) -> ActivityDefaults | None:  # noqa: ARG002
        """No defaults."""
        return _NO_ACTIVITY_DEFAULTS

    def workflow_type(self, workflow_type: WorkflowType) -> WorkflowDefaults | None:  # noqa: ARG002
        """No defaults."""
        return _NO_WORKFLOW_DEFAULTS


_NO_ACTIVITY_DEFAULTS = ActivityDefaults()
_NO_WORKFLOW_DEFAULTS = WorkflowDefaults()


Registration = TypeVar("Registration", RegisterActivityType, RegisterWorkflowType)


class RegisteredType(Generic[Registration]):
    """One registered type."""

    __slots__ = ("created", "deprecated", "registration")

    def __init__(
        self, registration: Registration, created: float, deprecated: float | None = None
    ) -> None:
        self.registration: Registration = registration
        #: Seconds since the epoch.
        self.created = created
        #: Since when it is DEPRECATED; None while it is REGISTERED.
        self.deprecated = deprecated


class Types(Generic[Registration]):
    """The registered types of one kind in one domain."""

    def __init__(self, word: str) -> None:
        """``word``: how the kind is called in messages, ``ActivityType`` or ``WorkflowType``."""
        self._word = word
        self._types: dict[tuple[str, str], RegisteredType[Registration]] = {}

    def __len__(self) -> int:
        return len(self._types)

    def add(self, registered: RegisteredType[Registration]) -> None:
        """Take in a type that was registered before."""
        registration = registered.registration
        self._types[registration.name, registration.version] = registered

    def get(self, name: str, version: str) -> RegisteredType[Registration] | None:
        """The type, if it is registered (deprecated or not)."""
        return self._types.get((name, version))

    def known(self, name: str, version: str) -> RegisteredType[Registration]:
        """The type. Raises `UnknownResourceFault`."""
        found = self._types.get((name, version))
        if found is None:
            raise UnknownResourceFault(f"Unknown type: {self._describe(name, version)}")
        return found

    def all(self) -> list[RegisteredType[Registration]]:
        """Every type, ascending by name and version."""
        return [self._types[key] for key in sorted(self._types)]

    def register(
        self, registration: Registration, now: float, limit: int | None = None
    ) -> RegisteredType[Registration]:
        """Add a type. ``limit``: how many there may be, with the deprecated ones."""
        check_name(registration.name, "name")
        check_name(registration.version, "version")
        check_settings(registration)
        name, version = registration.name, registration.version
        if (name, version) in self._types:
            raise TypeAlreadyExistsFault(self._describe(name, version))
        if limit is not None and len(self._types) >= limit:
            raise LimitExceededFault(f"{limit} types are registered in this domain")
        registered = RegisteredType(registration, now)
        self.add(registered)
        return registered

    def deprecate(self, name: str, version: str, now: float) -> RegisteredType[Registration]:
        """No new tasks or executions of this type."""
        found = self.known(name, version)
        if found.deprecated is not None:
            raise TypeDeprecatedFault(self._describe(name, version))
        found.deprecated = now
        return found

    def undeprecate(self, name: str, version: str) -> RegisteredType[Registration]:
        """Allow new tasks or executions again."""
        found = self.known(name, version)
        if found.deprecated is None:
            raise TypeAlreadyExistsFault(self._describe(name, version))
        found.deprecated = None
        return found

    def delete(self, name: str, version: str) -> None:
        """Forget a deprecated type; its name and version may be registered anew."""
        if self.known(name, version).deprecated is None:
            raise TypeNotDeprecatedFault(
                "The type is currently registered and cannot be deleted in its current state"
            )
        del self._types[name, version]

    def _describe(self, name: str, version: str) -> str:
        return f"{self._word}=[name={name}, version={version}]"


class TypeRegistry:
    """A `Registry` of what has been registered."""

    def __init__(self) -> None:
        self.activities: Types[RegisterActivityType] = Types("ActivityType")
        self.workflows: Types[RegisterWorkflowType] = Types("WorkflowType")

    def activity_type(self, activity_type: ActivityType) -> ActivityDefaults | None:
        """The defaults of a type; None if it is not registered."""
        found = self.activities.get(activity_type.name, activity_type.version)
        if found is None:
            return None
        registration = found.registration
        return ActivityDefaults(
            deprecated=found.deprecated is not None,
            task_list=registration.default_task_list,
            task_priority=registration.default_task_priority,
            schedule_to_start_timeout=registration.default_task_schedule_to_start_timeout,
            schedule_to_close_timeout=registration.default_task_schedule_to_close_timeout,
            start_to_close_timeout=registration.default_task_start_to_close_timeout,
            heartbeat_timeout=registration.default_task_heartbeat_timeout,
        )

    def workflow_type(self, workflow_type: WorkflowType) -> WorkflowDefaults | None:
        """The defaults of a type; None if it is not registered."""
        found = self.workflows.get(workflow_type.name, workflow_type.version)
        if found is None:
            return None
        registration = found.registration
        return WorkflowDefaults(
            deprecated=found.deprecated is not None,
            task_list=registration.default_task_list,
            task_priority=registration.default_task_priority,
            task_start_to_close_timeout=registration.default_task_start_to_close_timeout,
            execution_start_to_close_timeout=registration.default_execution_start_to_close_timeout,
            child_policy=registration.default_child_policy,
            lambda_role=registration.default_lambda_role,
        )
