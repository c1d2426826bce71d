"""What becomes of an activity that fails: retries, the hook, the workflow."""

import json
from itertools import pairwise

import pytest
from replaying import add, ask, decide, double, fails, inputs

from dataflow import Chain, Group, Retry, TaskFailed, TaskTimedOut, Workflow, activity
from dataflow.protocol import events as ev
from dataflow.protocol.values import WORKER_LOST
from dataflow.testing import NEVER, HistoryBuilder, VirtualClock, run_workflow


def retrying(retry, **attributes):
    """A workflow of one activity; its result is how that ended."""
    flaky = activity.with_attributes(name="flaky", retry=retry, **attributes)(lambda *_: None)

    class Retrying(Workflow):
        def run(self):
            try:
                return self.submit(flaky, 1).result
            except TaskFailed as error:
                return str(error)

    Retrying.flaky = flaky
    return Retrying


class Worker:
    """A fake that fails as often as it is told, and remembers."""

    def __init__(self, *outcomes, clock=None):
        self.outcomes = list(outcomes)
        self.attempts = []
        self.times = []
        self.clock = clock or VirtualClock()

    def __call__(self, *_):
        self.attempts.append(activity.context().attempt)
        self.times.append(self.clock.now() - 1_000_000_000)
        outcome = self.outcomes.pop(0) if self.outcomes else "ok"
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome


def run(retry, *outcomes, **options):
    worker = Worker(*outcomes)
    finished = run_workflow(
        retrying(retry), activities={"flaky": worker}, clock=worker.clock, **options
    )
    return finished, worker


# --- retry=n ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("retry", "failures", "attempts", "result"),
    [
        (0, 0, 1, "ok"),
        (0, 1, 1, "flaky: ValueError: 1"),
        (1, 1, 2, "ok"),
        (1, 2, 2, "flaky: ValueError: 2"),
        (3, 3, 4, "ok"),
        (3, 4, 4, "flaky: ValueError: 4"),
        (Retry(attempts=1), 1, 1, "flaky: ValueError: 1"),
        (Retry(attempts=3, initial_delay=0), 2, 3, "ok"),
    ],
)
def test_retry_counts(retry, failures, attempts, result):
    finished, worker = run(retry, *(ValueError(n + 1) for n in range(failures)))
    assert finished.result == result
    assert worker.attempts == list(range(1, attempts + 1))
    assert finished.duration == 0
    assert finished.history.tasks["activity-flaky-1"].attempts == attempts


def test_the_input_says_which_attempt_it_is():
    definition = retrying(2, meta={"m": 1})
    history = HistoryBuilder(definition).decided()
    history.scheduled("activity-flaky-1", definition.flaky, 1)
    history.failed("activity-flaky-1", OSError("x")).deciding()
    [text] = inputs(decide(definition, history)).values()
    assert text == '{"args":[1],"kwargs":{},"meta":{"m":1},"attempt":2}'
    history.answered().scheduled_with("activity-flaky-1", definition.flaky, text)
    history.timed_out("activity-flaky-1").deciding()
    [text] = inputs(decide(definition, history)).values()
    assert text == '{"args":[1],"kwargs":{},"meta":{"m":1},"attempt":3}'


@pytest.mark.parametrize(
    "timeout_type", ["START_TO_CLOSE", "SCHEDULE_TO_START", "SCHEDULE_TO_CLOSE", "HEARTBEAT"]
)
def test_timeouts_count_as_failures(timeout_type):
    definition = retrying(1)
    history = HistoryBuilder(definition).decided()
    history.scheduled("activity-flaky-1", definition.flaky, 1)
    history.timed_out("activity-flaky-1", timeout_type).deciding()
    [text] = inputs(decide(definition, history)).values()
    history.answered().scheduled_with("activity-flaky-1", definition.flaky, text)
    history.timed_out("activity-flaky-1", timeout_type).deciding()
    assert ask(definition, history) == [f'complete "flaky: timed out ({timeout_type})"']


def test_a_worker_that_never_answers_is_given_up_in_time():
    finished = run_workflow(
        retrying(1, start_to_close_timeout=60, heartbeat_timeout=None), activities={"flaky": NEVER}
    )
    assert finished.result == "flaky: timed out (START_TO_CLOSE)"
    assert finished.duration == 120


