import pytest
from fake_service import FakeService
from running_server import Client, running


@pytest.fixture
def service():
    return FakeService()


@pytest.fixture
def server(service, tmp_path):
    with running(service, tmp_path / "engine.sock") as server:
        yield server


@pytest.fixture
def connect(server):
    """Make a connection to the server, which ends with the test."""
    clients = []

    def connect():
        clients.append(Client(server.path))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def client(connect):
    return connect()
