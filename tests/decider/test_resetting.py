"""Going back to a moment of an old run."""

from contextlib import suppress

import pytest
from decider_flows import ACTIVITIES, double, fails, increment, third_time
from decider_world import DOMAIN, TASK_LIST, Hand

from dataflow import Group, Retry, TaskFailed, Workflow, activity, futures
from dataflow.errors import DataflowError, NotFound
from dataflow.inspection.reading import Reader
from dataflow.process.resetting import Reset, moment
from dataflow.protocol.values import WorkflowExecution


class Steps(Workflow):
    def run(self, x):
        a = self.submit(increment, x).result
        self.sleep(1000)
        b = self.submit(double, a).result
        c = self.submit(third_time, b).result
        return [a, b, c]


class Mended(Workflow):
    """`Steps`, with another step in the middle, and another end."""

    def run(self, x):
        a = self.submit(increment, x).result
        self.sleep(1000)
        extra = self.submit(increment, 0)
        b = self.submit(double, a).result
        return [a, b, extra.result]


class Races(Workflow):
    def run(self):
        first, second = self.submit(increment, 1), self.submit(double, 10)
        done, late = futures.wait(first, second, return_when=futures.FIRST_COMPLETED)
        futures.wait(first, second)
        last = self.submit(increment, done[0].result)
        return [done[0].result, len(late), last.result]


class Deadline(Workflow):
    def run(self):
        deadline = self.submit(self.start_timer("deadline", 50))
        step = self.submit(increment, 1)
        futures.wait(deadline, step, return_when=futures.FIRST_COMPLETED)
        futures.wait(deadline)
        return [step.done, self.submit(increment, 5).result]


class Chance(Workflow):
    def run(self):
        a = self.submit(increment, 1).result
        b = self.submit(double, self.random.randint(10, 10_000_000)).result
        return [a, b]


class Fans(Workflow):
    def run(self):
        return self.submit(Group(*[(double, x) for x in range(150)])).result


class FailsAtFirst(Workflow):
    broken = True

    def run(self):
        a = self.submit(increment, 1).result
        try:
            b = self.submit(fails, "no").result
        except TaskFailed:
            if self.broken:
                raise
            b = "mended"
        return [a, b]


class Restarts(Workflow):
    def run(self):
        self.submit(self.start_timer("again", 50))
        self.submit(increment, 1).result  # noqa: B018 - waits
        self.submit(self.cancel_timer("again"))
        return self.submit(self.start_timer("again", 70)).result


@activity.with_attributes(name="wrong", retry=Retry(attempts=3, initial_delay=100))
def wrong():
    raise ValueError("wrong")


class GivesUp(Workflow):
    def run(self):
        try:
            return self.submit(wrong).result
        except TaskFailed as error:
            return [error.reason, self.submit(increment, 1).result]


class Play:
    """Executions of one class of workflow, and those who work for them."""

    def __init__(self, world, clock, flow):
        self.world, self.clock = world, clock
        self.use(flow)
        with suppress(world.engine.exceptions.TypeAlreadyExistsFault):
            world.engine.register_workflow_type(domain=DOMAIN, name=flow.__name__, version="1")
        self.name = flow.__name__

    def use(self, flow):
        """Deploy this code from now on."""
        self.flow = flow
        self.hand = Hand(self.world, find=lambda *_: flow)

    def start(self, *args):
        return self.world.start(type(self.name, (), {}), *args)

    def go_on(self, execution, most=1_000):
        """Decide and work until it has ended; the activities that were performed, in order."""
        performed = []
        for _ in range(most):
            if self.world.describe(execution)["executionInfo"]["executionStatus"] == "CLOSED":
                break
            task = self.world.engine.poll_for_decision_task(
                domain=DOMAIN, taskList={"name": TASK_LIST}, startAtPreviousStartedEvent=True
            )
            if task["taskToken"]:
                self.hand.answer(task, self.hand.decide(task))
            elif activity := self.world.take_activity():
                self.world.perform(activity)
                performed.append(activity["activityId"])
            else:
                self.clock.advance(10)
        return performed

    def reset(self, execution, to, *, retry_failed=False, **options):
        old = WorkflowExecution(execution["workflowId"], execution["runId"])
        reader = Reader(self.world.engine, DOMAIN)
        reset = Reset(self.world, reader, lambda *_: self.flow, old, to, retry_failed=retry_failed)
        done = reset.run(**options)
        return done, {"workflowId": done.execution.workflow_id, "runId": done.execution.run_id}


