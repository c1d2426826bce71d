import pytest
from hypothesis import HealthCheck, settings
from one_execution import OneExecution, dump

# A busy machine must not fail a test.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


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