# --- policies -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "times"),
    [
        (Retry(attempts=5), [0, 1, 3, 7, 15]),
        (Retry(attempts=4, initial_delay=10, factor=1), [0, 10, 20, 30]),
        (Retry(attempts=5, initial_delay=10, maximum_delay=30), [0, 10, 30, 60, 90]),
        (Retry(attempts=3, initial_delay=0.5), [0, 1, 2]),
        (Retry(attempts=3, initial_delay=0), [0, 0, 0]),
        (Retry(attempts=4, initial_delay=86_400, factor=30, maximum_delay=2_592_000), None),
    ],
)
def test_delays_are_timers(policy, times):
    finished, worker = run(policy, *(ValueError(n) for n in range(policy.attempts)))
    assert finished.result == f"flaky: ValueError: {policy.attempts - 1}"
    assert worker.times == (times or [0, 86_400, 86_400 + 2_592_000, 86_400 + 2 * 2_592_000])


def test_the_first_delay_may_be_longer_than_an_hour():
    assert run(Retry(attempts=2, initial_delay=86_400), NO)[1].times == [0, 86_400]


def test_no_delay_is_longer_than_swf_can_write():
    definition = retrying(Retry(attempts=2, initial_delay=1e9, maximum_delay=1e9))
    history = HistoryBuilder(definition).decided()
    history.scheduled("activity-flaky-1", definition.flaky, 1)
    history.failed("activity-flaky-1", OSError("x")).deciding()
    [decision] = decide(definition, history).decisions
    assert len(decision.start_to_fire_timeout) <= 8


def test_a_delay_is_a_timer_of_the_task():
    definition = retrying(Retry(attempts=2, initial_delay=7))
    history = HistoryBuilder(definition).decided()
    history.scheduled("activity-flaky-1", definition.flaky, 1)
    history.failed("activity-flaky-1", OSError("x")).deciding()
    assert ask(definition, history) == ["start dataflow-retry-activity-flaky-1 7"]
    history.answered().timer_started("dataflow-retry-activity-flaky-1", 7).deciding()
    assert ask(definition, history) == []
    history.answered().timer_fired("dataflow-retry-activity-flaky-1").deciding()
    assert ask(definition, history) == ["schedule activity-flaky-1"]


def test_a_delay_that_cannot_be_had_fails_the_task():
    definition = retrying(Retry(attempts=2, initial_delay=7))
    history = HistoryBuilder(definition).decided()
    history.scheduled("activity-flaky-1", definition.flaky, 1)
    history.failed("activity-flaky-1", OSError("x")).decided()
    history.add(
        ev.StartTimerFailed(
            timer_id="dataflow-retry-activity-flaky-1",
            cause="OPEN_TIMERS_LIMIT_EXCEEDED",
            decision_task_completed_event_id=history.last_id,
        )
    )
    assert ask(definition, history.deciding()) == [
        (
            'complete "flaky: no timer for its next attempt: dataflow-retry-activity-flaky-1: '
            'OPEN_TIMERS_LIMIT_EXCEEDED"'
        )
    ]


def test_more_back_offs_than_timers_wait_their_turn():
    busy = activity.with_attributes(name="busy", retry=Retry(attempts=2, initial_delay=600))(
        lambda *_: None
    )

    class ManyBusy(Workflow):
        def run(self):
            tasks = self.map(busy, range(1100))
            return sum(task.exception is not None for task in tasks)

    def attempt(_):
        if activity.context().attempt == 1:
            raise OSError("busy")

    assert run_workflow(ManyBusy, activities={busy: attempt}).result == 0


def test_jitter_is_chance_but_the_same_in_every_replay():
    policy = Retry(attempts=6, initial_delay=1000, factor=1, jitter=0.5)
    errors = [ValueError("x")] * 6
    first, again = run(policy, *errors)[1].times, run(policy, *errors)[1].times
    other = run(policy, *errors, run_id="another")[1].times
    assert first == again != other
    delays = [after - before for before, after in pairwise(first)]
    assert all(500 <= delay <= 1000 for delay in delays)
    assert len(set(delays)) > 2


class Busy(OSError):
    pass


@pytest.mark.parametrize(
    ("policy", "error", "attempts"),
    [
        (Retry(retry_on=(OSError,)), OSError("x"), 3),
        (Retry(retry_on=(OSError,)), Busy("x"), 3),
        (Retry(retry_on=OSError), FileNotFoundError("x"), 3),
        (Retry(retry_on="OSError"), Busy("x"), 3),
        (Retry(retry_on=f"{__name__}.Busy"), Busy("x"), 3),
        (Retry(retry_on=(Busy,)), OSError("x"), 1),
        (Retry(retry_on=(Busy, ValueError)), ValueError("x"), 3),
        (Retry(never=(OSError,)), Busy("x"), 1),
        (Retry(never="OSError"), Busy("x"), 1),
        (Retry(never=f"{__name__}.Busy"), Busy("x"), 1),
        (Retry(never=(Busy,)), OSError("x"), 3),
        (Retry(retry_on=OSError, never=Busy), Busy("x"), 1),
        (Retry(retry_on=()), OSError("x"), 1),
        (Retry(), SystemExit(3), 3),
    ],
)
def test_which_errors_are_tried_again(policy, error, attempts):
    _, worker = run(policy, *[error] * 5)
    assert len(worker.attempts) == attempts


