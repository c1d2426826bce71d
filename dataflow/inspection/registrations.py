"""Domains and types: what is registered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dataflow.protocol.names import RegistrationStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain, as a listing knows it."""

    name: str
    status: RegistrationStatus
    description: str | None
    arn: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainDescription:
    """A domain, and what is in it."""

    domain: Domain
    #: For how many days closed executions are kept.
    retention_days: int
    open_executions: int
    closed_executions: int
    #: Whether there are more than were counted.
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """A workflow type or an activity type; times are seconds since the epoch."""

    name: str
    version: str
    status: RegistrationStatus
    description: str | None
    created_at: float
    deprecated_at: float | None


def domain(info: Mapping[str, Any]) -> Domain:
    """From a ``DomainInfo``."""
    return Domain(
        name=info["name"],
        status=info["status"],
        description=info.get("description"),
        arn=info.get("arn"),
    )


def type_(info: Mapping[str, Any]) -> Type:
    """From an ``ActivityTypeInfo`` or a ``WorkflowTypeInfo``, as ``boto3`` gives it."""
    kind = info["activityType" if "activityType" in info else "workflowType"]
    deprecated: datetime | None = info.get("deprecationDate")
    return Type(
        name=kind["name"],
        version=kind["version"],
        status=info["status"],
        description=info.get("description"),
        created_at=info["creationDate"].timestamp(),
        deprecated_at=None if deprecated is None else deprecated.timestamp(),
    )
