"""Which executions a command is about: the options, and the `Filter` that they mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from dataflow.errors import UsageError
from dataflow.protocol.names import CloseStatus

if TYPE_CHECKING:
    from dataflow.inspection.reading import Filter

_F = TypeVar("_F", bound=Callable[..., Any])

_CLOSE_STATUSES: dict[str, CloseStatus] = {name.lower(): name for name in get_args(CloseStatus)}
_DAY = 86_400


def _status_option(default: str) -> Callable[[_F], _F]:
    return click.option(
        "-s",
        "--status",
        type=click.Choice(["open", "closed", "all", *_CLOSE_STATUSES], case_sensitive=False),
        metavar="STATUS",
        help=f"open, closed, all, or how they have ended: {', '.join(_CLOSE_STATUSES)}. "
        f"Default: {default}.",
    )


status_option = _status_option("open")

started_since_option = click.option(
    "-d",
    "--started-since",
    metavar="DAYS",
    type=click.FloatRange(min=0),
    help="Started in the last so many days.",
)

_OPTIONS = (
    click.option(
        "-c",
        "--close-status",
        type=click.Choice(list(_CLOSE_STATUSES), case_sensitive=False),
        metavar="STATUS",
        help="Closed, and in this way: the same as --status.",
    ),
    click.option("--workflow-id", metavar="ID", help="The runs of this workflow id."),
    click.option(
        "--workflow-type-name", "--type", "type_name", metavar="NAME", help="Of this workflow type."
    ),
    click.option(
        "--workflow-type-version",
        "--type-version",
        "type_version",
        metavar="VERSION",
        help="Of this version of it.",
    ),
    click.option("--tag", metavar="A,B", help="With this tag; with all of them."),
    started_since_option,
    click.option(
        "--from-date",
        "--from",
        "from_date",
        metavar="TIME",
        help="Not before this time: "
        "2026-11-25, 2026-11-25T14:30, or with a zone, 2026-11-25T14:30Z.",
    ),
)
_BY = click.option(
    "--by",
    type=click.Choice(["start", "close"]),
    default="start",
    help="Which time is meant: that of the start, or that of the end. Default: start.",
)


def filter_options_with(
    *, status: str = "open", to: Sequence[str] = ("--to-date", "--to")
) -> Callable[[_F], _F]:
    """What `read` reads; ``status``: the default that a command has, ``to``: the names of --to."""
    to_date = click.option(*to, "to_date", metavar="TIME", help="And not after this one.")

    def add(command: _F) -> _F:
        for option in reversed((_status_option(status), *_OPTIONS, to_date, _BY)):
            command = option(command)
        return command

    return add


filter_options = filter_options_with()


def read(options: Mapping[str, Any], now: float) -> Filter:
    """Which executions the options mean; not all options need be there.

    ``now``: seconds since the epoch. Raises `UsageError`.
    """
    from dataflow.inspection.reading import Filter

    status, close_status = options["status"], options.get("close_status")
    if close_status is not None and status not in {None, "closed", close_status}:
        raise UsageError(
            f"--close-status {close_status} and --status {status} exclude each other: leave "
            "--status out"
        )
    status = close_status or status or ("closed" if options.get("by") == "close" else "open")
    if options.get("type_version") is not None and options["type_name"] is None:
        raise UsageError("--workflow-type-version goes with --workflow-type-name only")
    if options.get("by") == "close" and status in {"open", "all"}:
        raise UsageError(
            f"--by close and --status {status} exclude each other: what is open has no end"
        )
    oldest, latest = _span(options, now)
    return Filter(
        open=status in {"open", "all"},
        closed=status != "open",
        oldest=oldest,
        latest=latest,
        by=options.get("by", "start"),
        workflow_id=options.get("workflow_id"),
        name=options.get("type_name"),
        version=options.get("type_version"),
        tags=tuple(tag for tag in (options.get("tag") or "").split(",") if tag),
        close_status=_CLOSE_STATUSES.get(status),
    )


def _span(options: Mapping[str, Any], now: float) -> tuple[float, float | None]:
    since, oldest = options["started_since"], _time(options, "from_date", "--from-date")
    latest = _time(options, "to_date", "--to-date")
    if since is not None and oldest is not None:
        raise UsageError("--started-since and --from-date exclude each other")
    if since is not None:
        oldest = max(0.0, now - since * _DAY)
    if oldest is not None and latest is not None and oldest > latest:
        raise UsageError("--from-date is later than --to-date")
    return oldest or 0.0, latest


def _time(options: Mapping[str, Any], name: str, option: str) -> float | None:
    """Local time, or UTC with ``--utc``, where the text has no zone."""
    text = options.get(name)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        if time.tzinfo is None and options.get("utc"):
            time = time.replace(tzinfo=UTC)
        return max(0.0, time.timestamp())
    except (ValueError, OverflowError, OSError) as error:
        raise UsageError(
            f"{option} {text} is no time: write 2026-11-25, 2026-11-25T14:30 or 2026-11-25T14:30Z"
        ) from error
