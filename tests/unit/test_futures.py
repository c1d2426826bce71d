import re

import pytest

from dataflow import Group, Retry, TaskCanceled, TaskFailed, Workflow, activity, futures
from dataflow.errors import NotInWorkflow
from dataflow.futures import Future, State, follow
from dataflow.testing import NEVER, VirtualClock, run_workflow


@activity.with_attributes(name="add")
def add(*numbers):
    return sum(numbers)


@activity.with_attributes(name="after")
def after(timer):
    return timer


@activity.with_attributes(name="fails")
def fails(*_):
    raise ValueError("no")


@activity.with_attributes(name="busy", retry=Retry(attempts=3, initial_delay=60))
def busy(*_):
    raise OSError("busy")


@activity.with_attributes(name="slow", start_to_close_timeout=None, schedule_to_close_timeout=None)
def slow(*_):
    raise NotImplementedError


def of(run, *args, **options):
    """The result of a workflow of this run()."""
    return run_workflow(type("Reading", (Workflow,), {"run": run}), *args, **options).result


def caught(function):
    try:
        return function()
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"


# --- states -------------------------------------------------------------------------------


def flags(future):
    return [
        name
        for name in ("pending", "running", "finished", "cancelled", "done")
        if getattr(future, name)
    ]


@pytest.mark.parametrize(
    ("settle", "state", "expected"),
    [
        (lambda f: None, "PENDING", ["pending"]),
        (lambda f: f.set_running(), "RUNNING", ["running"]),
        (lambda f: f.set_finished(1), "FINISHED", ["finished", "done"]),
        (lambda f: f.set_exception(ValueError()), "FINISHED", ["finished", "done"]),
        (lambda f: f.set_encoded("1", lambda: 1), "FINISHED", ["finished", "done"]),
        (lambda f: f.set_cancelled(), "CANCELLED", ["cancelled", "done"]),
        (lambda f: f.cancel(), "CANCELLED", ["cancelled", "done"]),
    ],
)
def test_states(settle, state, expected):
    future = Future(name="f")
    settle(future)
    assert future.state == state == State(state).value
    assert future.state is getattr(futures, state)
    assert flags(future) == expected
    assert repr(future) == f"<Future f {state}>"


def test_a_future_that_is_done_stays_as_it_is():
    future = Future(name="f")
    future.set_finished(1)
    future.set_running()
    assert future.state == "FINISHED"
    for settle in (lambda: future.set_finished(2), future.set_cancelled):
        with pytest.raises(AssertionError, match="<Future f FINISHED> is done already"):
            settle()


def test_a_result_is_loaded_once_and_when_it_is_read():
    loads = []
    future = Future()
    future.set_encoded("[1]", lambda: loads.append(1) or [1])
    assert loads == []
    assert future.result is future.result
    assert loads == [1]
    assert future.encoded == "[1]"


def test_states_of_a_task_in_a_workflow():
    def run(self):
        first = self.submit(add, 1)
        second = self.submit(add, first)
        seen = [[str(first.state), str(second.state)]]
        self.submit(self.start_timer("t", 1)).result  # noqa: B018
        seen.append([str(first.state), str(second.state)])
        return [*seen, second.result]

    assert of(run) == [["PENDING", "PENDING"], ["FINISHED", "FINISHED"], 1]


# --- result and exception -----------------------------------------------------------------


def test_a_failed_task_raises_on_result_and_gives_its_exception():
    def run(self):
        task = self.submit(fails)
        error = task.exception
        with pytest.raises(TaskFailed) as raised:
            task.result  # noqa: B018
        assert raised.value is error is task.exception
        return [error.name, error.reason, error.error_type, error.message, error.task_id]

    assert of(run) == ["fails", "ValueError: no", "ValueError", "no", "activity-fails-1"]


def test_a_finished_task_has_no_exception():
    assert of(lambda self: self.submit(add, 1).exception) is None


