"""Law 6 of a run: what history refers to is read when it is asked for, not to be passed on."""

import json
from typing import ClassVar

import msgspec
import pytest
from replaying import add, ask, decide, double, inputs, new_run, told

from dataflow import Chain, FuncGroup, Group, Workflow, activity
from dataflow.errors import NonDeterminism, PayloadError, PayloadUnavailable, TaskFailed
from dataflow.payload import arguments, failure
from dataflow.payload.codec import encode
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.protocol.limits import DATA_LENGTH
from dataflow.replay.decided import Verdict
from dataflow.testing import HistoryBuilder, MemoryFields

LONG = "x" * (DATA_LENGTH + 1)


@activity.with_attributes(name="take")
def take(*args, **kwargs):
    return [args, kwargs]


@activity.with_attributes(name="once", idempotent=True)
def once(_):
    return 1


@activity.with_attributes(name="stubborn", retry=3)
def stubborn(_):
    return 1


@pytest.fixture
def fields():
    return MemoryFields()


def store(fields, value):
    """The reference to a value that is stored."""
    return fields.write(encode(value), field="result", limit=0)


def one_result(definition, text, task=add, name="add"):
    history = HistoryBuilder(definition).decided().scheduled(f"activity-{name}-1", task, 1)
    return history.completed_with(f"activity-{name}-1", text).deciding()


def given(decided):
    """The input of the one task that is asked for, as a worker decodes it."""
    [text] = inputs(decided).values()
    return arguments.decode(text)


# --- passed on ------------------------------------------------------------------------------


class PassesOn(Workflow):
    shape = staticmethod(lambda future: future)

    def run(self):
        future = self.submit(add, 1)
        self.submit(take, self.shape(future)).result  # noqa: B018


@pytest.mark.parametrize(
    "shape",
    [
        lambda future: future,
        lambda future: [future, {"k": [future]}],
        lambda future: (1, future, "text"),
    ],
)
@pytest.mark.parametrize("coded", [False, True])
def test_a_reference_is_passed_on_as_it_is(shape, coded):
    fields = MemoryFields(coded=coded)
    reference = store(fields, {"big": LONG})
    definition = type("Passes", (PassesOn,), {"shape": staticmethod(shape)})
    taken = given(decide(definition, one_result(definition, reference), fields=fields))
    assert taken.args == [json.loads(encode(shape(reference)))]
    assert taken.refs == (reference,)
    assert not fields.fetched


def test_the_results_of_a_group_are_passed_on_one_by_one(fields):
    class Grouped(Workflow):
        def run(self):
            inner = Group((add, 1), (add, 2), bubbles_exception_on_failure=False)
            whole = self.submit(Group(inner, Chain((add, 3))))
            self.submit(take, whole).result  # noqa: B018

    one, three = store(fields, [1, LONG]), store(fields, [3, LONG])
    history = HistoryBuilder(Grouped).decided()
    for n in (1, 2, 3):
        history.scheduled(f"activity-add-{n}", add, n)
    history.completed_with("activity-add-1", one).failed("activity-add-2", OSError("no"))
    history.completed_with("activity-add-3", three).deciding()
    taken = given(decide(Grouped, history, fields=fields))
    assert taken.args == [[[one, None], [three]]]
    assert taken.refs == tuple(sorted([one, three]))
    assert not fields.fetched


def test_what_stands_for_a_canvas_is_passed_on_in_the_same_way(fields):
    class Follows(Workflow):
        def run(self):
            self.submit(take, self.submit(FuncGroup(lambda: Group((add, 1))))).result  # noqa: B018

    reference = store(fields, LONG)
    taken = given(decide(Follows, one_result(Follows, reference), fields=fields))
    assert (taken.args, taken.refs) == ([[reference]], (reference,))


def test_the_references_of_an_input_are_sorted_and_each_is_named_once(fields):
    class Both(Workflow):
        def run(self):
            one, two = self.submit(add, 1), self.submit(add, 2)
            self.submit(take, two, one, two).result  # noqa: B018

    one, two = sorted([store(fields, 1), store(fields, 2)], reverse=True)
    history = HistoryBuilder(Both).decided()
    history.scheduled("activity-add-1", add, 1).scheduled("activity-add-2", add, 2)
    history.completed_with("activity-add-1", one).completed_with("activity-add-2", two).deciding()
    decided = decide(Both, history, fields=fields)
    assert given(decided).args == [two, one, two]
    assert given(decided).refs == (two, one)
    [text] = inputs(decided).values()
    assert text == f'{{"args":["{two}","{one}","{two}"],"kwargs":{{}},"refs":["{two}","{one}"]}}'


