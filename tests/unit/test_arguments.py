import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataflow.payload.arguments import (
    Arguments,
    add_references,
    decode,
    from_value,
    of_first_attempt,
    read,
)
from dataflow.payload.codec import encode

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda parts: st.lists(parts, max_size=3) | st.dictionaries(st.text(), parts, max_size=3),
    max_leaves=6,
)


@given(
    st.lists(VALUES),
    st.dictionaries(st.text(), VALUES),
    VALUES,
    st.integers(1, 100),
    st.none() | st.text(),
)
def test_what_is_submitted_arrives(args, kwargs, meta, attempt, definition):
    message = {
        "args": args,
        "kwargs": kwargs,
        "meta": meta,
        "attempt": attempt,
        "definition": definition,
    }
    assert decode(encode(message)) == (args, kwargs, meta, attempt, definition, ())
    assert from_value(message) == (args, kwargs, meta, attempt, definition, ())


@given(VALUES)
def test_an_argument_may_look_like_an_input(value):
    lookalike = {"args": [value], "kwargs": {}}
    assert decode(encode({"args": [lookalike], "kwargs": {}})).args == [lookalike]


INPUTS = [
    (None, Arguments([], {})),
    ('{"args":[1],"kwargs":{"a":2}}', Arguments([1], {"a": 2})),
    ('{"args":[1],"kwargs":{},"meta":"m","attempt":2}', Arguments([1], {}, "m", 2)),
    ('{"args":["\\udc80"],"kwargs":{}}', Arguments(["\udc80"], {})),
    # Of other programs:
    ('{"args":[1]}', Arguments([1], {})),
    ('{"kwargs":{"a":2}}', Arguments([], {"a": 2})),
    ("[1,[2]]", Arguments([1, [2]], {})),
    ("[]", Arguments([], {})),
    ("5", Arguments([5], {})),
    ("null", Arguments([None], {})),
    ('"text"', Arguments(["text"], {})),
    ("plain text", Arguments(["plain text"], {})),
    ("", Arguments([""], {})),
    ("{}", Arguments([{}], {})),
    ('{"a":1}', Arguments([{"a": 1}], {})),
    ('{"args":1}', Arguments([{"args": 1}], {})),
    ('{"args":[],"kwargs":[]}', Arguments([{"args": [], "kwargs": []}], {})),
    ('{"args":[],"more":1}', Arguments([{"args": [], "more": 1}], {})),
    (
        '{"args":[],"kwargs":{},"more":1}',
        Arguments([{"args": [], "kwargs": {}, "more": 1}], {}),
    ),
    ('{"meta":1}', Arguments([{"meta": 1}], {})),
    ('{"args":[],"attempt":"two"}', Arguments([{"args": [], "attempt": "two"}], {})),
    (30_000 * "[", Arguments([30_000 * "["], {})),
    ('{"args":' + 30_000 * "[", Arguments(['{"args":' + 30_000 * "["], {})),
]


@pytest.mark.parametrize(("text", "expected"), INPUTS, ids=lambda text: repr(text)[:40])
def test_an_input_is_read(text, expected):
    assert decode(text) == expected


@given(VALUES)
def test_every_value_is_an_input(value):
    given_arguments = from_value(value)
    assert decode(encode(value)) == given_arguments
    assert isinstance(given_arguments.args, list)
    assert all(isinstance(key, str) for key in given_arguments.kwargs)


def test_a_value_may_have_every_member_of_an_input():
    message = {"args": [1], "kwargs": {"a": 2}, "meta": "m", "attempt": 3, "definition": "a.B"}
    assert from_value(message) == ([1], {"a": 2}, "m", 3, "a.B", ())
    assert from_value({**message, "refs": ["r"]}) == ([1], {"a": 2}, "m", 3, "a.B", ("r",))


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ('{"args":[1],"kwargs":{},"attempt":2}', '{"args":[1],"kwargs":{}}'),
        ('{"args":[1],"kwargs":{},"attempt":17}', '{"args":[1],"kwargs":{}}'),
        ('{"args":[1],"kwargs":{}}', '{"args":[1],"kwargs":{}}'),
        ('{"args":[{"x":1,"attempt":2}],"kwargs":{}}',) * 2,
        ('{"args":[],"kwargs":{"x":1,"attempt":2}}',) * 2,
    ],
)
def test_the_input_of_the_first_attempt(text, first):
    assert of_first_attempt(text) == first


# --- references -------------------------------------------------------------------------


def test_references_stand_for_what_is_fetched():
    texts = {"a": '{"n":[1]}', "b": "plain"}
    message = encode({"args": ["a", ["b", "c"]], "kwargs": {"a": "a"}})
    text = add_references(message, ["b", "a", "b"])
    assert text.endswith(',"refs":["a","b"]}')
    assert decode(text).refs == ("a", "b")
    fetched = []

    def fetch(references):
        fetched.extend(references)
        return [texts.get(reference, reference) for reference in references]

    found = read(text, fetch)
    assert found.args == [{"n": [1]}, ["plain", "c"]]
    assert found.kwargs == {"a": {"n": [1]}}
    assert found.refs == ()
    assert fetched == ["a", "b"]
    coded = "dataflow+codec:text"
    texts[coded] = text
    assert read(coded, fetch) == found
    assert fetched == ["a", "b", coded, "a", "b"]


def test_an_attempt_may_follow_the_references():
    text = add_references('{"args":["a"],"kwargs":{}}', ["a"])
    again = decode(f'{text[:-1]},"attempt":2}}')
    assert (again.args, again.refs, again.attempt) == (["a"], ("a",), 2)


def test_no_input_refers_to_nothing():
    assert read(None, decode) == ([], {}, None, 1, None, ())


def test_half_a_surrogate_pair_hides_no_references():
    text = add_references('{"args":["a","\\ud800"],"kwargs":{}}', ["a"])
    found = read(text, lambda texts: ["1" if t == "a" else t for t in texts])
    assert found.args == [1, "\ud800"]


@pytest.mark.parametrize("refs", ['"a"', "[1]", '{"a":"a"}', "null"])
def test_what_is_no_list_of_references_is_no_input_of_ours(refs):
    assert len(decode(f'{{"args":["a"],"kwargs":{{}},"refs":{refs}}}').args) == 1
    assert not decode(f'{{"args":["a"],"kwargs":{{}},"refs":{refs}}}').refs
