"""Activity tasks: scheduling, the worker's answers, the four time-outs, cancelling."""

import pytest
from one_execution import PAY, WORKERS, Token, kinds, schedule

from dataflow.engine.rules.registry import ActivityDefaults
from dataflow.engine.rules.requests import start_activity_task
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.limits import Limits
from dataflow.protocol.values import ActivityType, TaskList

# --- scheduling --------------------------------------------------------------------------

SPARE = TaskList("spare")
DEFAULTS = ActivityDefaults(
    task_list=SPARE,
    task_priority="5",
    schedule_to_start_timeout="10",
    schedule_to_close_timeout="20",
    start_to_close_timeout="30",
    heartbeat_timeout="40",
)
NO_DEFAULTS = ActivityDefaults()
OLD = ActivityType("pay", "0")
BARE = ActivityType("bare", "1")
UNKNOWN = ActivityType("unknown", "1")


class Types:
    """A registry with a type with defaults, one without, and one that is deprecated."""

    def activity_type(self, activity_type):
        return {
            PAY: DEFAULTS,
            BARE: NO_DEFAULTS,
            OLD: ActivityDefaults(deprecated=True),
        }.get(activity_type)


def bare_decision(activity_id="a", activity_type=PAY, **settings):
    return de.ScheduleActivityTask(activity_type=activity_type, activity_id=activity_id, **settings)


def scheduled(**settings):
    return ev.ActivityTaskScheduled(
        activity_type=PAY,
        activity_id="a",
        decision_task_completed_event_id=4,
        **settings,
    )


def test_the_defaults_of_the_type_stand_in(run):
    """If not specified, the defaultTaskList registered with the activity type is used.
    (ScheduleActivityTaskDecisionAttributes, taskList)"""
    run.registry = Types()
    written = run.decide(bare_decision(input="[1]", control="c"))
    assert written[1] == scheduled(
        input="[1]",
        control="c",
        task_list=SPARE,
        task_priority="5",
        schedule_to_start_timeout="10",
        schedule_to_close_timeout="20",
        start_to_close_timeout="30",
        heartbeat_timeout="40",
    )


def test_what_the_decision_says_overrides_the_defaults(run):
    """This overrides the default schedule-to-start timeout specified when registering the
    activity type using RegisterActivityType. (scheduleToStartTimeout; the others alike)"""
    settings = {
        "task_list": WORKERS,
        "task_priority": "-1",
        "schedule_to_start_timeout": "1",
        "schedule_to_close_timeout": "2",
        "start_to_close_timeout": "NONE",
        "heartbeat_timeout": "4",
    }
    run.registry = Types()
    assert run.decide(bare_decision(**settings))[1] == scheduled(**settings)


def test_an_empty_time_out_says_nothing(run):
    """DurationInSecondsOptional has a minimum length of 0."""
    run.registry = Types()
    written = run.decide(bare_decision(schedule_to_start_timeout="", heartbeat_timeout=""))
    assert written[1].schedule_to_start_timeout == "10"
    assert written[1].heartbeat_timeout == "40"


def test_heartbeats_and_a_priority_are_not_mandatory(run):
    """A schedule-to-close timeout for this activity task must be specified either as a default for
    the activity type or through this field: so say the texts of all but these two."""
    written = run.decide(schedule("a"))
    assert (written[1].heartbeat_timeout, written[1].task_priority) == ("NONE", None)


ALL = {
    "task_list": WORKERS,
    "schedule_to_start_timeout": "NONE",
    "schedule_to_close_timeout": "NONE",
    "start_to_close_timeout": "NONE",
}
CAUSES = [
    ({"activity_type": UNKNOWN}, "ACTIVITY_TYPE_DOES_NOT_EXIST"),
    ({"activity_type": OLD}, "ACTIVITY_TYPE_DEPRECATED"),
    ({"activity_id": "b"}, "ACTIVITY_ID_ALREADY_IN_USE"),
    ({"task_list": None}, "DEFAULT_TASK_LIST_UNDEFINED"),
    ({"schedule_to_start_timeout": None}, "DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED"),
    ({"schedule_to_start_timeout": ""}, "DEFAULT_SCHEDULE_TO_START_TIMEOUT_UNDEFINED"),
    ({"schedule_to_close_timeout": None}, "DEFAULT_SCHEDULE_TO_CLOSE_TIMEOUT_UNDEFINED"),
    ({"start_to_close_timeout": None}, "DEFAULT_START_TO_CLOSE_TIMEOUT_UNDEFINED"),
]


