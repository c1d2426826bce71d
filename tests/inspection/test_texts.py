"""How wide texts are, and what is left of long ones."""

from hypothesis import given
from hypothesis import strategies as st

from dataflow.cli.drawing.texts import shorten, text_width


def test_wide_characters_take_two_columns():
    assert text_width("abc") == 3
    assert text_width("漢字") == 4
    assert text_width("e\N{COMBINING ACUTE ACCENT}") == 1


def test_ends_tell_similar_names_apart():
    assert shorten("calculate_something-1234", 12) == "calcul…-1234"
    assert shorten("short", 12) == "short"
    assert shorten("漢字漢字漢字", 6) == "漢…字"


@given(st.text(max_size=40), st.integers(0, 20))
def test_a_text_is_no_wider_than_it_may_be(text, most):
    assert text_width(shorten(text, most)) <= most
