"""PollForActivityTask, the three answers of a worker, and RecordActivityTaskHeartbeat."""

import pytest
from conforming import (
    PAY,
    attributes,
    cancel_activity,
    complete,
    damaged,
    refused,
    schedule,
    timer,
)


def poll(world, **more):
    """Poll; whether there is a task is the test's business."""
    return world.swf.poll_for_activity_task(
        domain=world.domain, taskList={"name": "workers"}, **more
    )


#: What a worker can say at the end, and the event that says so.
OUTCOMES = {
    "completed": ("RespondActivityTaskCompleted", "ActivityTaskCompleted"),
    "failed": ("RespondActivityTaskFailed", "ActivityTaskFailed"),
    "canceled": ("RespondActivityTaskCanceled", "ActivityTaskCanceled"),
}
RESPONSES = [*(operation for operation, _ in OUTCOMES.values()), "RecordActivityTaskHeartbeat"]


@pytest.fixture(params=RESPONSES)
def response(request):
    """An operation with which a worker answers."""
    return request.param


def canceling(world, **settings):
    """The activity task "a" in the hands of a worker, who ought to give it up."""
    task = world.working(**settings)
    world.signal()
    world.decide(cancel_activity("a"))
    return task


# --- poll --------------------------------------------------------------------------------


def test_a_task(world):
    """ "If a task is returned, the worker should use its type to identify and process it
    correctly." """
    run = world.decided(schedule("a", input="[1]", control="c"))
    task = poll(world, identity="worker-1")
    del task["taskToken"]
    assert task == {
        "activityId": "a",
        # "The ID of the ActivityTaskStarted event recorded in the history."
        "startedEventId": 6,
        "workflowExecution": run,
        "activityType": PAY,
        "input": "[1]",
    }
    # "Identity of the worker making the request, recorded in the ActivityTaskStarted event in the
    # workflow history."
    started = world.history(run)[-1]
    assert (started["eventId"], started["eventType"]) == (6, "ActivityTaskStarted")
    assert attributes(started) == {"identity": "worker-1", "scheduledEventId": 5}


def test_input_and_identity_are_optional(world):
    world.decided(schedule("a"))
    assert "input" not in world.poll_activity()
    assert world.last("ActivityTaskStarted") == {"scheduledEventId": 5}


def test_an_empty_answer(world):
    """ "If no task is available within 60 seconds, the poll returns an empty result. An empty
    result, in this context, means that an ActivityTask is returned, but that the value of taskToken
    is an empty string." """
    task = poll(world)
    assert (task["taskToken"], task["startedEventId"]) == ("", 0)


def test_a_task_is_handed_out_once(world):
    """A task that a worker has is no longer in its list. (Developer Guide)"""
    run = world.decided(schedule("a"))
    world.poll_activity()
    assert world.no_activity()
    assert world.kinds(run).count("ActivityTaskStarted") == 1


def test_a_start_is_no_news_to_the_decider(world):
    """ "ActivityTaskStarted: The scheduled activity task was dispatched to a worker." The decider
    is told of the end of a task."""
    world.working()
    assert world.no_decision()


def test_lists(world):
    """ "The name of the domain that contains the task lists being polled." "Specifies the task list
    to poll for activity tasks." """
    other = world.another()
    world.decided(
        schedule("a", taskList={"name": "Workers"}), schedule("b", taskList={"name": "workers"})
    )
    assert other.no_activity()
    assert world.no_activity("worker")
    assert world.poll_activity("Workers")["activityId"] == "a"
    assert world.poll_activity("workers")["activityId"] == "b"


