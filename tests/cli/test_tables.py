"""Rows in every format."""

import csv
import io
import json

import pytest
from tabulate import tabulate_formats

from dataflow.cli.tables import Column, Layout, array, lines, rfc3339
from dataflow.errors import UsageError

ROWS = [
    {"name": "a", "at": 1_767_261_600.25, "took": 1.5, "state": "FAILED", "tags": ("x", "y")},
    {"name": "long name", "at": None, "took": 12.0, "state": "OPEN", "tags": ()},
]
COLUMNS = [
    Column(key="name", title="Name", value=lambda row: row["name"]),
    Column(key="state", title="State", kind="state", value=lambda row: row["state"]),
    Column(key="took", title="Took", kind="seconds", value=lambda row: row["took"]),
    Column(key="at", title="At", kind="time", value=lambda row: row["at"]),
    Column(key="tags", title="Tags", kind="list", value=lambda row: row["tags"], shown=False),
]


def told(rows=ROWS, columns=COLUMNS, **layout):
    return list(lines(rows, columns, Layout(utc=True, **layout)))


def column(kind, value, **more):
    return [Column(key="it", title="It", kind=kind, value=lambda _: value, **more)]


def test_text_is_as_wide_as_its_content():
    assert told() == [
        "a          FAILED   1.50  2026-01-01 10:00:00.250Z",
        "long name  OPEN    12.00",
    ]


def test_text_with_a_header():
    assert told(header=True)[0] == "Name       State    Took  At"
    assert told([], header=True) == ["Name  State  Took  At"]
    assert told([]) == []


def test_fields_are_chosen_in_their_order():
    assert told(fields=("tags", "name"), header=True) == [
        "Tags  Name",
        "x,y   a",
        "      long name",
    ]


@pytest.mark.parametrize("form", ["text", "human", "json", "jsonl", "csv", "tsv", "grid"])
def test_unknown_fields_are_found_before_anything_is_printed(form):
    def rows():
        raise AssertionError("read")
        yield

    with pytest.raises(UsageError, match="there is no nix; there are name, state, took, at, tags"):
        lines(rows(), COLUMNS, Layout(format=form, fields=("name", "nix")))


def test_colours_do_not_count_as_width():
    plain, painted = told(), told(color=True)
    assert painted[0] == plain[0].replace("FAILED", "\x1b[31mFAILED\x1b[0m")
    assert painted[1] == plain[1].replace("OPEN", "\x1b[33mOPEN\x1b[0m")


def test_wide_characters_take_two_columns():
    rows = [{**ROWS[0], "name": "日本"}, {**ROWS[0], "name": "abcd"}]
    first, second = told(rows, fields=("name", "state"))
    assert first == "日本  FAILED"
    assert second == "abcd  FAILED"


def test_what_a_terminal_would_obey_is_escaped():
    rows = [{**ROWS[0], "name": "a\x1b]0;title\x07b\nc"}]
    assert told(rows, fields=("name",)) == ["a\\x1b]0;title\\x07b c"]


def test_human_tells_all_that_is_known():
    assert told(format="human") == [
        "name   a",
        "state  FAILED",
        "took   1.50",
        "at     2026-01-01 10:00:00.250Z",
        "tags   x,y",
        "",
        "name   long name",
        "state  OPEN",
        "took   12.00",
    ]


def test_widths_grow_from_batch_to_batch():
    rows = ({**ROWS[0], "name": "x" * (1 + n // 1_000)} for n in range(2_500))
    found = told(rows, fields=("name", "state"))
    assert len(found) == 2_500
    assert [found[n].index("FAILED") for n in (0, 999, 1_000, 2_499)] == [3, 3, 4, 5]


def test_a_batch_is_printed_before_the_next_is_read():
    read = []

    def rows():
        for n in range(3_000):
            read.append(n)
            yield ROWS[0]

    printed = lines(rows(), COLUMNS, Layout())
    next(printed)
    assert len(read) == 1_000


def test_rows_one_by_one():
    read = []

    def rows():
        for row in ROWS:
            read.append(row)
            yield row

    columns = [
        Column(key="name", title="Name", width=6, value=lambda row: row["name"]),
        COLUMNS[1],
    ]
    printed = lines(rows(), columns, Layout(one_by_one=True))
    assert next(printed) == "a       FAILED"
    assert len(read) == 1


# --- programs ------------------------------------------------------------------------------


def test_json_has_a_line_for_each_row():
    first, one, two, last = told(format="json")
    assert (first, last) == ("[", "]")
    assert json.loads(one.removesuffix(",")) == {
        "name": "a",
        "state": "FAILED",
        "took": 1.5,
        "at": "2026-01-01T10:00:00.250Z",
        "tags": ["x", "y"],
    }
    assert json.loads(two)["at"] is None
    assert told([], format="json") == ["[]"]
    assert told(format="jsonl") == [one.removesuffix(","), two]


def test_arrays():
    assert list(array([])) == ["[]"]
    assert json.loads("".join(array(["1"]))) == [1]
    assert json.loads("".join(array("123"))) == [1, 2, 3]


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("number", 7, 7),
        ("seconds", 1 / 3, 0.333),
        ("percent", 200 / 3, 66.67),
        ("flag", False, False),
        ("text", None, None),
        ("field", '{"a":1}', {"a": 1}),
        ("field", "not JSON", "not JSON"),
        ("field", "[" * 100_000, "[" * 100_000),
        ("field", "dataflow+s3://bucket/key 12", "dataflow+s3://bucket/key 12"),
        ("identity", '{"pid":1}', {"pid": 1}),
        ("identity", "me", "me"),
    ],
)
def test_values_of_json(kind, value, expected):
    (line,) = told([None], column(kind, value), format="jsonl")
    assert json.loads(line) == {"it": expected}


@pytest.mark.parametrize(("form", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_separated_values(form, delimiter):
    rows = [{**ROWS[0], "name": 'say "hi",\tthere'}]
    text = "\n".join(told(rows, format=form, header=True))
    (row,) = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    assert row == {
        "name": 'say "hi",\tthere',
        "state": "FAILED",
        "took": "1.5",
        "at": "2026-01-01T10:00:00.250Z",
    }


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("list", ("x", "y"), '"x,y"'),
        ("field", '{"é":1}', '"{""é"":1}"'),
        ("flag", True, "true"),
        ("text", None, '""'),
        ("identity", '{"pid":1}', '"{""pid"":1}"'),
    ],
)
def test_cells_of_csv(kind, value, cell):
    assert told([None], column(kind, value), format="csv") == [cell]


# --- tabulate ----------------------------------------------------------------------------------


@pytest.mark.parametrize("form", tabulate_formats)
@pytest.mark.parametrize("header", [True, False])
def test_every_format_of_tabulate(form, header):
    found = "\n".join(told(format=form, header=header))
    assert "long name" in found.replace(r"\ ", " ")
    assert told([], format=form, header=header) is not None


def test_ids_that_look_like_numbers_stay_as_they_are():
    assert told([None], column("text", "007"), format="plain") == ["007"]
    assert told([None], column("text", "1e5"), format="plain") == ["1e5"]


def test_html_is_escaped():
    (line,) = [
        line for line in told([None], column("text", "<script>"), format="html") if "script" in line
    ]
    assert "&lt;script&gt;" in line


def test_times_are_local_unless_they_are_asked_for_in_utc():
    (local,) = lines([None], column("time", 1_767_261_600.0), Layout())
    assert len(local) == len("2026-01-01 10:00:00.000")
    assert rfc3339(1_767_261_600.0) == "2026-01-01T10:00:00.000Z"
