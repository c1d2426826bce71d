"""`Decider` on an engine in memory, whose time passes when a test says so."""

import logging
import threading
from contextlib import contextmanager

import msgspec
import pytest
from decider_flows import Doubling, Interrupted, Logs, Meeting, Nothing, Once, Slow
from decider_world import DOMAIN, SECONDS, TASK_LIST, Hand, World, find

from dataflow.engine import Engine
from dataflow.errors import UsageError
from dataflow.process import calls, taking
from dataflow.process import decider as deciders
from dataflow.process.decider import Decider
from dataflow.process.logs import TaskContextFilter
from dataflow.protocol.decisions import ScheduleActivityTask
from dataflow.protocol.faults import (
    AccessDeniedException,
    ServiceUnavailable,
    UnknownResourceFault,
    ValidationException,
)
from dataflow.protocol.values import TaskList

RESPOND = "respond_decision_task_completed"
POLL = "poll_for_decision_task"
READ = "get_workflow_execution_history"


@pytest.fixture(params=["waits for answers", "is called back"])
def world(clock, request):
    with Engine(":memory:", clock=clock) as engine:
        yield World(engine, direct=request.param == "is called back")


@pytest.fixture
def slow():
    Slow.go_on.clear()
    while Slow.waiting.acquire(blocking=False):
        pass
    yield Slow
    Slow.go_on.set()


