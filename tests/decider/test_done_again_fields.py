"""Executions that are done again, or replayed, where fields are long, encrypted, or both."""

import pytest
from decider_flows import ACTIVITIES, grow, measure
from decider_world import DOMAIN
from test_resetting import Play

from dataflow import Retry, TaskFailed, Workflow, activity
from dataflow.errors import PayloadUnavailable
from dataflow.inspection.exported import Exported
from dataflow.inspection.reading import Reader
from dataflow.payload import jumbo
from dataflow.process.control import Control
from dataflow.process.rehearsing import rehearse
from dataflow.process.repairing import Repair
from dataflow.protocol import decisions as de
from dataflow.protocol.limits import DATA_LENGTH
from dataflow.protocol.values import TaskList, WorkflowExecution
from dataflow.storage.cipher import AesGcm
from dataflow.storage.coding import Coding
from dataflow.storage.directory import DirectoryStore
from dataflow.storage.fields import Source, StoredFields
from dataflow.testing import MemoryFields

LONG = DATA_LENGTH + 1
AES = AesGcm({"k": b"k" * 32})


@activity.with_attributes(name="length", retry=Retry(attempts=3, initial_delay=0))
def length(text):
    if activity.context().attempt < 3:
        raise ValueError(text)
    return len(text)


class Steps(Workflow):
    """Long results that are handed on, long inputs at several attempts, and short ones of both."""

    def run(self, n, text):
        grown = self.submit(grow, n)
        known = self.submit(measure, grown).result
        tried = self.submit(length, text).result
        small = self.submit(measure, "small").result
        return [known, tried, small, grown.result]


@activity.with_attributes(name="never", retry=Retry(attempts=3, initial_delay=0))
def never(text):
    raise ValueError(text)


class Loses(Workflow):
    def run(self, text):
        try:
            self.submit(never, text).result  # noqa: B018 - fails
        except TaskFailed as error:
            raise ValueError(error.message) from error


class Ends(Workflow):
    message = "Die Datei fehlt: " + "name " * 100

    def run(self):
        raise ValueError(self.message)


def stored(directory, codec):
    """Short texts are in history, long ones in a directory; those of `AES` are read, too."""
    return StoredFields(Coding(codec, lambda _: AES), [Source(DirectoryStore(directory, "home"))])


FIELDS = {
    "memory": lambda _: MemoryFields(),
    "coded": lambda _: MemoryFields(coded=True),
    "stored": lambda directory: stored(directory, None),
    "encrypted": lambda directory: stored(directory, AES),
}


@pytest.fixture(params=FIELDS)
def play(request, world, clock, monkeypatch, tmp_path):
    monkeypatch.setitem(ACTIVITIES, "length", length)
    monkeypatch.setitem(ACTIVITIES, "never", never)
    world.fields = FIELDS[request.param](tmp_path)
    return lambda flow: Play(world, clock, flow)


def events_of(world, execution):
    run = WorkflowExecution(execution["workflowId"], execution["runId"])
    return list(Reader(world.engine, DOMAIN).events(run))


def result(world, execution):
    [completed] = world.attributes(execution, "WorkflowExecutionCompleted")
    return world.fields.read(completed["result"])


def long_ones(world, execution):
    """How many fields of a history refer to a store."""
    opened = (
        world.fields.open(text)
        for event in world.history(execution)
        for attributes in event.values()
        if isinstance(attributes, dict)
        for text in attributes.values()
        if isinstance(text, str)
    )
    return sum(jumbo.parse(text) is not None for text in opened)


# --- resetting -----------------------------------------------------------------------------


def test_a_reset_keeps_what_is_long_or_encrypted(play, world):
    steps = play(Steps)
    old = steps.start(LONG, "y" * LONG)
    assert len(steps.go_on(old)) == 6
    assert long_ones(world, old) >= 5
    done, new = steps.reset(old, str(len(world.history(old))))
    assert (done.kept, done.known, done.task_list) == (4, 4, None)
    assert result(world, new) == result(world, old)
    assert world.kinds(new).count("ActivityTaskScheduled") == 4


def test_a_reset_goes_on_with_what_it_has_kept(play, world):
    steps = play(Steps)
    old = steps.start(LONG, "y" * LONG)
    steps.go_on(old)
    done, new = steps.reset(old, "activity-length-1")
    assert (done.kept, done.known) == (2, 2)
    assert steps.go_on(new) == [*3 * ["activity-length-1"], "activity-measure-2"]
    assert result(world, new) == result(world, old)


def test_failures_with_long_details_are_kept(play, world):
    loses = play(Loses)
    old = loses.start("y" * LONG)
    assert len(loses.go_on(old)) == 3
    done, new = loses.reset(old, None)
    assert (done.kept, done.known, done.task_list) == (1, 1, None)
    ends = [world.attributes(run, "ActivityTaskFailed") for run in (old, new)]
    told = [[(end["reason"], end["details"]) for end in of_run] for of_run in ends]
    assert told[0] == told[1]
    assert len(told[0]) == 3
    assert "y" * LONG in world.fields.read(told[0][0][1])


