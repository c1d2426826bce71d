"""What is deleted from a directory store, and above all what is not."""

import json
import os

import pytest

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.payload import jumbo
from dataflow.storage.cipher import AesGcm
from dataflow.storage.coding import Coding
from dataflow.storage.collecting import collect
from dataflow.storage.directory import DirectoryStore
from dataflow.storage.fields import Source, StoredFields

LONG_AGO, NOW = 1_000, 2_000
AES = AesGcm({"k": b"k" * 32})


@pytest.fixture
def store(tmp_path):
    return DirectoryStore(tmp_path / "payloads", "payloads")


def find(name):
    raise PayloadUnavailable(f"no codec {name}")


def put(store, text, codec=None):
    """Store a text, long ago; its reference."""
    fields = StoredFields(Coding(codec, find), [Source(store)])
    reference = fields.write(text, field="result", limit=0)
    name = jumbo.parse(reference).object_name
    os.utime(store.path / name[:2] / name, (LONG_AGO, LONG_AGO))
    return reference


def event(**fields):
    return json.dumps({"eventId": 1, "attributes": fields}).encode()


def collected(store, *events, codec=None, **options):
    """The number of objects that are left."""
    collect(store, list(store.entries()), events, Coding(codec, find), before=NOW, **options)
    return len(list(store.entries()))


def test_what_nothing_refers_to_goes(store):
    put(store, '"one"')
    put(store, '"two"')
    assert collected(store, event(result='"one"'), event()) == 0


def test_what_an_event_refers_to_stays(store):
    one = put(store, '"one"')
    put(store, '"two"')
    assert collected(store, event(), event(result=one)) == 1
    assert store.get(jumbo.parse(one).object_name) == b'"one"'


def test_a_reference_within_an_input(store):
    one = put(store, '"one"')
    clear = json.dumps({"args": [one], "refs": [one]})
    assert collected(store, event(input=clear)) == 1
    escaped = json.dumps(clear).replace("/", "\\/")
    assert collected(store, event(input=escaped)) == 1


def test_a_reference_within_a_stored_input(store):
    one = put(store, '"one"' * 10_000)
    inner = put(store, json.dumps({"args": ["x" * 100_000], "refs": [one]}))
    outer = put(store, json.dumps({"refs": [inner]}))
    put(store, '"useless"')
    assert collected(store, event(input=outer)) == 3


def test_a_reference_within_an_encrypted_field(store):
    one = put(store, '"one"', AES)
    field = Coding(AES, find).to_field(json.dumps({"refs": [one]}).encode())
    put(store, '"useless"', AES)
    assert collected(store, event(input=field), codec=AES) == 1


def test_a_reference_within_an_encrypted_object(store):
    one = put(store, '"one"', AES)
    input_ = put(store, json.dumps({"refs": [one]}), AES)
    assert collected(store, event(input=input_), codec=AES) == 2


def test_all_objects_of_one_text_stay(store):
    one = put(store, '"one"')
    put(store, '"one"', AES)
    assert collected(store, event(result=one), codec=AES) == 2


def test_what_users_write_is_no_field_of_a_codec(store):
    put(store, '"one"')
    assert collected(store, event(input=json.dumps(["dataflow+aesgcm:k:AAAA"]))) == 0


@pytest.mark.parametrize("hidden", ["field", "object"])
def test_what_cannot_be_decrypted_keeps_everything(store, hidden):
    put(store, '"useless"')
    in_field = hidden == "field"
    text = Coding(AES, find).to_field(b'"text"') if in_field else put(store, '"text"', AES)
    before = len(list(store.entries()))
    with pytest.raises(PayloadUnavailable, match="no codec aesgcm"):
        collected(store, event(input=text))
    assert len(list(store.entries())) == before


def test_a_damaged_object_keeps_everything(store):
    put(store, '"useless"')
    one = put(store, '"one"')
    name = jumbo.parse(one).object_name
    (store.path / name[:2] / name).write_bytes(b"damaged")
    with pytest.raises(PayloadError, match=f"the object {name} is damaged"):
        collected(store, event(result=one))
    assert len(list(store.entries())) == 2


def test_a_reference_to_nothing_is_nothing_to_keep(store):
    one = put(store, '"one"')
    name = jumbo.parse(one).object_name
    store.discard(name, NOW)
    put(store, '"useless"')
    assert collected(store, event(result=one)) == 0


def test_what_is_young_stays(store):
    name = jumbo.parse(put(store, '"one"')).object_name
    os.utime(store.path / name[:2] / name, (NOW, NOW))
    assert collected(store) == 1


def test_what_is_written_again_while_events_are_read_stays(store):
    put(store, '"one"')

    def events():
        yield event()
        StoredFields(Coding(None, find), [Source(store)]).write('"one"', field="result", limit=0)

    found = collect(store, list(store.entries()), events(), Coding(None, find), before=NOW)
    assert (len(found.deleted), len(found.kept)) == (0, 1)
    assert len(list(store.entries())) == 1


def test_what_comes_while_events_are_read_stays(store):
    def events():
        put(store, '"one"')
        return iter(())

    entries = list(store.entries())
    collect(store, entries, events(), Coding(None, find), before=NOW)
    assert len(list(store.entries())) == 1


def test_what_was_never_finished_goes_and_what_is_not_ours_stays(store):
    put(store, '"one"')
    (directory,) = store.path.glob("??")
    for name in (f".part-{'ab' * 32}.1-2", "README"):
        (directory / name).write_bytes(b"")
        os.utime(directory / name, (LONG_AGO, LONG_AGO))
    (store.path / "ab").mkdir(exist_ok=True)
    (directory / f".part-{'ab' * 32}.1-2").rename(store.path / "ab" / f".part-{'ab' * 32}.1-2")
    collected(store)
    assert [entry.name for entry in store.entries()] == ["README"]


def test_only_looking(store):
    put(store, '"one"')
    one = put(store, '"two"')
    found = collect(
        store,
        list(store.entries()),
        [event(result=one)],
        Coding(None, find),
        before=NOW,
        dry_run=True,
    )
    assert [entry.size for entry in found.deleted] == [5]
    assert [entry.object_hash for entry in found.kept] == [jumbo.parse(one).name]
    assert len(list(store.entries())) == 2
