"""Values of every type survive the way from one function to another."""

import copy
import dataclasses
import enum
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypedDict, TypeVar
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.errors import PayloadError
from dataflow.payload import annotations
from dataflow.payload.codec import decode, encode
from dataflow.payload.signature import Signature

T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"
    DEEP_RED = "#800000"


class Rank(enum.IntEnum):
    FIRST = 1
    SECOND = 2


class Share(enum.Enum):
    HALF = Decimal("0.5")
    WHOLE = (1, None)


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
    others: list[T] = dataclasses.field(default_factory=list)


class Order(msgspec.Struct, rename="camel", omit_defaults=True):
    order_id: UUID
    delivered_at: datetime | None = None
    points: dict[str, Point] = {}


@attrs.define
class Part:
    _number: int
    weight: Decimal | None = None


class Item(pydantic.BaseModel):
    unit_price: Decimal = pydantic.Field(alias="unitPrice")
    tags: set[str] = set()
    sent: timedelta | None = None


class Span(NamedTuple):
    begin: date
    length: timedelta


class Label(TypedDict, total=False):
    made: date
    color: Color


DATETIMES = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.none() | st.timezones(),
    allow_imaginary=False,
    # In the hour that a clock shows twice, a moment equals none in another zone.
).filter(lambda moment: moment.replace(fold=0).utcoffset() == moment.replace(fold=1).utcoffset())
SURROGATES = st.text(st.characters(categories=["Cs"]), max_size=2)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
DECIMALS = st.decimals(allow_nan=False)
ORDERS = st.builds(
    Order,
    st.uuids(),
    st.none() | DATETIMES,
    st.dictionaries(st.text(), st.builds(Point, st.integers(), st.dates()), max_size=2),
)
#: Types whose values can be members of sets and, but for the last ones, keys.
KEYS = [
    (bool, st.booleans()),
    (int, st.integers()),
    (str, st.text()),
    (float, FLOATS),
    (datetime, DATETIMES),
    (date, st.dates()),
    (time, st.times(timezones=st.none() | st.just(UTC))),
    (timedelta, st.timedeltas()),
    (UUID, st.uuids()),
    (Decimal, DECIMALS),
    (bytes, st.binary()),
    (Path, st.text().map(Path)),
    (Color, st.sampled_from(Color)),
    (Rank, st.sampled_from(Rank)),
    (Literal["a", "b"], st.sampled_from("ab")),
    (date | UUID, st.dates() | st.uuids()),
    (int | None, st.none() | st.integers()),
]
HASHABLE = [
    *KEYS,
    (Share, st.sampled_from(Share)),
    (Point, st.builds(Point, st.integers(), st.none() | st.dates())),
    (Span, st.builds(Span, st.dates(), st.timedeltas())),
    (tuple[int, str], st.tuples(st.integers(), st.text())),
    (frozenset[str], st.frozensets(st.text(), max_size=3)),
]
LEAVES = [
    *HASHABLE,
    (type(None), st.none()),
    (Access, st.sampled_from([Access.READ, Access.WRITE, Access.READ | Access.WRITE])),
    (Order, ORDERS),
    (Part, st.builds(Part, st.integers(), st.none() | DECIMALS)),
    (Item, st.builds(Item, unitPrice=DECIMALS.filter(Decimal.is_finite), tags=st.sets(st.text()))),
    (Label, st.fixed_dictionaries({}, optional={"made": st.dates(), "color": st.just(Color.RED)})),
    (Path | Order | None, st.none() | ORDERS | st.text().map(Path)),
]


