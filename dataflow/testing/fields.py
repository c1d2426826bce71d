"""Fields for tests: a store in memory, which may fail, and a codec that anybody can read."""

from __future__ import annotations

import random
from collections.abc import Sequence

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.payload import jumbo
from dataflow.payload.failure import cut
from dataflow.payload.fields import CLEAR, Outgoing
from dataflow.payload.jumbo import Reference

_CODEC = "dataflow+backwards:"


class MemoryFields:
    """`dataflow.payload.fields.Fields` that keeps long texts in a dictionary."""

    def __init__(self, *, coded: bool = False, trouble: float = 0.0, seed: int = 0) -> None:
        """``coded``: short texts do not stand in history as they are.

        ``trouble``: how likely it is that the store does not answer; ``seed``: when.
        """
        self._coded = coded
        self._chance = random.Random(seed)  # noqa: S311 - repeatable is the point
        self.trouble = trouble
        #: What is stored, by the text of the reference.
        self.objects: dict[str, str] = {}
        #: The references that were read, one after the other.
        self.fetched: list[str] = []

    def longest(self, limit: int) -> int | None:  # noqa: ARG002 - any limit
        """There is room for everything."""
        return None

    def written_length(self, text: str, limit: int) -> int:
        """As it will be, to the character."""
        if jumbo.parse(text) is not None:
            return len(text)
        coded = self._code(text)
        return len(coded) if len(coded) <= limit else len(str(_reference(text)))

    def too_long(self, field: str, length: int, limit: int) -> PayloadError:
        """Nothing is."""
        return CLEAR.too_long(field, length, limit)

    def open(self, text: str) -> str:
        """The other way around."""
        return text.removeprefix(_CODEC)[::-1] if text.startswith(_CODEC) else text

    def read(self, text: str) -> str:
        """The text, or that which it refers to."""
        text = self.open(text)
        if jumbo.parse(text) is None:
            return text
        self._may_fail()
        self.fetched.append(text)
        if text not in self.objects:
            raise PayloadError(f"{text} is missing")
        return self.objects[text]

    def write(self, text: str, *, field: str, limit: int) -> str:  # noqa: ARG002 - any field
        """The text, or a reference to it."""
        if jumbo.parse(text) is not None:
            return text
        coded = self._code(text)
        if len(coded) <= limit:
            return coded
        self._may_fail()
        reference = str(_reference(text))
        self.objects[reference] = text
        return reference

    def write_all(self, batch: Sequence[Outgoing]) -> list[str]:
        """One after the other."""
        return [self.write(text, field=field, limit=limit) for text, field, limit in batch]

    def brief(self, text: str, limit: int) -> str:
        """As long as there is room."""
        return self._code(cut(text, limit - len(_CODEC)))

    def _code(self, text: str) -> str:
        return f"{_CODEC}{text[::-1]}" if self._coded else text

    def _may_fail(self) -> None:
        if self._chance.random() < self.trouble:
            raise PayloadUnavailable("the store does not answer")


def _reference(text: str) -> Reference:
    clear = jumbo.to_bytes(text)
    return Reference("memory", "tests", jumbo.digest(clear), "", len(clear))
