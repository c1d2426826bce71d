"""From a task to an outcome, here and now: in the thread of a slot, or in a child process.

Whatever happens is an outcome: code that cannot be found, what it raises, a result that no field of
SWF can hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataflow.activity import Activity
from dataflow.errors import ActivityCanceled, PayloadError
from dataflow.process import jobs
from dataflow.process.catalogue import Catalogue
from dataflow.process.jobs import Canceled, Completed, Failed, Job, Outcome, Perform
from dataflow.process.tasks import PolledTask
from dataflow.protocol.limits import DATA_LENGTH


class ResultTooLong(PayloadError):
    """The result of an activity does not fit its field."""


class Performer:
    """Finds activities and performs them. All threads may use it."""

    def __init__(self, catalogue: Catalogue, within: Perform | None = None) -> None:
        """``within``: what performs an activity, as for `jobs.outcome`."""
        self._catalogue = catalogue
        self._within = within

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
            outcome = jobs.outcome(job, beat, self._within)
        except ActivityCanceled:
            return Canceled()
        except BaseException as error:  # noqa: BLE001 - a KeyboardInterrupt is the activity's own
            return Failed.of(error)
        if isinstance(outcome, Completed) and len(outcome.result) > DATA_LENGTH:
            return Failed.of(
                ResultTooLong(
                    f"the result has {len(outcome.result)} characters; SWF takes at most "
                    f"{DATA_LENGTH}: return less, or the place where it is stored"
                )
            )
        return outcome


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
