import pytest

from dataflow import Workflow, activity
from dataflow.protocol.limits import Limits
from dataflow.replay.run import Run
from dataflow.testing import simulate
from dataflow.testing.simulation import SimulationError


@activity.with_attributes(name="add", retry=1000)
def add(*numbers):
    return sum(numbers)


@activity.with_attributes(name="beats", retry=1000)
def beats():
    activity.heartbeat("alive")
    return activity.context().domain


class Sums(Workflow):
    def run(self, n):
        return sum(task.result for task in self.map(add, range(n)))


@pytest.mark.parametrize("seed", range(10))
def test_a_simulation_ends_as_plain_python_does(seed):
    simulated = simulate(Sums, 12, seed=seed, trouble=0.3)
    assert (simulated.status, simulated.result, simulated.reason) == ("COMPLETED", 66, None)


def test_without_trouble_nothing_is_disturbed():
    simulated = simulate(Sums, 3, seed=1, trouble=0)
    assert simulated.disturbed == 0
    assert simulated.incremental > 0


def test_failures_are_results_too():
    class Fails(Workflow):
        def run(self):
            raise ValueError("bad")

    simulated = simulate(Fails, seed=1)
    assert (simulated.status, simulated.reason) == ("FAILED", "ValueError: bad")


def test_activities_may_beat():
    class Beats(Workflow):
        def run(self):
            return self.submit(beats).result

    assert simulate(Beats, seed=2).result == "simulation"


def test_limits_are_kept():
    simulated = simulate(Sums, 30, seed=1, limits=Limits(decisions=3, open_activities=4))
    assert simulated.result == sum(range(30))
    wake_ups = [e for e in simulated.history if e.event_type == "TimerStarted"]
    assert wake_ups


class Forgets(Run):
    """Decides nothing when it is replayed."""

    def _decide(self, time):
        return super()._decide(time)[:-1]


class Differs(Run):
    """Decides something else the second time."""

    made = 0

    def _decide(self, time):
        type(self).made += 1
        decisions = super()._decide(time)
        return decisions if self.made % 3 else []


@pytest.mark.parametrize("make_run", [Forgets, Differs])
def test_a_broken_replay_is_noticed_with_its_seed(make_run):
    with pytest.raises(SimulationError, match="seed 5, after event"):
        simulate(Sums, 3, seed=5, make_run=make_run)
