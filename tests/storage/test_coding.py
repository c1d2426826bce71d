"""How clear texts are written down, and what is refused when they are read."""

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.payload import jumbo
from dataflow.storage.cipher import AesGcm
from dataflow.storage.coding import Coding, _compress

LONG = b"all work and no play " * 1000


class Reverse:
    """A codec without keys, as somebody else might plug in."""

    name = "reverse"

    def encode(self, clear):
        return "", clear[::-1]

    def decode(self, key, data):
        assert key == ""
        return data[::-1]


def nothing(name):
    raise PayloadUnavailable(f"no {name}")


def coding(codec=None):
    return Coding(codec, nothing)


CODECS = [None, Reverse(), AesGcm({"k": b"k" * 32})]


@pytest.mark.parametrize("codec", CODECS)
@given(st.binary() | st.binary(max_size=40).map(lambda part: part * 1000))
def test_objects_come_back(codec, clear):
    suffix, data = coding(codec).to_object(clear)
    assert coding(codec).from_object(suffix, data, len(clear)) == clear
    name = jumbo.Reference("s3", "bucket", jumbo.digest(clear), suffix, len(clear))
    assert jumbo.parse(str(name)) == name


@pytest.mark.parametrize("codec", CODECS[1:])
@given(st.text())
def test_fields_come_back(codec, clear):
    text = coding(codec).to_field(clear.encode("utf-8", "surrogatepass"))
    assert text.isascii()
    assert jumbo.codec_of(text) == codec.name
    assert jumbo.parse(text) is None
    assert coding(codec).from_field(text, codec.name).decode("utf-8", "surrogatepass") == clear


def test_what_is_done_is_in_the_suffix():
    assert coding().to_object(b"short")[0] == ""
    assert coding().to_object(LONG)[0] == ".zst"
    assert coding(Reverse()).to_object(b"short") == (".reverse", b":trohs")
    suffix, data = coding(AesGcm({"k": b"k" * 32})).to_object(LONG)
    assert re.fullmatch(r"\.zst\.aesgcm\.\d{10}", suffix)
    assert len(suffix) == coding(AesGcm({"k": b"k" * 32})).longest_suffix
    assert coding().longest_suffix == len(".zst")
    assert data.startswith(b"k:")
    assert len(data) < 200


def test_what_does_not_become_shorter_is_not_compressed():
    noise = b"".join(jumbo.digest(bytes([n % 256, n // 256])).encode() for n in range(1000))
    noise = base64.b16decode(noise, casefold=True)
    assert coding().to_object(noise) == ("", noise)


def test_the_key_is_named_in_history():
    text = coding(AesGcm({"monday": b"k" * 32})).to_field(b"text")
    assert text.startswith("dataflow+aesgcm:monday:")


def test_what_another_codec_has_written_is_read_with_it():
    asked = []

    def find(name):
        asked.append(name)
        return Reverse()

    reading = Coding(None, find)
    text = coding(Reverse()).to_field(b"text")
    for _ in range(2):
        assert reading.from_field(text, "reverse") == b"text"
        assert reading.from_object(".reverse", b":trohs", 5) == b"short"
    assert asked == ["reverse"]


def test_a_codec_that_is_not_here():
    with pytest.raises(PayloadUnavailable, match="no reverse"):
        coding().from_field("dataflow+reverse::AAAA", "reverse")
    with pytest.raises(PayloadUnavailable, match="no rot13"):
        coding().from_object(".zst.rot13", b":data", 100)


@pytest.mark.parametrize("text", ["", "AAAA", "k", "k:!", "k:AAA", "k:\N{SNOWMAN}"])
def test_a_field_that_no_codec_wrote(text):
    with pytest.raises(PayloadError) as caught:
        coding(CODECS[2]).from_field(f"dataflow+aesgcm:{text}", "aesgcm")
    assert "\n" not in str(caught.value)


def test_a_text_does_not_unfold_beyond_its_length():
    bomb = _compress(bytes(100_000_000))
    assert len(bomb) < 10_000
    with pytest.raises(PayloadError, match="longer than it should be"):
        coding().from_object(".zst", bomb, 1000)


@pytest.mark.parametrize("data", [b"", b"nonsense", _compress(LONG)[:-1]])
def test_what_is_not_compressed(data):
    with pytest.raises(PayloadError, match=r"zstd|cut"):
        coding().from_object(".zst", data, len(LONG))


def test_a_text_may_be_as_long_as_its_reference_says():
    data = _compress(LONG)
    assert coding().from_object(".zst", data, len(LONG)) == LONG
    with pytest.raises(PayloadError):
        coding().from_object(".zst", data, len(LONG) - 1)
