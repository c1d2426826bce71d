"""Histories as an engine would have written them, told in a few words.

    story = Story(workers=2)
    story.task("shop.charge", 3.0)
    story.task("shop.ship", 5.0, inputs=["activity-shop.charge-1"])
    events = story.events()

Workers take tasks in the order in which they are scheduled; a decider answers 10 ms after something
has happened. Nothing is random.
"""

from __future__ import annotations

import heapq
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from dataflow.inspection.graph import graph
from dataflow.inspection.tasks import tasks
from dataflow.inspection.timeline import timeline
from dataflow.protocol import events as ev
from dataflow.protocol.events import Event
from dataflow.protocol.values import ActivityType, TaskList, WorkflowExecution, WorkflowType

BEGIN = 1_767_261_600.0  # 2026-01-01 10:00:00 UTC
DECIDING = 0.01
LIST = TaskList("stories")


@dataclass(kw_only=True)
class Told:
    """A task of a story."""

    task_id: str
    name: str
    kind: str
    seconds: float | None
    inputs: Sequence[str] = ()
    after: Sequence[str] = ()
    #: Attempts before the last: (seconds, state, reason).
    wrong: Sequence[tuple] = ()
    #: Seconds before the next attempt.
    back_off: float = 1.0
    #: In what state the last attempt ends, and why.
    state: str = "completed"
    reason: str | None = None
    #: Whether history says what fed it.
    recorded: bool = True
    tries: int = 0
    #: How many of those that fed it have not ended.
    missing: int = 0


@dataclass
class Story:
    workers: int = 4
    workflow: str = "shop"
    told: dict = field(default_factory=dict)
    numbers: Counter = field(default_factory=Counter)

    def task(self, name, seconds=1.0, *, kind="activity", **how):
        """A task's id. ``seconds`` None: it never ends. ``how``: members of `Told`."""
        self.numbers[name] += 1
        task_id = f"activity-{name}-{self.numbers[name]}" if kind == "activity" else name
        if kind == "child":
            task_id = f"{name}-{self.numbers[name]}"
        told = Told(task_id=task_id, name=name, kind=kind, seconds=seconds, **how)
        told.missing = len({*told.inputs, *told.after})
        self.told[task_id] = told
        return task_id

    def events(self, *, until=None, end="completed"):
        """Its history. ``until``: seconds after which it is read, while it is open."""
        return _Telling(self, until, end).tell()