def around(parts):
    """Types made of others, each with its values."""
    key, member = st.sampled_from(KEYS), st.sampled_from(HASHABLE)
    return st.one_of(
        parts.map(lambda t: (list[t[0]], st.lists(t[1], max_size=3))),
        parts.map(lambda t: (Sequence[t[0]], st.lists(t[1], max_size=3))),
        parts.map(lambda t: (tuple[t[0], ...], st.lists(t[1], max_size=3).map(tuple))),
        parts.map(lambda t: (t[0] | None, st.none() | t[1])),
        parts.map(lambda t: (Crate[t[0]], st.builds(Crate, t[1], st.lists(t[1], max_size=1)))),
        st.tuples(parts, parts).map(
            lambda t: (tuple[t[0][0], t[1][0]], st.tuples(t[0][1], t[1][1]))
        ),
        st.tuples(key, parts).map(
            lambda t: (dict[t[0][0], t[1][0]], st.dictionaries(t[0][1], t[1][1], max_size=3))
        ),
        st.tuples(key, parts).map(
            lambda t: (Mapping[t[0][0], t[1][0]], st.dictionaries(t[0][1], t[1][1], max_size=3))
        ),
        member.map(lambda t: (set[t[0]], st.sets(t[1], max_size=4))),
        member.map(lambda t: (frozenset[t[0]], st.frozensets(t[1], max_size=4))),
    )


#: A type and a value of it.
TYPED = st.recursive(st.sampled_from(LEAVES), around, max_leaves=4).flatmap(
    lambda typed: st.tuples(st.just(typed[0]), typed[1])
)


def taking(annotation):
    def function(argument):
        pass

    function.__annotations__ = {"argument": annotation, "return": annotation}
    return Signature(function, "function")


def check_the_way(annotation, value):
    text = encode(value)
    for converted in (
        taking(annotation).convert_result(decode(text)),
        taking(annotation).convert([decode(text)], {})[0][0],
    ):
        assert converted == value
        assert type(converted) is type(value)
        assert encode(converted) == text


@pytest.mark.parametrize(("annotation", "values"), LEAVES, ids=lambda part: str(part)[:40])
@settings(max_examples=30)
@given(st.data())
def test_a_value_of_each_type_survives(annotation, values, data):
    check_the_way(annotation, data.draw(values))


@given(TYPED)
def test_and_so_does_one_made_of_several(typed):
    check_the_way(*typed)


@given(TYPED)
def test_without_annotations_it_becomes_plain_json(typed):
    _, value = typed
    text = encode(value)
    assert encode(decode(text)) == text
    assert taking(object).convert_result(decode(text)) == decode(text)


@given(TYPED)
def test_equal_values_give_equal_texts(typed):
    _, value = typed
    assert encode(copy.deepcopy(value)) == encode([value])[1:-1]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text() | SURROGATES,
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
    max_leaves=4,
)


@given(TYPED, TYPED.map(lambda typed: decode(encode(typed[1]))) | JSON)
def test_whatever_meets_an_annotation_fits_or_is_refused(typed, value):
    signature, refused_at = taking(typed[0]), "result"
    try:
        converted = signature.convert_result(value)
    except PayloadError as refusal:
        refused_at, converted = refusal.path, None
    assert refused_at.startswith("result")
    assert converted is value or encode(converted)


# --- the first use of a class -------------------------------------------------------------

#: Of each time that somebody looked at the classes below: whether nobody else could.
alone = []


def probe():
    """What the annotations below are made of: running them is what finding out means."""

    def try_to_look_too():
        taken = annotations._first_use.acquire(blocking=False)
        if taken:
            annotations._first_use.release()
        alone.append(not taken)

    other = threading.Thread(target=try_to_look_too)
    other.start()
    other.join()
    return int


@dataclasses.dataclass
class Looked:
    x: "probe()"


class LookedStruct(msgspec.Struct):
    x: "probe()"


@dataclasses.dataclass
class LookedOutside:
    looked: Looked
    path: Path | int


@pytest.mark.parametrize(
    ("annotation", "given_value"),
    [
        (Looked, {"x": 1}),
        (LookedStruct, {"x": 1}),
        (list[LookedStruct] | tuple[Looked, ...], [{"x": 1}]),
        (LookedOutside, {"looked": {"x": 1}, "path": "/a"}),
    ],
    ids=str,
)
def test_a_class_is_looked_at_by_one_thread_at_a_time_and_then_never_again(annotation, given_value):
    alone.clear()
    signature = taking(annotation)
    signature.convert([], {})
    assert alone
    looks = len(alone)
    for _ in range(2):
        assert encode(signature.convert([given_value], {})[0][0]) == encode(given_value)
        assert encode(signature.convert_result(given_value)) == encode(given_value)
    Signature(signature._function, "again").convert([given_value], {})
    assert len(alone) == looks
    assert all(alone)
