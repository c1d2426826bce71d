"""Log records carry the fields of the task in hand."""

import asyncio
import logging
import threading
from contextlib import suppress

from greenlet import greenlet

from dataflow.process.logs import FIELDS, TaskContextFilter, task_context


def fields():
    """Those that a record of this moment would have."""
    record = logging.makeLogRecord({"msg": "x"})
    assert TaskContextFilter().filter(record)
    return [getattr(record, field) for field in FIELDS]


NOBODYS = [""] * len(FIELDS)


def test_where_there_is_no_task_they_are_empty():
    assert fields() == NOBODYS


def test_the_task_in_hand():
    with task_context(domain="d", workflow_id="w", run_id="r", activity_id="a", attempt=2):
        assert fields() == ["d", "w", "r", "a", 2]
    assert fields() == NOBODYS


def test_a_task_within_another():
    with task_context(domain="outer"):
        with suppress(ValueError), task_context(domain="inner", run_id="r"):
            assert fields()[:3] == ["inner", "", "r"]
            raise ValueError
        assert fields()[:3] == ["outer", "", ""]


def test_what_a_record_says_itself_stands():
    record = logging.makeLogRecord({"msg": "x", "domain": "its own"})
    with task_context(domain="d", run_id="r"):
        TaskContextFilter().filter(record)
    assert (record.domain, record.run_id) == ("its own", "r")


def test_run_lives_in_a_greenlet():
    told = []
    with task_context(domain="d"):
        suspended = greenlet(
            lambda: [told.append(fields()[0]) or suspended.parent.switch() for _ in "ab"]
        )
        suspended.switch()
    with task_context(domain="e"):
        suspended.switch()
    assert told == ["d", "e"]


def test_other_threads_have_other_tasks():
    told = []
    with task_context(domain="d"):
        thread = threading.Thread(target=lambda: told.extend(fields()))
        thread.start()
        thread.join()
    assert told == NOBODYS


def test_each_coroutine_has_its_own():
    async def work(domain, both, turns):
        with task_context(domain=domain):
            await both.wait()
            told = fields()[0]
            await both.wait()
            for _ in range(turns):
                await asyncio.sleep(0)
        return told

    async def all_of_them():
        both = asyncio.Barrier(2)
        # The first to begin is the first to end.
        return await asyncio.gather(work("one", both, 1), work("two", both, 9))

    assert asyncio.run(all_of_them()) == ["one", "two"]
    assert fields() == NOBODYS
