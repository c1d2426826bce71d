"""Fields with stores, a codec and a cache: what is written where, and what is not followed."""

import re
import threading

import pytest

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.payload import jumbo
from dataflow.payload.fields import Outgoing
from dataflow.storage.cipher import AesGcm
from dataflow.storage.coding import Coding
from dataflow.storage.fields import Source, StoredFields

LIMIT = 100
SHORT, LONG = '"short"', f'"{"long" * 100}"'


class Store:
    """Objects in a dict."""

    scheme = "test"

    def __init__(self, location="bucket"):
        self.location = location
        self.objects = {}
        self.fetched = []

    def put(self, name, data):
        self.objects.setdefault(name, data)

    def get(self, name):
        self.fetched.append(name)
        if name not in self.objects:
            raise PayloadError(f"there is no object {name}")
        return self.objects[name]


class Cache(dict):
    def put(self, key, data):
        self[key] = data

    def drop(self, key):
        del self[key]


def find(name):
    raise PayloadUnavailable(f"no codec {name}")


def fields(*sources, codec=None, max_size=None):
    made = [s if isinstance(s, Source) else Source(s) for s in sources]
    return StoredFields(Coding(codec, find), made, max_size=max_size)


@pytest.fixture
def store():
    return Store()


AES = AesGcm({"k": b"k" * 32})


# --- writing and reading --------------------------------------------------------------------


def test_short_texts_stand_as_they_are(store):
    text = fields(store).write(SHORT, field="result", limit=LIMIT)
    assert text == SHORT
    assert fields(store).read(text) == SHORT
    assert store.objects == {}


def test_as_long_as_the_limit(store):
    text = "x" * LIMIT
    assert fields(store).write(text, field="result", limit=LIMIT) == text
    assert fields(store).write(text + "x", field="result", limit=LIMIT) != text


def test_long_texts_are_stored(store):
    text = fields(store).write(LONG, field="result", limit=LIMIT)
    name = jumbo.digest(LONG.encode())
    assert text == f"dataflow+test://bucket/{name} {len(LONG)}"
    assert store.objects == {name: LONG.encode()}
    assert fields(store).open(text) == text
    assert fields(store).read(text) == LONG


def test_very_long_texts_are_compressed(store):
    text = fields(store).write(LONG * 100, field="result", limit=LIMIT)
    assert ".zst " in text
    assert len(*store.objects.values()) < 1000
    assert fields(store).read(text) == LONG * 100


def test_lengths_are_those_of_the_bytes(store):
    clear = "\N{SNOWMAN}\ud800" * 100
    text = fields(store).write(clear, field="result", limit=LIMIT)
    assert text.endswith(" 600")
    assert fields(store).read(text) == clear


def test_a_codec_writes_everything(store):
    coded = fields(store, codec=AES)
    short = coded.write(SHORT, field="result", limit=LIMIT)
    assert short.startswith("dataflow+aesgcm:k:")
    assert coded.open(short) == coded.read(short) == SHORT
    long = coded.write(LONG, field="result", limit=LIMIT)
    assert re.search(r"\.aesgcm\.\d{10} ", long)
    assert coded.open(long) == long
    assert coded.read(long) == LONG
    assert b"long" not in b"".join(store.objects.values())


def test_what_becomes_too_long_by_the_codec_is_stored(store):
    text = fields(store, codec=AES).write("x" * LIMIT, field="result", limit=LIMIT)
    assert text.startswith("dataflow+test://")


def test_clear_texts_are_read_by_who_has_a_codec(store):
    assert fields(store, codec=AES).read(SHORT) == SHORT


def test_a_reference_stays_as_it_is(store):
    text = fields(store).write(LONG, field="result", limit=LIMIT)
    coded = fields(store, codec=AES)
    assert coded.write(text, field="result", limit=10) == text
    assert coded.write_all([Outgoing(text, "result", 10)] * 2) == [text, text]
    assert len(store.objects) == 1


def test_the_same_text_is_written_the_same(store):
    for codec in (None, AES):
        written = {
            fields(store, codec=codec).write(text, field="result", limit=LIMIT)
            for text in [LONG, LONG, SHORT, SHORT]
        }
        assert len(written) == 2


def test_a_batch_is_stored_at_the_same_time():
    class Together(Store):
        barrier = threading.Barrier(3)

        def put(self, name, data):
            self.barrier.wait(10)  # all three are under way
            super().put(name, data)

    store, cache = Together(), Cache()
    batch = [
        Outgoing(LONG + "1", "input", LIMIT),
        Outgoing(SHORT, "input", LIMIT),
        Outgoing(LONG + "2", "input", LIMIT),
        Outgoing(LONG + "3", "control", LIMIT),
    ]
    stored = fields(Source(store, cache))
    written = stored.write_all(batch)
    assert [stored.read(text) for text in written] == [outgoing.text for outgoing in batch]
    assert written[1] == SHORT
    assert len(store.objects) == len(cache) == 3


