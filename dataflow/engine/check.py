"""Is an engine's file sound? Every history is read through the rules, and compared with its header.

The file is only read, so it can be checked while its owner runs: what the owner writes meanwhile is
not seen, since all is read in one state of the file.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from dataflow.engine import schema
from dataflow.engine.rules.execution import Execution
from dataflow.engine.schema import EVENT_BITS
from dataflow.engine.state import execution_info
from dataflow.engine.store import Header
from dataflow.errors import UsageError
from dataflow.protocol import events as ev

#: Problems that are told one by one; of more, only the number.
_MOST = 100


@dataclass(slots=True)
class Report:
    """What a check has found."""

    path: str
    domains: int = 0
    types: int = 0
    open_executions: int = 0
    closed_executions: int = 0
    events: int = 0
    #: A line each; empty if the file is sound.
    problems: list[str] = field(default_factory=list)
    #: How many there are beyond these.
    more_problems: int = 0

    def add(self, problem: str) -> None:
        """One more problem."""
        if len(self.problems) < _MOST:
            self.problems.append(problem)
        else:
            self.more_problems += 1


def check(path: str | Path) -> Report:
    """Read all of a file. Raises `UsageError` if it is not an engine's, or cannot be read."""
    if not Path(path).is_file():
        raise UsageError(f"there is no file {path}: name an engine's file, or its --home")
    report = Report(str(path))
    connection = None
    try:
        connection = sqlite3.connect(f"{Path(path).absolute().as_uri()}?mode=ro", uri=True)
        connection.execute("BEGIN")
        version = schema.check(connection, str(path))
        if version < schema.VERSION:
            raise UsageError(
                f"{path} has schema {version}, this version checks {schema.VERSION}: "
                "start the server once, which brings it up to date"
            )
        _check_file(connection, report)
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError) or report.events == 0:
            raise UsageError(f"cannot read {path}: {error}") from error
        report.add(f"the file is damaged: {error}")
    finally:
        if connection is not None:
            connection.close()
    return report


def _check_file(connection: sqlite3.Connection, report: Report) -> None:
    for (text,) in connection.execute("PRAGMA integrity_check"):
        if text != "ok":
            report.add(f"SQLite: {text}")
    domains = _check_registrations(connection, report)
    numbers = _check_executions(connection, domains, report)
    for (number,) in connection.execute("SELECT DISTINCT id >> ? FROM event", (EVENT_BITS,)):
        if number not in numbers:
            report.add(f"there are events of an execution {number}, which has no header")


def _check_registrations(connection: sqlite3.Connection, report: Report) -> set[int]:
    """The numbers of the domains."""
    domains = {number for (number,) in connection.execute("SELECT number FROM domain")}
    report.domains = len(domains)
    (report.types,) = connection.execute("SELECT count(*) FROM type").fetchone()
    for (domain,) in connection.execute("SELECT DISTINCT domain FROM type"):
        if domain not in domains:
            report.add(f"there are types of a domain {domain}, which is not registered")
    return domains


def _check_executions(
    connection: sqlite3.Connection, domains: set[int], report: Report
) -> set[int]:
    """The numbers of the executions."""
    open_ids: set[tuple[int, str]] = set()
    numbers: set[int] = set()
    for row in connection.execute("SELECT * FROM execution ORDER BY number"):
        header = Header._make(row)
        numbers.add(header.number)
        where = f"execution {header.workflow_id} {header.run_id}"
        if header.domain not in domains:
            report.add(f"{where}: its domain {header.domain} is not registered")
        if header.closed is None:
            report.open_executions += 1
            if (header.domain, header.workflow_id) in open_ids:
                report.add(f"{where}: another execution of this workflow id is open")
            open_ids.add((header.domain, header.workflow_id))
        else:
            report.closed_executions += 1
        for problem in _check_execution(connection, header, report):
            report.add(f"{where}: {problem}")
    return numbers


def _check_execution(
    connection: sqlite3.Connection, header: Header, report: Report
) -> Iterator[str]:
    """The problems of one execution."""
    execution = Execution(header.workflow_id, header.run_id)
    first = header.number << EVENT_BITS
    rows = connection.execute(
        "SELECT id, body FROM event WHERE id BETWEEN ? AND ? ORDER BY id",
        (first, first + 2**EVENT_BITS - 1),
    )
    for row_id, body in rows:
        report.events += 1
        problem = _follow(execution, row_id - first, body)
        if problem is not None:
            # What comes after it would only be wrong because of it.
            yield problem
            return
    if execution.started is None:
        yield "it has no events"
        return
    if execution.open and execution.decision_due and execution.decision_task is None:
        yield "something has happened, and no decision task is scheduled"
    yield from _compare(header, execution, None if execution.open else execution.last_timestamp)


def _follow(execution: Execution, event_id: int, body: bytes) -> str | None:
    """Apply an event; why it cannot be the next one of this history."""
    try:
        event = ev.decode(body)
    except msgspec.DecodeError as error:
        return f"event {event_id} cannot be read: {error}"
    if event_id != execution.last_event_id + 1 or event.event_id != event_id:
        return f"event {execution.last_event_id + 1} is missing"
    if (event_id == 1) is not isinstance(event.attributes, ev.WorkflowExecutionStarted):
        return f"event {event_id} is a {event.event_type}"
    if event.timestamp < execution.last_timestamp:
        return f"event {event_id} is older than the one before it"
    if execution.close_status is not None:
        return f"event {event_id} comes after the execution was closed"
    try:
        execution.apply(event)
    except (AssertionError, AttributeError, KeyError, ValueError):
        return f"event {event_id}, {event.event_type}, cannot follow those before it"
    return None


def _compare(header: Header, execution: Execution, closed: float | None) -> Iterator[str]:
    """How a header differs from its history."""
    started = execution.started
    assert started is not None
    told = {
        "type_name": started.workflow_type.name,
        "type_version": started.workflow_type.version,
        "started": execution.started_at,
        "closed": closed,
        "close_status": execution.close_status,
    }
    for column, value in told.items():
        stored = getattr(header, column)
        if stored != value:
            yield f"the header says {column} {stored}, the history {value}"
    if (header.expires is None) is not (closed is None):
        yield "the header does not say rightly when it expires"
    if header.info != execution_info(execution, closed):
        yield "the header's info differs from the history"
