"""ScheduleLambdaFunction.

Here a function is a callable in the engine's process, which runs it in a thread of its own: the
tests wait for what it brings.

https://docs.aws.amazon.com/amazonswf/latest/developerguide/lambda-task.html
https://docs.aws.amazon.com/amazonswf/latest/apireference/API_ScheduleLambdaFunctionDecisionAttributes.html
"""

import threading

import pytest
from conforming import complete, decision, marker, refused, timer
from deciding import (
    ANSWER,
    decision_due,
    events_after,
    eventually,
    expires_after,
    never_expires,
    written,
)

from dataflow.protocol.limits import Limits

ROLE = "arn:aws:iam::123456789012:role/lambda"


def call(name="echo", function_id="f", **settings):
    return decision("ScheduleLambdaFunction", id=function_id, name=name, **settings)


def echo(text):
    return text


def mute(_):
    return None


def broken(_):
    raise ValueError("no money")


def the_slow_one(text):
    """The one that the test has made."""
    return MADE["slow"](text)


class Slow:
    """A function that returns when it is told to."""

    def __init__(self):
        self.called = threading.Event()
        self.told = threading.Event()
        self.done = threading.Event()

    def __call__(self, _):
        self.called.set()
        self.told.wait(60)
        self.done.set()
        return "late"


@pytest.fixture
def slow():
    """A function that runs until the test lets it go, at the latest when the test is over."""
    function = Slow()
    MADE["slow"] = function
    yield function
    function.told.set()


MADE = {}
pytestmark = pytest.mark.engine_options(
    lambdas={
        "echo": echo,
        "mute": mute,
        "broken": broken,
        "slow": the_slow_one,
    }
)


def decides(world, *decisions, **settings):
    """An execution that may call functions, and decides to."""
    return world.decided(*decisions, lambdaRole=ROLE, **settings)


def outcome(world):
    """What is written after the start of the only function, once it is there."""
    return eventually(lambda: events_after(world, ANSWER + 2))


def test_a_function_is_called(world):
    """The unique ID of the Lambda task, its name, the control and input data, the maximum amount of
    time a worker can take to process the Lambda task. (LambdaFunctionScheduledEventAttributes) The
    results of the Lambda task. (LambdaFunctionCompletedEventAttributes)"""
    decides(world, call(input='"17 EUR"', control="for the decider", startToCloseTimeout="60"))
    assert outcome(world) == [
        (
            "LambdaFunctionCompleted",
            {
                "scheduledEventId": ANSWER + 1,
                "startedEventId": ANSWER + 2,
                "result": '"17 EUR"',
            },
        )
    ]
    assert events_after(world, ANSWER)[:2] == [
        (
            "LambdaFunctionScheduled",
            {
                "id": "f",
                "name": "echo",
                "input": '"17 EUR"',
                "control": "for the decider",
                "startToCloseTimeout": "60",
                "decisionTaskCompletedEventId": ANSWER,
            },
        ),
        ("LambdaFunctionStarted", {"scheduledEventId": ANSWER + 1}),
    ]
    assert decision_due(world)
    assert world.open_counts() == {"openDecisionTasks": 1}


def test_while_it_runs_it_is_open(world, slow):
    """The count of Lambda tasks whose status is OPEN. (WorkflowExecutionOpenCounts)"""
    decides(world, call("slow"))
    assert slow.called.wait(60)
    assert world.kinds()[-2:] == ["LambdaFunctionScheduled", "LambdaFunctionStarted"]
    assert world.open_counts() == {"openLambdaFunctions": 1}
    slow.told.set()
    ((kind, completed),) = outcome(world)
    assert (kind, completed["result"]) == ("LambdaFunctionCompleted", "late")


def test_nothing_comes_back(world):
    """The results of the Lambda task. (LambdaFunctionCompletedEventAttributes: not required)"""
    decides(world, call("mute"))
    ((kind, completed),) = outcome(world)
    assert kind == "LambdaFunctionCompleted"
    assert completed.get("result", "null") in ("null", "")


