"""PollForDecisionTask."""

import pytest
from conforming import (
    ORDER,
    ORDER_DEFAULTS,
    attributes,
    complete,
    damaged,
    marker,
    refused,
    schedule,
    timer,
)


def ids(task):
    return [event["eventId"] for event in task["events"]]


def poll(world, **more):
    """Poll with all that the test says; whether there is a task is its business."""
    return world.swf.poll_for_decision_task(
        domain=world.domain, taskList={"name": "deciders"}, **more
    )


# --- the task ----------------------------------------------------------------------------


def test_a_task_has_the_history(world):
    """ "The task includes a paginated view of the history of the workflow execution." """
    run = world.start()
    task = world.poll_decision(identity="decider-1")
    assert task["workflowExecution"] == run
    assert task["workflowType"] == ORDER
    assert task["events"] == world.history(run)
    assert ids(task) == [1, 2, 3]
    # "The ID of the DecisionTaskStarted event recorded in the history."
    assert task["startedEventId"] == 3
    assert task["previousStartedEventId"] == 0
    # "Identity of the decider making the request, which is recorded in the DecisionTaskStarted
    # event in the workflow history."
    started = task["events"][-1]
    assert started["eventType"] == "DecisionTaskStarted"
    assert attributes(started) == {"identity": "decider-1", "scheduledEventId": 2}


def test_identity_is_optional(world):
    world.start()
    assert attributes(world.poll_decision()["events"][-1]) == {"scheduledEventId": 2}


def test_an_empty_answer(world):
    """ "If no decision task is available in the specified task list before the timeout of 60
    seconds expires, an empty result is returned. An empty result, in this context, means that a
    DecisionTask is returned, but that the value of taskToken is an empty string." """
    task = poll(world)
    assert task["taskToken"] == ""
    assert task["startedEventId"] == 0
    assert task.get("previousStartedEventId", 0) == 0
    assert task.get("events", []) == []


def test_a_task_is_handed_out_once(world):
    """ "A workflow execution can have at most one open decision task." """
    world.start()
    world.poll_decision()
    assert world.no_decision()


def test_an_empty_poll_leaves_no_trace(world):
    run = world.start(taskList={"name": "list"})
    before = world.history(run)
    assert world.no_decision()
    assert world.history(run) == before


def test_the_previous_task(world):
    """ "previousStartedEventId: The ID of the DecisionTaskStarted event of the previous decision
    task of this workflow execution that was processed by the decider. This can be used to determine
    the events in the history new since the last decision task received by the decider." """
    world.start()
    previous = 0
    for _ in range(3):
        task = world.poll_decision()
        assert task["previousStartedEventId"] == previous
        previous = task["startedEventId"]
        world.decide(marker(), task=task)
        world.signal()


def test_an_execution_without_news_has_no_task(world):
    """ "Every time a state change occurs for a workflow execution, Amazon SWF schedules a decision
    task." (Developer Guide) A marker or a started timer is no news to the decider."""
    world.decided(marker(), timer("t"), schedule("a"))
    world.poll_activity()
    assert world.no_decision()


# --- lists -------------------------------------------------------------------------------


def test_lists_belong_to_a_domain(world):
    """ "The name of the domain containing the task lists to poll." """
    other = world.another()
    world.start()
    assert other.no_decision()
    assert world.poll_decision()["taskToken"]


def test_each_list_has_its_own_tasks(world):
    """ "A decision task may be returned for any open workflow execution that is using the specified
    task list." """
    run = world.start("a", taskList={"name": "List"})
    world.start("b", taskList={"name": "list"})
    assert world.no_decision("lis")
    assert world.poll_decision("List")["workflowExecution"] == run
    assert world.no_decision("List")
    assert world.poll_decision("list")["workflowExecution"]["workflowId"] == "b"


def test_decision_lists_are_not_activity_lists(world):
    """ "the specified decision taskList", "the specified activity taskList": lists of one name are
    two lists."""
    world.decided(schedule("a", taskList={"name": "both"}), taskList={"name": "deciders"})
    world.start("other", taskList={"name": "both"})
    assert world.poll_decision("both")["workflowExecution"]["workflowId"] == "other"
    assert world.no_decision("both")
    assert world.poll_activity("both")["activityId"] == "a"
    assert world.no_activity("both")


def test_one_list_serves_many_types(world):
    """ "A decision task may be returned for any open workflow execution that is using the specified
    task list." """
    other = world.workflow_type("other", **ORDER_DEFAULTS)
    world.start("a")
    world.start("b", workflow_type=other)
    types = [world.poll_decision()["workflowType"] for _ in range(2)]
    assert types == [ORDER, other]


def test_first_in_first_out(world):
    """Of tasks with the same priority, the oldest is handed out first. (Developer Guide)"""
    for workflow_id in "cabd":
        world.start(workflow_id)
    taken = [world.poll_decision()["workflowExecution"]["workflowId"] for _ in range(4)]
    assert taken == list("cabd")


def test_higher_priorities_first(world):
    """ "Higher numbers indicate higher priority." "If not assigned, then 0 is used." """
    priorities = {
        "a": "-1",
        "b": None,
        "c": "10",
        "d": "9",
        "e": "0",
        "f": "10",
        "g": "-2147483648",
    }
    for workflow_id, priority in priorities.items():
        world.start(workflow_id, **({"taskPriority": priority} if priority else {}))
    taken = [world.poll_decision()["workflowExecution"]["workflowId"] for _ in priorities]
    assert taken == list("cfdbeag")


def test_a_closed_execution_has_no_task(world):
    """ "A decision task may be returned for any open workflow execution." """
    world.start()
    world.terminate()
    assert world.no_decision()
    assert not world.swf.count_pending_decision_tasks(
        domain=world.domain, taskList={"name": "deciders"}
    )["count"]


