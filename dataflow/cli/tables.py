"""Rows, in the format that the user wants.

===========================  =====================================================================
``text`` (default)           columns two spaces apart, as wide as their content; the header only on
                             a terminal
``human``                    a line for each thing that is known of a row, and not only what fits a
                             table
``csv``, ``tsv``             for programs: times in RFC 3339, UTC
``json``, ``jsonl``          all that there is to know of a row, by stable names; times likewise,
                             numbers as numbers, inputs and results as the JSON that they are
any format of tabulate       ``plain``, ``github``, ``grid``, ``html`` ...
===========================  =====================================================================

A command declares its `Column` objects once; ``--fields`` picks among them by `Column.key`, in any
format. Where a format allows it, rows are written while they come.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from operator import attrgetter
from typing import Any, Literal, TypeVar

import click

from dataflow import settings
from dataflow.cli import render
from dataflow.cli.drawing.texts import text_width
from dataflow.errors import UsageError
from dataflow.inspection import fields

Kind = Literal[
    "text", "state", "time", "seconds", "number", "percent", "flag", "list", "field", "identity"
]

_OWN = ("text", "human", "csv", "tsv", "json", "jsonl")
#: What the ancestor calls them.
_ALIASES = {"tabular": "text", "prettyjson": "json"}
#: How much of a field fits into a table.
_FIELD_LENGTH = 80
#: Rows whose widths are found together.
_BATCH = 1_000
_RIGHT = frozenset({"seconds", "number", "percent"})

_GREEN, _YELLOW, _RED, _MAGENTA = "32", "33", "31", "35"
#: Of the states of executions and tasks; any other has none.
_COLORS = {
    "completed": _GREEN,
    "fired": _GREEN,
    "open": _YELLOW,
    "started": _YELLOW,
    "failed": _RED,
    "timed_out": _RED,
    "not_scheduled": _RED,
    "canceled": _MAGENTA,
    "terminated": _MAGENTA,
}

_F = TypeVar("_F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One thing to say of each row."""

    #: Its name in JSON and for ``--fields``: snake_case, for ever.
    key: str
    #: What stands above it.
    title: str
    #: Seconds since the epoch for a ``time``; None: there is nothing to say.
    value: Callable[[Any], Any]
    kind: Kind = "text"
    #: Whether it is in a table that nobody has chosen the ``--fields`` of.
    shown: bool = True
    #: How wide it is at least, in text, where rows are printed one by one.
    width: int = 0


