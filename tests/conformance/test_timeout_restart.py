"""An engine that is closed and opened again in the middle of everything goes on where it was.

The documentation knows of no restart: nothing of what it says may be untrue because of one. What
an execution has come to, and what it waits for, is what its history says.
"""

import threading
from contextlib import closing

import pytest
from conforming import (
    PAY,
    Checked,
    World,
    cancel,
    cancel_activity,
    cancel_timer,
    child,
    complete,
    continue_as_new,
    decision,
    fail,
    marker,
    refused,
    schedule,
    signal_external,
    timer,
)
from deciding import decision_due, event_times, expires_after, parcels, written

from dataflow.engine import Engine
from dataflow.testing import VirtualClock


class Restarting(World):
    """A world on an engine that can be closed and opened again."""

    def __init__(self, path, **options):
        self.path = path
        self.options = options
        clock = VirtualClock()
        super().__init__(self._open(clock), clock)

    def _open(self, clock):
        return Checked(Engine(self.path, clock=clock, poll_seconds=0, **self.options))

    def close(self):
        self.swf.client.close()

    def restart(self, down=0):
        """Close the engine; open it again when it has been down for some seconds."""
        self.close()
        self.advance(down)
        self.swf = self._open(self.clock)


@pytest.fixture
def world(tmp_path):
    with closing(Restarting(tmp_path / "engine.db")) as restarting:
        yield restarting


# --- tasks and their tokens --------------------------------------------------------------


def test_a_decision_task_that_waits(world):
    run = world.start(taskPriority="3")
    world.restart()
    task = world.decide(complete())
    assert task["workflowExecution"] == run
    assert [event["eventId"] for event in task["events"]] == [1, 2, 3]
    assert world.close_status() == "COMPLETED"


def test_a_decision_task_that_a_decider_has(world):
    """taskToken: the opaque string used as a handle on the task. (DecisionTask)"""
    world.start(executionStartToCloseTimeout="100")
    task = world.poll_decision()
    world.restart()
    assert world.no_decision()
    world.decide(schedule("a"), task=task, executionContext="c")
    world.restart()
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(complete(), task=task)
    assert world.describe()["latestExecutionContext"] == "c"


def test_news_that_a_decider_does_not_know(world):
    """An UnhandledDecision fault is returned if a workflow closing decision is specified and a
    signal or activity event had been added to the history while the decision task was being
    performed by the decider. (Decision)"""
    world.start()
    task = world.poll_decision()
    world.signal()
    world.restart()
    ((kind, failed),) = written(world, complete(), task=task)
    assert (kind, failed["cause"]) == ("CompleteWorkflowExecutionFailed", "UNHANDLED_DECISION")
    world.restart()
    world.decide(complete())
    assert world.close_status() == "COMPLETED"


def test_news_that_a_decider_knows(world):
    """The same, the other way round."""
    world.start()
    world.signal()
    task = world.poll_decision()
    world.restart()
    world.decide(complete(), task=task)
    assert world.close_status() == "COMPLETED"


def test_an_execution_that_waits_for_nothing(world):
    world.decided()
    world.restart()
    assert not decision_due(world)
    assert world.no_decision()
    world.signal()
    assert world.decide()["previousStartedEventId"] == 3


def test_an_activity_task_that_waits(world):
    world.decided(schedule("a", input="i"))
    world.restart()
    task = world.poll_activity()
    assert (task["activityId"], task["input"]) == ("a", "i")
    world.activity_completed(task, result="r")
    assert world.last("ActivityTaskCompleted")["result"] == "r"


def test_tasks_keep_their_order(world):
    """Higher numbers indicate higher priority. (RegisterActivityType) Within a priority, first in,
    first out."""
    priorities = {"a": "0", "b": "5", "c": "0", "d": "5", "e": "-1"}
    world.decided(*[schedule(name, taskPriority=p) for name, p in priorities.items()])
    world.restart()
    assert [world.poll_activity()["activityId"] for _ in priorities] == ["b", "d", "a", "c", "e"]


