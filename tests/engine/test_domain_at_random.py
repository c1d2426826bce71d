"""Random requests and time steps, of a whole domain: whatever happens, the histories are such as
SWF could have written, they tell the same of each other, and the state follows from them."""

import msgspec
from domain_witness import DomainWitness
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from one_domain import NEEDED, ORDER, ROLE, OneDomain, versions_of_order
from one_execution import DECIDERS, PAY, WORKERS, Token, dump

from dataflow.engine.rules.requests import next_deadline
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.faults import (
    DefaultUndefinedFault,
    LimitExceededFault,
    TypeDeprecatedFault,
    UnknownResourceFault,
    WorkflowExecutionAlreadyStartedFault,
)
from dataflow.protocol.limits import Limits
from dataflow.protocol.operations import RegisterActivityType
from dataflow.protocol.values import ActivityType, TaskList, WorkflowType

LIMITS = Limits(
    open_activities=2,
    open_timers=2,
    open_children=2,
    open_lambda_functions=2,
    history_events=40,
)
OPEN_EXECUTIONS = 4
BARE, OLD, UNKNOWN = (WorkflowType("order", version) for version in ("bare", "old", "2"))
NO_ACTIVITY, OLD_ACTIVITY = ActivityType("pay", "2"), ActivityType("pay", "old")


def types():
    registry = versions_of_order(
        execution_start_to_close_timeout="40",
        task_list=DECIDERS,
        task_start_to_close_timeout="6",
        child_policy="TERMINATE",
        lambda_role=ROLE,
    )
    for version in ("1", "old"):
        pay = RegisterActivityType(
            "d",
            "pay",
            version,
            default_task_list=WORKERS,
            default_task_schedule_to_start_timeout="7",
            default_task_schedule_to_close_timeout="NONE",
            default_task_start_to_close_timeout="9",
        )
        registry.activities.register(pay, 0.0)
    registry.activities.deprecate("pay", "old", 0.0)
    return registry


# --- what is asked -----------------------------------------------------------------------

NAMES = "abcde"
WORKFLOWS, IDS, MAYBE = st.sampled_from(NAMES), st.sampled_from("xyz"), st.none() | st.just("t")
POLICIES = st.sampled_from(["TERMINATE", "REQUEST_CANCEL", "ABANDON"])
#: Mostly a type that can be used.
TYPES = st.sampled_from([*[ORDER] * 6, BARE, OLD, UNKNOWN])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "execution_start_to_close_timeout": st.sampled_from(["20", "100"]),
        "child_policy": POLICIES,
        "task_start_to_close_timeout": st.just("NONE"),
        "task_list": st.just(TaskList("others")),
        "task_priority": st.just("3"),
        "tag_list": st.just(("a", "b")),
        "input": st.just("[1]"),
    },
)
#: At times all that a type without defaults needs.
GIVEN = SETTINGS | st.builds(lambda more: {**NEEDED, **more}, SETTINGS)
#: Which run of a workflow id is meant: stands for its run id.
RUNS = st.sampled_from([None, None, "", "latest", "first", "unknown"])

