"""What goes over the wire, where no client looks: AWS JSON 1.0, as SWF speaks it."""

import json

import pytest
from conforming import MODEL, marker, minimal

pytestmark = pytest.mark.over_http

#: A value of another JSON type than the model's.
OTHERS = {
    "string": ([], {}, True),
    "structure": ("text", 1, []),
    "list": ("text", 1, {}),
    "integer": ("text", [], {}),
    "boolean": ("text", [], {}),
    "timestamp": ([], {}, True),
}


def code_of(answer):
    return json.loads(answer.body)["__type"].partition("#")[2]


def test_an_answer(wire, world):
    """Observed: "Content-Type: application/x-amz-json-1.0", times are seconds since the epoch as
    JSON numbers."""
    run = world.start()
    answer = wire.post("DescribeWorkflowExecution", {"domain": world.domain, "execution": run})
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    info = json.loads(answer.body)["executionInfo"]
    assert info["execution"] == run
    assert abs(info["startTimestamp"] - world.now()) < 60


def test_no_answer(wire, world):
    """Observed: an operation that answers nothing answers 200 with an empty body."""
    world.start()
    signal = {"domain": world.domain, "workflowId": world.run["workflowId"], "signalName": "s"}
    answer = wire.post("SignalWorkflowExecution", signal)
    assert (answer.status, answer.body) == (200, b"")


def test_a_fault_of_the_model(wire):
    """Observed: 400, and "__type" is com.amazonaws.swf.base.model#<Fault>, which the SDKs read
    after the #."""
    answer = wire.post("DescribeDomain", {"name": "nowhere"})
    assert answer.status == 400
    fault = json.loads(answer.body)
    assert fault["__type"] == "com.amazonaws.swf.base.model#UnknownResourceFault"
    assert isinstance(fault["message"], str)


def test_a_request_that_does_not_fit(wire):
    """Observed: validation failures are com.amazon.coral.validate#ValidationException."""
    answer = wire.post("DescribeDomain", {})
    assert answer.status == 400
    fault = json.loads(answer.body)
    assert fault["__type"] == "com.amazon.coral.validate#ValidationException"
    assert "name" in fault["message"]


@pytest.mark.parametrize("body", [b"{", b'{"name": "a",}', b"[]", b'"a"', b"1", b"null", b"\xff"])
def test_a_body_that_is_no_object(wire, body):
    """AWS: what cannot be read as JSON is a SerializationException."""
    answer = wire.post_bytes("DescribeDomain", body)
    assert answer.status == 400
    assert code_of(answer) == "SerializationException"


@pytest.mark.parametrize("operation", MODEL.operation_names)
def test_a_member_of_another_type(wire, world, operation):
    """AWS: a value of another JSON type than the model's is a SerializationException."""
    good = minimal(operation, domain=world.domain)
    for name, member in MODEL.operation_model(operation).input_shape.members.items():
        for other in OTHERS[member.type_name]:
            answer = wire.post(operation, {**good, name: other})
            assert answer.status == 400, (name, other)
            assert code_of(answer) == "SerializationException", (name, other, answer.body)


def test_members_deep_inside(wire, world):
    """AWS: a value of another JSON type than the model's is a SerializationException."""
    world.start()
    task = world.poll_decision()
    for wrong in (
        "text",
        [],
        {"decisionType": 1},
        {"decisionType": "RecordMarker", "recordMarkerDecisionAttributes": "m"},
        {"decisionType": "RecordMarker", "recordMarkerDecisionAttributes": {"markerName": []}},
    ):
        request = {"taskToken": task["taskToken"], "decisions": [marker(), wrong]}
        answer = wire.post("RespondDecisionTaskCompleted", request)
        assert answer.status == 400
        assert code_of(answer) == "SerializationException", wrong
    world.decide(task=task)


@pytest.mark.parametrize("target", ["Nothing", "describeDomain", "DescribeDomain2", ""])
def test_an_unknown_operation(wire, target):
    """AWS: a target that the service does not have is an UnknownOperationException."""
    answer = wire.post(target, {"name": "a"})
    assert code_of(answer) == "UnknownOperationException"
