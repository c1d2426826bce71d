"""The open executions of a domain, and what they do to each other.

1. *An event may have consequences in other executions*: a child to be started, a signal to be
   delivered, a parent to be told. They are carried out in the same request as the event, in the
   order of the events, each as a request of its own on the execution concerned (`_CONSEQUENCES`).
   So a store that keeps what a request has written keeps all of it or nothing.
2. *What is written is told as it was written*: a list of executions with their new events, in
   order; an execution may come up several times.
3. *A closed execution hears nothing more*; what it had begun goes on.

Amazon SWF does these things some time after the event; here no time passes in between, which a
client can only tell by the clock.
"""

# ruff: noqa: SLF001 - the table at the end names methods of the class above it

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dataflow.engine.rules import requests, starting
from dataflow.engine.rules.execution import Execution
from dataflow.engine.rules.registry import Registry
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Attributes, Event
from dataflow.protocol.faults import (
    DefaultUndefinedFault,
    LimitExceededFault,
    TypeDeprecatedFault,
    UnknownResourceFault,
    WorkflowExecutionAlreadyStartedFault,
)
from dataflow.protocol.limits import SWF_LIMITS, Limits
from dataflow.protocol.names import ChildPolicy
from dataflow.protocol.operations import StartWorkflowExecution
from dataflow.protocol.values import TaskList, WorkflowExecution


class Write(NamedTuple):
    """New events of one execution."""

    execution: Execution
    events: Sequence[Event]


