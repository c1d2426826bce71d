"""A workflow in one process: the replay and the rules of the engine, joined by a loop.

It is what a decider, an engine and workers do, with nothing between them: no files, no sockets, no
serialisation of events. The loop itself decides nothing: what happens next is up to the rules.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from dataflow.activity import Activity
from dataflow.chance import SeededChance, new_id
from dataflow.clock import Clock, SystemClock
from dataflow.engine.rules import requests
from dataflow.engine.rules.execution import Execution
from dataflow.process.client import Ended, ended
from dataflow.process.jobs import Canceled, Completed, Failed, Heartbeat, Job, Report, Started
from dataflow.process.threads import ThreadWorkers, default_size
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.protocol.limits import LOCAL_LIMITS, TAGS, Limits
from dataflow.protocol.values import TaskList, WorkflowExecution, WorkflowType
from dataflow.replay.decided import Chance, Decided, Verdict
from dataflow.replay.run import Run
from dataflow.workflow import Workflow, type_name

_DECIDER = "local decider"
_WORKER = "local worker"

_FOR_WORKERS = frozenset(
    {
        ev.ActivityTaskScheduled,
        ev.ActivityTaskTimedOut,
        ev.ActivityTaskCanceled,
        ev.ActivityTaskCancelRequested,
    }
)


class Workers(Protocol):
    """Who performs activities: `ThreadWorkers`, or the test kit's."""

    @property
    def free(self) -> bool:
        """Whether there is room for one more job."""
        ...

    def give(self, job: Job) -> None:
        """Perform a job: it will be reported as started, and as ended."""
        ...

    def started(self) -> None:
        """The report of a job's start was taken in."""
        ...

    def ended(self) -> None:
        """The report of a started job's end was taken in."""
        ...

    def withdraw(self, job: Job) -> None:
        """Nobody waits for a job any more; its reports will be ignored."""
        ...

    def wait(self, timeout: float | None) -> Sequence[Report]:
        """All reports there are; waits at most ``timeout`` seconds for the first."""
        ...

    def stop(self) -> None:
        """No more jobs will come."""
        ...


FindActivity = Callable[[str, str], Activity[..., Any, Any] | None]


class Counts(NamedTuple):
    """How many activities are where."""

    scheduled: int
    running: int
    done: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Ended):
    """How an execution ended, and all that happened in it."""

    history: Sequence[Event]