def test_a_text_of_users_is_no_reference(fields):
    class Says(Workflow):
        def run(self, text):
            self.submit(take, text, self.submit(add, 1)).result  # noqa: B018

    reference = store(fields, "secret")
    history = HistoryBuilder(Says, reference).decided().scheduled("activity-add-1", add, 1)
    taken = given(
        decide(Says, history.completed("activity-add-1", reference).deciding(), fields=fields)
    )
    assert taken.args == [reference, reference]
    assert taken.refs == ()


def test_a_coded_result_is_passed_on_in_clear_text():
    fields = MemoryFields(coded=True)
    coded = fields.write('{"a":1}', field="result", limit=100)
    assert "{" not in coded.partition(":")[0]
    taken = given(decide(PassesOn, one_result(PassesOn, coded), fields=fields))
    assert (taken.args, taken.refs) == ([{"a": 1}], ())


def test_a_later_attempt_has_the_same_references(fields):
    class Retries(Workflow):
        def run(self):
            self.submit(stubborn, self.submit(add, 1)).result  # noqa: B018

    reference = store(fields, LONG)
    history = one_result(Retries, reference)
    text = f'{{"args":["{reference}"],"kwargs":{{}},"refs":["{reference}"]}}'
    history.answered().scheduled_with("activity-stubborn-1", stubborn, text)
    history.failed("activity-stubborn-1", OSError("x")).deciding()
    again = given(decide(Retries, history, fields=fields))
    assert (again.args, again.refs, again.attempt) == ([reference], (reference,), 2)


def test_an_idempotent_task_is_named_after_the_reference(fields):
    class Twice(Workflow):
        def run(self):
            one, two = self.submit(add, 1), self.submit(add, 2)
            self.submit(once, one)
            self.submit(once, two).result  # noqa: B018

    same = store(fields, LONG)
    history = HistoryBuilder(Twice).decided()
    history.scheduled("activity-add-1", add, 1).scheduled("activity-add-2", add, 2)
    history.completed_with("activity-add-1", same).completed_with("activity-add-2", same)
    assert len(ask(Twice, history.deciding(), fields=fields)) == 1


# --- read -----------------------------------------------------------------------------------


class Reads(Workflow):
    def run(self):
        future = self.submit(add, 1)
        return [len(future.result), len(future.result)]


@pytest.mark.parametrize("coded", [False, True])
def test_a_result_is_fetched_when_it_is_read_and_once(coded):
    fields = MemoryFields(coded=coded)
    reference = store(fields, LONG)
    run = new_run(Reads, fields=fields)
    assert told(run.advance(one_result(Reads, reference).events)) == ["complete [32769,32769]"]
    assert fields.fetched == [reference]


def test_a_coded_result_is_decoded_when_it_is_read():
    fields = MemoryFields(coded=True)
    coded = fields.write('"four"', field="result", limit=100)
    assert ask(Reads, one_result(Reads, coded), fields=fields) == ["complete [4,4]"]


def test_a_missing_result_can_be_caught(fields):
    class Catches(Workflow):
        def run(self):
            try:
                return self.submit(add, 1).result
            except PayloadError as error:
                return str(error)

    reference = store(fields, LONG)
    fields.objects.clear()
    told_ = ask(Catches, one_result(Catches, reference), fields=fields)
    assert told_ == [f'complete "{reference} is missing"']
    [told_] = ask(Reads, one_result(Reads, reference), fields=fields)
    assert told_ == f"fail PayloadError: {reference} is missing"


class Grasping(Workflow):
    """Holds on to everything it may."""

    seen: ClassVar = []

    def run(self):
        future = self.submit(add, 1)
        try:
            return future.result
        except Exception as error:  # noqa: BLE001 - as users do
            self.seen.append(error)
            return "caught"


def test_what_may_come_back_is_never_seen_by_the_workflow():
    fields = MemoryFields(trouble=1)
    fields.trouble, reference = 1, MemoryFields().write('"later"', field="result", limit=0)
    decided = decide(Grasping, one_result(Grasping, reference), fields=fields)
    assert decided.verdict is Verdict.BROKEN
    assert isinstance(decided.problem, PayloadUnavailable)
    assert str(decided.problem) == "the store does not answer"
    assert not Grasping.seen