def test_one_list_serves_many_types_and_executions(world):
    """ "If a task is returned, the worker should use its type to identify and process it
    correctly." """
    ship = world.activity_type("ship")
    for workflow_id in ("x", "y"):
        none = dict.fromkeys(
            ("scheduleToCloseTimeout", "scheduleToStartTimeout", "startToCloseTimeout"), "NONE"
        )
        lists = {"taskList": {"name": "workers"}, "heartbeatTimeout": "NONE"}
        world.decided(schedule("a"), schedule("b", ship, **none, **lists), workflow_id=workflow_id)
    tasks = [world.poll_activity() for _ in range(4)]
    assert [task["activityType"] for task in tasks] == [PAY, ship, PAY, ship]
    assert [task["workflowExecution"]["workflowId"] for task in tasks] == ["x", "x", "y", "y"]
    assert len({task["taskToken"] for task in tasks}) == 4


def test_first_in_first_out(world):
    """Of tasks with the same priority, the oldest is handed out first. (Developer Guide)"""
    world.decided(*(schedule(activity_id) for activity_id in "cabd"))
    assert [world.poll_activity()["activityId"] for _ in range(4)] == list("cabd")


def test_higher_priorities_first(world):
    """ "Higher numbers indicate higher priority." "If not assigned, then 0 is used." """
    priorities = {
        "a": "-1",
        "b": None,
        "c": "10",
        "d": "9",
        "e": "0",
        "f": "10",
        "g": "-2147483648",
    }
    world.decided(
        *(
            schedule(activity_id, **({"taskPriority": priority} if priority else {}))
            for activity_id, priority in priorities.items()
        )
    )
    assert [world.poll_activity()["activityId"] for _ in priorities] == list("cfdbeag")


def test_priorities_across_executions(world):
    """ "The default task priority to assign to the activity type." A workflow's priority does not
    reach its activities. (Developer Guide)"""
    urgent = world.activity_type(
        "urgent",
        defaultTaskPriority="1",
        defaultTaskList={"name": "workers"},
        defaultTaskStartToCloseTimeout="NONE",
        defaultTaskHeartbeatTimeout="NONE",
        defaultTaskScheduleToStartTimeout="NONE",
        defaultTaskScheduleToCloseTimeout="NONE",
    )
    world.decided(schedule("a"), workflow_id="x")
    world.decided(schedule("b"), workflow_id="y", taskPriority="99")
    world.decided(schedule("c", urgent), workflow_id="z")
    assert [world.poll_activity()["activityId"] for _ in range(3)] == ["c", "a", "b"]


# --- outcomes ----------------------------------------------------------------------------


def test_completed(world):
    """ "Used by workers to tell the service that the ActivityTask identified by the taskToken
    completed successfully with a result (if provided). The result appears in the
    ActivityTaskCompleted event in the workflow history." """
    task = world.working()
    world.activity_completed(task, result="42")
    assert world.kinds()[-2:] == ["ActivityTaskCompleted", "DecisionTaskScheduled"]
    assert world.last("ActivityTaskCompleted") == {
        "result": "42",
        "scheduledEventId": 5,
        "startedEventId": 6,
    }


def test_failed(world):
    """ "Used by workers to tell the service that the ActivityTask identified by the taskToken has
    failed with reason (if specified). The reason and details appear in the ActivityTaskFailed event
    added to the workflow history." """
    task = world.working()
    world.activity_failed(task, reason="r", details="d")
    assert world.kinds()[-2:] == ["ActivityTaskFailed", "DecisionTaskScheduled"]
    assert world.last("ActivityTaskFailed") == {
        "reason": "r",
        "details": "d",
        "scheduledEventId": 5,
        "startedEventId": 6,
    }


