"""From the settings to fields: what is chosen, what is told, and what is imported."""

import base64
import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from dataflow.errors import PayloadUnavailable, UsageError
from dataflow.payload import jumbo
from dataflow.payload.fields import CLEAR
from dataflow.storage import opening
from dataflow.storage.opening import open_fields

ROOT = Path(__file__).parents[2]
LONG = f'"{"long" * 10_000}"'
KEYS = f"k:{base64.b64encode(b'k' * 32).decode()}"


def written(fields, text=LONG):
    return fields.write(text, field="result", limit=32_768)


@pytest.fixture
def home(tmp_path):
    return str(tmp_path / "home")


# --- where ----------------------------------------------------------------------------------


def test_nothing_is_set():
    assert open_fields() is CLEAR


def test_a_local_engine_has_a_store(home):
    text = written(open_fields(home))
    assert text.startswith("dataflow+file://payloads/")
    assert open_fields(home).read(text) == LONG
    assert open_fields(home).longest(10) is None
    assert list(Path(home, "payloads").glob("??/*"))


def test_a_home_can_be_moved(home, tmp_path):
    text = written(open_fields(home))
    Path(home).rename(tmp_path / "moved")
    assert open_fields(str(tmp_path / "moved")).read(text) == LONG


def test_a_bucket(bucket, monkeypatch, server):
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", f"{bucket}/flows")
    text = written(open_fields())
    assert text.startswith(f"dataflow+s3://{bucket}/flows/")
    assert open_fields().read(text) == LONG
    assert [request.split()[0] for request in server.requests] == ["PUT"]  # it is in the cache
    assert open_fields().longest(10) == 5_000_000