def test_a_run_that_could_not_read_decides_nothing_more(fields):
    reference = store(fields, "later")
    history = one_result(Grasping, reference)
    run = new_run(Grasping, fields=fields)
    fields.trouble = 1
    assert run.advance(history.events).verdict is Verdict.BROKEN
    fields.trouble = 0
    assert run.advance(history.events).verdict is Verdict.BROKEN
    assert ask(Grasping, history, fields=fields) == ['complete "later"']


class Calls(Workflow):
    """A callback, a hook and a FuncGroup read what cannot be read."""

    where = ""

    def _read(self, future):
        try:
            return future.result
        except PayloadError:
            return "caught"

    def run(self):
        self.future = self.submit(add, 1)
        if self.where == "callback":
            self.future.add_done_callback(self._read)
        elif self.where == "failing callback":
            self.future.add_done_callback(lambda future: future.result)
        elif self.where == "FuncGroup":
            self.submit(FuncGroup(lambda text: Group((double, len(text))), self.future))
        self.submit(add, 2).result  # noqa: B018

    def after_replay(self, history):
        if self.where == "hook" and self.future.done:
            self._read(self.future)

    def on_failure(self, history, reason, details=None):
        raise AssertionError("nothing has failed")


@pytest.mark.parametrize("where", ["callback", "failing callback", "FuncGroup", "hook"])
def test_what_else_reads_it_comes_to_nothing(where, fields):
    definition = type("Calls", (Calls,), {"where": where})
    reference = store(fields, LONG)
    history = HistoryBuilder(definition).decided()
    history.scheduled("activity-add-1", add, 1).scheduled("activity-add-2", add, 2)
    history.completed_with("activity-add-1", reference)
    fields.trouble = 1
    # Whether or not there is something to decide.
    runs = [new_run(definition, fields=fields) for _ in range(2)]
    if where != "hook":
        assert isinstance(runs[0].advance(history.events).problem, PayloadUnavailable)
    assert isinstance(runs[1].advance(history.deciding().events).problem, PayloadUnavailable)
    fields.trouble = 0
    assert decide(definition, history, fields=fields).problem is None


def test_what_could_not_be_read_ends_a_replay_before_the_next_decision(fields):
    class Goes(Workflow):
        def run(self):
            self.submit(add, len(self.submit(add, 1).result)).result  # noqa: B018
            return "done"

    reference = store(fields, LONG)
    history = one_result(Goes, reference)
    history.answered().scheduled("activity-add-2", add, len(LONG)).completed("activity-add-2", 1)
    history.deciding()
    fields.trouble = 1
    assert isinstance(decide_cold(Goes, history, fields).problem, PayloadUnavailable)
    fields.trouble = 0
    assert ask(Goes, history, fields=fields) == ['complete "done"']


def decide_cold(definition, history, fields):
    run = new_run(definition, fields=fields)
    decided = run.advance(history.events)
    run.drop()
    return decided


# --- the input of the workflow --------------------------------------------------------------


class Lengths(Workflow):
    def run(self, *texts):
        return [len(text) for text in texts]


def started_with(text):
    history = HistoryBuilder(Lengths)
    attributes = msgspec.structs.replace(history.events[0].attributes, input=text)
    history.events[0] = Event(1, 0.0, attributes)
    return history.deciding()


def test_the_input_of_the_workflow_may_be_a_reference(fields):
    text = store(fields, {"args": [LONG, "1"], "kwargs": {}})
    assert ask(Lengths, started_with(text), fields=fields) == ["complete [32769,1]"]


def test_the_input_of_the_workflow_may_hold_references(fields):
    reference = store(fields, LONG)
    text = arguments.add_references(
        encode({"args": [reference, reference], "kwargs": {}}), [reference]
    )
    assert ask(Lengths, started_with(text), fields=fields) == ["complete [32769,32769]"]


def test_without_its_input_a_workflow_neither_runs_nor_fails(fields):
    text = store(fields, {"args": ["1"], "kwargs": {}})
    fields.objects.clear()
    decided = decide(Lengths, started_with(text), fields=fields)
    assert decided.verdict is Verdict.BROKEN
    assert str(decided.problem) == f"{text} is missing"


# --- failures -------------------------------------------------------------------------------


class Explains(Workflow):
    def run(self):
        try:
            return self.submit(add, 1).result
        except TaskFailed as error:
            return [error.error_type, len(error.message), error.details is None]


