import re

import pytest

from dataflow import (
    ActivityTask,
    Chain,
    FuncGroup,
    Group,
    TaskCanceled,
    Workflow,
    activity,
    canvas,
)
from dataflow.activity import Activity
from dataflow.errors import InputFailed, NotSubmittable
from dataflow.futures import Future
from dataflow.task import TimerTask
from dataflow.testing import NEVER, run_workflow


@activity.with_attributes(name="add")
def add(*numbers):
    return sum(numbers)


@activity.with_attributes(name="takes")
def takes(*args, **kwargs):
    return [*args, kwargs] if kwargs else [*args]


@activity.with_attributes(name="fails")
def fails(*args):
    raise ValueError(*args)


@activity.with_attributes(name="slow")
def slow(*_):
    raise NotImplementedError


def pause(timer_id="pause", seconds=1):
    return TimerTask(timer_id, seconds)


def tree(end):
    """The end of a future: its result, or the names of what failed."""
    if isinstance(end, BaseExceptionGroup):
        return [tree(e) for e in end.exceptions]
    if isinstance(end, BaseException):
        return f"{type(end).__name__} {end}"
    return end


class Submits(Workflow):
    """Submits one canvas; the result is its end and how long it took."""

    make = None

    def run(self):
        future = self.submit(type(self).make())
        end = tree(future.exception) if future.exception is not None else future.result
        self.sleep(5)  # for what should not be started any more
        return end


def ran(finished):
    """Names and first arguments of the activities that were scheduled, in their order."""
    return [
        re.sub(r"activity-", "", t.task_id)
        for t in finished.history.tasks.values()
        if t.kind == "activity"
    ]


def submit(make, **options):
    return run_workflow(type("Submits_", (Submits,), {"make": staticmethod(make)}), **options)


NO = "TaskFailed fails: ValueError: {}"


# --- groups -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "result"),
    [
        (Group, []),
        (lambda: Group(add), [0]),
        (lambda: Group((add, 1), (add, 2, 3)), [1, 5]),
        (lambda: Group(ActivityTask(takes, 1, k=2), (add,)), [[1, {"k": 2}], 0]),
        (lambda: Group(Group((add, 1), (add, 2)), Group(), (add, 3)), [[1, 2], [], 3]),
        (lambda: Group(Chain((add, 1), (add, 2)), pause()), [[1, 2], None]),
        (lambda: Group((fails, 1)), [NO.format(1)]),
        (lambda: Group((fails, 1), (add, 2), (fails, 3)), [NO.format(1), NO.format(3)]),
        (lambda: Group((add, 1), Group((fails, 2))), [[NO.format(2)]]),
        (lambda: Group((fails, 1), (add, 2), bubbles_exception_on_failure=False), [None, 2]),
        (
            lambda: Group(
                Group((fails, 1), (add, 2), bubbles_exception_on_failure=False), (add, 3)
            ),
            [[None, 2], 3],
        ),
        (
            lambda: Group(
                Group((fails, 1), (add, 2)), (add, 3), bubbles_exception_on_failure=False
            ),
            [None, 3],
        ),
    ],
)
def test_groups(make, result):
    assert submit(make).result == result


def test_append_and_extend():
    group = Group()
    group.append(takes, 1, k=2)
    group.append(ActivityTask(add, 3))
    group.extend([(add, 4), add])
    group += [Group((add, 5))]
    assert len(group) == 5
    assert repr(group) == "<Group of 5>"
    assert submit(lambda: group).result == [[1, {"k": 2}], 3, 4, 0, [5]]


def test_items_end_in_any_order_and_results_keep_theirs():
    for seed in range(5):
        group = Group(*((add, n) for n in range(10)))
        assert submit(lambda group=group: group, seed=seed).result == list(range(10))


def test_the_failures_of_a_group_are_an_exception_group():
    class Handles(Workflow):
        def run(self):
            try:
                self.submit(Group((fails, 1), (add, 2), Group((fails, 3)))).result  # noqa: B018
            except ExceptionGroup as group:
                return [str(group.exceptions[0]), group.message]

    first, message = run_workflow(Handles).result
    assert first == "fails: ValueError: 1"
    assert message == "2 of 3 items of a group failed, first fails: ValueError: 1"


