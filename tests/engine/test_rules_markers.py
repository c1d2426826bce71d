"""Markers."""

import pytest
from one_execution import kinds

from dataflow.protocol import events as ev
from dataflow.protocol.decisions import CompleteWorkflowExecution, RecordMarker


@pytest.mark.parametrize("details", [None, "", "d"])
def test_a_marker_is_recorded(run, details):
    """RecordMarker - Records a MarkerRecorded event in the history. Markers can be used for adding
    custom information in the history for instance to let deciders know that they don't need to look
    at the history beyond the marker event. (Decision)"""
    assert run.decide(RecordMarker("m", details))[1:] == [
        ev.MarkerRecorded(marker_name="m", decision_task_completed_event_id=4, details=details)
    ]
    assert run.wait(90_000) == []


def test_a_marker_may_be_recorded_twice_and_with_a_close(run):
    """The name of the marker. (RecordMarkerDecisionAttributes: it need not be unique)"""
    written = run.decide(RecordMarker("m"), RecordMarker("m"), CompleteWorkflowExecution())
    assert kinds(written)[1:] == ["MarkerRecorded"] * 2 + ["WorkflowExecutionCompleted"]