@pytest.fixture
def play(world, clock, monkeypatch):
    monkeypatch.setitem(ACTIVITIES, "wrong", wrong)
    return lambda flow: Play(world, clock, flow)


def test_what_ended_before_is_kept_and_what_came_later_is_done_again(play, world, clock):
    steps = play(Steps)
    old = steps.start(1)
    assert len(steps.go_on(old)) == 5  # the last at the third time
    assert world.result(old) == [2, 4, 7]

    began = clock.now()
    done, new = steps.reset(old, "activity-double-1")
    assert clock.now() == began
    assert (done.kept, done.known, done.task_list) == (2, 2, TASK_LIST)
    assert new["workflowId"] == old["workflowId"]
    assert new["runId"] != old["runId"]
    assert steps.go_on(new) == ["activity-double-1", *3 * ["activity-third time-1"]]
    assert world.result(new) == [2, 4, 7]
    assert clock.now() - began < 100  # it did not sleep again


def test_all_of_it(play, world):
    steps = play(Steps)
    old = steps.start(1)
    steps.go_on(old)
    last = str(len(world.history(old)))
    done, new = steps.reset(old, last)
    assert (done.kept, done.known, done.task_list) == (4, 4, None)
    assert world.result(new) == [2, 4, 7]
    # What was tried three times has its result at the first.
    tasks = world.attributes(new, "ActivityTaskScheduled")
    assert len(tasks) == 3
    # However long the command takes, it is in time.
    kinds = ("scheduleToStart", "startToClose", "scheduleToClose", "heartbeat")
    assert {task[f"{kind}Timeout"] for task in tasks for kind in kinds} == {"NONE"}


def test_an_event(play, world):
    steps = play(Steps)
    old = steps.start(1)
    steps.go_on(old)
    kinds = world.kinds(old)
    first = kinds.index("ActivityTaskCompleted") + 1
    for to, performed in ((first - 1, 5), (first, 4)):
        done, new = steps.reset(old, str(to))
        assert len(steps.go_on(new)) == performed
        assert done.kept == done.known == 5 - performed


def test_the_new_run_begins_as_the_old_one(play, world):
    steps = play(Steps)
    old = steps.start(1)
    steps.go_on(old)
    _, new = steps.reset(old, "1")
    [before], [after] = (world.attributes(e, "WorkflowExecutionStarted") for e in (old, new))
    assert after.pop("taskList")["name"].startswith("reset-")
    before.pop("taskList")
    assert before == after


def test_another_task_list(play, world):
    steps = play(Steps)
    old = steps.start(1)
    done, _ = steps.reset(old, "1", task_list="elsewhere")
    assert done.task_list == "elsewhere"
    task = world.engine.poll_for_decision_task(domain=DOMAIN, taskList={"name": "elsewhere"})
    assert not task["taskToken"]  # it was decided already, and waits for its first activity
    world.work()
    task = world.engine.poll_for_decision_task(domain=DOMAIN, taskList={"name": "elsewhere"})
    assert task["workflowExecution"]["runId"] == done.execution.run_id


def test_a_run_that_was_reset_can_be_reset_again(play, world):
    steps = play(Steps)
    old = steps.start(1)
    done, new = steps.reset(old, "1")
    assert done.task_list == TASK_LIST
    done, new = steps.reset(new, "1")
    assert done.task_list == TASK_LIST
    steps.go_on(new)
    assert world.result(new) == [2, 4, 7]


def test_an_open_run_is_terminated(play, world):
    steps = play(Steps)
    old = steps.start(1)
    steps.hand.step()
    world.work()
    steps.hand.step()
    done, new = steps.reset(old, str(len(world.history(old))))
    assert done.kept == 1
    [end] = world.attributes(old, "WorkflowExecutionTerminated")
    assert end["reason"] == "reset"
    steps.go_on(new)
    assert world.result(new) == [2, 4, 7]


