"""URLs of servers, and what is told where there is none."""

import os
import socket
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from served_engine import furnish, served

from dataflow.client import addresses
from dataflow.client.addresses import TcpAddress, UnixAddress, read_address
from dataflow.client.http import HttpService
from dataflow.client.outcomes import NoServer, Unsent
from dataflow.client.signing import Credentials as Key
from dataflow.engine.http.gates import SameUser
from dataflow.engine.http.sockets import tls_context
from dataflow.errors import UsageError


def a_key():
    return Key("A", "S")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://localhost:8250", TcpAddress("localhost", 8250, tls=False)),
        ("http://localhost:8250/", TcpAddress("localhost", 8250, tls=False)),
        ("http://10.0.0.1", TcpAddress("10.0.0.1", 80, tls=False)),
        ("https://Flows.Example", TcpAddress("flows.example", 443, tls=True)),
        ("https://[::1]:8250", TcpAddress("::1", 8250, tls=True)),
        ("unix:/run/engine.sock", UnixAddress(Path("/run/engine.sock"))),
        ("unix:///run/engine.sock", UnixAddress(Path("/run/engine.sock"))),
        ("unix:engine.sock", UnixAddress(Path.cwd() / "engine.sock")),
    ],
)
def test_urls(text, expected):
    assert read_address(text) == expected
    assert read_address(expected.url) == expected


def test_the_home_directory_in_a_path(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    assert read_address("unix:~/engine.sock").path == Path("/home/me/engine.sock")
    with pytest.raises(UsageError, match="there is no such home directory"):
        read_address("unix:~nobody-of-this-name/engine.sock")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("unix:", "names no socket"),
        ("http://", "is no URL of a server"),
        ("http://:80", "is no URL of a server"),
        ("ftp://localhost", "is no URL of a server"),
        ("http:localhost", "is no URL of a server"),
        ("http://localhost:0", "is no URL of a server"),
        ("http://localhost:x", "is no URL"),
        ("http://localhost:70000", "is no URL"),
        ("http://[::1", "is no URL"),
        ("http://bücher.example", "in ASCII"),
        ("http://localhost/swf", "without a path"),
        ("http://localhost?x=y", "without a path"),
        ("http://localhost#x", "without a path"),
        ("http://me:sesame@localhost", "a user and a password"),
    ],
)
def test_what_is_no_url(text, told):
    with pytest.raises(UsageError, match=told) as refused:
        read_address(text)
    assert "\n" not in str(refused.value)
    assert "sesame" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost",
        "http://localhost:443",
        "https://localhost",
        "https://localhost:80",
        "http://[::1]:8250",
    ],
)
def test_the_host_is_written_as_it_is_signed(url):
    request = AWSRequest("POST", f"{url}/", data=b"", headers={})
    auth = SigV4Auth(Credentials("A", "S"), "swf", "x")
    host = auth.headers_to_sign(request)["host"]
    assert read_address(url).host == host


# --- nobody there -------------------------------------------------------------------------


def refused(url, cls=NoServer):
    """Why there is no connection; told at once, without a second attempt."""
    with (
        closing(HttpService(url, key=a_key, sleep=pytest.fail)) as service,
        pytest.raises(cls) as why,
    ):
        service.reach()
    assert "\n" not in str(why.value)
    return str(why.value)


def test_no_socket(tmp_path):
    path = tmp_path / "no.sock"
    assert refused(f"unix:{path}") == f"there is no socket {path}"


def test_a_socket_that_a_dead_server_has_left(tmp_path):
    path = tmp_path / "dead.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    assert refused(f"unix:{path}") == f"nobody listens at {path}"


def test_a_path_that_is_too_long():
    path = f"/{'x' * 200}"
    assert refused(f"unix:{path}", UsageError) == f"cannot connect to {path}: AF_UNIX path too long"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
def test_a_socket_of_another_user(tmp_path):
    path = tmp_path / "theirs.sock"
    with socket.socket(socket.AF_UNIX) as theirs:
        theirs.bind(str(path))
        path.chmod(0)
        told = refused(f"unix:{path}", UsageError)
    assert told == f"{path} is another user's: only that user may connect there"


def test_permission_denied_is_told_as_such(monkeypatch, tmp_path):
    def denied(self, address):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(addresses.socket.socket, "connect", denied, raising=False)
    with pytest.raises(Unsent, match="is another user's"):
        UnixAddress(tmp_path / "s").connect()