@pytest.mark.parametrize(
    ("policy", "duration"),
    [
        (Retry(attempts=2, initial_delay=0, retry_on=TimeoutError), 120),
        (Retry(attempts=2, initial_delay=0, retry_on=TaskTimedOut), 120),
        (Retry(attempts=2, initial_delay=0, never=TimeoutError), 60),
        (Retry(attempts=2, initial_delay=0, retry_on=ValueError), 60),
    ],
)
def test_timeouts_are_timeout_errors(policy, duration):
    definition = retrying(policy, start_to_close_timeout=60)
    assert run_workflow(definition, activities={"flaky": NEVER}).duration == duration


# --- on_task_failure ----------------------------------------------------------------------


def hooked(decide_, retry=0, **attributes):
    definition = retrying(retry, **attributes)
    told = []

    def on_task_failure(self, failure_context):
        told.append(failure_context)
        return decide_(failure_context)

    hooked_ = type("Hooked", (definition,), {"on_task_failure": on_task_failure})
    hooked_.told = told
    return hooked_


def outcome(definition, *outcomes, **options):
    worker = Worker(*outcomes)
    finished = run_workflow(
        definition, activities={"flaky": worker}, clock=worker.clock, check_replay=False, **options
    )
    told = finished.result if finished.status == "COMPLETED" else finished.reason
    return finished.status, told, worker.times


NO = ValueError("no")


@pytest.mark.parametrize(
    ("decide_", "retry", "expected"),
    [
        (lambda _: None, 0, ("COMPLETED", "flaky: ValueError: no", [0])),
        (lambda _: None, 1, ("COMPLETED", "ok", [0, 0])),
        (lambda c: c, 1, ("COMPLETED", "ok", [0, 0])),
        (lambda c: c.decide_retry(), 0, ("COMPLETED", "ok", [0, 0])),
        (lambda c: c.decide_retry(wait=10), 0, ("COMPLETED", "ok", [0, 10])),
        (lambda c: c.decide_ignore(), 1, ("COMPLETED", None, [0])),
        (lambda c: c.decide_ignore({"a": 1}), 1, ("COMPLETED", {"a": 1}, [0])),
        (lambda c: c.decide_fail(), 1, ("COMPLETED", "flaky: ValueError: no", [0])),
        (lambda c: c.decide_cancel(), 1, ("COMPLETED", "activity-flaky-1: cancelled", [0])),
        (lambda c: c.decide_abort(), 1, ("FAILED", "TaskFailed: flaky: ValueError: no", [0])),
    ],
)
def test_the_hook_decides(decide_, retry, expected):
    assert outcome(hooked(decide_, retry), NO) == expected


def test_a_decision_counts_even_if_the_hook_forgets_to_return_it():
    def forgets(failure_context):
        failure_context.decide_ignore("fine")

    assert outcome(hooked(forgets), NO) == ("COMPLETED", "fine", [0])


@pytest.mark.parametrize("wait", [-10, 0.5, "soon"])
def test_the_hook_waits_whole_seconds(wait):
    status, reason, _ = outcome(hooked(lambda c: c.decide_retry(wait=wait)), NO)
    assert status == "FAILED"
    assert f"wait={wait!r}: use" in reason


def test_what_the_hook_is_told():
    definition = hooked(lambda _: None, 1)
    outcome(definition, ValueError("one"), KeyError("two"))
    first, second = definition.told
    assert (first.task_id, first.task_name) == ("activity-flaky-1", "flaky")
    assert [(c.attempt, c.retry_count) for c in (first, second)] == [(1, 0), (2, 1)]
    assert [c.reason for c in (first, second)] == ["ValueError: one", "KeyError: 'two'"]
    assert json.loads(first.details)["error_type"] == "ValueError"
    assert first.error.is_a(ValueError)
    assert not first.error.is_a(KeyError)


def test_the_hook_is_told_of_timeouts():
    definition = hooked(lambda c: c.decide_ignore("late"), start_to_close_timeout=60)
    assert run_workflow(definition, activities={"flaky": NEVER}).result == "late"
    assert type(definition.told[0].error) is TaskTimedOut
    assert definition.told[0].error.timeout_type == "START_TO_CLOSE"


def test_the_hook_may_retry_more_often_than_the_policy():
    times = outcome(
        hooked(lambda c: c.decide_retry(wait=c.attempt) if c.attempt < 4 else None, retry=1),
        *[NO] * 9,
    )[2]
    assert times == [0, 1, 3, 6]


