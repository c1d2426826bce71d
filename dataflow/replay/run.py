"""One execution as a decider holds it: ``Run.advance(events) -> Decided``.

The laws:

1. *Total.* ``advance`` never raises: a bug in user code, an unknown event, a change of code that
   does not fit the history are values in `Decided`.
2. *Suspended, not re-run.* ``run()`` lives in a greenlet and goes on where it was, so a decision
   costs what is new. A run whose answer was not accepted knows more than history: it is `STALE`,
   to be dropped and replayed cold.
3. *Batch by batch.* The events of a history are fed in the batches that the original deciders saw.
   A batch ends at a ``DecisionTaskStarted`` whose task was completed; one that timed out or was
   postponed (`postponing`) decided nothing. So code sees in a cold replay exactly what it saw the
   first time, and decides the same.
4. *In the order of history.* Within a batch, events take effect one by one: futures finish, and
   what depended on them becomes ready. Then ``run()`` goes on, once, as far as it can. Then what
   became ready is asked for, up to the limits of one answer.
5. *Matched.* What was asked for must be what history holds (`expectations`).
6. *Read when it is asked for.* A result that history refers to is fetched when ``run()`` reads it,
   and never to be passed on. What cannot be had just now ends the run, not the workflow: user code
   does not see it, and another run decides later what it would have seen.
"""

from __future__ import annotations

import hashlib
import inspect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn

from greenlet import GreenletExit

from dataflow.activity import Activity, priority
from dataflow.canvas import Canvas
from dataflow.errors import (
    DataflowError,
    NonDeterminism,
    NotInWorkflow,
    NotSubmittable,
    PayloadError,
    PayloadUnavailable,
    ReplayBug,
)
from dataflow.futures import Awaited, Callback, Future, follow
from dataflow.history import History
from dataflow.payload import arguments, codec, failure, jumbo
from dataflow.payload.fields import CLEAR, Fields
from dataflow.payload.signature import Signature
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import CLOSE_STATUS, Event
from dataflow.protocol.limits import REASON_LENGTH, SWF_LIMITS, Limits
from dataflow.protocol.values import WorkflowExecution
from dataflow.replay.activities import Activities, Surroundings
from dataflow.replay.agenda import Agenda
from dataflow.replay.decided import Chance, Decided, Verdict
from dataflow.replay.expectations import DECIDED_EVENTS, Expectations
from dataflow.replay.postponing import Postponed
from dataflow.replay.suspension import ONLY_RUN_WAITS, Suspension
from dataflow.replay.timers import Timers
from dataflow.task import (
    OWN_TIMERS,
    ActivityTask,
    CancelTimerTask,
    TimerTask,
    not_submittable,
)
from dataflow.workflow import Placement, TaskFailureContext, Workflow, type_name

if TYPE_CHECKING:
    import random
    import uuid

_HOOKS = (
    "before_replay",
    "after_replay",
    "on_task_failure",
    "on_completed",
    "on_failure",
    "after_closed",
)


