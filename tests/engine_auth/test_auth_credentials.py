"""Keys in AWS credentials files."""

import fcntl
import os
import stat
import threading

import botocore.session
import pytest

from dataflow.engine.auth.caller import Role
from dataflow.engine.auth.credentials import add_profile
from dataflow.engine.auth.keys import Key
from dataflow.errors import UsageError


def key(name="me"):
    return Key(
        access_key_id="DF" + "A" * 18,
        secret="-_" * 20,
        name=name,
        role=Role.ADMIN,
        domain=None,
        task_list=None,
        created=0,
    )


def found(file, name, monkeypatch):
    """What botocore finds in the file."""
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    credentials = botocore.session.Session(profile=name).get_credentials()
    return credentials and (credentials.access_key, credentials.secret_key)


OURS = ("DF" + "A" * 18, "-_" * 20)
THEIRS = (
    b"# mine\n[default]\naws_access_key_id=AKIA\naws_secret_access_key = a=b;c\n\n"
    b"[other]\nregion = x\ns3 =\n  max = 1\n"
)


@pytest.mark.parametrize(
    "before",
    [
        b"",
        b"\n",
        THEIRS,
        THEIRS.rstrip(b"\n"),
        THEIRS + b"\n\n",
        THEIRS + b"  # the end",
        THEIRS.replace(b"\n", b"\r\n"),
        THEIRS.replace(b"# mine", "# für mich".encode()),
    ],
)
def test_a_profile_is_added(tmp_path, monkeypatch, before):
    file = tmp_path / "credentials"
    file.write_bytes(before)
    file.chmod(0o644)
    add_profile(file, key())
    after = file.read_bytes()
    assert after.startswith(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert found(file, "me", monkeypatch) == OURS
    if b"[default]" in before:
        assert found(file, "default", monkeypatch) == ("AKIA", "a=b;c")
    assert (b"\r\n" in after[len(before) :]) == (b"\r\n" in before)
    assert after.endswith(b"\n")


def test_the_lines_that_are_added(tmp_path):
    file = tmp_path / "credentials"
    ours = f"[{{}}]\naws_access_key_id = {OURS[0]}\naws_secret_access_key = {OURS[1]}\n"
    add_profile(file, key("a"))
    assert file.read_text() == ours.format("a")
    add_profile(file, key("b"))
    assert file.read_text() == ours.format("a") + "\n" + ours.format("b")
    file.write_text("[x]\ny = z")
    add_profile(file, key("c"))
    assert file.read_text() == "[x]\ny = z\n\n" + ours.format("c")


def test_the_file_and_its_directory_are_made(tmp_path, monkeypatch):
    file = tmp_path / ".aws" / "credentials"
    add_profile(file, key("default"))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert found(file, "default", monkeypatch) == OURS
    with pytest.raises(UsageError, match=r"cannot write --credentials .*: No such file or direct"):
        add_profile(tmp_path / "typo" / ".aws" / "credentials", key())


@pytest.mark.parametrize("section", ["[me]", "[profile me]", "[me] # mine", "[x]\n\n[me]"])
def test_a_profile_is_not_replaced(tmp_path, section):
    file = tmp_path / "credentials"
    file.write_text(f"{section}\naws_access_key_id = AKIA\n")
    file.chmod(0o640)
    before = file.read_bytes()
    with pytest.raises(UsageError, match="has a profile me already: choose another --name, or"):
        add_profile(file, key())
    assert file.read_bytes() == before
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "before",
    [
        b"aws_access_key_id = TOPSECRET\n",
        b"[a]\nTOPSECRET\n",
        b"[a]\n[a]\n",
        b"[a]\nb = \xff\n",
        "[a]\n".encode("utf-16"),
        b"\0\1TOPSECRET",
    ],
)
def test_what_is_no_credentials_file(tmp_path, before):
    file = tmp_path / "credentials"
    file.write_bytes(before)
    with pytest.raises(UsageError, match="is not an AWS credentials file") as caught:
        add_profile(file, key())
    assert "TOPSECRET" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert file.read_bytes() == before


def test_the_section_that_counts_for_all(tmp_path):
    file = tmp_path / "credentials"
    with pytest.raises(UsageError, match="would be part of every profile: choose another --name"):
        add_profile(file, key("DEFAULT"))
    assert not file.exists()


def test_a_link_is_followed(tmp_path, monkeypatch):
    file, link = tmp_path / "file", tmp_path / "credentials"
    file.write_bytes(THEIRS)
    link.symlink_to(file)
    add_profile(link, key())
    assert link.is_symlink()
    assert found(file, "me", monkeypatch) == OURS


def test_what_is_no_file(tmp_path):
    with pytest.raises(UsageError, match=r"cannot write --credentials .*: Is a directory"):
        add_profile(tmp_path, key())
    os.mkfifo(tmp_path / "fifo")
    mode = (tmp_path / "fifo").stat().st_mode
    with pytest.raises(UsageError, match="fifo is not a file"):
        add_profile(tmp_path / "fifo", key())
    assert (tmp_path / "fifo").stat().st_mode == mode


def test_a_full_disk(tmp_path, monkeypatch):
    file = tmp_path / "credentials"
    file.write_bytes(THEIRS)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match=r"cannot write --credentials .*: No space left on device"):
        add_profile(file, key())
    assert file.read_bytes() == THEIRS


def test_what_another_adds_while_we_wait_for_the_file(tmp_path, monkeypatch):
    file = tmp_path / "credentials"

    def wait(*_):
        file.write_text("[me]\n")

    monkeypatch.setattr(fcntl, "flock", wait)
    with pytest.raises(UsageError, match="has a profile me already"):
        add_profile(file, key())
    assert file.read_text() == "[me]\n"


def test_several_at_once(tmp_path, monkeypatch):
    file = tmp_path / "credentials"
    threads = [threading.Thread(target=add_profile, args=(file, key(f"k{n}"))) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(found(file, f"k{n}", monkeypatch) == OURS for n in range(16))
