"""What becomes of children when their parent is terminated, times out, or ends otherwise.

"If set, specifies the policy to use for the child workflow executions of this workflow execution if
it is terminated, by calling the TerminateWorkflowExecution action explicitly or due to an expired
timeout." (StartWorkflowExecution, childPolicy)
"""

import pytest
from conforming import cancel, child, complete, continue_as_new, fail, marker
from deciding import ANSWER, decision_due, event_times, events_after, parcels, without, written

POLICIES = ["TERMINATE", "REQUEST_CANCEL", "ABANDON"]
#: A child that has nothing to do, and whose own policy is not its parent's.
QUIET = {"taskList": {"name": "parcels"}, "executionStartToCloseTimeout": "5000000"}
OTHER_POLICY = {"TERMINATE": "ABANDON", "REQUEST_CANCEL": "TERMINATE", "ABANDON": "TERMINATE"}


def family(world, policy, **settings):
    """A parent with this policy, and its child, which has another one and nothing to do."""
    kind = parcels(world)
    parent = world.start(childPolicy=policy, **settings)
    world.decide(child("c", kind, childPolicy=OTHER_POLICY[policy], **QUIET))
    world.decide()
    world.decide(task=world.poll_decision("parcels"))
    own = world.open_run("c")
    assert not decision_due(world, own)
    return parent, own


def check_child(world, policy, own):
    """The policy was applied to a child that `family` made."""
    news = events_after(world, ANSWER, own)
    match policy:
        case "TERMINATE":
            # The cause: "this happens if the parent workflow execution times out or is terminated
            # and the child policy is set to terminate child executions."
            ((kind, terminated),) = news
            assert kind == "WorkflowExecutionTerminated"
            assert terminated["cause"] == "CHILD_POLICY_APPLIED"
            assert terminated["childPolicy"] == OTHER_POLICY[policy]
            assert world.close_status(own) == "TERMINATED"
            assert world.open_counts(own) == {}
        case "REQUEST_CANCEL":
            # "A request to cancel is attempted for each child execution by recording a
            # WorkflowExecutionCancelRequested event in its history. It is up to the decider to
            # take appropriate actions when it receives an execution history with this event."
            ((kind, requested),) = news
            assert kind == "WorkflowExecutionCancelRequested"
            assert requested["cause"] == "CHILD_POLICY_APPLIED"
            assert decision_due(world, own)
            assert world.describe(own)["executionInfo"]["cancelRequested"] is True
            world.decide(cancel(), task=world.poll_decision("parcels"))
            assert world.close_status(own) == "CANCELED"
        case "ABANDON":
            # No action is taken, says childPolicy; the child executions continue to run.
            assert news == []
            assert not decision_due(world, own)
            world.signal(run=own)
            world.decide(complete(), task=world.poll_decision("parcels"))
            assert world.close_status(own) == "COMPLETED"


# --- the parent is terminated ------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_the_parent_is_terminated(world, policy):
    """The child policy, registered with the workflow type or specified when starting this
    execution, is applied to any open child workflow executions of this workflow execution.
    (TerminateWorkflowExecution)"""
    parent, own = family(world, policy)
    world.terminate(parent, reason="enough", details="d")
    ended = world.last("WorkflowExecutionTerminated", parent)
    assert without(ended, "cause") == {"reason": "enough", "details": "d", "childPolicy": policy}
    assert ended.get("cause", "OPERATOR_INITIATED") == "OPERATOR_INITIATED"
    check_child(world, policy, own)
    assert world.kinds(parent)[-1] == "WorkflowExecutionTerminated"


@pytest.mark.parametrize("policy", POLICIES)
def test_the_policy_of_the_type(world, policy):
    """The child policy, registered with the workflow type. (TerminateWorkflowExecution)"""
    kind = parcels(world)
    world.start(
        workflow_type=parcels(
            world,
            "parent",
            defaultChildPolicy=policy,
            defaultTaskList={"name": "deciders"},
        )
    )
    world.decide(child("c", kind, childPolicy=OTHER_POLICY[policy], **QUIET))
    world.decide(task=world.poll_decision("parcels"))
    world.terminate()
    check_child(world, policy, world.last("ChildWorkflowExecutionStarted")["workflowExecution"])


@pytest.mark.parametrize("policy", POLICIES)
def test_whoever_terminates_may_say_which(world, policy):
    """This policy overrides the child policy specified for the workflow execution at registration
    time or when starting the execution. (TerminateWorkflowExecution, childPolicy)"""
    kind = parcels(world)
    parent = world.start(childPolicy=OTHER_POLICY[policy])
    world.decide(child("c", kind, childPolicy=OTHER_POLICY[policy], **QUIET))
    world.decide(task=world.poll_decision("parcels"))
    own = world.open_run("c")
    world.terminate(parent, childPolicy=policy)
    assert world.last("WorkflowExecutionTerminated", parent)["childPolicy"] == policy
    check_child(world, policy, own)


def test_every_open_child_and_no_other(world):
    """Is applied to any open child workflow executions of this workflow execution.
    (TerminateWorkflowExecution)"""
    kind = parcels(world)
    parent = world.start(childPolicy="TERMINATE")
    world.decide(*[child(name, kind) for name in ("a", "b", "c")])
    runs = {name: world.open_run(name) for name in ("a", "b", "c")}
    stranger = world.start("stranger", workflow_type=kind)
    task = world.poll_decision("parcels")
    assert task["workflowExecution"] == runs["a"]
    world.decide(complete(), task=task)
    world.terminate(parent)
    assert {name: world.close_status(run) for name, run in runs.items()} == {
        "a": "COMPLETED",
        "b": "TERMINATED",
        "c": "TERMINATED",
    }
    assert world.close_status(stranger) is None
    assert world.poll_decision("parcels")["workflowExecution"] == stranger


