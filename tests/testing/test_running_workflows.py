import random
import time

import pytest

from dataflow import Retry, TaskFailed, Workflow, activity
from dataflow.errors import NonDeterminism, PayloadError, UsageError
from dataflow.testing import NEVER, VirtualClock, WorkflowFailed, run_workflow


@activity.with_attributes(name="shop.charge")
def charge(amount, currency="EUR"):
    raise NotImplementedError


@activity.with_attributes(name="shop.ship", start_to_close_timeout=60)
def ship(receipt):
    return f"shipped {receipt}"


class Order(Workflow):
    def run(self, amount, express=False):
        receipt = self.submit(charge, amount)
        return self.submit(ship, receipt).result + ("!" if express else "")


class Real:
    def __init__(self, amount):
        self.amount = amount

    def execute(self):
        return self.amount


@pytest.mark.parametrize(
    ("fake", "result"),
    [
        ("paid", "shipped paid"),
        (None, "shipped None"),
        (lambda amount: f"paid {amount}", "shipped paid 5"),
        (lambda *args, **kwargs: [args, kwargs], "shipped [[5], {}]"),
        (activity.with_attributes()(lambda amount: amount + 1), "shipped 6"),
        (Real, "shipped 5"),
        ({"any": ["value"]}, "shipped {'any': ['value']}"),
    ],
)
@pytest.mark.parametrize("key", ["shop.charge", charge])
def test_fakes(fake, result, key):
    finished = run_workflow(Order, 5, activities={key: fake})
    assert (finished.status, finished.result) == ("COMPLETED", result)


@pytest.mark.parametrize(
    ("fake", "reason"),
    [
        (ValueError("declined"), "ValueError: declined"),
        (ValueError, "ValueError"),
        (SystemExit(3), "SystemExit: 3"),
    ],
)
def test_a_fake_that_fails(fake, reason):
    finished = run_workflow(Order, 5, activities={charge: fake})
    assert finished.status == "FAILED"
    assert finished.reason.startswith("InputFailed: shop.ship: an input failed: shop.charge: ")
    assert reason in finished.reason
    with pytest.raises(WorkflowFailed, match=r"(?s)FAILED: InputFailed.*Traceback") as raised:
        finished.result  # noqa: B018
    assert (raised.value.status, raised.value.reason) == ("FAILED", finished.reason)
    assert raised.value.details == finished.details


def test_never_answers():
    finished = run_workflow(Order, 5, activities={charge: 1, ship: NEVER})
    assert finished.reason == "TaskTimedOut: shop.ship: timed out (START_TO_CLOSE)"
    assert finished.duration == 60
    assert repr(NEVER) == "NEVER"
    with pytest.raises(AssertionError, match=r"NEVER is for run_workflow\(activities=...\)"):
        NEVER()


def test_a_fake_may_be_asked_for_its_attempt_and_let_time_pass():
    clock = VirtualClock(start=50)

    def slow(receipt):
        clock.advance(59)
        return f"shipped {receipt} at {clock.now()}"

    finished = run_workflow(Order, 5, activities={charge: 1, ship: slow}, clock=clock)
    assert finished.result == "shipped 1 at 109"
    assert finished.duration == 59


def test_a_fake_that_takes_too_long_times_out():
    clock = VirtualClock()
    fakes = {charge: 1, ship: lambda _: clock.advance(61)}
    assert run_workflow(Order, 5, activities=fakes, clock=clock).reason.startswith("TaskTimedOut")


DAILY = Retry(attempts=99, initial_delay=86_400, factor=1, maximum_delay=86_400)


@activity.with_attributes(name="flaky", retry=DAILY)
def flaky():
    if activity.context().attempt < 31:
        raise OSError("busy")
    return activity.context().attempt


class Patient(Workflow):
    def run(self):
        self.sleep(30 * 86_400)
        return self.submit(flaky).result


def test_sixty_days_are_nothing():
    finished = run_workflow(Patient)
    assert finished.result == 31
    assert finished.duration == 60 * 86_400


def test_the_history_and_the_notices_can_be_looked_at():
    class Leaves(Workflow):
        def run(self):
            self.submit(ship, 1)
            return 1

    finished = run_workflow(Leaves)
    assert finished.history.events[0].event_type == "WorkflowExecutionStarted"
    assert finished.notices == (
        "run() returned before activity-shop.ship-1 finished: what it does not wait for is dropped",
    )


# --- what is wrong with a test ------------------------------------------------------------


def test_a_misspelt_fake_is_told():
    with pytest.raises(
        UsageError, match=r"nothing called shop.shipp was submitted.*what ran for real: shop.ship"
    ):
        run_workflow(Order, 5, activities={charge: 1, "shop.shipp": 2})


def test_a_fake_that_is_not_needed_does_no_harm_where_nothing_is_real():
    assert run_workflow(Order, 5, activities={charge: 1, ship: "x", "other": 2}).result == "x"


