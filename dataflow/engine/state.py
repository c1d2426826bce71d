"""The engine's state in memory: registrations, open executions, and what is derived from them.

1. *Everything here follows from the file.* What is written (`State.record`) goes into the pending
   batch and into memory together; if the batch fails, the executions in it are read anew
   (`State.take_back`).
2. *Nothing here grows with the number of closed executions.* An execution is forgotten when its
   last events are on disk (`State.settle`).
3. *Deadlines are data* (`State.expire`): the earliest of all executions first, one at a time.

All methods are for whoever holds the service's lock.
"""

# ruff: noqa: SLF001 - the table at the end names methods of the class above it

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from dataflow.engine.alarms import Alarms
from dataflow.engine.commits import Commits, Pending, Reply
from dataflow.engine.histories import End, Histories
from dataflow.engine.rules import requests
from dataflow.engine.rules.checks import retention_days
from dataflow.engine.rules.domain import Domain, Write
from dataflow.engine.rules.execution import Execution
from dataflow.engine.rules.registry import RegisteredType, TypeRegistry
from dataflow.engine.store import Header, Store, close_tags, event_id, insert_tags
from dataflow.engine.task_lists import Kind, Name, Task, TaskList, TaskLists
from dataflow.protocol import events as ev
from dataflow.protocol.events import CLOSE_STATUS, Attributes, Event
from dataflow.protocol.faults import DomainDeprecatedFault, Fault, UnknownResourceFault
from dataflow.protocol.limits import Limits, Quotas
from dataflow.protocol.operations import (
    RegisterActivityType,
    RegisterDomain,
    RegisterWorkflowType,
)

_DAY_SECONDS = 86_400.0

#: What a poll is answered that no task has come for.
#: https://docs.aws.amazon.com/amazonswf/latest/apireference/API_PollForDecisionTask.html
NO_TASK: dict[Kind, dict[str, Any]] = {
    "activity": {"taskToken": "", "startedEventId": 0},
    "decision": {"taskToken": "", "startedEventId": 0, "previousStartedEventId": 0},
}


class DomainState:
    """A registered domain."""

    __slots__ = (
        "created",
        "deprecated",
        "name",
        "number",
        "registration",
        "rules",
        "tags",
        "types",
    )

    def __init__(
        self,
        number: int,
        registration: RegisterDomain,
        created: float,
        deprecated: float | None,
        tags: dict[str, str | None],
        *,
        limits: Limits,
        quotas: Quotas,
    ) -> None:
        self.number = number
        self.name = registration.name
        self.registration = registration
        self.created = created
        #: Since when it is DEPRECATED; None while it is REGISTERED.
        self.deprecated = deprecated
        self.tags = tags
        self.types = TypeRegistry()
        self.rules = Domain(self.types, limits=limits, open_executions=quotas.open_executions)

    @property
    def retention(self) -> float:
        """How long closed executions are kept, in seconds."""
        days = retention_days(self.registration.workflow_execution_retention_period_in_days)
        return days * _DAY_SECONDS


class Live:
    """An execution in memory: from its first event until the last one is on disk."""

    __slots__ = ("alarm", "batch", "domain", "end", "execution", "header", "waiting")

    def __init__(self, domain: DomainState, execution: Execution, header: Header, end: End) -> None:
        self.domain = domain
        self.execution = execution
        self.header = header
        #: The last of its history.
        self.end = end
        #: What its last events are in.
        self.batch: Pending | None = None
        #: See `Alarms`.
        self.alarm: float | None = None
        #: Its tasks that wait in a list, by their scheduled event.
        self.waiting: dict[int, tuple[TaskList, Task]] = {}

    @property
    def number(self) -> int:
        """By which the file knows it."""
        return self.header.number

    @property
    def saved(self) -> bool:
        """Whether all of it is on disk."""
        return self.batch is None or self.batch.done


