import asyncio
import functools
import inspect

import pytest

from dataflow import Retry, Workflow, activity
from dataflow.activity import Activity, Context, run_in_context
from dataflow.errors import UsageError
from dataflow.testing import run_workflow


@activity.with_attributes()
def plain(x, *, y=2):
    """Adds."""
    return x + y


@activity.with_attributes(name="written-as-class")
class Written:
    """Adds, too."""

    def __init__(self, x, y=2):
        self.x, self.y = x, y

    def execute(self):
        return self.x + self.y


@activity.with_attributes()
async def later(x):
    await asyncio.sleep(0)
    return x + 2


@activity.with_attributes()
class LaterWritten(Written.callable):
    async def execute(self):
        await asyncio.sleep(0)
        return self.x + self.y


# --- still what it was --------------------------------------------------------------------


def test_an_activity_is_called_as_the_plain_function():
    assert plain(1) == 3
    assert plain(1, y=5) == 6
    assert plain.callable(1) == 3
    assert asyncio.run(later(1)) == 3
    instance = Written(1, y=3)
    assert isinstance(instance, Written.callable)
    assert instance.execute() == 4


def test_an_activity_shows_as_the_function_it_is():
    assert plain.__name__ == "plain"
    assert plain.__doc__ == "Adds."
    assert plain.__wrapped__ is plain.callable
    assert str(inspect.signature(plain)) == "(x, *, y=2)"
    assert Written.__doc__ == "Adds, too."
    assert repr(plain) == f"<Activity {__name__}.plain default>"


@pytest.mark.parametrize("task", [plain, Written, later, LaterWritten])
def test_all_kinds_can_be_performed(task):
    class Performs(Workflow):
        def run(self):
            return self.submit(task, 40).result

    assert run_workflow(Performs).result == 42


# --- attributes ---------------------------------------------------------------------------


def test_the_default_attributes():
    assert plain.name == f"{__name__}.plain"
    assert (plain.version, plain.task_list, plain.task_priority) == ("default", "default", None)
    assert plain.retry == Retry(attempts=1, initial_delay=0)
    assert (plain.raises_on_failure, plain.idempotent, plain.meta) == (False, False, None)
    assert {
        plain.start_to_close_timeout,
        plain.schedule_to_close_timeout,
        plain.schedule_to_start_timeout,
        plain.heartbeat_timeout,
    } == {"300"}


def made(function=print, **attributes):
    return activity.with_attributes(**attributes)(function)


@pytest.mark.parametrize(
    ("attributes", "name", "value"),
    [
        ({"name": "x.y"}, "name", "x.y"),
        ({"version": "1"}, "version", "1"),
        ({"task_list": "l"}, "task_list", "l"),
        ({"task_priority": 5}, "task_priority", "5"),
        ({"task_priority": -5}, "task_priority", "-5"),
        ({"task_priority": 0}, "task_priority", "0"),
        ({"retry": 2}, "retry", Retry(attempts=3, initial_delay=0)),
        ({"retry": Retry(attempts=7)}, "retry", Retry(attempts=7)),
        ({"raises_on_failure": True}, "raises_on_failure", True),
        ({"idempotent": True}, "idempotent", True),
        ({"meta": {"a": 1}}, "meta", {"a": 1}),
        ({"start_to_close_timeout": 5}, "start_to_close_timeout", "5"),
        ({"start_to_close_timeout": "5"}, "start_to_close_timeout", "5"),
        ({"schedule_to_start_timeout": 0}, "schedule_to_start_timeout", "0"),
        ({"schedule_to_close_timeout": None}, "schedule_to_close_timeout", "NONE"),
        ({"heartbeat_timeout": "NONE"}, "heartbeat_timeout", "NONE"),
        ({"heartbeat_timeout": 99_999_999}, "heartbeat_timeout", "99999999"),
    ],
)
def test_attributes(attributes, name, value):
    assert getattr(made(**attributes), name) == value


