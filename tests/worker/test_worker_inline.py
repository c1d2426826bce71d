"""A worker whose threads perform the activities."""

import json
import logging
import threading

import pytest
import worker_activities
from working import DOMAIN

from dataflow import activity
from dataflow.errors import UsageError
from dataflow.process.logs import TaskContextFilter

HERE = "worker_activities"


def given(*args, **kwargs):
    return json.dumps({"args": args, "kwargs": kwargs})


def perform(site, name, *args, version="default", options=(), **settings):
    """How the activity ends."""
    settings.setdefault("input", given(*args))
    [task] = site.schedule(name, version=version, **settings)
    with site.working(isolation="inline", **dict(options)):
        return site.end(task)


@pytest.mark.parametrize(
    ("name", "args", "result"),
    [
        ("add", [1], "2"),
        ("add", [1, 2], "3"),
        ("waits_for", ["it"], '"it"'),
        ("Counts", [3], "[0,1,2]"),
        ("Shelf.activity", [], '"shelf"'),
    ],
)
def test_a_result(site, name, args, result):
    end = perform(site, f"{HERE}.{name}", *args)
    assert (end.kind, end.result) == ("ActivityTaskCompleted", result)


def test_an_input_that_is_not_ours(site):
    assert perform(site, f"{HERE}.add", input="[20, 22]").result == "42"


def test_no_input(site):
    [task] = site.schedule(f"{HERE}.versioned", version="2")
    with site.working(isolation="inline"):
        assert site.end(task).result == '"two"'


def test_a_failure(site):
    end = perform(site, f"{HERE}.fails")
    assert (end.kind, end.reason) == ("ActivityTaskFailed", "ValueError: no such number")
    assert end.told["error_type"] == "ValueError"
    assert "in fails" in end.told["traceback"][1]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("interrupted", "KeyboardInterrupt"), ("exits", "SystemExit: 3")],
)
def test_what_ends_programs_fails_a_task(site, name, reason):
    assert perform(site, f"{HERE}.{name}").reason == reason


def test_an_unknown_activity_fails_its_task(site):
    end = perform(site, f"{HERE}.missing")
    assert end.reason == f"UnknownActivity: {HERE} has no activity {HERE}.missing"


def test_giving_up_unasked_is_a_cancellation(site):
    assert perform(site, f"{HERE}.gives_up").kind == "ActivityTaskCanceled"


def test_a_result_that_is_too_long(site):
    end = perform(site, f"{HERE}.long_result", 32_767)
    assert end.kind == "ActivityTaskFailed"
    assert end.reason.startswith(
        "PayloadError: the result has 32769 characters, and a field of SWF takes at most 32768: "
        "set DATAFLOW_JUMBO_FIELDS_BUCKET"
    )


def test_a_result_that_just_fits(site):
    assert perform(site, f"{HERE}.long_result", 32_766).kind == "ActivityTaskCompleted"


def test_the_context(site):
    second = json.dumps({"args": [], "kwargs": {}, "attempt": 2})
    end = perform(site, f"{HERE}.context", input=second)
    assert json.loads(end.result) == [DOMAIN, "flow-1", site.run_id, "task-1", 2]


def test_the_identity(site):
    [task] = site.schedule(f"{HERE}.add", input=given(1))
    with site.working(isolation="inline", identity="me"):
        site.end(task)
    [started] = [e for e in site._events.values() if e["eventType"] == "ActivityTaskStarted"]
    assert started["activityTaskStartedEventAttributes"]["identity"] == "me"


def test_log_lines_tell_of_their_task(site, caplog):
    caplog.handler.addFilter(TaskContextFilter())
    second = json.dumps({"args": [], "kwargs": {}, "attempt": 2})
    with caplog.at_level(logging.INFO):
        perform(site, f"{HERE}.logs", input=second)
    told = {
        record.message: (
            record.domain,
            record.workflow_id,
            record.run_id,
            record.activity_id,
            record.attempt,
        )
        for record in caplog.records
    }
    task = (DOMAIN, "flow-1", site.run_id, "task-1", 2)
    assert told["at work"] == task
    assert told[f"{HERE}.logs begins"] == task
    assert told[f"{HERE}.logs ends: completed"] == task
    assert told["worker: finishing"] == ("", "", "", "", "")


