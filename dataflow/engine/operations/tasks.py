"""Tasks: polls, answers, heartbeats, and how many wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dataflow.engine.auth.roles import may_answer
from dataflow.engine.operations.call import Call
from dataflow.engine.operations.executions import history_page
from dataflow.engine.rules import requests
from dataflow.engine.rules.checks import check_settings
from dataflow.engine.rules.domain import Write
from dataflow.engine.state import NO_TASK, Live, Poll
from dataflow.engine.task_lists import Kind, Name
from dataflow.engine.tokens import TaskToken
from dataflow.protocol import operations as op
from dataflow.protocol.events import Event
from dataflow.protocol.faults import LimitExceededFault, UnknownResourceFault, ValidationException
from dataflow.protocol.values import ActivityType, WorkflowType

# --- polls --------------------------------------------------------------------------------


def poll_for_activity_task(call: Call, request: op.PollForActivityTask) -> Poll | None:
    return _poll(call, request, "activity")


def poll_for_decision_task(call: Call, request: op.PollForDecisionTask) -> Poll | None:
    if request.next_page_token:
        _next_page(call, request)
        return None
    return _poll(call, request, "decision")


def _poll(
    call: Call, request: op.PollForActivityTask | op.PollForDecisionTask, kind: Kind
) -> Poll | None:
    name = Name(call.state.domain(request.domain).name, kind, request.task_list.name)
    most = call.state.limits.pollers
    if call.state.task_lists.polling(name) >= most:
        raise LimitExceededFault(f"{most} polls wait at the task list {name.task_list}")

    def take(live: Live, scheduled_event_id: int) -> None:
        if isinstance(request, op.PollForActivityTask):
            _hand_out_activity(call, request, live, scheduled_event_id)
        else:
            _hand_out_decision(call, request, live)

    poll = Poll(name, call.reply, call.now + call.poll_seconds, take)
    call.state.poll(poll, park=call.poll_seconds > 0)
    return None if poll.gone else poll


def _hand_out_activity(
    call: Call, request: op.PollForActivityTask, live: Live, scheduled_event_id: int
) -> None:
    execution = live.execution
    activity = execution.activities[scheduled_event_id]
    scheduled = activity.scheduled
    events = requests.start_activity_task(execution, scheduled_event_id, request.identity, call.now)
    started_event_id = activity.started_event_id
    answer = {
        "taskToken": _token(
            call, live, "activity", scheduled_event_id, started_event_id, activity.started_at
        ),
        "activityId": scheduled.activity_id,
        "startedEventId": started_event_id,
        "workflowExecution": _name(live),
        "activityType": _type(scheduled.activity_type),
    }
    if scheduled.input is not None:
        answer["input"] = scheduled.input
    call.state.record(live.domain, live.domain.rules.follow(execution, events))
    call.done(answer)


def _hand_out_decision(call: Call, request: op.PollForDecisionTask, live: Live) -> None:
    execution = live.execution
    events = requests.start_decision_task(execution, request.identity, call.now)
    written = live.domain.rules.follow(execution, events)
    call.state.record(live.domain, written)
    if not execution.open:  # its history has grown too long just now
        call.done(NO_TASK["decision"])
        return
    # Deciding has no effect of its own, and the answer commits after the events that it saw: so the
    # task need not wait for the disk.
    call.tell(_decision_page(call, request, live))


def _decision_page(
    call: Call, request: op.PollForDecisionTask, live: Live, start: int | None = None
) -> Any:
    """A page of an open decision task, from the event ``start`` on."""
    execution = live.execution
    task, kind = execution.decision_task, execution.started
    assert task is not None
    assert kind is not None
    previous = execution.previous_started_event_id
    first = max(1, previous) if request.start_at_previous_started_event else 1
    last = task.started_event_id
    reverse = bool(request.reverse_order)
    if start is None:
        start = last if reverse else first
    elif not first <= start <= last:
        raise ValidationException("Invalid token")
    return history_page(
        call,
        live,
        start,
        (first, last),
        last,
        reverse=reverse,
        size=request.maximum_page_size,
        more={
            "taskToken": _token(
                call, live, "decision", task.scheduled_event_id, last, task.started_at
            ),
            "startedEventId": last,
            "workflowExecution": _name(live),
            "workflowType": _type(kind.workflow_type),
            "previousStartedEventId": previous,
        },
    )


def _next_page(call: Call, request: op.PollForDecisionTask) -> None:
    """Another page of a task that is in the caller's hands.

    "Get the next page ... make the call again using the returned token. Keep all other arguments
    unchanged": they say again where the pages begin and which way they go.
    """
    assert request.next_page_token
    page = call.tokens.history_page(request.next_page_token, call.now)
    live = call.state.lives.get(page.run_id)
    if live is None or live.domain is not call.state.domain(request.domain):
        raise UnknownResourceFault("Unknown decision task: its execution is closed")
    # The page comes with a task token.
    may_answer(call.caller, page.key_id, live.domain.name)
    task = live.execution.decision_task
    if (
        task is None
        or not task.started_event_id
        or task.started_event_id != page.last
        or task.scheduled.task_list != request.task_list
        or page.reverse is not bool(request.reverse_order)
    ):
        raise ValidationException("Invalid token")
    call.tell(_decision_page(call, request, live, page.first))


def _token(
    call: Call, live: Live, kind: Kind, scheduled: int, started: int, started_at: float
) -> str:
    run_id, key_id = live.execution.run_id, call.caller.key_id
    return call.tokens.seal(TaskToken(kind, run_id, scheduled, started, started_at, key_id))


def _name(live: Live) -> dict[str, str]:
    return {"workflowId": live.execution.workflow_id, "runId": live.execution.run_id}


def _type(kind: ActivityType | WorkflowType) -> dict[str, str]:
    return {"name": kind.name, "version": kind.version}


# --- answers ------------------------------------------------------------------------------


def respond_decision_task_completed(call: Call, request: op.RespondDecisionTaskCompleted) -> None:
    token, live = _open(call, request.task_token, "decision")
    task = live.execution.decision_task
    if task is None or task.started_at != token.started_at:
        raise _unknown_task(token)
    check_settings(request)
    written = live.domain.rules.complete_decision_task(
        live.execution,
        token.started_event_id,
        request.decided(),
        call.now,
        execution_context=request.execution_context,
        task_list=request.task_list,
        task_list_schedule_to_start_timeout=request.task_list_schedule_to_start_timeout,
    )
    call.state.record(live.domain, written)
    call.done()


def respond_activity_task_completed(call: Call, request: op.RespondActivityTaskCompleted) -> None:
    live, task = _activity(call, request.task_token)
    result = request.result
    _write(call, live, requests.complete_activity_task(live.execution, *task, result, call.now))


def respond_activity_task_failed(call: Call, request: op.RespondActivityTaskFailed) -> None:
    live, task = _activity(call, request.task_token)
    reason, details = request.reason, request.details
    _write(
        call, live, requests.fail_activity_task(live.execution, *task, reason, details, call.now)
    )


def respond_activity_task_canceled(call: Call, request: op.RespondActivityTaskCanceled) -> None:
    live, task = _activity(call, request.task_token)
    details = request.details
    _write(call, live, requests.cancel_activity_task(live.execution, *task, details, call.now))


def record_activity_task_heartbeat(call: Call, request: op.RecordActivityTaskHeartbeat) -> None:
    live, task = _activity(call, request.task_token)
    cancel = requests.heartbeat(live.execution, *task, request.details, call.now)
    call.state.watch(live)
    call.tell({"cancelRequested": cancel}, live)


def _activity(call: Call, task_token: str) -> tuple[Live, tuple[int, int]]:
    token, live = _open(call, task_token, "activity")
    activity = live.execution.activities.get(token.scheduled_event_id)
    if activity is None or activity.started_at != token.started_at:
        raise _unknown_task(token)
    return live, (token.scheduled_event_id, token.started_event_id)


def _open(call: Call, task_token: str, kind: Kind) -> tuple[TaskToken, Live]:
    """The token and its execution, if the caller may speak of it."""
    token = call.tokens.task(task_token)
    if token.kind != kind:
        raise ValidationException("Invalid token")
    live = call.state.lives.get(token.run_id)
    if live is None or not live.execution.open:
        raise _unknown_task(token)
    may_answer(call.caller, token.key_id, live.domain.name)
    return token, live


def _unknown_task(token: TaskToken) -> UnknownResourceFault:
    what = "activity" if token.kind == "activity" else "decision task"
    return UnknownResourceFault(f"Unknown {what}, scheduledEventId = {token.scheduled_event_id}")


def _write(call: Call, live: Live, events: list[Event]) -> None:
    written: list[Write] = live.domain.rules.follow(live.execution, events)
    call.state.record(live.domain, written)
    call.done()


# --- how many wait ------------------------------------------------------------------------


def count_pending_activity_tasks(call: Call, request: op.CountPendingActivityTasks) -> None:
    _count(call, request.domain, "activity", request.task_list.name)


def count_pending_decision_tasks(call: Call, request: op.CountPendingDecisionTasks) -> None:
    _count(call, request.domain, "decision", request.task_list.name)


def _count(call: Call, domain: str, kind: Kind, task_list: str) -> None:
    name = Name(call.state.domain(domain).name, kind, task_list)
    call.tell({"count": call.state.task_lists.waiting(name), "truncated": False})


HANDLERS: dict[type[op.Operation], Callable[[Call, Any], Poll | None]] = {
    op.PollForActivityTask: poll_for_activity_task,
    op.PollForDecisionTask: poll_for_decision_task,
    op.RespondDecisionTaskCompleted: respond_decision_task_completed,
    op.RespondActivityTaskCompleted: respond_activity_task_completed,
    op.RespondActivityTaskFailed: respond_activity_task_failed,
    op.RespondActivityTaskCanceled: respond_activity_task_canceled,
    op.RecordActivityTaskHeartbeat: record_activity_task_heartbeat,
    op.CountPendingActivityTasks: count_pending_activity_tasks,
    op.CountPendingDecisionTasks: count_pending_decision_tasks,
}
