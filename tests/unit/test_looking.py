"""An engine's file that is only looked at: by whom, and with what effect."""

import pytest

from dataflow.connect import connect
from dataflow.engine import Engine
from dataflow.engine.home import DATABASE
from dataflow.errors import Unreachable, UsageError
from dataflow.inspection.reading import Filter, Reader
from dataflow.protocol.faults import ServiceUnavailable
from dataflow.testing import VirtualClock

LIST = {"name": "list"}


@pytest.fixture
def file(tmp_path):
    return tmp_path / DATABASE


def start(engine, workflow_id, timeout="1"):
    return engine.start_workflow_execution(
        domain="shop",
        workflowId=workflow_id,
        workflowType={"name": "order", "version": "1"},
        taskList=LIST,
        executionStartToCloseTimeout=timeout,
        taskStartToCloseTimeout="NONE",
        childPolicy="ABANDON",
    )["runId"]


@pytest.fixture
def owner(file):
    """An engine with an execution whose time is up long ago, on a clock that stands still."""
    with Engine(file, clock=VirtualClock(), poll_seconds=0) as engine:
        engine.register_domain(name="shop", workflowExecutionRetentionPeriodInDays="30")
        engine.register_workflow_type(domain="shop", name="order", version="1")
        start(engine, "w")
        yield engine


def test_one_can_look_while_another_owns_the_file(owner, file):
    with Engine(file, read_only=True) as looking:
        reader = Reader(looking, "shop")
        assert reader.find("w").is_open
        assert len(list(reader.events(reader.find("w")))) == 2
        assert reader.describe_domain().open_executions == 1
    start(owner, "v")
    with Engine(file, read_only=True) as looking:
        assert len(list(Reader(looking, "shop").executions(Filter()))) == 2


def test_nothing_times_out_where_one_only_looks(owner, file):
    owner.close()
    before = file.read_bytes()
    for _ in range(3):
        with Engine(file, read_only=True) as looking:
            assert Reader(looking, "shop").find("w").is_open
    assert file.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        lambda engine: start(engine, "another"),
        lambda engine: engine.poll_for_decision_task(domain="shop", taskList=LIST),
        lambda engine: engine.terminate_workflow_execution(domain="shop", workflowId="w"),
        lambda engine: engine.register_domain(
            name="more", workflowExecutionRetentionPeriodInDays="1"
        ),
    ],
)
def test_what_would_change_something_is_refused(owner, file, change):
    with Engine(file, read_only=True, poll_seconds=0) as looking:
        with pytest.raises(ServiceUnavailable, match="nothing was changed: cannot write"):
            change(looking)
        assert Reader(looking, "shop").find("w").is_open
    assert len(list(Reader(owner, "shop").executions(Filter()))) == 1


def test_a_file_must_be_there_to_look_at_it(tmp_path):
    with pytest.raises(UsageError, match="cannot use"):
        Engine(tmp_path / "nothing.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_something_else(file):
    file.write_bytes(b"no database at all, but long enough to be one " * 100)
    with pytest.raises(UsageError):
        Engine(file, read_only=True)


# --- the way there ---------------------------------------------------------------------------


def test_the_file_is_looked_at_where_no_server_runs(owner, file):
    with connect("local", home=str(file.parent), look=True) as connection:
        assert connection.kind == "embedded"
        assert Reader(connection.service, "shop").find("w").is_open


def test_without_a_file_there_is_no_way(tmp_path):
    with pytest.raises(Unreachable, match=r"no engine runs on .*server\.start"):
        connect("local", home=str(tmp_path), look=True)
    assert list(tmp_path.iterdir()) == []


def test_whoever_does_more_than_look_needs_a_server(owner, file):
    with pytest.raises(Unreachable):
        connect("local", home=str(file.parent))
