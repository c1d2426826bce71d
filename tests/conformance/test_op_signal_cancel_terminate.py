"""SignalWorkflowExecution, RequestCancelWorkflowExecution, TerminateWorkflowExecution."""

import pytest
from conforming import ORDER, attributes, child, complete, refused, schedule, timer


def ask(world, operation, **run):
    """Make the request, of an execution that is named as the test says."""
    more = {"signalName": "s"} if operation == "SignalWorkflowExecution" else {}
    world.swf.unchecked(operation, domain=world.domain, **run, **more)


OPERATIONS = {
    "SignalWorkflowExecution": "WorkflowExecutionSignaled",
    "RequestCancelWorkflowExecution": "WorkflowExecutionCancelRequested",
    "TerminateWorkflowExecution": "WorkflowExecutionTerminated",
}


@pytest.fixture(params=OPERATIONS)
def operation(request):
    return request.param


# --- which execution ---------------------------------------------------------------------


def test_with_and_without_a_run_id(world, operation):
    """ "If the runId isn't specified, the WorkflowExecutionCancelRequested event is recorded in
    the history of the current open workflow execution with the specified workflowId in the
    domain." It is said of all three."""
    named = world.start("named")
    ask(world, operation, **named)
    unnamed = world.start("unnamed")
    ask(world, operation, workflowId="unnamed")
    for run in (named, unnamed):
        assert OPERATIONS[operation] in world.kinds(run)


def test_no_such_execution(world, operation):
    """ "If the specified workflow execution isn't open, this method fails with
    UnknownResource." """
    run = world.start()
    other = world.start("other")
    unknown = [
        {"workflowId": "nobody"},
        {"workflowId": "nobody", "runId": run["runId"]},
        {"workflowId": run["workflowId"], "runId": other["runId"]},
        {"workflowId": run["workflowId"], "runId": "r"},
    ]
    for wrong in unknown:
        with refused(world.swf, "UnknownResourceFault"):
            ask(world, operation, **wrong)
    with refused(world.swf, "UnknownResourceFault"):
        ask(world.another(), operation, **run)
    for untouched in (run, other):
        assert world.kinds(untouched) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]


def test_a_closed_execution(world, operation):
    """ "If the specified workflow execution isn't open, this method fails with
    UnknownResource." """
    run = world.decided(complete())
    before = world.history(run)
    for named in (run, {"workflowId": run["workflowId"]}):
        with refused(world.swf, "UnknownResourceFault"):
            ask(world, operation, **named)
    assert world.history(run) == before


def test_an_earlier_run_of_the_same_id(world, operation):
    """ "... the workflow execution identified by the given domain, workflowId and runId." """
    first = world.decided(complete())
    second = world.start()
    with refused(world.swf, "UnknownResourceFault"):
        ask(world, operation, **first)
    assert world.kinds(second) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    ask(world, operation, workflowId=first["workflowId"])
    assert OPERATIONS[operation] in world.kinds(second)
    assert OPERATIONS[operation] not in world.kinds(first)


# --- signal ------------------------------------------------------------------------------


def test_a_signal_is_recorded_and_schedules_a_decision_task(world):
    """ "Records a WorkflowExecutionSignaled event in the workflow execution history and creates a
    decision task for the workflow execution ... The event is recorded with the specified user
    defined signalName and input (if provided)." """
    run = world.decided()
    world.signal("paid", input="[1]")
    *_, signaled, scheduled = world.history(run)
    assert signaled["eventType"] == "WorkflowExecutionSignaled"
    assert attributes(signaled) == {
        "signalName": "paid",
        "input": "[1]",
        # Observed: 0 for a signal that no execution sent.
        "externalInitiatedEventId": 0,
    }
    assert scheduled["eventType"] == "DecisionTaskScheduled"
    assert world.poll_decision()["events"][-2]["eventType"] == "DecisionTaskScheduled"


def test_a_signal_without_input(world):
    world.start()
    world.signal("paid")
    assert "input" not in world.last("WorkflowExecutionSignaled")


def test_signals_keep_their_order(world):
    """While a decision task is only scheduled, what happens adds no second one: "openDecisionTasks:
    The count of decision tasks whose status is OPEN. A workflow execution can have at most one open
    decision task." """
    run = world.start()
    for name in ("a", "b", "a"):
        world.signal(name)
    recorded = world.all("WorkflowExecutionSignaled")
    assert [signal["signalName"] for signal in recorded] == ["a", "b", "a"]
    assert world.kinds(run).count("DecisionTaskScheduled") == 1
    assert world.open_counts(run) == {"openDecisionTasks": 1}


def test_signals_while_the_decider_thinks(world):
    """ "A workflow execution can have at most one open decision task." So what happens in the
    meantime waits for the answer, and makes one task."""
    run = world.start()
    task = world.poll_decision()
    world.signal("a")
    world.signal("b")
    assert world.open_counts(run) == {"openDecisionTasks": 1}
    assert world.no_decision()
    world.decide(task=task)
    kinds = [event["eventType"] for event in world.poll_decision()["events"]]
    assert kinds.count("WorkflowExecutionSignaled") == 2
    assert kinds.count("DecisionTaskScheduled") == 2