def test_failures_stand_in_the_order_of_history():
    class Reversed(Workflow):
        def run(self):
            slow_one = self.submit(pause("later", 5))
            group = Group((fails, "late", slow_one), (fails, "soon"))
            return tree(self.submit(group).exception)

    assert run_workflow(Reversed).result == [
        "TaskFailed fails: ValueError: soon",
        "TaskFailed fails: ValueError: ('late', None)",
    ]


def test_a_group_that_failed_fails_the_workflow_with_its_tree():
    class Raises(Workflow):
        def run(self):
            return self.submit(Group((fails, 1), (add, 2))).result

    finished = run_workflow(Raises)
    assert finished.reason.startswith(
        "ExceptionGroup: 1 of 2 items of a group failed, first fails:"
    )
    assert "ValueError: 1" in finished.details


def test_a_group_with_cancelled_items_is_cancelled():
    def make():
        return Group(Chain((fails, 1), (add, 2), bubbles_exception_on_failure=False), (add, 3))

    assert submit(make).result == [[None, None], 3]


# --- max_parallel -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "seconds", "duration"),
    [
        (None, [3, 3, 3, 3], 3),
        (1, [3, 3, 3, 3], 12),
        (2, [3, 3, 3, 3], 6),
        (2, [4, 1, 1, 1], 4),
        (4, [3, 3, 3, 3], 3),
        (9, [3, 3], 3),
    ],
)
def test_max_parallel(limit, seconds, duration):
    def make():
        return Group(*(pause(f"t{n}", s) for n, s in enumerate(seconds)), max_parallel=limit)

    finished = submit(make)
    assert finished.result == [None] * len(seconds)
    assert finished.duration == duration + 5


@pytest.mark.parametrize(
    ("make", "result"),
    [
        (
            lambda: Group((fails, 1), (fails, 2), (add, 3), max_parallel=1),
            [NO.format(1), NO.format(2)],
        ),
        (
            lambda: Group(Group((add, 1), (add, 2), max_parallel=1), (add, 3), max_parallel=1),
            [[1, 2], 3],
        ),
        (lambda: Group(Chain((add, 1), (add, 2)), (add, 3), max_parallel=1), [[1, 2], 3]),
        (lambda: Group(FuncGroup(lambda: Group((add, 1))), (add, 3), max_parallel=1), [[1], 3]),
        (lambda: Group((add, 3), FuncGroup(lambda: Group((add, 1))), max_parallel=1), [3, [1]]),
        (lambda: Group(*(Group() for _ in range(500)), max_parallel=1), [[]] * 500),
        (
            lambda: Group(*(FuncGroup(Group) for _ in range(500)), max_parallel=1),
            [[]] * 500,
        ),
    ],
)
def test_max_parallel_with_items_of_all_kinds(make, result):
    assert submit(make).result == result


@pytest.mark.parametrize("limit", [0, -1])
def test_a_wrong_limit(limit):
    with pytest.raises(ValueError, match=f"max_parallel={limit}: use 1 or more, or None"):
        Group(max_parallel=limit)


class CancelsParts(Workflow):
    """Cancels parts of a group of three, of which one may be under way."""

    def run(self, which, seconds):
        group = self.submit(Group(pause("a", 10), pause("b", 10), pause("c", 10), max_parallel=1))
        if seconds:
            self.sleep(seconds)
        for n in which:
            group.parts[n].cancel()
        group.exception  # noqa: B018
        return [[part.cancelled for part in group.parts], group.cancelled]


@pytest.mark.parametrize(
    ("which", "seconds", "duration"),
    [
        ([0], 0, 20),
        ([0], 5, 25),
        ([1], 0, 20),
        ([1], 5, 20),
        ([2], 5, 20),
        ([1, 2], 5, 10),
        ([0, 1], 5, 15),
        ([2, 1, 0], 5, 5),
        ([0, 1, 2], 5, 5),
        ([0, 2], 5, 15),
    ],
)
def test_a_cancelled_item_gives_its_place_to_the_next(which, seconds, duration):
    finished = run_workflow(CancelsParts, which, seconds)
    assert finished.result == [[n in which for n in range(3)], True]
    assert finished.duration == duration


