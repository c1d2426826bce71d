"""One activity task in the hands of a worker, and what becomes of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from dataflow import activity as activities
from dataflow.activity import Activity, Context
from dataflow.clock import Clock
from dataflow.errors import ActivityCanceled, PayloadUnavailable
from dataflow.payload import arguments, codec, failure
from dataflow.payload.fields import CLEAR, Fields
from dataflow.protocol.limits import DATA_LENGTH, HEARTBEAT_DETAILS_LENGTH

_log = logging.getLogger(__name__)

#: Performs an activity with its arguments, in its context: `dataflow.activity.run_in_context`, or
#: something around it.
Perform = Callable[[Context, Activity[..., Any, Any], list[Any], dict[str, Any]], Any]


class Job(msgspec.Struct, eq=False, kw_only=True):
    """An activity task for a worker."""

    scheduled_event_id: int = 0
    #: 0 until a worker has taken the task.
    started_event_id: int = 0
    activity: Activity[..., Any, Any]
    activity_id: str
    input: str | None
    domain: str
    workflow_id: str
    run_id: str
    #: Held by whoever took the job: the worker that performs it, or the engine that withdraws it.
    claim: threading.Lock = msgspec.field(default_factory=threading.Lock)
    #: The task was asked to give up: its next heartbeat raises.
    cancel_requested: bool = False
    #: The task is over for the engine (it has timed out): nobody waits for its report.
    abandoned: bool = False

    def take(self) -> bool:
        """Claim the job; whoever gets True is the first and only."""
        return self.claim.acquire(blocking=False)


class Completed(msgspec.Struct, frozen=True, tag=True):
    """The activity has returned."""

    result: str


class Failed(msgspec.Struct, frozen=True, tag=True):
    """The activity has raised."""

    reason: str
    details: str

    @classmethod
    def of(
        cls, error: BaseException, *, skip_frames: int = 0, longest: int | None = DATA_LENGTH
    ) -> Failed:
        """The failure that an exception is; the rest as for `failure.describe`."""
        return cls(*failure.describe(error, skip_frames=skip_frames, longest=longest))


class Canceled(msgspec.Struct, frozen=True, tag=True):
    """The activity has given up, as it was asked to."""


class Started(msgspec.Struct, frozen=True):
    """A worker has taken the task."""


class Heartbeat(msgspec.Struct, frozen=True, tag=True):
    """The activity goes on."""

    details: str | None


STARTED = Started()

#: How an activity ended.
Outcome = Completed | Failed | Canceled

#: What became of a job, and when: seconds since the epoch.
Report = tuple[Job, Started | Heartbeat | Outcome, float]


def perform(job: Job, clock: Clock, send: Callable[[Report], None], fields: Fields = CLEAR) -> None:
    """Run the activity, here and now; ``send`` takes its heartbeats and its end.

    Never raises an `Exception`.
    """

    def beat(details: str | None) -> None:
        send((job, Heartbeat(details), clock.now()))

    send((job, outcome(job, beat, fields=fields), clock.now()))


def outcome(
    job: Job,
    beat: Callable[[str | None], None],
    within: Perform | None = None,
    *,
    fields: Fields = CLEAR,
    fetch: Callable[[Sequence[str]], Sequence[str]] | None = None,
) -> Outcome:
    """Run the activity, here and now; its outcome is in clear text.

    ``beat`` takes the details of its heartbeats, as they go into history, and may raise
    `ActivityCanceled`; ``within``: what performs it, if not `dataflow.activity.run_in_context`
    alone; ``fetch``: what reads its input (`arguments.read`), if not ``fields``. Never raises an
    `Exception`.
    """
    activity = job.activity
    told: str | None = None

    def one_by_one(texts: Sequence[str]) -> list[str]:
        return [fields.read(text) for text in texts]

    def heartbeat(details: Any) -> None:
        nonlocal told
        if job.cancel_requested or job.abandoned:
            raise ActivityCanceled(f"{job.activity_id} was cancelled or has timed out")
        text = None if details is None else codec.encode(details, where="heartbeat details")
        try:
            told = text and fields.write(
                text, field="heartbeat details", limit=HEARTBEAT_DETAILS_LENGTH
            )
        except PayloadUnavailable as error:
            # The task is alive all the same; how far it is, a later heartbeat will tell.
            _log.warning("%s", error, extra={"event": "heartbeat.without_details"})
        beat(told)

    # Of ours, above the frames of users: this one, run_in_context (in what is around it), perform.
    frames = 3 if within is None else 4
    try:
        given = arguments.read(job.input, fetch or one_by_one)
        context = Context(
            domain=job.domain,
            workflow_id=job.workflow_id,
            run_id=job.run_id,
            activity_id=job.activity_id,
            name=activity.name,
            version=activity.version,
            attempt=given.attempt,
            meta=given.meta,
            send_heartbeat=heartbeat,
        )
        run = within or activities.run_in_context
        result = run(context, activity, given.args, given.kwargs)
        return Completed(codec.encode(result, where="result"))
    except ActivityCanceled:
        return Canceled()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - user code; SystemExit must not end a worker
        return Failed.of(error, skip_frames=frames, longest=fields.longest(DATA_LENGTH))
