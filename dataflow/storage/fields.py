"""Fields of history that a store takes when they are long, that a codec writes, or both.

1. *Stored before it is told.* When `StoredFields.write` returns a reference, the object is there.
2. *Checked when it is read*: the length and the hash of the clear text, wherever it came from.
3. *Nothing else is followed.* A reference is read if it points to where our own are, or were: one
   that somebody has made up gets nobody's objects, and no other server is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.payload import jumbo
from dataflow.payload.failure import cut
from dataflow.payload.fields import CLEAR, Outgoing
from dataflow.payload.jumbo import Reference
from dataflow.storage.coding import Coding
from dataflow.storage.store import Store

#: Uploads at a time, of one batch.
_UPLOADS = 8
#: The longest that a reference can say.
_LONGEST_LENGTH = 10**18 - 1
#: UTF-8, at worst, and base64.
_BYTES_OF_CHARACTER, _CHARACTERS_OF_BYTES = 4, (4, 3)

#: What is told where there is no room for an eighth of a brief text, encoded.
_NO_ROOM = "..."

_log = logging.getLogger(__name__)


class Cache(Protocol):
    """Objects by their references; what it cannot do, it leaves."""

    def get(self, key: str) -> bytes | None:
        """None: fetch it."""
        ...

    def put(self, key: str, data: bytes) -> None:
        """Perhaps keep it."""
        ...

    def drop(self, key: str) -> None:
        """Keep it no longer."""
        ...


class Source(NamedTuple):
    """A store, and the cache in front of it."""

    store: Store
    cache: Cache | None = None


class StoredFields:
    """`dataflow.payload.fields.Fields`, with stores and a codec; for all threads."""

    def __init__(
        self, coding: Coding, sources: Sequence[Source] = (), *, max_size: int | None = None
    ) -> None:
        """``sources``: the first is written to, all are read.

        ``max_size``: characters of a clear text that is stored; None: any number.
        """
        self._coding = coding
        self._sources = {(s.store.scheme, s.store.location): s for s in sources}
        self._first = sources[0] if sources else None
        self._max_size = max_size

    # --- how long ---------------------------------------------------------------------------

    def longest(self, limit: int) -> int | None:
        if self._first is not None:
            return None if self._max_size is None else max(self._max_size, self._at_most(limit))
        return self._at_most(limit)

    def _at_most(self, limit: int) -> int:
        """Characters of clear text that stand in history itself, whichever they are."""
        if self._coding.codec is None:
            return limit
        # Of the text of a codec we know the characters, and of the clear text only the bytes.
        nothing = len(self._coding.to_field(b""))
        characters, of_bytes = _CHARACTERS_OF_BYTES
        return max(0, (limit - nothing) // characters * of_bytes // _BYTES_OF_CHARACTER)

    def written_length(self, text: str, limit: int) -> int:
        if jumbo.parse(text) is None:
            short = self._short(text, limit)
            if short is not None:
                return len(short)
            if self._first is not None:
                store = self._first.store
                longest = Reference(
                    store.scheme, store.location, jumbo.digest(b""), "", _LONGEST_LENGTH
                )
                return len(str(longest)) + self._coding.longest_suffix
        return len(text)

    def too_long(self, field: str, length: int, limit: int) -> PayloadError:
        if self._first is None and self._coding.codec is None:
            return CLEAR.too_long(field, length, limit)
        if self._first is None:
            what = (
                f"and, encrypted, a field of SWF takes {self.longest(limit)} for certain: set "
                "DATAFLOW_JUMBO_FIELDS_BUCKET to a bucket or directory for what is longer"
            )
        else:
            what = (
                f"and what has more than {self._max_size} is not stored: raise "
                "DATAFLOW_JUMBO_FIELDS_MAX_SIZE"
            )
        return PayloadError(
            f"the {field} has {length} characters, {what}, or pass a reference to the data "
            "instead of the data",
            path=field,
        )

    # --- reading ----------------------------------------------------------------------------

    def open(self, text: str) -> str:
        codec = jumbo.codec_of(text)
        return text if codec is None else self._to_text(self._coding.from_field(text, codec), codec)

    def read(self, text: str) -> str:
        opened = self.open(text)
        reference = jumbo.parse(opened)
        return opened if reference is None else self._fetch(reference)

    def _fetch(self, reference: Reference) -> str:
        source = self._source(reference)
        if source.cache is not None:
            cached = source.cache.get(str(reference))
            if cached is not None:
                try:
                    return self._decode(reference, cached)
                except PayloadUnavailable:
                    raise
                except PayloadError:
                    source.cache.drop(str(reference))
        data = source.store.get(reference.object_name)
        text = self._decode(reference, data)
        if source.cache is not None:
            source.cache.put(str(reference), data)
        return text

    def _source(self, reference: Reference) -> Source:
        source = self._sources.get((reference.scheme, reference.location))
        if source is not None:
            return source
        if not self._sources:
            CLEAR.read(str(reference))  # raises: it knows what to say
        ours = " and ".join(f"{scheme}://{location}" for scheme, location in self._sources)
        raise PayloadError(
            f"{reference} is not followed: jumbo fields are kept in {ours} here; if it is ours, "
            "name its place in DATAFLOW_JUMBO_FIELDS_READ_ALSO"
        )

    def _decode(self, reference: Reference, data: bytes) -> str:
        try:
            clear = self._coding.from_object(reference.suffix, data, reference.length)
        except PayloadUnavailable as error:
            raise PayloadUnavailable(f"{reference}: {error}") from error
        except PayloadError as error:
            raise PayloadError(f"{reference} is corrupt: {error}") from error
        if not reference.is_of(clear):
            raise PayloadError(
                f"{reference} is corrupt: there are {len(clear)} bytes of another text"
            )
        return self._to_text(clear, str(reference))

    @staticmethod
    def _to_text(clear: bytes, what: str) -> str:
        try:
            return jumbo.to_text(clear)
        except UnicodeDecodeError as error:
            raise PayloadError(f"{what}: what is written there is no text: {error}") from error

    # --- writing ----------------------------------------------------------------------------

    def write(self, text: str, *, field: str, limit: int) -> str:
        if self._coding.codec is None and len(text) <= limit:  # nearly all
            return text
        written, data = self._put(Outgoing(text, field, limit))
        self._keep(written, data)
        return written

    def write_all(self, batch: Sequence[Outgoing]) -> list[str]:
        long = sum(len(text) > limit for text, _, limit in batch)
        if long <= 1:
            return [self.write(text, field=field, limit=limit) for text, field, limit in batch]
        with ThreadPoolExecutor(min(long, _UPLOADS), thread_name_prefix="dataflow-store") as pool:
            written = []
            for field, data in pool.map(self._put, batch):
                self._keep(field, data)
                written.append(field)
            return written

    def brief(self, text: str, limit: int) -> str:
        if self._coding.codec is None:
            return cut(text, limit)
        for eighths in range(8, 0, -1):
            encoded = self._coding.to_field(jumbo.to_bytes(cut(text, limit * eighths // 8)))
            if len(encoded) <= limit:
                return encoded
        return _NO_ROOM

    def _put(self, outgoing: Outgoing) -> tuple[str, bytes | None]:
        """What goes into history, and what is stored for it."""
        text, field, limit = outgoing
        if jumbo.parse(text) is not None:
            return text, None
        short = self._short(text, limit)
        if short is not None:
            return short, None
        if self._first is None or (self._max_size is not None and len(text) > self._max_size):
            raise self.too_long(field, len(text), limit)
        clear, store = jumbo.to_bytes(text), self._first.store
        suffix, data = self._coding.to_object(clear)
        reference = Reference(store.scheme, store.location, jumbo.digest(clear), suffix, len(clear))
        store.put(reference.object_name, data)
        _log.debug("stored a %s as %s", field, reference, extra={"event": "payload.stored"})
        return str(reference), data

    def _keep(self, written: str, data: bytes | None) -> None:
        """Who reads it next may be on this machine."""
        if data is not None and self._first is not None and self._first.cache is not None:
            self._first.cache.put(written, data)

    def _short(self, text: str, limit: int) -> str | None:
        """What stands in history itself; None if that is too long."""
        if len(text) > limit:
            return None
        if self._coding.codec is None:
            return text
        encoded = self._coding.to_field(jumbo.to_bytes(text))
        return encoded if len(encoded) <= limit else None
