"""Law 2: run() is suspended, not run again, and nothing that a user writes can swallow that."""

import asyncio
import contextlib
import gc
import threading
import weakref

import greenlet
import pytest
from replaying import add, ask, decide, double, new_run, told

from dataflow import FuncGroup, Group, Workflow, futures
from dataflow.errors import NotInWorkflow
from dataflow.protocol import events as ev
from dataflow.replay.decided import Verdict
from dataflow.testing import HistoryBuilder, run_workflow


def started(definition):
    """The execution waits for its only activity."""
    return HistoryBuilder(definition).decided().scheduled("activity-add-1", add, 1)


# --- nothing swallows a suspension --------------------------------------------------------


def with_exception(future):
    try:
        return future.result
    except Exception:  # noqa: BLE001
        return "swallowed"


def with_base_exception(future):
    try:
        return future.result
    except BaseException:  # noqa: BLE001
        return "swallowed"


def with_bare_except(future):
    while True:
        try:
            return future.result
        except:  # noqa: E722, S112
            continue


def with_finally(future):
    seen = []
    try:
        future.exception  # noqa: B018
    finally:
        seen.append(future.done)
    return seen[0] and future.result


def with_suppress(future):
    with contextlib.suppress(BaseException):
        return future.result


def in_a_generator(future):
    def numbers():
        try:
            yield future.result
        except Exception:  # noqa: BLE001
            yield "swallowed"

    return next(numbers())


def in_a_key_function(future):
    return sorted([2, 1], key=lambda x: x * future.result) and future.result


@pytest.mark.parametrize(
    "read",
    [
        with_exception,
        with_base_exception,
        with_bare_except,
        with_finally,
        with_suppress,
        in_a_generator,
        in_a_key_function,
    ],
)
def test_nothing_swallows_a_suspension(read):
    class Reading(Workflow):
        def run(self):
            return read(self.submit(add, 1))

    run, history = new_run(Reading), started(Reading)
    decided = run.advance(history.events[:3])
    assert told(decided) == ["schedule activity-add-1"]
    assert decided.verdict is Verdict.WAITING
    assert told(run.advance(history.completed("activity-add-1", 7).deciding().events)) == [
        "complete 7"
    ]
    assert ask(Reading, history) == ["complete 7"]


def test_the_frame_goes_on_where_it_was():
    log = []

    class Logging(Workflow):
        def run(self):
            log.append("begins")
            log.append(self.submit(add, 1).result)
            log.append(self.submit(add, 2).result)

    run, history = new_run(Logging), started(Logging).completed("activity-add-1", "one").deciding()
    run.advance(history.events[:3])
    assert log == ["begins"]
    run.advance(history.events)
    assert log == ["begins", "one"]


def test_a_decision_that_brings_nothing_new_does_not_wake_it():
    history = started(Patient).add(ev.WorkflowExecutionSignaled(signal_name="hello"))
    decided = decide(Patient, history.deciding())
    assert (decided.verdict, decided.decisions) == (Verdict.WAITING, ())


# --- dropped ------------------------------------------------------------------------------


class Patient(Workflow):
    def run(self):
        return self.submit(add, 1).result


def suspended(function):
    """A run that is suspended in a function of (workflow, future, log), and its log."""
    log = []

    class Suspended(Workflow):
        def run(self):
            function(self, self.submit(add, 1), log)

    run = new_run(Suspended)
    decided = run.advance(HistoryBuilder(Suspended).deciding().events)
    assert decided.verdict is Verdict.WAITING
    return run, log


def cleans_up(workflow, future, log):
    with contextlib.ExitStack() as stack:
        stack.callback(log.append, "with")
        try:
            future.result  # noqa: B018
        finally:
            log.append("finally")


def submits(workflow, future, log):
    try:
        future.result  # noqa: B018
    finally:
        log.append("finally")
        workflow.submit(add, 2)
        log.append("never")


def reads(workflow, future, log):
    try:
        future.result  # noqa: B018
    finally:
        log.append("finally")
        log.append(future.result)


def sleeps(workflow, future, log):
    try:
        future.result  # noqa: B018
    finally:
        log.append("finally")
        workflow.sleep(1)
        log.append("never")


def gives_up(workflow, future, log):
    try:
        future.result  # noqa: B018
    finally:
        log.append("finally")
        workflow.fail("never")


