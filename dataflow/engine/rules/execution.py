"""The state of one execution: a fold of its history.

``apply`` is the only door. What it does for each event type stands in one table at the end of the
file; event types that are not in it change nothing that the rules ask about.

A decision task is due as soon as an event calls for one (`CALLS_FOR_DECISION`), and at most one is
open. Starting it takes note of all that has happened; what happens while it is started makes the
next one due. So "something has happened since the decider looked" is ``decision_due`` while a
decision task is started, and a closing decision is refused on that ground (UNHANDLED_DECISION).

A decider may ask for its next tasks on another list, for good or, with a time-out, until one of
them is late: then the list of before takes over again (`task_list`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dataflow.engine.rules.deadlines import Deadlines, Key, Kind
from dataflow.protocol import events as ev
from dataflow.protocol.events import CLOSE_STATUS, Attributes, Event
from dataflow.protocol.names import ActivityTaskTimeoutType, CloseStatus
from dataflow.protocol.values import NO_TIMEOUT, TaskList, seconds

#: "Every time a state change occurs for a workflow execution, Amazon SWF schedules a decision
#: task" (https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-dev-tasks.html): the
#: events that the decider did not bring about itself.
CALLS_FOR_DECISION: frozenset[type[Attributes]] = frozenset(
    {
        ev.WorkflowExecutionStarted,
        ev.WorkflowExecutionSignaled,
        ev.WorkflowExecutionCancelRequested,
        ev.DecisionTaskTimedOut,
        ev.ActivityTaskCompleted,
        ev.ActivityTaskFailed,
        ev.ActivityTaskTimedOut,
        ev.ActivityTaskCanceled,
        ev.TimerFired,
        ev.ChildWorkflowExecutionStarted,
        ev.ChildWorkflowExecutionCompleted,
        ev.ChildWorkflowExecutionFailed,
        ev.ChildWorkflowExecutionTimedOut,
        ev.ChildWorkflowExecutionCanceled,
        ev.ChildWorkflowExecutionTerminated,
        ev.ExternalWorkflowExecutionSignaled,
        ev.ExternalWorkflowExecutionCancelRequested,
        ev.LambdaFunctionCompleted,
        ev.LambdaFunctionFailed,
        ev.LambdaFunctionTimedOut,
        ev.StartLambdaFunctionFailed,
        # Decisions that could not be carried out.
        ev.CompleteWorkflowExecutionFailed,
        ev.FailWorkflowExecutionFailed,
        ev.CancelWorkflowExecutionFailed,
        ev.ContinueAsNewWorkflowExecutionFailed,
        ev.ScheduleActivityTaskFailed,
        ev.RequestCancelActivityTaskFailed,
        ev.RecordMarkerFailed,
        ev.StartTimerFailed,
        ev.CancelTimerFailed,
        ev.StartChildWorkflowExecutionFailed,
        ev.SignalExternalWorkflowExecutionFailed,
        ev.RequestCancelExternalWorkflowExecutionFailed,
        ev.ScheduleLambdaFunctionFailed,
    }
)


class DecisionTask:
    """The open decision task."""

    __slots__ = (
        "scheduled",
        "scheduled_at",
        "scheduled_event_id",
        "started_at",
        "started_event_id",
    )

    def __init__(self, event: Event, scheduled: ev.DecisionTaskScheduled) -> None:
        self.scheduled_event_id = event.event_id
        self.scheduled_at = event.timestamp
        self.scheduled = scheduled
        #: 0 while nobody has it.
        self.started_event_id = 0
        self.started_at = 0.0


class OpenActivity:
    """An activity task that has been scheduled and has not ended."""

    __slots__ = (
        "cancel_requested_event_id",
        "details",
        "heartbeat_at",
        "scheduled",
        "scheduled_at",
        "scheduled_event_id",
        "started_at",
        "started_event_id",
    )

    def __init__(self, event: Event, scheduled: ev.ActivityTaskScheduled) -> None:
        self.scheduled_event_id = event.event_id
        self.scheduled_at = event.timestamp
        self.scheduled = scheduled
        #: 0 while nobody has it.
        self.started_event_id = 0
        self.started_at = 0.0
        self.heartbeat_at = 0.0
        #: Of the last heartbeat.
        self.details: str | None = None
        self.cancel_requested_event_id: int | None = None

    def deadline(self) -> tuple[float, ActivityTaskTimeoutType] | None:
        """When the task times out next, and how; None if it never does."""
        scheduled = self.scheduled
        earliest: tuple[float, ActivityTaskTimeoutType] | None
        if self.started_event_id:
            earliest = _earlier(
                None, self.started_at, scheduled.start_to_close_timeout, "START_TO_CLOSE"
            )
            earliest = _earlier(
                earliest, self.heartbeat_at, scheduled.heartbeat_timeout, "HEARTBEAT"
            )
        else:
            earliest = _earlier(
                None, self.scheduled_at, scheduled.schedule_to_start_timeout, "SCHEDULE_TO_START"
            )
        return _earlier(
            earliest, self.scheduled_at, scheduled.schedule_to_close_timeout, "SCHEDULE_TO_CLOSE"
        )


def _earlier(
    earliest: tuple[float, ActivityTaskTimeoutType] | None,
    since: float,
    timeout: str | None,
    timeout_type: ActivityTaskTimeoutType,
) -> tuple[float, ActivityTaskTimeoutType] | None:
    """The earlier of a deadline and one more; of two at the same instant, the first."""
    limit = seconds(timeout)
    if limit is None or (earliest is not None and earliest[0] <= since + limit):
        return earliest
    return since + limit, timeout_type


class OpenTimer:
    """A timer that has not fired."""

    __slots__ = ("started_event_id", "timer_id")

    def __init__(self, timer_id: str, started_event_id: int) -> None:
        self.timer_id = timer_id
        self.started_event_id = started_event_id


class OpenChild:
    """A child execution that has been initiated and has not ended."""

    __slots__ = ("initiated", "initiated_event_id", "started_event_id")

    def __init__(
        self, initiated_event_id: int, initiated: ev.StartChildWorkflowExecutionInitiated
    ) -> None:
        self.initiated_event_id = initiated_event_id
        self.initiated = initiated
        #: 0 before it runs.
        self.started_event_id = 0


class OpenLambda:
    """A Lambda function that has been scheduled and has not ended."""

    __slots__ = ("scheduled", "scheduled_event_id", "started_event_id")

    def __init__(self, scheduled_event_id: int, scheduled: ev.LambdaFunctionScheduled) -> None:
        self.scheduled_event_id = scheduled_event_id
        self.scheduled = scheduled
        #: 0 before it is invoked.
        self.started_event_id = 0


class Execution:
    """One execution, as far as the rules need to know it."""

    def __init__(self, workflow_id: str, run_id: str) -> None:
        self.workflow_id = workflow_id
        self.run_id = run_id
        self.last_event_id = 0
        #: Seconds since the epoch.
        self.last_timestamp = 0.0
        self.close_status: CloseStatus | None = None
        self.started: ev.WorkflowExecutionStarted | None = None
        self.started_at = 0.0
        self.cancel_requested = False
        self.decision_task: DecisionTask | None = None
        self.decision_due = False
        #: The started event of the last decision task that was completed; 0 if none was.
        self.previous_started_event_id = 0
        self.execution_context: str | None = None
        #: The list that a decider has chosen for its tasks, for good.
        self.chosen_task_list: TaskList | None = None
        #: The list that it has chosen until a task there is late, and how long one may wait there.
        self.override: tuple[TaskList, str] | None = None
        #: When an activity task was scheduled last.
        self.latest_activity_at: float | None = None
        #: Open activity tasks by the id of their scheduled event.
        self.activities: dict[int, OpenActivity] = {}
        #: The scheduled event of each activity id in use.
        self.activity_ids: dict[str, int] = {}
        self.timers: dict[str, OpenTimer] = {}
        self._timer_ids: dict[int, str] = {}
        #: Open children by the id of their initiated event; those that outlive this execution, too.
        self.children: dict[int, OpenChild] = {}
        #: Open Lambda functions by the id of their scheduled event.
        self.lambdas: dict[int, OpenLambda] = {}
        self.deadlines = Deadlines()

    @classmethod
    def fold(cls, workflow_id: str, run_id: str, events: Iterable[Event]) -> Execution:
        """The state that a history leads to."""
        execution = cls(workflow_id, run_id)
        for event in events:
            execution.apply(event)
        return execution

    @property
    def open(self) -> bool:
        """Whether the execution has begun and not ended."""
        return self.started is not None and self.close_status is None

    @property
    def task_list(self) -> TaskList:
        """Where its decision tasks wait while no `override` stands."""
        assert self.started is not None
        return self.chosen_task_list or self.started.task_list

    def timer_of(self, started_event_id: int) -> OpenTimer:
        """The open timer that began with this event."""
        return self.timers[self._timer_ids[started_event_id]]

    def apply(self, event: Event) -> None:
        """Take the next event into the state."""
        kind = type(event.attributes)
        self.last_event_id = event.event_id
        self.last_timestamp = event.timestamp
        if kind in CALLS_FOR_DECISION:
            self.decision_due = True
        change = _CHANGES.get(kind)
        if change is not None:
            change(self, event, event.attributes)

    def watch(self, activity: OpenActivity) -> None:
        """Bring the activity's deadline up to date."""
        deadline = activity.deadline()
        when = None if deadline is None else deadline[0]
        self.deadlines.set(Key(Kind.ACTIVITY, activity.scheduled_event_id), when)


