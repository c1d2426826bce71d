"""The words behind a command, and which executions options mean."""

import pytest

from dataflow.cli import filtering, positional
from dataflow.cli.positional import Named, Words
from dataflow.errors import UsageError
from dataflow.inspection.reading import Filter


@pytest.fixture(autouse=True)
def no_domain(monkeypatch):
    monkeypatch.delenv("SWF_DOMAIN", raising=False)


# --- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "domain", "expected"),
    [
        ("shop w", None, ("shop", "w", None)),
        ("shop w r", None, ("shop", "w", "r")),
        ("w", None, ("default", "w", None)),
        ("w", "shop", ("shop", "w", None)),
        ("w r", "shop", ("shop", "w", "r")),
    ],
)
def test_an_execution(words, domain, expected):
    found = positional.execution({"words": words.split(), "domain": domain, "run_id": None})
    assert (found.domain, found.workflow_id, found.run_id) == expected


def test_the_domain_of_the_environment(monkeypatch):
    monkeypatch.setenv("SWF_DOMAIN", "mine")
    assert positional.read(["w"], None, ["ID"]).domain == "mine"
    assert positional.read(["shop", "w"], None, ["ID"]).domain == "shop"
    assert positional.read(["w"], "other", ["ID"]).domain == "other"


def test_a_run_by_its_option():
    options = {"words": ["w", "t"], "domain": None, "run_id": "r"}
    assert positional.execution(options, "TASK_ID") == Named(
        domain="default", workflow_id="w", run_id="r", names=("t",)
    )


def test_a_command_about_a_domain_alone():
    assert positional.read([], None) == Words(domain="default", names=())
    assert positional.read(["shop"], None).domain == "shop"


@pytest.mark.parametrize(
    ("words", "domain", "told"),
    [
        ([], None, "ID is missing: write DOMAIN ID [RUN], or ID alone"),
        ([], "shop", "ID is missing"),
        (["a", "b", "c", "d"], None, "unexpected 'd'"),
        (["a", "b", "c"], "shop", "unexpected 'c'"),
        ([""], None, "a name is empty"),
        (["a", ""], None, "a name is empty"),
        (["", "a"], None, "a name is empty"),
    ],
)
def test_wrong_words(words, domain, told):
    with pytest.raises(UsageError) as caught:
        positional.read(words, domain, ["ID"], ["RUN"])
    assert told in str(caught.value)


def test_one_run_is_enough():
    with pytest.raises(UsageError, match="two run ids"):
        positional.execution({"words": ["shop", "w", "r"], "domain": None, "run_id": "r"})


# --- options -----------------------------------------------------------------------------------

NOW = 10_000_000.0
NOTHING = {
    "status": None,
    "close_status": None,
    "workflow_id": None,
    "type_name": None,
    "type_version": None,
    "tag": None,
    "started_since": None,
    "from_date": None,
    "to_date": None,
    "by": "start",
    "utc": True,
}


def means(**options):
    return filtering.read({**NOTHING, **options}, NOW)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, Filter(closed=False)),
        ({"status": "open"}, Filter(closed=False)),
        ({"status": "closed"}, Filter(open=False)),
        ({"status": "all"}, Filter()),
        ({"status": "failed"}, Filter(open=False, close_status="FAILED")),
        ({"close_status": "timed_out"}, Filter(open=False, close_status="TIMED_OUT")),
        (
            {"close_status": "failed", "status": "closed"},
            Filter(open=False, close_status="FAILED"),
        ),
        ({"tag": "a,b"}, Filter(closed=False, tags=("a", "b"))),
        ({"started_since": 10}, Filter(closed=False, oldest=NOW - 864_000)),
        ({"started_since": 1_000_000}, Filter(closed=False, oldest=0)),
        ({"from_date": "1970-01-02"}, Filter(closed=False, oldest=86_400)),
        ({"from_date": "1970-01-02T01:00+01:00"}, Filter(closed=False, oldest=86_400)),
        ({"to_date": "1970-01-01 00:01:00Z"}, Filter(closed=False, latest=60)),
        ({"by": "close"}, Filter(open=False, by="close")),
        (
            {"type_name": "order", "type_version": "2", "workflow_id": "w"},
            Filter(closed=False, name="order", version="2", workflow_id="w"),
        ),
    ],
)
def test_what_options_mean(options, expected):
    assert means(**options) == expected


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"close_status": "failed", "status": "open"}, "exclude each other"),
        ({"type_version": "1"}, "goes with --workflow-type-name"),
        ({"by": "close", "status": "open"}, "what is open has no end"),
        ({"from_date": "tomorrow"}, "--from-date tomorrow is no time: write"),
        ({"to_date": "99999999-01-01"}, "--to-date 99999999-01-01 is no time"),
        ({"from_date": "2026-01-02", "to_date": "2026-01-01"}, "is later than"),
        ({"from_date": "2026-01-02", "started_since": 3}, "exclude each other"),
    ],
)
def test_what_excludes_itself(options, told):
    with pytest.raises(UsageError) as caught:
        means(**options)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
