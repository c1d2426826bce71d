"""Activities: the functions that do a workflow's work, and what the engine must know of them.

``@activity.with_attributes(...)`` turns a function, an ``async def``, or a class with an
``execute`` method into an `Activity`: a description that workflows submit. It stays callable as
what it was, so an activity is unit-tested as the plain function that it is.

Inside a running activity, `context` says which task it works for, and `heartbeat` tells the
engine that it is alive.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, cast, overload

import msgspec

from dataflow.errors import UsageError
from dataflow.payload.signature import Signature
from dataflow.protocol.limits import DURATION_SECONDS, ID_LENGTH, VERSION_LENGTH
from dataflow.protocol.values import NO_TIMEOUT, ActivityType, TaskList
from dataflow.retry import Retry

P = ParamSpec("P")
#: What calling the decorated object gives: the result, a coroutine, or an instance.
C = TypeVar("C")
#: What the activity results in, and so the type of its future.
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

#: Seconds, ``"NONE"`` or None for no limit.
Timeout = int | str | None

#: What the name of a type may not contain.
_FORBIDDEN = re.compile(r"[:/|\x00-\x1f\x7f-\x9f]")

#: The ancestor's default of every time-out, in seconds.
DEFAULT_TIMEOUT = 300


class Executes(Protocol[R_co]):
    """An activity written as a class: built with the arguments, then executed."""

    def execute(self) -> R_co:
        """Do the work."""
        ...


class ExecutesAsync(Protocol[R_co]):
    """As `Executes`, with a coroutine."""

    async def execute(self) -> R_co:
        """Do the work."""
        ...


class Activity(Generic[P, C, R]):
    """A function that can be a task of a workflow. Made by `with_attributes`; never changes."""

    def __init__(  # noqa: PLR0913 - one keyword for each attribute of an activity
        self,
        function: Callable[P, C],
        *,
        name: str | None = None,
        version: str = "default",
        task_list: str = "default",
        task_priority: int | None = None,
        retry: int | Retry = 0,
        raises_on_failure: bool = False,
        start_to_close_timeout: Timeout = DEFAULT_TIMEOUT,
        schedule_to_close_timeout: Timeout = DEFAULT_TIMEOUT,
        schedule_to_start_timeout: Timeout = DEFAULT_TIMEOUT,
        heartbeat_timeout: Timeout = DEFAULT_TIMEOUT,
        idempotent: bool = False,
        meta: Mapping[str, Any] | None = None,
    ) -> None:
        self.callable = function
        is_class = isinstance(function, type)
        if is_class and not callable(getattr(function, "execute", None)):
            raise UsageError(f"{function.__qualname__} needs an execute() method to be an activity")
        if not callable(function):
            raise UsageError(f"{function!r} cannot be called, so it is no activity")
        functools.update_wrapper(self, function, updated=())
        if name is None and not hasattr(function, "__name__"):
            raise UsageError(f"{function!r} has none: give it a name, with_attributes(name=...)")
        self.name = name or f"{function.__module__}.{function.__name__}"
        check_name("name", self.name, ID_LENGTH)
        self.version = version
        check_name("version", self.version, VERSION_LENGTH)
        check_name("task_list", task_list, ID_LENGTH)
        self.task_list = task_list
        self.task_priority = priority(task_priority)
        self.retry = Retry.of(retry)
        self.raises_on_failure = raises_on_failure
        self.start_to_close_timeout = duration(start_to_close_timeout, "start_to_close_timeout")
        self.schedule_to_close_timeout = duration(
            schedule_to_close_timeout, "schedule_to_close_timeout"
        )
        self.schedule_to_start_timeout = duration(
            schedule_to_start_timeout, "schedule_to_start_timeout"
        )
        self.heartbeat_timeout = duration(heartbeat_timeout, "heartbeat_timeout")
        self.idempotent = idempotent
        self.meta = meta
        #: The type as SWF names it.
        self.activity_type = ActivityType(self.name, version)
        self.task_list_value = TaskList(task_list)
        self.signature = Signature(
            function.__init__ if is_class else function,
            self.name,
            method=is_class,
        )
        self._result = Signature(function.execute, self.name) if is_class else self.signature  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        return f"<Activity {self.name} {self.version}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> C:
        """Call the plain function."""
        return self.callable(*args, **kwargs)

    def perform(self, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """Do the activity's work with arguments decoded from JSON.

        The answer is a coroutine if the activity is asynchronous.
        """
        args, kwargs = self.signature.convert(args, kwargs)
        outcome: Any = self.callable(*args, **kwargs)
        return outcome.execute() if isinstance(self.callable, type) else outcome

    def convert_result(self, value: Any) -> R:
        """The result, as decoded from JSON, in the type that the activity returned."""
        return cast("R", self._result.convert_result(value))


class Decorator(Protocol):
    """What `with_attributes` returns: turns a callable into an `Activity`."""

    @overload
    def __call__(
        self, function: Callable[P, ExecutesAsync[R]], /
    ) -> Activity[P, ExecutesAsync[R], R]: ...
    @overload
    def __call__(self, function: Callable[P, Executes[R]], /) -> Activity[P, Executes[R], R]: ...
    @overload
    def __call__(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Activity[P, Coroutine[Any, Any, R], R]: ...
    @overload
    def __call__(self, function: Callable[P, R], /) -> Activity[P, R, R]: ...


def with_attributes(  # noqa: PLR0913 - one keyword for each attribute of an activity
    *,
    name: str | None = None,
    version: str = "default",
    task_list: str = "default",
    task_priority: int | None = None,
    retry: int | Retry = 0,
    raises_on_failure: bool = False,
    start_to_close_timeout: Timeout = DEFAULT_TIMEOUT,
    schedule_to_close_timeout: Timeout = DEFAULT_TIMEOUT,
    schedule_to_start_timeout: Timeout = DEFAULT_TIMEOUT,
    heartbeat_timeout: Timeout = DEFAULT_TIMEOUT,
    idempotent: bool = False,
    meta: Mapping[str, Any] | None = None,
) -> Decorator:
    """Make an activity of a function, an ``async def``, or a class with ``execute``.

    ``name``: of the activity type; default ``module.function``.
    ``version``: of the activity type.
    ``task_list``: where its tasks wait for a worker.
    ``task_priority``: higher goes first in its task list.
    ``retry``: how often it is tried again when it fails or times out, or a `Retry` policy.
    ``raises_on_failure``: its failure (retries used up) is the failure of the workflow, in the
    same decision, whether or not ``run()`` reads its result; nothing catches it.
    ``start_to_close_timeout`` and the others: whole seconds (None or ``"NONE"``: no limit) from
    start to end, from scheduling to end, from scheduling to start, and between heartbeats.
    ``idempotent``: equal arguments mean the same task: it runs once in an execution, however often
    it is submitted.
    ``meta``: any JSON value, sent along for the worker (``activity.context().meta``).

    Raises `TypeError` or `ValueError` for attributes that SWF would not take.
    """

    def decorate(function: Callable[..., Any], /) -> Activity[..., Any, Any]:
        return Activity(
            function,
            name=name,
            version=version,
            task_list=task_list,
            task_priority=task_priority,
            retry=retry,
            raises_on_failure=raises_on_failure,
            start_to_close_timeout=start_to_close_timeout,
            schedule_to_close_timeout=schedule_to_close_timeout,
            schedule_to_start_timeout=schedule_to_start_timeout,
            heartbeat_timeout=heartbeat_timeout,
            idempotent=idempotent,
            meta=meta,
        )

    return cast("Decorator", decorate)


def duration(timeout: Timeout, name: str) -> str:
    """A time-out as SWF writes it. Raises `TypeError` or `ValueError`, naming the attribute."""
    if timeout is None or timeout == NO_TIMEOUT:
        return NO_TIMEOUT
    if isinstance(timeout, str) and timeout.isdecimal():
        timeout = int(timeout)
    if isinstance(timeout, bool) or not isinstance(timeout, int):
        raise TypeError(f"{name}={timeout!r}: use whole seconds, or None for no limit")
    if not 0 <= timeout <= DURATION_SECONDS:
        raise ValueError(f"{name}={timeout}: use 0 to {DURATION_SECONDS} seconds")
    return str(timeout)


def priority(value: int | str | None) -> str | None:
    """A task priority as SWF writes it. Raises `TypeError` or `ValueError`, naming it."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = int(value)
        except ValueError:
            raise ValueError(f"task_priority={value!r}: use a whole number") from None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"task_priority={value!r}: use a whole number")
    if not -(2**31) <= value < 2**31:
        raise ValueError(f"task_priority={value}: use -2147483648 to 2147483647")
    return str(value)


