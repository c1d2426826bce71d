"""ContinueAsNewWorkflowExecution.

https://docs.aws.amazon.com/amazonswf/latest/apireference/API_ContinueAsNewWorkflowExecutionDecisionAttributes.html
"""

import itertools

import pytest
from conforming import (
    ORDER,
    attributes,
    complete,
    continue_as_new,
    marker,
    refused,
    schedule,
    timer,
)
from deciding import (
    ANSWER,
    PARCEL_DEFAULTS,
    PARCEL_SETTINGS,
    decision_due,
    parcels,
    without,
    written,
)

#: What the events of a run of ORDER show where nobody says otherwise.
ORDER_SETTINGS = {
    "taskList": {"name": "deciders"},
    "taskStartToCloseTimeout": "NONE",
    "executionStartToCloseTimeout": "31536000",
    "childPolicy": "TERMINATE",
}


def test_a_new_run_takes_over(world):
    """Closes the workflow execution and starts a new workflow execution of the same type using the
    same workflow ID and a unique run Id. A WorkflowExecutionContinuedAsNew event is recorded in
    the history. (Decision)"""
    old = world.start(input="first")
    ((kind, continued),) = written(world, continue_as_new(input="second"))
    new = world.open_run("order-17")
    assert new["runId"] != old["runId"]
    assert (kind, continued) == (
        "WorkflowExecutionContinuedAsNew",
        {
            "input": "second",
            "decisionTaskCompletedEventId": ANSWER,
            "newExecutionRunId": new["runId"],
            "workflowType": ORDER,
            **ORDER_SETTINGS,
        },
    )
    info = world.describe(old)["executionInfo"]
    assert (info["executionStatus"], info["closeStatus"]) == ("CLOSED", "CONTINUED_AS_NEW")
    assert "closeTimestamp" in info


def test_the_history_of_the_new_run_is_fresh(world):
    """If this workflow execution was started due to a ContinueAsNewWorkflowExecution decision, then
    it contains the runId of the previous workflow execution that was closed and continued as this
    execution. (WorkflowExecutionStartedEventAttributes, continuedExecutionRunId)"""
    old = world.start()
    world.decide(schedule("a"), timer("t", 900), executionContext="old")
    world.signal()
    world.decide(continue_as_new(input="second"))
    new = world.open_run("order-17")
    assert world.kinds(new) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    assert without(world.last("WorkflowExecutionStarted", new), "parentInitiatedEventId") == {
        "input": "second",
        "workflowType": ORDER,
        "continuedExecutionRunId": old["runId"],
        **ORDER_SETTINGS,
    }
    assert world.open_counts(new) == {"openDecisionTasks": 1}
    assert "latestExecutionContext" not in world.describe(new)
    task = world.poll_decision()
    assert task["workflowExecution"] == new
    assert [event["eventId"] for event in task["events"]] == [1, 2, 3]
    assert task.get("previousStartedEventId", 0) == 0
    world.decide(complete(), task=task)
    assert world.close_status(new) == "COMPLETED"


def test_the_decision_says_how_it_goes_on(world):
    """The total duration, task list, task priority, maximum duration of decision tasks, child
    policy, tags and IAM role of the new workflow execution.
    (WorkflowExecutionContinuedAsNewEventAttributes)"""
    settings = {
        "executionStartToCloseTimeout": "500",
        "taskList": {"name": "special"},
        "taskPriority": "4",
        "taskStartToCloseTimeout": "50",
        "childPolicy": "REQUEST_CANCEL",
        "tagList": ["one", "two"],
        "lambdaRole": "arn:aws:iam::123456789012:role/lambda",
    }
    world.start()
    ((_, continued),) = written(world, continue_as_new(**settings))
    new = world.open_run("order-17")
    assert without(continued, "newExecutionRunId", "decisionTaskCompletedEventId") == {
        "workflowType": ORDER,
        **settings,
    }
    started = world.last("WorkflowExecutionStarted", new)
    assert {name: started[name] for name in settings} == settings
    detail = world.describe(new)
    assert detail["executionConfiguration"] == without(settings, "tagList")
    assert detail["executionInfo"]["tagList"] == ["one", "two"]
    assert world.poll_decision("special")["workflowExecution"] == new


