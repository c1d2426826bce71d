"""How the settings of a new execution are resolved: what was asked, else its type's defaults.

Task list, both time-outs and child policy must be given one way or the other, else the start is
refused and the missing one named. An execution that continues as new takes its type's defaults,
too, and not the old run's settings.
https://docs.aws.amazon.com/amazonswf/latest/apireference/API_StartWorkflowExecution.html
"""

from __future__ import annotations

import hashlib
from typing import Literal

from dataflow.engine.rules.registry import WorkflowDefaults
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import ContinueAsNewWorkflowExecution, StartChildWorkflowExecution
from dataflow.protocol.operations import StartWorkflowExecution
from dataflow.protocol.values import WorkflowType

#: What is missing: the last part of the cause ``DEFAULT_..._UNDEFINED``.
Missing = Literal[
    "EXECUTION_START_TO_CLOSE_TIMEOUT", "TASK_LIST", "TASK_START_TO_CLOSE_TIMEOUT", "CHILD_POLICY"
]

#: The default of the type that would have helped, which is what `DefaultUndefinedFault` names.
DEFAULT_MEMBERS: dict[Missing, str] = {
    "EXECUTION_START_TO_CLOSE_TIMEOUT": "defaultExecutionStartToCloseTimeout",
    "TASK_LIST": "defaultTaskList",
    "TASK_START_TO_CLOSE_TIMEOUT": "defaultTaskStartToCloseTimeout",
    "CHILD_POLICY": "defaultChildPolicy",
}


def resolve(
    asked: StartWorkflowExecution | StartChildWorkflowExecution | ContinueAsNewWorkflowExecution,
    workflow_type: WorkflowType,
    defaults: WorkflowDefaults,
) -> ev.WorkflowExecutionStarted | Missing:
    """The first event of the execution (without what links it to other executions)."""
    to_close = asked.execution_start_to_close_timeout or defaults.execution_start_to_close_timeout
    if not to_close:
        return "EXECUTION_START_TO_CLOSE_TIMEOUT"
    task_list = asked.task_list or defaults.task_list
    if task_list is None:
        return "TASK_LIST"
    task_to_close = asked.task_start_to_close_timeout or defaults.task_start_to_close_timeout
    if not task_to_close:
        return "TASK_START_TO_CLOSE_TIMEOUT"
    child_policy = asked.child_policy or defaults.child_policy
    if child_policy is None:
        return "CHILD_POLICY"
    return ev.WorkflowExecutionStarted(
        child_policy=child_policy,
        task_list=task_list,
        workflow_type=workflow_type,
        input=asked.input,
        execution_start_to_close_timeout=to_close,
        task_start_to_close_timeout=task_to_close,
        task_priority=asked.task_priority or defaults.task_priority,
        tag_list=asked.tag_list,
        parent_initiated_event_id=0,
        lambda_role=asked.lambda_role or defaults.lambda_role,
    )


def next_run_id(run_id: str, event_id: int) -> str:
    """The run that an event of another one begins: a child, or its continuation.

    It follows from the event, so that the rules need no chance, and a history written twice from
    the same answers names the same runs.
    """
    return hashlib.sha256(f"{run_id}/{event_id}".encode()).hexdigest()[:32]
