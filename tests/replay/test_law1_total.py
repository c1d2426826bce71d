"""Law 1: advance() never raises; whatever happens is a value."""

import asyncio
import json
import sys
from datetime import datetime

import pytest
from replaying import add, ask, decide, double, new_run, tell, told

from dataflow import ActivityTask, FuncGroup, Group, Workflow, activity
from dataflow.errors import NonDeterminism, ReplayBug
from dataflow.protocol import events as ev
from dataflow.replay.activities import Activities
from dataflow.replay.decided import Verdict
from dataflow.testing import HistoryBuilder


class Stop(BaseException):
    pass


def forever(n):
    return forever(n) + 1


def exhaust(_):
    return forever(1)


def raising(error):
    def run(_):
        raise type(error)(*error.args)  # a new one for each replay

    return run


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (raising(ValueError("bad\nworse")), "ValueError: bad worse"),
        (raising(SystemExit(3)), "SystemExit: 3"),
        (raising(asyncio.CancelledError()), "CancelledError"),
        (raising(Stop("now")), "Stop: now"),
        (raising(ValueError("x" * 300)), "ValueError: " + "x" * 240 + " ..."),
        (exhaust, "RecursionError: maximum recursion depth exceeded"),
        (lambda _: object(), "PayloadError: result cannot be encoded: an object has no JSON form"),
        (lambda _: {"a": [{1, object()}]}, "PayloadError: result['a'][0]"),
        (lambda _: (x for x in "ab"), "PayloadError: result cannot be encoded: a generator"),
        (lambda self: self.submit(print), "NotSubmittable: the function print is no activity"),
        (lambda self: self.submit(add, object()), "PayloadError: add: args[0] cannot be encoded"),
        (lambda self: self.submit(add.callable), "NotSubmittable: the function add is no activity"),
        (lambda self: self.submit(type(self)), "NotSubmittable: the class "),
        (lambda _, x: x, "TypeError: "),
        (Workflow.run, "NotImplementedError: Faulty needs a run() method"),
    ],
)
def test_an_error_in_run_fails_the_workflow(run, reason):
    class Faulty(Workflow):
        pass

    Faulty.__qualname__ = "Faulty"
    Faulty.run = run
    decided = decide(Faulty, HistoryBuilder(Faulty).deciding())
    assert decided.verdict is Verdict.CLOSING
    assert len(decided.decisions) == 1
    assert tell(decided.decisions[0]).startswith(f"fail {reason}")


def test_the_details_begin_where_the_users_code_begins():
    class Faulty(Workflow):
        def run(self):
            raise KeyError("k")

    [failure] = decide(Faulty, HistoryBuilder(Faulty).deciding()).decisions
    details = json.loads(failure.details)
    assert details["error_type"] == "KeyError"
    lines = "".join(details["traceback"])
    assert 'raise KeyError("k")' in lines
    assert "dataflow/replay" not in lines.replace("tests/replay", "")


def test_arguments_that_run_does_not_take_fail_the_workflow():
    class One(Workflow):
        def run(self, x):
            return x

    [told_] = ask(One, HistoryBuilder(One, 1, 2).deciding())
    assert told_.startswith("fail TypeError: ")
    assert "takes 2 positional arguments but 3 were given" in told_


def test_a_workflow_that_cannot_be_made_fails():
    class Needy(Workflow):
        def __init__(self, wish):
            self.wish = wish

    [told_] = ask(Needy, HistoryBuilder(Needy).deciding())
    assert told_.startswith("fail TypeError: ")
    assert "'wish'" in told_


def interrupted(*_):
    raise KeyboardInterrupt


def in_a_callback(self):
    future = self.submit(add, 1)
    future.add_done_callback(interrupted)
    return future.result


def in_a_function(self):
    return self.submit(FuncGroup(interrupted, self.submit(add, 1))).result


@pytest.mark.parametrize(
    "members",
    [
        {"run": interrupted},
        {"__init__": interrupted},
        {"before_replay": interrupted},
        {"run": in_a_callback},
        {"run": in_a_function},
    ],
)
def test_an_interrupt_is_for_the_process(members):
    definition = type("Interrupted", (Workflow,), members)
    history = HistoryBuilder(definition).decided().scheduled("activity-add-1", add, 1)
    history.completed("activity-add-1", 1).deciding()
    with pytest.raises(KeyboardInterrupt):
        new_run(definition).advance(history.events)


class Steady(Workflow):
    def run(self):
        return self.submit(add, 1).result


def steady():
    return HistoryBuilder(Steady).decided().scheduled("activity-add-1", add, 1)


