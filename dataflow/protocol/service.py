"""The shape of ``boto3.client("swf")``, for services that are not boto3.

The same code works with both: methods in snake_case, keywords in camelCase, answers as dictionaries
with times as `datetime`, faults as exceptions under ``service.exceptions``, paginators.

A service implements ``_call``; nothing else knows how a request travels.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from dataflow.errors import UsageError
from dataflow.protocol.faults import FAULTS, Fault

#: A method of a service.
Method = Callable[..., dict[str, Any]]


class Service(abc.ABC):
    """The 39 operations of SWF.

    Every method takes the members of the request as keywords, named as in the SWF documentation,
    and raises a `Fault` if it is refused.
    https://docs.aws.amazon.com/amazonswf/latest/apireference/API_Operations.html
    """

    #: The faults by name, as ``boto3`` has them; ``ClientError`` is any of them.
    exceptions = SimpleNamespace(ClientError=Fault, **FAULTS)

    @abc.abstractmethod
    def _call(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request, in the form that `in_python` gives it, or raise a `Fault`."""

    def close(self) -> None:  # noqa: B027 - most services hold nothing
        """Give back what the service holds; it cannot be called any more."""

    def can_paginate(self, operation_name: str) -> bool:
        """Whether the method of this name answers in pages."""
        return operation_name in _PAGES

    def get_paginator(self, operation_name: str) -> Paginator:
        """What turns the pages of a method into one sequence."""
        if operation_name not in _PAGES:
            raise UsageError(
                f"{operation_name} does not answer in pages; these methods do: "
                f"{', '.join(sorted(_PAGES))}"
            )
        return Paginator(getattr(self, operation_name), *_PAGES[operation_name])

    # --- domains --------------------------------------------------------------------------

    def register_domain(self, **request: Any) -> dict[str, Any]:
        """Make a domain."""
        return self._call("RegisterDomain", request)

    def describe_domain(self, **request: Any) -> dict[str, Any]:
        """Answer what a domain is and how long it keeps closed executions."""
        return self._call("DescribeDomain", request)

    def list_domains(self, **request: Any) -> dict[str, Any]:
        """Answer the domains of one status, by name."""
        return self._call("ListDomains", request)

    def deprecate_domain(self, **request: Any) -> dict[str, Any]:
        """Let nothing new begin in a domain."""
        return self._call("DeprecateDomain", request)

    def undeprecate_domain(self, **request: Any) -> dict[str, Any]:
        """Let things begin in a deprecated domain again."""
        return self._call("UndeprecateDomain", request)

    def tag_resource(self, **request: Any) -> dict[str, Any]:
        """Add tags to a domain, or change them."""
        return self._call("TagResource", request)

    def untag_resource(self, **request: Any) -> dict[str, Any]:
        """Take tags from a domain."""
        return self._call("UntagResource", request)

    def list_tags_for_resource(self, **request: Any) -> dict[str, Any]:
        """Answer the tags of a domain."""
        return self._call("ListTagsForResource", request)

    # --- types ----------------------------------------------------------------------------

    def register_workflow_type(self, **request: Any) -> dict[str, Any]:
        """Make a workflow type, with its defaults."""
        return self._call("RegisterWorkflowType", request)

    def describe_workflow_type(self, **request: Any) -> dict[str, Any]:
        """Answer what a workflow type is, and its defaults."""
        return self._call("DescribeWorkflowType", request)

    def list_workflow_types(self, **request: Any) -> dict[str, Any]:
        """Answer the workflow types of one status, by name."""
        return self._call("ListWorkflowTypes", request)

    def deprecate_workflow_type(self, **request: Any) -> dict[str, Any]:
        """Let no new execution of a workflow type begin."""
        return self._call("DeprecateWorkflowType", request)

    def undeprecate_workflow_type(self, **request: Any) -> dict[str, Any]:
        """Let executions of a deprecated workflow type begin again."""
        return self._call("UndeprecateWorkflowType", request)

    def delete_workflow_type(self, **request: Any) -> dict[str, Any]:
        """Delete a deprecated workflow type."""
        return self._call("DeleteWorkflowType", request)

    def register_activity_type(self, **request: Any) -> dict[str, Any]:
        """Make an activity type, with its defaults."""
        return self._call("RegisterActivityType", request)

    def describe_activity_type(self, **request: Any) -> dict[str, Any]:
        """Answer what an activity type is, and its defaults."""
        return self._call("DescribeActivityType", request)

    def list_activity_types(self, **request: Any) -> dict[str, Any]:
        """Answer the activity types of one status, by name."""
        return self._call("ListActivityTypes", request)

    def deprecate_activity_type(self, **request: Any) -> dict[str, Any]:
        """Let no new task of an activity type be scheduled."""
        return self._call("DeprecateActivityType", request)

    def undeprecate_activity_type(self, **request: Any) -> dict[str, Any]:
        """Let tasks of a deprecated activity type be scheduled again."""
        return self._call("UndeprecateActivityType", request)

    def delete_activity_type(self, **request: Any) -> dict[str, Any]:
        """Delete a deprecated activity type."""
        return self._call("DeleteActivityType", request)

    # --- executions -----------------------------------------------------------------------

    def start_workflow_execution(self, **request: Any) -> dict[str, Any]:
        """Start an execution and answer its run id."""
        return self._call("StartWorkflowExecution", request)

    def signal_workflow_execution(self, **request: Any) -> dict[str, Any]:
        """Tell an open execution something."""
        return self._call("SignalWorkflowExecution", request)

    def request_cancel_workflow_execution(self, **request: Any) -> dict[str, Any]:
        """Ask an open execution to end; its decider decides."""
        return self._call("RequestCancelWorkflowExecution", request)

    def terminate_workflow_execution(self, **request: Any) -> dict[str, Any]:
        """End an open execution at once."""
        return self._call("TerminateWorkflowExecution", request)

    def describe_workflow_execution(self, **request: Any) -> dict[str, Any]:
        """Answer the state, the settings and the open work of an execution."""
        return self._call("DescribeWorkflowExecution", request)

    def get_workflow_execution_history(self, **request: Any) -> dict[str, Any]:
        """Answer the events of an execution, page by page."""
        return self._call("GetWorkflowExecutionHistory", request)

    def list_open_workflow_executions(self, **request: Any) -> dict[str, Any]:
        """Answer the open executions that pass the filters, page by page."""
        return self._call("ListOpenWorkflowExecutions", request)

    def list_closed_workflow_executions(self, **request: Any) -> dict[str, Any]:
        """Answer the closed executions that pass the filters, page by page."""
        return self._call("ListClosedWorkflowExecutions", request)

    def count_open_workflow_executions(self, **request: Any) -> dict[str, Any]:
        """Answer how many open executions pass the filters."""
        return self._call("CountOpenWorkflowExecutions", request)

    def count_closed_workflow_executions(self, **request: Any) -> dict[str, Any]:
        """Answer how many closed executions pass the filters."""
        return self._call("CountClosedWorkflowExecutions", request)

    # --- tasks ----------------------------------------------------------------------------

    def poll_for_decision_task(self, **request: Any) -> dict[str, Any]:
        """Wait for a decision task; an empty ``taskToken`` says that there was none."""
        return self._call("PollForDecisionTask", request)

    def respond_decision_task_completed(self, **request: Any) -> dict[str, Any]:
        """Answer a decision task with decisions."""
        return self._call("RespondDecisionTaskCompleted", request)

    def count_pending_decision_tasks(self, **request: Any) -> dict[str, Any]:
        """Answer how many decision tasks wait in a task list."""
        return self._call("CountPendingDecisionTasks", request)

    def poll_for_activity_task(self, **request: Any) -> dict[str, Any]:
        """Wait for an activity task; an empty ``taskToken`` says that there was none."""
        return self._call("PollForActivityTask", request)

    def record_activity_task_heartbeat(self, **request: Any) -> dict[str, Any]:
        """Report progress, and hear whether the activity task shall be cancelled."""
        return self._call("RecordActivityTaskHeartbeat", request)

    def respond_activity_task_completed(self, **request: Any) -> dict[str, Any]:
        """Answer an activity task with its result."""
        return self._call("RespondActivityTaskCompleted", request)

    def respond_activity_task_failed(self, **request: Any) -> dict[str, Any]:
        """Answer an activity task with its failure."""
        return self._call("RespondActivityTaskFailed", request)

    def respond_activity_task_canceled(self, **request: Any) -> dict[str, Any]:
        """Answer an activity task that was cancelled."""
        return self._call("RespondActivityTaskCanceled", request)

    def count_pending_activity_tasks(self, **request: Any) -> dict[str, Any]:
        """Answer how many activity tasks wait in a task list."""
        return self._call("CountPendingActivityTasks", request)


