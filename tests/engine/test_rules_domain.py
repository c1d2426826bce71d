"""The executions of a domain: which are open, signals and requests to cancel between them, and the
order in which all that follows from a request is told."""

import pytest
from one_domain import ORDER, PARCEL, continue_as_new, of, start_child, story
from one_execution import kinds

from dataflow.engine.rules.registry import TypeRegistry
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.faults import (
    LimitExceededFault,
    TypeDeprecatedFault,
    UnknownResourceFault,
    WorkflowExecutionAlreadyStartedFault,
)
from dataflow.protocol.operations import RegisterWorkflowType
from dataflow.protocol.values import TaskList

# --- which executions are open -----------------------------------------------------------


def test_an_execution_begins(domain):
    """This action returns the newly started workflow execution. (StartWorkflowExecution)"""
    written = domain.start()
    assert story(written) == ["order WorkflowExecutionStarted", "order DecisionTaskScheduled"]
    assert domain.rules.open == {"order": domain["order"]}
    assert domain.rules.find("order") is domain["order"]
    assert domain.rules.run("run-1") is domain["order"]


def test_a_workflow_id_is_open_once(domain):
    """You cannot have two open workflow executions with the same workflowId at the same time within
    the same domain. (StartWorkflowExecution, workflowId)"""
    domain.start()
    with domain.refused(WorkflowExecutionAlreadyStartedFault):
        domain.start()
    domain.start("other")


CLOSINGS = {
    "completed": lambda domain: domain.decide("order", de.CompleteWorkflowExecution()),
    "failed": lambda domain: domain.decide("order", de.FailWorkflowExecution()),
    "canceled": lambda domain: domain.decide("order", de.CancelWorkflowExecution()),
    "terminated": lambda domain: domain.terminate(),
    "timed out": lambda domain: domain.wait(100_000),
}


@pytest.mark.parametrize("close", CLOSINGS.values(), ids=CLOSINGS)
def test_the_id_of_a_closed_execution_is_free(domain, close):
    """You may specify the same identifier if a workflow execution is logically a restart of a
    previous execution. (StartWorkflowExecution, workflowId)"""
    domain.start()
    close(domain)
    assert domain.rules.open == {}
    assert domain.rules.run("run-1") is None
    domain.start()
    assert domain.rules.find("order", "run-2").open


def test_at_most_so_many_executions_are_open(domains):
    """Maximum open workflow executions per domain. (Developer Guide, Quotas) Returned by any
    operation if a system imposed limitation has been reached. (LimitExceededFault)"""
    domain = domains(open_executions=2)
    domain.start("a")
    domain.start("b")
    with domain.refused(LimitExceededFault):
        domain.start("c")
    domain.terminate("a")
    domain.start("c")
    assert list(domain.rules.open) == ["b", "c"]


def test_the_type_must_be_registered(domains):
    """Returned when the named resource cannot be found with in the scope of this operation.
    (UnknownResourceFault) You cannot create new executions of that type. Executions that were
    started before the type was deprecated continues to run. (DeprecateWorkflowType)"""
    registry = TypeRegistry()
    registry.workflows.register(RegisterWorkflowType("d", "order", "1"), 0.0)
    domain = domains(registry=registry)
    domain.start()
    with domain.refused(match=r"^Unknown type: WorkflowType=\[name=parcel, version=1\]$"):
        domain.start("other", workflow_type=PARCEL)
    registry.workflows.deprecate("order", "1", 0.0)
    with domain.refused(TypeDeprecatedFault, match=r"^WorkflowType=\[name=order, version=1\]$"):
        domain.start("other", workflow_type=ORDER)
    domain.signal()
    assert domain["order"].open


def test_an_execution_is_found_by_its_names(domain):
    """If a runId isn't specified, then the WorkflowExecutionSignaled event is added to the history
    of the current open workflow with the matching workflowId in the domain.
    (SignalWorkflowExecution)"""
    domain.start()
    domain.terminate()
    domain.start()
    for run_id in (None, "", "run-2"):
        assert domain.rules.find("order", run_id) is domain["order"]


