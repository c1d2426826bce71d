"""The engines under test; what tests do with them is told in ``conforming.py``."""

import pytest
from conforming import ENGINES, Checked, World
from serving import Wire, served

from dataflow.engine import Engine
from dataflow.testing import VirtualClock

MARKS = (
    "needs_clock: turns the clock: not on the server, which keeps the time of the machine",
    "engine_options(**options): runs on an Engine that is made with these options",
    "over_http: talks to the server as no client would",
)


def pytest_configure(config):
    for mark in MARKS:
        config.addinivalue_line("markers", mark)


def pytest_generate_tests(metafunc):
    if "engine_name" not in metafunc.fixturenames:
        return
    engines = ENGINES
    if any(metafunc.definition.iter_markers("over_http")):
        engines = ("http",)
    for mark in ("needs_clock", "engine_options"):
        if any(metafunc.definition.iter_markers(mark)):
            engines = ("memory", "sqlite")
    metafunc.parametrize("engine_name", engines)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """The one server of all tests: each has a domain of its own there."""
    with served(tmp_path_factory.mktemp("home")) as address:
        yield address


@pytest.fixture(scope="session")
def boto3_client(server):
    client = server.boto3_client()
    yield client
    client.close()


@pytest.fixture
def wire(server):
    """Sends the server what no client would."""
    wire = Wire(server)
    yield wire
    wire.close()


@pytest.fixture
def clock(engine_name):
    """The engine's clock; None where it is the machine's."""
    return None if engine_name == "http" else VirtualClock()


@pytest.fixture
def client(engine_name, clock, tmp_path, request):
    """The client as its users hold it."""
    if engine_name == "http":
        yield request.getfixturevalue("boto3_client")
        return
    options = {"clock": clock, "poll_seconds": 0}
    for mark in request.node.iter_markers("engine_options"):
        options |= mark.kwargs
    path = ":memory:" if engine_name == "memory" else tmp_path / "engine.db"
    engine = Engine(path, **options)
    yield engine
    engine.close()


@pytest.fixture
def swf(client):
    return Checked(client)


@pytest.fixture
def world(swf, clock):
    return World(swf, clock)
