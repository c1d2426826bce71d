"""Workflows that pass long values, and values of every type."""

import dataclasses
import enum
import hashlib
import random
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, TypedDict, TypeVar
from uuid import UUID

import attrs
import msgspec
import pydantic

from dataflow import Workflow, activity
from dataflow.payload import codec

# --- long values -------------------------------------------------------------------------


@activity.with_attributes(task_list="work")
def make(length):
    """As many characters as are asked for, of which compression cannot make many fewer."""
    return random.Random(length).randbytes(length // 2).hex()  # noqa: S311 - no secret


@activity.with_attributes(task_list="work")
def measure(task):
    text = task["text"]
    return [len(text), hashlib.sha256(text.encode()).hexdigest()]


class Pass(Workflow):
    """What the first activity makes goes to the second."""

    task_list = "decide"
    # A task may be on its way to a poll that has given up.
    decision_tasks_timeout = 5

    def run(self, length):
        text = self.submit(make, length)
        return self.submit(measure, {"text": text}).result


class Read(Workflow):
    """What the activity makes is read, twice."""

    def run(self, length):
        text = self.submit(make, length)
        return len(text.result) if text.result else 0


# --- secrets -----------------------------------------------------------------------------


@activity.with_attributes(heartbeat_timeout=60)
def repeat(word, times):
    activity.heartbeat({"word": word})
    return [word] * times


@activity.with_attributes()
def refuse(task):
    raise ValueError(f"{task} is refused")


class Secret(Workflow):
    """A word goes through fields of all kinds; the result is what came of it."""

    def run(self, word):
        short = self.submit(repeat, word, 2)
        long = self.submit(repeat, word, 10_000)
        lengths = [len(short.result), len(long.result)]
        told = self.submit(refuse, {"from": long, "word": word}).exception
        return [word, lengths, word in told.message]


# --- values of every type ----------------------------------------------------------------

T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"


class Rank(enum.IntEnum):
    FIRST = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass(frozen=True)
class Point:
    x: int
    when: date | None = None


@dataclasses.dataclass
class Crate(Generic[T]):
    inside: T


class Order(msgspec.Struct):
    number: UUID
    points: dict[str, Point] = {}


@attrs.define
class Part:
    _number: int
    weight: Decimal | None = None


class Item(pydantic.BaseModel):
    price: Decimal
    tags: set[str] = set()


class Span(NamedTuple):
    begin: date
    length: timedelta


class Label(TypedDict):
    made: date


DAY, ONE = date(2030, 1, 2), UUID(int=1)
NOON = datetime(2030, 1, 2, 12, tzinfo=UTC)

#: Annotations, and a value for each.
TYPED: list[tuple[Any, Any]] = [
    (datetime, NOON),
    (date, DAY),
    (time, time(3, 4, 5, 6)),
    (timedelta, timedelta(days=1, microseconds=-1)),
    (UUID, ONE),
    (Decimal, Decimal("1.50")),
    (bytes, b"\x00\xff"),
    (set[date], {DAY}),
    (frozenset[tuple[int, UUID]], frozenset({(1, ONE)})),
    (tuple[int, date], (1, DAY)),
    (Span, Span(DAY, timedelta(seconds=1))),
    (Color, Color.RED),
    (Rank, Rank.FIRST),
    (Access, Access.READ | Access.WRITE),
    (Path, Path("/a/b")),
    (Point, Point(1, DAY)),
    (Order, Order(ONE, {"a": Point(2)})),
    (Part, Part(1, Decimal("0.5"))),
    (Item, Item(price=Decimal("9.90"), tags={"a", "b"})),
    (Label, {"made": DAY}),
    (list[Point | None], [None, Point(3)]),
    (date | UUID, ONE),
    (Path | int | None, Path("a")),
    (Literal["a", "b"], "b"),
    (Crate[Item], Crate(Item(price=Decimal(1)))),
    (Crate[Crate[date]], Crate(Crate(DAY))),
    (dict[UUID, Item], {ONE: Item(price=Decimal(2))}),
    (dict[int, date], {10: DAY, 9: DAY}),
    (dict[bool, Path], {True: Path("t"), False: Path("f")}),
]


def _same(number: int) -> Any:
    """The activity that takes and gives the value with this number."""
    annotation, expected = TYPED[number]

    def same(value):
        return _checked(value, expected)

    same.__annotations__ = {"value": annotation, "return": annotation}
    return activity.with_attributes(name=f"{__name__}.same_{number}")(same)


def _checked(value, expected):
    if value != expected or type(value) is not type(expected):
        raise AssertionError(f"{value!r} is not {expected!r}")
    return value


SAME = [_same(number) for number in range(len(TYPED))]
# A worker finds an activity by its name in the module.
globals().update({f"same_{number}": same for number, same in enumerate(SAME)})


@activity.with_attributes()
def many(count: int) -> dict[UUID, Point]:
    return {UUID(int=n): Point(n, DAY) for n in range(count)}


@activity.with_attributes()
def newest(points: dict[UUID, Point]) -> tuple[UUID, Point]:
    return max(points.items(), key=lambda item: item[1].x)


class Types(Workflow):
    """Every value goes to an activity and back, a long one between two; how many have."""

    def run(self, point: Point, *, items: dict[UUID, Item]):
        _checked(point, Point(1, DAY))
        _checked(items, {ONE: Item(price=Decimal("1.50"), tags={"a"})})
        futures = [self.submit(same, value) for same, (_, value) in zip(SAME, TYPED, strict=True)]
        for future, (_, value) in zip(futures, TYPED, strict=True):
            _checked(future.result, value)
        _checked(
            self.submit(newest, self.submit(many, 5_000)).result,
            (UUID(int=4_999), Point(4_999, DAY)),
        )
        return len(futures)


def text_of_sets():
    """The text of a value with sets of all kinds, whose order the hash seed decides."""
    words = {"ada", "bob", "eve", "joe", "sue", "zoe"}
    return codec.encode(
        [
            words,
            {frozenset({word, word[::-1]}) for word in words},
            {(word, None) for word in words},
            {Point(len(word) + n, DAY) for n, word in enumerate(sorted(words))},
            {*words, 1, None, DAY},
            Crate(words),
            Item(price=Decimal(1), tags=words),
            dict.fromkeys(words, 1),
        ]
    )
