"""List and Count of open and of closed executions."""

import pytest
from conforming import (
    ORDER,
    ORDER_DEFAULTS,
    cancel,
    check_page_tokens,
    check_pages,
    complete,
    continue_as_new,
    fail,
    refused,
)

EVER = {"startTimeFilter": {"oldestDate": 0}}
EVER_CLOSED = {"closeTimeFilter": {"oldestDate": 0}}


class Visible:
    """What one of the two lists and its count tell."""

    def __init__(self, world, status):
        self.world = world
        self.status = status
        self.ask_list = getattr(world.swf, f"list_{status}_workflow_executions")
        self.ask_count = getattr(world.swf, f"count_{status}_workflow_executions")

    def infos(self, **request):
        request = request or EVER
        infos = self.ask_list(domain=self.world.domain, **request)["executionInfos"]
        filters = {name: value for name, value in request.items() if name.endswith("Filter")}
        count = self.ask_count(domain=self.world.domain, **filters)
        # "The number of workflow executions", with the same filters.
        assert count["count"] == len(infos)
        assert not count.get("truncated")
        assert {info["executionStatus"] for info in infos} <= {self.status.upper()}
        return infos

    def ids(self, **request):
        """The listed workflow ids, in the order of the list."""
        return [info["execution"]["workflowId"] for info in self.infos(**request)]

    def refused(self, **request):
        """Neither the list nor the count takes this."""
        with refused(self.world.swf, "ValidationException"):
            self.ask_list(domain=self.world.domain, **request)
        with refused(self.world.swf, "ValidationException"):
            self.ask_count(domain=self.world.domain, **request)


@pytest.fixture
def opened(world):
    return Visible(world, "open")


@pytest.fixture
def closed(world):
    return Visible(world, "closed")


@pytest.fixture(params=["open", "closed"])
def visible(world, request):
    return Visible(world, request.param)


def run_some(visible, *executions):
    """Executions with these ids and settings, one after the other; closed if that is asked for."""
    world = visible.world
    for workflow_id, settings in executions:
        run = world.start(workflow_id, **settings)
        world.tick()
        if visible.status == "closed":
            world.terminate(run)
            world.tick()


# --- what is listed ----------------------------------------------------------------------


def test_a_listed_execution_is_the_described_one(visible):
    """ "Returns a list of open workflow executions in the specified domain that meet the filtering
    criteria." The model has one structure for both, WorkflowExecutionInfo."""
    run_some(visible, ("a", {"tagList": ["x", "y"]}))
    (info,) = visible.infos()
    assert info == visible.world.describe()["executionInfo"]


def test_open_and_closed_are_two_lists(world, opened, closed):
    """ "Returns a list of closed workflow executions in the specified domain" - and of open
    ones."""
    assert (opened.ids(), closed.ids()) == ([], [])
    world.start("a")
    assert (opened.ids(), closed.ids()) == (["a"], [])
    world.terminate()
    assert (opened.ids(), closed.ids()) == ([], ["a"])
    world.start("a")
    assert (opened.ids(), closed.ids()) == (["a"], ["a"])


def test_a_domain_has_its_own_lists(visible):
    """ "The name of the domain that contains the workflow executions to list." """
    run_some(visible, ("a", {}))
    assert Visible(visible.world.another(), visible.status).ids() == []


def test_every_run_is_listed(world, opened, closed):
    """ContinueAsNewWorkflowExecution: "Closes the workflow execution and starts a new workflow
    execution of the same type using the same workflow ID and a unique run Id." """
    first = world.decided(continue_as_new())
    (old,), (new,) = closed.infos(), opened.infos()
    assert old["execution"] == first
    assert old["closeStatus"] == "CONTINUED_AS_NEW"
    assert new["execution"]["workflowId"] == first["workflowId"]
    assert new["execution"]["runId"] != first["runId"]


# --- order and pages ---------------------------------------------------------------------


def test_the_newest_come_first(visible):
    """ "reverseOrder: When set to true, returns the results in reverse order. By default the
    results are returned in descending order of the start time of the executions." """
    run_some(visible, ("b", {}), ("a", {}), ("c", {}))
    assert visible.ids() == ["c", "a", "b"]
    assert visible.ids(**EVER, reverseOrder=True) == ["b", "a", "c"]


def test_the_order_follows_the_time_filter(world, closed):
    """ "startTimeFilter: ... Also, if this parameter is specified, the returned results are ordered
    by their start times." "closeTimeFilter: ... the returned results are ordered by their close
    times." """
    runs = {}
    for workflow_id in "abc":
        runs[workflow_id] = world.start(workflow_id)
        world.tick()
    for workflow_id in "bca":
        world.terminate(runs[workflow_id])
        world.tick()
    assert closed.ids(**EVER) == ["c", "b", "a"]
    assert closed.ids(**EVER_CLOSED) == ["a", "c", "b"]
    assert closed.ids(**EVER_CLOSED, reverseOrder=True) == ["b", "c", "a"]