class Run:
    """One run of a workflow: history in, decisions out.

    It belongs to the thread that first advanced it, because its greenlet does.
    """

    def __init__(
        self,
        definition: type[Workflow],
        execution: WorkflowExecution,
        *,
        chance: Chance,
        domain: str = "",
        limits: Limits = SWF_LIMITS,
        fields: Fields = CLEAR,
    ) -> None:
        """``fields``: how what history holds is read; what is decided is to be written by it."""
        self.history = History()
        self._definition = definition
        self._execution = execution
        self._domain = domain
        self._limits = limits
        self._fields = fields
        limit = limits.data_length
        #: Characters that a field takes.
        self._longest = None if limit is None else fields.longest(limit)
        #: What could not be read, and ends this run.
        self._unreadable: PayloadError | None = None
        self._chance = chance
        self._random: random.Random | None = None
        self._uuids = 0
        self._sleeps = 0
        self._completions = 0
        #: Callbacks of futures that are done, still to be called.
        self._cascade: deque[tuple[Callback, Future[Any]]] = deque()
        self._cascading = False
        self._time = 0.0
        self._in_hook = False
        self._notices: list[str] = []
        #: The one answer of a run that cannot go on.
        self._broken: Decided | None = None
        #: The decision that ``run()`` ends with, once it has ended.
        self._closing: Decision | None = None
        #: Whether the hooks have been told of it.
        self._ended = False
        #: Whether history says that the execution is closed.
        self._closed = False
        #: The id of the started event whose answer history has not shown yet.
        self._answered: int | None = None
        self._expectations = Expectations(fields)
        self._agenda = Agenda(limits, fields)
        self._timers = Timers(self._agenda, self._task_future)
        self._activities = Activities(
            Surroundings(
                agenda=self._agenda,
                timers=self._timers,
                read=self._read,
                open=self._open,
                fitting=self._fitting,
                new_future=self._task_future,
                on_task_failure=self._on_task_failure,
                fail_run=self._fail_with,
                chance=self._chance_of,
                default_priority=priority(definition.task_priority),
            )
        )
        self._workflow: Workflow | None = None
        self._suspension = Suspension(self._main)
        activities, timers = self._activities, self._timers
        self._hooks = frozenset(
            name
            for name in _HOOKS
            if getattr(definition, name, None) is not getattr(Workflow, name)
        )
        self._handlers: dict[type[ev.Attributes], Callable[[Any], None]] = {
            ev.ScheduleActivityTaskFailed: activities.not_scheduled,
            ev.ActivityTaskCompleted: activities.completed,
            ev.ActivityTaskFailed: activities.failed,
            ev.ActivityTaskTimedOut: activities.timed_out,
            ev.ActivityTaskCanceled: activities.canceled,
            ev.TimerStarted: timers.started,
            ev.StartTimerFailed: timers.not_started,
            ev.TimerFired: timers.fired,
            ev.CancelTimerFailed: timers.not_cancelled,
        }

    # --- the decider's side -------------------------------------------------------

    def advance(self, events: Sequence[Event]) -> Decided:
        """Take the events that are new, make the decision that they call for. Never raises.

        ``events`` go on where the last call ended; events seen before may come again in front, as
        ``startAtPreviousStartedEvent`` sends them. If the last of them is the
        ``DecisionTaskStarted`` of the task in hand, that task is decided.
        """
        if self._broken is None:
            try:
                return self._advance(events)
            except (NonDeterminism, PayloadError) as problem:
                self._break(problem)
            except Exception as error:  # noqa: BLE001 - law 1; the cause is kept
                bug = ReplayBug(
                    f"dataflow failed at event {self.history.last_event_id}: "
                    f"{failure.describe(error).reason}; please report this, with the history"
                )
                bug.__cause__ = error
                self._break(bug)
        assert self._broken is not None
        return self._broken

    def drop(self) -> None:
        """Let go of a run that is not wanted any more; it decides nothing on the way."""
        self._suspension.drop()

    def waiting_for(self, most: int = 5) -> list[str]:
        """What ``run()`` waits for: the names of at most so many tasks."""
        awaited = self._suspension.awaited
        return [] if awaited is None else list(islice(_names(awaited.missing()), most))

    def find_activity(self, name: str, version: str) -> Activity[..., Any, Any] | None:
        """The activity of this type that the run has submitted, if it has."""
        return self._activities.submitted.get((name, version))

    @property
    def closing(self) -> Decision | None:
        """The decision that the run has ended with, once it has."""
        return self._closing

    def activity_names(self) -> set[str]:
        """The names of the activity types that the run has submitted."""
        return {name for name, _ in self._activities.submitted}

    def _break(self, problem: DataflowError) -> None:
        self._broken = Decided(verdict=Verdict.BROKEN, problem=problem)
        self.drop()

    def _advance(self, events: Sequence[Event]) -> Decided:  # noqa: C901 - the one loop over history
        last = self.history.last_event_id
        new = events if events and events[0].event_id > last else _after(events, last)
        postponed = Postponed(new)
        answers = _answered(new, postponed)
        if new and not self._fits(new, answers):
            return Decided(verdict=Verdict.STALE)
        deciding = deque(
            event
            for event in new
            if type(event.attributes) is ev.DecisionTaskStarted
            and (event.event_id in answers or event is new[-1])
        )
        confirming = False
        for event in new:
            if deciding:
                self._time = deciding[0].timestamp
            kind = type(event.attributes)
            if postponed.about(event):
                self.history.append(event)
                continue
            if kind in DECIDED_EVENTS:
                self._expectations.confirm(event)
            elif confirming and kind is not ev.ActivityTaskCanceled:
                # That one may stand between them: a task that nobody has taken is over at once.
                confirming = False
                self._expectations.check_all_confirmed(event.event_id)
            self._apply(event, kind)
            if kind is ev.DecisionTaskCompleted:
                confirming = True
                self._answered = None
            elif deciding and event is deciding[0]:
                deciding.popleft()
                decisions = self._decide()
                self._check_read()
                self._expectations.ask(decisions)
                if event.event_id not in answers:
                    self._answered = event.event_id
                    return self._decided(decisions)
        self._check_read()
        if confirming:
            self._expectations.check_all_confirmed(None)
        return self._decided(())

    def _check_read(self) -> None:
        """Raise what could not be read, whatever users have made of it."""
        if self._unreadable is not None:
            raise self._unreadable

    def _fits(self, new: Sequence[Event], answers: set[int]) -> bool:
        """Whether new events go on where this run is, and hold the answer that it gave."""
        return new[0].event_id == self.history.last_event_id + 1 and (
            self._answered is None or self._answered in answers
        )

    def _decided(self, decisions: Sequence[Decision]) -> Decided:
        if self._closed:
            verdict = Verdict.CLOSED
        elif self._closing is not None:
            verdict = Verdict.CLOSING
        else:
            verdict = Verdict.WAITING
        notices: tuple[str, ...] = ()
        if self._notices:
            notices, self._notices = tuple(self._notices), []
        return Decided(verdict=verdict, decisions=tuple(decisions), notices=notices)

    def _apply(self, event: Event, kind: type[ev.Attributes]) -> None:
        self.history.append(event)
        handler = self._handlers.get(kind)
        if handler is not None:
            handler(event.attributes)
        elif kind is ev.ActivityTaskScheduled:
            self._activities.scheduled(event)
        elif kind in CLOSE_STATUS:
            self._closed = True
        elif kind is ev.UnknownEvent:
            self._notices.append(
                f"event {event.event_id} is a {event.event_type}, which this version of dataflow "
                "does not know; it is ignored"
            )
        if event.event_id == self._limits.history_events_warning:
            self._notices.append(
                f"the history has {event.event_id} events; Amazon SWF ends an execution at "
                f"{SWF_LIMITS.history_events}: split the work over several executions"
            )

    # --- one decision -----------------------------------------------------------------

    def _decide(self) -> list[Decision]:
        if self._ended and self._closing is not None:
            # It was refused, because something had happened meanwhile; run() is over all the same.
            return [self._closing]
        if self._workflow is None:
            self._start()
        self._hook("before_replay", self.history)
        if self._closing is None:
            self._suspension.resume()
        self._hook("after_replay", self.history)
        if self._closing is None:
            return self._agenda.take()
        self._end()
        return [self._closing]

    def _start(self) -> None:
        try:
            workflow = self._definition()
            workflow._host = self  # noqa: SLF001 - this is the host
            self._workflow = workflow
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - user code; SystemExit is a failure, too
            self._workflow = Workflow()
            self._fail_with(error)

    def _main(self) -> None:
        """What runs in the greenlet: ``run()``, and the encoding of its result."""
        assert self._workflow is not None
        try:
            started = self.history.started
            given = arguments.read(started.input if started else None, self._read_input)
            run = self._workflow.run
            args, kwargs = Signature(run, f"{self._name}.run").convert(given.args, given.kwargs)
            result = run(*args, **kwargs)
            if inspect.iscoroutine(result):
                result = _await(result)
            text = self._encode_result(result)
        except (GreenletExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - user code; SystemExit is a failure, too
            self._fail_with(error, skip_frames=1)
        else:
            if self._closing is None:
                self._closing = de.CompleteWorkflowExecution(result=text)

    def _encode_result(self, result: Any) -> str:
        """The result as JSON; futures in it are waited for.

        The result of a future, if it is a reference, is that reference.
        """
        template = codec.template(result, hole=Future, where="result")
        if template.texts == ("", "") and (reference := self._reference(template.holes[0])):
            return reference
        text = template.fill(
            [codec.encode(hole.result, where=f"result of {hole.name}") for hole in template.holes]
        )
        return self._fitting(text, "result")

    def _reference(self, future: Future[Any]) -> str | None:
        """The reference that a future's result is; None if it is none, or the future failed."""
        if future.exception is not None or future.encoded is None:
            return None
        text = self._open(future.encoded)
        return text if jumbo.parse(text) is not None else None

    def _fitting(self, text: str, field: str, more: int = 0) -> str:
        """The text, if a field takes it and so many more characters."""
        limit = self._limits.data_length
        if limit is not None and self._longest is not None and len(text) + more > self._longest:
            raise self._fields.too_long(field, len(text), limit - more)
        return text

    def _read(self, text: str, *, unseen: type[PayloadError] = PayloadUnavailable) -> str:
        """The clear text of a field. Raises `PayloadError`.

        An error of the kind ``unseen`` is the end of this run, and ``run()`` does not see it. What
        else there is of users (hooks, callbacks) may, but nothing comes of it.
        """
        return text if jumbo.is_clear(text) else self._guard(self._fields.read, text, unseen)

    def _read_input(self, texts: Sequence[str]) -> list[str]:
        """What ``run()`` is given: without it, it neither runs nor fails."""
        return [self._read(text, unseen=PayloadError) for text in texts]

    def _open(self, text: str) -> str:
        """The clear text of a field, or its reference. Raises `PayloadError` as `_read` does."""
        if jumbo.is_clear(text):
            return text
        return self._guard(self._fields.open, text, PayloadUnavailable)

    def _guard(self, call: Callable[[str], str], text: str, unseen: type[PayloadError]) -> str:
        try:
            return call(text)
        except unseen as problem:
            self._unreadable = self._unreadable or problem
            if self._suspension.inside:
                self._suspension.leave()
            raise

    def _fail_with(self, error: BaseException, *, skip_frames: int = 0) -> None:
        """The run fails, for this reason; the first reason stands."""
        if self._closing is None and self._unreadable is None:
            why = failure.describe(error, skip_frames=skip_frames, longest=self._longest)
            self._closing = de.FailWorkflowExecution(reason=why.reason, details=why.details)

    def _end(self) -> None:
        """The run is over: tell the hooks, let go of what it leaves behind."""
        self._ended = True
        closing = self._closing
        unfinished = self._activities.unfinished()
        if unfinished and isinstance(closing, de.CompleteWorkflowExecution):
            first, more = unfinished[:3], len(unfinished[3:])
            self._notices.append(
                f"run() returned before {', '.join(first)}{f' and {more} more' if more else ''} "
                "finished: what it does not wait for is dropped"
            )
        if isinstance(closing, de.FailWorkflowExecution):
            self._hook("on_failure", self.history, closing.reason, closing.details)
        else:
            self._hook("on_completed", self.history)
        self._hook("after_closed", self.history)
        self._suspension.drop()

    def _hook(self, name: str, *args: Any) -> Any:
        if name not in self._hooks:
            return None
        self._in_hook = True
        try:
            return getattr(self._workflow, name)(*args)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - user code
            if not self._ended:
                if isinstance(self._closing, de.CompleteWorkflowExecution):
                    self._closing = None
                error.add_note(f"(in the hook {name} of {self._name})")
                self._fail_with(error, skip_frames=1)
            else:
                why = failure.describe(error).reason
                self._notices.append(f"the hook {name} of {self._name} failed: {why}")
        finally:
            self._in_hook = False
        return None

    def _on_task_failure(self, context: TaskFailureContext) -> None:
        answer = self._hook("on_task_failure", context)
        if answer is not None and answer is not context:
            self._fail_with(
                TypeError(
                    f"on_task_failure() of {self._name} must return its argument, after one of "
                    f"the decide_...() methods, or None, not {type(answer).__name__}"
                )
            )

    def _chance_of(self, seed: str) -> float:
        digest = hashlib.sha256(f"{self._execution.run_id}/{seed}".encode()).digest()
        return int.from_bytes(digest[:8]) / 2**64

    @property
    def _name(self) -> str:
        return self._definition.__qualname__

    # --- the workflow's side (see `workflow.Host`, `futures.Host`) ----------------------

    def submit(
        self,
        item: Any,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
        placement: Placement = Placement(),  # noqa: B008 - immutable
    ) -> Future[Any]:
        """See `workflow.Host`."""
        self._check_may_act("submit")
        if isinstance(item, ActivityTask) and not args and not kwargs:
            item, args, kwargs = item.activity, item.args, item.kwargs
        if isinstance(item, Activity):
            task_priority = None
            if kwargs and "__priority" in kwargs:
                kwargs = dict(kwargs)
                task_priority = priority(kwargs.pop("__priority"))
            return self._activities.submit(item, args, kwargs or {}, placement, task_priority)
        if args or kwargs:
            if isinstance(item, (ActivityTask, TimerTask, CancelTimerTask)):
                raise TypeError(f"{type(item).__name__} has its arguments: submit it alone")
            if isinstance(item, Canvas):
                raise TypeError(f"a {type(item).__name__} takes no arguments: its items have them")
            raise NotSubmittable(not_submittable(item))
        if isinstance(item, TimerTask):
            return self._start_timer(item, self._control(item), placement)
        if isinstance(item, CancelTimerTask):
            return self._timers.cancel(item.timer_id)
        if isinstance(item, Canvas):
            return item.start(self, placement)
        raise NotSubmittable(not_submittable(item))

    def _control(self, item: TimerTask) -> str | None:
        if item.control is None:
            return None
        return self._fitting(codec.encode(item.control, where="control"), "control")

    def _start_timer(
        self, item: TimerTask, control: str | None, placement: Placement
    ) -> Future[None]:
        if placement.after is None:
            return self._timers.start(item.timer_id, item.timeout, control)
        # A timer in a chain starts to run when its turn comes.
        whole = self.new_future(item.timer_id)

        def turn(after: Future[Any]) -> None:
            if whole.done:
                return
            if after.exception is not None:
                whole.cancel()
                return
            timer = self._timers.start(item.timer_id, item.timeout, control)
            whole.on_cancel(timer.cancel)
            follow(timer, whole)

        placement.after.when_done(turn)
        return whole

    def new_future(self, name: str) -> Future[Any]:
        """See `workflow.Host`."""
        future = self._task_future(name)
        future.parts = ()
        return future

    def _task_future(self, name: str) -> Future[Any]:
        return Future(self, name)

    def sleep(self, seconds: int) -> None:
        """See `workflow.Host`."""
        self._check_may_act("sleep")
        self._sleeps += 1
        timeout = TimerTask("sleep", seconds).timeout
        return self._timers.start(f"{OWN_TIMERS}sleep-{self._sleeps}", timeout).result

    def now(self) -> datetime:
        """See `workflow.Host`."""
        return datetime.fromtimestamp(self._time, UTC)

    @property
    def random(self) -> random.Random:
        """See `workflow.Host`."""
        if self._random is None:
            self._random = self._chance.random(self._execution.run_id)
        return self._random

    def uuid(self) -> uuid.UUID:
        """See `workflow.Host`."""
        self._uuids += 1
        return self._chance.uuid(f"{self._execution.run_id}/{self._uuids}")

    def run_context(self) -> dict[str, Any]:
        """See `workflow.Host`."""
        started = self.history.started
        parent = started.parent_workflow_execution if started else None
        return {
            "name": type_name(self._definition),
            "version": self._definition.version,
            "domain_name": self._domain,
            "workflow_id": self._execution.workflow_id,
            "run_id": self._execution.run_id,
            "tag_list": list(started.tag_list or ()) if started else [],
            "continued_execution_run_id": started.continued_execution_run_id if started else None,
            "parent_workflow_id": parent.workflow_id if parent else None,
            "parent_run_id": parent.run_id if parent else None,
        }

    def fail(self, reason: str, details: str | None) -> NoReturn:
        """See `workflow.Host`."""
        self._check_may_act("fail")
        if not self._suspension.inside:
            raise NotInWorkflow("only run() can fail the workflow: raise an error instead")
        if self._closing is None:
            self._closing = de.FailWorkflowExecution(
                reason=failure.cut(str(reason), REASON_LENGTH),
                details=None if details is None else self._cut(str(details)),
            )
        self._suspension.leave()

    def _cut(self, text: str) -> str:
        return text if self._longest is None else failure.cut(text, self._longest)

    def suspend(self, awaited: Awaited) -> None:
        """See `futures.Host`."""
        if self._cascading:
            raise NotInWorkflow(ONLY_RUN_WAITS)
        self._suspension.suspend(awaited)

    def next_completion(self) -> int:
        """See `futures.Host`."""
        self._completions += 1
        return self._completions

    def call_back(self, future: Future[Any], callbacks: Sequence[Callback]) -> None:
        """See `futures.Host`. One after the other, however long the cascade: no recursion."""
        self._cascade.extend((callback, future) for callback in callbacks)
        if self._cascading:
            return
        self._cascading = True
        try:
            while self._cascade:
                callback, done = self._cascade.popleft()
                callback(done)
        finally:
            self._cascading = False

    def call_user(self, callback: Callback, future: Future[Any]) -> None:
        """See `futures.Host`."""
        try:
            callback(future)
        except (GreenletExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - user code
            self._fail_with(error, skip_frames=1)

    def _check_may_act(self, what: str) -> None:
        if self._suspension.inside:
            self._suspension.refuse_if_dropped()
        elif self._in_hook:
            raise NotInWorkflow(f"a hook cannot {what}: hooks only look; do it in run()")


def _answered(events: Sequence[Event], postponed: Postponed) -> set[int]:
    """The ``DecisionTaskStarted`` events of the tasks that were decided."""
    return {
        event.attributes.started_event_id
        for event in events
        if type(event.attributes) is ev.DecisionTaskCompleted
        and event.event_id not in postponed.answers
    }


def _after(events: Sequence[Event], event_id: int) -> Sequence[Event]:
    """The events that come after this one."""
    return [event for event in events if event.event_id > event_id]


def _names(futures: Iterable[Future[Any]]) -> Iterator[str]:
    """The unfinished tasks that futures stand for."""
    for future in futures:
        if not future.done:
            parts = list(_names(future.parts or ()))
            yield from parts or [future.name]


def _await(coroutine: Any) -> Any:
    """Run an ``async def run`` to its end: awaiting a future suspends the greenlet it runs in."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    coroutine.close()
    raise NotInWorkflow(
        "run() awaited something that is not a future of this workflow: there is no event loop in "
        "a decider; do such work in an activity"
    )
