"""The hooks, self.fail() and the end of a run."""

import json

import pytest
from replaying import add, ask, decide, double, fails, new_run, told

from dataflow import FuncGroup, Group, Workflow
from dataflow.replay.decided import Verdict
from dataflow.testing import HistoryBuilder, run_workflow

HOOKS = ("before_replay", "after_replay", "on_completed", "on_failure", "after_closed")


class Logs(Workflow):
    """Writes down which hooks are called; ``ends`` is how run() ends."""

    log = None
    ends = None

    def run(self):
        self.log.append("run")
        self.submit(add, 1).result  # noqa: B018
        self.log.append("goes on")
        return type(self).ends(self)


def _logging(name):
    def hook(self, history, *args):
        self.log.append(" ".join([name, *map(str, args[:1])]))

    return hook


for _name in HOOKS:
    setattr(Logs, _name, _logging(_name))


def logs(ends, **members):
    members = {"ends": staticmethod(ends), "log": [], **members}
    return type("LogsThis", (Logs,), members)


def bad(_):
    raise ValueError("bad")


BEFORE = ["before_replay", "run", "after_replay", "before_replay", "goes on", "after_replay"]


@pytest.mark.parametrize(
    ("ends", "after"),
    [
        (lambda _: 1, ["on_completed", "after_closed"]),
        (bad, ["on_failure ValueError: bad", "after_closed"]),
        (lambda self: self.fail("enough"), ["on_failure enough", "after_closed"]),
        (
            lambda self: self.submit(double, None),
            ["before_replay", "after_replay", "on_failure TaskFailed: double: TypeError: "],
        ),
    ],
)
def test_the_order_of_hooks(ends, after):
    definition = logs(ends)
    run_workflow(definition, check_replay=False)
    assert definition.log[: len(BEFORE)] == BEFORE
    rest = definition.log[len(BEFORE) :]
    assert len(rest) >= len(after)
    assert all(a.startswith(b) for a, b in zip(rest, after, strict=False))


def test_hooks_see_the_history():
    seen = []

    class Looks(Workflow):
        def run(self):
            return self.submit(add, 1).result

        def before_replay(self, history):
            seen.append([(t.task_id, t.state) for t in history.tasks.values()])

        def on_failure(self, history, reason, details=None):
            seen.append("never")

    run_workflow(Looks, check_replay=False)
    assert seen == [[], [("activity-add-1", "completed")]]


def test_the_details_of_a_failure_are_told():
    told_ = []

    class Tells(Workflow):
        def run(self):
            self.fail("reason", "details")

        def on_failure(self, history, reason, details=None):
            told_.append((reason, details))

    decide(Tells, HistoryBuilder(Tells).deciding())
    assert set(told_) == {("reason", "details")}


def erring(name):
    def hook(self, *_):
        raise KeyError("hook")

    return {name: hook}


@pytest.mark.parametrize("name", ["before_replay", "after_replay"])
def test_an_error_in_an_early_hook_fails_the_workflow(name):
    definition = logs(lambda _: 1, **erring(name))
    decided = decide(definition, HistoryBuilder(definition).deciding())
    assert told(decided) == ["fail KeyError: 'hook'"]
    assert f"(in the hook {name} of LogsThis)" in decided.decisions[0].details
    assert definition.log.count("on_failure KeyError: 'hook'") == 2
    assert ("run" in definition.log) == (name == "after_replay")


@pytest.mark.parametrize(
    ("name", "ends", "expected"),
    [
        ("on_completed", lambda _: 1, "complete 1"),
        ("after_closed", lambda _: 1, "complete 1"),
        ("on_failure", bad, "fail ValueError: bad"),
        ("after_closed", bad, "fail ValueError: bad"),
    ],
)
def test_an_error_in_a_late_hook_is_noticed_and_the_outcome_stands(name, ends, expected):
    definition = logs(ends, **erring(name))
    history = HistoryBuilder(definition).decided().scheduled("activity-add-1", add, 1)
    decided = decide(definition, history.completed("activity-add-1").deciding())
    assert told(decided) == [expected]
    assert decided.notices == (f"the hook {name} of LogsThis failed: KeyError: 'hook'",)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda self: self.submit(add, 1), "a hook cannot submit: hooks only look"),
        (lambda self: self.sleep(1), "a hook cannot sleep"),
        (lambda self: self.fail("x"), "a hook cannot fail"),
        (lambda self: self.submit(Group(add)), "a hook cannot submit"),
        (lambda self: self.future.result, "only run() can wait"),
    ],
)
@pytest.mark.parametrize("name", ["after_replay", "on_task_failure"])
def test_hooks_only_look(name, act, reason):
    class Acts(Workflow):
        def run(self):
            self.future = self.submit(add, 1)
            self.submit(fails, 1)
            self.future.result  # noqa: B018

    setattr(Acts, name, lambda self, _: act(self))
    history = HistoryBuilder(Acts).decided()
    if name == "on_task_failure":
        history.scheduled("activity-add-1", add, 1).scheduled("activity-fails-1", fails, 1)
        history.failed("activity-fails-1", ValueError("x"))
    else:
        history.events = history.events[:1]
    [told_] = ask(Acts, history.deciding())
    assert told_.startswith(f"fail NotInWorkflow: {reason}")


def test_after_a_hook_functions_may_submit_again():
    class Continues(Workflow):
        def run(self):
            return self.submit(FuncGroup(lambda n: Group((add, n)), self.submit(add, 4))).result

        def before_replay(self, history):
            pass

    assert run_workflow(Continues).result == [4]


