"""What the tests of this suite work with: a client that is held to the model, and a small world.

The suite is the specification of an engine, written from the documentation and from nothing else:
each test cites the sentence that it tests. It runs against every engine in `ENGINES`, and a new
engine is accepted when it passes. How to write a test::

    def test_a_timer_fires(world):
        "TimerFired: a timer, previously started for this workflow execution, fired."
        run = world.start()
        world.decide(timer("t", 5))
        world.advance(5)  # the test is marked needs_clock
        assert world.last("TimerFired")["timerId"] == "t"
        assert world.kinds(run)[-2:] == ["TimerFired", "DecisionTaskScheduled"]

The fixtures (``conftest.py``):

``swf``     `Checked`: the client of the engine under test. Its methods are those of
            ``boto3.client("swf")``. Requests and answers are compared with botocore's model.
``world``   `World`: a domain of its own on that engine, with one workflow type (`ORDER`) and one
            activity type (`PAY`) that have all defaults; nothing times out unless a test says so.
            ``world.swf`` is the client, ``world.another(...)`` one more domain.

The marks:

``needs_clock``           the test turns the clock (``world.advance``): memory and SQLite only, as
                          the server keeps the time of the machine.
``engine_options(**kw)``  ``Engine`` is made with these keywords: memory and SQLite only.
``polls_wait``            a poll that finds no task waits for one, up to 60 s of the engine's clock;
                          without the mark it is answered at once. ``service`` tells who waits.
``over_http``             the server only (``wire`` sends it what no client would).

A request that must be refused::

    with refused(world.swf, "UnknownResourceFault"):
        world.swf.terminate_workflow_execution(domain=world.domain, workflowId="nobody")

A request that does not fit the model goes through ``swf.unchecked("StartTimer", ...)``.
"""

import itertools
import time
from contextlib import contextmanager
from datetime import datetime

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from dataflow.protocol.faults import Fault

ENGINES = ("memory", "sqlite", "http")
MODEL = ServiceModel(Loader().load_service_model("swf", "service-2"), "swf")
#: The operations by the names of their methods.
OPERATIONS = {xform_name(name): name for name in MODEL.operation_names}
#: Faults that any operation may answer.
ANYWHERE = {
    "OperationNotPermittedFault",
    "RequestEntityTooLargeException",
    "SerializationException",
    "ThrottlingException",
    "ValidationException",
}
#: "After a domain has been deprecated it cannot be used to create new workflow executions or
#: register new types." The model does not list the fault for these operations.
IN_DEPRECATED_DOMAINS = {"RegisterActivityType", "RegisterWorkflowType", "StartWorkflowExecution"}
#: The types that every world has; their time-outs are out of the way.
ORDER = {"name": "order", "version": "1"}
PAY = {"name": "pay", "version": "1"}
ORDER_DEFAULTS = {
    "defaultTaskList": {"name": "deciders"},
    "defaultTaskStartToCloseTimeout": "NONE",
    "defaultExecutionStartToCloseTimeout": "31536000",
    "defaultChildPolicy": "TERMINATE",
}
PAY_DEFAULTS = {
    "defaultTaskList": {"name": "workers"},
    "defaultTaskStartToCloseTimeout": "NONE",
    "defaultTaskHeartbeatTimeout": "NONE",
    "defaultTaskScheduleToStartTimeout": "NONE",
    "defaultTaskScheduleToCloseTimeout": "NONE",
}

_numbers = itertools.count(1)


# --- the model ---------------------------------------------------------------------------


def parts(shape, value, path):
    """A value and all that is in it, each with its shape; None: the model has no such member."""
    yield shape, value, path
    match shape and shape.type_name:
        case "structure":
            for name, part in value.items():
                yield from parts(shape.members.get(name), part, f"{path}.{name}")
        case "list":
            for number, part in enumerate(value):
                yield from parts(shape.member, part, f"{path}[{number}]")


def misfit(shape, value):
    """What ParamValidator does not look at: unknown members, upper limits, enumerations."""
    most = None if shape is None else shape.metadata.get("max")
    match shape and shape.type_name:
        case None:
            return "the model has no such member"
        case "structure" if shape.name == "HistoryEvent":
            named = {name for name in value if name.endswith("EventAttributes")}
            return named != {attributes_member(value["eventType"])} and f"has {named}"
        case "string" if shape.metadata.get("enum"):
            return value not in shape.enum and f"{value!r} is none of {shape.enum}"
        case "string" | "list":
            return most is not None and len(value) > most and f"length {len(value)} over {most}"
        case "integer" | "long":
            return most is not None and value > most and f"{value} over {most}"
    return None