def has_an_error(workflow, future, log):
    try:
        future.result  # noqa: B018
    finally:
        log.append("finally")
        raise ValueError("while cleaning up")


def catches_exceptions(workflow, future, log):
    try:
        future.result  # noqa: B018
    except Exception:  # noqa: BLE001
        log.append("swallowed")
    log.append("never")


def goes_on_by_itself(workflow, future, log):
    try:
        future.result  # noqa: B018
    except BaseException:  # noqa: BLE001
        log.append("finally")


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (cleans_up, ["finally", "with"]),
        (submits, ["finally"]),
        (reads, ["finally"]),
        (sleeps, ["finally"]),
        (gives_up, ["finally"]),
        (has_an_error, ["finally"]),
        (goes_on_by_itself, ["finally"]),
        (catches_exceptions, []),
    ],
)
def test_a_dropped_run_cleans_up_and_decides_nothing(function, expected):
    run, log = suspended(function)
    run.drop()
    assert log == expected
    assert run._agenda.take() == []
    run.drop()
    assert log == expected


def test_a_run_that_swallows_its_exit_is_left_where_it_is():
    def clings(workflow, future, log):
        while True:
            try:
                future.result  # noqa: B018
            except BaseException:  # noqa: BLE001
                log.append("swallowed")

    run, log = suspended(clings)
    run.drop()
    swallowed = len(log)
    assert 0 < swallowed < 10
    run.drop()
    assert len(log) == swallowed
    freed = weakref.ref(run)
    del run
    gc.collect()
    assert len(log) < 20, freed


def test_a_failed_run_that_swallows_its_exit_is_left_where_it_is():
    log = []

    class Clinging(Workflow):
        def run(self):
            while True:
                try:
                    self.fail("over")
                except BaseException:  # noqa: BLE001
                    log.append("swallowed")

    assert ask(Clinging, HistoryBuilder(Clinging).deciding()) == ["fail over"]
    assert len(log) < 20


def test_dropping_a_run_that_never_began():
    new_run(Patient).drop()


def test_dropping_a_run_that_has_ended():
    run = new_run(Patient)
    run.advance(started(Patient).completed("activity-add-1").deciding().events)
    run.drop()


# --- stale --------------------------------------------------------------------------------


class TwoSteps(Workflow):
    def run(self):
        return self.submit(double, self.submit(add, 1).result).result


def first_step():
    return HistoryBuilder(TwoSteps).deciding()


def answer_lost():
    return first_step().decision_timed_out().deciding()


def answer_taken():
    return (
        first_step()
        .answered()
        .scheduled("activity-add-1", add, 1)
        .completed("activity-add-1", 5)
        .deciding()
    )


@pytest.mark.parametrize(
    ("history", "since", "expected"),
    [
        (answer_taken, 0, ["schedule activity-double-1"]),  # the whole of it
        (answer_taken, 2, ["schedule activity-double-1"]),  # startAtPreviousStartedEvent
        (answer_taken, 3, ["schedule activity-double-1"]),
        (answer_taken, 4, None),  # a gap
        (answer_taken, 7, None),
        (answer_lost, 0, None),
        (answer_lost, 2, None),
        (answer_lost, 3, None),
    ],
)
def test_a_run_goes_on_only_from_what_it_knows(history, since, expected):
    run = new_run(TwoSteps)
    assert told(run.advance(first_step().events)) == ["schedule activity-add-1"]
    decided = run.advance(history().events[since:])
    if expected is None:
        assert (decided.verdict, decided.decisions) == (Verdict.STALE, ())
    else:
        assert told(decided) == expected


def test_what_is_stale_is_replayed_cold():
    assert ask(TwoSteps, answer_lost()) == ["schedule activity-add-1"]


# --- waiting elsewhere --------------------------------------------------------------------


def test_only_run_can_wait():
    caught = []

    class Threaded(Workflow):
        def run(self):
            future = self.submit(add, 1)

            def read():
                try:
                    future.result  # noqa: B018
                except NotInWorkflow as error:
                    caught.append(str(error))

            thread = threading.Thread(target=read)
            thread.start()
            thread.join()
            return len(caught)

    assert told(new_run(Threaded).advance(HistoryBuilder(Threaded).deciding().events)) == [
        "complete 1"
    ]
    assert caught[0].startswith("only run() can wait")