class _Telling:
    def __init__(self, story, until, end):
        self.story, self.until, self.end = story, until, end
        self.events = []
        self.agenda = []
        self.order = count()
        self.queue = []
        self.free = story.workers
        self.time = 0.0
        # A story may be told again.
        told = [replace(task) for task in story.told.values()]
        self.ready = [task for task in told if not task.missing]
        self.needed = {}
        for task in told:
            for source in {*task.inputs, *task.after}:
                self.needed.setdefault(source, []).append(task)
        self.left = len(told)
        self.decision = None
        self.answer = 0
        self.scheduled = {}

    def add(self, attributes):
        stamp = round(BEGIN + self.time, 3)
        self.events.append(Event(len(self.events) + 1, stamp, attributes))
        return len(self.events)

    def later(self, seconds, what, *args):
        heapq.heappush(self.agenda, (self.time + seconds, next(self.order), what, args))

    def tell(self):
        self.add(
            ev.WorkflowExecutionStarted(
                child_policy="TERMINATE",
                task_list=LIST,
                workflow_type=WorkflowType(self.story.workflow, "1"),
                input='{"args":[],"kwargs":{}}',
            )
        )
        self.decide()
        while self.agenda:
            self.time, _, what, args = heapq.heappop(self.agenda)
            if self.until is not None and self.time > self.until:
                break
            what(*args)
        return self.events

    # --- the decider

    def decide(self):
        if self.decision is None:
            self.decision = self.add(ev.DecisionTaskScheduled(task_list=LIST))
            self.later(0, self.take)

    def take(self):
        self.started = self.add(ev.DecisionTaskStarted(scheduled_event_id=self.decision))
        self.later(DECIDING, self.decided, self.ready)
        self.ready = []

    def decided(self, ready):
        self.answer = self.add(
            ev.DecisionTaskCompleted(
                scheduled_event_id=self.decision, started_event_id=self.started
            )
        )
        self.decision = None
        for task in ready:
            self.schedule(task)
        if not self.left:
            self.close()
        elif self.ready:
            self.decide()

    def close(self):
        if self.end == "completed":
            closing = ev.WorkflowExecutionCompleted(
                decision_task_completed_event_id=self.answer, result="null"
            )
        elif self.end == "timed_out":
            closing = ev.WorkflowExecutionTimedOut(
                timeout_type="START_TO_CLOSE", child_policy="TERMINATE"
            )
        else:
            closing = ev.WorkflowExecutionFailed(
                decision_task_completed_event_id=self.answer, reason="TaskFailed: no luck"
            )
        self.add(closing)
        self.agenda.clear()

    # --- tasks

    def schedule(self, task):
        control = json.dumps(
            {
                name: ids
                for name, ids in (("after", list(task.after)), ("inputs", list(task.inputs)))
                if ids and task.recorded
            }
        )
        common = {"decision_task_completed_event_id": self.answer, "input": "[]"}
        if task.kind == "timer":
            event_id = self.add(
                ev.TimerStarted(
                    timer_id=task.task_id,
                    start_to_fire_timeout=str(int(task.seconds or 0)),
                    decision_task_completed_event_id=self.answer,
                )
            )
            if task.seconds is not None:
                self.later(task.seconds, self.fire, task, event_id)
            return
        if task.kind == "child":
            event_id = self.add(
                ev.StartChildWorkflowExecutionInitiated(
                    workflow_id=task.task_id,
                    workflow_type=WorkflowType(task.name, "1"),
                    task_list=LIST,
                    child_policy="TERMINATE",
                    control=control,
                    **common,
                )
            )
            self.later(0.05, self.child_started, task, event_id)
            return
        event_id = self.add(
            ev.ActivityTaskScheduled(
                activity_type=ActivityType(task.name, "1"),
                activity_id=task.task_id,
                task_list=LIST,
                control=control,
                **common,
            )
        )
        self.queue.append((task, event_id))
        self.later(0.001, self.work)

    def work(self):
        if not self.free or not self.queue:
            return
        self.free -= 1
        task, scheduled = self.queue.pop(0)
        started = self.add(
            ev.ActivityTaskStarted(
                scheduled_event_id=scheduled, identity=f"worker-{self.free + 1}@host"
            )
        )
        ids = {"scheduled_event_id": scheduled, "started_event_id": started}
        if task.tries < len(task.wrong):
            seconds, state, reason = task.wrong[task.tries]
            task.tries += 1
            self.later(seconds, self.went_wrong, task, state, reason, ids)
        elif task.seconds is not None:
            self.later(task.seconds, self.ended, task, ids)

    def attempt_over(self):
        self.free += 1
        self.later(0.001, self.work)

    def went_wrong(self, task, state, reason, ids):
        self.attempt_over()
        self.ending(state, reason, ids)
        timer = self.later_again(task)
        self.later(task.back_off + 2 * DECIDING, self.again, task, timer)
        self.decide()

    def later_again(self, task):
        return self.add(
            ev.TimerStarted(
                timer_id=f"dataflow-retry-{task.task_id}",
                start_to_fire_timeout=str(int(task.back_off)),
                decision_task_completed_event_id=self.answer,
            )
        )

    def again(self, task, timer):
        timer_id = f"dataflow-retry-{task.task_id}"
        self.add(ev.TimerFired(timer_id=timer_id, started_event_id=timer))
        self.ready.append(task)
        self.decide()

    def ended(self, task, ids):
        self.attempt_over()
        self.ending(task.state, task.reason, ids)
        self.over(task)

    def ending(self, state, reason, ids):
        if state == "completed":
            self.add(ev.ActivityTaskCompleted(**ids, result="1"))
        elif state == "timed_out":
            self.add(ev.ActivityTaskTimedOut(**ids, timeout_type="START_TO_CLOSE"))
        elif state == "canceled":
            self.add(ev.ActivityTaskCanceled(**ids))
        else:
            self.add(ev.ActivityTaskFailed(**ids, reason=reason))

    def fire(self, task, event_id):
        self.add(ev.TimerFired(timer_id=task.task_id, started_event_id=event_id))
        self.over(task)

    def child_started(self, task, initiated):
        child = {
            "workflow_execution": WorkflowExecution(task.task_id, f"run-of-{task.task_id}"),
            "workflow_type": WorkflowType(task.name, "1"),
            "initiated_event_id": initiated,
        }
        started = self.add(ev.ChildWorkflowExecutionStarted(**child))
        self.later(task.seconds, self.child_ended, task, {**child, "started_event_id": started})

    def child_ended(self, task, child):
        if task.state == "completed":
            self.add(ev.ChildWorkflowExecutionCompleted(**child, result="1"))
        else:
            self.add(ev.ChildWorkflowExecutionFailed(**child, reason=task.reason))
        self.over(task)

    def over(self, task):
        self.left -= 1
        for needing in self.needed.get(task.task_id, ()):
            needing.missing -= 1
            if not needing.missing:
                self.ready.append(needing)
        self.decide()