@pytest.mark.parametrize(("wrong", "cause"), CAUSES)
def test_an_activity_that_cannot_be_scheduled(run, wrong, cause):
    """ScheduleActivityTaskFailed - A ScheduleActivityTask decision failed. This could happen if
    the activity type specified in the decision isn't registered, is in a deprecated state, or the
    decision isn't properly configured. (Decision)"""
    run.decide(schedule("b", activity_type=PAY))
    run.signal()
    run.registry = Types()
    settings = {"activity_type": BARE, "activity_id": "a", **ALL, **wrong}
    written = run.decide(de.ScheduleActivityTask(**settings))
    assert written[1] == ev.ScheduleActivityTaskFailed(
        activity_type=settings["activity_type"],
        activity_id=settings["activity_id"],
        cause=cause,
        decision_task_completed_event_id=9,
    )
    assert kinds(written)[2:] == ["DecisionTaskScheduled"]
    assert list(run.state.activity_ids) == ["b"]


def test_at_most_so_many_activities_are_open(run):
    """open activity tasks 1,000 (Developer Guide, Amazon SWF Quotas)"""
    run.limits = Limits(open_activities=2)
    written = run.decide(schedule("a"), schedule("b"), schedule("c"))
    assert kinds(written)[1:3] == ["ActivityTaskScheduled", "ActivityTaskScheduled"]
    assert written[3].cause == "OPEN_ACTIVITIES_LIMIT_EXCEEDED"
    run.complete(run.take("a"))
    assert kinds(run.decide(schedule("c")))[1] == "ActivityTaskScheduled"


WAYS_TO_END = {
    "completed": lambda run, token: run.complete(token),
    "failed": lambda run, token: run.fail(token),
    "canceled": lambda run, token: run.cancel(token),
    "timed out": lambda run, _: run.wait(100),
}


@pytest.mark.parametrize("end", WAYS_TO_END.values(), ids=WAYS_TO_END)
def test_the_id_of_an_activity_that_has_ended_is_free(run, end):
    """A task is closed after it has been specified in a call to RespondActivityTaskCompleted,
    RespondActivityTaskCanceled, RespondActivityTaskFailed, or the task has timed out.
    (RespondActivityTaskCompleted)"""
    run.decide(schedule("a", start_to_close_timeout="100"))
    end(run, run.take("a"))
    assert kinds(run.decide(schedule("a")))[1] == "ActivityTaskScheduled"
    assert list(run.state.activity_ids) == ["a"]


def test_a_task_in_the_hands_of_a_worker_is_open(run):
    """A task is reported as open while a worker is processing it. (RespondActivityTaskCompleted)"""
    run.decide(schedule("a"))
    run.take("a")
    run.signal()
    assert run.decide(schedule("a"))[1].cause == "ACTIVITY_ID_ALREADY_IN_USE"


# --- the worker --------------------------------------------------------------------------


@pytest.fixture
def working(run):
    """An execution with an activity (event 5) in a worker's hands (event 6)."""
    run.decide(schedule("a"))
    assert run.take("a", identity="worker-1@host") == (5, 6)
    return run


TOKEN = Token(5, 6)


def test_a_worker_takes_a_task(working):
    """ActivityTaskStarted - The scheduled activity task was dispatched to a worker.
    (HistoryEvent)"""
    assert working.history[-1].attributes == ev.ActivityTaskStarted(
        scheduled_event_id=5, identity="worker-1@host"
    )


def test_a_task_is_handed_out_once(run):
    run.decide(schedule("a"))
    run.take("a")
    with run.refused():
        run.take("a")


def test_the_times_of_a_task_are_known(run):
    """The time when the last activity task was scheduled for this workflow execution.
    (DescribeWorkflowExecution, latestActivityTaskTimestamp)"""
    assert run.state.latest_activity_at is None
    began = run.now
    run.decide(schedule("a"))
    run.wait(5)
    run.take("a")
    activity = run.state.activities[5]
    assert (activity.scheduled_at, activity.started_at) == (began, began + 5)
    assert run.state.latest_activity_at == began


@pytest.mark.parametrize("scheduled_event_id", [0, 4, 6, 99])
def test_what_was_never_scheduled_is_not_handed_out(working, scheduled_event_id):
    with working.refused():
        start_activity_task(working.state, scheduled_event_id, None, working.now)