class LocalRun:
    """One execution, from start to end."""

    def __init__(  # noqa: PLR0913 - everything it stands on is given
        self,
        definition: type[Workflow],
        execution: WorkflowExecution,
        input: str | None,  # noqa: A002 - SWF's word
        *,
        workers: Workers,
        clock: Clock,
        chance: Chance,
        domain: str = "local",
        limits: Limits = LOCAL_LIMITS,
        tags: Sequence[str] | None = None,
        find_activity: FindActivity | None = None,
    ) -> None:
        """``find_activity``: the code for an activity type, if not that which was submitted."""
        self._definition = definition
        self._input = input
        self._workers = workers
        self._clock = clock
        self._domain = domain
        self._limits = limits
        self._tags = tuple(definition.tag_list if tags is None else tags)
        if len(self._tags) > TAGS:
            raise ValueError(f"{len(self._tags)} tags: SWF takes at most {TAGS}")
        self._execution = Execution(execution.workflow_id, execution.run_id)
        self._run = Run(definition, execution, chance=chance, domain=domain, limits=limits)
        self._find_activity = find_activity or self._run.find_activity
        self._events: list[Event] = []
        #: Events that the replay has not been given.
        self._unseen: list[Event] = []
        #: Scheduled activity tasks, by priority and age; some may be over already.
        self._scheduled: list[tuple[int, int]] = []
        self._jobs: dict[int, Job] = {}
        self._running = 0
        self._done = 0
        self._notices: list[str] = []

    @property
    def counts(self) -> Counts:
        """How many activities are where, right now; any thread may ask."""
        waiting = len(self._execution.activities) - self._running
        return Counts(max(0, waiting), self._running, self._done)

    @property
    def stuck_on(self) -> list[str]:
        """What ``run()`` waits for."""
        return self._run.waiting_for()

    def find_submitted(self, name: str, version: str) -> Activity[..., Any, Any] | None:
        """The code that the workflow itself has submitted under this type."""
        return self._run.find_activity(name, version)

    def names_submitted(self) -> set[str]:
        """The names of the activity types that the workflow has submitted."""
        return self._run.activity_names()

    def run(self) -> Outcome:
        """Go on until the execution is closed."""
        try:
            self._record(requests.start(self._execution, self._started(), self._clock.now()))
            while self._execution.open:
                self._step()
        finally:
            self._run.drop()
            self._workers.stop()
        return self._outcome()

    def _started(self) -> ev.WorkflowExecutionStarted:
        definition = self._definition

        def duration(value: int | None) -> str:
            return "NONE" if value is None else str(value)

        return ev.WorkflowExecutionStarted(
            child_policy="TERMINATE",
            task_list=TaskList(definition.task_list),
            workflow_type=WorkflowType(type_name(definition), definition.version),
            input=self._input,
            execution_start_to_close_timeout=duration(definition.execution_timeout),
            task_start_to_close_timeout=duration(definition.decision_tasks_timeout),
            tag_list=self._tags or None,
        )

    def _step(self) -> None:
        self._decide()
        if not self._execution.open:
            return
        self._give_jobs()
        if self._stuck():
            names = ", ".join(self.stuck_on) or "something outside of its futures"
            self._terminate(
                f"stuck: run() waits for {names}, and nothing is left that could end it"
            )
            return
        deadline = requests.next_deadline(self._execution)
        timeout = None if deadline is None else max(0.0, deadline - self._clock.now())
        for job, report, at in self._workers.wait(timeout):
            self._expire(at)
            self._take(job, report, at)
        self._expire(self._clock.now())

    def _expire(self, now: float) -> None:
        while events := requests.expire(self._execution, now):
            self._record(events)

    def _stuck(self) -> bool:
        """Whether nothing can happen any more, however long one waits."""
        execution = self._execution
        return execution.decision_task is None and not execution.activities and not execution.timers

    def _decide(self) -> None:
        execution = self._execution
        while execution.open and execution.decision_task is not None:
            self._record(requests.start_decision_task(execution, _DECIDER, self._clock.now()))
            started_event_id = execution.last_event_id
            unseen, self._unseen = self._unseen, []
            decided = self._run.advance(unseen)
            self._notices.extend(decided.notices)
            if decided.verdict is Verdict.BROKEN or decided.verdict is Verdict.STALE:
                self._terminate(_tell(decided))
                return
            self._record(
                requests.complete_decision_task(
                    execution,
                    started_event_id,
                    decided.decisions,
                    self._clock.now(),
                    limits=self._limits,
                )
            )

    def _give_jobs(self) -> None:
        """Hand scheduled activity tasks to the workers, while they have room."""
        execution = self._execution
        while self._scheduled and self._workers.free:
            _, scheduled_event_id = heapq.heappop(self._scheduled)
            activity = execution.activities.get(scheduled_event_id)
            if activity is None:
                continue  # timed out or cancelled while it waited here
            scheduled = activity.scheduled
            kind = scheduled.activity_type
            code = self._find_activity(kind.name, kind.version)
            assert code is not None, "what is scheduled here was submitted here"
            job = Job(
                scheduled_event_id=scheduled_event_id,
                activity=code,
                activity_id=scheduled.activity_id,
                input=scheduled.input,
                domain=self._domain,
                workflow_id=execution.workflow_id,
                run_id=execution.run_id,
            )
            self._jobs[scheduled_event_id] = job
            self._workers.give(job)

    def _take(
        self, job: Job, report: Started | Completed | Failed | Canceled | Heartbeat, now: float
    ) -> None:
        execution = self._execution
        if job.abandoned or not execution.open:
            return
        if isinstance(report, Started):
            self._workers.started()
            self._running += 1
            self._record(
                requests.start_activity_task(execution, job.scheduled_event_id, _WORKER, now)
            )
            job.started_event_id = execution.last_event_id
            return
        task = (execution, job.scheduled_event_id, job.started_event_id)
        if isinstance(report, Heartbeat):
            requests.heartbeat(*task, report.details, now)
            return
        del self._jobs[job.scheduled_event_id]
        self._workers.ended()
        self._running -= 1
        if isinstance(report, Completed):
            self._done += 1
            self._record(requests.complete_activity_task(*task, report.result, now))
        elif isinstance(report, Failed):
            self._record(requests.fail_activity_task(*task, report.reason, report.details, now))
        else:
            self._record(requests.cancel_activity_task(*task, None, now))

    def _record(self, events: Sequence[Event]) -> None:
        """Keep new events, and act on those that workers must hear of."""
        self._events.extend(events)
        self._unseen.extend(events)
        for event in events:
            if type(event.attributes) in _FOR_WORKERS:
                self._tell_workers(event)

    def _tell_workers(self, event: Event) -> None:
        match event.attributes:
            case ev.ActivityTaskScheduled(task_priority=priority):
                heapq.heappush(self._scheduled, (-int(priority or 0), event.event_id))
            case ev.ActivityTaskTimedOut() | ev.ActivityTaskCanceled() as over:
                # Its job is still here only if no worker has reported its end.
                job = self._jobs.pop(over.scheduled_event_id, None)
                if job is not None:
                    job.abandoned = True
                    self._running -= bool(job.started_event_id)
                    self._workers.withdraw(job)
            case ev.ActivityTaskCancelRequested(activity_id=activity_id):
                for job in self._jobs.values():
                    if job.activity_id == activity_id:
                        job.cancel_requested = True

    def _terminate(self, reason: str) -> None:
        self._record(requests.terminate(self._execution, self._clock.now(), reason))

    def _outcome(self) -> Outcome:
        execution = WorkflowExecution(self._execution.workflow_id, self._execution.run_id)
        last = self._events[-1].attributes
        return Outcome(**ended(execution, last), notices=self._notices, history=self._events)


def local_run(
    definition: type[Workflow],
    text: str | None,
    *,
    nb_workers: int | None = None,
    workflow_id: str | None = None,
) -> LocalRun:
    """A run on the machine's clock, with threads for workers.

    ``text``: the input, see `dataflow.payload.arguments`. ``nb_workers``: how many activities may
    run at once; by default as many as `concurrent.futures.ThreadPoolExecutor` has threads.
    """
    run_id = new_id()
    clock = SystemClock()
    return LocalRun(
        definition,
        WorkflowExecution(workflow_id or f"{type_name(definition)}-{run_id[:8]}", run_id),
        text,
        workers=ThreadWorkers(nb_workers or default_size(), clock),
        clock=clock,
        chance=SeededChance(),
    )


def _tell(decided: Decided) -> str:
    return str(decided.problem or "the replay lost track of its own history")