def test_without_an_input_a_function_gets_an_empty_object(world):
    """The optional input data to be supplied to the Lambda function.
    (ScheduleLambdaFunctionDecisionAttributes, input) Amazon SWF supplies {} where there is none."""
    decides(world, call())
    assert "input" not in world.last("LambdaFunctionScheduled")
    ((_, completed),) = outcome(world)
    assert completed["result"] == "{}"


def test_a_function_fails(world):
    """The reason provided for the failure. The details of the failure.
    (LambdaFunctionFailedEventAttributes)"""
    decides(world, call("broken"))
    ((kind, failed),) = outcome(world)
    assert kind == "LambdaFunctionFailed"
    assert failed["scheduledEventId"] == ANSWER + 1
    assert failed["startedEventId"] == ANSWER + 2
    assert failed["reason"]
    assert "no money" in failed["reason"] + failed["details"]
    assert decision_due(world)
    assert world.close_status() is None


def test_a_function_that_does_not_exist(world):
    """Amazon SWF writes LambdaFunctionScheduled, LambdaFunctionStarted and LambdaFunctionFailed,
    with the reason ResourceNotFoundException, as the Invoke operation of Lambda answers."""
    decides(world, call("nothing"))
    ((kind, failed),) = outcome(world)
    assert (kind, failed["reason"]) == ("LambdaFunctionFailed", "ResourceNotFoundException")
    assert world.kinds()[ANSWER : ANSWER + 2] == [
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
    ]


def test_an_execution_without_a_role(world):
    """If you don't attach an IAM role, any attempt to schedule a Lambda task fails.
    (StartWorkflowExecution, lambdaRole) As Amazon SWF writes it: StartLambdaFunctionFailed, cause
    ASSUME_ROLE_FAILED."""
    world.start()
    events = written(world, call(), marker())
    assert sorted(kind for kind, _ in events) == [
        "LambdaFunctionScheduled",
        "MarkerRecorded",
        "StartLambdaFunctionFailed",
    ]
    failed = world.last("StartLambdaFunctionFailed")
    assert failed["cause"] == "ASSUME_ROLE_FAILED"
    assert failed["scheduledEventId"] == world.id_of("LambdaFunctionScheduled")
    assert world.open_counts() == {"openDecisionTasks": 1}


def test_the_role_of_the_type(world):
    """If you don't specify an IAM role when you start this workflow type, the default Lambda role
    is attached to the execution. (RegisterWorkflowType, defaultLambdaRole)"""
    kind = world.workflow_type(
        "caller",
        defaultTaskList={"name": "deciders"},
        defaultTaskStartToCloseTimeout="NONE",
        defaultExecutionStartToCloseTimeout="1000",
        defaultChildPolicy="TERMINATE",
        defaultLambdaRole=ROLE,
    )
    world.decided(call(input="1"), workflow_type=kind)
    assert world.last("WorkflowExecutionStarted")["lambdaRole"] == ROLE
    ((kind, completed),) = outcome(world)
    assert (kind, completed["result"]) == ("LambdaFunctionCompleted", "1")


def test_the_time_out_has_a_default(world, slow):
    """If no value is supplied, then a default value of 900s is assumed.
    (ScheduleLambdaFunctionDecisionAttributes, startToCloseTimeout)"""
    decides(world, call("slow"))
    assert world.last("LambdaFunctionScheduled")["startToCloseTimeout"] == "900"
    assert expires_after(world, 900) == [
        (
            "LambdaFunctionTimedOut",
            {
                "scheduledEventId": ANSWER + 1,
                "startedEventId": ANSWER + 2,
                "timeoutType": "START_TO_CLOSE",
            },
        )
    ]
    assert decision_due(world)


def test_a_function_that_takes_too_long(world, slow):
    """The timeout value, in seconds, after which the Lambda function is considered to be failed
    once it has started. (ScheduleLambdaFunctionDecisionAttributes, startToCloseTimeout) What it
    brings after that comes too late."""
    decides(world, call("slow", startToCloseTimeout="10"))
    assert slow.called.wait(60)
    assert [kind for kind, _ in expires_after(world, 10)] == ["LambdaFunctionTimedOut"]
    world.decide()
    slow.told.set()
    assert slow.done.wait(60)
    # Another call shows that the engine has had the time to hear of the first.
    world.signal()
    world.decide(call("echo", "g", input="after"))
    eventually(lambda: world.all("LambdaFunctionCompleted"))
    assert [event["result"] for event in world.all("LambdaFunctionCompleted")] == ["after"]
    world.decide()
    assert never_expires(world)


