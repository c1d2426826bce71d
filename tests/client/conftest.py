import os
import shutil
import subprocess
from contextlib import ExitStack, closing

import pytest
from scripted_server import ScriptedServer
from served_engine import furnish, served

from dataflow.client.http import HttpService


@pytest.fixture(autouse=True)
def _no_aws(monkeypatch, tmp_path):
    """Whatever the user's AWS settings are, and those of a machine at Amazon."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "SWF_", "DATAFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def server(home):
    with served(home) as server:
        yield server


@pytest.fixture
def slept():
    """The pauses between attempts, which nobody waits for."""
    return []


@pytest.fixture
def client(server, slept):
    """By the Unix socket, to a server with a domain."""
    with closing(HttpService(server.unix, sleep=slept.append)) as client:
        furnish(client)
        yield client


@pytest.fixture
def scripted(tmp_path, slept):
    """Make a scripted server and a client to it."""
    with ExitStack() as stack:

        def scripted(*acts, **options):
            server = ScriptedServer(tmp_path / "scripted.sock", *acts)
            stack.callback(server.close)
            service = HttpService(server.url, sleep=slept.append, **options)
            stack.callback(service.close)
            return server, service

        yield scripted


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A certificate for localhost, and its key, which nobody has signed but itself."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    directory = tmp_path_factory.mktemp("tls")
    cert, key = directory / "cert.pem", directory / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *named, *files], check=True, capture_output=True)
    return str(cert), str(key)


@pytest.fixture
def moto(monkeypatch):
    """A stand-in for Amazon SWF, which boto3 takes for it; its URL."""
    # A second, for few tests.
    from moto.moto_api._internal import moto_api_backend  # noqa: PLC0415
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    url = f"http://{host}:{port}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SWF", url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    yield url
    server.stop()
    moto_api_backend.reset()
