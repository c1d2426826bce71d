"""The door: signatures, replays and keys together."""

import logging

import pytest
from signing import NOW, sign

from dataflow.engine.auth.admission import Admission
from dataflow.engine.auth.caller import Role
from dataflow.engine.auth.keys import KeyFile
from dataflow.protocol.faults import (
    InvalidSignatureException,
    ServiceUnavailable,
    UnrecognizedClientException,
)


@pytest.fixture
def keys(tmp_path):
    return KeyFile(tmp_path)


@pytest.fixture
def admission(tmp_path):
    return Admission(KeyFile(tmp_path), now=NOW)


def signed(key, when=NOW):
    return sign(key_id=key.access_key_id, secret=key.secret, when=when)


def test_whoever_signed_comes_in_with_the_limits_of_the_key(keys, admission):
    key = keys.create(now=NOW, role=Role.WORKER, domain="shop", task_list="mail-*")
    assert admission.admit(signed(key), NOW) == key.caller


def test_keys_count_at_once_and_no_longer_than_that(keys, admission):
    key = keys.create(now=NOW)
    admission.admit(signed(key), NOW)
    other = keys.create(now=NOW)
    admission.admit(signed(other), NOW)
    keys.revoke(key.name)
    with pytest.raises(UnrecognizedClientException):
        admission.admit(signed(key), NOW)
    assert admission.admit(signed(other), NOW) == other.caller


def test_a_captured_request(keys, admission):
    request = signed(keys.create(now=NOW))
    admission.admit(request, NOW)
    with pytest.raises(InvalidSignatureException):
        admission.admit(request, NOW + 60)


def test_a_captured_request_and_a_restart(keys, admission):
    request = signed(keys.create(now=NOW))
    admission.admit(request, NOW)
    with pytest.raises(InvalidSignatureException):
        Admission(keys, now=NOW + 60).admit(request, NOW + 60)


def test_what_was_refused_is_not_remembered(keys, admission):
    key = keys.create(now=NOW)
    with pytest.raises(InvalidSignatureException):
        admission.admit(sign(key_id=key.access_key_id), NOW)
    assert len(admission._replays) == 0
    admission.admit(signed(key), NOW)
    assert len(admission._replays) == 1


def test_a_file_that_cannot_be_trusted_lets_nobody_in(keys, admission, caplog):
    request = signed(keys.create(now=NOW))
    admission.admit(request, NOW)
    for _ in range(2):
        keys.path.chmod(0o644)
        for _ in range(3):
            with pytest.raises(ServiceUnavailable) as caught:
                admission.admit(request, NOW)
            assert str(keys.path) not in caught.value.message
        keys.path.chmod(0o600)
        admission.admit(request, NOW)
    told = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(told) == 2
    assert "chmod 600" in told[0].getMessage()


def test_a_caller_is_admitted_until_his_key_is_another_or_none(keys, admission):
    key = keys.create(now=NOW, name="one")
    caller = admission.admit(signed(key), NOW)
    assert admission.still_admits(caller)
    keys.path.write_bytes(keys.path.read_bytes().replace(b'"admin"', b'"reader"'))
    assert not admission.still_admits(caller)
    reader = admission.admit(signed(key, NOW + 1), NOW + 1)
    assert admission.still_admits(reader)
    keys.revoke("one")
    assert not admission.still_admits(reader)


def test_nobody_is_admitted_while_the_keys_cannot_be_read(keys, admission):
    key = keys.create(now=NOW)
    caller = admission.admit(signed(key), NOW)
    keys.path.write_text("{")
    assert not admission.still_admits(caller)
