"""Requests that do not fit the model, for every operation: always a ValidationException.

The requests are made from botocore's model: a good one for each operation, and from it all that
differ in one member: it is missing, too short, too long, too small, too large, too many, or none of
an enumeration.
"""

import pytest
from conforming import MODEL, ORDER, PAY, decision, marker, refused

#: Members of requests that are not required by the model, but without which nothing is asked.
MORE = {
    "ListClosedWorkflowExecutions": {"startTimeFilter": {"oldestDate": 0}},
    "CountClosedWorkflowExecutions": {"startTimeFilter": {"oldestDate": 0}},
}
#: What a well-formed text is, where it is not any text.
TEXTS = {
    "DurationInDays": "1",
    "DurationInSeconds": "1",
    "DurationInSecondsOptional": "1",
    "TaskPriority": "1",
}
DECISIONS = sorted(MODEL.shape_for("DecisionType").enum)


def full(shape, given):
    """A value with all members."""
    match shape.type_name:
        case "structure":
            return {
                name: given.get(name) or full(member, given)
                for name, member in shape.members.items()
            }
        case "list":
            return [full(shape.member, given)]
        case "timestamp":
            return 0
        case "boolean":
            return False
        case "integer":
            return 1
    return shape.enum[0] if shape.metadata.get("enum") else TEXTS.get(shape.name, "a")


def misfits(shape, value):
    """Each way to be wrong in one point: the value, and what is wrong with it."""
    match shape.type_name:
        case "structure":
            for name in shape.required_members:
                yield {k: v for k, v in value.items() if k != name}, f"{name} is missing"
            for name, part in value.items():
                for wrong, why in misfits(shape.members[name], part):
                    yield {**value, name: wrong}, f"{name}: {why}"
        case "list" if value:
            for wrong, why in misfits(shape.member, value[0]):
                yield [value[0], wrong], why
    yield from beyond_limits(shape.type_name, value, shape.metadata)


def beyond_limits(type_name, value, metadata):
    least, most = metadata.get("min"), metadata.get("max")
    match type_name:
        case "string":
            if least:
                yield "", "empty"
            if metadata.get("enum"):
                yield "BOGUS", "none of the enumeration"
            if most is not None:
                yield "1" * (most + 1), f"{most + 1} characters"
        case "integer":
            yield from ((wrong, f"is {wrong}") for wrong in (least - 1, most + 1))
        case "list" if most is not None:
            yield value * (most + 1), f"{most + 1} members"


def wrong_requests(shape, good, given):
    """All that are wrong in one point, and why; also those with one more filter or a page token."""
    yield from misfits(shape, good)
    for name in shape.members.keys() - good.keys():
        for wrong, why in misfits(shape.members[name], full(shape.members[name], given)):
            yield {**good, name: wrong}, f"{name}: {why}"


@pytest.fixture
def given(world):
    """What the good requests name: things that are there."""
    activity = world.working()
    run = world.run
    world.signal()
    arn = world.swf.describe_domain(name=world.domain)["domainInfo"]["arn"]
    return {
        "domain": world.domain,
        "name": world.domain,
        "workflowType": ORDER,
        "activityType": PAY,
        "execution": run,
        **run,
        "resourceArn": arn,
        "activity": activity["taskToken"],
        "decision": world.poll_decision()["taskToken"],
    }


def good_request(operation, given):
    """With all members, but for filters, which exclude each other, and page tokens."""
    shape = MODEL.operation_model(operation).input_shape
    given = {**given, "taskToken": given["decision" if "Decision" in operation else "activity"]}
    match operation:
        case "RegisterDomain":
            given["name"] += " new"
        case "StartWorkflowExecution":
            given["workflowId"] = "new"
        case "RespondDecisionTaskCompleted":
            given["decisions"] = [marker()]
    request = full(shape, given)
    for name in shape.members.keys() - set(shape.required_members):
        if name.endswith("Filter") or name == "nextPageToken":
            del request[name]
    return request | MORE.get(operation, {})


#: A good request that is refused, since it asks for what is there or is not as it should be.
REFUSED = {
    "DeleteActivityType": "TypeNotDeprecatedFault",
    "DeleteWorkflowType": "TypeNotDeprecatedFault",
    "UndeprecateActivityType": "TypeAlreadyExistsFault",
    "UndeprecateWorkflowType": "TypeAlreadyExistsFault",
    "UndeprecateDomain": "DomainAlreadyExistsFault",
}


@pytest.mark.parametrize("operation", MODEL.operation_names)
def test_an_operation(world, given, operation):
    """Required members, "Length Constraints", "Valid Range", "Valid Values" and "Array Members" of
    the API reference."""
    good = good_request(operation, given)
    shape = MODEL.operation_model(operation).input_shape
    before = world.history()
    for request, why in wrong_requests(shape, good, given):
        try:
            with refused(world.swf, "ValidationException"):
                world.swf.unchecked(operation, **request)
        except (AssertionError, pytest.fail.Exception) as failure:
            pytest.fail(f"{operation}, {why}: {failure}")
    assert world.history() == before
    # It was not something else that was wrong.
    if operation in REFUSED:
        with refused(world.swf, REFUSED[operation]):
            world.swf.unchecked(operation, **good)
    else:
        world.swf.unchecked(operation, **good)


@pytest.mark.parametrize("kind", DECISIONS)
def test_a_decision(world, given, kind):
    """Required members, "Length Constraints" and "Valid Values" of the API reference; of the
    decisions that come with an answer, too."""
    good = decision(kind)
    (member,) = good.keys() - {"decisionType"}
    shape = MODEL.shape_for("Decision").members[member]
    attributes = full(shape, given | {"workflowId": "new"})
    before = world.history()
    for wrong, why in misfits(shape, attributes):
        try:
            with refused(world.swf, "ValidationException"):
                world.swf.unchecked(
                    "RespondDecisionTaskCompleted",
                    taskToken=given["decision"],
                    decisions=[{**good, member: wrong}],
                )
        except (AssertionError, pytest.fail.Exception) as failure:
            pytest.fail(f"{kind}, {why}: {failure}")
    assert world.history() == before
    world.swf.unchecked(
        "RespondDecisionTaskCompleted",
        taskToken=given["decision"],
        decisions=[{**good, member: attributes}],
    )
    assert world.history() != before
