"""A server that is killed again and again, and clients that write down what it has told them.

    python killing.py SOCKET JOURNAL ROLE...     runs clients until SIGTERM; SIGUSR1: nothing new

Each client notes in its journal, before it goes on, what the server has acknowledged. When all is
over, `Evidence` holds the journals against the histories in the file, which it reads with nothing
of the engine. What a client has asked without hearing of it may have happened or not.

A workflow here is a plan: a list of steps, two at a time, each of which the decider takes again
when it has failed or timed out. So every execution ends, unless the engine loses something.
"""

import collections
import contextlib
import itertools
import json
import os
import random
import signal
import socket
import sqlite3
import sys
import threading
import time
from pathlib import Path

DOMAIN, DECIDERS, WORKERS = "killing", {"name": "deciders"}, {"name": "workers"}
WORKFLOW, ACTIVITY = {"name": "plan", "version": "1"}, {"name": "step", "version": "1"}
#: A task that was in the hands of a dead server or client is taken again after so many seconds.
TASK_SECONDS = "2"
#: Executions that are open at once.
MOST_OPEN = 40
REGISTRATIONS = (
    ("RegisterDomain", {"name": DOMAIN, "workflowExecutionRetentionPeriodInDays": "9"}),
    (
        "RegisterWorkflowType",
        {
            "domain": DOMAIN,
            **WORKFLOW,
            "defaultTaskList": DECIDERS,
            "defaultTaskStartToCloseTimeout": TASK_SECONDS,
            "defaultExecutionStartToCloseTimeout": "86400",
            "defaultChildPolicy": "ABANDON",
        },
    ),
    (
        "RegisterActivityType",
        {
            "domain": DOMAIN,
            **ACTIVITY,
            "defaultTaskList": WORKERS,
            "defaultTaskStartToCloseTimeout": TASK_SECONDS,
            "defaultTaskHeartbeatTimeout": TASK_SECONDS,
            "defaultTaskScheduleToStartTimeout": "NONE",
            "defaultTaskScheduleToCloseTimeout": "NONE",
        },
    ),
)


class LostError(Exception):
    """The server did not answer: nobody knows what it has done."""


class RefusedError(Exception):
    """The server's answer is a fault; the argument is its name."""


class Wire:
    """A connection to the server, made anew when it is lost."""

    def __init__(self, path, timeout=90):
        self._path = path
        self._timeout = timeout
        self._socket = None
        self._file = None

    def ask(self, operation, **request):
        """The answer. Raises `LostError` or `RefusedError`."""
        self.send(operation, **request)
        return self.receive()

    def send(self, operation, **request):
        """The first half of `ask`."""
        try:
            if self._socket is None:
                self._connect()
            body = json.dumps(request).encode()
            self._socket.sendall(_HEAD % (operation.encode(), len(body)) + body)
        except OSError as error:
            self.close()
            raise LostError(operation) from error

    def receive(self):
        """The second half of `ask`."""
        try:
            status, answer = self._answer()
        except (OSError, ValueError) as error:
            self.close()
            raise LostError from error
        if status != 200:
            raise RefusedError(json.loads(answer)["__type"].rpartition("#")[2])
        return json.loads(answer or b"{}")

    def _connect(self):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(self._timeout)
        self._socket.connect(self._path)
        self._file = self._socket.makefile("rb")

    def _answer(self):
        status, length = int(self._line().split()[1]), 0
        while (line := self._line()) != b"\r\n":
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = self._file.read(length)
        if len(body) < length:
            raise ConnectionResetError
        return status, body

    def _line(self):
        line = self._file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError
        return line

    def close(self):
        if self._file is not None:
            self._file.close()
        if self._socket is not None:
            self._socket.close()
        self._socket = self._file = None


_HEAD = (
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-amz-json-1.0\r\n"
    b"x-amz-target: SimpleWorkflowService.%b\r\ncontent-length: %d\r\n\r\n"
)