class Poll:
    """A poll that waits for a task."""

    __slots__ = ("gone", "name", "reply", "take", "until")

    def __init__(
        self, name: Name, reply: Reply, until: float, take: Callable[[Live, int], None]
    ) -> None:
        """``take`` starts a task (its execution and scheduled event) for the poll."""
        self.name = name
        self.reply = reply
        #: When it is answered that there is no task.
        self.until = until
        self.take = take
        #: Answered or withdrawn.
        self.gone = False


class State:
    """What the engine knows."""

    def __init__(
        self,
        store: Store,
        *,
        limits: Limits,
        quotas: Quotas,
        invoke: Callable[[Live, int], None],
    ) -> None:
        """``invoke`` has a Lambda function (its scheduled event) performed."""
        self.store = store
        self.limits = limits
        self.quotas = quotas
        self._invoke = invoke
        #: Seconds since the epoch, when the present request came.
        self.now = 0.0
        #: Given by the owner, since it needs `take_back` and `settle`.
        self.commits: Commits
        self.domains: dict[str, DomainState] = {}
        #: By run id.
        self.lives: dict[str, Live] = {}
        self.task_lists = TaskLists()
        self.histories = Histories(store)
        #: Answers that need not wait for the disk.
        self.outbox: list[tuple[Reply, Any]] = []
        #: Parked polls, oldest first; some may be gone.
        self._polls: deque[Poll] = deque()
        self._alarms: Alarms[Live] = Alarms()
        self._last_number = 0
        #: Lists that a task has come to.
        self._touched: dict[TaskList, None] = {}
        #: When the next retention ends; None if none does.
        self.next_expiry: float | None = None

    # --- from the file ------------------------------------------------------------------

    def load(self) -> None:
        """Read everything that is open."""
        self._load_registrations()
        self._last_number = self.store.last_number()
        self.next_expiry = self.store.next_expiry()
        by_number = {domain.number: domain for domain in self.domains.values()}
        for header in self.store.headers(open_only=True):
            self._load_execution(by_number[header.domain], header)
        self.match()

    def start_over(self) -> None:
        """Forget everything but the polls that wait, and read the file anew."""
        self.lives, self.domains = {}, {}
        self.histories = Histories(self.store)
        self._alarms = Alarms()
        self.task_lists.drop_tasks()
        self._touched = {}
        self.outbox = []
        self.commits.registered = None
        self.load()

    def _load_registrations(self) -> None:
        known = {domain.number: domain for domain in self.domains.values()}
        self.domains = {}
        by_number: dict[int, DomainState] = {}
        for number, name, registration, created, deprecated, tags in self.store.domains():
            domain = DomainState(
                number,
                msgspec.json.decode(registration, type=RegisterDomain),
                created,
                deprecated,
                msgspec.json.decode(tags, type=dict[str, str | None]),
                limits=self.limits,
                quotas=self.quotas,
            )
            if number in known:
                domain.rules = known[number].rules
                domain.rules.registry = domain.types
            self.domains[name] = by_number[number] = domain
        for number, kind, _, _, registration, created, deprecated in self.store.types():
            types = by_number[number].types
            if kind == "activity":
                activity = msgspec.json.decode(registration, type=RegisterActivityType)
                types.activities.add(RegisteredType(activity, created, deprecated))
            else:
                workflow = msgspec.json.decode(registration, type=RegisterWorkflowType)
                types.workflows.add(RegisteredType(workflow, created, deprecated))
        for live in self.lives.values():
            live.domain = by_number[live.domain.number]

    def _load_execution(self, domain: DomainState, header: Header) -> None:
        bodies = self.store.events(header.number)
        execution = Execution.fold(header.workflow_id, header.run_id, map(ev.decode, bodies))
        requests.resume(execution, self.now)
        domain.rules.add(execution)
        live = Live(domain, execution, header, End(execution.last_event_id + 1))
        self.lives[header.run_id] = live
        self.watch(live)
        task = execution.decision_task
        if task is not None and not task.started_event_id:
            self._wait(live, "decision", task.scheduled_event_id, task.scheduled, task.scheduled_at)
        for activity in execution.activities.values():
            if not activity.started_event_id:
                at = activity.scheduled_at
                self._wait(live, "activity", activity.scheduled_event_id, activity.scheduled, at)

    def lost_functions(self) -> list[tuple[Live, int]]:
        """Lambda functions that were running when the engine stopped."""
        return [(live, n) for live in self.lives.values() for n in live.execution.lambdas]

    # --- what has become of a batch -------------------------------------------------------

    def settle(self, batch: Pending) -> None:
        """A batch is on disk: forget the executions whose last events were in it."""
        for run_id in batch.closed:
            live = self.lives.pop(run_id, None)
            if live is not None:
                self.histories.forget(live)

    def take_back(self, failed: Sequence[Pending]) -> None:
        """Forget what was in batches that could not be written, and go back to what is on disk."""
        runs: set[str] = set().union(*(batch.runs for batch in failed))
        for run_id in runs:
            live = self.lives.pop(run_id, None)
            if live is not None:
                self._leave_lists(live)
                live.domain.rules.discard(run_id)
                self._alarms.clear(live)
                self.histories.forget(live)
        if self.commits.registered in failed:
            self.commits.registered = None
            self._load_registrations()
        by_number = {domain.number: domain for domain in self.domains.values()}
        for run_id in runs:
            header = self.store.header(run_id)
            if header is not None and header.closed is None:
                self._load_execution(by_number[header.domain], header)
        # Their tasks wait beside the polls until something can be written again (`match`).

    # --- finding ------------------------------------------------------------------------

    def domain(self, name: str) -> DomainState:
        """The domain, registered or deprecated. Raises `UnknownResourceFault`."""
        found = self.domains.get(name)
        if found is None:
            raise UnknownResourceFault(f"Unknown domain: {name}")
        return found

    def registered_domain(self, name: str) -> DomainState:
        """The domain, if new things may begin in it. Raises `DomainDeprecatedFault`, too."""
        found = self.domain(name)
        if found.deprecated is not None:
            raise DomainDeprecatedFault(name)
        return found

    # --- answering ----------------------------------------------------------------------

    def tell_when_saved(self, reply: Reply, answer: Any) -> None:
        """Give an answer as soon as everything that was written up to now is on disk."""
        self.commits.pending.answers.append((reply, answer))

    def tell(self, reply: Reply, answer: Any, about: Live | None = None) -> None:
        """Give an answer; ``about`` whom, if it tells of an execution that may not be saved."""
        if about is None or about.saved:
            self.outbox.append((reply, answer))
        else:
            self.tell_when_saved(reply, answer)

    # --- writing ------------------------------------------------------------------------

    def record(self, domain: DomainState, writes: Iterable[Write]) -> None:
        """Take new events into memory and into the pending batch."""
        batch = self.commits.pending
        for execution, events in writes:
            live = self.lives.get(execution.run_id)
            if live is None:
                live = self._begin(domain, execution, events[0])
            number = live.header.number
            bodies = [ev.encode(event) for event in events]
            for event, body in zip(events, bodies, strict=True):
                batch.events.append((event_id(number, event.event_id), body))
                derive = _DERIVED.get(type(event.attributes))
                if derive is not None:
                    derive(self, live, event)
            batch.deciding = _decides(execution, events[-1])
            live.batch = batch
            batch.runs.add(execution.run_id)
            self.histories.add(live, bodies)
            self.watch(live)
        self.match()

    def write(self, sql: str, parameters: Sequence[Any]) -> None:
        """Have something rare written: a registration."""
        self.commits.pending.statements.append((sql, parameters))
        self.commits.registered = self.commits.pending

    def _begin(self, domain: DomainState, execution: Execution, event: Event) -> Live:
        self._last_number += 1
        started = event.attributes
        assert isinstance(started, ev.WorkflowExecutionStarted)
        header = Header(
            number=self._last_number,
            domain=domain.number,
            workflow_id=execution.workflow_id,
            run_id=execution.run_id,
            type_name=started.workflow_type.name,
            type_version=started.workflow_type.version,
            started=event.timestamp,
            closed=None,
            close_status=None,
            expires=None,
            info=execution_info(execution, None),
        )
        live = self.lives[execution.run_id] = Live(domain, execution, header, End(1))
        batch = self.commits.pending
        batch.headers[header.number] = header
        batch.statements += insert_tags(header, started.tag_list or ())
        return live

    def _cancel_requested(self, live: Live, _: Event) -> None:
        self._write_header(live, info=execution_info(live.execution, None))

    def _closed(self, live: Live, event: Event) -> None:
        self._leave_lists(live)
        closed, expires = event.timestamp, event.timestamp + live.domain.retention
        self._write_header(
            live,
            closed=closed,
            close_status=CLOSE_STATUS[type(event.attributes)],
            expires=expires,
            info=execution_info(live.execution, closed),
        )
        started = live.execution.started
        if started is not None and started.tag_list:
            self.commits.pending.statements.append(close_tags(live.header))
        self.commits.pending.closed.append(live.execution.run_id)
        self._alarms.clear(live)
        if self.next_expiry is None or expires < self.next_expiry:
            self.next_expiry = expires

    def _write_header(self, live: Live, **changes: Any) -> None:
        live.header = live.header._replace(**changes)
        self.commits.pending.headers[live.header.number] = live.header

    # --- tasks --------------------------------------------------------------------------

    def _decision_scheduled(self, live: Live, event: Event) -> None:
        self._wait(live, "decision", event.event_id, event.attributes, event.timestamp)

    def _activity_scheduled(self, live: Live, event: Event) -> None:
        self._wait(live, "activity", event.event_id, event.attributes, event.timestamp)

    def _wait(
        self, live: Live, kind: Kind, scheduled_event_id: int, scheduled: Any, at: float
    ) -> None:
        name = Name(live.domain.name, kind, scheduled.task_list.name)
        priority = scheduled.task_priority
        waiting = self.task_lists.schedule(name, live, scheduled_event_id, priority, at)
        live.waiting[scheduled_event_id] = waiting
        self._touched[waiting[0]] = None

    def _waits_no_longer(self, live: Live, event: Event) -> None:
        scheduled_event_id: int = event.attributes.scheduled_event_id  # type: ignore[attr-defined]
        self._leave_list(live, scheduled_event_id)

    def _leave_list(self, live: Live, scheduled_event_id: int) -> None:
        waiting = live.waiting.pop(scheduled_event_id, None)
        if waiting is not None:
            task_list, task = waiting
            task_list.remove(task)
            self.task_lists.sweep(task_list)

    def _leave_lists(self, live: Live) -> None:
        for scheduled_event_id in list(live.waiting):
            self._leave_list(live, scheduled_event_id)

    def poll(self, poll: Poll, *, park: bool) -> None:
        """Give the poll a task; or let it wait for one, or answer that there is none."""
        task_list = self.task_lists.get(poll.name)
        task = task_list.first()
        if task is not None:
            poll.gone = True
            poll.take(task.owner, task.scheduled_event_id)
            self.task_lists.sweep(task_list)
        elif park:
            task_list.polls[poll] = None
            self._polls.append(poll)
        else:
            poll.gone = True
            self.outbox.append((poll.reply, NO_TASK[poll.name.kind]))
            self.task_lists.sweep(task_list)

    def withdraw(self, poll: Poll) -> None:
        """The poll waits no longer."""
        if not poll.gone:
            poll.gone = True
            task_list = self.task_lists.get(poll.name)
            del task_list.polls[poll]
            self.task_lists.sweep(task_list)

    def empty(self, poll: Poll) -> None:
        """Answer the poll that there is no task, unless one is on its way to it."""
        if not poll.gone:
            self.withdraw(poll)
            self.outbox.append((poll.reply, NO_TASK[poll.name.kind]))

    def empty_polls(self, *, all_of_them: bool = False) -> None:
        """Answer the polls that have waited long enough: there is no task."""
        for poll in self._waiting_polls():
            if poll.until > self.now and not all_of_them:
                break
            self.empty(poll)

    def _waiting_polls(self) -> Iterable[Poll]:
        """Oldest first."""
        polls = self._polls
        while polls:
            if polls[0].gone:
                polls.popleft()
            else:
                yield polls[0]

    def match(self) -> None:
        """Bring tasks that have come and polls that wait together."""
        while self._touched:
            task_list, _ = self._touched.popitem()
            while task_list.polls and (task := task_list.first()) is not None:
                poll = next(iter(task_list.polls))
                self.withdraw(poll)
                try:
                    poll.take(task.owner, task.scheduled_event_id)
                except BaseException:
                    self._give_up(poll)
                    raise

    def _give_up(self, poll: Poll) -> None:
        """A bug: all begins anew, and whoever waits for an answer is told (`start_over`)."""
        waiting = [*self.commits.pending.answers, *self.outbox]
        if all(reply is not poll.reply for reply, _ in waiting):
            self.outbox.append((poll.reply, None))

    def _function_started(self, live: Live, event: Event) -> None:
        scheduled_event_id: int = event.attributes.scheduled_event_id  # type: ignore[attr-defined]

        def invoke(answer: Any) -> None:
            if not isinstance(answer, Fault):
                self._invoke(live, scheduled_event_id)

        self.tell_when_saved(invoke, None)

    # --- time ---------------------------------------------------------------------------

    def watch(self, live: Live) -> None:
        """Look at the execution when its next deadline comes."""
        self._alarms.set(live, requests.next_deadline(live.execution))

    def next_deadline(self) -> float | None:
        """When something may expire next; polls, too."""
        due = self._alarms.first()
        for poll in self._waiting_polls():
            return poll.until if due is None else min(due, poll.until)
        return due

    def expire(self) -> None:
        """Let every deadline that has passed take effect, the earliest first."""
        now = self.now
        while (live := self._alarms.pop(now)) is not None:
            due = requests.next_deadline(live.execution)
            first = self._alarms.first()
            if due is not None and due <= now and (first is None or due <= first):
                self.record(live.domain, live.domain.rules.expire(live.execution, now))
            self.watch(live)