def _execution_started(
    execution: Execution, event: Event, started: ev.WorkflowExecutionStarted
) -> None:
    execution.started = started
    execution.started_at = event.timestamp
    limit = seconds(started.execution_start_to_close_timeout)
    if limit is not None:
        key = Key(Kind.EXECUTION, event.event_id)
        execution.deadlines.set(key, event.timestamp + limit)


def _execution_closed(execution: Execution, event: Event, _: Any) -> None:
    execution.close_status = CLOSE_STATUS[type(event.attributes)]
    execution.decision_task = None
    execution.decision_due = False
    execution.activities.clear()
    execution.activity_ids.clear()
    execution.timers.clear()
    execution._timer_ids.clear()  # noqa: SLF001 - its own module
    execution.lambdas.clear()
    execution.deadlines.clear()


def _cancel_requested(execution: Execution, _: Event, __: Any) -> None:
    execution.cancel_requested = True


def _decision_scheduled(
    execution: Execution, event: Event, scheduled: ev.DecisionTaskScheduled
) -> None:
    execution.decision_task = DecisionTask(event, scheduled)
    limit = seconds(scheduled.schedule_to_start_timeout)
    if limit is not None:
        key = Key(Kind.DECISION, event.event_id)
        execution.deadlines.set(key, event.timestamp + limit)