# --- cancelling ---------------------------------------------------------------------------


class CancelsAll(Workflow):
    make = None

    def run(self, seconds):
        future = self.submit(type(self).make())
        if seconds:
            self.sleep(seconds)
        answer = [future.cancel(), str(future.state), isinstance(future.exception, TaskCanceled)]
        self.sleep(5)
        return [*answer, [str(part.state) for part in future.parts]]


CALLS = []


def called():
    CALLS.append(1)
    return Group((add, 1))


@pytest.mark.parametrize("seconds", [0, 1])
@pytest.mark.parametrize(
    ("make", "names"),
    [
        (lambda: Group(slow, slow), ["slow-1", "slow-2"]),
        (lambda: Group(slow, slow, slow, max_parallel=1), ["slow-1"]),
        (lambda: Chain(slow, add), ["slow-1"]),
        (lambda: Chain(slow, add, break_on_failure=False), ["slow-1"]),
        (lambda: Group(Chain(slow, add), Group(slow)), ["slow-1", "slow-2"]),
    ],
)
def test_cancelling_a_canvas_cancels_all_of_it(make, names, seconds):
    definition = type("Cancels", (CancelsAll,), {"make": staticmethod(make)})
    finished = run_workflow(definition, seconds, activities={slow: NEVER, add: 1})
    assert finished.result[:3] == [True, "CANCELLED", True]
    assert set(finished.result[3]) == {"CANCELLED"}
    assert ran(finished) == (names if seconds else [])


@pytest.mark.parametrize(
    "make",
    [
        lambda: Chain(slow, FuncGroup(called)),
        lambda: FuncGroup(lambda: Group(slow, Chain(slow, FuncGroup(called)))),
        (lambda: Chain(slow, FuncGroup(called), break_on_failure=False)),
        (lambda: Group(slow, FuncGroup(called), max_parallel=1)),
    ],
)
def test_cancelling_a_canvas_calls_none_of_its_functions(make):
    CALLS.clear()
    definition = type("Cancels", (CancelsAll,), {"make": staticmethod(make)})
    finished = run_workflow(definition, 1, activities={slow: NEVER, add: 1})
    assert finished.result[:3] == [True, "CANCELLED", True]
    assert CALLS == []


