"""What chance has found, told without it."""

import subprocess
import sys

import pytest
from fuzzed_engine import FuzzedEngine

from dataflow.engine import Engine, schema
from dataflow.protocol.limits import Limits
from dataflow.testing import VirtualClock

DOMAIN = {"name": "d", "workflowExecutionRetentionPeriodInDays": "1"}
KIND = {"name": "a", "version": "1"}
LIST = {"name": "l"}
DEFAULTS = {
    "defaultTaskList": LIST,
    "defaultTaskStartToCloseTimeout": "NONE",
    "defaultExecutionStartToCloseTimeout": "86400",
    "defaultChildPolicy": "REQUEST_CANCEL",
    "defaultLambdaRole": "arn:aws:iam::1:role/r",
}
POLL = {"domain": "d", "taskList": LIST}


def decide(engine, *decisions):
    token = engine.poll_for_decision_task(**POLL)["taskToken"]
    engine.respond_decision_task_completed(taskToken=token, decisions=list(decisions))


def test_a_task_that_comes_while_the_last_one_of_its_list_is_taken():
    """The list was forgotten twice: once when it was empty, and once more when it was not."""
    engine = Engine(
        ":memory:", clock=VirtualClock(), poll_seconds=0, limits=Limits(history_events=9)
    )
    engine.register_domain(**DOMAIN)
    engine.register_workflow_type(domain="d", **KIND, **DEFAULTS)
    engine.start_workflow_execution(domain="d", workflowId="parent", workflowType=KIND)
    child = {"workflowType": KIND, "workflowId": "child"}
    decide(
        engine,
        {
            "decisionType": "StartChildWorkflowExecution",
            "startChildWorkflowExecutionDecisionAttributes": child,
        },
    )
    decide(engine)  # the child has nothing to do
    # Its ninth event is one too many: it is terminated, and its child asked to end.
    engine.signal_workflow_execution(domain="d", workflowId="parent", signalName="s")
    assert engine.poll_for_decision_task(**POLL)["taskToken"] == ""
    task = engine.poll_for_decision_task(**POLL)
    assert task["workflowExecution"]["workflowId"] == "child"


@pytest.fixture
def function(tmp_path):
    """An engine with one execution, in which a Lambda function runs."""
    fuzzed = FuzzedEngine(tmp_path / "engine.db", poll_seconds=0)
    engine = fuzzed.engine
    engine.register_domain(**DOMAIN)
    engine.register_workflow_type(domain="d", **KIND, **DEFAULTS)
    engine.start_workflow_execution(domain="d", workflowId="w", workflowType=KIND)
    attributes = {"id": "i", "name": "a", "input": "7"}
    decide(
        engine,
        {
            "decisionType": "ScheduleLambdaFunction",
            "scheduleLambdaFunctionDecisionAttributes": attributes,
        },
    )
    yield fuzzed
    fuzzed.close()


def refused(fuzzed):
    """Something cannot be written, and what was in memory is read anew."""
    fuzzed.full = True
    request = {"domain": "d", "workflowId": "w", "signalName": "s"}
    assert fuzzed.ask("SignalWorkflowExecution", request).code == "ServiceUnavailable"
    fuzzed.full = False


def test_a_function_ends_after_its_execution_which_was_read_anew(function):
    refused(function)
    function.ask("TerminateWorkflowExecution", {"domain": "d", "workflowId": "w"})
    function.check()
    function.run_function()
    function.check()


def test_the_end_of_a_function_is_not_lost_with_a_write_that_fails(function):
    function.full = True
    function.run_function()
    function.check()
    function.full = False
    function.tick()
    function.check()
    task = function.engine.poll_for_decision_task(**POLL)
    (ended,) = [e for e in task["events"] if e["eventType"] == "LambdaFunctionCompleted"]
    assert ended["lambdaFunctionCompletedEventAttributes"]["result"] == "7"


def test_a_file_whose_making_was_broken_off(tmp_path, monkeypatch):
    """It had its tables, but no secret; and nobody could open it any more."""
    with monkeypatch.context() as patch:
        patch.setattr(schema.os, "urandom", lambda _: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            Engine(tmp_path / "engine.db")
    Engine(tmp_path / "engine.db").close()


def test_a_poll_whose_task_is_lost_in_a_bug_is_answered():
    fuzzed = FuzzedEngine(poll_seconds=60)
    fuzzed.ask("RegisterDomain", DOMAIN)
    fuzzed.ask("RegisterWorkflowType", {"domain": "d", **KIND, **DEFAULTS})
    fuzzed.ask("PollForDecisionTask", POLL)
    ((_, reply, *_),) = fuzzed.parked
    fuzzed.trip("_leave_list")  # in the midst of handing out
    start = {"domain": "d", "workflowId": "w", "workflowType": KIND}
    assert fuzzed.ask("StartWorkflowExecution", start) is None
    assert [answer.code for answer in reply.answers] == ["InternalFailure"]
    fuzzed.check()
    fuzzed.close()


FIRST_USE = """
import sys, threading
from dataflow.engine import Engine

sys.setswitchinterval(1e-6)
engine = Engine(":memory:")
barrier = threading.Barrier(8)

def ask():
    barrier.wait()
    try:
        engine.respond_decision_task_completed(
            taskToken="t",
            decisions=[
                {
                    "decisionType": "StartTimer",
                    "startTimerDecisionAttributes": {"timerId": "t", "startToFireTimeout": "1"},
                }
            ],
        )
    except engine.exceptions.ValidationException:
        pass

threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
engine.close()
"""


@pytest.mark.integration
def test_threads_that_are_the_first_to_ask():
    """msgspec, shown a type by two threads at once, ended the process."""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", FIRST_USE], check=True, capture_output=True)
