"""Files that appear whole, and directories that are nobody else's."""

import os
import stat

import pytest

from dataflow.errors import UsageError
from dataflow.files import check_private, give_name


@pytest.fixture
def part(tmp_path):
    part = tmp_path / "part"
    part.write_text("new")
    return part


@pytest.mark.parametrize("links", [True, False])
def test_what_is_whole_gets_its_name(part, tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", _refuse)
    give_name(part, tmp_path / "file")
    part.unlink(missing_ok=True)
    assert (tmp_path / "file").read_text() == "new"


def _refuse(*_):
    raise PermissionError


def test_nothing_is_replaced(part, tmp_path):
    (tmp_path / "file").write_text("old")
    with pytest.raises(FileExistsError):
        give_name(part, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"


def _status(mode, user):
    return os.stat_result((stat.S_IFDIR | mode, 1, 1, 1, user, 0, 0, 0, 0, 0))


def test_a_private_directory(tmp_path):
    check_private(tmp_path, _status(0o755, os.geteuid()), called="it", instead="go away")


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ((0o700, 4711), "it belongs to user 4711 and not to you (user {me}): ask, or go away"),
        ((0o770, None), "others may write in it, all of it: chmod go-w '/a b', or go away"),
        ((0o702, None), "others may write in it, all of it: chmod go-w '/a b', or go away"),
    ],
)
def test_whose_directory_it_is_not(status, told):
    mode, user = status
    with pytest.raises(UsageError) as caught:
        check_private(
            "/a b",
            _status(mode, os.geteuid() if user is None else user),
            called="it",
            owner_may="ask, or ",
            holds=", all of it",
            instead="go away",
        )
    assert str(caught.value) == told.format(me=os.geteuid())
