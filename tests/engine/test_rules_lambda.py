"""Lambda functions: their invocation, their end, their time-out.

https://docs.aws.amazon.com/amazonswf/latest/developerguide/lambda-task.html
"""

import pytest
from one_domain import ROLE, of, story
from one_execution import kinds

from dataflow.engine.rules import requests
from dataflow.engine.rules.registry import TypeRegistry
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.faults import ValidationException
from dataflow.protocol.limits import Limits
from dataflow.protocol.operations import RegisterWorkflowType

#: The first function of an execution: the events of its scheduling and its invocation.
SCHEDULED, STARTED = 5, 6
RUN = "run-1"


def call(function_id="f", **settings):
    return de.ScheduleLambdaFunction(function_id, "charge", **settings)


@pytest.fixture
def calling(domain):
    """A domain with an execution that has a role."""
    domain.start(lambda_role=ROLE)
    return domain


@pytest.fixture
def called(calling):
    """... and has called a function, which runs."""
    calling.decide("order", call(start_to_close_timeout="60"))
    return calling


# --- the invocation ----------------------------------------------------------------------


def test_a_function_is_invoked_as_soon_as_it_is_scheduled(calling):
    """The unique ID of the Lambda task, its name, the input provided to it, the maximum amount of
    time a worker can take to process it. (LambdaFunctionScheduledEventAttributes)"""
    decision = call(control="c", input="[1]", start_to_close_timeout="60")
    assert of(calling.decide("order", decision), "order")[1:] == [
        ev.LambdaFunctionScheduled(
            id="f",
            name="charge",
            decision_task_completed_event_id=4,
            control="c",
            input="[1]",
            start_to_close_timeout="60",
        ),
        ev.LambdaFunctionStarted(scheduled_event_id=SCHEDULED),
    ]


@pytest.mark.parametrize("timeout", [None, ""])
def test_a_function_may_take_fifteen_minutes(calling, timeout):
    """If no value is supplied, then a default value of 900s is assumed. (startToCloseTimeout)"""
    written = calling.decide("order", call(start_to_close_timeout=timeout))
    assert of(written, "order")[1].start_to_close_timeout == "900"
    assert calling.wait(899.5) == []
    assert story(calling.wait(0.5))[0] == "order LambdaFunctionTimedOut"


@pytest.mark.parametrize("timeout", ["0", "901", "NONE", "soon", "-1"])
def test_a_function_may_take_no_other_time(calling, timeout):
    """This can be any integer from 1-900. (startToCloseTimeout)"""
    started = calling.poll()
    with calling.refused(ValidationException, match=f"^1 .* Value '{timeout}' at 'startToClose"):
        calling.answer("order", started, call(start_to_close_timeout=timeout))
    calling.answer("order", started, call("a", start_to_close_timeout="1"), call("b"))


def test_without_a_role_nothing_is_invoked(domain):
    """If you don't attach an IAM role, any attempt to schedule a Lambda task fails.
    (StartWorkflowExecution, lambdaRole) Amazon SWF writes it so, and not as the text says."""
    domain.start()
    assert of(domain.decide("order", call()), "order")[2:] == [
        ev.StartLambdaFunctionFailed(
            scheduled_event_id=SCHEDULED,
            cause="ASSUME_ROLE_FAILED",
            message="No IAM role is attached to the current workflow execution.",
        ),
        ev.DecisionTaskScheduled(
            task_list=domain["order"].task_list,
            start_to_close_timeout="NONE",
            schedule_to_start_timeout="NONE",
        ),
    ]
    assert domain["order"].lambdas == {}
    assert domain.wait(90_000) == []


def test_the_role_may_be_the_default_of_the_type(domains):
    """If you don't specify an IAM role when you start this workflow type, the default Lambda role
    is attached to the execution. (RegisterWorkflowType, defaultLambdaRole)"""
    registry = TypeRegistry()
    kind = RegisterWorkflowType("d", "order", "1", default_lambda_role=ROLE)
    registry.workflows.register(kind, 0.0)
    domain = domains(registry=registry)
    domain.start()
    assert story(domain.decide("order", call()))[2] == "order LambdaFunctionStarted"


def test_an_id_may_be_used_twice(calling):
    """Amazon SWF accepts a repeated id, although the cause ID_ALREADY_IN_USE exists."""
    written = calling.decide("order", call(), call())
    assert [kind for kind in story(written) if "Started" in kind] == [
        "order LambdaFunctionStarted",
        "order LambdaFunctionStarted",
    ]


def test_at_most_so_many_functions_run(domains):
    """Cause OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED. (ScheduleLambdaFunctionFailedEventAttributes)"""
    domain = domains(limits=Limits(open_lambda_functions=2))
    domain.start(lambda_role=ROLE)
    written = domain.decide("order", call("a"), call("b"), call("c"))
    assert of(written, "order")[3] == ev.ScheduleLambdaFunctionFailed(
        id="c",
        name="charge",
        cause="OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED",
        decision_task_completed_event_id=4,
    )
    assert story(written)[4] == "order DecisionTaskScheduled"
    domain.end_function(RUN, SCHEDULED, COMPLETED)
    assert story(domain.decide("order", call("c")))[1] == "order LambdaFunctionScheduled"