def test_pages(visible):
    """ "maximumPageSize: The maximum number of results that are returned per call. Use
    nextPageToken to obtain further pages of results." """
    run_some(visible, *((workflow_id, {"tagList": ["x"]}) for workflow_id in "abcd"))
    run_some(visible, ("other", {}))
    request = {"domain": visible.world.domain} | EVER
    assert len(check_pages(visible.ask_list, "executionInfos", **request)) == 5
    tagged = request | {"tagFilter": {"tag": "x"}}
    assert len(check_pages(visible.ask_list, "executionInfos", **tagged)) == 4
    operation = f"List{visible.status.title()}WorkflowExecutions"
    check_page_tokens(visible.world.swf, operation, "executionInfos", **request)


def test_pages_by_close_time(closed):
    """ "maximumPageSize: The maximum number of results that are returned per call. Use
    nextPageToken to obtain further pages of results." """
    run_some(closed, *((workflow_id, {}) for workflow_id in "abcd"))
    request = {"domain": closed.world.domain} | EVER_CLOSED
    assert len(check_pages(closed.ask_list, "executionInfos", **request)) == 4


@pytest.mark.needs_clock
def test_pages_of_what_began_at_once(world, visible):
    """Executions with the same time are on one page each, too."""
    runs = [world.start(workflow_id) for workflow_id in "abcdef"]
    if visible.status == "closed":
        for run in runs:
            world.terminate(run)
    request = {"domain": world.domain}
    listed = check_pages(visible.ask_list, "executionInfos", **request, **EVER)
    assert sorted(info["execution"]["workflowId"] for info in listed) == list("abcdef")
    if visible.status == "closed":
        check_pages(visible.ask_list, "executionInfos", **request, **EVER_CLOSED)


# --- times -------------------------------------------------------------------------------


@pytest.mark.needs_clock
def test_start_times(world, visible):
    """ExecutionTimeFilter: "oldestDate: Specifies the oldest start or close date and time to
    return." "latestDate: Specifies the latest start or close date and time to return." """
    started = {}
    for workflow_id in "abc":
        started[workflow_id] = world.now()
        world.start(workflow_id)
        if visible.status == "closed":
            world.terminate()
        world.advance(100)

    def within(oldest, latest=None):
        times = {"oldestDate": oldest} | ({} if latest is None else {"latestDate": latest})
        return visible.ids(startTimeFilter=times)

    a, b, c = started.values()
    assert within(a - 1) == ["c", "b", "a"]
    assert within(a + 1) == ["c", "b"]
    assert within(c + 1) == []
    assert within(a - 1, c + 1) == ["c", "b", "a"]
    assert within(a + 1, b + 1) == ["b"]
    assert within(a - 1, a + 1) == ["a"]
    assert within(a - 2, a - 1) == []
    assert within(c + 1, a - 1) == []


@pytest.mark.needs_clock
def test_close_times(world, closed):
    """ "closeTimeFilter: If specified, the workflow executions are included in the returned results
    based on whether their close times are within the range specified by this filter." """
    runs = [world.start(workflow_id) for workflow_id in "abc"]
    ended = []
    for run in runs:
        world.advance(100)
        ended.append(world.now())
        world.terminate(run)

    def within(oldest, latest=None):
        times = {"oldestDate": oldest} | ({} if latest is None else {"latestDate": latest})
        return closed.ids(closeTimeFilter=times)

    a, b, c = ended
    assert within(a - 1) == ["c", "b", "a"]
    assert within(a + 1) == ["c", "b"]
    assert within(a + 1, b + 1) == ["b"]
    assert within(c + 1) == []
    assert within(a - 2, a - 1) == []
    # They were all started before the first was closed.
    assert closed.ids(startTimeFilter={"oldestDate": a - 1}) == []


def test_times_far_away(visible):
    """ "Specifies the oldest start or close date and time to return." """
    run_some(visible, ("a", {}))
    now = int(visible.world.now())
    assert visible.ids(startTimeFilter={"oldestDate": now - 3600}) == ["a"]
    assert visible.ids(startTimeFilter={"oldestDate": now + 3600}) == []
    assert visible.ids(startTimeFilter={"oldestDate": 0, "latestDate": now + 3600}) == ["a"]
    assert visible.ids(startTimeFilter={"oldestDate": 0, "latestDate": now - 3600}) == []


def test_closed_executions_need_one_time_filter(closed):
    """ "startTimeFilter and closeTimeFilter are mutually exclusive. You must specify one of these
    in a request but not both." """
    closed.refused()
    closed.refused(**EVER, **EVER_CLOSED)
    closed.refused(tagFilter={"tag": "x"})


# --- filters -----------------------------------------------------------------------------


def test_the_execution_filter(visible):
    """ "executionFilter: If specified, only workflow executions matching the workflow ID specified
    in the filter are returned." """
    run_some(visible, ("a", {}), ("ab", {}), ("A", {}))
    assert visible.ids(**EVER, executionFilter={"workflowId": "a"}) == ["a"]
    assert visible.ids(**EVER, executionFilter={"workflowId": "b"}) == []


