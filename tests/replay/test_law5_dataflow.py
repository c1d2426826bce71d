"""Law 5: futures anywhere in the arguments; a task starts when the last of its inputs arrives."""

import dataclasses
import json
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pytest
from replaying import add, ask, decide, double, fails, inputs, new_run, told

from dataflow import Chain, FuncGroup, Group, Workflow, activity
from dataflow.errors import InputFailed, OriginalError, TaskCanceled, TaskFailed
from dataflow.protocol import events as ev
from dataflow.protocol.limits import DATA_LENGTH, Limits
from dataflow.testing import HistoryBuilder, run_workflow


@activity.with_attributes(name="take")
def take(*args, **kwargs):
    return [args, kwargs]


@dataclasses.dataclass
class Box:
    left: Any
    right: Any = 0


class Pair(NamedTuple):
    left: Any
    right: Any


class Struct(msgspec.Struct):
    left: Any


class Passes(Workflow):
    """Submits `take` with what ``shape`` makes of two futures."""

    shape = None

    def run(self):
        one, two = self.submit(add, 1), self.submit(add, 2)
        args, kwargs = self.shape(one, two)
        self.submit(take, *args, **kwargs).result  # noqa: B018


def two_results(definition, one="ONE", two="TWO"):
    history = HistoryBuilder(definition).decided()
    history.scheduled("activity-add-1", add, 1).scheduled("activity-add-2", add, 2)
    return history.completed("activity-add-1", one).completed("activity-add-2", two).deciding()


def box(left, right=0):
    return {"left": left, "right": right}


@pytest.mark.parametrize(
    ("shape", "args", "kwargs"),
    [
        (lambda a, _: ([a], {}), ["ONE"], {}),
        (lambda a, b: ([b, a, 3, b], {}), ["TWO", "ONE", 3, "TWO"], {}),
        (lambda a, b: ([[a, [b]]], {}), [["ONE", ["TWO"]]], {}),
        (lambda a, b: ([(a, b)], {}), [["ONE", "TWO"]], {}),
        (lambda a, b: ([{"z": a, "a": b}], {}), [{"a": "TWO", "z": "ONE"}], {}),
        (lambda a, b: ([], {"x": a, "y": [b, None]}), [], {"x": "ONE", "y": ["TWO", None]}),
        (lambda a, b: ([Box(a, [Box(b)])], {}), [box("ONE", [box("TWO")])], {}),
        (lambda a, b: ([Pair(a, b)], {}), [["ONE", "TWO"]], {}),
        (lambda a, _: ([Struct(a)], {}), [{"left": "ONE"}], {}),
        (lambda a, _: (["\0hole:0\0", a], {}), ["\0hole:0\0", "ONE"], {}),
        (lambda a, _: ([a, float("inf") > 1, None], {}), ["ONE", True, None], {}),
    ],
)
def test_futures_stand_anywhere_in_the_arguments(shape, args, kwargs):
    definition = type("Shaped", (Passes,), {"shape": staticmethod(shape)})
    made = inputs(decide(definition, two_results(definition)))
    assert {task_id: json.loads(text) for task_id, text in made.items()} == {
        "activity-take-1": {"args": args, "kwargs": kwargs}
    }


class Elsewhere(Workflow):
    """run() waits for the first task alone, all the time."""

    def run(self):
        blocking, source = self.submit(add, 0), self.submit(add, 1)
        self.submit(take, self.submit(double, source), source)
        return blocking.result


def test_a_task_starts_in_the_decision_in_which_its_last_input_arrives():
    history = (
        HistoryBuilder(Elsewhere)
        .decided()
        .scheduled("activity-add-1", add, 0)
        .scheduled("activity-add-2", add, 1)
        .completed("activity-add-2", 5)
        .deciding()
    )
    assert inputs(decide(Elsewhere, history)) == {"activity-double-1": '{"args":[5],"kwargs":{}}'}
    history.answered().scheduled("activity-double-1", double, 5)
    history.completed("activity-double-1", 10).deciding()
    assert inputs(decide(Elsewhere, history)) == {"activity-take-1": '{"args":[10,5],"kwargs":{}}'}


def test_what_nobody_reads_runs_all_the_same():
    class Basic(Workflow):
        def run(self, x):
            y = self.submit(add, x)
            self.submit(take, y)
            z = self.submit(double, y)
            return z.result

    ran = [task.name for task in run_workflow(Basic, 1).history.tasks.values()]
    assert ran == ["add", "take", "double"]


