"""StartChildWorkflowExecution, and what a parent hears of its children.

https://docs.aws.amazon.com/amazonswf/latest/apireference/API_StartChildWorkflowExecutionDecisionAttributes.html
"""

import pytest
from conforming import (
    ORDER,
    cancel,
    cancel_external,
    child,
    complete,
    continue_as_new,
    fail,
    marker,
    schedule,
    signal_external,
)
from deciding import (
    ANSWER,
    PARCEL_DEFAULTS,
    PARCEL_SETTINGS,
    decision_due,
    events_after,
    expires_after,
    never_expires,
    parcels,
    without,
    written,
)

from dataflow.protocol.limits import Limits, Quotas

PARCEL = {"name": "parcel", "version": "1"}


def parent_of(world, *decisions, **settings):
    """An execution with the child "c", whose decision tasks are in the list "parcels"; both."""
    parent = world.start(workflow_type=ORDER)
    world.decide(child("c", parcels(world), **settings), *decisions)
    return parent, world.open_run("c")


def decide_child(world, *decisions, **more):
    return world.decide(*decisions, task=world.poll_decision("parcels"), **more)


# --- its start ---------------------------------------------------------------------------


def test_a_child_is_started(world):
    """Requests that a child workflow execution be started and records a
    StartChildWorkflowExecutionInitiated event in the history. The child workflow execution is a
    separate workflow execution with its own history. (Decision) ChildWorkflowExecutionStarted: a
    child workflow execution was successfully started. (HistoryEvent)"""
    settings = {
        "executionStartToCloseTimeout": "500",
        "taskList": {"name": "special"},
        "taskPriority": "4",
        "taskStartToCloseTimeout": "50",
        "childPolicy": "REQUEST_CANCEL",
        "tagList": ["one", "two"],
        "lambdaRole": "arn:aws:iam::123456789012:role/lambda",
        "input": "17 EUR",
    }
    parent = world.start()
    events = written(world, child("c", parcels(world), control="for the decider", **settings))
    own = world.open_run("c")
    assert events == [
        (
            "StartChildWorkflowExecutionInitiated",
            {
                "workflowId": "c",
                "workflowType": PARCEL,
                "control": "for the decider",
                "decisionTaskCompletedEventId": ANSWER,
                **settings,
            },
        ),
        (
            "ChildWorkflowExecutionStarted",
            {"workflowExecution": own, "workflowType": PARCEL, "initiatedEventId": ANSWER + 1},
        ),
    ]
    assert decision_due(world)
    # "This data isn't sent to the child workflow execution." (control) "The source workflow
    # execution that started this workflow execution. ... The ID of the
    # StartChildWorkflowExecutionInitiated event." (WorkflowExecutionStartedEventAttributes)
    assert world.kinds(own) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    assert world.last("WorkflowExecutionStarted", own) == {
        "workflowType": PARCEL,
        "parentWorkflowExecution": parent,
        "parentInitiatedEventId": ANSWER + 1,
        **settings,
    }
    assert world.last("DecisionTaskScheduled", own) == {
        "taskList": {"name": "special"},
        "taskPriority": "4",
        "startToCloseTimeout": "50",
        "scheduleToStartTimeout": "NONE",
    }
    task = world.poll_decision("special")
    assert (task["workflowExecution"], task["workflowType"]) == (own, PARCEL)


def test_what_the_decision_does_not_say_is_the_types_default(world):
    """This overrides the default... specified when registering the workflow type.
    (StartChildWorkflowExecutionDecisionAttributes) The settings of the parent do not count."""
    kind = parcels(world, defaultTaskPriority="5", defaultLambdaRole="arn:aws:iam::1:r")
    world.start(taskPriority="9", tagList=["parent"], childPolicy="TERMINATE", input="parent")
    ((_, initiated), _) = written(world, child("c", kind))
    defaults = {**PARCEL_SETTINGS, "taskPriority": "5", "lambdaRole": "arn:aws:iam::1:r"}
    assert initiated == {
        "workflowId": "c",
        "workflowType": PARCEL,
        "decisionTaskCompletedEventId": ANSWER,
        **defaults,
    }
    own = world.open_run("c")
    started = world.last("WorkflowExecutionStarted", own)
    assert {name: started.get(name) for name in defaults} == defaults
    assert not {"input", "tagList"} & set(started)
    assert world.describe(own)["executionConfiguration"] == defaults


