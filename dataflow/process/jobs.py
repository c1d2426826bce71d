"""One activity task in the hands of a worker, and what becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from dataflow import activity as activities
from dataflow.activity import Activity, Context
from dataflow.clock import Clock
from dataflow.errors import ActivityCanceled, PayloadError
from dataflow.payload import arguments, codec, failure
from dataflow.protocol.limits import HEARTBEAT_DETAILS_LENGTH


class Job(msgspec.Struct, eq=False, kw_only=True):
    """An activity task for a worker."""

    scheduled_event_id: int
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


@dataclass(frozen=True, slots=True)
class Completed:
    """The activity has returned."""

    result: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The activity has raised."""

    reason: str
    details: str


@dataclass(frozen=True, slots=True)
class Canceled:
    """The activity has given up, as it was asked to."""


@dataclass(frozen=True, slots=True)
class Started:
    """A worker has taken the task."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The activity goes on."""

    details: str | None


STARTED = Started()

#: What became of a job, and when: seconds since the epoch.
Report = tuple[Job, Started | Completed | Failed | Canceled | Heartbeat, float]


def perform(job: Job, clock: Clock, send: Callable[[Report], None]) -> None:
    """Run the activity, here and now; ``send`` takes its heartbeats and its end.

    Never raises an `Exception`.
    """
    send((job, _perform(job, clock, send), clock.now()))


def _perform(
    job: Job, clock: Clock, send: Callable[[Report], None]
) -> Completed | Failed | Canceled:
    activity = job.activity

    def heartbeat(details: Any) -> None:
        if job.cancel_requested or job.abandoned:
            raise ActivityCanceled(f"{job.activity_id} was cancelled or has timed out")
        text = None if details is None else codec.encode(details, where="heartbeat details")
        if text is not None and len(text) > HEARTBEAT_DETAILS_LENGTH:
            raise PayloadError(
                f"heartbeat details have {len(text)} characters; SWF takes at most "
                f"{HEARTBEAT_DETAILS_LENGTH}"
            )
        send((job, Heartbeat(text), clock.now()))

    try:
        given = arguments.decode(job.input)
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
        result = activities.run_in_context(context, activity, given.args, given.kwargs)
        return Completed(codec.encode(result, where="result"))
    except ActivityCanceled:
        return Canceled()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - user code; SystemExit must not end a worker
        why = failure.describe(error, skip_frames=3)
        return Failed(why.reason, why.details)
