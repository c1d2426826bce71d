"""What must hold in an engine at any moment, whatever it has been asked.

It is told from the events alone wherever that is possible, and from nothing that the engine has
derived from them.
"""

import collections
import itertools
import json
import math

from random_requests import MODEL, misfit

from dataflow.engine.rules.deadlines import Deadlines
from dataflow.engine.rules.execution import (
    DecisionTask,
    Execution,
    OpenActivity,
    OpenChild,
    OpenLambda,
    OpenTimer,
)
from dataflow.engine.state import execution_info
from dataflow.protocol import events as ev

HISTORY_EVENT = MODEL.shape_for("HistoryEvent")

#: The members that refer to an earlier event of the same history, and what that must be.
REFERENCES = {
    ("ActivityTask", "scheduledEventId"): "ActivityTaskScheduled",
    ("ActivityTask", "startedEventId"): "ActivityTaskStarted",
    ("ActivityTask", "latestCancelRequestedEventId"): "ActivityTaskCancelRequested",
    ("DecisionTask", "scheduledEventId"): "DecisionTaskScheduled",
    ("DecisionTask", "startedEventId"): "DecisionTaskStarted",
    ("LambdaFunction", "scheduledEventId"): "LambdaFunctionScheduled",
    ("LambdaFunction", "startedEventId"): "LambdaFunctionStarted",
    ("StartLambdaFunction", "scheduledEventId"): "LambdaFunctionScheduled",
    ("Timer", "startedEventId"): "TimerStarted",
    ("ChildWorkflow", "initiatedEventId"): "StartChildWorkflowExecutionInitiated",
    ("ChildWorkflow", "startedEventId"): "ChildWorkflowExecutionStarted",
    ("StartChildWorkflow", "initiatedEventId"): "StartChildWorkflowExecutionInitiated",
    ("SignalExternal", "initiatedEventId"): "SignalExternalWorkflowExecutionInitiated",
    ("ExternalWorkflowExecutionSignaled", "initiatedEventId"): (
        "SignalExternalWorkflowExecutionInitiated"
    ),
    ("ExternalWorkflowExecutionCancel", "initiatedEventId"): (
        "RequestCancelExternalWorkflowExecutionInitiated"
    ),
    ("RequestCancelExternal", "initiatedEventId"): (
        "RequestCancelExternalWorkflowExecutionInitiated"
    ),
    ("", "decisionTaskCompletedEventId"): "DecisionTaskCompleted",
}
#: These refer to the history of another execution.
ELSEWHERE = {"externalInitiatedEventId", "parentInitiatedEventId"}
#: 0 stands for: there is none.
MAY_BE_NONE = {
    "startedEventId",
    "latestCancelRequestedEventId",
    "initiatedEventId",
    "decisionTaskCompletedEventId",
}

ENDS = {
    "activity": {f"ActivityTask{how}" for how in ("Completed", "Failed", "TimedOut", "Canceled")},
    "decision": {"DecisionTaskCompleted", "DecisionTaskTimedOut"},
    "function": {
        "LambdaFunctionCompleted",
        "LambdaFunctionFailed",
        "LambdaFunctionTimedOut",
        "StartLambdaFunctionFailed",
    },
    "timer": {"TimerFired", "TimerCanceled"},
    "child": {
        "StartChildWorkflowExecutionFailed",
        *(
            f"ChildWorkflowExecution{how}"
            for how in ("Completed", "Failed", "TimedOut", "Canceled", "Terminated")
        ),
    },
}
BEGINS = {
    "activity": "ActivityTaskScheduled",
    "decision": "DecisionTaskScheduled",
    "function": "LambdaFunctionScheduled",
    "timer": "TimerStarted",
    "child": "StartChildWorkflowExecutionInitiated",
}
CLOSES = {
    f"WorkflowExecution{how}"
    for how in ("Completed", "Failed", "Canceled", "TimedOut", "Terminated", "ContinuedAsNew")
}
#: The member that says which of several things has ended.
NAMED_BY = {
    "activity": "scheduledEventId",
    "decision": "scheduledEventId",
    "function": "scheduledEventId",
    "timer": "startedEventId",
    "child": "initiatedEventId",
}


def attributes(event):
    kind = event["eventType"]
    return event[f"{kind[0].lower()}{kind[1:]}EventAttributes"]


