"""The documented limits of SWF.

https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dg-limits.html
"""

from __future__ import annotations

import msgspec

#: Characters in a name or id: of a domain, type, task list, activity, timer, workflow, signal ...
ID_LENGTH = 256
#: Characters in the version of a type.
VERSION_LENGTH = 64
#: Characters in the id of a run.
RUN_ID_LENGTH = 64
#: Characters in the name of a Lambda function.
FUNCTION_NAME_LENGTH = 64
#: Characters in the reason of a failure or a termination.
REASON_LENGTH = 256
#: Characters in the identity that a poller gives.
IDENTITY_LENGTH = 256
#: Characters in an input, result, control or details field.
DATA_LENGTH = 32_768
#: Characters in the details of a heartbeat.
HEARTBEAT_DETAILS_LENGTH = 2_048
#: Characters in the description of a domain or type.
DESCRIPTION_LENGTH = 1_024
#: Characters in an Amazon resource name.
ARN_LENGTH = 1_600
#: Characters in a task token.
TASK_TOKEN_LENGTH = 1_024
#: Characters in a token that asks for the next page.
PAGE_TOKEN_LENGTH = 2_048

#: Tags of one execution, each of at most 256 characters.
TAGS = 5
#: Characters in a tag of an execution, and in the value of a tag of a domain.
TAG_LENGTH = 256
#: Characters in the key of a tag of a domain.
TAG_KEY_LENGTH = 128
#: Tags of one domain.
DOMAIN_TAGS = 50

#: Digits of a duration.
DURATION_DIGITS = 8
#: The longest time-out or timer: SWF writes durations in at most 8 digits.
DURATION_SECONDS = 99_999_999
#: The longest an execution may take: one year.
EXECUTION_SECONDS = 31_536_000
#: The longest that Lambda lets a function run, and how long it may when nobody says.
LAMBDA_SECONDS = 900
#: The longest that closed executions are kept.
RETENTION_DAYS = 90

#: The most that a page of a history or a list holds, and what it holds when nobody says.
PAGE_SIZE = 1_000
#: Bytes of a request: one megabyte.
REQUEST_BYTES = 1_000_000
#: How long a poll waits for a task.
POLL_SECONDS = 60


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that depend on where an execution runs; None: no limit."""

    #: Decisions in one answer to a decision task.
    decisions: int = 100
    #: Bytes of one request on the wire.
    request_bytes: int | None = REQUEST_BYTES
    #: Open activity tasks of one execution.
    open_activities: int = 1_000
    #: Open timers of one execution.
    open_timers: int = 1_000
    #: Open child executions of one execution.
    open_children: int = 1_000
    #: Open Lambda tasks of one execution. The documentation gives no number: that of activities.
    open_lambda_functions: int = 1_000
    #: Pollers that wait at one task list.
    pollers: int = 1_000
    #: Characters in an input, result, control or details field.
    data_length: int | None = DATA_LENGTH
    #: Events in one history, after which SWF terminates the execution.
    history_events: int | None = 25_000
    #: Events after which the owner of the workflow should hear of the limit.
    history_events_warning: int = 10_000


#: What Amazon SWF allows.
SWF_LIMITS = Limits()

#: One process, nothing on a wire: only what paces the work stays, so that a workflow behaves
#: here as it does on SWF.
LOCAL_LIMITS = Limits(request_bytes=None, data_length=None, history_events=None)


class Quotas(msgspec.Struct, frozen=True, kw_only=True):
    """What guards a service that many accounts share; None: no limit."""

    #: Domains, with those that are deprecated.
    domains: int | None = None
    #: Types in one domain: so many of workflows and so many of activities, deprecated ones too.
    types: int | None = None
    #: Open executions in one domain.
    open_executions: int | None = None
    #: For each operation a token bucket: how many calls at once, and how many more a second.
    calls: dict[str, tuple[float, float]] = {}


#: A service that is nobody else's.
NO_QUOTAS = Quotas()

#: What Amazon SWF grants an account; all can be raised on request.
#: https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dg-limits.html
SWF_QUOTAS = Quotas(
    domains=100,
    types=10_000,
    open_executions=100_000,
    calls={
        operation: rate
        for rate, operations in {
            (2000.0, 200.0): (
                "StartWorkflowExecution PollForActivityTask PollForDecisionTask "
                "RespondActivityTaskCanceled RespondActivityTaskCompleted "
                "RespondActivityTaskFailed RespondDecisionTaskCompleted"
            ),
            (2000.0, 160.0): "RecordActivityTaskHeartbeat",
            (2000.0, 60.0): "GetWorkflowExecutionHistory TerminateWorkflowExecution",
            (2000.0, 30.0): "SignalWorkflowExecution RequestCancelWorkflowExecution",
            (2000.0, 6.0): (
                "CountClosedWorkflowExecutions CountOpenWorkflowExecutions DescribeActivityType "
                "DescribeWorkflowExecution DescribeWorkflowType"
            ),
            (200.0, 48.0): "ListOpenWorkflowExecutions",
            (200.0, 60.0): "RegisterActivityType RegisterWorkflowType",
            (200.0, 6.0): (
                "CountPendingActivityTasks CountPendingDecisionTasks DeleteActivityType "
                "DeleteWorkflowType DeprecateActivityType DeprecateWorkflowType "
                "UndeprecateActivityType UndeprecateWorkflowType DescribeDomain "
                "ListActivityTypes ListClosedWorkflowExecutions ListWorkflowTypes"
            ),
            (100.0, 6.0): "DeprecateDomain ListDomains RegisterDomain UndeprecateDomain",
            (50.0, 30.0): "ListTagsForResource TagResource UntagResource",
        }.items()
        for operation in operations.split()
    },
)
