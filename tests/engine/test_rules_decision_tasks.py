"""Decision tasks: when there is one, who has it, and what becomes of an answer."""

import pytest
from one_execution import DECIDERS, kinds, schedule

from dataflow.engine.rules.execution import CALLS_FOR_DECISION
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.faults import ValidationException
from dataflow.protocol.values import WorkflowExecution, WorkflowType

OTHER = WorkflowExecution("parcel-1", "run-9")
PARCEL = WorkflowType("parcel", "1")
CHILD = {"workflow_execution": OTHER, "workflow_type": PARCEL, "initiated_event_id": 5}

# --- when a decision task is scheduled ---------------------------------------------------

# Each with what the decider has decided before: the event 5.
START_CHILD = de.StartChildWorkflowExecution(
    workflow_type=PARCEL,
    workflow_id=OTHER.workflow_id,
    execution_start_to_close_timeout="60",
    task_list=DECIDERS,
    task_start_to_close_timeout="NONE",
    child_policy="TERMINATE",
)
SCHEDULE_LAMBDA = de.ScheduleLambdaFunction("i", "n")
SIGNAL = de.SignalExternalWorkflowExecution("parcel-1", "s")
MARKER = de.RecordMarker("m")
CALLING = [
    (MARKER, ev.WorkflowExecutionSignaled(signal_name="s")),
    (MARKER, ev.WorkflowExecutionCancelRequested()),
    (START_CHILD, ev.ChildWorkflowExecutionStarted(**CHILD)),
    (START_CHILD, ev.ChildWorkflowExecutionCompleted(**CHILD, started_event_id=6)),
    (SIGNAL, ev.ExternalWorkflowExecutionSignaled(workflow_execution=OTHER, initiated_event_id=5)),
    (
        SCHEDULE_LAMBDA,
        ev.StartLambdaFunctionFailed(scheduled_event_id=5, cause="ASSUME_ROLE_FAILED"),
    ),
    (
        MARKER,
        ev.RecordMarkerFailed(
            marker_name="m", cause="OPERATION_NOT_PERMITTED", decision_task_completed_event_id=4
        ),
    ),
]
NOT_CALLING = [
    (MARKER, ev.MarkerRecorded(marker_name="m", decision_task_completed_event_id=4)),
    (SCHEDULE_LAMBDA, ev.LambdaFunctionStarted(scheduled_event_id=5)),
    (
        MARKER,
        ev.SignalExternalWorkflowExecutionInitiated(
            workflow_id="w", signal_name="s", decision_task_completed_event_id=4
        ),
    ),
    (MARKER, ev.UnknownEvent(event_type="SomethingNew")),
]


def name_of(value):
    return type(value).__name__


@pytest.mark.parametrize(("decision", "event"), CALLING, ids=name_of)
def test_what_the_decider_did_not_do_itself_calls_for_a_decision(run, decision, event):
    """Every time a state change occurs for a workflow execution, Amazon SWF schedules a decision
    task. (Developer Guide, Tasks)"""
    assert len(run.decide(decision)) == 2
    assert kinds(run.record(event)) == [name_of(event), "DecisionTaskScheduled"]


@pytest.mark.parametrize(("decision", "event"), NOT_CALLING, ids=name_of)
def test_what_the_decider_did_itself_calls_for_none(run, decision, event):
    assert len(run.decide(decision)) == 2
    assert run.record(event) == [event]


def test_the_events_that_call_for_a_decision():
    """Those that tell of something else than the closing of the execution, the handling of tasks,
    and the success of a decision (which refers to it, and has no cause)."""
    successes = {
        cls
        for cls in ev.EVENT_TYPES.values()
        if "decision_task_completed_event_id" in cls.__struct_fields__
        and "cause" not in cls.__struct_fields__
    }
    handling = {
        ev.DecisionTaskScheduled,
        ev.DecisionTaskStarted,
        ev.DecisionTaskCompleted,
        ev.ActivityTaskStarted,
        ev.LambdaFunctionStarted,
    }
    closing = {ev.WorkflowExecutionTerminated, ev.WorkflowExecutionTimedOut}
    expected = set(ev.EVENT_TYPES.values()) - successes - handling - closing
    assert expected == CALLS_FOR_DECISION


def test_without_decisions_and_without_news_the_execution_waits(run):
    """The list of decisions (possibly empty) made by the decider while processing this decision
    task. (RespondDecisionTaskCompletedInput)"""
    assert kinds(run.decide()) == ["DecisionTaskCompleted"]
    assert run.wait(90_000) == []
    assert run.state.open


# --- at most one -------------------------------------------------------------------------


def test_many_events_make_one_decision_task(run):
    """A workflow execution can have at most one open decision task.
    (WorkflowExecutionOpenCounts)"""
    run.decide()
    assert kinds(run.signal()) == ["WorkflowExecutionSignaled", "DecisionTaskScheduled"]
    assert kinds(run.signal()) == ["WorkflowExecutionSignaled"]
    assert kinds(run.signal()) == ["WorkflowExecutionSignaled"]