def test_a_cancelled_task_gives_its_exception_at_once():
    def run(self):
        task = self.submit(add, 1)
        task.cancel()
        assert isinstance(task.exception, TaskCanceled)
        with pytest.raises(TaskCanceled, match="activity-add-1: cancelled"):
            task.result  # noqa: B018
        return task.exception.task_id

    assert of(run) in ("", "activity-add-1")


@pytest.mark.parametrize(
    "read",
    [
        lambda f: f.result,
        lambda f: f.exception,
        futures.wait,
        lambda f: next(futures.as_completed(f)),
        lambda f: f.__await__().send(None),
    ],
)
def test_a_future_of_no_workflow_cannot_be_waited_for(read):
    future = Future(name="stray")
    with pytest.raises(NotInWorkflow, match=r"stray.* futures come from self\.submit\(\)"):
        read(future)
    future.set_finished(1)
    try:
        read(future)
    except StopIteration as end:
        assert end.value == 1  # noqa: PT017


def test_a_future_outlives_its_workflow_but_cannot_be_waited_for_there():
    kept = []

    def run(self):
        kept.extend([self.submit(add, 1), self.submit(slow)])
        return kept[0].result

    assert of(run, activities={slow: NEVER}, check_replay=False) == 1
    assert kept[0].result == 1
    with pytest.raises(NotInWorkflow, match="only run"):
        kept[1].result  # noqa: B018


def test_await_gives_the_result():
    class Awaits(Workflow):
        async def run(self):
            return [await self.submit(add, 1), await self.submit(Group((add, 2)))]

    assert run_workflow(Awaits).result == [1, [2]]


# --- cancel -------------------------------------------------------------------------------


class Cancels(Workflow):
    """Cancels a task of some kind after some seconds."""

    def run(self, kind, seconds):
        task = {
            "activity": lambda: self.submit(slow),
            "done": lambda: self.submit(add, 1),
            "failed": lambda: self.submit(fails),
            "timer": lambda: self.submit(self.start_timer("t", 1000)),
            "fired": lambda: self.submit(self.start_timer("t", 1)),
            "backing off": lambda: self.submit(busy),
            "input missing": lambda: self.submit(add, self.submit(slow)),
            "group": lambda: self.submit(Group(slow, slow, (add, 1), max_parallel=2)),
        }[kind]()
        if seconds:
            self.sleep(seconds)
        answer = [task.cancel(), task.cancel(), str(task.state), caught(lambda: task.result)]
        self.sleep(5)
        return answer


CANCELLED = "TaskCanceled: {}: cancelled"


@pytest.mark.parametrize(
    ("kind", "seconds", "name"),
    [
        ("activity", 0, "activity-slow-1"),
        ("activity", 5, "activity-slow-1"),
        ("timer", 0, "t"),
        ("timer", 5, "t"),
        ("backing off", 0, "activity-busy-1"),
        ("backing off", 5, "activity-busy-1"),
        ("input missing", 0, "activity-add-1"),
        ("input missing", 5, "activity-add-1"),
        ("group", 0, "group"),
        ("group", 5, "group"),
    ],
)
def test_what_is_not_done_can_be_cancelled(kind, seconds, name):
    never = {} if kind in {"timer", "backing off"} else {slow: NEVER}
    finished = run_workflow(Cancels, kind, seconds, activities=never)
    assert finished.result == [True, True, "CANCELLED", CANCELLED.format(name)]
    assert finished.duration == seconds + 5


@pytest.mark.parametrize(
    ("kind", "end"), [("done", 1), ("failed", "TaskFailed: fails: ValueError: no"), ("fired", None)]
)
def test_what_is_done_cannot_be_cancelled(kind, end):
    finished = run_workflow(Cancels, kind, 2)
    assert finished.result == [False, False, "FINISHED", end]


def test_a_task_that_was_cancelled_before_it_started_never_does():
    finished = run_workflow(Cancels, "activity", 0)
    assert list(finished.history.tasks) == ["dataflow-sleep-1"]


def test_a_running_task_is_asked_to_stop_once():
    finished = run_workflow(Cancels, "activity", 5, activities={slow: NEVER})
    requests = [e for e in finished.history.events if e.event_type == "ActivityTaskCancelRequested"]
    assert len(requests) == 1


