import collections.abc
import dataclasses
import enum
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Final,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Self,
    TypedDict,
    TypeVar,
)
from uuid import UUID

import attrs
import msgspec
import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import TypeAliasType

from dataflow.errors import PayloadError
from dataflow.payload.codec import decode, encode
from dataflow.payload.signature import Signature

T = TypeVar("T")
D = TypeVar("D", bound=date)
C = TypeVar("C", date, UUID)
Day = NewType("Day", date)
Alias = TypeAliasType("Alias", date)

DAY, DAY_TEXT = date(2030, 1, 2), "2030-01-02"
ONE, ONE_TEXT = UUID(int=1), str(UUID(int=1))


@dataclasses.dataclass
class Point:
    x: int
    when: date | None = None


class Order(msgspec.Struct):
    number: int
    points: list[Point] = []


class Color(enum.Enum):
    RED = "red"


class Box(NamedTuple):
    width: int
    made: date


class Label(TypedDict):
    made: date


class Opaque:
    pass


@dataclasses.dataclass
class Unknown:
    x: "OnlyForTypeCheckers"  # noqa: F821
    path: Path = Path()


class Rank(enum.Enum):
    FIRST = 1.5
    LAST = None


class Access(enum.Flag):
    READ = 1
    WRITE = 2


@attrs.define
class Part:
    _number: int
    made: date = DAY


@attrs.define
class Stored:
    _path: Path | int
    size: int = attrs.field(init=False, default=0)


class Item(pydantic.BaseModel):
    price: Decimal
    at: list[int] = []


@dataclasses.dataclass
class Place:
    """msgspec does not take it: a union with a path, and a part that nobody can build."""

    path: Path | int
    spots: list[Point] = dataclasses.field(default_factory=list)
    above: "Place | None" = None
    made_by: collections.abc.Callable[[], int] | None = None
    notes: Any = None
    beside: Self | None = None


@dataclasses.dataclass
class Positive:
    path: Path
    x: int
    area: int = dataclasses.field(init=False, default=0)
    scale: dataclasses.InitVar[int] = 2

    def __post_init__(self, scale):
        if self.x < 0:
            raise ValueError("x is negative")
        self.area = self.x * self.x * scale


class Corner(NamedTuple):
    path: Path
    x: int = 0


class Entry(TypedDict):
    path: Path
    note: NotRequired[str]


class Camel(msgspec.Struct, rename="camel", tag=True):
    first_path: Path


@dataclasses.dataclass
class Crate(Generic[T]):
    inside: T


@dataclasses.dataclass
class Shelf(Generic[T]):
    boxes: list[T | Path]
    path: Path


@dataclasses.dataclass
class Wide:
    x: int
    y: int = 0


def plain(a, b=2, *, c=3):
    pass


def simple(a, b=2):
    pass


def anything(*args, **kwargs):
    pass


class Owner:
    def run(self, a: date, b=2):
        pass


# --- arguments that fit ------------------------------------------------------------------

FITTING = [
    (simple, [1], {}),
    (simple, [1, 2], {}),
    (simple, [1], {"b": 2}),
    (simple, [], {"b": 2, "a": 1}),
    (plain, [1, 2], {"c": 3}),
    (anything, [1, 2, 3], {"x": 1}),
    (anything, [], {}),
]
NOT_FITTING = [
    (simple, [], {}, "missing a required argument: 'a'"),
    (simple, [1, 2, 3], {}, "too many positional arguments"),
    (simple, [1], {"a": 1}, "multiple values for argument 'a'"),
    (simple, [1], {"z": 1}, "got an unexpected keyword argument 'z'"),
    (plain, [1, 2, 3], {}, "too many positional arguments"),
]


@pytest.mark.parametrize(("function", "args", "kwargs"), FITTING)
def test_arguments_that_fit_pass(function, args, kwargs):
    Signature(function, "f").check(args, kwargs)