def test_changing_arguments_after_submit_has_no_effect():
    class Mutates(Workflow):
        def run(self):
            source = self.submit(add, 1)
            numbers, box = [1, source], Box(source)
            self.submit(take, numbers, box, k=numbers)
            numbers.append(2)
            numbers[0] = 7
            box.left = 8
            box.right = 9
            self.submit(double, 0).result  # noqa: B018

    history = HistoryBuilder(Mutates).decided().scheduled("activity-add-1", add, 1)
    history.scheduled("activity-double-1", double, 0).completed("activity-add-1", 5).deciding()
    assert inputs(decide(Mutates, history)) == {
        "activity-take-1": '{"args":[[1,5],{"left":5,"right":0}],"kwargs":{"k":[1,5]}}'
    }


def test_futures_in_the_result_are_waited_for():
    class Returns(Workflow):
        def run(self):
            return {"sum": self.submit(add, 1), "all": [self.submit(Group((double, 4)))]}

    assert run_workflow(Returns).result == {"sum": 1, "all": [[8]]}


def test_a_failed_future_in_the_result_fails_the_workflow():
    class Returns(Workflow):
        def run(self):
            return [self.submit(fails)]

    assert run_workflow(Returns).reason == "TaskFailed: fails: ValueError: no"


# --- inputs that fail ---------------------------------------------------------------------


class FailsFirst(Workflow):
    def run(self):
        root = self.submit(fails)
        last = self.submit(double, self.submit(add, root))
        return self.judge(last)

    def judge(self, last):
        raise NotImplementedError


def test_a_failed_input_fails_what_depends_on_it_with_the_chain_of_causes():
    caught = []

    class Judges(FailsFirst):
        def judge(self, last):
            caught.append(last.exception)

    finished = run_workflow(Judges, check_replay=False)
    [error] = caught
    assert type(error) is InputFailed
    assert (error.name, error.task_id) == ("double", "activity-double-1")
    assert str(error) == "double: an input failed: fails: ValueError: no"
    middle = error.__cause__
    assert type(middle) is InputFailed
    assert (middle.name, middle.task_id) == ("add", "activity-add-1")
    root = middle.__cause__
    assert type(root) is TaskFailed
    assert (root.name, root.task_id, root.error_type) == ("fails", "activity-fails-1", "ValueError")
    assert error.root is middle.root is root
    assert isinstance(root.__cause__, OriginalError)
    assert 'raise ValueError("no")' in str(root.__cause__)
    assert list(finished.history.tasks) == ["activity-fails-1"]


def test_the_failure_of_the_workflow_shows_the_whole_chain():
    class Raises(FailsFirst):
        def judge(self, last):
            return last.result

    finished = run_workflow(Raises)
    assert finished.reason == "InputFailed: double: an input failed: fails: ValueError: no"
    trace = "".join(json.loads(finished.details)["traceback"])
    assert trace.index('raise ValueError("no")') < trace.index("fails: ValueError: no")
    assert trace.index("fails: ValueError: no") < trace.index("add: an input failed")
    assert trace.index("add: an input failed") < trace.index("double: an input failed")


@pytest.mark.parametrize("length", [3, 2000])
def test_a_failure_goes_down_a_chain_of_any_length(length):
    class Long(Workflow):
        def run(self):
            future = self.submit(fails)
            for _ in range(length):
                future = self.submit(add, future)
            return [future.exception.task_id, str(future.exception.root)]

    assert run_workflow(Long).result == [f"activity-add-{length}", "fails: ValueError: no"]


def test_an_input_that_failed_before_submit():
    class Late(Workflow):
        def run(self):
            failed = self.submit(fails)
            failed.exception  # noqa: B018
            late = self.submit(add, failed, failed)
            return [late.state.value, str(late.exception)]

    assert run_workflow(Late).result == [
        "FINISHED",
        "add: an input failed: fails: ValueError: no",
    ]


def test_a_cancelled_input_fails_what_depends_on_it():
    class Cancels(Workflow):
        def run(self):
            source = self.submit(add, 1)
            dependent = self.submit(double, source)
            source.cancel()
            error = dependent.exception
            return [type(error).__name__, type(error.__cause__) is TaskCanceled, dependent.done]

    assert run_workflow(Cancels).result == ["InputFailed", True, True]