def attributes_member(event_type):
    return event_type[0].lower() + event_type[1:] + "EventAttributes"


def beyond(shape, value, what):
    """All misfits, each with the path to it."""
    return [f"{path}: {why}" for s, v, path in parts(shape, value, what) if (why := misfit(s, v))]


def check(shape, value, what):
    """A value must fit its shape."""
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), f"{what}: {report.generate_report()}"
    assert beyond(shape, value, what) == []


def is_time(value):
    """Clients give times as `datetime`, with a zone."""
    return isinstance(value, datetime) and value.tzinfo is not None


class Checked:
    """A client whose requests, answers and faults are those of the model."""

    def __init__(self, client):
        self.client = client
        self.exceptions = client.exceptions

    def __getattr__(self, method):
        operation = OPERATIONS[method]

        def call(**request):
            check(MODEL.operation_model(operation).input_shape, request, operation)
            return self.unchecked(operation, **request)

        return call

    def unchecked(self, operation, **request):
        """Make a request as it is; the answer is checked all the same."""
        model = MODEL.operation_model(operation)
        try:
            answer = getattr(self.client, xform_name(operation))(**request)
        except (ClientError, Fault) as fault:
            self._check_fault(model, fault.response["Error"]["Code"])
            raise
        answer = {name: part for name, part in answer.items() if name != "ResponseMetadata"}
        self._check_answer(model, answer)
        return answer

    def _check_fault(self, model, code):
        documented = {shape.name for shape in model.error_shapes} | ANYWHERE
        if model.name in IN_DEPRECATED_DOMAINS:
            documented.add("DomainDeprecatedFault")
        assert code in documented, f"{model.name} answers {code}"

    def _check_answer(self, model, answer):
        if model.output_shape is None:
            assert answer == {}, f"{model.name} has no answer"
        elif answer.get("taskToken") == "":
            # "An empty result, in this context, means that an ActivityTask is returned, but that
            # the value of taskToken is an empty string."
            assert beyond(model.output_shape, answer, model.name) == []
            assert answer["startedEventId"] == 0
            assert not {"workflowExecution", "activityId", "nextPageToken"} & set(answer)
        else:
            check(model.output_shape, answer, f"{model.name} answers")
            for shape, value, path in parts(model.output_shape, answer, model.name):
                assert shape.type_name != "timestamp" or is_time(value), path


@contextmanager
def refused(swf, *codes):
    """What happens here is refused with this fault (or one of these, where nothing says which).

    A fault of the model has a class of its own.
    """
    with pytest.raises((ClientError, Fault)) as caught:
        yield caught
    code = caught.value.response["Error"]["Code"]
    assert code in codes, caught.value
    if code.endswith("Fault"):
        assert isinstance(caught.value, getattr(swf.exceptions, code))


# --- decisions ---------------------------------------------------------------------------


def decision(kind, **attributes):
    """A decision of any type."""
    return {
        "decisionType": kind,
        kind[0].lower() + kind[1:] + "DecisionAttributes": attributes,
    }


def schedule(activity_id="a", activity_type=PAY, **settings):
    return decision(
        "ScheduleActivityTask", activityId=activity_id, activityType=activity_type, **settings
    )


def cancel_activity(activity_id="a"):
    return decision("RequestCancelActivityTask", activityId=activity_id)


def timer(timer_id="t", seconds=10, **settings):
    return decision("StartTimer", timerId=timer_id, startToFireTimeout=str(seconds), **settings)


def cancel_timer(timer_id="t"):
    return decision("CancelTimer", timerId=timer_id)


def marker(name="m", **settings):
    return decision("RecordMarker", markerName=name, **settings)


def child(workflow_id="child", workflow_type=ORDER, **settings):
    return decision(
        "StartChildWorkflowExecution",
        workflowId=workflow_id,
        workflowType=workflow_type,
        **settings,
    )


def complete(**settings):
    return decision("CompleteWorkflowExecution", **settings)


def fail(**settings):
    return decision("FailWorkflowExecution", **settings)


def cancel(**settings):
    return decision("CancelWorkflowExecution", **settings)


def continue_as_new(**settings):
    return decision("ContinueAsNewWorkflowExecution", **settings)


def signal_external(workflow_id, name="s", **settings):
    return decision(
        "SignalExternalWorkflowExecution", workflowId=workflow_id, signalName=name, **settings
    )


def cancel_external(workflow_id, **settings):
    return decision("RequestCancelExternalWorkflowExecution", workflowId=workflow_id, **settings)


# --- a world -----------------------------------------------------------------------------


def attributes(event):
    """The attributes of an event."""
    return event[attributes_member(event["eventType"])]


