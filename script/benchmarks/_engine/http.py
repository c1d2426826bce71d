"""Calls a second over HTTP, beside a bare ASGI application on the same uvicorn."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from _engine import clients, figures, servers
from _engine.bare import Rows
from _engine.clients import Asked
from _engine.subject import DATA, DOMAIN, Client
from _engine.wire import Connection
from botocore.config import Config

_CLIENTS = (1, 4)
_ROUNDS = 3
_SECONDS = 0.6
_COMMIT_SECONDS = 0.2
#: Executions that are signalled in turn: a history has room for so many events only.
_EXECUTIONS = 20
_BOTO3_CALLS = 150


def run(directory: Path) -> None:
    figures.title(
        f"Over HTTP: calls/s, medians of {_ROUNDS} rounds of {_SECONDS} s;"
        " floor: a bare application on uvicorn, the same client"
    )
    rows = Rows(directory / "bare.db")
    with servers.engine(directory / "home") as engine, servers.bare(directory) as bare:
        connection = Connection(engine.unix)
        client = Client(connection.call)
        client.register()
        named = [client.start(f"run-{n}") for n in range(_EXECUTIONS)]
        connection.close()
        describe = [{"domain": DOMAIN, "execution": named[0]}]
        signals = [{"domain": DOMAIN, **one, "signalName": "news", "input": DATA} for one in named]
        places: list[tuple[str, Asked, Asked]] = [
            ("Unix socket", Asked(bare.unix), Asked(engine.unix)),
            ("TCP, signed", Asked(bare.tcp), Asked(engine.tcp, key=engine.key)),
        ]
        for place, floor, ours in places:
            for n in _CLIENTS:
                asked = {
                    "describe": ours._replace(
                        operation="DescribeWorkflowExecution", requests=describe
                    ),
                    "signal": ours._replace(operation="SignalWorkflowExecution", requests=signals),
                }
                name = f"{place}, {n} client{'s' if n > 1 else ''}"
                _compare(name, n, {"floor": floor, **asked}, rows, engine.pid)
        _boto3(engine, bare, describe[0])
    rows.close()


def _compare(place: str, n: int, asked: dict[str, Asked], rows: Rows, server: int) -> None:
    with ExitStack() as stack:
        callers = {
            name: stack.enter_context(clients.running(n, one)) for name, one in asked.items()
        }
        busy = dict.fromkeys(callers, 0.0)

        def measure(name: str) -> float:
            before = figures.cpu_seconds(server)
            rate = callers[name].rate(_SECONDS)
            busy[name] += figures.cpu_seconds(server) - before
            return rate

        measures: dict[str, figures.Measure] = {name: partial(measure, name) for name in callers}
        measures["commits"] = lambda: rows.rate(_COMMIT_SECONDS)
        measured = figures.in_turn(measures, _ROUNDS)
    commits = figures.median(measured["commits"])
    for name in ("describe", "signal"):
        cost = busy[name] / (sum(measured[name]) * _SECONDS) * 1e6
        note = f"   {cost:.0f} us of the server's CPU each"
        if name == "signal":
            note += f", bare commits {commits:,.0f}/s"
        figures.rates(f"{place}: {name}", measured[name], measured["floor"], note)


def _boto3(engine: servers.Server, bare: servers.Server, describe: dict[str, Any]) -> None:
    assert engine.key is not None
    ours, floor = (
        boto3.client(
            "swf",
            region_name="us-east-1",
            endpoint_url=f"http://127.0.0.1:{server.tcp[1]}",
            aws_access_key_id=engine.key.access_key_id,
            aws_secret_access_key=engine.key.secret,
            config=Config(retries={"total_max_attempts": 1}),
        )
        for server in (engine, bare)
    )
    measured = figures.in_turn(
        {
            "floor": lambda: figures.per_second(
                _BOTO3_CALLS, lambda: floor.describe_workflow_execution(**describe)
            ),
            "ours": lambda: figures.per_second(
                _BOTO3_CALLS, lambda: ours.describe_workflow_execution(**describe)
            ),
        },
        _ROUNDS,
    )
    figures.rates("boto3, TCP, 1 client: describe", measured["ours"], measured["floor"])
