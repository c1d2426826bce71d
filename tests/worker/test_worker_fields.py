"""Long fields in the hands of workers: what activities are given, and what they leave."""

import json
import threading

import msgspec
import pytest
from test_worker_heartbeats import TASK
from test_worker_inline import given

from dataflow import ActivityCanceled, activity
from dataflow.errors import PayloadUnavailable
from dataflow.payload import arguments, jumbo
from dataflow.payload.codec import encode
from dataflow.process import calls
from dataflow.process.catalogue import Catalogue
from dataflow.process.jobs import Canceled, Completed, Failed
from dataflow.process.performing import Performer
from dataflow.protocol.limits import DATA_LENGTH, HEARTBEAT_DETAILS_LENGTH
from dataflow.storage.opening import open_fields
from dataflow.testing import MemoryFields

HERE = "test_worker_fields"
LONG = "x" * (DATA_LENGTH + 1)


@activity.with_attributes()
def echo(*args, **kwargs):
    return [*args, kwargs]


@activity.with_attributes()
def changes(one, two):
    one.append("changed")
    return [len(one), len(two)]


@activity.with_attributes()
def fails(message):
    raise ValueError(message)


@activity.with_attributes()
def beats(*details):
    for each in details:
        activity.heartbeat(each)


class Flaky(MemoryFields):
    """Its store fails so many times."""

    def __init__(self, failures, **options):
        super().__init__(**options)
        self.failures = failures

    def _may_fail(self):
        if self.failures:
            self.failures -= 1
            raise PayloadUnavailable("the store does not answer")


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    monkeypatch.setattr(calls, "_FIRST_PAUSE", 0.001)


def perform(fields, name, text, *, seconds=60.0, beat=lambda details: None):
    performer = Performer(Catalogue(), fields=fields, store_seconds=seconds)
    task = msgspec.structs.replace(TASK, name=f"{HERE}.{name}", version="default", input=text)
    return performer.perform(task, beat)


def store(fields, value):
    return fields.write(encode(value), field="result", limit=0)


# --- inputs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("coded", [False, True])
def test_an_input_and_a_result_that_are_long(coded):
    fields = MemoryFields(coded=coded)
    text = fields.write(given(LONG), field="input", limit=DATA_LENGTH)
    outcome = perform(fields, "echo", text)
    assert jumbo.parse(fields.open(outcome.result))
    assert json.loads(fields.read(outcome.result)) == [LONG, {}]


@pytest.mark.parametrize("coded", [False, True])
def test_references_in_an_input_are_what_they_refer_to(coded):
    fields = MemoryFields(coded=coded)
    one, two = store(fields, {"a": [LONG]}), store(fields, 2)
    clear = arguments.add_references(given([one, {two: two}], k=two), [one, two])
    outcome = perform(fields, "echo", fields.write(clear, field="input", limit=DATA_LENGTH))
    told = json.loads(fields.read(outcome.result))
    assert told == [[{"a": [LONG]}, {two: 2}], {"k": 2}]


def test_a_text_that_looks_like_a_reference_is_a_text():
    fields = MemoryFields()
    secret, shown = store(fields, "secret"), store(fields, "shown")
    text = arguments.add_references(given(secret, shown, f"{shown} "), [shown])
    outcome = perform(fields, "echo", text)
    assert json.loads(outcome.result) == [secret, "shown", f"{shown} ", {}]
    assert fields.fetched == [shown]


def test_what_two_arguments_refer_to_is_fetched_once_and_not_shared():
    fields = MemoryFields()
    one = store(fields, [1])
    outcome = perform(fields, "changes", arguments.add_references(given(one, one), [one, one]))
    assert outcome == Completed("[2,1]")
    assert fields.fetched == [one]


def test_references_are_followed_side_by_side():
    meeting = threading.Barrier(8, timeout=60)

    class Slow(MemoryFields):
        def read(self, text):
            if jumbo.parse(text):
                meeting.wait()
            return super().read(text)

    fields = Slow()
    references = [store(fields, [n]) for n in range(16)]
    text = arguments.add_references(given(*references), references)
    assert json.loads(perform(fields, "echo", text).result) == [*([n] for n in range(16)), {}]


def test_one_missing_reference_fails_the_task():
    fields = MemoryFields()
    references = [store(fields, [n]) for n in range(9)]
    text = arguments.add_references(given(*references), references)
    del fields.objects[references[5]]
    outcome = perform(fields, "echo", text)
    assert outcome.reason == f"PayloadError: {references[5]} is missing"