class Journal:
    """What was acknowledged, a line each; it outlives its process."""

    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, kind, **what):
        os.write(self._file, json.dumps({"kind": kind, **what}).encode() + b"\n")


# --- clients ------------------------------------------------------------------------------


class Client:
    """One client, in a thread of its own."""

    def __init__(self, name, wire, journal, ending):
        self.name = name
        self.wire = wire
        self.journal = journal
        #: No new work; then: no work at all.
        self.quiet, self.stopped = ending
        self.chance = random.Random(name)  # noqa: S311 - no secret
        self.numbers = itertools.count()

    def unique(self):
        """A text that nobody else has written."""
        return f"{self.name}-{next(self.numbers)}"

    def run(self):
        while not self.stopped.is_set():
            try:
                self.turn()
            except LostError:
                self.stopped.wait(0.02)
            except RefusedError as refused:
                # A task that has timed out, an execution that has ended; a server that stops.
                if str(refused) not in {"UnknownResourceFault", "ServiceUnavailable"}:
                    self.journal.note("wrong", fault=str(refused), client=self.name)
        self.wire.close()

    def insist(self, operation, **request):
        """Ask until there is an answer: to what cannot be done twice."""
        while True:
            try:
                return self.wire.ask(operation, domain=DOMAIN, **request)
            except LostError:
                if self.stopped.wait(0.02):
                    raise


class Starter(Client):
    """Starts executions; now and then it ends one."""

    def turn(self):
        if self.quiet.is_set() or self._open() >= MOST_OPEN:
            self.stopped.wait(0.05)
            return
        for _ in range(8):
            plan = self.chance.choices(STEPS, k=self.chance.randint(2, 6))
            request = {
                "workflowId": self.unique(),
                "input": json.dumps(plan),
                "tagList": [self.unique()],
            }
            self.journal.note("asked to start", **request)
            run_id = self._start(request)
            if run_id is not None:
                self.journal.note("started", runId=run_id, **request)
                if self.chance.random() < 0.1:
                    self._terminate(request["workflowId"], run_id)

    def _open(self):
        since = {"startTimeFilter": {"oldestDate": 0}}
        return self.insist("CountOpenWorkflowExecutions", **since)["count"]

    def _start(self, request):
        try:
            return self.insist("StartWorkflowExecution", workflowType=WORKFLOW, **request)["runId"]
        except RefusedError as refused:
            # It had been started when the answer was lost.
            if str(refused) != "WorkflowExecutionAlreadyStartedFault":
                raise
        return None

    def _terminate(self, workflow_id, run_id):
        reason = self.unique()
        self.wire.ask(
            "TerminateWorkflowExecution",
            domain=DOMAIN,
            workflowId=workflow_id,
            runId=run_id,
            reason=reason,
        )
        self.journal.note("terminated", runId=run_id, reason=reason)


class Signaller(Client):
    """Signals executions that are open."""

    def turn(self):
        self.stopped.wait(0.01)
        since = {"startTimeFilter": {"oldestDate": 0}}
        infos = self.insist("ListOpenWorkflowExecutions", **since)["executionInfos"]
        for info in self.chance.sample(infos, min(4, len(infos))):
            if self.quiet.is_set():
                return
            execution, text = info["execution"], self.unique()
            self.journal.note("asked to signal", input=text)
            self.wire.ask(
                "SignalWorkflowExecution",
                domain=DOMAIN,
                workflowId=execution["workflowId"],
                runId=execution["runId"],
                signalName="s",
                input=text,
            )
            self.journal.note("signaled", runId=execution["runId"], input=text)


