"""Workflows: the programs that decide what is done next.

A user subclasses `Workflow` and writes ``run``. It is ordinary Python with one rule: it must be
deterministic, because its state is rebuilt by running it against the history. Work, and whatever
reads the world, belongs into activities.

This module does nothing itself: a workflow talks to its `Host`, the replay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, NoReturn, Protocol, TypeVar, overload

from dataflow.activity import Activity, Executes, ExecutesAsync, duration
from dataflow.errors import NotInWorkflow, TaskFailed
from dataflow.futures import Future
from dataflow.history import History
from dataflow.task import ActivityTask, CancelTimerTask, TimerTask

if TYPE_CHECKING:
    import random
    import uuid

R = TypeVar("R")

#: An activity with results of type R. To mypy, which does not look at decorators of classes, one
#: written as a class is still that class.
Submits = Activity[..., Any, R] | type[ExecutesAsync[R]] | type[Executes[R]]


class Placement(NamedTuple):
    """How an enclosing canvas wants a task run."""

    #: Nothing is scheduled before this future is finished; its failure or cancellation cancels
    #: what waits for it.
    after: Future[Any] | None = None
    #: Futures whose results decided that there is this task, though it does not take them.
    inputs: tuple[Future[Any], ...] = ()
    #: Overrides the activity's own ``raises_on_failure``, if not None.
    raises_on_failure: bool | None = None


class Container(Protocol):
    """A canvas, as `submit` sees it: `dataflow.canvas` has the three there are."""

    def start(self, host: Host, placement: Placement) -> Future[Any]:
        """Submit the tasks; the future of the whole."""
        ...


Submittable = Activity[..., Any, Any] | ActivityTask | TimerTask | CancelTimerTask | Container


class Host(Protocol):
    """The run of a workflow, as the workflow and its canvases see it."""

    def submit(
        self,
        item: Submittable,
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
        placement: Placement = Placement(),  # noqa: B008 - immutable
    ) -> Future[Any]:
        """Fix the task's id now, schedule it as soon as its inputs are there."""
        ...

    def new_future(self, name: str) -> Future[Any]:
        """A future of this run that stands for no task: a gate, or a whole made of parts."""
        ...

    def sleep(self, seconds: int) -> None:
        """Suspend the run for so long."""
        ...

    def now(self) -> datetime:
        """The time of the decision."""
        ...

    @property
    def random(self) -> random.Random:
        """The run's random numbers."""
        ...

    def uuid(self) -> uuid.UUID:
        """The run's next UUID."""
        ...

    def run_context(self) -> dict[str, Any]:
        """Which execution this is."""
        ...

    def fail(self, reason: str, details: str | None) -> NoReturn:
        """Close the execution as failed."""
        ...


class TaskFailureContext:
    """What `Workflow.on_task_failure` is told, and how it answers.

    The ``decide_...`` methods say what happens to the task, and return the context, so that the
    hook can ``return failure_context.decide_retry(wait=10)``. Without one, the activity's own
    retry policy decides.
    """

    def __init__(self, *, task_id: str, attempt: int, error: TaskFailed) -> None:
        self.task_id = task_id
        #: The activity type's name.
        self.task_name = error.name
        #: Which attempt failed: 1 for the first.
        self.attempt = attempt
        #: The failure, as ``future.result`` would raise it.
        self.error = error
        self.reason = error.reason
        self.details = error.details
        self.decision: str | None = None
        self.wait = 0
        self.value: Any = None

    @property
    def retry_count(self) -> int:
        """How often the task was tried again before this failure."""
        return self.attempt - 1

    def decide_abort(self) -> TaskFailureContext:
        """The workflow fails, at once."""
        self.decision = "abort"
        return self

    def decide_fail(self) -> TaskFailureContext:
        """The task has failed, whatever its retry policy says."""
        self.decision = "fail"
        return self

    def decide_ignore(self, value: Any = None) -> TaskFailureContext:
        """The task is finished after all, with this result."""
        self.decision, self.value = "ignore", value
        return self

    def decide_cancel(self) -> TaskFailureContext:
        """The task counts as cancelled."""
        self.decision = "cancel"
        return self

    def decide_retry(self, wait: int = 0) -> TaskFailureContext:
        """The task is tried again after ``wait`` whole seconds, whatever its retry policy says."""
        duration(wait, "wait")
        self.decision, self.wait = "retry", int(wait)
        return self


