"""Executions: start, signal, cancel, terminate, describe, history."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from dataflow.engine.histories import Reading
from dataflow.engine.later import Later
from dataflow.engine.operations.call import Call
from dataflow.engine.rules.checks import check_settings
from dataflow.engine.rules.execution import Execution
from dataflow.engine.state import Live
from dataflow.engine.store import Header
from dataflow.engine.tokens import HistoryPage
from dataflow.protocol import events as ev
from dataflow.protocol import operations as op
from dataflow.protocol.faults import UnknownResourceFault, ValidationException
from dataflow.protocol.limits import PAGE_SIZE
from dataflow.protocol.values import WorkflowExecution


def start_workflow_execution(call: Call, request: op.StartWorkflowExecution) -> None:
    domain = call.state.registered_domain(request.domain)
    check_settings(request)
    run_id = uuid.uuid4().hex
    call.state.record(domain, domain.rules.start(request, run_id, call.now))
    call.done({"runId": run_id})


def signal_workflow_execution(call: Call, request: op.SignalWorkflowExecution) -> None:
    domain = call.state.domain(request.domain)
    execution = domain.rules.find(request.workflow_id, request.run_id)
    written = domain.rules.signal(execution, request.signal_name, request.input, call.now)
    call.state.record(domain, written)
    call.done()


def request_cancel_workflow_execution(
    call: Call, request: op.RequestCancelWorkflowExecution
) -> None:
    domain = call.state.domain(request.domain)
    execution = domain.rules.find(request.workflow_id, request.run_id)
    call.state.record(domain, domain.rules.request_cancel(execution, call.now))
    call.done()


def terminate_workflow_execution(call: Call, request: op.TerminateWorkflowExecution) -> None:
    domain = call.state.domain(request.domain)
    execution = domain.rules.find(request.workflow_id, request.run_id)
    written = domain.rules.terminate(
        execution, call.now, request.reason, request.details, request.child_policy
    )
    call.state.record(domain, written)
    call.done()


# --- looking ------------------------------------------------------------------------------


def describe_workflow_execution(call: Call, request: op.DescribeWorkflowExecution) -> None:
    found = _find(call, request.domain, request.execution)
    if isinstance(found, Live):
        call.tell(_detail(found.execution, found.header.info), found)
        return
    store = call.state.store

    def read() -> dict[str, Any]:
        events = map(ev.decode, store.events(found.number))
        return _detail(Execution.fold(found.workflow_id, found.run_id, events), found.info)

    call.tell(Later(read))


def get_workflow_execution_history(call: Call, request: op.GetWorkflowExecutionHistory) -> None:
    found = _find(call, request.domain, request.execution)
    live = found if isinstance(found, Live) else None
    if live is not None:
        last_event_id = live.execution.last_event_id
    else:
        last_event_id = call.state.store.last_event_id(found.number)
    run_id = request.execution.run_id
    if request.next_page_token:
        page = call.tokens.history_page(request.next_page_token, call.now)
        # A token of a poll ends where the decision task started; it is of no use here.
        if page.run_id != run_id or page.last:
            raise ValidationException("Invalid token")
        start, reverse = page.first, page.reverse
    else:
        reverse = bool(request.reverse_order)
        start = last_event_id if reverse else 1
    bounds, size = (1, last_event_id), request.maximum_page_size
    call.tell(history_page(call, found, start, bounds, 0, reverse=reverse, size=size), live)


def history_page(  # noqa: PLR0913 - where a page begins and ends
    call: Call,
    found: Live | Header,
    start: int,
    bounds: tuple[int, int],
    token_last: int,
    *,
    reverse: bool,
    size: int | None,
    more: dict[str, Any] | None = None,
) -> dict[str, Any] | Later:
    """A page of the events from ``start`` on, within bounds, and the token for the next one.

    ``token_last`` is the last event that further pages will have (0: whatever there is by then);
    ``more`` is what the answer says besides.
    """
    first, last = bounds
    size = size or PAGE_SIZE
    if reverse:
        wanted = (max(first, start - size + 1), start)
    else:
        wanted = (start, min(last, start + size - 1))
    if isinstance(found, Live):
        reading = call.state.histories.read(found, *wanted, reverse=reverse)
    else:
        reading = Reading(call.state.store, found.number, wanted, [], reverse=reverse)
    tokens, now, key_id = call.tokens, call.now, call.caller.key_id
    run_id = found.header.run_id if isinstance(found, Live) else found.run_id

    def read() -> dict[str, Any]:
        events, count = reading.page()
        answer: dict[str, Any] = {"events": events, **(more or {})}
        following = start - count if reverse else start + count
        if first <= following <= last and count:
            page = HistoryPage(run_id, following, token_last, reverse, now, key_id)
            answer["nextPageToken"] = tokens.seal(page)
        return answer

    return read() if reading.at_hand else Later(read)


def _find(call: Call, domain_name: str, execution: WorkflowExecution) -> Live | Header:
    """The execution, open or closed. Raises `UnknownResourceFault`."""
    domain = call.state.domain(domain_name)
    found = call.state.lives.get(execution.run_id)
    header = call.state.store.header(execution.run_id) if found is None else found.header
    if (
        header is None
        or header.domain != domain.number
        or header.workflow_id != execution.workflow_id
        or (header.expires is not None and header.expires <= call.now)
    ):
        raise UnknownResourceFault(
            "Unknown execution: WorkflowExecution="
            f"[workflowId={execution.workflow_id}, runId={execution.run_id}]"
        )
    return found or header


def _detail(execution: Execution, info: bytes) -> dict[str, Any]:
    started = execution.started
    assert started is not None
    configuration: dict[str, Any] = {
        "taskStartToCloseTimeout": started.task_start_to_close_timeout,
        "executionStartToCloseTimeout": started.execution_start_to_close_timeout,
        "taskList": started.task_list,
        "childPolicy": started.child_policy,
    }
    if started.task_priority is not None:
        configuration["taskPriority"] = started.task_priority
    if started.lambda_role is not None:
        configuration["lambdaRole"] = started.lambda_role
    detail: dict[str, Any] = {
        "executionInfo": msgspec.Raw(info),
        "executionConfiguration": configuration,
        "openCounts": {
            "openActivityTasks": len(execution.activities),
            "openDecisionTasks": int(execution.decision_task is not None),
            "openTimers": len(execution.timers),
            "openChildWorkflowExecutions": len(execution.children) if execution.open else 0,
            "openLambdaFunctions": len(execution.lambdas),
        },
    }
    if execution.latest_activity_at is not None:
        detail["latestActivityTaskTimestamp"] = execution.latest_activity_at
    if execution.execution_context is not None:
        detail["latestExecutionContext"] = execution.execution_context
    return detail


HANDLERS: dict[type[op.Operation], Callable[[Call, Any], None]] = {
    op.StartWorkflowExecution: start_workflow_execution,
    op.SignalWorkflowExecution: signal_workflow_execution,
    op.RequestCancelWorkflowExecution: request_cancel_workflow_execution,
    op.TerminateWorkflowExecution: terminate_workflow_execution,
    op.DescribeWorkflowExecution: describe_workflow_execution,
    op.GetWorkflowExecutionHistory: get_workflow_execution_history,
}
