import collections
import dataclasses
import enum
import functools
import json
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel

from dataflow.errors import PayloadError
from dataflow.payload.codec import decode, encode, template

EXACT_SCALARS = st.none() | st.booleans() | st.integers() | st.text()
JSON_SCALARS = EXACT_SCALARS | st.floats(allow_nan=False, allow_infinity=False)


def values_of(scalars):
    return st.recursive(
        scalars,
        lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
        max_leaves=12,
    )


class Hole:
    """Stands for an object whose text is not known yet, as a future does."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"Hole({self.value!r})"


@dataclasses.dataclass
class Point:
    x: Any
    y: Any = 0


@dataclasses.dataclass(frozen=True)
class Tile:
    x: int
    _note: str = ""


class Order(msgspec.Struct):
    number: int
    lines: Any = ()


class Short(msgspec.Struct, rename="camel", tag_field="kind", tag="s", omit_defaults=True):
    first_name: str = "ada"
    marks: list[Any] = []


class Row(msgspec.Struct, array_like=True, tag="row"):
    number: int
    marks: Any = ()


class Lacking(msgspec.Struct):
    here: int
    gone: int | msgspec.UnsetType = msgspec.UNSET


@attrs.define
class Part:
    _number: int
    inside: Any = None


class Item(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(alias_generator=to_camel)
    unit_price: Decimal = Decimal("1.50")
    any_tags: Any = None
    tag_names: set[str] = set()

    @pydantic.computed_field
    def double(self) -> Decimal:
        return 2 * self.unit_price


class Names(pydantic.RootModel[frozenset[str]]):
    pass


class Moment(datetime):
    """A datetime of another library."""


class Finer(datetime):
    """A datetime that has more than a datetime has."""

    def __eq__(self, other):
        return self is other

    __hash__ = datetime.__hash__


class Color(enum.Enum):
    RED = "red"
    BOX = 3


class Rank(enum.Enum):
    FIRST = (1, date(2030, 1, 2))


class Size(enum.IntEnum):
    BIG = 9


Pair = collections.namedtuple("Pair", "left right")  # noqa: PYI024 - as users write it


# --- JSON values -------------------------------------------------------------------------


def in_order(value):
    """The value with its keys in the order of a text."""
    match value:
        case list():
            return [in_order(part) for part in value]
        case dict():
            return {key: in_order(value[key]) for key in sorted(value)}
    return value


@given(values_of(JSON_SCALARS))
def test_a_json_value_survives(value):
    # repr() tells 1 from True and 1.0, and 0.0 from -0.0.
    assert repr(decode(encode(value))) == repr(in_order(value))


@given(values_of(EXACT_SCALARS))
def test_the_text_is_compact_json_with_sorted_keys(value):
    compact = {"separators": (",", ":"), "sort_keys": True, "ensure_ascii": False}
    assert encode(value) == json.dumps(value, **compact)


@given(st.dictionaries(st.text(), JSON_SCALARS, min_size=2), st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_matter(mapping, random):
    items = list(mapping.items())
    random.shuffle(items)
    assert encode(dict(items)) == encode(mapping)
    assert encode([Point(x=dict(items))]) == encode([{"x": mapping, "y": 0}])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        ([1, -0.0, 1.5, True], "[1,-0.0,1.5,true]"),
        ("é ☃ 😀", '"é ☃ 😀"'),
        ('\0\n"\\', '"\\u0000\\n\\"\\\\"'),
        ({"b": 1, "a": {"d": 2, "c": 3}}, '{"a":{"c":3,"d":2},"b":1}'),
        (2**64, "18446744073709551616"),
        (-(10**30), "-1" + 30 * "0"),
        ((1, (2, [3])), "[1,[2,[3]]]"),
        ({1: "a"}, '{"1":"a"}'),
        ({10: "a", 9: "b", "1": "c"}, '{"1":"c","10":"a","9":"b"}'),
        ({1.5: "a", 2: "b"}, '{"1.5":"a","2":"b"}'),
        ({True: "a"}, '{"true":"a"}'),
        ({None: "a"}, '{"null":"a"}'),
        ({}, "{}"),
        ([], "[]"),
    ],
    ids=repr,
)
def test_the_text_of(value, text):
    assert encode(value) == text


def test_raw_json_stands_for_itself():
    raw = msgspec.Raw(b'{"b":1}')
    assert encode([raw]) == '[{"b":1}]'
    assert encode([raw, Color.RED]) == '[{"b":1},"red"]'


@pytest.mark.parametrize("value", ["\udc80", ["a\ud800", "é"], {"\udcff": 1}, [None, "\udc80"]])
def test_half_a_surrogate_pair_survives(value):
    text = encode(value)
    assert text.encode("utf-8")
    assert decode(text) == value


# --- other values ------------------------------------------------------------------------

AS_JSON = [
    (Point(1, [Point(2)]), {"x": 1, "y": [{"x": 2, "y": 0}]}),
    (Tile(1, "n"), {"x": 1, "_note": "n"}),
    (Order(1, [Order(2)]), {"number": 1, "lines": [{"number": 2, "lines": []}]}),
    (Order(1, Point(1, {3, 1})), {"number": 1, "lines": {"x": 1, "y": [1, 3]}}),
    (Pair(1, Point(2)), [1, {"x": 2, "y": 0}]),
    (Color.RED, "red"),
    (Color.BOX, 3),
    (Size.BIG, 9),
    ({Size.BIG: 1}, {"9": 1}),
    (Path("/a/b.txt"), "/a/b.txt"),
    (datetime(2030, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2030-01-02T03:04:05.000006Z"),
    (date(2030, 1, 2), "2030-01-02"),
    (time(3, 4), "03:04:00"),
    (timedelta(minutes=1, seconds=30), "PT90S"),
    (UUID(int=5), "00000000-0000-0000-0000-000000000005"),
    (Decimal("1.50"), "1.50"),
    (b"\x00\xff", "AP8="),
    (bytearray(b"\x00\xff"), "AP8="),
    ({10: "é", 9: [{9, 10}]}, {"10": "é", "9": [[9, 10]]}),
    (collections.OrderedDict(b=1, a=2), {"a": 2, "b": 1}),
    (collections.Counter("aab"), {"a": 2, "b": 1}),
    (Short(marks=[1]), {"kind": "s", "marks": [1]}),
    (Row(1, Row(2)), ["row", 1, ["row", 2, []]]),
    (Lacking(1), {"here": 1}),
    (Part(1, Part(2)), {"_number": 1, "inside": {"_number": 2, "inside": None}}),
    (
        Item(anyTags=Item(), tagNames={"b", "c", "a"}),
        {
            "unitPrice": "1.50",
            "anyTags": {"unitPrice": "1.50", "anyTags": None, "tagNames": []},
            "tagNames": ["a", "b", "c"],
        },
    ),
    (Names({"b", "a"}), ["a", "b"]),
    (Rank.FIRST, [1, "2030-01-02"]),
    (Moment(2030, 1, 2, tzinfo=UTC), "2030-01-02T00:00:00Z"),
    (datetime(2030, 1, 2, tzinfo=ZoneInfo("Europe/Paris")), "2030-01-02T00:00:00+01:00"),
    (
        datetime(2030, 1, 2, tzinfo=timezone(timedelta(hours=1, seconds=28))),
        "2030-01-01T22:59:32Z",
    ),
    (time(3, 4, tzinfo=timezone(timedelta(hours=-1))), "03:04:00-01:00"),
    ({UUID(int=5): 1}, {"00000000-0000-0000-0000-000000000005": 1}),
    ({date(2030, 1, 2): 1}, {"2030-01-02": 1}),
    ({Decimal("1.50"): 1}, {"1.50": 1}),
    ({b"\x00\xff": 1}, {"AP8=": 1}),
    ({Path("/a"): 1}, {"/a": 1}),
    ({Color.RED: 1, Color.BOX: 2}, {"red": 1, "3": 2}),
    (type("Text", (str,), {})("a"), "a"),
    (type("Number", (int,), {"__repr__": lambda _: "ten"})(10), 10),
]


@pytest.mark.parametrize(("value", "expected"), AS_JSON, ids=lambda value: type(value).__name__)
def test_other_values_take_a_json_form(value, expected):
    assert decode(encode(value)) == expected


@pytest.mark.parametrize(("value", "expected"), AS_JSON, ids=lambda value: type(value).__name__)
def test_the_form_is_the_same_wherever_the_value_stands(value, expected):
    # None, numbers as keys and half surrogates each lead another way through the encoder.
    text = encode(value)
    assert encode([value, None]) == f"[{text},null]"
    assert encode({1: value}) == f'{{"1":{text}}}'
    assert encode([value, "\ud800"]) == f'[{text},"\\ud800"]'


SETS = [
    ({3, 20, 100}, [3, 20, 100]),
    ({"b", "a"}, ["a", "b"]),
    (frozenset({(1, 2), (0, 5)}), [(0, 5), (1, 2)]),
    ({Tile(2), Tile(1)}, [Tile(1), Tile(2)]),
    ({1, "a", None, 2.5}, [1, "a", None, 2.5]),
    (set(), []),
]


@pytest.mark.parametrize(("value", "items"), SETS, ids=repr)
def test_a_set_becomes_a_list_of_its_items(value, items):
    assert sorted(map(repr, json.loads(encode(value)))) == sorted(
        map(repr, json.loads(encode(items)))
    )


@given(st.sets(st.integers() | st.text() | st.none()), st.randoms(use_true_random=False))
def test_the_text_of_a_set_does_not_depend_on_its_hash_table(items, random):
    shuffled = list(items)
    random.shuffle(shuffled)
    text = encode(set(shuffled))
    assert text == encode(items) == encode(frozenset(items))
    assert encode([items, None]) == f"[{text},null]"


@pytest.mark.parametrize("items", [(1, 8), (8, 1)])  # they share a place in the hash table
def test_the_text_of_a_set_in_a_struct_does_not_depend_on_it_either(items):
    assert encode([Order(0, set(items)), None]) == '[{"lines":[1,8],"number":0},null]'


class Turned(frozenset):
    """A set whose hash table has its items in another order."""

    def __iter__(self):
        return reversed(list(super().__iter__()))


@given(
    st.sets(
        st.frozensets(st.integers(), max_size=2)
        | st.tuples(st.integers(), st.integers() | st.frozensets(st.text(), max_size=2)),
        max_size=6,
    )
)
def test_nor_does_that_of_sets_of_sets(items):
    inside = (Turned(item) if isinstance(item, frozenset) else item for item in items)
    assert encode(items) == encode(Turned(items)) == encode(Turned(inside))


class Text(str):
    """No type of Python's own, so what it stands in is looked at part by part."""

    __slots__ = ()