@pytest.mark.parametrize("names", [("order", "run-1"), ("order", "run-9"), ("other", "run-2")])
def test_an_execution_that_is_not_open_is_not_found(domain, names):
    """If the specified workflow execution isn't open, this method fails with UnknownResource.
    (SignalWorkflowExecution)"""
    domain.start()
    domain.terminate()
    domain.start()
    with pytest.raises(UnknownResourceFault, match=rf"\[workflowId={names[0]}, runId={names[1]}\]"):
        domain.rules.find(*names)
    with pytest.raises(UnknownResourceFault, match=r"\[workflowId=other\]$"):
        domain.rules.find("other")


# --- after a restart ---------------------------------------------------------------------


def test_a_domain_goes_on_after_a_restart(domain):
    """An execution's state is a fold of its events: what is between executions, too."""
    domain.begin("order", start_child())
    domain.start("closed")
    domain.terminate("closed")
    before = domain.rules
    domain.restart()
    assert domain.rules is not before
    assert list(domain.rules.open) == ["order", "parcel"]
    assert story(domain.decide("parcel", de.CompleteWorkflowExecution()))[1:] == [
        "parcel WorkflowExecutionCompleted",
        "order ChildWorkflowExecutionCompleted",
        "order DecisionTaskScheduled",
    ]


def test_an_execution_can_be_forgotten(domain):
    """As if it had never been taken in."""
    domain.start()
    domain.start("other")
    for _ in range(2):
        domain.rules.discard("run-1")
        assert list(domain.rules.open) == ["other"]
    assert domain.rules.run("run-1") is None
    domain.rules.add(domain["order"])
    assert domain.rules.find("order") is domain["order"]


# --- what clients ask --------------------------------------------------------------------


def test_a_client_signals(domain):
    """Records a WorkflowExecutionSignaled event in the workflow execution history and creates a
    decision task for the workflow execution. (SignalWorkflowExecution) Amazon SWF writes
    externalInitiatedEventId 0 for a client."""
    domain.start()
    domain.decide("order")
    written = domain.signal("order", "go", "[1]")
    assert of(written, "order")[0] == ev.WorkflowExecutionSignaled(
        signal_name="go", input="[1]", external_initiated_event_id=0
    )
    assert story(written)[1:] == ["order DecisionTaskScheduled"]


def test_a_client_requests_to_cancel(domain):
    """Records a WorkflowExecutionCancelRequested event. It is up to the decider to take appropriate
    actions. (RequestCancelWorkflowExecution)"""
    domain.start()
    domain.decide("order")
    assert not domain["order"].cancel_requested
    written = domain.request_cancel()
    assert of(written, "order")[0] == ev.WorkflowExecutionCancelRequested(
        external_initiated_event_id=0
    )
    assert story(written)[1:] == ["order DecisionTaskScheduled"]
    assert domain["order"].cancel_requested


def test_a_decider_answers(domain):
    """The executionContext specified is attached to the event in the workflow execution history.
    (RespondDecisionTaskCompleted; and the override of the task list)"""
    domain.start()
    said = {
        "execution_context": "c",
        "task_list": TaskList("mine"),
        "task_list_schedule_to_start_timeout": "5",
    }
    assert of(domain.answer("order", domain.poll(), **said), "order") == [
        ev.DecisionTaskCompleted(scheduled_event_id=2, started_event_id=3, **said)
    ]


def test_a_client_terminates(domain):
    """Records a WorkflowExecutionTerminated event and forces closure of the workflow execution.
    (TerminateWorkflowExecution)"""
    domain.start(child_policy="ABANDON")
    assert of(domain.terminate("order", "r", "d"), "order") == [
        ev.WorkflowExecutionTerminated(
            child_policy="ABANDON", reason="r", details="d", cause="OPERATOR_INITIATED"
        )
    ]


