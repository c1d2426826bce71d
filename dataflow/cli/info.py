"""``dataflow info``."""

from __future__ import annotations

import json
from typing import Any

import click

from dataflow.cli import render
from dataflow.cli.options import format_option

#: What begins so is a setting of ours, or of what we stand on.
_PREFIXES = ("AWS_", "DATAFLOW_", "LOG_LEVEL", "SWF_", "XDG_CACHE_HOME", "XDG_STATE_HOME")
#: What has one of these in its name is not shown.
_SECRETS = ("SECRET", "TOKEN", "PASSWORD", "PRIVATE", "ENCRYPTION_KEYS")
_DISTRIBUTIONS = (
    "dataflow-swf",
    "boto3",
    "click",
    "cryptography",
    "diskcache",
    "fsspec",
    "greenlet",
    "httptools",
    "msgspec",
    "psutil",
    "uvicorn",
    "uvloop",
)


@click.command(short_help="Show versions, settings and the environment.")
@click.argument("part", required=False, type=click.Choice(["versions", "settings", "environment"]))
@format_option
def info(*, part: str | None, output: str | None) -> None:
    """Show what a report of a problem should tell, or one PART of it. Secrets are not shown."""
    parts = {"versions": _versions, "settings": _settings, "environment": _environment}
    told = {name: tell() for name, tell in parts.items() if part in {None, name}}
    if output == "json":
        render.say(json.dumps(told if part is None else told[part]))
        return
    for name, values in told.items():
        if part is None:
            render.say(f"{name}:")
        for key, value in values.items():
            render.say(f"{'' if part else '  '}{key} {value}")


def _versions() -> dict[str, Any]:
    import platform
    import sqlite3
    from importlib.metadata import PackageNotFoundError, version

    told = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}
    for distribution in _DISTRIBUTIONS:
        try:
            told[distribution] = version(distribution)
        except PackageNotFoundError:
            told[distribution] = "not installed"
    return {**told, "platform": platform.platform()}


def _settings() -> dict[str, Any]:
    from dataflow import settings

    return {
        "engine": settings.engine(),
        "home": str(settings.home()),
        "domain": settings.domain(),
        "connection_attempts": settings.connection_attempts(),
        "log_format": settings.log_format(),
        "modules": ", ".join(settings.modules()) or "any",
        "jumbo_fields": settings.jumbo_fields_bucket() or "none, but those of a local engine",
        "codec": settings.codec() or "none",
        "cache": str(settings.cache_directory()),
        "cache_size": settings.cache_size(),
    }


def _environment() -> dict[str, str]:
    from dataflow.settings import variables

    return {
        name: "(hidden)" if any(word in name for word in _SECRETS) else value
        for name, value in variables(_PREFIXES).items()
    }
