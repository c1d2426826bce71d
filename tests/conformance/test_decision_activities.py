"""ScheduleActivityTask and RequestCancelActivityTask.

https://docs.aws.amazon.com/amazonswf/latest/apireference/API_ScheduleActivityTaskDecisionAttributes.html
https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RequestCancelActivityTaskDecisionAttributes.html
"""

import pytest
from conforming import PAY, PAY_DEFAULTS, cancel_activity, complete, refused, schedule, timer
from deciding import ANSWER, decision_due, written

from dataflow.protocol.limits import Limits

#: What the event of an activity of PAY shows where the decision says nothing.
PAY_SETTINGS = {
    "taskList": {"name": "workers"},
    "scheduleToStartTimeout": "NONE",
    "scheduleToCloseTimeout": "NONE",
    "startToCloseTimeout": "NONE",
    "heartbeatTimeout": "NONE",
}


def refusal(cause, activity_id="a", activity_type=PAY, completed=ANSWER):
    return (
        "ScheduleActivityTaskFailed",
        {
            "activityType": activity_type,
            "activityId": activity_id,
            "cause": cause,
            "decisionTaskCompletedEventId": completed,
        },
    )


# --- ScheduleActivityTask ----------------------------------------------------------------


def test_the_event_shows_what_the_decision_says(world):
    """ActivityTaskScheduled: the type of the activity task, its unique ID, the input and control
    data, its time-outs, the task list in which it has been scheduled, its priority, and the
    DecisionTaskCompleted event. (ActivityTaskScheduledEventAttributes)"""
    settings = {
        "taskList": {"name": "special"},
        "taskPriority": "-3",
        "scheduleToStartTimeout": "10",
        "scheduleToCloseTimeout": "40",
        "startToCloseTimeout": "30",
        "heartbeatTimeout": "5",
        "input": "17 EUR",
        "control": "for the decider",
    }
    world.start()
    assert written(world, schedule("a", **settings)) == [
        (
            "ActivityTaskScheduled",
            {
                "activityType": PAY,
                "activityId": "a",
                "decisionTaskCompletedEventId": ANSWER,
                **settings,
            },
        )
    ]
    assert world.open_counts() == {"openActivityTasks": 1}


def test_what_the_decision_does_not_say_is_the_types_default(world):
    """If not specified, the defaultTaskList registered with the activity type is used. This
    overrides the default ... timeout specified when registering the activity type using
    RegisterActivityType. (ScheduleActivityTaskDecisionAttributes)"""
    defaults = {
        "taskList": {"name": "special"},
        "taskPriority": "9",
        "scheduleToStartTimeout": "10",
        "scheduleToCloseTimeout": "40",
        "startToCloseTimeout": "30",
        "heartbeatTimeout": "5",
    }
    pack = world.activity_type(
        "pack",
        defaultTaskList=defaults["taskList"],
        defaultTaskPriority="9",
        defaultTaskScheduleToStartTimeout="10",
        defaultTaskScheduleToCloseTimeout="40",
        defaultTaskStartToCloseTimeout="30",
        defaultTaskHeartbeatTimeout="5",
    )
    world.start()
    said = {"activityType": pack, "decisionTaskCompletedEventId": ANSWER}
    longer = {
        "taskPriority": "2",
        "scheduleToStartTimeout": "11",
        "scheduleToCloseTimeout": "NONE",
        "startToCloseTimeout": "31",
        "heartbeatTimeout": "NONE",
        "taskList": {"name": "other"},
    }
    assert written(world, schedule("a", pack), schedule("b", pack, **longer)) == [
        ("ActivityTaskScheduled", {**said, "activityId": "a", **defaults}),
        ("ActivityTaskScheduled", {**said, "activityId": "b", **longer}),
    ]


def test_the_least_that_a_decision_says(world):
    """activityType and activityId are required, all else has defaults (the model)."""
    world.start()
    assert written(world, schedule("a")) == [
        (
            "ActivityTaskScheduled",
            {
                "activityType": PAY,
                "activityId": "a",
                "decisionTaskCompletedEventId": ANSWER,
                **PAY_SETTINGS,
            },
        )
    ]