# --- chains -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "result", "names"),
    [
        (Chain, [], []),
        (lambda: Chain((add, 1), (add, 2)), [1, 2], ["add-1", "add-2"]),
        (lambda: Chain((add, 1), Group((add, 2), (add, 3))), [1, [2, 3]], None),
        (lambda: Chain(pause(), (add, 1), pause("more")), [None, 1, None], ["add-1"]),
        (lambda: Chain((add, 1), takes, takes, send_result=True), [1, [1], [[1]]], None),
        (lambda: Chain((add, 1), (takes, 0), send_result=True), [1, [0, 1]], None),
        (
            lambda: Chain((add, 1), Group(takes, (takes, 2)), takes, send_result=True),
            [1, [[1], [2, 1]], [[[1], [2, 1]]]],
            None,
        ),
        (
            lambda: Chain((add, 1), Chain(takes, (add, 2)), takes, send_result=True),
            [1, [[1], 2], [[[1], 2]]],
            None,
        ),
        (
            lambda: Chain((add, 1), FuncGroup(lambda x: Group((takes, x))), send_result=True),
            [1, [[1]]],
            None,
        ),
        (lambda: Chain((fails, 1), (add, 2), (add, 3)), [NO.format(1)], ["fails-1"]),
        (lambda: Chain((add, 1), (fails, 2), (add, 3)), [NO.format(2)], ["add-1", "fails-1"]),
        (
            lambda: Chain((fails, 1), takes, send_result=True),
            [NO.format(1)],
            ["fails-1"],
        ),
        (
            lambda: Chain((fails, 1), (add, 2), (fails, 3), break_on_failure=False),
            [NO.format(1), NO.format(3)],
            ["fails-1", "add-1", "fails-2"],
        ),
        (
            lambda: Chain((fails, 1), (add, 2), bubbles_exception_on_failure=False),
            [None, None],
            ["fails-1"],
        ),
        (
            lambda: Chain((fails, 1), (add, 2), raises_on_failure=False),
            [None, None],
            ["fails-1"],
        ),
        (
            lambda: Chain(Chain((fails, 1), (add, 2), raises_on_failure=False), (add, 3)),
            [[None, None], 3],
            ["fails-1", "add-2"],
        ),
        (
            lambda: Chain(Chain((fails, 1), (add, 2)), (add, 3)),
            [[NO.format(1)]],
            ["fails-1"],
        ),
        (
            lambda: Chain(Group((fails, 1), (add, 2)), (add, 3)),
            [[NO.format(1)]],
            ["fails-1", "add-1"],
        ),
        (
            lambda: Chain(
                Chain((fails, 1), raises_on_failure=False, bubbles_exception_on_failure=True),
                (add, 3),
            ),
            [[NO.format(1)]],
            ["fails-1"],
        ),
        # What follows a failure is not started, however it is nested.
        (lambda: Chain((fails, 1), Group((add, 1), (add, 2))), [NO.format(1)], ["fails-1"]),
        (
            lambda: Chain((fails, 1), Group(*[add] * 3, max_parallel=1)),
            [NO.format(1)],
            ["fails-1"],
        ),
        (
            lambda: Chain((fails, 1), Group(Chain(add, add), Group(add), max_parallel=1)),
            [NO.format(1)],
            ["fails-1"],
        ),
        (lambda: Chain((fails, 1), Chain(add, add)), [NO.format(1)], ["fails-1"]),
        (
            lambda: Chain((fails, 1), Chain(add, add, add, break_on_failure=False)),
            [NO.format(1)],
            ["fails-1"],
        ),
        (lambda: Chain((fails, 1), FuncGroup(called)), [NO.format(1)], ["fails-1"]),
        (lambda: Chain((fails, 1), pause()), [NO.format(1)], ["fails-1"]),
    ],
)
def test_chains(make, result, names):
    finished = submit(make)
    assert finished.result == result
    assert names is None or ran(finished) == names


def test_an_item_starts_when_the_one_before_has_ended():
    class Watches(Workflow):
        def run(self):
            chain = self.submit(Chain(pause("a", 3), (add, 1), pause("b", 4)))
            first, second, third = chain.parts
            seen = []
            for _ in range(2):
                self.sleep(3)
                seen.append([str(f.state)[0] for f in (first, second, third)])
            chain.result  # noqa: B018
            return [seen, self.now().timestamp() % 100]

    finished = run_workflow(Watches)
    assert finished.result[0][0][0] == "F"
    assert finished.result[1] == 7


def test_sending_results_and_going_on_after_failures_exclude_each_other():
    with pytest.raises(ValueError, match="send_result=True needs break_on_failure=True"):
        Chain(send_result=True, break_on_failure=False)


def test_a_timer_gets_no_result():
    finished = submit(lambda: Chain((add, 1), pause(), send_result=True))
    assert finished.reason.startswith("NotSubmittable: a timer takes no argument")


def test_a_timer_in_a_chain_can_be_cancelled():
    class Cancels(Workflow):
        def run(self, seconds):
            chain = self.submit(Chain((add, 1), pause("t", 100)))
            if seconds:
                self.sleep(seconds)
            chain.parts[1].cancel()
            self.sleep(1)
            return [str(part.state) for part in chain.parts]

    for seconds in (0, 5):
        finished = run_workflow(Cancels, seconds)
        assert finished.result == ["FINISHED", "CANCELLED"]
        assert finished.duration == seconds + 1
        events = [event.event_type for event in finished.history.events]
        assert events.count("TimerCanceled") == bool(seconds)


