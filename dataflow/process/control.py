"""What is asked of executions from outside: signal, cancel, terminate, begin again.

A run id names a run; without one the open run of a workflow id is meant, or, to begin again, the
latest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec

from dataflow.chance import new_id
from dataflow.errors import NotFound, UsageError
from dataflow.inspection.reading import Reader
from dataflow.payload.fields import Fields
from dataflow.process.calls import code
from dataflow.process.client import AlreadyStarted, is_own_list
from dataflow.process.outgoing import write_input
from dataflow.protocol.events import WorkflowExecutionStarted
from dataflow.protocol.limits import ID_LENGTH
from dataflow.protocol.values import WorkflowExecution

#: What `reset_list` makes, and the list in it.
_RESET_LIST = re.compile(r"reset-[0-9a-f]{32}-(.+)", re.DOTALL)


def lasting_list(workflow_id: str, started: WorkflowExecutionStarted) -> str:
    """The task list where deciders wait for more than this run.

    Raises `UsageError` if that cannot be known.
    """
    name = started.task_list.name
    if is_own_list(workflow_id, name):
        raise UsageError(
            f"{workflow_id} was run by `dataflow standalone`, on a task list of its own: name the "
            "list where deciders wait with --task-list"
        )
    handed_over = _RESET_LIST.fullmatch(name)
    return name if handed_over is None else handed_over[1]


def reset_list(name: str) -> str:
    """A task list that nobody else knows, of a run that will be handed over to the list ``name``.

    Raises `UsageError` for a ``name`` that is too long for that.
    """
    own = f"reset-{new_id()}-{name}"
    if len(own) > ID_LENGTH:
        raise UsageError(
            f"the task list {name} has {len(name)} characters: name one with "
            f"{ID_LENGTH - len(own) + len(name)} at most with --task-list"
        )
    return own


class Control:
    """Asks things of the executions of one domain."""

    def __init__(self, reader: Reader, fields: Fields) -> None:
        self._reader = reader
        self._fields = fields
        self._service = reader.service

    def signal(
        self, workflow_id: str, run_id: str | None, name: str, text: str | None = None
    ) -> None:
        """Send a signal; ``text``: its input. Raises `NotFound` if no such run is open.

        `UsageError` for an input that cannot be kept, and `PayloadUnavailable`.
        """
        more = {} if text is None else {"input": write_input(self._fields, text)}
        self._ask(
            self._service.signal_workflow_execution, workflow_id, run_id, signalName=name, **more
        )

    def cancel(self, workflow_id: str, run_id: str | None) -> None:
        """Ask a run to end itself. Raises `NotFound` if no such run is open."""
        self._ask(self._service.request_cancel_workflow_execution, workflow_id, run_id)

    def terminate(
        self,
        workflow_id: str,
        run_id: str | None,
        reason: str | None = None,
        details: str | None = None,
    ) -> None:
        """End a run at once. Raises `NotFound` if no such run is open."""
        told = {"reason": reason, "details": details}
        self._ask(
            self._service.terminate_workflow_execution,
            workflow_id,
            run_id,
            **{name: text for name, text in told.items() if text is not None},
        )

    def input_of(self, started: WorkflowExecutionStarted) -> str | None:
        """The input of a run, in clear. Raises `PayloadError`."""
        return None if started.input is None else self._fields.read(started.input)

    def with_input(self, started: WorkflowExecutionStarted, text: str) -> WorkflowExecutionStarted:
        """The beginning of a run with another input. Raises as `write_input`."""
        return msgspec.structs.replace(started, input=write_input(self._fields, text))

    def begin(
        self, workflow_id: str, started: WorkflowExecutionStarted, *, task_list: str
    ) -> WorkflowExecution:
        """Begin a run as another one has begun, on this task list.

        Its input is taken as it stands in history. Raises `AlreadyStarted` if a run of this
        workflow id is open.
        """
        request = {
            "domain": self._reader.domain,
            "workflowId": workflow_id,
            "workflowType": {
                "name": started.workflow_type.name,
                "version": started.workflow_type.version,
            },
            "taskList": {"name": task_list},
            "childPolicy": started.child_policy,
            "executionStartToCloseTimeout": started.execution_start_to_close_timeout,
            "taskStartToCloseTimeout": started.task_start_to_close_timeout,
            "taskPriority": started.task_priority,
            "lambdaRole": started.lambda_role,
            "tagList": list(started.tag_list or ()) or None,
            "input": started.input,
        }
        given = {name: value for name, value in request.items() if value is not None}
        try:
            run_id = self._service.start_workflow_execution(**given)["runId"]
        except Exception as error:
            if code(error) == "WorkflowExecutionAlreadyStartedFault":
                raise AlreadyStarted(
                    f"another run of {workflow_id} is open in the domain {self._reader.domain}"
                ) from error
            raise
        return WorkflowExecution(workflow_id, run_id)

    def _ask(
        self, what: Callable[..., Any], workflow_id: str, run_id: str | None, **more: Any
    ) -> None:
        if run_id is not None:
            more["runId"] = run_id
        try:
            what(domain=self._reader.domain, workflowId=workflow_id, **more)
        except self._service.exceptions.UnknownResourceFault as error:
            found = self._reader.find(workflow_id, run_id)
            raise NotFound(
                f"the execution {workflow_id} {found.run_id} is not open any more: it is "
                f"{found.status}"
            ) from error
