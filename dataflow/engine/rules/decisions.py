"""How each decision becomes an event: its success, or its failure with the documented cause.

A decision that cannot be carried out spoils nothing: its ``...Failed`` event is written, the others
of the batch still count, and a new decision task follows.
https://docs.aws.amazon.com/amazonswf/latest/apireference/API_Decision.html
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from dataflow.engine.rules.execution import Recorder
from dataflow.engine.rules.registry import Registry
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import CLOSING_DECISIONS, Decision
from dataflow.protocol.faults import ValidationException
from dataflow.protocol.limits import Limits
from dataflow.protocol.names import ScheduleActivityTaskFailedCause
from dataflow.protocol.values import NO_TIMEOUT


def check(decisions: Sequence[Decision]) -> None:
    """Refuse a batch that is wrong as a whole, before anything is done."""
    for decision in decisions[:-1]:
        if type(decision) in CLOSING_DECISIONS:
            raise ValidationException("Close must be last decision in list")
    for decision in decisions:
        if type(decision) not in _CARRIERS:
            raise ValidationException(f"{type(decision).__name__} is not supported here")
        for field in _DURATIONS[type(decision)]:
            value = getattr(decision, field)
            if value is not None and not _is_duration(value, field):
                raise ValidationException(f"Invalid duration {value!r} for {field}")


@functools.lru_cache(maxsize=1024)
def _is_duration(value: str, field: str) -> bool:
    """Durations are whole seconds; all but that of a timer may be switched off."""
    return value.isdecimal() or (field != "start_to_fire_timeout" and value in {NO_TIMEOUT, ""})


def carry_out(
    recorder: Recorder,
    decision: Decision,
    completed_event_id: int,
    registry: Registry,
    limits: Limits,
) -> None:
    """Write the event that a decision becomes."""
    _CARRIERS[type(decision)](recorder, decision, completed_event_id, registry, limits)


def _schedule_activity(
    recorder: Recorder,
    decision: de.ScheduleActivityTask,
    completed: int,
    registry: Registry,
    limits: Limits,
) -> None:
    execution = recorder.execution

    def refuse(cause: ScheduleActivityTaskFailedCause) -> None:
        recorder.add(
            ev.ScheduleActivityTaskFailed(
                activity_type=decision.activity_type,
                activity_id=decision.activity_id,
                cause=cause,
                decision_task_completed_event_id=completed,
            )
        )

    defaults = registry.activity_type(decision.activity_type)
    if defaults is None:
        return refuse("ACTIVITY_TYPE_DOES_NOT_EXIST")
    if defaults.deprecated:
        return refuse("ACTIVITY_TYPE_DEPRECATED")
    if decision.activity_id in execution.activity_ids:
        return refuse("ACTIVITY_ID_ALREADY_IN_USE")
    if len(execution.activities) >= limits.open_activities:
        return refuse("OPEN_ACTIVITIES_LIMIT_EXCEEDED")
    task_list = decision.task_list or defaults.task_list
    if task_list is None:
        return refuse("DEFAULT_TASK_LIST_UNDEFINED")
    to_start = decision.schedule_to_start_timeout or defaults.schedule_to_start_timeout
    if to_start is None:
        return refuse("DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED")
    to_close = decision.schedule_to_close_timeout or defaults.schedule_to_close_timeout
    if to_close is None:
        return refuse("DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT_UNDEFINED")
    start_to_close = decision.start_to_close_timeout or defaults.start_to_close_timeout
    if start_to_close is None:
        return refuse("DEFAULT_START_TO_CLOSE_TIMEOUT_UNDEFINED")
    recorder.add(
        ev.ActivityTaskScheduled(
            activity_type=decision.activity_type,
            activity_id=decision.activity_id,
            task_list=task_list,
            decision_task_completed_event_id=completed,
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


def _request_cancel_activity(
    recorder: Recorder, decision: de.RequestCancelActivityTask, completed: int, *_: Any
) -> None:
    execution = recorder.execution
    scheduled_event_id = execution.activity_ids.get(decision.activity_id)
    if scheduled_event_id is None:
        recorder.add(
            ev.RequestCancelActivityTaskFailed(
                activity_id=decision.activity_id,
                cause="ACTIVITY_ID_UNKNOWN",
                decision_task_completed_event_id=completed,
            )
        )
        return
    requested = recorder.add(
        ev.ActivityTaskCancelRequested(
            activity_id=decision.activity_id, decision_task_completed_event_id=completed
        )
    )
    if not execution.activities[scheduled_event_id].started_event_id:
        # Nobody has it: it is over at once.
        recorder.add(
            ev.ActivityTaskCanceled(
                scheduled_event_id=scheduled_event_id,
                started_event_id=0,
                latest_cancel_requested_event_id=requested,
            )
        )


def _start_timer(
    recorder: Recorder, decision: de.StartTimer, completed: int, _: Registry, limits: Limits
) -> None:
    timers = recorder.execution.timers
    if decision.timer_id in timers or len(timers) >= limits.open_timers:
        recorder.add(
            ev.StartTimerFailed(
                timer_id=decision.timer_id,
                cause=(
                    "TIMER_ID_ALREADY_IN_USE"
                    if decision.timer_id in timers
                    else "OPEN_TIMERS_LIMIT_EXCEEDED"
                ),
                decision_task_completed_event_id=completed,
            )
        )
        return
    recorder.add(
        ev.TimerStarted(
            timer_id=decision.timer_id,
            start_to_fire_timeout=decision.start_to_fire_timeout,
            decision_task_completed_event_id=completed,
            control=decision.control,
        )
    )


def _cancel_timer(recorder: Recorder, decision: de.CancelTimer, completed: int, *_: Any) -> None:
    timer = recorder.execution.timers.get(decision.timer_id)
    if timer is None:
        recorder.add(
            ev.CancelTimerFailed(
                timer_id=decision.timer_id,
                cause="TIMER_ID_UNKNOWN",
                decision_task_completed_event_id=completed,
            )
        )
        return
    recorder.add(
        ev.TimerCanceled(
            timer_id=decision.timer_id,
            started_event_id=timer.started_event_id,
            decision_task_completed_event_id=completed,
        )
    )


def _complete(
    recorder: Recorder, decision: de.CompleteWorkflowExecution, completed: int, *_: Any
) -> None:
    if recorder.execution.decision_due:
        recorder.add(
            ev.CompleteWorkflowExecutionFailed(
                cause="UNHANDLED_DECISION", decision_task_completed_event_id=completed
            )
        )
        return
    recorder.add(
        ev.WorkflowExecutionCompleted(
            decision_task_completed_event_id=completed, result=decision.result
        )
    )


def _fail(recorder: Recorder, decision: de.FailWorkflowExecution, completed: int, *_: Any) -> None:
    if recorder.execution.decision_due:
        recorder.add(
            ev.FailWorkflowExecutionFailed(
                cause="UNHANDLED_DECISION", decision_task_completed_event_id=completed
            )
        )
        return
    recorder.add(
        ev.WorkflowExecutionFailed(
            decision_task_completed_event_id=completed,
            reason=decision.reason,
            details=decision.details,
        )
    )


#: The members of each decision that are durations.
_DURATIONS: dict[type[Decision], tuple[str, ...]] = {
    cls: tuple(field for field in cls.__struct_fields__ if field.endswith("_timeout"))
    for cls in de.DECISION_TYPES.values()
}

_CARRIERS: dict[type[Decision], Callable[..., None]] = {
    de.ScheduleActivityTask: _schedule_activity,
    de.RequestCancelActivityTask: _request_cancel_activity,
    de.StartTimer: _start_timer,
    de.CancelTimer: _cancel_timer,
    de.CompleteWorkflowExecution: _complete,
    de.FailWorkflowExecution: _fail,
}
