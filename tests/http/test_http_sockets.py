"""Where the server listens, and where it refuses to."""

import os
import shutil
import socket
import ssl
import stat
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from running_server import Client, describe, poll, running

from dataflow.engine.http import server as server_module
from dataflow.engine.http import sockets
from dataflow.engine.http.gates import SameUser
from dataflow.engine.http.server import Entrance
from dataflow.engine.http.sockets import Listen, read_listen, tcp_sockets, tls_context, unix_socket
from dataflow.errors import UsageError


def ipv6():
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


# --- the Unix socket ----------------------------------------------------------------------


def test_the_unix_socket_is_its_users_alone(tmp_path, monkeypatch):
    modes = []
    umask = os.umask(0)
    bind = socket.socket.bind

    class Watched(socket.socket):
        def bind(self, address):
            bind(self, address)
            modes.append(stat.S_IMODE(Path(address).stat().st_mode))

    try:
        monkeypatch.setattr(sockets.socket, "socket", Watched)
        with closing(unix_socket(tmp_path / "s")):
            modes.append(stat.S_IMODE((tmp_path / "s").stat().st_mode))
        assert os.umask(0) == 0
    finally:
        os.umask(umask)
    assert modes == [0o600, 0o600]


def test_the_socket_of_a_dead_server_is_replaced(tmp_path, service):
    unix_socket(tmp_path / "s").close()
    assert (tmp_path / "s").is_socket()
    with running(service, tmp_path / "s"), Client(str(tmp_path / "s")) as client:
        assert client.ask(describe("x")).status == 200


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_what_is_no_socket_stays(tmp_path, make):
    make(tmp_path / "s")
    with pytest.raises(UsageError, match="is in the way"):
        unix_socket(tmp_path / "s")
    assert (tmp_path / "s").exists()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "s").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="is in the way"):
        unix_socket(tmp_path / "s")


def test_a_path_that_no_socket_can_have(tmp_path):
    room = 107 - len(str(tmp_path)) - 1
    with closing(unix_socket(tmp_path / ("s" * room))):
        pass
    with pytest.raises(UsageError, match="108 bytes where 107 fit: name a shorter directory"):
        unix_socket(tmp_path / ("s" * (room + 1)))
    with pytest.raises(UsageError, match="where 107 fit"):
        unix_socket(tmp_path / ("é" * room))


def test_a_directory_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"cannot listen at .*: No such file or directory"):
        unix_socket(tmp_path / "nowhere" / "s")


# --- HOST:PORT ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("[fe80::1%eth0]:80", ("fe80::1%eth0", 80)),
    ],
)
def test_host_and_port(text, listen):
    assert read_listen(text) == listen
    assert str(read_listen(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "8080",
        ":8080",
        "host",
        "host:",
        "host:http",
        "host:-1",
        "host:65536",
        "host:80/",
        "::1:80",
        "[::1]",
        "[::1]:",
        "[]:80",
        "http://host:80",
        "host:٣",
    ],
)
def test_what_is_no_host_and_port(text):
    with pytest.raises(UsageError, match=r"is not HOST:PORT: write 127\.0\.0\.1:8080 or"):
        read_listen(text)


# --- TCP ----------------------------------------------------------------------------------


def listening(host, port=0, *, anywhere=False):
    return tcp_sockets(Listen(host, port), anywhere=anywhere)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost"])
def test_this_machine(host):
    made = listening(host)
    ports = {each.getsockname()[1] for each in made}
    assert len(ports) == 1
    assert 0 not in ports
    for each in made:
        assert each.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        each.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "fe80::1", "8.8.8.8"])  # noqa: S104
def test_other_machines(host):
    with pytest.raises(UsageError, match=r"other machines could come in.*--insecure"):
        listening(host)


def test_other_machines_where_the_user_wants_them():
    for each in listening("0.0.0.0", anywhere=True):  # noqa: S104 - this is the test
        assert sockets.url(each).startswith("http://0.0.0.0:")
        each.close()


def test_a_port_that_is_taken():
    (taken,) = listening("127.0.0.1")
    with closing(taken):
        taken.listen()
        port = taken.getsockname()[1]
        line = f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another --listen"
        with pytest.raises(UsageError) as refused:
            listening("127.0.0.1", port)
    assert str(refused.value) == line


