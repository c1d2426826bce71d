"""Between the text that is meant and the text that history holds.

A field's *clear text* is JSON. In history stands that text, or what a codec (encryption) has made
of it, or a reference to an object that holds it (`jumbo`). Who reads or writes fields is given
`Fields`: the replay and the processes know neither codec nor store.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.payload import jumbo
from dataflow.payload.failure import cut


class Outgoing(NamedTuple):
    """A clear text on its way into history."""

    text: str
    #: What it is, for messages: ``input``, ``result``.
    field: str
    #: Characters that history takes.
    limit: int


class Fields(Protocol):
    """How the fields of one engine are read and written.

    A `PayloadError` is for good: missing, corrupt, too long, not ours. A `PayloadUnavailable` may
    pass, later or in another process: the store does not answer, or there is no store or key here.
    A decider postpones the decision then, so nothing is lost.
    """

    def longest(self, limit: int) -> int | None:
        """Characters of clear text that a field with this limit takes.

        None: any number, because a store takes what is too long.
        """
        ...

    def written_length(self, text: str, limit: int) -> int:
        """At most how many characters `write` will make of a text; nothing is stored."""
        ...

    def too_long(self, field: str, length: int, limit: int) -> PayloadError:
        """The error for a clear text that no field takes: what is too long, and what to set."""
        ...

    def open(self, text: str) -> str:
        """What a codec has written, decoded; a reference stays a reference.

        Raises `PayloadError` or `PayloadUnavailable`.
        """
        ...

    def read(self, text: str) -> str:
        """The clear text of a field; what a reference refers to is fetched and checked.

        Raises `PayloadError` or `PayloadUnavailable`.
        """
        ...

    def write(self, text: str, *, field: str, limit: int) -> str:
        """What goes into history for a clear text; what it refers to is stored before it returns.

        A text that is a reference stays as it is. Raises `PayloadError` or `PayloadUnavailable`.
        """
        ...

    def write_all(self, batch: Sequence[Outgoing]) -> list[str]:
        """`write`, for many texts at once."""
        ...

    def brief(self, text: str, limit: int) -> str:
        """What goes into history for a text that is cut rather than stored: a reason.

        `open` and `read` give back what is left of it.
        """
        ...


class _Clear:
    """Fields as they stand: no codec, no store."""

    def longest(self, limit: int) -> int | None:
        return limit

    def written_length(self, text: str, limit: int) -> int:  # noqa: ARG002 - the Protocol's
        return len(text)

    def too_long(self, field: str, length: int, limit: int) -> PayloadError:
        return PayloadError(
            f"the {field} has {length} characters, and a field of SWF takes at most {limit}: set "
            "DATAFLOW_JUMBO_FIELDS_BUCKET to a bucket or directory for what is longer, or pass a "
            "reference to the data instead of the data",
            path=field,
        )

    def open(self, text: str) -> str:
        codec = jumbo.codec_of(text)
        if codec is not None:
            raise PayloadUnavailable(
                f"a field is written by the codec {codec}, and none is configured: set "
                f"DATAFLOW_CODEC={codec} and its keys"
            )
        return text

    def read(self, text: str) -> str:
        if jumbo.parse(text) is not None:
            raise PayloadUnavailable(
                f"a field refers to {text}, and no store is configured to read it from: set "
                "DATAFLOW_JUMBO_FIELDS_BUCKET"
            )
        return self.open(text)

    def write(self, text: str, *, field: str, limit: int) -> str:
        if len(text) > limit:
            raise self.too_long(field, len(text), limit)
        return text

    def write_all(self, batch: Sequence[Outgoing]) -> list[str]:
        return [self.write(text, field=field, limit=limit) for text, field, limit in batch]

    def brief(self, text: str, limit: int) -> str:
        return cut(text, limit)


#: What is used where nothing is configured.
CLEAR: Fields = _Clear()