def failing(definition, reason, details):
    history = HistoryBuilder(definition).decided().scheduled("activity-add-1", add, 1)
    return history.failed_with("activity-add-1", reason, details).deciding()


def test_the_details_of_a_failure_are_read(fields):
    why = failure.describe(OSError(LONG), longest=None)
    details = fields.write(why.details, field="details", limit=DATA_LENGTH)
    assert details in fields.objects
    history = failing(Explains, why.reason, details)
    assert ask(Explains, history, fields=fields) == ['complete ["OSError",32769,false]']


def test_without_its_details_a_failure_has_a_reason(fields):
    why = failure.describe(OSError(LONG), longest=None)
    details = store(fields, why.details)
    fields.objects.clear()
    history = failing(Explains, "OSError: a reason", details)
    told_ = ask(Explains, history, fields=fields)
    assert told_ == ['complete ["dataflow.errors.TaskFailed",17,false]']


def test_details_that_may_come_back_are_waited_for(fields):
    history = failing(Explains, "OSError: a reason", store(fields, {}))
    fields.trouble = 1
    decided = decide(Explains, history, fields=fields)
    assert isinstance(decided.problem, PayloadUnavailable)


def test_the_details_of_a_time_out_are_read(fields):
    class Timed(Workflow):
        def run(self):
            return len(self.submit(add, 1).exception.details)

    details = store(fields, LONG)
    history = HistoryBuilder(Timed).decided().scheduled("activity-add-1", add, 1)
    task = history._task("activity-add-1")
    history.add(ev.ActivityTaskTimedOut(**task, timeout_type="HEARTBEAT", details=details))
    assert ask(Timed, history.deciding(), fields=fields) == [f"complete {DATA_LENGTH + 3}"]


# --- matched --------------------------------------------------------------------------------


class Asks(Workflow):
    text = LONG

    def run(self):
        return self.submit(add, self.text).result


def asked(fields, text, limit=DATA_LENGTH):
    history = HistoryBuilder(Asks).decided()
    written = fields.write(encode({"args": [text], "kwargs": {}}), field="input", limit=limit)
    return history.scheduled_with("activity-add-1", add, written).completed("activity-add-1", 1)


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("text", ["short", LONG])
def test_an_input_in_history_is_compared_by_what_it_stands_for(text, coded):
    fields = MemoryFields(coded=coded)
    definition = type("Asks", (Asks,), {"text": text})
    fits = asked(fields, text).deciding()
    assert ask(definition, fits, fields=fields) == ["complete 1"]
    other = decide(definition, asked(fields, f"{text}!").deciding(), fields=fields)
    assert isinstance(other.problem, NonDeterminism)
    assert not fields.fetched


def test_an_input_without_a_text_fits_no_other(fields):
    history = HistoryBuilder(Asks).decided().scheduled_with("activity-add-1", add, None)
    assert isinstance(decide(Asks, history.deciding(), fields=fields).problem, NonDeterminism)


def test_an_input_that_cannot_be_decoded_here_breaks_the_run():
    history = HistoryBuilder(Asks).decided()
    history.scheduled_with("activity-add-1", add, "dataflow+aesgcm:k1:AAAA").deciding()
    definition = type("Asks", (Asks,), {"text": "short"})
    decided = decide(definition, history)
    assert decided.verdict is Verdict.BROKEN
    assert isinstance(decided.problem, PayloadUnavailable)


# --- the end --------------------------------------------------------------------------------


class Returns(Workflow):
    shape = staticmethod(lambda future: future)

    def run(self):
        return self.shape(self.submit(add, 1))


@pytest.mark.parametrize("coded", [False, True])
def test_the_result_of_a_future_stays_a_reference(coded):
    fields = MemoryFields(coded=coded)
    reference = store(fields, LONG)
    history = one_result(Returns, reference)
    assert ask(Returns, history, fields=fields) == [f"complete {reference}"]
    assert not fields.fetched


@pytest.mark.parametrize("limit", [0, 100])
def test_what_is_made_of_results_is_read(fields, limit):
    definition = type("Returns", (Returns,), {"shape": staticmethod(lambda future: [future, 1])})
    text = fields.write('"text"', field="result", limit=limit)
    history = one_result(definition, text)
    assert ask(definition, history, fields=fields) == ['complete ["text",1]']


