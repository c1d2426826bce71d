"""From the settings to `Fields`: which stores there are, which codec, and whether there is a cache.

What is written wrong is told here, in one line. What costs time to import (boto3, fsspec) is
imported with the first object that is read or written.
"""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import functools
import logging
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dataflow import settings
from dataflow.errors import DataflowError, PayloadUnavailable, UsageError
from dataflow.payload.fields import CLEAR, Fields
from dataflow.storage import places
from dataflow.storage.coding import Codec, Coding
from dataflow.storage.directory import DirectoryStore
from dataflow.storage.fields import Cache, Source, StoredFields
from dataflow.storage.places import Place
from dataflow.storage.store import Store

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

_STORES, _CODECS = "dataflow.stores", "dataflow.codecs"
_BUCKET = "DATAFLOW_JUMBO_FIELDS_BUCKET"
_READ_ALSO = "DATAFLOW_JUMBO_FIELDS_READ_ALSO"
#: Characters of a text that goes into a store far away, when nobody says.
_MAX_SIZE = 5_000_000
#: The word for: write clear texts, though there are keys.
_NO_CODEC = "none"

_log = logging.getLogger(__name__)


def open_fields(home: str | None = None) -> Fields:
    """The fields that the settings ask for.

    ``home``: the directory of the engine, if it is one of this machine (`Connection.home`).

    Raises `UsageError`, one line that says what to do.
    """
    sources = _sources(home)
    if not sources and settings.codec() is None:
        _refuse_idle_keys()
        return CLEAR
    max_size = settings.jumbo_fields_max_size()
    if max_size is None and sources and sources[0].store.scheme != places.HOME.scheme:
        max_size = _MAX_SIZE
    return StoredFields(open_coding(), sources, max_size=max_size)


def open_coding() -> Coding:
    """How texts are written down: the codec that the settings name. Raises `UsageError`."""
    return Coding(_codec(), _find_codec)


def home_store(home: str) -> DirectoryStore:
    """The directory store of an engine on this home."""
    return DirectoryStore(Path(home) / places.HOME.location, places.HOME.location)


# --- stores ---------------------------------------------------------------------------------


def _sources(home: str | None) -> list[Source]:
    """The first is written to."""
    bucket = settings.jumbo_fields_bucket()
    named = [places.place(bucket, _BUCKET)] if bucket else []
    named += [places.place(text, _READ_ALSO) for text in settings.jumbo_fields_read_also()]
    cache = _cache() if any(map(_is_distant, named)) else None
    sources = [Source(_store(place), cache if _is_distant(place) else None) for place in named]
    if home is None:
        if named and not bucket:
            raise UsageError(f"{_READ_ALSO} is set, and no place to write to: set {_BUCKET}, too")
        return sources
    # Written to if nothing else is named; always read, since others may write there.
    its_own = Source(home_store(home))
    return [*sources, its_own] if bucket else [its_own, *sources]


def _is_distant(place: Place) -> bool:
    """Whether it is on another machine, as far as can be known."""
    return place.scheme != places.HOME.scheme


def _store(place: Place) -> Store:
    if not _is_distant(place):
        return DirectoryStore(place.path, place.location)
    if place.scheme == "s3":
        return _Later(place, _s3)
    for entry in _entry_points(_STORES, place.scheme):
        return _Later(place, functools.partial(_plugged_in, entry))
    if find_spec("fsspec") is None:
        raise UsageError(
            f"there is no store of scheme {place.scheme} here, for {place}: fsspec knows many, "
            "pip install 'dataflow-swf[fsspec]'"
        )
    from fsspec.registry import known_implementations  # type: ignore[import-untyped]

    if place.scheme not in known_implementations:
        raise UsageError(
            f"there is no store of scheme {place.scheme}, for {place}: neither is one installed as "
            f"an entry point of {_STORES}, nor does fsspec know it"
        )
    return _Later(place, _filesystem)


def _s3(place: Place) -> Store:
    from dataflow.storage.s3 import S3Store

    return S3Store(place.location)


def _filesystem(place: Place) -> Store:
    from dataflow.storage.filesystem import FilesystemStore

    return FilesystemStore(place.scheme, place.location)


def _plugged_in(entry: EntryPoint, place: Place) -> Store:
    store: Store = entry.load()(place.location)
    return store


class _Later:
    """A store that is made when it is needed."""

    def __init__(self, place: Place, make: Callable[[Place], Store]) -> None:
        self.scheme, self.location = place
        self._make = make
        self._lock = threading.Lock()
        self._made: Store | None = None

    def put(self, name: str, data: bytes) -> None:
        self._store().put(name, data)

    def get(self, name: str) -> bytes:
        return self._store().get(name)

    def _store(self) -> Store:
        with self._lock:
            if self._made is None:
                self._made = self._make(Place(self.scheme, self.location))
            return self._made


def _cache() -> Cache | None:
    """The cache of all stores that are not on this machine."""
    size = settings.cache_size()
    if not size:
        return None
    from dataflow.storage.cache import DiskCache

    directory = settings.cache_directory()
    try:
        return DiskCache(directory, size)
    except OSError as error:
        _log.warning(
            "nothing is cached, since there can be no directory %s (%s): name another one in "
            "DATAFLOW_CACHE_DIR, or set DATAFLOW_CACHE_SIZE=0",
            directory,
            error.strerror,
            extra={"event": "cache.failed"},
        )
        return None


# --- codecs ---------------------------------------------------------------------------------


def _codec() -> Codec | None:
    name = settings.codec()
    _refuse_idle_keys()
    if name in {None, _NO_CODEC}:
        return None
    codec = _make_codec(str(name))
    if codec is None:
        known = ", ".join(sorted(entry.name for entry in _entry_points(_CODECS)))
        raise UsageError(f"DATAFLOW_CODEC={name} is no codec: use one of {known or _NO_CODEC}")
    return codec


def _refuse_idle_keys() -> None:
    """Who sets keys believes that his texts are encrypted."""
    if settings.codec() is None and settings.encryption_keys()[0]:
        raise UsageError(
            "there are encryption keys, and nothing says whether to use them: set "
            f"DATAFLOW_CODEC=aesgcm, or DATAFLOW_CODEC={_NO_CODEC} to read what they encrypted and "
            "write clear texts"
        )


def _find_codec(name: str) -> Codec:
    """The codec that has written what is to be read, though it does not write here."""
    try:
        codec = _make_codec(name)
    except DataflowError as error:
        raise PayloadUnavailable(str(error)) from error
    if codec is None:
        raise PayloadUnavailable(
            f"a text is written by the codec {name}, which is not installed here"
        )
    return codec


def _make_codec(name: str) -> Codec | None:
    for entry in _entry_points(_CODECS, name):
        codec: Codec = entry.load()()
        return codec
    return None


def _entry_points(group: str, name: str | None = None) -> EntryPoints:
    """What is installed for a group, or under one name in it. The import costs every process."""
    from importlib.metadata import entry_points

    return entry_points(group=group) if name is None else entry_points(group=group, name=name)
