import json

import pytest

from dataflow import ActivityTask, Chain, Group, TaskFailed, Workflow, activity
from dataflow.task import TimerTask
from dataflow.testing import run_workflow
from dataflow.workflow import TaskFailureContext, type_name


@activity.with_attributes(name="add")
def add(*numbers):
    return sum(numbers)


@activity.with_attributes(name="urgent", task_priority=9)
def urgent():
    return None


@activity.with_attributes(name="takes")
def takes(*args, **kwargs):
    return [args, kwargs]


def reason(run):
    return run_workflow(type("Submitting", (Workflow,), {"run": run})).reason


class NoActivity:
    pass


@pytest.mark.parametrize(
    ("submit", "message"),
    [
        (
            lambda self: self.submit(print, 1),
            "the function print is no activity: decorate it with @activity.with_attributes()",
        ),
        (
            lambda self: self.submit(NoActivity),
            (
                "the class NoActivity is no activity: an activity class needs execute() and "
                "decorate it with @activity.with_attributes()"
            ),
        ),
        (
            lambda self: self.submit(5),
            (
                "a int is no activity: submit an activity with its arguments, as in "
                "self.submit(increment, 1)"
            ),
        ),
        (lambda self: self.submit(None), "a NoneType is no activity"),
        (lambda self: self.submit([add, 1]), "a list is no activity"),
        (lambda self: self.submit(self.submit(add, 1)), "a Future is no activity"),
        (lambda self: self.submit(Group(print)), "the function print is no activity"),
        (lambda self: self.submit(ActivityTask(print)), "the function print is no activity"),
        (lambda self: self.submit(print), "the function print is no activity"),
        (lambda self: self.submit(Workflow), "the class Workflow is no activity"),
    ],
)
def test_what_cannot_be_submitted(submit, message):
    assert reason(submit).startswith(f"NotSubmittable: {message}")


@pytest.mark.parametrize(
    ("submit", "message"),
    [
        (lambda self: self.submit(Group(add), 1), "takes no arguments"),
        (lambda self: self.submit(range(3)), "a range is no activity"),
    ],
)
def test_what_cannot_be_submitted_is_told_so(submit, message):
    assert message in reason(submit)


@pytest.mark.parametrize(
    ("submit", "message"),
    [
        (lambda self: self.submit(urgent, 1), "urgent() does not take these arguments: too many"),
        (lambda self: self.submit(urgent, x=1), "urgent() does not take these arguments: got an"),
        (lambda self: self.submit(ActivityTask(add, 1), 2), "ActivityTask has its arguments"),
        (lambda self: self.submit(self.cancel_timer("t"), 2), "CancelTimerTask has its arguments"),
        (lambda self: self.submit(), "Workflow.submit() missing 1 required positional argument"),
    ],
)
def test_arguments_that_do_not_fit(submit, message):
    assert reason(submit).startswith(f"TypeError: {message}")


@pytest.mark.parametrize(
    ("run", "result"),
    [
        (lambda self: [f.result for f in self.map(add, (1, 2))], [1, 2]),
        (lambda self: [f.result for f in self.map(add, iter(()))], []),
        (lambda self: [f.result for f in self.starmap(add, [(1, 2), (3,), ()])], [3, 3, 0]),
        (lambda self: [f.result for f in self.starmap(add, zip((1, 2), (3, 4)))], [4, 6]),  # noqa: B905
        (lambda self: self.submit(takes, item=1, self=2, name=3).result, None),
        (lambda self: self.submit(ActivityTask(takes, 1, k=2)).result, [[1], {"k": 2}]),
        (lambda self: self.submit(Chain((add, 1), (add, 2))).result, [1, 2]),
    ],
)
def test_submitting(run, result):
    finished = run_workflow(type("Submitting", (Workflow,), {"run": run}))
    if result is None:
        result = [[], {"item": 1, "self": 2, "name": 3}]
    assert finished.result == result


