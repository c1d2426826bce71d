"""How a worker answers a task.

========== =============================== ======================================================
outcome    the task shall end because      answer
========== =============================== ======================================================
any        it is gone                      none
Completed                                  completed, with the result
Failed                                     failed, with reason and details
Canceled   the worker is stopped           failed, since nobody has asked for its cancellation:
                                           whoever scheduled it may want to try again
Canceled   it was cancelled, or nothing    cancelled
========== =============================== ======================================================

An answer is given until it is taken: for as long as the service may be away and the task alive. An
answer that comes too late is dropped; one that the service refuses is a failure of the task. No
worker dies of an answer.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

from dataflow.errors import DataflowError
from dataflow.process.calls import Stopped, code, passes, pauses, persist
from dataflow.process.jobs import Canceled, Completed, Failed, Outcome
from dataflow.process.running import Ending, Running
from dataflow.protocol.service import Service

#: Seconds for which an answer is tried to be given.
ANSWER_SECONDS = 300.0

_log = logging.getLogger(__name__)


class WorkerStopped(DataflowError):
    """The worker was stopped before the activity had ended."""


class AnswerRefused(DataflowError):
    """The service has refused what the activity answered."""


class _Gone(Exception):
    """The task is over, so that no answer is waited for."""


class Answers:
    """Answers tasks; its methods are for all threads."""

    def __init__(
        self,
        service: Service,
        hurry: threading.Event,
        pauses: Callable[[], Iterator[float]] = pauses,
    ) -> None:
        """``hurry``: when it is set, nothing is tried again."""
        self._service = service
        self._hurry = hurry
        self._pauses = pauses

    def give(self, running: Running, outcome: Outcome) -> None:
        """Answer a task, unless somebody else has. Never raises an `Exception`."""
        if not running.claim():
            return
        try:
            self._give(running, outcome)
        except _Gone:
            _log.info("not answered, the task was over before it ended", extra=_LOST)
        except Stopped:
            _log.error("not answered, since the worker is stopped", extra=_LOST)
        except Exception as error:  # noqa: BLE001 - no worker dies of an answer
            if code(error) == "UnknownResourceFault":
                _log.warning(
                    "the answer came too late (or twice, its first acknowledgement being lost): %s",
                    error,
                    extra=_LOST,
                )
            else:
                _log.exception("the answer could not be given", extra=_LOST)

    def _give(self, running: Running, outcome: Outcome) -> None:
        if isinstance(outcome, Canceled) and running.ending is Ending.STOPPED:
            outcome = STOPPED
        try:
            self._persist(running, outcome)
        except (_Gone, Stopped):
            raise
        except Exception as error:
            if passes(error) or code(error) in _SETTLED:
                raise
            # What the service does not take is told to whoever waits for it.
            _log.exception("the answer was refused", extra={"event": "answer.refused"})
            refused = AnswerRefused(f"{code(error) or type(error).__name__}: {error}")
            self._persist(running, Failed.of(refused))

    def _persist(self, running: Running, outcome: Outcome) -> None:
        method, request = self._request(running.task.token, outcome)

        def respond() -> None:
            if running.ending is Ending.GONE:
                raise _Gone
            method(**request)

        persist(respond, seconds=ANSWER_SECONDS, stop=self._hurry, pause=self._pauses())

    def _request(self, token: str, outcome: Outcome) -> tuple[Callable[..., Any], dict[str, Any]]:
        service = self._service
        if isinstance(outcome, Completed):
            request = {"taskToken": token, "result": outcome.result}
            return service.respond_activity_task_completed, request
        if isinstance(outcome, Failed):
            request = {"taskToken": token, "reason": outcome.reason, "details": outcome.details}
            return service.respond_activity_task_failed, request
        return service.respond_activity_task_canceled, {"taskToken": token}


#: Faults that another answer would meet, too: the task is over, or the worker has no right.
_SETTLED = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "OperationNotPermittedFault",
        "UnknownResourceFault",
        "UnrecognizedClientException",
    }
)
_LOST = {"event": "answer.lost"}

#: The outcome of an activity that was told to end because its worker ends.
STOPPED = Failed.of(WorkerStopped("the worker was stopped before the activity had ended"))
