"""Which tasks fed which, as history tells."""

import pytest
from stories import Story, graphed, mapping, orders

from dataflow import Chain, Group, Workflow, activity
from dataflow.inspection.graph import graph
from dataflow.inspection.labels import short_names
from dataflow.inspection.loops import standing_in
from dataflow.inspection.tasks import tasks
from dataflow.testing import run_workflow


def ties(found):
    """Edges by the labels of their nodes, with the number of tasks where it is not one."""
    name = {
        node.key: node.label + (f" x{len(node.task_ids)}" if len(node.task_ids) > 1 else "")
        for node in found.nodes
    }
    return [(name[e.source], name[e.target], e.kind) for e in found.edges]


@activity.with_attributes(version="1")
def load():
    return [1, 2, 3]


@activity.with_attributes(version="1")
def work(n):
    return n


@activity.with_attributes(version="1")
def add(numbers):
    return sum(numbers)


def drawn(run, **how):
    """The graph of a workflow that has run."""

    class Drawn(Workflow):
        name, version, task_list = "drawn", "1", "list"

    Drawn.run = run
    events = run_workflow(Drawn).history.events
    return graph(events, tasks(events), 0.0, **how)


# --- edges -----------------------------------------------------------------------------------


def test_inputs_and_what_comes_after():
    assert ties(graphed(orders())) == [
        ("load_orders-1", "check_stock-1", "input"),
        ("load_orders-1", "check_stock-2", "input"),
        ("load_orders-1", "check_stock-3", "input"),
        ("load_orders-1", "score_customer-1", "input"),
        ("check_stock-1", "charge_card-1", "input"),
        ("check_stock-2", "charge_card-1", "input"),
        ("check_stock-3", "charge_card-1", "input"),
        ("score_customer-1", "charge_card-1", "input"),
        ("charge_card-1", "shop.Shipping-1", "input"),
        ("charge_card-1", "send_receipt-1", "input"),
        ("cooling-off", "close_books-1", "after"),
        ("shop.Shipping-1", "close_books-1", "input"),
    ]


def test_a_replay_leaves_what_the_graph_needs():
    def run(self):
        numbers = self.submit(load)
        return self.submit(add, [self.submit(work, numbers), self.submit(work, numbers)]).result

    assert ties(drawn(run)) == [
        ("load-1", "work-1", "input"),
        ("load-1", "work-2", "input"),
        ("work-1", "add-1", "input"),
        ("work-2", "add-1", "input"),
    ]


def test_a_chain():
    def run(self):
        return self.submit(Chain(load, (work, 1), (work, 2))).result

    assert ties(drawn(run)) == [("load-1", "work-1", "after"), ("work-1", "work-2", "after")]


def test_what_is_an_input_and_comes_after_is_an_input():
    def run(self):
        return self.submit(Chain((work, 1), work, send_result=True)).result

    assert ties(drawn(run)) == [("work-1", "work-2", "input")]


def test_a_task_without_sources_comes_next_to_what_had_ended():
    def run(self):
        for n in self.submit(load).result:
            self.submit(work, n).result  # noqa: B018 - one after the other

    assert ties(drawn(run)) == [
        ("load-1", "work-1", "next"),
        ("work-1", "work-2", "next"),
        ("work-2", "work-3", "next"),
    ]


def test_what_is_submitted_side_by_side_came_after_the_same():
    def run(self):
        return [future.result for future in self.map(work, self.submit(load).result)]

    assert ties(drawn(run)) == [("load-1", f"work-{n}", "next") for n in (1, 2, 3)]


@pytest.mark.parametrize("items", [250, 1100])
def test_a_fan_out_in_portions_is_one(items):
    # 100 decisions fit an answer, and 1,000 activities may be open.
    def run(self):
        self.submit(load).result  # noqa: B018 - is waited for
        return self.submit(add, self.map(work, range(items))).result

    assert ties(drawn(run, fold=10)) == [
        ("load-1", f"work x{items}", "next"),
        (f"work x{items}", "add-1", "input"),
    ]


def test_a_group_of_which_some_wait_for_a_place_is_one():
    def run(self):
        self.submit(load).result  # noqa: B018 - is waited for
        return self.submit(Group(*((work, n) for n in range(12)), max_parallel=3)).result

    assert ties(drawn(run, fold=5)) == [("load-1", "work x12", "next")]


def test_what_will_be_tried_again_has_not_failed():
    nodes = {node.label: node for node in graphed(orders(until=5.0)).nodes}
    assert dict(nodes["score_customer-1"].states) == {"scheduled": 1}
    assert nodes["score_customer-1"].ended_at is None
    assert dict(nodes["load_orders-1"].states) == {"completed": 1}


def test_edges_that_lead_back_or_nowhere_are_not_believed():
    story = Story()
    first = story.task("shop.first", 1.0)
    second = story.task("shop.second", 2.0)
    events = [
        event
        if getattr(event.attributes, "activity_id", None) is None
        else event.__class__(
            event.event_id,
            event.timestamp,
            event.attributes.__class__(
                **{
                    field: getattr(event.attributes, field)
                    for field in event.attributes.__struct_fields__
                    if field != "control"
                },
                control=f'{{"inputs":["{first}","{second}","gone-1..3"]}}',
            ),
        )
        for event in story.events()
    ]
    assert ties(graphed(events)) == [("first-1", "second-1", "input")]