def test_what_it_does_not_say_is_the_types_default(world):
    """This overrides the defaultExecutionStartToCloseTimeout specified when registering the
    workflow type. An execution start-to-close timeout for this workflow execution must be specified
    either as a default for the workflow type or through this field.
    (ContinueAsNewWorkflowExecutionDecisionAttributes) The settings of the old run do not count."""
    old = world.start(
        workflow_type=parcels(world, defaultTaskPriority="5", defaultLambdaRole="arn:aws:iam::1:r"),
        input="first",
        executionStartToCloseTimeout="1000",
        taskList={"name": "special"},
        taskPriority="6",
        taskStartToCloseTimeout="100",
        childPolicy="TERMINATE",
        tagList=["old"],
        lambdaRole="arn:aws:iam::2:r",
    )
    ((_, continued),) = written(world, continue_as_new(), task_list="special")
    defaults = {**PARCEL_SETTINGS, "taskPriority": "5", "lambdaRole": "arn:aws:iam::1:r"}
    assert without(continued, "newExecutionRunId", "decisionTaskCompletedEventId") == {
        "workflowType": {"name": "parcel", "version": "1"},
        **defaults,
    }
    new = world.open_run("order-17")
    started = world.last("WorkflowExecutionStarted", new)
    assert without(started, "parentInitiatedEventId") == {
        "workflowType": {"name": "parcel", "version": "1"},
        "continuedExecutionRunId": old["runId"],
        **defaults,
    }


def test_another_version(world):
    """The version of the workflow to start. (ContinueAsNewWorkflowExecutionDecisionAttributes,
    workflowTypeVersion)"""
    parcels(world, ORDER["name"], "2")
    world.start()
    ((_, continued),) = written(world, continue_as_new(workflowTypeVersion="2"))
    second = {"name": "order", "version": "2"}
    assert continued["workflowType"] == second
    new = world.open_run("order-17")
    assert world.last("WorkflowExecutionStarted", new)["workflowType"] == second
    assert world.describe(new)["executionInfo"]["workflowType"] == second
    task = world.poll_decision("parcels")
    assert (task["workflowExecution"], task["workflowType"]) == (new, second)


def test_the_total_duration_may_be_unlimited(world):
    """You can use NONE to specify unlimited duration.
    (ContinueAsNewWorkflowExecutionDecisionAttributes, executionStartToCloseTimeout)"""
    world.start()
    ((kind, continued),) = written(world, continue_as_new(executionStartToCloseTimeout="NONE"))
    assert kind == "WorkflowExecutionContinuedAsNew"
    assert continued["executionStartToCloseTimeout"] == "NONE"


def test_a_chain_of_runs(world):
    """Starts a new workflow execution of the same type using the same workflow ID and a unique run
    Id. (Decision)"""
    runs = [world.start()]
    for number in range(3):
        world.decide(continue_as_new(input=str(number)))
        runs.append(world.open_run("order-17"))
    assert len({run["runId"] for run in runs}) == 4
    for earlier, later in itertools.pairwise(runs):
        assert (
            world.last("WorkflowExecutionContinuedAsNew", earlier)["newExecutionRunId"]
            == (later["runId"])
        )
        started = world.last("WorkflowExecutionStarted", later)
        assert started["continuedExecutionRunId"] == earlier["runId"]
    with refused(world.swf, "WorkflowExecutionAlreadyStartedFault"):
        world.start()


def test_signals_find_the_new_run(world):
    """If a runId isn't specified, then the WorkflowExecutionSignaled event is recorded in the
    history of the current open workflow with the matching workflowId in the domain.
    (SignalWorkflowExecution)"""
    old = world.decided(continue_as_new())
    new = world.open_run("order-17")
    world.swf.signal_workflow_execution(
        domain=world.domain, workflowId="order-17", signalName="hello"
    )
    assert world.kinds(old)[-1] == "WorkflowExecutionContinuedAsNew"
    assert world.last("WorkflowExecutionSignaled", new)["signalName"] == "hello"


def test_the_activities_of_the_old_run_are_over(world):
    """Closes the workflow execution and starts a new workflow execution. (Decision)"""
    task = world.working()
    world.signal()
    world.decide(continue_as_new())
    with refused(world.swf, "UnknownResourceFault"):
        world.activity_completed(task)
    new = world.open_run("order-17")
    assert world.kinds(new) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]


# --- its failures ------------------------------------------------------------------------


def fails_with(world, cause, decision):
    """The decision fails, the execution stays open, the rest of the batch counts."""
    run = world.run
    task_list = world.describe()["executionConfiguration"]["taskList"]["name"]
    task = world.poll_decision(task_list)
    world.decide(marker("m"), decision, task=task)
    assert world.last("ContinueAsNewWorkflowExecutionFailed") == {
        "cause": cause,
        "decisionTaskCompletedEventId": ANSWER,
    }
    assert world.kinds()[ANSWER] == "MarkerRecorded"
    assert world.close_status(run) is None
    assert decision_due(world)
    assert world.open_run("order-17") == run