def test_as_many_at_once_as_there_are_slots(site, monkeypatch):
    together = threading.Barrier(3)
    meets = activity.with_attributes(name="meets")(together.wait)
    monkeypatch.setattr(worker_activities, "meets", meets, raising=False)
    tasks = site.schedule("meets", "meets", "meets", input=given())
    with site.working(isolation="inline", concurrency=3) as worker:
        kinds = {end.kind for end in site.ends(tasks)}
        assert worker.busy <= 3
    assert kinds == {"ActivityTaskCompleted"}
    assert worker.busy == 0


def test_one_task(site):
    site.schedule(f"{HERE}.add", f"{HERE}.add", input=given(1))
    worker = site.worker(isolation="inline", one_task=True, concurrency=5)
    worker.run()
    pending = site.engine.count_pending_activity_tasks(domain=DOMAIN, taskList={"name": "workers"})
    assert pending["count"] == 1


def test_a_worker_ends_after_so_many_tasks(site):
    site.schedule(*[f"{HERE}.add"] * 5, input=given(1))
    site.worker(isolation="inline", max_tasks=3).run()
    pending = site.engine.count_pending_activity_tasks(domain=DOMAIN, taskList={"name": "workers"})
    assert pending["count"] == 2


def test_a_worker_ends_when_its_memory_is_too_much(site):
    site.schedule(*[f"{HERE}.add"] * 2, input=given(1))
    site.worker(isolation="inline", max_memory=1).run()
    pending = site.engine.count_pending_activity_tasks(domain=DOMAIN, taskList={"name": "workers"})
    assert pending["count"] == 1


@pytest.mark.parametrize("wrong", [{"concurrency": 0}, {"heartbeat": -1}, {"patience": -1}])
def test_wrong_options(site, wrong):
    with pytest.raises(UsageError, match="needs one slot"):
        site.worker(**wrong)


# --- middleware ------------------------------------------------------------------------------

hooked = []


def before(context):
    hooked.append(("before", context.name, context.activity_id))


def after(context, result):
    hooked.append(("after", context.name, result))


def refuses(context):
    raise PermissionError(f"not {context.name}")


def hooks(*pre, post=()):
    return {
        "pre": [f"{__name__}.{hook.__name__}" for hook in pre],
        "post": [f"{__name__}.{hook.__name__}" for hook in post],
    }


def test_hooks_around_an_activity(site):
    hooked.clear()
    end = perform(site, f"{HERE}.add", 1, options=hooks(before, post=[after]))
    assert end.result == "2"
    assert hooked == [("before", f"{HERE}.add", "task-1"), ("after", f"{HERE}.add", 2)]


def test_no_hook_after_a_failure(site):
    hooked.clear()
    end = perform(site, f"{HERE}.fails", options=hooks(post=[after]))
    assert end.reason == "ValueError: no such number"
    assert "in fails" in end.told["traceback"][1]
    assert hooked == []


def test_a_hook_that_raises_fails_the_task(site):
    end = perform(site, f"{HERE}.add", 1, options=hooks(refuses))
    assert end.reason == f"PermissionError: not {HERE}.add"
    assert "in refuses" in end.told["traceback"][1]


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("plain", "'plain' does not name a function: write package.module.function"),
        ("nowhere.hook", "nowhere.hook cannot be had: nowhere cannot be imported: .*No module"),
        (f"{__name__}:absent", f"{__name__}:absent cannot be had: {__name__} has no absent"),
        (f"{__name__}.HERE", f"{__name__}.HERE is a str, which cannot be called"),
    ],
)
def test_hooks_that_cannot_be_had(site, path, problem):
    with pytest.raises(UsageError, match=problem):
        site.worker(isolation="inline", pre=[path])
