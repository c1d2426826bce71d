"""What reads requests, given anything: it reads them, or says in AWS's words what is wrong."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from random_requests import OPERATIONS, Requests, filled, stand_in

from dataflow.protocol.faults import Fault, SerializationException, ValidationException
from dataflow.protocol.operations import OPERATIONS as SHAPES
from dataflow.protocol.operations import convert, parse

ANY_OPERATION = st.sampled_from(OPERATIONS)
CHANCE = st.randoms(use_true_random=False)
#: One example says little, and costs little.
MANY = settings(max_examples=6 * settings.default.max_examples)


def refusal(door, name, request):
    """The fault that a request is refused with; None if it is not."""
    try:
        operation = door(name, request)
    except (ValidationException, SerializationException) as refused:
        fault = refused
    else:
        assert type(operation) is SHAPES[name]
        return None
    assert fault.message
    str(fault).encode()  # half a surrogate pair could not be sent
    return fault


@MANY
@given(ANY_OPERATION, CHANCE)
def test_what_fits_the_model_comes_in_through_both_doors(name, chance):
    request = filled(Requests(chance).likely(name), stand_in)
    assert parse(name, json.dumps(request).encode()) == convert(name, request)


@MANY
@given(ANY_OPERATION, CHANCE)
def test_what_breaks_the_model_in_one_place_is_refused_in_the_same_words(name, chance):
    request = Requests(chance).broken(name)
    on_the_wire = refusal(parse, name, json.dumps(request).encode())
    in_python = refusal(convert, name, request)
    assert on_the_wire is not None
    assert in_python is not None
    assert (on_the_wire.code, str(on_the_wire)) == (in_python.code, str(in_python))


@MANY
@given(ANY_OPERATION, CHANCE)
def test_any_json_is_read_or_refused(name, chance):
    request = filled(Requests(chance).arbitrary(name), stand_in)
    refusal(parse, name, json.dumps(request).encode())
    if isinstance(request, dict):
        refusal(convert, name, request)


# --- what is no JSON, or hardly -----------------------------------------------------------

ODD = (
    b"",
    b"null",
    b"NaN",
    b"-Infinity",
    b"1e999",
    b"9" * 5_000,
    b"-" + b"9" * 5_000,
    b"1e-400",
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\xed\xa0\x80"',  # half a surrogate pair, in what is not UTF-8
    b'"\xff"',
    b'"\\u0000"',
    b'"\n"',
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b"[" * 5_000 + b"]" * 5_000,
    b'{"a":' * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    '{"domain":"d"}'.encode("utf-16"),
    b'{"domain":"d","domain":5}',
    b'{"domain":5,"domain":"d"}',
    b'{"":1}',
    b"{} {}",
    b"{}\0",
)


@pytest.mark.parametrize("name", OPERATIONS)
def test_odd_values_anywhere_are_read_or_refused(name):
    members = [member.encode() for member in SHAPES[name].__struct_encode_fields__]
    for odd in ODD:
        refusal(parse, name, odd)
        for member in members:
            refusal(parse, name, b'{"%b":%b}' % (member, odd))
        refusal(parse, name, b"{%b}" % b",".join(b'"%b":%b' % (m, odd) for m in members))


def damaged(body, chance, members):
    """A body that something has happened to."""
    at = chance.randint(0, len(body))
    until = chance.randint(at, min(at + 8, len(body)))
    odd = chance.choice(ODD)
    match chance.randrange(5):
        case 0:
            return body[:at]
        case 1:
            return body[:at] + chance.randbytes(chance.randrange(8)) + body[until:]
        case 2:
            return body[:at] + odd + body[until:]
        case 3:
            return b'{"%b":%b,%b' % (chance.choice(members).encode(), odd, body[1:])
    return body[:-1] + b"," + body[1:]  # every member twice


@MANY
@given(ANY_OPERATION, CHANCE)
def test_damaged_bodies_are_read_or_refused(name, chance):
    body = json.dumps(filled(Requests(chance).likely(name), stand_in)).encode()
    refusal(parse, name, damaged(body, chance, SHAPES[name].__struct_encode_fields__))


@MANY
@given(ANY_OPERATION, st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(name, body):
    refusal(parse, name, body)


@given(st.text().filter(lambda name: name not in OPERATIONS), st.binary(max_size=64))
@example("", b"{}")
def test_an_unknown_operation_is_no_operation(name, body):
    with pytest.raises(Fault) as refused:
        parse(name, body)
    assert refused.value.code == "UnknownOperationException"


ANY_PYTHON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(st.characters(codec=None), max_size=8),  # half surrogate pairs, too
        st.binary(max_size=8),
        st.datetimes(),
        st.complex_numbers(),
        st.builds(object),
        st.just(...),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.frozensets(st.text(max_size=3), max_size=3),
        st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    ),
    max_leaves=6,
)


@MANY
@given(ANY_OPERATION, CHANCE, st.data())
def test_any_python_is_read_or_refused(name, chance, data):
    request = filled(Requests(chance).likely(name), stand_in)
    for member in SHAPES[name].__struct_encode_fields__:
        if chance.randrange(3) == 0:
            request[member] = data.draw(ANY_PYTHON)
    refusal(convert, name, request)
