"""One domain under test: what a service would do for it, with a clock that the test sets.

Executions are named by their workflow id: it means the latest run. Each request answers what was
written, in order.
"""

from contextlib import contextmanager
from typing import NamedTuple

import pytest
from one_execution import DECIDERS, Token, dump

from dataflow.engine.rules import requests
from dataflow.engine.rules.domain import Domain
from dataflow.engine.rules.execution import Execution
from dataflow.engine.rules.registry import EveryType, TypeRegistry
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.faults import UnknownResourceFault
from dataflow.protocol.limits import SWF_LIMITS
from dataflow.protocol.operations import RegisterWorkflowType, StartWorkflowExecution
from dataflow.protocol.values import WorkflowExecution, WorkflowType

ORDER, PARCEL = WorkflowType("order", "1"), WorkflowType("parcel", "1")
ROLE = "arn:aws:iam::123456789012:role/functions"

#: What a new execution needs; the time-outs do not matter unless a test says otherwise.
NEEDED = {
    "execution_start_to_close_timeout": "100000",
    "task_list": DECIDERS,
    "task_start_to_close_timeout": "NONE",
    "child_policy": "TERMINATE",
}


def versions_of_order(**defaults):
    """A type in three versions: with defaults, ``bare``, and ``old``, which is deprecated."""
    registry = TypeRegistry()
    given = {f"default_{member}": value for member, value in defaults.items()}
    for version, settings in {"1": given, "bare": {}, "old": given}.items():
        registry.workflows.register(RegisterWorkflowType("d", "order", version, **settings), 0.0)
    registry.workflows.deprecate("order", "old", 0.0)
    return registry


def start_child(workflow_id="parcel", **settings):
    return de.StartChildWorkflowExecution(
        workflow_id=workflow_id, **{"workflow_type": PARCEL, **NEEDED, **settings}
    )


def continue_as_new(**settings):
    return de.ContinueAsNewWorkflowExecution(**{**NEEDED, **settings})


class Told(NamedTuple):
    """A new event, and of which execution."""

    workflow_id: str
    run_id: str
    event: ev.Event

    @property
    def attributes(self):
        return self.event.attributes


def story(written):
    """Who wrote what: ``order DecisionTaskCompleted``."""
    return [f"{told.workflow_id} {type(told.attributes).__name__}" for told in written]


def of(written, workflow_id):
    """What one of them wrote."""
    return [told.attributes for told in written if told.workflow_id == workflow_id]