def test_a_timer_id_in_use_fails_the_timer_of_a_chain():
    assert submit(lambda: Chain(Group(pause("t"), Chain((add, 1), pause("t"))))).result == [
        [["TaskFailed t: TIMER_ID_ALREADY_IN_USE"]]
    ]


@pytest.mark.parametrize("broken", [False, True])
def test_a_place_that_becomes_free_before_the_turn_of_the_group(broken):
    class Early(Workflow):
        def run(self):
            failed = self.submit(fails)
            group = Group((add, failed), (add, 1), (add, 2), max_parallel=1)
            timer = self.start_timer("t", 100)
            chain = self.submit(Chain(Chain(timer), group))
            self.sleep(10)
            if broken:
                self.submit(self.cancel_timer("t"))
            self.sleep(80)
            before = [str(part.state) for part in chain.parts[1].parts]
            self.sleep(80)
            return [before, [str(part.state) for part in chain.parts[1].parts]]

    finished = run_workflow(Early)
    before, after = finished.result
    assert before == ["FINISHED"] + ["CANCELLED" if broken else "PENDING"] * 2
    assert after == ["FINISHED"] + ["CANCELLED" if broken else "FINISHED"] * 2
    assert [name for name in ran(finished) if name.startswith("add")] == (
        [] if broken else ["add-2", "add-3"]
    )


def test_a_long_chain_breaks_without_recursion():
    finished = submit(lambda: Chain((fails, 1), *[(add, 1)] * 2000))
    assert finished.result == [NO.format(1)]


def test_a_long_chain_of_functions_is_no_recursion():
    finished = submit(lambda: Chain(*[FuncGroup(Group)] * 1000))
    assert finished.result == [[]] * 1000


# --- FuncGroup ----------------------------------------------------------------------------


def spread(*numbers, k=0):
    return Group(*((add, n, k) for n in numbers))


@pytest.mark.parametrize(
    ("make", "result"),
    [
        (lambda: FuncGroup(spread), []),
        (lambda: FuncGroup(spread, 1, 2, k=10), [11, 12]),
        (lambda: FuncGroup(lambda: ActivityTask(add, 1)), 1),
        (lambda: FuncGroup(lambda: Chain((add, 1), (add, 2))), [1, 2]),
        (lambda: FuncGroup(lambda: FuncGroup(spread, 1)), [1]),
        (lambda: FuncGroup(pause), None),
        (lambda: FuncGroup(lambda: Group((fails, 1))), [NO.format(1)]),
        (lambda: FuncGroup(lambda: ActivityTask(fails, 1)), NO.format(1)),
        (
            lambda: Chain((add, 2), FuncGroup(spread, 1), (takes, 0), send_result=True),
            [2, [1, 2], [0, [1, 2]]],
        ),
        (lambda: Group(FuncGroup(spread, 1), FuncGroup(spread, 2)), [[1], [2]]),
    ],
)
def test_func_groups(make, result):
    assert submit(make).result == result