# --- what of the history -----------------------------------------------------------------


def test_reverse_order(world):
    """ "When set to true, returns the events in reverse order. By default the results are returned
    in ascending order of the eventTimestamp of the events." """
    world.start()
    task = world.poll_decision(reverseOrder=True)
    assert ids(task) == [3, 2, 1]
    assert task["startedEventId"] == 3


def test_start_at_the_previous_started_event(world):
    """ "When set to true, returns the events with eventTimestamp greater than or equal to
    eventTimestamp of the most recent DecisionTaskStarted event." That is of the one before this
    task's own, inclusive."""
    world.start()
    world.tick()
    task = world.poll_decision(startAtPreviousStartedEvent=True)
    # There is none before the first: the whole history.
    assert ids(task) == [1, 2, 3]
    world.tick()
    world.decide(marker("a"), marker("b"), task=task)
    world.tick()
    world.signal()
    world.tick()
    task = world.poll_decision(startAtPreviousStartedEvent=True)
    assert (task["previousStartedEventId"], task["startedEventId"]) == (3, 9)
    assert ids(task) == [3, 4, 5, 6, 7, 8, 9]
    world.decide(task=task)
    world.tick()
    world.signal()
    task = world.poll_decision(startAtPreviousStartedEvent=True, reverseOrder=True)
    assert ids(task) == [13, 12, 11, 10, 9]
    world.decide(task=task)
    world.signal()
    assert ids(world.poll_decision(startAtPreviousStartedEvent=False))[0] == 1


# --- pages -------------------------------------------------------------------------------


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("size", [1, 2, 9, 10, 11])
def test_pages(world, size, reverse):
    """ "maximumPageSize: The maximum number of results that are returned per call. Use
    nextPageToken to obtain further pages of results." "Calling PollForDecisionTask with a
    nextPageToken doesn't return a new decision task." """
    run = world.decided(*(marker(str(number)) for number in range(3)))
    world.start("another, whose task is not to be touched")
    world.signal(run=run)
    # The other execution's task is older than the signal's.
    world.decide()
    request = {"maximumPageSize": size, "reverseOrder": reverse}
    first = page = world.poll_decision(**request)
    events = list(page["events"])
    while "nextPageToken" in page:
        assert len(page["events"]) <= size
        page = poll(world, **request, nextPageToken=page["nextPageToken"])
        assert page["events"]
        events += page["events"]
        same = ("startedEventId", "previousStartedEventId", "workflowExecution", "workflowType")
        assert [page[name] for name in same] == [first[name] for name in same]
    assert len(page["events"]) <= size
    assert events == world.history(run)[:: -1 if reverse else 1]
    assert len(events) == 10
    world.decide(complete(), task=page)
    assert world.close_status(run) == "COMPLETED"


def test_pages_with_the_previous_started_event(world):
    """ "To retrieve subsequent pages, make additional calls to PollForDecisionTask using the
    nextPageToken returned by the initial call", all other arguments repeated."""
    world.start()
    world.tick()
    world.decide(*(marker(str(number)) for number in range(3)))
    world.tick()
    world.signal()
    request = {"maximumPageSize": 2, "startAtPreviousStartedEvent": True}
    page = world.poll_decision(**request)
    found = ids(page)
    while "nextPageToken" in page:
        page = poll(world, **request, nextPageToken=page["nextPageToken"])
        found += ids(page)
    assert found == list(range(3, 11))


def test_pages_show_what_was_there_when_the_task_was_taken(world):
    """The view ends with "the DecisionTaskStarted event recorded in the history"; what happens
    while the decider reads on belongs to the next task."""
    world.start()
    page = world.poll_decision(maximumPageSize=2)
    world.signal()
    page = poll(world, maximumPageSize=2, nextPageToken=page["nextPageToken"])
    assert ids(page) == [3]
    assert "nextPageToken" not in page


def test_a_page_has_up_to_a_thousand_events(world):
    """PageSize: 0 to 1,000; by default a page is as large as it may be."""
    world.start()
    for _ in range(11):
        world.decide(*(marker(str(number)) for number in range(90)))
        world.signal()
    page = world.poll_decision()
    assert ids(page) == list(range(1, 1001))
    page = poll(world, nextPageToken=page["nextPageToken"])
    assert ids(page) == list(range(1001, 1038))
    assert page["startedEventId"] == 1037


def test_page_tokens(world):
    """A token that no poll has given is refused, and so is a page of more than 1,000."""
    run = world.start()
    token = world.poll_decision(maximumPageSize=1)["nextPageToken"]
    history = world.swf.get_workflow_execution_history(
        domain=world.domain, execution=run, maximumPageSize=1
    )
    for wrong in (*damaged(token), history["nextPageToken"]):
        with refused(world.swf, "ValidationException"):
            poll(world, maximumPageSize=1, nextPageToken=wrong)
    for size in (-1, 1001):
        with refused(world.swf, "ValidationException"):
            world.swf.unchecked(
                "PollForDecisionTask",
                domain=world.domain,
                taskList={"name": "deciders"},
                maximumPageSize=size,
            )


@pytest.mark.needs_clock
def test_a_page_token_expires(world):
    """ "Each pagination token expires after 24 hours. Using an expired pagination token will return
    a 400 error: "Specified token has exceeded its maximum lifetime"." """
    world.start()
    token = world.poll_decision(maximumPageSize=1)["nextPageToken"]
    world.advance(86_401)
    with refused(world.swf, "ValidationException"):
        poll(world, maximumPageSize=1, nextPageToken=token)