def test_a_worker_completes_its_task(working):
    """The result appears in the ActivityTaskCompleted event in the workflow history.
    (RespondActivityTaskCompleted)"""
    written = working.complete(TOKEN, "42")
    assert written[0] == ev.ActivityTaskCompleted(
        scheduled_event_id=5, started_event_id=6, result="42"
    )
    assert kinds(written)[1:] == ["DecisionTaskScheduled"]


def test_a_worker_fails_its_task(working):
    """The reason and details appear in the ActivityTaskFailed event added to the workflow history.
    (RespondActivityTaskFailed)"""
    written = working.fail(TOKEN, "r", "d")
    assert written[0] == ev.ActivityTaskFailed(
        scheduled_event_id=5, started_event_id=6, reason="r", details="d"
    )
    assert kinds(written)[1:] == ["DecisionTaskScheduled"]


def test_a_worker_gives_its_task_up_without_being_asked(working):
    """Silent in the documentation: "Only use this operation if the canceled flag of a
    RecordActivityTaskHeartbeat request returns true". (RespondActivityTaskCanceled)"""
    written = working.cancel(TOKEN, "d")
    assert written[0] == ev.ActivityTaskCanceled(
        scheduled_event_id=5, started_event_id=6, details="d"
    )
    assert kinds(written)[1:] == ["DecisionTaskScheduled"]


ANSWERS = {
    "complete": lambda run, token: run.complete(token),
    "fail": lambda run, token: run.fail(token),
    "cancel": lambda run, token: run.cancel(token),
    "heartbeat": lambda run, token: run.heartbeat(token),
}
FOREIGN = [Token(5, 0), Token(5, 5), Token(5, 99), Token(6, 6), Token(0, 0), Token(99, 6)]


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("token", FOREIGN)
def test_a_foreign_token_is_refused(working, token, answer):
    """Returned when the named resource cannot be found with in the scope of this operation.
    (UnknownResourceFault)"""
    with working.refused():
        answer(working, token)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("end", WAYS_TO_END.values(), ids=WAYS_TO_END)
def test_a_late_or_second_answer_is_refused(run, end, answer):
    """If the activity worker subsequently attempts to record a heartbeat or returns a result, the
    activity worker receives an UnknownResource fault. (defaultTaskHeartbeatTimeout)"""
    run.decide(schedule("a", start_to_close_timeout="100"))
    token = run.take("a")
    end(run, token)
    with run.refused():
        answer(run, token)


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_a_task_that_nobody_has_cannot_be_answered(run, answer):
    run.decide(schedule("a"))
    with run.refused():
        answer(run, Token(5, 0))


def test_the_token_of_an_earlier_task_of_the_same_id_is_refused(working):
    working.complete(TOKEN)
    working.decide(schedule("a"))
    assert working.take("a") != TOKEN
    with working.refused():
        working.complete(TOKEN)


# --- time-outs ---------------------------------------------------------------------------


def timed_out(timeout_type, started=0, details=None):
    return ev.ActivityTaskTimedOut(
        timeout_type=timeout_type,
        scheduled_event_id=5,
        started_event_id=started,
        details=details,
    )


TIMEOUTS = [
    # time-out, seconds before the task is taken (None: never), then until, how
    ({"schedule_to_start_timeout": "10"}, None, 10, "SCHEDULE_TO_START"),
    ({"schedule_to_close_timeout": "10"}, None, 10, "SCHEDULE_TO_CLOSE"),
    ({"schedule_to_close_timeout": "10"}, 4, 6, "SCHEDULE_TO_CLOSE"),
    ({"start_to_close_timeout": "10"}, 4, 10, "START_TO_CLOSE"),
    ({"heartbeat_timeout": "10"}, 4, 10, "HEARTBEAT"),
    ({"schedule_to_start_timeout": "0"}, None, 0, "SCHEDULE_TO_START"),
]


@pytest.mark.parametrize(("timeout", "before", "until", "timeout_type"), TIMEOUTS)
def test_a_task_times_out(run, timeout, before, until, timeout_type):
    """If set, specifies the maximum duration the activity task can wait to be assigned to a worker.
    (scheduleToStartTimeout) The maximum duration for this activity task. (scheduleToCloseTimeout)
    If set, specifies the maximum duration a worker may take to process this activity task.
    (startToCloseTimeout) If set, specifies the maximum time before which a worker processing a task
    of this type must report progress by calling RecordActivityTaskHeartbeat. (heartbeatTimeout)"""
    run.decide(schedule("a", **timeout))
    if before is not None:
        run.wait(before)
        run.take("a")
    if until:
        assert run.wait(until - 0.5) == []
        run.wait(0.25)
    written = run.wait(0.25)
    assert written[0] == timed_out(timeout_type, started=0 if before is None else 6)
    assert kinds(written)[1:] == ["DecisionTaskScheduled"]
    assert run.state.activities == {}


