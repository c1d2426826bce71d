"""Long fields in the hands of deciders, and of those who start executions and read their ends."""

import json
import threading
from types import SimpleNamespace

import pytest
from decider_flows import Doubling, Large, grow
from decider_world import DOMAIN, TASK_LIST
from test_decider_threads import deciding, lines, world

from dataflow.errors import PayloadError, PayloadUnavailable, UsageError
from dataflow.payload import jumbo
from dataflow.payload.codec import encode
from dataflow.payload.fields import CLEAR
from dataflow.process.client import Client, Start
from dataflow.process.definitions import Definitions, type_of
from dataflow.process.outgoing import write_decisions
from dataflow.process.repairing import Repair
from dataflow.protocol import decisions as de
from dataflow.protocol.limits import DATA_LENGTH
from dataflow.protocol.values import ActivityType, TaskList, WorkflowType
from dataflow.testing import HistoryBuilder, MemoryFields

LONG = DATA_LENGTH + 1

__all__ = ["world"]


@pytest.fixture
def fields(world):
    world.fields = MemoryFields()
    return world.fields


# --- what is decided -------------------------------------------------------------------------


@pytest.mark.parametrize("coded", [False, True])
def test_what_decisions_hold_is_written(coded):
    fields = MemoryFields(coded=coded)
    kind = ActivityType("a", "1")
    decisions = [
        de.ScheduleActivityTask(activity_type=kind, activity_id="1", input="x" * 99, control="{}"),
        de.ScheduleActivityTask(activity_type=kind, activity_id="2"),
        de.CancelTimer("t"),
        de.StartTimer("t", "1", control="1" * 99),
        de.CompleteWorkflowExecution("r" * 99),
        de.FailWorkflowExecution("reason", "d" * 99),
    ]
    written = write_decisions(fields, decisions, limit=98)
    assert written[1:3] == tuple(decisions[1:3])
    [first, *_, timer, complete, fail] = written
    assert (first.activity_id, first.control) == ("1", "{}")
    assert (fields.read(fail.reason), fail.reason == "reason") == ("reason", not coded)
    read = [first.input, timer.control, complete.result, fail.details]
    assert [fields.read(text)[0] for text in read] == ["x", "1", "r", "d"]
    assert all(jumbo.parse(text) for text in read)
    again = write_decisions(fields, written[:-1], limit=98)
    assert again == written[:-1], "a reference stays as it is"


def test_what_decisions_hold_stays_where_nothing_is_configured():
    decisions = (de.CompleteWorkflowExecution("1"), de.CancelTimer("t"))
    assert write_decisions(CLEAR, decisions) == decisions
    with pytest.raises(PayloadError, match="the result has 32769 characters"):
        write_decisions(CLEAR, [de.CompleteWorkflowExecution("1" * LONG)])


# --- deciders ---------------------------------------------------------------------------------


def test_a_decider_fetches_nothing_that_it_only_passes_on(world, fields):
    with deciding(world, threads=1):
        execution = world.start(Large, LONG, "y" * LONG)
        world.work(3)
        world.wait_closed(execution)
    assert world.result(execution) == [LONG, 1]
    # The decider has read the input of the execution; the activities theirs, which are references
    # where they are long, and hold one where they are not.
    [grown] = [a["result"] for a in world.attributes(execution, "ActivityTaskCompleted")][:1]
    assert fields.fetched.count(grown) == 1
    inputs = [a["input"] for a in world.attributes(execution, "ActivityTaskScheduled")]
    assert sorted(jumbo.parse(text) is not None for text in inputs) == [False, False, True]
    started = world.attributes(execution, "WorkflowExecutionStarted")[0]["input"]
    assert fields.fetched.count(started) == 1


def test_what_cannot_be_stored_just_now_is_decided_later(world, fields, clock, caplog):
    execution = world.start(Large, 1, "y" * LONG)
    with deciding(world, threads=1):
        world.work()
        fields.trouble = 1
        world.work()
        world.wait(lambda: world.context(execution))
        assert json.loads(world.context(execution)) == {"postponed": "the store does not answer"}
        assert lines(caplog, "decision.postponed")
        fields.trouble = 0
        clock.advance(5)
        world.describe(execution)
        world.wait(lambda: world.kinds(execution).count("ActivityTaskScheduled") == 3)
        world.work()
        world.wait_closed(execution)
    assert world.context(execution) == ""
    assert world.result(execution) == [1, 1]