@pytest.mark.parametrize(
    ("function", "args", "message"),
    [
        (lambda: None, (), "must return a canvas or a task, not NoneType"),
        (lambda: [add], (), "must return a canvas or a task, not list"),
        (lambda: add, (), "must return a canvas or a task, not Activity"),
        (lambda x: 1 // x, (0,), "ZeroDivisionError: integer division or modulo by zero"),
        (lambda: Group((add, object())), (), "PayloadError: add: args[0] cannot be encoded"),
        (lambda: 1, (1,), "TypeError: "),
    ],
)
@pytest.mark.parametrize("behind", [False, True])
def test_a_function_that_fails_fails_its_task(function, args, message, behind):
    def make():
        group = FuncGroup(function, *args)
        return Chain((add, 1), group) if behind else group

    finished = submit(make)
    [error] = finished.result if behind else [finished.result]
    assert error.startswith("TaskFailed FuncGroup ")
    assert message in error


def test_the_failure_of_a_function_has_its_traceback():
    class Fails(Workflow):
        def run(self):
            return str(self.submit(FuncGroup(lambda: 1 // 0)).exception.__cause__)

    told = run_workflow(Fails).result
    assert "1 // 0" in told
    assert "host.submit" not in told


class WithFutures(Workflow):
    """A FuncGroup of futures of all kinds."""

    def run(self, kind):
        task = self.submit(fails if kind == "failed" else add, 1)
        other = self.submit(add, 2)
        function = FuncGroup(spread, task, 5, k=other)
        if kind == "nested":
            function = FuncGroup(self.sum, [task], {"a": (other,)})
        future = self.submit(function)
        if kind == "cancelled":
            task.cancel()
        if kind == "cancelled itself":
            return [future.cancel(), other.result]
        if kind == "cancelled later":
            task.result  # noqa: B018
            return [future.cancel(), isinstance(future.exception, TaskCanceled)]
        error = future.exception
        if error is not None:
            return [type(error).__name__, str(error.__cause__)]
        return future.result

    def sum(self, numbers, more):
        return ActivityTask(add, *numbers, *more["a"])


@pytest.mark.parametrize(
    ("kind", "result"),
    [
        ("finished", [3, 7]),
        ("failed", ["InputFailed", "fails: ValueError: 1"]),
        ("cancelled", ["InputFailed", "activity-add-1: cancelled"]),
        ("cancelled itself", [True, 2]),
        ("cancelled later", [True, True]),
        ("nested", 3),
    ],
)
def test_futures_among_the_arguments(kind, result):
    assert run_workflow(WithFutures, kind).result == result


def test_a_function_gets_results_also_where_futures_are_nested():
    seen = []

    class Nests(Workflow):
        def run(self):
            function = FuncGroup(
                lambda xs: seen.append(xs) or Group((add, 1)), [self.submit(add, 1)]
            )
            return self.submit(function).result

    run_workflow(Nests, check_replay=False)
    assert seen == [[1]]


def test_a_function_is_called_when_its_turn_has_come():
    class Turns(Workflow):
        def run(self):
            calls = []

            def make():
                calls.append(self.now().timestamp() % 100)
                return Group((add, 1))

            chain = self.submit(Chain(pause("t", 7), FuncGroup(make)))
            immediately = self.submit(FuncGroup(make))
            chain.result, immediately.result  # noqa: B018
            return calls

    assert run_workflow(Turns).result[0] == 0
    assert len(run_workflow(Turns).result) == 2


def test_the_time_in_a_function_is_that_of_its_decision():
    class Turns(Workflow):
        def run(self):
            calls = []

            def make():
                calls.append(self.now().timestamp() % 100)
                return Group((add, 1))

            self.submit(Chain(pause("t", 7), FuncGroup(make))).result  # noqa: B018
            return calls

    assert run_workflow(Turns).result == [7]


@pytest.mark.parametrize("function", [None, 5, add])
def test_wrong_functions(function):
    with pytest.raises(NotSubmittable, match="FuncGroup takes a function that returns a canvas"):
        FuncGroup(function)


def test_how_a_func_group_is_shown():
    class Callable:
        __repr__ = lambda self: "it"  # noqa: E731

        def __call__(self):
            return Group()

    assert repr(FuncGroup(spread)) == "<FuncGroup spread>"
    assert repr(FuncGroup(Callable())) == "<FuncGroup it>"


@pytest.mark.parametrize(
    ("make", "status"),
    [
        (lambda: FuncGroup(lambda: Group((fails, 1)), raises_on_failure=True), "FAILED"),
        (lambda: FuncGroup(lambda: Group((fails, 1))), "COMPLETED"),
        (lambda: Group(FuncGroup(lambda: Group((fails, 1))), raises_on_failure=True), "FAILED"),
        (
            lambda: Group(
                FuncGroup(lambda: Group((fails, 1)), raises_on_failure=False),
                raises_on_failure=True,
            ),
            "COMPLETED",
        ),
    ],
)
def test_raises_on_failure(make, status):
    assert submit(make).status == status


# --- wrong items --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Group(print), NotSubmittable, "the function print is no activity"),
        (lambda: Group(5), NotSubmittable, "a int is no activity"),
        (lambda: Chain(()), NotSubmittable, "a tuple is no activity"),
        (lambda: Chain((print, 1)), NotSubmittable, "the function print is no activity"),
        (lambda: Group((Group(), 1)), TypeError, "<Group of 0> takes no arguments here"),
        (lambda: Group((ActivityTask(add), 1)), TypeError, r"ActivityTask\(add\) takes no"),
        (lambda: Group().append(pause(), k=1), TypeError, "takes no arguments here"),
        (lambda: Group([add]), NotSubmittable, "a list is no activity"),
    ],
)
def test_wrong_items(make, error, message):
    with pytest.raises(error, match=message):
        make()


# --- nothing is changed by submitting -----------------------------------------------------


def state(thing):
    """All that a canvas holds, down to its activities."""
    if isinstance(thing, (list, tuple)):
        return [state(item) for item in thing]
    if isinstance(thing, (Activity, ActivityTask, Group, Chain, FuncGroup)):
        names = getattr(type(thing), "__slots__", None) or vars(thing)
        parts = {name: getattr(thing, name) for name in names if name != "callable"}
        return id(thing), {name: state(part) for name, part in parts.items()}
    return repr(thing)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Group((add, 1), Group((add, 2), raises_on_failure=True), max_parallel=1),
        lambda: Chain((add, 1), Group(takes), takes, send_result=True, raises_on_failure=True),
        lambda: Chain((add, 1), FuncGroup(spread, 2, k=3), send_result=True),
    ],
)
def test_submitting_changes_nothing(make):
    shared = make()

    class Twice(Workflow):
        def run(self):
            return [self.submit(shared).result, self.submit(shared).result]

    before = state(shared), state(add), state(takes)
    first, second = run_workflow(Twice).result
    assert first == second
    assert (state(shared), state(add), state(takes)) == before
    assert run_workflow(Twice).result == [first, second]


