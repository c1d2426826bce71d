"""The store on fsspec, with its memory file system and with one that misbehaves."""

import pytest

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.storage.filesystem import FilesystemStore

NAME = "ab" * 32


@pytest.fixture
def store(memory, pauses):
    return FilesystemStore("memory", "flows/long", sleep=pauses.append)


def test_an_object(store, memory):
    store.put(NAME, b"data")
    assert store.get(NAME) == b"data"
    assert list(memory.store) == [f"/flows/long/{NAME}"]


def test_what_is_there_is_not_written_again(store, memory):
    store.put(NAME, b"first")
    store.put(NAME, b"again")
    assert store.get(NAME) == b"first"


def test_what_an_interrupted_upload_left_is_written_anew(store, memory):
    memory.makedirs("/flows/long")
    memory.pipe_file(f"/flows/long/{NAME}", b"da")
    store.put(NAME, b"data")
    assert store.get(NAME) == b"data"


def test_an_object_that_is_not_there(store, pauses):
    with pytest.raises(PayloadError) as caught:
        store.get(NAME)
    assert str(caught.value) == (
        f"there is no object {NAME} in memory://flows/long: it was deleted, or never arrived"
    )
    assert pauses == []


def test_access_denied(store, pauses, monkeypatch):
    def refuse(_):
        raise PermissionError("not you")

    monkeypatch.setattr(store._system, "cat_file", refuse)
    with pytest.raises(PayloadError, match=r"memory://flows/long denies access to .*: not you"):
        store.get(NAME)
    assert pauses == []


def test_what_passes_is_asked_for_again(store, pauses, monkeypatch):
    store.put(NAME, b"data")
    answers = [ConnectionError("gone"), RuntimeError("its own kind"), b"data"]

    def answer(_):
        found = answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(store._system, "cat_file", answer)
    assert store.get(NAME) == b"data"
    assert len(pauses) == 2
    answers += [ConnectionError("gone")] * 5
    with pytest.raises(PayloadUnavailable, match=r"cannot be reached now \(ConnectionError: gone"):
        store.get(NAME)


def test_a_driver_that_is_not_installed():
    with pytest.raises(PayloadUnavailable, match=r"gs://bucket cannot be used: .*gcsfs"):
        FilesystemStore("gs", "bucket")