def _decides(execution: Execution, last: Event) -> bool:
    """Whether a decider is about to answer, after the last event of a history."""
    kind = type(last.attributes)
    return kind is ev.DecisionTaskStarted or (
        # One that has the execution in memory is there, and polls.
        kind is ev.DecisionTaskScheduled and execution.override is not None
    )


def execution_info(execution: Execution, closed: float | None) -> bytes:
    """The ``WorkflowExecutionInfo`` of an execution, as JSON."""
    started = execution.started
    assert started is not None
    info: dict[str, Any] = {
        "execution": {"workflowId": execution.workflow_id, "runId": execution.run_id},
        "workflowType": started.workflow_type,
        "startTimestamp": execution.started_at,
        "executionStatus": "OPEN" if closed is None else "CLOSED",
        "cancelRequested": execution.cancel_requested,
    }
    if closed is not None:
        info |= {"closeTimestamp": closed, "closeStatus": execution.close_status}
    if started.parent_workflow_execution is not None:
        info["parent"] = started.parent_workflow_execution
    if started.tag_list:
        info["tagList"] = started.tag_list
    return msgspec.json.encode(info)


#: What an event means for what is derived.
_DERIVED: dict[type[Attributes], Callable[[State, Live, Event], None]] = {
    ev.WorkflowExecutionCancelRequested: State._cancel_requested,
    **dict.fromkeys(CLOSE_STATUS, State._closed),
    ev.DecisionTaskScheduled: State._decision_scheduled,
    ev.DecisionTaskStarted: State._waits_no_longer,
    ev.DecisionTaskTimedOut: State._waits_no_longer,
    ev.ActivityTaskScheduled: State._activity_scheduled,
    ev.ActivityTaskStarted: State._waits_no_longer,
    ev.ActivityTaskTimedOut: State._waits_no_longer,
    ev.ActivityTaskCanceled: State._waits_no_longer,
    ev.LambdaFunctionStarted: State._function_started,
}