class Worker(Client):
    """Does activity tasks, or fails to."""

    def turn(self):
        task = self.wire.ask(
            "PollForActivityTask", domain=DOMAIN, taskList=WORKERS, identity=self.name
        )
        if not task["taskToken"]:
            return
        about = {
            "runId": task["workflowExecution"]["runId"],
            "startedEventId": task["startedEventId"],
        }
        self.journal.note(
            "handed out", identity=self.name, id=task["activityId"], input=task["input"], **about
        )
        token = task["taskToken"]
        if self.chance.random() < 0.2:
            self.insist_on_answer("RecordActivityTaskHeartbeat", taskToken=token, details="alive")
        if self.chance.random() < 0.1:
            reason = self.unique()
            self.insist_on_answer("RespondActivityTaskFailed", taskToken=token, reason=reason)
            self.journal.note("failed", text=reason, **about)
        else:
            result = self.unique()
            self.insist_on_answer("RespondActivityTaskCompleted", taskToken=token, result=result)
            self.journal.note("completed", text=result, **about)

    def insist_on_answer(self, operation, **request):
        while True:
            try:
                return self.wire.ask(operation, **request)
            except LostError:
                if self.stopped.wait(0.02):
                    raise


class Decider(Client):
    """Carries out plans."""

    def turn(self):
        task = self.wire.ask(
            "PollForDecisionTask", domain=DOMAIN, taskList=DECIDERS, identity=self.name
        )
        if not task["taskToken"]:
            return
        context = self.unique()
        decisions = decide(task["workflowExecution"]["workflowId"], task["events"])
        self.wire.ask(
            "RespondDecisionTaskCompleted",
            taskToken=task["taskToken"],
            decisions=decisions,
            executionContext=context,
        )
        self.journal.note(
            "decided",
            runId=task["workflowExecution"]["runId"],
            startedEventId=task["startedEventId"],
            identity=self.name,
            context=context,
            decisions=[decision["decisionType"] for decision in decisions],
        )


ROLES = {"starter": Starter, "signaller": Signaller, "worker": Worker, "decider": Decider}


# --- the workflow -------------------------------------------------------------------------

#: Steps that are open at once.
AT_ONCE = 2
STEPS = ("activity", "activity", "activity", "timer", "child", "marker", "again", "outside")
#: By the event that a step ends with: the member that leads to the event that began it.
_ENDS = {
    "ActivityTaskCompleted": "scheduledEventId",
    "TimerFired": "startedEventId",
    "ChildWorkflowExecutionCompleted": "initiatedEventId",
    "MarkerRecorded": None,
    "ExternalWorkflowExecutionSignaled": "initiatedEventId",
}
#: Likewise for one that has to be done again.
_FAILS = {
    "ActivityTaskFailed": "scheduledEventId",
    "ActivityTaskTimedOut": "scheduledEventId",
}
_BEGINS = {
    "ActivityTaskScheduled": "activityId",
    "TimerStarted": "timerId",
    "StartChildWorkflowExecutionInitiated": "control",
    "MarkerRecorded": "markerName",
    "SignalExternalWorkflowExecutionInitiated": "control",
}


def decide(workflow_id, events):
    """What comes next, told by the history alone."""
    plan = json.loads(attributes(events[0])["input"])
    begun, done, attempts = {}, set(), collections.Counter()
    for event in events:
        kind, about = event["eventType"], attributes(event)
        if kind in _BEGINS:
            step = int(about[_BEGINS[kind]].partition(".")[0])
            begun[event["eventId"]] = step
            attempts[step] += 1
        if kind in _ENDS:
            done.add(begun[about[_ENDS[kind]] if _ENDS[kind] else event["eventId"]])
        elif kind in _FAILS:
            begun.pop(about[_FAILS[kind]])
    decisions = []
    wanted = plan.index("again") if "again" in plan else len(plan)
    open_ = set(begun.values()) - done
    for step in range(wanted):
        if step not in done | open_ and len(open_) < AT_ONCE:
            decisions.append(_begin(workflow_id, plan[step], f"{step}.{attempts[step]}"))
            # A marker is there at once; nothing comes of it.
            (done if plan[step] == "marker" else open_).add(step)
    if len(done) == wanted < len(plan):
        rest = json.dumps(plan[wanted + 1 :])
        decisions.append(decision("ContinueAsNewWorkflowExecution", input=rest))
    elif len(done) == len(plan):
        decisions.append(decision("CompleteWorkflowExecution", result="done"))
    return decisions