def test_events_while_a_decider_works_make_one_more_task_after_it(run):
    started = run.poll()
    assert kinds(run.signal() + run.signal()) == ["WorkflowExecutionSignaled"] * 2
    assert kinds(run.answer(started)) == ["DecisionTaskCompleted", "DecisionTaskScheduled"]
    assert kinds(run.decide()) == ["DecisionTaskCompleted"]


def test_a_task_is_handed_out_once(run):
    run.poll()
    with run.refused():
        run.poll()


def test_where_no_task_waits_none_is_handed_out(run):
    run.decide()
    with run.refused():
        run.poll()


def test_a_started_task_names_its_decider(run):
    """Identity of the decider making the request. (DecisionTaskStartedEventAttributes)"""
    run.poll(identity="decider-1@host")
    assert run.history[-1].attributes == ev.DecisionTaskStarted(
        scheduled_event_id=2, identity="decider-1@host"
    )


def test_the_times_of_a_task_are_known(run):
    """Nothing else tells a task token of before a crash from one of after it."""
    began = run.now
    run.wait(5)
    run.poll()
    task = run.state.decision_task
    assert (task.scheduled_at, task.started_at) == (began, began + 5)
    assert run.state.started_at == began


# --- answers -----------------------------------------------------------------------------


def test_an_answer_is_recorded(run):
    """A DecisionTaskCompleted event is added to the workflow history. The executionContext
    specified is attached to the event in the workflow execution history.
    (RespondDecisionTaskCompleted)"""
    assert run.answer(run.poll(), execution_context="c") == [
        ev.DecisionTaskCompleted(scheduled_event_id=2, started_event_id=3, execution_context="c")
    ]
    assert run.state.execution_context == "c"


def test_an_answer_without_context_leaves_the_last_one(run):
    """Silent in the documentation."""
    run.answer(run.poll(), execution_context="c")
    run.signal()
    run.decide()
    assert run.state.execution_context == "c"


def test_decisions_are_carried_out_in_their_order(run):
    """The ordering of decisions should follow a logical flow. (Decision)"""
    written = run.decide(
        de.StartTimer("t", "5"),
        schedule("a"),
        de.CancelTimer("t"),
        de.StartTimer("t", "6"),
        de.CompleteWorkflowExecution(),
    )
    assert kinds(written) == [
        "DecisionTaskCompleted",
        "TimerStarted",
        "ActivityTaskScheduled",
        "TimerCanceled",
        "TimerStarted",
        "WorkflowExecutionCompleted",
    ]


def test_a_decision_that_cannot_be_carried_out_spoils_nothing_and_is_shown_to_the_decider(run):
    """Some decisions might not make sense in the current context of the workflow execution and
    therefore fails. One of the following events might be added to the history to indicate an
    error. (Decision)"""
    written = run.decide(de.StartTimer("t", "5"), de.CancelTimer("u"), schedule("a"))
    assert kinds(written) == [
        "DecisionTaskCompleted",
        "TimerStarted",
        "CancelTimerFailed",
        "ActivityTaskScheduled",
        "DecisionTaskScheduled",
    ]


BATCHES = {
    "a closing decision before others": [de.CompleteWorkflowExecution(), de.CancelTimer("t")],
    "two closing decisions": [de.FailWorkflowExecution(), de.CompleteWorkflowExecution()],
    "a duration that is none": [de.StartTimer("t", "5"), de.StartTimer("u", "soon")],
}


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_a_batch_that_is_wrong_as_a_whole_is_refused_before_anything_is_done(run, batch):
    """Close must be last decision in list. (the message of Amazon SWF) The token stays usable."""
    started = run.poll()
    with run.refused(ValidationException):
        run.answer(started, *batch)
    assert kinds(run.answer(started)) == ["DecisionTaskCompleted"]


DURATIONS = [
    *[
        (de.StartTimer("t", duration), f"'{duration}' at 'startToFireTimeout'")
        for duration in ("soon", "1.5", "-5", "NONE", "")
    ],
    (schedule(schedule_to_start_timeout="soon"), "'soon' at 'scheduleToStartTimeout'"),
    (schedule(schedule_to_close_timeout="1.5"), "'1.5' at 'scheduleToCloseTimeout'"),
    (schedule(start_to_close_timeout="-5"), "'-5' at 'startToCloseTimeout'"),
    (schedule(heartbeat_timeout="none"), "'none' at 'heartbeatTimeout'"),
]


@pytest.mark.parametrize(("decision", "complaint"), DURATIONS)
def test_a_duration_that_is_none_is_refused_before_anything_is_done(run, decision, complaint):
    """The duration is specified in seconds, an integer greater than or equal to 0.
    (StartTimerDecisionAttributes, startToFireTimeout)"""
    started = run.poll()
    words = f"^1 validation error detected: Value {complaint} failed to satisfy constraint: Member"
    with run.refused(ValidationException, match=words):
        run.answer(started, de.StartTimer("u", "5"), decision)