def test_a_batch_of_which_one_cannot_be_stored():
    class Full(Store):
        def put(self, name, data):
            raise PayloadUnavailable("no room")

    with pytest.raises(PayloadUnavailable, match="no room"):
        fields(Full()).write_all([Outgoing(LONG, "input", LIMIT)] * 3)


# --- how long -------------------------------------------------------------------------------


def test_longest(store):
    assert fields(store).longest(LIMIT) is None
    assert fields(store, max_size=500).longest(LIMIT) == 500
    assert fields(store, max_size=5).longest(LIMIT) == LIMIT
    assert fields().longest(LIMIT) == LIMIT


def test_longest_of_a_codec_without_a_store():
    coded = fields(codec=AES)
    longest = coded.longest(1000)
    worst = "\N{GRINNING FACE}" * longest
    assert len(coded.write(worst, field="result", limit=1000)) > 900
    with pytest.raises(PayloadError) as caught:
        coded.write("x" * 1000, field="result", limit=1000)
    assert str(caught.value) == (
        f"the result has 1000 characters, and, encrypted, a field of SWF takes {longest} for "
        "certain: set DATAFLOW_JUMBO_FIELDS_BUCKET to a bucket or directory for what is longer, or "
        "pass a reference to the data instead of the data"
    )
    assert caught.value.path == "result"
    assert coded.longest(10) == 0


def test_too_long_for_the_store(store):
    stored = fields(store, max_size=500)
    stored.write("x" * 500, field="result", limit=LIMIT)
    with pytest.raises(PayloadError) as caught:
        stored.write("x" * 501, field="result", limit=LIMIT)
    assert str(caught.value) == (
        "the result has 501 characters, and what has more than 500 is not stored: raise "
        "DATAFLOW_JUMBO_FIELDS_MAX_SIZE, or pass a reference to the data instead of the data"
    )
    assert len(store.objects) == 1


def test_what_history_takes_is_not_too_long_for_the_store(store):
    text = "x" * LIMIT
    assert fields(store, max_size=10).write(text, field="result", limit=LIMIT) == text


def test_no_store_at_all():
    with pytest.raises(PayloadError, match="set DATAFLOW_JUMBO_FIELDS_BUCKET") as caught:
        fields().write(LONG, field="input", limit=LIMIT)
    assert str(caught.value).startswith("the input has 402 characters, and a field of SWF takes")


@pytest.mark.parametrize("codec", [None, AES])
@pytest.mark.parametrize("text", [SHORT, LONG, LONG * 100, "\N{SNOWMAN}" * 90])
def test_written_length(store, codec, text):
    stored = fields(store, codec=codec)
    length = stored.written_length(text, LIMIT)
    assert store.objects == {}
    written = stored.write(text, field="input", limit=LIMIT)
    assert len(written) <= length <= len(written) + 40
    assert stored.written_length(written, LIMIT) >= len(written)


def test_brief_texts(store):
    assert fields(store).brief("reason", 10) == "reason"
    assert fields(store).brief("reason" * 10, 10) == "reason ..."
    assert store.objects == {}


@pytest.mark.parametrize("text", ["", "ValueError: 17", "reason" * 100, "\N{GRINNING FACE}" * 300])
def test_brief_texts_of_a_codec(store, text):
    coded = fields(store, codec=AES)
    brief = coded.brief(text, 256)
    assert brief.startswith("dataflow+aesgcm:k:")
    assert len(brief) <= 256
    left = coded.read(brief)
    if len(text) > 100:
        assert left.endswith(" ...")
        left = left.removesuffix(" ...")
        assert len(left) > 25
    assert text.startswith(left)
    assert store.objects == {}


def test_brief_texts_of_a_codec_that_needs_much_room():
    assert fields(codec=AesGcm({"k" * 64: b"k" * 32})).brief("\N{GRINNING FACE}" * 64, 128) == "..."


# --- what is not followed, and what is broken --------------------------------------------------


def test_other_places_are_not_read(store):
    other = Store("somebody-s")
    text = fields(other).write(LONG, field="result", limit=LIMIT)
    with pytest.raises(PayloadError) as caught:
        fields(store).read(text)
    assert str(caught.value) == (
        f"{text} is not followed: jumbo fields are kept in test://bucket here; if it is ours, name "
        "its place in DATAFLOW_JUMBO_FIELDS_READ_ALSO"
    )
    assert other.fetched == store.fetched == []
    assert fields(store, other).read(text) == LONG


@pytest.mark.parametrize("place", ["test://bucket/deeper", "test://bucke", "other://bucket"])
def test_places_that_are_nearly_ours(store, place):
    text = f"dataflow+{place}/{jumbo.digest(b'')} 0"
    with pytest.raises(PayloadError, match="is not followed"):
        fields(store).read(text)
    assert store.fetched == []