def test_the_priority_of_the_execution_is_not_that_of_its_activities(world):
    """Assigning a priority to a workflow does not affect the priority of any activities or child
    workflows. (Developer Guide, Setting Task Priority)"""
    world.decided(schedule("a"), taskPriority="9")
    assert "taskPriority" not in world.last("ActivityTaskScheduled")


def test_a_worker_gets_what_was_scheduled(world):
    """The unique ID of the task, the workflow execution that started this activity task, its type,
    and the inputs provided when the activity task was scheduled. (ActivityTask) The control data
    isn't sent to the activity. (ScheduleActivityTaskDecisionAttributes)"""
    run = world.decided(schedule("a", input="17 EUR", control="for the decider"))
    task = world.poll_activity(identity="worker-1")
    token = task.pop("taskToken")
    assert task == {
        "activityId": "a",
        "activityType": PAY,
        "input": "17 EUR",
        "startedEventId": ANSWER + 2,
        "workflowExecution": run,
    }
    assert world.last("ActivityTaskStarted") == {
        "identity": "worker-1",
        "scheduledEventId": ANSWER + 1,
    }
    world.swf.respond_activity_task_completed(taskToken=token, result="paid")
    assert world.last("ActivityTaskCompleted") == {
        "result": "paid",
        "scheduledEventId": ANSWER + 1,
        "startedEventId": ANSWER + 2,
    }
    assert world.open_counts() == {"openDecisionTasks": 1}


def test_a_worker_that_fails_says_why(world):
    """The reason provided for the failure. The details of the failure.
    (ActivityTaskFailedEventAttributes)"""
    world.activity_failed(world.working(), reason="no money", details="0 EUR left")
    assert world.last("ActivityTaskFailed") == {
        "reason": "no money",
        "details": "0 EUR left",
        "scheduledEventId": ANSWER + 1,
        "startedEventId": ANSWER + 2,
    }


def test_the_latest_activity_has_its_time_told(world):
    """The time when the last activity task was scheduled for this workflow execution. You can use
    this information to determine if the workflow has not made progress for an unusually long
    period of time. (DescribeWorkflowExecution)"""
    world.start()
    assert "latestActivityTaskTimestamp" not in world.describe()
    world.decide(schedule("a"))
    world.tick()
    world.signal()
    world.decide(schedule("b"))
    world.tick()
    world.activity_completed(world.poll_activity())
    (told,) = [
        event["eventTimestamp"]
        for event in world.history()
        if event.get("activityTaskScheduledEventAttributes", {}).get("activityId") == "b"
    ]
    assert world.describe()["latestActivityTaskTimestamp"] == told


# --- its failures ------------------------------------------------------------------------


def test_a_type_that_is_not_registered(world):
    """ScheduleActivityTaskFailed: this could happen if the activity type specified in the decision
    isn't registered. (Decision) Cause ACTIVITY_TYPE_DOES_NOT_EXIST."""
    nothing = {"name": "pay", "version": "2"}
    world.start()
    assert written(world, schedule("a", nothing)) == [
        refusal("ACTIVITY_TYPE_DOES_NOT_EXIST", activity_type=nothing)
    ]
    assert world.open_counts() == {"openDecisionTasks": 1}


def test_a_type_of_another_domain(world):
    """The activity type consists of the name and version, the combination of which must be unique
    within the domain. (RegisterActivityType)"""
    pack = world.another().activity_type("pack", **PAY_DEFAULTS)
    world.start()
    assert written(world, schedule("a", pack)) == [
        refusal("ACTIVITY_TYPE_DOES_NOT_EXIST", activity_type=pack)
    ]


def test_a_deprecated_type(world):
    """After an activity type has been deprecated, you cannot create new tasks of that activity
    type. Tasks of this type that were scheduled before the type was deprecated continue to run.
    (DeprecateActivityType) Cause ACTIVITY_TYPE_DEPRECATED."""
    world.decided(schedule("a"))
    world.swf.deprecate_activity_type(domain=world.domain, activityType=PAY)
    world.signal()
    assert written(world, schedule("b")) == [
        refusal("ACTIVITY_TYPE_DEPRECATED", "b", completed=ANSWER + 5)
    ]
    world.activity_completed(world.poll_activity())
    assert world.kinds()[-1] == "ActivityTaskCompleted"


