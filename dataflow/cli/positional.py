"""How a command reads the words behind its name, where the first may be the domain.

The rule, for every command that is about a domain::

    workflow.info DOMAIN WORKFLOW_ID [RUN_ID]     as in the ancestor
    workflow.info WORKFLOW_ID                     the domain of SWF_DOMAIN, else default
    workflow.info --domain D WORKFLOW_ID [RUN_ID]

1. With ``--domain``, no word is the domain.
2. Without it, the first word is the domain as soon as there are more words than the command needs.

So a run is named behind a domain, or with ``--run-id``; nothing is guessed from what a word looks
like, or from what there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from dataflow.errors import UsageError
from dataflow.settings import domain as domain_or_default

_F = TypeVar("_F", bound=Callable[..., Any])

run_id_option = click.option(
    "--run-id", metavar="RUN_ID", help="The run. Default: the latest of the workflow id."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What the words name."""

    domain: str
    #: As many as the command needs.
    names: tuple[str, ...]
    #: As many as there may be; None, where a word was left out.
    more: tuple[str | None, ...] = ()


def argument(metavar: str) -> Callable[[_F], _F]:
    """The words, as an argument of a command called ``words``; ``metavar`` is for its help."""
    return click.argument("words", nargs=-1, metavar=metavar)


def read(
    given: Sequence[str],
    domain: str | None,
    needed: Sequence[str] = (),
    optional: Sequence[str] = (),
) -> Words:
    """Tell the domain from the other words; ``domain`` is the option.

    Raises `UsageError`, by the names in ``needed`` and ``optional``, for too few and too many.
    """
    rest = list(given)
    if domain is None and len(rest) > len(needed):
        domain = rest.pop(0)
    if len(rest) < len(needed):
        missing = needed[len(rest)]
        raise UsageError(f"{missing} is missing: {_grammar(needed, optional)}")
    most = len(needed) + len(optional)
    if len(rest) > most:
        raise UsageError(f"unexpected {rest[most]!r}: {_grammar(needed, optional)}")
    if any(not word for word in (domain, *rest) if word is not None):
        raise UsageError("a name is empty")
    more: list[str | None] = list(rest[len(needed) :])
    more += [None] * (len(optional) - len(more))
    return Words(
        domain=domain_or_default(domain), names=tuple(rest[: len(needed)]), more=tuple(more)
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One execution, as the words of a command name it."""

    domain: str
    workflow_id: str
    #: None: the latest.
    run_id: str | None
    #: What else the command needs.
    names: tuple[str, ...] = ()


def execution(options: Mapping[str, Any], *names: str) -> Named:
    """Of a command with ``[DOMAIN] WORKFLOW_ID [RUN_ID]``, ``--domain`` and ``--run-id``.

    ``names``: what comes behind the workflow id; then a run is named by ``--run-id`` alone. Raises
    `UsageError`.
    """
    found = read(
        options["words"],
        options["domain"],
        ["WORKFLOW_ID", *names],
        [] if names else ["RUN_ID"],
    )
    run_id = next(iter(found.more), None)
    if run_id is not None and options["run_id"] is not None:
        raise UsageError("there are two run ids: leave --run-id out")
    return Named(
        domain=found.domain,
        workflow_id=found.names[0],
        run_id=run_id or options["run_id"],
        names=found.names[1:],
    )


def _grammar(needed: Sequence[str], optional: Sequence[str]) -> str:
    """What to write instead."""
    short = " ".join(needed)
    full = " ".join(["DOMAIN", *needed, *(f"[{name}]" for name in optional)])
    return f"write {full}" + (f", or {short} alone" if needed else "")
