"""The 39 operations of SWF, one structure per operation, named after it: what a client may ask.

Two doors lead in, and both let through the same: `parse` reads the body of an HTTP request,
`convert` the keywords of a Python caller. What they return fits botocore's model of SWF; the rules
that the model cannot say (which filters go together, what a duration may be) are the engine's.

On the wire a member that the model does not know is passed over, as AWS does: a later client must
be able to talk to an older service. A Python caller that misspells a keyword is told.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any

import msgspec

from dataflow.protocol.constraints import refusal
from dataflow.protocol.decisions import Decision, WireDecision
from dataflow.protocol.faults import Fault, SerializationException, UnknownOperationException
from dataflow.protocol.keywords import check_spelling, exact_texts, with_seconds
from dataflow.protocol.names import ChildPolicy, RegistrationStatus
from dataflow.protocol.values import (
    ActivityType,
    Arn,
    CloseStatusFilter,
    Data,
    Days,
    Description,
    ExecutionTimeFilter,
    HeartbeatDetails,
    Id,
    Identity,
    Name,
    OptionalDuration,
    OptionalRunId,
    PageSize,
    PageToken,
    Reason,
    ResourceTag,
    TagFilter,
    TagKey,
    TagList,
    TaskList,
    TaskToken,
    Value,
    Version,
    WorkflowExecution,
    WorkflowExecutionFilter,
    WorkflowType,
    WorkflowTypeFilter,
)


class Operation(Value, frozen=True):
    """What a client asks of the service."""


# --- domains ------------------------------------------------------------------------------


class RegisterDomain(Operation, frozen=True):
    name: Name
    workflow_execution_retention_period_in_days: Days
    description: Description | None = None
    tags: tuple[ResourceTag, ...] | None = None


class DescribeDomain(Operation, frozen=True):
    name: Name


class ListDomains(Operation, frozen=True):
    registration_status: RegistrationStatus
    next_page_token: PageToken | None = None
    maximum_page_size: PageSize | None = None
    reverse_order: bool | None = None


class DeprecateDomain(Operation, frozen=True):
    name: Name


class UndeprecateDomain(Operation, frozen=True):
    name: Name


class TagResource(Operation, frozen=True):
    resource_arn: Arn
    tags: tuple[ResourceTag, ...]


class UntagResource(Operation, frozen=True):
    resource_arn: Arn
    tag_keys: tuple[TagKey, ...]


class ListTagsForResource(Operation, frozen=True):
    resource_arn: Arn


# --- types --------------------------------------------------------------------------------


class RegisterWorkflowType(Operation, frozen=True):
    domain: Name
    name: Name
    version: Version
    description: Description | None = None
    default_task_start_to_close_timeout: OptionalDuration | None = None
    default_execution_start_to_close_timeout: OptionalDuration | None = None
    default_task_list: TaskList | None = None
    default_task_priority: str | None = None
    default_child_policy: ChildPolicy | None = None
    default_lambda_role: Arn | None = None


class DescribeWorkflowType(Operation, frozen=True):
    domain: Name
    workflow_type: WorkflowType


class ListWorkflowTypes(Operation, frozen=True):
    domain: Name
    registration_status: RegistrationStatus
    name: Name | None = None
    next_page_token: PageToken | None = None
    maximum_page_size: PageSize | None = None
    reverse_order: bool | None = None


class DeprecateWorkflowType(Operation, frozen=True):
    domain: Name
    workflow_type: WorkflowType


class UndeprecateWorkflowType(Operation, frozen=True):
    domain: Name
    workflow_type: WorkflowType


class DeleteWorkflowType(Operation, frozen=True):
    domain: Name
    workflow_type: WorkflowType


class RegisterActivityType(Operation, frozen=True):
    domain: Name
    name: Name
    version: Version
    description: Description | None = None
    default_task_start_to_close_timeout: OptionalDuration | None = None
    default_task_heartbeat_timeout: OptionalDuration | None = None
    default_task_list: TaskList | None = None
    default_task_priority: str | None = None
    default_task_schedule_to_start_timeout: OptionalDuration | None = None
    default_task_schedule_to_close_timeout: OptionalDuration | None = None


class DescribeActivityType(Operation, frozen=True):
    domain: Name
    activity_type: ActivityType


class ListActivityTypes(Operation, frozen=True):
    domain: Name
    registration_status: RegistrationStatus
    name: Name | None = None
    next_page_token: PageToken | None = None
    maximum_page_size: PageSize | None = None
    reverse_order: bool | None = None


class DeprecateActivityType(Operation, frozen=True):
    domain: Name
    activity_type: ActivityType


class UndeprecateActivityType(Operation, frozen=True):
    domain: Name
    activity_type: ActivityType


class DeleteActivityType(Operation, frozen=True):
    domain: Name
    activity_type: ActivityType


# --- executions ---------------------------------------------------------------------------


class StartWorkflowExecution(Operation, frozen=True):
    domain: Name
    workflow_id: Id
    workflow_type: WorkflowType
    task_list: TaskList | None = None
    task_priority: str | None = None
    input: Data | None = None
    execution_start_to_close_timeout: OptionalDuration | None = None
    tag_list: TagList | None = None
    task_start_to_close_timeout: OptionalDuration | None = None
    child_policy: ChildPolicy | None = None
    lambda_role: Arn | None = None


class SignalWorkflowExecution(Operation, frozen=True):
    domain: Name
    workflow_id: Id
    signal_name: Name
    run_id: OptionalRunId | None = None
    input: Data | None = None


class RequestCancelWorkflowExecution(Operation, frozen=True):
    domain: Name
    workflow_id: Id
    run_id: OptionalRunId | None = None


class TerminateWorkflowExecution(Operation, frozen=True):
    domain: Name
    workflow_id: Id
    run_id: OptionalRunId | None = None
    reason: Reason | None = None
    details: Data | None = None
    child_policy: ChildPolicy | None = None


class DescribeWorkflowExecution(Operation, frozen=True):
    domain: Name
    execution: WorkflowExecution


class GetWorkflowExecutionHistory(Operation, frozen=True):
    domain: Name
    execution: WorkflowExecution
    next_page_token: PageToken | None = None
    maximum_page_size: PageSize | None = None
    reverse_order: bool | None = None


class ListOpenWorkflowExecutions(Operation, frozen=True):
    domain: Name
    start_time_filter: ExecutionTimeFilter
    type_filter: WorkflowTypeFilter | None = None
    tag_filter: TagFilter | None = None
    next_page_token: PageToken | None = None
    maximum_page_size: PageSize | None = None
    reverse_order: bool | None = None
    execution_filter: WorkflowExecutionFilter | None = None


class ListClosedWorkflowExecutions(Operation, frozen=True):
    domain: Name
    start_time_filter: ExecutionTimeFilter | None = None
    close_time_filter: ExecutionTimeFilter | None = None
    execution_filter: WorkflowExecutionFilter | None = None
    close_status_filter: CloseStatusFilter | None = None
    type_filter: WorkflowTypeFilter | None = None
    tag_filter: TagFilter | None = None
    next_page_token: PageToken | None = None
    maximum_page_size: PageSize | None = None
    reverse_order: bool | None = None


class CountOpenWorkflowExecutions(Operation, frozen=True):
    domain: Name
    start_time_filter: ExecutionTimeFilter
    type_filter: WorkflowTypeFilter | None = None
    tag_filter: TagFilter | None = None
    execution_filter: WorkflowExecutionFilter | None = None


class CountClosedWorkflowExecutions(Operation, frozen=True):
    domain: Name
    start_time_filter: ExecutionTimeFilter | None = None
    close_time_filter: ExecutionTimeFilter | None = None
    execution_filter: WorkflowExecutionFilter | None = None
    type_filter: WorkflowTypeFilter | None = None
    tag_filter: TagFilter | None = None
    close_status_filter: CloseStatusFilter | None = None


# --- tasks --------------------------------------------------------------------------------


class PollForDecisionTask(Operation, frozen=True):
    domain: Name
    task_list: TaskList
    identity: Identity | None = None
    next_page_token: PageToken | None = None
    maximum_page_size: PageSize | None = None
    reverse_order: bool | None = None
    start_at_previous_started_event: bool | None = None


class RespondDecisionTaskCompleted(Operation, frozen=True):
    task_token: TaskToken
    decisions: tuple[WireDecision, ...] | None = None
    execution_context: Data | None = None
    task_list: TaskList | None = None
    task_list_schedule_to_start_timeout: OptionalDuration | None = None

    def decided(self) -> tuple[Decision, ...]:
        """The decisions, one after the other."""
        return tuple([wire.decision for wire in self.decisions or ()])


class CountPendingDecisionTasks(Operation, frozen=True):
    domain: Name
    task_list: TaskList


class PollForActivityTask(Operation, frozen=True):
    domain: Name
    task_list: TaskList
    identity: Identity | None = None


class RecordActivityTaskHeartbeat(Operation, frozen=True):
    task_token: TaskToken
    details: HeartbeatDetails | None = None


class RespondActivityTaskCompleted(Operation, frozen=True):
    task_token: TaskToken
    result: Data | None = None


class RespondActivityTaskFailed(Operation, frozen=True):
    task_token: TaskToken
    reason: Reason | None = None
    details: Data | None = None


class RespondActivityTaskCanceled(Operation, frozen=True):
    task_token: TaskToken
    details: Data | None = None


class CountPendingActivityTasks(Operation, frozen=True):
    domain: Name
    task_list: TaskList


# --- the doors ---------------------------------------------------------------------------

#: Every operation by its name.
OPERATIONS: dict[str, type[Operation]] = {cls.__name__: cls for cls in Operation.__subclasses__()}


def method_name(operation: str) -> str:
    """What the method of an operation is called in Python: ``start_workflow_execution``."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


