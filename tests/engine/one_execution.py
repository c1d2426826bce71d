"""One execution under test: what a service would do for it, with a clock that the test sets."""

from contextlib import contextmanager
from typing import NamedTuple

import pytest

from dataflow.engine.rules import requests
from dataflow.engine.rules.deadlines import Deadlines
from dataflow.engine.rules.execution import (
    DecisionTask,
    Execution,
    OpenActivity,
    OpenChild,
    OpenLambda,
    OpenTimer,
    Recorder,
)
from dataflow.engine.rules.registry import EveryType
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.faults import UnknownResourceFault
from dataflow.protocol.limits import SWF_LIMITS
from dataflow.protocol.values import ActivityType, TaskList, WorkflowType

WORKFLOW_ID, RUN_ID = "order-17", "run-1"
DECIDERS, WORKERS = TaskList("deciders"), TaskList("workers")
PAY = ActivityType("pay", "1")


class Token(NamedTuple):
    """What names an activity task that was handed out."""

    scheduled_event_id: int
    started_event_id: int


def started_with(**settings):
    """The first event, with time-outs that do not matter unless a test says otherwise."""
    return ev.WorkflowExecutionStarted(
        **{
            "child_policy": "TERMINATE",
            "task_list": DECIDERS,
            "workflow_type": WorkflowType("order", "1"),
            "execution_start_to_close_timeout": "100000",
            "task_start_to_close_timeout": "NONE",
            **settings,
        }
    )


def schedule(activity_id="a", **settings):
    """A decision to schedule an activity, without time-outs unless a test says otherwise."""
    return de.ScheduleActivityTask(
        activity_id=activity_id,
        **{
            "activity_type": PAY,
            "task_list": WORKERS,
            "schedule_to_start_timeout": "NONE",
            "schedule_to_close_timeout": "NONE",
            "start_to_close_timeout": "NONE",
            **settings,
        },
    )


def dump(state):
    """The state as plain values, to be compared."""
    match state:
        case Execution():
            return {name: dump(value) for name, value in vars(state).items()}
        case DecisionTask() | OpenActivity() | OpenChild() | OpenLambda() | OpenTimer():
            return {name: dump(getattr(state, name)) for name in state.__slots__}
        case Deadlines():
            return dict(state._when)
        case dict():
            return {key: dump(value) for key, value in state.items()}
    return state


class OneExecution:
    """The state of an execution, its history so far, and the time.

    Each request answers the attributes of the events that were written.
    """

    def __init__(self, *, registry=None, limits=SWF_LIMITS):
        self.state = Execution(WORKFLOW_ID, RUN_ID)
        self.history = []
        self.heartbeats = {}
        self.now = 1_000.0
        self.registry = registry or EveryType()
        self.limits = limits

    # --- the outside ---

    def start(self, **settings):
        return self._write(requests.start(self.state, started_with(**settings), self.now))

    def signal(self, name="s"):
        signaled = ev.WorkflowExecutionSignaled(signal_name=name)
        return self._write(requests.signal(self.state, signaled, self.now))

    def request_cancel(self):
        requested = ev.WorkflowExecutionCancelRequested()
        return self._write(requests.request_cancel(self.state, requested, self.now))

    def record(self, attributes):
        """Write what nobody has asked for."""
        recorder = Recorder(self.state, self.now)
        recorder.add(attributes)
        return self._write(recorder.finish())

    def terminate(self, **why):
        return self._write(requests.terminate(self.state, self.now, **why))

    def wait(self, seconds):
        """Let time pass, to each deadline in turn."""
        until = self.now + seconds
        written = []
        while (deadline := requests.next_deadline(self.state)) is not None and deadline <= until:
            self.now = max(self.now, deadline)
            written += self._write(requests.expire(self.state, self.now))
        self.now = until
        return written

    # --- the decider ---

    def poll(self, identity=None):
        """Take the decision task; its started event."""
        self._write(requests.start_decision_task(self.state, identity, self.now))
        return self.history[-1].event_id

    def answer(self, started_event_id, *decisions, **more):
        return self._write(
            requests.complete_decision_task(
                self.state,
                started_event_id,
                decisions,
                self.now,
                registry=self.registry,
                limits=self.limits,
                **more,
            )
        )

    def decide(self, *decisions):
        """Take the decision task and answer it."""
        return self.answer(self.poll(), *decisions)

    # --- the worker ---

    def take(self, activity_id="a", identity=None):
        """Take an activity task."""
        scheduled = self.state.activity_ids[activity_id]
        self._write(requests.start_activity_task(self.state, scheduled, identity, self.now))
        return Token(scheduled, self.history[-1].event_id)

    def complete(self, token, result=None):
        return self._write(requests.complete_activity_task(self.state, *token, result, self.now))

    def fail(self, token, reason=None, details=None):
        return self._write(
            requests.fail_activity_task(self.state, *token, reason, details, self.now)
        )

    def cancel(self, token, details=None):
        return self._write(requests.cancel_activity_task(self.state, *token, details, self.now))

    def heartbeat(self, token, details=None):
        asked_to_stop = requests.heartbeat(self.state, *token, details, self.now)
        self.heartbeats[token] = (details, self.now)
        return asked_to_stop

    # --- who is known to be gone ---

    def lose_decider(self):
        return self._write(requests.lose_decider(self.state, self.now))

    def lose_worker(self, token):
        return self._write(
            requests.lose_activity_task(self.state, token.scheduled_event_id, self.now)
        )

    # --- what is true ---

    def _write(self, events):
        self.history += events
        return [event.attributes for event in events]

    def folded(self):
        """The state that the history leads to, and the heartbeats, of which it does not tell."""
        state = Execution.fold(WORKFLOW_ID, RUN_ID, self.history)
        for token, heartbeat in self.heartbeats.items():
            activity = state.activities.get(token.scheduled_event_id)
            if activity is not None:
                requests.heartbeat(state, *token, *heartbeat)
        return state

    @contextmanager
    def refused(self, fault=UnknownResourceFault, match=None):
        """What happens here is refused, and changes nothing."""
        before, length = dump(self.state), len(self.history)
        with pytest.raises(fault, match=match):
            yield
        assert dump(self.state) == before
        assert len(self.history) == length


def kinds(attributes):
    """The event types."""
    return [type(a).__name__ for a in attributes]
