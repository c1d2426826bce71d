"""From a task to an outcome, here and now: in the thread of a slot, or in a child process.

Whatever happens is an outcome: code that cannot be found, what it raises, a result that no field of
SWF can hold. What leaves here is as it goes into history; what it refers to is stored.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dataflow.activity import Activity
from dataflow.errors import ActivityCanceled, PayloadError, PayloadUnavailable
from dataflow.payload import failure
from dataflow.payload.fields import CLEAR, Fields
from dataflow.payload.jumbo import is_clear
from dataflow.process import jobs
from dataflow.process.calls import persist
from dataflow.process.catalogue import Catalogue
from dataflow.process.jobs import Canceled, Completed, Failed, Job, Outcome, Perform
from dataflow.process.tasks import PolledTask
from dataflow.protocol.limits import DATA_LENGTH, REASON_LENGTH

_log = logging.getLogger(__name__)

#: Seconds for which a store that does not answer is asked again: longer than it tries itself, since
#: the work of a whole attempt is at stake.
_STORE_SECONDS = 60.0
#: References of one input that are followed at a time.
_FETCHES = 8
#: Characters of the details of a failure that need no store, whatever a codec makes of them.
_SHORT_DETAILS = DATA_LENGTH // 8


class Performer:
    """Finds activities and performs them. All threads may use it."""

    def __init__(
        self,
        catalogue: Catalogue,
        within: Perform | None = None,
        *,
        fields: Fields = CLEAR,
        store_seconds: float = _STORE_SECONDS,
    ) -> None:
        """``within``: what performs an activity, as for `jobs.outcome`."""
        self._catalogue = catalogue
        self._within = within
        self._fields = fields
        self._store_seconds = store_seconds
        #: Never set: who wants a task to end raises `ActivityCanceled`, or does not wait for it.
        self._stop = threading.Event()

    def perform(
        self,
        task: PolledTask,
        beat: Callable[[str | None], None],
        found: Callable[[Activity[..., Any, Any]], None] = lambda _: None,
    ) -> Outcome:
        """How the task ended.

        ``beat`` takes the details of the activity's heartbeats, and raises `ActivityCanceled` if it
        shall end; ``found`` hears of the activity before it begins.
        """
        try:
            return self._written(self._perform(task, beat, found))
        except ActivityCanceled:
            return Canceled()
        except BaseException as error:  # noqa: BLE001 - a KeyboardInterrupt is the activity's own
            return self._failed(Failed.of(error))

    def _perform(
        self,
        task: PolledTask,
        beat: Callable[[str | None], None],
        found: Callable[[Activity[..., Any, Any]], None],
    ) -> Outcome:
        activity = self._catalogue.find(task.name, task.version)
        found(activity)
        job = Job(
            activity=activity,
            activity_id=task.activity_id,
            input=task.input,
            domain=task.domain,
            workflow_id=task.workflow_id,
            run_id=task.run_id,
        )
        return jobs.outcome(job, beat, self._within, fields=self._fields, fetch=self._fetch)

    def _written(self, outcome: Outcome) -> Outcome:
        """The outcome as it goes into history. Raises `PayloadError`."""
        if isinstance(outcome, Completed):
            return Completed(self._write(outcome.result, "result"))
        return self._failed(outcome) if isinstance(outcome, Failed) else outcome

    def _failed(self, outcome: Failed) -> Failed:
        """A failure that is told, whatever becomes of its details."""
        reason, details = self._fields.brief(outcome.reason, REASON_LENGTH), outcome.details
        for _ in range(2):
            try:
                return Failed(reason, self._write(details, "details"))
            except PayloadError as error:
                _log.warning(
                    "the details of a failure are cut: %s", error, extra={"event": "details.cut"}
                )
                details = failure.shorten(details, _SHORT_DETAILS)
        return Failed(reason, "")

    def _fetch(self, texts: Sequence[str]) -> list[str]:
        """What fields say; many at once, since a store may be far away."""
        if len(texts) <= 1:
            return [self._read(text) for text in texts]
        pool = ThreadPoolExecutor(min(len(texts), _FETCHES), thread_name_prefix="dataflow-fetch")
        try:
            return list(pool.map(self._read, texts))
        finally:
            # An error, or the end of the task, waits for nothing.
            pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, text: str) -> str:
        # Nearly all are clear texts, for which nobody has to be patient.
        return text if is_clear(text) else self._patiently(lambda: self._fields.read(text))

    def _write(self, text: str, field: str) -> str:
        return self._patiently(lambda: self._fields.write(text, field=field, limit=DATA_LENGTH))

    def _patiently(self, call: Callable[[], str]) -> str:
        try:
            return call()
        except PayloadUnavailable as error:
            return persist(
                call,
                seconds=self._store_seconds,
                stop=self._stop,
                may_pass=_may_come_back,
                met=error,
            )


def _may_come_back(error: BaseException) -> bool:
    return isinstance(error, PayloadUnavailable)


def heartbeat_seconds(activity: Activity[..., Any, Any]) -> float | None:
    """How often an activity that SWF expects to hear of should be heard of; None: it does not.

    The time-out is that which the code asks for. The task's own is not in the answer of a poll.
    """
    if not activity.heartbeat_timeout.isdecimal():
        return None
    # Two heartbeats may be lost.
    return max(_SHORTEST_SECONDS, int(activity.heartbeat_timeout) / 3)


#: Not more often, whatever the time-out.
_SHORTEST_SECONDS = 0.25
