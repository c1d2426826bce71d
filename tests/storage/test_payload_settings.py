"""Sizes and directories, as the environment says them."""

from pathlib import Path

import pytest

from dataflow import settings
from dataflow.errors import UsageError


@pytest.mark.parametrize(
    ("word", "size"),
    [
        ("", 10**9),
        ("0", 0),
        ("10000000", 10**7),
        ("500kb", 500_000),
        ("20 MB", 20_000_000),
        ("1.5GB", 1_500_000_000),
        ("2TB", 2 * 10**12),
        ("7B", 7),
    ],
)
def test_sizes(monkeypatch, word, size):
    monkeypatch.setenv("DATAFLOW_CACHE_SIZE", word)
    assert settings.cache_size() == size


@pytest.mark.parametrize("word", ["-1", "1e9", "1,5GB", "GB", "10 MiB", "٣", "1GB1"])
def test_what_is_no_size(monkeypatch, word):
    monkeypatch.setenv("DATAFLOW_CACHE_SIZE", word)
    with pytest.raises(UsageError) as caught:
        settings.cache_size()
    assert str(caught.value) == (
        f"DATAFLOW_CACHE_SIZE={word} is not a size: write bytes, or 500KB, 20MB, 1.5GB"
    )


def test_no_longest(monkeypatch):
    assert settings.jumbo_fields_max_size() is None
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_MAX_SIZE", "0")
    assert settings.jumbo_fields_max_size() == 0


def test_where_the_cache_is(monkeypatch):
    monkeypatch.delenv("DATAFLOW_CACHE_DIR")
    monkeypatch.setenv("HOME", "/home/ada")
    assert settings.cache_directory() == Path("/home/ada/.cache/dataflow")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert settings.cache_directory() == Path("/home/ada/.cache/dataflow")
    monkeypatch.setenv("XDG_CACHE_HOME", "/var/cache/ada")
    assert settings.cache_directory() == Path("/var/cache/ada/dataflow")
    monkeypatch.setenv("DATAFLOW_CACHE_DIR", "~/cache")
    assert settings.cache_directory() == Path("/home/ada/cache")
    monkeypatch.setenv("DATAFLOW_CACHE_DIR", "~nobody-of-this-name/cache")
    with pytest.raises(UsageError, match="name one in DATAFLOW_CACHE_DIR, or set"):
        settings.cache_directory()


def test_a_connection_has_the_fields_of_its_home(tmp_path):
    from dataflow.connect import connect  # noqa: PLC0415 - it imports the engine

    with connect("local", home=str(tmp_path / "home"), own=True) as connection:
        assert connection.home == str(tmp_path / "home")
        text = connection.fields.write("x" * 100, field="result", limit=10)
        assert connection.fields is connection.fields
    assert text.startswith("dataflow+file://payloads/")
    assert (tmp_path / "home" / "payloads").is_dir()
