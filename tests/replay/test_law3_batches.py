"""Law 3: a cold replay sees its history in the batches that the original deciders saw."""

import pytest
from replaying import add, ask, decide, double, fails, new_run

from dataflow import Workflow, futures
from dataflow.errors import NonDeterminism
from dataflow.protocol import events as ev
from dataflow.testing import HistoryBuilder


class Peeks(Workflow):
    """What it does next depends on whether the second is done when the first is."""

    def run(self):
        first, second = self.submit(add, 1), self.submit(add, 2)
        first.result  # noqa: B018
        next_ = double if second.done else fails
        return self.submit(next_, 0).exception is None


def both_scheduled():
    return (
        HistoryBuilder(Peeks)
        .decided()
        .scheduled("activity-add-1", add, 1)
        .scheduled("activity-add-2", add, 2)
        .completed("activity-add-1")
    )


BOTH, ONE = "schedule activity-double-1", "schedule activity-fails-1"


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        (both_scheduled().deciding(), ONE),
        (both_scheduled().completed("activity-add-2").deciding(), BOTH),
        # A decider took the task and was never heard of again: what it saw decided nothing.
        (both_scheduled().deciding().decision_timed_out().deciding(), ONE),
        (
            both_scheduled().deciding().decision_timed_out().completed("activity-add-2").deciding(),
            BOTH,
        ),
        (
            both_scheduled().deciding().completed("activity-add-2").decision_timed_out().deciding(),
            BOTH,
        ),
        # No decider ever took it.
        (
            both_scheduled()
            .add(
                ev.DecisionTaskTimedOut(
                    timeout_type="SCHEDULE_TO_START", scheduled_event_id=9, started_event_id=0
                )
            )
            .completed("activity-add-2")
            .deciding(),
            BOTH,
        ),
    ],
)
def test_a_batch_ends_where_a_decision_was_made(history, expected):
    assert ask(Peeks, history) == [expected]


def test_a_first_decision_that_timed_out_decided_nothing():
    history = HistoryBuilder(Peeks).deciding().decision_timed_out().deciding()
    assert ask(Peeks, history) == ["schedule activity-add-1", "schedule activity-add-2"]


def test_what_arrives_while_a_decider_thinks_belongs_to_the_next_batch():
    history = both_scheduled().deciding().completed("activity-add-2").answered()
    history.scheduled("activity-fails-1", fails, 0).deciding()
    assert ask(Peeks, history) == []
    history.answered().completed("activity-fails-1").deciding()
    assert ask(Peeks, history) == ["complete true"]


def test_code_cannot_have_seen_what_arrived_while_it_was_thinking():
    history = both_scheduled().deciding().completed("activity-add-2").answered()
    history.scheduled("activity-double-1", double, 0).deciding()
    assert isinstance(decide(Peeks, history).problem, NonDeterminism)


def test_what_was_done_at_the_time_is_done_again():
    seen = []

    class Watches(Workflow):
        def run(self):
            tasks = [self.submit(add, n) for n in (1, 2, 3)]
            for _ in tasks:
                futures.wait(*(t for t in tasks if not t.done), return_when="FIRST_COMPLETED")
                seen.append([t.state.value[0] for t in tasks])

    history = HistoryBuilder(Watches).decided()
    for n in (1, 2, 3):
        history.scheduled(f"activity-add-{n}", add, n)
    history.completed("activity-add-3").decided()
    history.completed("activity-add-1").completed("activity-add-2").deciding()
    new_run(Watches).advance(history.events)
    assert seen == [["R", "R", "F"], ["F", "F", "F"], ["F", "F", "F"]]


class Races(Workflow):
    def run(self):
        tasks = [self.submit(add, n) for n in (1, 2, 3)]
        first = futures.wait(*tasks, return_when=futures.FIRST_COMPLETED).done[0]
        order = [tasks.index(f) + 1 for f in futures.as_completed(*tasks)]
        return [tasks.index(first) + 1, order]


@pytest.mark.parametrize("order", [[1, 2, 3], [3, 2, 1], [2, 3, 1]])
@pytest.mark.parametrize("decided_after", [0, 1, 2])
def test_races_are_settled_by_history(order, decided_after):
    history = HistoryBuilder(Races).decided()
    for n in (1, 2, 3):
        history.scheduled(f"activity-add-{n}", add, n)
    for position, n in enumerate(order):
        history.completed(f"activity-add-{n}")
        if position < decided_after:
            history.decided()
    assert ask(Races, history.deciding()) == [f"complete {[order[0], order]}".replace(", ", ",")]