# --- stories that several tests tell -------------------------------------------------------


def orders(**how):
    """Ten tasks: a retry, a failure, a time-out, a timer and a child."""
    story = Story(workers=3, workflow="shop.Orders")
    load = story.task("shop.load_orders", 1.4)
    check = [
        story.task("shop.check_stock", 0.9, inputs=[load]),
        story.task(
            "shop.check_stock",
            1.2,
            inputs=[load],
            wrong=[(0.5, "failed", "ConnectionError: no answer"), (0.7, "failed", "HTTP 503")],
        ),
        story.task("shop.check_stock", 2.2, inputs=[load]),
    ]
    fraud = story.task(
        "fraud.score_customer", 0.8, inputs=[load], wrong=[(2.0, "timed_out", None)], back_off=2
    )
    pause = story.task("cooling-off", 3, kind="timer")
    charge = story.task("shop.charge_card", 1.1, inputs=[*check, fraud])
    ship = story.task("shop.Shipping", 2.6, inputs=[charge], kind="child")
    story.task("shop.send_receipt", 0.4, inputs=[charge], state="failed", reason="SMTPError: 550")
    story.task("shop.close_books", 0.5, inputs=[ship], after=[pause])
    return story.events(**how)


def mapping(items, *, workers=8, chain=True, **how):
    """A map of ``items`` items, each of them a chain of two; then a sum."""
    story = Story(workers=workers, workflow="press.Newsletter")
    plan = story.task("press.plan", 0.3)
    ends = []
    for n in range(items):
        wrong = [(0.2 + n % 3 / 10, "failed", "ConnectionError: reset")] if n % 17 == 5 else ()
        drafted = story.task("press.draft", 0.5 + n * 7 % 11 / 10, inputs=[plan], wrong=wrong)
        if chain:
            state = "failed" if n % 41 == 40 else "completed"
            reason = "ValueError: too long" if state == "failed" else None
            drafted = story.task(
                "press.edit", 0.3 + n * 5 % 7 / 10, inputs=[drafted], state=state, reason=reason
            )
        ends.append(drafted)
    story.task("press.bind", 1.0, inputs=ends)
    return story.events(**how)


def instants():
    """A signal, a marker, and a timer that is refused."""
    story = Story()
    events = story.events()
    for attributes in (
        ev.WorkflowExecutionSignaled(signal_name="hurry"),
        ev.MarkerRecorded(marker_name="half-way", decision_task_completed_event_id=4),
        ev.StartTimerFailed(
            timer_id="late", cause="TIMER_ID_ALREADY_IN_USE", decision_task_completed_event_id=4
        ),
    ):
        events.append(Event(len(events) + 1, events[-1].timestamp + 1, attributes))
    return events


def charted(events, after=0.0):
    """The timeline of a history that is read so many seconds after its last event."""
    return timeline(events, tasks(events), events[-1].timestamp + after)


def graphed(events, fold=None):
    return graph(events, tasks(events), events[-1].timestamp, fold=fold)
