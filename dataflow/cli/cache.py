"""``dataflow cache.info`` and ``cache.clear``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from dataflow.cli import render
from dataflow.cli.options import format_option

if TYPE_CHECKING:
    from dataflow.storage.cache import DiskCache


@click.command(short_help="Show what was fetched from a bucket and is kept here.")
@format_option
@click.pass_context
def info(ctx: click.Context, *, output: str | None) -> None:
    """Show where the cache of long inputs and results is, how full it is, and its limit.

    All processes of this user share it. DATAFLOW_CACHE_DIR and DATAFLOW_CACHE_SIZE say where it is
    and how many bytes it may take.
    """
    cache = _cache()
    usage = cache.usage()
    told = {
        "directory": str(cache.directory),
        "objects": usage.objects,
        "bytes": usage.size,
        "limit": cache.size,
    }
    if (output or ctx.obj) == "json":
        render.say(json.dumps(told))
    else:
        for name, value in told.items():
            render.say(f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}")


@click.command(short_help="Drop what was fetched from a bucket and is kept here.")
@format_option
@click.pass_context
def clear(ctx: click.Context, *, output: str | None) -> None:
    """Drop all that the cache holds. Processes that use it go on, and fetch anew."""
    cache = _cache()
    usage = cache.clear()
    if (output or ctx.obj) == "json":
        told = {"directory": str(cache.directory), "objects": usage.objects, "bytes": usage.size}
        render.say(json.dumps(told))
    else:
        render.tell(
            f"dropped {usage.objects:,} objects ({usage.size:,} bytes) from {cache.directory}"
        )


def _cache() -> DiskCache:
    from dataflow import settings
    from dataflow.storage.cache import DiskCache

    return DiskCache(settings.cache_directory(), settings.cache_size())