@pytest.mark.parametrize("ends", ["completed", "failed"])
def test_an_activity_task_that_a_worker_has(world, ends):
    """taskToken: this token is used by workers to communicate progress and response information
    back to the system about the task. (ActivityTask)"""
    task = world.working()
    world.restart()
    assert world.no_activity()
    assert world.heartbeat(task) is False
    getattr(world, f"activity_{ends}")(task)
    world.restart()
    with refused(world.swf, "UnknownResourceFault"):
        world.activity_completed(task)
    assert world.kinds()[-2:] == [f"ActivityTask{ends.title()}", "DecisionTaskScheduled"]


def test_an_activity_that_is_to_be_cancelled(world):
    """Set to true if cancellation of the task is requested. (ActivityTaskStatus)"""
    task = world.working()
    world.signal()
    world.decide(cancel_activity("a"))
    world.restart()
    assert world.heartbeat(task) is True
    world.activity_canceled(task)
    assert world.last("ActivityTaskCanceled")["latestCancelRequestedEventId"] == world.id_of(
        "ActivityTaskCancelRequested"
    )


def test_an_answer_that_was_refused_before(world):
    """UnknownResourceFault: ... is no longer available for this operation."""
    task = world.working()
    run = world.run
    world.terminate()
    world.restart()
    with refused(world.swf, "UnknownResourceFault"):
        world.activity_completed(task)
    assert world.kinds(run)[-1] == "WorkflowExecutionTerminated"


# --- ids ---------------------------------------------------------------------------------


def test_ids_that_are_in_use(world):
    """Causes ACTIVITY_ID_ALREADY_IN_USE and TIMER_ID_ALREADY_IN_USE: of what is open."""
    world.decided(schedule("a"), schedule("b"), timer("t", 900), timer("u", 900))
    world.signal()
    world.decide(cancel_activity("b"), cancel_timer("u"))
    world.restart()
    events = written(world, schedule("a"), timer("t"), schedule("b"), timer("u"))
    assert [kind for kind, _ in events] == [
        "ScheduleActivityTaskFailed",
        "StartTimerFailed",
        "ActivityTaskScheduled",
        "TimerStarted",
    ]
    world.restart()
    with refused(world.swf, "WorkflowExecutionAlreadyStartedFault"):
        world.start()


def test_types_that_are_deprecated(world):
    """After an activity type has been deprecated, you cannot create new tasks of that activity
    type. (DeprecateActivityType)"""
    world.start()
    world.swf.deprecate_activity_type(domain=world.domain, activityType=PAY)
    world.restart()
    ((_, failed),) = written(world, schedule("a"))
    assert failed["cause"] == "ACTIVITY_TYPE_DEPRECATED"


# --- deadlines ---------------------------------------------------------------------------


def test_a_timer(world):
    """This timer fires after the specified delay. (Decision)"""
    world.decided(timer("t", 100))
    world.advance(40)
    world.restart(down=10)
    assert [kind for kind, _ in expires_after(world, 50)] == ["TimerFired"]
    assert event_times(world)[-1] == ("DecisionTaskScheduled", 100)


def test_timers_that_fire_while_the_engine_is_down(world):
    """This timer fires after the specified delay. (Decision) The delay is over, whoever slept."""
    world.decided(timer("late", 60), timer("early", 30), timer("later", 200))
    world.restart(down=100)
    assert [kind for kind, _ in event_times(world)[-3:]] == [
        "TimerFired",
        "DecisionTaskScheduled",
        "TimerFired",
    ]
    assert [fired["timerId"] for fired in world.all("TimerFired")] == ["early", "late"]
    assert world.open_counts() == {"openTimers": 1, "openDecisionTasks": 1}


def test_a_timer_that_was_cancelled(world):
    """Cancels a previously started timer. (Decision)"""
    world.decided(timer("t", 10), timer("t"), cancel_timer("t"))
    known = world.kinds()
    world.restart(down=1_000)
    assert world.kinds() == known


