"""``dataflow server.key.create``, ``server.key.list`` and ``server.key.revoke``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dataflow.cli import render
from dataflow.cli.options import format_option, home_option
from dataflow.errors import UsageError

if TYPE_CHECKING:
    from dataflow.engine.auth.keys import Key, KeyFile

#: As in `dataflow.engine.auth.caller.Role`, which --help must not import.
_ROLES = ("admin", "decider", "worker", "reader")
_COLUMNS = ("name", "access_key_id", "role", "domain", "task_list", "created")


@click.command(
    short_help="Make a key for clients of the server.",
    epilog="\b\nExamples:\n"
    "dataflow server.key.create --role worker --domain shop --task-list 'mail-*'\n"
    "dataflow server.key.create --name me --credentials ~/.aws/credentials",
)
@home_option
@click.option(
    "--name",
    metavar="N",
    help="What to call the key. Default: its role and some letters.",
)
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    default="admin",
    help="What the key is for: admin may do everything, reader only look, decider and worker poll "
    "for their tasks and answer them. Default: admin.",
)
@click.option("--domain", metavar="D", help="The only domain it is good for. Default: all.")
@click.option(
    "--task-list",
    metavar="PATTERN",
    help="The task lists that it may poll, in which * stands for anything. Default: all.",
)
@click.option(
    "--credentials",
    metavar="FILE",
    help="Add the key to this AWS credentials file, as the profile N, instead of printing it.",
)
@format_option
def create(
    *,
    home: str | None,
    name: str | None,
    role: str,
    domain: str | None,
    task_list: str | None,
    credentials: str | None,
    output: str | None,
) -> None:
    """Make a key with which clients of the server sign their requests over TCP.

    A running server accepts it at once. Its secret is printed now, on standard output, and never
    again.
    """
    from dataflow.clock import SystemClock
    from dataflow.engine.auth.caller import Role
    from dataflow.engine.auth.credentials import add_profile
    from dataflow.engine.home import prepare
    from dataflow.settings import home as home_directory

    prepare(home_directory(home))
    keys = _key_file(home)
    key = keys.create(
        now=SystemClock().now(),
        name=name,
        role=Role(role),
        domain=domain,
        task_list=task_list,
    )
    told: dict[str, Any] = {**_public(key), "file": str(keys.path)}
    profile = None
    if credentials is None:
        told["secret_access_key"] = key.secret
    else:
        profile = Path(credentials).expanduser().absolute()
        try:
            add_profile(profile, key)
        except UsageError:
            keys.revoke(key.access_key_id)  # nobody would know its secret
            raise
        told["credentials"] = str(profile)
    if output == "json":
        render.say(json.dumps(told))
        return
    if profile is None:
        render.say(f"AWS_ACCESS_KEY_ID={key.access_key_id}\nAWS_SECRET_ACCESS_KEY={key.secret}")
    else:
        render.say(f"AWS_SHARED_CREDENTIALS_FILE={profile}\nAWS_PROFILE={key.name}")
    render.tell(f"made {_described(key)}, kept in {keys.path}")


@click.command("list", short_help="Show the keys, without their secrets.")
@home_option
@format_option
def list_(*, home: str | None, output: str | None) -> None:
    """Show the keys that the server accepts, the oldest first, without their secrets."""
    from tabulate import tabulate

    file = _key_file(home)
    keys = sorted(file.current().values(), key=lambda key: (key.created, key.name))
    if output == "json":
        render.say(json.dumps([_public(key) for key in keys]))
    elif keys:
        rows = [[str(value or "-") for value in _public(key).values()] for key in keys]
        headers = [name.replace("_", " ").upper() for name in _COLUMNS]
        render.say(tabulate(rows, headers, tablefmt="plain", disable_numparse=True))
    else:
        render.tell(f"there are no keys in {file.path}: dataflow server.key.create makes one")


@click.command(short_help="Make a key worthless.")
@click.argument("key", metavar="NAME|ID")
@home_option
@format_option
def revoke(*, key: str, home: str | None, output: str | None) -> None:
    """Drop the key of this name or access key id. A running server refuses it from now on."""
    file = _key_file(home)
    revoked = file.revoke(key)
    if output == "json":
        render.say(json.dumps({**_public(revoked), "file": str(file.path)}))
    else:
        render.tell(f"revoked {_described(revoked)}, no longer in {file.path}")


def _key_file(home: str | None) -> KeyFile:
    from dataflow.engine.auth.keys import KeyFile
    from dataflow.settings import home as home_directory

    return KeyFile(home_directory(home))


def _public(key: Key) -> dict[str, Any]:
    """What may be shown of a key at any time."""
    from datetime import UTC, datetime

    told = {name: getattr(key, name) for name in _COLUMNS}
    created = datetime.fromtimestamp(key.created, UTC)
    return {**told, "created": created.isoformat(timespec="seconds")}


def _described(key: Key) -> str:
    limits = [f"role {key.role}"]
    if key.domain is not None:
        limits.append(f"domain {key.domain}")
    if key.task_list is not None:
        limits.append(f"task lists {key.task_list}")
    return f"the key {key.name} ({', '.join(limits)})"