def test_an_error_in_the_hook_fails_the_workflow():
    def wrong(failure_context):
        return failure_context.no_such_thing()

    status, reason, _ = outcome(hooked(wrong, retry=3), NO)
    assert status == "FAILED"
    assert reason.startswith("AttributeError: 'TaskFailureContext' object has no attribute")


# --- raises_on_failure --------------------------------------------------------------------


@activity.with_attributes(name="vital", raises_on_failure=True, retry=1)
def vital(*_):
    raise ValueError("no")


class Unread(Workflow):
    def run(self):
        self.submit(vital, 1)
        self.sleep(1000)


class Caught(Workflow):
    def run(self):
        try:
            self.submit(vital, 1).result  # noqa: B018
        except BaseException:  # noqa: BLE001
            return "caught"


@pytest.mark.parametrize("definition", [Unread, Caught])
def test_a_vital_task_fails_the_workflow_at_once(definition):
    finished = run_workflow(definition)
    assert finished.status == "FAILED"
    assert finished.reason == "TaskFailed: vital: ValueError: no"
    assert finished.duration == 0
    assert 'raise ValueError("no")' in finished.details.encode().decode("unicode_escape")
    assert finished.history.tasks["activity-vital-1"].attempts == 2


def test_a_vital_task_that_is_cancelled_does_not_fail_the_workflow():
    class Cancels(Workflow):
        def run(self):
            task = self.submit(vital, 1)
            return task.cancel()

    assert run_workflow(Cancels).result is True


def test_a_vital_task_fails_if_its_input_does():
    class Inputs(Workflow):
        def run(self):
            self.submit(vital, self.submit(fails))
            self.sleep(1000)

    assert run_workflow(Inputs).reason == (
        "InputFailed: vital: an input failed: fails: ValueError: no"
    )


def test_the_first_vital_failure_is_the_reason():
    class Dependent(Workflow):
        def run(self):
            self.submit(vital, self.submit(vital, 1))
            self.sleep(1000)

    assert run_workflow(Dependent).reason == "TaskFailed: vital: ValueError: no"


def test_the_first_reason_stands():
    class Two(Workflow):
        def run(self):
            self.submit(vital, 1)
            self.submit(double, self.submit(add, 1)).result  # noqa: B018
            raise ValueError("never")

    history = HistoryBuilder(Two).decided()
    history.scheduled("activity-vital-1", vital, 1).scheduled("activity-add-1", add, 1)
    history.failed("activity-vital-1", OSError("first"))
    history.completed("activity-add-1").deciding()
    [text] = [t for k, t in inputs_of(Two, history).items() if k == "activity-vital-1"]
    history.answered().scheduled_with("activity-vital-1", vital, text)
    history.scheduled("activity-double-1", double, None)
    history.failed("activity-vital-1", OSError("second"))
    history.completed("activity-double-1").deciding()
    assert ask(Two, history) == ["fail TaskFailed: vital: OSError: second"]


def inputs_of(definition, history):
    return inputs(decide(definition, history))


@pytest.mark.parametrize(
    ("canvas", "status"),
    [
        (lambda: Group(fails, raises_on_failure=True), "FAILED"),
        (lambda: Chain(fails, raises_on_failure=True), "FAILED"),
        (lambda: Group(Chain(fails), raises_on_failure=True), "FAILED"),
        (lambda: Group(vital, raises_on_failure=False), "COMPLETED"),
        (lambda: Group(Group(vital), raises_on_failure=False), "COMPLETED"),
        (lambda: Group(Group(fails, raises_on_failure=False), raises_on_failure=True), "COMPLETED"),
        (lambda: Group(vital), "FAILED"),
        (lambda: Group(fails), "COMPLETED"),
    ],
)
def test_a_canvas_overrides_its_activities(canvas, status):
    class Canvas(Workflow):
        def run(self):
            self.submit(canvas())
            self.sleep(10)

    assert run_workflow(Canvas).status == status
    assert (fails.raises_on_failure, vital.raises_on_failure) == (False, True)


def test_the_loss_of_a_worker_is_no_attempt():
    """An engine that knew that the worker was gone says so, where SWF waits for a heartbeat."""
    definition = retrying(0)
    history = HistoryBuilder(definition).decided()
    history.scheduled("activity-flaky-1", definition.flaky, 1)
    scheduled = history.last_id
    history.started("activity-flaky-1").add(
        ev.ActivityTaskTimedOut(
            timeout_type="HEARTBEAT",
            scheduled_event_id=scheduled,
            started_event_id=scheduled + 1,
            details=WORKER_LOST,
        )
    )
    decided = decide(definition, history.deciding())
    (again,) = decided.decisions
    assert (again.activity_id, again.input) == (
        "activity-flaky-1",
        history.events[4].attributes.input,
    )