HASHABLES = st.recursive(
    JSON_SCALARS | st.binary() | st.sampled_from([40, 60, 62, "<....(", ">....<"]),
    lambda parts: st.frozensets(parts, max_size=3) | st.lists(parts, max_size=3).map(tuple),
    max_leaves=6,
)


@given(HASHABLES | st.lists(HASHABLES | st.sets(HASHABLES, max_size=3), max_size=3))
def test_what_is_written_at_once_is_as_if_it_was_looked_at_part_by_part(value):
    part_by_part = f'[[[{encode(value)},""]]]'
    assert encode([[[value, Text()]]]) == part_by_part
    assert encode([[[Text("y"), value], value], ""]) == (
        f'[[["y",{encode(value)}],{encode(value)}],""]'
    )


@given(st.sets(st.text()), st.dictionaries(st.text(), st.frozensets(st.integers()), max_size=2))
def test_nor_that_of_sets_in_a_model_of_pydantic(names, mapping):
    turned = {name: Turned(items) for name, items in mapping.items()}
    one = Item(anyTags=[{"x": mapping}, {1: names}, (Point(Turned(names)), Names(names))])
    other = Item(
        anyTags=[
            {"x": turned},
            {1: Turned(names)},
            (Point(names), Names.model_construct(Turned(names))),
        ]
    )
    assert encode(one) == encode(other)