def test_the_runs_of_one_id(closed):
    """ "executionFilter: If specified, only workflow executions matching the workflow ID specified
    in the filter are returned." """
    run_some(closed, ("a", {}), ("b", {}), ("a", {}))
    assert closed.ids(**EVER, executionFilter={"workflowId": "a"}) == ["a", "a"]
    assert closed.ids(**EVER_CLOSED, executionFilter={"workflowId": "a"}) == ["a", "a"]


def test_the_type_filter(visible):
    """ "typeFilter: If specified, only executions of the type specified in the filter are
    returned." WorkflowTypeFilter: "name: Name of the workflow type"; "version: Version of the
    workflow type", which is not required."""
    world = visible.world
    second = world.workflow_type("order", "2", **ORDER_DEFAULTS)
    other = world.workflow_type("other", **ORDER_DEFAULTS)
    run_some(
        visible,
        ("a", {"workflow_type": ORDER}),
        ("b", {"workflow_type": second}),
        ("c", {"workflow_type": other}),
    )
    assert visible.ids(**EVER, typeFilter={"name": "order"}) == ["b", "a"]
    assert visible.ids(**EVER, typeFilter={"name": "order", "version": "1"}) == ["a"]
    assert visible.ids(**EVER, typeFilter=second) == ["b"]
    assert visible.ids(**EVER, typeFilter={"name": "other", "version": "2"}) == []
    assert visible.ids(**EVER, typeFilter={"name": "nothing"}) == []


def test_the_tag_filter(visible):
    """ "tagFilter: If specified, only executions that have the matching tag are listed." "You can
    list workflow executions with a specific tag by calling ListOpenWorkflowExecutions or
    ListClosedWorkflowExecutions and specifying a TagFilter." """
    run_some(
        visible,
        ("a", {"tagList": ["x"]}),
        ("b", {"tagList": ["y", "x"]}),
        ("c", {"tagList": ["xx", "X"]}),
        ("d", {}),
    )
    assert visible.ids(**EVER, tagFilter={"tag": "x"}) == ["b", "a"]
    assert visible.ids(**EVER, tagFilter={"tag": "y"}) == ["b"]
    assert visible.ids(**EVER, tagFilter={"tag": "X"}) == ["c"]
    assert visible.ids(**EVER, tagFilter={"tag": "z"}) == []


@pytest.mark.needs_clock
def test_the_close_status_filter(world, closed):
    """ "closeStatusFilter: If specified, only workflow executions that match this close status are
    listed. For example, if TERMINATED is specified, then only TERMINATED workflow executions are
    listed." """
    world.start("TIMED_OUT", executionStartToCloseTimeout="10", taskList={"name": "nobody"})
    world.advance(10)
    endings = {
        "COMPLETED": complete(),
        "FAILED": fail(),
        "CANCELED": cancel(),
        "CONTINUED_AS_NEW": continue_as_new(taskList={"name": "nobody"}),
    }
    for status, ending in endings.items():
        world.start(status)
        world.decide(ending)
        world.advance(1)
    world.start("TERMINATED")
    world.terminate()
    for status in ("TIMED_OUT", *endings, "TERMINATED"):
        (info,) = closed.infos(**EVER, closeStatusFilter={"status": status})
        assert info["closeStatus"] == info["execution"]["workflowId"] == status
        assert closed.ids(**EVER_CLOSED, closeStatusFilter={"status": status}) == [status]
    assert len(closed.ids()) == 6


FILTERS = {
    "executionFilter": {"workflowId": "a"},
    "typeFilter": {"name": "order"},
    "tagFilter": {"tag": "x"},
    "closeStatusFilter": {"status": "COMPLETED"},
}


def test_at_most_one_filter(visible):
    """ "closeStatusFilter, executionFilter, typeFilter and tagFilter are mutually exclusive. You
    can specify at most one of these in a request." """
    names = [name for name in FILTERS if visible.status == "closed" or name in list(FILTERS)[:3]]
    for number, first in enumerate(names):
        assert visible.ids(**EVER, **{first: FILTERS[first]}) == []
        for second in names[number + 1 :]:
            visible.refused(**EVER, **{first: FILTERS[first], second: FILTERS[second]})


def test_filters_and_times(world, closed):
    """A filter and a time go together."""
    run_some(closed, ("a", {"tagList": ["x"]}), ("b", {}))
    later = int(world.now()) + 3600
    assert closed.ids(startTimeFilter={"oldestDate": later}, tagFilter={"tag": "x"}) == []
    assert closed.ids(closeTimeFilter={"oldestDate": later}, tagFilter={"tag": "x"}) == []
    until = {"oldestDate": 0, "latestDate": later}
    assert closed.ids(closeTimeFilter=until, tagFilter={"tag": "x"}) == ["a"]