def test_the_code_of_today_decides(play, world):
    steps = play(Steps)
    old = steps.start(1)
    steps.go_on(old)
    steps.use(Mended)
    done, new = steps.reset(old, str(len(world.history(old))))
    assert (done.kept, done.known) == (3, 4)
    # Another task has got the id of the first, and is another task.
    assert steps.go_on(new) == ["activity-increment-2"]
    assert world.result(new) == [2, 4, 1]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize("together", [False, True])
def test_a_race_has_the_winner_that_it_had(play, world, order, together):
    races = play(Races)
    old = races.start()
    races.hand.step()
    tasks = [world.take_activity() for _ in range(2)]
    for n in order:
        world.perform(tasks[n])
        if not together:
            races.hand.step()
    races.go_on(old)
    won = world.result(old)
    assert won[:2] == [(2, 20)[order[0]], 0 if together else 1]
    _, new = races.reset(old, str(len(world.history(old))))
    assert world.result(new) == won


def test_a_deadline_does_not_come_early(play, world):
    deadline = play(Deadline)
    old = deadline.start()
    deadline.go_on(old)
    assert world.result(old) == [True, 6]
    done, new = deadline.reset(old, "activity-increment-2")
    assert (done.kept, done.known) == (1, 1)
    assert deadline.go_on(new) == ["activity-increment-2"]
    assert world.result(new) == [True, 6]
    assert [a["startToFireTimeout"] for a in world.attributes(new, "TimerStarted")] == ["50"]


def test_what_depends_on_the_run_is_done_again(play, world):
    chance = play(Chance)
    old = chance.start()
    chance.go_on(old)
    done, new = chance.reset(old, str(len(world.history(old))))
    assert (done.kept, done.known) == (1, 2)
    assert chance.go_on(new) == ["activity-double-1"]
    assert world.result(new) != world.result(old)


def test_more_than_one_answer_has_room_for(play, world):
    fans = play(Fans)
    old = fans.start()
    fans.go_on(old)
    done, new = fans.reset(old, str(len(world.history(old))))
    assert (done.kept, done.task_list) == (150, None)
    assert world.result(new) == [2 * x for x in range(150)]


def test_a_failure_is_kept_or_done_again(play, world):
    flow = play(FailsAtFirst)
    old = flow.start()
    flow.go_on(old)
    done, new = flow.reset(old, None)
    assert (done.kept, done.known, done.task_list) == (2, 2, None)
    ends = [world.attributes(run, "WorkflowExecutionFailed")[0] for run in (old, new)]
    assert ends[0]["reason"] == ends[1]["reason"] == "TaskFailed: fails: ValueError: no"
    flow.use(type("Mended", (FailsAtFirst,), {"broken": False}))
    done, new = flow.reset(old, None)
    assert (done.kept, world.result(new)) == (2, [2, "mended"])
    done, new = flow.reset(old, None, retry_failed=True)
    assert (done.kept, done.known) == (1, 1)
    assert flow.go_on(new) == ["activity-fails-1"]
    assert world.result(new) == [2, "mended"]


def test_attempts_that_failed_do_not_wait_for_each_other(play, world, clock):
    flow = play(GivesUp)
    old = flow.start()
    assert len(flow.go_on(old)) == 4
    began = clock.now()
    done, new = flow.reset(old, None)
    assert (done.kept, done.known) == (2, 2)
    assert world.result(new) == world.result(old)
    assert world.kinds(new).count("ActivityTaskFailed") == 3
    assert clock.now() == began


def test_an_attempt_after_the_moment_is_made_again(play, world):
    """And waits for as long as it has to."""
    flow = play(GivesUp)
    old = flow.start()
    flow.go_on(old)
    second = [n for n, kind in enumerate(world.kinds(old), 1) if kind == "ActivityTaskFailed"][1]
    done, new = flow.reset(old, str(second))
    assert (done.kept, done.known) == (1, 1)
    assert flow.go_on(new) == ["activity-wrong-1", "activity-increment-1"]
    delays = [a["startToFireTimeout"] for a in world.attributes(new, "TimerStarted")]
    assert delays == ["0", "200"]