def _decision_started(execution: Execution, event: Event, _: Any) -> None:
    task = execution.decision_task
    assert task is not None
    task.started_event_id = event.event_id
    task.started_at = event.timestamp
    execution.decision_due = False
    limit = seconds(task.scheduled.start_to_close_timeout)
    when = None if limit is None else event.timestamp + limit
    execution.deadlines.set(Key(Kind.DECISION, task.scheduled_event_id), when)


def _decision_completed(
    execution: Execution, _: Event, completed: ev.DecisionTaskCompleted
) -> None:
    execution.previous_started_event_id = completed.started_event_id
    if completed.execution_context is not None:
        execution.execution_context = completed.execution_context
    if completed.task_list is not None:
        # "When this parameter is missing, the task list override is permanent": an empty text is
        # how the model's optional durations say nothing.
        if completed.task_list_schedule_to_start_timeout:
            execution.override = (
                completed.task_list,
                completed.task_list_schedule_to_start_timeout,
            )
        else:
            execution.chosen_task_list, execution.override = completed.task_list, None
    _decision_over(execution)


def _decision_timed_out(execution: Execution, _: Event, __: Any) -> None:
    execution.override = None
    _decision_over(execution)


def _decision_over(execution: Execution) -> None:
    assert execution.decision_task is not None
    execution.deadlines.set(Key(Kind.DECISION, execution.decision_task.scheduled_event_id), None)
    execution.decision_task = None