def test_the_failure_of_a_hook_begins_where_the_users_code_begins():
    definition = logs(lambda _: 1, **erring("before_replay"))
    [decision] = decide(definition, HistoryBuilder(definition).deciding()).decisions
    trace = "".join(json.loads(decision.details)["traceback"])
    assert 'raise KeyError("hook")' in trace
    assert "run.py" not in trace


def test_hooks_may_read_what_is_done():
    class Reads(Workflow):
        def run(self):
            self.future = self.submit(add, 4)
            return self.future.result

        def on_completed(self, history):
            assert self.future.result == 4
            assert self.now()
            assert self.get_run_context()["run_id"] == "test-run"

    assert run_workflow(Reads).notices == ()


def test_the_hooks_of_a_workflow_that_could_not_be_made_are_not_called():
    class Unmade(Workflow):
        def __init__(self):
            raise ValueError("unmade")

        def on_failure(self, history, reason, details=None):
            raise AssertionError

    decided = decide(Unmade, HistoryBuilder(Unmade).deciding())
    assert (told(decided), decided.notices) == (["fail ValueError: unmade"], ())


def test_hooks_are_not_called_again_for_an_end_that_was_refused():
    definition = logs(lambda _: 1)
    history = HistoryBuilder(definition).decided().scheduled("activity-add-1", add, 1)
    history.completed("activity-add-1").deciding()
    decide(definition, history)
    once = len(definition.log)
    from dataflow.protocol import events as ev  # noqa: PLC0415

    history.answered().add(
        ev.CompleteWorkflowExecutionFailed(
            cause="UNHANDLED_DECISION", decision_task_completed_event_id=history.last_id
        )
    )
    definition.log.clear()
    assert ask(definition, history.deciding()) == ["complete 1"]
    assert len(definition.log) == once


# --- self.fail ----------------------------------------------------------------------------


def fails_in_a_try(self):
    try:
        self.fail("over")
    except BaseException:  # noqa: BLE001
        return "caught"


def fails_in_a_loop(self):
    while True:
        try:
            self.fail("over")
        except:  # noqa: E722, S112
            continue


def fails_in_finally(self):
    try:
        raise ValueError("first")
    finally:
        self.fail("over")


def fails_twice(self):
    try:
        self.fail("over")
    finally:
        self.fail("again")


def fails_after_submitting(self):
    self.submit(add, 1)
    self.fail("over")


@pytest.mark.parametrize(
    "run", [fails_in_a_try, fails_in_a_loop, fails_in_finally, fails_twice, fails_after_submitting]
)
def test_nothing_catches_fail(run):
    definition = type("Fails", (Workflow,), {"run": run})
    decided = decide(definition, HistoryBuilder(definition).deciding())
    assert told(decided) == ["fail over"]
    assert decided.verdict is Verdict.CLOSING


def test_fail_cleans_up_at_once():
    log = []

    class Fails(Workflow):
        def run(self):
            try:
                self.fail("over")
            finally:
                log.append("finally")

    new_run(Fails).advance(HistoryBuilder(Fails).deciding().events)
    assert log == ["finally"]


@pytest.mark.parametrize(
    ("details", "expected"), [(None, None), ("text", "text"), (7, "7"), ("", "")]
)
def test_the_details_of_fail_are_text(details, expected):
    class Fails(Workflow):
        def run(self):
            self.fail(1, details)

    [decision] = decide(Fails, HistoryBuilder(Fails).deciding()).decisions
    assert (decision.reason, decision.details) == ("1", expected)


def test_only_run_can_fail_the_workflow():
    class Fails(Workflow):
        def run(self):
            future = self.submit(add, 1)
            errors = []
            future.add_done_callback(lambda _: errors.append(_error(lambda: self.fail("x"))))
            future.result  # noqa: B018
            return errors

    assert run_workflow(Fails).result == [
        "NotInWorkflow: only run() can fail the workflow: raise an error instead"
    ]


def _error(function):
    try:
        function()
    except Exception as error:  # noqa: BLE001
        return f"{type(error).__name__}: {error}"


# --- what run() leaves behind -------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "named"),
    [
        (1, "activity-add-1"),
        (3, "activity-add-1, activity-add-2, activity-add-3"),
        (5, "activity-add-1, activity-add-2, activity-add-3 and 2 more"),
    ],
)
def test_what_run_does_not_wait_for_is_named(n, named):
    class Leaves(Workflow):
        def run(self):
            self.map(add, range(n))
            return 1

    decided = decide(Leaves, HistoryBuilder(Leaves).deciding())
    assert decided.notices == (
        f"run() returned before {named} finished: what it does not wait for is dropped",
    )


def test_what_was_cancelled_is_not_missed():
    class Cancels(Workflow):
        def run(self):
            tasks = self.map(add, range(2))
            self.sleep(1)
            self.submit(add, 3).cancel()
            for task in tasks:
                task.cancel()

    history = HistoryBuilder(Cancels).decided().timer_started("dataflow-sleep-1", 1)
    history.scheduled("activity-add-1", add, 0).scheduled("activity-add-2", add, 1)
    decided = decide(Cancels, history.timer_fired("dataflow-sleep-1").deciding())
    assert (told(decided), decided.notices) == (["complete null"], ())


def test_a_failed_workflow_names_nothing():
    class Fails(Workflow):
        def run(self):
            self.submit(add, 1)
            raise ValueError("bad")

    assert decide(Fails, HistoryBuilder(Fails).deciding()).notices == ()


def test_an_error_in_after_replay_counts_after_run_has_returned_too():
    class Late(Workflow):
        def run(self):
            return 1

        def after_replay(self, history):
            raise ValueError("too good to be true")

    finished = run_workflow(Late)
    assert finished.status == "FAILED"
    assert finished.reason == "ValueError: too good to be true"
