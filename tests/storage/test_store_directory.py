"""The store in a directory: whole or not there, private, and young again when it is written."""

import errno
import os
import stat
import threading

import pytest

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.storage.directory import DirectoryStore

NAME = "ab" * 32


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "home" / "payloads", "payloads")


def names(store):
    return [entry.name for entry in store.entries()]


def test_an_object(store):
    store.put(NAME, b"data")
    assert store.get(NAME) == b"data"
    assert (store.path / "ab" / NAME).read_bytes() == b"data"
    assert [(entry.name, entry.size) for entry in store.entries()] == [(NAME, 4)]


def test_what_is_there_is_not_overwritten(store):
    store.put(NAME, b"first")
    store.put(NAME, b"second")
    assert store.get(NAME) == b"first"


def test_nobody_else_looks_in(store):
    old = os.umask(0)
    try:
        store.put(NAME, b"data")
    finally:
        os.umask(old)
    modes = {
        file: stat.S_IMODE(file.stat().st_mode) for file in [store.path, *store.path.glob("**/*")]
    }
    assert set(modes.values()) == {0o600, 0o700}
    assert all((mode == 0o700) is file.is_dir() for file, mode in modes.items())


def test_nothing_in_a_store_that_is_not_there(store):
    assert names(store) == []
    with pytest.raises(PayloadError) as caught:
        store.get(NAME)
    assert str(caught.value) == (
        f"there is no object {NAME} in {store.path} (nor a directory {store.path}): it was "
        "deleted, or this is not the directory that it was written to"
    )


def test_an_object_that_is_not_there(store):
    store.put(NAME, b"data")
    with pytest.raises(PayloadError, match=f"there is no object {NAME[::-1]} in .*payloads: it"):
        store.get(NAME[::-1])


def test_an_interrupted_writer_leaves_no_object(store, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "link", die)
    with pytest.raises(KeyboardInterrupt):
        store.put(NAME, b"data")
    assert names(store) == []


def test_a_file_system_without_links(store, monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    store.put(NAME, b"data")
    assert store.get(NAME) == b"data"
    assert names(store) == [NAME]


def test_what_a_dead_writer_left_does_not_matter(store):
    store.put(NAME[::-1], b"")
    (store.path / "ab").mkdir()
    part = store.path / "ab" / f".part-{NAME}.{os.getpid()}-{threading.get_ident()}"
    part.write_bytes(b"half")
    assert [entry.unfinished for entry in store.entries()] == [True, False]
    store.put(NAME, b"whole")
    assert store.get(NAME) == b"whole"
    assert len(names(store)) == 2


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, PayloadUnavailable), (errno.EROFS, PayloadError)]
)
def test_a_disk_that_does_not_write(store, monkeypatch, code, kind):
    def fail(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(PayloadError) as caught:
        store.put(NAME, b"data")
    assert type(caught.value) is kind
    assert str(caught.value) == f"cannot write {store.path}/ab/{NAME}: {os.strerror(code)}"
    assert names(store) == []


def test_what_cannot_be_read(store):
    (store.path / "ab" / NAME).mkdir(parents=True)
    with pytest.raises(PayloadError, match=r"cannot read .*: Is a directory"):
        store.get(NAME)


def test_many_writers_of_one_object(store):
    threads = [threading.Thread(target=store.put, args=(NAME, b"data")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.get(NAME) == b"data"
    assert names(store) == [NAME]


# --- growing old, and going --------------------------------------------------------------------


def make_old(store, name=NAME):
    os.utime(store.path / name[:2] / name, (1000, 1000))


def test_what_is_old_can_be_discarded(store):
    store.put(NAME, b"data")
    make_old(store)
    assert not store.discard(NAME, before=1000)
    assert store.discard(NAME, before=1001)
    assert names(store) == []
    assert not store.discard(NAME, before=1001)


def test_what_is_written_again_is_young(store):
    store.put(NAME, b"data")
    make_old(store)
    store.put(NAME, b"data")
    assert not store.discard(NAME, before=2000)
    assert store.get(NAME) == b"data"


def test_what_goes_while_it_is_written_again_is_there_all_the_same(store, monkeypatch):
    store.put(NAME, b"data")
    make_old(store)
    locked = store._locked
    others = DirectoryStore(store.path, "payloads")

    def just_before(how):
        monkeypatch.setattr(store, "_locked", locked)
        assert others.discard(NAME, before=2000)
        return locked(how)

    monkeypatch.setattr(store, "_locked", just_before)
    store.put(NAME, b"data")
    assert store.get(NAME) == b"data"


def test_what_was_never_finished_can_be_discarded(store):
    (store.path / "ab").mkdir(parents=True)
    name = f".part-{NAME}.1-2"
    (store.path / "ab" / name).write_bytes(b"half")
    os.utime(store.path / "ab" / name, (1000, 1000))
    assert store.discard(name, before=2000)
    assert names(store) == []