def test_a_root_has_no_parent(world):
    """parentWorkflowExecution: the member isn't set if the workflow execution was not started by a
    workflow. (WorkflowExecutionStartedEventAttributes) parentInitiatedEventId is 0 then, as
    Amazon SWF writes it."""
    world.start()
    started = world.last("WorkflowExecutionStarted")
    assert "parentWorkflowExecution" not in started
    assert started["parentInitiatedEventId"] == 0
    assert "parent" not in world.describe()["executionInfo"]


def test_the_parent_is_shown(world):
    """If this workflow execution is a child of another execution then contains the workflow
    execution that started this execution. (WorkflowExecutionInfo, parent)"""
    parent, own = parent_of(world, tagList=["small"])
    info = world.describe(own)["executionInfo"]
    assert (info["parent"], info["tagList"]) == (parent, ["small"])
    began = {"domain": world.domain, "startTimeFilter": {"oldestDate": 0}}
    tagged = world.swf.list_open_workflow_executions(**began, tagFilter={"tag": "small"})
    (listed,) = tagged["executionInfos"]
    assert (listed["execution"], listed["parent"]) == (own, parent)
    decide_child(world, complete())
    closed = world.swf.list_closed_workflow_executions(**began)
    (listed,) = closed["executionInfos"]
    assert (listed["execution"], listed["parent"]) == (own, parent)


def test_the_total_duration_may_be_unlimited(world):
    """You can use NONE to specify unlimited duration.
    (StartChildWorkflowExecutionDecisionAttributes, executionStartToCloseTimeout)"""
    _, own = parent_of(world, executionStartToCloseTimeout="NONE")
    assert world.last("StartChildWorkflowExecutionInitiated")["executionStartToCloseTimeout"] == (
        "NONE"
    )
    assert world.last("WorkflowExecutionStarted", own)["executionStartToCloseTimeout"] == "NONE"


def test_open_children_are_counted(world):
    """The count of child workflow executions whose status is OPEN. (WorkflowExecutionOpenCounts)"""
    kind = parcels(world)
    parent = world.decided(child("c", kind), child("d", kind))
    assert world.open_counts(parent)["openChildWorkflowExecutions"] == 2
    for left in (1, 0):
        decide_child(world, complete())
        assert world.open_counts(parent).get("openChildWorkflowExecutions", 0) == left


def test_the_rest_of_the_batch_counts(world):
    """The list of decisions made by the decider while processing this decision task.
    (RespondDecisionTaskCompletedInput)"""
    parent_of(world, schedule("a"), marker("m"), child("d", PARCEL))
    kinds = world.kinds()
    assert kinds.count("StartChildWorkflowExecutionInitiated") == 2
    assert kinds.count("ChildWorkflowExecutionStarted") == 2
    assert {"ActivityTaskScheduled", "MarkerRecorded"} < set(kinds)
    initiated = {
        event["eventId"]: event["startChildWorkflowExecutionInitiatedEventAttributes"]["workflowId"]
        for event in world.history()
        if event["eventType"] == "StartChildWorkflowExecutionInitiated"
    }
    started = {
        event["initiatedEventId"]: event["workflowExecution"]["workflowId"]
        for event in world.all("ChildWorkflowExecutionStarted")
    }
    assert started == initiated


# --- its failures ------------------------------------------------------------------------


def refusal(cause, workflow_type, *, initiated=0, **more):
    return (
        "StartChildWorkflowExecutionFailed",
        {
            "workflowId": "c",
            "workflowType": workflow_type,
            "cause": cause,
            "initiatedEventId": initiated,
            "decisionTaskCompletedEventId": ANSWER,
            **more,
        },
    )