def test_an_open_run_is_left_alone_where_its_input_cannot_be_read(world, clock):
    world.fields = MemoryFields()
    steps = Play(world, clock, Steps)
    old = steps.start(1, "y" * LONG)
    steps.hand.step()
    world.fields.trouble = 1
    with pytest.raises(PayloadUnavailable):
        steps.reset(old, "1")
    assert world.describe(old)["executionInfo"]["executionStatus"] == "OPEN"
    assert "WorkflowExecutionTerminated" not in world.kinds(old)


# --- repairing -----------------------------------------------------------------------------


def test_a_repair_finds_what_is_long_or_encrypted(play, world):
    steps = play(Steps)
    old = steps.start(LONG, "y" * LONG)
    steps.go_on(old)
    repair = Repair(world, DOMAIN, "repair", events_of(world, old))
    new = steps.start(LONG, "y" * LONG)
    redirected = []
    while world.describe(new)["executionInfo"]["executionStatus"] == "OPEN":
        task = steps.hand.take()
        answer = steps.hand.decide(task)
        for decision in answer.decisions:
            if isinstance(decision, de.ScheduleActivityTask):
                assert repair.redirect(decision).task_list == TaskList("repair")
                redirected.append(decision.activity_id)
        steps.hand.answer(task, answer)
        while activity_task := world.take_activity():
            world.perform(activity_task)
    assert redirected.count("activity-length-1") == 3
    assert len(redirected) == 6


# --- beginning again -------------------------------------------------------------------------


def test_a_run_begins_as_another_one_whose_input_is_long(play, world):
    steps = play(Steps)
    old = steps.start(1, "y" * LONG)
    steps.go_on(old)
    reader = Reader(world.engine, DOMAIN)
    control = Control(reader, world.fields)
    began = reader.beginning(WorkflowExecution(old["workflowId"], old["runId"]))
    assert "y" * LONG in control.input_of(began)
    other = control.with_input(began, control.input_of(began).replace("y", "zz"))
    new = control.begin(old["workflowId"], other, task_list="deciders")
    new = {"workflowId": new.workflow_id, "runId": new.run_id}
    steps.go_on(new)
    assert result(world, new) == f'[1,{2 * LONG},5,"x"]'


# --- replaying -------------------------------------------------------------------------------


def rehearsed(world, execution, flow):
    history = Exported(
        events=events_of(world, execution),
        domain=DOMAIN,
        workflow_id=execution["workflowId"],
        run_id=execution["runId"],
    )
    return rehearse(history, flow, fields=world.fields).problem


class Another(Steps):
    def run(self, n, text):
        return super().run(n, text)[:-1]


@pytest.mark.parametrize("n", [1, LONG])
def test_code_fits_a_history_that_is_long_or_encrypted(play, world, n):
    steps = play(Steps)
    execution = steps.start(n, "y" * n)
    steps.go_on(execution)
    assert rehearsed(world, execution, Steps) is None
    problem = rehearsed(world, execution, Another)
    assert "CompleteWorkflowExecution" in problem.code


def test_a_reason_is_compared_as_far_as_it_was_written(play, world):
    ends = play(Ends)
    execution = ends.start()
    ends.go_on(execution)
    assert rehearsed(world, execution, Ends) is None
    another = type("Another", (Ends,), {"message": "Das Fach ist leer: " + "name " * 100})
    assert "FailWorkflowExecution" in rehearsed(world, execution, another).code


def test_a_history_whose_store_does_not_answer_is_no_divergence(world, clock):
    world.fields = MemoryFields()
    steps = Play(world, clock, Steps)
    execution = steps.start(1, "y" * LONG)
    steps.hand.step()
    world.fields.trouble = 1
    assert isinstance(rehearsed(world, execution, Steps), PayloadUnavailable)


@pytest.mark.parametrize("codecs", [(None, AES), (AES, None)])
@pytest.mark.parametrize("n", [1, LONG])
def test_a_history_of_other_settings_fits(world, clock, monkeypatch, tmp_path, codecs, n):
    monkeypatch.setitem(ACTIVITIES, "length", length)
    world.fields = stored(tmp_path, codecs[0])
    steps = Play(world, clock, Steps)
    old = steps.start(n, "y" * n)
    steps.go_on(old)
    world.fields = stored(tmp_path, codecs[1])
    steps.use(Steps)
    done, new = steps.reset(old, None)
    assert (done.kept, done.known, done.task_list) == (4, 4, None)
    assert result(world, new) == result(world, old)
    assert rehearsed(world, old, Steps) is None