def test_a_deleted_type(world):
    """After an activity type has been deleted, you cannot schedule new activities of that type.
    Activities that started before the type was deleted will continue to run.
    (DeleteActivityType)"""
    task = world.working()
    world.swf.deprecate_activity_type(domain=world.domain, activityType=PAY)
    world.swf.delete_activity_type(domain=world.domain, activityType=PAY)
    world.activity_completed(task)
    ((kind, failed),) = written(world, schedule("b"))
    assert (kind, failed["cause"]) == ("ScheduleActivityTaskFailed", "ACTIVITY_TYPE_DOES_NOT_EXIST")


def test_an_id_that_is_in_use(world):
    """Cause ACTIVITY_ID_ALREADY_IN_USE (ScheduleActivityTaskFailedEventAttributes). A task is
    considered open from the time that it is scheduled until it is closed. Therefore a task is
    reported as open while a worker is processing it. (RespondActivityTaskCompleted)"""
    world.start()
    (_, twice) = written(world, schedule("a"), schedule("a"))
    assert twice == refusal("ACTIVITY_ID_ALREADY_IN_USE")
    world.poll_activity()
    ((kind, failed),) = written(world, schedule("a"))
    assert (kind, failed["cause"]) == ("ScheduleActivityTaskFailed", "ACTIVITY_ID_ALREADY_IN_USE")


def completes(world, task):
    world.activity_completed(task)


def fails(world, task):
    world.activity_failed(task)


def is_canceled(world, task):
    world.signal()
    world.decide(cancel_activity("a"))
    world.activity_canceled(task)


@pytest.mark.parametrize("ends", [completes, fails, is_canceled])
def test_an_id_may_be_used_again_after_the_end(world, ends):
    """A task is closed after it has been specified in a call to RespondActivityTaskCompleted,
    RespondActivityTaskCanceled, RespondActivityTaskFailed, or the task has timed out.
    (RespondActivityTaskCompleted)"""
    ends(world, world.working())
    ((kind, scheduled),) = written(world, schedule("a"))
    assert (kind, scheduled["activityId"]) == ("ActivityTaskScheduled", "a")
    world.activity_completed(world.poll_activity())


@pytest.mark.needs_clock
def test_an_id_may_be_used_again_after_a_time_out(world):
    """A task is closed after ... the task has timed out. (RespondActivityTaskCompleted)"""
    world.decided(schedule("a", scheduleToStartTimeout="10"))
    world.advance(10)
    ((kind, _),) = written(world, schedule("a"))
    assert kind == "ActivityTaskScheduled"


def test_an_id_may_be_used_again_in_the_batch_that_cancels_it(world):
    """If the activity task was scheduled but has not been assigned to a worker, then it is
    canceled. (Decision)"""
    world.start()
    events = written(world, schedule("a"), cancel_activity("a"), schedule("a", input="again"))
    assert [kind for kind, _ in events] == [
        "ActivityTaskScheduled",
        "ActivityTaskCancelRequested",
        "ActivityTaskCanceled",
        "ActivityTaskScheduled",
    ]
    assert world.poll_activity()["input"] == "again"


def test_two_executions_may_use_one_id(world):
    """The activityId of the activity task (ScheduleActivityTaskDecisionAttributes): it is open in
    its workflow execution only."""
    runs = [world.start(workflow_id) for workflow_id in ("one", "two")]
    for _ in runs:
        world.decide(schedule("a"))
    tasks = [world.poll_activity() for _ in runs]
    assert [task["workflowExecution"] for task in tasks] == runs
    assert {task["activityId"] for task in tasks} == {"a"}


@pytest.mark.engine_options(limits=Limits(open_activities=2))
def test_too_many_open_activities(world):
    """Cause OPEN_ACTIVITIES_LIMIT_EXCEEDED (ScheduleActivityTaskFailedEventAttributes). Maximum
    open activity tasks per workflow execution: includes both activity tasks that have been
    scheduled and those being processed by workers. (Developer Guide, Quotas)"""
    world.start()
    events = written(world, schedule("a"), schedule("b"), schedule("c"), timer("t"))
    assert [kind for kind, _ in events[:2]] == ["ActivityTaskScheduled"] * 2
    assert events[2] == refusal("OPEN_ACTIVITIES_LIMIT_EXCEEDED", "c")
    assert [kind for kind, _ in events[3:]] == ["TimerStarted"]
    task = world.poll_activity()
    ((_, failed),) = written(world, schedule("c"))
    assert failed["cause"] == "OPEN_ACTIVITIES_LIMIT_EXCEEDED"
    world.activity_completed(task)
    ((kind, _),) = written(world, schedule("c"))
    assert kind == "ActivityTaskScheduled"
    # Of one execution: another has its own two.
    world.decided(schedule("a"), schedule("b"), workflow_id="other")
    assert world.open_counts() == {"openActivityTasks": 2}


