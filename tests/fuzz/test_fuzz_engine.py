"""Engines that are asked at random: each answer is one that SWF could give, and at any moment the
state follows from the file, which holds nothing but histories."""

import pytest
from fuzzed_engine import TRIPS, FuzzedEngine
from hypothesis import given, settings
from hypothesis import strategies as st
from random_requests import LISTS, OPERATIONS, WORKFLOW_IDS, Known, Requests, seeded

from dataflow.protocol.limits import Limits, Quotas

#: A story takes a tenth of a second; on a file, two.
STORIES = settings(max_examples=settings.default.max_examples // 3)
STORIES_OF_FILES = settings(max_examples=settings.default.max_examples // 5)
STEPS = 120
#: What comes as a surprise comes seldom, and so late that there is something to lose.
SURPRISES = 0.02

WORKFLOW_DEFAULTS = {
    "a": {
        "defaultTaskList": {"name": "l"},
        "defaultTaskStartToCloseTimeout": "30",
        "defaultExecutionStartToCloseTimeout": "31536000",
        "defaultChildPolicy": "REQUEST_CANCEL",
        "defaultLambdaRole": "arn:aws:iam::1:role/r",
    },
    "b": {"defaultTaskList": {"name": "m"}},
}
ACTIVITY_DEFAULTS = {
    "a": {
        "defaultTaskList": {"name": "l"},
        "defaultTaskStartToCloseTimeout": "30",
        "defaultTaskHeartbeatTimeout": "5",
        "defaultTaskScheduleToStartTimeout": "NONE",
        "defaultTaskScheduleToCloseTimeout": "NONE",
    },
    "b": {"defaultTaskList": {"name": "m"}},
}
ANSWERS = (
    "RespondActivityTaskCompleted",
    "RespondActivityTaskCompleted",
    "RespondActivityTaskFailed",
    "RespondActivityTaskCanceled",
    "RecordActivityTaskHeartbeat",
)
#: The end of all; it is asked for seldom.
LIGHT = [name for name in OPERATIONS if not name.startswith(("Deprecate", "Terminate"))]


class Story:
    """What clients, deciders, workers and time do, told by a seed."""

    def __init__(self, seed, fuzzed):
        self.chance = seeded(seed)
        self.requests = Requests(self.chance)
        self.fuzzed = fuzzed
        self.steps = (
            [self.decide] * 6
            + [self.work, self.start, self.ask] * 4
            + [self.ask_wrongly, self.move, self.wait, self.run_a_function] * 2
            + [self.turn_the_page, self.withdraw]
        )

    def register(self):
        for domain in ("d", "e"):
            days = {"workflowExecutionRetentionPeriodInDays": "1"}
            self.fuzzed.ask("RegisterDomain", {"name": domain, **days})
            for name in ("a", "b"):
                kind = {"domain": domain, "name": name, "version": "1"}
                self.fuzzed.ask("RegisterWorkflowType", kind | WORKFLOW_DEFAULTS[name])
                self.fuzzed.ask("RegisterActivityType", kind | ACTIVITY_DEFAULTS[name])

    def tell(self, steps):
        self.register()
        for number in range(steps):
            step = self.chance.choice(self.steps)
            try:
                step()
                self.fuzzed.check()
            except BaseException as error:
                error.add_note(f"step {number}: {step.__name__}, after {self.fuzzed.asked}")
                raise
        self.end()

    def end(self):
        self.fuzzed.everything()
        self.fuzzed.close()

    # --- steps ------------------------------------------------------------------------------

    def ask(self):
        operation = self.chance.choice(LIGHT if self.chance.randrange(8) else OPERATIONS)
        self.fuzzed.ask(operation, self.requests.likely(operation), wire=self.chance.random() < 0.5)

    def ask_wrongly(self):
        operation = self.chance.choice(OPERATIONS)
        make = self.chance.choice([self.requests.broken, self.requests.arbitrary])
        self.fuzzed.ask(operation, make(operation), wire=self.chance.random() < 0.5)

    def start(self):
        request = {
            **self.requests.likely("StartWorkflowExecution"),
            "domain": "d",
            "workflowId": self.chance.choice(WORKFLOW_IDS),
            "workflowType": {"name": "a", "version": "1"},
        }
        self.fuzzed.ask("StartWorkflowExecution", request)

    def move(self):
        """Tell an open execution something."""
        operation = self.chance.choice(
            ["SignalWorkflowExecution", "RequestCancelWorkflowExecution"]
        )
        self.fuzzed.ask(operation, {**self.requests.likely(operation), "domain": "d"})

    def decide(self):
        """A decider does its work."""
        poll = {**self.requests.likely("PollForDecisionTask"), "domain": "d"}
        self.fuzzed.ask("PollForDecisionTask", self._first_page(poll))
        answer = self.requests.likely("RespondDecisionTaskCompleted")
        while not answer.get("decisions") and self.chance.random() < 0.8:
            answer = self.requests.likely("RespondDecisionTaskCompleted")
        self.fuzzed.ask("RespondDecisionTaskCompleted", {**answer, "taskToken": self._newest()})

    def _first_page(self, poll):
        poll.pop("nextPageToken", None)
        return {**poll, "taskList": {"name": self.chance.choice(LISTS)}}

    def _newest(self, kind="decision"):
        return Known(kind, self.chance.choice([0, 0, 0, 0, 1]))

    def work(self):
        """A worker does its work."""
        task_list = {"name": self.chance.choice(LISTS)}
        self.fuzzed.ask("PollForActivityTask", {"domain": "d", "taskList": task_list})
        operation = self.chance.choice(ANSWERS)
        answer = self.requests.likely(operation)
        self.fuzzed.ask(operation, {**answer, "taskToken": self._newest("activity")})

    def wait(self):
        seconds = self.chance.choice([0, 0.5, 1, 1, 5, 5, 30, 700])
        if self.chance.random() < SURPRISES:
            seconds = self.chance.choice([90_000, 4e7])
        self.fuzzed.clock.advance(seconds)
        self.fuzzed.tick()

    def turn_the_page(self):
        self.fuzzed.next_page(self.chance.randrange(3))

    def run_a_function(self):
        self.fuzzed.run_function()

    def withdraw(self):
        self.fuzzed.withdraw(self.chance.randrange(3))


class StoryOfAFile(Story):
    """The same with a file, which may be closed and opened, on a disk that may be full."""

    def __init__(self, seed, fuzzed):
        super().__init__(seed, fuzzed)
        self.steps += [self.restart, self.fill_the_disk, self.make_room, self.make_room]
        self.steps += [self.trip]

    def restart(self):
        if not self.fuzzed.full:
            self.fuzzed.restart()

    def fill_the_disk(self):
        self.fuzzed.full = True

    def make_room(self):
        self.fuzzed.full = False

    def trip(self):
        """There is a bug in the engine."""
        self.fuzzed.trip(self.chance.choice(sorted(TRIPS)))

    def end(self):
        self.make_room()
        super().end()


NARROW = Limits(
    decisions=3,
    open_activities=2,
    open_timers=1,
    open_children=1,
    open_lambda_functions=1,
    pollers=2,
    history_events=30,
)
FEW = Quotas(domains=3, types=3, open_executions=3)
SEEDS = st.integers(0, 2**64)
PATIENCE = pytest.mark.parametrize("poll_seconds", [0, 60])


@PATIENCE
@STORIES
@given(seed=SEEDS, steps=st.just(STEPS) | st.integers(1, STEPS))
def test_an_engine_in_memory(poll_seconds, seed, steps):
    Story(seed, FuzzedEngine(poll_seconds=poll_seconds)).tell(steps)


@PATIENCE
@STORIES
@given(seed=SEEDS, steps=st.just(STEPS) | st.integers(1, STEPS))
def test_an_engine_with_narrow_limits(poll_seconds, seed, steps):
    fuzzed = FuzzedEngine(limits=NARROW, quotas=FEW, poll_seconds=poll_seconds)
    Story(seed, fuzzed).tell(steps)


@PATIENCE
@STORIES_OF_FILES
@given(seed=SEEDS, steps=st.just(STEPS) | st.integers(1, STEPS))
def test_an_engine_on_a_file(tmp_path_factory, poll_seconds, seed, steps):
    path = tmp_path_factory.mktemp("engine") / "engine.db"
    StoryOfAFile(seed, FuzzedEngine(path, poll_seconds=poll_seconds)).tell(steps)