# --- folding ---------------------------------------------------------------------------------


def test_a_map_of_chains_folds():
    found = graphed(mapping(60), fold=10)
    assert ties(found) == [
        ("plan-1", "draft x60", "input"),
        ("draft x60", "edit x60", "input"),
        ("edit x60", "bind-1", "input"),
    ]
    edit = found.nodes[2]
    assert dict(edit.states) == {"completed": 59, "failed": 1}
    assert edit.reason == "ValueError: too long"
    draft = found.nodes[1]
    assert (draft.attempts, len(draft.task_ids)) == (64, 60)


def test_many_behind_many():
    # A million ties, were each task tied to each.
    story, before = Story(workers=500), []
    for stage in "abc":
        before = [story.task(f"map.{stage}", inputs=before) for _ in range(1000)]
    assert ties(graphed(story.events(), fold=10)) == [
        ("a x1000", "b x1000", "input"),
        ("b x1000", "c x1000", "input"),
    ]


def test_as_many_as_the_limit_do_not_fold():
    assert len(graphed(mapping(10), fold=10).nodes) == 22
    assert len(graphed(mapping(11), fold=10).nodes) == 4
    assert len(graphed(mapping(60)).nodes) == 122


def test_tasks_with_other_sources_are_another_fan_out():
    story = Story()
    parts = [story.task("map.left"), story.task("map.right")]
    for part in parts:
        for _ in range(5):
            story.task("map.work", inputs=[part])
    found = graphed(story.events(), fold=4)
    assert [len(node.task_ids) for node in found.nodes] == [1, 1, 5, 5]


def test_edges_lead_forward_among_the_nodes():
    story = Story(workers=2)
    sources = [story.task("map.split", float(n)) for n in (1, 5, 9)]
    for source in sources:
        for _ in range(3):
            story.task("map.work", inputs=[source])
    found = graphed(story.events(), fold=4)
    order = [node.key for node in found.nodes]
    assert [len(node.task_ids) for node in found.nodes] == [1, 1, 1, 9]
    assert all(order.index(e.source) < order.index(e.target) for e in found.edges)
    assert len(found.edges) == 3


# --- loops -----------------------------------------------------------------------------------


def test_a_loop_folds():
    def run(self):
        self.submit(load).result  # noqa: B018 - is waited for
        for n in range(30):
            self.submit(work, n).result  # noqa: B018 - is waited for
            self.sleep(60)
        return self.submit(add, [1]).result

    found = drawn(run, fold=10)
    assert ties(found) == [
        ("load-1", "work x30", "next"),
        ("work x30", "timers x30", "next"),
        ("timers x30", "add-1", "next"),
    ]
    assert [node.in_turn for node in found.nodes] == [False, True, True, False]
    assert found.nodes[1].task_ids[29] == f"activity-{work.name}-30"
    assert len(drawn(run, fold=30).nodes) == 62
    assert len(drawn(run).nodes) == 62


def test_a_chain_of_results_is_a_loop():
    def run(self):
        future = self.submit(work, 0)
        for _ in range(20):
            future = self.submit(work, future)
        return future.result

    found = drawn(run, fold=10)
    assert [len(node.task_ids) for node in found.nodes] == [21]
    assert found.edges == []


def test_maps_in_a_loop_fold_into_one():
    def run(self):
        for _ in range(6):
            self.submit(add, self.map(work, range(8))).result  # noqa: B018 - is waited for

    found = drawn(run, fold=5)
    assert ties(found) == [("work x48", "add x6", "input")]
    assert [node.in_turn for node in found.nodes] == [True, True]


def test_steps_that_lead_elsewhere_too_are_no_loop():
    story = Story()
    step = story.task("loop.step")
    for _ in range(12):
        story.task("loop.aside", inputs=[step])
        step = story.task("loop.step", inputs=[step])
    found = graphed(story.events(), fold=5)
    assert not any(node.in_turn for node in found.nodes)


@pytest.mark.parametrize(
    ("types", "standing"),
    [
        ("aaaa", "aaaa"),
        ("abababc", "abababc"),
        ("xabcabcabcaby", "xabcabcabcaby"),
        ("aaab", "aaab"),
    ],
)
def test_what_stands_for_steps_is_of_their_type(types, standing):
    edges = [(n, n + 1) for n in range(len(types) - 1)]
    found = standing_in(types, edges, 2)
    assert "".join(types[n] for n in found) == standing
    assert len({*found}) == len({*types})


def test_what_is_repeated_less_often_is_no_loop():
    assert standing_in("aabab", [(n, n + 1) for n in range(4)], 2) == [0, 1, 2, 3, 4]


def test_the_same_history_gives_the_same_graph():
    assert graphed(mapping(30), 10) == graphed(mapping(30), 10)


# --- names -----------------------------------------------------------------------------------


def test_names_are_as_short_as_they_can_be():
    names = {"shop.charge", "bank.charge", "shop.ship", "ship", "a.b.c", "x..y"}
    assert short_names(names) == {
        "shop.charge": "shop.charge",
        "bank.charge": "bank.charge",
        "shop.ship": "shop.ship",
        "ship": "ship",
        "a.b.c": "c",
        "x..y": "y",
    }
