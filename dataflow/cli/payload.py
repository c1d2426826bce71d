"""``dataflow payload.get`` and ``payload.gc``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from dataflow.cli import render
from dataflow.cli.options import format_option, home_option
from dataflow.errors import PayloadError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dataflow.storage.directory import Entry

#: Longer than from storing an object to telling the engine of it: a decider tries for an hour.
_TWO_HOURS = 7200
#: Seconds by which the times of files may be behind the clock; it is some milliseconds.
_LAG = 1.0


@click.command(
    short_help="Print what a reference in a history refers to.",
    epilog="\b\nExample:\n"
    "dataflow payload.get 'dataflow+s3://bucket/9f86d0....zst 1048576' -o result",
)
@click.argument("reference")
@click.option("-o", "--output", metavar="FILE", help="Write to this file, which must not exist.")
@home_option
def get(*, reference: str, output: str | None, home: str | None) -> None:
    """Print the clear text of REFERENCE, as it stands in a history, or of an encrypted field.

    Where it is read from, and with which keys, is in the environment: DATAFLOW_JUMBO_FIELDS_BUCKET,
    DATAFLOW_CODEC; what the embedded engine has stored itself is in its home directory.

    Exit code: 0 if it was read, 1 if it is missing, damaged or not to be had, 2 if it is no
    reference.
    """
    from dataflow.payload import jumbo
    from dataflow.settings import home as home_directory
    from dataflow.storage.opening import open_fields

    if jumbo.parse(reference) is None and jumbo.codec_of(reference) is None:
        raise UsageError(
            f"{_short(reference)} is no reference: quote it whole, with the number behind it "
            "('dataflow+file://... 123')"
        )
    text = open_fields(str(home_directory(home))).read(reference)
    if output is None:
        render.say(text)
    else:
        _write(output, jumbo.to_bytes(text))


@click.command(
    short_help="Delete what no history refers to.",
    epilog="\b\nExamples:\ndataflow payload.gc --dry-run\ndataflow payload.gc --home /srv/flows",
)
@home_option
@click.option(
    "--older-than",
    metavar="S",
    type=click.IntRange(min=0),
    default=_TWO_HOURS,
    help="Keep what was written in the last S seconds: it may be on its way into a history. "
    "Default: 7200.",
)
@click.option("--dry-run", is_flag=True, help="Delete nothing, only say what would be deleted.")
@format_option
@click.pass_context
def gc(
    ctx: click.Context, *, home: str | None, older_than: int, dry_run: bool, output: str | None
) -> None:
    """Delete long inputs and results, in the server's own directory, that no history has.

    That is the directory payloads beside the engine's file; buckets have lifecycle rules. The
    server may run meanwhile. While activities run, what was written since the first of them was
    started is kept: their heartbeats are in no history yet. If something cannot be read that may
    hold references (an encrypted field without its key, a damaged object), nothing is deleted.

    Exit code: 0 if all is done, 1 if something cannot be read, 2 if there is no engine's file.
    """
    from dataflow.clock import SystemClock
    from dataflow.engine.home import DATABASE
    from dataflow.engine.reading import bodies, working_since
    from dataflow.settings import home as home_directory
    from dataflow.storage.collecting import collect
    from dataflow.storage.opening import home_store, open_coding

    directory = home_directory(home)
    store = home_store(str(directory))
    before = SystemClock().now() - older_than
    entries = list(store.entries())  # first: what comes meanwhile is not looked at
    since = working_since(directory / DATABASE)
    if since is not None:
        before = min(before, since - _LAG)
    try:
        done = collect(
            store,
            entries,
            bodies(directory / DATABASE),
            open_coding(),
            before=before,
            dry_run=dry_run,
        )
    except PayloadError as error:
        raise PayloadError(f"nothing was deleted, for it may be needed: {error}") from error
    if (output or ctx.obj) == "json":
        told = {"directory": str(store.path), "dry_run": dry_run}
        for name, found in (("deleted", done.deleted), ("kept", done.kept)):
            told |= {name: len(found), f"{name}_bytes": _size(found)}
        render.say(json.dumps(told))
    else:
        render.tell(
            f"{'would delete' if dry_run else 'deleted'} {_described(done.deleted)} in "
            f"{store.path}, kept {_described(done.kept)}"
        )


def _described(entries: Sequence[Entry]) -> str:
    return f"{len(entries):,} objects ({_size(entries):,} bytes)"


def _size(entries: Sequence[Entry]) -> int:
    return sum(entry.size for entry in entries)


def _short(text: str) -> str:
    most = 80
    return repr(text if len(text) <= most else text[:most] + " ...")


def _write(output: str, data: bytes) -> None:
    from pathlib import Path

    file = Path(output)
    try:
        file.touch(mode=0o600, exist_ok=False)
        file.write_bytes(data)
    except FileExistsError as error:
        raise UsageError(f"{output} exists: name another file, or move that one") from error
    except OSError as error:
        raise UsageError(f"cannot write {output}: {error.strerror}") from error
    render.tell(f"wrote {len(data):,} bytes to {output}")
