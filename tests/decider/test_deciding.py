"""`Runs.decide`, on tasks that are taken from the engine by hand."""

import json
from contextlib import suppress

import pytest
from decider_flows import (
    Changed,
    Clinging,
    Doubled,
    Doubling,
    Forgetful,
    Interrupted,
    Nothing,
    Once,
    Shape,
    Tracked,
)
from decider_world import Hand, told

from dataflow.errors import UsageError
from dataflow.process import deciding
from dataflow.protocol.limits import Limits


@pytest.fixture
def handed(monkeypatch):
    """How many events each call of `Run.advance` was given."""
    counts = []
    advance = deciding.Run.advance

    def counted(run, events):
        counts.append(len(events))
        return advance(run, events)

    monkeypatch.setattr(deciding.Run, "advance", counted)
    return counts


@pytest.fixture
def tracked():
    Tracked.begun.clear()
    Tracked.ended.clear()
    return Tracked


# --- incremental and cold --------------------------------------------------------------------


def test_the_first_decision_is_made_of_the_task_alone(world):
    hand = Hand(world)
    world.start(Doubling, 3)
    assert told(hand.step()) == ["schedule activity-double-1"]
    assert hand.read() == 0
    assert len(hand.runs) == 1


def test_a_suspended_run_goes_on(world, tracked, handed):
    hand = Hand(world)
    world.start(tracked, "a")
    hand.step()
    world.work()
    assert told(hand.step()) == ["schedule activity-double-2"]
    assert tracked.begun == ["a"]
    assert hand.read() == 0
    # The last decision task; its answer; what became of the activity; the new decision task.
    assert handed == [3, 1 + 2 + 2 + 2]


@pytest.mark.parametrize("page_size", [1000, 3])
@pytest.mark.parametrize("kind", ["chain", "fan", "groups", "retries", "failures"])
def test_any_other_decider_decides_the_same(world, kind, page_size):
    execution = world.start(Shape, kind, 7)
    warm = Hand(world, page_size=page_size)
    while True:
        task = warm.take()
        expected = warm.decide(task)
        cold = Hand(world, page_size=page_size)
        assert cold.decide(task) == expected
        assert 0 <= cold.read() - (task["events"][0]["eventId"] - 1) < page_size
        cold.runs.drop_all()
        warm.answer(task, expected)
        if expected.closing:
            break
        while (activity := world.take_activity()) is not None:
            world.perform(activity)
    assert warm.read() == 0
    assert world.describe(execution)["executionInfo"]["closeStatus"] == "COMPLETED"


def test_long_tasks_and_histories_come_in_pages(world):
    hand = Hand(world, page_size=4)
    world.start(Shape, "fan", 30)
    task = hand.take()
    assert len(task["events"]) == 3
    assert "nextPageToken" not in task
    hand.answer(task, hand.decide(task))
    world.work(30)
    task = hand.take()
    assert len(task["events"]) == 4
    cold = Hand(world, page_size=4)
    assert told(hand.decide(task)) == told(cold.decide(task)) == ["complete 870"]


def test_what_a_decision_costs_does_not_grow(world, handed):
    hand = Hand(world)
    execution = world.start(Doubling, 499)
    for _ in range(499):
        hand.step()
        world.work()
    assert set(handed[1:]) == {7}
    assert hand.read() == 0
    task = hand.take()
    warm = hand.decide(task)
    assert handed.pop() == 7
    cold = Hand(world)
    assert cold.decide(task) == warm
    history = world.history(execution)
    assert len(history) > 2_990
    assert handed.pop() == len(history)
    assert len(cold.reads) == 3
    assert handed[-1] == 7


# --- what a run knows ------------------------------------------------------------------------


def test_a_run_that_another_decider_went_past_is_replaced(world, tracked):
    here, there = Hand(world), Hand(world)
    world.start(tracked, "a")
    here.step()
    world.work()
    there.step()
    world.work()
    assert told(here.step()) == ["schedule activity-double-3"]
    assert here.read() > 0
    assert tracked.begun == ["a", "a", "a"]
    assert tracked.ended == ["a"]
    assert len(here.runs) == 1
    world.work()
    assert told(here.step()) == ["schedule activity-double-4"]
    assert here.read() == 0


