"""Random requests and time steps, of one execution: whatever happens, the history is one that SWF
could have written, and the state follows from it. (Several executions: test_domain_at_random.)"""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from one_execution import DECIDERS, PAY, WORKERS, OneExecution, Token, dump
from witness import Witness

from dataflow.engine.rules.registry import ActivityDefaults
from dataflow.engine.rules.requests import next_deadline
from dataflow.protocol import decisions as de
from dataflow.protocol.limits import Limits
from dataflow.protocol.values import ActivityType, TaskList

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
DECISIONS = st.one_of(SCHEDULES, SCHEDULES, SCHEDULES, TIMERS, TIMERS, CANCELS, WRONG_SCHEDULES)
CLOSING = st.sampled_from(
    [
        de.CompleteWorkflowExecution(result="r"),
        de.FailWorkflowExecution(),
        de.CancelWorkflowExecution(),
    ]
)
#: Where the next decision tasks shall wait.
OVERRIDES = st.sampled_from(
    [
        {},
        {},
        {"task_list": TaskList("mine"), "task_list_schedule_to_start_timeout": "3"},
        {"task_list": TaskList("mine")},
        {"task_list": DECIDERS},
    ]
)
BATCHES, FEW = st.lists(DECISIONS, min_size=1, max_size=4), st.lists(DECISIONS, max_size=1)
REPORTS = st.sampled_from(["complete", "fail", "cancel", "heartbeat"])
SECONDS = st.sampled_from([0, 0.5, 1, 3, 5, 10])
DECISION_SECONDS, EXECUTION_SECONDS = 6, 60
LIMITS = Limits(open_activities=2, open_timers=2)
#: Events before an execution may be closed on purpose: a short one is no test.
LONG = 30


class RandomRequests(RuleBasedStateMachine):
    """The outside, deciders and workers; their tokens may be stale or made up."""

    def __init__(self):
        super().__init__()
        self.run = OneExecution(registry=Types(), limits=LIMITS)
        self.witness = Witness(LIMITS)
        self.run.start(
            task_start_to_close_timeout=str(DECISION_SECONDS),
            execution_start_to_close_timeout=str(EXECUTION_SECONDS),
        )
        self.look()

    def look(self):
        """Show the witness what is new."""
        for event in self.run.history[self.witness.last_id :]:
            self.witness.read(event)

    def ask(self, call, *, fits):
        """Make a request, which must be refused exactly if it does not fit."""
        if fits:
            call()
        else:
            with self.run.refused():
                call()
        self.look()

    # --- requests ---

    @rule(data=st.data())
    def step(self, data):
        """One rule for all: Hypothesis would leave some rules out of each run, and so the decider,
        without whom nothing happens, out of every other one."""
        what = data.draw(st.sampled_from([*self.possible()]))
        getattr(self, what)(data.draw)

    def possible(self):
        """What may be done now, as often as it shall be."""
        yield from ["time_passes"] * 4
        yield from ["poll_for_a_decision", "answer_with_a_foreign_token"]
        yield from ["report_with_a_foreign_token"]
        if self.witness.closed:
            return
        yield from ["signal", "request_cancel"]
        if self.witness.decider:
            yield from ["answer"] * 8
        elif self.witness.decision:
            yield from ["poll_for_a_decision"] * 3
        if 0 in self.witness.activities.values():
            yield from ["poll_for_an_activity"] * 3
        if any(self.witness.activities.values()):
            yield from ["report_of_a_worker"] * 3
        if self.witness.last_id > LONG:
            yield "terminate"
            if self.witness.decider:
                yield from ["answer_with_a_close"] * 4

    def time_passes(self, draw):
        self.run.wait(draw(SECONDS))
        self.look()

    def signal(self, _):
        self.ask(self.run.signal, fits=True)

    def request_cancel(self, _):
        self.ask(self.run.request_cancel, fits=True)

    def terminate(self, _):
        self.ask(self.run.terminate, fits=True)

    def poll_for_a_decision(self, _):
        waiting = self.witness.decision is not None and not self.witness.decider
        self.ask(self.run.poll, fits=waiting and not self.witness.closed)

    def answer(self, draw):
        decisions, override = draw(BATCHES), draw(OVERRIDES)
        decider = self.witness.decider
        self.ask(lambda: self.run.answer(decider, *decisions, **override), fits=True)

    def answer_with_a_close(self, draw):
        decisions, decider = [*draw(FEW), draw(CLOSING)], self.witness.decider
        self.ask(lambda: self.run.answer(decider, *decisions), fits=True)

    def answer_with_a_foreign_token(self, draw):
        token, closing = draw(st.integers(0, self.witness.last_id)), draw(CLOSING)
        if self.witness.closed or not token or token != self.witness.decider:
            self.ask(lambda: self.run.answer(token, closing), fits=False)

    def poll_for_an_activity(self, draw):
        waiting = [n for n, started in self.witness.activities.items() if not started]
        activity_id = self.witness.told(draw(st.sampled_from(waiting))).activity_id
        self.ask(lambda: self.run.take(activity_id), fits=True)

    def report_of_a_worker(self, draw):
        taken = [Token(*item) for item in self.witness.activities.items() if item[1]]
        token, how = draw(st.sampled_from(taken)), draw(REPORTS)
        self.ask(lambda: getattr(self.run, how)(token), fits=True)
        if how == "heartbeat":
            self.witness.heartbeats[token.scheduled_event_id] = self.run.now

    def report_with_a_foreign_token(self, draw):
        scheduled = draw(st.sampled_from([3, *self.witness.activities]))
        token, how = Token(scheduled, draw(st.integers(0, self.witness.last_id))), draw(REPORTS)
        found = token.started_event_id and token in self.witness.activities.items()
        if self.witness.closed or not found:
            self.ask(lambda: getattr(self.run, how)(token), fits=False)

    # --- what always holds ---

    @invariant()
    def the_state_follows_from_the_history(self):
        assert dump(self.run.folded()) == dump(self.run.state)

    @invariant()
    def what_is_open_is_what_the_history_says(self):
        self.witness.compare(self.run.state)

    @invariant()
    def the_next_deadline_is_the_earliest_and_not_over(self):
        expected = self.witness.next_deadline()
        assert next_deadline(self.run.state) == expected
        assert expected is None or expected >= self.run.now

    @invariant()
    def the_heap_stays_small(self):
        deadlines = self.run.state.deadlines
        assert len(deadlines._heap) <= 2 * len(deadlines) + 64


RandomRequests.TestCase.settings = settings(max_examples=150, stateful_step_count=60)
TestRandomRequests = RandomRequests.TestCase