@pytest.mark.parametrize(("function", "args", "kwargs", "reason"), NOT_FITTING)
def test_arguments_that_do_not_fit_are_refused_at_once(function, args, kwargs, reason):
    with pytest.raises(TypeError, match=reason):
        Signature(function, "f").check(args, kwargs)


def test_a_refusal_shows_the_signature():
    with pytest.raises(TypeError, match=r"^shop\.pay\(a, b=2\) does not take these arguments: "):
        Signature(simple, "shop.pay").check([], {})


def test_the_instance_of_a_method_is_left_out():
    signature = Signature(Owner.run, "Owner.run", method=True)
    signature.check([1], {})
    with pytest.raises(TypeError, match=r"^Owner\.run\(a: datetime\.date, b=2\) does not"):
        signature.check([1, 2, 3], {})
    assert signature.convert([DAY_TEXT], {}) == ([DAY], {})


def refuses(call):
    try:
        call()
    except TypeError:
        return True
    return False


@pytest.mark.parametrize("function", [simple, plain, anything])
@given(st.lists(st.integers(), max_size=4), st.dictionaries(st.sampled_from("abcd"), st.just(0)))
def test_what_is_refused_is_what_python_would_refuse(function, args, kwargs):
    signature = Signature(function, "f")
    assert refuses(lambda: signature.check(args, kwargs)) is refuses(
        lambda: function(*args, **kwargs)
    )


# --- types that come back from JSON ------------------------------------------------------


def made(value, **changes):
    """The value with attributes that its constructor does not take."""
    for name, change in changes.items():
        setattr(value, name, change)
    return value


