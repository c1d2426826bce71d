"""Lambda functions that have been started: performed in threads, and their ends recorded."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from dataflow.engine.lambdas import Invoker, failure
from dataflow.engine.state import Live
from dataflow.protocol import events as ev
from dataflow.protocol.limits import DATA_LENGTH, REASON_LENGTH

#: Functions that run at once; others wait for a thread.
_THREADS = 32

#: The event for the end of a function, given its started event.
Outcome = Callable[[int], ev.LambdaFunctionCompleted | ev.LambdaFunctionFailed]


class Functions:
    """Performs functions."""

    def __init__(self, invoker: Invoker, end: Callable[[Live, int, Outcome], None]) -> None:
        """``end`` records what became of one: its execution, its scheduled event, how."""
        self._invoker = invoker
        self._end = end
        self._threads: ThreadPoolExecutor | None = None
        self._closed = False

    def invoke(self, live: Live, scheduled_event_id: int) -> None:
        """Perform a function, in a thread; called by one thread at a time."""
        if self._closed:
            return
        if self._threads is None:
            self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="dataflow-lambda")
        self._threads.submit(self._perform, live, scheduled_event_id)

    def give_up(self, live: Live, scheduled_event_id: int) -> None:
        """Fail a function that was running when the engine stopped: nobody hears its end."""
        self._end(
            live,
            scheduled_event_id,
            lambda started_event_id: ev.LambdaFunctionFailed(
                scheduled_event_id=scheduled_event_id,
                started_event_id=started_event_id,
                reason="EngineRestarted",
                details="The engine was stopped while the function ran.",
            ),
        )

    def close(self) -> None:
        """Perform no more; what runs is not waited for."""
        self._closed = True
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _perform(self, live: Live, scheduled_event_id: int) -> None:
        function, started = live.execution.lambdas.get(scheduled_event_id), live.execution.started
        if function is None or started is None or started.lambda_role is None:
            return  # it has timed out, or its execution is closed
        scheduled = function.scheduled
        try:
            result = self._invoker(scheduled.name, scheduled.input, started.lambda_role)
            if result is not None and len(result) > DATA_LENGTH:
                raise ValueError(f"the result has {len(result)} characters, {DATA_LENGTH} may be")  # noqa: TRY301 - fails like any other
        except BaseException as error:  # noqa: BLE001 - whatever a function of others raises
            reason, details = failure(error)
            reason, details = reason[:REASON_LENGTH], details[:DATA_LENGTH]
            self._end(
                live,
                scheduled_event_id,
                lambda started_event_id: ev.LambdaFunctionFailed(
                    scheduled_event_id=scheduled_event_id,
                    started_event_id=started_event_id,
                    reason=reason,
                    details=details,
                ),
            )
            return
        self._end(
            live,
            scheduled_event_id,
            lambda started_event_id: ev.LambdaFunctionCompleted(
                scheduled_event_id=scheduled_event_id,
                started_event_id=started_event_id,
                result=result,
            ),
        )
