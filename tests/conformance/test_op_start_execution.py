"""StartWorkflowExecution."""

import pytest
from conforming import (
    ORDER,
    ORDER_DEFAULTS,
    World,
    attributes,
    cancel,
    complete,
    continue_as_new,
    fail,
    refused,
)

#: What must be set for an execution: its name at the start, its name as a default of the type, a
#: value for the type and one for the start.
MANDATORY = {
    "taskList": ("defaultTaskList", {"name": "of-type"}, {"name": "of-start"}),
    "taskStartToCloseTimeout": ("defaultTaskStartToCloseTimeout", "NONE", "30"),
    "executionStartToCloseTimeout": ("defaultExecutionStartToCloseTimeout", "3600", "60"),
    "childPolicy": ("defaultChildPolicy", "TERMINATE", "ABANDON"),
}
OPTIONAL = {
    "taskPriority": ("defaultTaskPriority", "7", "-7"),
    "lambdaRole": ("defaultLambdaRole", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b"),
}
SETTINGS = MANDATORY | OPTIONAL


def with_defaults(world, name, *settings):
    """A workflow type that has these defaults only."""
    return world.workflow_type(
        name, **{SETTINGS[setting][0]: SETTINGS[setting][1] for setting in settings}
    )


# --- the first events --------------------------------------------------------------------


def test_the_history_begins_with_two_events(world):
    """ "WorkflowExecutionStarted: The workflow execution was started." "DecisionTaskScheduled: A
    decision task was scheduled for the workflow execution." """
    run = world.start(
        workflow_id="order-17",
        taskList={"name": "list"},
        taskPriority="3",
        input="[1, 2]",
        executionStartToCloseTimeout="600",
        tagList=["a", "b"],
        taskStartToCloseTimeout="30",
        childPolicy="ABANDON",
        lambdaRole="arn:aws:iam::1:role/a",
    )
    started, scheduled = world.history(run)
    assert started["eventType"] == "WorkflowExecutionStarted"
    assert attributes(started) == {
        "taskList": {"name": "list"},
        "taskPriority": "3",
        "input": "[1, 2]",
        "executionStartToCloseTimeout": "600",
        "tagList": ["a", "b"],
        "taskStartToCloseTimeout": "30",
        "childPolicy": "ABANDON",
        "lambdaRole": "arn:aws:iam::1:role/a",
        "workflowType": ORDER,
        # Observed: 0 for an execution without a parent.
        "parentInitiatedEventId": 0,
    }
    assert scheduled["eventType"] == "DecisionTaskScheduled"
    assert attributes(scheduled) == {
        "taskList": {"name": "list"},
        "taskPriority": "3",
        "startToCloseTimeout": "30",
        # Observed: always there.
        "scheduleToStartTimeout": "NONE",
    }
    assert started["eventTimestamp"] == scheduled["eventTimestamp"]


def test_only_what_is_known_is_in_the_first_event(world):
    world.start()
    assert world.last("WorkflowExecutionStarted") == {
        "taskList": {"name": "deciders"},
        "executionStartToCloseTimeout": "31536000",
        "taskStartToCloseTimeout": "NONE",
        "childPolicy": "TERMINATE",
        "workflowType": ORDER,
        "parentInitiatedEventId": 0,
    }
    assert "taskPriority" not in world.last("DecisionTaskScheduled")


def test_the_decision_task_can_be_taken(world):
    """ "This action returns the newly started workflow execution." """
    run = world.start(input="[1]")
    task = world.poll_decision()
    assert task["workflowExecution"] == run
    assert task["workflowType"] == ORDER
    assert attributes(task["events"][0])["input"] == "[1]"


# --- settings ----------------------------------------------------------------------------


def settings_of(world, run):
    """The settings in the first event, which are those that Describe tells."""
    started = world.last("WorkflowExecutionStarted", run)
    configuration = world.describe(run)["executionConfiguration"]
    assert configuration.items() <= started.items()
    assert configuration.keys() == started.keys() & SETTINGS.keys()
    return configuration


def test_the_defaults_of_the_type(world):
    """ "However, these parameters might have been set as defaults when the workflow type was
    registered. In this case, you can omit these parameters from the StartWorkflowExecution call
    and Amazon SWF uses the values defined in the workflow type." (DefaultUndefinedFault)"""
    run = world.start(workflow_type=with_defaults(world, "thing", *SETTINGS))
    expected = {setting: of_type for setting, (_, of_type, _) in SETTINGS.items()}
    assert settings_of(world, run) == expected


@pytest.mark.parametrize("setting", SETTINGS)
def test_the_start_overrides_the_type(world, setting):
    """ "This overrides the defaultTaskList specified when registering the workflow type", and so
    with each setting."""
    of_start = SETTINGS[setting][2]
    run = world.start(workflow_type=with_defaults(world, "thing", *SETTINGS), **{setting: of_start})
    expected = {name: of_type for name, (_, of_type, _) in SETTINGS.items()}
    assert settings_of(world, run) == expected | {setting: of_start}


@pytest.mark.parametrize("setting", MANDATORY)
def test_the_start_can_set_what_the_type_does_not(world, setting):
    """ "... must be specified either as a default for the workflow type or through this
    parameter." """
    type_ = with_defaults(world, "thing", *MANDATORY.keys() - {setting})
    of_start = MANDATORY[setting][2]
    run = world.start(workflow_type=type_, **{setting: of_start})
    assert settings_of(world, run)[setting] == of_start


@pytest.mark.parametrize("setting", MANDATORY)
def test_a_setting_that_is_nowhere(world, setting):
    """ "If neither this parameter is set nor a default task list was specified at registration
    time then a fault is returned." It is said of each of the four; the fault is
    DefaultUndefinedFault: "If these parameters aren't set and no default parameters were defined
    in the workflow type, this error is displayed." """
    type_ = with_defaults(world, "thing", *MANDATORY.keys() - {setting})
    others = {name: MANDATORY[name][2] for name in MANDATORY if name != setting}
    for settings in ({}, others):
        with refused(world.swf, "DefaultUndefinedFault"):
            world.start("x", workflow_type=type_, **settings)
    world.start("x")  # nothing was started


@pytest.mark.parametrize("duration", ["-1", "1.5", "soon", "1h"])
def test_a_duration_is_a_number_of_seconds(world, duration):
    """ "The duration is specified in seconds, an integer greater than or equal to 0." """
    for timeout in ("taskStartToCloseTimeout", "executionStartToCloseTimeout"):
        with refused(world.swf, "ValidationException"):
            world.start(**{timeout: duration})


def test_an_execution_may_not_run_for_ever(world):
    """ "Unlike some of the other timeout parameters in Amazon SWF, you cannot specify a value of
    "NONE" for this timeout; there is a one-year max limit on the time that a workflow execution can
    run." """
    with refused(world.swf, "ValidationException"):
        world.start(executionStartToCloseTimeout="NONE")
    world.start(executionStartToCloseTimeout="31536000", taskStartToCloseTimeout="NONE")


@pytest.mark.parametrize("priority", ["-2147483649", "2147483648", "high", "1.5"])
def test_a_priority_is_an_integer(world, priority):
    """ "Valid values are integers that range from Java's Integer.MIN_VALUE (-2147483648) to
    Integer.MAX_VALUE (2147483647)." """
    with refused(world.swf, "ValidationException"):
        world.start(taskPriority=priority)


@pytest.mark.parametrize("priority", ["-2147483648", "2147483647"])
def test_the_farthest_priorities(world, priority):
    """ "Valid values are integers that range from Java's Integer.MIN_VALUE (-2147483648) to
    Integer.MAX_VALUE (2147483647)." """
    world.start(taskPriority=priority)
    assert world.last("DecisionTaskScheduled")["taskPriority"] == priority


def test_five_tags(world):
    """ "You can specify a maximum of 5 tags." Each has up to 256 characters."""
    tags = ["a", "b", "c", "d", "e" * 256]
    run = world.start(tagList=tags)
    assert world.last("WorkflowExecutionStarted")["tagList"] == tags
    assert world.describe(run)["executionInfo"]["tagList"] == tags
    for wrong in ([*tags, "f"], ["f" * 257]):
        with refused(world.swf, "ValidationException"):
            world.swf.unchecked(
                "StartWorkflowExecution",
                domain=world.domain,
                workflowId="other",
                workflowType=ORDER,
                tagList=wrong,
            )


def test_the_longest_input(world):
    """Data: up to 32,768 characters, which are not bytes."""
    longest = "€" * 32_768
    world.start(input=longest)
    assert world.last("WorkflowExecutionStarted")["input"] == longest
    with refused(world.swf, "ValidationException"):
        world.swf.unchecked(
            "StartWorkflowExecution",
            domain=world.domain,
            workflowId="other",
            workflowType=ORDER,
            input=longest + "€",
        )


def test_text_is_kept_as_it_is(world):
    text = '\0\t\r\n"\\/\x7f\u2028ä€\U0001f600'
    run = world.start(input=text, tagList=[text])
    started = world.last("WorkflowExecutionStarted", run)
    assert (started["input"], started["tagList"]) == (text, [text])


# --- types -------------------------------------------------------------------------------


def test_an_unknown_type(world):
    """UnknownResourceFault: "Returned when the named resource cannot be found with in the scope
    of this operation (region or domain)." """
    elsewhere = world.another().workflow_type("elsewhere", **ORDER_DEFAULTS)
    unknown = ({"name": "nothing", "version": "1"}, {"name": "order", "version": "2"}, elsewhere)
    for type_ in unknown:
        with refused(world.swf, "UnknownResourceFault"):
            world.start(workflow_type=type_)


def test_a_deprecated_type(world):
    """TypeDeprecatedFault: "Returned when the specified activity or workflow type was already
    deprecated." """
    world.swf.deprecate_workflow_type(domain=world.domain, workflowType=ORDER)
    with refused(world.swf, "TypeDeprecatedFault"):
        world.start()


# --- ids ---------------------------------------------------------------------------------


def test_one_open_execution_for_each_id(world):
    """ "You cannot have two open workflow executions with the same workflowId at the same time
    within the same domain." WorkflowExecutionAlreadyStartedFault: "Returned by
    StartWorkflowExecution when an open execution with the same workflowId is already running in
    the specified domain." """
    run = world.start("order-17")
    other_type = world.workflow_type("other", **ORDER_DEFAULTS)
    for type_ in (ORDER, other_type):
        with refused(world.swf, "WorkflowExecutionAlreadyStartedFault"):
            world.start("order-17", workflow_type=type_)
    assert world.kinds(run) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    assert world.start("order-18")["runId"] != run["runId"]
    assert world.another().start("order-17")["runId"] != run["runId"]


CLOSINGS = {
    "COMPLETED": lambda world: world.decide(complete()),
    "FAILED": lambda world: world.decide(fail()),
    "CANCELED": lambda world: world.decide(cancel()),
    "TERMINATED": World.terminate,
}


@pytest.mark.parametrize("status", CLOSINGS)
def test_the_id_of_a_closed_execution_can_be_used_again(world, status):
    """ "You may specify the same identifier if a workflow execution is logically a restart of a
    previous execution." """
    first = world.start("order-17")
    CLOSINGS[status](world)
    second = world.start("order-17")
    assert second["runId"] != first["runId"]
    assert world.close_status(first) == status
    assert world.close_status(second) is None
    assert world.kinds(second) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    with refused(world.swf, "WorkflowExecutionAlreadyStartedFault"):
        world.start("order-17")


def test_a_continued_execution_holds_its_id(world):
    """ContinueAsNewWorkflowExecution: "Closes the workflow execution and starts a new workflow
    execution of the same type using the same workflow ID and a unique run Id." """
    world.decided(continue_as_new())
    with refused(world.swf, "WorkflowExecutionAlreadyStartedFault"):
        world.start()


@pytest.mark.parametrize("workflow_id", ["a" * 256, "run:1", "a/b|c", "arn", "ä€\U0001f600 "])
def test_ids(world, workflow_id):
    """WorkflowId: 1 to 256 characters. The text forbids some of these, and the Flow Framework
    makes ids with a colon, so they are not refused."""
    run = world.start(workflow_id)
    assert world.open_run(workflow_id) == run
    assert world.poll_decision()["workflowExecution"] == run


def test_ids_differ_in_case(world):
    assert world.start("order")["runId"] != world.start("ORDER")["runId"]