def test_what_can_never_be_stored_is_told(world, fields, clock):
    def refuse(batch):
        raise fields.too_long(batch[0].field, LONG, DATA_LENGTH)

    fields.write_all = refuse
    with deciding(world, threads=1):
        execution = world.start(Doubling, 1)
        world.wait(lambda: world.context(execution))
    assert "the input has 32769 characters" in world.context(execution)
    assert "refused" not in world.context(execution)


# --- finding the class ---------------------------------------------------------------------


def test_the_class_is_found_by_an_input_that_is_stored():
    fields = MemoryFields()
    text = encode({"args": [], "kwargs": {}, "definition": "decider_flows.Doubling"})
    reference = fields.write(text, field="input", limit=0)
    kind = type_of(Doubling)
    assert Definitions(fields=fields).find(kind, reference) is Doubling
    fields.trouble = 1
    with pytest.raises(PayloadUnavailable):
        Definitions(fields=fields).find(kind, reference)


# --- those who start executions ---------------------------------------------------------------


def client_of(world):
    return Client(SimpleNamespace(service=world.engine, fields=world.fields), DOMAIN)


def begin(flow, text):
    return Start(
        workflow_type=WorkflowType(flow.__name__, "1"),
        workflow_id="one",
        task_list=TASK_LIST,
        input=text,
    )


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("n", [1, LONG])
def test_a_client_writes_and_reads_clear_texts(world, coded, n):
    world.fields = MemoryFields(coded=coded)
    client = client_of(world)
    text = encode({"args": [n, "x" * n], "kwargs": {}})
    execution = client.start(begin(Large, text))
    assert client.input(execution) == text
    named = {"workflowId": execution.workflow_id, "runId": execution.run_id}
    [started] = world.attributes(named, "WorkflowExecutionStarted")
    assert (started["input"] == text) is (n == 1 and not coded)
    with deciding(world, threads=1):
        world.work(3)
        ended = client.wait(execution, threading.Event(), longest_pause=0.01)
    assert ended.value == [n, 1]


def test_a_client_tells_that_an_input_is_too_long(world):
    text = encode({"args": ["x" * LONG], "kwargs": {}})
    with pytest.raises(UsageError, match=r"the input has .* set DATAFLOW_JUMBO_FIELDS_BUCKET"):
        client_of(world).start(begin(Large, text))


def test_a_client_waits_for_no_store(world, fields):
    fields.trouble = 1
    text = encode({"args": ["x" * LONG], "kwargs": {}})
    with pytest.raises(PayloadUnavailable):
        client_of(world).start(begin(Large, text))


# --- repairs ---------------------------------------------------------------------------------


@pytest.mark.parametrize("coded", [False, True])
def test_a_repair_compares_inputs_by_what_they_stand_for(world, coded):
    world.fields = fields = MemoryFields(coded=coded)
    texts = [encode({"args": ["x" * n], "kwargs": {}}) for n in (1, LONG)]
    old = HistoryBuilder(Large).decided()
    for n, text in enumerate(texts):
        written = fields.write(text, field="input", limit=DATA_LENGTH)
        old.scheduled_with(str(n), grow, written).completed(str(n), n)
    old.scheduled_with("none", grow, None).completed("none")
    repair = Repair(world, DOMAIN, "repair", old.events)

    def redirected(activity_id, text, kind=grow.activity_type):
        decision = de.ScheduleActivityTask(activity_type=kind, activity_id=activity_id, input=text)
        answer = repair.redirect(decision)
        return answer is not None and answer.task_list == TaskList("repair")

    assert [redirected(str(n), text) for n, text in enumerate(texts)] == [True, True]
    assert [redirected(str(1 - n), text) for n, text in enumerate(texts)] == [False, False]
    assert not redirected("0", texts[0], ActivityType("grow", "2"))
    assert [redirected("none", None), redirected("none", "1")] == [True, False]
    assert not redirected("unknown", texts[0])
    assert not fields.fetched
