import pytest
from working import Site

from dataflow.engine import Engine


@pytest.fixture(params=["waits", "is called back"])
def site(request):
    """Its workers wait for their answers to be taken, or are called back."""
    with Engine(":memory:") as engine:
        yield Site(engine, direct=request.param == "is called back")
