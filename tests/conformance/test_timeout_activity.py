"""The four time-outs of an activity task, and what comes too late.

https://docs.aws.amazon.com/amazonswf/latest/developerguide/swf-timeout-types.html
"""

import pytest
from conforming import cancel_activity, refused, schedule
from deciding import ANSWER, decision_due, expires_after, never_expires

pytestmark = pytest.mark.needs_clock

#: The id of the events of an activity that the first decision schedules and a worker takes.
SCHEDULED, STARTED = ANSWER + 1, ANSWER + 2


def timed_out(timeout_type, *, started=STARTED, **more):
    return [
        (
            "ActivityTaskTimedOut",
            {
                "timeoutType": timeout_type,
                "scheduledEventId": SCHEDULED,
                "startedEventId": started,
                **more,
            },
        )
    ]


def check_over(world, task=None):
    """The activity is closed, the decider is to be told, and late answers are refused."""
    assert world.open_counts() == {"openDecisionTasks": 1}
    assert world.kinds()[-2:] == ["ActivityTaskTimedOut", "DecisionTaskScheduled"]
    known = world.kinds()
    if task is not None:
        for answer in (
            world.heartbeat,
            world.activity_completed,
            world.activity_failed,
            world.activity_canceled,
        ):
            with refused(world.swf, "UnknownResourceFault"):
                answer(task)
    pending = world.swf.count_pending_activity_tasks(
        domain=world.domain, taskList={"name": "workers"}
    )
    assert pending["count"] == 0
    assert world.kinds() == known
    world.decide()
    assert never_expires(world)


# --- SCHEDULE_TO_START -------------------------------------------------------------------


def test_nobody_takes_the_task(world):
    """The maximum duration the activity task can wait to be assigned to a worker.
    (ScheduleActivityTaskDecisionAttributes, scheduleToStartTimeout)"""
    world.decided(schedule("a", scheduleToStartTimeout="10"))
    assert expires_after(world, 10) == timed_out("SCHEDULE_TO_START", started=0)
    check_over(world)


def test_a_task_that_timed_out_is_handed_out_no_more(world):
    """A task is closed after ... the task has timed out. (RespondActivityTaskCompleted)"""
    world.decided(schedule("a", scheduleToStartTimeout="10"), schedule("b"))
    world.advance(10)
    assert world.poll_activity()["activityId"] == "b"


def test_a_task_that_is_taken_does_not_wait(world):
    """The maximum duration the activity task can wait to be assigned to a worker.
    (ScheduleActivityTaskDecisionAttributes, scheduleToStartTimeout)"""
    world.decided(schedule("a", scheduleToStartTimeout="10"))
    world.advance(9)
    task = world.poll_activity()
    assert never_expires(world)
    world.activity_completed(task)
    assert world.kinds()[-2:] == ["ActivityTaskCompleted", "DecisionTaskScheduled"]


# --- START_TO_CLOSE ----------------------------------------------------------------------


def test_the_worker_takes_too_long(world):
    """The maximum duration a worker may take to process this activity task.
    (ScheduleActivityTaskDecisionAttributes, startToCloseTimeout)"""
    world.decided(schedule("a", startToCloseTimeout="30"))
    world.advance(1_000)  # nobody has it: it does not count yet
    task = world.poll_activity()
    assert expires_after(world, 30) == timed_out("START_TO_CLOSE")
    check_over(world, task)


def test_heartbeats_do_not_give_it_more_time(world):
    """The taskStartToCloseTimeout of an activity type is the maximum duration of an activity task,
    regardless of the number of RecordActivityTaskHeartbeat requests received.
    (RecordActivityTaskHeartbeat)"""
    task = world.working(startToCloseTimeout="30", heartbeatTimeout="8")
    for second in range(5, 30, 5):
        world.advance(5)
        world.heartbeat(task, details=f"{second} seconds")
    assert expires_after(world, 5) == timed_out("START_TO_CLOSE", details="25 seconds")
    check_over(world, task)


@pytest.mark.parametrize("ends", ["completed", "failed"])
def test_an_answer_in_time_counts(world, ends):
    """The maximum duration a worker may take to process this activity task.
    (ScheduleActivityTaskDecisionAttributes, startToCloseTimeout)"""
    task = world.working(startToCloseTimeout="30")
    world.advance(29)
    getattr(world, f"activity_{ends}")(task)
    world.decide()
    assert never_expires(world)
    assert world.all("ActivityTaskTimedOut") == []


# --- SCHEDULE_TO_CLOSE -------------------------------------------------------------------


def test_the_whole_takes_too_long(world):
    """The maximum duration for this activity task. (ScheduleActivityTaskDecisionAttributes,
    scheduleToCloseTimeout) It counts from the scheduling, whoever has the task."""
    world.decided(schedule("a", scheduleToCloseTimeout="40", startToCloseTimeout="100"))
    world.advance(35)
    task = world.poll_activity()
    world.heartbeat(task, details="begun")
    assert expires_after(world, 5) == timed_out("SCHEDULE_TO_CLOSE", details="begun")
    check_over(world, task)