ACTIVITIES = st.builds(
    de.ScheduleActivityTask,
    activity_type=st.sampled_from([*[PAY] * 6, NO_ACTIVITY, OLD_ACTIVITY]),
    activity_id=IDS,
    input=MAYBE,
    heartbeat_timeout=st.sampled_from(["NONE", "3", "5"]),
)
CHILDREN = st.builds(
    lambda name, kind, given, control: de.StartChildWorkflowExecution(
        workflow_id=name, workflow_type=kind, control=control, **given
    ),
    WORKFLOWS,
    TYPES,
    GIVEN,
    MAYBE,
)
OTHERS = st.one_of(
    st.builds(de.RequestCancelActivityTask, IDS),
    st.builds(de.StartTimer, IDS, st.sampled_from(["0", "2", "8"]), MAYBE),
    st.builds(de.CancelTimer, IDS),
    st.builds(de.RecordMarker, IDS, MAYBE),
    st.builds(
        de.ScheduleLambdaFunction, IDS, st.just("f"), start_to_close_timeout=st.sampled_from("37")
    ),
)
EXTERNALS = st.builds(
    de.SignalExternalWorkflowExecution, WORKFLOWS, IDS, RUNS, MAYBE, MAYBE
) | st.builds(de.RequestCancelExternalWorkflowExecution, WORKFLOWS, RUNS, MAYBE)
DECISIONS = st.one_of(ACTIVITIES, CHILDREN, CHILDREN, EXTERNALS, OTHERS)
CONTINUING = st.builds(
    lambda given, version: de.ContinueAsNewWorkflowExecution(
        workflow_type_version=version, **given
    ),
    GIVEN,
    st.sampled_from([None, None, None, "1", "bare", "old", "2"]),
)
CLOSING = st.one_of(
    st.builds(de.CompleteWorkflowExecution, MAYBE),
    st.builds(de.FailWorkflowExecution, MAYBE, MAYBE),
    st.builds(de.CancelWorkflowExecution, MAYBE),
    CONTINUING,
    CONTINUING,
)
ONE_OR_NONE = st.lists(DECISIONS, max_size=1)
#: Mostly such as leave the execution open; some decisions of a batch will be refused, and a close
#: after them, too.
BATCHES = st.one_of(
    st.lists(DECISIONS, min_size=1, max_size=4),
    st.lists(DECISIONS, min_size=2, max_size=4),
    st.lists(CHILDREN, min_size=1, max_size=2),
    st.builds(lambda decisions, close: [*decisions, close], ONE_OR_NONE, CLOSING),
)
OVERRIDES = st.sampled_from(
    [
        {},
        {},
        {"task_list": TaskList("mine"), "task_list_schedule_to_start_timeout": "3"},
        {"task_list": TaskList("mine")},
    ]
)
REPORTS = st.sampled_from(["complete", "fail", "cancel", "heartbeat"])
SECONDS = st.sampled_from([0, 0.5, 1, 3, 8])
OUTCOMES = st.sampled_from(
    [
        (ev.LambdaFunctionCompleted, {"result": "r"}),
        (ev.LambdaFunctionFailed, {"reason": "r", "details": "d"}),
    ]
)

#: What an answer gets that does not fit an open task.
NO_TASK = UnknownResourceFault

# --- what each decision becomes ----------------------------------------------------------

SUCCESSES = {
    de.ScheduleActivityTask: ev.ActivityTaskScheduled,
    de.RequestCancelActivityTask: ev.ActivityTaskCancelRequested,
    de.StartTimer: ev.TimerStarted,
    de.CancelTimer: ev.TimerCanceled,
    de.RecordMarker: ev.MarkerRecorded,
    de.SignalExternalWorkflowExecution: ev.SignalExternalWorkflowExecutionInitiated,
    de.RequestCancelExternalWorkflowExecution: ev.RequestCancelExternalWorkflowExecutionInitiated,
    de.StartChildWorkflowExecution: ev.StartChildWorkflowExecutionInitiated,
    de.ScheduleLambdaFunction: ev.LambdaFunctionScheduled,
    de.CompleteWorkflowExecution: ev.WorkflowExecutionCompleted,
    de.FailWorkflowExecution: ev.WorkflowExecutionFailed,
    de.CancelWorkflowExecution: ev.WorkflowExecutionCanceled,
    de.ContinueAsNewWorkflowExecution: ev.WorkflowExecutionContinuedAsNew,
}
#: The cause that the type of a decision leads to, if nothing comes before it.
TYPE_CAUSES = {
    UNKNOWN: "WORKFLOW_TYPE_DOES_NOT_EXIST",
    OLD: "WORKFLOW_TYPE_DEPRECATED",
    NO_ACTIVITY: "ACTIVITY_TYPE_DOES_NOT_EXIST",
    OLD_ACTIVITY: "ACTIVITY_TYPE_DEPRECATED",
}


def account(decisions, events):
    """Each decision has become one event, in order, that says what it says."""
    events = list(events)
    for decision in decisions:
        event = events.pop(0)
        name = type(decision).__name__
        if type(event).__name__ == f"{name}Failed":
            kind = getattr(decision, "workflow_type", None)
            kind = kind or getattr(decision, "activity_type", None)
            assert event.cause == TYPE_CAUSES.get(kind, event.cause)
        else:
            assert type(event) is SUCCESSES[type(decision)]
            assert getattr(event, "workflow_type", ORDER) in {ORDER, BARE}
            assert getattr(event, "activity_type", PAY) == PAY
        for field in set(event.__struct_fields__) & set(decision.__struct_fields__):
            said = getattr(decision, field)
            assert said in {None, getattr(event, field)}
        if events and isinstance(events[0], ev.ActivityTaskCanceled):
            assert isinstance(event, ev.ActivityTaskCancelRequested)
            events.pop(0)