# --- answers -----------------------------------------------------------------------------

#: The members of an answer, and of the structures in it, that are times.
_TIMES: dict[str, tuple[str, ...]] = {
    "events": ("eventTimestamp",),
    "executionInfo": ("startTimestamp", "closeTimestamp"),
    "executionInfos": ("startTimestamp", "closeTimestamp"),
    "typeInfo": ("creationDate", "deprecationDate"),
    "typeInfos": ("creationDate", "deprecationDate"),
}
_TIME = "latestActivityTaskTimestamp"


def in_python(answer: dict[str, Any] | None) -> dict[str, Any]:
    """An answer from the wire as ``boto3`` gives it: times are `datetime`; changed in place.

    ``None``: the answer of an operation that answers nothing.
    """
    if answer is None:
        answer = {}
    for name in answer.keys() & _TIMES.keys():
        times = _TIMES[name]
        within = answer[name]
        for structure in within if isinstance(within, list) else (within,):
            for time in times:
                if time in structure:
                    structure[time] = datetime.fromtimestamp(structure[time], UTC)
    if _TIME in answer:
        answer[_TIME] = datetime.fromtimestamp(answer[_TIME], UTC)
    answer["ResponseMetadata"] = {
        "RequestId": "",
        "HTTPStatusCode": 200,
        "HTTPHeaders": {},
        "RetryAttempts": 0,
    }
    return answer


