"""The engine's file: an SQLite database with registrations, execution headers and events.

It stores and finds; what the content means, only the rules know. One connection writes, for one
thread at a time, a `Batch` in a transaction; any number of others read what is committed
(write-ahead log), from any thread. Whoever only reads needs not own the file.
"""

from __future__ import annotations

import functools
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

from dataflow.engine import schema
from dataflow.engine.owner import Ownership
from dataflow.engine.schema import EVENT_BITS
from dataflow.errors import UsageError
from dataflow.protocol.names import CloseStatus

Durability = Literal["full", "process"]

#: ``full``: every commit is on the disk before it is answered. ``process``: it has left this
#: process, so that only a failure of the machine can lose the last moments (never the file).
_SYNCHRONOUS: dict[Durability, str] = {"full": "FULL", "process": "NORMAL"}

MEMORY = ":memory:"

#: Rows of one INSERT: the fewer statements, the less often the writer waits for Python's lock,
#: which it gives up and asks for again at each.
_MOST_ROWS = 256
_LAST_EVENT = 2**EVENT_BITS - 1
#: Pages of the write-ahead log before they are moved into the database.
_CHECKPOINT_PAGES = 4_000
#: Bytes that the log keeps when it has been moved.
_LOG_BYTES = 64 * 2**20


class Header(NamedTuple):
    """The row of an execution."""

    number: int
    domain: int
    workflow_id: str
    run_id: str
    type_name: str
    type_version: str
    started: float
    closed: float | None
    close_status: CloseStatus | None
    expires: float | None
    #: The ``WorkflowExecutionInfo``, as JSON.
    info: bytes


class Batch:
    """What one transaction will write."""

    __slots__ = ("events", "headers", "statements")

    def __init__(self) -> None:
        #: Ids (see `schema`) and bodies.
        self.events: list[tuple[int, bytes]] = []
        #: By number; the last one of an execution counts.
        self.headers: dict[int, Header] = {}
        #: Whatever is rare.
        self.statements: list[tuple[str, Sequence[Any]]] = []

    def __bool__(self) -> bool:
        return bool(self.events or self.headers or self.statements)


class Query(NamedTuple):
    """Which executions a listing is of."""

    domain: int
    open: bool
    by: Literal["started", "closed"]
    #: Seconds since the epoch, both included.
    oldest: float
    latest: float
    workflow_id: str | None = None
    type_name: str | None = None
    type_version: str | None = None
    tag: str | None = None
    close_status: str | None = None


class Found(NamedTuple):
    """One execution of a listing."""

    #: Where it stands in the listing: the time it is ordered by, and its number.
    position: tuple[float, int]
    info: bytes