def test_canceled(world):
    """ "Additional details can be provided using the details argument. These details (if provided)
    appear in the ActivityTaskCanceled event added to the workflow history." """
    task = canceling(world)
    requested = world.id_of("ActivityTaskCancelRequested")
    world.activity_canceled(task, details="d")
    assert world.kinds()[-2:] == ["ActivityTaskCanceled", "DecisionTaskScheduled"]
    assert world.last("ActivityTaskCanceled") == {
        "details": "d",
        "scheduledEventId": 5,
        "startedEventId": 6,
        "latestCancelRequestedEventId": requested,
    }


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_arguments_are_optional(world, outcome):
    """ "(if provided)", "(if specified)" stands with each of them."""
    operation, kind = OUTCOMES[outcome]
    task = canceling(world)
    world.swf.unchecked(operation, taskToken=task["taskToken"])
    assert not {"result", "reason", "details"} & world.last(kind).keys()


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_a_worker_may_go_on_all_the_same(world, outcome):
    """RecordActivityTaskHeartbeat: "If the worker can cancel the activity, it should respond with
    RespondActivityTaskCanceled. Otherwise, it should ignore the cancellation request." """
    operation, kind = OUTCOMES[outcome]
    task = canceling(world)
    world.swf.unchecked(operation, taskToken=task["taskToken"])
    assert world.kinds()[-2:] == [kind, "DecisionTaskScheduled"]
    assert "ActivityTaskCanceled" not in world.kinds()


def test_the_longest_answers(world):
    """Data: up to 32,768 characters; FailureReason: up to 256; LimitedData: up to 2,048."""
    world.decided(schedule("a", heartbeatTimeout="NONE"), schedule("b"))
    a, b = world.poll_activity(), world.poll_activity()
    world.heartbeat(a, details="€" * 2_048)
    world.activity_completed(a, result="€" * 32_768)
    world.activity_failed(b, reason="€" * 256, details="€" * 32_768)
    assert world.last("ActivityTaskCompleted")["result"] == "€" * 32_768
    assert world.last("ActivityTaskFailed")["reason"] == "€" * 256


def test_workers_do_not_wait_for_deciders(world):
    """While the decider thinks, what happens is recorded for the next decision task."""
    world.decided(schedule("a"), schedule("b"))
    world.activity_completed(world.poll_activity())
    task = world.poll_decision()
    world.activity_completed(world.poll_activity())
    assert world.all("ActivityTaskCompleted") != []
    world.decide(task=task)
    kinds = [event["eventType"] for event in world.poll_decision()["events"]]
    assert kinds.count("ActivityTaskCompleted") == 2


# --- tokens ------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_a_token_is_used_once(world, response, outcome):
    """ "A task is closed after it has been specified in a call to RespondActivityTaskCompleted,
    RespondActivityTaskCanceled, RespondActivityTaskFailed, or the task has timed out." Then it is
    "no longer available for this operation" (UnknownResourceFault)."""
    task = canceling(world)
    world.swf.unchecked(OUTCOMES[outcome][0], taskToken=task["taskToken"])
    before = world.history()
    with refused(world.swf, "UnknownResourceFault"):
        world.swf.unchecked(response, taskToken=task["taskToken"])
    assert world.history() == before


def test_the_token_of_an_earlier_task_with_the_id(world, response):
    """ "The opaque string used as a handle on the task": on that task, not on its activityId."""
    task = world.working()
    world.activity_failed(task)
    world.decide(schedule("a"))
    again = world.poll_activity()
    assert again["taskToken"] != task["taskToken"]
    with refused(world.swf, "UnknownResourceFault"):
        world.swf.unchecked(response, taskToken=task["taskToken"])
    world.activity_completed(again)


def test_the_token_of_a_closed_execution(world, response):
    """UnknownResourceFault: "This could happen if the named resource was never created or is no
    longer available for this operation." """
    task = world.working()
    run = world.run
    world.terminate()
    before = world.history(run)
    with refused(world.swf, "UnknownResourceFault"):
        world.swf.unchecked(response, taskToken=task["taskToken"])
    assert world.history(run) == before