NEVER = [
    ({"schedule_to_start_timeout": "10"}, True),
    ({"start_to_close_timeout": "10"}, False),
    ({"heartbeat_timeout": "10"}, False),
    ({}, False),
    ({}, True),
]


@pytest.mark.parametrize(("timeout", "take"), NEVER)
def test_a_time_out_that_does_not_apply(run, timeout, take):
    """You can use NONE to specify unlimited duration. (ScheduleActivityTaskDecisionAttributes)"""
    run.decide(schedule("a", **timeout))
    if take:
        run.take("a")
    assert run.wait(90_000) == []


TIES = [
    (["schedule_to_start_timeout", "schedule_to_close_timeout"], False, "SCHEDULE_TO_START"),
    (["start_to_close_timeout", "schedule_to_close_timeout"], True, "START_TO_CLOSE"),
    (["heartbeat_timeout", "schedule_to_close_timeout"], True, "HEARTBEAT"),
    (["start_to_close_timeout", "heartbeat_timeout"], True, "START_TO_CLOSE"),
]


@pytest.mark.parametrize(("timeouts", "take", "timeout_type"), TIES)
def test_which_time_out_is_named_when_two_expire_together(run, timeouts, take, timeout_type):
    """Silent in the documentation: that of the one part, rather than that of the whole."""
    run.decide(schedule("a", **dict.fromkeys(timeouts, "10")))
    started = run.take("a").started_event_id if take else 0
    assert run.wait(10)[0] == timed_out(timeout_type, started)


@pytest.mark.parametrize("start_to_close", ["8", "9"])
def test_the_earliest_time_out_is_named_even_if_it_is_noticed_late(run, start_to_close):
    run.decide(schedule("a", start_to_close_timeout=start_to_close, schedule_to_close_timeout="10"))
    run.wait(1.5)
    run.take("a")
    expected = {"8": "START_TO_CLOSE", "9": "SCHEDULE_TO_CLOSE"}[start_to_close]
    run.now += 1_000
    assert run.wait(0)[0] == timed_out(expected, 6)


def test_activities_that_expire_together_time_out_in_the_order_of_their_scheduling(run):
    run.decide(*[schedule(name, schedule_to_start_timeout="10") for name in "cab"])
    written = run.wait(10)
    assert [event.scheduled_event_id for event in written[:1] + written[2:]] == [5, 6, 7]
    assert kinds(written)[1] == "DecisionTaskScheduled"


# --- heartbeats --------------------------------------------------------------------------


def test_a_heartbeat_resets_its_clock(run):
    """This action resets the taskHeartbeatTimeout clock. (RecordActivityTaskHeartbeat)"""
    run.decide(schedule("a", heartbeat_timeout="10"))
    token = run.take("a")
    for _ in range(5):
        assert run.wait(9) == []
        assert run.heartbeat(token) is False
    assert run.wait(9.5) == []
    assert run.wait(0.5)[0] == timed_out("HEARTBEAT", 6)


@pytest.mark.parametrize("timeout", ["start_to_close_timeout", "schedule_to_close_timeout"])
def test_a_heartbeat_extends_nothing_else(run, timeout):
    """The taskStartToCloseTimeout of an activity type is the maximum duration of an activity task,
    regardless of the number of RecordActivityTaskHeartbeat requests received.
    (RecordActivityTaskHeartbeat)"""
    run.decide(schedule("a", heartbeat_timeout="10", **{timeout: "25"}))
    token = run.take("a")
    for _ in range(3):
        assert run.wait(8) == []
        run.heartbeat(token)
    timeout_type = timeout.removesuffix("_timeout").upper()
    assert run.wait(1)[0] == timed_out(timeout_type, 6)


