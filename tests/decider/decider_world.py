"""A place for deciders: an engine in memory, executions, and hands that do the activities.

`World` is a connection, too. Its service and its pollers write down what they are asked, and fail
where a test says so (`Recording`). `Hand` decides without threads, one task at a time.
"""

import json
import threading
from contextlib import suppress
from functools import partial

from decider_flows import ACTIVITIES, FLOWS

from dataflow.chance import SeededChance
from dataflow.payload.fields import CLEAR
from dataflow.process.deciding import Runs
from dataflow.process.jobs import Completed, Job, outcome
from dataflow.process.outgoing import write_decisions
from dataflow.protocol import decisions as de
from dataflow.protocol import events as ev
from dataflow.protocol.limits import DATA_LENGTH, REASON_LENGTH

DOMAIN = "test"
TASK_LIST = "deciders"
SECONDS = 20


def find(workflow_type, _):
    return FLOWS[workflow_type.name]


class Recording:
    """A service or a poller that writes down what it is asked."""

    def __init__(self, asked, calls, news):
        self._asked = asked
        self._news = news
        #: The method and the request of each call, in the order in which they are answered.
        self.calls = calls
        #: What a call does instead, by its method: raises, or answers something else.
        self.instead = {}

    def __getattr__(self, method):
        asked = getattr(self._asked, method)

        def ask(**request):
            try:
                return self.instead.get(method, lambda ask, **request: ask(**request))(
                    asked, **request
                )
            finally:
                with self._news:
                    self.calls.append((method, request))
                    self._news.notify_all()

        return ask

    @property
    def exceptions(self):
        return self._asked.exceptions

    def cancel(self):
        self._asked.cancel()

    def requests(self, method):
        return [request for called, request in self.calls if called == method]


class RecordingDirect:
    """An engine that calls back, writes down what it is asked, and fails where a test says so."""

    def __init__(self, world):
        self._world = world

    def ask(self, method, request, told):
        world = self._world
        poll = method.startswith("poll")

        def answer(answered):
            told(answered)
            world.note(method, request)

        instead = (world.instead_of_polls if poll else world.service.instead).get(method)
        if instead is None:
            return world.engine.ask(method, request, answer)
        poller = world.engine.poller()

        def ask():
            try:
                given = instead(getattr(poller if poll else world.engine, method), **request)
            except Exception as error:  # noqa: BLE001 - handed on
                answer(partial(failed, error))
            else:
                answer(lambda: given)

        if poll:  # which may wait
            threading.Thread(target=ask, daemon=True).start()
        else:
            ask()
        return lambda: poller.cancel() or False


def failed(error):
    raise error


class World:
    #: Without it, all is asked of the service and the pollers.
    direct = None

    def __init__(self, engine, *, direct=False):
        self.engine = engine
        if direct:
            self.direct = RecordingDirect(self)
        self._news = threading.Condition()
        self.calls = []
        self.service = Recording(engine, self.calls, self._news)
        self.pollers = []
        engine.register_domain(name=DOMAIN, workflowExecutionRetentionPeriodInDays="1")
        for name in FLOWS:
            engine.register_workflow_type(domain=DOMAIN, name=name, version="1")
        #: What is asked of pollers instead, see `Recording`.
        self.instead_of_polls = {}
        self.fields, self.home = CLEAR, None

    def note(self, method, request):
        with self._news:
            self.calls.append((method, request))
            self._news.notify_all()

    def poller(self):
        poller = Recording(self.engine.poller(), self.calls, self._news)
        poller.instead = self.instead_of_polls
        self.pollers.append(poller)
        return poller

    def start(self, flow, *args, workflow_id=None, to_close="NONE", task_list=TASK_LIST):
        """Start an execution; its name, as SWF writes it."""
        workflow_id = workflow_id or flow.__name__
        answer = self.engine.start_workflow_execution(
            domain=DOMAIN,
            workflowId=workflow_id,
            workflowType={"name": flow.__name__, "version": "1"},
            taskList={"name": task_list},
            input=self.fields.write(
                json.dumps({"args": args, "kwargs": {}}), field="input", limit=DATA_LENGTH
            ),
            executionStartToCloseTimeout="86400",
            taskStartToCloseTimeout=to_close,
            childPolicy="TERMINATE",
        )
        return {"workflowId": workflow_id, "runId": answer["runId"]}

    def signal(self, execution):
        self.engine.signal_workflow_execution(
            domain=DOMAIN, workflowId=execution["workflowId"], signalName="news"
        )

    def describe(self, execution):
        return self.engine.describe_workflow_execution(domain=DOMAIN, execution=execution)

    def context(self, execution):
        """What the execution context says."""
        return self.describe(execution).get("latestExecutionContext")

    def history(self, execution):
        pages = self.engine.get_paginator("get_workflow_execution_history").paginate(
            domain=DOMAIN, execution=execution
        )
        return [event for page in pages for event in page["events"]]

    def kinds(self, execution):
        return [event["eventType"] for event in self.history(execution)]

    def attributes(self, execution, kind):
        """Those of all events of a kind."""
        member = f"{kind[0].lower()}{kind[1:]}EventAttributes"
        return [e[member] for e in self.history(execution) if e["eventType"] == kind]

    def result(self, execution):
        """Of an execution that is completed."""
        [completed] = self.attributes(execution, "WorkflowExecutionCompleted")
        return json.loads(completed["result"])

    # --- activities --------------------------------------------------------------------

    def take_activity(self):
        """An activity task; None if there is none."""
        task = self.engine.poll_for_activity_task(domain=DOMAIN, taskList={"name": "default"})
        return task if task["taskToken"] else None

    def perform(self, task):
        """Do an activity task, here and now."""
        job = Job(
            activity=ACTIVITIES[task["activityType"]["name"]],
            activity_id=task["activityId"],
            input=task["input"],
            domain=DOMAIN,
            workflow_id=task["workflowExecution"]["workflowId"],
            run_id=task["workflowExecution"]["runId"],
        )
        done = outcome(job, lambda details: None, fields=self.fields)
        if isinstance(done, Completed):
            result = self.fields.write(done.result, field="result", limit=DATA_LENGTH)
            self.engine.respond_activity_task_completed(taskToken=task["taskToken"], result=result)
        else:
            self.engine.respond_activity_task_failed(
                taskToken=task["taskToken"],
                reason=self.fields.brief(done.reason, REASON_LENGTH),
                details=self.fields.write(done.details, field="details", limit=DATA_LENGTH),
            )

    def work(self, tasks=1):
        """Do so many activity tasks."""
        for _ in range(tasks):
            self.perform(self.take_activity())

    # --- waiting for threads -------------------------------------------------------------

    def wait(self, true):
        """Until something is true that calls bring about."""
        with self._news:
            assert self._news.wait_for(true, SECONDS)

    def wait_closed(self, *executions):
        for execution in executions:
            self.wait(
                lambda execution=execution: (
                    self.describe(execution)["executionInfo"]["executionStatus"] == "CLOSED"
                )
            )

    def wait_answered(self, execution, times=1):
        """Until so many decision tasks of it were answered."""
        self.wait(lambda: self.kinds(execution).count("DecisionTaskCompleted") >= times)

    def answers(self):
        return self.service.requests("respond_decision_task_completed")


