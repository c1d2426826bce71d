"""An engine that is asked at random; each answer is held against the model and against the file."""

import json
import math
import sqlite3
import threading
from collections import deque
from contextlib import contextmanager, suppress
from datetime import datetime

import msgspec
from botocore import xform_name
from random_requests import INPUTS, MODEL, filled, misfit
from soundness import Soundness

from dataflow.engine import Engine
from dataflow.engine.lambdas import FunctionFailed
from dataflow.engine.later import Later
from dataflow.engine.service import EngineService
from dataflow.protocol import operations
from dataflow.protocol.faults import Fault
from dataflow.protocol.limits import LAMBDA_SECONDS
from dataflow.testing import VirtualClock

#: What any operation may be refused with; the last where a decision may have 1 MB.
ANYWHERE = {"ValidationException", "SerializationException"}
#: "After a domain has been deprecated it cannot be used to create new workflow executions or
#: register new types": the model does not list the fault where it says so.
IN_DEPRECATED_DOMAINS = {"StartWorkflowExecution", "RegisterWorkflowType", "RegisterActivityType"}
POLLS = {"PollForActivityTask", "PollForDecisionTask"}
#: Longer than any answer takes.
PATIENCE = 60
REMEMBERED = 40


def documented(operation):
    faults = {shape.name for shape in MODEL.operation_model(operation).error_shapes}
    more = {"DomainDeprecatedFault"} if operation in IN_DEPRECATED_DOMAINS else set()
    return faults | ANYWHERE | more


#: Methods of the state: after each, something is half done.
TRIPS = {"watch", "_begin", "_write_header", "_wait", "_leave_list", "match", "tell_when_saved"}


class TrippedError(Exception):
    """A bug that the engine does not have."""


class Queued:
    """In the place of the threads for Lambda functions: they run when a test says so."""

    def __init__(self):
        self.waiting = deque()

    def submit(self, *call):
        self.waiting.append(call)

    def shutdown(self, **_):
        self.waiting.clear()


def invoke(name, text, role):
    match name:
        case "a":
            return text
        case "b":
            raise FunctionFailed("Broken", "x" * 40_000)
    return {"long": "x" * 40_000, "number": 5}.get(name)


class Collected:
    """A reply that is given once, from whatever thread."""

    def __init__(self):
        self.answers = []
        self._come = threading.Event()

    def __call__(self, answer):
        self.answers.append(answer)
        self._come.set()

    def wait(self):
        assert self._come.wait(PATIENCE), "no answer"
        (answer,) = self.answers
        return answer


