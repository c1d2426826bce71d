"""What is in an engine's file: registrations, execution headers, events.

``user_version`` says which of the steps below a file has been through; a file of a later version is
refused, an older one is brought up to date in one transaction. ``application_id`` says that the
file is ours. Steps are only ever added.

Ids of events: the number of the execution, shifted by `EVENT_BITS`, plus the event's id. So a
history is one range of a table that is ordered by its key, and needs no index.
"""

from __future__ import annotations

import os
import sqlite3

from dataflow.errors import UsageError

#: "dflw".
APPLICATION_ID = 0x64666C77
EVENT_BITS = 20
#: The most events that a history may be let grow to: the last request may write some more.
MOST_EVENTS = 2**EVENT_BITS - 2**14

_STEPS = (
    """
    CREATE TABLE secret (value BLOB NOT NULL);

    CREATE TABLE domain (
        number INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        registration BLOB NOT NULL,  -- the request, as JSON
        created REAL NOT NULL,       -- seconds since the epoch, as all times here
        deprecated REAL,
        tags BLOB NOT NULL           -- a JSON object
    );

    CREATE TABLE type (
        domain INTEGER NOT NULL,
        kind TEXT NOT NULL,          -- activity or workflow
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        registration BLOB NOT NULL,
        created REAL NOT NULL,
        deprecated REAL,
        PRIMARY KEY (domain, kind, name, version)
    ) WITHOUT ROWID;

    -- The header of an execution: what listings filter and order by, and what they answer.
    CREATE TABLE execution (
        number INTEGER PRIMARY KEY,
        domain INTEGER NOT NULL,
        workflow_id TEXT NOT NULL,
        run_id TEXT NOT NULL UNIQUE,
        type_name TEXT NOT NULL,
        type_version TEXT NOT NULL,
        started REAL NOT NULL,
        closed REAL,                 -- NULL while it is open
        close_status TEXT,
        expires REAL,                -- when its retention ends; NULL while it is open
        info BLOB NOT NULL           -- the WorkflowExecutionInfo, as JSON
    );
    -- Each begins with what is asked for, then comes what it is ordered by. What follows keeps a
    -- count, or a page of which few rows are wanted, from looking into the table.
    CREATE INDEX execution_open ON execution (domain, started) WHERE closed IS NULL;
    CREATE INDEX execution_started ON execution (domain, started, closed) WHERE closed IS NOT NULL;
    CREATE INDEX execution_closed ON execution (domain, closed) WHERE closed IS NOT NULL;
    CREATE INDEX execution_id_started ON execution (domain, workflow_id, started, closed);
    CREATE INDEX execution_id_closed ON execution (domain, workflow_id, closed)
        WHERE closed IS NOT NULL;
    CREATE INDEX execution_type_started
        ON execution (domain, type_name, started, type_version, closed);
    CREATE INDEX execution_type_closed ON execution (domain, type_name, closed, type_version)
        WHERE closed IS NOT NULL;
    CREATE INDEX execution_status_started ON execution (domain, close_status, started, closed)
        WHERE closed IS NOT NULL;
    CREATE INDEX execution_status_closed ON execution (domain, close_status, closed)
        WHERE closed IS NOT NULL;
    CREATE INDEX execution_expires ON execution (expires) WHERE expires IS NOT NULL;

    -- By number, since so they change and go.
    CREATE TABLE tag (
        number INTEGER NOT NULL,
        tag TEXT NOT NULL,
        domain INTEGER NOT NULL,
        started REAL NOT NULL,
        closed REAL,
        PRIMARY KEY (number, tag)
    ) WITHOUT ROWID;
    CREATE INDEX tag_started ON tag (domain, tag, started, number, closed);
    CREATE INDEX tag_closed ON tag (domain, tag, closed, number) WHERE closed IS NOT NULL;

    CREATE TABLE event (
        id INTEGER PRIMARY KEY,
        body BLOB NOT NULL           -- the HistoryEvent, as JSON
    );
    """,
)
VERSION = len(_STEPS)


def check(connection: sqlite3.Connection, path: str) -> int:
    """The version of the file. Raises `UsageError` for a file that is not ours to read."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application_id != APPLICATION_ID and (tables or application_id):
        raise UsageError(f"{path} is a database, but not of dataflow's engine: name another file")
    if version > VERSION:
        raise UsageError(
            f"{path} was written by a later version of dataflow (schema {version}, this version "
            f"knows {VERSION}): install that version, or use another file"
        )
    return int(version)


def migrate(connection: sqlite3.Connection, path: str) -> None:
    """Bring a file, or a new one, up to date."""
    version = check(connection, path)
    if version == VERSION:
        return
    # All or nothing: a process that dies here must leave nothing that cannot be opened again.
    steps = "".join(_STEPS[version:])
    if version == 0:
        steps += f"INSERT INTO secret VALUES (x'{os.urandom(32).hex()}');"  # noqa: S608 - ours
    connection.executescript(
        f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {VERSION}; "
        f"PRAGMA application_id = {APPLICATION_ID}; COMMIT"
    )
