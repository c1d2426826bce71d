"""Where a server is, and how one gets a connection to it.

``unix:PATH``, ``http://HOST:PORT`` and ``https://HOST:PORT``: what ``server.start`` prints.
Whatever keeps a connection from being made is told in one line, with what to do about it.
"""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

from dataflow.client.outcomes import Unsent
from dataflow.errors import UsageError
from dataflow.settings import ca_bundle

#: Seconds for a connection to be made.
CONNECT_SECONDS = 10.0

_UNIX = "unix:"
_PORTS = {"http": 80, "https": 443}
_FORMS = "http://HOST:PORT, https://HOST:PORT or unix:PATH"
#: OpenSSL's reasons, by version, for an answer that is no TLS.
_NOT_TLS = frozenset({"RECORD_LAYER_FAILURE", "WRONG_VERSION_NUMBER"})
_NOT_IN_HEADERS = re.compile(r"[^!-~]")


class Address(Protocol):
    """A place where a server may be."""

    @property
    def url(self) -> str:
        """As one writes it."""
        ...

    @property
    def host(self) -> str:
        """The ``Host`` header."""
        ...

    @property
    def signed(self) -> bool:
        """Whether requests are signed there."""
        ...

    def connect(self) -> socket.socket:
        """A connection. Raises `Unsent`."""
        ...


@dataclass(frozen=True)
class UnixAddress:
    """A socket in the file system; who may open it is the server's user."""

    path: Path

    signed = False
    host = "localhost"

    @property
    def url(self) -> str:
        return f"{_UNIX}{self.path}"

    def connect(self) -> socket.socket:
        """Raises `Unsent`."""
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.settimeout(CONNECT_SECONDS)
            made.connect(str(self.path))
        except OSError as error:
            made.close()
            raise self._unsent(error) from error
        return made

    def _unsent(self, error: OSError) -> Unsent:
        if isinstance(error, FileNotFoundError):
            return Unsent(f"there is no socket {self.path}", nobody=True)
        if isinstance(error, ConnectionRefusedError):
            return Unsent(f"nobody listens at {self.path}", nobody=True)
        if isinstance(error, PermissionError):
            return Unsent(f"{self.path} is another user's: only that user may connect there")
        return Unsent(f"cannot connect to {self.path}: {_words(error)}")


@dataclass(frozen=True)
class TcpAddress:
    """A host and a port, with TLS or without."""

    name: str
    port: int
    tls: bool

    signed = True

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self._host}:{self.port}"

    @cached_property
    def host(self) -> str:
        # The usual port is left out, as the signature of an SDK would have it.
        usual = self.port == _PORTS["https" if self.tls else "http"]
        return self._host if usual else f"{self._host}:{self.port}"

    @property
    def _host(self) -> str:
        return f"[{self.name}]" if ":" in self.name else self.name

    @cached_property
    def _context(self) -> ssl.SSLContext:
        bundle = ca_bundle()
        try:
            context = ssl.create_default_context(cafile=bundle)
        except OSError as error:  # ssl.SSLError is one
            raise UsageError(
                f"AWS_CA_BUNDLE={bundle} cannot be used: {error.strerror or error}"
            ) from error
        context.set_alpn_protocols(["http/1.1"])
        return context

    def connect(self) -> socket.socket:
        """Raises `Unsent`; `UsageError` if the certificates to trust cannot be read."""
        context = self._context if self.tls else None
        try:
            made = socket.create_connection((self.name, self.port), CONNECT_SECONDS)
        except (OSError, UnicodeError) as error:
            raise self._unsent(error) from error
        try:
            # A request is sent in one piece, which shall not wait for the one before it; and who
            # waits for a minute shall hear of a machine that is gone.
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            if context is None:
                return made
            return context.wrap_socket(made, server_hostname=self.name)
        except ssl.SSLCertVerificationError as error:
            made.close()
            raise Unsent(
                f"{self.url} cannot be trusted: {error.verify_message}; "
                "name the file with the certificate of its authority in AWS_CA_BUNDLE",
                lasting=True,
            ) from error
        except OSError as error:
            made.close()
            raise self._no_tls(error) from error

    def _unsent(self, error: OSError | UnicodeError) -> Unsent:
        if isinstance(error, socket.gaierror | UnicodeError):
            return Unsent(f"cannot find the host of {self.url}: {_words(error)}")
        if isinstance(error, ConnectionRefusedError):
            return Unsent(
                f"nobody listens at {self.url}: `dataflow server.start --listen HOST:PORT` does",
                nobody=True,
            )
        if isinstance(error, TimeoutError):
            return Unsent(f"{self.url} lets nobody connect within {CONNECT_SECONDS:.0f} s")
        return Unsent(f"cannot connect to {self.url}: {_words(error)}")

    def _no_tls(self, error: OSError) -> Unsent:
        if getattr(error, "reason", None) in _NOT_TLS:
            return Unsent(f"{self.url} does not speak TLS: is it http:// ?", lasting=True)
        return Unsent(f"no TLS with {self.url}: {_words(error)}")


def read_address(text: str) -> UnixAddress | TcpAddress:
    """Read a URL. Raises `UsageError`."""
    if text.startswith(_UNIX):
        path = text.removeprefix(_UNIX).removeprefix("//")
        if not path:
            raise UsageError(f"{text} names no socket: write {_FORMS}")
        return UnixAddress(_absolute(path))
    try:
        url = urlsplit(text)
        # What these raise, they raise when they are asked.
        port, host = url.port, url.hostname
    except ValueError as error:
        raise UsageError(f"{text} is no URL ({error}): write {_FORMS}") from error
    if url.scheme not in _PORTS or not host or port == 0:
        raise UsageError(f"{text} is no URL of a server: write {_FORMS}")
    _check_nothing_more(text, url)
    if _NOT_IN_HEADERS.search(host):
        raise UsageError(f"{text}: write the name of the host in ASCII (xn--...)")
    return TcpAddress(host, port or _PORTS[url.scheme], tls=url.scheme == "https")


def _check_nothing_more(text: str, url: SplitResult) -> None:
    if url.username is not None or url.password is not None:
        # Not repeated: it may be a password.
        raise UsageError(
            "a URL with a user and a password: the key of a server is given as that of AWS is, in "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or as a profile, in AWS_PROFILE"
        )
    if url.path not in {"", "/"} or url.query or url.fragment:
        raise UsageError(f"{text}: a server is at {url.scheme}://{url.netloc}, without a path")


def _absolute(path: str) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError as error:
        raise UsageError(f"unix:{path}: there is no such home directory") from error


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
