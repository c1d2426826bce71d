"""JSON of values that are made of Python's own types alone, at the speed of C.

Such values are most, and msgspec is right about nearly all of them. marshal tells them from others:
it takes no subclass and no object of another type. What is left is for `dataflow.payload.plain`.
"""

from __future__ import annotations

import marshal
import re
from typing import Any

import msgspec

#: Writes a value as msgspec would.
write = msgspec.json.Encoder(order="sorted").encode

#: A float that is no number, as marshal writes it: all bits of its exponent are set. Among many
#: bytes it may find something else.
_NOT_FINITE = re.compile(rb"g.{6}[\xf0-\xff][\x7f\xff]", re.DOTALL)

#: A set or a frozen one, its length, and a tuple or a set for its first item, as marshal writes
#: them; it may find something else, too. If only others of the items are such, they cannot be
#: compared, and msgspec refuses them. (One expression for both would be searched much slower.)
_SET_OF_COMPOUNDS = re.compile(rb"<.{4}[(<>]", re.DOTALL)
_FROZENSET_OF_COMPOUNDS = re.compile(rb">.{4}[(<>]", re.DOTALL)


def quickly(value: Any) -> bytes | None:
    """The JSON of a value; None: look at it more closely."""
    try:
        dumped = marshal.dumps(value, 2)
        data = write(value)
    except (TypeError, ValueError, RecursionError):
        return None
    if b"null" in data and _NOT_FINITE.search(dumped) and msgspec.json.decode(data) != value:
        return None  # NaN is written like None
    if b"[[" in data and (
        _SET_OF_COMPOUNDS.search(dumped) or _FROZENSET_OF_COMPOUNDS.search(dumped)
    ):
        return None  # `<` is no order for sets, nor for tuples of sets
    return data