@pytest.mark.parametrize(
    ("attributes", "error", "message"),
    [
        ({"name": 5}, TypeError, "name=5: use a string"),
        ({"name": "a:b"}, ValueError, "name='a:b' has ':' in it: use 1 to 256 characters without"),
        ({"name": "a/b"}, ValueError, "has '/' in it"),
        ({"name": "a|b"}, ValueError, r"has '\|' in it"),
        ({"name": "a\nb"}, ValueError, r"has '\\n' in it"),
        ({"name": "arn"}, ValueError, "name='arn' is not a name that SWF takes"),
        ({"name": "x" * 257}, ValueError, "use 1 to 256 characters"),
        ({"version": 1}, TypeError, "version=1: use a string"),
        ({"version": ""}, ValueError, "version='' is not a name"),
        ({"version": "x" * 65}, ValueError, "use 1 to 64 characters"),
        ({"task_list": ""}, ValueError, "task_list='' is not a name"),
        ({"task_list": None}, TypeError, "task_list=None: use a string"),
        ({"retry": -1}, ValueError, "retry=-1: retry must be 0 or more"),
        ({"retry": 1.5}, TypeError, "retry=1.5: retry must be a number of retries or a dataflow"),
        ({"retry": True}, TypeError, "retry=True"),
        ({"start_to_close_timeout": -1}, ValueError, "start_to_close_timeout=-1: use 0 to"),
        ({"schedule_to_start_timeout": 1.5}, TypeError, "schedule_to_start_timeout=1.5: use whole"),
        (
            {"schedule_to_close_timeout": "5s"},
            TypeError,
            "schedule_to_close_timeout='5s': use whole",
        ),
        ({"heartbeat_timeout": True}, TypeError, "heartbeat_timeout=True: use whole seconds"),
        ({"heartbeat_timeout": 100_000_000}, ValueError, "heartbeat_timeout=100000000: use 0 to"),
        ({"timeout": 5}, TypeError, "unexpected keyword argument 'timeout'"),
        ({"task_priority": "high"}, ValueError, "task_priority='high'"),
        ({"task_priority": 1.5}, TypeError, "task_priority=1.5"),
        ({"task_priority": 2**31}, ValueError, "task_priority="),
    ],
)
def test_wrong_attributes(attributes, error, message):
    with pytest.raises(error, match=message):
        made(lambda: None, **attributes)


class NoExecute:
    pass


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (NoExecute, r"NoExecute needs an execute\(\) method to be an activity"),
        (5, "5 cannot be called, so it is no activity"),
        (functools.partial(print, 1), "give it a name"),
    ],
)
def test_what_cannot_be_an_activity(function, message):
    with pytest.raises(UsageError, match=message):
        made(function)


def test_what_has_no_name_can_be_given_one():
    assert made(functools.partial(plain.callable, 1), name="partial")(y=4) == 5


def test_parentheses_are_needed():
    with pytest.raises(TypeError, match="with_attributes"):
        activity.with_attributes(lambda: None)


def test_one_function_may_be_several_activities():
    one, two = made(plain.callable, name="one", retry=1), made(plain.callable, name="two")
    assert (one.name, two.name) == ("one", "two")
    assert two.retry.attempts == 1


# --- inside a running activity ------------------------------------------------------------


def test_outside_of_a_worker_the_context_is_blank():
    context = activity.context()
    assert (context.workflow_id, context.run_id, context.activity_id) == ("", "", "")
    assert (context.attempt, context.meta) == (1, None)
    assert activity.heartbeat({"any": "thing"}) is None
    assert context.heartbeat() is None


@activity.with_attributes(name="reports", version="2", retry=1, meta={"m": 1})
def reports(fail):
    context = activity.context()
    if fail and context.attempt == 1:
        raise ValueError("again")
    activity.heartbeat({"at": 1})
    return [
        context.domain,
        context.workflow_id,
        context.run_id,
        context.activity_id,
        context.name,
        context.version,
        context.attempt,
        context.meta,
    ]


@pytest.mark.parametrize("fail", [False, True])
def test_the_context_of_a_task(fail):
    class Asks(Workflow):
        def run(self):
            return self.submit(reports, fail).result

    assert run_workflow(Asks, workflow_id="w", run_id="r").result == [
        "local",
        "w",
        "r",
        "activity-reports-1",
        "reports",
        "2",
        2 if fail else 1,
        {"m": 1},
    ]


def test_a_coroutine_has_the_context_too():
    @activity.with_attributes()
    async def asks():
        await asyncio.sleep(0)
        return activity.context().activity_id

    assert run_in_context(Context(activity_id="a-1"), asks, [], {}) == "a-1"
    assert activity.context().activity_id == ""


def test_the_context_ends_with_the_activity():
    def fails():
        raise ValueError(activity.context().activity_id)

    with pytest.raises(ValueError, match="a-1"):
        run_in_context(Context(activity_id="a-1"), Activity(fails), [], {})
    assert activity.context().activity_id == ""


def test_heartbeats_go_to_the_worker():
    beats = []
    context = Context(send_heartbeat=beats.append)

    @activity.with_attributes()
    def beating():
        activity.heartbeat(1)
        activity.context().heartbeat({"a": 2})
        activity.heartbeat()

    run_in_context(context, beating, [], {})
    assert beats == [1, {"a": 2}, None]