class Domain:
    """Open executions by workflow id and by run id, and the rules between them."""

    def __init__(
        self,
        registry: Registry,
        *,
        limits: Limits = SWF_LIMITS,
        open_executions: int | None = None,
    ) -> None:
        """``open_executions``: how many there may be at once, None for any number."""
        self.registry = registry
        self._limits = limits
        self._most_open = open_executions
        #: The open executions by their workflow id: at most one of each.
        self.open: dict[str, Execution] = {}
        self._runs: dict[str, Execution] = {}

    def add(self, execution: Execution) -> None:
        """Take in an open execution that was folded from its history."""
        assert execution.open
        self.open[execution.workflow_id] = execution
        self._runs[execution.run_id] = execution

    def discard(self, run_id: str) -> None:
        """Forget an execution, as if it had never been taken in."""
        execution = self._runs.pop(run_id, None)
        if execution is not None:
            del self.open[execution.workflow_id]

    def run(self, run_id: str) -> Execution | None:
        """The open execution of this run id."""
        return self._runs.get(run_id)

    def find(self, workflow_id: str, run_id: str | None = None) -> Execution:
        """The open execution of this workflow id. Raises `UnknownResourceFault`.

        ``run_id``: it must be this run (an empty text, too, says nothing).
        """
        execution = self.open.get(workflow_id)
        if execution is None or not execution.open or (run_id and execution.run_id != run_id):
            named = f"workflowId={workflow_id}" + (f", runId={run_id}" if run_id else "")
            raise UnknownResourceFault(f"Unknown execution: WorkflowExecution=[{named}]")
        return execution

    # --- requests -----------------------------------------------------------------------

    def start(self, asked: StartWorkflowExecution, run_id: str, now: float) -> list[Write]:
        """Begin an execution that nobody but a client asks for."""
        kind = asked.workflow_type
        defaults = self.registry.workflow_type(kind)
        described = f"WorkflowType=[name={kind.name}, version={kind.version}]"
        if defaults is None:
            raise UnknownResourceFault(f"Unknown type: {described}")
        if defaults.deprecated:
            raise TypeDeprecatedFault(described)
        settings = starting.resolve(asked, kind, defaults)
        if isinstance(settings, str):
            raise DefaultUndefinedFault(starting.DEFAULT_MEMBERS[settings])
        if asked.workflow_id in self.open:
            raise WorkflowExecutionAlreadyStartedFault("Already Started")
        if self._room == 0:
            raise LimitExceededFault(f"{self._most_open} executions are open in this domain")
        return self._begin(asked.workflow_id, run_id, settings, now)

    def signal(
        self,
        execution: Execution,
        signal_name: str,
        input: str | None,  # noqa: A002 - SWF's word
        now: float,
    ) -> list[Write]:
        """A client tells an execution something."""
        signaled = ev.WorkflowExecutionSignaled(
            signal_name=signal_name, input=input, external_initiated_event_id=0
        )
        return self.follow(execution, requests.signal(execution, signaled, now))

    def request_cancel(self, execution: Execution, now: float) -> list[Write]:
        """A client asks an execution to end."""
        requested = ev.WorkflowExecutionCancelRequested(external_initiated_event_id=0)
        return self.follow(execution, requests.request_cancel(execution, requested, now))

    def terminate(
        self,
        execution: Execution,
        now: float,
        reason: str | None,
        details: str | None,
        child_policy: ChildPolicy | None,
    ) -> list[Write]:
        """A client ends an execution."""
        events = requests.terminate(execution, now, reason, details, child_policy=child_policy)
        return self.follow(execution, events)

    def complete_decision_task(
        self,
        execution: Execution,
        started_event_id: int,
        decisions: Sequence[Decision],
        now: float,
        *,
        execution_context: str | None = None,
        task_list: TaskList | None = None,
        task_list_schedule_to_start_timeout: str | None = None,
    ) -> list[Write]:
        """A decider answers."""
        events = requests.complete_decision_task(
            execution,
            started_event_id,
            decisions,
            now,
            execution_context=execution_context,
            task_list=task_list,
            task_list_schedule_to_start_timeout=task_list_schedule_to_start_timeout,
            registry=self.registry,
            limits=self._limits,
            room=self._room,
        )
        return self.follow(execution, events)

    def expire(self, execution: Execution, now: float) -> list[Write]:
        """Let the execution's earliest deadline take effect, if it has passed."""
        return self.follow(execution, requests.expire(execution, now))

    def lose_workers(self, task_list: str, now: float) -> list[Write]:
        """The deciders and workers of a task list are known to be gone, with what they had taken.

        Decision tasks that wait on lists of such deciders' own are theirs, too.
        """
        written: list[Write] = []
        for execution in list(self.open.values()):
            for activity in list(execution.activities.values()):
                # What was written for the one before may have been one event too many.
                if (
                    execution.open
                    and activity.started_event_id
                    and activity.scheduled.task_list.name == task_list
                ):
                    lost = requests.lose_activity_task(execution, activity.scheduled_event_id, now)
                    written += self.follow(execution, lost)
            if execution.open and execution.task_list.name == task_list:
                written += self.follow(execution, requests.lose_decider(execution, now))
        return written

    # --- consequences ---------------------------------------------------------------------

    def follow(self, execution: Execution, events: Sequence[Event]) -> list[Write]:
        """What a request has written, and all that follows from it in other executions."""
        written: list[Write] = []
        queue = deque([Write(execution, events)])
        while queue:
            write = queue.popleft()
            if not write.events:
                continue
            written.append(write)
            queue.extend(self._limit(write))
            for event in write.events:
                consequence = _CONSEQUENCES.get(type(event.attributes))
                if consequence is not None:
                    queue.extend(consequence(self, write.execution, event))
        return written

    def _limit(self, write: Write) -> list[Write]:
        """A history that has grown too long is ended.

        "Events in workflow execution history: 25,000": a hard limit of
        https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dg-limits.html
        """
        execution, most = write.execution, self._limits.history_events
        if not execution.open or most is None or execution.last_event_id < most:
            return []
        ended = requests.terminate(
            execution, execution.last_timestamp, cause="EVENT_LIMIT_EXCEEDED"
        )
        return [Write(execution, ended)]

    def _begin(
        self, workflow_id: str, run_id: str, started: ev.WorkflowExecutionStarted, now: float
    ) -> list[Write]:
        execution = Execution(workflow_id, run_id)
        events = requests.start(execution, started, now)
        self.add(execution)
        return [Write(execution, events)]

    @property
    def _room(self) -> int | None:
        """How many executions may be started yet; None for any number."""
        return None if self._most_open is None else max(0, self._most_open - len(self.open))

    def _tell(self, execution: Execution, news: Attributes, now: float) -> list[Write]:
        return [Write(execution, requests.tell(execution, news, now))]

    def _signal_external(self, source: Execution, event: Event) -> list[Write]:
        asked = event.attributes
        assert isinstance(asked, ev.SignalExternalWorkflowExecutionInitiated)
        try:
            target = self.find(asked.workflow_id, asked.run_id)
        except UnknownResourceFault:
            failed = ev.SignalExternalWorkflowExecutionFailed(
                workflow_id=asked.workflow_id,
                cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
                initiated_event_id=event.event_id,
                decision_task_completed_event_id=asked.decision_task_completed_event_id,
                run_id=asked.run_id,
                control=asked.control,
            )
            return self._tell(source, failed, event.timestamp)
        signaled = ev.WorkflowExecutionSignaled(
            signal_name=asked.signal_name,
            input=asked.input,
            external_workflow_execution=_name(source),
            external_initiated_event_id=event.event_id,
        )
        done = ev.ExternalWorkflowExecutionSignaled(
            workflow_execution=_name(target), initiated_event_id=event.event_id
        )
        return [
            Write(target, requests.signal(target, signaled, event.timestamp)),
            *self._tell(source, done, event.timestamp),
        ]

    def _cancel_external(self, source: Execution, event: Event) -> list[Write]:
        asked = event.attributes
        assert isinstance(asked, ev.RequestCancelExternalWorkflowExecutionInitiated)
        try:
            target = self.find(asked.workflow_id, asked.run_id)
        except UnknownResourceFault:
            failed = ev.RequestCancelExternalWorkflowExecutionFailed(
                workflow_id=asked.workflow_id,
                cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
                initiated_event_id=event.event_id,
                decision_task_completed_event_id=asked.decision_task_completed_event_id,
                run_id=asked.run_id,
                control=asked.control,
            )
            return self._tell(source, failed, event.timestamp)
        requested = ev.WorkflowExecutionCancelRequested(
            external_workflow_execution=_name(source), external_initiated_event_id=event.event_id
        )
        done = ev.ExternalWorkflowExecutionCancelRequested(
            workflow_execution=_name(target), initiated_event_id=event.event_id
        )
        return [
            Write(target, requests.request_cancel(target, requested, event.timestamp)),
            *self._tell(source, done, event.timestamp),
        ]

    def _start_child(self, parent: Execution, event: Event) -> list[Write]:
        asked = event.attributes
        assert isinstance(asked, ev.StartChildWorkflowExecutionInitiated)
        if asked.workflow_id in self.open:
            failed = ev.StartChildWorkflowExecutionFailed(
                workflow_type=asked.workflow_type,
                cause="WORKFLOW_ALREADY_RUNNING",
                workflow_id=asked.workflow_id,
                initiated_event_id=event.event_id,
                decision_task_completed_event_id=asked.decision_task_completed_event_id,
                control=asked.control,
            )
            return self._tell(parent, failed, event.timestamp)
        run_id = starting.next_run_id(parent.run_id, event.event_id)
        settings = ev.WorkflowExecutionStarted(
            child_policy=asked.child_policy,
            task_list=asked.task_list,
            workflow_type=asked.workflow_type,
            input=asked.input,
            execution_start_to_close_timeout=asked.execution_start_to_close_timeout,
            task_start_to_close_timeout=asked.task_start_to_close_timeout,
            task_priority=asked.task_priority,
            tag_list=asked.tag_list,
            parent_workflow_execution=_name(parent),
            parent_initiated_event_id=event.event_id,
            lambda_role=asked.lambda_role,
        )
        started = ev.ChildWorkflowExecutionStarted(
            workflow_execution=WorkflowExecution(asked.workflow_id, run_id),
            workflow_type=asked.workflow_type,
            initiated_event_id=event.event_id,
        )
        return [
            *self._begin(asked.workflow_id, run_id, settings, event.timestamp),
            *self._tell(parent, started, event.timestamp),
        ]

    def _start_lambda(self, execution: Execution, event: Event) -> list[Write]:
        """Amazon SWF invokes a function as soon as it is scheduled."""
        if not execution.open:
            return []
        started = requests.start_lambda_function(execution, event.event_id, event.timestamp)
        return [Write(execution, started)]

    def _closed(self, execution: Execution, event: Event) -> list[Write]:
        """Tell the parent how its child has ended."""
        self.discard(execution.run_id)
        started = execution.started
        assert started is not None
        if started.parent_workflow_execution is None:
            return []
        parent = self.run(started.parent_workflow_execution.run_id)
        if parent is None:
            return []
        assert started.parent_initiated_event_id
        child = parent.children[started.parent_initiated_event_id]
        news = _NEWS_OF_CHILD[type(event.attributes)](
            event.attributes,
            workflow_execution=_name(execution),
            workflow_type=started.workflow_type,
            initiated_event_id=child.initiated_event_id,
            started_event_id=child.started_event_id,
        )
        return self._tell(parent, news, event.timestamp)

    def _closed_by_force(self, execution: Execution, event: Event) -> list[Write]:
        """Apply the child policy, which is for executions that are terminated or time out.

        https://docs.aws.amazon.com/amazonswf/latest/apireference/API_TerminateWorkflowExecution.html
        """
        closed = event.attributes
        assert isinstance(closed, ev.WorkflowExecutionTerminated | ev.WorkflowExecutionTimedOut)
        written = self._closed(execution, event)
        for child in self._children(execution):
            written += self._apply_policy(closed.child_policy, execution, child, event.timestamp)
        return written

    def _children(self, parent: Execution) -> list[Execution]:
        """The open runs of its open children: of one that has continued as new, the last."""
        found = []
        for child in parent.children.values():
            execution = self.open.get(child.initiated.workflow_id)
            if execution is None or not execution.open:
                continue
            started = execution.started
            assert started is not None
            if (
                started.parent_workflow_execution == _name(parent)
                and started.parent_initiated_event_id == child.initiated_event_id
            ):
                found.append(execution)
        return found

    def _apply_policy(
        self, policy: ChildPolicy, parent: Execution, child: Execution, now: float
    ) -> list[Write]:
        if policy == "TERMINATE":
            ended = requests.terminate(child, now, cause="CHILD_POLICY_APPLIED")
            return [Write(child, ended)]
        if policy == "REQUEST_CANCEL":
            requested = ev.WorkflowExecutionCancelRequested(
                external_workflow_execution=_name(parent),
                external_initiated_event_id=0,
                cause="CHILD_POLICY_APPLIED",
            )
            return [Write(child, requests.request_cancel(child, requested, now))]
        return []

    def _continue_as_new(self, execution: Execution, event: Event) -> list[Write]:
        """Begin the next run; it keeps the parent, who hears of the last run only."""
        closed = event.attributes
        assert isinstance(closed, ev.WorkflowExecutionContinuedAsNew)
        started = execution.started
        assert started is not None
        self.discard(execution.run_id)
        settings = ev.WorkflowExecutionStarted(
            child_policy=closed.child_policy,
            task_list=closed.task_list,
            workflow_type=closed.workflow_type,
            input=closed.input,
            execution_start_to_close_timeout=closed.execution_start_to_close_timeout,
            task_start_to_close_timeout=closed.task_start_to_close_timeout,
            task_priority=closed.task_priority,
            tag_list=closed.tag_list,
            continued_execution_run_id=execution.run_id,
            parent_workflow_execution=started.parent_workflow_execution,
            parent_initiated_event_id=started.parent_initiated_event_id,
            lambda_role=closed.lambda_role,
        )
        run_id = closed.new_execution_run_id
        return self._begin(execution.workflow_id, run_id, settings, event.timestamp)


