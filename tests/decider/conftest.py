import pytest
from decider_world import World

from dataflow.engine import Engine
from dataflow.testing import VirtualClock


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def world(clock):
    """Polls do not wait, and time does not pass by itself."""
    with Engine(":memory:", clock=clock, poll_seconds=0) as engine:
        yield World(engine)