MANDATORY = {
    "DEFAULT_TASK_LIST_UNDEFINED": ("taskList", "defaultTaskList"),
    "DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED": (
        "scheduleToStartTimeout",
        "defaultTaskScheduleToStartTimeout",
    ),
    "DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT_UNDEFINED": (
        "scheduleToCloseTimeout",
        "defaultTaskScheduleToCloseTimeout",
    ),
    "DEFAULT_START_TO_CLOSE_TIMEOUT_UNDEFINED": (
        "startToCloseTimeout",
        "defaultTaskStartToCloseTimeout",
    ),
}


@pytest.mark.parametrize("cause", MANDATORY)
def test_a_setting_that_nobody_gives(world, cause):
    """A ... for this activity task must be specified either as a default for the activity type or
    through this field. If neither this field is set nor a default ... was specified at
    registration time then a fault is returned. (ScheduleActivityTaskDecisionAttributes)"""
    member, default = MANDATORY[cause]
    pack = world.activity_type(
        "pack", **{name: value for name, value in PAY_DEFAULTS.items() if name != default}
    )
    world.start()
    events = written(
        world, schedule("a", pack), schedule("b", pack, **{member: PAY_SETTINGS[member]})
    )
    assert events[0] == refusal(cause, activity_type=pack)
    assert [kind for kind, _ in events[1:]] == ["ActivityTaskScheduled"]


def test_the_heartbeat_time_out_may_be_left_out(world):
    """If set, specifies the maximum time before which a worker processing a task of this type must
    report progress. (ScheduleActivityTaskDecisionAttributes, heartbeatTimeout: of the four
    time-outs the one that need not be specified)"""
    quiet = {k: v for k, v in PAY_DEFAULTS.items() if k != "defaultTaskHeartbeatTimeout"}
    pack = world.activity_type("pack", **quiet)
    world.start()
    ((kind, scheduled),) = written(world, schedule("a", pack))
    assert kind == "ActivityTaskScheduled"
    assert scheduled.get("heartbeatTimeout", "NONE") == "NONE"


# --- RequestCancelActivityTask -----------------------------------------------------------


def test_an_activity_that_nobody_has_is_canceled_at_once(world):
    """If the activity task was scheduled but has not been assigned to a worker, then it is
    canceled. (Decision)"""
    world.start()
    assert written(world, schedule("a"), cancel_activity("a"))[1:] == [
        (
            "ActivityTaskCancelRequested",
            {"activityId": "a", "decisionTaskCompletedEventId": ANSWER},
        ),
        (
            "ActivityTaskCanceled",
            {
                "scheduledEventId": ANSWER + 1,
                "startedEventId": 0,
                "latestCancelRequestedEventId": ANSWER + 2,
            },
        ),
    ]
    assert world.open_counts() == {"openDecisionTasks": 1}
    pending = world.swf.count_pending_activity_tasks(
        domain=world.domain, taskList={"name": "workers"}
    )
    assert pending["count"] == 0


def test_a_canceled_activity_has_left_the_list(world):
    """If the activity task was scheduled but has not been assigned to a worker, then it is
    canceled. (Decision)"""
    world.decided(schedule("a"), schedule("b"), cancel_activity("a"))
    assert world.poll_activity()["activityId"] == "b"


def test_the_worker_of_a_started_activity_is_told(world):
    """If the activity task was already assigned to a worker, then the worker is informed that
    cancellation has been requested in the response to RecordActivityTaskHeartbeat. (Decision)"""
    task = world.working()
    assert world.heartbeat(task) is False
    world.signal()
    assert written(world, cancel_activity("a")) == [
        (
            "ActivityTaskCancelRequested",
            {"activityId": "a", "decisionTaskCompletedEventId": ANSWER + 6},
        )
    ]
    assert world.heartbeat(task) is True
    assert world.heartbeat(task, details="still going on") is True
    assert world.open_counts() == {"openActivityTasks": 1}


