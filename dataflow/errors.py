"""Every error that dataflow raises, in one tree.

Two questions order it. *Whose fault?* `TaskFailed` reports what happened in a task; the errors of
use (`PayloadError`, `NotSubmittable`, ...) say what the caller wrote wrong and are also the
built-in error that Python would raise (`TypeError`, `ValueError`). *What now?* is in the message:
each says what to do.
"""

from __future__ import annotations

from collections.abc import Sequence


class DataflowError(Exception):
    """The root of the tree."""


class UsageError(DataflowError):
    """What was asked for cannot be done as written; the message says what to write instead."""


class NotFound(UsageError):
    """What was named is not there: an execution, a task, a type, a domain."""


class Unreachable(UsageError):
    """There is no way to the engine: nobody answers, or not as an engine would."""


class NotSubmittable(UsageError, TypeError):
    """Something was submitted that is neither an activity nor a task nor a canvas of them."""


class NotInWorkflow(UsageError, RuntimeError):
    """An operation that only makes sense inside a running ``run()`` was tried outside of it."""


class PayloadError(DataflowError, ValueError):
    """A value cannot travel between workflow and activity.

    ``path`` leads to the offending part: ``args[0]['when']``.
    """

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class PayloadUnavailable(PayloadError):
    """A value cannot be read or stored now and here: no answer from its store, no key for it."""


class NonDeterminism(DataflowError):
    """The workflow's code asks for something else than its history holds.

    The execution stays open and nothing is lost: a decider with code that fits the history can
    carry on.
    """

    def __init__(self, *, event_id: int | None, history: str, code: str) -> None:
        self.event_id = event_id
        self.history = history
        self.code = code
        super().__init__(
            "the code does not fit the history of this execution\n"
            f"  history says: {history}\n"
            f"  the code asks: {code}\n"
            "Either the workflow's code has changed since the execution began (deploy the old code "
            "for it, or let it finish first), or run() depends on something that is not in history "
            "(the time, random numbers, the environment, the order of a set): use self.now(), "
            "self.random and self.uuid(), or read such things in an activity."
        )


class ReplayBug(DataflowError):
    """dataflow itself failed during a replay. The execution stays open; please report it."""


def type_name(cls: type[BaseException]) -> str:
    """How an exception type is named in history: ``ValueError``, ``package.module.MyError``."""
    if cls.__module__ == "builtins":
        return cls.__qualname__
    return f"{cls.__module__}.{cls.__qualname__}"


class OriginalError(DataflowError):
    """Stands, as ``__cause__`` of a `TaskFailed`, for an exception raised in another process."""

    def __init__(self, error_type: str, message: str, traceback: Sequence[str]) -> None:
        self.error_type = error_type
        self.message = message
        self.traceback = tuple(traceback)
        super().__init__(error_type, message, self.traceback)

    def __str__(self) -> str:
        if not self.traceback:
            return f"{self.error_type}: {self.message}"
        return "\n" + "".join(self.traceback).rstrip("\n")


class TaskFailed(DataflowError):
    """A task failed for good: its retries, if it had any, are used up.

    ``reason`` is short (``ValueError: no such file``), ``details`` is what the field of the history
    says. Of the exception that an activity raised, history keeps the type's name
    (``error_type``), the names of its base classes, the message and the traceback (a list of
    lines); ``is_a`` asks for the type, ``__cause__`` shows the traceback.
    """

    def __init__(  # noqa: PLR0913 - the fields of a failure
        self,
        name: str,
        reason: str,
        details: str | None = None,
        *,
        task_id: str = "",
        error_type: str = "",
        message: str = "",
        traceback: Sequence[str] = (),
        bases: Sequence[str] = (),
    ) -> None:
        super().__init__(name, reason)
        self.name = name
        self.reason = reason
        self.details = details
        self.task_id = task_id
        self.error_type = error_type or type_name(type(self))
        self.message = message or reason
        self.traceback = tuple(traceback)
        self.bases = tuple(bases)

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"

    def is_a(self, *types: type[BaseException] | str) -> bool:
        """Whether the task failed with one of these exception types or a subclass of one.

        Types may be classes or their names (``"package.module.MyError"``). The answer comes from
        the names in history, so it is the same wherever the workflow is replayed.
        """
        names = {self.error_type, *self.bases, *map(type_name, type(self).__mro__[:-1])}
        return any(
            (wanted if isinstance(wanted, str) else type_name(wanted)) in names for wanted in types
        )


class TaskTimedOut(TaskFailed, TimeoutError):
    """A task was not started, finished or heard of in time; ``timeout_type`` says which."""

    def __init__(
        self, name: str, timeout_type: str, details: str | None = None, *, task_id: str = ""
    ) -> None:
        super().__init__(name, f"timed out ({timeout_type})", details, task_id=task_id)
        self.timeout_type = timeout_type


class TaskCanceled(TaskFailed):
    """A task was cancelled before it finished."""


class InputFailed(TaskFailed):
    """A task never started, because a task whose result it needs failed: see ``__cause__``."""

    #: The failure that all began with, through however many tasks it came.
    root: BaseException


class ActivityCanceled(BaseException):
    """Raised by a heartbeat inside an activity that was cancelled or has timed out.

    It is not an `Exception`, so that ``except Exception`` in an activity does not swallow it;
    catch it to clean up, then let it go on.
    """
