"""Activities of one run: from submit, through their attempts, to the end of the last.

A call's id is fixed when it is submitted, in program order: ``activity-<name>-<n>``. Numbering
calls when they become ready (as the ancestor did) would make their ids depend on which inputs
arrive first, and hand one call the result of another. Only an idempotent call is named after its
arguments, ``activity-<name>-<hash>``, and so needs no order: it is one task however often it is
submitted.

    WAITING --last input--> READY --asked--> ASKED --confirmed--> SCHEDULED --ends--> CLOSED
                              ^                                       |
                              +------- tried again (after a timer) ---+

A cancelled call goes to CLOSED from anywhere; what history still brings for it is read over.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from dataflow.activity import Activity
from dataflow.errors import PayloadError, PayloadUnavailable, TaskFailed, TaskTimedOut
from dataflow.futures import Future, follow
from dataflow.payload import arguments, codec, failure, jumbo
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.decisions import Decision
from dataflow.protocol.events import Event
from dataflow.protocol.limits import ID_LENGTH
from dataflow.protocol.values import WORKER_LOST
from dataflow.replay import sources
from dataflow.replay.agenda import Agenda
from dataflow.replay.timers import Timers
from dataflow.workflow import Placement, TaskFailureContext

#: Refusals to schedule that pass: the task is asked for again after a second.
_PASSING_CAUSES = frozenset({"OPEN_ACTIVITIES_LIMIT_EXCEEDED", "ACTIVITY_CREATION_RATE_EXCEEDED"})


#: Characters of `Call.input_of_attempt` that are not in the input.
_ATTEMPT_LENGTH = len(arguments.of_attempt("{}", 999_999)) - len("{}")


class _State(enum.Enum):
    WAITING = "for its inputs, its turn or its back-off"
    READY = "to be asked for"
    ASKED = "for, and not confirmed by history"
    SCHEDULED = "in the history"
    CLOSED = "finished, failed or cancelled"


class Call:
    """One submitted activity."""

    __slots__ = (
        "activity",
        "after",
        "attempt",
        "backoff",
        "future",
        "input",
        "made_of",
        "missing",
        "priority",
        "raises_on_failure",
        "sharers",
        "state",
        "task_id",
        "template",
    )

    def __init__(
        self,
        activity: Activity[..., Any, Any],
        task_id: str,
        template: codec.Template,
        future: Future[Any],
    ) -> None:
        self.activity = activity
        self.task_id = task_id
        self.template = template
        self.future = future
        self.state = _State.WAITING
        #: Inputs and gates that are not done.
        self.missing = 0
        self.after: Future[Any] | None = None
        #: Futures that decided that there is this call.
        self.made_of: tuple[Future[Any], ...] = ()
        #: The futures of those who submitted an idempotent call.
        self.sharers: list[Future[Any]] = []
        #: The first attempt's input, once all of it is known.
        self.input: str | None = None
        self.attempt = 1
        self.backoff: Future[None] | None = None
        self.priority: str | None = None
        self.raises_on_failure = False

    def decision(self) -> Decision | None:
        """See `agenda.Ask`."""
        if self.state is not _State.READY:
            return None
        activity = self.activity
        return de.ScheduleActivityTask(
            activity_type=activity.activity_type,
            activity_id=self.task_id,
            input=self.input_of_attempt,
            control=sources.control((*self.template.holes, *self.made_of), self.after),
            task_list=activity.task_list_value,
            task_priority=self.priority,
            schedule_to_start_timeout=activity.schedule_to_start_timeout,
            schedule_to_close_timeout=activity.schedule_to_close_timeout,
            start_to_close_timeout=activity.start_to_close_timeout,
            heartbeat_timeout=activity.heartbeat_timeout,
        )

    def asked(self) -> None:
        """See `agenda.Ask`."""
        self.state = _State.ASKED

    @property
    def input_of_attempt(self) -> str | None:
        """The input; from the second attempt on it says which attempt it is."""
        if self.attempt == 1 or self.input is None:
            return self.input
        return arguments.of_attempt(self.input, self.attempt)


class _CancelRequest:
    """Asks the engine to cancel a scheduled activity."""

    __slots__ = ("call",)

    def __init__(self, call: Call) -> None:
        self.call = call

    def decision(self) -> Decision | None:
        return de.RequestCancelActivityTask(activity_id=self.call.task_id)

    def asked(self) -> None:
        """Its event says nothing new."""


class Surroundings(NamedTuple):
    """What activities need of the run they belong to."""

    agenda: Agenda
    timers: Timers
    #: Gives the clear text of a field. Raises `PayloadError`; if the text may come back, the run
    #: is over, and nobody sees it.
    read: Callable[[str], str]
    #: The same, but a reference stays one.
    open: Callable[[str], str]
    #: Gives the text back, or raises `PayloadError` if no field takes that text, called so, and so
    #: many more characters.
    fitting: Callable[[str, str, int], str]
    new_future: Callable[[str], Future[Any]]
    #: Calls the hook of the workflow; an error in it is the run's business.
    on_task_failure: Callable[[TaskFailureContext], None]
    #: A task that must not fail has failed.
    fail_run: Callable[[TaskFailed], None]
    #: A number from 0 to 1 for this seed, the same in every replay.
    chance: Callable[[str], float]
    default_priority: str | None


class Activities:
    """All activity calls of one run."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._run = surroundings
        self._counters: dict[str, int] = {}
        self._idempotent: dict[str, Call] = {}
        #: Calls that history may speak of, by id until scheduled, then by event.
        self._by_id: dict[str, Call] = {}
        self._by_event: dict[int, Call] = {}
        #: What was submitted, by type: where a run in this process finds the code.
        self.submitted: dict[tuple[str, str], Activity[..., Any, Any]] = {}

    def submit(
        self,
        activity: Activity[..., Any, Any],
        args: Sequence[Any],
        kwargs: dict[str, Any],
        placement: Placement,
        priority: str | None,
    ) -> Future[Any]:
        """Fix the call's id; schedule it as soon as inputs and turn allow.

        Raises `TypeError` and `PayloadError`, see ``Workflow.submit``.
        """
        activity.signature.check(args, kwargs)
        message: dict[str, Any] = {"args": args, "kwargs": kwargs}
        if activity.meta is not None:
            message["meta"] = activity.meta
        try:
            template = codec.template(message, hole=Future, where="")
        except PayloadError as error:
            raise _about_argument(activity, error) from None
        self._remember(activity)
        task_id = "" if activity.idempotent else self._next_id(activity.name)
        future = self._run.new_future(task_id or f"activity-{activity.name}")
        call = Call(activity, task_id, template, future)
        call.priority = priority or activity.task_priority or self._run.default_priority
        call.raises_on_failure = (
            activity.raises_on_failure
            if placement.raises_on_failure is None
            else placement.raises_on_failure
        )
        call.after = placement.after
        call.made_of = placement.inputs
        self._await_inputs(call)
        return future

    def _remember(self, activity: Activity[..., Any, Any]) -> None:
        key = (activity.name, activity.version)
        known = self.submitted.setdefault(key, activity)
        if known is not activity:
            raise ValueError(
                f"two different activities are called {activity.name} version {activity.version}: "
                "give one of them another name with with_attributes(name=...)"
            )

    def _next_id(self, name: str) -> str:
        number = self._counters[name] = self._counters.get(name, 0) + 1
        return _fit_id(f"activity-{name}-{number}")

    # --- waiting -------------------------------------------------------------------

    def _await_inputs(self, call: Call) -> None:
        needed = call.template.holes if call.after is None else (*call.template.holes, call.after)
        call.missing = len(needed)
        if not needed:
            self._inputs_arrived(call)
            return
        call.future.on_cancel(lambda: self._close(call))
        for future in needed:
            if call.state is _State.CLOSED:
                return
            future.when_done(lambda future: self._input_arrived(call, future))

    def _input_arrived(self, call: Call, future: Future[Any]) -> None:
        if call.state is _State.CLOSED:
            return
        call.missing -= 1
        error = future.exception
        if error is not None and future is call.after:
            call.future.cancel()
        elif error is not None:
            name, task_id = call.activity.name, call.task_id
            self._fail(call, failure.input_failed(name, error, task_id=task_id))
        elif call.missing == 0:
            self._inputs_arrived(call)

    def _inputs_arrived(self, call: Call) -> None:
        try:
            # The number of a later attempt must fit, too.
            call.input = self._run.fitting(self._input(call.template), "input", _ATTEMPT_LENGTH)
        except PayloadUnavailable:
            raise
        except PayloadError as error:
            told = failure.describe(error)
            self._fail(
                call,
                failure.task_failed(
                    call.activity.name, told.reason, told.details, task_id=call.task_id
                ),
            )
            return
        if call.activity.idempotent:
            self._share(call)
        else:
            self._ready(call)

    def _input(self, template: codec.Template) -> str:
        """A task's input; results that are references go into it as such."""
        if not template.holes:
            return template.texts[0]
        references: list[str] = []
        text = template.fill([self._encoded(future, references) for future in template.holes])
        return arguments.add_references(text, references) if references else text

    def _encoded(self, future: Future[Any], references: list[str]) -> str:
        """The text of a result: as history holds it, if it is JSON; a reference, quoted."""
        text = future.encoded
        if text is not None:
            text = self._run.open(text)
            if jumbo.parse(text) is not None:
                references.append(text)
                return codec.encode(text)
            if _is_json(text):
                return text
        elif future.items is not None:
            return f"[{','.join(self._item(item, references) for item in future.items)}]"
        return codec.encode(future.result, where=f"the result of {future.name}")

    def _item(self, item: Future[Any], references: list[str]) -> str:
        return "null" if item.exception is not None else self._encoded(item, references)

    def _share(self, call: Call) -> None:
        """Name an idempotent call; all that have the same name share one task.

        It is cancelled when all of them are.
        """
        assert call.input is not None
        text = f"{call.activity.version} {call.input}"
        digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        task_id = call.future.name = _fit_id(f"activity-{call.activity.name}-{digest}")
        task = self._idempotent.get(task_id)
        if task is None:
            future = self._run.new_future(task_id)
            task = Call(call.activity, task_id, call.template, future)
            task.input, task.after, task.made_of = call.input, call.after, call.made_of
            task.priority = call.priority
            self._idempotent[task_id] = task
            self._ready(task)
        task.raises_on_failure = task.raises_on_failure or call.raises_on_failure
        error = task.future.exception if task.future.finished else None
        if call.raises_on_failure and isinstance(error, TaskFailed):
            self._run.fail_run(error)
        task.sharers.append(call.future)
        if task.future.running:
            call.future.set_running()
        follow(task.future, call.future)
        call.future.on_cancel(lambda: self._leave(task))

    def _leave(self, task: Call) -> None:
        if all(future.cancelled for future in task.sharers):
            task.future.cancel()

    def _ready(self, call: Call) -> None:
        call.state = _State.READY
        call.future.on_cancel(lambda: self._cancel(call))
        self._by_id[call.task_id] = call
        self._run.agenda.activities.add(call)

    # --- ends ------------------------------------------------------------------------

    def _close(self, call: Call) -> None:
        call.state = _State.CLOSED

    def _cancel(self, call: Call) -> None:
        """The future of a call without missing inputs was cancelled."""
        state, backoff = call.state, call.backoff
        self._close(call)
        if state is _State.SCHEDULED:
            self._run.agenda.cancellations.add(_CancelRequest(call))
        elif backoff is not None:
            backoff.cancel()
        elif state is _State.READY:
            del self._by_id[call.task_id]
        # What has been asked for is cancelled as soon as history has it: see `scheduled`.

    def _fail(self, call: Call, error: TaskFailed) -> None:
        self._close(call)
        if call.raises_on_failure:
            self._run.fail_run(error)
        call.future.set_exception(error)

    def _attempt_failed(self, call: Call, error: TaskFailed) -> None:
        """Let the hook, or else the retry policy, say what becomes of the call."""
        context = TaskFailureContext(task_id=call.task_id, attempt=call.attempt, error=error)
        self._run.on_task_failure(context)
        decision = context.decision
        if decision == "ignore":
            self._close(call)
            call.future.set_finished(context.value)
        elif decision == "cancel":
            self._close(call)
            call.future.set_cancelled()
        elif decision in {"fail", "abort"}:
            call.raises_on_failure = call.raises_on_failure or decision == "abort"
            self._fail(call, error)
        elif decision == "retry":
            self._try_again(call, max(0, int(context.wait)))
        else:
            policy = call.activity.retry
            chance = self._run.chance(f"{call.task_id}/{call.attempt}") if policy.jitter else 0.0
            delay = policy.delay(call.attempt, error, chance)
            if delay is None:
                self._fail(call, error)
            else:
                self._try_again(call, delay)

    def _try_again(self, call: Call, delay: int, *, attempts: int = 1) -> None:
        call.attempt += attempts
        if delay == 0:
            self._ready(call)
            return
        call.state = _State.WAITING
        call.backoff = self._run.timers.start(backoff_timer_id(call.task_id), str(delay))
        call.backoff.when_done(lambda backoff: self._backoff_over(call, backoff))

    def _backoff_over(self, call: Call, backoff: Future[None]) -> None:
        call.backoff = None
        error = backoff.exception
        if call.state is _State.CLOSED:
            return
        if error is None:
            self._ready(call)
        else:
            reason = f"no timer for its next attempt: {error}"
            self._fail(call, TaskFailed(call.activity.name, reason, task_id=call.task_id))

    # --- events ------------------------------------------------------------------------

    def scheduled(self, event: Event) -> None:
        """The engine has scheduled what was asked for."""
        assert isinstance(event.attributes, ev.ActivityTaskScheduled)
        call = self._by_event[event.event_id] = self._by_id.pop(event.attributes.activity_id)
        if call.state is _State.CLOSED:
            self._run.agenda.cancellations.add(_CancelRequest(call))
            return
        call.state = _State.SCHEDULED
        for future in (call.future, *call.sharers):
            future.set_running()

    def not_scheduled(self, attributes: ev.ScheduleActivityTaskFailed) -> None:
        """The engine has refused to."""
        call = self._by_id.pop(attributes.activity_id)
        self._run.agenda.activities.open -= 1
        if call.state is _State.CLOSED:
            return
        if attributes.cause in _PASSING_CAUSES:
            self._try_again(call, 1, attempts=0)
        else:
            name, task_id = call.activity.name, call.task_id
            self._fail(call, TaskFailed(name, attributes.cause, task_id=task_id))

    def completed(self, attributes: ev.ActivityTaskCompleted) -> None:
        """The activity has a result."""
        call = self._ended(attributes.scheduled_event_id)
        if call is not None:
            self._close(call)
            text, activity = attributes.result, call.activity
            read = self._run.read
            call.future.set_encoded(
                text,
                lambda: activity.convert_result(codec.decode(None if text is None else read(text))),
            )

    def failed(self, attributes: ev.ActivityTaskFailed) -> None:
        """An attempt has failed."""
        call = self._ended(attributes.scheduled_event_id)
        if call is not None:
            error = failure.task_failed(
                call.activity.name,
                self._clear(attributes.reason),
                self._clear(attributes.details),
                task_id=call.task_id,
            )
            self._attempt_failed(call, error)

    def timed_out(self, attributes: ev.ActivityTaskTimedOut) -> None:
        """An attempt has timed out, which is a way to fail."""
        call = self._ended(attributes.scheduled_event_id)
        if call is not None:
            if attributes.details == WORKER_LOST:
                self._try_again(call, 0, attempts=0)
                return
            error = TaskTimedOut(
                call.activity.name,
                attributes.timeout_type,
                self._clear(attributes.details),
                task_id=call.task_id,
            )
            self._attempt_failed(call, error)

    def canceled(self, attributes: ev.ActivityTaskCanceled) -> None:
        """The task was cancelled, by whoever asked for it."""
        call = self._ended(attributes.scheduled_event_id)
        if call is not None:
            self._close(call)
            call.future.set_cancelled()

    def _clear(self, text: str | None) -> str | None:
        """What a failure says; what stands there, if nobody can read it: it has failed anyway."""
        try:
            return None if text is None else self._run.read(text)
        except PayloadUnavailable:
            raise
        except PayloadError:
            return text

    def _ended(self, scheduled_event_id: int) -> Call | None:
        """The call whose task has ended; None if nobody waits for it any more."""
        call = self._by_event.pop(scheduled_event_id)
        self._run.agenda.activities.open -= 1
        return None if call.state is _State.CLOSED else call

    def unfinished(self) -> list[str]:
        """The ids of tasks that are asked for or in the history, and not over."""
        calls = [*self._by_id.values(), *self._by_event.values()]
        return [call.task_id for call in calls if call.state is not _State.CLOSED]


def backoff_timer_id(task_id: str) -> str:
    """The timer that a task waits for before its next attempt."""
    return _fit_id(f"dataflow-retry-{task_id}")


def _fit_id(task_id: str) -> str:
    """An id within SWF's limit; what is too long ends in a hash of the whole."""
    if len(task_id) <= ID_LENGTH:
        return task_id
    digest = hashlib.blake2b(task_id.encode(), digest_size=16).hexdigest()
    return f"{task_id[: ID_LENGTH - 33]}-{digest}"


def _is_json(text: str) -> bool:
    """Whether a result may be joined into an input as it stands.

    Activities of other programs may answer plain text, which is a string and must be quoted.
    """
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return False
    return True


def _about_argument(activity: Activity[..., Any, Any], error: PayloadError) -> PayloadError:
    """Name the argument in the caller's words: ``args[0]``, not the member of our message."""
    path = re.sub(r"^\['(args|kwargs|meta)'\]", r"\1", error.path)
    message = str(error).replace(error.path, path, 1)
    return PayloadError(f"{activity.name}: {message}", path=path)