def test_a_closed_execution_hears_nothing_more(domain):
    """If the specified workflow execution isn't open, this method fails with UnknownResource.
    (SignalWorkflowExecution; TerminateWorkflowExecution and RequestCancelWorkflowExecution name
    the fault, too)"""
    domain.start()
    domain.terminate()
    for ask_of_it in (domain.signal, domain.request_cancel, domain.terminate, domain.poll):
        with domain.refused():
            ask_of_it()
    assert domain.rules.expire(domain["order"], domain.now + 10**9) == []


# --- signals and requests to cancel between executions -----------------------------------

SIGNAL, CANCEL = "SignalExternalWorkflowExecution", "RequestCancelExternalWorkflowExecution"
KINDS = pytest.mark.parametrize("kind", [SIGNAL, CANCEL])
#: What the target hears, and what the source does.
HEARD = {
    SIGNAL: ("WorkflowExecutionSignaled", "ExternalWorkflowExecutionSignaled"),
    CANCEL: ("WorkflowExecutionCancelRequested", "ExternalWorkflowExecutionCancelRequested"),
}


def ask(kind, workflow_id, **more):
    if kind == SIGNAL:
        return de.SignalExternalWorkflowExecution(workflow_id, "go", **more)
    return de.RequestCancelExternalWorkflowExecution(workflow_id, **more)


@pytest.fixture
def two(domain):
    """Two executions; the decider of each knows all."""
    for name in ("order", "other"):
        domain.start(name)
        domain.decide(name)
    domain.signal()
    return domain


@KINDS
def test_it_is_delivered_and_both_are_told(two, kind):
    """SignalExternalWorkflowExecution - Requests a signal to be delivered to the specified external
    workflow execution and records a SignalExternalWorkflowExecutionInitiated event in the history.
    RequestCancelExternalWorkflowExecution alike. (Decision) A signal, requested by this workflow
    execution, was successfully delivered to the target external workflow execution.
    (HistoryEvent)"""
    written = two.decide("order", ask(kind, "other"))
    target, source = HEARD[kind]
    assert story(written) == [
        "order DecisionTaskCompleted",
        f"order {kind}Initiated",
        f"other {target}",
        "other DecisionTaskScheduled",
        f"order {source}",
        "order DecisionTaskScheduled",
    ]
    assert two["other"].cancel_requested is (kind == CANCEL)
    assert not two["order"].cancel_requested


def test_what_a_signal_says(two):
    """Contains the external workflow execution that the signal was sent to; the ID of the
    SignalExternalWorkflowExecutionInitiated event corresponding to the
    SignalExternalWorkflowExecution decision; that event can be found in the history of the source
    workflow execution. (the events' attributes)"""
    completed = two["order"].last_event_id + 2
    decision = de.SignalExternalWorkflowExecution("other", "go", input="[1]", control="c")
    written = two.decide("order", decision)
    assert of(written, "order")[1] == ev.SignalExternalWorkflowExecutionInitiated(
        workflow_id="other",
        signal_name="go",
        decision_task_completed_event_id=completed,
        input="[1]",
        control="c",
    )
    assert of(written, "other")[0] == ev.WorkflowExecutionSignaled(
        signal_name="go",
        input="[1]",
        external_workflow_execution=two.name("order"),
        external_initiated_event_id=completed + 1,
    )
    assert of(written, "order")[2] == ev.ExternalWorkflowExecutionSignaled(
        workflow_execution=two.name("other"), initiated_event_id=completed + 1
    )


def test_what_a_request_to_cancel_says(two):
    """The external workflow execution for which the cancellation was requested; the ID of the
    RequestCancelExternalWorkflowExecutionInitiated event. (the events' attributes)"""
    completed = two["order"].last_event_id + 2
    decision = de.RequestCancelExternalWorkflowExecution("other", control="c")
    written = two.decide("order", decision)
    assert of(written, "order")[1] == ev.RequestCancelExternalWorkflowExecutionInitiated(
        workflow_id="other", decision_task_completed_event_id=completed, control="c"
    )
    assert of(written, "other")[0] == ev.WorkflowExecutionCancelRequested(
        external_workflow_execution=two.name("order"), external_initiated_event_id=completed + 1
    )
    assert of(written, "order")[2] == ev.ExternalWorkflowExecutionCancelRequested(
        workflow_execution=two.name("other"), initiated_event_id=completed + 1
    )