def new_domain_name():
    """A name that no other test uses."""
    return f"domain-{next(_numbers)}"


def pages(ask, items, **request):
    """All pages of a list."""
    found = []
    while True:
        answer = ask(**request)
        found.append(answer[items])
        if "nextPageToken" not in answer:
            return found
        request["nextPageToken"] = answer["nextPageToken"]


class World:
    """A domain, and what deciders, workers and clients do in it.

    Where a run is asked for, it is what ``start`` gave back; by default the last one.
    """

    def __init__(self, swf, clock=None, *, retention="30"):
        """``clock``: the engine's, if it can be turned."""
        self.swf = swf
        self.clock = clock
        self.domain = new_domain_name()
        self.run = None
        swf.register_domain(name=self.domain, workflowExecutionRetentionPeriodInDays=retention)
        self.workflow_type(**ORDER, **ORDER_DEFAULTS)
        self.activity_type(**PAY, **PAY_DEFAULTS)

    def another(self, **settings):
        """One more domain of the same engine."""
        return World(self.swf, self.clock, **settings)

    # --- time ---

    def advance(self, seconds):
        """Let time pass; what becomes due takes effect with the next request."""
        self.clock.advance(seconds)

    def now(self):
        """Seconds since the epoch."""
        return time.time() if self.clock is None else self.clock.now()

    def tick(self):
        """What happens from now on has a later time than what has happened."""
        if self.clock is not None:
            self.advance(1)
            return
        before = int(time.time() * 1000)
        while int(time.time() * 1000) <= before:
            pass  # less than a millisecond

    # --- types ---

    def workflow_type(self, name, version="1", **settings):
        """Register a workflow type, with no defaults but those given."""
        self.swf.register_workflow_type(domain=self.domain, name=name, version=version, **settings)
        return {"name": name, "version": version}

    def activity_type(self, name, version="1", **settings):
        """Register an activity type, with no defaults but those given."""
        self.swf.register_activity_type(domain=self.domain, name=name, version=version, **settings)
        return {"name": name, "version": version}

    # --- clients ---

    def start(self, workflow_id="order-17", workflow_type=ORDER, **settings):
        """Start an execution; its workflowId and runId."""
        started = self.swf.start_workflow_execution(
            domain=self.domain, workflowId=workflow_id, workflowType=workflow_type, **settings
        )
        self.run = {"workflowId": workflow_id, "runId": started["runId"]}
        return self.run

    def signal(self, name="s", run=None, **settings):
        self.swf.signal_workflow_execution(
            domain=self.domain, **(run or self.run), signalName=name, **settings
        )

    def request_cancel(self, run=None):
        self.swf.request_cancel_workflow_execution(domain=self.domain, **(run or self.run))

    def terminate(self, run=None, **settings):
        self.swf.terminate_workflow_execution(domain=self.domain, **(run or self.run), **settings)

    # --- deciders ---

    def poll_decision(self, task_list="deciders", **more):
        """Take a decision task; one must be waiting."""
        task = self.swf.poll_for_decision_task(
            domain=self.domain, taskList={"name": task_list}, **more
        )
        assert task["taskToken"], f"no decision task in {task_list}"
        return task

    def no_decision(self, task_list="deciders"):
        """No decision task is waiting."""
        task = self.swf.poll_for_decision_task(domain=self.domain, taskList={"name": task_list})
        return task["taskToken"] == ""

    def decide(self, *decisions, task=None, **more):
        """Answer a decision task, by default the next in the list; the task.

        ``more``: the other arguments of RespondDecisionTaskCompleted.
        """
        task = task or self.poll_decision()
        self.swf.respond_decision_task_completed(
            taskToken=task["taskToken"], decisions=list(decisions), **more
        )
        return task

    # --- workers ---

    def poll_activity(self, task_list="workers", **more):
        """Take an activity task; one must be waiting."""
        task = self.swf.poll_for_activity_task(
            domain=self.domain, taskList={"name": task_list}, **more
        )
        assert task["taskToken"], f"no activity task in {task_list}"
        return task

    def no_activity(self, task_list="workers"):
        """No activity task is waiting."""
        task = self.swf.poll_for_activity_task(domain=self.domain, taskList={"name": task_list})
        return task["taskToken"] == ""

    def heartbeat(self, task, **more):
        """Report progress; whether the task should be given up."""
        answer = self.swf.record_activity_task_heartbeat(taskToken=task["taskToken"], **more)
        return answer["cancelRequested"]

    def activity_completed(self, task, **more):
        self.swf.respond_activity_task_completed(taskToken=task["taskToken"], **more)

    def activity_failed(self, task, **more):
        self.swf.respond_activity_task_failed(taskToken=task["taskToken"], **more)

    def activity_canceled(self, task, **more):
        self.swf.respond_activity_task_canceled(taskToken=task["taskToken"], **more)

    # --- what is true ---

    def history(self, run=None):
        """All events of a run."""
        found = pages(
            self.swf.get_workflow_execution_history,
            "events",
            domain=self.domain,
            execution=run or self.run,
        )
        events = [event for page in found for event in page]
        assert [event["eventId"] for event in events] == list(range(1, len(events) + 1))
        times = [event["eventTimestamp"] for event in events]
        assert times == sorted(times)
        return events

    def kinds(self, run=None):
        """The types of all events of a run."""
        return [event["eventType"] for event in self.history(run)]

    def all(self, kind, run=None):
        """The attributes of each event of a type."""
        return [attributes(e) for e in self.history(run) if e["eventType"] == kind]

    def last(self, kind, run=None):
        """The attributes of the last event of a type."""
        return self.all(kind, run)[-1]

    def id_of(self, kind, run=None):
        """The id of the last event of a type."""
        return [e["eventId"] for e in self.history(run) if e["eventType"] == kind][-1]

    def describe(self, run=None):
        return self.swf.describe_workflow_execution(domain=self.domain, execution=run or self.run)

    def open_counts(self, run=None):
        """What is open in a run, without what is not."""
        counts = self.describe(run)["openCounts"]
        return {name: count for name, count in counts.items() if count}

    def close_status(self, run=None):
        """How a run was closed; None if it is open."""
        return self.describe(run)["executionInfo"].get("closeStatus")

    def open_run(self, workflow_id):
        """The open run of a workflow id, as its clients name it."""
        listed = self.swf.list_open_workflow_executions(
            domain=self.domain,
            startTimeFilter={"oldestDate": 0},
            executionFilter={"workflowId": workflow_id},
        )
        (info,) = listed["executionInfos"]
        return info["execution"]

    # --- where most tests begin ---

    def decided(self, *decisions, **settings):
        """An execution that has been started, and whose first decision task has been answered."""
        run = self.start(**settings)
        self.decide(*decisions)
        return run

    def working(self, **settings):
        """An execution whose activity "a" a worker has taken; the activity task."""
        self.decided(schedule("a", **settings))
        return self.poll_activity()