def test_the_result_of_a_future_may_be_no_reference(fields):
    assert ask(Returns, one_result(Returns, "1"), fields=fields) == ["complete 1"]
    assert ask(Returns, one_result(Returns, None), fields=fields) == ["complete null"]
    [told_] = ask(Returns, failing(Returns, "ValueError: no", None), fields=fields)
    assert told_.startswith("fail TaskFailed: add: ValueError: no")


class Ends(Workflow):
    how = ""

    def run(self):
        if self.how == "raise":
            raise ValueError(LONG)
        if self.how == "fail":
            self.fail("reason", LONG)
        return LONG


@pytest.mark.parametrize("how", ["raise", "fail", "return"])
def test_nothing_is_cut_where_there_is_a_store(how, fields):
    definition = type("Ends", (Ends,), {"how": how})
    [decision] = decide(definition, HistoryBuilder(definition).deciding(), fields=fields).decisions
    if how == "return":
        assert decision.result == encode(LONG)
    elif how == "fail":
        assert decision.details == LONG
    else:
        assert decision.reason == f"ValueError: {'x' * 240} ..."
        assert json.loads(decision.details)["message"] == LONG


# --- limits ---------------------------------------------------------------------------------


class FanOut(Workflow):
    def run(self, n, size):
        tasks = [self.submit(add, "x" * size) for _ in range(n)]
        tasks[0].result  # noqa: B018


@pytest.mark.parametrize(
    ("size", "coded", "decisions"),
    [
        (DATA_LENGTH + 1, False, 80),  # each counts as a reference
        (20_000, False, 46 + 1),
        (20_000, True, 46 + 1),
        (100_000, True, 80),
    ],
)
def test_an_answer_counts_what_will_be_sent(size, coded, decisions):
    fields = MemoryFields(coded=coded)
    history = HistoryBuilder(FanOut, 80, size).deciding()
    decided = decide(FanOut, history, fields=fields)
    assert len(decided.decisions) == decisions
    assert not fields.objects


def test_an_answer_counts_the_control_of_timers_as_it_will_be_sent(fields):
    class Waits(Workflow):
        def run(self):
            for n in range(80):
                self.submit(self.start_timer(f"t{n}", 1, control="x" * 20_000))
            self.submit(self.start_timer("last", 1, control=LONG)).result  # noqa: B018

    decided = decide(Waits, HistoryBuilder(Waits).deciding(), fields=fields)
    assert len(decided.decisions) == 47 + 1
    assert len(decide(Waits, HistoryBuilder(Waits).deciding(), fields=Shrinking()).decisions) == 81


class Shrinking(MemoryFields):
    """All that is not short is stored."""

    def written_length(self, text, limit):
        return super().written_length(text, 1_000)


# --- a codec that is not here -----------------------------------------------------------------

CODED = "dataflow+aesgcm:key:AAAA"


class Hands(Workflow):
    """Hands a result on, in all the ways there are."""

    how = ""

    def run(self):
        one, two = self.submit(add, 1), self.submit(add, 2)
        try:
            if self.how == "later":
                one.exception  # noqa: B018
                self.submit(take, one)
            elif self.how == "FuncGroup":
                self.submit(FuncGroup(lambda: Group((take, one))))
            elif self.how == "group":
                self.submit(take, self.submit(Group((take, one))))
            elif self.how == "end":
                return one
            else:
                self.submit(take, one)
        except PayloadError:
            return "caught"
        return two.result


@pytest.mark.parametrize("how", ["before", "later", "FuncGroup", "group", "end"])
def test_what_cannot_be_decoded_here_is_decided_elsewhere(how):
    definition = type("Hands", (Hands,), {"how": how})
    history = HistoryBuilder(definition).decided()
    history.scheduled("activity-add-1", add, 1).scheduled("activity-add-2", add, 2)
    decided = decide(definition, history.completed_with("activity-add-1", CODED).deciding())
    assert decided.verdict is Verdict.BROKEN
    assert isinstance(decided.problem, PayloadUnavailable)
    assert "set DATAFLOW_CODEC=aesgcm" in str(decided.problem)


def test_what_nobody_can_decode_fails_what_it_is_handed_to():
    class Corrupt(MemoryFields):
        def open(self, text):
            if text == CODED:
                raise PayloadError("it is corrupt")
            return text

    class Tells(Workflow):
        def run(self):
            return str(self.submit(take, self.submit(add, 1)).exception)

    [told_] = ask(Tells, one_result(Tells, CODED), fields=Corrupt())
    assert told_ == 'complete "take: PayloadError: it is corrupt"'
