"""Executions: a row of a listing, and what a description adds to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from dataflow.protocol.names import ChildPolicy, CloseStatus
from dataflow.protocol.values import WorkflowExecution, seconds

Status = Literal["OPEN"] | CloseStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One run of a workflow, as listings know it; times are seconds since the epoch."""

    domain: str
    workflow_id: str
    run_id: str
    #: The workflow type.
    name: str
    version: str
    status: Status
    started_at: float
    #: None: it is open.
    closed_at: float | None = None
    tags: tuple[str, ...] = ()
    #: Of a child.
    parent: WorkflowExecution | None = None
    cancel_requested: bool = False

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status == "OPEN"

    @property
    def wire(self) -> dict[str, str]:
        """How a request names it."""
        return {"workflowId": self.workflow_id, "runId": self.run_id}

    def seconds(self, until: float) -> float:
        """How long it took; ``until``, if it is open."""
        return max(0.0, (until if self.closed_at is None else self.closed_at) - self.started_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCounts:
    """What an open execution waits for."""

    activities: int
    decisions: int
    timers: int
    children: int
    lambdas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """All that a service says of one execution."""

    execution: Execution
    task_list: str
    task_priority: str | None
    child_policy: ChildPolicy
    #: Seconds; None: no limit.
    execution_timeout: int | None
    decision_timeout: int | None
    lambda_role: str | None
    open: OpenCounts
    #: When an activity was scheduled last; None: never.
    latest_activity_at: float | None
    #: What its decider has noted down.
    context: str | None


def execution(domain: str, info: Mapping[str, Any]) -> Execution:
    """From a ``WorkflowExecutionInfo``, as ``boto3`` gives it."""
    parent = info.get("parent")
    names, kind = info["execution"], info["workflowType"]
    return Execution(
        domain=domain,
        workflow_id=names["workflowId"],
        run_id=names["runId"],
        name=kind["name"],
        version=kind["version"],
        status="OPEN" if info["executionStatus"] == "OPEN" else info["closeStatus"],
        started_at=info["startTimestamp"].timestamp(),
        closed_at=_timestamp(info.get("closeTimestamp")),
        tags=tuple(info.get("tagList", ())),
        parent=parent and WorkflowExecution(parent["workflowId"], parent["runId"]),
        cancel_requested=info.get("cancelRequested", False),
    )


def description(domain: str, answer: Mapping[str, Any]) -> Description:
    """From what ``DescribeWorkflowExecution`` has answered."""
    settings, counts = answer["executionConfiguration"], answer["openCounts"]
    return Description(
        execution=execution(domain, answer["executionInfo"]),
        task_list=settings["taskList"]["name"],
        task_priority=settings.get("taskPriority"),
        child_policy=settings["childPolicy"],
        execution_timeout=seconds(settings["executionStartToCloseTimeout"]),
        decision_timeout=seconds(settings["taskStartToCloseTimeout"]),
        lambda_role=settings.get("lambdaRole"),
        open=OpenCounts(
            activities=counts["openActivityTasks"],
            decisions=counts["openDecisionTasks"],
            timers=counts["openTimers"],
            children=counts["openChildWorkflowExecutions"],
            lambdas=counts.get("openLambdaFunctions", 0),
        ),
        latest_activity_at=_timestamp(answer.get("latestActivityTaskTimestamp")),
        context=answer.get("latestExecutionContext"),
    )


def _timestamp(time: datetime | None) -> float | None:
    return None if time is None else time.timestamp()