def test_the_longest_signal(world):
    """SignalName: 1 to 256 characters. Data: up to 32,768 characters."""
    world.start()
    world.signal("s" * 256, input="i" * 32_768)
    signaled = world.last("WorkflowExecutionSignaled")
    assert (signaled["signalName"], signaled["input"]) == ("s" * 256, "i" * 32_768)


# --- request cancel ----------------------------------------------------------------------


def test_a_request_to_cancel_is_recorded_for_the_decider(world):
    """ "Records a WorkflowExecutionCancelRequested event in the currently running workflow
    execution ... This logically requests the cancellation of the workflow execution as a whole. It
    is up to the decider to take appropriate actions when it receives an execution history with
    this event." """
    run = world.decided(schedule("a"))
    world.request_cancel()
    kinds = world.kinds(run)
    assert kinds[-2:] == ["WorkflowExecutionCancelRequested", "DecisionTaskScheduled"]
    requested = world.last("WorkflowExecutionCancelRequested")
    # "If set, indicates that the request to cancel the workflow execution was automatically
    # generated"; "The external workflow execution for which the cancellation was requested."
    assert "cause" not in requested
    assert "externalWorkflowExecution" not in requested
    assert world.close_status(run) is None
    assert world.open_counts(run) == {"openActivityTasks": 1, "openDecisionTasks": 1}


def test_a_request_to_cancel_shows(world):
    """cancelRequested: "Set to true if a cancellation is requested for this workflow
    execution." """
    run = world.start()
    assert world.describe(run)["executionInfo"]["cancelRequested"] is False
    world.request_cancel()
    assert world.describe(run)["executionInfo"]["cancelRequested"] is True
    listed = world.swf.list_open_workflow_executions(
        domain=world.domain, startTimeFilter={"oldestDate": 0}
    )
    assert [info["cancelRequested"] for info in listed["executionInfos"]] == [True]
    world.decide(complete())
    assert world.describe(run)["executionInfo"]["cancelRequested"] is True
    assert world.close_status(run) == "COMPLETED"


# --- terminate ---------------------------------------------------------------------------


def test_terminate_closes_at_once(world):
    """ "Records a WorkflowExecutionTerminated event and forces closure of the workflow execution
    ... If the identified workflow execution was in progress, it is terminated immediately." """
    run = world.decided(schedule("a"), timer("t"))
    world.terminate(reason="enough", details="of it")
    last = world.history(run)[-1]
    assert last["eventType"] == "WorkflowExecutionTerminated"
    terminated = attributes(last)
    # When an operator is given as the cause is not said.
    assert terminated.pop("cause", "OPERATOR_INITIATED") == "OPERATOR_INITIATED"
    assert terminated == {"reason": "enough", "details": "of it", "childPolicy": "TERMINATE"}
    assert world.close_status(run) == "TERMINATED"
    assert world.open_counts(run) == {}


def test_terminate_without_reasons(world):
    world.start(childPolicy="ABANDON")
    world.terminate()
    terminated = world.last("WorkflowExecutionTerminated")
    assert terminated["childPolicy"] == "ABANDON"
    assert not {"reason", "details"} & terminated.keys()


def test_the_tasks_of_a_terminated_execution_are_void(world):
    """UnknownResourceFault: "... is no longer available for this operation." """
    run = world.decided(schedule("a"), schedule("b"))
    activity = world.poll_activity()
    world.signal()
    decision_task = world.poll_decision()
    world.terminate()
    before = world.history(run)
    with refused(world.swf, "UnknownResourceFault"):
        world.activity_completed(activity)
    with refused(world.swf, "UnknownResourceFault"):
        world.heartbeat(activity)
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(task=decision_task)
    assert world.no_activity()
    assert world.no_decision()
    assert world.history(run) == before


@pytest.mark.parametrize(
    ("own", "given", "applied"),
    [
        ("TERMINATE", None, "TERMINATE"),
        ("REQUEST_CANCEL", None, "REQUEST_CANCEL"),
        ("ABANDON", None, "ABANDON"),
        ("ABANDON", "TERMINATE", "TERMINATE"),
        ("TERMINATE", "REQUEST_CANCEL", "REQUEST_CANCEL"),
        ("TERMINATE", "ABANDON", "ABANDON"),
    ],
)
def test_the_child_policy(world, own, given, applied):
    """ "If set, specifies the policy to use for the child workflow executions of the workflow
    execution being terminated. This policy overrides the child policy specified for the workflow
    execution at registration time or when starting the execution." """
    parent = world.decided(child("child", ORDER), childPolicy=own)
    run = world.open_run("child")
    world.terminate(parent, **({"childPolicy": given} if given else {}))
    assert world.last("WorkflowExecutionTerminated", parent)["childPolicy"] == applied
    match applied:
        # "The child executions are terminated."
        case "TERMINATE":
            assert world.close_status(run) == "TERMINATED"
            terminated = world.last("WorkflowExecutionTerminated", run)
            assert terminated["cause"] == "CHILD_POLICY_APPLIED"
        # "A request to cancel is attempted for each child execution by recording a
        # WorkflowExecutionCancelRequested event in its history."
        case "REQUEST_CANCEL":
            assert world.close_status(run) is None
            requested = world.last("WorkflowExecutionCancelRequested", run)
            assert requested["cause"] == "CHILD_POLICY_APPLIED"
        # It says: "No action is taken. The child executions continue to run."
        case "ABANDON":
            assert world.kinds(run) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