# --- requests and pages ------------------------------------------------------------------


def minimal(operation, **given):
    """A request with the required members only; ``given`` where the name of a member is there."""
    return _minimal(MODEL.operation_model(operation).input_shape, given)


def _minimal(shape, given):
    return {
        name: given[name] if name in given else _value(shape.members[name])
        for name in shape.required_members
    }


def _value(shape):
    match shape.type_name:
        case "structure":
            return _minimal(shape, {})
        case "list":
            return [_value(shape.member)]
        case "timestamp":
            return 0
    return shape.enum[0] if shape.metadata.get("enum") else "1"


def check_pages(ask, items, **request):
    """All that a list says of its pages, in both orders; the whole list in the usual order.

    "maximumPageSize: The maximum number of results that are returned per call." "If NextPageToken
    is returned there are more results available." 0 and an absent size mean up to 1,000.
    """
    whole = ask(**request)[items]
    for order, expected in ((False, whole), (True, whole[::-1])):
        for size in {0, 1, 2, max(len(whole) - 1, 1), len(whole), len(whole) + 1, 1000}:
            found = pages(ask, items, maximumPageSize=size, reverseOrder=order, **request)
            assert [part for page in found for part in page] == expected
            assert all(0 < len(page) <= (size or 1000) for page in found) or not whole
    return whole


def damaged(token):
    """What is no token: "opaque", so nobody but the service can have made one."""
    yield from ("x", token[:-1], f"{token}A", token[::-1])
    for place in range(0, len(token) - 4, 9):
        yield f"{token[:place]}{'A' if token[place] != 'A' else 'B'}{token[place + 1 :]}"


def check_page_tokens(swf, operation, items, **request):
    """A page token that the operation has not made is refused; so are sizes beyond 1,000."""
    ask = getattr(swf, xform_name(operation))
    token = ask(maximumPageSize=1, **request)["nextPageToken"]
    assert ask(maximumPageSize=1, **request, nextPageToken=token)[items]
    for wrong in damaged(token):
        with refused(swf, "ValidationException"):
            ask(maximumPageSize=1, **request, nextPageToken=wrong)
    for size in (-1, 1001):
        with refused(swf, "ValidationException"):
            swf.unchecked(operation, maximumPageSize=size, **request)
