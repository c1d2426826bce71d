"""The key is found where AWS tools find theirs."""

import os
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
from botocore.exceptions import CredentialRetrievalError

from dataflow.client.credentials import find_key
from dataflow.client.signing import Credentials
from dataflow.errors import UsageError

ROOT = Path(__file__).parents[2]
PROFILES = """
[default]
aws_access_key_id = DEFAULT
aws_secret_access_key = of default

[mine]
aws_access_key_id = MINE
aws_secret_access_key = of-mine
aws_session_token = token-of-mine

[half]
aws_access_key_id = HALF
"""


@pytest.fixture
def profiles():
    file = Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"])
    file.write_text(PROFILES.replace("of default", "of-default"))


def found():
    return find_key()()


def test_the_environment(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", " ID\n")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert found() == Credentials("ID", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "token")
    assert found() == Credentials("ID", "secret", "token")


def test_the_environment_goes_before_the_profile(monkeypatch, profiles):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    assert found().key_id == "ID"
    assert botocore.session.Session().get_credentials().access_key == "ID"


@pytest.mark.parametrize(
    ("there", "missing"),
    [
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
        ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID"),
    ],
)
def test_half_a_key_in_the_environment(monkeypatch, there, missing):
    monkeypatch.setenv(there, "x")
    with pytest.raises(UsageError, match=f"half a key is in the environment: set {missing}"):
        find_key()


def test_the_default_profile(profiles):
    assert found() == Credentials("DEFAULT", "of-default")


def test_a_profile(monkeypatch, profiles):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert found() == Credentials("MINE", "of-mine", "token-of-mine")


def test_a_profile_of_the_config_file(monkeypatch):
    script = 'import json; print(json.dumps({"Version": 1, "AccessKeyId": "ID", '
    script += '"SecretAccessKey": "made"}))'
    program = Path(os.environ["AWS_CONFIG_FILE"]).with_name("program.py")
    program.write_text(script)
    Path(os.environ["AWS_CONFIG_FILE"]).write_text(
        f"[profile made]\ncredential_process = {sys.executable} {program}\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "made")
    assert found() == Credentials("ID", "made")


def test_there_is_none():
    with pytest.raises(UsageError) as refused:
        find_key()
    assert "\n" not in str(refused.value)
    assert "requests over TCP are signed, and there is no key" in str(refused.value)
    assert "`dataflow server.key.create` makes one" in str(refused.value)


def test_the_role_of_a_machine_is_no_key(monkeypatch):
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/nobody-asks")
    with pytest.raises(UsageError, match="there is no key"):
        find_key()


def test_there_is_no_such_profile(monkeypatch, profiles):
    monkeypatch.setenv("AWS_PROFILE", "yours")
    with pytest.raises(UsageError, match=r"cannot be read: .*profile \(yours\) could not be found"):
        find_key()


def test_half_a_profile(monkeypatch, profiles):
    monkeypatch.setenv("AWS_PROFILE", "half")
    with pytest.raises(UsageError, match=r"cannot be read: Partial credentials found"):
        find_key()


def test_a_key_that_cannot_be_renewed(monkeypatch, profiles):
    key = find_key()

    def fails(self):
        raise CredentialRetrievalError(provider="sso", error_msg="expired")

    monkeypatch.setattr("botocore.credentials.Credentials.get_frozen_credentials", fails)
    with pytest.raises(UsageError, match=r"cannot be renewed: .*expired"):
        key()


def test_nobody_pays_for_botocore_whose_key_is_in_the_environment():
    script = (
        "import sys; from dataflow.client.http import HttpService; "
        "HttpService('http://localhost:1'); "
        "print([name for name in sys.modules if name.startswith('boto')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"
