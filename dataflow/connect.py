"""From the name of an engine to a way there: the only module that knows every concrete class.

============================  =====================================================================
``local``                     the server that runs on the home directory, by its Unix socket; to
                              look, its file
``unix:PATH``                 a server's Unix socket
``http://HOST:PORT``          a server over TCP; requests are signed as for AWS
``https://HOST:PORT``         likewise, with TLS
``swf``                       Amazon SWF, through boto3
============================  =====================================================================

Nothing above this module knows which of them it works with. What a connection needs is imported
when it is made: nobody pays for boto3 who does not talk to Amazon.
"""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import functools
import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self

from dataflow import settings
from dataflow.errors import Unreachable, UsageError
from dataflow.payload.fields import Fields
from dataflow.process.polling import Direct, Poller
from dataflow.protocol.service import Service

if TYPE_CHECKING:
    from dataflow.engine.store import Durability

Kind = Literal["embedded", "http", "swf"]

_LOCAL, _SWF = "local", "swf"
_UNIX = "unix:"
_URLS = (_UNIX, "http:", "https:")
#: Polls at a time, over one connection to Amazon SWF, when nobody says.
_POLLERS = 10
#: How often, and after how many seconds, one comes again to a file that has an owner but no socket.
_OWN_ATTEMPTS, _OWN_PAUSE = 20, 0.1
_PRIVATE = 0o600


class Connection:
    """A way to an engine, for all threads of this process; a context manager that closes it."""

    def __init__(
        self,
        service: Service,
        poller: Callable[[], Poller],
        *,
        kind: Kind,
        name: str,
        direct: Direct | None = None,
        home: Path | None = None,
    ) -> None:
        #: All operations, in the shape of ``boto3.client("swf")``.
        self.service = service
        #: The engine, if it is in this process.
        self.direct = direct
        self._poller = poller
        self.kind = kind
        #: Where it leads, for people.
        self.name = name
        #: The directory of an engine of this machine, where it keeps long fields by itself.
        self.home = None if home is None else str(home)

    @functools.cached_property
    def fields(self) -> Fields:
        """How the fields of its histories are read and written, by the settings.

        Raises `UsageError`, one line that says what to do.
        """
        from dataflow.storage.opening import open_fields

        return open_fields(self.home)

    def poller(self) -> Poller:
        """A poller, for one thread."""
        return self._poller()

    def close(self) -> None:
        """Give back what it holds. If the engine is in this process, it ends."""
        self.service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Connection to {self.name}>"


def connect(
    engine: str | None = None,
    *,
    home: str | None = None,
    own: bool = False,
    look: bool = False,
    durability: Durability = "full",
    pollers: int = _POLLERS,
) -> Connection:
    """Connect to an engine; by default to that which ``DATAFLOW_ENGINE`` names, else ``local``.

    ``home``: the directory of the local engine, instead of ``DATAFLOW_HOME``. ``own``: if nobody
    serves the local engine, have it in this process, with this ``durability`` (see
    `dataflow.engine.Engine`). ``look``: if nobody serves it, open its file to look at what is in
    it, and no more. ``pollers``: polls at a time, which boto3 must know beforehand.

    Raises `UsageError`, one line that says what to do, if there is no such engine; `Unreachable` if
    there is no way to it.
    """
    name = settings.engine(engine)
    if name == _LOCAL:
        return _own(home, durability) if own else _local(home, look=look)
    if name == _SWF:
        from dataflow.client.amazon import AmazonService

        amazon = AmazonService(attempts=settings.connection_attempts(), pollers=pollers)
        return Connection(amazon, amazon.poller, kind="swf", name=amazon.url)
    if name.startswith(_URLS):
        return _server(name)
    whose = "--engine" if engine else "DATAFLOW_ENGINE"
    raise UsageError(
        f"{whose} {name} is no engine: write local, swf, http://HOST:PORT, https://HOST:PORT or "
        "unix:PATH"
    )


def _server(url: str) -> Connection:
    from dataflow.client.http import HttpService
    from dataflow.engine.readiness import prepare

    prepare()
    service = HttpService(url, attempts=settings.connection_attempts())
    service.reach()
    home = None
    if url.startswith(_UNIX):  # a server's socket is in its home
        home = Path(url.removeprefix(_UNIX)).expanduser().absolute().parent
    return Connection(service, service.poller, kind="http", name=service.url, home=home)


def _local(home: str | None, *, look: bool) -> Connection:
    from dataflow.client.outcomes import NoServer
    from dataflow.engine.home import DATABASE, SOCKET

    directory = settings.home(home)
    file = directory / DATABASE
    try:
        return _server(f"unix:{directory / SOCKET}")
    except NoServer as error:
        if look and file.is_file():
            from dataflow.engine.embedded import Engine

            engine = Engine(file, read_only=True)
            return Connection(
                engine, engine.poller, kind="embedded", name=str(file), home=directory
            )
        option = f" --home {home}" if home else ""
        raise Unreachable(
            f"no engine runs on {directory}: `dataflow server.start{option}` starts one, and "
            "`dataflow standalone` brings its own"
        ) from error


def _own(home: str | None, durability: Durability) -> Connection:
    """The engine in this process; or a way to who has it already."""
    from dataflow.client.outcomes import NoServer
    from dataflow.engine.embedded import Engine
    from dataflow.engine.home import DATABASE, SOCKET, prepare
    from dataflow.engine.owner import EngineInUse

    directory = prepare(settings.home(home))
    file = directory / DATABASE
    _make_private(file)
    for attempt in range(1, _OWN_ATTEMPTS + 1):
        try:
            engine = Engine(file, durability=durability)
            return Connection(
                engine,
                engine.poller,
                kind="embedded",
                name=str(file),
                home=directory,
                direct=engine,
            )
        except EngineInUse:
            try:
                return _server(f"unix:{directory / SOCKET}")
            except NoServer:
                if attempt == _OWN_ATTEMPTS:
                    break
        time.sleep(_OWN_PAUSE)  # who has it may be starting, or ending
    raise Unreachable(
        f"another process has {file} and lets nobody else in: wait until it ends, start "
        "`dataflow server.start` instead of it, or name another directory with --home"
    )


def _make_private(file: Path) -> None:
    """What workflows are given is for nobody else's eyes, and SQLite would ask the umask alone."""
    # One that is there is not even opened: closing it would end the locks that SQLite has on it.
    with suppress(OSError):  # whatever it is, the engine will say it better
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, _PRIVATE))