class Workflow:
    """A workflow type: subclass it and write ``run``.

    ``run`` may be an ``async def``; ``await future`` is then the same as ``future.result``.
    """

    #: The workflow type's name; ``module.Class`` where it is None.
    name: ClassVar[str | None] = None
    version: ClassVar[str] = "default"
    #: Where its decision tasks wait for a decider.
    task_list: ClassVar[str] = "default"
    #: The priority of the tasks it schedules, unless the activity has its own.
    task_priority: ClassVar[int | None] = None
    #: At most five labels of an execution, to find it by.
    tag_list: ClassVar[Sequence[str]] = ()
    #: Whole seconds from start to end of an execution.
    execution_timeout: ClassVar[int | None] = None
    #: Whole seconds that one decision may take.
    decision_tasks_timeout: ClassVar[int | None] = None

    _host: Host | None = None

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """The program. What it returns is the execution's result, what it raises its failure."""
        raise NotImplementedError(f"{type(self).__qualname__} needs a run() method")

    # --- submitting ------------------------------------------------------------

    @overload
    def submit(self, item: Activity[..., Any, R], /, *args: Any, **kwargs: Any) -> Future[R]: ...
    @overload
    def submit(self, item: type[ExecutesAsync[R]], /, *args: Any, **kwargs: Any) -> Future[R]: ...
    @overload
    def submit(self, item: type[Executes[R]], /, *args: Any, **kwargs: Any) -> Future[R]: ...
    @overload
    def submit(self, item: TimerTask | CancelTimerTask, /) -> Future[None]: ...
    @overload
    def submit(self, item: ActivityTask | Container, /) -> Future[Any]: ...

    def submit(self, item: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit an activity with its arguments, a task or a canvas; never waits.

        Futures may stand anywhere in the arguments (in lists, tuples, dictionaries, dataclasses):
        the task starts in the very decision in which the last of them is finished. The other
        arguments are encoded now, so changing them later has no effect.

        Raises `NotSubmittable` for anything else, `TypeError` for arguments that the activity does
        not take, `PayloadError` for those that cannot be encoded.
        """
        return self._run().submit(item, args, kwargs)

    def map(self, activity: Submits[R], iterable: Iterable[Any]) -> list[Future[R]]:
        """``[self.submit(activity, x) for x in iterable]``."""
        return [self.submit(activity, x) for x in iterable]

    def starmap(self, activity: Submits[R], iterable: Iterable[Iterable[Any]]) -> list[Future[R]]:
        """``[self.submit(activity, *x) for x in iterable]``."""
        return [self.submit(activity, *x) for x in iterable]

    def start_timer(self, timer_id: str, timeout: int, control: Any = None) -> TimerTask:
        """A timer of ``timeout`` whole seconds, to submit: its future is finished when it fires."""
        return TimerTask(timer_id, timeout, control)

    def cancel_timer(self, timer_id: str) -> CancelTimerTask:
        """The cancellation of a timer, to submit."""
        return CancelTimerTask(timer_id)

    def sleep(self, seconds: int) -> None:
        """Suspend the workflow for whole seconds: a timer in the history, no sleeping process."""
        self._run().sleep(seconds)

    # --- what is the same in every replay ----------------------------------------

    def now(self) -> datetime:
        """The time of the decision that is being made, in UTC."""
        return self._run().now()

    @property
    def random(self) -> random.Random:
        """Random numbers that are the same in every replay of this run."""
        return self._run().random

    def uuid(self) -> uuid.UUID:
        """A UUID that is the same in every replay of this run."""
        return self._run().uuid()

    def get_run_context(self) -> dict[str, Any]:
        """Which execution this is.

        Keys: ``name, version, domain_name, workflow_id, run_id, tag_list,
        continued_execution_run_id, parent_workflow_id, parent_run_id``.
        """
        return self._run().run_context()

    def fail(self, reason: str, details: str | None = None) -> NoReturn:
        """Close the execution as failed, with this reason; nothing catches it."""
        self._run().fail(reason, details)

    # --- hooks -----------------------------------------------------------------
    # They run in the decider, before its decision is accepted, and again whenever the run is
    # replayed: they may look, but neither submit nor wait. An exception in the first three fails
    # the workflow; one in the others is logged, because the outcome stands.

    def before_replay(self, history: History) -> None:
        """Before ``run`` goes on in a decision."""

    def after_replay(self, history: History) -> None:
        """After ``run`` has gone as far as it can in a decision."""

    def on_task_failure(self, failure_context: TaskFailureContext) -> TaskFailureContext | None:
        """An attempt of an activity has failed or timed out."""

    def on_completed(self, history: History) -> None:
        """``run`` has returned."""

    def on_failure(self, history: History, reason: str, details: str | None = None) -> None:
        """The workflow has failed."""

    def after_closed(self, history: History) -> None:
        """After `on_completed` or `on_failure`."""

    def _run(self) -> Host:
        if self._host is None:
            raise NotInWorkflow(
                f"this {type(self).__qualname__} is not being run: submit() and the like work only "
                "inside run(), which dataflow calls"
            )
        return self._host


def type_name(definition: type[Workflow]) -> str:
    """The name of the workflow type that a class defines."""
    return definition.name or f"{definition.__module__}.{definition.__qualname__}"
