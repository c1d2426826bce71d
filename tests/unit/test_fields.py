"""Fields where nothing is configured: clear texts, and errors that say what to set."""

import pytest

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.payload import jumbo
from dataflow.payload.fields import CLEAR, Outgoing

REFERENCE = f"dataflow+s3://bucket/{jumbo.digest(b'x')} 1"


@pytest.mark.parametrize("text", ["", '"x"', "plain", "dataflow+", "data"])
def test_a_clear_text_stays_as_it_is(text):
    assert CLEAR.open(text) is text
    assert CLEAR.read(text) is text
    assert CLEAR.write(text, field="input", limit=10) is text
    assert CLEAR.written_length(text, 10) == len(text)
    assert CLEAR.brief(text, 10) is text
    assert CLEAR.brief("x" * 11, 10) == "xxxxxx ..."


def test_a_batch():
    batch = [Outgoing("1", "input", 5), Outgoing("2", "result", 5)]
    assert CLEAR.write_all(batch) == ["1", "2"]
    with pytest.raises(PayloadError, match="the result has 6 characters"):
        CLEAR.write_all([*batch, Outgoing("123456", "result", 5)])


def test_what_is_too_long_is_told_with_what_to_do():
    assert CLEAR.longest(5) == 5
    assert CLEAR.write("12345", field="input", limit=5) == "12345"
    with pytest.raises(PayloadError) as caught:
        CLEAR.write("123456", field="heartbeat details", limit=5)
    assert str(caught.value) == (
        "the heartbeat details has 6 characters, and a field of SWF takes at most 5: set "
        "DATAFLOW_JUMBO_FIELDS_BUCKET to a bucket or directory for what is longer, or pass a "
        "reference to the data instead of the data"
    )
    assert caught.value.path == "heartbeat details"


def test_a_reference_needs_a_store():
    assert CLEAR.open(REFERENCE) is REFERENCE
    with pytest.raises(PayloadUnavailable, match=r"no store is configured.*JUMBO_FIELDS_BUCKET"):
        CLEAR.read(REFERENCE)


@pytest.mark.parametrize("read", [CLEAR.open, CLEAR.read])
def test_what_a_codec_has_written_needs_the_codec(read):
    with pytest.raises(PayloadUnavailable, match=r"the codec aesgcm.*set DATAFLOW_CODEC=aesgcm"):
        read("dataflow+aesgcm:k1:AAAA")
