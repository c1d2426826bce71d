"""Listings and counts of executions.

They are answered from the file, when everything is there that has happened before they were asked
for: so they are up to date, where Amazon SWF's are "eventually consistent".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import msgspec

from dataflow.engine.later import Later
from dataflow.engine.operations.call import Call
from dataflow.engine.store import Query
from dataflow.engine.tokens import ListPage, digest
from dataflow.protocol import operations as op
from dataflow.protocol.faults import ValidationException
from dataflow.protocol.limits import PAGE_SIZE
from dataflow.protocol.values import ExecutionTimeFilter

_Open = op.ListOpenWorkflowExecutions | op.CountOpenWorkflowExecutions
_Closed = op.ListClosedWorkflowExecutions | op.CountClosedWorkflowExecutions


def list_open(call: Call, request: op.ListOpenWorkflowExecutions) -> None:
    _list(call, request, _open(call, request))


def list_closed(call: Call, request: op.ListClosedWorkflowExecutions) -> None:
    _list(call, request, _closed(call, request))


def count_open(call: Call, request: op.CountOpenWorkflowExecutions) -> None:
    _count(call, _open(call, request))


def count_closed(call: Call, request: op.CountClosedWorkflowExecutions) -> None:
    _count(call, _closed(call, request))


def _open(call: Call, request: _Open) -> Query:
    return _query(call, request, request.start_time_filter, by_close=False, open_=True)


def _closed(call: Call, request: _Closed) -> Query:
    by_start, by_close = request.start_time_filter, request.close_time_filter
    # "startTimeFilter and closeTimeFilter are mutually exclusive. You must specify one of these in
    # a request but not both."
    if by_start is not None and by_close is None:
        return _query(call, request, by_start, by_close=False, open_=False)
    if by_close is not None and by_start is None:
        return _query(call, request, by_close, by_close=True, open_=False)
    raise ValidationException("Must specify exactly one of startTimeFilter and closeTimeFilter")


def _query(
    call: Call,
    request: _Open | _Closed,
    times: ExecutionTimeFilter,
    *,
    by_close: bool,
    open_: bool,
) -> Query:
    status = None if isinstance(request, _Open) else request.close_status_filter
    filters = (request.execution_filter, request.type_filter, request.tag_filter, status)
    # "executionFilter, typeFilter and tagFilter are mutually exclusive. You can specify at most one
    # of these in a request."
    if sum(one is not None for one in filters) > 1:
        raise ValidationException(
            "Cannot specify more than one of executionFilter, typeFilter, tagFilter "
            "and closeStatusFilter"
        )
    execution, kind, tag = request.execution_filter, request.type_filter, request.tag_filter
    return Query(
        domain=call.state.domain(request.domain).number,
        open=open_,
        by="closed" if by_close else "started",
        oldest=times.oldest_date,
        latest=math.inf if times.latest_date is None else times.latest_date,
        workflow_id=None if execution is None else execution.workflow_id,
        type_name=None if kind is None else kind.name,
        type_version=None if kind is None else kind.version or None,
        tag=None if tag is None else tag.tag,
        close_status=None if status is None else status.status,
    )


def _list(
    call: Call,
    request: op.ListOpenWorkflowExecutions | op.ListClosedWorkflowExecutions,
    query: Query,
) -> None:
    size, reverse = request.maximum_page_size or PAGE_SIZE, bool(request.reverse_order)
    described = digest(*query, reverse)
    after: tuple[float, int] | None = None
    if request.next_page_token:
        page = call.tokens.list_page(request.next_page_token, call.now)
        if page.query != described:
            raise ValidationException("Invalid token")
        at, number = page.position
        after = (float(at), int(number))
    store, tokens, now = call.state.store, call.tokens, call.now

    def read() -> dict[str, Any]:
        found = store.page(query, now, after=after, limit=size + 1, reverse=reverse)
        infos = b",".join([row.info for row in found[:size]])
        answer: dict[str, Any] = {"executionInfos": msgspec.Raw(b"[" + infos + b"]")}
        if len(found) > size:
            position = found[size - 1].position
            answer["nextPageToken"] = tokens.seal(ListPage(described, position, now))
        return answer

    call.done(Later(read, of_disk=True))


def _count(call: Call, query: Query) -> None:
    store, now = call.state.store, call.now

    def read() -> dict[str, Any]:
        return {"count": store.count(query, now), "truncated": False}

    call.done(Later(read, of_disk=True))


HANDLERS: dict[type[op.Operation], Callable[[Call, Any], None]] = {
    op.ListOpenWorkflowExecutions: list_open,
    op.ListClosedWorkflowExecutions: list_closed,
    op.CountOpenWorkflowExecutions: count_open,
    op.CountClosedWorkflowExecutions: count_closed,
}