class RandomDomain(RuleBasedStateMachine):
    """Clients, deciders, workers and functions; their tokens may be stale or made up."""

    def __init__(self):
        super().__init__()
        self.domain = OneDomain(registry=types(), limits=LIMITS, open_executions=OPEN_EXECUTIONS)
        self.witness = DomainWitness(LIMITS, OPEN_EXECUTIONS)
        self.seen = 0
        self.touched = set()
        for name in NAMES[:2]:
            self.ask(lambda name=name: self.domain.start(name, **dict.fromkeys(NEEDED)))

    @rule(data=st.data())
    def step(self, data):
        """One rule for all: Hypothesis would leave some rules out of each run, and so the deciders,
        without whom nothing happens, out of every other one."""
        what = data.draw(st.sampled_from([*self.possible()]))
        getattr(self, what)(data.draw)

    def possible(self):
        """What may be done now, as often as it shall be."""
        yield from ["time_passes"] * 3
        yield from ["call_on"] * 2
        yield from ["start", "restart"]
        yield "answer_with_a_foreign_token"
        if self.deciding(started=False):
            yield from ["poll", *["decide"] * 5]
        if self.deciding(started=True):
            yield from ["answer"] * 3
        if self.working(started=False):
            yield from ["take"] * 4
        if self.working(started=True):
            yield from ["report"] * 4
        if self.called():
            yield from ["end"] * 2

    def look(self):
        """Show the witness what a request has written."""
        written = self.domain.written[self.seen :]
        self.seen += len(written)
        self.witness.read(written)
        self.touched |= {told.run_id for told in written}
        return written

    def ask(self, call, *, fault=None):
        """Make a request, which must be refused exactly if there is a reason; what it writes."""
        if fault is None:
            call()
        else:
            with self.domain.refused(fault):
                call()
        return self.look()

    # --- who there is ---

    @property
    def runs(self):
        """The open runs, in the order of their names."""
        return [self.witness.open[name] for name in sorted(self.witness.open)]

    def deciding(self, *, started):
        """The runs whose decision task is in a decider's hands, or waits."""
        return [run for run in self.runs if run.decision and bool(run.decider) is started]

    def working(self, *, started):
        """Activities that workers have, or that wait: their run, and their token."""
        return [
            (run, Token(*item))
            for run in self.runs
            for item in run.activities.items()
            if bool(item[1]) is started
        ]

    def called(self):
        """Functions that run."""
        return [(run, n) for run in self.runs for n, started in run.functions.items() if started]

    def run_id(self, workflow_id, which):
        """The run id that `RUNS` stands for."""
        known = [n for n, run in self.witness.runs.items() if run.name.workflow_id == workflow_id]
        if which in {None, ""} or not known:
            return which
        return {"latest": known[-1], "first": known[0], "unknown": "run-0"}[which]

    def unknown(self, workflow_id, run_id):
        """The fault for a request to whom nobody is."""
        run = self.witness.open.get(workflow_id)
        found = run is not None and run_id in {None, "", run.name.run_id}
        return None if found else UnknownResourceFault

    # --- clients ---

    def start(self, draw):
        name, kind, given = draw(WORKFLOWS), draw(TYPES), draw(GIVEN)
        settings = {**dict.fromkeys(NEEDED), **given, "workflow_type": kind}
        fault = None
        if kind == UNKNOWN:
            fault = UnknownResourceFault
        elif kind == OLD:
            fault = TypeDeprecatedFault
        elif kind == BARE and not set(NEEDED) <= set(given):
            fault = DefaultUndefinedFault
        elif name in self.witness.open:
            fault = WorkflowExecutionAlreadyStartedFault
        elif len(self.witness.open) >= OPEN_EXECUTIONS:
            fault = LimitExceededFault
        self.ask(lambda: self.domain.start(name, **settings), fault=fault)

    def call_on(self, draw):
        """Something that a client may ask of an execution."""
        name = draw(WORKFLOWS)
        run_id = self.run_id(name, draw(RUNS))
        how = draw(st.sampled_from(["signal", "request_cancel", "terminate"]))
        more = {"child_policy": draw(st.none() | POLICIES)} if how == "terminate" else {}
        self.ask(
            lambda: getattr(self.domain, how)(name, run_id=run_id, **more),
            fault=self.unknown(name, run_id),
        )

    # --- deciders ---

    def poll(self, draw):
        run = draw(st.sampled_from(self.deciding(started=False)))
        self.ask(lambda: self.domain.poll(run.name.workflow_id))

    def answer(self, draw):
        run = draw(st.sampled_from(self.deciding(started=True)))
        self.answer_that(run, draw(BATCHES), draw(OVERRIDES))

    def decide(self, draw):
        run = draw(st.sampled_from(self.deciding(started=False)))
        self.ask(lambda: self.domain.poll(run.name.workflow_id))
        if not run.closed:  # its history has grown too long just now
            self.answer_that(run, draw(BATCHES), {})

    def answer_that(self, run, batch, override):
        decisions = [self.named(decision) for decision in batch]
        name = run.name.workflow_id
        written = self.ask(lambda: self.domain.answer(name, run.decider, *decisions, **override))
        assert isinstance(written[0].attributes, ev.DecisionTaskCompleted)
        account(decisions, [t.attributes for t in written[1:] if t.run_id == run.name.run_id])

    def named(self, decision):
        """With run ids in the place of what stands for them."""
        if "run_id" not in decision.__struct_fields__:
            return decision
        run_id = self.run_id(decision.workflow_id, decision.run_id)
        return msgspec.structs.replace(decision, run_id=run_id)

    # --- workers and functions ---

    def take(self, draw):
        run, token = draw(st.sampled_from(self.working(started=False)))
        activity_id = run.told(token.scheduled_event_id).activity_id
        self.ask(lambda: self.domain.take(run.name.workflow_id, activity_id))

    def report(self, draw):
        run, token = draw(st.sampled_from(self.working(started=True)))
        how = draw(REPORTS)
        self.ask(lambda: self.domain.report(how, run.name.run_id, token))
        if how == "heartbeat":
            run.heartbeats[token.scheduled_event_id] = self.domain.now

    def end(self, draw):
        run, scheduled = draw(st.sampled_from(self.called()))
        outcome = draw(OUTCOMES)
        self.ask(lambda: self.domain.end_function(run.name.run_id, scheduled, outcome))

    def answer_with_a_foreign_token(self, draw):
        """As a decider, a worker, or a function."""
        run = draw(st.sampled_from(list(self.witness.runs.values())))
        run_id = run.name.run_id
        token = Token(draw(st.integers(0, run.last_id)), draw(st.integers(0, run.last_id)))
        scheduled, started = token
        if run.closed or started not in {run.decider} - {0}:
            decision = draw(CLOSING)
            self.ask(lambda: self.domain.answer_of_run(run_id, started, decision), fault=NO_TASK)
        if run.closed or not started or token not in run.activities.items():
            how = draw(REPORTS)
            self.ask(lambda: self.domain.report(how, run_id, token), fault=NO_TASK)
        if run.closed or not run.functions.get(scheduled):
            outcome = draw(OUTCOMES)
            self.ask(lambda: self.domain.end_function(run_id, scheduled, outcome), fault=NO_TASK)

    # --- time ---

    def time_passes(self, draw):
        until = self.domain.now + draw(SECONDS)
        while self.domain.expire(until):
            self.look()
        self.domain.now = until

    def restart(self, _):
        self.domain.restart()
        for run, token in self.working(started=True):
            run.heartbeats[token.scheduled_event_id] = self.domain.now

    # --- what always holds ---

    @invariant()
    def the_state_follows_from_the_history(self):
        for run_id in self.touched:
            execution = self.domain.executions[run_id]
            assert dump(self.domain.folded(run_id)) == dump(execution)
            self.witness.runs[run_id].compare(execution)
        self.touched.clear()

    @invariant()
    def the_open_executions_are_those_that_have_not_closed(self):
        rules, runs = self.domain.rules, self.witness.open
        assert {name: e.run_id for name, e in rules.open.items()} == {
            name: run.name.run_id for name, run in runs.items()
        }
        for run in self.witness.runs.values():
            found = rules.run(run.name.run_id)
            assert found is (None if run.closed else self.domain.executions[run.name.run_id])

    @invariant()
    def the_next_deadline_is_the_earliest_and_not_over(self):
        for run in self.runs:
            expected = run.next_deadline()
            assert next_deadline(self.domain.executions[run.name.run_id]) == expected
            assert expected is None or expected >= self.domain.now


RandomDomain.TestCase.settings = settings(max_examples=120, stateful_step_count=50)
TestRandomDomain = RandomDomain.TestCase