def test_attempts_without_a_pause(play, world):
    steps = play(Steps)
    old = steps.start(1)
    steps.go_on(old)
    second = [n for n, kind in enumerate(world.kinds(old), 1) if kind == "ActivityTaskFailed"][1]
    done, new = steps.reset(old, str(second))
    assert (done.kept, done.known) == (4, 4)
    assert steps.go_on(new) == ["activity-third time-1"]
    assert world.result(new) == [2, 4, 7]


def test_an_attempt_whose_worker_was_lost_counts_for_nothing(play, world):
    flow = play(GivesUp)
    old = flow.start()
    flow.hand.step()
    assert world.take_activity()
    world.engine.lose_workers(DOMAIN, "default")
    assert len(flow.go_on(old)) == 4
    done, new = flow.reset(old, None)
    assert (done.kept, done.known) == (2, 2)
    assert world.result(new) == world.result(old)


def test_a_timer_that_was_used_twice_runs_again(play, world):
    flow = play(Restarts)
    old = flow.start()
    flow.go_on(old)
    done, new = flow.reset(old, None)
    assert (done.kept, done.known) == (1, 1)
    flow.go_on(new)
    delays = [a["startToFireTimeout"] for a in world.attributes(new, "TimerStarted")]
    assert delays == ["50", "70"]


def test_a_time_out_is_not_kept(play, world, clock):
    steps = play(Steps)
    old = steps.start(1)
    steps.hand.step()
    assert world.take_activity()
    clock.advance(400)
    assert steps.go_on(old) == []
    done, new = steps.reset(old, None)
    assert (done.kept, done.known) == (0, 0)
    assert len(steps.go_on(new)) == 5


# --- what goes wrong ------------------------------------------------------------------------


def test_nothing_is_left_open_if_the_code_cannot_decide(play, world, monkeypatch):
    steps = play(Steps)
    old = steps.start(1)
    steps.go_on(old)

    def refuse(_, **request):
        raise world.engine.exceptions.ValidationException("too long")

    world.service.instead["respond_decision_task_completed"] = refuse
    with pytest.raises(world.engine.exceptions.ValidationException):
        steps.reset(old, "1")
    listed = world.engine.list_open_workflow_executions(
        domain=DOMAIN, startTimeFilter={"oldestDate": 0}
    )
    assert listed["executionInfos"] == []


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("respond_decision_task_completed", "Unknown decision task"),
        ("respond_activity_task_completed", "was ended meanwhile: TERMINATED"),
    ],
)
def test_somebody_ends_the_new_run_meanwhile(play, world, at, told):
    steps = play(Steps)
    old = steps.start(1)
    steps.go_on(old)

    def terminate(answer, **request):
        if at == "respond_activity_task_completed":
            answer(**request)
        world.engine.terminate_workflow_execution(domain=DOMAIN, workflowId=old["workflowId"])
        return answer(**request) if at == "respond_decision_task_completed" else {}

    world.service.instead[at] = terminate
    with pytest.raises(DataflowError, match=told):
        steps.reset(old, "activity-double-1")


def test_moments(play, world):
    steps = play(Steps)
    old = steps.start(1)
    steps.go_on(old)
    reader = Reader(world.engine, DOMAIN)
    events = list(reader.events(WorkflowExecution(old["workflowId"], old["runId"])))
    scheduled = [e.event_id for e in events if e.event_type == "ActivityTaskScheduled"]
    assert moment(events, "7") == 7
    assert moment(events, "activity-increment-1") == scheduled[0] - 1
    assert moment(events, "activity-third time-1") == scheduled[2] - 1
    with pytest.raises(NotFound, match=f"there is no event 0: the events are 1 to {len(events)}"):
        moment(events, "0")
    with pytest.raises(
        NotFound, match="there is no task double in the history: there are activity-increment-1, "
    ):
        moment(events, "double")
