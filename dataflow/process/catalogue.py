"""The activities that a worker can perform, found by the name of their type.

1. *Nothing is called.* What is found is an `Activity` object, or it is not found: neither a
   function nor a class that happens to bear the name, nor a module's ``__getattr__``.
2. *Modules are imported on demand*: that which the name of the type begins with, the longest there
   is. Importing runs the code of the module, so a worker may be held to some prefixes, and then
   touches nothing else.
3. *A name need not be that of a module* (``with_attributes(name=...)``). Such activities are found
   in the modules that are imported already, and in those that the prefixes name.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

from dataflow.activity import Activity
from dataflow.errors import UsageError

AnyActivity = Activity[..., Any, Any]


class UnknownActivity(UsageError, LookupError):
    """The worker has no code for an activity type; the message says why."""


class Catalogue:
    """Finds activities. All threads may ask."""

    def __init__(self, modules: Sequence[str] = ()) -> None:
        """``modules``: what may be imported, these modules and packages; none given: everything."""
        self._modules = tuple(modules)
        self._known: dict[tuple[str, str], AnyActivity] = {}

    def find(self, name: str, version: str) -> AnyActivity:
        """The activity of this type. Raises `UnknownActivity`."""
        known = self._known.get((name, version))
        if known is None:
            known = self._known[name, version] = self._search(name, version)
        return known

    def _search(self, name: str, version: str) -> AnyActivity:
        failure = self._import_for(name)
        for find in (self._at, self._anywhere):
            if (found := find(name, version)) is not None:
                return found
        # The modules that the worker was given by name may hold activities of any name.
        broken = [problem for module in self._modules if (problem := _import(module)) is not None]
        if (found := self._anywhere(name, version)) is not None:
            return found
        cause = failure or next(iter(broken), None)
        raise UnknownActivity(self._explain(name, version, failure, broken)) from cause

    def _allows(self, module: str) -> bool:
        return not self._modules or any(
            f"{module}.".startswith(f"{prefix}.") for prefix in self._modules
        )

    def _import_for(self, name: str) -> Exception | None:
        """Import the module that a name begins with; the answer is what went wrong."""
        for module in _prefixes(name):
            if self._allows(module):
                # Even if it is there already: another thread may be in the middle of importing it.
                problem = _import(module)
                if not _is_missing(problem, module):
                    return problem
        return None

    def _at(self, name: str, version: str) -> AnyActivity | None:
        """The activity that stands where its name says."""
        for module in _prefixes(name):
            if module in sys.modules and self._allows(module):
                thing: Any = sys.modules[module]
                for part in name[len(module) + 1 :].split("."):
                    thing = _member(thing, part)
                if _is(thing, name, version):
                    return thing  # type: ignore[no-any-return]
        return None

    def _anywhere(self, name: str, version: str) -> AnyActivity | None:
        """The activity that has this name, in any of the modules."""
        return next((a for a in self._imported() if _is(a, name, version)), None)

    def _imported(self) -> Iterator[AnyActivity]:
        """The activities in all modules that are imported and allowed."""
        for name, module in list(sys.modules.items()):
            if isinstance(module, ModuleType) and self._allows(name):
                for thing in list(vars(module).values()):
                    if _is_activity(thing):
                        yield thing

    def _explain(
        self, name: str, version: str, failure: Exception | None, broken: Sequence[Exception]
    ) -> str:
        """Why there is no such activity.

        ``failure``: of the module that the name begins with; ``broken``: of other modules.
        """
        versions = sorted({a.version for a in self._imported() if a.name == name})
        if versions:
            return (
                f"the task asks for version {version} of {name}; this worker has "
                f"{', '.join(versions)}"
            )
        if failure is not None:
            return f"{name} cannot be had: {_told(failure)}"
        if name.startswith("__main__."):
            return (
                f"{name} is in a script, which another process cannot import: "
                "move the activity to a module"
            )
        prefixes = list(_prefixes(name))
        modules = [module for module in prefixes if self._allows(module)]
        if self._modules and not modules:
            but = "".join(f"; {_told(problem)}" for problem in broken)
            return (
                f"this worker has no activity {name}: it imports only what is in "
                f"{', '.join(self._modules)}{but}"
            )
        for module in modules:
            if module in sys.modules:
                what = _what(sys.modules[module], name[len(module) + 1 :])
                return f"{module} has no activity {name}{what}"
        missing = modules[-1] if modules else name
        return f"this worker has no activity {name}, and there is no module {missing}"


def _prefixes(name: str) -> Iterator[str]:
    """The modules that a name may begin with, the longest first."""
    parts = name.split(".")
    if all(part.isidentifier() for part in parts):
        for n in range(len(parts) - 1, 0, -1):
            yield ".".join(parts[:n])


def _import(module: str) -> Exception | None:
    """Import a module; the answer is what went wrong. Modules of users may raise anything."""
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - told by the task that needs it
        return error
    except SystemExit as error:
        return ImportError(f"{module} ends the program when it is imported: {error!r}")
    return None


def _is_missing(problem: Exception | None, module: str) -> bool:
    """Whether there is no such module; a module that one of its imports lacks is another thing."""
    return (
        isinstance(problem, ModuleNotFoundError)
        and problem.name is not None
        and f"{module}.".startswith(f"{problem.name}.")
    )


def _member(thing: Any, name: str) -> Any:
    """What a module or class holds under a name; no code of users is run for it."""
    if isinstance(thing, ModuleType):
        return vars(thing).get(name)
    if isinstance(thing, type):
        return next((vars(cls)[name] for cls in thing.__mro__ if name in vars(cls)), None)
    return None


def _is_activity(thing: Any) -> bool:
    # Not isinstance(), which asks the object, and lazy objects answer by doing their work.
    return issubclass(type(thing), Activity)


def _is(thing: Any, name: str, version: str) -> bool:
    return _is_activity(thing) and thing.name == name and thing.version == version


def _what(module: ModuleType, path: str) -> str:
    """What there is in place of an activity."""
    thing: Any = module
    for part in path.split("."):
        thing = _member(thing, part)
    if thing is None:
        return ""
    if _is_activity(thing):
        return f": its {path} is named {thing.name}"
    return f": its {path} is no activity, make it one with @activity.with_attributes()"


def _told(problem: Exception) -> str:
    told = " ".join(str(problem).split())
    return f"{type(problem).__name__}: {told}" if told else type(problem).__name__
