"""Types are registered when they are first needed."""

import pytest
from decider_world import DOMAIN

from dataflow.process.registering import Registrar
from dataflow.protocol.decisions import CompleteWorkflowExecution, ScheduleActivityTask
from dataflow.protocol.faults import (
    AccessDeniedException,
    OperationNotPermittedFault,
    ServiceUnavailable,
)
from dataflow.protocol.values import ActivityType, WorkflowType

ACTIVITIES = "register_activity_type"
KIND = ActivityType("pay", "1")


def registered(world):
    answer = world.engine.list_activity_types(domain=DOMAIN, registrationStatus="REGISTERED")
    return [info["activityType"] for info in answer["typeInfos"]]


def test_each_once(world):
    registrar = Registrar(world.service, DOMAIN)
    for _ in range(2):
        registrar.before(
            (
                ScheduleActivityTask(activity_type=KIND, activity_id="a"),
                ScheduleActivityTask(activity_type=KIND, activity_id="b"),
                CompleteWorkflowExecution(),
            )
        )
    assert world.service.requests(ACTIVITIES) == [{"domain": DOMAIN, "name": "pay", "version": "1"}]
    assert registered(world) == [{"name": "pay", "version": "1"}]


def test_workflow_types_are_others(world):
    registrar = Registrar(world.service, DOMAIN)
    registrar.activity(KIND)
    for _ in range(2):
        registrar.workflow(WorkflowType("pay", "1"))
    assert len(world.service.requests(ACTIVITIES)) == 1
    assert len(world.service.requests("register_workflow_type")) == 1


def test_what_is_registered_stays_as_it_is(world):
    world.engine.register_activity_type(
        domain=DOMAIN, name="pay", version="1", defaultTaskList={"name": "cashier"}
    )
    registrar = Registrar(world.service, DOMAIN)
    registrar.activity(KIND)
    registrar.activity(KIND)
    assert len(world.service.requests(ACTIVITIES)) == 1
    described = world.engine.describe_activity_type(
        domain=DOMAIN, activityType={"name": "pay", "version": "1"}
    )
    assert described["configuration"]["defaultTaskList"] == {"name": "cashier"}


@pytest.mark.parametrize("fault", [AccessDeniedException, OperationNotPermittedFault])
def test_who_may_not_register_goes_on(world, caplog, fault):
    def refuse(*_, **__):
        raise fault("ask the admins")

    world.service.instead[ACTIVITIES] = refuse
    registrar = Registrar(world.service, DOMAIN)
    registrar.activity(KIND)
    registrar.activity(KIND)
    [record] = caplog.records
    assert record.getMessage() == "pay version 1 is not registered by this process: ask the admins"


def test_what_fails_is_tried_again(world):
    def fail(*_, **__):
        raise ServiceUnavailable("full")

    world.service.instead[ACTIVITIES] = fail
    registrar = Registrar(world.service, DOMAIN)
    with pytest.raises(ServiceUnavailable):
        registrar.activity(KIND)
    world.service.instead.clear()
    registrar.activity(KIND)
    assert registered(world) == [{"name": "pay", "version": "1"}]
