"""How long closed executions can be seen: the retention period of RegisterDomain."""

import pytest
from conforming import World, complete, continue_as_new, refused, schedule

DAY = 86_400


def listed(world):
    """The closed executions, however they are asked for."""
    found = []
    for name in ("startTimeFilter", "closeTimeFilter"):
        request = {"domain": world.domain, name: {"oldestDate": 0}}
        infos = world.swf.list_closed_workflow_executions(**request)["executionInfos"]
        count = world.swf.count_closed_workflow_executions(**request)["count"]
        assert count == len(infos)
        found.append(sorted(info["execution"]["runId"] for info in infos))
    assert found[0] == found[1]
    return found[0]


def gone(world, run):
    """Nothing knows the execution any more."""
    with refused(world.swf, "UnknownResourceFault"):
        world.describe(run)
    with refused(world.swf, "UnknownResourceFault"):
        world.history(run)
    return run["runId"] not in listed(world)


@pytest.mark.parametrize("days", ["NONE", "0"])
def test_no_retention(world, days):
    """ "If you pass the value NONE or 0 (zero), then the workflow execution history isn't retained.
    As soon as the workflow execution completes, the execution record and its history are
    deleted." """
    brief = world.another(retention=days)
    run = brief.start()
    assert brief.kinds(run) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    brief.decide(complete())
    assert gone(brief, run)
    brief.start()
    brief.terminate()
    assert listed(brief) == []


@pytest.mark.parametrize("days", ["NONE", "0"])
def test_no_retention_for_a_run_that_is_continued(world, days):
    """ "As soon as the workflow execution completes, the execution record and its history are
    deleted." The new run is another execution."""
    brief = world.another(retention=days)
    first = brief.decided(continue_as_new())
    assert gone(brief, first)
    second = brief.open_run(first["workflowId"])
    assert brief.kinds(second)[0] == "WorkflowExecutionStarted"
    assert (
        brief.last("WorkflowExecutionStarted", second)["continuedExecutionRunId"]
        == (first["runId"])
    )


def test_an_open_execution_is_kept(world):
    """Retention is for what is closed: "As soon as the workflow execution completes ..." """
    brief = world.another(retention="0")
    run = brief.decided(schedule("a"))
    brief.activity_completed(brief.poll_activity())
    assert brief.close_status(run) is None


@pytest.mark.needs_clock
def test_some_days(world):
    """ "The duration (in days) that records and histories of workflow executions on the domain
    should be kept by the service. After the retention period, the workflow execution isn't
    available in the results of visibility calls." """
    kept = world.another(retention="3")
    first = kept.decided(complete())
    kept.advance(DAY)
    second = kept.decided(complete())
    assert listed(kept) == sorted([first["runId"], second["runId"]])
    kept.advance(2 * DAY - 1)
    assert listed(kept) == sorted([first["runId"], second["runId"]])
    assert kept.close_status(first) == "COMPLETED"
    kept.advance(2)
    assert gone(kept, first)
    assert listed(kept) == [second["runId"]]
    assert kept.kinds(second)[-1] == "WorkflowExecutionCompleted"
    kept.advance(DAY)
    assert gone(kept, second)


@pytest.mark.needs_clock
def test_retention_counts_from_the_end(world):
    """It is closed executions that are kept for so long."""
    kept = world.another(retention="1")
    run = kept.start()
    kept.advance(10 * DAY)
    kept.decide(complete())
    kept.advance(DAY - 1)
    assert kept.close_status(run) == "COMPLETED"
    kept.advance(2)
    assert gone(kept, run)


@pytest.mark.needs_clock
def test_each_domain_has_its_own_period(world):
    """ "... of workflow executions on the domain"."""
    domains = [world.another(retention=days) for days in ("1", "2", "90")]
    for domain in domains:
        domain.decided(complete())
    world.advance(DAY + 1)
    assert [len(listed(domain)) for domain in domains] == [0, 1, 1]
    world.advance(88 * DAY)
    assert [len(listed(domain)) for domain in domains] == [0, 0, 1]
    world.advance(DAY)
    assert [len(listed(domain)) for domain in domains] == [0, 0, 0]


@pytest.mark.needs_clock
def test_many_closed_executions_go(world):
    """ "After the retention period, the workflow execution isn't available in the results of
    visibility calls." However many they are."""
    kept = World(world.swf, world.clock, retention="1")
    for number in range(50):
        kept.start(str(number))
        kept.terminate()
    assert len(listed(kept)) == 50
    kept.advance(DAY + 1)
    assert listed(kept) == []
    kept.start("0")
    assert kept.close_status() is None