@KINDS
@pytest.mark.parametrize("run_id", [None, "", "run-2"])
def test_the_run_may_be_named_or_not(two, kind, run_id):
    """The runId of the workflow execution to be signaled. (not required)"""
    written = two.decide("order", ask(kind, "other", run_id=run_id))
    assert of(written, "order")[1].run_id == run_id
    assert kinds(of(written, "other"))[0] == HEARD[kind][0]


NOBODY = {
    "an unknown id": ("nobody", None),
    "an unknown run": ("other", "run-9"),
    "a run of another id": ("other", "run-1"),
    "a closed one": ("closed", None),
    "a closed run": ("closed", "run-3"),
}
FAILURES = {
    SIGNAL: ev.SignalExternalWorkflowExecutionFailed,
    CANCEL: ev.RequestCancelExternalWorkflowExecutionFailed,
}


@KINDS
@pytest.mark.parametrize("names", NOBODY.values(), ids=NOBODY)
def test_it_fails_where_nobody_is(two, kind, names):
    """SignalExternalWorkflowExecutionFailed - A SignalExternalWorkflowExecution decision failed.
    This could happen if the workflowID specified in the decision was incorrect.
    RequestCancelExternalWorkflowExecutionFailed alike. (Decision)"""
    two.start("closed")
    two.terminate("closed")
    workflow_id, run_id = names
    written = two.decide("order", ask(kind, workflow_id, run_id=run_id, control="c"))
    completed = two["order"].last_event_id - 3
    assert of(written, "order")[2] == FAILURES[kind](
        workflow_id=workflow_id,
        cause="UNKNOWN_EXTERNAL_WORKFLOW_EXECUTION",
        initiated_event_id=completed + 1,
        decision_task_completed_event_id=completed,
        run_id=run_id,
        control="c",
    )
    assert story(written)[3:] == ["order DecisionTaskScheduled"]


@KINDS
def test_it_may_be_for_oneself(two, kind):
    """Requests a signal to be delivered to the specified external workflow execution. (Decision)
    Nothing excludes the one that asks."""
    target, source = HEARD[kind]
    assert story(two.decide("order", ask(kind, "order"))) == [
        "order DecisionTaskCompleted",
        f"order {kind}Initiated",
        f"order {target}",
        "order DecisionTaskScheduled",
        f"order {source}",
    ]


CLOSES = {
    "WorkflowExecutionCompleted": de.CompleteWorkflowExecution(),
    "WorkflowExecutionFailed": de.FailWorkflowExecution(),
    "WorkflowExecutionCanceled": de.CancelWorkflowExecution(),
}


@KINDS
@pytest.mark.parametrize("closed", CLOSES)
def test_it_does_not_reach_oneself_after_closing(two, kind, closed):
    """Nothing is added to the history of one that is closed, not even that nobody was there."""
    written = two.decide("order", ask(kind, "order"), CLOSES[closed])
    assert story(written)[1:] == [f"order {kind}Initiated", f"order {closed}"]


@KINDS
def test_it_does_not_reach_the_next_run_of_oneself(two, kind):
    """The decisions take effect in their order: the next run begins after it."""
    written = two.decide("order", ask(kind, "order"), continue_as_new())
    assert story(written)[1:] == [
        f"order {kind}Initiated",
        "order WorkflowExecutionContinuedAsNew",
        "order WorkflowExecutionStarted",
        "order DecisionTaskScheduled",
    ]


