"""Law 4: a task's id is fixed when it is submitted, in program order."""

import pytest
from replaying import add, ask, decide, double, inputs, new_run, told

from dataflow import Group, TaskCanceled, TaskFailed, Workflow, activity
from dataflow.protocol.limits import ID_LENGTH
from dataflow.testing import HistoryBuilder, run_workflow


@activity.with_attributes(name="first")
def first(x):
    return f"f{x}"


@activity.with_attributes(name="then")
def then(x):
    return f"g({x})"


class Misbinding(Workflow):
    """The ancestor's worst bug: z2, ready before z1, took z1's id, and z1 got z2's result."""

    def run(self):
        y1, y2 = self.submit(first, 1), self.submit(first, 2)
        z1, z2 = self.submit(then, y1), self.submit(then, y2)
        return [z1.result, z2.result]


def test_dependents_that_become_ready_out_of_order_keep_their_results():
    history = (
        HistoryBuilder(Misbinding)
        .decided()
        .scheduled("activity-first-1", first, 1)
        .scheduled("activity-first-2", first, 2)
        .completed("activity-first-2", "f2")
        .deciding()
    )
    assert inputs(decide(Misbinding, history)) == {"activity-then-2": '{"args":["f2"],"kwargs":{}}'}
    history.answered().scheduled("activity-then-2", then, "f2")
    history.completed("activity-then-2", "g(f2)").completed("activity-first-1", "f1").deciding()
    assert inputs(decide(Misbinding, history)) == {"activity-then-1": '{"args":["f1"],"kwargs":{}}'}
    history.answered().scheduled("activity-then-1", then, "f1")
    history.completed("activity-then-1", "g(f1)").deciding()
    assert ask(Misbinding, history) == ['complete ["g(f1)","g(f2)"]']


@pytest.mark.parametrize("seed", range(8))
def test_in_whatever_order_they_end(seed):
    assert run_workflow(Misbinding, seed=seed).result == ["g(f1)", "g(f2)"]


# --- numbers ------------------------------------------------------------------------------


def first_decision(run, **options):
    definition = type("Numbered", (Workflow,), {"run": run})
    return decide(definition, HistoryBuilder(definition).deciding(), **options)


def ids(run):
    return [d.activity_id for d in first_decision(run).decisions]


@activity.with_attributes(name="add", version="2")
def newer(x):
    return x


def waits(self):
    self.submit(double, 0).result  # noqa: B018


def test_each_name_has_its_numbers_and_versions_share_them():
    def run(self):
        for item in (add, double, add, newer, double, add):
            self.submit(item, 1)
        waits(self)

    assert ids(run) == [
        "activity-add-1",
        "activity-double-1",
        "activity-add-2",
        "activity-add-3",
        "activity-double-2",
        "activity-add-4",
        "activity-double-3",
    ]


def test_what_could_not_be_submitted_takes_no_number():
    def run(self):
        for wrong in ((1, 2), (object(),), ()):
            with pytest.raises((TypeError, ValueError)):
                self.submit(double, *wrong)
        waits(self)

    assert ids(run) == ["activity-double-1"]


def test_two_activities_of_one_type_are_refused():
    def run(self):
        self.submit(add, 1)
        with pytest.raises(ValueError, match="two different activities are called add version"):
            self.submit(activity.with_attributes(name="add")(lambda x: x), 1)
        waits(self)

    assert ids(run) == ["activity-add-1", "activity-double-1"]


def test_the_tasks_of_a_canvas_are_numbered_when_it_is_submitted():
    def run(self):
        self.submit(Group((add, 1), Group((add, 2), (add, 3)), max_parallel=1))
        self.submit(add, 4)
        waits(self)

    assert inputs(first_decision(run)) == {
        "activity-add-1": '{"args":[1],"kwargs":{}}',
        "activity-add-4": '{"args":[4],"kwargs":{}}',
        "activity-double-1": '{"args":[0],"kwargs":{}}',
    }


def test_long_names_make_ids_that_fit():
    long = activity.with_attributes(name="x" * ID_LENGTH)(lambda n: n)
    same = activity.with_attributes(name="y" * ID_LENGTH, idempotent=True)(lambda n: n)

    def run(self):
        tasks = [self.submit(a, n) for a in (long, same) for n in (1, 2)]
        tasks[0].result  # noqa: B018

    made = ids(run)
    assert made == ids(run)
    assert len(set(made)) == 4
    assert {len(task_id) for task_id in made} == {ID_LENGTH}
    assert all(task_id.startswith(("activity-xxx", "activity-yyy")) for task_id in made)


# --- idempotent tasks ---------------------------------------------------------------------


@activity.with_attributes(name="same", idempotent=True)
def same(*args, **kwargs):
    return [*args, kwargs]


def test_equal_arguments_are_one_task():
    def run(self):
        tasks = [
            self.submit(same, 1, a=2, b=3),
            self.submit(same, 1, b=3, a=2),
            self.submit(same, 1, a=2, b=4),
        ]
        for task in tasks:
            task.result  # noqa: B018

    assert len(set(ids(run))) == len(ids(run)) == 2


def test_the_id_of_an_idempotent_task_does_not_depend_on_the_order():
    def run(self):
        for n in (1, 2):
            self.submit(same, n)
        waits(self)

    def reversed_(self):
        for n in (2, 1):
            self.submit(same, n)
        waits(self)

    made = ids(run)[:2]
    assert made == ids(reversed_)[1::-1]
    assert all(len(task_id) == len("activity-same-") + 32 for task_id in made)