def test_a_type_that_does_not_exist(world):
    """StartChildWorkflowExecutionFailed: this could happen if the workflow type specified isn't
    registered. (Decision) When the cause isn't WORKFLOW_ALREADY_RUNNING, initiatedEventId is set to
    0 because the StartChildWorkflowExecutionInitiated event doesn't exist.
    (StartChildWorkflowExecutionFailedEventAttributes)"""
    world.start()
    assert written(world, child("c", PARCEL, control="why"), marker("m"))[0] == refusal(
        "WORKFLOW_TYPE_DOES_NOT_EXIST", PARCEL, control="why"
    )
    assert world.kinds()[-2:] == ["MarkerRecorded", "DecisionTaskScheduled"]
    assert world.open_counts() == {"openDecisionTasks": 1}


def test_a_type_that_is_deprecated(world):
    """After a workflow type has been deprecated, you cannot create new executions of that type.
    Executions that were started before the type was deprecated continues to run.
    (DeprecateWorkflowType) Cause WORKFLOW_TYPE_DEPRECATED."""
    kind = parcels(world)
    elder = world.start("elder", workflow_type=kind)
    world.swf.deprecate_workflow_type(domain=world.domain, workflowType=kind)
    world.start()
    assert written(world, child("c", kind)) == [refusal("WORKFLOW_TYPE_DEPRECATED", kind)]
    decide_child(world, complete())
    assert world.close_status(elder) == "COMPLETED"


MANDATORY = {
    "DEFAULT_EXECUTION_START_TO_CLOSE_TIMEOUT_UNDEFINED": "executionStartToCloseTimeout",
    "DEFAULT_TASK_START_TO_CLOSE_TIMEOUT_UNDEFINED": "taskStartToCloseTimeout",
    "DEFAULT_TASK_LIST_UNDEFINED": "taskList",
    "DEFAULT_CHILD_POLICY_UNDEFINED": "childPolicy",
}


@pytest.mark.parametrize("cause", MANDATORY)
def test_a_setting_that_nobody_gives(world, cause):
    """A ... for this workflow execution must be specified either as a default for the workflow type
    or through this parameter. If neither this parameter is set nor a default ... was specified at
    registration time then a fault is returned.
    (StartChildWorkflowExecutionDecisionAttributes)"""
    member = MANDATORY[cause]
    default = "default" + member[0].upper() + member[1:]
    bare = world.workflow_type("bare", **without(PARCEL_DEFAULTS, default))
    # What the parent has does not count.
    world.start()
    events = written(world, child("c", bare), child("d", bare, **{member: PARCEL_SETTINGS[member]}))
    assert events[0] == refusal(cause, bare)
    assert [kind for kind, _ in events[1:]] == [
        "StartChildWorkflowExecutionInitiated",
        "ChildWorkflowExecutionStarted",
    ]


def test_an_id_that_is_in_use(world):
    """When the cause is WORKFLOW_ALREADY_RUNNING, initiatedEventId is the ID of the
    StartChildWorkflowExecutionInitiated event that corresponds to the StartChildWorkflowExecution
    Decision to start the workflow execution.
    (StartChildWorkflowExecutionFailedEventAttributes)"""
    kind = parcels(world)
    elder = world.start("c", workflow_type=kind)
    known = world.kinds()
    world.start()
    events = written(world, child("c", kind, control="why"))
    assert [kind for kind, _ in events] == [
        "StartChildWorkflowExecutionInitiated",
        "StartChildWorkflowExecutionFailed",
    ]
    assert events[1] == refusal(
        "WORKFLOW_ALREADY_RUNNING", kind, initiated=ANSWER + 1, control="why"
    )
    assert world.open_counts() == {"openDecisionTasks": 1}
    assert world.kinds(elder) == known
    # It is nobody's child, and its end is nobody's news.
    decide_child(world, complete())
    assert world.kinds()[-1] == "DecisionTaskScheduled"


def test_two_children_with_one_id(world):
    """You cannot have two open workflow executions with the same workflowId at the same time within
    the same domain. (StartWorkflowExecution)"""
    kind = parcels(world)
    parent = world.decided(child("c", kind, control="one"), child("c", kind, control="two"))
    initiated = world.all("StartChildWorkflowExecutionInitiated")
    assert [event["control"] for event in initiated] == ["one", "two"]
    (failed,) = world.all("StartChildWorkflowExecutionFailed")
    assert failed["control"] == "two"
    assert failed["cause"] == "WORKFLOW_ALREADY_RUNNING"
    assert world.open_counts(parent)["openChildWorkflowExecutions"] == 1