def _activity_scheduled(
    execution: Execution, event: Event, scheduled: ev.ActivityTaskScheduled
) -> None:
    activity = OpenActivity(event, scheduled)
    execution.activities[event.event_id] = activity
    execution.activity_ids[scheduled.activity_id] = event.event_id
    execution.latest_activity_at = event.timestamp
    execution.watch(activity)


def _activity_started(execution: Execution, event: Event, started: ev.ActivityTaskStarted) -> None:
    activity = execution.activities[started.scheduled_event_id]
    activity.started_event_id = event.event_id
    activity.started_at = activity.heartbeat_at = event.timestamp
    execution.watch(activity)


def _activity_cancel_requested(
    execution: Execution, event: Event, requested: ev.ActivityTaskCancelRequested
) -> None:
    scheduled_event_id = execution.activity_ids[requested.activity_id]
    execution.activities[scheduled_event_id].cancel_requested_event_id = event.event_id


def _activity_over(execution: Execution, _: Event, ended: Any) -> None:
    activity = execution.activities.pop(ended.scheduled_event_id)
    del execution.activity_ids[activity.scheduled.activity_id]
    execution.deadlines.set(Key(Kind.ACTIVITY, ended.scheduled_event_id), None)


def _timer_started(execution: Execution, event: Event, started: ev.TimerStarted) -> None:
    execution.timers[started.timer_id] = OpenTimer(started.timer_id, event.event_id)
    execution._timer_ids[event.event_id] = started.timer_id  # noqa: SLF001 - its own module
    limit = seconds(started.start_to_fire_timeout) or 0
    execution.deadlines.set(Key(Kind.TIMER, event.event_id), event.timestamp + limit)


def _timer_over(execution: Execution, _: Event, ended: Any) -> None:
    del execution.timers[ended.timer_id]
    del execution._timer_ids[ended.started_event_id]  # noqa: SLF001 - its own module
    execution.deadlines.set(Key(Kind.TIMER, ended.started_event_id), None)


def _child_initiated(
    execution: Execution, event: Event, initiated: ev.StartChildWorkflowExecutionInitiated
) -> None:
    execution.children[event.event_id] = OpenChild(event.event_id, initiated)


def _child_started(
    execution: Execution, event: Event, started: ev.ChildWorkflowExecutionStarted
) -> None:
    execution.children[started.initiated_event_id].started_event_id = event.event_id


def _child_failed_to_start(
    execution: Execution, _: Event, failed: ev.StartChildWorkflowExecutionFailed
) -> None:
    if failed.initiated_event_id:
        del execution.children[failed.initiated_event_id]


def _child_over(execution: Execution, _: Event, ended: Any) -> None:
    del execution.children[ended.initiated_event_id]


def _lambda_scheduled(
    execution: Execution, event: Event, scheduled: ev.LambdaFunctionScheduled
) -> None:
    execution.lambdas[event.event_id] = OpenLambda(event.event_id, scheduled)


