"""A process that worked for a task list is gone, and somebody knows (`EngineService.lose_workers`).

What is lost is what would be lost in the end by time-outs: see ``test_rules_lost.py``.
"""

import pytest
from conforming import schedule, timer

from dataflow.engine.embedded import Engine
from dataflow.protocol.faults import ServiceUnavailable, UnknownResourceFault

STICKY = {"taskList": {"name": "sticky"}, "taskListScheduleToStartTimeout": "300"}


def test_what_was_taken_is_there_again(world, service):
    world.start()
    world.decide(schedule("a"), **STICKY)
    world.poll_activity()
    service.lose_workers(world.domain, "workers")
    assert world.no_decision()  # it waits for its decider
    service.lose_workers(world.domain, "deciders")
    world.decide(schedule("b"))
    assert world.poll_activity()["activityId"] == "b"


def test_an_execution_that_only_waits_comes_back_to_the_common_list(world, service):
    world.start()
    world.decide(timer("t", 1_000), **STICKY)
    service.lose_workers(world.domain, "deciders")
    world.decide()
    world.signal()
    assert world.no_decision("sticky")
    world.decide()


def test_an_unknown_domain_is_a_fault_and_no_bug(world, service, caplog):
    world.start()
    task = world.poll_decision()
    with pytest.raises(UnknownResourceFault, match="Unknown domain: nowhere"):
        service.lose_workers("nowhere", "deciders")
    assert caplog.records == []
    world.decide(task=task)


def test_a_closed_engine_loses_nothing():
    engine = Engine(":memory:")
    engine.close()
    with pytest.raises(ServiceUnavailable, match="the engine is closed"):
        engine.lose_workers("d", "l")
