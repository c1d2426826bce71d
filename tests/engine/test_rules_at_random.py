"""Random requests and time steps: whatever happens, the history is one that SWF could have written,
and the state follows from it."""

import typing

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from one_execution import PAY, WORKERS, OneExecution, Token, dump

from dataflow.engine.rules.execution import CALLS_FOR_DECISION
from dataflow.engine.rules.registry import ActivityDefaults
from dataflow.engine.rules.requests import next_deadline
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.limits import Limits
from dataflow.protocol.values import ActivityType

HISTORY_EVENT = ServiceModel(Loader().load_service_model("swf", "service-2"), "swf").shape_for(
    "HistoryEvent"
)
OLD, UNKNOWN = ActivityType("old", "1"), ActivityType("unknown", "1")


class Types:
    def activity_type(self, activity_type):
        return {
            PAY: ActivityDefaults(schedule_to_start_timeout="7", start_to_close_timeout="NONE"),
            OLD: ActivityDefaults(deprecated=True),
        }.get(activity_type)


# --- what is asked -----------------------------------------------------------------------

IDS = st.sampled_from("abc")
TIMEOUTS = st.sampled_from(["NONE", "5", "8", "3", "0"])
SCHEDULES = st.builds(
    de.ScheduleActivityTask,
    activity_type=st.just(PAY),
    activity_id=IDS,
    task_list=st.just(WORKERS),
    schedule_to_start_timeout=st.none() | TIMEOUTS,
    schedule_to_close_timeout=st.sampled_from(["NONE", "NONE", "8", "5"]),
    start_to_close_timeout=st.none() | TIMEOUTS,
    heartbeat_timeout=TIMEOUTS,
)
WRONG_SCHEDULES = st.builds(
    de.ScheduleActivityTask,
    activity_type=st.sampled_from([PAY, OLD, UNKNOWN]),
    activity_id=IDS,
    task_list=st.none() | st.just(WORKERS),
)
TIMERS = st.builds(de.StartTimer, IDS, st.sampled_from(["5", "8", "1", "0"]))
CANCELS = st.builds(de.RequestCancelActivityTask, IDS) | st.builds(de.CancelTimer, IDS)
DECISIONS = st.one_of(SCHEDULES, SCHEDULES, SCHEDULES, TIMERS, CANCELS, WRONG_SCHEDULES)
CLOSING = st.sampled_from([de.CompleteWorkflowExecution(result="r"), de.FailWorkflowExecution()])
SOMETIMES = st.sampled_from([False, False, False, False, True])
SECONDS = st.sampled_from([0, 0.5, 1, 3, 5, 10])
DECISION_SECONDS, EXECUTION_SECONDS = 6, 100
OPEN_ACTIVITIES, OPEN_TIMERS = 2, 2
#: Events before an execution may be closed on purpose: a short one is no test.
LONG = 30


# --- what must hold, told from the events alone ------------------------------------------

ACTIVITY_ENDS = (
    ev.ActivityTaskCompleted,
    ev.ActivityTaskFailed,
    ev.ActivityTaskTimedOut,
    ev.ActivityTaskCanceled,
)
DECISION_ENDS = (ev.DecisionTaskCompleted, ev.DecisionTaskTimedOut)
CLOSES = (
    ev.WorkflowExecutionCompleted,
    ev.WorkflowExecutionFailed,
    ev.WorkflowExecutionTimedOut,
    ev.WorkflowExecutionTerminated,
)
#: For each activity time-out the field that says how long it is.
LIMITS = {kind: f"{kind.lower()}_timeout" for kind in typing.get_args(ev.ActivityTaskTimeoutType)}