def test_a_canvas_may_grow_after_it_was_submitted():
    class Grows(Workflow):
        def run(self):
            group = Group((add, 1))
            first = self.submit(group)
            group.append(add, 2)
            return [first.result, self.submit(group).result]

    assert run_workflow(Grows).result == [[1], [1, 2]]


# --- costs --------------------------------------------------------------------------------


def calls_per_item(monkeypatch, make, n):
    """How often parts are looked at while a canvas of n items runs, for each item."""
    calls = []
    done = Future.done.fget
    monkeypatch.setattr(Future, "done", property(lambda self: calls.append(1) or done(self)))
    assert submit(lambda: make(n), check_replay=False).status == "COMPLETED"
    monkeypatch.undo()
    return len(calls) / n


@pytest.mark.parametrize(
    "make",
    [
        lambda n: Group(*[(add, 1)] * n),
        lambda n: Group(*[(add, 1)] * n, max_parallel=3),
        lambda n: Chain(*[(add, 1)] * n),
        lambda n: Chain(*[(add, 1)] * n, break_on_failure=False),
        lambda n: Group(*[Group((add, 1))] * n),
    ],
)
def test_an_item_costs_the_same_however_many_there_are(monkeypatch, make):
    small, large = (calls_per_item(monkeypatch, make, n) for n in (20, 200))
    assert large < 1.5 * small + 5


def test_a_group_that_follows_a_group_costs_the_same_too(monkeypatch):
    from dataflow.replay import sources  # noqa: PLC0415

    walked = []
    task_ids = sources._task_ids

    def count(futures):
        for task_id in task_ids(futures):
            walked.append(1)
            yield task_id

    monkeypatch.setattr(sources, "_task_ids", count)

    def cost(n):
        walked.clear()
        submit(lambda: Chain(Group(*[(add, 1)] * n), Group(*[(add, 1)] * n)), check_replay=False)
        return len(walked) / n

    assert cost(80) < 2 * cost(10)


def test_the_exports():
    assert {canvas.Group, canvas.Chain, canvas.FuncGroup} == set(canvas.Canvas.__args__)
    assert canvas.is_item(add)
    assert not canvas.is_item(InputFailed)
