"""The file of keys."""

import json
import multiprocessing
import os
import re
import stat
import threading
from base64 import b32encode

import pytest

from dataflow.engine.auth import keys as module
from dataflow.engine.auth.caller import Caller, Role
from dataflow.engine.auth.keys import KeyFile
from dataflow.errors import UsageError

NOW = 1_772_323_200.5
ALL = {"name": "w", "role": Role.WORKER, "domain": "shop", "task_list": "mail-*"}


@pytest.fixture
def file(tmp_path):
    return KeyFile(tmp_path)


def names(file):
    return [key.name for key in file.current().values()]


# --- keys -----------------------------------------------------------------------------------


def test_what_a_key_is(file):
    key = file.create(now=NOW, **ALL)
    assert re.fullmatch("DF[A-Z2-7]{18}", key.access_key_id)
    assert re.fullmatch("[A-Za-z0-9_-]{40}", key.secret)
    assert key.created == NOW
    assert key.caller == Caller(
        key_id=key.access_key_id, role=Role.WORKER, domain="shop", task_list="mail-*"
    )
    assert dict(file.current()) == {key.access_key_id: key}


def test_no_two_are_alike(file):
    made = [file.create(now=NOW) for _ in range(20)]
    for part in ("access_key_id", "secret", "name"):
        assert len({getattr(key, part) for key in made}) == 20


def test_a_secret_is_not_shown_by_accident(file):
    key = file.create(now=NOW)
    assert key.secret not in f"{key!r} {key} {file.current()}"


def test_a_key_without_a_name_is_called_after_its_role(file):
    key = file.create(now=NOW, role=Role.READER)
    assert key.name == f"reader-{key.access_key_id[-4:].lower()}"


def test_a_key_without_limits_may_do_everything(file):
    key = file.create(now=NOW)
    assert key.caller == Caller(key_id=key.access_key_id, role=Role.ADMIN)


def test_names_that_would_be_given_twice_are_not(file, monkeypatch):
    # The same id, then another that would give the same name.
    drawn = iter([bytes(12), bytes(12), b"\1" + bytes(11), b"\xff" * 12])
    monkeypatch.setattr(module.base64, "b32encode", lambda _: b32encode(next(drawn)))
    made = [file.create(now=NOW) for _ in range(2)]
    assert [key.name for key in made] == ["admin-aaaa", "admin-7777"]


def test_a_name_that_is_taken(file):
    file.create(now=NOW, name="me")
    with pytest.raises(UsageError, match=r"there is a key called me in .*keys.json: choose anoth"):
        file.create(now=NOW, name="me", role=Role.WORKER)
    assert names(file) == ["me"]


@pytest.mark.parametrize(
    "name",
    ["", " ", "a b", "a]", "[a", "-a", "a\n", "é", "a/b", "x" * 65, "DF" + "A" * 18],
)
def test_what_is_no_name(file, name):
    with pytest.raises(UsageError, match="a key cannot be called"):
        file.create(now=NOW, name=name)
    assert not file.path.exists()


@pytest.mark.parametrize("name", ["a", "x" * 64, "me@host_1.example+b", "DFA", "default"])
def test_what_is_a_name(file, name):
    assert file.create(now=NOW, name=name).name == name


@pytest.mark.parametrize("value", ["", "a:b", "a/b", "a|b", "a\nb", "\x9f", "x" * 257])
@pytest.mark.parametrize("what", ["domain", "task_list"])
def test_limits_that_nothing_could_fit(file, what, value):
    with pytest.raises(UsageError, match=f"is not the name of a {what.replace('_', ' ')}: it has"):
        file.create(now=NOW, **{what: value})
    assert not file.path.exists()


@pytest.mark.parametrize("by", ["name", "access_key_id"])
def test_revoking(file, by):
    first, second = (file.create(now=NOW, name=name) for name in "ab")
    assert file.revoke(getattr(first, by)) == first
    assert list(file.current().values()) == [second]
    assert file.create(now=NOW, name="a") != first


def test_revoking_what_is_not_there(file):
    for _ in range(2):
        with pytest.raises(UsageError, match=r"there is no key x in .*: dataflow server.key.list"):
            file.revoke("x")
        file.create(now=NOW)
    assert len(names(file)) == 2


# --- the file -------------------------------------------------------------------------------


def test_no_file_is_no_key(tmp_path):
    file = KeyFile(tmp_path / "nothing" / "here")
    assert file.current() == {}
    with pytest.raises(UsageError, match="there is no key x"):
        file.revoke("x")
    assert list(tmp_path.iterdir()) == []


def test_only_the_user_may_read_it(file):
    before = os.umask(0)
    try:
        file.create(now=NOW)
        file.create(now=NOW)
    finally:
        os.umask(before)
    for path in file.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.name for path in file.path.parent.iterdir()) == ["keys.json", "keys.lock"]


def test_it_can_be_read_by_people(file):
    key = file.create(now=NOW, **ALL)
    assert json.loads(file.path.read_text()) == {
        "version": 1,
        "keys": [
            {
                "access_key_id": key.access_key_id,
                "secret": key.secret,
                **ALL,
                "created": NOW,
            }
        ],
    }
    assert file.path.read_text().count("\n") > 5