def test_a_run_whose_answer_was_lost_is_replaced(world, clock, tracked):
    hand = Hand(world)
    world.start(tracked, "a", to_close="30")
    assert told(hand.decide(hand.take())) == ["schedule activity-double-1"]
    clock.advance(30)
    assert told(hand.step()) == ["schedule activity-double-1"]
    assert tracked.begun == ["a", "a"]


def test_the_least_recently_used_run_makes_room(world, tracked):
    hand = Hand(world, most=2)
    for name in "abc":
        world.start(tracked, name, workflow_id=name)
        hand.step()
        if name == "b":  # "a" is used once more
            world.signal({"workflowId": "a"})
            hand.step()
    assert tracked.ended == ["b"]
    assert len(hand.runs) == 2
    hand.read()
    world.work(3)
    for name in "abc":
        task = hand.take()
        assert task["workflowExecution"]["workflowId"] == name
        answer = hand.decide(task)
        assert told(answer) == ["schedule activity-double-2"]
        assert answer == Hand(world).decide(task)
        assert bool(hand.read()) is (name != "a")  # "b" makes room at the expense of "c"
        hand.answer(task, answer)
    assert len(hand.runs) == 2


def test_no_run_need_be_kept(world, tracked):
    hand = Hand(world, most=0)
    world.start(tracked, "a")
    for n in (1, 2, 3):
        assert told(hand.step()) == [f"schedule activity-double-{n}"]
        assert len(hand.runs) == 0
        world.work()
    assert tracked.begun == tracked.ended == ["a"] * 3


def test_runs_are_let_go_of(world, tracked):
    hand = Hand(world)
    for name in "ab":
        world.start(tracked, name, workflow_id=name)
        hand.step()
    hand.runs.drop("unknown")
    hand.runs.drop_all()
    assert len(hand.runs) == 0
    assert tracked.ended == ["a", "b"]


def test_what_is_let_go_of_cannot_interrupt(world):
    hand = Hand(world, most=1)
    world.start(Clinging, workflow_id="a")
    hand.step()
    world.start(Once, workflow_id="b")
    assert told(hand.step()) == ["schedule activity-double-1"]
    assert len(hand.runs) == 1


# --- the end ---------------------------------------------------------------------------------


def test_the_last_answer_says_so(world):
    hand = Hand(world)
    execution = world.start(Doubling, 2)
    closing = []
    for _ in range(3):
        closing.append(hand.step().closing)
        with suppress(TypeError):
            world.work()
    assert closing == [False, False, True]
    assert world.result(execution) == 4


@pytest.mark.parametrize("dropped", [True, False])
def test_an_execution_that_has_news_is_closed_at_the_second_attempt(world, dropped):
    hand = Hand(world)
    execution = world.start(Nothing)
    task = hand.take()
    answer = hand.decide(task)
    assert told(answer) == ["complete null"]
    world.signal(execution)
    hand.answer(task, answer)
    if dropped:
        hand.runs.drop(execution["runId"])
    [refused] = world.attributes(execution, "CompleteWorkflowExecutionFailed")
    assert refused["cause"] == "UNHANDLED_DECISION"
    assert hand.step() == answer
    assert world.result(execution) is None


# --- what the owner should hear ----------------------------------------------------------------


def lines(caplog, event):
    return [r.getMessage() for r in caplog.records if getattr(r, "event", "") == event]


def test_notices_are_told_once(world, clock, caplog):
    hand = Hand(world, limits=Limits(history_events_warning=5))
    world.start(Forgetful, "x")
    hand.step()
    clock.advance(1)
    assert hand.step().closing
    long, forgotten = lines(caplog, "workflow.notice")
    assert "the history has 5 events" in long
    assert "before activity-double-1 finished" in forgotten


# --- decisions that cannot be made -------------------------------------------------------------


def no_class(workflow_type, _):
    raise UsageError(f"there is no {workflow_type.name}")


def no_module(*_):
    raise ModuleNotFoundError("No module named 'shop'")


def changed(*_):
    return Changed


def seconds(answer):
    [timer] = answer.decisions
    assert timer.timer_id.startswith("dataflow-postponed-")
    return int(timer.start_to_fire_timeout)


def begun(world):
    """An execution that has begun, and has one step behind it."""
    execution = world.start(Doubling, 2)
    Hand(world).step()
    world.work()
    return execution


