"""What an installation runs before and after each activity, named by dotted paths.

``pre(context)`` is called before the activity, with its `dataflow.activity.Context`;
``post(context, result=...)`` after it, if it has returned. What they raise is a failure of the
activity. They run where it runs: in the thread that performs it, or in the child process.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from dataflow import activity as activities
from dataflow.activity import Activity, Context
from dataflow.errors import UsageError

Hook = Callable[..., Any]


class Middleware:
    """Hooks around activities."""

    def __init__(self, pre: Sequence[Hook] = (), post: Sequence[Hook] = ()) -> None:
        self._pre = tuple(pre)
        self._post = tuple(post)

    @classmethod
    def load(cls, pre: Sequence[str], post: Sequence[str]) -> Middleware | None:
        """The hooks of these paths; None if there are none. Raises `UsageError`."""
        if not pre and not post:
            return None
        return cls([load_callable(path) for path in pre], [load_callable(path) for path in post])

    def __call__(
        self,
        context: Context,
        activity: Activity[..., Any, Any],
        args: list[Any],
        kwargs: dict[str, Any],
    ) -> Any:
        """Perform an activity between the hooks."""
        for hook in self._pre:
            hook(context)
        result = activities.run_in_context(context, activity, args, kwargs)
        for hook in self._post:
            hook(context, result=result)
        return result


def load_callable(path: str) -> Hook:
    """The function at ``package.module.function`` (or ``package.module:function``).

    Raises `UsageError`, which says what is wrong with the path.
    """
    module_name, _, name = path.replace(":", ".").rpartition(".")
    if not module_name:
        raise UsageError(f"{path!r} does not name a function: write package.module.function")
    try:
        module = importlib.import_module(module_name)
    except Exception as error:  # the module of a user may raise anything
        raise UsageError(
            f"{path} cannot be had: {module_name} cannot be imported: "
            f"{type(error).__name__}: {error}"
        ) from error
    hook = getattr(module, name, None)
    if hook is None:
        raise UsageError(f"{path} cannot be had: {module_name} has no {name}")
    if not callable(hook):
        raise UsageError(f"{path} is a {type(hook).__name__}, which cannot be called")
    return hook  # type: ignore[no-any-return]