@pytest.mark.parametrize("beats", [["30 %"], ["10 %", "30 %"], ["10 %", None]])
def test_a_time_out_tells_the_details_of_the_last_heartbeat(run, beats):
    """Contains the content of the details parameter for the last call made by the activity to
    RecordActivityTaskHeartbeat. (ActivityTaskTimedOutEventAttributes, details)"""
    run.decide(schedule("a", start_to_close_timeout="10"))
    token = run.take("a")
    for details in beats:
        run.heartbeat(token, details)
    assert run.wait(10)[0] == timed_out("START_TO_CLOSE", 6, beats[-1])


def test_a_heartbeat_writes_no_event(working):
    """This action doesn't in itself create an event in the workflow execution history.
    (RecordActivityTaskHeartbeat)"""
    length = len(working.history)
    working.heartbeat(TOKEN, "30 %")
    assert len(working.history) == length


def test_a_heartbeat_from_the_past_takes_no_time_away(run):
    run.decide(schedule("a", heartbeat_timeout="10"))
    token = run.take("a")
    run.now -= 5
    run.heartbeat(token)
    run.now += 5
    assert run.wait(9.5) == []


# --- cancelling --------------------------------------------------------------------------

CANCEL = de.RequestCancelActivityTask("a")


def test_a_task_that_nobody_has_is_cancelled_at_once(run):
    """If the activity task was scheduled but has not been assigned to a worker, then it is
    canceled. (Decision, RequestCancelActivityTask)"""
    run.decide(schedule("a", schedule_to_start_timeout="10"))
    run.signal()
    assert run.decide(CANCEL)[1:3] == [
        ev.ActivityTaskCancelRequested(decision_task_completed_event_id=9, activity_id="a"),
        ev.ActivityTaskCanceled(
            scheduled_event_id=5, started_event_id=0, latest_cancel_requested_event_id=10
        ),
    ]
    assert run.state.decision_task is not None
    assert run.wait(90_000) == []
    assert run.state.activity_ids == {}


def test_a_worker_is_asked_to_give_its_task_up(working):
    """If the activity task was already assigned to a worker, then the worker is informed that
    cancellation has been requested in the response to RecordActivityTaskHeartbeat. (Decision)"""
    assert working.heartbeat(TOKEN) is False
    working.signal()
    assert working.decide(CANCEL)[1:] == [
        ev.ActivityTaskCancelRequested(decision_task_completed_event_id=10, activity_id="a")
    ]
    assert working.heartbeat(TOKEN) is True
    assert working.cancel(TOKEN, "d")[0] == ev.ActivityTaskCanceled(
        scheduled_event_id=5,
        started_event_id=6,
        details="d",
        latest_cancel_requested_event_id=11,
    )


@pytest.mark.parametrize("answer", ["complete", "fail"])
def test_a_worker_may_finish_all_the_same(working, answer):
    """Otherwise, it should ignore the cancellation request. (RecordActivityTaskHeartbeat)"""
    working.signal()
    working.decide(CANCEL)
    assert kinds(ANSWERS[answer](working, TOKEN))[1:] == ["DecisionTaskScheduled"]
    assert working.state.activities == {}


def test_a_request_to_cancel_leaves_the_time_outs_as_they_are(run):
    run.decide(schedule("a", start_to_close_timeout="10"))
    run.take("a")
    run.signal()
    run.decide(CANCEL)
    assert run.wait(10)[0] == timed_out("START_TO_CLOSE", 6)


def test_the_latest_of_several_requests_is_named(working):
    """If set, contains the ID of the last ActivityTaskCancelRequested event recorded for this
    activity task. (ActivityTaskCanceledEventAttributes, latestCancelRequestedEventId)"""
    working.signal()
    working.decide(CANCEL, CANCEL)
    last = working.history[-1]
    assert kinds([last.attributes]) == ["ActivityTaskCancelRequested"]
    canceled = working.cancel(TOKEN)[0]
    assert canceled.latest_cancel_requested_event_id == last.event_id


@pytest.mark.parametrize("earlier", [[], [schedule("a"), CANCEL]], ids=["never", "no longer"])
def test_an_activity_that_is_not_open_cannot_be_cancelled(run, earlier):
    """RequestCancelActivityTaskFailed - A RequestCancelActivityTask decision failed. This could
    happen if there is no open activity task with the specified activityId. (Decision)"""
    written = run.decide(*earlier, CANCEL)
    assert written[-2] == ev.RequestCancelActivityTaskFailed(
        activity_id="a",
        cause="ACTIVITY_ID_UNKNOWN",
        decision_task_completed_event_id=4,
    )
    assert kinds(written)[-1] == "DecisionTaskScheduled"