CONVERTED = [
    # annotation, the value in JSON, the value
    (date, DAY_TEXT, DAY),
    (datetime, "2030-01-02T03:04:05", datetime(2030, 1, 2, 3, 4, 5)),  # noqa: DTZ001
    (timedelta, "PT90S", timedelta(seconds=90)),
    (UUID, ONE_TEXT, ONE),
    (Decimal, "1.50", Decimal("1.50")),
    (bytes, "AP8=", b"\x00\xff"),
    (Path, "/a/b", Path("/a/b")),
    (Color, "red", Color.RED),
    (Point, {"x": 1, "when": DAY_TEXT}, Point(1, DAY)),
    (Order, {"number": 1, "points": [{"x": 1}]}, Order(1, [Point(1)])),
    (Box, [3, DAY_TEXT], Box(3, DAY)),
    (Label, {"made": DAY_TEXT}, {"made": DAY}),
    (tuple, [1, 2], (1, 2)),
    (tuple[int, date], [1, DAY_TEXT], (1, DAY)),
    (set, [1, 2], {1, 2}),
    (frozenset[str], ["a"], frozenset({"a"})),
    (list[date], [DAY_TEXT], [DAY]),
    (dict[str, date], {"a": DAY_TEXT}, {"a": DAY}),
    (dict[int, str], {"1": "a"}, {1: "a"}),
    (date | None, DAY_TEXT, DAY),
    (Optional[date], None, None),  # noqa: UP045 - as users write it
    (Literal["a", "b"], "a", "a"),
    (collections.abc.Sequence[date], [DAY_TEXT], [DAY]),
    (collections.abc.Iterable[Path], ["/a"], [Path("/a")]),
    (collections.abc.Set[date], [DAY_TEXT], {DAY}),
    (collections.abc.Mapping[UUID, date], {ONE_TEXT: DAY_TEXT}, {ONE: DAY}),
    (collections.OrderedDict[str, Path], {"k": "/a"}, collections.OrderedDict(k=Path("/a"))),
    (Rank, 1.5, Rank.FIRST),
    (Rank, None, Rank.LAST),
    (Access, 3, Access.READ | Access.WRITE),
    (Part, {"_number": 1, "made": DAY_TEXT}, Part(1)),
    (Stored, {"_path": "/a", "size": 0}, Stored(Path("/a"))),
    (Item, {"price": "1.50", "at": []}, Item(price=Decimal("1.50"))),
    (list[Item | None], [None, {"price": "1", "at": [2]}], [None, Item(price=1, at=[2])]),
    (
        Place,
        {"path": "/a", "spots": [{"x": 1}], "above": {"path": 5}},
        Place(Path("/a"), [Point(1)], Place(5)),
    ),
    (Positive, {"path": "/a", "x": 3, "area": 5}, made(Positive(Path("/a"), 3), area=5)),
    (Corner, ["/a"], Corner(Path("/a"))),
    (Entry, {"path": "/a", "note": "n"}, {"path": Path("/a"), "note": "n"}),
    (Camel, {"type": "Camel", "firstPath": "/a"}, Camel(Path("/a"))),
    (Crate[date], {"inside": DAY_TEXT}, Crate(DAY)),
    (Crate[Crate[Path]], {"inside": {"inside": "/a"}}, Crate(Crate(Path("/a")))),
    (
        Shelf[date],
        {"boxes": [DAY_TEXT, "/a"], "path": "/b"},
        Shelf([DAY, Path("/a")], Path("/b")),
    ),
    (Annotated[date, "a day"], DAY_TEXT, DAY),
    (Final[Path], "/a", Path("/a")),
    (Day, DAY_TEXT, DAY),
    (Alias, DAY_TEXT, DAY),
    (dict[Opaque, Path], {"k": "/a"}, {"k": Path("/a")}),
    (D, DAY_TEXT, DAY),
    (C, ONE_TEXT, ONE),
    (tuple[Path, ...], ["/a", "/b"], (Path("/a"), Path("/b"))),
    (tuple[Path, date], ["/a", DAY_TEXT], (Path("/a"), DAY)),
    (dict[Path, Path], {"/a": "/b"}, {Path("/a"): Path("/b")}),
    (dict[bool, int], {"true": 1, "false": 2}, {True: 1, False: 2}),
    (dict[int | None, date], {"1": DAY_TEXT, "null": DAY_TEXT}, {1: DAY, None: DAY}),
    (dict[date | UUID, int], {DAY_TEXT: 1, ONE_TEXT: 2}, {DAY: 1, ONE: 2}),
    (dict[Color, int], {"red": 1}, {Color.RED: 1}),
    (
        dict[Rank, Path],
        {"1.5": "/a", "null": "/b"},
        {Rank.FIRST: Path("/a"), Rank.LAST: Path("/b")},
    ),
    (dict[Day, Crate[Path]], {DAY_TEXT: {"inside": "/a"}}, {DAY: Crate(Path("/a"))}),
    # Members of a union that look alike: the first that gives the same JSON again.
    (date | UUID, ONE_TEXT, ONE),
    (date | datetime, DAY_TEXT, DAY),
    (date | str, DAY_TEXT, DAY),
    (date | str, "tomorrow", "tomorrow"),
    (str | date, DAY_TEXT, DAY_TEXT),
    (Path | int | None, "/a", Path("/a")),
    (Path | int | None, 5, 5),
    (Path | int | None, None, None),
    (Point | Wide, {"x": 1, "y": 2}, Wide(1, 2)),
    (Point | Wide, {"x": 1, "when": None}, Point(1)),
    (Point | Wide, {"x": 1}, Point(1)),
    (Item | Point, {"x": 1}, Point(1)),
    (list[int] | tuple[date, ...], [DAY_TEXT], (DAY,)),
    (Opaque | date, DAY_TEXT, DAY),
    (date | Opaque, "tomorrow", "tomorrow"),
]
LEFT_ALONE = [
    (int, 1),
    (float, 1),
    (str, 5),
    (Any, {"a": 1}),
    (object, [1]),
    (list, "no list"),
    (list[int], ["a"]),
    (dict[str, Any], {"a": 1}),
    (int | None, "text"),
    (TypeVar("T"), 5),
    (Opaque, {"a": 1}),
    (str | Path, "/a"),
    (collections.abc.Callable[[], int], "f"),
    (type[int], "int"),
    ("no_such_name", 5),
    (Unknown, {"x": 1}),
    (["no", "type"], 5),
]


