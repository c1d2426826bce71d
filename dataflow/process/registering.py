"""Types are registered when they are first needed, so that nobody has to do it by hand.

Registered types have no defaults: whoever starts an execution or schedules an activity says all
there is to say. A type that somebody else has registered, with or without, is taken as it is.
Who may not register anything is taken not to have to: the history will say if a type is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from dataflow.process.calls import NO_RIGHT, code
from dataflow.protocol.decisions import Decision, ScheduleActivityTask
from dataflow.protocol.service import Service
from dataflow.protocol.values import ActivityType, WorkflowType

_log = logging.getLogger(__name__)


class Registrar:
    """Registers types of one domain, each once in the life of this object."""

    def __init__(self, service: Service, domain: str) -> None:
        self._service = service
        self._domain = domain
        self._known: set[ActivityType | WorkflowType] = set()

    def workflow(self, workflow_type: WorkflowType) -> None:
        """See that a workflow type is registered."""
        self._register(workflow_type, self._service.register_workflow_type)

    def activity(self, activity_type: ActivityType) -> None:
        """See that an activity type is registered."""
        self._register(activity_type, self._service.register_activity_type)

    def before(self, decisions: tuple[Decision, ...]) -> None:
        """See that what these decisions need is registered."""
        for decision in decisions:
            if type(decision) is ScheduleActivityTask:
                self.activity(decision.activity_type)

    def _register(
        self, what: ActivityType | WorkflowType, register: Callable[..., dict[str, Any]]
    ) -> None:
        if what in self._known:
            return
        try:
            register(domain=self._domain, name=what.name, version=what.version)
        except Exception as error:
            if code(error) in NO_RIGHT:
                _log.warning(
                    "%s version %s is not registered by this process: %s",
                    what.name,
                    what.version,
                    error,
                    extra={"event": "type.not_registered"},
                )
            elif code(error) != "TypeAlreadyExistsFault":
                raise
        self._known.add(what)