def test_the_first_failed_input_counts():
    class Both(Workflow):
        def run(self):
            bad, good = self.submit(fails), self.submit(add, 1)
            return str(self.submit(take, good, bad, self.submit(fails)).exception.__cause__)

    assert run_workflow(Both, seed=1).result == "fails: ValueError: no"


# --- results as history holds them --------------------------------------------------------


class Relays(Workflow):
    def run(self):
        source = self.submit(add, 1)
        relayed = self.submit(take, source)
        self.submit(double, relayed)
        return source.result


def relayed(text):
    """What becomes of this result as an input."""
    history = HistoryBuilder(Relays).decided().scheduled("activity-add-1", add, 1)
    history.started("activity-add-1")
    history.add(ev.ActivityTaskCompleted(scheduled_event_id=5, started_event_id=6, result=text))
    return history.deciding()


@pytest.mark.parametrize(
    ("text", "expected", "value"),
    [
        ("7", "7", 7),
        ("null", "null", None),
        (None, "null", None),
        ('{"b": 1,  "a": 1.50}', '{"b": 1,  "a": 1.50}', {"b": 1, "a": 1.5}),
        ("plain text", '"plain text"', "plain text"),
        ('say "hi"', '"say \\"hi\\""', 'say "hi"'),
        ("", '""', ""),
        ("1 2", '"1 2"', "1 2"),
        ("dataflow+s3://bucket/key 123", '"dataflow+s3://bucket/key 123"', None),
        ("\ud800", '"\\ud800"', "\ud800"),
    ],
)
def test_results_of_other_programs_need_not_be_json(text, expected, value):
    class Waits(Relays):
        def run(self):
            source = self.submit(add, 1)
            self.submit(take, source).result  # noqa: B018

    assert inputs(decide(Waits, relayed(text))) == {
        "activity-take-1": f'{{"args":[{expected}],"kwargs":{{}}}}'
    }
    if value is not None:
        run = new_run(Relays)
        [completed] = run.advance(relayed(text).events).decisions
        assert json.loads(completed.result) == value


def test_results_come_back_as_annotated():
    @activity.with_attributes(name="clock")
    def clock() -> datetime:
        return datetime(2020, 2, 29, 12, tzinfo=UTC)

    class Typed(Workflow):
        def run(self):
            moment = self.submit(clock)
            assert isinstance(moment.result, datetime)
            return [moment.result.year, self.submit(take, moment).result[0]]

    assert run_workflow(Typed).result == [2020, ["2020-02-29T12:00:00Z"]]


def test_a_result_that_cannot_be_encoded_again_fails_what_depends_on_it():
    class Ignores(Workflow):
        def run(self):
            failed = self.submit(fails)
            return str(self.submit(take, failed).exception)

        def on_task_failure(self, failure_context):
            return failure_context.decide_ignore(object())

    assert run_workflow(Ignores).result == (
        "take: PayloadError: the result of activity-fails-1 cannot be encoded: an object has no "
        "JSON form"
    )


# --- the control field: which tasks fed a task --------------------------------------------


def control_of(run, **options):
    """The control field of the only `take` in a whole run."""
    definition = type("Feeds", (Workflow,), {"run": run})
    finished = run_workflow(definition, **options)
    assert finished.status == "COMPLETED", finished.reason
    [task] = [t for t in finished.history.tasks.values() if t.name == "take"]
    return json.loads(task.control) if task.control is not None else None


@activity.with_attributes(name="once", idempotent=True)
def once(x):
    return x


def makes(*args):
    return Group((take, *args))


