"""``dataflow server.start``, ``server.check`` and ``server.backup``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import click

from dataflow.cli import render
from dataflow.cli.options import format_option, home_option
from dataflow.errors import UsageError, type_name

if TYPE_CHECKING:
    from pathlib import Path
    from ssl import SSLContext

    from dataflow.engine.http.server import Entrance
    from dataflow.engine.http.sockets import Listen
    from dataflow.engine.lambdas import Invoker
    from dataflow.engine.metrics import Metrics
    from dataflow.engine.service import EngineService

#: The value of --lambdas that stands for AWS Lambda.
_AWS = "aws"


@click.command(
    short_help="Serve the engine to other programs.",
    epilog="\b\nExamples:\n"
    "dataflow server.start\n"
    "dataflow server.start --home /srv/flows --listen 127.0.0.1:8080",
)
@home_option
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="Serve over TCP, too, to whoever has a key (dataflow server.key.create).",
)
@click.option(
    "--durability",
    type=click.Choice(["full", "process"]),
    default="full",
    help="full: what is answered is on disk, and survives a loss of power. process: it survives "
    "the end of the server; a loss of power may take the last moments. Default: full.",
)
@click.option("--insecure", is_flag=True, help="Let other machines come in without TLS.")
@click.option("--tls-cert", metavar="FILE", help="Serve HTTPS with this certificate (PEM).")
@click.option("--tls-key", metavar="FILE", help="The key of the certificate (PEM).")
@click.option(
    "--lambdas",
    metavar="MODULE|aws",
    help="Who performs Lambda functions: the functions of a Python module, or AWS Lambda.",
)
@click.option("--quotas", is_flag=True, help="Have the quotas that Amazon SWF gives an account.")
def start(  # noqa: PLR0913 - one for each option
    *,
    home: str | None,
    listen: str | None,
    durability: str,
    insecure: bool,
    tls_cert: str | None,
    tls_key: str | None,
    lambdas: str | None,
    quotas: bool,
) -> None:
    """Serve the engine, with the API of Amazon SWF, until SIGTERM or Ctrl-C.

    Programs of the same user reach it by a Unix socket in the home directory, always. Clients over
    TCP sign their requests, as for AWS: boto3 and the aws command need no more than the URL and a
    key. GET /healthz says whether all is well, GET /metrics how much there is, for Prometheus.

    Exit code: 0 when it was told to stop, 2 if it could not start.
    """
    if (tls_cert is None) is not (tls_key is None):
        raise UsageError("TLS needs both --tls-cert and --tls-key")
    if listen is None and (tls_cert is not None or insecure):
        raise UsageError("TLS and --insecure are for TCP: say where, with --listen HOST:PORT")
    import os

    from dataflow.cli import logs

    logs.configure()
    from dataflow.clock import SystemClock
    from dataflow.engine.home import prepare
    from dataflow.engine.http import server as http
    from dataflow.engine.metrics import Metrics
    from dataflow.settings import home as home_directory

    os.umask(0o077)  # what is in the home is nobody else's business
    directory = prepare(home_directory(home))
    tcp = None if listen is None else _read_tcp(listen, tls_cert, tls_key, insecure=insecure)
    clock = SystemClock()
    counted = Metrics(version=_version(), started=clock.now())
    service = _open(directory, durability, lambdas, counted, quotas=quotas)
    try:
        entrances = _entrances(directory, tcp)
    except BaseException:
        service.close()
        raise
    urls = " ".join(url for entrance in entrances for url in entrance.urls)
    http.serve(
        http.Server(service, entrances, counted=counted, clock=clock),
        lambda: render.tell(f"dataflow server ready: {urls} (durability {durability})"),
    )


@click.command(
    short_help="Verify the engine's file.",
    epilog="\b\nExamples:\ndataflow server.check\ndataflow server.check backup.db",
)
@click.argument("file", required=False)
@home_option
@format_option
@click.pass_context
def check(ctx: click.Context, *, file: str | None, home: str | None, output: str | None) -> None:
    """Read all of FILE, or of the server's own file: every history must be one that can happen.

    The server may run meanwhile. Exit code: 0 if the file is sound, 1 if it is not, 2 if it cannot
    be read.
    """
    from dataclasses import asdict

    from dataflow.engine.check import check

    if file is not None and home is not None:
        raise UsageError(f"name {file} or --home {home}: one file is checked")
    report = check(file or _file(home))
    if output == "json":
        render.say(json.dumps(asdict(report)))
    else:
        for problem in report.problems:
            render.say(problem)
        if report.more_problems:
            render.say(f"and {report.more_problems} more problems")
        number = len(report.problems) + report.more_problems
        render.say(
            f"{report.path}: {report.domains} domains, {report.types} types, "
            f"{report.open_executions} open and {report.closed_executions} closed executions, "
            f"{report.events} events: {f'{number} problems' if number else 'sound'}"
        )
    ctx.exit(1 if report.problems else 0)


@click.command(
    short_help="Copy the engine's file.",
    epilog="\b\nExample:\ndataflow server.backup /backups/monday.db",
)
@click.argument("file")
@home_option
@format_option
def backup(*, file: str, home: str | None, output: str | None) -> None:
    """Copy the server's file to FILE, which must not exist; the server may run meanwhile.

    To go back to the copy, stop the server and put it in the place of engine.db; if there are
    files engine.db-wal and engine.db-shm, remove them.
    """
    from pathlib import Path

    from dataflow.engine.backup import backup

    size = backup(_file(home), Path(file))
    if output == "json":
        render.say(json.dumps({"file": str(Path(file).absolute()), "bytes": size}))
    else:
        render.tell(f"copied {size:,} bytes to {file}")


def _file(home: str | None) -> Path:
    """The server's own file."""
    from dataflow.engine.home import DATABASE
    from dataflow.settings import home as home_directory

    return home_directory(home) / DATABASE