def test_without_a_cache(bucket, monkeypatch, server, tmp_path):
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", bucket)
    monkeypatch.setenv("DATAFLOW_CACHE_SIZE", "0")
    fields = open_fields()
    assert fields.read(written(fields)) == LONG
    assert [request.split()[0] for request in server.requests] == ["PUT", "GET"]
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be(bucket, monkeypatch, tmp_path, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", bucket)
    monkeypatch.setenv("DATAFLOW_CACHE_DIR", str(tmp_path / "file" / "a" / "cache"))
    fields = open_fields()
    assert fields.read(written(fields)) == LONG
    assert f"nothing is cached, since there can be no directory {tmp_path}/file/a/cache (Not" in (
        caplog.text
    )


def test_a_bucket_beside_a_local_engine(bucket, home, monkeypatch):
    before = written(open_fields(home))
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", bucket)
    assert written(open_fields(home)).startswith("dataflow+s3://")
    assert open_fields(home).read(before) == LONG


def test_a_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", f"file://{tmp_path}/my files")
    text = written(open_fields())
    assert text.startswith(f"dataflow+file://{tmp_path}/my%20files/")
    assert open_fields().read(text) == LONG
    assert open_fields().longest(10) is None
    assert not (tmp_path / "cache").exists()


@pytest.mark.usefixtures("memory")
def test_a_file_system_of_fsspec(monkeypatch):
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", "memory://flows")
    text = written(open_fields())
    assert text.startswith("dataflow+memory://flows/")
    assert open_fields().read(text) == LONG


def test_where_they_were_kept_before(tmp_path, home, monkeypatch):
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", f"file://{tmp_path}/old")
    text = written(open_fields())
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_READ_ALSO", f"memory://other, file://{tmp_path}/old")
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", f"file://{tmp_path}/new")
    assert written(open_fields()).startswith(f"dataflow+file://{tmp_path}/new/")
    assert open_fields().read(text) == LONG
    monkeypatch.delenv("DATAFLOW_JUMBO_FIELDS_BUCKET")
    assert written(open_fields(home)).startswith("dataflow+file://payloads/")
    assert open_fields(home).read(text) == LONG


def test_the_longest(home, monkeypatch):
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_MAX_SIZE", "20KB")
    assert open_fields(home).longest(10) == 20_000


# --- codecs ---------------------------------------------------------------------------------


def test_a_codec(home, monkeypatch):
    monkeypatch.setenv("DATAFLOW_CODEC", "aesgcm")
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS", KEYS)
    assert written(open_fields(), '"short"').startswith("dataflow+aesgcm:k:")
    text = written(open_fields(home))
    assert ".zst.aesgcm." in text
    assert open_fields(home).read(text) == LONG


def test_who_stops_to_encrypt_can_still_read(home, monkeypatch):
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS", KEYS)
    monkeypatch.setenv("DATAFLOW_CODEC", "aesgcm")
    short, long = written(open_fields(home), '"short"'), written(open_fields(home))
    monkeypatch.setenv("DATAFLOW_CODEC", "none")
    fields = open_fields(home)
    assert written(fields, '"short"') == '"short"'
    assert (fields.read(short), fields.read(long)) == ('"short"', LONG)
    monkeypatch.delenv("DATAFLOW_ENCRYPTION_KEYS")
    with pytest.raises(PayloadUnavailable, match="the codec aesgcm has no keys"):
        open_fields(home).read(short)
    with pytest.raises(PayloadUnavailable, match="the codec rot13, which is not installed here"):
        open_fields(home).read("dataflow+rot13::AAAA")


class Plugged:
    """What others install: a store and a codec."""

    scheme = "plugged"
    name = "upper"
    objects = {}  # noqa: RUF012 - that of all instances

    def __init__(self, location=""):
        self.location = location

    def put(self, name, data):
        self.objects[name] = data

    def get(self, name):
        return self.objects[name]

    def encode(self, clear):
        return "", clear.upper()

    def decode(self, key, data):
        return data.lower()


@pytest.fixture
def _plugged(monkeypatch):
    points = [
        metadata.EntryPoint("plugged", "test_opening:Plugged", "dataflow.stores"),
        metadata.EntryPoint("upper", "test_opening:Plugged", "dataflow.codecs"),
    ]
    monkeypatch.setattr(
        metadata, "entry_points", lambda **wanted: metadata.EntryPoints(points).select(**wanted)
    )


@pytest.mark.usefixtures("_plugged")
def test_what_others_plug_in(monkeypatch):
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", "plugged://here")
    monkeypatch.setenv("DATAFLOW_CODEC", "upper")
    text = written(open_fields())
    assert text.startswith("dataflow+plugged://here/")
    assert ".zst.upper " in text
    assert written(open_fields(), '"a"') == "dataflow+upper::" + base64.b64encode(b'"A"').decode()
    assert list(Plugged.objects) == [jumbo.parse(text).object_name]


# --- what is written wrong ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"JUMBO_FIELDS_BUCKET": "B"}, "DATAFLOW_JUMBO_FIELDS_BUCKET=B: 'B' is no name of a"),
        (
            {"JUMBO_FIELDS_BUCKET": "nosuch://x"},
            "there is no store of scheme nosuch, for nosuch://x",
        ),
        ({"JUMBO_FIELDS_READ_ALSO": "bucket"}, "set DATAFLOW_JUMBO_FIELDS_BUCKET, too"),
        (
            {"JUMBO_FIELDS_BUCKET": "bucket", "JUMBO_FIELDS_READ_ALSO": "x"},
            "DATAFLOW_JUMBO_FIELDS_READ_ALSO=x: 'x' is no name of a bucket",
        ),
        (
            {"JUMBO_FIELDS_BUCKET": "bucket", "JUMBO_FIELDS_MAX_SIZE": "big"},
            "DATAFLOW_JUMBO_FIELDS_MAX_SIZE=big is not a size: write bytes, or 500KB, 20MB, 1.5GB",
        ),
        (
            {"JUMBO_FIELDS_BUCKET": "bucket", "CACHE_SIZE": "-1"},
            "DATAFLOW_CACHE_SIZE=-1 is not a size",
        ),
        ({"CODEC": "rot13"}, "DATAFLOW_CODEC=rot13 is no codec: use one of aesgcm"),
        ({"CODEC": "aesgcm"}, "the codec aesgcm has no keys: set DATAFLOW_ENCRYPTION_KEYS"),
        ({"ENCRYPTION_KEYS": KEYS}, "set DATAFLOW_CODEC=aesgcm, or DATAFLOW_CODEC=none to read"),
    ],
)
def test_what_is_written_wrong(monkeypatch, variables, told):
    for name, value in variables.items():
        monkeypatch.setenv(f"DATAFLOW_{name}", value)
    with pytest.raises(UsageError) as caught:
        open_fields()
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert KEYS not in str(caught.value)


def test_without_fsspec(monkeypatch):
    monkeypatch.setenv("DATAFLOW_JUMBO_FIELDS_BUCKET", "memory://flows")
    monkeypatch.setattr(opening, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"fsspec knows many, pip install 'dataflow-swf"):
        open_fields()


# --- what it costs --------------------------------------------------------------------------


@pytest.mark.integration
def test_short_texts_import_nothing(tmp_path):
    code = """
import sys
from dataflow.storage.opening import open_fields
fields = open_fields(sys.argv[1])
assert fields.read(fields.write('"short"', field="result", limit=10)) == '"short"'
import json
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "DATAFLOW_JUMBO_FIELDS_BUCKET": "bucket"},
        capture_output=True,
        text=True,
        check=True,
    )
    imported = set(json.loads(done.stdout))
    assert "dataflow.storage.fields" in imported
    costly = {"boto3", "botocore", "diskcache", "fsspec", "cryptography", "backports.zstd"}
    assert not imported & costly
