"""AES-GCM: equal texts, other keys, changed texts, and keys written wrong."""

import base64
import os
import stat
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.errors import PayloadError, PayloadUnavailable, UsageError
from dataflow.storage import cipher
from dataflow.storage.cipher import AesGcm

OLD, NEW = b"o" * 32, b"n" * 32


@given(st.binary())
def test_round_trip(clear):
    codec = AesGcm({"new": NEW, "old": OLD})
    key, data = codec.encode(clear)
    assert key == "new"
    assert len(data) == len(clear) + 12 + 16
    assert codec.decode(key, data) == clear
    assert codec.encode(clear) == (key, data)


def test_what_is_too_long_to_be_encrypted(monkeypatch):
    monkeypatch.setattr(cipher, "_MOST_BYTES", 10)
    AesGcm({"k": NEW}).encode(bytes(10))
    with pytest.raises(PayloadError, match="a text of 11 bytes cannot be encrypted"):
        AesGcm({"k": NEW}).encode(bytes(11))


def test_no_clear_text_is_left():
    _, data = AesGcm({"k": NEW}).encode(b"attack at dawn" * 100)
    assert b"attack" not in data


def test_nonces_differ_by_text_and_by_key():
    texts = [b"", b"a", b"b", b"a" * 1000]
    nonces = {AesGcm({"k": key}).encode(text)[1][:12] for text in texts for key in (OLD, NEW)}
    assert len(nonces) == 8


def test_rotation():
    before = AesGcm({"old": OLD})
    after = AesGcm({"new": NEW, "old": OLD})
    assert after.decode(*before.encode(b"text")) == b"text"
    assert after.encode(b"text")[0] == "new"
    with pytest.raises(PayloadUnavailable) as caught:
        before.decode(*after.encode(b"text"))
    assert str(caught.value) == (
        "a text is encrypted with the key 'new', and the keys here are old: add it to "
        "DATAFLOW_ENCRYPTION_KEYS, behind the one that writes"
    )


@pytest.mark.parametrize("place", [0, 11, 12, 20, -1])
def test_what_was_changed_is_refused(place):
    codec = AesGcm({"k": NEW})
    key, data = codec.encode(b"some text")
    changed = bytearray(data)
    changed[place] ^= 1
    with pytest.raises(PayloadError, match="encrypted with the key k cannot be decrypted: it was"):
        codec.decode(key, bytes(changed))


@pytest.mark.parametrize("data", [b"", b"short", b"n" * 12, b"n" * 27])
def test_what_was_cut_is_refused(data):
    with pytest.raises(PayloadError) as caught:
        AesGcm({"k": NEW}).decode("k", data)
    assert type(caught.value) is PayloadError


def test_the_id_of_the_key_is_authenticated():
    codec = AesGcm({"a": NEW, "b": NEW})
    _, data = codec.encode(b"text")
    with pytest.raises(PayloadError, match="cannot be decrypted"):
        codec.decode("b", data)


def test_another_key_under_the_same_id():
    with pytest.raises(PayloadError, match="or another key has this id here"):
        AesGcm({"k": OLD}).decode(*AesGcm({"k": NEW}).encode(b"text"))


# --- settings -------------------------------------------------------------------------------


def written(**keys):
    return ",".join(f"{key}:{base64.b64encode(secret).decode()}" for key, secret in keys.items())


def test_keys_of_the_environment(monkeypatch):
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS", written(new=NEW, old=OLD))
    assert cipher.from_settings().encode(b"text") == AesGcm({"new": NEW}).encode(b"text")
    assert cipher.from_settings().decode(*AesGcm({"old": OLD}).encode(b"text")) == b"text"


def test_keys_of_a_file(monkeypatch, tmp_path):
    file = tmp_path / "keys"
    file.write_text(written(new=NEW).replace(",", "\n") + "\n" + written(old=OLD) + "\n")
    file.chmod(0o600)
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS_FILE", str(file))
    assert cipher.from_settings().encode(b"text") == AesGcm({"new": NEW}).encode(b"text")
    assert cipher.from_settings().decode(*AesGcm({"old": OLD}).encode(b"text")) == b"text"


def refused():
    with pytest.raises(UsageError) as caught:
        cipher.from_settings()
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_file_of_keys_that_others_may_read(monkeypatch, tmp_path, mode):
    file = tmp_path / "keys"
    file.write_text(written(k=NEW))
    file.chmod(mode)
    assert stat.S_IMODE(file.stat().st_mode) == mode
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS_FILE", str(file))
    assert refused() == f"others may read or write {file}, which holds keys: chmod 600 it"


def test_a_file_of_keys_that_is_none(monkeypatch, tmp_path):
    file = tmp_path / "keys"
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS_FILE", str(file))
    assert refused() == (
        f"cannot read DATAFLOW_ENCRYPTION_KEYS_FILE={file}: No such file or directory"
    )
    file.write_bytes(os.urandom(64) + b"\xff")
    file.chmod(0o600)
    assert refused().endswith("it is no text of keys")
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS", written(k=NEW))
    assert "are both set: keep one" in refused()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the codec aesgcm has no keys: set DATAFLOW_ENCRYPTION_KEYS"),
        ("c2VjcmV0", "key 1 of DATAFLOW_ENCRYPTION_KEYS has no id"),
        (":c2VjcmV0", "key 1 of DATAFLOW_ENCRYPTION_KEYS has no id"),
        ("a b:c2VjcmV0", "key 1 of DATAFLOW_ENCRYPTION_KEYS has no id"),
        ("a:c2VjcmV0", "the key a of DATAFLOW_ENCRYPTION_KEYS is not of 32 bytes"),
        ("a:!", "the key a of DATAFLOW_ENCRYPTION_KEYS is not of 32 bytes"),
        (f"{written(a=NEW)},{written(a=OLD)}", "DATAFLOW_ENCRYPTION_KEYS has two keys a"),
    ],
)
def test_keys_written_wrong(monkeypatch, text, told):
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS", text)
    line = refused()
    assert "c2VjcmV0" not in line
    assert line.startswith(told)


def test_without_cryptography(monkeypatch):
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS", written(k=NEW))
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    assert refused() == (
        "the codec aesgcm needs cryptography: pip install 'dataflow-swf[cryptography]'"
    )
