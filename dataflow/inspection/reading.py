"""Asks a service for what the other modules make rows of.

On Amazon SWF lists and descriptions are limited to a few calls a second for a whole account, so
nothing here makes a call for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

from dataflow.errors import NotFound
from dataflow.inspection import executions, registrations
from dataflow.inspection.executions import Description, Execution, Summary
from dataflow.inspection.registrations import Domain, DomainDescription, Type
from dataflow.inspection.task_lists import TaskList, pollers
from dataflow.protocol import events as ev
from dataflow.protocol.events import CLOSE_STATUS, Event, WorkflowExecutionStarted
from dataflow.protocol.limits import PAGE_SIZE
from dataflow.protocol.names import CloseStatus, RegistrationStatus
from dataflow.protocol.service import Service
from dataflow.protocol.values import NO_TIMEOUT, WorkflowExecution


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which executions are meant.

    SWF takes one criterion in a request: it gets the one that leaves the fewest, and what it has
    answered is held to the others here.
    """

    open: bool = True
    closed: bool = True
    #: Seconds since the epoch, both included, of the start or of the end.
    oldest: float = 0.0
    latest: float | None = None
    by: Literal["start", "close"] = "start"
    workflow_id: str | None = None
    #: The workflow type.
    name: str | None = None
    version: str | None = None
    #: All of them.
    tags: tuple[str, ...] = ()
    close_status: CloseStatus | None = None

    @property
    def wire(self) -> dict[str, Any]:
        """The members of a request."""
        span = {"oldestDate": self.oldest}
        if self.latest is not None:
            span["latestDate"] = self.latest
        return {f"{self.by}TimeFilter": span, **self._criterion()}

    def _criterion(self) -> dict[str, Any]:
        if self.workflow_id is not None:
            return {"executionFilter": {"workflowId": self.workflow_id}}
        if self.tags:
            return {"tagFilter": {"tag": self.tags[0]}}
        if self.name is not None:
            version = {} if self.version is None else {"version": self.version}
            return {"typeFilter": {"name": self.name, **version}}
        if self.close_status is not None:
            return {"closeStatusFilter": {"status": self.close_status}}
        return {}

    @property
    def is_wire(self) -> bool:
        """Whether the service alone answers what is meant."""
        criteria = (self.workflow_id, self.name, self.close_status, *self.tags)
        return sum(criterion is not None for criterion in criteria) <= 1

    def matches(self, execution: Execution) -> bool:
        """Whether an execution passes all criteria but the time."""
        return (
            (self.workflow_id is None or execution.workflow_id == self.workflow_id)
            and (self.name is None or execution.name == self.name)
            and (self.version is None or execution.version == self.version)
            and set(self.tags) <= set(execution.tags)
            and (self.close_status is None or execution.status == self.close_status)
        )


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
        for execution in self.executions(Filter(workflow_id=workflow_id), limit=1):
            return execution
        raise NotFound(
            f"there is no execution {workflow_id} in the domain {self.domain}: `dataflow "
            f"workflow.list {self.domain} --status all` shows which there are"
        )

    def describe(self, execution: Execution | WorkflowExecution) -> Description:
        """All that the service says of a run. Raises `NotFound`."""
        with self._finding(_names(execution)):
            answer = self.service.describe_workflow_execution(
                domain=self.domain, execution=executions.wire(execution)
            )
        return executions.description(self.domain, answer)

    def summary(self, execution: Execution) -> Summary:
        """A run from beginning to end; of its history, two events are read. Raises `NotFound`."""
        started = self.beginning(execution)
        # The end first: an execution that ends meanwhile is told as open, with its counts.
        last = self.last_event(execution).attributes
        return Summary(
            description=self.describe(execution), started=started, ending=executions.ending(last)
        )

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
            "execution": executions.wire(execution),
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

    def follow(self, execution: Execution, pause: Callable[[], None]) -> Iterator[list[Event]]:
        """What is new at each look, which may be nothing, until the run has ended.

        ``pause``: waits until the next look. Raises `NotFound`.
        """
        new = list(self.events(execution))
        last = new[-1]
        yield new
        while type(last.attributes) not in CLOSE_STATUS:
            pause()
            new = self.events_after(execution, last.event_id)
            last = new[-1] if new else last
            yield new

    def beginning(self, execution: Execution | WorkflowExecution) -> WorkflowExecutionStarted:
        """What a run began with. Raises `NotFound`."""
        first = next(self.events(execution, page_size=1)).attributes
        assert isinstance(first, WorkflowExecutionStarted)
        return first

    def last_event(self, execution: Execution | WorkflowExecution) -> Event:
        """The last event of a run. Raises `NotFound`."""
        return next(self.events(execution, reverse=True, page_size=1))

    # --- many ----------------------------------------------------------------------------

    def executions(
        self, which: Filter, *, limit: int | None = None, reverse: bool = False
    ) -> Iterator[Execution]:
        """Executions, page by page as they are asked for: those that are open, then the others.

        In each group the latest comes first, unless ``reverse``. Raises `NotFound` if there is no
        such domain.
        """
        methods = []
        if which.open and which.close_status is None and which.by == "start":
            methods.append("list_open_workflow_executions")
        if which.closed:
            methods.append("list_closed_workflow_executions")
        size = PAGE_SIZE if limit is None or not which.is_wire else min(PAGE_SIZE, limit)
        found = (
            execution
            for method in methods
            for execution in self._list(method, which, size, reverse=reverse)
        )
        return islice(filter(which.matches, found), limit)

    def _list(
        self, method: str, which: Filter, page_size: int, *, reverse: bool
    ) -> Iterator[Execution]:
        pages = self.service.get_paginator(method).paginate(
            domain=self.domain, maximumPageSize=page_size, reverseOrder=reverse, **which.wire
        )
        with self._finding(f"the domain {self.domain}"):
            for page in pages:
                for info in page["executionInfos"]:
                    yield executions.execution(self.domain, info)

    # --- the domain ----------------------------------------------------------------------

    def describe_domain(self) -> DomainDescription:
        """The domain, and how much is in it. Raises `NotFound`."""
        everything = Filter().wire
        with self._finding(f"the domain {self.domain}"):
            answer = self.service.describe_domain(name=self.domain)
            counts = [
                count(domain=self.domain, **everything)
                for count in (
                    self.service.count_open_workflow_executions,
                    self.service.count_closed_workflow_executions,
                )
            ]
        days = answer["configuration"]["workflowExecutionRetentionPeriodInDays"]
        return DomainDescription(
            domain=registrations.domain(answer["domainInfo"]),
            retention_days=0 if days == NO_TIMEOUT else int(days),
            open_executions=counts[0]["count"],
            closed_executions=counts[1]["count"],
            truncated=any(count.get("truncated", False) for count in counts),
        )

    def types(
        self,
        kind: Literal["activity", "workflow"],
        statuses: Iterable[RegistrationStatus],
        *,
        name: str | None = None,
    ) -> Iterator[Type]:
        """The types of these statuses, by name; of this name only. Raises `NotFound`."""
        request: dict[str, Any] = {"domain": self.domain}
        if name is not None:
            request["name"] = name
        with self._finding(f"the domain {self.domain}"):
            pages = self.service.get_paginator(f"list_{kind}_types")
            for status in statuses:
                for page in pages.paginate(registrationStatus=status, **request):
                    yield from map(registrations.type_, page["typeInfos"])

    def task_list(self, name: str, *, executions: int) -> TaskList:
        """A task list; who polls it, is looked for in so many executions. Raises `NotFound`."""
        request: dict[str, Any] = {"domain": self.domain, "taskList": {"name": name}}
        with self._finding(f"the domain {self.domain}"):
            activities = self.service.count_pending_activity_tasks(**request)
            decisions = self.service.count_pending_decision_tasks(**request)
        histories = (
            [*islice(self.events(execution, reverse=True), PAGE_SIZE)][::-1]
            for execution in self.executions(Filter(), limit=executions)
        )
        return TaskList(
            name=name,
            waiting_activities=activities["count"],
            waiting_decisions=decisions["count"],
            truncated=activities.get("truncated", False) or decisions.get("truncated", False),
            pollers=tuple(pollers(name, histories)),
        )

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
            return (
                f"there is no domain {self.domain}: name one first, with --domain or in "
                "SWF_DOMAIN; `dataflow domain.list` shows which there are"
            )
        return f"there is no {what} in the domain {self.domain}"


def domains(service: Service, statuses: Iterable[RegistrationStatus]) -> Iterator[Domain]:
    """The domains of these statuses, by name."""
    pages = service.get_paginator("list_domains")
    for status in statuses:
        for page in pages.paginate(registrationStatus=status):
            yield from map(registrations.domain, page["domainInfos"])


def _names(execution: Execution | WorkflowExecution) -> str:
    return f"execution {execution.workflow_id} with the run id {execution.run_id}"
