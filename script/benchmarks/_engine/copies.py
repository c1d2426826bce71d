"""A file with very many executions, made in seconds: real ones, copied.

An execution is brought about through the engine. Its events do not say whose they are, so copies
of the rows under other ids are what as many requests would have written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec
from _engine.subject import Client, in_process

from dataflow.engine import Engine
from dataflow.engine.schema import EVENT_BITS
from dataflow.engine.store import Batch, Header, Store, insert_tags

_BATCH = 1_000


class Original(NamedTuple):
    """An execution as the engine has written it."""

    header: Header
    #: From the first one on.
    events: list[bytes]

    def copy(self, number: int, workflow_id: str, **changes: Any) -> Copy:
        """The same under another name. ``changes``: of the header's columns."""
        header = self.header._replace(
            number=number, workflow_id=workflow_id, run_id=uuid4().hex, **changes
        )
        return Copy(header, [], self.events)


class Copy(NamedTuple):
    """An execution to be written."""

    header: Header
    tags: list[str]
    events: list[bytes]

    def written(self, batch: Batch) -> None:
        """Put it into a batch."""
        header, first = self.header, (self.header.number << EVENT_BITS) + 1
        batch.headers[header.number] = header._replace(info=self._info())
        batch.statements += insert_tags(header, self.tags)
        batch.events += enumerate(self.events, first)

    def _info(self) -> bytes:
        """What listings answer: as the header has it."""
        header = self.header
        info = msgspec.json.decode(header.info)
        info["execution"] = {"workflowId": header.workflow_id, "runId": header.run_id}
        info["workflowType"] = {"name": header.type_name, "version": header.type_version}
        info["startTimestamp"] = header.started
        if header.closed is not None:
            info["closeTimestamp"] = header.closed
        if self.tags:
            info["tagList"] = self.tags
        return msgspec.json.encode(info)


def originals(path: Path, bring_about: Callable[[Client], None]) -> list[Original]:
    """What the engine has in a new file when this has been done, in the order of the starts."""
    with Engine(path) as engine:
        client = Client(in_process(engine))
        client.register()
        bring_about(client)
    store = Store(path)
    try:
        return [Original(header, store.events(header.number)) for header in store.headers()]
    finally:
        store.close()


def write(path: Path, copies: Iterable[Copy]) -> None:
    """Add executions to the file."""
    store = Store(path, durability="process")
    try:
        for some in _batches(iter(copies)):
            batch = Batch()
            for copy in some:
                copy.written(batch)
            store.commit(batch)
    finally:
        store.close()


def _batches(copies: Iterator[Copy]) -> Iterator[list[Copy]]:
    while some := list(islice(copies, _BATCH)):
        yield some
