"""Law 7: time, chance and names come from history, so they are the same in every replay."""

import random
import uuid
from datetime import UTC, datetime

import pytest
from replaying import add, batches, new_run

from dataflow import Workflow
from dataflow.errors import NotInWorkflow
from dataflow.protocol import events as ev
from dataflow.protocol.values import TaskList, WorkflowExecution, WorkflowType
from dataflow.testing import HistoryBuilder, run_workflow


class Reads(Workflow):
    version = "3"

    def run(self, seen=None):
        seen = self.seen = []
        for n in range(3):
            seen.append((self.now(), self.random.random(), self.uuid()))
            self.submit(add, n).result  # noqa: B018
            seen.append((self.now(), self.random.random(), self.uuid()))


def history():
    made = HistoryBuilder(Reads).deciding()
    for n in (1, 2):
        made.answered().scheduled(f"activity-add-{n}", add, n - 1)
        made.completed(f"activity-add-{n}").deciding()
    return made


def read(batches_of_events, **options):
    run = new_run(Reads, **options)
    for batch in batches_of_events:
        assert run.advance(batch).problem is None
    seen = run._workflow.seen
    run.drop()
    return seen


def test_cold_and_incremental_replay_read_the_same():
    cold = read([history().events])
    assert len(cold) == 5
    assert read(batches(history().events)) == cold
    assert read([history().events]) == cold


def test_now_is_the_time_of_the_decision():
    starts = [
        datetime.fromtimestamp(event.timestamp, UTC)
        for event in history().events
        if event.event_type == "DecisionTaskStarted"
    ]
    first, second, third = starts
    assert [now for now, _, _ in read([history().events])] == [first, second, second, third, third]


def test_a_decision_that_timed_out_has_no_time():
    made = HistoryBuilder(Reads).deciding().decision_timed_out().deciding()
    [(now, _, _)] = read([made.events])
    assert now.timestamp() == made.events[-1].timestamp


def test_numbers_and_uuids_are_the_runs_own():
    one, other = read([history().events]), read([history().events], run_id="another")
    numbers = [[number for _, number, _ in seen] for seen in (one, other)]
    uuids = [[uuid for _, _, uuid in seen] for seen in (one, other)]
    assert numbers[0] != numbers[1]
    generator = random.Random("run")  # noqa: S311
    assert numbers[0] == [generator.random() for _ in range(5)]
    assert len({*uuids[0], *uuids[1]}) == 10
    assert {made.version for made in uuids[0]} == {4}


def test_the_sequence_of_numbers_goes_on():
    class Draws(Workflow):
        def run(self):
            return [self.random.random(), self.random.choice("abc"), str(self.uuid())]

    assert run_workflow(Draws).result == run_workflow(Draws).result
    assert run_workflow(Draws).result != run_workflow(Draws, run_id="other").result
    assert uuid.UUID(run_workflow(Draws).result[2])


def test_the_run_context():
    class Asks(Workflow):
        name = "asks"
        version = "3"
        tag_list = ("a", "b")

        def run(self):
            return self.get_run_context()

    assert run_workflow(Asks, workflow_id="w", run_id="r").result == {
        "name": "asks",
        "version": "3",
        "domain_name": "local",
        "workflow_id": "w",
        "run_id": "r",
        "tag_list": ["a", "b"],
        "continued_execution_run_id": None,
        "parent_workflow_id": None,
        "parent_run_id": None,
    }


def test_the_run_context_of_a_child_that_was_continued():
    made = HistoryBuilder(Reads)
    made.events.clear()
    made.add(
        ev.WorkflowExecutionStarted(
            child_policy="TERMINATE",
            task_list=TaskList("default"),
            workflow_type=WorkflowType("reads", "3"),
            continued_execution_run_id="before",
            parent_workflow_execution=WorkflowExecution("parent", "parent-run"),
        )
    )
    run = new_run(Reads)
    assert run.run_context()["tag_list"] == []
    run.advance(made.deciding().events)
    context = run.run_context()
    assert context["domain_name"] == "domain"
    assert context["continued_execution_run_id"] == "before"
    assert (context["parent_workflow_id"], context["parent_run_id"]) == ("parent", "parent-run")
    assert context["name"].endswith(".Reads")


@pytest.mark.parametrize(
    "read",
    [
        lambda w: w.now(),
        lambda w: w.random,
        lambda w: w.uuid(),
        lambda w: w.get_run_context(),
        lambda w: w.sleep(1),
        lambda w: w.fail("x"),
        lambda w: w.submit(add, 1),
    ],
)
def test_outside_of_a_run_there_is_none_of_it(read):
    with pytest.raises(NotInWorkflow, match="this Reads is not being run"):
        read(Reads())