@pytest.mark.parametrize(
    ("find", "reason"),
    [
        (no_class, "there is no Doubling"),
        (
            no_module,
            "no class for workflow type Doubling version 1: ModuleNotFoundError: No module",
        ),
        (changed, "the code asks: ScheduleActivityTask of increment"),
    ],
)
def test_what_cannot_be_decided_is_postponed(world, clock, caplog, find, reason):
    execution = begun(world)
    broken = Hand(world, find=find)
    answers = []
    for _ in range(4):
        answers.append(broken.step())
        assert len(broken.runs) == 0
        assert reason in json.loads(world.context(execution))["postponed"]
        clock.advance(seconds(answers[-1]))
    assert [seconds(answer) for answer in answers] == [5, 10, 20, 40]
    assert all(answer.postponed and not answer.closing for answer in answers)
    assert len(lines(caplog, "decision.postponed")) == 4
    assert reason in lines(caplog, "decision.postponed")[0]
    assert world.describe(execution)["openCounts"]["openTimers"] == 0


@pytest.mark.parametrize("find", [no_class, no_module, changed])
def test_a_decider_that_can_goes_on(world, clock, find):
    execution = begun(world)
    broken, fixed = Hand(world, find=find), Hand(world)
    for _ in range(2):
        clock.advance(seconds(broken.step()))
    answer = fixed.step()
    assert told(answer) == ["schedule activity-double-2"]
    assert not answer.postponed
    assert world.context(execution) == ""
    world.work()
    # Once is enough.
    assert fixed.step().execution_context is None
    assert world.result(execution) == 4


def test_news_come_while_it_is_postponed(world, clock):
    execution = begun(world)
    broken = Hand(world, find=no_class)
    first = broken.step()
    world.signal(execution)
    second = broken.step()
    assert [seconds(first), seconds(second)] == [5, 10]
    assert world.attributes(execution, "StartTimerFailed") == []
    assert world.describe(execution)["openCounts"]["openTimers"] == 2
    world.signal(execution)
    assert told(Hand(world).step()) == ["schedule activity-double-2"]
    world.work()
    assert Hand(world).step().closing
    assert world.result(execution) == 4


def test_a_suspended_run_that_does_not_fit_any_more(world, clock):
    """Somebody has answered something else than what this run has decided."""
    execution = world.start(Doubling, 3)
    hand = Hand(world)
    task = hand.take()
    decided = hand.decide(task)
    other = Hand(world, find=changed).decide(task)
    assert told(decided) != told(other)
    hand.answer(task, other)
    world.work()
    answer = hand.step()
    assert seconds(answer) == 5
    assert len(hand.runs) == 0
    clock.advance(5)
    assert seconds(hand.step()) == 10
    clock.advance(10)
    assert told(Hand(world, find=changed).step()) == ["complete 4"]
    assert world.result(execution) == 4


def test_code_that_fits_for_a_while(world, clock):
    """The pause is as long as the history says, whether the run was suspended or not."""
    execution = world.start(Doubling, 2)
    Hand(world).step()
    world.work()
    Hand(world).step()
    world.work()
    hand = Hand(world, find=lambda *_: Doubled)
    assert seconds(hand.step()) == 5
    told_of = json.loads(world.context(execution))["postponed"]
    assert "ScheduleActivityTask of double" not in told_of.partition("the code asks")[2]


def test_a_history_that_is_not_all_there_yet(world):
    """GetWorkflowExecutionHistory: "This operation is eventually consistent." """
    execution = begun(world)
    late = Hand(world)
    read = late.runs._read_history
    late.runs._read_history = lambda **request: {"events": read(**request)["events"][:1]}
    assert seconds(late.step()) == 5
    assert "do not fit its history" in world.context(execution)
    late.runs._read_history = read
    world.signal(execution)
    assert told(late.step()) == ["schedule activity-double-2"]


def test_user_code_that_interrupts(world):
    """It is raised as it is in `Run.advance`; whoever decides can postpone all the same."""
    execution = world.start(Interrupted)
    hand = Hand(world)
    task = hand.take()
    with pytest.raises(KeyboardInterrupt) as caught:
        hand.decide(task)
    hand.answer(task, hand.runs.postpone(task, caught.value, hand.runs.known))
    assert json.loads(world.context(execution)) == {"postponed": "KeyboardInterrupt"}


def test_a_long_problem_is_cut(world):
    def find(*_):
        raise UsageError("x" * 100_000)

    execution = world.start(Once)
    Hand(world, find=find).step()
    assert len(world.context(execution)) < 9_000