class _Tcp(NamedTuple):
    """Where the server listens over TCP, and how."""

    listen: Listen
    tls: SSLContext | None
    insecure: bool


def _read_tcp(listen: str, cert: str | None, key: str | None, *, insecure: bool) -> _Tcp:
    """What can be found wrong before the engine's file is opened is found here."""
    from dataflow.engine.http.sockets import read_listen, tls_context

    tls = None if cert is None or key is None else tls_context(cert, key)
    return _Tcp(read_listen(listen), tls, insecure)


def _entrances(directory: Path, tcp: _Tcp | None) -> list[Entrance]:
    from dataflow.engine.auth.keys import KeyFile
    from dataflow.engine.home import SOCKET
    from dataflow.engine.http.gates import SameUser, Signed
    from dataflow.engine.http.server import Entrance
    from dataflow.engine.http.sockets import tcp_sockets, unix_socket

    entrances = []
    if tcp is not None:  # first: if this fails, nothing has to be taken away
        keys = KeyFile(directory)
        there_are_keys = bool(keys.current())
        anywhere = tcp.insecure or tcp.tls is not None
        listening = tcp_sockets(tcp.listen, anywhere=anywhere)
        entrances.append(Entrance(sockets=listening, gate=Signed(keys), tls=tcp.tls))
        if not there_are_keys:
            render.warning("there are no keys yet for TCP: dataflow server.key.create makes one")
    return [Entrance(sockets=[unix_socket(directory / SOCKET)], gate=SameUser()), *entrances]


def _open(
    directory: Path, durability: str, lambdas: str | None, counted: Metrics, *, quotas: bool
) -> EngineService:
    from dataflow.engine.home import DATABASE
    from dataflow.engine.service import EngineService
    from dataflow.protocol.limits import NO_QUOTAS, SWF_QUOTAS

    return EngineService(
        directory / DATABASE,
        durability="process" if durability == "process" else "full",
        quotas=SWF_QUOTAS if quotas else NO_QUOTAS,
        invoke_lambda=None if lambdas is None else _invoker(lambdas),
        metrics=counted,
    )


def _invoker(lambdas: str) -> Invoker:
    import importlib

    from dataflow.engine.lambdas import AwsLambda, LocalFunctions
    from dataflow.process.loading import see_working_directory

    if lambdas == _AWS:
        return AwsLambda()
    see_working_directory()
    try:
        module = importlib.import_module(lambdas)
    except Exception as error:
        told = " ".join(str(error).split())
        raise UsageError(
            f"--lambdas {lambdas} cannot be imported: {type_name(type(error))}: {told}"
        ) from error
    functions = {
        name: thing
        for name, thing in vars(module).items()
        if callable(thing) and not name.startswith("_") and thing.__module__ == module.__name__
    }
    if not functions:
        raise UsageError(f"--lambdas {lambdas}: this module defines no functions")
    return LocalFunctions(functions)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("dataflow-swf")
    except PackageNotFoundError:
        return ""
