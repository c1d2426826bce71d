"""Which directory is the home, and how it must be."""

import os
import stat
from pathlib import Path

import pytest

from dataflow.engine.home import prepare
from dataflow.errors import UsageError
from dataflow.settings import home


@pytest.fixture
def user(monkeypatch, tmp_path):
    """A user with a home directory and no settings."""
    for name in ("DATAFLOW_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


# --- which it is ----------------------------------------------------------------------------


def test_the_order(user, monkeypatch):
    assert home() == home(None) == home("") == user / ".local" / "state" / "dataflow"
    monkeypatch.setenv("XDG_STATE_HOME", "/xdg")
    assert home() == Path("/xdg/dataflow")
    monkeypatch.setenv("DATAFLOW_HOME", "/mine")
    assert home() == Path("/mine")
    assert home("/explicit") == Path("/explicit")


def test_settings_that_are_none(user, monkeypatch):
    monkeypatch.setenv("DATAFLOW_HOME", "")
    for value in ("", "relative", "~/state"):
        monkeypatch.setenv("XDG_STATE_HOME", value)
        assert home() == user / ".local" / "state" / "dataflow"


def test_it_is_absolute(user, monkeypatch):
    monkeypatch.chdir(user)
    assert home("here") == user / "here"
    assert home("~/there") == user / "there"
    monkeypatch.setenv("DATAFLOW_HOME", "~/mine")
    assert home() == user / "mine"


def test_nothing_is_made(user):
    home()
    assert list(user.iterdir()) == []


def test_a_user_without_a_home_directory(user, monkeypatch):
    def no_home():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(UsageError, match="name one with --home or DATAFLOW_HOME"):
        home()
    assert home("/x") == Path("/x")


# --- how it must be -------------------------------------------------------------------------


def test_it_is_made_for_the_user_alone(tmp_path):
    path = tmp_path / "a" / "b" / "c"
    before = os.umask(0)
    try:
        assert prepare(path) == path
    finally:
        os.umask(before)
    for made in (path, path.parent, path.parent.parent):
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
    (path / "file").touch()
    assert prepare(path) == path


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755])
def test_one_that_exists_stays_as_it_is(tmp_path, mode):
    tmp_path.chmod(mode)
    assert prepare(tmp_path) == tmp_path
    assert stat.S_IMODE(tmp_path.stat().st_mode) == mode


@pytest.mark.parametrize("mode", [0o770, 0o707, 0o720, 0o1777])
def test_one_where_others_may_write(tmp_path, mode):
    path = tmp_path / "my home"
    path.mkdir()
    path.chmod(mode)
    with pytest.raises(UsageError, match=r"others may write in .*: chmod go-w '/.*my home', or"):
        prepare(path)


def test_one_of_somebody_else(tmp_path, monkeypatch):
    me = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: me + 1)
    with pytest.raises(UsageError, match=rf"belongs to user {me} and not to you \(user {me + 1}\)"):
        prepare(tmp_path)


def test_what_is_no_directory(tmp_path):
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(UsageError, match="file is not a directory: name another directory with --"):
        prepare(file)
    with pytest.raises(UsageError, match=r"cannot make .*: .*; name another directory with --home"):
        prepare(file / "below")


def test_a_link_to_a_directory(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert prepare(tmp_path / "link") == tmp_path / "link"
    (tmp_path / "broken").symlink_to(tmp_path / "nothing")
    with pytest.raises(UsageError, match="cannot make"):
        prepare(tmp_path / "broken")