def test_a_function_that_is_scheduled_with_a_close_is_not_invoked(calling):
    """An execution that is closed begins nothing."""
    written = calling.decide("order", call(), de.CompleteWorkflowExecution())
    assert story(written)[1:] == [
        "order LambdaFunctionScheduled",
        "order WorkflowExecutionCompleted",
    ]


@pytest.mark.parametrize("scheduled", [SCHEDULED, 99])
def test_a_function_is_invoked_once(called, scheduled):
    with called.refused():
        requests.start_lambda_function(called["order"], scheduled, called.now)


# --- the end -----------------------------------------------------------------------------

COMPLETED = (ev.LambdaFunctionCompleted, {"result": "42"})
FAILED = (ev.LambdaFunctionFailed, {"reason": "r", "details": "d"})
OUTCOMES = pytest.mark.parametrize("outcome", [COMPLETED, FAILED], ids=["completed", "failed"])


@OUTCOMES
def test_a_function_ends(called, outcome):
    """The results of the Lambda task. The reason provided for the failure, the details of the
    failure. (LambdaFunctionCompletedEventAttributes, LambdaFunctionFailedEventAttributes)"""
    kind, said = outcome
    written = called.end_function(RUN, SCHEDULED, outcome)
    assert of(written, "order")[0] == kind(
        scheduled_event_id=SCHEDULED, started_event_id=STARTED, **said
    )
    assert story(written)[1:] == ["order DecisionTaskScheduled"]
    assert called["order"].lambdas == {}
    assert called.wait(90_000) == []


def test_a_function_times_out(called):
    """The timeout value, in seconds, after which the Lambda function is considered to be failed
    once it has started. (startToCloseTimeout)"""
    assert called.wait(59.5) == []
    written = called.wait(0.5)
    assert of(written, "order")[0] == ev.LambdaFunctionTimedOut(
        scheduled_event_id=SCHEDULED, started_event_id=STARTED, timeout_type="START_TO_CLOSE"
    )
    assert story(written)[1:] == ["order DecisionTaskScheduled"]
    assert called["order"].lambdas == {}


def test_a_history_may_tell_of_a_function_without_a_time_out(run):
    """The member is not required, in the histories of others. (startToCloseTimeout)"""
    run.record(ev.LambdaFunctionScheduled(id="f", name="n", decision_task_completed_event_id=4))
    run.record(ev.LambdaFunctionStarted(scheduled_event_id=3))
    assert run.wait(90_000) == []


@OUTCOMES
@pytest.mark.parametrize(
    "end",
    [
        lambda domain: domain.end_function(RUN, SCHEDULED, COMPLETED),
        lambda domain: domain.end_function(RUN, SCHEDULED, FAILED),
        lambda domain: domain.wait(60),
        lambda domain: domain.terminate(),
    ],
    ids=["completed", "failed", "timed out", "closed"],
)
def test_a_late_or_second_end_is_refused(called, end, outcome):
    """This could happen if the named resource was never created or is no longer available for this
    operation. (UnknownResourceFault)"""
    end(called)
    with called.refused():
        called.end_function(RUN, SCHEDULED, outcome)


@pytest.mark.parametrize("scheduled", [0, 4, STARTED, 99])
def test_a_foreign_end_is_refused(called, scheduled):
    with called.refused():
        called.end_function(RUN, scheduled, COMPLETED)


def test_a_function_that_was_not_invoked_cannot_end(run):
    run.decide(call())
    with run.refused():
        requests.end_lambda_function(run.state, SCHEDULED, ev.LambdaFunctionCompleted, run.now)


def test_functions_of_one_id_are_told_apart_by_their_events(calling):
    calling.decide("order", call(), call())
    assert list(calling["order"].lambdas) == [5, 6]
    written = calling.end_function(RUN, 6, COMPLETED)
    assert of(written, "order")[0].started_event_id == 8
    assert list(calling["order"].lambdas) == [5]


def test_the_end_of_a_function_stops_a_close(called):
    """An UnhandledDecision fault is returned if a workflow closing decision is specified and [an]
    event had been added to the history while the decision task was being performed. (Decision)"""
    called.signal()
    started = called.poll()
    called.end_function(RUN, SCHEDULED, COMPLETED)
    written = called.answer("order", started, de.CompleteWorkflowExecution())
    assert story(written)[1] == "order CompleteWorkflowExecutionFailed"


def test_a_function_ends_before_a_timer_fires_that_waits_as_long(calling):
    """Silent in the documentation: at one instant, what works goes first."""
    calling.decide("order", de.StartTimer("t", "60"), call(start_to_close_timeout="60"))
    assert kinds(of(calling.wait(60), "order"))[::2] == ["LambdaFunctionTimedOut", "TimerFired"]