def test_an_unknown_event_is_read_over_with_a_notice():
    history = steady().add(ev.UnknownEvent(event_type="MoonRisen"))
    decided = decide(Steady, history.completed("activity-add-1", 5).deciding())
    assert told(decided) == ["complete 5"]
    assert decided.notices == (
        "event 6 is a MoonRisen, which this version of dataflow does not know; it is ignored",
    )


def test_a_notice_is_given_once():
    run = new_run(Steady)
    history = steady().add(ev.UnknownEvent(event_type="MoonRisen"))
    assert run.advance(history.events).notices
    assert not run.advance(history.completed("activity-add-1").deciding().events).notices


def test_events_that_ask_nothing_of_us_are_read_over():
    history = steady()
    history.add(ev.WorkflowExecutionSignaled(signal_name="hello"))
    history.add(ev.WorkflowExecutionCancelRequested())
    assert ask(Steady, history.completed("activity-add-1", 5).deciding()) == ["complete 5"]


def test_no_events_no_decision():
    decided = new_run(Steady).advance([])
    assert (decided.verdict, decided.decisions) == (Verdict.WAITING, ())


@pytest.mark.parametrize(
    "closing",
    [
        ev.WorkflowExecutionTerminated(child_policy="TERMINATE"),
        ev.WorkflowExecutionTimedOut(timeout_type="START_TO_CLOSE", child_policy="TERMINATE"),
    ],
)
def test_a_closed_history_calls_for_no_decision(closing):
    decided = decide(Steady, steady().add(closing))
    assert (decided.verdict, decided.decisions) == (Verdict.CLOSED, ())


def test_the_history_of_a_completed_execution_is_closed():
    history = steady().completed("activity-add-1", 5).decided().execution_completed(5)
    assert decide(Steady, history).verdict is Verdict.CLOSED