@pytest.mark.needs_clock
def test_the_token_of_a_task_that_has_timed_out(world, response):
    """RegisterActivityType: "If the timeout is exceeded, the activity task is automatically timed
    out. ... If the activity worker subsequently attempts to record a heartbeat or returns a result,
    the activity worker receives an UnknownResource fault." """
    task = world.working(heartbeatTimeout="10")
    world.advance(10)
    with refused(world.swf, "UnknownResourceFault"):
        world.swf.unchecked(response, taskToken=task["taskToken"])
    assert world.kinds()[-2:] == ["ActivityTaskTimedOut", "DecisionTaskScheduled"]


def test_a_malformed_token(world, response):
    """ "taskToken is generated by the service and should be treated as an opaque value." """
    token = world.working()["taskToken"]
    before = world.history()
    for wrong in damaged(token):
        with refused(world.swf, "ValidationException"):
            world.swf.unchecked(response, taskToken=wrong)
    assert world.history() == before
    world.swf.respond_activity_task_completed(taskToken=token)


def test_the_token_of_a_decision_task(world, response):
    """ "The taskToken of the ActivityTask." """
    world.start()
    task = world.poll_decision()
    # Which of the two is not said.
    with refused(world.swf, "UnknownResourceFault", "ValidationException"):
        world.swf.unchecked(response, taskToken=task["taskToken"])
    world.decide(complete(), task=task)


# --- heartbeats --------------------------------------------------------------------------


def test_a_heartbeat_writes_no_event(world):
    """ "This action doesn't in itself create an event in the workflow execution history." """
    task = world.working()
    before = world.history()
    assert not world.heartbeat(task, details="half")
    assert not world.heartbeat(task)
    assert world.history() == before
    assert world.no_decision()


def test_a_heartbeat_tells_of_a_request_to_cancel(world):
    """ "If a cancellation is being attempted for the specified task, then the boolean
    cancelRequested flag returned by the service is set to true." """
    world.decided(schedule("a"), schedule("b"))
    a, b = world.poll_activity(), world.poll_activity()
    assert not world.heartbeat(a)
    world.signal()
    world.decide(cancel_activity("a"))
    assert world.heartbeat(a)
    assert world.heartbeat(a)
    assert not world.heartbeat(b)


def test_to_cancel_the_execution_cancels_no_task(world):
    """RequestCancelWorkflowExecution: "It is up to the decider to take appropriate actions." """
    task = world.working()
    world.request_cancel()
    assert not world.heartbeat(task)


@pytest.mark.needs_clock
def test_a_heartbeat_resets_its_clock(world):
    """ "This action resets the taskHeartbeatTimeout clock." "However, if the task times out, the
    workflow execution history contains a ActivityTaskTimedOut event that contains the information
    from the last heartbeat generated by the activity worker." """
    task = world.working(heartbeatTimeout="10")
    for part in ("a third", "two thirds"):
        world.advance(9)
        world.heartbeat(task, details=part)
    world.advance(9)
    assert world.kinds()[-1] == "ActivityTaskStarted"
    world.advance(1)
    assert world.last("ActivityTaskTimedOut") == {
        "timeoutType": "HEARTBEAT",
        "scheduledEventId": 5,
        "startedEventId": 6,
        "details": "two thirds",
    }


@pytest.mark.needs_clock
def test_heartbeats_do_not_make_a_task_last_longer(world):
    """ "The taskStartToCloseTimeout of an activity type is the maximum duration of an activity
    task, regardless of the number of RecordActivityTaskHeartbeat requests received." """
    task = world.working(startToCloseTimeout="20", heartbeatTimeout="10")
    for _ in range(2):
        world.advance(9)
        world.heartbeat(task)
    world.advance(2)
    assert world.last("ActivityTaskTimedOut")["timeoutType"] == "START_TO_CLOSE"


# --- an open execution only --------------------------------------------------------------


def test_tasks_leave_the_list_with_their_execution(world):
    """When the execution closes, its open activity tasks are dropped."""
    world.decided(schedule("a"), timer("t"))
    world.signal()
    world.decide(complete())
    assert world.no_activity()