def test_the_worker_gives_up(world):
    """If the worker can cancel the activity, it should respond with RespondActivityTaskCanceled.
    (RecordActivityTaskHeartbeat) These details (if provided) appear in the ActivityTaskCanceled
    event added to the workflow history. (RespondActivityTaskCanceled) The ID of the last
    ActivityTaskCancelRequested event recorded for this activity task.
    (ActivityTaskCanceledEventAttributes)"""
    task = world.working()
    world.signal()
    world.decide(cancel_activity("a"))
    world.activity_canceled(task, details="undone")
    assert world.last("ActivityTaskCanceled") == {
        "details": "undone",
        "scheduledEventId": ANSWER + 1,
        "startedEventId": ANSWER + 2,
        "latestCancelRequestedEventId": world.id_of("ActivityTaskCancelRequested"),
    }
    assert decision_due(world)


def test_the_last_of_several_requests_is_named(world):
    """If set, contains the ID of the last ActivityTaskCancelRequested event recorded for this
    activity task. (ActivityTaskCanceledEventAttributes)"""
    task = world.working()
    for _ in range(2):
        world.signal()
        world.decide(cancel_activity("a"))
    world.activity_canceled(task)
    assert len(world.all("ActivityTaskCancelRequested")) == 2
    assert world.last("ActivityTaskCanceled")["latestCancelRequestedEventId"] == world.id_of(
        "ActivityTaskCancelRequested"
    )


@pytest.mark.parametrize(
    ("ends", "kind"), [(completes, "ActivityTaskCompleted"), (fails, "ActivityTaskFailed")]
)
def test_the_worker_goes_on(world, ends, kind):
    """If the worker can cancel the activity, it should respond with RespondActivityTaskCanceled.
    Otherwise, it should ignore the cancellation request. (RecordActivityTaskHeartbeat)"""
    task = world.working()
    world.signal()
    world.decide(cancel_activity("a"))
    ends(world, task)
    assert world.kinds()[-2:] == [kind, "DecisionTaskScheduled"]
    assert world.last(kind)["startedEventId"] == ANSWER + 2


def never(world):
    world.start()


def after_its_end(world):
    world.activity_completed(world.working())


def after_its_cancellation(world):
    world.decided(schedule("a"), cancel_activity("a"))


@pytest.mark.parametrize("begins", [never, after_its_end, after_its_cancellation])
def test_an_activity_that_is_not_open(world, begins):
    """RequestCancelActivityTaskFailed: this could happen if there is no open activity task with the
    specified activityId. (Decision) Cause ACTIVITY_ID_UNKNOWN."""
    begins(world)
    events = written(world, cancel_activity("a"))
    assert events == [
        (
            "RequestCancelActivityTaskFailed",
            {
                "activityId": "a",
                "cause": "ACTIVITY_ID_UNKNOWN",
                "decisionTaskCompletedEventId": world.id_of("DecisionTaskCompleted"),
            },
        )
    ]
    assert decision_due(world)


# --- the end of the execution ------------------------------------------------------------


def test_a_worker_is_told_that_the_execution_is_closed(world):
    """UnknownResourceFault: this could happen if the named resource was never created or is no
    longer available for this operation."""
    task = world.working()
    world.signal()
    world.decide(complete())
    known = world.kinds()
    for answer in (
        world.heartbeat,
        world.activity_completed,
        world.activity_failed,
        world.activity_canceled,
    ):
        with refused(world.swf, "UnknownResourceFault"):
            answer(task)
    assert world.kinds() == known


def test_an_activity_of_a_closed_execution_is_handed_out_no_more(world):
    """Specifies the task list to poll for activity tasks (PollForActivityTask): of executions that
    are open."""
    world.decided(schedule("a"))
    world.terminate()
    pending = world.swf.count_pending_activity_tasks(
        domain=world.domain, taskList={"name": "workers"}
    )
    assert pending["count"] == 0
    assert world.open_counts() == {}
    world.decided(schedule("b"), workflow_id="other")
    assert world.poll_activity()["activityId"] == "b"