def test_the_whole_takes_too_long_before_it_begins(world):
    """The maximum duration for this activity task. (ScheduleActivityTaskDecisionAttributes,
    scheduleToCloseTimeout)"""
    world.decided(schedule("a", scheduleToCloseTimeout="40", scheduleToStartTimeout="100"))
    assert expires_after(world, 40) == timed_out("SCHEDULE_TO_CLOSE", started=0)
    check_over(world)


# --- HEARTBEAT ---------------------------------------------------------------------------


def test_a_worker_that_is_not_heard_of(world):
    """The maximum time before which a worker processing a task of this type must report progress by
    calling RecordActivityTaskHeartbeat. If the timeout is exceeded, the activity task is
    automatically timed out. (ScheduleActivityTaskDecisionAttributes, heartbeatTimeout)"""
    world.decided(schedule("a", heartbeatTimeout="5"))
    world.advance(1_000)  # no worker, no heartbeat
    task = world.poll_activity()
    assert expires_after(world, 5) == timed_out("HEARTBEAT")
    check_over(world, task)


def test_heartbeats_keep_a_task_alive(world):
    """This action resets the taskHeartbeatTimeout clock. (RecordActivityTaskHeartbeat)"""
    task = world.working(heartbeatTimeout="5")
    for _ in range(10):
        world.advance(4)
        assert world.heartbeat(task) is False
    assert expires_after(world, 5) == timed_out("HEARTBEAT")
    check_over(world, task)


def test_the_details_of_the_last_heartbeat_are_kept(world):
    """If the task times out, the workflow execution history contains a ActivityTaskTimedOut event
    that contains the information from the last heartbeat generated by the activity worker.
    (RecordActivityTaskHeartbeat)"""
    task = world.working(heartbeatTimeout="5")
    world.heartbeat(task, details="one")
    world.advance(4)
    world.heartbeat(task, details="two")
    world.advance(4)
    assert "ActivityTaskTimedOut" not in world.kinds()
    assert expires_after(world, 1) == timed_out("HEARTBEAT", details="two")


def test_a_heartbeat_leaves_no_trace_in_history(world):
    """This action doesn't in itself create an event in the workflow execution history.
    (RecordActivityTaskHeartbeat)"""
    task = world.working(heartbeatTimeout="5")
    known = world.kinds()
    world.heartbeat(task, details="one")
    assert world.kinds() == known
    world.activity_completed(task)
    assert world.last("ActivityTaskCompleted") == {
        "scheduledEventId": SCHEDULED,
        "startedEventId": STARTED,
    }


def test_a_worker_that_was_asked_to_stop_may_time_out(world):
    """Otherwise, it should ignore the cancellation request. (RecordActivityTaskHeartbeat) The task
    stays open until it is closed."""
    task = world.working(heartbeatTimeout="5")
    world.signal()
    world.decide(cancel_activity("a"))
    assert world.heartbeat(task, details="asked") is True
    assert expires_after(world, 5) == timed_out("HEARTBEAT", details="asked")
    check_over(world, task)


# --- which of them -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("timeouts", "first"),
    [
        ({"startToCloseTimeout": "30", "heartbeatTimeout": "20"}, (20, "HEARTBEAT")),
        ({"startToCloseTimeout": "20", "heartbeatTimeout": "30"}, (20, "START_TO_CLOSE")),
        ({"startToCloseTimeout": "30", "scheduleToCloseTimeout": "20"}, (20, "SCHEDULE_TO_CLOSE")),
        ({"startToCloseTimeout": "20", "scheduleToCloseTimeout": "30"}, (20, "START_TO_CLOSE")),
        ({"heartbeatTimeout": "30", "scheduleToCloseTimeout": "20"}, (20, "SCHEDULE_TO_CLOSE")),
        ({"scheduleToStartTimeout": "10", "startToCloseTimeout": "20"}, (20, "START_TO_CLOSE")),
    ],
)
def test_the_earliest_one_counts(world, timeouts, first):
    """Each of them is a maximum duration. (ScheduleActivityTaskDecisionAttributes)"""
    seconds, timeout_type = first
    task = world.working(**timeouts)
    assert expires_after(world, seconds) == timed_out(timeout_type)
    check_over(world, task)


def test_without_time_outs_a_task_stays(world):
    """You can use NONE to specify unlimited duration. (ScheduleActivityTaskDecisionAttributes)"""
    settings = dict.fromkeys(
        (
            "scheduleToStartTimeout",
            "scheduleToCloseTimeout",
            "startToCloseTimeout",
            "heartbeatTimeout",
        ),
        "NONE",
    )
    world.decided(schedule("a", **settings))
    assert never_expires(world)
    task = world.poll_activity()
    assert never_expires(world)
    world.heartbeat(task)
    world.activity_completed(task)
    assert decision_due(world)


@pytest.mark.parametrize(
    ("timeout", "timeout_type"),
    [
        ("scheduleToStartTimeout", "SCHEDULE_TO_START"),
        ("scheduleToCloseTimeout", "SCHEDULE_TO_CLOSE"),
    ],
)
def test_no_time_at_all(world, timeout, timeout_type):
    """The duration is specified in seconds, an integer greater than or equal to 0.
    (ScheduleActivityTaskDecisionAttributes)"""
    world.decided(schedule("a", **{timeout: "0"}))
    assert world.last("ActivityTaskTimedOut")["timeoutType"] == timeout_type
    check_over(world)
