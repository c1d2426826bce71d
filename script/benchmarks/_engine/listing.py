"""Listings of many closed executions: the first page of each filter, and how many there are.

Some things are rare and some are half of all, since an index serves them differently. Each page is
asked for newest first and oldest first, beside bare SQL on a file of its own that has an index for
each of the questions.
"""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from _engine import copies, figures
from _engine.copies import Copy, Original
from _engine.subject import COMPLETE, DOMAIN, WORKFLOW, Client

from dataflow.engine import Engine
from dataflow.engine.store import Store

_EXECUTIONS = 100_000
_ROUNDS = 3
_WANTED_SECONDS = 0.05
_PAGE = 1_000
#: As many as the engine deletes at once.
_PURGED_EVENTS = 2_000
#: Between two starts: the whole is a little more than a day.
_APART_SECONDS = 1.0
_LONGEST_SECONDS = 3_600.0
_RETENTION_SECONDS = 30 * 86_400.0
#: There are so many different rare types, tags and workflow ids.
_RARE = 200

By = Literal["started", "closed"]


class Filter(NamedTuple):
    """One filter, as the API has it, and as the bare file has it (see `_bare`)."""

    name: str
    request: dict[str, Any]
    where: str = "TRUE"

    def page(self, by: By, way: str) -> str:
        """The query for a first page."""
        tables, at = "execution", by
        if self.tagged:
            tables, at = "tag CROSS JOIN execution USING (number)", f"tag.{by}"
        return (
            f"SELECT info FROM {tables} WHERE {self.where} "  # noqa: S608 - our own words
            f"ORDER BY {at} {way} LIMIT {_PAGE}"
        )

    def count(self) -> str:
        """The query for how many there are."""
        table = "tag" if self.tagged else "execution"
        return f"SELECT count(*) FROM {table} WHERE {self.where}"  # noqa: S608 - our own words

    @property
    def tagged(self) -> bool:
        return "tagFilter" in self.request


def _filters() -> Iterator[Filter]:
    yield Filter("all", {})
    for name, kind in (("type of half", "order"), ("rare type", "type-7")):
        yield Filter(name, {"typeFilter": {"name": kind}}, f"type_name = '{kind}'")
    yield Filter(
        "rare version",
        {"typeFilter": {"name": "order", "version": "2"}},
        "type_name = 'order' AND type_version = '2'",
    )
    for name, tag in (("tag of half", "half"), ("rare tag", "tag-7")):
        yield Filter(name, {"tagFilter": {"tag": tag}}, f"tag = '{tag}'")
    for name, found in (("workflow id of half", "cron"), ("rare workflow id", "id-7")):
        yield Filter(name, {"executionFilter": {"workflowId": found}}, f"workflow_id = '{found}'")
    for share, status in (("90 %", "COMPLETED"), ("9.9 %", "FAILED"), ("0.1 %", "TERMINATED")):
        yield Filter(
            f"{status} ({share})",
            {"closeStatusFilter": {"status": status}},
            f"close_status = '{status}'",
        )


def run(directory: Path) -> None:
    figures.title(
        f"Listings of {_EXECUTIONS:,} closed executions: first pages and counts, medians of"
        f" {_ROUNDS} rounds; floor: bare SQL, an index for each"
    )
    path = directory / "engine.db"
    copies.write(path, _copies(copies.originals(path, _bring_about)))
    bare = _bare(directory / "bare.db", path)
    missed: list[str] = []
    by: By
    with Engine(path) as engine:
        for by in ("started", "closed"):
            for one in _filters():
                slowest = _compare(engine, bare, by, one)
                if slowest > _WANTED_SECONDS:
                    missed.append(f"\n    by {by}, {one.name}: {slowest * 1e3:.0f} ms")
    bare.close()
    _purge(path)
    figures.verdict(
        f"a first page takes {_WANTED_SECONDS * 1e3:.0f} ms at most{''.join(missed)}",
        kept=not missed,
    )