def test_the_first_reason_stands():
    class FailsTwice(Workflow):
        def run(self):
            future = self.submit(add, 1)
            future.add_done_callback(lambda _: 1 // 0)
            future.cancel()
            self.fail("second")

    assert ask(FailsTwice, HistoryBuilder(FailsTwice).deciding()) == [
        "fail ZeroDivisionError: integer division or modulo by zero"
    ]


def test_a_result_does_not_hide_a_failure():
    class FailsAndReturns(Workflow):
        def run(self):
            future = self.submit(add, 1)
            future.add_done_callback(lambda _: 1 // 0)
            future.cancel()
            return "result"

    [told_] = ask(FailsAndReturns, HistoryBuilder(FailsAndReturns).deciding())
    assert told_.startswith("fail ZeroDivisionError")


# --- our own bugs -------------------------------------------------------------------------


def test_a_bug_of_our_own_is_a_value(monkeypatch):
    monkeypatch.setattr(Activities, "completed", lambda self, attributes: 1 // 0)
    run = new_run(Steady)
    decided = run.advance(steady().completed("activity-add-1", 5).deciding().events)
    assert (decided.verdict, decided.decisions) == (Verdict.BROKEN, ())
    assert isinstance(decided.problem, ReplayBug)
    assert "at event 7" in str(decided.problem)
    assert "ZeroDivisionError" in str(decided.problem)
    assert "report this" in str(decided.problem)
    assert isinstance(decided.problem.__cause__, ZeroDivisionError)
    assert run.advance([]) is decided


def test_a_bug_of_our_own_in_a_callback_does_not_close_the_execution(monkeypatch):
    class Depends(Workflow):
        def run(self):
            return self.submit(double, self.submit(add, 1)).result

    monkeypatch.setattr(Activities, "_inputs_arrived", broken_once(Activities._inputs_arrived))
    history = HistoryBuilder(Depends).decided().scheduled("activity-add-1", add, 1)
    decided = new_run(Depends).advance(history.completed("activity-add-1", 5).deciding().events)
    assert isinstance(decided.problem, ReplayBug)


def broken_once(method):
    """As the method, but with a bug where there are inputs."""

    def inputs_arrived(self, call):
        if call.template.holes:
            raise AssertionError("planted")
        method(self, call)

    return inputs_arrived


def test_a_history_that_no_engine_writes_is_a_value():
    history = steady().add(ev.ActivityTaskCompleted(scheduled_event_id=99, started_event_id=0))
    decided = new_run(Steady).advance(history.deciding().events)
    assert isinstance(decided.problem, ReplayBug)


def test_a_broken_run_is_let_go_of():
    log = []

    class Careful(Workflow):
        def run(self):
            try:
                return self.submit(add, 1).result
            finally:
                log.append("cleaned up")

    run = new_run(Careful)
    history = HistoryBuilder(Careful).deciding()
    run.advance(history.events)
    history.answered()
    broken = run.advance(history.deciding().events)
    assert isinstance(broken.problem, NonDeterminism)
    assert log == ["cleaned up"]


# --- the user's code that runs outside of run() -------------------------------------------


class ExitingInit(Workflow):
    def __init__(self):
        sys.exit(3)


class ExitingHook(Workflow):
    def before_replay(self, history):
        sys.exit(3)


class FailingCallback(Workflow):
    def run(self):
        future = self.submit(add, 1)
        future.add_done_callback(lambda _: 1 // 0)
        return future.result


class FailingFunction(Workflow):
    def run(self):
        return self.submit(FuncGroup(self.make, self.submit(add, 1))).result

    def make(self, x):
        return 1 // (x - 5)


class ExitingFunction(FailingFunction):
    def make(self, x):
        sys.exit(3)


class WaitingFunction(FailingFunction):
    def make(self, x):
        return self.submit(add, x).result


@activity.with_attributes(name="add")
def when(*_) -> datetime:
    return datetime.now()  # noqa: DTZ005


class WrongResult(Workflow):
    """What history holds is not what the activity's annotation says."""

    def run(self):
        return self.submit(when, 1).result


class WrongInput(Workflow):
    def run(self):
        future = self.submit(when, 1)
        return self.submit(Group((double, future))).result


class WrongArgument(Workflow):
    def run(self):
        return self.submit(FuncGroup(self.make, self.submit(when, 1))).result

    def make(self, x):
        return ActivityTask(double, x)


class WrongAnswer(Workflow):
    def run(self):
        return self.submit(add, 1).result

    def on_task_failure(self, failure_context):
        return True


class WrongWait(WrongAnswer):
    def on_task_failure(self, failure_context):
        return failure_context.decide_retry(wait="soon")


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        (ExitingInit, "SystemExit: 3"),
        (ExitingHook, "SystemExit: 3"),
    ],
)
def test_errors_before_run_fail_the_workflow(definition, reason):
    [told_] = ask(definition, HistoryBuilder(definition).deciding())
    assert reason in told_


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        (FailingCallback, "ZeroDivision"),
        (FailingFunction, "ZeroDivisionError"),
        (WaitingFunction, "only run() can wait"),
        (ExitingFunction, "SystemExit: 3"),
        (WrongResult, "PayloadError: result of add"),
        (WrongArgument, "result of add"),
    ],
)
def test_errors_while_events_are_read_fail_the_workflow(definition, reason):
    history = HistoryBuilder(definition).decided().scheduled("activity-add-1", add, 1)
    [told_] = ask(definition, history.completed("activity-add-1", 5).deciding())
    assert told_.startswith("fail ")
    assert reason in told_


def test_a_result_of_the_wrong_type_is_passed_on_as_it_is():
    history = HistoryBuilder(WrongInput).decided().scheduled("activity-add-1", add, 1)
    decided = decide(WrongInput, history.completed("activity-add-1", 5).deciding())
    assert [d.input for d in decided.decisions] == ['{"args":[5],"kwargs":{}}']


@pytest.mark.parametrize(
    ("definition", "reason"),
    [
        (WrongAnswer, "bool"),
        (WrongWait, "soon"),
    ],
)
def test_wrong_answers_of_on_task_failure_fail_the_workflow(definition, reason):
    history = HistoryBuilder(definition).decided().scheduled("activity-add-1", add, 1)
    [told_] = ask(definition, history.failed("activity-add-1", OSError("gone")).deciding())
    assert reason in told_


class ReadsTooLate(Workflow):
    def run(self):
        late, never = self.submit(add, 1), self.submit(add, 2)
        self.submit(FuncGroup(lambda _: never.result, late))
        self.sleep(5)


def test_a_function_called_after_run_has_ended_cannot_break_out():
    # The completion was refused, because an activity had ended; that calls the function.
    history = (
        HistoryBuilder(ReadsTooLate)
        .decided()
        .timer_started("dataflow-sleep-1", 5)
        .scheduled("activity-add-1", add, 1)
        .scheduled("activity-add-2", add, 2)
        .timer_fired("dataflow-sleep-1")
        .deciding()
        .completed("activity-add-1", 1)
        .answered()
        .add(
            ev.CompleteWorkflowExecutionFailed(
                cause="UNHANDLED_DECISION", decision_task_completed_event_id=13
            )
        )
        .deciding()
    )
    assert ask(ReadsTooLate, history) == ["complete null"]