def test_nobody_listens_at_a_port():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        told = refused(f"http://127.0.0.1:{port}")
    assert told.startswith(f"nobody listens at http://127.0.0.1:{port}: ")
    assert "`dataflow server.start --listen HOST:PORT` does" in told


def test_no_such_host(monkeypatch):
    def nowhere(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(addresses.socket, "getaddrinfo", nowhere)
    told = refused("http://nowhere.example:1", UsageError)
    assert told == "cannot find the host of http://nowhere.example:1: Name or service not known"


def test_a_name_that_is_none():
    told = refused(f"http://{'x' * 70}.example:1", UsageError)
    assert told.startswith(f"cannot find the host of http://{'x' * 70}.example:1: ")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TimeoutError("timed out"), "lets nobody connect within 10 s"),
        (OSError(113, "No route to host"), "cannot connect to http://h:1: No route to host"),
    ],
)
def test_no_way_there(monkeypatch, error, told):
    def fails(*_):
        raise error

    monkeypatch.setattr(addresses.socket, "create_connection", fails)
    assert told in refused("http://h:1", UsageError)


# --- TLS ----------------------------------------------------------------------------------


@pytest.fixture
def secure(home, certificate):
    with served(home, tls=tls_context(*certificate), gate=SameUser()) as server:
        yield server


def test_tls(secure, certificate, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", certificate[0])
    with closing(HttpService(secure.tcp, key=a_key)) as service:
        service.reach()
        furnish(service)
        assert secure.connections == 1
        assert service.describe_domain(name="shop")["domainInfo"]["name"] == "shop"
        assert secure.connections == 1


def test_a_certificate_that_nobody_vouches_for(secure):
    told = refused(secure.tcp, UsageError)
    assert f"{secure.tcp} cannot be trusted: self-signed certificate; " in told
    assert "AWS_CA_BUNDLE" in told


def test_a_certificate_that_is_not_trusted_is_not_tried_again(secure):
    with closing(HttpService(secure.tcp, key=a_key, sleep=pytest.fail)) as service:
        with pytest.raises(UsageError, match="cannot be trusted"):
            service.describe_domain(name="shop")
        with pytest.raises(UsageError, match="cannot be trusted"):
            service.poller().poll_for_activity_task(domain="shop", taskList={"name": "l"})


def test_a_certificate_of_another_host(secure, certificate, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", certificate[0])
    port = secure.tcp.rpartition(":")[2]
    told = refused(f"https://127.1:{port}", UsageError)
    assert "cannot be trusted: Hostname mismatch" in told


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_cannot_be_read(secure, monkeypatch, tmp_path, content):
    file = tmp_path / "authorities.pem"
    if content:
        file.write_text(content)
    monkeypatch.setenv("AWS_CA_BUNDLE", str(file))
    told = refused(secure.tcp, UsageError)
    assert told.startswith(f"AWS_CA_BUNDLE={file} cannot be used: ")


def test_no_tls_where_it_is_expected(server):
    told = refused(server.tcp.replace("http:", "https:"), UsageError)
    assert told.endswith("does not speak TLS: is it http:// ?")


def test_tls_where_none_is_expected(secure):
    told = refused(secure.tcp.replace("https:", "http:"), UsageError)
    assert told.endswith("has hung up: is it https:// ?")


@contextmanager
def listening(serve):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept():
            connection, _ = server.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=accept)
        thread.start()
        yield server.getsockname()[1]
        thread.join(20)


def test_a_handshake_that_is_cut_off():
    with listening(lambda connection: connection.recv(1)) as port:
        told = refused(f"https://127.0.0.1:{port}", UsageError)
    assert told.startswith(f"no TLS with https://127.0.0.1:{port}: ")


def test_what_does_not_speak_http():
    with listening(lambda connection: connection.sendall(b"\x15\x03\x01\x00\x02")) as port:
        told = refused(f"http://127.0.0.1:{port}", UsageError)
    address = f"http://127.0.0.1:{port}"
    assert told == f"what listens at {address} does not speak HTTP: is it https:// ?"


def test_who_says_nothing(monkeypatch):
    monkeypatch.setattr("dataflow.client.http.REACH_SECONDS", 0.01)
    over = threading.Event()
    with listening(lambda _: over.wait(20)) as port:
        told = refused(f"http://127.0.0.1:{port}", UsageError)
        over.set()
    assert "has not answered in time" in told