def _name(execution: Execution) -> WorkflowExecution:
    return WorkflowExecution(execution.workflow_id, execution.run_id)


_CONSEQUENCES: dict[type[Attributes], Callable[[Domain, Execution, Event], list[Write]]] = {
    ev.SignalExternalWorkflowExecutionInitiated: Domain._signal_external,
    ev.RequestCancelExternalWorkflowExecutionInitiated: Domain._cancel_external,
    ev.StartChildWorkflowExecutionInitiated: Domain._start_child,
    ev.LambdaFunctionScheduled: Domain._start_lambda,
    ev.WorkflowExecutionCompleted: Domain._closed,
    ev.WorkflowExecutionFailed: Domain._closed,
    ev.WorkflowExecutionCanceled: Domain._closed,
    ev.WorkflowExecutionTimedOut: Domain._closed_by_force,
    ev.WorkflowExecutionTerminated: Domain._closed_by_force,
    ev.WorkflowExecutionContinuedAsNew: Domain._continue_as_new,
}

#: What a parent is told of a child that has ended so.
_NEWS_OF_CHILD: dict[type[Attributes], Callable[..., Attributes]] = {
    ev.WorkflowExecutionCompleted: lambda closed, **child: ev.ChildWorkflowExecutionCompleted(
        result=closed.result, **child
    ),
    ev.WorkflowExecutionFailed: lambda closed, **child: ev.ChildWorkflowExecutionFailed(
        reason=closed.reason, details=closed.details, **child
    ),
    ev.WorkflowExecutionCanceled: lambda closed, **child: ev.ChildWorkflowExecutionCanceled(
        details=closed.details, **child
    ),
    ev.WorkflowExecutionTimedOut: lambda closed, **child: ev.ChildWorkflowExecutionTimedOut(
        timeout_type=closed.timeout_type, **child
    ),
    ev.WorkflowExecutionTerminated: lambda _, **child: ev.ChildWorkflowExecutionTerminated(**child),
}
