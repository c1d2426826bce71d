"""Histories that were recorded once are replayed for ever, with the examples as they are today."""

import json
from pathlib import Path

import pytest
from recording import HERE, ROOT, command

from dataflow.errors import NonDeterminism
from dataflow.inspection import exported
from dataflow.inspection.tasks import tasks
from dataflow.process import loading
from dataflow.process.rehearsing import rehearse
from dataflow.protocol import events as ev

EXAMPLES = sorted(path.stem for path in ROOT.glob("examples/[a-z]*.py"))
GOLDEN = sorted(HERE.glob("*.json"))


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    monkeypatch.chdir(ROOT)


def definition(name):
    workflow, _ = command(Path(f"examples/{name}.py"))
    return loading.find(workflow)


def test_every_example_has_a_history():
    assert [path.stem for path in GOLDEN] == EXAMPLES


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_code_fits(path):
    history = exported.read(path.read_text())
    found = rehearse(history, definition(path.stem))
    assert found.problem is None
    assert found.events == len(history.events)
    assert found.decisions >= 1


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_the_code_fits_while_the_execution_is_open(path):
    """As it would have been exported at any decision task; what comes of one is written at once."""
    history = exported.read(path.read_text())
    for event in history.events:
        if isinstance(event.attributes, ev.DecisionTaskScheduled | ev.DecisionTaskStarted):
            part = exported.Exported(
                events=history.events[: event.event_id], workflow_id="w", run_id=history.run_id
            )
            assert rehearse(part, definition(path.stem)).problem is None


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
@pytest.mark.parametrize("task", ["first", "last"])
def test_a_changed_input_is_noticed(path, task):
    text = path.read_text()
    scheduled = [
        one for one in tasks(exported.read(text).events) if one.kind == "activity" and one.input
    ]
    changed = scheduled[0 if task == "first" else -1]
    whole = json.loads(text)
    event = whole["events"][changed.first.scheduled_event_id - 1]
    event["activityTaskScheduledEventAttributes"]["input"] = '{"args":["?"],"kwargs":{}}'
    found = rehearse(exported.read(json.dumps(whole)), definition(path.stem))
    assert isinstance(found.problem, NonDeterminism)
    assert found.problem.event_id == event["eventId"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_another_end_is_noticed(path):
    whole = json.loads(path.read_text())
    last = whole["events"][-1]
    if last["eventType"] == "WorkflowExecutionCompleted":
        last["workflowExecutionCompletedEventAttributes"]["result"] = '"another"'
    else:
        last["workflowExecutionFailedEventAttributes"]["reason"] = "another"
    found = rehearse(exported.read(json.dumps(whole)), definition(path.stem))
    assert isinstance(found.problem, NonDeterminism)
    assert found.problem.event_id == last["eventId"]
    assert "another" in found.problem.history


def test_nothing_tells_of_the_machine():
    for path in GOLDEN:
        text = path.read_text()
        assert str(ROOT) not in text
        assert "/home/" not in text