def member(key: str, title: str, kind: Kind = "text", **more: Any) -> Column:
    """What rows have as a member of the same name."""
    return Column(key=key, title=title, kind=kind, value=attrgetter(key), **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How rows are to be printed."""

    format: str = "text"
    header: bool = False
    #: Keys; none: those that are shown.
    fields: tuple[str, ...] = ()
    color: bool = False
    utc: bool = False
    #: Characters of a field that are shown in a table.
    field_length: int = _FIELD_LENGTH
    #: Whether each row is printed as it comes, and not with those behind it.
    one_by_one: bool = False

    @property
    def is_json(self) -> bool:
        """Whether values keep their types."""
        return self.format in {"json", "jsonl"}

    @property
    def tells_all(self) -> bool:
        """Whether it has room for more than a table."""
        return self.is_json or self.format == "human"


# --- options -------------------------------------------------------------------------------


def _of_tabulate() -> list[str]:
    from tabulate import tabulate_formats  # 50 ms

    return sorted({*tabulate_formats} - {*_OWN})


def _format(name: str) -> str:
    """The format that is meant. Raises `ValueError` if there is none."""
    name = _ALIASES.get(name, name)
    if name not in _OWN and name not in _of_tabulate():
        known = ", ".join([*_OWN, *_of_tabulate()])
        raise ValueError(f"{name} is no format: use one of {known}")
    return name


def _check_format(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    # Not a `click.Choice`, which would have to know tabulate's formats beforehand.
    try:
        return None if value is None else _format(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def _complete_format(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    return [name for name in (*_OWN, *_of_tabulate()) if name.startswith(incomplete)]


color_option = click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    help="Colour states. Default: auto, which is on a terminal unless NO_COLOR is set.",
)
utc_option = click.option(
    "--utc", is_flag=True, default=None, help="Times in UTC instead of local time."
)

_OPTIONS = (
    click.option(
        "--format",
        "output",
        metavar="FORMAT",
        callback=_check_format,
        shell_complete=_complete_format,
        help="text, human, csv, tsv, json, jsonl, or one of tabulate's: plain, github, grid ... "
        "Default: DATAFLOW_FORMAT, else text.",
    ),
    click.option(
        "--header/--no-header",
        default=None,
        help="Whether a table has a header. Default: yes, but for text that does not go to a "
        "terminal.",
    ),
    click.option(
        "--fields",
        metavar="A,B",
        help="Only these columns, in this order, by their names in JSON.",
    ),
    color_option,
    utc_option,
)


def output_options(command: _F) -> _F:
    """The options that decide about the `Layout`, which `layout` reads from those of a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def layout(options: Mapping[str, Any]) -> Layout:
    """What the options of a command say, and the environment where they say nothing.

    Raises `UsageError` for a ``DATAFLOW_FORMAT`` that does not exist.
    """
    name = options["output"]
    if name is None:
        try:
            name = _format(settings.output_format())
        except ValueError as error:
            raise UsageError(f"DATAFLOW_FORMAT={error}") from error
    header = options["header"]
    keys = (options["fields"] or "").split(",")
    return Layout(
        format=name,
        header=name != "text" or _on_terminal() if header is None else header,
        fields=tuple(key.strip() for key in keys if key.strip()),
        color=has_color(options),
        utc=bool(options["utc"]),
    )


def has_color(options: Mapping[str, Any]) -> bool:
    """Whether states are to be coloured; see `color_option`."""
    chosen = options["color"] or "auto"
    return _on_terminal() and settings.color() if chosen == "auto" else chosen == "always"


def _on_terminal() -> bool:
    return sys.stdout is not None and sys.stdout.isatty()


# --- printing ------------------------------------------------------------------------------


def show(rows: Iterable[Any], columns: Sequence[Column], options: Mapping[str, Any]) -> None:
    """Print rows as the options say. Raises `UsageError` for unknown ``--fields``."""
    render.lines(lines(rows, columns, layout(options)))


def show_one(row: Any, columns: Sequence[Column], options: Mapping[str, Any]) -> None:
    """Print the only row that there can be: in JSON an object, and no array."""
    wanted = layout(options)
    if wanted.is_json:
        render.say(_dump(row, _chosen(columns, wanted)))
    else:
        render.lines(lines([row], columns, wanted))


def lines(rows: Iterable[Any], columns: Sequence[Column], wanted: Layout) -> Iterator[str]:
    """The rows as lines. Raises `UsageError` for unknown ``--fields``, before there is any."""
    chosen = _chosen(columns, wanted)
    match wanted.format:
        case "json":
            return array(_dump(row, chosen) for row in rows)
        case "jsonl":
            return (_dump(row, chosen) for row in rows)
        case "csv":
            return _separated(rows, chosen, csv.excel, header=wanted.header)
        case "tsv":
            return _separated(rows, chosen, csv.excel_tab, header=wanted.header)
        case "text":
            return _text(rows, chosen, wanted)
        case "human":
            return _human(rows, chosen, wanted)
    return _tabulated(rows, chosen, wanted)


def _chosen(columns: Sequence[Column], wanted: Layout) -> list[Column]:
    if not wanted.fields:
        return [column for column in columns if column.shown or wanted.tells_all]
    known = {column.key: column for column in columns}
    for key in wanted.fields:
        if key not in known:
            raise UsageError(f"--fields: there is no {key}; there are {', '.join(known)}")
    return [known[key] for key in wanted.fields]


# --- for people ----------------------------------------------------------------------------


def _text(rows: Iterable[Any], columns: Sequence[Column], wanted: Layout) -> Iterator[str]:
    """Widths are found for a batch of rows at a time, and only grow."""
    widths = [column.width if wanted.one_by_one else 0 for column in columns]
    size = 1 if wanted.one_by_one else _BATCH
    head = [tuple(column.title for column in columns)] if wanted.header else []
    cells = _cells(rows, columns, wanted)
    while (batch := list(islice(cells, size))) or head:
        for row in chain(head, batch):
            widths = [max(w, text_width(cell)) for w, cell in zip(widths, row, strict=True)]
        for row in head:
            yield _joined(
                cell.rjust(width) if column.kind in _RIGHT else _padded(cell, width)
                for cell, width, column in zip(row, widths, columns, strict=True)
            )
        head = []
        for row in batch:
            yield _joined(
                _finished(cell, width, column.kind, color=wanted.color)
                for cell, width, column in zip(row, widths, columns, strict=True)
            )


def _human(rows: Iterable[Any], columns: Sequence[Column], wanted: Layout) -> Iterator[str]:
    """What is not known, or empty, is left out."""
    width = max(len(column.key) for column in columns)
    between = False
    for row in _cells(rows, columns, wanted):
        if between:
            yield ""
        between = True
        for column, cell in zip(columns, row, strict=True):
            if cell:
                shown = _finished(cell, 0, column.kind, color=wanted.color)
                yield f"{_padded(column.key, width)}  {shown}"


def _joined(cells: Iterable[str]) -> str:
    return "  ".join(cells).rstrip()


def _finished(cell: str, width: int, kind: Kind, *, color: bool) -> str:
    if kind in _RIGHT:
        return cell.rjust(width)
    padded = _padded(cell, width)
    if kind == "state":
        return painted(cell, color=color) + padded[len(cell) :]
    return padded


def painted(state: str, *, color: bool) -> str:
    """A state in its colour, if it has one."""
    code = _COLORS.get(state.lower()) if color else None
    return state if code is None else f"\x1b[{code}m{state}\x1b[0m"


def _padded(cell: str, width: int) -> str:
    return cell + " " * (width - text_width(cell))


def _tabulated(rows: Iterable[Any], columns: Sequence[Column], wanted: Layout) -> Iterator[str]:
    from tabulate import tabulate

    cells = list(_cells(rows, columns, wanted))
    text = tabulate(
        cells,
        headers=[column.title for column in columns] if wanted.header else (),
        tablefmt=wanted.format,
        disable_numparse=True,
        colalign=["right" if c.kind in _RIGHT else "left" for c in columns] if cells else None,
    )
    return iter(text.splitlines())


def _cells(
    rows: Iterable[Any], columns: Sequence[Column], wanted: Layout
) -> Iterator[tuple[str, ...]]:
    writers = [(column.value, _WRITERS[column.kind]) for column in columns]
    for row in rows:
        values = [get(row) for get, _ in writers]
        yield tuple(
            "" if value is None else write(value, wanted)
            for value, (_, write) in zip(values, writers, strict=True)
        )


def _time(value: float, wanted: Layout) -> str:
    zone = UTC if wanted.utc else None
    text = datetime.fromtimestamp(value, zone).isoformat(" ", "milliseconds")
    return text.replace("+00:00", "Z") if wanted.utc else text


#: A value, which is not None, as the text of a cell.
_WRITERS: dict[Kind, Callable[[Any, Layout], str]] = {
    "text": lambda value, _: fields.line(str(value)),
    "state": lambda value, _: str(value),
    "time": _time,
    "seconds": lambda value, _: f"{value:.2f}",
    "number": lambda value, _: str(value),
    "percent": lambda value, _: f"{value:.2f}",
    "flag": lambda value, _: "yes" if value else "no",
    "list": lambda value, _: fields.line(",".join(map(str, value))),
    "field": lambda value, wanted: fields.shown(value, wanted.field_length),
    "identity": lambda value, _: fields.line(fields.who(value)),
}


# --- for programs --------------------------------------------------------------------------


def _separated(
    rows: Iterable[Any], columns: Sequence[Column], dialect: type[csv.Dialect], *, header: bool
) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer, dialect, lineterminator="")
    heads = [[column.key for column in columns]] if header else []
    values = ([_plain(column, row) for column in columns] for row in rows)
    for line in chain(heads, values):
        writer.writerow(line)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _plain(column: Column, row: Any) -> str:
    """A value as the text of a cell: fields as they stand, and all else as in JSON."""
    if column.kind == "field":
        return column.value(row) or ""
    value = _value(column, row)
    if value is None:
        return ""
    if column.kind == "list":
        return ",".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def array(objects: Iterable[str]) -> Iterator[str]:
    """The lines of an array, one for each of its members."""
    line, comma = "[", ""
    for text in objects:
        yield line + comma
        line, comma = text, ","
    if comma:
        yield line
        yield "]"
    else:
        yield "[]"


def as_json(row: Any, columns: Sequence[Column]) -> dict[str, Any]:
    """A row as JSON has it."""
    return {column.key: _value(column, row) for column in columns}


def _dump(row: Any, columns: Sequence[Column]) -> str:
    return json.dumps(as_json(row, columns))


def _value(column: Column, row: Any) -> Any:
    value = column.value(row)
    return None if value is None else _VALUES[column.kind](value)


def rfc3339(time: float) -> str:
    """``2015-08-04T23:04:34.510Z``, from seconds since the epoch."""
    return datetime.fromtimestamp(time, UTC).isoformat("T", "milliseconds").replace("+00:00", "Z")


def content(text: str) -> Any:
    """An input or a result is JSON where we wrote it; anything else is told as it stands."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


#: A value, which is not None, as JSON has it.
_VALUES: dict[Kind, Callable[[Any], Any]] = {
    "text": str,
    "state": str,
    "time": rfc3339,
    "seconds": lambda value: round(value, 3),
    "number": lambda value: value,
    "percent": lambda value: round(value, 2),
    "flag": bool,
    "list": list,
    "field": content,
    "identity": content,
}