# --- holes -------------------------------------------------------------------------------

MARK_LIKE = st.sampled_from(
    [
        "\0hole:0\0",
        "\0hole:1\0",
        "\0hole+:0\0",
        '"\0hole:0\0"',
        "\\u0000hole:0\\u0000",
        "\0hole:٣\0",
    ]
)
SCALARS = EXACT_SCALARS | st.sampled_from([0.5, -0.0])
HOLES = st.builds(Hole, SCALARS | MARK_LIKE | st.lists(SCALARS, max_size=2))
LEAVES = (
    SCALARS
    | HOLES
    | HOLES
    | MARK_LIKE
    | st.sampled_from(["\ud800", "null"])
    | st.sets(st.integers(0, 200), max_size=3)
)
WITH_HOLES = st.recursive(
    LEAVES,
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.dictionaries(st.text() | MARK_LIKE, parts, max_size=3)
        | st.dictionaries(st.integers(0, 200), parts, max_size=2)
        | st.builds(Point, parts, parts)
        | st.builds(Order, st.integers(), parts)
        | st.builds(Part, parts, parts)
        | st.builds(Short, st.just("ada") | st.just("bob"), st.lists(parts, max_size=1))
    ),
    max_leaves=8,
)


def filled(value):
    """The value with each hole replaced by what belongs there."""
    match value:
        case Hole():
            return value.value
        case list():
            return [filled(part) for part in value]
        case dict():
            return {key: filled(part) for key, part in value.items()}
        case Point():
            return Point(filled(value.x), filled(value.y))
        case Order():
            return Order(value.number, filled(value.lines))
        case Part():
            return Part(filled(value._number), filled(value.inside))
        case Short():
            return Short(value.first_name, filled(value.marks))
    return value


