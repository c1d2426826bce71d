"""Deleting the objects of a directory store that no history refers to.

1. *What is referred to stays*: by an event, or by an object that is referred to itself, since a
   stored input may hold the references that it was joined from. A reference is known by the hash in
   it, however it is quoted; a text that only looks like one keeps an object too many.
2. *What cannot be read keeps everything.* Who knows what an encrypted field without its key, or a
   damaged object, refers to? Nothing is deleted then.
3. *What is young stays*: it may be on its way into history; what heartbeats tell is so for as long
   as the activity runs. The objects are listed before the events are read, and one that is written
   again meanwhile is young again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dataflow.errors import PayloadError
from dataflow.payload import jumbo
from dataflow.storage.coding import Coding
from dataflow.storage.directory import DirectoryStore, Entry

#: The name of an object in a reference.
_HASH = re.compile(rb"/([0-9a-f]{64})")
#: A field of an event that a codec has written.
_CODED = re.compile(
    rb'(?<!\\)"(dataflow\+([a-z][a-z0-9_-]*):[A-Za-z0-9._-]{0,64}:[A-Za-z0-9+/=]*)"'
)
#: Objects are read as they are; their hashes say whether they are whole.
_ANY_LENGTH = 2**60


@dataclass(slots=True)
class Collected:
    """What was found in a store."""

    #: Objects that nothing refers to.
    deleted: list[Entry] = field(default_factory=list)
    #: All others.
    kept: list[Entry] = field(default_factory=list)


def collect(
    store: DirectoryStore,
    entries: Sequence[Entry],
    events: Iterable[bytes],
    coding: Coding,
    *,
    before: float,
    dry_run: bool = False,
) -> Collected:
    """Delete what was written before this time and is referred to by none of the events.

    ``entries``: what was in the store before the events were read. ``events``: as JSON, all that
    there are. ``dry_run``: delete nothing, only tell. Raises `PayloadError`, and deletes nothing,
    if something that must be looked into cannot be read.
    """
    named: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.object_hash is not None:
            named.setdefault(entry.object_hash, []).append(entry)
    wanted = _referred_to(store, named, events, coding)
    collected = Collected()
    for entry in entries:
        useless = entry.unfinished or (
            entry.object_hash is not None and entry.object_hash not in wanted
        )
        gone = useless and entry.written < before and (dry_run or store.discard(entry.name, before))
        (collected.deleted if gone else collected.kept).append(entry)
    return collected


def _referred_to(
    store: DirectoryStore,
    named: dict[str, list[Entry]],
    events: Iterable[bytes],
    coding: Coding,
) -> set[str]:
    """The hashes that are referred to, directly or not, of those that there are."""
    wanted: set[str] = set()
    to_read: list[str] = []

    def look(text: bytes) -> None:
        for found in _HASH.findall(text):
            name = found.decode()
            if name in named and name not in wanted:
                wanted.add(name)
                to_read.append(name)

    for event in events:
        look(event)
        for text, codec in _CODED.findall(event):
            look(coding.from_field(text.decode(), codec.decode()))
    while to_read:
        for entry in named[to_read.pop()]:
            look(_content(store, entry, coding))
    return wanted


def _content(store: DirectoryStore, entry: Entry, coding: Coding) -> bytes:
    suffix = entry.name.removeprefix(str(entry.object_hash))
    try:
        clear = coding.from_object(suffix, store.get(entry.name), _ANY_LENGTH)
    except PayloadError as error:
        raise type(error)(f"the object {entry.name} cannot be read: {error}") from error
    if jumbo.digest(clear) != entry.object_hash:
        raise PayloadError(f"the object {entry.name} is damaged")
    return clear