def test_another_process_is_seen_at_once(file):
    other = KeyFile(file.path.parent)
    for n in range(20):
        assert len(file.current()) == n
        key = other.create(now=NOW, name=f"k{n}")
        assert file.current()[key.access_key_id] == key
    for n in range(20):
        other.revoke(f"k{n}")
        assert f"k{n}" not in names(file)
    file.path.unlink()
    assert file.current() == {}


def test_an_unchanged_file_is_not_read_again(file, monkeypatch):
    file.create(now=NOW)
    keys = file.current()

    def refuse(self):
        raise AssertionError

    monkeypatch.setattr(KeyFile, "_read", refuse)
    assert file.current() is keys


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o644, 0o666, 0o610])
def test_a_file_that_others_may_read(file, mode):
    file.create(now=NOW)
    file.path.chmod(mode)
    for _ in range(2):  # a server must not fall back on what it knew
        with pytest.raises(UsageError, match=r"others may read or write .*: chmod 600 /"):
            file.current()
    with pytest.raises(UsageError, match="others may read"):
        file.create(now=NOW)
    file.path.chmod(0o600)
    assert len(file.current()) == 1


def test_a_file_of_somebody_else(file, monkeypatch):
    file.create(now=NOW)
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(UsageError, match=f"belongs to user {me} and not to you .user {me + 1}."):
        KeyFile(file.path.parent).current()


DAMAGE = {
    "empty": lambda text: b"",
    "cut short": lambda text: text[:-10],
    "no JSON": lambda text: b"\xff" + text,
    "no text": lambda text: text.replace(b"me", b"\xff"),
    "another version": lambda text: text.replace(b'"version": 1', b'"version": 2'),
    "another role": lambda text: text.replace(b'"admin"', b'"root"'),
    "a part is missing": lambda text: text.replace(b'"domain": null,', b""),
    "a part too many": lambda text: text.replace(b'"keys"', b'"more": 1, "keys"'),
    "a list": lambda text: b"[]",
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_file(file, kind):
    key = file.create(now=NOW, name="me")
    assert file.current()
    damaged = DAMAGE[kind](file.path.read_bytes())
    file.path.write_bytes(damaged)
    for _ in range(2):
        with pytest.raises(UsageError, match=r"keys.json is damaged: .*; put a copy") as caught:
            file.current()
        assert key.secret not in str(caught.value)
    for change in (lambda: file.create(now=NOW), lambda: file.revoke("me")):
        with pytest.raises(UsageError, match="is damaged"):
            change()
    assert file.path.read_bytes() == damaged


def test_a_directory_in_its_place(file):
    file.path.mkdir()
    with pytest.raises(UsageError, match=r"cannot read .*keys.json: Is a directory"):
        file.current()


def test_a_directory_in_the_place_of_the_lock(file):
    file.path.with_suffix(".lock").mkdir()
    with pytest.raises(UsageError, match=r"cannot write .*keys.lock: Is a directory"):
        file.create(now=NOW)


@pytest.mark.parametrize("failing", ["write", "fsync", "replace"])
def test_a_full_disk_loses_nothing(file, monkeypatch, failing):
    file.create(now=NOW, name="a")
    before = file.path.read_bytes()

    def fail(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        match failing:
            case "write":
                patch.setattr(os, "fchmod", fail)
            case "fsync":
                patch.setattr(os, "fsync", fail)
            case "replace":
                patch.setattr(type(file.path), "replace", fail)
        with pytest.raises(OSError, match="No space left"):
            file.create(now=NOW, name="b")
    assert file.path.read_bytes() == before
    file.create(now=NOW, name="c")
    assert names(file) == ["a", "c"]


def test_it_is_on_disk_before_it_counts(file, monkeypatch):
    done = []
    fsync, replace = os.fsync, type(file.path).replace
    monkeypatch.setattr(os, "fsync", lambda fd: done.append("fsync") or fsync(fd))
    monkeypatch.setattr(
        type(file.path), "replace", lambda *a: done.append("replace") or replace(*a)
    )
    file.create(now=NOW)
    assert done == ["fsync", "replace", "fsync"]


def test_a_link_is_not_written_through(file, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in ("keys.lock", "keys.new"):
        link = tmp_path / name
        link.symlink_to(victim)
        with pytest.raises((OSError, UsageError)):
            file.create(now=NOW)
        link.unlink()
    assert victim.read_text() == "precious"
    assert file.current() == {}


# --- several at once ------------------------------------------------------------------------


def test_threads_lose_no_key(file):
    def work(n):
        mine = KeyFile(file.path.parent)
        for m in range(5):
            mine.create(now=NOW, name=f"{n}.{m}")
        mine.revoke(f"{n}.0")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(names(file)) == sorted(f"{n}.{m}" for n in range(8) for m in range(1, 5))


def create_some(home, n):
    for m in range(5):
        KeyFile(home).create(now=NOW, name=f"{n}.{m}")


@pytest.mark.integration
def test_processes_lose_no_key(file):
    context = multiprocessing.get_context("spawn")
    home = file.path.parent
    processes = [context.Process(target=create_some, args=(home, n)) for n in range(4)]
    for process in processes:
        process.start()
    while any(process.is_alive() for process in processes):
        file.current()  # never half a file
        processes[0].join(0.01)
    assert [process.exitcode for process in processes] == [0] * 4
    assert len(names(file)) == 20
