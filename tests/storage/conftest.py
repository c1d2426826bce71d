import os
import uuid

import boto3
import fsspec
import pytest
from s3_server import s3_server

from dataflow.storage.s3 import S3Store


@pytest.fixture(autouse=True)
def _environment(monkeypatch, tmp_path):
    """Nothing of the user's own settings."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "DATAFLOW_", "SWF_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("DATAFLOW_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def _server():
    with s3_server() as server:
        yield server


@pytest.fixture
def server(_server, monkeypatch):
    """An S3, and the environment that leads there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", _server.url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    yield _server
    assert _server._prepared == [], "a prepared answer was not asked for"


@pytest.fixture
def bucket(server):
    """An empty bucket."""
    name = f"bucket-{uuid.uuid4()}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=name)
    client.close()
    server.requests.clear()
    server.headers.clear()
    return name


@pytest.fixture
def pauses():
    return []


@pytest.fixture
def store(bucket, pauses):
    return S3Store(f"{bucket}/flows", sleep=pauses.append)


@pytest.fixture
def memory():
    """fsspec's file system in memory, empty."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]
