"""One execution under adversity, all of it drawn from one seed.

The deciders of a simulation crash, forget, answer late, twice or not at all; the orders in which
activities end, and in which all that meets decision tasks, are arbitrary; the store of long fields
may fail at any time, and what could not be decided for that is put off. Whatever happens:

* every decision of a suspended run is that of a cold replay of the same history;
* every answer to a task that is over is refused, and changes nothing;
* the state of the engine is the fold of its history;
* the execution never gets stuck, and its history replays to the end.

A violation raises `SimulationError`, with the seed; the same seed does the same again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from dataflow.chance import SeededChance
from dataflow.engine.rules import requests
from dataflow.engine.rules.execution import Execution, OpenActivity
from dataflow.errors import PayloadUnavailable
from dataflow.payload import codec
from dataflow.payload.fields import CLEAR, Fields
from dataflow.process.jobs import (
    Canceled,
    Completed,
    Failed,
    Heartbeat,
    Job,
    Report,
    Started,
    perform,
)
from dataflow.process.outgoing import write_decisions
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Event
from dataflow.protocol.faults import UnknownResourceFault
from dataflow.protocol.limits import DATA_LENGTH, LOCAL_LIMITS, Limits
from dataflow.protocol.names import CloseStatus
from dataflow.protocol.values import TaskList, WorkflowExecution, WorkflowType
from dataflow.replay.decided import Decided, Verdict
from dataflow.replay.postponing import postpone
from dataflow.replay.run import Run
from dataflow.testing.clock import VirtualClock
from dataflow.workflow import Workflow, type_name

_DECISION_TIMEOUT = 10
#: Steps after which a simulation counts as stuck.
_PATIENCE = 100_000


class SimulationError(AssertionError):
    """A law was broken; the message says which, and with which seed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """How a simulated execution ended."""

    status: CloseStatus
    result: Any
    reason: str | None
    history: Sequence[Event]
    #: Decisions made by suspended runs, each compared with a cold replay.
    incremental: int
    #: Decisions lost, answered late or made after a crash.
    disturbed: int