@given(WITH_HOLES)
@example([Hole(1), "\0hole:0\0"])
@example(["\0hole:0\0", Hole(1), "\0hole+:0\0", Hole(2)])
@example({"\0hole:0\0": Hole(7)})
@example([Hole("\0hole:1\0"), Hole("\0hole:0\0")])
@example([Hole(None), {9, 10}])
@example([Hole("é"), "\ud800"])
@example([Hole(1e16), 1e16, None])
@example(Point(Hole(None), Order(0, {8, 1})))
def test_filling_the_holes_is_encoding_the_filled_value(value):
    around = template(value, hole=Hole)
    assert around.fill([encode(hole.value) for hole in around.holes]) == encode(filled(value))


def test_one_object_may_stand_in_several_holes():
    hole = Hole(1)
    around = template({"b": hole, "a": [hole]}, hole=Hole)
    assert around.holes == (hole, hole)
    assert around.fill(["1", "2"]) == '{"a":[1],"b":2}'


def test_what_changes_after_the_call_does_not_leak_in():
    value = [1, Hole(2)]
    around = template(value, hole=Hole)
    value.append(3)
    assert around.fill(["2"]) == "[1,2]"


def test_without_holes_there_is_one_text():
    assert template([1], hole=Hole) == (("[1]",), ())


@pytest.mark.parametrize("texts", [[], ["1", "2"]], ids=["too few", "too many"])
def test_every_hole_takes_one_text(texts):
    with pytest.raises(ValueError, match="zip"):
        template([Hole(0)], hole=Hole).fill(texts)


# --- what cannot be encoded --------------------------------------------------------------


def nested(levels):
    return functools.reduce(lambda inner, _: [inner], range(levels), 0)


def a_list_in_itself():
    value = [1]
    value.append({"again": value})
    return value


def a_dataclass_in_itself():
    value = Point(1)
    value.y = {"me": value}
    return value


def a_struct_in_itself():
    value = Order(1)
    value.lines = [value]
    return value