@pytest.mark.parametrize("timeout", ["0", "901", "NONE"])
def test_a_time_out_out_of_range(world, timeout):
    """This can be any integer from 1-900. (ScheduleLambdaFunctionDecisionAttributes,
    startToCloseTimeout)"""
    world.start(lambdaRole=ROLE)
    task = world.poll_decision()
    with refused(world.swf, "ValidationException"):
        world.decide(call(startToCloseTimeout=timeout), task=task)
    world.decide(call(startToCloseTimeout="1", input="1"), task=task)
    assert [kind for kind, _ in outcome(world)] == ["LambdaFunctionCompleted"]


def test_several_at_once(world):
    """A string that identifies the Lambda function execution in the event history.
    (ScheduleLambdaFunctionDecisionAttributes, id)"""
    decides(world, *[call(function_id=f"f{n}", input=str(n)) for n in range(5)])
    eventually(lambda: len(world.all("LambdaFunctionCompleted")) == 5)
    ids = {
        event["eventId"]: event["lambdaFunctionScheduledEventAttributes"]["id"]
        for event in world.history()
        if event["eventType"] == "LambdaFunctionScheduled"
    }
    results = {
        ids[event["scheduledEventId"]]: event["result"]
        for event in world.all("LambdaFunctionCompleted")
    }
    assert results == {f"f{n}": str(n) for n in range(5)}


@pytest.mark.engine_options(limits=Limits(open_lambda_functions=1))
def test_too_many(world, slow):
    """Cause OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED. (ScheduleLambdaFunctionFailedEventAttributes)"""
    decides(world, call("slow"), call("echo", "g"), timer("t"))
    assert world.last("ScheduleLambdaFunctionFailed") == {
        "id": "g",
        "name": "echo",
        "cause": "OPEN_LAMBDA_FUNCTIONS_LIMIT_EXCEEDED",
        "decisionTaskCompletedEventId": ANSWER,
    }
    assert world.open_counts() == {
        "openLambdaFunctions": 1,
        "openTimers": 1,
        "openDecisionTasks": 1,
    }


def test_the_end_of_the_execution(world, slow):
    """Closes the workflow execution. (Decision) What a function brings after that is lost."""
    decides(world, call("slow"))
    assert slow.called.wait(60)
    world.signal()
    world.decide(complete())
    known = world.kinds()
    assert world.open_counts() == {}
    slow.told.set()
    assert slow.done.wait(60)
    decides(world, call("echo", input="after"), workflow_id="other")
    assert [kind for kind, _ in outcome(world)] == ["LambdaFunctionCompleted"]
    (closed,) = world.swf.list_closed_workflow_executions(
        domain=world.domain, startTimeFilter={"oldestDate": 0}
    )["executionInfos"]
    assert world.kinds(closed["execution"]) == known


def test_news_of_a_function_while_the_decider_works(world, slow):
    """CompleteWorkflowExecutionFailed: this could happen if there is an unhandled decision task
    pending in the workflow execution. (Decision)"""
    decides(world, call("slow"))
    world.signal()
    task = world.poll_decision()
    slow.told.set()
    eventually(lambda: world.all("LambdaFunctionCompleted"))
    ((kind, failed),) = written(world, complete(), task=task)
    assert (kind, failed["cause"]) == ("CompleteWorkflowExecutionFailed", "UNHANDLED_DECISION")


def test_the_role_is_shown(world):
    """The IAM role attached to the workflow execution. (WorkflowExecutionStartedEventAttributes)"""
    decides(world)
    assert world.last("WorkflowExecutionStarted")["lambdaRole"] == ROLE
    assert world.describe()["executionConfiguration"]["lambdaRole"] == ROLE
