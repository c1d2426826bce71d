"""A place where workers work: an engine in memory, one execution, a decider that only schedules.

``site.schedule(...)`` schedules activities of any name, ``site.working(...)`` has a worker perform
them, and ``site.end(activity_id)`` waits for how one ended.
"""

import itertools
import json
import threading
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

from dataflow.payload.fields import CLEAR
from dataflow.process.worker import Worker

DOMAIN = "test"
TASK_LIST = "workers"
ENDS = {
    "ActivityTaskCompleted": "activityTaskCompletedEventAttributes",
    "ActivityTaskFailed": "activityTaskFailedEventAttributes",
    "ActivityTaskCanceled": "activityTaskCanceledEventAttributes",
    "ActivityTaskTimedOut": "activityTaskTimedOutEventAttributes",
}


class Failing:
    """A service whose methods may be made to fail, and that tells what it was asked."""

    def __init__(self, service):
        self._service = service
        #: Errors to raise, by method, one for each call.
        self.errors = {}
        self.calls = []

    def __getattr__(self, method):
        call = getattr(self._service, method)

        def ask(**request):
            self.calls.append((method, request))
            waiting = self.errors.get(method)
            if waiting:
                raise waiting.pop(0)
            return call(**request)

        return ask


class End(SimpleNamespace):
    """How a task ended: ``kind`` of the event, and its attributes."""

    @property
    def told(self):
        return json.loads(self.details)


class FailingDirect:
    """The same, called back."""

    def __init__(self, engine, service):
        self._engine = engine
        self._service = service

    def ask(self, method, request, told):
        self._service.calls.append((method, request))
        waiting = self._service.errors.get(method)
        if waiting:
            told(partial(failed, waiting.pop(0)))
            return lambda: False
        return self._engine.ask(method, request, told)


def failed(error):
    raise error


class Site:
    def __init__(self, engine, *, direct=False):
        self.engine = engine
        self.service = Failing(engine)
        self.direct = FailingDirect(engine, self.service) if direct else None
        self._types = set()
        self._ids = itertools.count(1)
        self._events = {}
        engine.register_domain(name=DOMAIN, workflowExecutionRetentionPeriodInDays="NONE")
        engine.register_workflow_type(domain=DOMAIN, name="flow", version="1")
        self.run_id = engine.start_workflow_execution(
            domain=DOMAIN,
            workflowId="flow-1",
            workflowType={"name": "flow", "version": "1"},
            taskList={"name": "deciders"},
            executionStartToCloseTimeout="86400",
            taskStartToCloseTimeout="NONE",
            childPolicy="TERMINATE",
        )["runId"]

    # Of a connection:

    fields = CLEAR
    home = None

    def poller(self):
        return self.engine.poller()

    # Of a decider:

    def schedule(self, *names, version="default", **settings):
        """Schedule activities of these names; the answer is their ids."""
        decisions = []
        for name in names:
            if (name, version) not in self._types:
                self.engine.register_activity_type(domain=DOMAIN, name=name, version=version)
                self._types.add((name, version))
            attributes = {
                "activityType": {"name": name, "version": version},
                "activityId": f"task-{next(self._ids)}",
                "taskList": {"name": TASK_LIST},
                "scheduleToCloseTimeout": "NONE",
                "scheduleToStartTimeout": "NONE",
                "startToCloseTimeout": "NONE",
                "heartbeatTimeout": "NONE",
            } | settings
            decisions.append(
                {
                    "decisionType": "ScheduleActivityTask",
                    "scheduleActivityTaskDecisionAttributes": attributes,
                }
            )
        self.decide(*decisions)
        return [d["scheduleActivityTaskDecisionAttributes"]["activityId"] for d in decisions]

    def decide(self, *decisions):
        """Make decisions, in the next decision task or in one that is asked for."""
        pending = self.engine.count_pending_decision_tasks(
            domain=DOMAIN, taskList={"name": "deciders"}
        )
        if not pending["count"]:
            self.engine.signal_workflow_execution(
                domain=DOMAIN, workflowId="flow-1", signalName="decide"
            )
        self._decide(*decisions)

    def cancel(self, activity_id):
        self.decide(
            {
                "decisionType": "RequestCancelActivityTask",
                "requestCancelActivityTaskDecisionAttributes": {"activityId": activity_id},
            }
        )

    def end(self, activity_id):
        """Wait for the end of a task."""
        while (end := self._find_end(activity_id)) is None:
            self._decide()
        return end

    def ends(self, activity_ids):
        return [self.end(activity_id) for activity_id in activity_ids]

    def _decide(self, *decisions):
        task = self.engine.poll_for_decision_task(
            domain=DOMAIN, taskList={"name": "deciders"}, startAtPreviousStartedEvent=True
        )
        for event in task["events"]:
            self._events[event["eventId"]] = event
        token = task.get("nextPageToken")
        assert not token, "more than a page"
        self.engine.respond_decision_task_completed(
            taskToken=task["taskToken"], decisions=list(decisions)
        )

    def _find_end(self, activity_id):
        scheduled = None
        for event in self._events.values():
            kind = event["eventType"]
            if kind == "ActivityTaskScheduled":
                attributes = event["activityTaskScheduledEventAttributes"]
                if attributes["activityId"] == activity_id:
                    scheduled = event["eventId"]
            elif kind in ENDS:
                attributes = event[ENDS[kind]]
                if attributes["scheduledEventId"] == scheduled:
                    return End(kind=kind, **attributes)
        return None

    # Of a worker:

    @contextmanager
    def working(self, **options):
        """A worker at work; it is stopped at the end, and what ``run()`` raises is raised here."""
        with running(self.worker(**options)) as worker:
            yield worker

    def worker(self, **options):
        return Worker(self, DOMAIN, TASK_LIST, **options)


@contextmanager
def running(worker, *, grace=30):
    problems = []

    def run():
        try:
            worker.run()
        except BaseException as error:  # noqa: BLE001
            problems.append(error)

    thread = threading.Thread(target=run, daemon=True)
    worker.thread = thread
    thread.start()
    try:
        yield worker
    finally:
        worker.stop(grace)
        thread.join()
    if problems:
        raise problems[0]
