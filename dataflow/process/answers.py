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

An engine in this process calls back when an answer is on disk. Nobody waits for that: the answer is
with the engine, which writes it before it ends. What could not be written, a thread gives again,
one after the other.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from typing import Any

from dataflow.errors import DataflowError
from dataflow.process.calls import Stopped, code, passes, pauses, persist
from dataflow.process.jobs import Canceled, Completed, Failed, Outcome
from dataflow.process.logs import task_context
from dataflow.process.polling import Answered, Direct
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
        direct: Direct | None = None,
    ) -> None:
        """``hurry``: when it is set, nothing is tried again."""
        self._service = service
        self._direct = direct
        self._hurry = hurry
        self._pauses = pauses
        #: Answers to be given again; None: no more.
        self._again: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._giver = threading.Thread(target=self._give_again, name="answers", daemon=True)
        if direct is not None:  # now, since there may be no room for a thread when it is needed
            self._giver.start()

    def give(self, running: Running, outcome: Outcome) -> None:
        """Answer a task, unless somebody else has. Never raises an `Exception`."""
        if not running.claim():
            return
        if isinstance(outcome, Canceled) and running.ending is Ending.STOPPED:
            outcome = STOPPED
        if self._direct is None or running.ending is Ending.GONE:
            self._insist(running, outcome)
        else:
            self._leave(self._direct, running, outcome)

    def close(self, seconds: float) -> None:
        """Wait for the answers that have to be given again; there will be no more."""
        self._again.put(None)
        if self._direct is not None:
            self._giver.join(seconds)

    def _leave(self, direct: Direct, running: Running, outcome: Outcome) -> None:
        """Leave an answer with the engine."""
        method, request = self._request(running.task.token, outcome)

        def told(answered: Answered) -> None:
            try:
                answered()
            except Exception as error:  # noqa: BLE001 - looked at in the thread
                self._again.put(partial(self._insist, running, outcome, error))

        try:
            direct.ask(method, request, told)
        except Exception as error:  # noqa: BLE001 - looked at there
            self._insist(running, outcome, error)

    def _give_again(self) -> None:
        while (again := self._again.get()) is not None:
            again()

    def _insist(self, running: Running, outcome: Outcome, met: Exception | None = None) -> None:
        """Give an answer until it is taken; ``met``: what a first attempt has met."""
        with task_context(**running.task.log_fields):
            self._try(running, outcome, met)

    def _try(self, running: Running, outcome: Outcome, met: Exception | None) -> None:
        try:
            self._give(running, outcome, met)
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

    def _give(self, running: Running, outcome: Outcome, met: Exception | None) -> None:
        try:
            self._persist(running, outcome, met)
        except (_Gone, Stopped):
            raise
        except Exception as error:
            if passes(error) or code(error) in _SETTLED:
                raise
            # What the service does not take is told to whoever waits for it.
            _log.exception("the answer was refused", extra={"event": "answer.refused"})
            refused = AnswerRefused(f"{code(error) or type(error).__name__}: {error}")
            self._persist(running, Failed.of(refused))

    def _persist(self, running: Running, outcome: Outcome, met: Exception | None = None) -> None:
        method, request = self._request(running.task.token, outcome)
        ask = getattr(self._service, method)

        def respond() -> None:
            if running.ending is Ending.GONE:
                raise _Gone
            ask(**request)

        persist(respond, seconds=ANSWER_SECONDS, stop=self._hurry, pause=self._pauses(), met=met)

    def _request(self, token: str, outcome: Outcome) -> tuple[str, dict[str, Any]]:
        if isinstance(outcome, Completed):
            request = {"taskToken": token, "result": outcome.result}
            return "respond_activity_task_completed", request
        if isinstance(outcome, Failed):
            request = {"taskToken": token, "reason": outcome.reason, "details": outcome.details}
            return "respond_activity_task_failed", request
        return "respond_activity_task_canceled", {"taskToken": token}


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