REFUSED = [
    # value, the path to the offending part, a word of the reason
    (float("nan"), "value", "float"),
    ({"a": [1, float("inf")]}, "value['a'][1]", "float"),
    (Point(1, [float("-inf")]), "value.y[0]", "float"),
    ([None, float("nan")], "value[1]", "float"),
    ({(1, 2): 3}, "value", r"the key \(1, 2\) is a tuple"),
    ({Tile(1): 2}, "value", r"the key Tile\(.*\) is a Tile, which JSON cannot have"),
    ([{frozenset({1}): 3}], "value[0]", "is a frozenset, which JSON cannot have"),
    ({"k": {"1": 1, 1: 3}}, "value['k']", "two of its keys are written '1'"),
    ({"k": {date(2030, 1, 2): 1, "2030-01-02": 3}}, "value['k']", "two of its keys are written"),
    ({float("inf"): 1}, "value", "the float inf has no JSON form"),
    (a_list_in_itself(), "value[1]['again']", "contains itself"),
    (a_dataclass_in_itself(), "value.y['me']", "contains itself"),
    (a_struct_in_itself(), "value.lines[0]", "contains itself"),
    (object(), "value", "object has no JSON form"),
    ([1, {"a b": (2, object())}], "value[1]['a b'][1]", "object has no JSON form"),
    ({"p": Point([Point(object())])}, "value['p'].x[0].x", "object has no JSON form"),
    (Order(1, [object()]), "value.lines[0]", "object has no JSON form"),
    (Order(1, [float("nan")]), "value.lines[0]", "the float nan has no JSON form"),
    (Row(1, [object()]), "value[1][0]", "object has no JSON form"),
    (Part(1, {"k": Part(float("nan"))}), "value.inside['k']._number", "the float nan"),
    ([Item(anyTags=float("nan"))], "value[0]['anyTags']", "the float nan"),
    ([Item(anyTags=b"\xff")], "value[0]", "invalid utf-8"),
    ([Item(anyTags=object())], "value[0]", "[Uu]nable to serialize unknown type"),
    ([time(1, tzinfo=ZoneInfo("Europe/Paris"))], "value[0]", "whose offset is not fixed"),
    ([Finer(2030, 1, 2)], "value[0]", "a Finer would lose something as a datetime"),
    ([10**5000, object()], "value[0]", "digits"),
    ({(1, 2): 3}, "value", "which JSON cannot have for a key"),
    ([lambda: 0], "value[0]", "function has no JSON form"),
    ([Point], "value[0]", "type has no JSON form"),
    ([Path], "value[0]", "type has no JSON form"),
    ([iter("ab")], "value[0]", "str_ascii_iterator has no JSON form"),
    ([10**5000], "value[0]", "digits"),
]


@pytest.mark.parametrize(
    ("value", "path", "reason"),
    REFUSED,
    ids=[f"{path} {reason}" for _, path, reason in REFUSED],
)
def test_a_refusal_says_where_and_why(value, path, reason):
    with pytest.raises(PayloadError, match=reason) as refusal:
        encode(value)
    assert refusal.value.path == path
    assert str(refusal.value).startswith(f"{path} cannot be encoded: ")
    assert str(refusal.value).count("cannot be encoded") == 1


def test_the_path_begins_where_the_caller_says():
    with pytest.raises(PayloadError, match=r"^result\[0\] cannot be encoded: ") as refusal:
        encode([object()], where="result")
    assert refusal.value.path == "result[0]"


def test_an_item_of_a_set_is_found():
    with pytest.raises(PayloadError, match="object has no JSON form") as refusal:
        encode({"k": {object()}})
    assert refusal.value.path.startswith("value['k']")
    assert str(refusal.value).count("cannot be encoded") == 1


def test_a_hole_where_none_may_be_is_refused():
    with pytest.raises(PayloadError, match="Hole has no JSON form"):
        encode([Hole(1)])


@pytest.mark.parametrize("items", [{Hole(1), Hole(2)}, {1, (2, Hole(3))}])
def test_a_set_has_no_holes_where_they_decide_its_order(items):
    with pytest.raises(PayloadError, match="Hole has no JSON form") as refusal:
        template([Hole(0), items], hole=Hole)
    assert refusal.value.path.startswith("value[1]{...}")


def test_too_deep_a_value_is_refused():
    with pytest.raises(PayloadError, match="nested too deeply"):
        encode(nested(100_000))


def test_a_refusal_is_a_value_error_without_inner_errors():
    with pytest.raises(ValueError, match="cannot be encoded") as refusal:
        encode(float("nan"))
    assert refusal.value.__suppress_context__


# --- decoding ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (None, None),
        ("null", None),
        (' {"a": [1, 2.0]} ', {"a": [1, 2.0]}),
        ("", ""),
        ("done", "done"),
        ("{} and more", "{} and more"),
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("[NaN]", "[NaN]"),
        ("'a'", "'a'"),
        ("\udc80", "\udc80"),
        ('"\udc80"', "\udc80"),
        ('"\\udc80"', "\udc80"),
        ("1" * 5000, "1" * 5000),
        ("[" * 100_000, "[" * 100_000),
    ],
    ids=lambda text: repr(text)[:20],
)
def test_a_text_of_another_program_stands_for_itself(text, value):
    decoded = decode(text)
    assert (type(decoded), decoded) == (type(value), value)


@given(st.text())
def test_every_text_can_be_decoded(text):
    decoded = decode(text)
    assert decoded == text or encode(decoded) is not None
