"""GetWorkflowExecutionHistory."""

import pytest
from conforming import (
    check_page_tokens,
    check_pages,
    complete,
    marker,
    refused,
)


def request(world, run):
    return {"domain": world.domain, "execution": run}


def test_all_events_in_their_order(world):
    """ "Returns the history of the specified workflow execution." "By default the results are
    returned in ascending order of the eventTimeStamp of the events." """
    run = world.decided(marker("a"), marker("b"))
    world.signal()
    answer = world.swf.get_workflow_execution_history(**request(world, run))
    assert [(event["eventId"], event["eventType"]) for event in answer["events"]] == [
        (1, "WorkflowExecutionStarted"),
        (2, "DecisionTaskScheduled"),
        (3, "DecisionTaskStarted"),
        (4, "DecisionTaskCompleted"),
        (5, "MarkerRecorded"),
        (6, "MarkerRecorded"),
        (7, "WorkflowExecutionSignaled"),
        (8, "DecisionTaskScheduled"),
    ]
    assert answer.keys() == {"events"}


def test_reverse_order(world):
    """ "When set to true, returns the events in reverse order." """
    run = world.decided(marker("a"))
    ask = world.swf.get_workflow_execution_history
    events = ask(**request(world, run), reverseOrder=True)["events"]
    assert events == world.history(run)[::-1]
    assert ask(**request(world, run), reverseOrder=False)["events"] == world.history(run)


def test_pages(world):
    """ "The results may be split into multiple pages. To retrieve subsequent pages, make the call
    again using the nextPageToken returned by the initial call." """
    run = world.decided(*(marker(str(number)) for number in range(7)))
    ask = world.swf.get_workflow_execution_history
    assert len(check_pages(ask, "events", **request(world, run))) == 11
    check_page_tokens(world.swf, "GetWorkflowExecutionHistory", "events", **request(world, run))
    world.terminate()
    assert len(check_pages(ask, "events", **request(world, run))) == 12


def test_a_page_has_up_to_a_thousand_events(world):
    """PageSize: 0 to 1,000; by default a page is as large as it may be."""
    run = world.start()
    for _ in range(11):
        world.decide(*(marker(str(number)) for number in range(90)))
        world.signal()
    ask = world.swf.get_workflow_execution_history
    first = ask(**request(world, run))
    assert [event["eventId"] for event in first["events"]] == list(range(1, 1001))
    second = ask(**request(world, run), nextPageToken=first["nextPageToken"])
    assert [event["eventId"] for event in second["events"]] == list(range(1001, 1037))
    assert "nextPageToken" not in second
    last = ask(**request(world, run), reverseOrder=True, maximumPageSize=3)["events"]
    assert [event["eventId"] for event in last] == [1036, 1035, 1034]


def test_the_token_of_a_decision_task(world):
    """PollForDecisionTask: "The nextPageToken returned by this action cannot be used with
    GetWorkflowExecutionHistory to get the next page." """
    run = world.start()
    token = world.poll_decision(maximumPageSize=1)["nextPageToken"]
    with refused(world.swf, "ValidationException"):
        world.swf.get_workflow_execution_history(
            **request(world, run), maximumPageSize=1, nextPageToken=token
        )


def test_the_token_of_another_execution(world):
    """ "Make the call again using the returned token to retrieve the next page. Keep all other
    arguments unchanged." """
    run, other = world.start("a"), world.start("b")
    ask = world.swf.get_workflow_execution_history
    token = ask(**request(world, run), maximumPageSize=1)["nextPageToken"]
    with refused(world.swf, "ValidationException"):
        ask(**request(world, other), maximumPageSize=1, nextPageToken=token)


@pytest.mark.needs_clock
def test_a_token_expires(world):
    """ "Each pagination token expires after 24 hours. Using an expired pagination token will return
    a 400 error: "Specified token has exceeded its maximum lifetime"." """
    run = world.start()
    ask = world.swf.get_workflow_execution_history
    token = ask(**request(world, run), maximumPageSize=1)["nextPageToken"]
    world.advance(86_399)
    page = ask(**request(world, run), maximumPageSize=1, nextPageToken=token)
    assert [event["eventId"] for event in page["events"]] == [2]
    world.advance(2)
    with refused(world.swf, "ValidationException") as caught:
        ask(**request(world, run), maximumPageSize=1, nextPageToken=token)
    assert "exceeded its maximum lifetime" in str(caught.value)


def test_a_closed_execution_keeps_its_history(world):
    """RegisterDomain: "The duration (in days) that records and histories of workflow executions on
    the domain should be kept by the service." """
    run = world.decided(marker("a"), complete(result="42"))
    assert world.kinds(run)[-2:] == ["MarkerRecorded", "WorkflowExecutionCompleted"]
    again = world.start()
    assert world.kinds(again) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]
    assert world.last("WorkflowExecutionCompleted", run)["result"] == "42"


def test_an_unknown_execution(world):
    """UnknownResourceFault: "Returned when the named resource cannot be found with in the scope
    of this operation (region or domain)." """
    run, other = world.start("a"), world.start("b")
    unknown = [
        {"workflowId": "a", "runId": other["runId"]},
        {"workflowId": "nobody", "runId": run["runId"]},
        {"workflowId": "a", "runId": "r"},
    ]
    for wrong in unknown:
        with refused(world.swf, "UnknownResourceFault"):
            world.history(wrong)
    with refused(world.swf, "UnknownResourceFault"):
        world.another().history(run)
