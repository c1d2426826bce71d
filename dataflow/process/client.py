"""Executions as those see them who start them: begin one, wait for its end."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from dataflow.chance import new_id
from dataflow.errors import DataflowError, NotFound
from dataflow.inspection.executions import ending, wire
from dataflow.inspection.reading import Reader
from dataflow.payload import codec
from dataflow.process.calls import code
from dataflow.process.outgoing import write_input
from dataflow.process.polling import Connection
from dataflow.process.registering import Registrar
from dataflow.protocol import events as ev
from dataflow.protocol.limits import ID_LENGTH
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


class AlreadyStarted(DataflowError):
    """An execution of this workflow id is open."""


def own_list(workflow_id: str) -> str:
    """A task list that one execution has for itself, and which nobody will know after it."""
    return f"{workflow_id[: ID_LENGTH // 2]}-{new_id()}"


def is_own_list(workflow_id: str, name: str) -> bool:
    """Whether `own_list` has made this task list."""
    return (
        re.fullmatch(f"{re.escape(workflow_id[: ID_LENGTH // 2])}-[0-9a-f]{{32}}", name) is not None
    )


class Client:
    """Speaks of the executions of one domain, in clear text."""

    def __init__(self, connection: Connection, domain: str) -> None:
        self._service = connection.service
        self._fields = connection.fields
        self._domain = domain
        self._registrar = Registrar(connection.service, domain)
        self._reader = Reader(connection.service, domain)

    def ensure_domain(self) -> None:
        """Register the domain, if it is not."""
        with suppress(self._service.exceptions.DomainAlreadyExistsFault):
            self._service.register_domain(
                name=self._domain, workflowExecutionRetentionPeriodInDays=_RETENTION_DAYS
            )

    def input(self, execution: WorkflowExecution) -> str | None:
        """What an execution was started with. Raises `PayloadError`."""
        return self._read(self._reader.beginning(execution).input)

    def start(self, start: Start) -> WorkflowExecution:
        """Begin an execution; its type is registered if it is not.

        Raises `AlreadyStarted` if one of this workflow id is open, `UsageError` for an input that
        cannot be kept, and `PayloadUnavailable`.
        """
        try:
            self._registrar.workflow(start.workflow_type)
        except self._service.exceptions.UnknownResourceFault as error:
            raise NotFound(
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
            request["input"] = write_input(self._fields, start.input)
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
            raise NotFound(f"no execution with the workflow id {workflow_id} is open")
        return self._service.describe_workflow_execution(
            domain=self._domain, execution=found[0]["execution"]
        )

    def find(self, workflow_id: str, run_id: str | None = None) -> WorkflowExecution:
        """The execution of this workflow id: of this run, or the latest, open or closed."""
        found = self._reader.find(workflow_id, run_id)
        return WorkflowExecution(found.workflow_id, found.run_id)

    def history(self, execution: WorkflowExecution) -> list[ev.Event]:
        """All events of an execution."""
        return list(self._reader.events(execution))

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
            execution, found = self._look(execution)
            if found is not None:
                return found
            pause = min(2 * pause, _LONGEST_PAUSE)
        return None

    def look(self, execution: WorkflowExecution) -> Ended | None:
        """How the execution has ended, or the one that it goes on as; None: it is open."""
        return self._look(execution)[1]

    def _look(self, execution: WorkflowExecution) -> tuple[WorkflowExecution, Ended | None]:
        while self._describe(execution)["executionInfo"]["executionStatus"] != "OPEN":
            last = self._reader.last_event(execution).attributes
            if not isinstance(last, ev.WorkflowExecutionContinuedAsNew):
                return execution, self._in_clear(Ended(**ended(execution, last)))
            execution = WorkflowExecution(execution.workflow_id, last.new_execution_run_id)
        return execution, None

    def _in_clear(self, ended: Ended) -> Ended:
        return replace(
            ended,
            result=self._read(ended.result),
            reason=self._read(ended.reason),
            details=self._read(ended.details),
        )

    def _read(self, text: str | None) -> str | None:
        return None if text is None else self._fields.read(text)

    def _describe(self, execution: WorkflowExecution) -> dict[str, Any]:
        return self._service.describe_workflow_execution(
            domain=self._domain, execution=wire(execution)
        )


def ended(execution: WorkflowExecution, last: ev.Attributes) -> dict[str, Any]:
    """The members of `Ended`, from the last event of an execution."""
    how = ending(last)
    assert how is not None
    return {
        "workflow_id": execution.workflow_id,
        "run_id": execution.run_id,
        "status": how.status,
        "result": how.result,
        "reason": how.reason,
        "details": how.details,
    }
