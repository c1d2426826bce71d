"""Servers that are measured, each in a process of its own, and always stopped."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from _engine.wire import Key

_READY = re.compile(r"ready: unix:(?P<unix>\S+) http://127\.0\.0\.1:(?P<port>\d+)")
_PATIENCE = 10.0


class Server(NamedTuple):
    """Where a server can be reached."""

    unix: str
    tcp: tuple[str, int]
    pid: int
    #: For TCP; None if nothing need be signed.
    key: Key | None = None


@contextmanager
def engine(home: Path) -> Iterator[Server]:
    """The engine's server, as its users start it."""
    dataflow = (sys.executable, "-m", "dataflow")
    home.mkdir(mode=0o700)
    made = subprocess.run(  # noqa: S603 - our own command
        [*dataflow, "--format", "json", "server.key.create", "--home", str(home)],
        check=True,
        capture_output=True,
    )
    told = json.loads(made.stdout)
    command = [*dataflow, "server.start", "--home", str(home), "--listen", "127.0.0.1:0"]
    with _running(command) as process:
        assert process.stderr is not None
        said = ""
        while (ready := _READY.search(said)) is None:
            said = process.stderr.readline()
            if not said:
                raise RuntimeError("the server has not started")
            if "ready" not in said:
                print(said, end="", file=sys.stderr)
        key = Key(told["access_key_id"], told["secret_access_key"])
        yield Server(ready["unix"], ("127.0.0.1", int(ready["port"])), process.pid, key)


@contextmanager
def bare(directory: Path) -> Iterator[Server]:
    """The bare application of `_engine.bare`."""
    unix = str(directory / "bare.sock")
    with _running([sys.executable, "-m", "_engine.bare", unix], stderr=None) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        if not said:
            raise RuntimeError("the bare application has not started")
        port = int(said)
        yield Server(unix, ("127.0.0.1", port), process.pid)


@contextmanager
def _running(
    command: list[str], *, stderr: int | None = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(  # noqa: S603 - our own commands
        command,
        cwd=Path(__file__).parent.parent,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