def test_an_execution(world):
    """Exceeding this limit causes the workflow execution to time out. (StartWorkflowExecution)"""
    run = world.start(executionStartToCloseTimeout="100")
    world.advance(50)
    world.restart()
    world.advance(49)
    world.restart()
    assert world.close_status(run) is None
    world.restart(down=1)
    assert world.close_status(run) == "TIMED_OUT"
    world.restart()
    assert world.kinds(run)[-1] == "WorkflowExecutionTimedOut"


def test_a_decider(world):
    """The task is considered timed out if it doesn't completed within this duration.
    (DecisionTaskScheduledEventAttributes, startToCloseTimeout)"""
    world.start(taskStartToCloseTimeout="30")
    task = world.poll_decision()
    world.advance(10)
    world.restart(down=10)
    assert [kind for kind, _ in expires_after(world, 10)] == ["DecisionTaskTimedOut"]
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(complete(), task=task)


@pytest.mark.parametrize(
    ("timeout", "timeout_type"),
    [
        ("scheduleToStartTimeout", "SCHEDULE_TO_START"),
        ("scheduleToCloseTimeout", "SCHEDULE_TO_CLOSE"),
    ],
)
def test_an_activity_that_nobody_has(world, timeout, timeout_type):
    """Each of them is a maximum duration. (ScheduleActivityTaskDecisionAttributes)"""
    world.decided(schedule("a", **{timeout: "30"}))
    world.advance(10)
    world.restart(down=10)
    ((_, ended),) = expires_after(world, 10)
    assert (ended["timeoutType"], ended["startedEventId"]) == (timeout_type, 0)


@pytest.mark.parametrize(
    ("timeout", "timeout_type"),
    [("startToCloseTimeout", "START_TO_CLOSE"), ("scheduleToCloseTimeout", "SCHEDULE_TO_CLOSE")],
)
def test_an_activity_that_a_worker_has(world, timeout, timeout_type):
    """Each of them is a maximum duration. (ScheduleActivityTaskDecisionAttributes)"""
    task = world.working(**{timeout: "30"})
    world.advance(10)
    world.restart(down=10)
    world.heartbeat(task)
    ((_, ended),) = expires_after(world, 10)
    assert ended["timeoutType"] == timeout_type


def test_an_activity_that_would_have_been_heard_of(world):
    """A worker must report progress by calling RecordActivityTaskHeartbeat
    (ScheduleActivityTaskDecisionAttributes, heartbeatTimeout), which it cannot while the engine is
    down: its time counts from the restart."""
    task = world.working(heartbeatTimeout="10")
    world.advance(8)
    world.restart(down=1_000)
    assert world.open_counts() == {"openActivityTasks": 1}
    world.advance(9)
    world.heartbeat(task, details="still here")
    world.advance(9)
    world.heartbeat(task, details="and now not")
    ((_, ended),) = expires_after(world, 10)
    assert (ended["timeoutType"], ended["details"]) == ("HEARTBEAT", "and now not")


def test_an_activity_that_is_heard_of_no_more(world):
    """If the timeout is exceeded, the activity task is automatically timed out.
    (ScheduleActivityTaskDecisionAttributes, heartbeatTimeout)"""
    world.working(heartbeatTimeout="10")
    world.restart(down=1_000)
    ((_, ended),) = expires_after(world, 10)
    assert ended["timeoutType"] == "HEARTBEAT"


# --- the task list that a decider asked for ----------------------------------------------


def test_a_list_for_good(world):
    """When this parameter is missing, the task list override is permanent.
    (taskListScheduleToStartTimeout)"""
    world.start()
    world.decide(taskList={"name": "sticky"})
    world.restart()
    world.signal()
    world.restart()
    world.decide(task=world.poll_decision("sticky"))