def _compare(engine: Engine, bare: sqlite3.Connection, by: By, one: Filter) -> float:
    """Print what there is to say; the seconds of the slower order."""
    member = "startTimeFilter" if by == "started" else "closeTimeFilter"
    request = {"domain": DOMAIN, member: {"oldestDate": 0}, **one.request}

    def page(*, reverse: bool) -> float:
        start = time.perf_counter()
        engine.list_closed_workflow_executions(**request, reverseOrder=reverse)
        return time.perf_counter() - start

    def count() -> float:
        start = time.perf_counter()
        engine.count_closed_workflow_executions(**request)
        return time.perf_counter() - start

    def sql(text: str) -> float:
        start = time.perf_counter()
        bare.execute(text).fetchall()
        return time.perf_counter() - start

    measured = figures.in_turn(
        {
            "newest": lambda: page(reverse=False),
            "newest, floor": lambda: sql(one.page(by, "DESC")),
            "oldest": lambda: page(reverse=True),
            "oldest, floor": lambda: sql(one.page(by, "ASC")),
            "count": count,
            "count, floor": lambda: sql(one.count()),
        },
        _ROUNDS,
    )
    took = {what: figures.median(seconds) for what, seconds in measured.items()}
    figures.line(
        f"by {by}, {one.name}",
        "   ".join(
            f"{what} {took[what] * 1e3:6.1f} ms (floor {took[f'{what}, floor'] * 1e3:4.1f})"
            for what in ("newest", "oldest", "count")
        ),
    )
    return max(took["newest"], took["oldest"])


def _purge(path: Path) -> None:
    """How long nothing else can be written, while some of what has expired is deleted."""
    store = Store(path)
    start = time.perf_counter()
    deleted = store.purge(time.time() + 2 * _RETENTION_SECONDS, _PURGED_EVENTS)
    seconds = time.perf_counter() - start
    store.close()
    figures.line("retention", f"{seconds * 1e3:.1f} ms to delete {deleted} executions at once")


# --- the executions -------------------------------------------------------------------------


def _bring_about(client: Client) -> None:
    """One that completes, one that fails, one that is terminated."""
    client.start("completed")
    client.decide(COMPLETE)
    client.start("failed")
    client.decide({"decisionType": "FailWorkflowExecution"})
    client.terminate(client.start("terminated"))


def _copies(originals: list[Original]) -> Iterator[Copy]:
    completed, failed, terminated = originals
    chance = random.Random(7)  # noqa: S311 - no secrets
    begin = time.time() - _EXECUTIONS * _APART_SECONDS - _LONGEST_SECONDS
    for n in range(_EXECUTIONS):
        original = completed if n % 10 else failed if n % 1_000 else terminated
        ordinary, scheduled, tagged = (chance.random() < 1 / 2 for _ in range(3))
        rare = chance.randrange(_RARE)
        started = begin + n * _APART_SECONDS
        closed = started + chance.random() * _LONGEST_SECONDS
        copy = original.copy(
            len(originals) + 1 + n,
            "cron" if scheduled else f"id-{rare}",
            type_name=WORKFLOW["name"] if ordinary else f"type-{rare}",
            type_version="2" if ordinary and not rare else "1",
            started=started,
            closed=closed,
            expires=closed + _RETENTION_SECONDS,
        )
        yield copy._replace(tags=[f"tag-{rare}", *(["half"] if tagged else [])])


def _bare(path: Path, engine: Path) -> sqlite3.Connection:
    """The same rows, and an index for every question."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("ATTACH ? AS engine", (str(engine),))
    db.executescript(
        """
        CREATE TABLE execution (
            number INTEGER PRIMARY KEY, workflow_id, type_name, type_version, started, closed,
            close_status, info
        );
        INSERT INTO execution
            SELECT number, workflow_id, type_name, type_version, started, closed, close_status, info
            FROM engine.execution WHERE closed NOTNULL;
        CREATE TABLE tag (tag, started, closed, number);
        INSERT INTO tag
            SELECT tag, execution.started, execution.closed, number
            FROM engine.tag JOIN execution USING (number);
        DETACH engine;
        """
    )
    for by in ("started", "closed"):
        for n, of in enumerate(("", "type_name,", "type_name, type_version,", "workflow_id,")):
            db.execute(f"CREATE INDEX {by}_{n} ON execution ({of} {by})")
        db.execute(f"CREATE INDEX {by}_status ON execution (close_status, {by})")
        db.execute(f"CREATE INDEX tag_{by} ON tag (tag, {by}, number)")
    db.execute("ANALYZE")
    return db
