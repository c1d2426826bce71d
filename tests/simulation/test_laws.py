"""The laws of replay, over generated workflows and schedules."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from programs import STUBBORN, Interpreter, add, cancelling, double, plainly, programs

from dataflow import Group, Workflow, activity, futures
from dataflow.protocol.limits import LOCAL_LIMITS, Limits
from dataflow.replay.activities import Activities
from dataflow.replay.run import Run
from dataflow.testing import MemoryFields, run_workflow, simulate
from dataflow.testing.simulation import SimulationError

#: So small that programs meet them all the time.
TIGHT = Limits(decisions=3, open_activities=2, data_length=None, history_events=None)

thorough = settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@thorough
@given(programs, st.integers(0, 2**32))
def test_incremental_and_cold_replay_decide_the_same(program, seed):
    # simulate() compares every decision of a suspended run with a cold replay of its history.
    simulated = simulate(Interpreter, program, seed=seed, trouble=0.3)
    assert simulated.status == "COMPLETED"
    assert simulated.result == plainly(program)


@thorough
@given(programs, st.integers(0, 2**32))
def test_under_tight_limits_too(program, seed):
    simulated = simulate(Interpreter, program, seed=seed, trouble=0.3, limits=TIGHT)
    assert simulated.result == plainly(program)


#: Everything but digits is stored.
TINY_FIELDS = Limits(decisions=3, open_activities=2, data_length=1, history_events=None)

stores = st.builds(
    MemoryFields,
    coded=st.booleans(),
    trouble=st.sampled_from([0, 0.02, 0.1]),
    seed=st.integers(0, 2**16),
)


@thorough
@given(programs, st.integers(0, 2**32), stores)
def test_with_fields_in_a_store_that_fails_at_times(program, seed, fields):
    simulated = simulate(
        Interpreter, program, seed=seed, trouble=0.3, limits=TINY_FIELDS, fields=fields
    )
    assert simulated.status == "COMPLETED"
    assert simulated.result == plainly(program)


@thorough
@given(cancelling, st.integers(0, 2**32), stores)
def test_cancelling_with_fields_in_a_store(program, seed, fields):
    options = {"seed": seed, "trouble": 0.3, "limits": TINY_FIELDS, "fields": fields}
    assert simulate(Interpreter, program, **options).history


@thorough
@given(cancelling, st.integers(0, 2**32), st.booleans())
def test_cancelling_is_replayed_exactly(program, seed, tight):
    limits = TIGHT if tight else LOCAL_LIMITS
    assert simulate(Interpreter, program, seed=seed, trouble=0.3, limits=limits).history


@thorough
@given(programs, st.lists(st.integers(0, 2**32), min_size=2, max_size=4, unique=True))
def test_the_order_of_completions_makes_no_difference(program, seeds):
    results = [run_workflow(Interpreter, program, seed=seed).result for seed in seeds]
    assert results == [plainly(program)] * len(seeds)


# --- a race, whose outcome is history's and nobody else's --------------------------


class Race(Workflow):
    """Everything it returns depends on the order of completions."""

    def run(self, n):
        fs = [self.submit(add, i, i) for i in range(n)]
        seen = [[f.done for f in fs]]
        first = futures.wait(*fs, return_when=futures.FIRST_COMPLETED).done[0]
        seen.append([f.done for f in fs])
        winner = self.submit(double, first)
        order = [fs.index(f) for f in futures.as_completed(*fs)]
        seen.append([self.random.random() < 0.5, str(self.uuid()), self.now().isoformat()])
        return [seen, fs.index(first), order, winner.result]


@pytest.mark.parametrize("seed", range(150))
def test_races_are_decided_by_history(seed):
    simulated = simulate(Race, 6, seed=seed, trouble=0.4)
    assert simulated.status == "COMPLETED", simulated.reason
    assert simulated.result[2][0] == simulated.result[1]


def test_races_end_in_different_ways():
    # Or the test above could not fail.
    assert len({simulate(Race, 6, seed=seed).result[1] for seed in range(40)}) > 3


def test_the_same_seed_does_the_same():
    histories = [simulate(Race, 6, seed=7, trouble=0.4).history for _ in range(2)]
    assert histories[0] == histories[1]


# --- long fields ---------------------------------------------------------------------


class Passing(Workflow):
    """Reads one result, and passes on all."""

    def run(self, n):
        fs = [self.submit(listed, i) for i in range(n)]
        total = self.submit(add, fs, self.submit(Group(*[(listed, f) for f in fs])))
        return [total.result, fs[0].result]


@activity.with_attributes(retry=STUBBORN)
def listed(n):
    return [n] * 60


def test_most_of_what_is_stored_is_never_fetched_by_deciders():
    fields = MemoryFields()
    limits = Limits(data_length=90, history_events=None)
    simulated = simulate(Passing, 6, seed=5, trouble=0, limits=limits, fields=fields)
    assert simulated.result[1] == [0] * 60
    results = [
        event.attributes.result
        for event in simulated.history
        if event.event_type == "ActivityTaskCompleted"
    ]
    passed_on = {text for text in results if text.startswith("dataflow+memory://")}
    assert len(passed_on) == 2 * 6
    read = [reference for reference in fields.fetched if reference in passed_on]
    # By the activities: each result by `add`, and by the one that makes another of it. By deciders:
    # what run() reads; and again in the replays that check its decision, and the whole history.
    assert len(read) == 2 * 6 + 6 + 3


def test_decisions_are_put_off_while_the_store_is_away():
    fields = MemoryFields(trouble=0.3, seed=1)
    simulated = simulate(Race, 4, seed=3, trouble=0.2, limits=TINY_FIELDS, fields=fields)
    assert simulated.status == "COMPLETED"
    assert any(
        event.attributes.timer_id.startswith("dataflow-postponed")
        for event in simulated.history
        if event.event_type == "TimerStarted"
    )


def test_notices_references_that_are_read_too_early():
    class Eager(Run):
        """Lets user code see that the store was away."""

        def _read(self, text, *, unseen=None):
            return self._fields.read(text)

    fields = MemoryFields(trouble=0.2)
    assert _some_seed_notices(
        Tolerant, 4, make_run=Eager, limits=Limits(data_length=1), fields=fields
    )
    assert not _some_seed_notices(Tolerant, 4, limits=Limits(data_length=1), fields=fields)


class Tolerant(Workflow):
    """Catches whatever it may."""

    def run(self, n):
        read = []
        for future in [self.submit(listed, i) for i in range(n)]:
            try:
                read.append(future.result)
            except Exception:  # noqa: BLE001 - as users do
                read.append(self.submit(listed, -1).result)
        return read


# --- planted bugs: the oracle must notice -------------------------------------------


class Wide(Workflow):
    def run(self):
        fs = [self.submit(add, self.submit(double, i), i) for i in range(5)]
        return [f.result for f in fs]


def _some_seed_notices(definition, *args, **kwargs):
    for seed in range(60):
        try:
            simulate(definition, *args, seed=seed, trouble=0.4, **kwargs)
        except SimulationError:
            return True
    return False


def test_notices_nothing_where_nothing_is_wrong():
    assert not _some_seed_notices(Wide)


def test_notices_ids_given_when_a_task_becomes_ready(monkeypatch):
    """The ancestor's worst bug: one future got the result of another."""
    inputs_arrived = Activities._inputs_arrived

    def late(self, call):
        call.task_id = self._next_id(f"late-{call.activity.name}")
        inputs_arrived(self, call)

    monkeypatch.setattr(Activities, "_inputs_arrived", late)
    results = [simulate(Wide, seed=seed).history for seed in range(20)]
    inputs = [
        {e.attributes.activity_id: e.attributes.input for e in history if _is_late(e)}
        for history in results
    ]
    assert len({str(sorted(i.items())) for i in inputs}) > 1, "ids depend on the order of events"