@pytest.fixture(autouse=True)
def _in_a_hurry(monkeypatch):
    monkeypatch.setattr(calls, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(calls, "_LONGEST_PAUSE", 0.002)
    monkeypatch.setattr(deciders, "_SLOW_SECONDS", 0.01)
    monkeypatch.setattr(taking, "_LOOK_SECONDS", 0.01)


@contextmanager
def deciding(world, *, start=True, **options):
    """A decider, which ends when the test does."""
    options = {"domain": DOMAIN, "task_list": TASK_LIST, "find": find} | options
    decider = Decider(world, **options)
    if start:
        decider.start()
    try:
        yield decider
    finally:
        decider.stop()
        assert decider.join(SECONDS)


def failing(*errors):
    """A call that raises these errors first."""
    left = list(errors)

    def call(ask, **request):
        if left:
            raise left.pop(0)
        return ask(**request)

    return call


def lists(world, execution):
    """Where the decision tasks of an execution were scheduled."""
    scheduled = world.attributes(execution, "DecisionTaskScheduled")
    return [attributes["taskList"]["name"] for attributes in scheduled]


def lines(caplog, event):
    return [r.getMessage() for r in caplog.records if getattr(r, "event", "") == event]


# --- two lists -------------------------------------------------------------------------------


def test_an_execution_stays_where_it_was_decided_first(world):
    with deciding(world):
        execution = world.start(Doubling, 3)
        world.work(3)
        world.wait_closed(execution)
        assert world.result(execution) == 8
        common, *own = lists(world, execution)
        assert common == TASK_LIST
        assert len(own) == 3
        assert len(set(own)) == 1
        assert own[0].startswith(f"{TASK_LIST}-")
        assert world.service.requests(READ) == []


@pytest.mark.parametrize("reverts", [False, True])
@pytest.mark.parametrize("began", [TASK_LIST, "elsewhere"])
def test_an_execution_that_was_moved_here_does_not_go_back(world, began, reverts):
    """Where an engine may do that, which a redirection gives the occasion for."""
    execution = world.start(Doubling, 2, task_list=began)
    hand = Hand(world)
    task = world.engine.poll_for_decision_task(domain=DOMAIN, taskList={"name": began})
    hand.answer(task, hand.decide(task), taskList={"name": TASK_LIST})
    with deciding(world, threads=1, reverts_to_start=reverts):
        world.work(1)
        world.wait_answered(execution, 2)
        world.work(1)
        world.wait_closed(execution)
    assert world.result(execution) == 4
    first, second, third = lists(world, execution)
    assert (first, second) == (began, TASK_LIST)
    assert (third == TASK_LIST) is (reverts and began != TASK_LIST)


def test_a_decider_that_is_gone_costs_one_time_out(world, clock):
    execution = world.start(Doubling, 3)
    with deciding(world, sticky_seconds=7):
        world.wait_answered(execution)
    with deciding(world, sticky_seconds=7):
        world.work()
        clock.advance(6.9)
        assert "DecisionTaskTimedOut" not in world.kinds(execution)
        clock.advance(0.1)
        world.describe(execution)
        world.wait_answered(execution, 2)
        world.work(2)
        world.wait_closed(execution)
    assert world.result(execution) == 8
    [late] = world.attributes(execution, "DecisionTaskTimedOut")
    assert late["timeoutType"] == "SCHEDULE_TO_START"
    first, of_the_first, again, *others = lists(world, execution)
    assert first == again == TASK_LIST
    assert of_the_first not in others
    assert len(world.service.requests(READ)) == 1


def test_a_decider_that_keeps_no_runs_has_no_list(world):
    with deciding(world, cache_size=0, threads=1):
        execution = world.start(Doubling, 2)
        world.work(2)
        world.wait_closed(execution)
        assert len(world.pollers) == 1
    assert lists(world, execution) == [TASK_LIST] * 3
    assert len(world.service.requests(READ)) == 2
    assert world.result(execution) == 4


def test_who_polls_is_told_to_the_history(world):
    with deciding(world, identity="blue"):
        execution = world.start(Nothing)
        world.wait_closed(execution)
    [started] = world.attributes(execution, "DecisionTaskStarted")
    assert started["identity"] == "blue"


# --- several ---------------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [(1, 1), (2,)])
def test_they_share_the_work(world, threads):
    Meeting.both.reset()
    contexts = [deciding(world, threads=n) for n in threads]
    for context in contexts:
        context.__enter__()
    met = [world.start(Meeting, workflow_id=name) for name in "ab"]
    world.wait_closed(*met)
    for context in contexts:
        context.__exit__(None, None, None)
    assert [world.result(execution) for execution in met] == ["met", "met"]


def test_one_slow_execution_does_not_keep_others_waiting(world, slow):
    with deciding(world, threads=2):
        stuck = world.start(slow, 0)
        assert slow.waiting.acquire(timeout=SECONDS)
        others = [world.start(Doubling, 3, workflow_id=str(n)) for n in range(6)]
        world.work(18)
        world.wait_closed(*others)
        assert {world.result(other) for other in others} == {8}
        slow.go_on.set()
        world.wait_closed(stuck)
        assert world.result(stuck) == "slow"


@pytest.fixture
def halves(world, slow):
    """A decider of which one thread has begun, and one has not yet."""
    with deciding(world, threads=2, start=False) as decider:
        first, second = decider._threads
        first.start()
        yield second
        slow.go_on.set()


def test_a_new_execution_that_waits_for_a_slow_one_is_taken_over(world, slow, halves):
    stuck = world.start(slow, 1)
    world.work()
    assert slow.waiting.acquire(timeout=SECONDS)
    execution = world.start(Doubling, 2)
    world.wait(lambda: world.kinds(execution)[-1] == "DecisionTaskStarted")
    halves.start()
    world.work(2)
    world.wait_closed(execution)
    _, *own = lists(world, execution)
    assert set(own).isdisjoint(lists(world, stuck))


def both_wait(world, slow):
    """Two executions whose thread is stuck: one was taken, one is still in its list."""
    taken, waiting = (world.start(Doubling, 2, workflow_id=name) for name in "ab")
    for execution in (taken, waiting):
        world.wait_answered(execution)
    world.start(slow, 0)
    assert slow.waiting.acquire(timeout=SECONDS)
    world.work(2)
    world.wait(lambda: world.kinds(taken)[-1] == "DecisionTaskStarted")
    return taken, waiting


def test_what_waits_for_a_slow_execution_is_taken_over(world, slow, halves, clock):
    taken, waiting = both_wait(world, slow)
    halves.start()
    world.wait_answered(taken, 2)
    assert world.kinds(waiting)[-1] == "DecisionTaskScheduled"
    clock.advance(10)
    world.describe(waiting)
    world.wait_answered(waiting, 2)
    world.work(2)
    world.wait_closed(taken, waiting)
    assert [world.result(execution) for execution in (taken, waiting)] == [4, 4]
    assert "DecisionTaskTimedOut" not in world.kinds(taken)
    assert world.kinds(waiting).count("DecisionTaskTimedOut") == 1
    _, slow_list, quick_list = lists(world, taken)
    assert slow_list != quick_list


def test_a_thread_that_was_stuck_goes_on(world, slow, halves, caplog):
    taken, waiting = both_wait(world, slow)
    halves.start()
    world.wait_answered(taken, 2)
    slow.go_on.set()
    world.wait_answered(waiting, 2)
    world.work(2)
    world.wait_closed(taken, waiting)
    assert "DecisionTaskTimedOut" not in world.kinds(waiting)
    assert not lines(caplog, "decision.lost")


# --- stopping --------------------------------------------------------------------------------


def test_a_stop_breaks_polls_off_and_loses_nothing(world):
    with deciding(world):
        world.wait_closed(world.start(Nothing))
    execution = world.start(Once)
    assert world.kinds(execution)[-1] == "DecisionTaskScheduled"
    with deciding(world):
        world.work()
        world.wait_closed(execution)
    assert world.kinds(execution).count("DecisionTaskStarted") == 2


@pytest.mark.parametrize("page_size", [1000, 2])
def test_a_task_that_comes_in_the_moment_of_the_stop_is_decided(world, page_size):
    def poll(ask, **request):
        task = ask(maximumPageSize=page_size, **request)
        decider.stop()
        return task

    world.instead_of_polls[POLL] = poll
    execution = world.start(Once)
    with deciding(world, threads=1, start=False) as decider:
        decider.start()
        assert decider.join(SECONDS)
    assert world.kinds(execution)[-1] == "ActivityTaskScheduled"
    # Somebody else will go on with it.
    [answer] = world.answers()
    assert answer["taskList"] == {"name": TASK_LIST}
    assert "taskListScheduleToStartTimeout" not in answer


def test_run_returns_when_what_is_in_hand_is_decided(world, slow):
    execution = world.start(slow, 0)
    with deciding(world, start=False) as decider:
        thread = threading.Thread(target=decider.run)
        thread.start()
        assert slow.waiting.acquire(timeout=SECONDS)
        decider.stop()
        assert not decider.join(0.01)
        assert thread.is_alive()
        slow.go_on.set()
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert world.result(execution) == "slow"


def test_run_may_return_at_once(world, slow):
    world.start(slow, 0)
    with deciding(world, start=False) as decider:
        thread = threading.Thread(target=decider.run)
        thread.start()
        assert slow.waiting.acquire(timeout=SECONDS)
        decider.stop_now()
        thread.join(SECONDS)
        assert not thread.is_alive()
        slow.go_on.set()


def test_a_decider_may_be_stopped_before_it_runs(world):
    with deciding(world, start=False) as decider:
        decider.stop()
        decider.run()


def test_a_signal_may_stop_what_is_being_stopped(world, monkeypatch):
    with deciding(world) as decider:
        event = decider._stop.set

        def interrupted():
            decider.stop()
            event()

        monkeypatch.setattr(decider._stop, "set", interrupted)
        decider.stop()
        assert decider.join(SECONDS)


# --- the service fails -------------------------------------------------------------------------


def test_an_answer_is_given_until_it_is_taken(world, caplog):
    world.service.instead[RESPOND] = failing(*[ServiceUnavailable("full")] * 5, OSError("gone"))
    with deciding(world):
        execution = world.start(Nothing)
        world.wait_closed(execution)
    assert len(world.answers()) == 7
    assert len(lines(caplog, "call.failed")) == 6
    assert "full" in lines(caplog, "call.failed")[0]


def test_a_run_whose_answer_has_failed_is_replayed(world):
    """It may have seen what has not come to be. One that waited for its answer has seen nothing."""
    world.service.instead[RESPOND] = failing(ServiceUnavailable("full"))
    with deciding(world):
        execution = world.start(Doubling, 2)
        world.work(2)
        world.wait_closed(execution)
    assert world.result(execution) == 4
    assert bool(world.service.requests(READ)) is (world.direct is not None)


def test_nobody_else_gives_the_answer_of_a_run_again(world):
    """A run belongs to its thread."""
    owner = Decider(world, DOMAIN, TASK_LIST, find)._threads[0]
    owner._since = -1e9
    done = []
    own = taking.Own(lambda: done.append("answered"))
    owner._inbox.put(own)
    owner.give_away(done.append)
    assert owner._inbox.get_nowait() is own
    assert done == []


def test_an_answer_that_comes_too_late_is_dropped(world, clock, caplog):
    world.service.instead[RESPOND] = failing(UnknownResourceFault("late"))
    with deciding(world, threads=1):
        execution = world.start(Once, to_close="30")
        world.wait(lambda: len(world.answers()) == 1)
        clock.advance(30)
        world.describe(execution)
        world.work()
        world.wait_closed(execution)
    [told] = lines(caplog, "decision.lost")
    assert "late" in told
    assert world.result(execution) == 2


def test_an_answer_that_is_refused_is_postponed(world, clock, caplog):
    world.service.instead[RESPOND] = failing(ValidationException("too odd"))
    with deciding(world):
        execution = world.start(Once)
        world.wait_answered(execution)
        assert "the answer was refused: ValidationException: too odd" in world.context(execution)
        assert lists(world, execution) == [TASK_LIST]
        clock.advance(5)
        assert world.context(execution)
        world.work()
        world.wait_closed(execution)
        assert lists(world, execution)[:2] == [TASK_LIST, TASK_LIST]
    assert world.context(execution) == ""
    assert world.result(execution) == 2


@pytest.mark.parametrize(
    ("fault", "answers"),
    [
        (ValidationException, 2),  # the decisions, and that they are postponed
        (AccessDeniedException, 1),
    ],
)
def test_a_decider_survives_what_it_cannot_answer(world, caplog, fault, answers):
    world.service.instead[RESPOND] = failing(*[fault("no")] * answers)
    with deciding(world, threads=1):
        world.start(Once)
        world.wait(lambda: len(world.answers()) == answers)
        world.wait_closed(world.start(Nothing))
    assert len(lines(caplog, "decision.lost")) == 1


def test_a_history_is_read_until_it_is_there(world):
    execution = world.start(Doubling, 2)
    with deciding(world, cache_size=0):
        world.service.instead[READ] = failing(*[ServiceUnavailable("full")] * 3)
        world.work(2)
        world.wait_closed(execution)
    assert len(world.service.requests(READ)) == 2 + 3
    assert world.result(execution) == 4


def test_a_history_that_may_not_be_read_postpones_the_decision(world, clock):
    execution = world.start(Doubling, 1)
    with deciding(world, cache_size=0):
        world.service.instead[READ] = failing(AccessDeniedException("not yours"))
        world.work()
        world.wait_answered(execution, 2)
        assert "not yours" in world.context(execution)
        clock.advance(5)
        world.describe(execution)
        world.wait_closed(execution)
    assert world.result(execution) == 2


def test_user_code_cannot_end_a_decider(world):
    with deciding(world, threads=1):
        execution = world.start(Interrupted)
        world.wait_answered(execution)
        assert world.context(execution) == '{"postponed": "KeyboardInterrupt"}'
        world.wait_closed(world.start(Nothing))


def test_a_poll_that_fails_is_made_again(world, caplog):
    world.instead_of_polls[POLL] = failing(*[ServiceUnavailable("full")] * 5, OSError("gone"))
    with deciding(world):
        world.wait_closed(world.start(Nothing))
    assert len(lines(caplog, "poll.failed")) == 6


def test_an_empty_answer_that_comes_at_once_is_not_asked_for_at_once(world, monkeypatch):
    monkeypatch.setattr(taking, "_HASTY_SECONDS", 2 * SECONDS)
    world.instead_of_polls[POLL] = lambda ask, **request: {"taskToken": ""}
    with deciding(world, threads=1):
        world.wait(lambda: len(world.calls) == 2)
    assert len(world.calls) == 2  # one for each list


def test_an_unknown_domain_ends_a_decider(world):
    with (
        deciding(world, domain="nowhere", start=False) as decider,
        pytest.raises(UsageError, match="there is no domain nowhere") as caught,
    ):
        decider.run()
    assert isinstance(caught.value.__cause__, UnknownResourceFault)


def test_a_decider_without_the_right_to_poll_ends(world):
    def poll(ask, **request):
        raise AccessDeniedException(f"not for {request['taskList']['name']}")

    world.instead_of_polls[POLL] = poll
    with (
        deciding(world, start=False) as decider,
        pytest.raises(UsageError, match=f"no right to poll {TASK_LIST}.* not for {TASK_LIST}"),
    ):
        decider.run()


# --- what is around a decision -----------------------------------------------------------------


def test_activity_types_are_registered_when_they_are_needed(world):
    with deciding(world, threads=1):
        executions = [world.start(Doubling, 3, workflow_id=name) for name in "ab"]
        world.work(6)
        world.wait_closed(*executions)
    [request] = world.service.requests("register_activity_type")
    assert (request["name"], request["version"]) == ("double", "default")


def test_somebody_else_may_decide_where_an_activity_is_done(world):
    def place(decision):
        assert isinstance(decision, ScheduleActivityTask)
        return msgspec.structs.replace(decision, task_list=TaskList("elsewhere"))

    with deciding(world, place=place):
        execution = world.start(Doubling, 1)
        task = world.engine.poll_for_activity_task(domain=DOMAIN, taskList={"name": "elsewhere"})
        world.perform(task)
        world.wait(lambda: world.kinds(execution).count("DecisionTaskStarted") == 2)


def test_log_lines_tell_the_execution(world, clock):
    told = []
    handler = logging.Handler()
    handler.addFilter(TaskContextFilter())
    handler.emit = told.append
    logging.getLogger().addHandler(handler)
    world.service.instead[RESPOND] = failing(ServiceUnavailable("full"), ValidationException("no"))
    try:
        with deciding(world, threads=1):
            execution = world.start(Logs)
            world.wait_answered(execution)
            clock.advance(5)
            world.describe(execution)
            world.work()
            world.wait_closed(execution)
    finally:
        logging.getLogger().removeHandler(handler)
    messages = [record.getMessage().split(":")[0] for record in told]
    assert messages == [
        "first",
        "tried again in 0.0 s",
        "the decision is put off for 5 s",
        "first",
        "second",
    ]
    for record in told:
        assert record.domain == DOMAIN
        assert record.workflow_id == execution["workflowId"]
        assert record.run_id == execution["runId"]
        assert record.activity_id == ""