def test_an_id_may_be_used_again(world):
    """You may specify the same identifier if a workflow execution is logically a restart of a
    previous execution. (StartWorkflowExecution, workflowId)"""
    parent, first = parent_of(world)
    decide_child(world, fail())
    world.decide(child("c", PARCEL))
    second = world.open_run("c")
    assert second["runId"] != first["runId"]
    decide_child(world, complete())
    failed = world.last("ChildWorkflowExecutionFailed", parent)
    completed = world.last("ChildWorkflowExecutionCompleted", parent)
    assert (failed["workflowExecution"], completed["workflowExecution"]) == (first, second)
    assert failed["initiatedEventId"] != completed["initiatedEventId"]
    assert world.close_status(parent) is None


@pytest.mark.engine_options(limits=Limits(open_children=2))
def test_too_many_open_children(world):
    """Cause OPEN_CHILDREN_LIMIT_EXCEEDED. (StartChildWorkflowExecutionFailedEventAttributes)
    Maximum open child workflow executions per workflow execution. (Developer Guide, Quotas)"""
    kind = parcels(world)
    world.start()
    world.decide(child("a", kind), child("b", kind), child("c", kind), marker("m"))
    (_, expected) = refusal("OPEN_CHILDREN_LIMIT_EXCEEDED", kind)
    assert world.last("StartChildWorkflowExecutionFailed") == expected
    assert world.open_counts()["openChildWorkflowExecutions"] == 2
    assert world.kinds().count("MarkerRecorded") == 1
    decide_child(world, complete())
    world.decide(child("c", kind))
    assert world.open_counts()["openChildWorkflowExecutions"] == 2
    assert len(world.all("StartChildWorkflowExecutionFailed")) == 1


def test_an_execution_is_no_child_of_its_own(world):
    """You cannot have two open workflow executions with the same workflowId at the same time within
    the same domain. (StartWorkflowExecution, workflowId) Cause WORKFLOW_ALREADY_RUNNING."""
    world.start()
    (_, (kind, failed)) = written(world, child("order-17", parcels(world)))
    assert (kind, failed["cause"]) == (
        "StartChildWorkflowExecutionFailed",
        "WORKFLOW_ALREADY_RUNNING",
    )


@pytest.mark.engine_options(quotas=Quotas(open_executions=2))
def test_too_many_open_executions(world):
    """Cause OPEN_WORKFLOWS_LIMIT_EXCEEDED. When the cause isn't WORKFLOW_ALREADY_RUNNING,
    initiatedEventId is set to 0 because the StartChildWorkflowExecutionInitiated event doesn't
    exist. (StartChildWorkflowExecutionFailedEventAttributes) Maximum open workflow executions per
    domain. (Developer Guide, Quotas)"""
    kind = parcels(world)
    stranger = world.start("stranger", workflow_type=kind)
    world.start()
    assert written(world, child("c", kind)) == [refusal("OPEN_WORKFLOWS_LIMIT_EXCEEDED", kind)]
    world.terminate(stranger)
    world.decide(child("d", kind), child("c", kind), marker("m"))
    assert len(world.all("ChildWorkflowExecutionStarted")) == 1
    failed = world.last("StartChildWorkflowExecutionFailed")
    assert (failed["workflowId"], failed["cause"], failed["initiatedEventId"]) == (
        "c",
        "OPEN_WORKFLOWS_LIMIT_EXCEEDED",
        0,
    )
    assert world.kinds().count("MarkerRecorded") == 1
    assert world.open_counts()["openChildWorkflowExecutions"] == 1


# --- its end -----------------------------------------------------------------------------

ENDS = {
    "ChildWorkflowExecutionCompleted": (complete(result="r"), {"result": "r"}),
    "ChildWorkflowExecutionFailed": (
        fail(reason="why", details="d"),
        {"reason": "why", "details": "d"},
    ),
    "ChildWorkflowExecutionCanceled": (cancel(details="d"), {"details": "d"}),
}


def of_the_child(own):
    """How the news of a child names it: the events are the first that its parent's answer made."""
    return {
        "workflowExecution": own,
        "workflowType": PARCEL,
        "initiatedEventId": ANSWER + 1,
        "startedEventId": ANSWER + 2,
    }


