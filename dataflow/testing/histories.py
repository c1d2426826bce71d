"""Write a history by hand: what a replay needs, in a few words.

    history = (
        HistoryBuilder(MyWorkflow, 5)
        .decided()
        .scheduled("activity-shop.charge-1", charge, 5)
        .completed("activity-shop.charge-1", "ok")
        .deciding()
    )

Every method adds one event or a few and returns the builder. Ids and times are filled in.
"""

from __future__ import annotations

from typing import Any, Self

from dataflow.activity import Activity
from dataflow.payload import codec, failure
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.protocol.values import TaskList, WorkflowType
from dataflow.workflow import Workflow, type_name


class HistoryBuilder:
    """A history in the making; ``events`` is what there is so far."""

    def __init__(self, definition: type[Workflow], *args: Any, **kwargs: Any) -> None:
        """Begin an execution with these arguments of ``run()``, its first decision task waiting."""
        self.events: list[Event] = []
        self._time = 1_000_000_000.0
        self._scheduled: dict[str, int] = {}
        self._started: dict[str, int] = {}
        self._decision_scheduled = 0
        self._decision_started = 0
        self._decision_completed = 0
        self._task_list = TaskList(definition.task_list)
        self.add(
            ev.WorkflowExecutionStarted(
                child_policy="TERMINATE",
                task_list=self._task_list,
                workflow_type=WorkflowType(type_name(definition), definition.version),
                input=codec.encode({"args": args, "kwargs": kwargs}),
            )
        )

    def add(self, attributes: ev.Attributes) -> Self:
        """Any event at all, a second after the last."""
        self._time += 1
        self.events.append(Event(len(self.events) + 1, self._time, attributes))
        return self

    @property
    def last_id(self) -> int:
        """The id of the last event."""
        return len(self.events)

    # --- decision tasks ----------------------------------------------------------

    def deciding(self) -> Self:
        """A decider takes a decision task: the end of a history that is to be decided."""
        self.add(ev.DecisionTaskScheduled(task_list=self._task_list))
        self._decision_scheduled = self.last_id
        self.add(ev.DecisionTaskStarted(scheduled_event_id=self._decision_scheduled))
        self._decision_started = self.last_id
        return self

    def answered(self) -> Self:
        """The decider answers; the events of its decisions follow."""
        self.add(
            ev.DecisionTaskCompleted(
                scheduled_event_id=self._decision_scheduled,
                started_event_id=self._decision_started,
            )
        )
        self._decision_completed = self.last_id
        return self

    def decided(self) -> Self:
        """A whole decision task: taken, and answered."""
        return self.deciding().answered()

    def decision_timed_out(self) -> Self:
        """The decider that had taken the task never answered."""
        return self.add(
            ev.DecisionTaskTimedOut(
                timeout_type="START_TO_CLOSE",
                scheduled_event_id=self._decision_scheduled,
                started_event_id=self._decision_started,
            )
        )

    # --- activities ----------------------------------------------------------------

    def scheduled(
        self, activity_id: str, activity: Activity[..., Any, Any], *args: Any, **kwargs: Any
    ) -> Self:
        """An activity task is scheduled, with these arguments."""
        message: dict[str, Any] = {"args": args, "kwargs": kwargs}
        if activity.meta is not None:
            message["meta"] = activity.meta
        return self.scheduled_with(activity_id, activity, codec.encode(message))

    def scheduled_with(
        self, activity_id: str, activity: Activity[..., Any, Any], text: str | None
    ) -> Self:
        """An activity task is scheduled, with this input."""
        self.add(
            ev.ActivityTaskScheduled(
                activity_type=activity.activity_type,
                activity_id=activity_id,
                task_list=activity.task_list_value,
                decision_task_completed_event_id=self._decision_completed,
                input=text,
            )
        )
        self._scheduled[activity_id] = self.last_id
        return self

    def started(self, activity_id: str) -> Self:
        """A worker takes the task."""
        scheduled = self._scheduled[activity_id]
        self.add(ev.ActivityTaskStarted(scheduled_event_id=scheduled))
        self._started[activity_id] = self.last_id
        return self

    def _task(self, activity_id: str) -> dict[str, Any]:
        if activity_id not in self._started:
            self.started(activity_id)
        return {
            "scheduled_event_id": self._scheduled[activity_id],
            "started_event_id": self._started.pop(activity_id),
        }

    def completed(self, activity_id: str, result: Any = None) -> Self:
        """The task has a result (a worker takes it first, if none has)."""
        return self.completed_with(activity_id, codec.encode(result))

    def completed_with(self, activity_id: str, text: str | None) -> Self:
        """The task has a result, which history holds as this text."""
        return self.add(ev.ActivityTaskCompleted(**self._task(activity_id), result=text))

    def failed(self, activity_id: str, error: BaseException) -> Self:
        """The task failed with this error."""
        why = failure.describe(error)
        return self.failed_with(activity_id, why.reason, why.details)

    def failed_with(self, activity_id: str, reason: str | None, details: str | None) -> Self:
        """The task failed, for which history holds these texts."""
        task = self._task(activity_id)
        return self.add(ev.ActivityTaskFailed(**task, reason=reason, details=details))

    def timed_out(self, activity_id: str, timeout_type: Any = "START_TO_CLOSE") -> Self:
        """The task timed out."""
        task = self._task(activity_id)
        return self.add(ev.ActivityTaskTimedOut(**task, timeout_type=timeout_type))

    def canceled(self, activity_id: str) -> Self:
        """The worker gave the task up."""
        return self.add(ev.ActivityTaskCanceled(**self._task(activity_id)))

    # --- timers ----------------------------------------------------------------------

    def timer_started(self, timer_id: str, seconds: int) -> Self:
        """A timer begins."""
        self.add(
            ev.TimerStarted(
                timer_id=timer_id,
                start_to_fire_timeout=str(seconds),
                decision_task_completed_event_id=self._decision_completed,
            )
        )
        self._started[timer_id] = self.last_id
        return self

    def timer_fired(self, timer_id: str) -> Self:
        """A timer's time is up."""
        started = self._started.pop(timer_id)
        return self.add(ev.TimerFired(timer_id=timer_id, started_event_id=started))

    # --- the end -----------------------------------------------------------------------

    def execution_completed(self, result: Any = None) -> Self:
        """The execution is closed, with this result."""
        return self.add(
            ev.WorkflowExecutionCompleted(
                decision_task_completed_event_id=self._decision_completed,
                result=codec.encode(result),
            )
        )