class Store:
    """An open file. Its methods raise `sqlite3.Error` where the disk fails."""

    def __init__(
        self, path: str | Path, *, durability: Durability = "full", read_only: bool = False
    ) -> None:
        """Open the file, or make it; own it.

        ``read_only``: open a file that is there, whoever owns it, and write nothing. Raises
        `UsageError` (`EngineInUse`) if it cannot be used.
        """
        self.path = str(path)
        self._read_only = read_only
        self.in_memory = self.path == MEMORY
        self._ownership: Ownership | None = None
        self._readers: list[sqlite3.Connection] = []
        self._memory_lock = threading.RLock()
        self._closed = False
        try:
            if not self.in_memory and not read_only:
                self._ownership = Ownership(Path(path))
            self._writer = self._connect()
            try:
                self._prepare(durability)
                (self.secret,) = self._writer.execute("SELECT value FROM secret").fetchone()
            except BaseException:
                self._writer.close()
                raise
        except (OSError, sqlite3.Error, TypeError) as error:
            self._release()
            if not isinstance(error, OSError | sqlite3.OperationalError):
                raise damaged(path, error) from error
            why = getattr(error, "strerror", None) or error
            raise UsageError(
                f"cannot use {path} as the engine's file: {why}; make room, give this user the "
                "right to write there, or name another place"
            ) from error
        except BaseException:
            self._release()
            raise

    def _prepare(self, durability: Durability) -> None:
        writer = self._writer
        version = schema.check(writer, self.path)
        if self._read_only:
            if version < schema.VERSION:
                raise UsageError(
                    f"{self.path} has schema {version}, this version reads {schema.VERSION}: start "
                    "the server once, which brings it up to date"
                )
            return
        if version == 0:
            writer.execute("PRAGMA auto_vacuum = INCREMENTAL")
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute(f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}")
        writer.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        writer.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
        schema.migrate(writer, self.path)
        # A file that cannot be written is found out now, and not at the first request.
        self.probe()

    def _connect(self) -> sqlite3.Connection:
        # Each connection is used by one thread at a time, which need not be the same.
        path = f"{Path(self.path).absolute().as_uri()}?mode=ro" if self._read_only else self.path
        return sqlite3.connect(
            path,
            uri=self._read_only,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=512,
        )

    def close(self) -> None:
        """Close the file and let another process own it."""
        self._closed = True
        for reader in self._readers:
            reader.close()
        self._readers.clear()
        self._writer.close()
        self._release()

    def _release(self) -> None:
        if self._ownership is not None:
            self._ownership.release()

    # --- writing ------------------------------------------------------------------------

    def probe(self) -> None:
        """Write something that changes nothing."""
        with self._transaction() as writer:
            writer.execute(f"PRAGMA user_version = {schema.VERSION}")

    def commit(self, batch: Batch) -> None:
        """Write all of a batch, or nothing."""
        with self._transaction() as writer:
            self._insert_events(writer, batch.events)
            for header in batch.headers.values():
                writer.execute(_UPSERT_EXECUTION, header)
            for sql, parameters in batch.statements:
                writer.execute(sql, parameters)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._memory_lock:
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                # Some errors have rolled back already: a full disk, for one.
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise

    def _insert_events(
        self, writer: sqlite3.Connection, events: Sequence[tuple[int, bytes]]
    ) -> None:
        for at in range(0, len(events), _MOST_ROWS):
            some = events[at : at + _MOST_ROWS]
            writer.execute(_insert_events(len(some)), [value for row in some for value in row])

    def purge(self, now: float, most_events: int) -> int:
        """Delete executions whose retention has ended, up to about so many events; how many."""
        with self._transaction() as writer:
            numbers: list[int] = []
            events = 0
            for (number,) in writer.execute(
                "SELECT number FROM execution WHERE expires <= ? ORDER BY expires LIMIT ?",
                (now, most_events),
            ).fetchall():
                if events >= most_events:
                    break
                first = number << EVENT_BITS
                deleted = writer.execute(
                    "DELETE FROM event WHERE id BETWEEN ? AND ?", (first, first + _LAST_EVENT)
                )
                events += deleted.rowcount
                numbers.append(number)
            for number in numbers:
                writer.execute("DELETE FROM tag WHERE number = ?", (number,))
                writer.execute("DELETE FROM execution WHERE number = ?", (number,))
        if numbers and not self.in_memory:
            self._writer.execute("PRAGMA incremental_vacuum").fetchall()
        return len(numbers)

    # --- reading ------------------------------------------------------------------------

    @contextmanager
    def _reader(self) -> Iterator[sqlite3.Connection]:
        if self._closed:
            raise sqlite3.ProgrammingError("the file is closed")
        if self.in_memory:
            with self._memory_lock:
                yield self._writer
            return
        try:
            reader = self._readers.pop()
        except IndexError:
            reader = self._connect()
            reader.execute("PRAGMA query_only = ON")
        yield reader  # after an error it is dropped, and closes itself
        self._readers.append(reader)

    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]:
        with self._reader() as reader:
            return reader.execute(sql, parameters).fetchall()

    def domains(self) -> list[tuple[int, str, bytes, float, float | None, bytes]]:
        """All rows of the table."""
        return self._rows("SELECT * FROM domain")

    def types(self) -> list[tuple[int, str, str, str, bytes, float, float | None]]:
        """All rows of the table."""
        return self._rows("SELECT * FROM type")

    def last_number(self) -> int:
        """The highest number of an execution; 0 if there is none."""
        ((number,),) = self._rows("SELECT coalesce(max(number), 0) FROM execution")
        return int(number)

    def headers(self, *, open_only: bool = False) -> Iterator[Header]:
        """Executions in the order of their numbers, read while they are asked for."""
        with self._reader() as reader:
            where = "WHERE closed IS NULL" if open_only else ""
            rows = reader.execute(f"SELECT * FROM execution {where} ORDER BY number")  # noqa: S608
            yield from map(Header._make, rows)

    def header(self, run_id: str) -> Header | None:
        """The execution of this run id."""
        rows = self._rows("SELECT * FROM execution WHERE run_id = ?", (run_id,))
        return Header(*rows[0]) if rows else None

    def events(self, number: int, first: int = 1, last: int = _LAST_EVENT) -> list[bytes]:
        """Events of an execution, ``first`` and ``last`` included, ascending; all if not said."""
        start = number << EVENT_BITS
        rows = self._rows(
            "SELECT body FROM event WHERE id BETWEEN ? AND ?",
            (start + first, start + last),
        )
        return [body for (body,) in rows]

    def last_event_id(self, number: int) -> int:
        """The id of an execution's last event."""
        start = number << EVENT_BITS
        ((last,),) = self._rows(
            "SELECT max(id) FROM event WHERE id BETWEEN ? AND ?", (start, start + _LAST_EVENT)
        )
        return int(last) - start

    def next_expiry(self) -> float | None:
        """When the next retention ends."""
        ((expires,),) = self._rows("SELECT min(expires) FROM execution WHERE expires IS NOT NULL")
        return None if expires is None else float(expires)

    def page(
        self,
        query: Query,
        now: float,
        *,
        after: tuple[float, int] | None,
        limit: int,
        reverse: bool,
    ) -> list[Found]:
        """A page of a listing, newest first (``reverse``: oldest first), behind a position."""
        where, parameters = _where(query)
        one = "t" if query.tag is not None else "e"
        if not query.open:
            # What has expired is gone, even if it has not been deleted yet.
            where += " AND e.expires > ?"
            parameters.append(now)
        if query.tag is not None:
            where = where.replace(" WHERE ", " CROSS JOIN execution e USING (number) WHERE ", 1)
        if after is not None:
            where += f" AND ({one}.{query.by}, {one}.number) {'>' if reverse else '<'} (?, ?)"
            parameters += after
        way = "ASC" if reverse else "DESC"
        rows = self._rows(
            f"SELECT {one}.{query.by}, {one}.number, e.info FROM {where} "  # noqa: S608 - our words
            f"ORDER BY {one}.{query.by} {way}, {one}.number {way} LIMIT ?",
            [*parameters, limit],
        )
        return [Found((at, number), info) for at, number, info in rows]

    def count(self, query: Query, now: float) -> int:
        """How many executions a listing has."""
        where, parameters = _where(query)
        if query.open:
            ((count,),) = self._rows(f"SELECT count(*) FROM {where}", parameters)  # noqa: S608
            return int(count)
        # Those that have expired, and have not been deleted yet, are few: they are taken off, since
        # to ask each of all the others would take long.
        conditions = where.partition(" WHERE ")[2]
        tables = "execution e INDEXED BY execution_expires"
        if query.tag is not None:
            tables += " CROSS JOIN tag t USING (number)"
        with self._reader() as reader:
            reader.execute("BEGIN")
            try:
                ((count,),) = reader.execute(f"SELECT count(*) FROM {where}", parameters)  # noqa: S608
                ((expired,),) = reader.execute(
                    f"SELECT count(*) FROM {tables} WHERE e.expires <= ? AND {conditions}",  # noqa: S608
                    [now, *parameters],
                )
            finally:
                reader.execute("COMMIT")
        return int(count) - int(expired)

    def check_integrity(self) -> list[str]:
        """What SQLite itself finds wrong with the file."""
        rows = self._rows("PRAGMA integrity_check")
        return [text for (text,) in rows if text != "ok"]