@pytest.mark.parametrize("kind", ENDS)
def test_the_parent_hears_how_it_ended(world, kind):
    """ChildWorkflowExecutionCompleted: a child workflow execution, started by this workflow
    execution, completed successfully and was closed; ...Failed, ...Canceled. (HistoryEvent) The ID
    of the StartChildWorkflowExecutionInitiated event, the ID of the ChildWorkflowExecutionStarted
    event. (the events' attributes)"""
    decision, said = ENDS[kind]
    parent, own = parent_of(world)
    world.decide()
    known = len(world.history())
    decide_child(world, decision)
    assert events_after(world, known) == [(kind, {**of_the_child(own), **said})]
    assert decision_due(world)
    assert world.open_counts(parent) == {"openDecisionTasks": 1}
    world.decide(complete())


@pytest.mark.parametrize("decision", [complete(), fail(), cancel()])
def test_it_may_end_without_a_word(world, decision):
    """result, reason and details: if provided. (the events' attributes)"""
    _, own = parent_of(world)
    world.decide()
    known = len(world.history())
    decide_child(world, decision)
    ((_, ended),) = events_after(world, known)
    assert ended == of_the_child(own)


def test_it_is_terminated(world):
    """ChildWorkflowExecutionTerminated: a child workflow execution, started by this workflow
    execution, was terminated. (HistoryEvent)"""
    _, own = parent_of(world)
    world.decide()
    known = len(world.history())
    world.terminate(own, reason="enough", details="d")
    assert events_after(world, known) == [("ChildWorkflowExecutionTerminated", of_the_child(own))]
    assert decision_due(world)


@pytest.mark.needs_clock
def test_it_times_out(world):
    """ChildWorkflowExecutionTimedOut: a child workflow execution, started by this workflow
    execution, timed out and was closed. (HistoryEvent) The type of the timeout that caused the
    child workflow execution to time out. (ChildWorkflowExecutionTimedOutEventAttributes)"""
    _, own = parent_of(world, executionStartToCloseTimeout="100")
    world.decide()
    assert expires_after(world, 100) == [
        ("ChildWorkflowExecutionTimedOut", {**of_the_child(own), "timeoutType": "START_TO_CLOSE"})
    ]
    assert decision_due(world)
    assert world.close_status(own) == "TIMED_OUT"


@pytest.mark.needs_clock
def test_an_unlimited_child_does_not_time_out(world):
    """You can use NONE to specify unlimited duration.
    (StartChildWorkflowExecutionDecisionAttributes, executionStartToCloseTimeout)"""
    _, own = parent_of(world, executionStartToCloseTimeout="NONE")
    decide_child(world)
    assert never_expires(world, own)
    assert world.close_status(own) is None


def test_it_ends_while_the_parent_decides(world):
    """CompleteWorkflowExecutionFailed: this could happen if there is an unhandled decision task
    pending in the workflow execution. (Decision)"""
    parent_of(world)
    task = world.poll_decision()
    decide_child(world, complete())
    ((kind, failed),) = written(world, complete(), task=task)
    assert (kind, failed["cause"]) == ("CompleteWorkflowExecutionFailed", "UNHANDLED_DECISION")
    world.decide(complete())
    assert world.close_status() == "COMPLETED"


def test_a_closed_parent_hears_nothing_more(world):
    """The child workflow execution is a separate workflow execution with its own history.
    (Decision)"""
    parent, own = parent_of(world)
    world.decide(complete())
    known = world.kinds(parent)
    decide_child(world, complete())
    assert world.close_status(own) == "COMPLETED"
    assert world.kinds(parent) == known


def test_a_grandparent_hears_nothing(world):
    """Started by this workflow execution. (HistoryEvent)"""
    parent, own = parent_of(world)
    world.decide()
    known = world.kinds(parent)
    decide_child(world, child("d", taskList={"name": "grandchildren"}))
    grandchild = world.open_run("d")
    assert world.describe(grandchild)["executionInfo"]["parent"] == own
    world.decide(complete(), task=world.poll_decision("grandchildren"))
    assert world.kinds(own)[-1] == "ChildWorkflowExecutionCompleted"
    assert world.kinds(parent) == known


