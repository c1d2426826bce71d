"""A new run with the results of an old one: only what failed, or is to be done again, is done.

Activity tasks that completed in the old run, under the same id, of the same type and with the same
input, are scheduled on a task list of their own, where they are answered with the old results. So
the new history holds everything, and needs the old one no more. Fields are compared and given as
they stand: what they refer to is not fetched.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable

import msgspec

from dataflow.inspection.tasks import Task, tasks
from dataflow.payload import jumbo
from dataflow.payload.arguments import of_attempt, of_first_attempt
from dataflow.payload.fields import Fields
from dataflow.process.calls import passes, pauses
from dataflow.process.polling import Connection
from dataflow.protocol.decisions import Decision, ScheduleActivityTask
from dataflow.protocol.events import Event
from dataflow.protocol.values import TaskList

_log = logging.getLogger(__name__)


def is_same(task: Task, decision: ScheduleActivityTask, fields: Fields) -> bool:
    """Whether a decision, in clear, schedules what another run calls this task; at any attempt.

    Raises `PayloadError`.
    """
    kind = decision.activity_type
    if (task.name, task.version) != (kind.name, kind.version):
        return False
    if task.input is None or decision.input is None:
        return task.input == decision.input
    old, first = fields.open(task.input), of_first_attempt(decision.input)
    if jumbo.parse(old) is None:
        return of_first_attempt(old) == first
    # A reference tells whether a text is the one that it refers to, and nothing else.
    attempts = range(2, len(task.attempts) + 1)
    return any(
        jumbo.matches(old, text) for text in (first, *(of_attempt(first, n) for n in attempts))
    )


class Repair:
    """The results of an old run, and the thread that gives them."""

    def __init__(
        self,
        connection: Connection,
        domain: str,
        task_list: str,
        old: Iterable[Event],
        *,
        force: str | None = None,
    ) -> None:
        """``task_list``: for the tasks whose results there are.

        ``force``: a regular expression; tasks in whose ids it is found are done again.
        """
        self._service = connection.service
        self._fields = connection.fields
        self._poller = connection.poller()
        self._domain = domain
        self._task_list = TaskList(task_list)
        forced = re.compile(force) if force else None
        self._done = {
            task.task_id: task
            for task in tasks(old)
            if task.kind == "activity"
            and task.state == "completed"
            and not (forced and forced.search(task.task_id))
        }
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._give, name="repair", daemon=True)

    def start(self) -> None:
        """Begin to give results."""
        self._thread.start()

    def stop(self) -> None:
        """Give no more."""
        self._stop.set()
        self._poller.cancel()

    def redirect(self, decision: Decision) -> Decision | None:
        """The decision on the list where its result is given; None if there is no result for it.

        Raises `PayloadError`.
        """
        if type(decision) is not ScheduleActivityTask:
            return None
        done = self._done.get(decision.activity_id)
        if done is None or not is_same(done, decision, self._fields):
            return None
        return msgspec.structs.replace(decision, task_list=self._task_list)

    def _give(self) -> None:
        waits = pauses()
        while not self._stop.is_set():
            try:
                task = self._poller.poll_for_activity_task(
                    domain=self._domain, taskList={"name": self._task_list.name}, identity="repair"
                )
                if not task.get("taskToken"):
                    continue
                result = self._done[task["activityId"]].result
                more = {} if result is None else {"result": result}
                self._service.respond_activity_task_completed(taskToken=task["taskToken"], **more)
                waits = pauses()
            except Exception as error:
                _log.warning("cannot give the result of an earlier run: %s", error)
                if not passes(error):
                    raise
                self._stop.wait(next(waits))
