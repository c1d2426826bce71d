"""The limits of SWF that are the service's own business. (Developer Guide, Amazon SWF Quotas)"""

import queue
import threading

import pytest
from conforming import attributes, child, marker, new_domain_name, refused, schedule, timer

from dataflow.protocol.faults import Fault
from dataflow.protocol.limits import SWF_LIMITS, Limits, Quotas
from dataflow.protocol.operations import convert


def test_the_documented_numbers():
    """Developer Guide, Amazon SWF Quotas."""
    assert SWF_LIMITS.history_events == 25_000
    assert SWF_LIMITS.open_activities == 1_000
    assert SWF_LIMITS.open_timers == 1_000
    assert SWF_LIMITS.open_children == 1_000
    assert SWF_LIMITS.pollers == 1_000
    assert SWF_LIMITS.request_bytes in (1_000_000, 1_048_576)


# --- events ------------------------------------------------------------------------------


@pytest.mark.engine_options(limits=Limits(history_events=20))
def test_a_history_that_is_full(world):
    """WorkflowExecutionTerminated: "cause: If set, indicates that the workflow execution was
    automatically terminated, and specifies the cause", EVENT_LIMIT_EXCEEDED. A history has up to
    25,000 events. (Developer Guide, Quotas)"""
    run = world.start()
    for _ in range(20):
        world.signal()
        if world.close_status(run):
            break
    assert world.close_status(run) == "TERMINATED"
    assert world.last("WorkflowExecutionTerminated")["cause"] == "EVENT_LIMIT_EXCEEDED"
    assert 20 <= len(world.history(run)) <= 21
    with refused(world.swf, "UnknownResourceFault"):
        world.signal(run=run)
    assert world.no_decision()
    assert world.start()["runId"] != run["runId"]


@pytest.mark.engine_options(limits=Limits(history_events=20))
def test_a_history_that_is_filled_by_decisions(world):
    """A history has up to 25,000 events. (Developer Guide, Quotas)"""
    run = world.start()
    world.decide(*(marker(str(number)) for number in range(30)))
    assert world.close_status(run) == "TERMINATED"
    assert world.last("WorkflowExecutionTerminated")["cause"] == "EVENT_LIMIT_EXCEEDED"
    assert world.kinds(run)[-1] == "WorkflowExecutionTerminated"


@pytest.mark.engine_options(limits=Limits(history_events=20))
def test_the_children_of_an_execution_whose_history_is_full(world):
    """The child policy is applied where the service ends an execution: "when a workflow execution
    of this type is terminated"."""
    parent = world.decided(child("child", taskList={"name": "children"}), childPolicy="TERMINATE")
    run = world.open_run("child")
    for _ in range(20):
        if world.close_status(parent) is None:
            world.signal(run=parent)
    assert world.close_status(parent) == "TERMINATED"
    assert world.close_status(run) == "TERMINATED"
    assert world.last("WorkflowExecutionTerminated", run)["cause"] == "CHILD_POLICY_APPLIED"


@pytest.mark.needs_clock
def test_twenty_five_thousand_events(world):
    """A history has up to 25,000 events. (Developer Guide, Quotas)"""
    run = world.start()

    def decide(count):
        task = world.poll_decision(maximumPageSize=1)
        world.decide(*(marker("m") for _ in range(count)), task=task)

    def last_event():
        newest = {"execution": run, "reverseOrder": True, "maximumPageSize": 1}
        page = world.swf.get_workflow_execution_history(domain=world.domain, **newest)
        return page["events"][0]

    for _ in range(240):
        decide(100)
        world.signal()
    decide(35)
    assert last_event()["eventId"] == 24_999
    assert world.close_status(run) is None
    world.signal()
    assert last_event()["eventType"] == "WorkflowExecutionTerminated"
    assert attributes(last_event())["cause"] == "EVENT_LIMIT_EXCEEDED"
    assert world.close_status(run) == "TERMINATED"