class Shares(Workflow):
    """One is submitted with a value, the other with a future of it."""

    def run(self, cancel=None):
        number = self.submit(add, 1)
        tasks = [self.submit(same, number), self.submit(same, 1), self.submit(same, number)]
        if cancel is not None:
            number.result  # noqa: B018
            tasks[cancel].cancel()
        ends = []
        for task in tasks:
            try:
                ends.append(task.result)
            except TaskFailed as error:
                ends.append(type(error).__name__)
        return [ends, len({task.name for task in tasks})]


def test_futures_among_the_arguments_count_as_their_results():
    finished = run_workflow(Shares)
    assert finished.result == [[[1, {}]] * 3, 1]
    assert [t.name for t in finished.history.tasks.values()] == ["add", "same"]


def test_who_comes_late_shares_the_result():
    class Late(Workflow):
        def run(self):
            return [self.submit(same, 1).result, self.submit(same, 1).result]

    finished = run_workflow(Late)
    assert finished.result == [[1, {}]] * 2
    assert len(finished.history.tasks) == 1


def test_who_shares_a_task_shares_its_failure():
    finished = run_workflow(Shares, activities={same: ValueError("no")})
    assert finished.result == [["TaskFailed"] * 3, 1]


def test_cancelling_a_task_that_was_submitted_again_leaves_the_task():
    assert run_workflow(Shares, 0).result[0] == ["TaskCanceled", [1, {}], [1, {}]]


def test_cancelling_the_first_of_those_that_share_leaves_the_task_to_the_others():
    assert run_workflow(Shares, 1).result[0] == [[1, {}], "TaskCanceled", [1, {}]]


def test_a_shared_task_that_was_cancelled_stays_cancelled():
    class Again(Workflow):
        def run(self):
            self.submit(same, 1).cancel()
            return isinstance(self.submit(same, 1).exception, TaskCanceled)

    assert run_workflow(Again).result is True


def test_versions_are_different_tasks():
    one = activity.with_attributes(name="v", version="1", idempotent=True)(lambda _: "one")
    two = activity.with_attributes(name="v", version="2", idempotent=True)(lambda _: "two")

    class Versions(Workflow):
        def run(self):
            return [self.submit(one, 0).result, self.submit(two, 0).result]

    assert run_workflow(Versions).result == ["one", "two"]


def test_a_shared_task_fails_the_workflow_if_one_of_those_who_share_it_says_so():
    class Strict(Workflow):
        def run(self):
            self.submit(same, 1)
            self.submit(Group((same, 1), raises_on_failure=True))
            self.sleep(60)

    assert run_workflow(Strict, activities={same: ValueError("no")}).status == "FAILED"


def test_a_shared_task_that_has_failed_already_fails_the_workflow_too():
    class Strict(Workflow):
        def run(self):
            self.submit(same, 1).exception  # noqa: B018
            self.submit(Group((same, 1), raises_on_failure=True))
            self.sleep(60)

    assert run_workflow(Strict, activities={same: ValueError("no")}).status == "FAILED"


def test_those_who_share_a_task_run_when_it_does():
    class States(Workflow):
        def run(self):
            one, two = self.submit(same, 1), self.submit(same, 1)
            before = [str(one.state), str(two.state)]
            self.submit(add, 1).result  # noqa: B018
            three = self.submit(same, 1)
            return [*before, str(one.state), str(two.state), str(three.state)]

    history = HistoryBuilder(States).deciding()
    [task_id, _] = [d.activity_id for d in decide(States, history).decisions]
    history.answered().scheduled(task_id, same, 1).scheduled("activity-add-1", add, 1)
    history.completed("activity-add-1").deciding()
    states = '["PENDING","PENDING","RUNNING","RUNNING","RUNNING"]'
    assert ask(States, history) == [f"complete {states}"]


def test_a_shared_task_is_cancelled_when_all_have_cancelled_it():
    class Cancels(Workflow):
        def run(self):
            tasks = [self.submit(same, 1) for _ in range(2)]
            self.sleep(1)
            tasks[0].cancel()
            self.sleep(1)
            tasks[1].cancel()
            self.sleep(1)

    history = HistoryBuilder(Cancels).deciding()
    [_, schedule] = decide(Cancels, history).decisions
    history.answered().timer_started("dataflow-sleep-1", 1)
    history.scheduled(schedule.activity_id, same, 1).timer_fired("dataflow-sleep-1").deciding()
    assert ask(Cancels, history) == ["start dataflow-sleep-2 1"]
    history.answered().timer_started("dataflow-sleep-2", 1)
    history.timer_fired("dataflow-sleep-2").deciding()
    assert sorted(ask(Cancels, history)) == [
        f"cancel {schedule.activity_id}",
        "start dataflow-sleep-3 1",
    ]


def test_a_run_knows_the_activities_it_has_submitted():
    class Knows(Workflow):
        def run(self):
            self.submit(newer, self.submit(add, 1)).result  # noqa: B018

    run = new_run(Knows)
    assert told(run.advance(HistoryBuilder(Knows).deciding().events)) == ["schedule activity-add-1"]
    assert run.find_activity("add", "2") is newer
    assert run.find_activity("add", "default") is add
    assert run.find_activity("add", "3") is None
