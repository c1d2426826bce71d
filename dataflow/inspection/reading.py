"""Asks a service for what the other modules make rows of.

On Amazon SWF lists and descriptions are limited to a few calls a second for a whole account, so
nothing here makes a call for each row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from dataflow.errors import NotFound
from dataflow.inspection import executions
from dataflow.inspection.executions import Description, Execution
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.protocol.limits import PAGE_SIZE
from dataflow.protocol.names import CloseStatus
from dataflow.protocol.service import Service
from dataflow.protocol.values import WorkflowExecution


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which executions are meant; SWF takes one of the criteria from ``workflow_id`` on."""

    #: Seconds since the epoch, of the start or of the end.
    oldest: float = 0.0
    latest: float | None = None
    by: Literal["start", "close"] = "start"
    workflow_id: str | None = None
    name: str | None = None
    version: str | None = None
    tag: str | None = None
    close_status: CloseStatus | None = None

    @property
    def wire(self) -> dict[str, Any]:
        """The members of a request."""
        span = {"oldestDate": self.oldest}
        if self.latest is not None:
            span["latestDate"] = self.latest
        request: dict[str, Any] = {f"{self.by}TimeFilter": span}
        if self.workflow_id is not None:
            request["executionFilter"] = {"workflowId": self.workflow_id}
        if self.name is not None:
            version = {} if self.version is None else {"version": self.version}
            request["typeFilter"] = {"name": self.name, **version}
        if self.tag is not None:
            request["tagFilter"] = {"tag": self.tag}
        if self.close_status is not None:
            request["closeStatusFilter"] = {"status": self.close_status}
        return request


class Reader:
    """Reads what is in one domain."""

    def __init__(self, service: Service, domain: str) -> None:
        self.service = service
        self.domain = domain

    # --- one execution -------------------------------------------------------------------

    def find(self, workflow_id: str, run_id: str | None = None) -> Execution:
        """The execution of this workflow id: of this run, or the latest, open or closed.

        Raises `NotFound`.
        """
        if run_id:
            return self.describe(WorkflowExecution(workflow_id, run_id)).execution
        which = Filter(workflow_id=workflow_id)
        for found in (self.open(which, limit=1), self.closed(which, limit=1)):
            for execution in found:
                return execution
        raise NotFound(
            f"there is no execution {workflow_id} in the domain {self.domain}: `dataflow "
            f"workflow.list {self.domain} --status all` shows which there are"
        )

    def describe(self, execution: Execution | WorkflowExecution) -> Description:
        """All that the service says of a run. Raises `NotFound`."""
        with self._finding(_names(execution)):
            answer = self.service.describe_workflow_execution(
                domain=self.domain, execution=_wire(execution)
            )
        return executions.description(self.domain, answer)

    def events(
        self,
        execution: Execution | WorkflowExecution,
        *,
        reverse: bool = False,
        page_size: int = PAGE_SIZE,
    ) -> Iterator[Event]:
        """The events of a run, page by page as they are asked for. Raises `NotFound`."""
        request: dict[str, Any] = {
            "domain": self.domain,
            "execution": _wire(execution),
            "maximumPageSize": page_size,
            "reverseOrder": reverse,
        }
        with self._finding(_names(execution)):
            pages = self.service.get_paginator("get_workflow_execution_history")
            for page in pages.paginate(**request):
                yield from map(ev.from_wire, page["events"])

    def events_after(self, execution: Execution | WorkflowExecution, event_id: int) -> list[Event]:
        """The events of a run behind this one, which are read from the end. Raises `NotFound`.

        What a look at a long history costs, that is looked at again and again, is what is new.
        """
        new: list[Event] = []
        for event in self.events(execution, reverse=True, page_size=100):
            if event.event_id <= event_id:
                break
            new.append(event)
        return new[::-1]

    def last_event(self, execution: Execution | WorkflowExecution) -> Event:
        """The last event of a run. Raises `NotFound`."""
        return next(self.events(execution, reverse=True, page_size=1))

    # --- many ----------------------------------------------------------------------------

    def open(
        self, which: Filter, *, limit: int | None = None, reverse: bool = False
    ) -> Iterator[Execution]:
        """Open executions, the latest start first, page by page as they are asked for.

        Raises `NotFound` if there is no such domain.
        """
        return self._list("list_open_workflow_executions", which, limit, reverse)

    def closed(
        self, which: Filter, *, limit: int | None = None, reverse: bool = False
    ) -> Iterator[Execution]:
        """Closed executions, the latest start, or end, first; as `open`."""
        return self._list("list_closed_workflow_executions", which, limit, reverse)

    def count_open(self, which: Filter) -> tuple[int, bool]:
        """How many executions are open, and whether there are more. Raises `NotFound`."""
        return self._count(self.service.count_open_workflow_executions, which)

    def count_closed(self, which: Filter) -> tuple[int, bool]:
        """How many executions are closed, and whether there are more. Raises `NotFound`."""
        return self._count(self.service.count_closed_workflow_executions, which)

    def _list(
        self, method: str, which: Filter, limit: int | None, reverse: bool
    ) -> Iterator[Execution]:
        if limit == 0:
            return
        config: dict[str, int] = {"PageSize": min(PAGE_SIZE, limit or PAGE_SIZE)}
        if limit is not None:
            config["MaxItems"] = limit
        request = {"domain": self.domain, "reverseOrder": reverse, **which.wire}
        with self._finding(f"the domain {self.domain}"):
            pages = self.service.get_paginator(method)
            for page in pages.paginate(PaginationConfig=config, **request):
                for info in page["executionInfos"]:
                    yield executions.execution(self.domain, info)

    def _count(self, count: Any, which: Filter) -> tuple[int, bool]:
        with self._finding(f"the domain {self.domain}"):
            answer = count(domain=self.domain, **which.wire)
        return answer["count"], answer.get("truncated", False)

    # --- what is not there ---------------------------------------------------------------

    @contextmanager
    def _finding(self, what: str) -> Iterator[None]:
        try:
            yield
        except self.service.exceptions.UnknownResourceFault as error:
            raise NotFound(self._missing(what)) from error

    def _missing(self, what: str) -> str:
        """The fault does not say which part of the request it does not know."""
        try:
            self.service.describe_domain(name=self.domain)
        except self.service.exceptions.UnknownResourceFault:
            return f"there is no domain {self.domain}: `dataflow domain.list` shows which there are"
        return f"there is no {what} in the domain {self.domain}"


def _names(execution: Execution | WorkflowExecution) -> str:
    return f"execution {execution.workflow_id} with the run id {execution.run_id}"


def _wire(execution: Execution | WorkflowExecution) -> dict[str, str]:
    return {"workflowId": execution.workflow_id, "runId": execution.run_id}
