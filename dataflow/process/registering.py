"""Types are registered when they are first needed, so that nobody has to do it by hand.

Registered types have no defaults: whoever starts an execution or schedules an activity says all
there is to say. A type that somebody else has registered, with or without, is taken as it is.
"""

from __future__ import annotations

from contextlib import suppress

from dataflow.protocol.decisions import Decision, ScheduleActivityTask
from dataflow.protocol.service import Service
from dataflow.protocol.values import ActivityType, WorkflowType


class Registrar:
    """Registers types of one domain, each once in the life of this object."""

    def __init__(self, service: Service, domain: str) -> None:
        self._service = service
        self._domain = domain
        self._known: set[ActivityType | WorkflowType] = set()

    def workflow(self, workflow_type: WorkflowType) -> None:
        """See that a workflow type is registered."""
        if workflow_type not in self._known:
            with suppress(self._service.exceptions.TypeAlreadyExistsFault):
                self._service.register_workflow_type(
                    domain=self._domain, name=workflow_type.name, version=workflow_type.version
                )
            self._known.add(workflow_type)

    def activity(self, activity_type: ActivityType) -> None:
        """See that an activity type is registered."""
        if activity_type not in self._known:
            with suppress(self._service.exceptions.TypeAlreadyExistsFault):
                self._service.register_activity_type(
                    domain=self._domain, name=activity_type.name, version=activity_type.version
                )
            self._known.add(activity_type)

    def before(self, decisions: tuple[Decision, ...]) -> None:
        """See that what these decisions need is registered."""
        for decision in decisions:
            if type(decision) is ScheduleActivityTask:
                self.activity(decision.activity_type)
