"""Deciders and workers that are known to be gone: their tasks time out at once.

Amazon SWF cannot know it, and waits; what is written is what it would write in the end.
"""

from one_domain import story
from one_execution import DECIDERS, kinds, schedule

from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.limits import Limits
from dataflow.protocol.values import WORKER_LOST, TaskList

MINE = TaskList("mine")
REDIRECTED = {"task_list": MINE, "task_list_schedule_to_start_timeout": "5"}


def test_a_worker_that_is_gone_sends_no_heartbeat(run):
    """If the timeout is exceeded, the activity task is automatically timed out. (heartbeatTimeout)
    The details tell it from a worker that is slow, and not how far the lost one had come."""
    run.decide(schedule("a", heartbeat_timeout="10", schedule_to_close_timeout="60"))
    token = run.take("a")
    run.heartbeat(token, "30 %")
    assert run.lose_worker(token)[0] == ev.ActivityTaskTimedOut(
        timeout_type="HEARTBEAT", scheduled_event_id=5, started_event_id=6, details=WORKER_LOST
    )
    assert kinds([event.attributes for event in run.history[7:]]) == ["DecisionTaskScheduled"]
    assert run.state.activities == {}
    assert run.wait(90_000) == []


def test_a_worker_that_comes_back_is_late(run):
    """If the activity worker subsequently attempts to record a heartbeat or returns a result, the
    activity worker receives an UnknownResource fault. (defaultTaskHeartbeatTimeout)"""
    run.decide(schedule("a"))
    token = run.take("a")
    run.lose_worker(token)
    for answer in (run.complete, run.fail, run.cancel, run.heartbeat):
        with run.refused():
            answer(token)
    assert kinds(run.decide(schedule("a")))[1] == "ActivityTaskScheduled"


def test_a_decider_that_is_gone_does_not_answer(run):
    """If a decision task scheduled on the override task list is started within the timeout, but not
    completed within the start-to-close timeout, Amazon SWF will also revert the override and
    schedule a new decision task to the original task list. (taskListScheduleToStartTimeout)"""
    run.answer(run.poll(), **REDIRECTED)
    run.signal()
    started = run.poll()
    assert run.lose_decider() == [
        ev.DecisionTaskTimedOut(
            timeout_type="START_TO_CLOSE", scheduled_event_id=started - 1, started_event_id=started
        ),
        ev.DecisionTaskScheduled(
            task_list=DECIDERS, start_to_close_timeout="NONE", schedule_to_start_timeout="NONE"
        ),
    ]
    with run.refused():
        run.answer(started, de.CompleteWorkflowExecution())


def test_a_decider_that_is_gone_takes_no_task_from_its_list(run):
    """If a decision task scheduled on the override task list is not started within the timeout, the
    decision task will time out. (taskListScheduleToStartTimeout)"""
    run.answer(run.poll(), **REDIRECTED)
    run.signal()
    scheduled = run.state.last_event_id
    written = run.lose_decider()
    assert written[0] == ev.DecisionTaskTimedOut(
        timeout_type="SCHEDULE_TO_START", scheduled_event_id=scheduled, started_event_id=0
    )
    assert written[1].task_list == DECIDERS
    assert run.wait(90_000) == []


def test_a_decider_that_is_gone_is_not_waited_for_later(run):
    """If a decision task scheduled on the override task list is not started within the timeout, the
    decision task will time out. Amazon SWF will revert the override and schedule a new decision
    task to the original task list. (taskListScheduleToStartTimeout)
    So there has to be a task, though nothing has happened."""
    run.answer(run.poll(), de.StartTimer(timer_id="t", start_to_fire_timeout="30"), **REDIRECTED)
    written = run.lose_decider()
    assert kinds(written) == [
        "DecisionTaskScheduled",
        "DecisionTaskTimedOut",
        "DecisionTaskScheduled",
    ]
    assert [written[0].task_list, written[2].task_list] == [MINE, DECIDERS]
    run.answer(run.poll())
    fired, scheduled = run.wait(30)
    assert kinds([fired]) == ["TimerFired"]
    assert (scheduled.task_list, scheduled.schedule_to_start_timeout) == (DECIDERS, "NONE")


def test_a_decider_that_had_nothing_loses_nothing(run):
    assert run.lose_decider() == []  # the task waits for whoever comes
    run.answer(run.poll())
    assert run.lose_decider() == []
    run.signal()
    run.answer(run.poll(), task_list=MINE)  # for good: that is no time-out's business
    assert run.lose_decider() == []


def test_what_a_list_loses(domain):
    """Its own executions and activities: not those of others, nor what nobody has taken."""
    domain.start("mine")
    domain.decide("mine", schedule("taken", task_list=MINE), schedule("waits", task_list=MINE))
    domain.take("mine", "taken")
    domain.start("other", task_list=TaskList("elsewhere"))
    domain.decide("other", schedule("elsewhere"))
    domain.take("other", "elsewhere")
    for workflow_id in ("mine", "other"):
        domain.signal(workflow_id)
        domain.poll(workflow_id)
    lost = domain.write(domain.rules.lose_workers(MINE.name, domain.now))
    assert story(lost) == ["mine ActivityTaskTimedOut"]
    lost = domain.write(domain.rules.lose_workers(DECIDERS.name, domain.now))
    assert story(lost) == ["mine DecisionTaskTimedOut", "mine DecisionTaskScheduled"]
    assert domain.rules.lose_workers("nobody's", domain.now) == []


def test_what_is_lost_may_be_one_event_too_many(domains):
    """Events in workflow execution history: 25,000. Hard limit. (Amazon SWF quotas)"""
    domain = domains(limits=Limits(history_events=10))
    domain.start()
    domain.decide("order", schedule("a"), schedule("b"))
    for activity_id in ("a", "b"):
        domain.take("order", activity_id)
    lost = domain.write(domain.rules.lose_workers(schedule().task_list.name, domain.now))
    assert story(lost) == [
        "order ActivityTaskTimedOut",
        "order DecisionTaskScheduled",
        "order WorkflowExecutionTerminated",
    ]
