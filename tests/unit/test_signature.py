import collections.abc
import dataclasses
import enum
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple, Optional, TypedDict, TypeVar
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.errors import PayloadError
from dataflow.payload.codec import decode, encode
from dataflow.payload.signature import Signature

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
    (date, "tomorrow"),
    (date, "\udc80"),
    (Point, {"x": "1"}),
    (set[int], 5),
    (Color, "blue"),
]


@pytest.mark.parametrize(("annotation", "value"), REFUSED, ids=str)
def test_a_value_that_its_annotation_cannot_be_made_of_is_refused(annotation, value):
    with pytest.raises(PayloadError, match=r"^a of f\(a: .*\): ") as refusal:
        one_argument(annotation).convert([value], {})
    assert refusal.value.path == "a"
    with pytest.raises(PayloadError, match=r"^result of f\(a"):
        one_argument(annotation).convert_result(value)


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


@pytest.mark.parametrize("function", [len, partial(simple, 1), plain], ids=str)
def test_a_callable_without_annotations_takes_what_json_gives(function):
    assert Signature(function, "f").convert([DAY_TEXT], {"b": 1}) == ([DAY_TEXT], {"b": 1})


@pytest.mark.parametrize("function", [plain, spread])
def test_converting_leaves_the_given_arguments_as_they_are(function):
    args, kwargs = [DAY_TEXT], {"key": ONE_TEXT}
    new_args, new_kwargs = Signature(function, "f").convert(args, kwargs)
    new_args.clear()
    new_kwargs.clear()
    assert (args, kwargs) == ([DAY_TEXT], {"key": ONE_TEXT})
