"""A client of the engine is one of ``boto3.client("swf")``: methods, faults, paginators."""

import pytest
from conforming import MODEL, OPERATIONS, complete, marker, new_domain_name


def test_every_operation_is_a_method(under_test):
    assert len(OPERATIONS) == 39
    for method in OPERATIONS:
        assert callable(getattr(under_test.client, method))


def test_faults_are_caught_by_their_names(under_test):
    """ "faults: ..." of each operation: ``boto3`` has an exception for each."""
    client = under_test.client
    faults = {
        shape.name
        for name in MODEL.operation_names
        for shape in MODEL.operation_model(name).error_shapes
    }
    assert len(faults) == 11
    for fault in faults:
        assert issubclass(getattr(client.exceptions, fault), client.exceptions.ClientError)
    with pytest.raises(client.exceptions.UnknownResourceFault) as caught:
        client.describe_domain(name=new_domain_name())
    error = caught.value.response["Error"]
    assert error["Code"] == "UnknownResourceFault"
    assert isinstance(error["Message"], str)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


PAGINATORS = [
    "get_workflow_execution_history",
    "list_activity_types",
    "list_closed_workflow_executions",
    "list_domains",
    "list_open_workflow_executions",
    "list_workflow_types",
    "poll_for_decision_task",
]


def test_what_answers_in_pages(under_test):
    client = under_test.client
    assert [method for method in sorted(OPERATIONS) if client.can_paginate(method)] == PAGINATORS


def test_pages_of_a_history(under_test, world):
    """ "The results may be split into multiple pages." """
    run = world.decided(*(marker(str(number)) for number in range(5)))
    paginator = under_test.client.get_paginator("get_workflow_execution_history")
    request = {"domain": world.domain, "execution": run}
    pages = list(paginator.paginate(**request, PaginationConfig={"PageSize": 4}))
    assert [len(page["events"]) for page in pages] == [4, 4, 1]
    assert [event for page in pages for event in page["events"]] == world.history(run)
    whole = paginator.paginate(**request).build_full_result()
    assert whole["events"] == world.history(run)


def test_pages_of_a_decision_task(under_test, world):
    """ "To retrieve subsequent pages, make additional calls to PollForDecisionTask using the
    nextPageToken returned by the initial call." """
    run = world.start()
    paginator = under_test.client.get_paginator("poll_for_decision_task")
    request = {"domain": world.domain, "taskList": {"name": "deciders"}}
    whole = paginator.paginate(**request, PaginationConfig={"PageSize": 2}).build_full_result()
    assert whole["events"] == world.history(run)
    assert (whole["startedEventId"], whole["workflowExecution"]) == (3, run)
    world.decide(complete(), task=whole)
    assert world.close_status(run) == "COMPLETED"


def test_pages_of_types(under_test, world):
    """ "The results may be split into multiple pages." """
    for name in "abcde":
        world.workflow_type(name)
    paginator = under_test.client.get_paginator("list_workflow_types")
    request = {"domain": world.domain, "registrationStatus": "REGISTERED"}
    pages = paginator.paginate(**request, PaginationConfig={"PageSize": 2, "MaxItems": 5})
    names = [info["workflowType"]["name"] for page in pages for info in page["typeInfos"]]
    assert names == list("abcde")
