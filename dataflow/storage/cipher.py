"""The codec ``aesgcm``: AES-256 in GCM, so that histories and stores hold no clear text.

1. *Keys have ids*, and what is encrypted names its key. The first key writes, all of them read: a
   new key is put in front, and the old one stays as long as anything that it wrote.
2. *The same text gives the same bytes*: the nonce is taken from an HMAC of the text, under a key of
   its own (a synthetic nonce). So replays can be compared, and a nonce meets a second text only by
   a collision of 96 bits. The price is that equal texts can be seen to be equal.
3. *What was changed is refused*: the data is authenticated, with the id of its key.

It keeps secrets from who can read histories and stores. It does not keep from work who can write
them: clear texts are accepted, too.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Mapping

from dataflow import settings
from dataflow.errors import PayloadError, PayloadUnavailable, UsageError

_KEY_BYTES = 32
_NONCE_BYTES = 12
#: What OpenSSL takes, and the nonce and the tag with it.
_MOST_BYTES = 2**31 - 2**10
_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_FORM = "id:base64 of 32 bytes (`openssl rand -base64 32` makes them), separated by commas"


class AesGcm:
    """Encrypts with the first of its keys, decrypts with any of them."""

    name = "aesgcm"

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        """``keys``: at least one, of 32 bytes, by id. Raises `UsageError` without cryptography."""
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - extra
        except ImportError as error:
            raise UsageError(
                "the codec aesgcm needs cryptography: pip install 'dataflow-swf[cryptography]'"
            ) from error
        self._first = next(iter(keys))
        # From one secret, two keys: what finds nonces must not encrypt.
        self._ciphers = {
            key_id: AESGCM(hmac.digest(secret, b"dataflow aesgcm encryption", "sha256"))
            for key_id, secret in keys.items()
        }
        self._nonces = {
            key_id: hmac.digest(secret, b"dataflow aesgcm nonce", "sha256")
            for key_id, secret in keys.items()
        }

    def encode(self, clear: bytes) -> tuple[str, bytes]:
        if len(clear) > _MOST_BYTES:
            raise PayloadError(f"a text of {len(clear)} bytes cannot be encrypted: it is too long")
        key = self._first
        nonce = hmac.digest(self._nonces[key], clear, "sha256")[:_NONCE_BYTES]
        return key, nonce + self._ciphers[key].encrypt(nonce, clear, key.encode())

    def decode(self, key: str, data: bytes) -> bytes:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - see above

        cipher = self._ciphers.get(key)
        if cipher is None:
            known = ", ".join(self._ciphers)
            raise PayloadUnavailable(
                f"a text is encrypted with the key {key!r}, and the keys here are {known}: add it "
                "to DATAFLOW_ENCRYPTION_KEYS, behind the one that writes"
            )
        try:
            clear: bytes = cipher.decrypt(data[:_NONCE_BYTES], data[_NONCE_BYTES:], key.encode())
        except (InvalidTag, ValueError) as error:
            raise PayloadError(
                f"a text encrypted with the key {key} cannot be decrypted: it was changed, or "
                "another key has this id here"
            ) from error
        return clear


def from_settings() -> AesGcm:
    """The codec, with the keys of the settings. Raises `UsageError`, never with a key in it."""
    text, source = settings.encryption_keys()
    keys: dict[str, bytes] = {}
    for number, word in enumerate(filter(None, re.split(r"[,\s]+", text)), 1):
        key_id, colon, secret = word.partition(":")
        if not colon or not _ID.fullmatch(key_id):  # what it is may be a secret
            raise UsageError(f"key {number} of {source} has no id: write {_FORM}")
        if key_id in keys:
            raise UsageError(f"{source} has two keys {key_id}: give each an id of its own")
        try:
            keys[key_id] = base64.b64decode(secret, validate=True)
        except binascii.Error:
            keys[key_id] = b""
        if len(keys[key_id]) != _KEY_BYTES:
            raise UsageError(f"the key {key_id} of {source} is not of 32 bytes: write {_FORM}")
    if not keys:
        raise UsageError(
            "the codec aesgcm has no keys: set DATAFLOW_ENCRYPTION_KEYS, or "
            f"DATAFLOW_ENCRYPTION_KEYS_FILE to a file of them: {_FORM}"
        )
    return AesGcm(keys)