class Hand:
    """Decides, without threads, what a test gives it."""

    def __init__(self, world, *, most=10, find=find, page_size=1000, **options):
        self.world = world
        self.reads = []
        self._page_size = page_size
        self.runs = Runs(
            self._read,
            DOMAIN,
            find,
            chance=SeededChance(),
            most=most,
            fields=world.fields,
            **options,
        )

    def _read(self, **request):
        request["maximumPageSize"] = min(request["maximumPageSize"], self._page_size)
        page = self.world.engine.get_workflow_execution_history(**request)
        self.reads.append(page)
        return page

    def read(self):
        """How many events of histories were read since the last time."""
        reads, self.reads = self.reads, []
        return sum(len(page["events"]) for page in reads)

    def _poll(self, **more):
        return self.world.engine.poll_for_decision_task(
            domain=DOMAIN,
            taskList={"name": TASK_LIST},
            startAtPreviousStartedEvent=True,
            maximumPageSize=self._page_size,
            **more,
        )

    def take(self):
        """A decision task."""
        task = self._poll()
        assert task["taskToken"], "there is no decision task"
        return task

    def pages(self, task):
        yield list(map(ev.from_wire, task["events"]))
        while token := task.get("nextPageToken"):
            task = self._poll(nextPageToken=token)
            yield list(map(ev.from_wire, task["events"]))

    def decide(self, task):
        return self.runs.decide(task, self.pages(task))

    def answer(self, task, answer, **more):
        for decision in answer.decisions:
            if isinstance(decision, de.ScheduleActivityTask):
                self._register(decision.activity_type)
        request = {"taskToken": task["taskToken"], **more}
        if answer.execution_context is not None:
            request["executionContext"] = answer.execution_context
        written = write_decisions(self.world.fields, answer.decisions)
        self.world.engine.respond_decision_task_completed(
            decisions=[de.to_wire(decision) for decision in written], **request
        )

    def step(self):
        """Take a task, decide it, answer it: the answer."""
        task = self.take()
        answer = self.decide(task)
        self.answer(task, answer)
        return answer

    def _register(self, kind):
        engine = self.world.engine
        with suppress(engine.exceptions.TypeAlreadyExistsFault):
            engine.register_activity_type(domain=DOMAIN, name=kind.name, version=kind.version)


def told(answer):
    """The decisions of an answer, in a few words."""
    return [_tell(decision) for decision in answer.decisions]


def _tell(decision):
    match decision:
        case de.ScheduleActivityTask():
            return f"schedule {decision.activity_id}"
        case de.StartTimer():
            return f"start {decision.timer_id} {decision.start_to_fire_timeout}"
        case de.CompleteWorkflowExecution():
            return f"complete {decision.result}"
        case de.FailWorkflowExecution():
            return f"fail {decision.reason}"
