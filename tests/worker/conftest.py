import pytest
from working import Site

from dataflow.engine import Engine


@pytest.fixture
def site():
    with Engine(":memory:") as engine:
        yield Site(engine)