#: The name of each operation by that of its method in Python.
METHODS: dict[str, str] = {method_name(name): name for name in OPERATIONS}

_ENCODE = msgspec.json.Encoder().encode


def parse(name: str, body: bytes) -> Operation:
    """Read the request for an operation from the body of an HTTP request.

    Raises the faults of AWS: `UnknownOperationException`, `SerializationException` for what is not
    JSON or has a value of another type than the model, `ValidationException` for what breaks a
    constraint.
    """
    decoder = _decoder(name)
    try:
        return decoder.decode(body or b"{}")
    except _UNREADABLE as error:
        raise _refused(error, name, body) from error


def convert(name: str, request: Mapping[str, Any]) -> Operation:
    """Read the request for an operation from the keywords of a Python caller.

    Times may be `datetime` or seconds since the epoch. Raises the faults that `parse` raises, and
    `ValidationException` for a member that the model does not know.
    """
    shape = _shape(name)
    check_spelling(request, shape)
    request = with_seconds(request, shape)
    try:
        operation = msgspec.convert(request, shape)
    except msgspec.ValidationError as error:
        raise refusal(error, shape, exact_texts(request)) from error
    try:
        _check_writable(operation)
    except TypeError:  # an instance of a subclass of str
        operation = msgspec.convert(exact_texts(request), shape)
        _check_writable(operation)
    return operation


#: What msgspec raises for a body; the last for one that is nested too deeply.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def _shape(name: str) -> type[Operation]:
    shape = OPERATIONS.get(name)
    if shape is None:
        raise UnknownOperationException(f"Unknown operation: {name}")
    return shape


@functools.cache
def _decoder(name: str) -> msgspec.json.Decoder[Operation]:
    return msgspec.json.Decoder(_shape(name))


def _check_writable(operation: Operation) -> None:
    """Python has strings that JSON has not; when an event is written it is too late to refuse."""
    try:
        _ENCODE(operation)
    except UnicodeEncodeError as error:  # half a surrogate pair
        raise SerializationException(str(error)) from error


def _refused(error: Exception, name: str, body: bytes) -> Fault:
    if isinstance(error, msgspec.ValidationError):
        # What stands behind the first wrong value was not read: it may not even be JSON.
        try:
            request = msgspec.json.decode(body or b"{}")
        except _UNREADABLE as malformed:
            return SerializationException(str(malformed))
        return refusal(error, OPERATIONS[name], request)
    return SerializationException(str(error))
