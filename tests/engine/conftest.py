import pytest
from one_domain import OneDomain
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


@pytest.fixture
def domains():
    """Makes domains. At the end the state of each execution must follow from its history."""
    made = []

    def make(**options):
        made.append(OneDomain(**options))
        return made[-1]

    yield make
    for domain in made:
        for run_id, execution in domain.executions.items():
            assert dump(domain.folded(run_id)) == dump(execution)


@pytest.fixture
def domain(domains):
    """A domain without limits of its own, in which every type exists, without defaults."""
    return domains()
