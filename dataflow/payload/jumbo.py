"""References to what is too long for a field of history.

    dataflow+s3://bucket/prefix/<sha256>.zst 50000000

A *jumbo field* holds such a text in place of its own: where the object is, the hash of the clear
text, how the object is written (``.zst``: compressed, then ``.aesgcm``: encrypted), and how many
bytes of UTF-8 the clear text has. Since the hash is that of the clear text, a reference can be
compared with a text without fetching anything, and a text has one name however it is written.

A reference cannot name anything but what it says: the form is strict, and no part of a location is
``.`` or ``..``. Whether a reference may be followed is for the store to say.
"""

from __future__ import annotations

import hashlib
import re
from typing import NamedTuple

#: What references, and the texts that a codec has written, begin with. No JSON does.
_OURS = "dataflow+"

#: A part of a location. What is not in it is quoted as in URLs, and read as it stands.
_PART = r"(?!\.{1,2}/)[A-Za-z0-9._~@:+=,%!$&'()*;-]+"

_REFERENCE = re.compile(
    rf"dataflow\+(?P<scheme>[a-z][a-z0-9-]*)://(?P<location>/?{_PART}(?:/{_PART})*)"
    r"/(?P<name>[0-9a-f]{64})(?P<suffix>(?:\.[a-z0-9][a-z0-9_-]*)*)"
    r" (?P<length>0|[1-9][0-9]{0,17})"
)

_CODED = re.compile(r"dataflow\+([a-z][a-z0-9_-]*):(?!//)")


class Reference(NamedTuple):
    """What a jumbo field says."""

    #: ``s3``, ``file`` ...: the kind of store.
    scheme: str
    #: ``bucket/prefix``, a directory.
    location: str
    #: The SHA-256 of the clear text, in hexadecimal digits.
    name: str
    #: How the object is written, in the order in which it was done: ``""``, ``.zst.aesgcm``.
    suffix: str
    #: Bytes of the clear text.
    length: int

    def __str__(self) -> str:
        return f"{_OURS}{self.scheme}://{self.location}/{self.object_name} {self.length}"

    @property
    def object_name(self) -> str:
        """The name of the object within its store."""
        return self.name + self.suffix

    def is_of(self, clear: bytes) -> bool:
        """Whether it refers to this text, as `to_bytes` gives it."""
        return len(clear) == self.length and digest(clear) == self.name


def is_clear(text: str) -> bool:
    """Whether a field is a clear text for certain, as nearly all are."""
    return not text.startswith(_OURS)


def parse(text: str) -> Reference | None:
    """The reference that a text is; None if it is anything else."""
    if not text.startswith(_OURS):
        return None
    found = _REFERENCE.fullmatch(text)
    if found is None:
        return None
    return Reference(
        found["scheme"], found["location"], found["name"], found["suffix"], int(found["length"])
    )


def codec_of(text: str) -> str | None:
    """The name of the codec that wrote a text, ``dataflow+<name>:...``; None if none did."""
    if not text.startswith(_OURS):
        return None
    found = _CODED.match(text)
    return found[1] if found else None


def matches(in_history: str, clear: str) -> bool:
    """Whether a field of history, opened by its codec, stands for this clear text."""
    if in_history == clear:
        return True
    reference = parse(in_history)
    return reference is not None and reference.is_of(to_bytes(clear))


def to_bytes(clear: str) -> bytes:
    """The bytes of a clear text. Half a surrogate pair, which others may write, goes along."""
    return clear.encode("utf-8", "surrogatepass")


def to_text(clear: bytes) -> str:
    """The text that `to_bytes` was given. Raises `UnicodeDecodeError` for other bytes."""
    return clear.decode("utf-8", "surrogatepass")


def digest(clear: bytes) -> str:
    """What a text is called, wherever it is kept."""
    return hashlib.sha256(clear).hexdigest()