# --- pages -------------------------------------------------------------------------------

#: Of the methods that answer in pages: the member that goes on from page to page, and those of
#: the first page that speak of the whole.
_PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "get_workflow_execution_history": ("events", ()),
    "list_activity_types": ("typeInfos", ()),
    "list_closed_workflow_executions": ("executionInfos", ()),
    "list_domains": ("domainInfos", ()),
    "list_open_workflow_executions": ("executionInfos", ()),
    "list_workflow_types": ("typeInfos", ()),
    "poll_for_decision_task": (
        "events",
        (
            "taskToken",
            "startedEventId",
            "workflowExecution",
            "workflowType",
            "previousStartedEventId",
        ),
    ),
}


class Paginator:
    """Follows ``nextPageToken``."""

    def __init__(self, method: Method, items: str, whole: tuple[str, ...]) -> None:
        self._method = method
        self._items = items
        self._whole = whole

    def paginate(
        self, *, PaginationConfig: Mapping[str, Any] | None = None, **request: Any
    ) -> Pages:
        """The pages of the answer to a request.

        ``PaginationConfig``: ``PageSize``, ``MaxItems`` (in all pages together), ``StartingToken``.
        """
        config = dict(PaginationConfig or {})
        if (size := config.pop("PageSize", None)) is not None:
            request["maximumPageSize"] = int(size)
        if (token := config.pop("StartingToken", None)) is not None:
            request["nextPageToken"] = token
        most = config.pop("MaxItems", None)
        if config:
            raise UsageError(
                f"PaginationConfig knows PageSize, MaxItems and StartingToken, not {min(config)}"
            )
        most = None if most is None else int(most)
        return Pages(self._method, request, self._items, self._whole, most)


class Pages:
    """The pages of one answer; each iteration asks anew."""

    def __init__(
        self,
        method: Method,
        request: dict[str, Any],
        items: str,
        whole: tuple[str, ...],
        most: int | None,
    ) -> None:
        self._method = method
        self._request = request
        self._items = items
        self._whole = whole
        self._most = most

    def __iter__(self) -> Iterator[dict[str, Any]]:
        request, left = dict(self._request), self._most
        while True:
            page = self._method(**request)
            if left is not None:
                page[self._items] = page.get(self._items, [])[:left]
                left -= len(page[self._items])
            yield page
            token = page.get("nextPageToken")
            if not token or left == 0:
                return
            request["nextPageToken"] = token

    def build_full_result(self) -> dict[str, Any]:
        """All pages as one answer."""
        result: dict[str, Any] = {self._items: []}
        for number, page in enumerate(self):
            result[self._items].extend(page.get(self._items, []))
            if number == 0:
                result.update({name: page[name] for name in self._whole if name in page})
        return result