def test_a_list_for_a_while(world):
    """If a decision task scheduled on the override task list is not started within the timeout, the
    decision task will time out. Amazon SWF will revert the override and schedule a new decision
    task to the original task list. (taskListScheduleToStartTimeout)"""
    world.start()
    world.decide(taskList={"name": "sticky"}, taskListScheduleToStartTimeout="5")
    world.restart()
    world.signal()
    assert world.last("DecisionTaskScheduled")["scheduleToStartTimeout"] == "5"
    world.advance(2)
    world.restart(down=2)
    ((_, ended),) = expires_after(world, 1)
    assert ended["timeoutType"] == "SCHEDULE_TO_START"
    world.restart()
    world.decide()
    world.restart()
    world.signal()
    world.decide(complete())


# --- families ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("decision", "kind"),
    [
        (complete(), "ChildWorkflowExecutionCompleted"),
        (fail(), "ChildWorkflowExecutionFailed"),
        (cancel(), "ChildWorkflowExecutionCanceled"),
    ],
)
def test_a_parent_hears_of_its_child(world, decision, kind):
    """ChildWorkflowExecutionCompleted: a child workflow execution, started by this workflow
    execution, completed successfully and was closed; likewise the others. (HistoryEvent)"""
    parent = world.decided(child("c", parcels(world)))
    world.restart()
    world.decide(continue_as_new(), task=world.poll_decision("parcels"))
    world.restart()
    assert world.open_counts(parent)["openChildWorkflowExecutions"] == 1
    world.decide(decision, task=world.poll_decision("parcels"))
    assert world.last(kind, parent)["startedEventId"] == 6
    world.restart()
    assert world.open_counts(parent) == {"openDecisionTasks": 1}


def test_a_child_that_times_out_while_the_engine_is_down(world):
    """ChildWorkflowExecutionTimedOut: a child workflow execution, started by this workflow
    execution, timed out and was closed. (HistoryEvent)"""
    parent = world.decided(child("c", parcels(world), executionStartToCloseTimeout="50"))
    world.decide()
    world.restart(down=100)
    assert event_times(world, parent)[-2:] == [
        ("ChildWorkflowExecutionTimedOut", 50),
        ("DecisionTaskScheduled", 50),
    ]


@pytest.mark.parametrize("argument", [{}, {"childPolicy": "TERMINATE"}])
def test_a_child_policy(world, argument):
    """The child policy, registered with the workflow type or specified when starting this
    execution, is applied to any open child workflow executions of this workflow execution.
    (TerminateWorkflowExecution)"""
    parent = world.decided(child("c", parcels(world)), childPolicy="REQUEST_CANCEL")
    own = world.open_run("c")
    world.restart()
    world.terminate(parent, **argument)
    world.restart()
    kind = "WorkflowExecutionTerminated" if argument else "WorkflowExecutionCancelRequested"
    assert world.last(kind, own)["cause"] == "CHILD_POLICY_APPLIED"


# --- functions ---------------------------------------------------------------------------


def test_a_function_that_runs_when_the_engine_stops(tmp_path):
    """LambdaFunctionFailed: the reason provided for the failure. (HistoryEvent) Whatever becomes of
    the function, its decider hears of its end."""
    called, told = threading.Event(), threading.Event()

    def slow(_):
        called.set()
        told.wait(60)

    with closing(Restarting(tmp_path / "engine.db", lambdas={"slow": slow})) as world:
        function = {"id": "f", "name": "slow"}
        world.decided(decision("ScheduleLambdaFunction", **function), lambdaRole="arn:aws:iam::1:r")
        assert called.wait(60)
        world.restart()
        assert world.kinds()[-2:] == ["LambdaFunctionFailed", "DecisionTaskScheduled"]
        assert world.last("LambdaFunctionFailed")["startedEventId"] == 6
        told.set()
        world.restart()
        assert world.open_counts() == {"openDecisionTasks": 1}
        world.decide(complete())


# --- all of it ---------------------------------------------------------------------------