def one_argument(annotation):
    def function(a):
        pass

    function.__annotations__ = {"a": annotation, "return": annotation}
    return Signature(function, "f")


@pytest.mark.parametrize(("annotation", "given_value", "value"), CONVERTED, ids=str)
def test_an_argument_takes_the_type_of_its_parameter(annotation, given_value, value):
    signature = one_argument(annotation)
    for converted in (
        signature.convert([given_value], {})[0][0],
        signature.convert([], {"a": given_value})[1]["a"],
        signature.convert_result(given_value),
    ):
        assert (type(converted), converted) == (type(value), value)


@pytest.mark.parametrize(("annotation", "given_value", "value"), CONVERTED, ids=str)
def test_what_is_encoded_comes_back(annotation, given_value, value):
    assert one_argument(annotation).convert_result(decode(encode(value))) == value


@pytest.mark.parametrize(("annotation", "value"), LEFT_ALONE, ids=str)
def test_a_value_stays_where_the_annotation_has_no_other_json_form(annotation, value):
    signature = one_argument(annotation)
    assert signature.convert([value], {}) == ([value], {})
    assert signature.convert_result(value) is value


REFUSED = [
    # annotation, the value in JSON, the path to what does not fit, what was expected
    (date, "tomorrow", "", "RFC3339 encoded date"),
    (date, "\udc80", "", "half a surrogate pair"),
    (Point, {"x": "1"}, ".x", "Expected `int`, got `str`"),
    (Point, {}, "", "missing required field `x`"),
    (set[int], 5, "", "Expected `array`, got `int`"),
    (
        list[Order],
        [{"number": 1, "points": [{"x": 1}, {"x": 2, "when": 3}]}],
        "[0].points[1].when",
        "Expected `date | null`, got `int`",
    ),
    (dict[UUID, int], {ONE_TEXT: 1, "x": 2}, "", "its key: Invalid UUID"),
    (Color, "blue", "", "'blue'"),
    (Rank, "second", "", "'second' is no Rank"),
    (Path, 5, "", "Expected `str`, got `int`"),
    (list[Path], ["/a", None], "[1]", "Expected `str`, got `null`"),
    (set[Path], "/a", "", "Expected `array`, got `str`"),
    (set[dict[str, Path]], [{}], "", "unhashable"),
    (tuple[Path, int], ["/a"], "", "Expected `array` of length 2, got 1"),
    (tuple[Path, int], ["/a", "b"], "[1]", "Expected `int`, got `str`"),
    (tuple[Path, ...], [["/a"]], "[0]", "Expected `str`, got `array`"),
    (dict[str, Path], {"k": 1}, "['k']", "Expected `str`, got `int`"),
    (dict[bool, Path], {"yes": "/a"}, "['yes']", "'yes' is no bool"),
    (dict[int | None, int], {"x": 1}, "['x']", "Expected `int | None`, got `str`"),
    (date | UUID, "today", "", "Expected `datetime.date | uuid.UUID`, got `str`"),
    (date | UUID, 5, "", "got `int`"),
    (Point | Place, {"y": 1}, "", "Expected `test_signature.Point | test_signature.Place`"),
    (Place, {"path": "/a", "spots": [{"x": 1}, {"x": "1"}]}, ".spots[1].x", "Expected `int`"),
    (Place, {"spots": []}, "", "missing 1 required"),
    (Place, {"path": "/a", "spots": "no"}, ".spots", "Expected `array`, got `str`"),
    (Place, [], "", "Expected `object`, got `array`"),
    (Positive, {"path": "/a", "x": -1}, "", "x is negative"),
    (Corner, ["/a", 1, 2, 3], "", "Expected `array` of at most length 2, got 4"),
    (Corner, ["/a", "1"], ".x", "Expected `int`, got `str`"),
    (Entry, {"note": "n"}, "", "missing required field `path`"),
    (Item, {"price": "1", "at": [1, "x"]}, ".at[1]", "valid integer"),
    (list[Item], [{"price": "much"}], "[0].price", "valid decimal"),
    (Item, 5, "", "should be an object"),
]


