"""A workflow with everything it needs in one process: engine, decider, workers, client.

1. *One task list of its own.* Decision and activity tasks of the execution go there, whatever list
   the workflow names, so nobody else takes them, and nothing else is taken here.
2. *It goes on where it was.* The execution is in the engine. A later command with the same workflow
   id finds it there, with its task list; activities that the earlier command was at are done again.
3. *It ends with its execution*, or when it is told to: what runs then is given up, and done again
   by the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from dataflow.errors import UsageError
from dataflow.process.client import AlreadyStarted, Client, Ended, Start, own_list
from dataflow.process.decider import Decider
from dataflow.process.definitions import Definitions
from dataflow.process.polling import Connection
from dataflow.process.repairing import Repair
from dataflow.process.worker import HEARTBEAT_SECONDS, Isolation, Worker
from dataflow.protocol.decisions import Decision, ScheduleActivityTask
from dataflow.protocol.limits import ID_LENGTH
from dataflow.protocol.values import TaskList, WorkflowExecution
from dataflow.workflow import Workflow

#: Seconds between two looks whether the execution has ended.
_LONGEST_PAUSE = 0.25
#: Seconds that threads have to end when everything is over.
_END_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How many do the work, and how."""

    deciders: int = 1
    workers: int = 1
    isolation: Isolation = "process"
    heartbeat: float = HEARTBEAT_SECONDS
    identity: str = ""
    prepare: str | None = None


class Standalone:
    """One execution, and all who work for it."""

    def __init__(
        self,
        connection: Connection,
        domain: str,
        definition: type[Workflow],
        start: Start,
        setup: Setup,
        *,
        lose_workers: Callable[[str, str], None] | None = None,
        repair: tuple[WorkflowExecution, str | None] | None = None,
    ) -> None:
        """``start``: its task list is chosen here.

        ``lose_workers``: that of an engine in this process (`Engine.lose_workers`). ``repair``: an
        old run whose results are used, and which tasks are done again all the same (a regular
        expression).
        """
        self._stop = threading.Event()
        self._connection = connection
        self._domain = domain
        self.client = Client(connection, domain)
        self.resumed = False
        self.execution, task_list = self._begin(start)
        if self.resumed and lose_workers is not None:
            lose_workers(domain, task_list)
        self._task_list = TaskList(task_list)
        self._repair = None if repair is None else self._prepare_repair(*repair)
        definitions = Definitions([definition])
        self._decider = Decider(
            connection,
            domain,
            task_list,
            definitions.find,
            threads=setup.deciders,
            identity=setup.identity,
            place=self._place,
        )
        self._worker = Worker(
            connection,
            domain,
            task_list,
            concurrency=setup.workers,
            isolation=setup.isolation,
            heartbeat=setup.heartbeat,
            identity=setup.identity,
            prepare=setup.prepare,
        )
        self._problems: list[BaseException] = []

    def run(self) -> Ended | None:
        """How the execution has ended; None if `stop` was called before."""
        threads = [
            threading.Thread(target=self._work, args=(actor.run,), daemon=True)
            for actor in (self._decider, self._worker)
        ]
        for thread in threads:
            thread.start()
        if self._repair is not None:
            self._repair.start()
        try:
            ended = self.client.wait(self.execution, self._stop, longest_pause=_LONGEST_PAUSE)
        finally:
            self._decider.stop()
            self._worker.stop_now(answer=False)
            if self._repair is not None:
                self._repair.stop()
            for thread in threads:
                thread.join(_END_SECONDS)
        if self._problems:
            raise self._problems[0]
        return ended

    def stop(self) -> None:
        """End, though the execution has not. From any thread or signal handler."""
        self._stop.set()

    def counts(self) -> dict[str, int]:
        """What is open in the execution."""
        return self.client.counts(self.execution)

    def _begin(self, start: Start) -> tuple[WorkflowExecution, str]:
        """Start the execution, or find the one that an earlier command has started."""
        task_list = own_list(start.workflow_id)
        try:
            return self.client.start(replace(start, task_list=task_list)), task_list
        except AlreadyStarted:
            found = self.client.open(start.workflow_id)
            info = found["executionInfo"]
            kind = info["workflowType"]
            wanted = start.workflow_type
            if (kind["name"], kind["version"]) != (wanted.name, wanted.version):
                raise UsageError(
                    f"the open execution {start.workflow_id} is of workflow type {kind['name']} "
                    f"version {kind['version']}: choose another --workflow-id"
                ) from None
            self.resumed = True
            execution = WorkflowExecution(start.workflow_id, info["execution"]["runId"])
            return execution, found["executionConfiguration"]["taskList"]["name"]

    def _prepare_repair(self, execution: WorkflowExecution, force: str | None) -> Repair:
        old = self.client.history(execution)
        name = f"{self._task_list.name[: ID_LENGTH - 8]}-repair"
        return Repair(self._connection, self._domain, name, old, force=force)

    def _place(self, decision: Decision) -> Decision:
        """Have activities done here, or answered with what an old run knows."""
        if type(decision) is not ScheduleActivityTask:
            return decision
        if self._repair is not None and (redirected := self._repair.redirect(decision)):
            return redirected
        return msgspec.structs.replace(decision, task_list=self._task_list)

    def _work(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as problem:  # noqa: BLE001 - raised again by `run`
            self._problems.append(problem)
            self._stop.set()
