"""What log records look like."""

import json
import logging
import re
import sys

import pytest

from dataflow.cli import logs
from dataflow.errors import UsageError
from dataflow.process.logs import task_context

TASK = {
    "domain": "shop",
    "workflow_id": 'order "17"',
    "run_id": "r1",
    "activity_id": "pay-1",
    "attempt": 2,
}


@pytest.fixture
def configured(monkeypatch, capsys):
    """Configure as a command does in its own process; the answer is what reads standard error."""
    root = logging.getLogger()
    level = root.level

    def configure(*handlers, **variables):
        monkeypatch.setattr(root, "handlers", [*handlers])
        for name in ("LOG_LEVEL", "DATAFLOW_LOG_FORMAT"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        logs.configure()
        return lambda: capsys.readouterr().err

    yield configure
    root.setLevel(level)


def fail():
    try:
        int("no\nway")
    except ValueError:
        logging.getLogger("shop.pay").exception("it %s", "failed", extra={"event": "pay.failed"})


def test_text(configured):
    told = configured()
    logging.getLogger("shop").warning("hello")
    logging.getLogger("shop").info("nobody hears this")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING shop: hello\n", told())


def test_text_of_a_task(configured):
    told = configured(LOG_LEVEL="info", DATAFLOW_LOG_FORMAT="text")
    with task_context(**TASK):
        logging.getLogger("shop").info("hello")
    assert told().endswith(
        ' INFO shop: hello domain=shop workflow_id="order \\"17\\"" run_id=r1 activity_id=pay-1 '
        "attempt=2\n"
    )
    with task_context(domain="shop", workflow_id="two\nlines"):
        fail()
    first, *traceback = told().splitlines()
    assert first.endswith('ERROR shop.pay: it failed domain=shop workflow_id="two\\nlines"')
    assert traceback[0] == "Traceback (most recent call last):"


def test_json(configured):
    told = configured(DATAFLOW_LOG_FORMAT="JSON")
    with task_context(**TASK):
        fail()
    logging.getLogger("shop").warning("done", extra={"event": object()})
    first, second = map(json.loads, told().splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", first.pop("ts"))
    assert first.pop("exception").endswith("base 10: 'no\\nway'")
    assert isinstance(first.pop("pid"), int)
    assert first == {
        "level": "ERROR",
        "logger": "shop.pay",
        "message": "it failed",
        "event": "pay.failed",
        **TASK,
    }
    assert set(second) == {"ts", "level", "logger", "message", "pid", "event"}


def test_json_with_a_stack(configured):
    told = configured(DATAFLOW_LOG_FORMAT="json")
    logging.getLogger("shop").warning("where", stack_info=True)
    assert "test_json_with_a_stack" in json.loads(told())["stack"]


def test_who_has_configured_already_is_left_alone(configured):
    handler = logging.StreamHandler(sys.stdout)
    configured(handler)
    assert logging.getLogger().handlers == [handler]


def test_a_format_that_is_none(configured):
    with pytest.raises(UsageError, match="DATAFLOW_LOG_FORMAT=xml is not a format: use text or j"):
        configured(DATAFLOW_LOG_FORMAT="xml")