def everything(world):  # noqa: PLR0915 - a story
    """A story with something of everything; between two steps the engine may be restarted."""
    kind = parcels(world)
    parent = world.start(
        "parent",
        taskStartToCloseTimeout="30",
        executionStartToCloseTimeout="1000",
        childPolicy="REQUEST_CANCEL",
        tagList=["tag"],
        input="i",
    )
    yield
    world.decide(
        schedule("a", startToCloseTimeout="50"),
        schedule("b", scheduleToStartTimeout="20", taskPriority="3"),
        schedule("c", scheduleToStartTimeout="20"),
        timer("t", 15),
        timer("u", 100),
        child("child", kind, executionStartToCloseTimeout="300"),
        marker("m"),
        taskList={"name": "sticky"},
        taskListScheduleToStartTimeout="5",
        executionContext="one",
    )
    yield
    urgent = world.poll_activity()
    yield
    task = world.poll_decision("sticky")
    yield
    world.signal("first", run=parent)
    yield
    world.decide(complete(), task=task)
    yield
    world.advance(5)
    yield
    world.decide(cancel_activity("b"), timer("t", 1), schedule("b"), signal_external("child"))
    yield
    assert world.heartbeat(urgent, details="half") is True
    yield
    world.advance(10)
    yield
    world.activity_canceled(urgent, details="undone")
    yield
    first = world.poll_activity()
    yield
    small = world.poll_decision("parcels")
    yield
    world.decide(continue_as_new(executionStartToCloseTimeout="300"), task=small)
    yield
    world.advance(10)
    yield
    world.decide(cancel_activity("c"), cancel_timer("t"), executionContext="two")
    yield
    world.decide(taskList={"name": "other"})
    yield
    world.activity_failed(first, reason="no money")
    yield
    late = world.poll_decision("other")
    yield
    world.advance(30)
    yield
    with refused(world.swf, "UnknownResourceFault"):
        world.decide(task=late)
    yield
    world.decide(timer("v", 10), task=world.poll_decision("other"))
    yield
    world.request_cancel(parent)
    yield
    world.advance(2_000)
    yield
    world.start("parent", workflow_type=kind)
    yield
    world.decide(cancel(), task=world.poll_decision("parcels"))
    yield
    world.advance(1_000)


def told(world):
    """What is known of all executions of a world, without what differs by chance."""
    began = {"domain": world.domain, "startTimeFilter": {"oldestDate": 0}}
    infos = (
        world.swf.list_open_workflow_executions(**began)["executionInfos"]
        + world.swf.list_closed_workflow_executions(**began)["executionInfos"]
    )
    runs = [info["execution"] for info in infos]
    text = repr([(world.describe(run), world.history(run)) for run in runs]) + repr(infos)
    for run in runs:
        started = world.history(run)[0]["workflowExecutionStartedEventAttributes"]
        name = f"{run['workflowId']} {'continuedExecutionRunId' in started} {started.get('input')}"
        text = text.replace(run["runId"], name)
    return text


def test_a_restart_at_any_moment_changes_nothing(tmp_path):
    """Nothing that an execution has come to, and nothing that it waits for."""

    def tell(name, restarts_before):
        with closing(Restarting(tmp_path / f"{name}.db")) as world:
            for step, _ in enumerate(everything(world)):
                if restarts_before(step):
                    world.restart()
            return told(world)

    with closing(Restarting(tmp_path / "never.db")) as world:
        steps = sum(1 for _ in everything(world))
        expected = told(world)
    for kind in (
        "DecisionTaskTimedOut",
        "ActivityTaskCanceled",
        "ActivityTaskTimedOut",
        "RequestCancelActivityTaskFailed",
        "TimerFired",
        "StartTimerFailed",
        "WorkflowExecutionContinuedAsNew",
        "ChildWorkflowExecutionTimedOut",
        "WorkflowExecutionTimedOut",
        "UNHANDLED_DECISION",
        "externalInitiatedEventId",
    ):
        assert kind in expected, f"the story does not tell of {kind}"
    assert tell("always", lambda _: True) == expected
    for at in range(steps):
        assert tell(f"at-{at}", lambda step, at=at: step == at) == expected, f"before step {at}"
