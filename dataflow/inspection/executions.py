"""Executions: a row of a listing, what a description adds to it, and how one has ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from dataflow.protocol import events as ev
from dataflow.protocol.events import CLOSE_STATUS
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an execution has ended."""

    status: CloseStatus
    #: If it completed.
    result: str | None = None
    #: If it did not.
    reason: str | None = None
    details: str | None = None
    #: The run that it goes on as.
    next_run_id: str | None = None


def ending(last: ev.Attributes) -> Ending | None:
    """From the last event of a history; None: it has not ended."""
    status = CLOSE_STATUS.get(type(last))
    if status is None:
        return None
    reason = getattr(last, "reason", None)
    if reason is None and isinstance(last, ev.WorkflowExecutionTimedOut):
        reason = "the execution took longer than its execution_timeout"
    return Ending(
        status=status,
        result=getattr(last, "result", None),
        reason=reason,
        details=getattr(last, "details", None),
        next_run_id=getattr(last, "new_execution_run_id", None),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """An execution from beginning to end."""

    description: Description
    #: What it was started with.
    started: ev.WorkflowExecutionStarted
    #: None: it is open.
    ending: Ending | None


def wire(run: Execution | WorkflowExecution) -> dict[str, str]:
    """How a request names a run."""
    return {"workflowId": run.workflow_id, "runId": run.run_id}


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