def check_name(attribute: str, value: str, length: int) -> None:
    """Raise `TypeError` or `ValueError` for a name that SWF would not take.

    https://docs.aws.amazon.com/amazonswf/latest/apireference/API_RegisterActivityType.html
    """
    if not isinstance(value, str):
        raise TypeError(f"{attribute}={value!r}: use a string")
    bad = _FORBIDDEN.search(value)
    if not value or len(value) > length or bad is not None or value == "arn":
        problem = f"has {bad[0]!r} in it" if bad is not None else "is not a name that SWF takes"
        raise ValueError(
            f"{attribute}={value!r} {problem}: use 1 to {length} characters without ':', '/', '|' "
            "and control characters"
        )


# --- inside a running activity ------------------------------------------------


def _no_heartbeat(details: Any) -> None:
    """Outside of a worker there is nobody to tell."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Which task an activity works for."""

    domain: str = ""
    workflow_id: str = ""
    run_id: str = ""
    activity_id: str = ""
    name: str = ""
    version: str = ""
    #: 1 for the first attempt, 2 when it is tried again, and so on.
    attempt: int = 1
    #: What ``with_attributes(meta=...)`` says.
    meta: Any = None
    #: Where heartbeats go.
    send_heartbeat: Callable[[Any], None] = _no_heartbeat

    def heartbeat(self, details: Any = None) -> None:
        """Tell the engine that the activity is alive, and how far it is (any JSON value).

        Raises `dataflow.errors.ActivityCanceled` when the task was cancelled or has timed out, so
        that nobody waits for it any more.
        """
        self.send_heartbeat(details)


_context: ContextVar[Context | None] = ContextVar("dataflow_activity_context", default=None)


def context() -> Context:
    """The context of the running activity; a blank one where an activity is called directly."""
    return _context.get() or Context()


def heartbeat(details: Any = None) -> None:
    """``context().heartbeat(details)``."""
    context().heartbeat(details)


def run_in_context(ctx: Context, activity: Activity[..., Any, Any], args: Any, kwargs: Any) -> Any:
    """Perform an activity with ``context()`` answering ``ctx``; for workers."""
    token = _context.set(ctx)
    try:
        outcome = activity.perform(args, kwargs)
        if inspect.iscoroutine(outcome):
            import asyncio  # noqa: PLC0415 - costs 30 ms, and most activities are plain functions

            outcome = asyncio.run(outcome)
        return outcome
    finally:
        _context.reset(token)