class Told:
    """What a history tells, read without the rules."""

    def __init__(self, bodies):
        self.events = [json.loads(body) for body in bodies]
        #: Of each kind of thing: the events that began those which have not ended.
        self.open = {kind: set() for kind in BEGINS}
        #: Of these, those that somebody has.
        self.started = set()
        for event in self.events:
            self._read(event)
        self.closed = bool(self.events) and self.events[-1]["eventType"] in CLOSES
        if self.closed:
            self.open = {kind: set() for kind in BEGINS}

    def _read(self, event):
        kind, number, about = event["eventType"], event["eventId"], attributes(event)
        for thing, begins in BEGINS.items():
            if kind == begins:
                assert thing != "decision" or not self.open[thing], "two open decision tasks"
                self.open[thing].add(number)
            elif kind in ENDS[thing] and about[NAMED_BY[thing]]:
                which = about[NAMED_BY[thing]]
                assert which in self.open[thing], f"{kind} of what is not open"
                self.open[thing].discard(which)
        if kind in {"ActivityTaskStarted", "DecisionTaskStarted"}:
            which = about["scheduledEventId"]
            assert which not in self.started, f"{which} was handed out twice"
            self.started.add(which)

    @property
    def waiting(self):
        """The tasks that wait in lists: kind, list."""
        for kind in ("activity", "decision"):
            for number in self.open[kind] - self.started:
                yield kind, attributes(self.events[number - 1])["taskList"]["name"]

    @property
    def open_counts(self):
        counts = {
            "openActivityTasks": "activity",
            "openDecisionTasks": "decision",
            "openTimers": "timer",
            "openChildWorkflowExecutions": "child",
            "openLambdaFunctions": "function",
        }
        return {name: len(self.open[kind]) for name, kind in counts.items()}

    def check(self):
        """Whether it is a history at all."""
        before = -math.inf
        for number, event in enumerate(self.events, 1):
            assert event["eventId"] == number, "a gap"
            assert event["eventTimestamp"] >= before, "time goes back"
            before = event["eventTimestamp"]
            assert misfit(HISTORY_EVENT, event) is None, misfit(HISTORY_EVENT, event)
            self._check_references(event)
            kind = event["eventType"]
            assert (kind == "WorkflowExecutionStarted") is (number == 1)
            assert kind not in CLOSES or number == len(self.events), "an event after the close"
        if not self.closed:
            assert self.open["decision"] or not self._unseen(), "nobody decides"

    def _unseen(self):
        """Whether something has happened since a decider looked last, of what is never its own."""
        news = {"WorkflowExecutionStarted", "WorkflowExecutionSignaled", "TimerFired"} | (
            ENDS["activity"] | {"WorkflowExecutionCancelRequested", "DecisionTaskTimedOut"}
        )
        kinds = [event["eventType"] for event in reversed(self.events)]
        return news & set(itertools.takewhile(lambda kind: kind != "DecisionTaskStarted", kinds))

    def _check_references(self, event):
        kind = event["eventType"]
        for name, number in attributes(event).items():
            if not name.endswith("EventId") or name in ELSEWHERE:
                continue
            if number == 0 and name in MAY_BE_NONE:
                continue
            (wanted,) = {
                wanted
                for (prefix, member), wanted in REFERENCES.items()
                if kind.startswith(prefix) and member == name
            }
            assert 0 < number < event["eventId"], f"{kind}.{name} is {number}"
            assert self.events[number - 1]["eventType"] == wanted, f"{kind}.{name}"


def dump(state):
    """The state as plain values, to be compared; less what no event tells: heartbeats."""
    match state:
        case OpenActivity():
            told = {name: dump(getattr(state, name)) for name in OpenActivity.__slots__}
            return {**told, "heartbeat_at": None, "details": None}
        case Execution():
            return {name: dump(value) for name, value in vars(state).items()}
        case DecisionTask() | OpenChild() | OpenLambda() | OpenTimer():
            return {name: dump(getattr(state, name)) for name in state.__slots__}
        case Deadlines():
            heartbeats = {key for key in state._when if key.kind.name == "ACTIVITY"}
            return {key: None if key in heartbeats else at for key, at in state._when.items()}
        case dict():
            return {key: dump(value) for key, value in state.items()}
    return state


class Soundness:
    """Checks an engine again and again; what has not changed is not read again."""

    def __init__(self):
        self._read = {}

    def check(self, service):
        """All of it. The engine is at rest."""
        state, store = service._state, service._state.store
        headers = list(store.headers())
        assert not state.commits.pending.events
        for header in headers:
            self._check_history(store, header)
        open_ = [header for header in headers if header.closed is None]
        assert {header.run_id for header in open_} == set(state.lives)
        for domain in state.domains.values():
            ids = {h.workflow_id: h.run_id for h in open_ if h.domain == domain.number}
            runs = {one: run.run_id for one, run in domain.rules.open.items()}
            assert ids == runs
        for header in open_:
            self._check_live(state, header)
        self._check_lists(service, open_)
        return {header.run_id: self._read[header.number] for header in headers}

    def told(self, header):
        return self._read[header.number][1]

    def _check_history(self, store, header):
        last = store.last_event_id(header.number)
        read = self._read.get(header.number)
        if read is None or read[0] != (last, header):
            bodies = store.events(header.number)
            assert len(bodies) == last
            told = Told(bodies)
            told.check()
            folded = Execution.fold(header.workflow_id, header.run_id, map(ev.decode, bodies))
            self._read[header.number] = ((last, header), told, dump(folded))
            self._check_header(header, folded, told)

    def _check_header(self, header, folded, told):
        started = attributes(told.events[0])
        end = told.events[-1]
        closed = end["eventTimestamp"] if told.closed else None
        assert header.closed == closed
        assert header.started == told.events[0]["eventTimestamp"]
        assert (header.expires is None) is (closed is None)
        assert header.close_status == folded.close_status
        assert {"name": header.type_name, "version": header.type_version} == (
            started["workflowType"]
        )
        assert header.info == execution_info(folded, closed)

    def _check_live(self, state, header):
        live = state.lives[header.run_id]
        assert live.header == header
        _, told, folded = self._read[header.number]
        assert dump(live.execution) == folded, "memory differs from the disk"
        assert live.saved
        waiting = {
            number for kind in ("activity", "decision") for number in told.open[kind]
        } - told.started
        assert set(live.waiting) == waiting
        first = live.execution.deadlines.first()
        if first is not None:
            assert live.alarm is not None, "nobody looks at its deadline"
            assert live.alarm <= first[0]

    def _check_lists(self, service, open_):
        names = {domain.number: name for name, domain in service._state.domains.items()}
        backlog = collections.Counter(
            (names[header.domain], *waiting)
            for header in open_
            for waiting in self.told(header).waiting
        )
        gauges = service.gauges()
        assert gauges.open_executions == len(open_)
        assert {tuple(name): count for name, count in gauges.backlog.items()} == backlog
        for task_list in service._state.task_lists:
            both = task_list.waiting and task_list.polls
            assert not both or service.trouble, "a task and a poll wait together"
            assert task_list.waiting or task_list.polls, "a list of nothing"
