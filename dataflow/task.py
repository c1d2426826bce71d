"""What can be submitted besides an activity: tasks as values, with their arguments bound."""

from __future__ import annotations

from typing import Any

from dataflow.activity import Activity, check_name, duration
from dataflow.errors import NotSubmittable
from dataflow.protocol.limits import ID_LENGTH

#: How the ids of timers begin that the replay makes itself.
OWN_TIMERS = "dataflow-"


class ActivityTask:
    """An activity with its arguments: an item of a canvas, or something to submit."""

    __slots__ = ("activity", "args", "kwargs")

    def __init__(self, activity: Activity[..., Any, Any], *args: Any, **kwargs: Any) -> None:
        if not isinstance(activity, Activity):
            raise NotSubmittable(not_submittable(activity))
        self.activity = activity
        self.args = args
        self.kwargs = kwargs

    def with_argument(self, argument: Any) -> ActivityTask:
        """The same task with one more positional argument."""
        return ActivityTask(self.activity, *self.args, argument, **self.kwargs)

    def __repr__(self) -> str:
        return f"ActivityTask({self.activity.name})"


class TimerTask:
    """A timer; its future is finished, with None, when it fires."""

    __slots__ = ("control", "timeout", "timer_id")

    def __init__(self, timer_id: str, timeout: int, control: Any = None) -> None:
        """``timeout``: whole seconds; ``control``: any JSON value, kept in the history."""
        check_name("timer_id", timer_id, ID_LENGTH)
        if timer_id.startswith(OWN_TIMERS):
            raise ValueError(f"timer_id={timer_id!r}: {OWN_TIMERS}... are the replay's own")
        if timeout is None:
            raise TypeError("a timer needs a number of seconds")
        self.timer_id = timer_id
        self.timeout = duration(timeout, "timeout")
        self.control = control


class CancelTimerTask:
    """Cancels an open timer: the timer's future is cancelled."""

    __slots__ = ("timer_id",)

    def __init__(self, timer_id: str) -> None:
        self.timer_id = timer_id


def not_submittable(thing: Any) -> str:
    """Why something cannot be submitted, and what to do about it."""
    if isinstance(thing, type):
        what, remedy = f"the class {thing.__qualname__}", "an activity class needs execute() and "
    elif callable(thing):
        name = getattr(thing, "__qualname__", repr(thing))
        what, remedy = f"the function {name}", ""
    else:
        what, remedy = f"a {type(thing).__name__}", ""
        return (
            f"{what} is no activity: submit an activity with its arguments, "
            "as in self.submit(increment, 1)"
        )
    return f"{what} is no activity: {remedy}decorate it with @activity.with_attributes()"