def _is_late(event):
    return getattr(event.attributes, "activity_id", "").startswith("activity-late-") and (
        event.event_type == "ActivityTaskScheduled"
    )


def test_ids_do_not_depend_on_the_order_of_events():
    inputs = set()
    for seed in range(20):
        history = simulate(Wide, seed=seed).history
        scheduled = [e.attributes for e in history if e.event_type == "ActivityTaskScheduled"]
        first_attempts = {a.activity_id: a.input for a in reversed(scheduled)}
        inputs.add(str(sorted(first_attempts.items())))
    assert len(inputs) == 1


def test_notices_a_replay_that_does_not_feed_batches():
    class AllAtOnce(Run):
        """Shows run() every event before it decides anything."""

        def _decide(self, time):
            answered = self.history.last_event_id != getattr(self, "_whole", None)
            return [] if answered and self._replaying() else super()._decide(time)

        def _replaying(self):
            return self._whole is not None

        def advance(self, events):
            self._whole = events[-1].event_id if self.history.last_event_id == 0 else None
            return super().advance(events)

    assert _some_seed_notices(Race, 6, make_run=AllAtOnce)


def test_notices_chance_that_is_not_in_history():
    class Careless(Workflow):
        def run(self):
            order = [1, 2, 3, 4, 5]
            random.shuffle(order)  # not self.random
            return [self.submit(double, n).result for n in order]

    assert _some_seed_notices(Careless)


def test_notices_a_run_that_knows_more_than_history():
    class Trusting(Run):
        """Goes on although its answer was lost."""

        def _advance(self, events):
            self._answered = None
            return super()._advance(events)

    assert _some_seed_notices(Wide, make_run=Trusting)


def test_notices_an_execution_that_is_stuck():
    class Forgetful(Run):
        """Never asks for what did not fit into one answer."""

        def _decide(self, time):
            decisions = super()._decide(time)
            self._agenda._activities.clear()
            return decisions

    class ManyTasks(Workflow):
        def run(self):
            return len([f.result for f in self.map(double, range(10))])

    limits = Limits(decisions=3, open_activities=100)
    assert simulate(ManyTasks, seed=1, limits=limits).result == 10
    with pytest.raises(SimulationError):
        simulate(ManyTasks, seed=1, limits=limits, make_run=Forgetful)


# --- long programs ---------------------------------------------------------------------


@activity.with_attributes(retry=STUBBORN)
def nothing(n):
    return n


class Long(Workflow):
    def run(self, n):
        total = 0
        for i in range(n):
            total += self.submit(nothing, i).result
        return total


def test_a_long_chain_survives_trouble():
    simulated = simulate(Long, 150, seed=3, trouble=0.2)
    assert simulated.result == sum(range(150))
    assert simulated.disturbed
    assert simulated.incremental
