"""References: what they say, what is none, and which text they are of."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.payload import jumbo
from dataflow.payload.jumbo import Reference, codec_of, matches, parse, to_bytes, to_text

NAME = hashlib.sha256(b'"x"').hexdigest()
REFERENCE = f"dataflow+s3://bucket/prefix/{NAME} 3"


def test_the_parts_of_a_reference():
    reference = parse(f"dataflow+s3://bucket/some/prefix/{NAME}.zst.aesgcm 50000000")
    assert reference == ("s3", "bucket/some/prefix", NAME, ".zst.aesgcm", 50_000_000)
    assert reference.object_name == f"{NAME}.zst.aesgcm"


@pytest.mark.parametrize(
    "location",
    ["bucket", "bucket/a/b", "/var/lib/dataflow", "payloads", "user@host:22/a", "a%20b", "..a/b.."],
)
@pytest.mark.parametrize("suffix", ["", ".zst", ".zst.my-codec_2"])
def test_a_reference_is_what_it_was_written_from(location, suffix):
    reference = Reference("file", location, NAME, suffix, 0)
    assert parse(str(reference)) == reference


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dataflow+",
        f'"{REFERENCE}"',
        f" {REFERENCE}",
        f"{REFERENCE}\n",
        f"{REFERENCE} ",
        REFERENCE.replace(" 3", ""),
        REFERENCE.replace(" 3", " -3"),
        REFERENCE.replace(" 3", " 03"),
        REFERENCE.replace(" 3", " ٣"),
        REFERENCE.replace(" 3", f" {10**18}"),
        REFERENCE.replace("dataflow+", ""),
        REFERENCE.replace("s3:", "S3:"),
        REFERENCE.replace("bucket/prefix/", ""),
        REFERENCE.replace("bucket", "//bucket"),
        REFERENCE.replace("prefix", ".."),
        REFERENCE.replace("prefix", "."),
        REFERENCE.replace("bucket", ".."),
        REFERENCE.replace("bucket", "../bucket"),
        REFERENCE.replace("prefix", "a/../b"),
        REFERENCE.replace("prefix", "a//b"),
        REFERENCE.replace("prefix", "a b"),
        REFERENCE.replace("prefix", "a\\b"),
        REFERENCE.replace("prefix", "a?b"),
        REFERENCE.replace("prefix", "a#b"),
        REFERENCE.replace("prefix", "é"),
        REFERENCE.replace("prefix", "a\0b"),
        REFERENCE.replace(NAME, NAME[:-1]),
        REFERENCE.replace(NAME, NAME.upper()),
        REFERENCE.replace(NAME, f"{NAME}."),
        REFERENCE.replace(NAME, f"{NAME}./x"),
        REFERENCE.replace(NAME, f"{NAME}/.."),
    ],
)
def test_what_is_no_reference(text):
    assert parse(text) is None


@given(st.text() | st.from_regex(r"dataflow\+[a-z]{1,3}://[./a-z]*/[0-9a-f]{64}[.a-z]* [0-9]{1,3}"))
def test_a_reference_is_read_whole_and_stays_where_it_is(text):
    reference = parse(text)
    if reference is not None:
        assert str(reference) == text
        assert not {".", ".."} & set(reference.location.split("/"))
        assert "/" not in reference.object_name


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("dataflow+aesgcm:k1:AAAA", "aesgcm"),
        ("dataflow+aesgcm:", "aesgcm"),
        (REFERENCE, None),
        ("aesgcm:k1", None),
        ('"dataflow+aesgcm:k1"', None),
        ("dataflow+", None),
    ],
)
def test_what_a_codec_has_written(text, codec):
    assert codec_of(text) == codec


def test_a_text_matches_itself_and_references_to_it():
    assert matches('"x"', '"x"')
    assert matches(REFERENCE, '"x"')
    assert not matches('"y"', '"x"')
    assert not matches(REFERENCE, '"y"')
    assert not matches(REFERENCE.replace(" 3", " 4"), '"x"')
    # Where both are references, they are compared as texts: nothing is known of what is behind.
    assert matches(REFERENCE, REFERENCE)
    assert not matches(REFERENCE.replace("prefix", "other"), REFERENCE)


@given(st.text(st.sampled_from("aé\ud800\udc00\U00010000")))
def test_any_text_has_bytes(text):
    assert to_text(to_bytes(text)) == text
    assert jumbo.digest(to_bytes(text)) == hashlib.sha256(to_bytes(text)).hexdigest()