def _begin(workflow_id, step, name):
    match step:
        case "activity":
            text = f"{workflow_id}/{name}"
            return decision(
                "ScheduleActivityTask", activityType=ACTIVITY, activityId=name, input=text
            )
        case "timer":
            return decision("StartTimer", timerId=name, startToFireTimeout="0")
        case "marker":
            return decision("RecordMarker", markerName=name)
        case "outside":
            return decision(
                "SignalExternalWorkflowExecution",
                workflowId=workflow_id,
                signalName="me",
                control=name,
            )
    return decision(
        "StartChildWorkflowExecution",
        workflowType=WORKFLOW,
        workflowId=f"{workflow_id}/{name}",
        input='["activity"]',
        control=name,
    )


def decision(kind, **members):
    return {"decisionType": kind, f"{kind[0].lower()}{kind[1:]}DecisionAttributes": members}


def attributes(event):
    kind = event["eventType"]
    return event[f"{kind[0].lower()}{kind[1:]}EventAttributes"]


# --- what is held against what ------------------------------------------------------------

#: The events by which one sees that a decision was carried out, or could not be.
_OUTCOMES = {
    "ScheduleActivityTask": {"ActivityTaskScheduled"},
    "StartTimer": {"TimerStarted"},
    "RecordMarker": {"MarkerRecorded"},
    "SignalExternalWorkflowExecution": {"SignalExternalWorkflowExecutionInitiated"},
    "StartChildWorkflowExecution": {"StartChildWorkflowExecutionInitiated"},
    "CompleteWorkflowExecution": {
        "WorkflowExecutionCompleted",
        "CompleteWorkflowExecutionFailed",
    },
    "ContinueAsNewWorkflowExecution": {
        "WorkflowExecutionContinuedAsNew",
        "ContinueAsNewWorkflowExecutionFailed",
    },
}