def test_what_a_cancelled_task_brings_is_read_over():
    def late(*_):
        clock.advance(10)
        return "late"

    clock = VirtualClock()
    finished = run_workflow(Cancels, "activity", 5, activities={slow: late}, clock=clock)
    assert finished.result[2] in ("CANCELLED", "FINISHED")


# --- callbacks ----------------------------------------------------------------------------


def test_callbacks_are_called_once_in_their_order():
    log = []
    future = Future(name="f")
    for n in (1, 2):
        future.add_done_callback(lambda f, n=n: log.append((n, f.result)))
    future.set_finished("x")
    future.add_done_callback(lambda f: log.append((3, f.result)))
    assert log == [(1, "x"), (2, "x"), (3, "x")]


def test_callbacks_in_a_workflow_are_called_in_the_order_of_history():
    def run(self):
        log = []
        tasks = self.map(add, range(4))
        for n, task in enumerate(tasks):
            task.add_done_callback(lambda _, n=n: log.append(n))
        order = [tasks.index(f) for f in futures.as_completed(*tasks)]
        return log == order

    assert of(run, seed=3) is True


@pytest.mark.parametrize("end", ["finished", "failed", "cancelled"])
def test_one_future_follows_another(end):
    source, target = Future(name="source"), Future(name="target")
    follow(source, target)
    assert target.parts == (source,)
    match end:
        case "finished":
            source.set_encoded("5", lambda: 5)
            assert (target.result, target.encoded) == (5, "5")
        case "failed":
            source.set_exception(ValueError("x"))
            assert target.exception is source.exception
        case "cancelled":
            source.cancel()
            assert target.cancelled


def test_a_future_that_is_done_follows_no_more():
    source, target = Future(), Future()
    follow(source, target)
    target.cancel()
    source.set_finished(1)
    assert target.cancelled


# --- wait ---------------------------------------------------------------------------------


def naming(tasks):
    return lambda fs: [tasks.index(f) for f in fs]


class Waits(Workflow):
    """Tasks are timers: task n ends after ``seconds[n]``; a negative one fails then."""

    def run(self, seconds, return_when):
        tasks = [self.task(n, second) for n, second in enumerate(seconds)]
        done, not_done = futures.wait(*tasks, return_when=return_when)
        name = naming(tasks)
        return [name(done), name(not_done), (self.now().timestamp()) % 1000]

    def task(self, n, seconds):
        timer = self.submit(self.start_timer(f"t{n}", abs(seconds)))
        return self.submit(after if seconds > 0 else fails, timer)


@pytest.mark.parametrize(
    ("return_when", "seconds", "expected"),
    [
        (futures.ALL_COMPLETED, [], [[], [], 0]),
        (futures.ALL_COMPLETED, [3, 1, 2], [[1, 2, 0], [], 3]),
        (futures.ALL_COMPLETED, [3, -1, 2], [[1, 2, 0], [], 3]),
        (futures.FIRST_COMPLETED, [3, 1, 2], [[1], [0, 2], 1]),
        (futures.FIRST_COMPLETED, [3, -1, 2], [[1], [0, 2], 1]),
        (futures.FIRST_COMPLETED, [], [[], [], 0]),
        (futures.FIRST_EXCEPTION, [3, 1, -2], [[1, 2], [0], 2]),
        (futures.FIRST_EXCEPTION, [3, 1, 2], [[1, 2, 0], [], 3]),
        (futures.FIRST_EXCEPTION, [-3, 1, -2], [[1, 2], [0], 2]),
    ],
)
def test_wait_returns_in_the_order_of_history(return_when, seconds, expected):
    assert run_workflow(Waits, seconds, return_when).result == expected


