"""How clear texts are written down: compressed, encoded by a codec, or both.

In history a codec's text is ``dataflow+<codec>:<key>:<base64>``. An object of a store is the clear
text in UTF-8, compressed by zstd if that is long enough to pay (``.zst``), then encoded
(``.<codec>``); it begins with ``<key>:`` then. What was done is in the suffix of the object's name,
and undone from its end. The hash before it is that of the clear text, whatever is done.

Behind the codec stands a number for the key (``.zst.aesgcm.0123456789``): the same text under
another key is another object. Else one that is there, written with a key that is given up later,
would stand for what is written with its successor.
"""

from __future__ import annotations

import base64
import sys
import zlib
from collections.abc import Callable
from typing import Protocol

from dataflow.errors import PayloadError

#: Bytes from which on an object is compressed.
_COMPRESSED_FROM = 16 * 1024
#: On JSON the third level of zstd takes nearly twice the time, for a few per cent at most.
_LEVEL = 1
_ZST = "zst"


class Codec(Protocol):
    """What stands between clear texts and what history and stores hold; for all threads.

    The same clear text must give the same data, as long as the key is the same: what is written
    twice is compared.
    """

    @property
    def name(self) -> str:
        """Lower-case letters, digits, ``-`` and ``_``."""
        ...

    def encode(self, clear: bytes) -> tuple[str, bytes]:
        """The id of the key, of letters, digits and ``._-`` (empty if there are none); the data."""
        ...

    def decode(self, key: str, data: bytes) -> bytes:
        """What was encoded.

        Raises `PayloadError` for what it has not written, `PayloadUnavailable` without the key.
        """
        ...


class Coding:
    """Writes with one codec, or with none; reads what any of them has written."""

    def __init__(self, codec: Codec | None, find: Callable[[str], Codec]) -> None:
        """``find``: the codec of a name; it may raise `PayloadUnavailable`."""
        self.codec = codec
        self._find = find
        self._found = {} if codec is None else {codec.name: codec}

    # --- in history -------------------------------------------------------------------------

    def to_field(self, clear: bytes) -> str:
        """What a codec makes of a text that stands in history itself."""
        assert self.codec is not None, "clear texts stand as they are"
        key, data = self.codec.encode(clear)
        return f"dataflow+{self.codec.name}:{key}:{base64.b64encode(data).decode()}"

    def from_field(self, text: str, codec: str) -> bytes:
        """What `to_field` was given, by this codec."""
        key, _, data = text.removeprefix(f"dataflow+{codec}:").partition(":")
        try:
            sealed = base64.b64decode(data, validate=True)
        except ValueError as error:  # binascii.Error, or not ASCII
            raise PayloadError(f"a field is no text of the codec {codec}: {error}") from error
        return self._named(codec).decode(key, sealed)

    # --- in a store -------------------------------------------------------------------------

    @property
    def longest_suffix(self) -> int:
        """Characters of the longest that `to_object` gives."""
        named = 0 if self.codec is None else len(f".{self.codec.name}.{_number('')}")
        return len(f".{_ZST}") + named

    def to_object(self, clear: bytes) -> tuple[str, bytes]:
        """The suffix of the name, and the data."""
        suffix, data = "", clear
        if len(data) >= _COMPRESSED_FROM:
            smaller = _compress(data)
            if len(smaller) < len(data):
                suffix, data = f".{_ZST}", smaller
        if self.codec is not None:
            key, sealed = self.codec.encode(data)
            suffix += f".{self.codec.name}" + (f".{_number(key)}" if key else "")
            data = b"%s:%s" % (key.encode(), sealed)
        return suffix, data

    def from_object(self, suffix: str, data: bytes, most: int) -> bytes:
        """What `to_object` was given, at most so many bytes. Raises `PayloadError` for others."""
        for step in reversed(suffix.split(".")[1:]):
            if step.isdecimal():  # of a key, which the data names itself
                continue
            if step == _ZST:
                data = _decompress(data, most)
            else:
                key, _, sealed = data.partition(b":")
                data = self._named(step).decode(key.decode("ascii", "replace"), sealed)
        return data

    def _named(self, codec: str) -> Codec:
        if codec not in self._found:
            self._found[codec] = self._find(codec)
        return self._found[codec]


def _number(key: str) -> str:
    """Ten digits, hardly those of another key. The name of a codec begins with a letter."""
    return f"{zlib.crc32(key.encode()):010}"


def _compress(data: bytes) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - only long texts pay for it
    else:
        from backports import zstd  # noqa: PLC0415
    return zstd.compress(data, level=_LEVEL)


def _decompress(data: bytes, most: int) -> bytes:
    """No more than is wanted, whatever the data says it will become."""
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415
    else:
        from backports import zstd  # noqa: PLC0415
    decompressor = zstd.ZstdDecompressor()
    try:
        clear = decompressor.decompress(data, most + 1)  # one byte more shows that it is too long
    except zstd.ZstdError as error:
        raise PayloadError(f"not compressed by zstd: {error}") from error
    if not decompressor.eof or len(clear) > most:
        raise PayloadError("the compressed text is longer than it should be, or cut")
    return clear
