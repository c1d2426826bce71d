"""From a name, as on the command line or in the input of an execution, to a `Workflow` class."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
import traceback
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from dataflow.activity import Activity
from dataflow.errors import UsageError, type_name
from dataflow.workflow import Workflow

#: Frames in these files are not where a user's mistake is.
_NOT_USERS = (
    "<frozen ",
    f"{Path(__file__).parents[1]}{os.sep}",
    f"{Path(os.__file__).parent}{os.sep}",
)
#: How many names of workflows make a clear line.
_MOST = 5


def find(name: str) -> type[Workflow]:
    """The workflow class of this name: ``package.module.Class`` or ``package.module:Class``.

    Modules are found from the working directory, too. Raises `UsageError`, which says what is
    wrong with the name, or with what it names.
    """
    module_name, path = _split(name)
    see_working_directory()
    thing: Any = _import(module_name, name)
    for n, part in enumerate(path):
        try:
            thing = getattr(thing, part)
        except AttributeError:
            raise UsageError(_no_such_class(name, module_name, path[: n + 1])) from None
    _check(name, thing)
    definition: type[Workflow] = thing
    return definition


def see_working_directory() -> None:
    """Have modules found in the working directory, too."""
    with suppress(FileNotFoundError):  # deleted under us, and then there is nothing to find in it
        here = str(Path.cwd())
        if here not in sys.path:
            sys.path.insert(0, here)


def _split(name: str) -> tuple[str, list[str]]:
    """The module and the path of the class in it."""
    if "/" in name or name.endswith(".py") or ".py:" in name:
        file, _, cls = name.partition(":")
        module = ".".join(part for part in file.removesuffix(".py").split("/") if part.strip("."))
        raise UsageError(
            f"{name} names a file: write the module and the class, {module}.{cls or 'Class'}"
        )
    module, colon, path = name.partition(":")
    if not colon:
        module, _, path = name.rpartition(".")
    if not all((*module.split("."), *path.split("."))):
        raise UsageError(
            f"{name!r} does not name a workflow: write package.module.Class or package.module:Class"
        )
    return module, path.split(".")


def _import(name: str, wanted: str) -> ModuleType:
    """The module ``name``, where ``wanted`` is looked for."""
    try:
        return importlib.import_module(name)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise UsageError(_broken(name, error)) from error
        raise UsageError(_no_such_module(wanted, error.name)) from error
    except BaseException as error:  # the module of a user may raise anything, SystemExit too
        raise UsageError(_broken(name, error)) from error


def _broken(name: str, error: BaseException) -> str:
    """Why a module that is there cannot be imported, and which line to look at."""
    if isinstance(error, SyntaxError) and error.filename:
        where, what = f"{error.filename}, line {error.lineno}", error.msg
    else:
        frames = traceback.extract_tb(error.__traceback__)
        users = [frame for frame in frames if not frame.filename.startswith(_NOT_USERS)]
        last = (users or frames)[-1]
        where, what = f"{last.filename}, line {last.lineno}", str(error)
    kind = type_name(type(error))
    return f"{name} cannot be imported: {kind}: {' '.join(what.split())} ({where})"


def _no_such_module(wanted: str, missing: str) -> str:
    parent = missing.rpartition(".")[0]
    holder = sys.modules.get(parent)
    if holder is not None and not hasattr(holder, "__path__"):
        inside = wanted.removeprefix(f"{parent}.").replace(":", ".")
        return (
            f"there is no module {missing}, because {parent} is a module and not a package: "
            f"for a class inside a class write {parent}:{inside}"
        )
    import pkgutil  # noqa: PLC0415 - for a mistake only

    path = getattr(holder, "__path__", None) if parent else [str(Path.cwd())]
    known = [module.name for module in pkgutil.iter_modules(path)]
    guess = _similar(missing.rpartition(".")[2], known)
    if guess:
        right = ".".join(filter(None, (parent, guess)))
        return f"there is no module {missing}: did you mean {right}?"
    where = f"in the package {parent}" if parent else f"in {Path.cwd()} or on PYTHONPATH"
    return (
        f"there is no module {missing} {where}: "
        "run the command in the directory that holds it, or name that directory in PYTHONPATH"
    )


def _no_such_class(name: str, module_name: str, path: list[str]) -> str:
    wanted = ".".join(path)
    module = sys.modules[module_name]
    known = [key for key, value in vars(module).items() if _is_workflow(value)]
    guess = _similar(wanted, known)
    if guess:
        return f"{module_name} has no {wanted}: did you mean {module_name}.{guess}?"
    if _is_module(name):
        return _which_class(name)
    if not known:
        return f"{module_name} has no {wanted}, nor any other Workflow: is it the right module?"
    more = " and others" if len(known) > _MOST else ""
    return f"{module_name} has no {wanted}: its workflows are {', '.join(known[:_MOST])}{more}"


def _is_module(name: str) -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - for a mistake only

    try:
        return ":" not in name and find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def _which_class(module_name: str) -> str:
    """What to say where the name of a module is all there is."""
    known = [
        key for key, value in vars(_import(module_name, module_name)).items() if _is_workflow(value)
    ]
    example = f"{module_name}.{known[0] if known else 'Class'}"
    return f"{module_name} is a module: name a Workflow class in it, as in {example}"


def _check(name: str, thing: Any) -> None:
    """Raise `UsageError` for what is not a workflow that can run."""
    if isinstance(thing, ModuleType):
        raise UsageError(_which_class(thing.__name__))
    if isinstance(thing, Activity):
        raise UsageError(f"{name} is an activity: name the Workflow class that submits it")
    if isinstance(thing, Workflow):
        raise UsageError(f"{name} is an object: name its class, {type(thing).__qualname__}")
    if not isinstance(thing, type):
        raise UsageError(f"{name} is a {type(thing).__name__} and not a Workflow class")
    if not issubclass(thing, Workflow):
        raise UsageError(f"{name} is not a Workflow: derive the class from dataflow.Workflow")
    if thing.run is Workflow.run:
        raise UsageError(f"{name} has no run() method: define it, or name a class that does")
    if inspect.isabstract(thing):
        lacking = ", ".join(f"{method}()" for method in sorted(thing.__abstractmethods__))  # type: ignore[attr-defined]
        raise UsageError(f"{name} is abstract, it lacks {lacking}: name a class that has them")


def _is_workflow(thing: Any) -> bool:
    return isinstance(thing, type) and issubclass(thing, Workflow) and thing is not Workflow


def _similar(name: str, known: Iterable[str]) -> str | None:
    from difflib import get_close_matches  # noqa: PLC0415 - for a mistake only

    return next(iter(get_close_matches(name, list(known), n=1)), None)