class _Simulation:
    def __init__(
        self,
        definition: type[Workflow],
        text: str,
        seed: int,
        *,
        limits: Limits,
        trouble: float,
        make_run: Callable[..., Run],
        fields: Fields,
    ) -> None:
        self.definition = definition
        self.seed = seed
        self.limits = limits
        self.trouble = trouble
        self.make_run = make_run
        self.fields = fields
        self.field_limit = limits.data_length or DATA_LENGTH
        self.chance = random.Random(seed)  # noqa: S311 - repeatable is the point
        self.clock = VirtualClock()
        self.execution = Execution("simulated", f"run-{seed}")
        self.events: list[Event] = []
        self.run: Run | None = None
        #: The decision task in a decider's hands: its started event and the answer to it.
        self.answer: tuple[int, Sequence[Decision]] | None = None
        self.jobs: list[Job] = []
        self.incremental = 0
        self.disturbed = 0
        self.record(
            requests.start(
                self.execution,
                ev.WorkflowExecutionStarted(
                    child_policy="TERMINATE",
                    task_list=TaskList(definition.task_list),
                    workflow_type=WorkflowType(type_name(definition), definition.version),
                    input=self.write(text, "input"),
                    execution_start_to_close_timeout="NONE",
                    task_start_to_close_timeout=str(_DECISION_TIMEOUT),
                ),
                self.clock.now(),
            )
        )

    def broken(self, law: str) -> NoReturn:
        raise SimulationError(f"seed {self.seed}, after event {len(self.events)}: {law}")

    def record(self, events: Sequence[Event]) -> None:
        self.events.extend(events)

    def new_run(self) -> Run:
        return self.make_run(
            self.definition,
            WorkflowExecution(self.execution.workflow_id, self.execution.run_id),
            chance=SeededChance(),
            domain="simulation",
            limits=self.limits,
            fields=self.fields,
        )

    def replay(self) -> tuple[Run, Decided]:
        """A cold replay of all there is; again, if the store has failed."""
        while True:
            run = self.new_run()
            decided = run.advance(self.events)
            if not isinstance(decided.problem, PayloadUnavailable):
                return run, decided

    def persist(self, call: Callable[[], str]) -> str:
        """Ask until the store answers."""
        while True:
            with suppress(PayloadUnavailable):
                return call()

    def read(self, text: str | None) -> str | None:
        return None if text is None else self.persist(partial(self.fields.read, text))

    def write(self, text: str, field: str) -> str:
        write = partial(self.fields.write, text, field=field, limit=self.field_limit)
        return self.persist(write)

    # --- steps ----------------------------------------------------------------------

    def steps(self) -> list[Callable[[], None]]:
        """What can happen now."""
        execution, steps = self.execution, []
        task = execution.decision_task
        if task is not None and not task.started_event_id:
            steps.append(self.decide)
        if self.answer is not None:
            steps.append(self.send_answer)
        waiting = [a for a in execution.activities.values() if not a.started_event_id]
        if waiting:
            steps.append(lambda: self.start_activity(self.chance.choice(waiting)))
        if self.jobs:
            steps.extend([self.end_activity] * 2)
        if requests.next_deadline(execution) is not None and (
            not steps or self.chance.random() < self.trouble / 4
        ):
            steps.append(self.let_time_pass)
        return steps

    def decide(self) -> None:
        """A decider takes the decision task and computes its answer."""
        execution = self.execution
        self.record(requests.start_decision_task(execution, "simulated", self.clock.now()))
        decided = self.go_on() or self.begin()
        if isinstance(decided.problem, PayloadUnavailable):
            self.postpone()
            return
        if decided.problem is not None:
            self.broken(f"a replay failed: {decided.problem}")
        if len(decided.decisions) > self.limits.decisions:
            self.broken(f"{len(decided.decisions)} decisions in one answer")
        try:
            written = write_decisions(self.fields, decided.decisions, self.field_limit)
        except PayloadUnavailable:
            self.postpone()
            return
        self.answer = (execution.last_event_id, written)

    def begin(self) -> Decided:
        """The decision of a new run."""
        self.run = self.new_run()
        return self.run.advance(self.events)

    def go_on(self) -> Decided | None:
        """The decision of the suspended run, if there is one that fits."""
        if self.run is None:
            return None
        # As startAtPreviousStartedEvent would: from the last decision on.
        decided = self.run.advance(self.events[self.execution.previous_started_event_id :])
        if decided.verdict is Verdict.STALE:
            self.drop_run()
            return None
        self.incremental += 1
        if isinstance(decided.problem, PayloadUnavailable):
            return decided
        cold_run, cold = self.replay()
        cold_run.drop()
        if cold.problem is not None or decided.problem is not None:
            self.broken(f"a replay failed: {cold.problem or decided.problem}")
        if (cold.verdict, cold.decisions) != (decided.verdict, decided.decisions):
            self.broken(
                "incremental and cold replay differ:\n"
                f"  incremental: {decided.decisions}\n  cold: {cold.decisions}"
            )
        return decided

    def postpone(self) -> None:
        """The answer of a decider that cannot decide just now."""
        self.disturbed += 1
        self.drop_run()
        started_event_id = self.execution.last_event_id
        self.answer = (started_event_id, (postpone(self.events, started_event_id),))

    def send_answer(self) -> None:
        """The decider answers; or crashes first; or its answer is lost, or comes twice."""
        assert self.answer is not None
        started_event_id, decisions = self.answer
        if self.chance.random() < self.trouble / 2:
            self.disturbed += 1
            self.answer = None
            if self.chance.choice((True, False)):  # the decider crashed, its suspended run with it
                self.drop_run()
            self.clock.advance(_DECISION_TIMEOUT)
            self.expire()
            self.refused(lambda: self.complete(started_event_id, decisions))
            return
        self.answer = None
        self.complete(started_event_id, decisions)
        if self.chance.random() < self.trouble:
            self.refused(lambda: self.complete(started_event_id, decisions))
        if self.chance.random() < self.trouble / 2:  # evicted from the cache
            self.drop_run()

    def complete(self, started_event_id: int, decisions: Sequence[Decision]) -> None:
        self.record(
            requests.complete_decision_task(
                self.execution,
                started_event_id,
                decisions,
                self.clock.now(),
                limits=self.limits,
            )
        )

    def refused(self, request: Callable[[], None]) -> None:
        before = len(self.events)
        try:
            request()
        except UnknownResourceFault:
            if len(self.events) != before or self.execution.last_event_id != before:
                self.broken("a refused request changed the history")
            return
        self.broken("a late or double answer was accepted")

    def drop_run(self) -> None:
        if self.run is not None:
            before = len(self.events)
            self.run.drop()
            self.run = None
            if len(self.events) != before:
                self.broken("dropping a run made decisions")

    def start_activity(self, activity: OpenActivity) -> None:
        execution, scheduled = self.execution, activity.scheduled
        scheduled_event_id = activity.scheduled_event_id
        self.record(
            requests.start_activity_task(execution, scheduled_event_id, None, self.clock.now())
        )
        kind = scheduled.activity_type
        code = (self.run or self.replayed()).find_activity(kind.name, kind.version)
        assert code is not None
        self.jobs.append(
            Job(
                scheduled_event_id=scheduled_event_id,
                started_event_id=execution.last_event_id,
                activity=code,
                activity_id=scheduled.activity_id,
                input=scheduled.input,
                domain="simulation",
                workflow_id=execution.workflow_id,
                run_id=execution.run_id,
            )
        )

    def replayed(self) -> Run:
        """A run with all that history holds, to ask it questions; the decider's, from now on."""
        self.run, _ = self.replay()
        return self.run

    def end_activity(self) -> None:
        job = self.jobs.pop(self.chance.randrange(len(self.jobs)))
        activity = self.execution.activities.get(job.scheduled_event_id)
        late = activity is None or activity.started_event_id != job.started_event_id
        reports: list[Report] = []
        perform(job, self.clock, reports.append, self.fields)
        for _, report, _ in reports:
            if late:
                self.refused(lambda report=report: self.report(job, report))  # type: ignore[misc]
            else:
                self.report(job, report)
        if self.chance.random() < self.trouble:
            self.refused(lambda: self.report(job, reports[-1][1]))

    def report(self, job: Job, report: Started | Completed | Failed | Canceled | Heartbeat) -> None:
        task = (self.execution, job.scheduled_event_id, job.started_event_id)
        now = self.clock.now()
        match report:
            case Started():
                pass  # the simulation has started the job itself
            case Heartbeat(details):
                requests.heartbeat(*task, details, now)
            case Completed(result):
                text = self.write(result, "result")
                self.record(requests.complete_activity_task(*task, text, now))
            case Failed(reason, details):
                text = self.write(details, "details")
                self.record(requests.fail_activity_task(*task, reason, text, now))
            case Canceled():
                self.record(requests.cancel_activity_task(*task, None, now))

    def let_time_pass(self) -> None:
        deadline = requests.next_deadline(self.execution)
        assert deadline is not None
        self.clock.advance(max(0.0, deadline - self.clock.now()))
        self.expire()

    def expire(self) -> None:
        while events := requests.expire(self.execution, self.clock.now()):
            self.record(events)
        task = self.execution.decision_task
        if self.answer is not None and (task is None or task.started_event_id != self.answer[0]):
            self.disturbed += 1
            self.answer = None

    def go(self) -> Simulated:
        for _ in range(_PATIENCE):
            if not self.execution.open:
                break
            steps = self.steps()
            if not steps:
                waiting = self.run.waiting_for() if self.run else "?"
                self.broken(f"stuck; run() waits for {waiting}")
            self.chance.choice(steps)()
        else:
            self.broken("no end in sight")
        return self.end()

    def end(self) -> Simulated:
        last = self.events[-1].attributes
        folded = Execution.fold(self.execution.workflow_id, self.execution.run_id, self.events)
        status = self.execution.close_status
        assert status is not None
        if folded.close_status != status or folded.last_event_id != self.execution.last_event_id:
            self.broken("the state is not the fold of its history")
        whole, decided = self.replay()
        if decided.verdict is not Verdict.CLOSED:
            self.broken(f"the history does not replay: {decided.problem or decided.verdict}")
        whole.drop()
        self.drop_run()
        return Simulated(
            status=status,
            result=codec.decode(self.read(getattr(last, "result", None))),
            reason=getattr(last, "reason", None),
            history=self.events,
            incremental=self.incremental,
            disturbed=self.disturbed,
        )


def simulate(
    definition: type[Workflow],
    *args: Any,
    seed: int,
    trouble: float = 0.1,
    limits: Limits = LOCAL_LIMITS,
    make_run: Callable[..., Run] = Run,
    fields: Fields = CLEAR,
    **kwargs: Any,
) -> Simulated:
    """Run a workflow through the troubles that a seed brings; ``trouble`` is how likely they are.

    Activities are called for real, so they should be pure and quick. Raises `SimulationError` if
    a law is broken. ``make_run`` builds the replay: a test of the test can plant a bug there.
    ``fields``: how fields are written and read (`MemoryFields`), those that have more characters
    than ``limits`` say.
    """
    text = codec.encode({"args": args, "kwargs": kwargs})
    return _Simulation(
        definition, text, seed, limits=limits, trouble=trouble, make_run=make_run, fields=fields
    ).go()
