"""How each decision becomes an event: its success, or its failure with the documented cause.

A decision that cannot be carried out spoils nothing: its ``...Failed`` event is written, the others
of the batch still count, and a new decision task follows.
https://docs.aws.amazon.com/amazonswf/latest/apireference/API_Decision.html

What a decision does to other executions (a child, a signal) begins with its ``...Initiated`` event
here and is carried on by `dataflow.engine.rules.domain`, when the whole batch has been written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from dataflow.engine.rules import starting
from dataflow.engine.rules.checks import check_settings
from dataflow.engine.rules.execution import Recorder
from dataflow.engine.rules.registry import Registry
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import CLOSING_DECISIONS, Decision
from dataflow.protocol.events import Attributes
from dataflow.protocol.faults import ValidationException
from dataflow.protocol.limits import LAMBDA_SECONDS, Limits
from dataflow.protocol.names import (
    ContinueAsNewWorkflowExecutionFailedCause,
    ScheduleActivityTaskFailedCause,
    StartChildWorkflowExecutionFailedCause,
)
from dataflow.protocol.values import NO_TIMEOUT, WorkflowType


class Batch:
    """The decisions of one answer, on their way into the history."""

    __slots__ = ("completed", "execution", "limits", "recorder", "registry", "room", "unseen")

    def __init__(
        self,
        recorder: Recorder,
        completed: int,
        registry: Registry,
        limits: Limits,
        *,
        unseen: bool,
        room: int | None,
    ) -> None:
        self.recorder = recorder
        self.execution = recorder.execution
        #: The ``DecisionTaskCompleted`` event.
        self.completed = completed
        self.registry = registry
        self.limits = limits
        #: Something has happened that the decider does not know: the execution must not close.
        self.unseen = unseen
        #: How many more executions the domain has room for; None for any number.
        self.room = room

    def add(self, attributes: Attributes) -> int:
        """Write an event; its id."""
        return self.recorder.add(attributes)

    def refuse(self, attributes: Attributes) -> None:
        """Write that a decision has failed: the decider must be told before it may close."""
        self.recorder.add(attributes)
        self.unseen = True

    def carry_out(self, decision: Decision) -> None:
        """Write what a decision becomes."""
        _CARRIERS[type(decision)](self, decision)


def check(decisions: Sequence[Decision]) -> None:
    """Refuse a batch that is wrong as a whole, before anything is done."""
    for decision in decisions[:-1]:
        if type(decision) in CLOSING_DECISIONS:
            raise ValidationException("Close must be last decision in list")
    for decision in decisions:
        check_settings(decision)


# --- activities -----------------------------------------------------------------------


def _schedule_activity(batch: Batch, decision: de.ScheduleActivityTask) -> None:
    execution = batch.execution

    def refuse(cause: ScheduleActivityTaskFailedCause) -> None:
        batch.refuse(
            ev.ScheduleActivityTaskFailed(
                activity_type=decision.activity_type,
                activity_id=decision.activity_id,
                cause=cause,
                decision_task_completed_event_id=batch.completed,
            )
        )

    defaults = batch.registry.activity_type(decision.activity_type)
    if defaults is None:
        return refuse("ACTIVITY_TYPE_DOES_NOT_EXIST")
    if defaults.deprecated:
        return refuse("ACTIVITY_TYPE_DEPRECATED")
    if decision.activity_id in execution.activity_ids:
        return refuse("ACTIVITY_ID_ALREADY_IN_USE")
    if len(execution.activities) >= batch.limits.open_activities:
        return refuse("OPEN_ACTIVITIES_LIMIT_EXCEEDED")
    task_list = decision.task_list or defaults.task_list
    if task_list is None:
        return refuse("DEFAULT_TASK_LIST_UNDEFINED")
    to_start = decision.schedule_to_start_timeout or defaults.schedule_to_start_timeout
    if not to_start:
        return refuse("DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED")
    to_close = decision.schedule_to_close_timeout or defaults.schedule_to_close_timeout
    if not to_close:
        return refuse("DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT_UNDEFINED")
    start_to_close = decision.start_to_close_timeout or defaults.start_to_close_timeout
    if not start_to_close:
        return refuse("DEFAULT_START_TO_CLOSE_TIMEOUT_UNDEFINED")
    batch.add(
        ev.ActivityTaskScheduled(
            activity_type=decision.activity_type,
            activity_id=decision.activity_id,
            task_list=task_list,
            decision_task_completed_event_id=batch.completed,
            input=decision.input,
            control=decision.control,
            schedule_to_start_timeout=to_start,
            schedule_to_close_timeout=to_close,
            start_to_close_timeout=start_to_close,
            task_priority=decision.task_priority or defaults.task_priority,
            # The documentation does not call the heartbeat time-out mandatory.
            heartbeat_timeout=(
                decision.heartbeat_timeout or defaults.heartbeat_timeout or NO_TIMEOUT
            ),
        )
    )
    return None


def _request_cancel_activity(batch: Batch, decision: de.RequestCancelActivityTask) -> None:
    execution = batch.execution
    scheduled_event_id = execution.activity_ids.get(decision.activity_id)
    if scheduled_event_id is None:
        batch.refuse(
            ev.RequestCancelActivityTaskFailed(
                activity_id=decision.activity_id,
                cause="ACTIVITY_ID_UNKNOWN",
                decision_task_completed_event_id=batch.completed,
            )
        )
        return
    requested = batch.add(
        ev.ActivityTaskCancelRequested(
            activity_id=decision.activity_id, decision_task_completed_event_id=batch.completed
        )
    )
    if not execution.activities[scheduled_event_id].started_event_id:
        # Nobody has it: it is over at once.
        batch.add(
            ev.ActivityTaskCanceled(
                scheduled_event_id=scheduled_event_id,
                started_event_id=0,
                latest_cancel_requested_event_id=requested,
            )
        )


# --- timers, markers, signals ---------------------------------------------------------


def _start_timer(batch: Batch, decision: de.StartTimer) -> None:
    timers = batch.execution.timers
    if decision.timer_id in timers or len(timers) >= batch.limits.open_timers:
        batch.refuse(
            ev.StartTimerFailed(
                timer_id=decision.timer_id,
                cause=(
                    "TIMER_ID_ALREADY_IN_USE"
                    if decision.timer_id in timers
                    else "OPEN_TIMERS_LIMIT_EXCEEDED"
                ),
                decision_task_completed_event_id=batch.completed,
            )
        )
        return
    batch.add(
        ev.TimerStarted(
            timer_id=decision.timer_id,
            start_to_fire_timeout=decision.start_to_fire_timeout,
            decision_task_completed_event_id=batch.completed,
            control=decision.control,
        )
    )


def _cancel_timer(batch: Batch, decision: de.CancelTimer) -> None:
    timer = batch.execution.timers.get(decision.timer_id)
    if timer is None:
        batch.refuse(
            ev.CancelTimerFailed(
                timer_id=decision.timer_id,
                cause="TIMER_ID_UNKNOWN",
                decision_task_completed_event_id=batch.completed,
            )
        )
        return
    batch.add(
        ev.TimerCanceled(
            timer_id=decision.timer_id,
            started_event_id=timer.started_event_id,
            decision_task_completed_event_id=batch.completed,
        )
    )


def _record_marker(batch: Batch, decision: de.RecordMarker) -> None:
    batch.add(
        ev.MarkerRecorded(
            marker_name=decision.marker_name,
            decision_task_completed_event_id=batch.completed,
            details=decision.details,
        )
    )


def _signal_external(batch: Batch, decision: de.SignalExternalWorkflowExecution) -> None:
    batch.add(
        ev.SignalExternalWorkflowExecutionInitiated(
            workflow_id=decision.workflow_id,
            signal_name=decision.signal_name,
            decision_task_completed_event_id=batch.completed,
            run_id=decision.run_id,
            input=decision.input,
            control=decision.control,
        )
    )


def _request_cancel_external(
    batch: Batch, decision: de.RequestCancelExternalWorkflowExecution
) -> None:
    batch.add(
        ev.RequestCancelExternalWorkflowExecutionInitiated(
            workflow_id=decision.workflow_id,
            decision_task_completed_event_id=batch.completed,
            run_id=decision.run_id,
            control=decision.control,
        )
    )


# --- children, Lambda functions -------------------------------------------------------


def _start_child(batch: Batch, decision: de.StartChildWorkflowExecution) -> None:
    def refuse(cause: StartChildWorkflowExecutionFailedCause) -> None:
        batch.refuse(
            ev.StartChildWorkflowExecutionFailed(
                workflow_type=decision.workflow_type,
                cause=cause,
                workflow_id=decision.workflow_id,
                # "When the cause isn't WORKFLOW_ALREADY_RUNNING, initiatedEventId is set to 0
                # because the StartChildWorkflowExecutionInitiated event doesn't exist."
                initiated_event_id=0,
                decision_task_completed_event_id=batch.completed,
                control=decision.control,
            )
        )

    defaults = batch.registry.workflow_type(decision.workflow_type)
    if defaults is None:
        return refuse("WORKFLOW_TYPE_DOES_NOT_EXIST")
    if defaults.deprecated:
        return refuse("WORKFLOW_TYPE_DEPRECATED")
    if len(batch.execution.children) >= batch.limits.open_children:
        return refuse("OPEN_CHILDREN_LIMIT_EXCEEDED")
    if batch.room == 0:
        return refuse("OPEN_WORKFLOWS_LIMIT_EXCEEDED")
    settings = starting.resolve(decision, decision.workflow_type, defaults)
    if isinstance(settings, str):
        return refuse(
            cast("StartChildWorkflowExecutionFailedCause", f"DEFAULT_{settings}_UNDEFINED")
        )
    batch.add(
        ev.StartChildWorkflowExecutionInitiated(
            workflow_id=decision.workflow_id,
            workflow_type=decision.workflow_type,
            task_list=settings.task_list,
            decision_task_completed_event_id=batch.completed,
            child_policy=settings.child_policy,
            control=decision.control,
            input=settings.input,
            execution_start_to_close_timeout=settings.execution_start_to_close_timeout,
            task_priority=settings.task_priority,
            task_start_to_close_timeout=settings.task_start_to_close_timeout,
            tag_list=settings.tag_list,
            lambda_role=settings.lambda_role,
        )
    )
    if batch.room is not None:
        batch.room -= 1
    return None


def _schedule_lambda(batch: Batch, decision: de.ScheduleLambdaFunction) -> None:
    if len(batch.execution.lambdas) >= batch.limits.open_lambda_functions:
        batch.refuse(
            ev.ScheduleLambdaFunctionFailed(
                id=decision.id,
                name=decision.name,
                cause="OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED",
                decision_task_completed_event_id=batch.completed,
            )
        )
        return
    batch.add(
        ev.LambdaFunctionScheduled(
            id=decision.id,
            name=decision.name,
            decision_task_completed_event_id=batch.completed,
            control=decision.control,
            input=decision.input,
            # "If no value is supplied, then a default value of 900s is assumed."
            start_to_close_timeout=decision.start_to_close_timeout or str(LAMBDA_SECONDS),
        )
    )


# --- the end --------------------------------------------------------------------------


def _complete(batch: Batch, decision: de.CompleteWorkflowExecution) -> None:
    if batch.unseen:
        batch.refuse(
            ev.CompleteWorkflowExecutionFailed(
                cause="UNHANDLED_DECISION", decision_task_completed_event_id=batch.completed
            )
        )
        return
    batch.add(
        ev.WorkflowExecutionCompleted(
            decision_task_completed_event_id=batch.completed, result=decision.result
        )
    )


def _fail(batch: Batch, decision: de.FailWorkflowExecution) -> None:
    if batch.unseen:
        batch.refuse(
            ev.FailWorkflowExecutionFailed(
                cause="UNHANDLED_DECISION", decision_task_completed_event_id=batch.completed
            )
        )
        return
    batch.add(
        ev.WorkflowExecutionFailed(
            decision_task_completed_event_id=batch.completed,
            reason=decision.reason,
            details=decision.details,
        )
    )


def _cancel(batch: Batch, decision: de.CancelWorkflowExecution) -> None:
    if batch.unseen:
        batch.refuse(
            ev.CancelWorkflowExecutionFailed(
                cause="UNHANDLED_DECISION", decision_task_completed_event_id=batch.completed
            )
        )
        return
    batch.add(
        ev.WorkflowExecutionCanceled(
            decision_task_completed_event_id=batch.completed, details=decision.details
        )
    )


def _continue_as_new(batch: Batch, decision: de.ContinueAsNewWorkflowExecution) -> None:
    def refuse(cause: ContinueAsNewWorkflowExecutionFailedCause) -> None:
        batch.refuse(
            ev.ContinueAsNewWorkflowExecutionFailed(
                cause=cause, decision_task_completed_event_id=batch.completed
            )
        )

    if batch.unseen:
        return refuse("UNHANDLED_DECISION")
    execution = batch.execution
    assert execution.started is not None
    current = execution.started.workflow_type
    workflow_type = WorkflowType(current.name, decision.workflow_type_version or current.version)
    defaults = batch.registry.workflow_type(workflow_type)
    if defaults is None:
        return refuse("WORKFLOW_TYPE_DOES_NOT_EXIST")
    if defaults.deprecated:
        return refuse("WORKFLOW_TYPE_DEPRECATED")
    settings = starting.resolve(decision, workflow_type, defaults)
    if isinstance(settings, str):
        return refuse(
            cast("ContinueAsNewWorkflowExecutionFailedCause", f"DEFAULT_{settings}_UNDEFINED")
        )
    batch.add(
        ev.WorkflowExecutionContinuedAsNew(
            decision_task_completed_event_id=batch.completed,
            new_execution_run_id=starting.next_run_id(execution.run_id, batch.completed),
            task_list=settings.task_list,
            child_policy=settings.child_policy,
            workflow_type=workflow_type,
            input=settings.input,
            execution_start_to_close_timeout=settings.execution_start_to_close_timeout,
            task_priority=settings.task_priority,
            task_start_to_close_timeout=settings.task_start_to_close_timeout,
            tag_list=settings.tag_list,
            lambda_role=settings.lambda_role,
        )
    )
    return None


_CARRIERS: dict[type[Decision], Callable[[Batch, Any], None]] = {
    de.ScheduleActivityTask: _schedule_activity,
    de.RequestCancelActivityTask: _request_cancel_activity,
    de.StartTimer: _start_timer,
    de.CancelTimer: _cancel_timer,
    de.RecordMarker: _record_marker,
    de.SignalExternalWorkflowExecution: _signal_external,
    de.RequestCancelExternalWorkflowExecution: _request_cancel_external,
    de.StartChildWorkflowExecution: _start_child,
    de.ScheduleLambdaFunction: _schedule_lambda,
    de.CompleteWorkflowExecution: _complete,
    de.FailWorkflowExecution: _fail,
    de.CancelWorkflowExecution: _cancel,
    de.ContinueAsNewWorkflowExecution: _continue_as_new,
}