def test_a_callback_may_not_wait_inside_run_either():
    class WaitingCallback(Workflow):
        def run(self):
            first, second, third = (self.submit(add, n) for n in range(3))
            first.add_done_callback(lambda _: futures.wait(second, third))
            first.cancel()
            return "done"

    finished = run_workflow(WaitingCallback)
    assert "only run() can wait" in (finished.reason or "")


def test_a_decider_may_live_in_greenlets_of_its_own():
    run, history = new_run(Patient), started(Patient)
    greenlet.greenlet(run.advance).switch(history.events[:3])
    events = history.completed("activity-add-1", 5).deciding().events
    decided = greenlet.greenlet(run.advance).switch(events)
    assert told(decided) == ["complete 5"]


class WaitingFor(Workflow):
    def run(self, names):
        tasks = [self.submit(add, n) for n in range(3)]
        late = self.submit(double, tasks[0])
        group = self.submit(FuncGroup(lambda x: None, late))
        if names == "one":
            tasks[1].result  # noqa: B018
        elif names == "group":
            group.result  # noqa: B018
        elif names == "all":
            futures.wait(*tasks, late)


@pytest.mark.parametrize(
    ("names", "waiting"),
    [
        ("one", ["activity-add-2"]),
        ("group", ["FuncGroup WaitingFor.run.<locals>.<lambda>"]),
        ("all", ["activity-add-1", "activity-add-2", "activity-add-3", "activity-double-1"]),
        ("none", []),
    ],
)
def test_a_run_says_what_it_waits_for(names, waiting):
    run = new_run(WaitingFor)
    assert run.waiting_for() == []
    run.advance(HistoryBuilder(WaitingFor, names).deciding().events)
    assert run.waiting_for() == waiting
    assert run.waiting_for(most=2) == waiting[:2]
    run.drop()


def test_a_run_that_has_ended_waits_for_nothing():
    run, history = new_run(Patient), started(Patient)
    run.advance(history.events)
    assert run.waiting_for() == ["activity-add-1"]
    run.advance(history.completed("activity-add-1").deciding().events)
    assert run.waiting_for() == []


def test_what_is_done_is_not_waited_for():
    class Grouped(Workflow):
        def run(self):
            self.submit(Group((add, 1), (add, 2))).result  # noqa: B018

    run, history = new_run(Grouped), HistoryBuilder(Grouped).decided()
    history.scheduled("activity-add-1", add, 1).scheduled("activity-add-2", add, 2)
    run.advance(history.completed("activity-add-1").deciding().events)
    assert run.waiting_for() == ["activity-add-2"]


# --- async def run ------------------------------------------------------------------------


class Async(Workflow):
    async def run(self):
        try:
            return await self.child()
        except BaseException:  # noqa: BLE001
            return "swallowed"

    async def child(self):
        return [await self.submit(add, 1) async for _ in self.twice()]

    async def twice(self):
        yield 1
        yield 2


def test_await_is_the_same_suspension():
    history = started(Async)
    assert ask(Async, history.deciding()) == []
    history.answered().completed("activity-add-1", 5).deciding()
    assert ask(Async, history) == ["schedule activity-add-2"]
    history.answered().scheduled("activity-add-2", add, 1).completed("activity-add-2", 6)
    assert ask(Async, history.deciding()) == ["complete [5,6]"]


def test_awaiting_something_else_fails_the_workflow():
    closed = []

    class Foreign(Workflow):
        async def run(self):
            try:
                await asyncio.sleep(0)
            finally:
                closed.append(True)

    [told_] = ask(Foreign, HistoryBuilder(Foreign).deciding())
    assert told_.startswith("fail NotInWorkflow: run() awaited something that is not a future")
    assert closed


def test_an_error_in_a_coroutine_fails_the_workflow():
    class Faulty(Workflow):
        async def run(self):
            raise ValueError("bad")

    assert ask(Faulty, HistoryBuilder(Faulty).deciding()) == ["fail ValueError: bad"]


def test_dropping_a_coroutine_cleans_up():
    log = []

    class Careful(Workflow):
        async def run(self):
            try:
                await self.submit(add, 1)
            finally:
                log.append("finally")

    run = new_run(Careful)
    run.advance(HistoryBuilder(Careful).deciding().events)
    run.drop()
    assert log == ["finally"]