# --- what is open ------------------------------------------------------------------------


@pytest.mark.engine_options(limits=Limits(open_activities=2, open_timers=2, open_children=2))
def test_open_tasks_of_one_execution(world):
    """OPEN_ACTIVITIES_LIMIT_EXCEEDED, OPEN_TIMERS_LIMIT_EXCEEDED, OPEN_CHILDREN_LIMIT_EXCEEDED: one
    execution may have 1,000 open ones of each. (Developer Guide, Quotas)"""
    world.decided(
        *(schedule(activity_id) for activity_id in "abc"),
        *(timer(timer_id) for timer_id in "abc"),
        *(child(workflow_id, taskList={"name": "x"}) for workflow_id in "abc"),
    )
    (activity,) = world.all("ScheduleActivityTaskFailed")
    (timer_,) = world.all("StartTimerFailed")
    (child_,) = world.all("StartChildWorkflowExecutionFailed")
    assert (activity["activityId"], activity["cause"]) == ("c", "OPEN_ACTIVITIES_LIMIT_EXCEEDED")
    assert (timer_["timerId"], timer_["cause"]) == ("c", "OPEN_TIMERS_LIMIT_EXCEEDED")
    assert (child_["workflowId"], child_["cause"]) == ("c", "OPEN_CHILDREN_LIMIT_EXCEEDED")
    # What has ended makes room.
    world.activity_completed(world.poll_activity())
    world.decide(schedule("d"))
    assert len(world.all("ActivityTaskScheduled")) == 3


def test_a_thousand_open_activities(world):
    """One execution may have 1,000 open activity tasks. (Developer Guide, Quotas)"""
    world.start()
    for hundred in range(10):
        world.decide(*(schedule(f"{hundred}-{number}") for number in range(100)))
        world.signal()
    assert world.describe()["openCounts"]["openActivityTasks"] == 1_000
    world.decide(schedule("one more"))
    assert world.last("ScheduleActivityTaskFailed")["cause"] == "OPEN_ACTIVITIES_LIMIT_EXCEEDED"


# --- one request -------------------------------------------------------------------------


def test_a_megabyte(world):
    """A request has up to 1 MB. (Developer Guide, Quotas)"""
    run = world.start()
    task = world.poll_decision()

    def markers(count):
        return [marker(str(number), details="d" * 32_000) for number in range(count)]

    with refused(world.swf, "RequestEntityTooLargeException"):
        world.decide(*markers(33), task=task)
    assert world.kinds(run)[-1] == "DecisionTaskStarted"
    world.decide(*markers(31), task=task)
    assert world.kinds(run).count("MarkerRecorded") == 31


# --- pollers -----------------------------------------------------------------------------


@pytest.mark.engine_options(limits=Limits(pollers=2), poll_seconds=60)
@pytest.mark.parametrize("kind", ["decision", "activity"])
def test_too_many_pollers(world, kind):
    """LimitExceededFault: "Returned by any operation if a system imposed limitation has been
    reached." 1,000 pollers may wait for one task list. (Developer Guide, Quotas)"""
    poll = getattr(world.swf, f"poll_for_{kind}_task")
    answers, refusals = queue.Queue(), queue.Queue()

    def wait():
        try:
            answers.put(poll(domain=world.domain, taskList={"name": "list"})["taskToken"])
        except Fault as fault:
            refusals.put(fault.code)

    waiting = [threading.Thread(target=wait) for _ in range(3)]
    for thread in waiting:
        thread.start()
    # Whichever comes last.
    assert refusals.get(timeout=60) == "LimitExceededFault"
    # The two others hold the list; the list of the other kind is another one.
    if kind == "decision":
        world.decided(schedule("a", taskList={"name": "list"}), workflow_id="other")
        assert world.poll_activity("list")["activityId"] == "a"
        for workflow_id in "ab":
            world.start(workflow_id, taskList={"name": "list"})
    else:
        world.start("other", taskList={"name": "list"})
        assert world.poll_decision("list")["workflowExecution"] == world.run
        world.decided(*(schedule(name, taskList={"name": "list"}) for name in "ab"))
    tokens = {answers.get(timeout=60) for _ in range(2)}
    assert len(tokens - {""}) == 2
    for thread in waiting:
        thread.join()
    assert refusals.empty()