def _lambda_started(execution: Execution, event: Event, started: ev.LambdaFunctionStarted) -> None:
    function = execution.lambdas[started.scheduled_event_id]
    function.started_event_id = event.event_id
    limit = seconds(function.scheduled.start_to_close_timeout)
    when = None if limit is None else event.timestamp + limit
    execution.deadlines.set(Key(Kind.LAMBDA, started.scheduled_event_id), when)


def _lambda_over(execution: Execution, _: Event, ended: Any) -> None:
    del execution.lambdas[ended.scheduled_event_id]
    execution.deadlines.set(Key(Kind.LAMBDA, ended.scheduled_event_id), None)


_CHANGES: dict[type[Attributes], Callable[[Execution, Event, Any], None]] = {
    ev.WorkflowExecutionStarted: _execution_started,
    **dict.fromkeys(CLOSE_STATUS, _execution_closed),
    ev.WorkflowExecutionCancelRequested: _cancel_requested,
    ev.DecisionTaskScheduled: _decision_scheduled,
    ev.DecisionTaskStarted: _decision_started,
    ev.DecisionTaskCompleted: _decision_completed,
    ev.DecisionTaskTimedOut: _decision_timed_out,
    ev.ActivityTaskScheduled: _activity_scheduled,
    ev.ActivityTaskStarted: _activity_started,
    ev.ActivityTaskCancelRequested: _activity_cancel_requested,
    ev.ActivityTaskCompleted: _activity_over,
    ev.ActivityTaskFailed: _activity_over,
    ev.ActivityTaskTimedOut: _activity_over,
    ev.ActivityTaskCanceled: _activity_over,
    ev.TimerStarted: _timer_started,
    ev.TimerFired: _timer_over,
    ev.TimerCanceled: _timer_over,
    ev.StartChildWorkflowExecutionInitiated: _child_initiated,
    ev.StartChildWorkflowExecutionFailed: _child_failed_to_start,
    ev.ChildWorkflowExecutionStarted: _child_started,
    ev.ChildWorkflowExecutionCompleted: _child_over,
    ev.ChildWorkflowExecutionFailed: _child_over,
    ev.ChildWorkflowExecutionTimedOut: _child_over,
    ev.ChildWorkflowExecutionCanceled: _child_over,
    ev.ChildWorkflowExecutionTerminated: _child_over,
    ev.LambdaFunctionScheduled: _lambda_scheduled,
    ev.LambdaFunctionStarted: _lambda_started,
    ev.LambdaFunctionCompleted: _lambda_over,
    ev.LambdaFunctionFailed: _lambda_over,
    ev.LambdaFunctionTimedOut: _lambda_over,
    ev.StartLambdaFunctionFailed: _lambda_over,
}


class Recorder:
    """Writes the events of one request: numbers them, applies them, keeps them to be stored."""

    def __init__(self, execution: Execution, now: float) -> None:
        """``now``: seconds since the epoch; history never goes back in time."""
        self.execution = execution
        self.now = max(now, execution.last_timestamp)
        self.events: list[Event] = []

    def add(self, attributes: Attributes) -> int:
        """Write one event; its id."""
        event = Event(self.execution.last_event_id + 1, self.now, attributes)
        self.execution.apply(event)
        self.events.append(event)
        return event.event_id

    def finish(self) -> list[Event]:
        """The events of the request; with a decision task at the end, if one is due."""
        execution = self.execution
        # An execution that is closed has nothing due.
        if execution.decision_due and execution.decision_task is None:
            self.schedule_decision()
        return self.events

    def schedule_decision(self) -> None:
        """Write that a decision task waits, where the decider wants it."""
        execution = self.execution
        started = execution.started
        assert started is not None
        task_list, patience = execution.override or (execution.task_list, NO_TIMEOUT)
        self.add(
            ev.DecisionTaskScheduled(
                task_list=task_list,
                task_priority=started.task_priority,
                start_to_close_timeout=started.task_start_to_close_timeout,
                schedule_to_start_timeout=patience,
            )
        )