def test_a_fake_that_this_path_does_not_come_to_does_no_harm():
    class Refunds(Workflow):
        def run(self, back):
            if back:
                self.submit(charge, -1).result  # noqa: B018
            return self.submit(ship, 1).result

    assert run_workflow(Refunds, False, activities={charge: 1}).result == "shipped 1"


def test_a_fake_of_what_was_submitted_and_never_started_is_no_mistake():
    class Waits(Workflow):
        def run(self):
            self.submit(charge, self.submit(self.start_timer("t", 100)))
            return self.submit(ship, 1).result

    assert run_workflow(Waits, activities={"shop.charge": 1}).result == "shipped 1"


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        (
            (),
            {},
            "Order.run.* does not take these arguments: missing a required argument: 'amount'",
        ),
        ((1, 2, 3), {}, "too many positional arguments"),
        ((1,), {"fast": True}, "unexpected keyword argument 'fast'"),
    ],
)
def test_arguments_that_run_does_not_take(args, kwargs, message):
    with pytest.raises(TypeError, match=message):
        run_workflow(Order, *args, **kwargs)


def test_arguments_that_cannot_be_encoded():
    with pytest.raises(PayloadError, match="object"):
        run_workflow(Order, object())


def test_arguments_are_passed_on():
    assert run_workflow(Order, 5, express=True, activities={charge: 1}).result == "shipped 1!"


class ReadsTheTime(Workflow):
    def run(self):
        return self.submit(ship, time.perf_counter_ns()).result


class ReadsChance(Workflow):
    def run(self):
        order = list(range(50))
        random.shuffle(order)
        return [self.submit(ship, n).result for n in order[:3]]


class Remembers(Workflow):
    calls = 0

    def run(self):
        type(self).calls += 1
        if self.calls > 1:
            self.sleep(1)
        return self.submit(ship, 1).result


class Returns(Workflow):
    def run(self):
        return time.perf_counter_ns()


@pytest.mark.parametrize("definition", [ReadsTheTime, ReadsChance, Remembers, Returns])
def test_what_is_not_in_history_is_noticed(definition):
    with pytest.raises(NonDeterminism, match=r"use self\.now\(\)"):
        run_workflow(definition)


def test_the_check_can_be_left_out():
    assert run_workflow(ReadsTheTime, check_replay=False).status == "COMPLETED"


def test_what_a_workflow_prints_it_prints_once(capsys):
    class Prints(Workflow):
        def run(self):
            print("before")  # noqa: T201
            self.submit(ship, 1).result  # noqa: B018
            print("after")  # noqa: T201

    run_workflow(Prints)
    assert capsys.readouterr().out == "before\nafter\n"


def test_what_a_workflow_writes_to_stderr_it_writes_once(capsys):
    import sys  # noqa: PLC0415

    class Prints(Workflow):
        def run(self):
            print("before", file=sys.stderr)  # noqa: T201

    run_workflow(Prints)
    assert capsys.readouterr().err == "before\n"


def test_a_workflow_that_is_stuck_says_what_it_waits_for():
    class Stuck(Workflow):
        def run(self):
            mine = type(self.submit(ship, 1))(self._host, "something of mine")
            return mine.result

    finished = run_workflow(Stuck)
    assert finished.status == "TERMINATED"
    assert "stuck: run() waits for something of mine" in finished.reason
    with pytest.raises(WorkflowFailed, match="TERMINATED: stuck"):
        finished.result  # noqa: B018


# --- order --------------------------------------------------------------------------------


class Races(Workflow):
    def run(self):
        order = []
        tasks = self.map(ship, range(6))
        for task in tasks:
            task.add_done_callback(lambda f: order.append(tasks.index(f)))
        for task in tasks:
            task.result  # noqa: B018
        return order


def test_without_a_seed_activities_end_in_the_order_they_began():
    assert run_workflow(Races).result == list(range(6))


def test_a_seed_shuffles_and_repeats():
    orders = {tuple(run_workflow(Races, seed=seed).result) for seed in range(20)}
    assert len(orders) > 10
    assert run_workflow(Races, seed=3).result == run_workflow(Races, seed=3).result


# --- the clock, the fixture ---------------------------------------------------------------


def test_the_clock():
    clock = VirtualClock()
    start = clock.now()
    clock.advance(1.5)
    assert clock.now() - start == 1.5
    with pytest.raises(ValueError, match="time does not go back"):
        clock.advance(-1)


def test_the_fixture_runs_on_one_clock(request):
    run = request.getfixturevalue("run_workflow")

    class Asks(Workflow):
        def run(self):
            self.sleep(10)
            return self.now().timestamp()

    first, second = run(Asks).result, run(Asks).result
    assert second - first == 10
    assert run(Asks, clock=VirtualClock(start=5)).result == 15


def test_failures_of_activities_are_the_workflows_to_handle():
    class Handles(Workflow):
        def run(self):
            try:
                return self.submit(charge, 1).result
            except TaskFailed as error:
                return error.error_type

    assert run_workflow(Handles, activities={charge: KeyError("k")}).result == "KeyError"
