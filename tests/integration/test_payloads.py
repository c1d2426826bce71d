"""Values through real processes: long ones go around the decider, those of all types arrive."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import threading

import boto3
import payload_flows
import pytest
from fleets import DOMAIN, HERE, ROOT, Fleet
from metered_amazon import metered_amazon

from dataflow.connect import connect
from dataflow.payload import codec
from dataflow.process.client import Client, Start
from dataflow.process.definitions import type_of

pytestmark = pytest.mark.integration

#: Characters that one activity passes to the next.
LENGTH = 20_000_000
#: What a decider may get and send for that. It polls, and writes a few decisions.
NEXT_TO_NOTHING = 100_000


def expected_measure():
    text = payload_flows.make(LENGTH)
    return [LENGTH, hashlib.sha256(text.encode()).hexdigest()]


def run(*command, home, **variables):
    """A command in a process of its own; what it has answered."""
    ours = ("AWS_", "DATAFLOW_", "LOG_", "SWF_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=HERE,
        env={**clean, "PYTHONPATH": str(ROOT), "DATAFLOW_HOME": str(home), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_20_mb_between_two_activities_of_a_standalone(tmp_path):
    home, reads = tmp_path / "home", tmp_path / "reads"
    reads.touch()
    out = run(
        *("noting_command.py", "--format=json", "standalone", "--nb-workers=1"),
        *("payload_flows.Pass", "-i", str(LENGTH)),
        home=home,
        NOTED_READS=str(reads),
    )
    assert json.loads(out)["result"] == expected_measure()
    assert reads.read_text() == ""
    stored = [path.stat().st_size for path in (home / "payloads").rglob("*") if path.is_file()]
    assert LENGTH / 3 < sum(stored) < LENGTH
    assert sum(path.stat().st_size for path in home.iterdir() if path.is_file()) < LENGTH / 20


def test_what_run_reads_is_what_is_fetched(tmp_path):
    reads = tmp_path / "reads"
    out = run(
        *("noting_command.py", "--format=json", "standalone", "--nb-workers=1"),
        *("payload_flows.Read", "-i", "100000"),
        home=tmp_path / "home",
        NOTED_READS=str(reads),
    )
    assert json.loads(out)["result"] == 100_000
    assert len(reads.read_text().split()) == 1


@pytest.fixture
def amazon(monkeypatch):
    """A server with a bucket, for this process as the key ``client``."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "DATAFLOW_", "SWF_")):
            monkeypatch.delenv(name)
    with metered_amazon() as server:
        for name, value in _settings(server, "client").items():
            monkeypatch.setenv(name, value)
        boto3.client("s3").create_bucket(Bucket="jumbo")
        yield server


def _settings(server, key):
    return {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": "testing",
        "DATAFLOW_ENGINE": "swf",
        "DATAFLOW_JUMBO_FIELDS_BUCKET": "jumbo/of/tests",
        "DATAFLOW_JUMBO_FIELDS_MAX_SIZE": "50MB",
        "DATAFLOW_CACHE_SIZE": "0",
    }


def test_20_mb_between_two_activities_on_swf_and_s3(amazon, tmp_path):
    with Fleet(tmp_path) as fleet, connect() as connection:
        client = Client(connection, DOMAIN)
        client.ensure_domain()
        fleet.decide("payload_flows.Pass", "--nb-processes=1", **_settings(amazon, "decider"))
        fleet.work("--nb-processes=1", "--isolation=inline", **_settings(amazon, "worker"))
        execution = client.start(
            Start(
                workflow_type=type_of(payload_flows.Pass),
                workflow_id="pass",
                task_list="decide",
                input=codec.encode([LENGTH]),
                decision_tasks_timeout=60,
            )
        )
        ended = client.wait(execution, threading.Event(), longest_pause=0.2)
        assert ended.status == "COMPLETED", ended
        assert ended.value == expected_measure()
    # Half of it or more, since it is compressed; once up, and once down.
    assert LENGTH / 3 < amazon.sent["worker"] < LENGTH
    assert LENGTH / 3 < amazon.got["worker"] < LENGTH
    assert 0 < amazon.sent["decider"] < NEXT_TO_NOTHING
    assert 0 < amazon.got["decider"] < NEXT_TO_NOTHING


def test_a_value_of_every_type_goes_there_and_back(tmp_path):
    given = {
        "args": [{"x": 1, "when": "2030-01-02"}],
        "kwargs": {"items": {str(payload_flows.ONE): {"price": "1.50", "tags": ["a"]}}},
    }
    out = run(
        *("-m", "dataflow", "--format=json", "standalone", "payload_flows.Types"),
        *("-i", json.dumps(given)),
        home=tmp_path,
    )
    assert json.loads(out)["result"] == len(payload_flows.TYPED)


def test_encrypted_nothing_is_told_but_to_who_has_the_key(tmp_path):
    word, key = "xyzzy-the-secret", base64.b64encode(bytes(32)).decode()
    encrypted = {"DATAFLOW_CODEC": "aesgcm", "DATAFLOW_ENCRYPTION_KEYS": f"first:{key}"}
    command = ("-m", "dataflow", "--format=json", "standalone", "payload_flows.Secret", "-i")
    for home, variables in (("closed", encrypted), ("open", {})):
        out = run(*command, json.dumps(word), home=tmp_path / home, **variables)
        assert json.loads(out)["result"] == [word, [2, 10_000], True]
    told = {
        home: [path.name for path in (tmp_path / home).rglob("*") if holds(path, word.encode())]
        for home in ("closed", "open")
    }
    assert told["open"]
    assert told["closed"] == []


def holds(path, word):
    return path.is_file() and word in path.read_bytes()


def test_equal_values_give_equal_texts_in_every_process(tmp_path):
    script = "import payload_flows; print(payload_flows.text_of_sets())"
    outs = {run("-c", script, home=tmp_path, PYTHONHASHSEED=str(seed)) for seed in (1, 2, 3)}
    assert len(outs) == 1
