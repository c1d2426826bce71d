"""From a command to the domain it is about: options, the connection, a `Reader`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dataflow.cli import render
from dataflow.cli.options import domain_option, engine_option, home_option
from dataflow.cli.tables import output_options
from dataflow.errors import PayloadError

if TYPE_CHECKING:
    from dataflow.cli.positional import Named
    from dataflow.connect import Connection
    from dataflow.inspection.executions import Execution
    from dataflow.inspection.reading import Reader
    from dataflow.inspection.tasks import Task
    from dataflow.payload.fields import Fields
    from dataflow.protocol.events import Event
    from dataflow.protocol.names import RegistrationStatus

_F = TypeVar("_F", bound=Callable[..., Any])


def _options_with(domain: Callable[[Any], Any]) -> Callable[[_F], _F]:
    def add(command: _F) -> _F:
        for option in (output_options, home_option, engine_option, domain):
            command = option(command)
        return command

    return add


#: What every command has that prints what it reads in a domain.
options = _options_with(domain_option)

#: Likewise, where ``-d`` stands for something else, as in the ancestor.
options_without_d = _options_with(
    click.option("--domain", metavar="D", help="The domain. Default: SWF_DOMAIN, else default.")
)


#: Of what is registered: `statuses` reads it.
statuses_option = click.option(
    "-s",
    "--status",
    type=click.Choice(["registered", "deprecated", "all"], case_sensitive=False),
    default="registered",
    help="registered, deprecated or all. Default: registered.",
)


def statuses(given: Mapping[str, Any]) -> Sequence[RegistrationStatus]:
    """Which statuses are meant."""
    both: dict[str, RegistrationStatus] = {"registered": "REGISTERED", "deprecated": "DEPRECATED"}
    return [both[name] for name in both if given["status"] in {name, "all"}]


@contextmanager
def reader(given: Mapping[str, Any], domain: str) -> Iterator[Reader]:
    """Connect to the engine that the options name; where no server runs, its file is opened."""
    with connected(given, domain, look=True) as (_, there):
        yield there


@contextmanager
def connected(
    given: Mapping[str, Any], domain: str, *, look: bool = False
) -> Iterator[tuple[Connection, Reader]]:
    """The connection, too. Unless one will only ``look``, to an engine that does what is asked."""
    from dataflow.cli import logs
    from dataflow.connect import connect
    from dataflow.inspection.reading import Reader

    logs.configure()
    with connect(given["engine"], home=given["home"], look=look) as connection:
        yield connection, Reader(connection.service, domain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An execution, all of its history, and the tasks in it."""

    execution: Execution
    events: list[Event]
    tasks: list[Task]
    #: When it ended, or now: seconds since the epoch.
    until: float
    fields: Fields

    def content(self, text: str) -> str:
        """What a field holds, where all of it is wanted; the field, where that cannot be read."""
        try:
            return self.fields.read(text)
        except PayloadError as error:
            render.warning(str(error))
            return text


def read_execution(given: Mapping[str, Any], named: Named) -> Told:
    """Read the execution that the words name. Raises `NotFound`."""
    from dataflow.clock import SystemClock
    from dataflow.inspection.tasks import tasks

    with connected(given, named.domain, look=True) as (connection, there):
        execution = there.find(named.workflow_id, named.run_id)
        events = list(there.events(execution))
        fields = connection.fields
    closed_at = execution.closed_at
    return Told(
        execution=execution,
        events=events,
        tasks=tasks(events),
        until=SystemClock().now() if closed_at is None else closed_at,
        fields=fields,
    )