@KINDS
def test_the_last_words_of_an_execution_are_heard(two, kind):
    """A decision has its effect whatever comes after it in the list; only the one that asked is
    not there to be told."""
    written = two.decide("order", ask(kind, "other"), de.CompleteWorkflowExecution())
    assert story(written)[1:] == [
        f"order {kind}Initiated",
        "order WorkflowExecutionCompleted",
        f"other {HEARD[kind][0]}",
        "other DecisionTaskScheduled",
    ]


@KINDS
def test_news_while_a_decider_works_stop_its_close(two, kind):
    """An UnhandledDecision fault is returned if a workflow closing decision is specified and a
    signal or activity event had been added to the history while the decision task was being
    performed by the decider. (Decision)"""
    two.signal("other")
    started = two.poll("other")
    two.decide("order", ask(kind, "other"))
    written = two.answer("other", started, de.CompleteWorkflowExecution())
    assert story(written)[1:] == [
        "other CompleteWorkflowExecutionFailed",
        "other DecisionTaskScheduled",
    ]


def test_time_does_not_go_back_in_the_target(two):
    """Silent in the documentation: no event is older than the one before it."""
    two.now += 100
    two.signal("other")
    latest = two.histories["run-2"][-1].timestamp
    two.now -= 50
    two.decide("order", ask(SIGNAL, "other"))
    assert two.histories["run-2"][-1].timestamp == latest
    assert two.histories["run-1"][-1].timestamp == two.now


def test_what_expires_has_its_consequences_at_the_time_of_the_deadline(domain):
    domain.begin("order", start_child(execution_start_to_close_timeout="60"))
    began = domain.now
    domain.now += 1_000
    assert story(domain.expire(domain.now)) == [
        "parcel WorkflowExecutionTimedOut",
        "order ChildWorkflowExecutionTimedOut",
        "order DecisionTaskScheduled",
    ]
    assert domain.histories["run-1"][-1].timestamp == began + 60


# --- in which order it is told -----------------------------------------------------------


def test_consequences_come_in_the_order_of_the_decisions(two):
    """The ordering of decisions should follow a logical flow. (Decision)"""
    written = two.decide(
        "order",
        ask(SIGNAL, "other"),
        start_child(),
        ask(CANCEL, "parcel"),
        ask(SIGNAL, "nobody"),
        ask(SIGNAL, "other"),
    )
    consequences = [event for event in story(written) if "DecisionTask" not in event][5:]
    assert consequences == [
        "other WorkflowExecutionSignaled",
        "order ExternalWorkflowExecutionSignaled",
        "parcel WorkflowExecutionStarted",
        "order ChildWorkflowExecutionStarted",
        "parcel WorkflowExecutionCancelRequested",
        "order ExternalWorkflowExecutionCancelRequested",
        "order SignalExternalWorkflowExecutionFailed",
        "other WorkflowExecutionSignaled",
        "order ExternalWorkflowExecutionSignaled",
    ]


def test_each_write_is_the_next_of_its_execution(two):
    """A list of executions with their new events, in order; an execution may come up several
    times: a store that keeps them in this order keeps histories. (OneDomain looks at the ids in
    every test.)"""
    started = two.poll("order")
    writes = two.rules.complete_decision_task(
        two["order"], started, [ask(SIGNAL, "order"), start_child(), ask(SIGNAL, "order")], two.now
    )
    ids = [(write.execution.workflow_id, [e.event_id for e in write.events]) for write in writes]
    after = started + 1
    assert ids == [
        ("order", [after, after + 1, after + 2, after + 3]),
        # A signal, with a decision task, and the news of it; the child, and the news of it.
        ("order", [after + 4, after + 5]),
        ("order", [after + 6]),
        ("parcel", [1, 2]),
        ("order", [after + 7]),
        ("order", [after + 8]),
        ("order", [after + 9]),
    ]
    two.write(writes)


def test_a_request_that_writes_nothing_has_no_consequences(domain):
    domain.start()
    assert domain.rules.follow(domain["order"], []) == []
    assert domain.rules.expire(domain["order"], domain.now) == []
