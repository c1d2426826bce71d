"""What a caller may do.

A request passes if three things hold, and is refused with AccessDeniedException otherwise:

1. the table below gives the operation to the caller's role;
2. a caller who is limited to a domain speaks of that domain (an operation on all domains at once
   is not for him);
3. a caller who is limited to task lists polls, or counts the tasks of, a list that his pattern
   fits.

An answer to a task (Respond..., RecordActivityTaskHeartbeat) names no domain, only its token. Who
may give it, `may_answer` says when the token has been read: whoever was given the task, and admins.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

from dataflow.engine.auth.caller import Caller, Role
from dataflow.protocol.faults import AccessDeniedException
from dataflow.protocol.operations import Operation

_ADMIN = frozenset({Role.ADMIN})
_READ = frozenset({Role.ADMIN, Role.DECIDER, Role.READER})
_DECIDE = frozenset({Role.ADMIN, Role.DECIDER})
_WORK = frozenset({Role.ADMIN, Role.WORKER})
#: A decider schedules activities, a worker serves them: either may be the one who registers them.
_DECIDE_OR_WORK = _DECIDE | _WORK
#: What a worker has to see to find its work.
_READ_OR_WORK = _READ | _WORK

#: Each operation and the roles that may call it.
ROLES: Mapping[str, frozenset[Role]] = {
    "CountClosedWorkflowExecutions": _READ,
    "CountOpenWorkflowExecutions": _READ,
    "CountPendingActivityTasks": _READ_OR_WORK,
    "CountPendingDecisionTasks": _READ,
    "DeleteActivityType": _ADMIN,
    "DeleteWorkflowType": _ADMIN,
    "DeprecateActivityType": _ADMIN,
    "DeprecateDomain": _ADMIN,
    "DeprecateWorkflowType": _ADMIN,
    "DescribeActivityType": _READ_OR_WORK,
    "DescribeDomain": _READ_OR_WORK,
    "DescribeWorkflowExecution": _READ,
    "DescribeWorkflowType": _READ,
    "GetWorkflowExecutionHistory": _READ,
    "ListActivityTypes": _READ,
    "ListClosedWorkflowExecutions": _READ,
    "ListDomains": _READ,
    "ListOpenWorkflowExecutions": _READ,
    "ListTagsForResource": _READ,
    "ListWorkflowTypes": _READ,
    "PollForActivityTask": _WORK,
    "PollForDecisionTask": _DECIDE,
    "RecordActivityTaskHeartbeat": _WORK,
    "RegisterActivityType": _DECIDE_OR_WORK,
    "RegisterDomain": _ADMIN,
    "RegisterWorkflowType": _DECIDE,
    "RequestCancelWorkflowExecution": _ADMIN,
    "RespondActivityTaskCanceled": _WORK,
    "RespondActivityTaskCompleted": _WORK,
    "RespondActivityTaskFailed": _WORK,
    "RespondDecisionTaskCompleted": _DECIDE,
    "SignalWorkflowExecution": _ADMIN,
    "StartWorkflowExecution": _ADMIN,
    "TagResource": _ADMIN,
    "TerminateWorkflowExecution": _ADMIN,
    "UndeprecateActivityType": _ADMIN,
    "UndeprecateDomain": _ADMIN,
    "UndeprecateWorkflowType": _ADMIN,
    "UntagResource": _ADMIN,
}

#: Where the domain stands, if not in a member of that name.
_DOMAIN_MEMBER = {
    "DeprecateDomain": "name",
    "DescribeDomain": "name",
    "RegisterDomain": "name",
    "UndeprecateDomain": "name",
    "ListTagsForResource": "resource_arn",
    "TagResource": "resource_arn",
    "UntagResource": "resource_arn",
}

#: They name their task by its token: `may_answer` has the rest.
_ANSWERS = frozenset(
    {
        "RecordActivityTaskHeartbeat",
        "RespondActivityTaskCanceled",
        "RespondActivityTaskCompleted",
        "RespondActivityTaskFailed",
        "RespondDecisionTaskCompleted",
    }
)

#: The operations that a pattern for task lists limits.
_OF_TASK_LISTS = frozenset(
    {
        "CountPendingActivityTasks",
        "CountPendingDecisionTasks",
        "PollForActivityTask",
        "PollForDecisionTask",
    }
)


def check(caller: Caller, operation: Operation) -> None:
    """Let a request pass, or raise `AccessDeniedException`."""
    name = type(operation).__name__
    domain = domain_of(operation)
    if caller.role not in ROLES[name]:
        raise _refusal(caller, name, domain, f"its role is {caller.role}")
    if caller.domain is not None and domain != caller.domain and name not in _ANSWERS:
        raise _refusal(caller, name, domain, f"it is limited to the domain {caller.domain}")
    if caller.task_list is not None and name in _OF_TASK_LISTS:
        task_list: str = operation.task_list.name  # type: ignore[attr-defined]  # the four have it
        if not fnmatchcase(task_list, caller.task_list):
            reason = f"it is limited to the task lists {caller.task_list}"
            raise _refusal(caller, name, domain, reason)


def may_answer(caller: Caller, token_key_id: str, token_domain: str) -> None:
    """Let an answer to a task pass, or raise `AccessDeniedException`.

    ``token_key_id`` is the key that was given the task, ``token_domain`` where the task is.
    """
    if caller.domain is not None and token_domain != caller.domain:
        reason = f"it is limited to the domain {caller.domain}"
    elif caller.role != Role.ADMIN and token_key_id != caller.key_id:
        reason = "the task was not given to it"
    else:
        return
    # Not where the task is, which the token's holder need not know.
    raise AccessDeniedException(
        f"User: {caller.key_id} is not authorized to answer this task because {reason}"
    )


def domain_of(operation: Operation) -> str | None:
    """The domain that a request speaks of; None if it names none."""
    member = _DOMAIN_MEMBER.get(type(operation).__name__, "domain")
    value: str | None = getattr(operation, member, None)
    if value is not None and member == "resource_arn":
        return value.rpartition("/")[2]  # arn:aws:swf:REGION:ACCOUNT:/domain/NAME
    return value


def _refusal(
    caller: Caller, operation: str, domain: str | None, reason: str
) -> AccessDeniedException:
    resource = "*" if domain is None else f"/domain/{domain}"
    return AccessDeniedException(
        f"User: {caller.key_id} is not authorized to perform: swf:{operation} "
        f"on resource: {resource} because {reason}"
    )