def damaged(path: str | Path, error: BaseException) -> UsageError:
    """What to say of a file whose content cannot be right."""
    told = str(error) or type(error).__name__
    return UsageError(
        f"{path} is damaged, or no file of dataflow's engine: {told}; "
        "put a backup in its place, or name another file"
    )


def event_id(number: int, event: int) -> int:
    """The id of an event's row."""
    return (number << EVENT_BITS) + event


def insert_tags(header: Header, tags: Iterable[str]) -> list[tuple[str, Sequence[Any]]]:
    """The statements that make an execution known by its tags."""
    return [
        (
            "INSERT OR IGNORE INTO tag VALUES (?, ?, ?, ?, ?)",
            (header.number, tag, header.domain, header.started, header.closed),
        )
        for tag in tags
    ]


def close_tags(header: Header) -> tuple[str, Sequence[Any]]:
    """The statement that makes a closed execution known as such by its tags."""
    return "UPDATE tag SET closed = ? WHERE number = ?", (header.closed, header.number)


@functools.cache
def _insert_events(rows: int) -> str:
    return f"INSERT INTO event VALUES {','.join(['(?,?)'] * rows)}"  # noqa: S608 - our own words


_UPSERT_EXECUTION = """
    INSERT INTO execution VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (number) DO UPDATE SET closed = excluded.closed,
        close_status = excluded.close_status, expires = excluded.expires, info = excluded.info
"""


def _where(query: Query) -> tuple[str, list[Any]]:
    """The tables and the conditions of a query, and their parameters.

    All columns that it asks for are in one index, which is named: SQLite keeps no statistics here
    and would have to guess.
    """
    one = "t" if query.tag is not None else "e"
    tables = f"execution e INDEXED BY {_index(query)}"
    if query.tag is not None:
        index = "tag_started" if query.open else f"tag_{query.by}"
        tables = f"tag t INDEXED BY {index}"
    conditions = [
        f"{one}.domain = ?",
        f"{one}.closed IS {'' if query.open else 'NOT '}NULL",
        f"{one}.{query.by} BETWEEN ? AND ?",
    ]
    parameters: list[Any] = [query.domain, query.oldest, query.latest]
    for column in ("workflow_id", "type_name", "type_version", "tag", "close_status"):
        value = getattr(query, column)
        if value is not None:
            conditions.append(f"{one}.{column} = ?")
            parameters.append(value)
    return f"{tables} WHERE {' AND '.join(conditions)}", parameters


def _index(query: Query) -> str:
    if query.workflow_id is not None:
        return f"execution_id_{query.by}"
    if query.type_name is not None:
        return f"execution_type_{query.by}"
    if query.close_status is not None:
        return f"execution_status_{query.by}"
    return "execution_open" if query.open else f"execution_{query.by}"
