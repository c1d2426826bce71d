"""The engines under test; what tests do with them is told in ``conforming.py``."""

from contextlib import closing
from typing import Any, NamedTuple

import pytest
from conforming import ENGINES, Checked, World
from serving import Wire, served

from dataflow.engine import Engine
from dataflow.engine.service import EngineService
from dataflow.testing import VirtualClock

MARKS = (
    "needs_clock: turns the clock: not on the server, which keeps the time of the machine",
    "engine_options(**options): runs on an Engine that is made with these options",
    "polls_wait: a poll that finds no task waits for one",
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
    with closing(server.boto3_client()) as client:
        yield client


@pytest.fixture
def wire(server):
    """Sends the server what no client would."""
    with closing(Wire(server)) as wire:
        yield wire


@pytest.fixture
def clock(engine_name):
    """The engine's clock; None where it is the machine's."""
    return None if engine_name == "http" else VirtualClock()


class UnderTest(NamedTuple):
    """An engine, and the client as its users hold it."""

    service: EngineService
    client: Any


@pytest.fixture
def under_test(engine_name, clock, tmp_path, request):
    waits = any(request.node.iter_markers("polls_wait"))
    if engine_name != "http":
        options = {"clock": clock, "poll_seconds": 60 if waits else 0}
        for mark in request.node.iter_markers("engine_options"):
            options |= mark.kwargs
        path = ":memory:" if engine_name == "memory" else tmp_path / "engine.db"
        with closing(Engine(path, **options)) as engine:
            yield UnderTest(engine._service, engine)
    elif waits:
        with served(tmp_path, poll_seconds=60) as it, closing(it.boto3_client()) as client:
            yield UnderTest(it.service, client)
    else:
        service = request.getfixturevalue("server").service
        yield UnderTest(service, request.getfixturevalue("boto3_client"))


@pytest.fixture
def service(under_test):
    """What is behind the client, where a test has to look."""
    return under_test.service


@pytest.fixture
def swf(under_test):
    return Checked(under_test.client)


@pytest.fixture
def world(swf, clock):
    return World(swf, clock)