class Witness:
    """Reads the events one by one, and knows what may come next."""

    def __init__(self):
        self.last_id = 0
        self.last_time = 0.0
        self.closed = False
        self.news = False  # something has happened that the decider has not been shown
        self.decision = None  # the open decision task's scheduled event
        self.decider = 0  # the started event of the decision task that a decider has
        self.activities = {}  # scheduled event of each open activity -> its started event, or 0
        self.timers = {}  # started event of each open timer -> its id
        self.times = {}  # of each event
        self.scheduled = {}  # what an activity or a timer began with
        self.started = {}  # when a worker took an activity
        self.heartbeats = {}  # when it was heard of last

    def read(self, event):
        a = event.attributes
        assert not self.closed, "an event after the close"
        assert event.event_id == self.last_id + 1
        assert event.timestamp >= self.last_time
        assert not [f for f in a.__struct_fields__ if f.endswith("event_id") and self.unknown(a, f)]
        self.last_id, self.last_time = event.event_id, event.timestamp
        self.times[event.event_id] = event.timestamp
        self.decision_task(event.event_id, a)
        self.activity(event, a)
        self.timer(event, a)
        self.whole(event, a)
        if type(a) in CALLS_FOR_DECISION:
            self.news = True

    def unknown(self, attributes, field):
        """Whether a reference leads to no earlier event (0: to none at all)."""
        return not 0 <= (getattr(attributes, field) or 0) <= self.last_id

    def decision_task(self, event_id, a):
        match a:
            case ev.DecisionTaskScheduled():
                assert self.decision is None, "two decision tasks"
                assert self.news, "nothing to decide"
                self.decision = event_id
            case ev.DecisionTaskStarted():
                assert (self.decision, self.decider) == (a.scheduled_event_id, 0)
                self.decider, self.news = event_id, False
            case _ if isinstance(a, DECISION_ENDS):
                assert (a.scheduled_event_id, a.started_event_id) == (self.decision, self.decider)
                assert self.decider
                self.decision, self.decider = None, 0
            case ev.CompleteWorkflowExecutionFailed() | ev.FailWorkflowExecutionFailed():
                assert self.news, "a close was refused without a reason"
            case ev.WorkflowExecutionCompleted() | ev.WorkflowExecutionFailed():
                assert not self.news, "a decider has closed what it has not seen"

    def activity(self, event, a):
        match a:
            case ev.ActivityTaskScheduled():
                ids = [self.scheduled[n].activity_id for n in self.activities]
                assert a.activity_id not in ids, "two open activities of one id"
                self.activities[event.event_id] = 0
                self.scheduled[event.event_id] = a
            case ev.ActivityTaskStarted():
                assert self.activities[a.scheduled_event_id] == 0, "started twice"
                self.activities[a.scheduled_event_id] = event.event_id
                self.started[a.scheduled_event_id] = event.timestamp
                self.heartbeats[a.scheduled_event_id] = event.timestamp
            case ev.ActivityTaskCancelRequested():
                ids = [self.scheduled[n].activity_id for n in self.activities]
                assert a.activity_id in ids
            case _ if isinstance(a, ACTIVITY_ENDS):
                assert self.activities.pop(a.scheduled_event_id) == a.started_event_id
                if isinstance(a, ev.ActivityTaskTimedOut):
                    assert event.timestamp == self.deadline(a.scheduled_event_id, a.timeout_type)

    def deadline(self, scheduled_event_id, timeout_type):
        """When this time-out of an activity is to come; None if never."""
        limit = getattr(self.scheduled[scheduled_event_id], LIMITS[timeout_type])
        if limit == "NONE":
            return None
        since = {
            "START_TO_CLOSE": self.started.get(scheduled_event_id),
            "HEARTBEAT": self.heartbeats.get(scheduled_event_id),
        }
        return since.get(timeout_type, self.times[scheduled_event_id]) + int(limit)

    def deadlines(self):
        """When something is to expire."""
        for n, started in self.activities.items():
            begun = ["START_TO_CLOSE", "HEARTBEAT"] if started else ["SCHEDULE_TO_START"]
            for timeout_type in [*begun, "SCHEDULE_TO_CLOSE"]:
                yield self.deadline(n, timeout_type)
        for n in self.timers:
            yield self.times[n] + int(self.scheduled[n].start_to_fire_timeout)
        if self.decider:
            yield self.times[self.decider] + DECISION_SECONDS
        yield self.times[1] + EXECUTION_SECONDS

    def timer(self, event, a):
        match a:
            case ev.TimerStarted():
                assert a.timer_id not in self.timers.values(), "two open timers of one id"
                self.timers[event.event_id] = a.timer_id
                self.scheduled[event.event_id] = a
            case ev.TimerFired(started_event_id=started):
                assert self.timers.pop(started) == a.timer_id
                limit = int(self.scheduled[started].start_to_fire_timeout)
                assert event.timestamp == self.times[started] + limit
            case ev.TimerCanceled():
                assert self.timers.pop(a.started_event_id) == a.timer_id

    def whole(self, event, a):
        match a:
            case ev.DecisionTaskTimedOut():
                assert event.timestamp == self.times[a.started_event_id] + DECISION_SECONDS
            case ev.WorkflowExecutionTimedOut():
                assert event.timestamp == self.times[1] + EXECUTION_SECONDS
        self.closed = isinstance(a, CLOSES)