def test_a_missing_input_fails_the_task():
    fields = MemoryFields()
    text = store(fields, {"args": [], "kwargs": {}})
    fields.objects.clear()
    outcome = perform(fields, "echo", text)
    assert outcome.reason == f"PayloadError: {text} is missing"


def test_an_input_that_is_not_there_just_now_is_waited_for():
    fields = Flaky(5)
    there = MemoryFields()
    text = store(there, {"args": [1], "kwargs": {}})
    fields.objects = there.objects
    assert perform(fields, "echo", text) == Completed("[1,{}]")
    assert not fields.failures


# --- outcomes ---------------------------------------------------------------------------------


def test_a_result_is_stored_as_soon_as_the_store_takes_it():
    fields = Flaky(5)
    outcome = perform(fields, "echo", given(LONG))
    assert outcome.result in fields.objects


def test_a_result_that_cannot_be_stored_fails_the_task_after_a_while():
    outcome = perform(MemoryFields(trouble=1), "echo", given(LONG), seconds=0)
    assert outcome.reason == "PayloadUnavailable: the store does not answer"
    assert json.loads(outcome.details)["error"] == "PayloadUnavailable"


@pytest.mark.parametrize("coded", [False, True])
def test_a_failure_is_stored_whole(coded):
    fields = MemoryFields(coded=coded)
    outcome = perform(fields, "fails", given(LONG))
    assert fields.read(outcome.reason).startswith("ValueError: xxx")
    assert len(outcome.reason) <= 256
    told = json.loads(fields.read(outcome.details))
    assert told["message"] == LONG
    assert "in fails" in told["traceback"][1]


@pytest.mark.parametrize("coded", [False, True])
def test_a_failure_that_cannot_be_stored_is_told_in_short(coded, caplog):
    fields = MemoryFields(coded=coded, trouble=1)
    outcome = perform(fields, "fails", given(LONG), seconds=0)
    told = json.loads(fields.read(outcome.details))
    assert len(outcome.details) < DATA_LENGTH
    assert told["error_type"] == "ValueError"
    assert told["message"].endswith("x ...")
    assert "the details of a failure are cut: the store does not answer" in caplog.text


def test_a_failure_is_told_though_none_of_its_details_can_be_written():
    class Broken(MemoryFields):
        def write(self, text, **_):
            raise PayloadUnavailable("no key")

    outcome = perform(Broken(), "fails", given("no"), seconds=0)
    assert outcome == Failed("ValueError: no", "")


def test_a_task_may_be_cancelled_while_it_is_written():
    class Told(MemoryFields):
        def _may_fail(self):
            raise ActivityCanceled

    assert perform(Told(), "echo", given(LONG)) == Canceled()


# --- heartbeats -------------------------------------------------------------------------------


def test_the_details_of_a_heartbeat_may_be_long():
    fields, told = MemoryFields(), []
    text = "x" * HEARTBEAT_DETAILS_LENGTH
    perform(fields, "beats", given("short", text, None), beat=told.append)
    [short, long, none] = told
    assert (short, none) == ('"short"', None)
    assert json.loads(fields.read(long)) == text
    assert len(long) < HEARTBEAT_DETAILS_LENGTH


def test_a_heartbeat_goes_out_without_its_details_if_they_cannot_be_stored(caplog):
    fields, told = Flaky(1), []
    text = "x" * HEARTBEAT_DETAILS_LENGTH
    outcome = perform(fields, "beats", given("first", text, "last"), beat=told.append)
    assert told == ['"first"', '"first"', '"last"']
    assert isinstance(outcome, Completed)
    assert "the store does not answer" in caplog.text


# --- in a child process -----------------------------------------------------------------------


@pytest.mark.integration
def test_a_child_process_has_the_fields_of_its_worker(site, tmp_path, monkeypatch):
    monkeypatch.delenv("DATAFLOW_JUMBO_FIELDS_BUCKET", raising=False)
    site.home = str(tmp_path)
    site.fields = open_fields(site.home)
    [first] = site.schedule("worker_activities.long_result", input=given(DATA_LENGTH))
    with site.working():
        reference = site.end(first).result
        assert json.loads(site.fields.read(reference)) == "x" * DATA_LENGTH
        text = arguments.add_references(given(reference), [reference])
        [second] = site.schedule("worker_activities.waits_for", input=text)
        assert site.end(second).result == reference
