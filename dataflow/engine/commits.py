"""Group commit: everything that waits to be written shares one transaction and its one fsync.

1. *Nothing is told before it is on disk.* An answer waits with the batch that its events are in.
2. *Batches are written in order, by one thread.* While one is on its way to the disk, the next one
   fills; so the more callers there are, the larger the batches become.
3. *What could not be written has not happened.* A batch that fails takes with it the one that has
   been filling since, which stands on it; whoever owns the state takes it back, and all that
   waited are told.

4. *A decision that is being made is waited for*, though not longer than a commit takes: its answer
   is about to come, and then both share one commit. So a step of a chain costs one and not two.

A store in memory has no fsync to share: its batches are written where they are made (`flush`).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from dataflow.engine.later import Later
from dataflow.engine.store import Batch, Store
from dataflow.protocol.faults import Fault, ServiceUnavailable

#: Called once, with an answer or a `Fault`, from any thread.
Reply = Callable[[Any], None]

#: Seconds for which a batch waits for a decision. A decider in this process needs a third of it.
_DECISION_SECONDS = 0.001

_log = logging.getLogger(__name__)


class Pending(Batch):
    """A batch that is filling, or on its way to the disk."""

    __slots__ = ("answers", "closed", "deciding", "done", "runs")

    def __init__(self) -> None:
        super().__init__()
        #: What to tell, and to whom, when it is on disk.
        self.answers: list[tuple[Reply, Any]] = []
        #: The executions that have events in it.
        self.runs: set[str] = set()
        #: Those of them whose last events are in it.
        self.closed: list[str] = []
        #: Whether the last event in it has a decider make a decision.
        self.deciding = False
        self.done = False


class Commits:
    """The batch that is filling, and the thread that writes it."""

    def __init__(
        self,
        store: Store,
        lock: threading.Lock,
        *,
        settle: Callable[[Pending], None],
        take_back: Callable[[Sequence[Pending]], None],
        observe: Callable[[int, float], None],
    ) -> None:
        """A thread begins to wait for something to write, unless the store is in memory.

        ``lock`` guards ``pending``. It is held when ``settle`` is called with a batch that is on
        disk, and ``take_back`` with those that never will be. ``observe`` is told of each commit:
        its events, and the seconds it took.
        """
        self._store = store
        self._settle = settle
        self._take_back = take_back
        self._observe = observe
        self.pending = Pending()
        #: The last batch with a registration in it.
        self.registered: Pending | None = None
        #: Why the last batch could not be written; None if it could.
        self.trouble: str | None = None
        self._writing = threading.Lock()
        self._stopping = False
        self._idle = False
        #: Whether what is pending waits for a decision.
        self._holding = False
        self._news = threading.Condition(lock)
        self._lock = lock
        self._thread: threading.Thread | None = None
        if not store.in_memory:
            self._thread = threading.Thread(target=self._work, name="dataflow-commits", daemon=True)
            self._thread.start()

    @property
    def registrations_saved(self) -> bool:
        """Whether all changes of domains and types are on disk."""
        return self.registered is None or self.registered.done

    def wake(self) -> None:
        """There may be something to write; the lock is held."""
        pending = self.pending
        if self._holding:
            if not pending.deciding:
                self._news.notify()
        elif self._idle and (pending.answers or pending):
            self._news.notify()

    def flush(self) -> list[tuple[Reply, Any]]:
        """Write what is there, here and now, the lock being held; what to tell now.

        Only for a store in memory.
        """
        batch = self.pending
        if not batch.answers and not batch:
            return []
        self.pending = Pending()
        if batch:
            self._store.commit(batch)
        batch.done = True
        self._settle(batch)
        return batch.answers

    def drop(self) -> list[tuple[Reply, Any]]:
        """Give up what has not been written yet, the lock being held; who waits for it.

        What is on its way to the disk has arrived there when this returns, or has failed.
        """
        batch, self.pending = self.pending, Pending()
        with self._writing:
            return batch.answers

    def probe(self) -> None:
        """Find out whether the file can be written again; the lock is not held."""
        with self._writing:
            try:
                self._store.probe()
            except sqlite3.Error as error:
                self.trouble = f"cannot write {self._store.path}: {error}"
            else:
                self.trouble = None

    def purge(self, now: float, most_events: int) -> None:
        """Delete some of what has expired; the lock is not held."""
        with self._writing:
            try:
                self._store.purge(now, most_events)
            except sqlite3.Error as error:
                _log.warning("cannot delete expired executions: %s", error)

    def close(self) -> None:
        """Write what is there and stop; the lock is not held."""
        if self._thread is None:
            return
        with self._lock:
            self._stopping = True
            self._news.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._lock:
                while not (self.pending.answers or self.pending or self._stopping):
                    self._idle = True
                    self._news.wait()
                self._idle = False
                self._await_decision()
                batch = self.pending
                if self._stopping and not (batch.answers or batch):
                    return
                self.pending = Pending()
            self._write(batch)

    def _await_decision(self) -> None:
        """Law 4; the lock is held, but while it waits."""
        if not self.pending.deciding or self._stopping:
            return
        until = time.perf_counter() + _DECISION_SECONDS
        self._holding = True
        while self.pending.deciding and not self._stopping:
            left = until - time.perf_counter()
            if left <= 0:
                break
            self._news.wait(left)
        self._holding = False

    def _write(self, batch: Pending) -> None:
        try:
            if batch:
                began = time.perf_counter()
                with self._writing:
                    self._store.commit(batch)
                self._observe(len(batch.events), time.perf_counter() - began)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is not written
            self._fail(batch, error)
            return
        with self._lock:
            batch.done = True
            if batch:  # to have written nothing says nothing of the disk
                self.trouble = None
            self._settle(batch)
        tell(batch.answers)

    def _fail(self, batch: Pending, error: Exception) -> None:
        if self.trouble is None:
            _log.error(
                "cannot write %s: %s; requests are refused until it can be written again",
                self._store.path,
                error,
                extra={"event": "engine.commit.failed"},
            )
        with self._lock:
            failed = [batch, self.pending]
            self.pending = Pending()
            self.trouble = f"cannot write {self._store.path}: {error}"
            self._take_back(failed)
        fault = ServiceUnavailable(f"nothing was changed: {self.trouble}")
        tell(
            [
                (reply, answer if isinstance(answer, Later) and answer.of_disk else fault)
                for batch in failed
                for reply, answer in batch.answers
            ]
        )


def tell(answers: Sequence[tuple[Reply, Any | Fault]]) -> None:
    """Give answers to those who wait for them: to all, whatever becomes of one of them."""
    for reply, answer in answers:
        try:
            reply(answer)
        except Exception:  # noqa: BLE001 - it is the caller's
            _log.exception("an answer could not be given", extra={"event": "engine.reply.failed"})