class RandomRequests(RuleBasedStateMachine):
    """The outside, deciders and workers; their tokens may be stale or made up."""

    def __init__(self):
        super().__init__()
        self.run = OneExecution(
            registry=Types(),
            limits=Limits(open_activities=OPEN_ACTIVITIES, open_timers=OPEN_TIMERS),
        )
        self.witness = Witness()
        self.read = 0
        self.run.start(
            task_start_to_close_timeout=str(DECISION_SECONDS),
            execution_start_to_close_timeout=str(EXECUTION_SECONDS),
        )
        self.look()

    def look(self):
        """Show the witness what is new."""
        for event in self.run.history[self.read :]:
            self.witness.read(event)
            report = ParamValidator().validate(ev.to_wire(event), HISTORY_EVENT)
            assert not report.has_errors(), report.generate_report()
        self.read = len(self.run.history)

    def ask(self, call, *, fits):
        """Make a request, which must be refused exactly if it does not fit."""
        if fits:
            call()
        else:
            with self.run.refused():
                call()
        self.look()

    # --- requests ---

    @rule(seconds=SECONDS)
    def time_passes(self, seconds):
        self.run.wait(seconds)
        self.look()

    @precondition(lambda self: not self.witness.closed)
    @rule(sometimes=SOMETIMES)
    def signal(self, sometimes):
        if sometimes:
            self.run.signal()
            self.look()

    @precondition(lambda self: len(self.run.history) > LONG)
    @rule(sometimes=SOMETIMES)
    def terminate(self, sometimes):
        if sometimes:
            self.ask(self.run.terminate, fits=not self.witness.closed)

    @rule()
    def poll_for_a_decision(self):
        waiting = self.witness.decision is not None and not self.witness.decider
        self.ask(self.run.poll, fits=waiting and not self.witness.closed)

    @precondition(lambda self: self.witness.decider)
    @rule(decisions=st.lists(DECISIONS, min_size=1, max_size=4))
    def answer(self, decisions):
        self.answer_that(*decisions)

    @precondition(lambda self: self.witness.decider and len(self.run.history) > LONG)
    @rule(decisions=st.lists(DECISIONS, max_size=2), closing=CLOSING, sometimes=SOMETIMES)
    def answer_with_a_close(self, decisions, closing, sometimes):
        if sometimes:
            self.answer_that(*decisions, closing)

    def answer_that(self, *decisions):
        decider = self.witness.decider
        self.ask(lambda: self.run.answer(decider, *decisions), fits=not self.witness.closed)

    @rule(token=st.integers(0, 60), closing=CLOSING, sometimes=SOMETIMES)
    def answer_with_a_foreign_token(self, token, closing, sometimes):
        if sometimes and token != self.witness.decider:
            self.ask(lambda: self.run.answer(token, closing), fits=False)

    @precondition(lambda self: 0 in self.witness.activities.values() and not self.witness.closed)
    @rule(data=st.data())
    def poll_for_an_activity(self, data):
        waiting = [n for n, started in self.witness.activities.items() if not started]
        scheduled = self.witness.scheduled[data.draw(st.sampled_from(waiting))]
        self.run.take(scheduled.activity_id)
        self.look()

    @precondition(lambda self: any(self.witness.activities.values()))
    @rule(data=st.data(), how=st.sampled_from(["complete", "fail", "cancel", "heartbeat"]))
    def report_of_a_worker(self, data, how):
        taken = [Token(*item) for item in self.witness.activities.items() if item[1]]
        token = data.draw(st.sampled_from(taken))
        self.ask(lambda: getattr(self.run, how)(token), fits=not self.witness.closed)
        if how == "heartbeat":
            self.witness.heartbeats[token.scheduled_event_id] = self.run.now

    @precondition(lambda self: self.witness.scheduled)
    @rule(data=st.data(), how=st.sampled_from(["complete", "fail", "cancel", "heartbeat"]))
    def report_with_a_foreign_token(self, data, how):
        token = Token(
            data.draw(st.sampled_from([3, *self.witness.scheduled])),
            data.draw(st.integers(0, self.witness.last_id)),
        )
        if not token.started_event_id or token not in self.witness.activities.items():
            self.ask(lambda: getattr(self.run, how)(token), fits=False)

    # --- what always holds ---

    @invariant()
    def the_state_follows_from_the_history(self):
        assert dump(self.run.folded()) == dump(self.run.state)

    @invariant()
    def news_are_on_their_way_to_a_decider(self):
        waiting = self.witness.news and not self.witness.closed
        assert not waiting or self.witness.decision is not None

    @invariant()
    def what_is_open_is_what_the_history_says(self):
        state, witness = self.run.state, self.witness
        assert state.open is not witness.closed
        if not witness.closed:
            opened = {n: activity.started_event_id for n, activity in state.activities.items()}
            assert opened == witness.activities
            assert {t.started_event_id: n for n, t in state.timers.items()} == witness.timers
            assert state._timer_ids == witness.timers
            assert len(state.activities) <= OPEN_ACTIVITIES
            assert len(state.timers) <= OPEN_TIMERS

    @invariant()
    def the_next_deadline_is_the_earliest_and_not_over(self):
        deadlines = [] if self.witness.closed else self.witness.deadlines()
        expected = min((when for when in deadlines if when is not None), default=None)
        assert next_deadline(self.run.state) == expected
        assert expected is None or expected >= self.run.now

    @invariant()
    def the_heap_stays_small(self):
        deadlines = self.run.state.deadlines
        assert len(deadlines._heap) <= 2 * len(deadlines) + 64


RandomRequests.TestCase.settings = settings(max_examples=200, stateful_step_count=80)
TestRandomRequests = RandomRequests.TestCase