class OneDomain:
    def __init__(self, *, registry=None, limits=SWF_LIMITS, open_executions=None):
        self._settings = {"limits": limits, "open_executions": open_executions}
        self.rules = Domain(registry or EveryType(), **self._settings)
        self.now = 1_000.0
        #: By run id, in the order of their start; closed ones, too.
        self.executions = {}
        self.histories = {}
        self.heartbeats = {}
        #: All that was ever written, as it was told.
        self.written = []

    # --- who there is ---

    def __getitem__(self, workflow_id):
        """The latest run."""
        runs = [e for e in self.executions.values() if e.workflow_id == workflow_id]
        return runs[-1]

    def name(self, workflow_id):
        return WorkflowExecution(workflow_id, self[workflow_id].run_id)

    def history(self, workflow_id):
        return [event.attributes for event in self.histories[self[workflow_id].run_id]]

    # --- clients ---

    def start(self, workflow_id="order", **settings):
        asked = {"domain": "d", "workflow_type": ORDER, **NEEDED, **settings}
        run_id = f"run-{len(self.executions) + 1}"
        return self.write(
            self.rules.start(
                StartWorkflowExecution(workflow_id=workflow_id, **asked), run_id, self.now
            )
        )

    def signal(self, workflow_id="order", signal_name="s", signal_input=None, run_id=None):
        execution = self.rules.find(workflow_id, run_id)
        return self.write(self.rules.signal(execution, signal_name, signal_input, self.now))

    def request_cancel(self, workflow_id="order", run_id=None):
        execution = self.rules.find(workflow_id, run_id)
        return self.write(self.rules.request_cancel(execution, self.now))

    def terminate(
        self, workflow_id="order", reason=None, details=None, child_policy=None, run_id=None
    ):
        execution = self.rules.find(workflow_id, run_id)
        return self.write(self.rules.terminate(execution, self.now, reason, details, child_policy))

    # --- deciders ---

    def poll(self, workflow_id="order"):
        """Take the decision task; its started event."""
        execution = self[workflow_id]
        events = requests.start_decision_task(execution, None, self.now)
        self.write(self.rules.follow(execution, events))
        return events[0].event_id

    def answer(self, workflow_id, started_event_id, *decisions, **more):
        run_id = self[workflow_id].run_id
        return self.answer_of_run(run_id, started_event_id, *decisions, **more)

    def answer_of_run(self, run_id, started_event_id, *decisions, **more):
        return self.write(
            self.rules.complete_decision_task(
                self.executions[run_id], started_event_id, decisions, self.now, **more
            )
        )

    def decide(self, workflow_id, *decisions):
        """Take the decision task and answer it."""
        return self.answer(workflow_id, self.poll(workflow_id), *decisions)

    def begin(self, workflow_id, *decisions, **settings):
        """Start an execution with a decision, and let it see what has come of it."""
        self.start(workflow_id, **settings)
        self.decide(workflow_id, *decisions)
        self.decide(workflow_id)

    # --- workers ---

    def take(self, workflow_id, activity_id):
        execution = self[workflow_id]
        scheduled = execution.activity_ids[activity_id]
        events = requests.start_activity_task(execution, scheduled, None, self.now)
        self.write(self.rules.follow(execution, events))
        return Token(scheduled, events[0].event_id)

    def report(self, how, run_id, token):
        """``how``: complete, fail, cancel or heartbeat."""
        execution = self.executions[run_id]
        match how:
            case "complete":
                events = requests.complete_activity_task(execution, *token, "r", self.now)
            case "fail":
                events = requests.fail_activity_task(execution, *token, "r", "d", self.now)
            case "cancel":
                events = requests.cancel_activity_task(execution, *token, "d", self.now)
            case "heartbeat":
                requests.heartbeat(execution, *token, how, self.now)
                self.heartbeats[run_id, token] = (how, self.now)
                return []
        return self.write(self.rules.follow(execution, events))

    def end_function(self, run_id, scheduled_event_id, outcome):
        """``outcome``: a class of events, with what it says of the end."""
        kind, said = outcome
        execution = self.executions[run_id]
        events = requests.end_lambda_function(
            execution,
            scheduled_event_id,
            lambda started: kind(
                scheduled_event_id=scheduled_event_id, started_event_id=started, **said
            ),
            self.now,
        )
        return self.write(self.rules.follow(execution, events))

    # --- time ---

    def restart(self):
        """Go on with what the histories tell, as an engine does that was stopped."""
        self.rules = Domain(self.rules.registry, **self._settings)
        self.heartbeats = {}
        for run_id, execution in self.executions.items():
            if execution.open:
                folded = self.executions[run_id] = self.folded(run_id)
                requests.resume(folded, self.now)
                self.rules.add(folded)
                # It is as if every worker had been heard of.
                for activity in folded.activities.values():
                    if activity.started_event_id:
                        token = Token(activity.scheduled_event_id, activity.started_event_id)
                        self.heartbeats[run_id, token] = (None, self.now)

    def next_deadline(self):
        """The earliest deadline of all, and whose it is; of two at once, the older's."""
        deadlines = [
            (when, number, execution)
            for number, execution in enumerate(self.executions.values())
            if (when := requests.next_deadline(execution)) is not None
        ]
        return min(deadlines, default=None)

    def expire(self, until):
        """Let one deadline take effect; [] if none has passed."""
        first = self.next_deadline()
        if first is None or first[0] > until:
            return []
        self.now = max(self.now, first[0])
        return self.write(self.rules.expire(first[2], self.now))

    def wait(self, seconds):
        """Let time pass, to each deadline in turn."""
        until, written = self.now + seconds, []
        while expired := self.expire(until):
            written += expired
        self.now = until
        return written

    # --- what is true ---

    def write(self, writes):
        """Store what a request has written: for each execution, what comes next."""
        written = []
        for execution, events in writes:
            assert events, "nothing is written as such"
            self.executions.setdefault(execution.run_id, execution)
            history = self.histories.setdefault(execution.run_id, [])
            for event in events:
                assert event.event_id == len(history) + 1, "what is told is not what comes next"
                history.append(event)
                written.append(Told(execution.workflow_id, execution.run_id, event))
        self.written += written
        return written

    def folded(self, run_id):
        """The state that a history leads to, and the heartbeats, of which it does not tell."""
        state = Execution.fold(self.executions[run_id].workflow_id, run_id, self.histories[run_id])
        for (run, token), heartbeat in self.heartbeats.items():
            if run == run_id and token.scheduled_event_id in state.activities:
                requests.heartbeat(state, *token, *heartbeat)
        return state

    def dump(self):
        """Everything, to be compared."""
        states = {run_id: dump(execution) for run_id, execution in self.executions.items()}
        return states, {run_id: len(history) for run_id, history in self.histories.items()}

    @contextmanager
    def refused(self, fault=UnknownResourceFault, match=None):
        """What happens here is refused, and changes nothing."""
        before, open_before = self.dump(), dict(self.rules.open)
        with pytest.raises(fault, match=match):
            yield
        assert self.dump() == before
        assert self.rules.open == open_before
