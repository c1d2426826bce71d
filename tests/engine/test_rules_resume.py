"""After a restart: what counts on, and what counts anew."""

import pytest
from one_execution import RUN_ID, WORKFLOW_ID, dump, schedule

from dataflow.engine.rules.execution import Execution
from dataflow.engine.rules.requests import next_deadline, resume
from dataflow.protocol.decisions import StartTimer


def restart(run):
    """Go on with what the history tells, as an engine does that was stopped."""
    run.state = Execution.fold(WORKFLOW_ID, RUN_ID, run.history)
    run.heartbeats = {}
    resume(run.state, run.now)


@pytest.fixture
def beating(run):
    """An execution with an activity in a worker's hands, which reports every 10 seconds."""
    run.decide(schedule("a", heartbeat_timeout="10"))
    run.token = run.take("a")
    yield run
    # The heartbeats that count anew are not in the history.
    run.state = run.folded()


def test_a_worker_has_its_time_again(beating):
    """While the engine was stopped, nobody could hear its heartbeats. (Silent in the
    documentation: Amazon SWF is not stopped.)"""
    beating.now += 1_000
    restart(beating)
    assert next_deadline(beating.state) == beating.now + 10
    assert beating.wait(9.5) == []
    written = beating.wait(0.5)
    assert written[0].timeout_type == "HEARTBEAT"
    assert written[0].details is None


def test_a_worker_goes_on_after_it(beating):
    beating.heartbeat(beating.token, "30 %")
    beating.now += 1_000
    restart(beating)
    beating.now += 9
    assert beating.heartbeat(beating.token) is False
    beating.now += 9
    beating.complete(beating.token, "42")
    assert beating.state.activities == {}


def test_a_clock_that_went_back_takes_no_time_away(beating):
    started = beating.now
    beating.now -= 500
    restart(beating)
    assert next_deadline(beating.state) == started + 10
    beating.now = started


LONGER = {
    "start_to_close_timeout": "START_TO_CLOSE",
    "schedule_to_close_timeout": "SCHEDULE_TO_CLOSE",
}


@pytest.mark.parametrize("timeout", LONGER)
def test_other_time_outs_of_an_activity_count_on(run, timeout):
    """The maximum duration of an activity task, regardless of the number of heartbeats.
    (RecordActivityTaskHeartbeat)"""
    run.decide(schedule("a", heartbeat_timeout="10", **{timeout: "25"}))
    run.take("a")
    run.now += 24
    restart(run)
    assert run.wait(0.5) == []
    assert run.wait(0.5)[0].timeout_type == LONGER[timeout]


def test_a_task_that_nobody_has_waits_on(run):
    run.decide(schedule("a", schedule_to_start_timeout="10", heartbeat_timeout="5"))
    run.now += 1_000
    before = dump(run.state)
    restart(run)
    assert dump(run.state) == before
    assert run.wait(0)[0].timeout_type == "SCHEDULE_TO_START"


def test_timers_and_decisions_count_on(fresh):
    fresh.start(task_start_to_close_timeout="30")
    fresh.decide(StartTimer("t", "20"))
    fresh.signal()
    fresh.poll()
    fresh.now += 1_000
    before = dump(fresh.state)
    restart(fresh)
    assert dump(fresh.state) == before
