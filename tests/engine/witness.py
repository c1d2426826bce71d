"""Reads the history of one execution, event by event, and knows what may come next: told from the
documentation's words, and not from the rules."""

import typing

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from dataflow.engine.rules.execution import CALLS_FOR_DECISION
from dataflow.protocol import events as ev

MODEL = ServiceModel(Loader().load_service_model("swf", "service-2"), "swf")
HISTORY_EVENT = MODEL.shape_for("HistoryEvent")

DECISION_ENDS = (ev.DecisionTaskCompleted, ev.DecisionTaskTimedOut)
ACTIVITY_ENDS = (
    ev.ActivityTaskCompleted,
    ev.ActivityTaskFailed,
    ev.ActivityTaskTimedOut,
    ev.ActivityTaskCanceled,
)
FUNCTION_ENDS = (
    ev.LambdaFunctionCompleted,
    ev.LambdaFunctionFailed,
    ev.LambdaFunctionTimedOut,
)
CHILD_ENDS = (
    ev.ChildWorkflowExecutionCompleted,
    ev.ChildWorkflowExecutionFailed,
    ev.ChildWorkflowExecutionTimedOut,
    ev.ChildWorkflowExecutionCanceled,
    ev.ChildWorkflowExecutionTerminated,
)
EXTERNAL_INITIATED = (
    ev.SignalExternalWorkflowExecutionInitiated,
    ev.RequestCancelExternalWorkflowExecutionInitiated,
)
EXTERNAL_ENDS = (
    ev.ExternalWorkflowExecutionSignaled,
    ev.SignalExternalWorkflowExecutionFailed,
    ev.ExternalWorkflowExecutionCancelRequested,
    ev.RequestCancelExternalWorkflowExecutionFailed,
)
#: The ends that a decider has decided on, and those that are forced on it.
CHOSEN_CLOSES = (
    ev.WorkflowExecutionCompleted,
    ev.WorkflowExecutionFailed,
    ev.WorkflowExecutionCanceled,
    ev.WorkflowExecutionContinuedAsNew,
)
FORCED_CLOSES = (ev.WorkflowExecutionTimedOut, ev.WorkflowExecutionTerminated)
REFUSED_CLOSES = (
    ev.CompleteWorkflowExecutionFailed,
    ev.FailWorkflowExecutionFailed,
    ev.CancelWorkflowExecutionFailed,
    ev.ContinueAsNewWorkflowExecutionFailed,
)

#: What the event of each reference is called, or how its name ends.
REFERENCES = {
    "decision_task_completed_event_id": "DecisionTaskCompleted",
    "scheduled_event_id": "Scheduled",
    "started_event_id": "Started",
    "initiated_event_id": "Initiated",
    "latest_cancel_requested_event_id": "ActivityTaskCancelRequested",
}
#: References to the history of another execution.
ABROAD = {"parent_initiated_event_id", "external_initiated_event_id"}
#: For each activity time-out the field that says how long it is.
TIMEOUTS = {kind: f"{kind.lower()}_timeout" for kind in typing.get_args(ev.ActivityTaskTimeoutType)}


def complaints(event):
    """What botocore has against an event; nothing, if it is as the model says."""
    return ParamValidator().validate(ev.to_wire(event), HISTORY_EVENT).generate_report()


def after(moment, duration):
    """When a duration is over; None if never."""
    return None if duration == "NONE" else moment + int(duration)


