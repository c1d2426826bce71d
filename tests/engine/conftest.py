import pytest
from one_execution import OneExecution, dump


@pytest.fixture
def fresh():
    """An execution that has not started. At the end its state must follow from its history."""
    execution = OneExecution()
    yield execution
    assert dump(execution.folded()) == dump(execution.state)


@pytest.fixture
def run(fresh):
    """An execution that has started, with the events 1 and 2; nobody has its decision task."""
    fresh.start()
    return fresh
