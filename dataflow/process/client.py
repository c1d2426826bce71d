"""Executions as those see them who start them: begin one, wait for its end."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from dataflow.errors import PayloadError, PayloadUnavailable, UsageError
from dataflow.payload import codec
from dataflow.process.calls import code
from dataflow.process.polling import Connection
from dataflow.process.registering import Registrar
from dataflow.protocol import events as ev
from dataflow.protocol.events import CLOSE_STATUS
from dataflow.protocol.limits import DATA_LENGTH
from dataflow.protocol.names import CloseStatus
from dataflow.protocol.values import WorkflowExecution, WorkflowType

#: The longest an execution may take where the workflow does not say: one year.
_EXECUTION_SECONDS = 31_536_000
#: How long a decider may take where the workflow does not say, as in the ancestor: a decider that
#: is killed with a task in hand must not keep it for ever.
_DECISION_SECONDS = 300
#: For how long a domain that was registered in passing keeps closed executions.
_RETENTION_DAYS = "30"
_PAUSE, _LONGEST_PAUSE = 0.02, 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What an execution begins with; seconds for durations."""

    workflow_type: WorkflowType
    workflow_id: str
    task_list: str
    input: str | None
    execution_timeout: int | None = None
    decision_tasks_timeout: int | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an execution has ended."""

    workflow_id: str
    run_id: str
    status: CloseStatus
    #: JSON, if it completed.
    result: str | None
    #: If it did not complete.
    reason: str | None
    details: str | None
    notices: Sequence[str] = ()

    @property
    def value(self) -> Any:
        """The decoded result."""
        return codec.decode(self.result)


class AlreadyStarted(UsageError):
    """An execution of this workflow id is open."""


class Client:
    """Speaks of the executions of one domain, in clear text."""

    def __init__(self, connection: Connection, domain: str) -> None:
        self._service = connection.service
        self._fields = connection.fields
        self._domain = domain

    def ensure_domain(self) -> None:
        """Register the domain, if it is not."""
        with suppress(self._service.exceptions.DomainAlreadyExistsFault):
            self._service.register_domain(
                name=self._domain, workflowExecutionRetentionPeriodInDays=_RETENTION_DAYS
            )

    def input(self, execution: WorkflowExecution) -> str | None:
        """What an execution was started with. Raises `PayloadError`."""
        first = self.history(execution)[0].attributes
        return self._read(first.input) if isinstance(first, ev.WorkflowExecutionStarted) else None

    def start(self, start: Start) -> WorkflowExecution:
        """Begin an execution; its type is registered if it is not.

        Raises `AlreadyStarted` if one of this workflow id is open, `UsageError` for an input that
        cannot be kept, and `PayloadUnavailable`.
        """
        try:
            Registrar(self._service, self._domain).workflow(start.workflow_type)
        except self._service.exceptions.UnknownResourceFault as error:
            raise UsageError(
                f"there is no domain {self._domain}: name one with --domain or SWF_DOMAIN, or "
                f"make it with `dataflow domain.register {self._domain}`"
            ) from error
        request: dict[str, Any] = {
            "domain": self._domain,
            "workflowId": start.workflow_id,
            "workflowType": {
                "name": start.workflow_type.name,
                "version": start.workflow_type.version,
            },
            "taskList": {"name": start.task_list},
            "executionStartToCloseTimeout": str(start.execution_timeout or _EXECUTION_SECONDS),
            "taskStartToCloseTimeout": str(start.decision_tasks_timeout or _DECISION_SECONDS),
            "childPolicy": "TERMINATE",
        }
        if start.input is not None:
            request["input"] = self._write(start.input)
        if start.tags:
            request["tagList"] = list(start.tags)
        try:
            run_id = self._service.start_workflow_execution(**request)["runId"]
        except Exception as error:
            if code(error) == "WorkflowExecutionAlreadyStartedFault":
                raise AlreadyStarted(
                    f"an execution with the workflow id {start.workflow_id} is open in the domain "
                    f"{self._domain}: wait for its end, or choose another --workflow-id"
                ) from error
            raise
        return WorkflowExecution(start.workflow_id, run_id)

    def open(self, workflow_id: str) -> dict[str, Any]:
        """What `DescribeWorkflowExecution` says of the open execution of this workflow id."""
        found = self._service.list_open_workflow_executions(
            domain=self._domain,
            startTimeFilter={"oldestDate": 0},
            executionFilter={"workflowId": workflow_id},
        )["executionInfos"]
        if not found:
            raise UsageError(f"no execution with the workflow id {workflow_id} is open")
        return self._service.describe_workflow_execution(
            domain=self._domain, execution=found[0]["execution"]
        )

    def find(self, workflow_id: str, run_id: str | None = None) -> WorkflowExecution:
        """The execution of this workflow id: of this run, or the latest, open or closed."""
        if run_id:
            return WorkflowExecution(workflow_id, run_id)
        request: dict[str, Any] = {
            "domain": self._domain,
            "startTimeFilter": {"oldestDate": 0},
            "executionFilter": {"workflowId": workflow_id},
            "maximumPageSize": 1,
        }
        for lists in (
            self._service.list_open_workflow_executions,
            self._service.list_closed_workflow_executions,
        ):
            for info in lists(**request)["executionInfos"]:
                return WorkflowExecution(workflow_id, info["execution"]["runId"])
        raise UsageError(f"there is no execution {workflow_id} in the domain {self._domain}")

    def history(self, execution: WorkflowExecution) -> list[ev.Event]:
        """All events of an execution."""
        pages = self._service.get_paginator("get_workflow_execution_history").paginate(
            domain=self._domain, execution=_wire(execution)
        )
        return [ev.from_wire(wire) for page in pages for wire in page["events"]]

    def counts(self, execution: WorkflowExecution) -> dict[str, int]:
        """The open counts of an execution, as `DescribeWorkflowExecution` names them."""
        counts: dict[str, int] = self._describe(execution)["openCounts"]
        return counts

    def wait(
        self, execution: WorkflowExecution, stop: threading.Event, *, longest_pause: float
    ) -> Ended | None:
        """How the execution ends, or the one that it continues as; None if ``stop`` is set first.

        ``longest_pause``: seconds between two looks. Raises `PayloadError` for a result that cannot
        be read.
        """
        pause = _PAUSE
        while not stop.wait(min(pause, longest_pause)):
            pause = min(2 * pause, _LONGEST_PAUSE)
            info = self._describe(execution)["executionInfo"]
            if info["executionStatus"] == "OPEN":
                continue
            last = self._last_event(execution)
            if isinstance(last, ev.WorkflowExecutionContinuedAsNew):
                execution = WorkflowExecution(execution.workflow_id, last.new_execution_run_id)
                pause = _PAUSE
                continue
            ended = Ended(**ending(execution, last))
            return replace(
                ended,
                result=self._read(ended.result),
                reason=self._read(ended.reason),
                details=self._read(ended.details),
            )
        return None

    def _write(self, text: str) -> str:
        try:
            return self._fields.write(text, field="input", limit=DATA_LENGTH)
        except PayloadUnavailable:
            raise
        except PayloadError as error:
            raise UsageError(str(error)) from error

    def _read(self, text: str | None) -> str | None:
        return None if text is None else self._fields.read(text)

    def _describe(self, execution: WorkflowExecution) -> dict[str, Any]:
        return self._service.describe_workflow_execution(
            domain=self._domain, execution=_wire(execution)
        )

    def _last_event(self, execution: WorkflowExecution) -> ev.Attributes:
        events = self._service.get_workflow_execution_history(
            domain=self._domain,
            execution=_wire(execution),
            reverseOrder=True,
            maximumPageSize=1,
        )["events"]
        return ev.from_wire(events[0]).attributes


def ending(execution: WorkflowExecution, last: ev.Attributes) -> dict[str, Any]:
    """The members of `Ended`, from the last event of an execution."""
    return {
        "workflow_id": execution.workflow_id,
        "run_id": execution.run_id,
        "status": CLOSE_STATUS[type(last)],
        "result": getattr(last, "result", None),
        "reason": getattr(last, "reason", None) or _reason(last),
        "details": getattr(last, "details", None),
    }


def _wire(execution: WorkflowExecution) -> dict[str, str]:
    return {"workflowId": execution.workflow_id, "runId": execution.run_id}


def _reason(last: ev.Attributes) -> str | None:
    if isinstance(last, ev.WorkflowExecutionTimedOut):
        return "the execution took longer than its execution_timeout"
    return None