def test_a_host_that_nobody_knows(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(UsageError, match="cannot listen on nowhere:0: Name or service not known"):
        listening("nowhere", anywhere=True)


def test_a_host_that_is_no_name():
    with pytest.raises(UsageError, match=r"cannot listen on a*:0: this is no name"):
        listening("a" * 300, anywhere=True)


def test_an_address_of_another_machine():
    with pytest.raises(UsageError, match=r"192\.0\.2\.1:0: Cannot assign requested address"):
        listening("192.0.2.1", anywhere=True)


@pytest.mark.skipif(not ipv6(), reason="there is no IPv6 here")
def test_ipv6(service, tmp_path):
    (listens,) = listening("::1")
    entrance = Entrance(sockets=[listens], gate=SameUser())
    with running(service, tmp_path / "s", entrance) as server:
        assert server.urls[1] == f"http://[::1]:{server.port}"
        with Client(("::1", server.port)) as client:
            assert client.ask(describe("x")).status == 200


@pytest.mark.skipif(not ipv6(), reason="there is no IPv6 here")
def test_a_host_with_addresses_of_both_kinds(monkeypatch):
    addresses = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("0.0.0.0", 0)),  # noqa: S104 - as it is
        (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::", 0, 0, 0)),
    ]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses * 2)
    made = listening("everywhere", anywhere=True)
    assert [each.family for each in made] == [socket.AF_INET, socket.AF_INET6]
    assert len({each.getsockname()[1] for each in made}) == 1
    for each in made:
        each.close()


# --- TLS ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for localhost, and its key, which nobody has signed but itself."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    directory = tmp_path_factory.mktemp("tls")
    cert, key = directory / "cert.pem", directory / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    return cert, key


@pytest.fixture
def secure(service, tmp_path, certificate):
    """A server that speaks TLS, and how to connect to it."""
    entrance = Entrance(
        sockets=listening("127.0.0.1"), gate=SameUser(), tls=tls_context(*map(str, certificate))
    )
    trusting = ssl.create_default_context(cafile=certificate[0])

    def connect(context=trusting):
        def wrap(plain):
            return context.wrap_socket(plain, server_hostname="localhost")

        return Client(("127.0.0.1", server.port), wrap=wrap)

    with running(service, tmp_path / "s", entrance) as server:
        server.connect = connect
        yield server


def test_tls(secure, service):
    assert secure.urls[1] == f"https://127.0.0.1:{secure.port}"
    with secure.connect() as client:
        assert client.ask(describe("x")).status == 200
        assert len(client.ask(describe("long")).body) > 8_000_000
        client.send(poll())
        service.wait_for(lambda: service.parked)
        assert client.socket.version() in {"TLSv1.2", "TLSv1.3"}
    service.wait_for(lambda: service.withdrawn)


def test_tls_ends_with_the_server(secure, service):
    with secure.connect() as client:
        client.send(poll())
        service.wait_for(lambda: service.parked)
        secure.stop()
        assert client.answer().json["taskToken"] == ""


def test_who_rests_does_not_keep_the_server(secure, monkeypatch):
    monkeypatch.setattr(server_module, "GRACE_SECONDS", 1_000)
    with secure.connect() as client, secure.connect() as other:
        client.ask(describe("x"))
        assert len(other.ask(describe("long")).body) > 8_000_000
        secure.stop()
        assert client.ended()


def test_who_says_nothing_is_not_waited_for(service, tmp_path, certificate, monkeypatch):
    monkeypatch.setattr(server_module, "REQUEST_SECONDS", 0.01)
    tls = tls_context(*map(str, certificate))
    entrance = Entrance(sockets=listening("127.0.0.1"), gate=SameUser(), tls=tls)
    with (
        running(service, tmp_path / "s", entrance) as server,
        Client(("127.0.0.1", server.port)) as client,
    ):
        assert client.ended()


def test_who_speaks_no_tls_learns_nothing(secure):
    with Client(("127.0.0.1", secure.port)) as client:
        client.send(describe("x"))
        assert client.ended()


def test_old_tls_is_refused(secure):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        secure.connect(old)


def test_files_that_are_no_certificate(certificate, tmp_path):
    cert, key = map(str, certificate)
    other = tmp_path / "other"
    with pytest.raises(UsageError, match=r"cannot read --tls-cert .*other: No such file"):
        tls_context(str(other), key)
    with pytest.raises(UsageError, match=r"cannot read --tls-key .*other: No such file"):
        tls_context(cert, str(other))
    with pytest.raises(UsageError, match=r"cannot read --tls-key .*: Is a directory"):
        tls_context(cert, str(tmp_path))
    other.write_text("nothing\n")
    with pytest.raises(UsageError, match=r"--tls-cert .* and --tls-key .* cannot be used: \w"):
        tls_context(str(other), key)
    with pytest.raises(UsageError, match=r"cannot be used: \w"):
        tls_context(cert, str(other))
    with pytest.raises(UsageError, match=r"cannot be used: \w"):
        tls_context(key, cert)


def test_a_key_of_another_certificate(certificate, tmp_path):
    other = tmp_path / "other.pem"
    command = ["openssl", "genrsa", "-out", str(other), "2048"]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(UsageError, match="cannot be used: KEY_VALUES_MISMATCH"):
        tls_context(str(certificate[0]), str(other))


def test_a_key_with_a_passphrase_asks_nobody(certificate, tmp_path):
    locked = tmp_path / "locked.pem"
    command = ["openssl", "rsa", "-aes256", "-passout", "pass:secret", "-in"]
    subprocess.run(
        [*command, str(certificate[1]), "-out", str(locked)], check=True, capture_output=True
    )
    with pytest.raises(UsageError, match="is encrypted"):
        tls_context(str(certificate[0]), str(locked))