MANDATORY = {
    "DEFAULT_EXECUTION_START_TO_CLOSE_TIMEOUT_UNDEFINED": "executionStartToCloseTimeout",
    "DEFAULT_TASK_START_TO_CLOSE_TIMEOUT_UNDEFINED": "taskStartToCloseTimeout",
    "DEFAULT_TASK_LIST_UNDEFINED": "taskList",
    "DEFAULT_CHILD_POLICY_UNDEFINED": "childPolicy",
}


@pytest.mark.parametrize("cause", MANDATORY)
def test_a_setting_that_nobody_gives(world, cause):
    """ContinueAsNewWorkflowExecutionFailed: this could happen if ... the
    ContinueAsNewWorkflowExecution decision was not configured correctly. (Decision) A ... must be
    specified either as a default for the workflow type or through this parameter.
    (ContinueAsNewWorkflowExecutionDecisionAttributes)"""
    member = MANDATORY[cause]
    default = "default" + member[0].upper() + member[1:]
    bare = world.workflow_type("bare", **without(PARCEL_DEFAULTS, default))
    world.start(workflow_type=bare, **{member: PARCEL_SETTINGS[member]})
    fails_with(world, cause, continue_as_new())
    # Where the decision gives it, all is well.
    world.decide(
        continue_as_new(**{member: PARCEL_SETTINGS[member]}), task=world.poll_decision("parcels")
    )
    assert world.close_status() == "CONTINUED_AS_NEW"


def test_a_type_that_does_not_exist(world):
    """Cause WORKFLOW_TYPE_DOES_NOT_EXIST. (ContinueAsNewWorkflowExecutionFailedEventAttributes)"""
    world.start()
    fails_with(world, "WORKFLOW_TYPE_DOES_NOT_EXIST", continue_as_new(workflowTypeVersion="2"))


def test_a_type_that_is_deprecated(world):
    """Cause WORKFLOW_TYPE_DEPRECATED (ContinueAsNewWorkflowExecutionFailedEventAttributes). After a
    workflow type has been deprecated, you cannot create new executions of that type. Executions
    that were started before the type was deprecated continues to run. (DeprecateWorkflowType)"""
    world.start()
    world.swf.deprecate_workflow_type(domain=world.domain, workflowType=ORDER)
    fails_with(world, "WORKFLOW_TYPE_DEPRECATED", continue_as_new())


def test_a_type_that_is_deleted(world):
    """After a workflow type has been deleted, you cannot create new executions of that type.
    (DeleteWorkflowType)"""
    world.start()
    world.swf.deprecate_workflow_type(domain=world.domain, workflowType=ORDER)
    world.swf.delete_workflow_type(domain=world.domain, workflowType=ORDER)
    fails_with(world, "WORKFLOW_TYPE_DOES_NOT_EXIST", continue_as_new())


def test_it_fails_where_there_is_news(world):
    """ContinueAsNewWorkflowExecutionFailed: this could happen if there is an unhandled decision
    task pending in the workflow execution. (Decision)"""
    run = world.start()
    task = world.poll_decision()
    world.signal()
    world.decide(continue_as_new(), task=task)
    (failed,) = world.all("ContinueAsNewWorkflowExecutionFailed")
    assert failed["cause"] == "UNHANDLED_DECISION"
    task = world.poll_decision()
    assert "WorkflowExecutionSignaled" in [event["eventType"] for event in task["events"]]
    world.decide(continue_as_new(), task=task)
    assert world.close_status(run) == "CONTINUED_AS_NEW"


@pytest.mark.needs_clock
def test_the_new_run_has_all_its_time(world):
    """The total duration allowed for the new workflow execution.
    (WorkflowExecutionContinuedAsNewEventAttributes, executionStartToCloseTimeout)"""
    world.start(executionStartToCloseTimeout="100")
    world.advance(90)
    world.decide(continue_as_new(executionStartToCloseTimeout="100"))
    new = world.open_run("order-17")
    started = world.history(new)[0]
    assert attributes(started)["executionStartToCloseTimeout"] == "100"
    assert started["eventTimestamp"].timestamp() == world.now()
    world.advance(99)
    assert world.close_status(new) is None
    world.advance(1)
    assert world.close_status(new) == "TIMED_OUT"