class Evidence:
    """The histories in a file, and the journals."""

    def __init__(self, file, journals):
        self.runs = {}
        with contextlib.closing(sqlite3.connect(file)) as connection:
            events = collections.defaultdict(list)
            for number, body in connection.execute("SELECT id >> 20, body FROM event ORDER BY id"):
                events[number].append(json.loads(body))
            for number, run_id, status in connection.execute(
                "SELECT number, run_id, close_status FROM execution"
            ):
                self.runs[run_id] = (status, events[number])
        self.notes = collections.defaultdict(list)
        for journal in journals:
            for line in journal.read_text().splitlines():
                note = json.loads(line)
                self.notes[note["kind"]].append(note)
        self.problems = []

    def examine(self):
        """What is wrong, a line each."""
        for note in self.notes["wrong"]:
            self.problems.append(f"a client was refused: {note}")
        self._examine_starts()
        self._examine_signals()
        self._examine_tasks()
        self._examine_decisions()
        for run_id, (status, events) in self.runs.items():
            self._examine_history(run_id, status, events)
        return self.problems

    def _event(self, note, kind):
        """The event that a note speaks of."""
        _, events = self.runs.get(note["runId"], (None, []))
        number = note["startedEventId"]
        if number > len(events) or events[number - 1]["eventType"] != kind:
            self.problems.append(f"event {number} is no {kind}: {note}")
            return None
        return attributes(events[number - 1])

    def _only(self, note, kind, **members):
        """The one event of a run that is like this."""
        _, events = self.runs.get(note["runId"], (None, []))
        found = [
            event
            for event in events
            if event["eventType"] == kind and members.items() <= attributes(event).items()
        ]
        if len(found) != 1:
            self.problems.append(f"{len(found)} {kind} {members} of {note}")
            return None
        return found[0]

    def _examine_starts(self):
        for note in self.notes["started"]:
            told = {"input": note["input"], "tagList": note["tagList"]}
            self._only(note, "WorkflowExecutionStarted", **told)
        for note in self.notes["terminated"]:
            self._only(note, "WorkflowExecutionTerminated", reason=note["reason"])
        asked = {note["workflowId"] for note in self.notes["asked to start"]}
        if not asked:
            self.problems.append("nothing was started")

    def _examine_signals(self):
        for note in self.notes["signaled"]:
            self._only(note, "WorkflowExecutionSignaled", input=note["input"])
        asked = {note["input"] for note in self.notes["asked to signal"]}
        inputs = collections.Counter(
            attributes(event)["input"]
            for _, events in self.runs.values()
            for event in events
            if event["eventType"] == "WorkflowExecutionSignaled" and "input" in attributes(event)
        )
        for text, count in inputs.items():
            if count > 1 or text not in asked:
                self.problems.append(f"{text} was signaled {count} times")

    def _examine_tasks(self):
        scheduled = collections.Counter()
        for note in self.notes["handed out"]:
            started = self._event(note, "ActivityTaskStarted")
            if started is None:
                continue
            scheduled[note["runId"], started["scheduledEventId"]] += 1
            task = attributes(self.runs[note["runId"]][1][started["scheduledEventId"] - 1])
            right = (task["activityId"], task["input"], started["identity"])
            if right != (note["id"], note["input"], note["identity"]):
                self.problems.append(f"another task than {note}: {right}")
        for task, count in scheduled.items():
            if count > 1:
                self.problems.append(f"{task} was handed out {count} times")
        for kind, member in (("completed", "result"), ("failed", "reason")):
            for note in self.notes[kind]:
                told = {"startedEventId": note["startedEventId"], member: note["text"]}
                self._only(note, f"ActivityTask{kind.title()}", **told)

    def _examine_decisions(self):
        for note in self.notes["decided"]:
            started = self._event(note, "DecisionTaskStarted")
            told = {"startedEventId": note["startedEventId"], "executionContext": note["context"]}
            completed = self._only(note, "DecisionTaskCompleted", **told)
            if started is None or completed is None:
                continue
            if started["identity"] != note["identity"]:
                self.problems.append(f"another decider than {note}")
            outcomes = [
                event["eventType"]
                for event in self.runs[note["runId"]][1]
                if attributes(event).get("decisionTaskCompletedEventId") == completed["eventId"]
                and event["eventType"] in set().union(*_OUTCOMES.values())
            ]
            decided = note["decisions"]
            if len(outcomes) != len(decided) or not all(
                outcome in _OUTCOMES[kind] for outcome, kind in zip(outcomes, decided, strict=True)
            ):
                self.problems.append(f"{note} came to {outcomes}")

    def _examine_history(self, run_id, status, events):
        if [event["eventId"] for event in events] != list(range(1, len(events) + 1)):
            self.problems.append(f"{run_id} has gaps")
        if status is None:
            kinds = [event["eventType"] for event in events[-6:]]
            self.problems.append(f"{run_id} is stuck: {kinds}")
        scheduled = [
            attributes(event)["scheduledEventId"]
            for event in events
            if event["eventType"] == "ActivityTaskStarted"
        ]
        if len(scheduled) != len(set(scheduled)):
            self.problems.append(f"{run_id} has a task that was started twice")


def main(path, journal, *roles):
    """Run clients of these roles, a thread each."""
    ending = (threading.Event(), threading.Event())
    signal.signal(signal.SIGUSR1, lambda *_: ending[0].set())
    signal.signal(signal.SIGTERM, lambda *_: ending[1].set())
    threads = []
    for number, role in enumerate(roles):
        name = f"{role}-{os.getpid()}-{number}-{time.time_ns()}"
        client = ROLES[role](name, Wire(path), Journal(journal), ending)
        threads.append(threading.Thread(target=client.run, daemon=True))
        threads[-1].start()
    while not ending[1].wait(0.5):
        pass
    for thread in threads:
        thread.join(10)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:])
