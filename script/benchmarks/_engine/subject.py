"""What the engine is measured with: one domain, one workflow type, one activity type.

`Client` speaks to any engine through a `Call`, whether it is in this process or behind a socket.
"""

from __future__ import annotations

from typing import Any

from _engine.wire import Call
from botocore import xform_name

from dataflow.engine import Engine

DOMAIN = "shop"
WORKFLOW = {"name": "order", "version": "1"}
ACTIVITY = {"name": "pay", "version": "1"}
#: What tasks carry and return: a hundred bytes of JSON.
DATA = '[{"order": "0123456789", "amount": 1234, "currency": "EUR", "items": [1, 2, 3, 4, 5, 6]}]'
#: The decision that ends an execution.
COMPLETE = {"decisionType": "CompleteWorkflowExecution"}
_LONG = "1000000"
_RETENTION_DAYS = "30"


def in_process(engine: Engine) -> Call:
    """Calls of an engine in this process."""

    def call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(engine, xform_name(operation))(**request)
        return answer

    return call


class Client:
    """A client, decider and worker in one; each `Client` may have task lists of its own."""

    def __init__(self, call: Call, task_list: str = "default") -> None:
        self._call = call
        self.task_list = {"name": task_list}

    def register(self) -> None:
        """Make the domain and the types."""
        call = self._call
        call(
            "RegisterDomain",
            {"name": DOMAIN, "workflowExecutionRetentionPeriodInDays": _RETENTION_DAYS},
        )
        call(
            "RegisterWorkflowType",
            {
                "domain": DOMAIN,
                **WORKFLOW,
                "defaultTaskList": {"name": "default"},
                "defaultChildPolicy": "TERMINATE",
                "defaultTaskStartToCloseTimeout": _LONG,
                "defaultExecutionStartToCloseTimeout": _LONG,
            },
        )
        call(
            "RegisterActivityType",
            {
                "domain": DOMAIN,
                **ACTIVITY,
                "defaultTaskList": {"name": "default"},
                "defaultTaskStartToCloseTimeout": _LONG,
                "defaultTaskScheduleToStartTimeout": _LONG,
                "defaultTaskScheduleToCloseTimeout": _LONG,
                "defaultTaskHeartbeatTimeout": _LONG,
            },
        )

    def warm_up(self) -> None:
        """Ask everything once: the first request of each kind costs more than others."""
        self.start("warm-up")
        self.cycle("1")
        self.decide(COMPLETE)

    def start(self, workflow_id: str, **more: Any) -> dict[str, str]:
        """Start an execution; how SWF names it."""
        answer = self._call("StartWorkflowExecution", {**self.starting(workflow_id), **more})
        return {"workflowId": workflow_id, "runId": answer["runId"]}

    def starting(self, workflow_id: str) -> dict[str, Any]:
        return {
            "domain": DOMAIN,
            "workflowId": workflow_id,
            "workflowType": WORKFLOW,
            "taskList": self.task_list,
            "input": DATA,
        }

    def terminate(self, execution: dict[str, str]) -> None:
        self._call("TerminateWorkflowExecution", {"domain": DOMAIN, **execution})

    def decide(self, *decisions: dict[str, Any]) -> None:
        """Take a decision task and answer it."""
        self.answer(self.decision_task(), *decisions)

    def decision_task(self) -> dict[str, Any]:
        return self._call(
            "PollForDecisionTask",
            {"domain": DOMAIN, "taskList": self.task_list, "startAtPreviousStartedEvent": True},
        )

    def answer(self, task: dict[str, Any], *decisions: dict[str, Any]) -> None:
        self._call(
            "RespondDecisionTaskCompleted",
            {"taskToken": task["taskToken"], "decisions": list(decisions)},
        )

    def activity_task(self) -> dict[str, Any]:
        return self._call("PollForActivityTask", {"domain": DOMAIN, "taskList": self.task_list})

    def complete(self, task: dict[str, Any]) -> None:
        """Answer an activity task."""
        self._call("RespondActivityTaskCompleted", {"taskToken": task["taskToken"], "result": DATA})

    def schedule(self, activity_id: str) -> dict[str, Any]:
        """The decision to have an activity performed."""
        return {
            "decisionType": "ScheduleActivityTask",
            "scheduleActivityTaskDecisionAttributes": {
                "activityType": ACTIVITY,
                "activityId": activity_id,
                "taskList": self.task_list,
                "input": DATA,
            },
        }

    def cycle(self, activity_id: str) -> None:
        """One activity from its decision to its result."""
        self.decide(self.schedule(activity_id))
        self.complete(self.activity_task())