class Witness:
    def __init__(self, limits):
        self.limits = limits
        self.events = []
        self.closed = None  # the event that closed it
        self.news = False  # something has happened that the decider has not been shown
        self.unseen = False  # ... and it did not bring it about itself
        self.decision = None  # the open decision task's scheduled event
        self.decider = 0  # the started event of the decision task that a decider has
        self.original = self.override = None  # where decision tasks wait
        self.activities = {}  # scheduled event of each open activity -> its started event, or 0
        self.timers = {}  # started event of each open timer -> its id
        self.functions = {}  # scheduled event of each open function -> its started event, or 0
        self.children = {}  # initiated event of each open child -> its started event, or 0
        self.asked = set()  # initiated events of signals and requests to cancel, without an end yet
        self.heartbeats = {}  # when a worker was heard of last

    # --- what it has read ---

    @property
    def last_id(self):
        return len(self.events)

    @property
    def started(self):
        return self.events[0].attributes

    def told(self, event_id):
        """What an event has said."""
        return self.events[event_id - 1].attributes

    def time(self, event_id):
        return self.events[event_id - 1].timestamp

    def all(self, *kinds):
        """The events of these types, with their ids."""
        return [(e.event_id, e.attributes) for e in self.events if isinstance(e.attributes, kinds)]

    # --- reading ---

    def read(self, event):
        a = event.attributes
        assert self.closed is None, "an event after the close"
        assert event.event_id == self.last_id + 1
        assert isinstance(a, ev.WorkflowExecutionStarted) is (event.event_id == 1)
        assert not self.events or event.timestamp >= self.events[-1].timestamp
        assert not (report := complaints(event)), report
        for field in a.__struct_fields__:
            if field.endswith("event_id") and field not in ABROAD:
                self.reference(field, getattr(a, field))
        self.events.append(event)
        for look in (self.decision_task, self.activity, self.timer, self.function, self.other):
            look(event, a)
        if type(a) in CALLS_FOR_DECISION:
            self.news = True
            # What nobody has is cancelled by the decider alone.
            self.unseen |= not isinstance(a, ev.ActivityTaskCanceled) or a.started_event_id > 0
        if isinstance(a, CHOSEN_CLOSES + FORCED_CLOSES):
            self.closed = a

    def reference(self, field, event_id):
        """It leads to an earlier event of the right kind; 0 to none at all."""
        if event_id:
            assert 0 < event_id <= self.last_id
            assert type(self.told(event_id)).__name__.endswith(REFERENCES[field])

    def decision_task(self, event, a):
        match a:
            case ev.WorkflowExecutionStarted():
                self.original = a.task_list
            case ev.DecisionTaskScheduled():
                assert self.decision is None, "two decision tasks"
                assert self.news, "nothing to decide"
                task_list = self.override or (self.original, "NONE")
                assert (a.task_list, a.schedule_to_start_timeout) == task_list
                assert a.start_to_close_timeout == self.started.task_start_to_close_timeout
                assert a.task_priority == self.started.task_priority
                self.decision = event.event_id
            case ev.DecisionTaskStarted():
                assert (self.decision, self.decider) == (a.scheduled_event_id, 0)
                self.decider, self.news, self.unseen = event.event_id, False, False
            case _ if isinstance(a, DECISION_ENDS):
                assert (a.scheduled_event_id, a.started_event_id) == (self.decision, self.decider)
                self.decision_ends(event, a)
                self.decision, self.decider = None, 0
            case _ if isinstance(a, REFUSED_CLOSES):
                assert self.unseen is (a.cause == "UNHANDLED_DECISION")
            case _ if isinstance(a, CHOSEN_CLOSES):
                assert not self.unseen, "a decider has closed what it has not seen"

    def decision_ends(self, event, a):
        if isinstance(a, ev.DecisionTaskTimedOut):
            late = "START_TO_CLOSE" if self.decider else "SCHEDULE_TO_START"
            assert (a.timeout_type, event.timestamp) == (late, self.decision_deadline())
            self.override = None
            return
        assert self.decider, "nobody has it"
        if a.task_list and a.task_list_schedule_to_start_timeout:
            self.override = (a.task_list, a.task_list_schedule_to_start_timeout)
        elif a.task_list:
            self.original, self.override = a.task_list, None

    def activity(self, event, a):
        match a:
            case ev.ActivityTaskScheduled():
                assert a.activity_id not in self.activity_ids(), "two open activities of one id"
                assert len(self.activities) < self.limits.open_activities
                self.activities[event.event_id] = 0
            case ev.ScheduleActivityTaskFailed(cause="ACTIVITY_ID_ALREADY_IN_USE"):
                assert a.activity_id in self.activity_ids()
            case ev.ScheduleActivityTaskFailed(cause="OPEN_ACTIVITIES_LIMIT_EXCEEDED"):
                assert len(self.activities) == self.limits.open_activities
            case ev.ActivityTaskStarted():
                assert self.activities[a.scheduled_event_id] == 0, "started twice"
                self.activities[a.scheduled_event_id] = event.event_id
                self.heartbeats[a.scheduled_event_id] = event.timestamp
            case ev.ActivityTaskCancelRequested():
                assert a.activity_id in self.activity_ids()
            case ev.RequestCancelActivityTaskFailed():
                assert a.activity_id not in self.activity_ids()
            case _ if isinstance(a, ACTIVITY_ENDS):
                if isinstance(a, ev.ActivityTaskTimedOut):
                    deadlines = dict(self.activity_deadlines(a.scheduled_event_id))
                    assert event.timestamp == deadlines[a.timeout_type]
                assert self.activities.pop(a.scheduled_event_id) == a.started_event_id

    def activity_ids(self):
        return [self.told(n).activity_id for n in self.activities]

    def timer(self, event, a):
        match a:
            case ev.TimerStarted():
                assert a.timer_id not in self.timers.values(), "two open timers of one id"
                assert len(self.timers) < self.limits.open_timers
                self.timers[event.event_id] = a.timer_id
            case ev.StartTimerFailed():
                if a.cause == "TIMER_ID_ALREADY_IN_USE":
                    assert a.timer_id in self.timers.values()
                else:
                    assert len(self.timers) == self.limits.open_timers
            case ev.CancelTimerFailed():
                assert a.timer_id not in self.timers.values()
            case ev.TimerFired(started_event_id=started):
                assert self.timers.pop(started) == a.timer_id
                limit = self.told(started).start_to_fire_timeout
                assert event.timestamp == after(self.time(started), limit)
            case ev.TimerCanceled():
                assert self.timers.pop(a.started_event_id) == a.timer_id

    def function(self, event, a):
        match a:
            case ev.LambdaFunctionScheduled():
                assert len(self.functions) < self.limits.open_lambda_functions
                self.functions[event.event_id] = 0
            case ev.ScheduleLambdaFunctionFailed():
                assert len(self.functions) == self.limits.open_lambda_functions
            case ev.LambdaFunctionStarted():
                assert self.functions[a.scheduled_event_id] == 0, "started twice"
                assert self.started.lambda_role is not None
                self.functions[a.scheduled_event_id] = event.event_id
            case ev.StartLambdaFunctionFailed():
                assert self.functions.pop(a.scheduled_event_id) == 0
                assert self.started.lambda_role is None
            case _ if isinstance(a, FUNCTION_ENDS):
                if isinstance(a, ev.LambdaFunctionTimedOut):
                    assert event.timestamp == self.function_deadline(a.scheduled_event_id)
                assert self.functions.pop(a.scheduled_event_id) == a.started_event_id != 0

    def other(self, event, a):
        """Children, and what is asked of other executions."""
        match a:
            case ev.StartChildWorkflowExecutionInitiated():
                assert len(self.children) < self.limits.open_children
                self.children[event.event_id] = 0
            case ev.ChildWorkflowExecutionStarted():
                assert self.children[a.initiated_event_id] == 0, "started twice"
                self.children[a.initiated_event_id] = event.event_id
            case ev.StartChildWorkflowExecutionFailed():
                running = a.cause == "WORKFLOW_ALREADY_RUNNING"
                assert bool(a.initiated_event_id) is running
                assert not running or self.children.pop(a.initiated_event_id) == 0
                if a.cause == "OPEN_CHILDREN_LIMIT_EXCEEDED":
                    assert len(self.children) == self.limits.open_children
            case _ if isinstance(a, CHILD_ENDS):
                assert self.children.pop(a.initiated_event_id) == a.started_event_id != 0
            case _ if isinstance(a, EXTERNAL_INITIATED):
                self.asked.add(event.event_id)
            case _ if isinstance(a, EXTERNAL_ENDS):
                self.asked.remove(a.initiated_event_id)
            case ev.WorkflowExecutionTimedOut():
                assert event.timestamp == self.execution_deadline()
                assert a.child_policy == self.started.child_policy

    # --- deadlines; None: never ---

    def decision_deadline(self):
        task = self.told(self.decision)
        if self.decider:
            return after(self.time(self.decider), task.start_to_close_timeout)
        return after(self.time(self.decision), task.schedule_to_start_timeout)

    def activity_deadlines(self, scheduled):
        """Each way in which an open activity may time out, and when."""
        started = self.activities[scheduled]
        since = {"SCHEDULE_TO_CLOSE": self.time(scheduled)}
        if started:
            since["START_TO_CLOSE"] = self.time(started)
            since["HEARTBEAT"] = self.heartbeats[scheduled]
        else:
            since["SCHEDULE_TO_START"] = self.time(scheduled)
        for kind, moment in since.items():
            yield kind, after(moment, getattr(self.told(scheduled), TIMEOUTS[kind]))

    def function_deadline(self, scheduled):
        started = self.functions[scheduled]
        limit = self.told(scheduled).start_to_close_timeout
        return after(self.time(started), limit) if started else None

    def execution_deadline(self):
        return after(self.time(1), self.started.execution_start_to_close_timeout)

    def deadlines(self):
        """When something is to expire."""
        for n in self.activities:
            yield from (when for _, when in self.activity_deadlines(n))
        for n in self.timers:
            yield after(self.time(n), self.told(n).start_to_fire_timeout)
        for n in self.functions:
            yield self.function_deadline(n)
        if self.decision:
            yield self.decision_deadline()
        yield self.execution_deadline()

    def next_deadline(self):
        deadlines = () if self.closed else self.deadlines()
        return min((when for when in deadlines if when is not None), default=None)

    # --- what must hold between two requests ---

    def compare(self, state):
        """The rules' state is what has been read."""
        assert state.open is (self.closed is None)
        assert state.started_at == self.time(1)
        scheduled = [self.time(n) for n, _ in self.all(ev.ActivityTaskScheduled)]
        assert state.latest_activity_at == max(scheduled, default=None)
        completed = [a.started_event_id for _, a in self.all(ev.DecisionTaskCompleted)]
        assert state.previous_started_event_id == max(completed, default=0)
        if self.closed is None:
            assert not self.news or self.decision is not None, "news that no decider will see"
            activities = {n: activity.started_event_id for n, activity in state.activities.items()}
            assert activities == self.activities
            assert sorted(state.activity_ids) == sorted(self.activity_ids())
            assert {t.started_event_id: n for n, t in state.timers.items()} == self.timers
            assert state._timer_ids == self.timers
            functions = {n: function.started_event_id for n, function in state.lambdas.items()}
            assert functions == self.functions
            children = {n: child.started_event_id for n, child in state.children.items()}
            assert children == self.children
            assert state.task_list == self.original