@pytest.mark.parametrize(("annotation", "value", "path", "reason"), REFUSED, ids=str)
def test_a_value_that_its_annotation_cannot_be_made_of_is_refused(annotation, value, path, reason):
    with pytest.raises(PayloadError, match=r"^a\S* of f\(a: .*\): ") as refusal:
        one_argument(annotation).convert([value], {})
    assert refusal.value.path == "a" + path
    assert reason in str(refusal.value)
    with pytest.raises(PayloadError, match=r"^result\S* of f\(a") as refusal:
        one_argument(annotation).convert_result(value)
    assert refusal.value.path == "result" + path


# --- which annotation an argument meets --------------------------------------------------


def spread(a: date, *when: date, key: UUID | None = None, **more: UUID):
    pass


def hidden(a: date, /, **more: UUID):
    pass


def only_named(*, key: UUID):
    pass


MEETINGS = [
    (spread, [DAY_TEXT] * 4, {}, [DAY] * 4, {}),
    (spread, [], {"a": DAY_TEXT, "key": ONE_TEXT}, [], {"a": DAY, "key": ONE}),
    (spread, [], {"x": ONE_TEXT, "when": ONE_TEXT}, [], {"x": ONE, "when": ONE}),
    (hidden, [DAY_TEXT], {"a": ONE_TEXT}, [DAY], {"a": ONE}),
    (Owner().run, [DAY_TEXT, "x"], {}, [DAY, "x"], {}),
    # What does not fit is left for the call to refuse.
    (hidden, [DAY_TEXT, "x"], {}, [DAY, "x"], {}),
    (only_named, ["x"], {}, ["x"], {}),
    (only_named, [], {"z": "x"}, [], {"z": "x"}),
]


@pytest.mark.parametrize(("function", "args", "kwargs", "new_args", "new_kwargs"), MEETINGS)
def test_an_argument_meets_its_own_annotation(function, args, kwargs, new_args, new_kwargs):
    assert Signature(function, "f").convert(args, kwargs) == (new_args, new_kwargs)


@pytest.mark.parametrize(
    ("args", "kwargs", "path"),
    [([DAY_TEXT, DAY_TEXT, 5], {}, "when[1]"), ([5], {}, "a"), ([], {"x": 5}, "x")],
)
def test_a_refusal_names_the_argument(args, kwargs, path):
    with pytest.raises(PayloadError, match=r" of f\(a: ") as refusal:
        Signature(spread, "f").convert(args, kwargs)
    assert refusal.value.path == path


@pytest.mark.parametrize("function", [len, partial(simple, 1), plain], ids=str)
def test_a_callable_without_annotations_takes_what_json_gives(function):
    assert Signature(function, "f").convert([DAY_TEXT], {"b": 1}) == ([DAY_TEXT], {"b": 1})


def test_an_annotation_that_only_type_checkers_know_hides_no_other():
    def function(a: "OnlyForTypeCheckers", b: "date", *, c: date = DAY) -> "UUID":  # noqa: F821
        pass

    signature = Signature(function, "f")
    assert signature.convert([DAY_TEXT, DAY_TEXT], {"c": DAY_TEXT}) == ([DAY_TEXT, DAY], {"c": DAY})
    assert signature.convert_result(ONE_TEXT) == ONE


@pytest.mark.parametrize("function", [plain, spread])
def test_converting_leaves_the_given_arguments_as_they_are(function):
    args, kwargs = [DAY_TEXT], {"key": ONE_TEXT}
    new_args, new_kwargs = Signature(function, "f").convert(args, kwargs)
    new_args.clear()
    new_kwargs.clear()
    assert (args, kwargs) == ([DAY_TEXT], {"key": ONE_TEXT})