@pytest.mark.parametrize(
    ("return_when", "expected"),
    [
        (futures.ALL_COMPLETED, [[1, 2, 0], []]),
        (futures.FIRST_COMPLETED, [[1], [0, 2]]),
        (futures.FIRST_EXCEPTION, [[1, 2], [0]]),
    ],
)
def test_what_is_done_already_counts(return_when, expected):
    one, two, three = fs = [Future(name=str(n)) for n in range(3)]
    two._rank = 1
    two.set_finished(1)
    if return_when != "FIRST_COMPLETED":
        three._rank = 2
        three.set_exception(ValueError("x"))
    if return_when == "ALL_COMPLETED":
        one._rank = 3
        one.cancel()
    done, not_done = futures.wait(*fs, return_when=return_when)
    assert [[fs.index(f) for f in part] for part in (done, not_done)] == expected


def test_a_cancelled_task_is_no_exception_but_done():
    def run(self):
        cancelled, task, other = (self.submit(add, n) for n in range(3))
        cancelled.cancel()
        first = futures.wait(cancelled, task, return_when=futures.FIRST_COMPLETED).done
        both = futures.wait(cancelled, task, other, return_when=futures.FIRST_EXCEPTION).done
        return [first == [cancelled], len(both)]

    assert of(run) == [True, 3]


def test_a_future_may_be_given_twice():
    def run(self):
        task, other = self.submit(add, 1), self.submit(add, 2)
        done, not_done = futures.wait(task, other, task)
        again = list(futures.as_completed(task, other, task))
        return [len(done), len(not_done), len(again)]

    assert of(run) == [2, 0, 2]


def test_waiting_never_raises_for_a_failed_task():
    def run(self):
        task = self.submit(fails)
        return [len(futures.wait(task).done), [f is task for f in futures.as_completed(task)]]

    assert of(run) == [1, [True]]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda f: futures.wait([f]),
            TypeError,
            "wait() takes futures, not list: write futures.wait(*fs)",
        ),
        (lambda f: futures.wait(f, (f,)), TypeError, "not tuple: write futures.wait(*fs)"),
        (lambda f: futures.wait(f, 3), TypeError, "futures.wait() takes futures, not int"),
        (lambda f: futures.as_completed([f]), TypeError, "write futures.as_completed(*fs)"),
        (
            lambda f: futures.wait(f, return_when="ANY"),
            ValueError,
            "return_when='ANY': use ALL_COMPLETED, FIRST_COMPLETED or FIRST_EXCEPTION",
        ),
    ],
)
def test_wrong_arguments(call, error, message):
    with pytest.raises(error, match=re.escape(message)):
        call(Future())


# --- as_completed -------------------------------------------------------------------------


class Streams(Workflow):
    def run(self, seconds):
        tasks = [self.submit(self.start_timer(f"t{n}", s)) for n, s in enumerate(seconds)]
        if 0 in seconds:
            self.sleep(1)
        return [
            [tasks.index(f), self.now().timestamp() % 1000] for f in futures.as_completed(*tasks)
        ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], []),
        ([3, 2, 5], [[1, 2], [0, 3], [2, 5]]),
        ([3, 0, 2], [[1, 1], [2, 2], [0, 3]]),
        ([2, 2], [[0, 2], [1, 2]]),
    ],
)
def test_as_completed_gives_each_as_it_ends(seconds, expected):
    assert run_workflow(Streams, seconds).result == expected


def test_as_completed_notices_what_ends_while_it_is_not_asked():
    def run(self):
        tasks = [self.submit(self.start_timer(f"t{n}", 3 - n)) for n in range(3)]
        arrivals = futures.as_completed(*tasks)
        self.sleep(10)
        return [tasks.index(f) for f in arrivals]

    assert of(run) == [2, 1, 0]


def test_waiting_for_a_thousand_is_linear():
    calls = []

    class Counted(Future):
        @property
        def done(self):
            calls.append(1)
            return super().done

    fs = [Counted() for _ in range(1000)]
    for future in fs[:-1]:
        future.set_finished(1)
    awaited = futures._Wait(fs, futures.ALL_COMPLETED)
    calls.clear()
    assert not awaited.done
    fs[-1].set_finished(1)
    assert awaited.done
    assert len(calls) < 5