def priorities(task_priority=None, **kwargs):
    class Prioritised(Workflow):
        def run(self):
            for item in (add, urgent):
                self.submit(item, **kwargs).result  # noqa: B018

    Prioritised.task_priority = task_priority
    events = run_workflow(Prioritised).history.events
    return [e.attributes.task_priority for e in events if e.event_type == "ActivityTaskScheduled"]


def test_the_nearest_priority_counts():
    assert priorities() == [None, "9"]
    assert priorities(task_priority=4) == ["4", "9"]
    assert priorities(task_priority=4, __priority=7) == ["7", "7"]
    assert priorities(task_priority=4, __priority="-7") == ["-7", "-7"]
    assert priorities(task_priority=0) == ["0", "9"]
    assert priorities(task_priority=4, __priority=None) == ["4", "9"]


def test_a_priority_is_a_whole_number():
    assert reason(lambda self: self.submit(add, __priority="high")).startswith("ValueError: ")


@pytest.mark.parametrize(
    ("members", "name"),
    [({"name": "mine"}, "mine"), ({}, f"{__name__}.Named"), ({"name": None}, f"{__name__}.Named")],
)
def test_the_name_of_a_workflow_type(members, name):
    assert type_name(type("Named", (Workflow,), members)) == name


def test_a_workflow_needs_run():
    with pytest.raises(NotImplementedError, match=r"Workflow needs a run\(\) method"):
        Workflow().run()


def test_the_hooks_of_a_workflow_do_nothing():
    workflow = Workflow()
    for call in (
        lambda: workflow.before_replay(None),
        lambda: workflow.after_replay(None),
        lambda: workflow.on_completed(None),
        lambda: workflow.on_failure(None, "reason"),
        lambda: workflow.after_closed(None),
        lambda: workflow.on_task_failure(None),
    ):
        assert call() is None


def test_timers_are_values():
    timer = Workflow().start_timer("t", 5, {"a": 1})
    assert isinstance(timer, TimerTask)
    assert (timer.timer_id, timer.timeout, timer.control) == ("t", "5", {"a": 1})
    assert Workflow().cancel_timer("t").timer_id == "t"


def test_a_failure_context_answers_once():
    context = TaskFailureContext(task_id="t", attempt=3, error=TaskFailed("f", "reason", "details"))
    assert (context.task_name, context.reason, context.details) == ("f", "reason", "details")
    assert (context.retry_count, context.decision) == (2, None)
    for call, decision in (
        (context.decide_abort, "abort"),
        (context.decide_fail, "fail"),
        (context.decide_cancel, "cancel"),
        (context.decide_ignore, "ignore"),
        (context.decide_retry, "retry"),
    ):
        assert call() is context
        assert context.decision == decision


def test_each_execution_has_an_instance_of_its_own():
    class Counts(Workflow):
        def __init__(self):
            self.n = 0

        def run(self):
            self.n += 1
            return self.n

    assert [run_workflow(Counts).result for _ in range(2)] == [1, 1]


def test_the_scheduled_task_has_the_attributes_of_its_activity():
    special = activity.with_attributes(
        name="special",
        version="7",
        task_list="list",
        start_to_close_timeout=1,
        schedule_to_start_timeout=2,
        schedule_to_close_timeout=None,
        heartbeat_timeout="NONE",
        meta={"m": [1]},
    )(lambda: None)
    finished = run_workflow(
        type("Special", (Workflow,), {"run": lambda self: self.submit(special).result})
    )
    [scheduled] = [
        e.attributes for e in finished.history.events if e.event_type == "ActivityTaskScheduled"
    ]
    assert (scheduled.activity_type.name, scheduled.activity_type.version) == ("special", "7")
    assert scheduled.task_list.name == "list"
    assert (scheduled.start_to_close_timeout, scheduled.schedule_to_start_timeout) == ("1", "2")
    assert (scheduled.schedule_to_close_timeout, scheduled.heartbeat_timeout) == ("NONE", "NONE")
    assert json.loads(scheduled.input)["meta"] == {"m": [1]}
