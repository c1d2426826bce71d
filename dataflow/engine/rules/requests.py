"""What clients, deciders and workers ask of one execution.

Each function reads the state, and either raises a `Fault`, with nothing changed, or writes events,
applies them and returns them. A task is named by its scheduled and started events (what a task
token holds); an answer that does not fit the open task is late, double or foreign, and gets
`UnknownResourceFault`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dataflow.engine.rules import decisions as carriers
from dataflow.engine.rules.deadlines import Key, Kind
from dataflow.engine.rules.execution import DecisionTask, Execution, OpenActivity, Recorder
from dataflow.engine.rules.registry import EveryType, Registry
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Attributes, Event
from dataflow.protocol.faults import UnknownResourceFault
from dataflow.protocol.limits import SWF_LIMITS, Limits
from dataflow.protocol.names import ChildPolicy, WorkflowExecutionTerminatedCause
from dataflow.protocol.values import WORKER_LOST, TaskList

_EVERY_TYPE = EveryType()


def start(execution: Execution, started: ev.WorkflowExecutionStarted, now: float) -> list[Event]:
    """Begin the history; its settings are resolved already."""
    assert execution.started is None, "an execution begins once"
    recorder = Recorder(execution, now)
    recorder.add(started)
    return recorder.finish()


def signal(execution: Execution, signaled: ev.WorkflowExecutionSignaled, now: float) -> list[Event]:
    """Tell the execution something."""
    return _record_while_open(execution, signaled, now)


def request_cancel(
    execution: Execution, requested: ev.WorkflowExecutionCancelRequested, now: float
) -> list[Event]:
    """Ask the execution to end; its decider decides."""
    return _record_while_open(execution, requested, now)


def terminate(
    execution: Execution,
    now: float,
    reason: str | None = None,
    details: str | None = None,
    *,
    child_policy: ChildPolicy | None = None,
    cause: WorkflowExecutionTerminatedCause = "OPERATOR_INITIATED",
) -> list[Event]:
    """End the execution at once. ``child_policy``: for its children, instead of its own."""
    _check_open(execution)
    assert execution.started is not None
    recorder = Recorder(execution, now)
    recorder.add(
        ev.WorkflowExecutionTerminated(
            child_policy=child_policy or execution.started.child_policy,
            reason=reason,
            details=details,
            cause=cause,
        )
    )
    return recorder.finish()


def tell(execution: Execution, news: Attributes, now: float) -> list[Event]:
    """Write what became of a request to another execution; [] if there is nobody left to tell."""
    return _record_while_open(execution, news, now) if execution.open else []


def _record_while_open(execution: Execution, attributes: Attributes, now: float) -> list[Event]:
    _check_open(execution)
    recorder = Recorder(execution, now)
    recorder.add(attributes)
    return recorder.finish()


# --- decision tasks ---------------------------------------------------------------


def start_decision_task(execution: Execution, identity: str | None, now: float) -> list[Event]:
    """A decider takes the open decision task."""
    task = execution.decision_task
    if task is None or task.started_event_id:
        raise UnknownResourceFault("no decision task is waiting")
    recorder = Recorder(execution, now)
    recorder.add(
        ev.DecisionTaskStarted(identity=identity, scheduled_event_id=task.scheduled_event_id)
    )
    return recorder.finish()


def complete_decision_task(  # noqa: PLR0913 - what a decider may say
    execution: Execution,
    started_event_id: int,
    decisions: Sequence[Decision],
    now: float,
    *,
    execution_context: str | None = None,
    task_list: TaskList | None = None,
    task_list_schedule_to_start_timeout: str | None = None,
    registry: Registry = _EVERY_TYPE,
    limits: Limits = SWF_LIMITS,
    room: int | None = None,
) -> list[Event]:
    """A decider answers: the decisions are carried out in their order.

    ``task_list``: where the next decision tasks shall wait; with
    ``task_list_schedule_to_start_timeout``, until one of them is late. ``room``: how many more
    executions the domain has room for, None for any number.
    """
    task = _started_decision_task(execution, started_event_id)
    carriers.check(decisions)
    unseen = execution.decision_due
    recorder = Recorder(execution, now)
    completed = recorder.add(
        ev.DecisionTaskCompleted(
            scheduled_event_id=task.scheduled_event_id,
            started_event_id=started_event_id,
            execution_context=execution_context,
            task_list=task_list,
            task_list_schedule_to_start_timeout=task_list_schedule_to_start_timeout,
        )
    )
    batch = carriers.Batch(recorder, completed, registry, limits, unseen=unseen, room=room)
    for decision in decisions:
        batch.carry_out(decision)
    return recorder.finish()


def _started_decision_task(execution: Execution, started_event_id: int) -> DecisionTask:
    task = execution.decision_task
    if task is None or not started_event_id or task.started_event_id != started_event_id:
        raise UnknownResourceFault(f"Unknown decision task, startedEventId = {started_event_id}")
    return task


def lose_decider(execution: Execution, now: float) -> list[Event]:
    """The decider that has the decision task, or was to take it or the next, is known to be gone.

    A redirection ends with a task that times out, so where there is none yet, one is written: what
    happens later does not wait for somebody who never comes. [] if nothing was the decider's.
    """
    task = execution.decision_task
    if execution.override is None and (task is None or not task.started_event_id):
        return []
    recorder = Recorder(execution, now)
    if task is None:
        recorder.schedule_decision()
        task = execution.decision_task
        assert task is not None
    _expire_decision(recorder, Key(Kind.DECISION, task.scheduled_event_id))
    return recorder.finish()


# --- activity tasks ---------------------------------------------------------------


def start_activity_task(
    execution: Execution, scheduled_event_id: int, identity: str | None, now: float
) -> list[Event]:
    """A worker takes a scheduled activity task."""
    activity = execution.activities.get(scheduled_event_id)
    if activity is None or activity.started_event_id:
        raise UnknownResourceFault(f"Unknown activity, scheduledEventId = {scheduled_event_id}")
    recorder = Recorder(execution, now)
    recorder.add(ev.ActivityTaskStarted(scheduled_event_id=scheduled_event_id, identity=identity))
    return recorder.finish()


def complete_activity_task(
    execution: Execution,
    scheduled_event_id: int,
    started_event_id: int,
    result: str | None,
    now: float,
) -> list[Event]:
    """A worker has done its task."""
    _started_activity(execution, scheduled_event_id, started_event_id)
    recorder = Recorder(execution, now)
    recorder.add(
        ev.ActivityTaskCompleted(
            scheduled_event_id=scheduled_event_id,
            started_event_id=started_event_id,
            result=result,
        )
    )
    return recorder.finish()


def fail_activity_task(
    execution: Execution,
    scheduled_event_id: int,
    started_event_id: int,
    reason: str | None,
    details: str | None,
    now: float,
) -> list[Event]:
    """A worker could not do its task."""
    _started_activity(execution, scheduled_event_id, started_event_id)
    recorder = Recorder(execution, now)
    recorder.add(
        ev.ActivityTaskFailed(
            scheduled_event_id=scheduled_event_id,
            started_event_id=started_event_id,
            reason=reason,
            details=details,
        )
    )
    return recorder.finish()


def cancel_activity_task(
    execution: Execution,
    scheduled_event_id: int,
    started_event_id: int,
    details: str | None,
    now: float,
) -> list[Event]:
    """A worker has given its task up, as it was asked to."""
    activity = _started_activity(execution, scheduled_event_id, started_event_id)
    recorder = Recorder(execution, now)
    recorder.add(
        ev.ActivityTaskCanceled(
            scheduled_event_id=scheduled_event_id,
            started_event_id=started_event_id,
            details=details,
            latest_cancel_requested_event_id=activity.cancel_requested_event_id,
        )
    )
    return recorder.finish()


def lose_activity_task(execution: Execution, scheduled_event_id: int, now: float) -> list[Event]:
    """The worker that has the task is known to be gone: nobody need wait for its heartbeat."""
    activity = execution.activities[scheduled_event_id]
    assert activity.started_event_id
    recorder = Recorder(execution, now)
    recorder.add(
        ev.ActivityTaskTimedOut(
            timeout_type="HEARTBEAT",
            scheduled_event_id=scheduled_event_id,
            started_event_id=activity.started_event_id,
            details=WORKER_LOST,
        )
    )
    return recorder.finish()


def heartbeat(
    execution: Execution,
    scheduled_event_id: int,
    started_event_id: int,
    details: str | None,
    now: float,
) -> bool:
    """A worker is alive; the answer is whether it has been asked to give its task up.

    SWF writes no event for it, so this changes the state directly.
    """
    activity = _started_activity(execution, scheduled_event_id, started_event_id)
    activity.heartbeat_at = max(now, activity.heartbeat_at)
    activity.details = details
    execution.watch(activity)
    return activity.cancel_requested_event_id is not None


def _started_activity(
    execution: Execution, scheduled_event_id: int, started_event_id: int
) -> OpenActivity:
    activity = execution.activities.get(scheduled_event_id)
    if activity is None or not started_event_id or activity.started_event_id != started_event_id:
        raise UnknownResourceFault(f"Unknown activity, scheduledEventId = {scheduled_event_id}")
    return activity


# --- Lambda functions ---------------------------------------------------------------


def start_lambda_function(execution: Execution, scheduled_event_id: int, now: float) -> list[Event]:
    """The function is invoked now; or is not, if the execution has no role to invoke it with."""
    function = execution.lambdas.get(scheduled_event_id)
    if function is None or function.started_event_id:
        raise UnknownResourceFault(f"Unknown function, scheduledEventId = {scheduled_event_id}")
    assert execution.started is not None
    recorder = Recorder(execution, now)
    if execution.started.lambda_role is None:
        recorder.add(
            ev.StartLambdaFunctionFailed(
                scheduled_event_id=scheduled_event_id,
                cause="ASSUME_ROLE_FAILED",
                message="No IAM role is attached to the current workflow execution.",
            )
        )
    else:
        recorder.add(ev.LambdaFunctionStarted(scheduled_event_id=scheduled_event_id))
    return recorder.finish()


def end_lambda_function(
    execution: Execution,
    scheduled_event_id: int,
    outcome: Callable[[int], ev.LambdaFunctionCompleted | ev.LambdaFunctionFailed],
    now: float,
) -> list[Event]:
    """The function has returned or failed. ``outcome``: the event, given the started event."""
    function = execution.lambdas.get(scheduled_event_id)
    if function is None or not function.started_event_id:
        raise UnknownResourceFault(f"Unknown function, scheduledEventId = {scheduled_event_id}")
    recorder = Recorder(execution, now)
    recorder.add(outcome(function.started_event_id))
    return recorder.finish()


# --- time ---------------------------------------------------------------------------


def resume(execution: Execution, now: float) -> None:
    """Go on after a restart: nobody could be heard of meanwhile, so heartbeats count from now."""
    for activity in execution.activities.values():
        if activity.started_event_id:
            activity.heartbeat_at = max(now, activity.heartbeat_at)
            execution.watch(activity)


def next_deadline(execution: Execution) -> float | None:
    """When something expires next, in seconds since the epoch; None if nothing will."""
    first = execution.deadlines.first()
    return None if first is None else first[0]


def expire(execution: Execution, now: float) -> list[Event]:
    """Let the earliest deadline that has passed take effect: one at a time; [] if none has.

    The event bears the time of the deadline, however late it is looked at.
    """
    first = execution.deadlines.first()
    if first is None or first[0] > now:
        return []
    recorder = Recorder(execution, first[0])
    _EXPIRE[first[1].kind](recorder, first[1])
    return recorder.finish()


def _expire_activity(recorder: Recorder, key: Key) -> None:
    activity = recorder.execution.activities[key.event_id]
    deadline = activity.deadline()
    assert deadline is not None
    recorder.add(
        ev.ActivityTaskTimedOut(
            timeout_type=deadline[1],
            scheduled_event_id=activity.scheduled_event_id,
            started_event_id=activity.started_event_id,
            details=activity.details,
        )
    )


def _expire_lambda(recorder: Recorder, key: Key) -> None:
    function = recorder.execution.lambdas[key.event_id]
    recorder.add(
        ev.LambdaFunctionTimedOut(
            scheduled_event_id=function.scheduled_event_id,
            started_event_id=function.started_event_id,
            timeout_type="START_TO_CLOSE",
        )
    )


def _expire_timer(recorder: Recorder, key: Key) -> None:
    timer = recorder.execution.timer_of(key.event_id)
    recorder.add(ev.TimerFired(timer_id=timer.timer_id, started_event_id=timer.started_event_id))


def _expire_decision(recorder: Recorder, key: Key) -> None:
    task = recorder.execution.decision_task
    assert task is not None
    assert task.scheduled_event_id == key.event_id
    recorder.add(
        ev.DecisionTaskTimedOut(
            timeout_type="START_TO_CLOSE" if task.started_event_id else "SCHEDULE_TO_START",
            scheduled_event_id=task.scheduled_event_id,
            started_event_id=task.started_event_id,
        )
    )


def _expire_execution(recorder: Recorder, _: Key) -> None:
    started = recorder.execution.started
    assert started is not None
    recorder.add(
        ev.WorkflowExecutionTimedOut(
            timeout_type="START_TO_CLOSE", child_policy=started.child_policy
        )
    )


_EXPIRE = {
    Kind.ACTIVITY: _expire_activity,
    Kind.LAMBDA: _expire_lambda,
    Kind.TIMER: _expire_timer,
    Kind.DECISION: _expire_decision,
    Kind.EXECUTION: _expire_execution,
}


def _check_open(execution: Execution) -> None:
    if not execution.open:
        raise UnknownResourceFault(
            "Unknown execution: WorkflowExecution="
            f"[workflowId={execution.workflow_id}, runId={execution.run_id}]"
        )