class FuzzedEngine:
    """The engine, and what is known of it from its answers."""

    def __init__(self, path=":memory:", **options):
        self._path = path
        self._options = options
        self.clock = VirtualClock()
        #: Whether the disk is full: only files are ever on one.
        self.full = False
        #: What a `Known` may stand for.
        self._known = {kind: deque(maxlen=REMEMBERED) for kind in ("activity", "decision", "run")}
        self._pages = deque(maxlen=REMEMBERED)
        #: The polls that wait, and their replies.
        self.parked = []
        #: Whether a bug has come up since the last check.
        self.tripped = False
        #: The last requests, and what became of them.
        self.asked = deque(maxlen=8)
        self._open()

    def _open(self):
        self.engine = Engine(
            self._path,
            durability="process",
            clock=self.clock,
            lambdas=invoke,
            **self._options,
        )
        self.service: EngineService = self.engine._service
        self._store = self.service._state.store
        self._transaction = self._store._transaction
        self._store._transaction = self._transaction_that_may_fail
        self.functions = self.service._functions._threads = Queued()
        self._soundness = Soundness()

    @contextmanager
    def _transaction_that_may_fail(self):
        with self._transaction() as writer:
            yield writer
            if self.full:
                raise sqlite3.OperationalError("database or disk is full")

    def trip(self, name):
        """The next time that this method of the state has done its work, something goes wrong."""
        state = self.service._state
        right = getattr(type(state), name)

        def wrong(*arguments, **options):
            self.mend()
            self.tripped = True
            right(state, *arguments, **options)
            raise TrippedError(name)

        setattr(state, name, wrong)

    def mend(self):
        """Nothing goes wrong any more."""
        for name in TRIPS & vars(self.service._state).keys():
            delattr(self.service._state, name)

    def tick(self):
        """What the engine does by itself, when it has a clock of its own."""
        if self.service.trouble:
            self.service._commits.probe()
        with suppress(TrippedError):
            self.service.tick()
            return
        self.service.tick()

    # --- asking ---------------------------------------------------------------------------

    def ask(self, operation, request, *, wire=True):
        """The answer, or the fault; both are what the model says they may be."""
        request = filled(request, self._find)
        fits = misfit(INPUTS[operation], request) is None
        self.asked.append([operation, request])
        self.tick()  # what happens from here on, the request has done
        self.rest()
        before = self._store._writer.total_changes
        try:
            door = self._on_the_wire if wire or operation in POLLS else self._in_python
            answer = door(operation, request)
        except Fault as fault:
            self.asked[-1].append(repr(fault))
            self._check_fault(operation, fault, fits=fits)
            self.rest()
            changes = self._store._writer.total_changes - before
            assert self.full or not changes, f"{operation} changed something"
            return fault
        except TrippedError:
            return None
        # Of what the model does not know, the wire says nothing and Python says it is wrong.
        assert fits or wire, f"{operation} took {request}"
        if answer is not None:
            self._check_answer(operation, answer)
            self._check_content(operation, request, answer)
            self._learn(operation, request, answer)
        return answer

    def _on_the_wire(self, operation, request):
        asked = operations.parse(operation, json.dumps(request).encode())
        reply = Collected()
        poll = self.service.submit(asked, reply)
        if poll is not None:
            self.parked.append((poll, reply, operation, request))
            return None
        return read(reply.wait())

    def _in_python(self, operation, request):
        if not isinstance(request, dict):
            return self._on_the_wire(operation, request)
        return in_seconds(getattr(self.engine, xform_name(operation))(**request))

    def _check_fault(self, operation, fault, *, fits):
        may_be = documented(operation) | ({"ServiceUnavailable"} if self.full else set())
        assert fault.code in may_be, f"{operation}: {fault.code}: {fault}"
        assert fault.code in ANYWHERE or fits, f"{operation}: {fault.code}: {fault}"
        assert fault.message
        msgspec.json.encode({"__type": fault.wire_type, "message": fault.message})

    def _check_answer(self, operation, answer):
        shape = MODEL.operation_model(operation).output_shape
        if shape is None:
            assert answer == {}
        elif operation in POLLS and answer["taskToken"] == "":
            assert not answer["startedEventId"]
        else:
            assert misfit(shape, answer) is None, f"{operation}: {misfit(shape, answer)}"

    # --- what the answers of those that look must be --------------------------------------

    def _check_content(self, operation, request, answer):
        """Whether the answer is what the file says."""
        if operation.endswith("ClosedWorkflowExecutions"):
            self._check_listing(request, answer, closed=True)
        elif operation.endswith("OpenWorkflowExecutions"):
            self._check_listing(request, answer, closed=False)
        elif answer.get("events"):
            self.rest()
            execution = answer.get("workflowExecution") or request["execution"]
            self._check_events(request, execution["runId"], answer["events"])

    def _check_listing(self, request, answer, *, closed):
        found = [
            header for header in self._store.headers() if self._listed(header, request, closed)
        ]
        by_close = request.get("closeTimeFilter") is not None
        found.sort(
            key=lambda header: (header.closed if by_close else header.started, header.number)
        )
        if not request.get("reverseOrder"):
            found.reverse()
        if "count" in answer:
            assert answer == {"count": len(found), "truncated": False}
        elif not request.get("nextPageToken"):
            size = request.get("maximumPageSize") or 1000
            assert answer["executionInfos"] == [json.loads(h.info) for h in found[:size]]
            assert ("nextPageToken" in answer) is (len(found) > size)

    def _listed(self, header, request, closed):
        """Whether a request asks for this execution."""
        info = json.loads(header.info)
        times = request.get("closeTimeFilter") or request["startTimeFilter"]
        at = header.closed if request.get("closeTimeFilter") else header.started
        latest = times.get("latestDate")
        wanted = {
            "executionFilter": lambda one: one["workflowId"] == header.workflow_id,
            "typeFilter": lambda one: (
                one["name"] == info["workflowType"]["name"]
                and (one.get("version") or header.type_version) == header.type_version
            ),
            "tagFilter": lambda one: one["tag"] in info.get("tagList", ()),
            "closeStatusFilter": lambda one: one["status"] == info.get("closeStatus"),
        }
        return (
            self.service._state.domains[request["domain"]].number == header.domain
            and (header.closed is not None) is closed
            and (not closed or header.expires > self.clock.now())
            and at is not None
            and times["oldestDate"] <= at <= (math.inf if latest is None else latest)
            and all(
                fits(request[name])
                for name, fits in wanted.items()
                if request.get(name) is not None
            )
        )

    def _check_events(self, request, run_id, events):
        if self.full:
            return  # a decider is shown what turns out not to have happened
        stored = self._store.events(self._store.header(run_id).number)
        ids = [event["eventId"] for event in events]
        step = -1 if request.get("reverseOrder") else 1
        if not request.get("nextPageToken"):
            assert ids == list(range(ids[0], ids[0] + step * len(ids), step))
            assert step < 0 or ids[0] == 1 or request.get("startAtPreviousStartedEvent")
        assert events == [json.loads(stored[number - 1]) for number in ids]
        assert len(ids) <= (request.get("maximumPageSize") or 1000)

    def _learn(self, operation, request, answer):
        if operation in POLLS and answer["taskToken"]:
            kind = "activity" if operation == "PollForActivityTask" else "decision"
            self._known[kind].appendleft(answer["taskToken"])
        if "runId" in answer:
            run = {"workflowId": request["workflowId"], "runId": answer["runId"]}
            self._known["run"].appendleft(run)
        if answer.get("workflowExecution"):
            self._known["run"].appendleft(answer["workflowExecution"])
        if "nextPageToken" in answer:
            self._pages.appendleft((operation, request, answer["nextPageToken"]))

    def _find(self, wanted):
        if wanted.kind == "page":
            return self._pages[wanted.nth][2] if wanted.nth < len(self._pages) else "x"
        runs = wanted.kind in {"run", "execution"}
        found = self._known["run" if runs else wanted.kind]
        if wanted.nth >= len(found):
            return {"workflowId": "w", "runId": "r"} if wanted.kind == "execution" else "x"
        return found[wanted.nth]["runId"] if wanted.kind == "run" else found[wanted.nth]

    def next_page(self, nth):
        """Ask for the page that follows one that was answered."""
        if nth < len(self._pages):
            operation, request, token = self._pages[nth]
            self.ask(operation, {**request, "nextPageToken": token})

    # --- what happens besides -------------------------------------------------------------

    def run_function(self):
        """A Lambda function that has been invoked ends."""
        if self.functions.waiting:
            function, *arguments = self.functions.waiting.popleft()
            with suppress(TrippedError):
                function(*arguments)

    def withdraw(self, nth):
        """A client of a parked poll goes away."""
        if nth < len(self.parked):
            poll, reply, *_ = self.parked.pop(nth)
            self.service.cancel(poll)
            given = len(reply.answers)
            self.tick()
            assert len(reply.answers) == given <= 1

    def collect(self):
        """Take the answers of parked polls that have come."""
        for parked in list(self.parked):
            poll, reply, operation, request = parked
            assert len(reply.answers) <= 1
            if reply.answers:
                self.parked.remove(parked)
                try:
                    answer = read(reply.answers[0])
                except Fault as fault:
                    if not self.tripped or fault.code != "InternalFailure":
                        self._check_fault(operation, fault, fits=True)
                    continue
                self._check_answer(operation, answer)
                self._learn(operation, request, answer)
            else:
                assert not poll.gone, "a poll without an answer"

    def rest(self):
        """Wait until all is on disk."""
        if self._path == ":memory:":
            return
        commits, told = self.service._commits, Collected()
        with self.service.lock:
            commits.pending.answers.append((told, {}))
            commits.wake()
        told.wait()

    def check(self):
        """Whether all is well."""
        self.rest()
        if self.service._doubtful:  # it knows that, and will not answer before it has read anew
            self.tick()
            self.rest()
        self.collect()
        self.tripped = False
        return self._soundness.check(self.service)

    def restart(self):
        """Close and open: nothing that can be asked may differ."""
        while self.functions.waiting:
            self.run_function()
        if any(live.execution.lambdas for live in self.service._state.lives.values()):
            # What was told of its end was lost in a bug; a new engine would fail it.
            self.clock.advance(LAMBDA_SECONDS)
        before = self.everything()
        self.engine.close()
        self.rest_of_polls()
        self._open()
        assert self.everything() == before

    def rest_of_polls(self):
        """After the end of an engine, all polls have been answered."""
        for _, reply, operation, _ in self.parked:
            self._check_answer(operation, read(reply.wait()))
        self.parked.clear()

    def close(self):
        self.engine.close()
        self.rest_of_polls()

    # --- everything that can be asked -----------------------------------------------------

    def everything(self):
        """The answers to all that can be asked without changing anything."""
        self.mend()
        self.tick()  # what is due has happened
        self.check()
        told = {}
        for status in ("REGISTERED", "DEPRECATED"):
            domains = self._tell(told, "ListDomains", registrationStatus=status)
            for domain in domains["domainInfos"]:
                self._tell(told, "DescribeDomain", name=domain["name"])
                self._tell(told, "ListTagsForResource", resourceArn=domain["arn"])
                self._everything_of(told, domain["name"])
        return told

    def _tell(self, told, operation, **request):
        answer = self.ask(operation, request)
        assert isinstance(answer, dict), f"{operation} {request}: {answer}"
        told[operation, json.dumps(request)] = answer
        return answer

    def _everything_of(self, told, domain):
        for kind in ("Activity", "Workflow"):
            for status in ("REGISTERED", "DEPRECATED"):
                types = self._tell(
                    told, f"List{kind}Types", domain=domain, registrationStatus=status
                )
                for info in types["typeInfos"]:
                    member = f"{kind.lower()}Type"
                    self._tell(told, f"Describe{kind}Type", domain=domain, **{member: info[member]})
        infos = []
        for which in ("Open", "Closed"):
            for reverse in (False, True):
                since = {"startTimeFilter": {"oldestDate": 0}, "reverseOrder": reverse}
                listed = self._tell(told, f"List{which}WorkflowExecutions", domain=domain, **since)
                infos = listed["executionInfos"]
                del since["reverseOrder"]
                counted = self._tell(
                    told, f"Count{which}WorkflowExecutions", domain=domain, **since
                )
                assert counted == {"count": len(infos), "truncated": False}
            for info in infos:
                self._everything_about(told, domain, info["execution"])
        for task_list in ("l", "m"):
            for kind in ("Decision", "Activity"):
                name = {"name": task_list}
                self._tell(told, f"CountPending{kind}Tasks", domain=domain, taskList=name)

    def _everything_about(self, told, domain, execution):
        detail = self._tell(told, "DescribeWorkflowExecution", domain=domain, execution=execution)
        history = self._tell(
            told, "GetWorkflowExecutionHistory", domain=domain, execution=execution
        )
        read = {h.run_id: h for h in self.service._state.store.headers()}[execution["runId"]]
        assert detail["openCounts"] == self._soundness.told(read).open_counts
        assert history["events"] == self._soundness.told(read).events


def read(answer):
    """An answer as it is read from the wire."""
    if isinstance(answer, Fault):
        raise answer
    if isinstance(answer, Later):
        answer = answer.read()
    return {} if answer is None else json.loads(msgspec.json.encode(answer))


def in_seconds(answer):
    """An answer in Python as it is on the wire."""
    match answer:
        case datetime():
            return answer.timestamp()
        case dict():
            return {
                name: in_seconds(member)
                for name, member in answer.items()
                if name != "ResponseMetadata"
            }
        case list():
            return [in_seconds(item) for item in answer]
    return answer
