"""The classes of workflows that a decider serves, found by their type.

1. *Given classes are all there is.* A decider that was given none finds a class by the path in the
   execution's input (``workflow.start`` writes it there), else by the name of the type.
2. *A class serves its own type only.* Its name and version must be those of the execution: code of
   another version would not fit the history.
3. *Importing runs code.* A decider may be held to some modules and packages.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dataflow.errors import UsageError
from dataflow.payload import arguments
from dataflow.payload.fields import CLEAR, Fields
from dataflow.process import loading
from dataflow.protocol.values import WorkflowType
from dataflow.workflow import Workflow, type_name


def type_of(definition: type[Workflow]) -> WorkflowType:
    """The workflow type that a class defines."""
    return WorkflowType(type_name(definition), definition.version)


class Definitions:
    """Finds classes; all threads may ask."""

    def __init__(
        self,
        given: Iterable[type[Workflow]] = (),
        *,
        modules: Sequence[str] = (),
        fields: Fields = CLEAR,
    ) -> None:
        """``given``: the only classes to serve. ``modules``: all that may be imported, if any.

        ``fields``: how inputs are read.
        """
        self._given = {type_of(definition): definition for definition in given}
        self._modules = tuple(modules)
        self._fields = fields
        self._found: dict[tuple[WorkflowType, str], type[Workflow]] = {}

    def find(self, workflow_type: WorkflowType, text: str | None) -> type[Workflow]:
        """The class for an execution of this type with this input.

        Raises `UsageError`, which says why there is none, and `PayloadError`.
        """
        told = f"workflow type {workflow_type.name} version {workflow_type.version}"
        if self._given:
            if workflow_type in self._given:
                return self._given[workflow_type]
            known = ", ".join(f"{kind.name} version {kind.version}" for kind in self._given)
            raise UsageError(f"{told} is not served here: this decider was given {known}")
        clear = None if text is None else self._fields.read(text)
        path = arguments.decode(clear).definition or workflow_type.name
        found = self._found.get((workflow_type, path))
        if found is None:
            found = self._load(path, told)
            if type_of(found) != workflow_type:
                kind = type_of(found)
                raise UsageError(
                    f"{path} defines workflow type {kind.name} version {kind.version}, and the "
                    f"execution is of {told}: deploy the code of that version for it"
                )
            self._found[workflow_type, path] = found
        return found

    def _load(self, path: str, told: str) -> type[Workflow]:
        module = path.partition(":")[0]
        if self._modules and not any(
            f"{module}.".startswith(f"{prefix}.") for prefix in self._modules
        ):
            raise UsageError(
                f"{told}: {path} may not be imported here, only {', '.join(self._modules)}"
            )
        return loading.find(path)
