"""Where the server listens.

The Unix socket is always there, for its user alone from the moment it exists. TCP is there when it
is asked for; beyond this machine only with TLS, unless the user says that he knows better.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import stat
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from dataflow.errors import UsageError

#: Connections that may wait to be accepted.
BACKLOG = 2_048

#: What fits the kernel's address of a Unix socket; one byte ends it.
_MOST_PATH = 107
_PRIVATE_UMASK = 0o177
_HIGHEST_PORT = 65_535
_LISTEN = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<host>[^\[\]:]+)):(?P<port>[0-9]{1,5})")
#: A client that has gone without a word is noticed within half a minute: first probe after this
#: many seconds, then one every so many, and this many without an answer.
_KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}


class Listen(NamedTuple):
    """A host and a port, as somebody has written them."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_listen(text: str) -> Listen:
    """Read ``HOST:PORT``; an IPv6 address stands in brackets. Raises `UsageError`."""
    found = _LISTEN.fullmatch(text)
    if found is None or int(found["port"]) > _HIGHEST_PORT:
        raise UsageError(
            f"--listen {text} is not HOST:PORT: write 127.0.0.1:8080 or [::1]:8080, "
            "with port 0 for any that is free"
        )
    return Listen(found["ipv6"] or found["host"], int(found["port"]))


def unix_socket(path: Path) -> socket.socket:
    """Listen at ``path``, which the caller owns: what is left there of a dead server goes.

    Raises `UsageError`.
    """
    length = len(os.fsencode(path))
    if length > _MOST_PATH:
        raise UsageError(
            f"{path} is too long for a socket, {length} bytes where {_MOST_PATH} fit: "
            "name a shorter directory with --home or DATAFLOW_HOME"
        )
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_socket(path)
        before = os.umask(_PRIVATE_UMASK)
        try:
            listening.bind(str(path))
        finally:
            os.umask(before)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise UsageError(f"cannot listen at {path}: {error.strerror}") from error
    except UsageError:
        listening.close()
        raise
    return listening


def _remove_socket(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise UsageError(f"{path} is in the way, it is not a socket: move it")
    path.unlink()


def tcp_sockets(listen: Listen, *, anywhere: bool) -> list[socket.socket]:
    """Listen at every address of the host.

    ``anywhere``: even where other machines can come in. Raises `UsageError`.
    """
    addresses = _resolve(listen)
    if not anywhere:
        _check_loopback(listen, addresses)
    sockets: list[socket.socket] = []
    port = listen.port
    try:
        for family, address in addresses:
            listening = _tcp_socket(family)
            sockets.append(listening)
            listening.bind((address[0], port, *address[2:]))
            listening.listen(BACKLOG)  # before that, two may have one port
            port = listening.getsockname()[1]  # where it was 0, the same for all
    except OSError as error:
        for listening in sockets:
            listening.close()
        raise UsageError(
            f"cannot listen on {listen}: {error.strerror}; choose another --listen"
        ) from error
    return sockets


def _resolve(listen: Listen) -> list[tuple[socket.AddressFamily, Any]]:
    try:
        found = socket.getaddrinfo(
            listen.host, listen.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "this is no name"
        raise UsageError(f"cannot listen on {listen}: {reason}") from error
    return list(dict.fromkeys((family, address) for family, _, _, _, address in found))


def _check_loopback(listen: Listen, addresses: list[tuple[socket.AddressFamily, Any]]) -> None:
    for _, address in addresses:
        if not ip_address(address[0]).is_loopback:
            raise UsageError(
                f"on {listen} other machines could come in, and read what passes: use TLS "
                "(--tls-cert, --tls-key), or say --insecure if the network is yours"
            )


def _tcp_socket(family: socket.AddressFamily) -> socket.socket:
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    # What is accepted inherits these.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return listening


def tls_context(cert: str, key: str) -> ssl.SSLContext:
    """What HTTPS needs, from two PEM files. Raises `UsageError`."""
    for option, file in (("--tls-cert", cert), ("--tls-key", key)):
        try:
            Path(file).open("rb").close()
        except OSError as error:
            raise UsageError(f"cannot read {option} {file}: {error.strerror}") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])

    def no_password() -> NoReturn:
        raise UsageError(f"--tls-key {key} is encrypted: write it to a file without a passphrase")

    try:
        context.load_cert_chain(cert, key, password=no_password)
    except ssl.SSLError as error:
        reason = error.reason or "one of them is not in PEM format"
        raise UsageError(
            f"--tls-cert {cert} and --tls-key {key} cannot be used: {reason}"
        ) from error
    return context


def url(listening: socket.socket, *, tls: bool = False) -> str:
    """How clients name the place."""
    if listening.family == socket.AF_UNIX:
        return f"unix:{listening.getsockname()}"
    host, port, *_ = listening.getsockname()
    if isinstance(ip_address(host), IPv6Address):
        host = f"[{host}]"
    return f"http{'s' if tls else ''}://{host}:{port}"