@pytest.mark.polls_wait
@pytest.mark.needs_clock
def test_a_thousand_pollers(world, service):
    """1,000 pollers may wait for one task list. (Developer Guide, Quotas)"""
    request = {"domain": world.domain, "taskList": {"name": "workers"}}
    answers = []
    for _ in range(1_000):
        service.submit(convert("PollForActivityTask", request), answers.append)
    assert answers == []
    with refused(world.swf, "LimitExceededFault"):
        world.swf.poll_for_activity_task(**request)
    # One that is served makes room for one more.
    world.decided(schedule("a"))
    service.submit(convert("PollForActivityTask", request), answers.append)
    assert [answer["activityId"] for answer in answers] == ["a"]


# --- the account -------------------------------------------------------------------------


@pytest.mark.engine_options(quotas=Quotas(domains=3, types=2, open_executions=2))
def test_quotas_of_an_account(swf, clock):
    """LimitExceededFault: "To address this fault you should either clean up unused resources or
    increase the limit by contacting AWS." 100 domains, registered or deprecated; 10,000 types of
    each kind and 100,000 open executions in each. (Developer Guide, Quotas)"""
    names = [new_domain_name() for _ in range(3)]
    for name in names:
        swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="1")
    swf.deprecate_domain(name=names[2])
    with refused(swf, "LimitExceededFault"):
        swf.register_domain(name=new_domain_name(), workflowExecutionRetentionPeriodInDays="1")
    for kind in ("workflow", "activity"):
        register = getattr(swf, f"register_{kind}_type")
        for name in "ab":
            register(domain=names[0], name=name, version="1")
        with refused(swf, "LimitExceededFault"):
            register(domain=names[0], name="c", version="1")
        register(domain=names[1], name="c", version="1")
    start = {
        "domain": names[0],
        "workflowType": {"name": "a", "version": "1"},
        "taskList": {"name": "deciders"},
        "executionStartToCloseTimeout": "100",
        "taskStartToCloseTimeout": "NONE",
        "childPolicy": "ABANDON",
    }
    for workflow_id in "ab":
        swf.start_workflow_execution(workflowId=workflow_id, **start)
    with refused(swf, "LimitExceededFault"):
        swf.start_workflow_execution(workflowId="c", **start)
    swf.terminate_workflow_execution(domain=names[0], workflowId="a")
    swf.start_workflow_execution(workflowId="c", **start)


@pytest.mark.needs_clock
def test_an_account_has_no_quotas_by_default(swf):
    """The embedded engine is nobody else's: quotas of an account are options, off by default."""
    for _ in range(101):
        swf.register_domain(name=new_domain_name(), workflowExecutionRetentionPeriodInDays="1")
    for _ in range(150):
        swf.list_domains(registrationStatus="REGISTERED", maximumPageSize=1)


@pytest.mark.engine_options(quotas=Quotas(calls={"DescribeDomain": (2, 0.5)}))
def test_call_rates(swf, clock):
    """A bucket for each operation, and so many calls more a second. (Developer Guide, Quotas)"""
    name = new_domain_name()
    swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="1")

    def calls():
        answered = 0
        with refused(swf, "ThrottlingException"):
            while answered < 10:
                swf.describe_domain(name=name)
                answered += 1
        return answered

    assert calls() == 2
    clock.advance(2)
    assert calls() == 1
    clock.advance(2)
    assert calls() == 1
    clock.advance(100)
    assert calls() == 2
    swf.list_domains(registrationStatus="REGISTERED")
