"""``server.key.create``, ``server.key.list`` and ``server.key.revoke``."""

import json
import os
import re
import subprocess
import sys

import pytest
from click.testing import CliRunner
from commands import HERE, environment

from dataflow.cli import main, server_keys
from dataflow.engine.auth.caller import Caller, Role
from dataflow.engine.auth.keys import KeyFile

COMMANDS = {
    "server.key.create": "dataflow.cli.server_keys:create",
    "server.key.list": "dataflow.cli.server_keys:list_",
    "server.key.revoke": "dataflow.cli.server_keys:revoke",
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    path = tmp_path / "home"
    monkeypatch.setenv("DATAFLOW_HOME", str(path))
    monkeypatch.setattr(main, "_COMMANDS", {**main._COMMANDS, **COMMANDS})
    return path


@pytest.fixture
def run(home, capsys):
    """Standard output and standard error of a command that does its work."""

    def run(*arguments):
        assert main.run(arguments) == 0
        return capsys.readouterr()

    return run


@pytest.fixture
def refused(home, capsys):
    """The line that refuses a command."""

    def refused(*arguments):
        assert main.run(arguments) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert captured.err.startswith("error: ")
        return captured.err.removeprefix("error: ").rstrip()

    return refused


def keys(home):
    return {key.name: key for key in KeyFile(home).current().values()}


# --- create ---------------------------------------------------------------------------------


def test_a_key_is_printed_once(run, home):
    told = run("server.key.create", "--name", "me")
    key = keys(home)["me"]
    assert told.out == (
        f"AWS_ACCESS_KEY_ID={key.access_key_id}\nAWS_SECRET_ACCESS_KEY={key.secret}\n"
    )
    assert told.err == f"made the key me (role admin), kept in {home}/keys.json\n"
    for command in ("list", "list --format json", "revoke me"):
        told = run(*f"server.key.{command}".split())
        assert "me" in told.out + told.err
        assert key.secret not in told.out + told.err


def test_the_limits_of_a_key(run, home):
    told = run(
        "server.key.create",
        "--name=w",
        "--role=worker",
        "--domain=shop",
        "--task-list=mail-*",
    )
    key = keys(home)["w"]
    assert key.caller == Caller(
        key_id=key.access_key_id, role=Role.WORKER, domain="shop", task_list="mail-*"
    )
    assert "made the key w (role worker, domain shop, task lists mail-*), kept in" in told.err


def test_a_key_for_a_program(run, home):
    told = run("server.key.create", "--role", "reader", "--format", "json")
    assert told.err == ""
    assert told.out.count("\n") == 1
    (key,) = keys(home).values()
    answer = json.loads(told.out)
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", answer.pop("created"))
    assert answer == {
        "name": key.name,
        "access_key_id": key.access_key_id,
        "secret_access_key": key.secret,
        "role": "reader",
        "domain": None,
        "task_list": None,
        "file": f"{home}/keys.json",
    }


def test_the_home_is_made_and_named(run, home, tmp_path):
    run("server.key.create", "--home", str(tmp_path / "other" / "place"))
    assert not home.exists()
    assert len(keys(tmp_path / "other" / "place")) == 1


def test_a_profile(run, home, tmp_path):
    file = tmp_path / "credentials"
    file.write_text("[theirs]\n")
    told = run("server.key.create", "--name", "me", "--credentials", str(file))
    key = keys(home)["me"]
    assert told.out == f"AWS_SHARED_CREDENTIALS_FILE={file}\nAWS_PROFILE=me\n"
    assert key.secret not in told.out + told.err
    assert file.read_text() == (
        f"[theirs]\n\n[me]\naws_access_key_id = {key.access_key_id}\n"
        f"aws_secret_access_key = {key.secret}\n"
    )


def test_a_profile_for_a_program(run, home, tmp_path):
    file = tmp_path / "credentials"
    told = run("--format=json", "server.key.create", "--credentials", str(file))
    (key,) = keys(home).values()
    answer = json.loads(told.out)
    assert (answer["credentials"], answer["name"]) == (str(file), key.name)
    assert "secret_access_key" not in answer
    assert key.secret not in told.out + told.err


def test_a_profile_that_exists_costs_no_key(refused, home, tmp_path):
    file = tmp_path / "credentials"
    file.write_text("[me]\n")
    line = refused("server.key.create", "--name", "me", "--credentials", str(file))
    assert line.startswith(f"{file} has a profile me already: choose another --name")
    assert keys(home) == {}
    assert file.read_text() == "[me]\n"


def test_keys_that_cannot_be(refused, run, home):
    run("server.key.create", "--name", "me")
    assert refused("server.key.create", "--name", "me") == (
        f"there is a key called me in {home}/keys.json: choose another --name, "
        "or revoke it with dataflow server.key.revoke me"
    )
    assert refused("server.key.create", "--name", "a b").startswith("a key cannot be called 'a b'")
    assert refused("server.key.create", "--domain", "a/b").startswith("'a/b' is not the name of a")
    assert "'root' is not one of 'admin'" in refused("server.key.create", "--role", "root")
    assert list(keys(home)) == ["me"]


def test_a_home_where_others_may_write(refused, home):
    home.mkdir()
    home.chmod(0o777)
    line = refused("server.key.create")
    assert line.startswith(f"others may write in {home}, which will hold keys: chmod go-w {home}")
    assert list(home.iterdir()) == []


def test_a_disk_that_is_full(run, home, monkeypatch, capsys):
    run("server.key.create")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert main.run(["server.key.create"]) == 1
    assert capsys.readouterr() == ("", "error: [Errno 28] No space left on device\n")


# --- list -----------------------------------------------------------------------------------


def test_a_list(run, home):
    run("server.key.create", "--name", "a-longer-name")
    run("server.key.create", "--name=w", "--role=worker", "--domain=shop", "--task-list=mail-*")
    told = run("server.key.list")
    assert told.err == ""
    made = keys(home)
    times = re.findall(r"  20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$", told.out, re.MULTILINE)
    assert len(times) == 2
    lines = [re.sub(r"  20\S+$", "", line) for line in told.out.splitlines()]
    assert lines == [
        "NAME           ACCESS KEY ID         ROLE    DOMAIN    TASK LIST    CREATED",
        f"a-longer-name  {made['a-longer-name'].access_key_id}  admin   -         -          ",
        f"w              {made['w'].access_key_id}  worker  shop      mail-*     ",
    ]


def test_a_list_for_a_program(run, home):
    assert json.loads(run("server.key.list", "--format", "json").out) == []
    run("server.key.create", "--name", "me")
    told = run("--format", "json", "server.key.list")
    assert told.out.count("\n") == 1
    (key,) = json.loads(told.out)
    assert list(key) == ["name", "access_key_id", "role", "domain", "task_list", "created"]
    assert key["access_key_id"] == keys(home)["me"].access_key_id


def test_a_list_without_keys(run, home):
    told = run("server.key.list")
    assert told.out == ""
    assert told.err == (
        f"there are no keys in {home}/keys.json: dataflow server.key.create makes one\n"
    )
    assert not home.exists()


def test_a_list_that_others_may_read(run, refused, home):
    run("server.key.create")
    (home / "keys.json").chmod(0o644)
    line = refused("server.key.list")
    assert line.startswith(f"others may read or write {home}/keys.json, which holds secrets: chmod")


# --- revoke ---------------------------------------------------------------------------------


def test_revoking_by_name_and_by_id(run, home):
    for name in "abc":
        run("server.key.create", "--name", name)
    ids = {name: key.access_key_id for name, key in keys(home).items()}
    told = run("server.key.revoke", "a")
    assert told == ("", f"revoked the key a (role admin), no longer in {home}/keys.json\n")
    told = run("server.key.revoke", ids["b"], "--format", "json")
    assert (json.loads(told.out)["name"], told.err) == ("b", "")
    assert list(keys(home)) == ["c"]


def test_revoking_what_is_not_there(refused, home):
    line = f"there is no key me in {home}/keys.json: dataflow server.key.list shows the keys"
    assert refused("server.key.revoke", "me") == line
    assert "Missing argument 'NAME|ID'" in refused("server.key.revoke")
    assert not home.exists()


# --- help, and what it costs ----------------------------------------------------------------


def test_the_roles_are_those_of_the_engine():
    assert list(server_keys._ROLES) == list(Role)


@pytest.mark.parametrize("name", COMMANDS)
def test_help(home, name):
    output = CliRunner().invoke(main.command, [name, "--help"]).output
    assert all(len(line) <= 80 for line in output.splitlines())
    assert "--home DIR" in output
    listed = CliRunner().invoke(main.command, ["--help"]).output
    assert re.search(rf"^  {re.escape(name)}  +[A-Z]", listed, re.MULTILINE)


@pytest.mark.integration
def test_importing_the_commands_imports_nothing_that_they_need():
    code = "import sys, dataflow.cli.server_keys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=HERE,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(done.stdout.split())
    assert "click" in imported
    assert not imported & {"dataflow.engine", "dataflow.settings", "secrets", "hmac", "fcntl"}