@pytest.mark.parametrize("policy", POLICIES)
def test_a_child_that_goes_on_as_a_new_run(world, policy):
    """Is applied to any open child workflow executions of this workflow execution.
    (TerminateWorkflowExecution) A child that continues as new is still the parent's."""
    kind = parcels(world)
    parent = world.start(childPolicy=policy)
    world.decide(child("c", kind))
    settings = {"childPolicy": OTHER_POLICY[policy]}
    world.decide(continue_as_new(**settings), task=world.poll_decision("parcels"))
    world.decide(task=world.poll_decision("parcels"))
    last = world.open_run("c")
    world.terminate(parent)
    check_child(world, policy, last)


def test_a_child_at_work_is_terminated(world):
    """TERMINATE: the child executions are terminated. (childPolicy) If the identified workflow
    execution was in progress, it is terminated immediately. (TerminateWorkflowExecution)"""
    kind = parcels(world)
    parent = world.start(childPolicy="TERMINATE")
    world.decide(child("c", kind))
    task = world.poll_decision("parcels")
    world.terminate(parent)
    own = task["workflowExecution"]
    assert world.close_status(own) == "TERMINATED"
    assert world.kinds(own)[-2:] == ["DecisionTaskStarted", "WorkflowExecutionTerminated"]


# --- the parent times out ----------------------------------------------------------------


@pytest.mark.needs_clock
@pytest.mark.parametrize("policy", POLICIES)
def test_the_parent_times_out(world, policy):
    """The policy used for the child workflow executions of this workflow execution.
    (WorkflowExecutionTimedOutEventAttributes) ... or due to an expired timeout.
    (StartWorkflowExecution, childPolicy)"""
    parent, own = family(world, policy, executionStartToCloseTimeout="100")
    world.advance(99)
    assert world.close_status(parent) is None
    world.advance(1)
    assert world.last("WorkflowExecutionTimedOut", parent) == {
        "timeoutType": "START_TO_CLOSE",
        "childPolicy": policy,
    }
    world.advance(10)
    if policy != "ABANDON":
        # At the same moment.
        assert event_times(world, own)[ANSWER][1] == 100
    check_child(world, policy, own)
    assert world.kinds(parent)[-1] == "WorkflowExecutionTimedOut"


# --- grandchildren -----------------------------------------------------------------------


@pytest.mark.parametrize("policy", POLICIES)
def test_a_child_that_is_terminated_applies_its_own_policy(world, policy):
    """If set, specifies the policy to use for the child workflow executions if the workflow
    execution being started is terminated. (StartChildWorkflowExecutionDecisionAttributes,
    childPolicy) It is the child's own, for its children."""
    kind = parcels(world)
    grandparent = world.start("grandparent", childPolicy="TERMINATE")
    world.decide(child("parent", childPolicy=policy, taskList={"name": "middle"}))
    world.decide(
        child("c", kind, childPolicy=OTHER_POLICY[policy], **QUIET),
        task=world.poll_decision("middle"),
    )
    world.decide(task=world.poll_decision("parcels"))
    parent, own = world.open_run("parent"), world.open_run("c")
    world.terminate(grandparent)
    assert world.last("WorkflowExecutionTerminated", parent) == {
        "childPolicy": policy,
        "cause": "CHILD_POLICY_APPLIED",
    }
    check_child(world, policy, own)


def test_a_child_that_is_asked_to_cancel_keeps_its_children(world):
    """REQUEST_CANCEL: ... It is up to the decider to take appropriate actions. (childPolicy)"""
    kind = parcels(world)
    grandparent = world.start("grandparent", childPolicy="REQUEST_CANCEL")
    world.decide(child("parent", childPolicy="TERMINATE", taskList={"name": "middle"}))
    world.decide(child("c", kind), task=world.poll_decision("middle"))
    own = world.open_run("c")
    world.terminate(grandparent)
    assert world.kinds(own) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    assert world.last("WorkflowExecutionCancelRequested", world.open_run("parent"))


# --- the parent ends otherwise -----------------------------------------------------------


@pytest.mark.parametrize("closing", [complete(), fail(), cancel(), continue_as_new()])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_parent_that_closes_itself_leaves_its_children_alone(world, policy, closing):
    """The policy is used if the execution "is terminated, by calling the TerminateWorkflowExecution
    action explicitly or due to an expired timeout" (StartWorkflowExecution, childPolicy); the texts
    name nothing else."""
    parent, own = family(world, policy)
    world.signal(run=parent)
    world.decide(closing)
    assert world.close_status(parent) is not None
    check_child(world, "ABANDON", own)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_child_that_is_terminated_leaves_its_parent_alone(world, policy):
    """The policy to use for the child workflow executions. (childPolicy)"""
    parent, own = family(world, policy)
    world.terminate(own)
    ((kind, _),) = written(world, marker("m"))
    assert kind == "MarkerRecorded"
    assert world.close_status(parent) is None
    assert world.last("ChildWorkflowExecutionTerminated", parent)["workflowExecution"] == own
