"""What is asked of a service, and what it costs in calls."""

from collections import Counter

import pytest

from dataflow.engine import Engine
from dataflow.errors import NotFound
from dataflow.inspection.reading import Filter, Reader, domains
from dataflow.protocol.events import CLOSE_STATUS
from dataflow.protocol.service import Service
from dataflow.protocol.values import WorkflowExecution
from dataflow.testing import VirtualClock

BEGIN = 1_767_261_600.0
LIST = {"name": "list"}


class Counting(Service):
    """A service in front of another one."""

    def __init__(self, engine):
        self.engine = engine
        self.calls = Counter()

    def _call(self, operation, request):
        self.calls[operation] += 1
        return self.engine._call(operation, request)


@pytest.fixture
def clock():
    return VirtualClock(BEGIN)


@pytest.fixture
def engine(clock):
    with Engine(":memory:", poll_seconds=0, clock=clock) as engine:
        engine.register_domain(name="shop", workflowExecutionRetentionPeriodInDays="30")
        for name in ("order", "bill"):
            for version in ("1", "2"):
                engine.register_workflow_type(domain="shop", name=name, version=version)
        yield engine


@pytest.fixture
def service(engine):
    return Counting(engine)


@pytest.fixture
def reader(service):
    return Reader(service, "shop")


def start(engine, workflow_id, name="order", version="1", tags=()):
    return engine.start_workflow_execution(
        domain="shop",
        workflowId=workflow_id,
        workflowType={"name": name, "version": version},
        taskList=LIST,
        tagList=list(tags),
        executionStartToCloseTimeout="9999999",
        taskStartToCloseTimeout="NONE",
        childPolicy="ABANDON",
    )["runId"]


def decide(engine, decision, **attributes):
    task = engine.poll_for_decision_task(domain="shop", taskList=LIST)
    member = f"{decision[0].lower()}{decision[1:]}DecisionAttributes"
    engine.respond_decision_task_completed(
        taskToken=task["taskToken"], decisions=[{"decisionType": decision, member: attributes}]
    )


def complete(engine, workflow_id, **more):
    run_id = start(engine, workflow_id, **more)
    decide(engine, "CompleteWorkflowExecution", result="1")
    return run_id


def ids(found):
    return [execution.workflow_id for execution in found]


# --- one execution -----------------------------------------------------------------------------


def test_the_latest_run_is_found_open_or_closed(engine, reader, clock):
    first = complete(engine, "w")
    assert reader.find("w").run_id == first
    clock.advance(1)
    second = complete(engine, "w")
    assert reader.find("w").run_id == second
    clock.advance(1)
    third = start(engine, "w")
    assert reader.find("w").run_id == third
    assert reader.find("w", first).status == "COMPLETED"


def test_finding_costs_at_most_two_calls(engine, reader, service):
    complete(engine, "w")
    service.calls.clear()
    reader.find("w")
    assert service.calls.total() == 2


@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda r: r.find("nobody"), "there is no execution nobody in the domain shop"),
        (lambda r: r.find("w", "nix"), "no execution w with the run id nix in the domain shop"),
        (
            lambda r: list(r.events(WorkflowExecution("w", "nix"))),
            "no execution w with the run id nix",
        ),
    ],
)
def test_what_is_not_there(engine, reader, ask, told):
    start(engine, "w")
    with pytest.raises(NotFound) as caught:
        ask(reader)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    "ask",
    [
        lambda r: r.find("w"),
        lambda r: r.find("w", "r"),
        lambda r: list(r.executions(Filter())),
        lambda r: r.describe_domain(),
        lambda r: list(r.types("activity", ["REGISTERED"])),
        lambda r: r.task_list("list", executions=1),
    ],
)
def test_a_domain_that_is_not_there(service, ask):
    with pytest.raises(NotFound, match=r"there is no domain nix: .*domain\.list"):
        ask(Reader(service, "nix"))


def test_events_come_page_by_page(engine, reader, service):
    run_id = start(engine, "w")
    for _ in range(30):
        engine.signal_workflow_execution(domain="shop", workflowId="w", signalName="s")
    execution = WorkflowExecution("w", run_id)
    service.calls.clear()
    events = list(reader.events(execution, page_size=10))
    assert [event.event_id for event in events] == list(range(1, 33))
    assert service.calls.total() == 4
    assert list(reader.events(execution, reverse=True, page_size=7)) == events[::-1]
    assert reader.last_event(execution) == events[-1]
    assert reader.events_after(execution, 25) == events[25:]
    assert reader.events_after(execution, 32) == []


def test_what_is_new_costs_one_call(engine, reader, service):
    run_id = start(engine, "w")
    for _ in range(300):
        engine.signal_workflow_execution(domain="shop", workflowId="w", signalName="s")
    service.calls.clear()
    assert len(reader.events_after(WorkflowExecution("w", run_id), 300)) == 2
    assert service.calls.total() == 1