def test_a_reference_without_a_store():
    text = f"dataflow+test://bucket/{jumbo.digest(b'')} 0"
    with pytest.raises(PayloadUnavailable, match="no store is configured to read it from"):
        fields(codec=AES).read(text)


def test_a_missing_object(store):
    text = fields(store).write(LONG, field="result", limit=LIMIT)
    store.objects.clear()
    with pytest.raises(PayloadError, match="there is no object"):
        fields(store).read(text)


@pytest.mark.parametrize(
    "data", [b"", LONG.encode()[:-1], LONG.encode() + b"x", LONG[::-1].encode()]
)
def test_a_corrupt_object(store, data):
    text = fields(store).write(LONG, field="result", limit=LIMIT)
    (name,) = store.objects
    store.objects[name] = data
    with pytest.raises(PayloadError) as caught:
        fields(store).read(text)
    assert str(caught.value) == (f"{text} is corrupt: there are {len(data)} bytes of another text")


def test_a_reference_that_lies_about_the_length(store):
    text = fields(store).write(LONG, field="result", limit=LIMIT)
    with pytest.raises(PayloadError, match="is corrupt"):
        fields(store).read(text[:-1])


@pytest.mark.parametrize("codec", [None, AES])
def test_a_damaged_object(store, codec):
    stored = fields(store, codec=codec)
    text = stored.write(LONG * 100, field="result", limit=LIMIT)
    ((name, data),) = store.objects.items()
    store.objects[name] = data[:-5] + b"wrong"
    with pytest.raises(PayloadError) as caught:
        stored.read(text)
    assert type(caught.value) is PayloadError
    assert str(caught.value).startswith(f"{text} is corrupt: ")


def test_an_object_without_its_key(store):
    text = fields(store, codec=AES).write(LONG, field="result", limit=LIMIT)
    other = fields(store, codec=AesGcm({"other": b"o" * 32}))
    with pytest.raises(PayloadUnavailable, match=r"aesgcm[.\d]+ \d+: a text is encrypted with the"):
        other.read(text)


def test_what_is_no_text(store):
    data = b"\xff" * 200
    store.objects[jumbo.digest(data)] = data
    with pytest.raises(PayloadError, match="what is written there is no text"):
        fields(store).read(f"dataflow+test://bucket/{jumbo.digest(data)} 200")


def test_a_key_that_was_given_up_takes_nothing_along(store):
    """The same text is written before and after a rotation."""
    old, new = AesGcm({"old": b"o" * 32}), AesGcm({"new": b"n" * 32})
    fields(store, codec=old).write(LONG, field="result", limit=LIMIT)
    text = fields(store, codec=new).write(LONG, field="result", limit=LIMIT)
    assert fields(store, codec=new).read(text) == LONG
    assert len(store.objects) == 2


# --- the cache ------------------------------------------------------------------------------


def test_what_was_fetched_is_not_fetched_again(store):
    text = fields(store).write(LONG, field="result", limit=LIMIT)
    cached = fields(Source(store, Cache()))
    assert [cached.read(text) for _ in range(3)] == [LONG] * 3
    assert len(store.fetched) == 1


def test_what_was_stored_is_not_fetched(store):
    cache = Cache()
    text = fields(Source(store, cache)).write(LONG, field="result", limit=LIMIT)
    assert list(cache) == [text]
    assert fields(Source(store, cache)).read(text) == LONG
    assert store.fetched == []


def test_the_cache_holds_what_the_store_holds(store):
    cache = Cache()
    fields(Source(store, cache), codec=AES).write(LONG, field="result", limit=LIMIT)
    assert list(cache.values()) == list(store.objects.values())


def test_what_is_corrupt_in_the_cache_is_fetched_anew(store):
    cache = Cache()
    cached = fields(Source(store, cache))
    text = cached.write(LONG, field="result", limit=LIMIT)
    cache[text] = b"wrong"
    assert cached.read(text) == LONG
    assert cache[text] == LONG.encode()


def test_what_is_corrupt_in_the_store_is_not_cached(store):
    text = fields(store).write(LONG, field="result", limit=LIMIT)
    (name,) = store.objects
    store.objects[name] = b"wrong"
    cache = Cache()
    with pytest.raises(PayloadError, match="is corrupt"):
        fields(Source(store, cache)).read(text)
    assert cache == {}


def test_without_its_key_nothing_is_dropped(store):
    cache = Cache()
    text = fields(Source(store, cache), codec=AES).write(LONG, field="result", limit=LIMIT)
    other = AesGcm({"other": b"o" * 32})
    with pytest.raises(PayloadUnavailable):
        fields(Source(store, cache), codec=other).read(text)
    assert list(cache) == [text]