def test_the_message_for_a_close_that_is_not_last(run):
    started = run.poll()
    with run.refused(ValidationException, match="^Close must be last decision in list$"):
        run.answer(started, *BATCHES["two closing decisions"])


# --- tokens ------------------------------------------------------------------------------


def test_a_second_answer_is_refused(run):
    started = run.poll()
    run.answer(started)
    with run.refused():
        run.answer(started, de.CompleteWorkflowExecution())


def test_an_old_answer_does_not_count_for_the_next_task(run):
    first = run.poll()
    run.signal()
    run.answer(first)
    run.poll()
    with run.refused():
        run.answer(first)


@pytest.mark.parametrize("started_event_id", [0, 1, 2, 4, 99])
def test_a_foreign_token_is_refused(run, started_event_id):
    """Returned when the named resource cannot be found with in the scope of this operation.
    (UnknownResourceFault)"""
    run.poll()
    with run.refused():
        run.answer(started_event_id)


@pytest.mark.parametrize("started_event_id", [0, 2, 3])
def test_a_task_that_nobody_has_cannot_be_answered(run, started_event_id):
    with run.refused():
        run.answer(started_event_id)


# --- time-outs ---------------------------------------------------------------------------


@pytest.fixture
def hurried(fresh):
    """An execution whose decision tasks time out after 30 seconds."""
    fresh.start(task_start_to_close_timeout="30")
    return fresh


def test_a_decision_task_times_out_and_another_is_scheduled(hurried):
    """The task is considered timed out if it doesn't completed within this duration.
    (DecisionTaskScheduledEventAttributes, startToCloseTimeout)"""
    hurried.wait(100)  # it counts from the start of the task, not from its scheduling
    hurried.poll()
    assert hurried.wait(29) == []
    assert hurried.wait(1) == [
        ev.DecisionTaskTimedOut(
            timeout_type="START_TO_CLOSE", scheduled_event_id=2, started_event_id=3
        ),
        ev.DecisionTaskScheduled(
            task_list=DECIDERS,
            start_to_close_timeout="30",
            schedule_to_start_timeout="NONE",
        ),
    ]


def test_a_late_answer_is_refused(hurried):
    started = hurried.poll()
    hurried.wait(30)
    with hurried.refused():
        hurried.answer(started, de.CompleteWorkflowExecution())
    second = hurried.poll()
    with hurried.refused():
        hurried.answer(started)
    hurried.answer(second, de.CompleteWorkflowExecution())
    assert hurried.state.close_status == "COMPLETED"


def test_an_answer_in_time_ends_the_time_out(hurried):
    started = hurried.poll()
    hurried.wait(29)
    hurried.answer(started)
    assert hurried.wait(1_000) == []


def test_without_a_time_out_a_decider_may_take_its_time(run):
    """You can use NONE to specify unlimited duration. (taskStartToCloseTimeout)"""
    run.poll()
    assert run.wait(90_000) == []


def test_a_task_on_a_list_of_its_own_times_out_before_it_is_started(run):
    """If a decision task scheduled on the override task list is not started within the timeout,
    the decision task will time out. (taskListScheduleToStartTimeout)"""
    run.decide()
    run.record(
        ev.DecisionTaskScheduled(
            task_list=DECIDERS, start_to_close_timeout="NONE", schedule_to_start_timeout="5"
        )
    )
    assert run.wait(4) == []
    written = run.wait(1)
    assert kinds(written) == ["DecisionTaskTimedOut", "DecisionTaskScheduled"]
    assert written[0] == ev.DecisionTaskTimedOut(
        timeout_type="SCHEDULE_TO_START", scheduled_event_id=5, started_event_id=0
    )


def test_a_task_that_is_started_in_time_does_not_time_out_for_it(run):
    run.decide()
    run.record(ev.DecisionTaskScheduled(task_list=DECIDERS, schedule_to_start_timeout="5"))
    run.poll()
    assert run.wait(90_000) == []


def test_the_previous_started_event_is_that_of_the_last_task_that_was_answered(hurried):
    """The ID of the DecisionTaskStarted event of the previous decision task of this workflow
    execution that was processed by the decider. (DecisionTask, previousStartedEventId)"""
    assert hurried.state.previous_started_event_id == 0
    first = hurried.poll()
    assert hurried.state.previous_started_event_id == 0
    hurried.answer(first)
    hurried.signal()
    hurried.poll()
    hurried.wait(30)
    assert hurried.state.previous_started_event_id == first


def test_time_that_goes_back_does_not_go_back_in_history(run):
    """Silent in the documentation: no event is older than the one before it."""
    run.wait(100)
    run.signal()
    latest = run.history[-1].timestamp
    run.now -= 50
    run.decide(schedule("a", start_to_close_timeout="10"))
    token = run.take("a")
    run.heartbeat(token)
    assert {event.timestamp for event in run.history[-5:]} == {latest}
    run.now = latest + 9
    run.complete(token)