def test_following_ends_with_the_run(engine, reader):
    start(engine, "w")
    steps = [
        lambda: None,
        lambda: engine.signal_workflow_execution(domain="shop", workflowId="w", signalName="s"),
        lambda: decide(engine, "CompleteWorkflowExecution"),
    ]

    def pause():
        steps.pop(0)()

    looks = list(reader.follow(reader.find("w"), pause))
    assert [len(look) for look in looks] == [2, 0, 1, 3]
    assert type(looks[-1][-1].attributes) in CLOSE_STATUS
    assert steps == []


def test_a_summary_reads_two_events(engine, reader, service):
    run_id = complete(engine, "w", tags=["a"])
    execution = reader.find("w")
    service.calls.clear()
    found = reader.summary(execution)
    assert service.calls == {"GetWorkflowExecutionHistory": 2, "DescribeWorkflowExecution": 1}
    assert found.ending.result == "1"
    assert found.started.workflow_type.name == "order"
    assert found.description.execution.run_id == run_id


# --- many ----------------------------------------------------------------------------------------


@pytest.fixture
def many(engine, clock):
    complete(engine, "a", tags=["red", "big"])
    clock.advance(100)
    start(engine, "b", name="bill", tags=["red"])
    decide(engine, "FailWorkflowExecution", reason="no")
    clock.advance(100)
    complete(engine, "c", version="2", tags=["big"])
    clock.advance(100)
    start(engine, "d", tags=["red"])
    clock.advance(100)
    start(engine, "e", name="bill")


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({}, "edcba"),
        ({"closed": False}, "ed"),
        ({"open": False}, "cba"),
        ({"workflow_id": "b"}, "b"),
        ({"tags": ("red",)}, "dba"),
        ({"tags": ("red", "big")}, "a"),
        ({"name": "order"}, "dca"),
        ({"name": "order", "version": "2"}, "c"),
        ({"name": "order", "tags": ("red",)}, "da"),
        ({"close_status": "FAILED"}, "b"),
        ({"close_status": "COMPLETED", "tags": ("big",)}, "ca"),
        ({"close_status": "COMPLETED", "name": "bill"}, ""),
        ({"oldest": BEGIN + 100, "latest": BEGIN + 300}, "dcb"),
        ({"by": "close", "oldest": BEGIN + 100}, "cb"),
    ],
)
def test_criteria_are_met_together(many, reader, which, expected):
    assert "".join(ids(reader.executions(Filter(**which)))) == expected


def test_the_earliest_first(many, reader):
    assert "".join(ids(reader.executions(Filter(), reverse=True))) == "deabc"


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 9])
def test_a_limit(many, reader, service, limit):
    service.calls.clear()
    assert "".join(ids(reader.executions(Filter(), limit=limit))) == "edcba"[:limit]
    if limit <= 2:
        assert service.calls == {"ListOpenWorkflowExecutions": 1}


def test_a_limit_counts_what_meets_all_criteria(many, reader):
    which = Filter(tags=("red",), name="order")
    assert ids(reader.executions(which, limit=2)) == ["d", "a"]


def test_pages_are_read_as_they_are_asked_for(engine, reader, service):
    for number in range(25):
        start(engine, f"w{number}")
    service.calls.clear()
    found = reader._list("list_open_workflow_executions", Filter(), 10, reverse=False)
    next(found)
    assert service.calls.total() == 1
    assert len(list(found)) == 24
    assert service.calls.total() == 3


# --- the domain ----------------------------------------------------------------------------------


def test_the_domain(many, engine, reader):
    found = reader.describe_domain()
    assert (found.domain.name, found.retention_days) == ("shop", 30)
    assert (found.open_executions, found.closed_executions) == (2, 3)
    engine.register_domain(name="old", workflowExecutionRetentionPeriodInDays="1")
    engine.deprecate_domain(name="old")
    assert [d.name for d in domains(engine, ["REGISTERED"])] == ["shop"]
    assert [d.name for d in domains(engine, ["REGISTERED", "DEPRECATED"])] == ["shop", "old"]


def test_types(engine, reader):
    engine.deprecate_workflow_type(domain="shop", workflowType={"name": "bill", "version": "1"})
    found = reader.types("workflow", ["REGISTERED"])
    assert [(t.name, t.version) for t in found] == [("bill", "2"), ("order", "1"), ("order", "2")]
    found = reader.types("workflow", ["REGISTERED", "DEPRECATED"], name="bill")
    assert [(t.version, t.status) for t in found] == [("2", "REGISTERED"), ("1", "DEPRECATED")]
    assert list(reader.types("activity", ["REGISTERED"])) == []


def test_a_task_list(engine, reader, service):
    start(engine, "w")
    engine.poll_for_decision_task(domain="shop", taskList=LIST, identity="me")
    start(engine, "v")
    service.calls.clear()
    found = reader.task_list("list", executions=5)
    assert (found.waiting_decisions, found.waiting_activities) == (1, 0)
    assert [(p.kind, p.identity) for p in found.pollers] == [("decision", "me")]
    assert service.calls["GetWorkflowExecutionHistory"] == 2
    assert reader.task_list("list", executions=0).pollers == ()