@pytest.mark.parametrize(
    ("run", "control"),
    [
        (lambda self: self.submit(take, 1).result, None),
        (
            lambda self: self.submit(take, self.submit(add, 1)).result,
            {"inputs": ["activity-add-1"]},
        ),
        (
            lambda self: self.submit(take, self.map(add, range(12))).result,
            {"inputs": ["activity-add-1..12"]},
        ),
        (
            lambda self: self.submit(take, self.map(add, range(3))[::-1]).result,
            {"inputs": ["activity-add-3", "activity-add-2", "activity-add-1"]},
        ),
        (
            lambda self: (
                self.submit(
                    take, [self.submit(x, 1) for x in (add, double, add, double)][::3]
                ).result
            ),
            {"inputs": ["activity-add-1", "activity-double-2"]},
        ),
        (
            lambda self: self.submit(take, [(f, f) for f in self.map(add, (1, 2))]).result,
            {"inputs": ["activity-add-1..2"]},
        ),
        (
            lambda self: self.submit(take, self.submit(Group((add, 1), (add, 2)))).result,
            {"inputs": ["activity-add-1..2"]},
        ),
        (
            lambda self: self.submit(take, self.submit(self.start_timer("t", 1))).result,
            {"inputs": ["t"]},
        ),
        (
            lambda self: self.submit(Chain((add, 1), (add, 2), take)).result,
            {"after": ["activity-add-2"]},
        ),
        (
            lambda self: self.submit(Chain(Group((add, 1), (add, 2)), take)).result,
            {"after": ["activity-add-1..2"]},
        ),
        (
            lambda self: self.submit(Chain((add, 1), take, send_result=True)).result,
            {"after": ["activity-add-1"], "inputs": ["activity-add-1"]},
        ),
        (
            lambda self: self.submit(Chain((add, 1), take, break_on_failure=False)).result,
            {"after": ["activity-add-1"]},
        ),
        (lambda self: self.submit(Group((add, 1), take, max_parallel=1)).result, None),
        (
            lambda self: self.submit(Chain(self.start_timer("t", 1), take)).result,
            {"after": ["t"]},
        ),
        (
            lambda self: (
                self.submit(Chain((add, 1), Group((double, 1), take, max_parallel=1))).result
            ),
            {"after": ["activity-add-1"]},
        ),
        (
            lambda self: self.submit(take, self.submit(self.start_timer("t-007", 1))).result,
            {"inputs": ["t-007"]},
        ),
        (
            lambda self: self.submit(take, self.submit(self.start_timer("t-0", 1))).result,
            {"inputs": ["t-0"]},
        ),
        (
            lambda self: self.submit(FuncGroup(makes, self.submit(add, 1))).result,
            {"inputs": ["activity-add-1"]},
        ),
        (
            lambda self: self.submit(Chain((add, 1), FuncGroup(makes, 1))).result,
            {"after": ["activity-add-1"]},
        ),
    ],
)
def test_each_task_records_which_tasks_fed_it(run, control):
    assert control_of(run) == control


def test_an_idempotent_input_is_recorded_once():
    def run(self):
        return self.submit(take, [self.submit(once, self.submit(add, 1)), self.submit(once, 1)])

    [task_id] = control_of(run)["inputs"]
    assert task_id.startswith("activity-once-")


def test_a_control_field_that_is_too_long_is_cut():
    class Wide(Workflow):
        def run(self, n):
            tasks = [self.submit(once, i) for i in range(n)]
            self.submit(take, tasks).result  # noqa: B018

    finished = run_workflow(Wide, 1200)
    text = finished.history.tasks["activity-take-1"].control
    assert len(text) <= DATA_LENGTH
    control = json.loads(text)
    assert control["cut"] is True
    assert len(control["inputs"]) > 300


def test_the_control_of_every_attempt_is_the_same():
    class Retries(Workflow):
        def run(self):
            self.submit(again, self.submit(add, 1)).result  # noqa: B018

    history = HistoryBuilder(Retries).decided().scheduled("activity-add-1", add, 1)
    history.completed("activity-add-1", 1).deciding()
    [first] = decide(Retries, history).decisions
    history.answered().scheduled("activity-again-1", again, 1)
    [second] = decide(
        Retries, history.failed("activity-again-1", OSError("x")).deciding()
    ).decisions
    assert first.control == second.control == '{"inputs":["activity-add-1"]}'


@activity.with_attributes(name="again", retry=1)
def again(x):
    return x


def test_nothing_is_scheduled_for_a_task_that_waits_for_ever():
    class Waits(Workflow):
        def run(self):
            self.submit(take, self.submit(double, self.submit(add, 1))).result  # noqa: B018

    limits = Limits(decisions=1)
    assert told(decide(Waits, HistoryBuilder(Waits).deciding(), limits=limits)) == [
        "schedule activity-add-1"
    ]
    assert ask(Waits, HistoryBuilder(Waits).deciding()) == ["schedule activity-add-1"]