# --- a child that goes on as a new run ---------------------------------------------------


def test_a_child_that_continues_keeps_its_parent(world):
    """The source workflow execution that started this workflow execution, the ID of the
    StartChildWorkflowExecutionInitiated event, and the runId of the previous workflow execution
    that was closed and continued as this execution. (WorkflowExecutionStartedEventAttributes)"""
    parent, first = parent_of(world)
    decide_child(world, continue_as_new(input="second"))
    second = world.open_run("c")
    started = world.last("WorkflowExecutionStarted", second)
    assert started["parentWorkflowExecution"] == parent
    assert started["parentInitiatedEventId"] == ANSWER + 1
    assert started["continuedExecutionRunId"] == first["runId"]
    assert world.describe(second)["executionInfo"]["parent"] == parent


@pytest.mark.parametrize("kind", ENDS)
def test_the_parent_hears_of_its_last_run_only(world, kind):
    """ChildWorkflowExecutionCompleted: a child workflow execution, started by this workflow
    execution, completed successfully and was closed; ... (HistoryEvent) There is no event for a
    child that continues as new: for its parent it goes on."""
    decision, said = ENDS[kind]
    parent, _ = parent_of(world)
    world.decide()
    known = len(world.history())
    for _ in range(3):
        decide_child(world, continue_as_new())
        assert events_after(world, known) == []
        assert world.open_counts(parent) == {"openChildWorkflowExecutions": 1}
    last = world.open_run("c")
    decide_child(world, decision)
    assert events_after(world, known) == [(kind, {**of_the_child(last), **said})]
    assert world.open_counts(parent) == {"openDecisionTasks": 1}


def test_a_last_run_that_is_terminated(world):
    """ChildWorkflowExecutionTerminated: a child workflow execution, started by this workflow
    execution, was terminated. (HistoryEvent)"""
    parent_of(world)
    world.decide()
    decide_child(world, continue_as_new())
    last = world.open_run("c")
    world.terminate(last)
    assert world.last("ChildWorkflowExecutionTerminated") == of_the_child(last)


@pytest.mark.needs_clock
def test_a_last_run_that_times_out(world):
    """ChildWorkflowExecutionTimedOut: a child workflow execution, started by this workflow
    execution, timed out and was closed. (HistoryEvent)"""
    parent_of(world)
    world.decide()
    decide_child(world, continue_as_new(executionStartToCloseTimeout="100"))
    last = world.open_run("c")
    assert expires_after(world, 100) == [
        ("ChildWorkflowExecutionTimedOut", {**of_the_child(last), "timeoutType": "START_TO_CLOSE"})
    ]


# --- between parent and child ------------------------------------------------------------


def test_a_parent_signals_its_child_in_the_batch_that_starts_it(world):
    """Requests a signal to be delivered to the specified external workflow execution. The ordering
    of decisions should follow a logical flow. (Decision)"""
    parent, own = parent_of(world, signal_external("c", "hello"))
    signaled = world.last("WorkflowExecutionSignaled", own)
    assert (signaled["signalName"], signaled["externalWorkflowExecution"]) == ("hello", parent)


def test_a_child_signals_its_parent(world):
    """Requests a signal to be delivered to the specified external workflow execution. (Decision)"""
    parent, own = parent_of(world)
    world.decide()
    decide_child(world, signal_external(parent["workflowId"], "hello", runId=parent["runId"]))
    signaled = world.last("WorkflowExecutionSignaled", parent)
    assert signaled["externalWorkflowExecution"] == own


def test_a_parent_asks_its_child_to_cancel(world):
    """Requests that a request be made to cancel the specified external workflow execution.
    (Decision) The cause is set only where the request was automatically generated.
    (WorkflowExecutionCancelRequestedEventAttributes)"""
    parent, own = parent_of(world)
    world.decide(cancel_external("c"))
    requested = world.last("WorkflowExecutionCancelRequested", own)
    assert requested["externalWorkflowExecution"] == parent
    assert "cause" not in requested
    decide_child(world, cancel(details="gone"))
    assert world.last("ChildWorkflowExecutionCanceled", parent)["details"] == "gone"
