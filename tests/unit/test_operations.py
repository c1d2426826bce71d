"""The operations, their constraints and their faults, against botocore's service model of SWF."""

import copy
import enum
import json
import pickle
import typing
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType

import msgspec
import pytest
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import StructureShape
from botocore.parsers import JSONParser
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st
from swf_model import MODEL, instances, members_of_model, members_of_struct

from dataflow.errors import DataflowError
from dataflow.protocol import faults
from dataflow.protocol.decisions import DECISION_TYPES, attributes_member, from_wire, to_wire
from dataflow.protocol.faults import (
    FAULTS,
    Fault,
    SerializationException,
    UnknownOperationException,
    UnknownResourceFault,
    ValidationException,
    fault,
)
from dataflow.protocol.operations import METHODS, OPERATIONS, convert, method_name, parse


def input_shape(name):
    return MODEL.operation_model(name).input_shape


# --- structures --------------------------------------------------------------------------


def test_every_operation_is_there():
    assert set(OPERATIONS) == set(MODEL.operation_names)
    assert len(OPERATIONS) == 39


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_has_the_members_of_the_model(name):
    assert members_of_struct(OPERATIONS[name]) == members_of_model(input_shape(name))


@pytest.mark.parametrize("cls", OPERATIONS.values())
def test_what_is_not_required_may_be_left_out(cls):
    for field in msgspec.structs.fields(cls):
        optional = type(None) in typing.get_args(field.type)
        assert field.required is not optional, field.name
        assert optional is (field.default is None), field.name


def test_a_method_is_called_as_botocore_calls_it():
    assert {xform_name(name): name for name in MODEL.operation_names} == METHODS
    assert method_name("CountPendingActivityTasks") == "count_pending_activity_tasks"


# --- right requests ----------------------------------------------------------------------

REQUESTS = st.sampled_from(list(OPERATIONS.values())).flatmap(instances)


@settings(max_examples=400)
@given(REQUESTS)
def test_a_request_comes_in_through_both_doors(operation):
    name = type(operation).__name__
    body = msgspec.json.encode(operation)
    request = json.loads(body)
    assert ParamValidator().validate(request, input_shape(name)).generate_report() == ""
    assert parse(name, body) == operation
    assert convert(name, request) == operation
    assert convert(name, MappingProxyType(request)) == operation


def test_members_of_a_later_version_are_passed_over_on_the_wire():
    body = b'{"domain":"d","taskList":{"name":"l","mood":1},"rating":{"a":[1,2.5,null,"x"]}}'
    wanted = convert("PollForActivityTask", {"domain": "d", "taskList": {"name": "l"}})
    assert parse("PollForActivityTask", body) == wanted


def test_null_stands_for_a_member_that_is_left_out():
    wanted = convert(
        "SignalWorkflowExecution", {"domain": "d", "workflowId": "w", "signalName": "s"}
    )
    body = b'{"domain":"d","workflowId":"w","signalName":"s","runId":null,"input":null}'
    assert parse("SignalWorkflowExecution", body) == wanted
    assert convert("SignalWorkflowExecution", json.loads(body)) == wanted


def test_an_empty_body_is_an_empty_structure():
    with pytest.raises(ValidationException, match="Value null at 'registrationStatus'"):
        parse("ListDomains", b"")


@pytest.mark.parametrize("name", DECISION_TYPES)
@given(data=st.data())
@settings(max_examples=5)
def test_decisions_arrive_as_they_were_made(name, data):
    made = tuple(data.draw(st.lists(instances(DECISION_TYPES[name]), min_size=1, max_size=3)))
    request = {"taskToken": "t", "decisions": [to_wire(decision) for decision in made]}
    assert convert("RespondDecisionTaskCompleted", request).decided() == made
    body = json.dumps(request).encode()
    assert parse("RespondDecisionTaskCompleted", body).decided() == made


@pytest.mark.parametrize("request_", [{}, {"decisions": None}, {"decisions": []}])
def test_there_may_be_no_decisions(request_):
    request = {"taskToken": "t", **request_}
    assert convert("RespondDecisionTaskCompleted", request).decided() == ()
    body = json.dumps(request).encode()
    assert parse("RespondDecisionTaskCompleted", body).decided() == ()


@pytest.mark.parametrize("name", DECISION_TYPES)
def test_attributes_may_be_left_out_where_none_is_required(name):
    wire = {"decisionType": name}
    body = json.dumps({"taskToken": "t", "decisions": [wire]}).encode()
    if MODEL.shape_for(f"{name}DecisionAttributes").required_members:
        with pytest.raises(ValidationException) as refused:
            parse("RespondDecisionTaskCompleted", body)
        where = f"decisions.1.member.{attributes_member(name)}"
        assert f"Value null at '{where}'" in str(refused.value)
    else:
        decided = (DECISION_TYPES[name](),)
        assert parse("RespondDecisionTaskCompleted", body).decided() == decided
        assert from_wire(wire) == decided[0]


# --- wrong requests ----------------------------------------------------------------------


def example(shape):
    """A request with every member, in lists one item (of decisions: one of each type)."""
    match shape.type_name:
        case "structure":
            return {name: example(member) for name, member in shape.members.items()}
        case "list" if shape.name == "DecisionList":
            attributes = {attributes_member(name): name for name in DECISION_TYPES}
            return [
                {"decisionType": name, member: example(shape.member.members[member])}
                for member, name in attributes.items()
            ]
        case "list":
            return [example(shape.member)]
        case "string":
            return shape.enum[0] if shape.enum else "x"
    return {"integer": 1, "boolean": True, "timestamp": 1.5}[shape.type_name]


def places(shape, value, path=()):
    """Everything in the example of a shape: its path, its shape, whether it is required."""
    if isinstance(shape, StructureShape):
        for name in value:
            member = shape.members[name]
            yield (*path, name), member, name in shape.required_members
            yield from places(member, value[name], (*path, name))
    elif shape.type_name == "list":
        for index, item in enumerate(value):
            yield (*path, index), shape.member, True
            yield from places(shape.member, item, (*path, index))


def at(value, path):
    for step in path:
        value = value[step]
    return value


def aws_path(path):
    return ".".join(step if isinstance(step, str) else f"{step + 1}.member" for step in path)


def changed(request, path, value):
    """The request with another value at a place; ``...`` takes it away."""
    request = copy.deepcopy(request)
    if value is ...:
        del at(request, path[:-1])[path[-1]]
    else:
        at(request, path[:-1])[path[-1]] = value
    return request


def breaches(shape, required):
    """Values that break a constraint of a shape, with the words of AWS."""
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    match shape.type_name:
        case "string" if shape.enum:
            values = ", ".join(sorted(shape.enum))
            yield "NO_SUCH", f"Member must satisfy enum value set: [{values}]"
        case "string":
            if least:
                yield "", f"Member must have length greater than or equal to {least}"
            if most:
                yield "y" * (most + 1), f"Member must have length less than or equal to {most}"
        case "integer":
            yield least - 1, f"Member must have value greater than or equal to {least}"
            yield most + 1, f"Member must have value less than or equal to {most}"
        case "list" if most:
            yield ["y"] * (most + 1), f"Member must have length less than or equal to {most}"
    if required:
        yield None, "Member must not be null"


def limits_kept(shape):
    """The longest and shortest values that keep the constraints of a shape."""
    least, most = shape.metadata.get("min", 0), shape.metadata.get("max")
    match shape.type_name:
        case "string" if not shape.enum:
            yield "y" * least
            if most:
                # Characters count, not bytes.
                yield "\N{SNOWMAN}" * most
        case "integer":
            yield from (least, most)
        case "list" if most:
            yield ["y"] * most


def refusals(name, request):
    """What both doors say of a request, as code and message; they must agree."""
    said = []
    for door, argument in ((parse, json.dumps(request).encode()), (convert, request)):
        with pytest.raises(Fault) as refused:
            door(name, argument)
        said.append((refused.value.code, str(refused.value)))
    assert said[0] == said[1]
    return said[0]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_constraint_is_checked_and_named(name):
    shape = input_shape(name)
    right = example(shape)
    convert(name, right)
    for path, member, required in places(shape, right):
        for value, constraint in breaches(member, required):
            code, message = refusals(name, changed(right, path, value))
            shown = (
                "null"
                if value is None
                else f"'[{', '.join(value)}]'"
                if isinstance(value, list)
                else f"'{str(value)[:256]}"
            )
            assert code == "ValidationException"
            assert message.startswith("1 validation error detected: Value ")
            assert f"Value {shown}" in message
            assert f" at '{aws_path(path)}' failed to satisfy constraint: " in message
            assert message.endswith(constraint)
        for value in limits_kept(member):
            request = changed(right, path, value)
            assert parse(name, json.dumps(request).encode()) == convert(name, request)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_missing_member_is_null(name):
    shape = input_shape(name)
    right = example(shape)
    for path, _, required in places(shape, right):
        if not isinstance(path[-1], str):
            continue
        request = changed(right, path, ...)
        attributes = path[-1].endswith("DecisionAttributes")
        if attributes and MODEL.shape_for(path[-1][0].upper() + path[-1][1:]).required_members:
            required = True  # noqa: PLW2901 - the model cannot say it
        if required:
            code, message = refusals(name, request)
            assert code == "ValidationException"
            assert f"Value null at '{aws_path(path)}'" in message
            assert message.endswith("Member must not be null")
        else:
            assert parse(name, json.dumps(request).encode()) == convert(name, request)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_value_of_the_wrong_type_cannot_be_read(name):
    shape = input_shape(name)
    right = example(shape)
    wrong = {
        "string": [5, 1.5, True, [], {}],
        "integer": ["5", 1.5, True, [], {}],
        "boolean": ["true", 1, [], {}],
        "timestamp": ["1.5", True, [], {}],
        "structure": ["x", 5, True, []],
        "list": ["x", 5, True, {}],
    }
    for path, member, _ in places(shape, right):
        for value in wrong[member.type_name]:
            code, message = refusals(name, changed(right, path, value))
            assert code == "SerializationException"
            assert message.endswith(f"(at '{aws_path(path)}')")


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_misspelt_keyword_is_told(name):
    shape = input_shape(name)
    right = example(shape)
    structures = [((), shape), *((path, member) for path, member, _ in places(shape, right))]
    for path, member in structures:
        if not isinstance(member, StructureShape):
            continue
        request = changed(right, (*path, "domian"), "x")
        with pytest.raises(ValidationException) as refused:
            convert(name, request)
        where = "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in path)
        assert str(refused.value) == (
            f'Unknown parameter in {where.removeprefix(".") or "input"}: "domian", '
            f"must be one of: {', '.join(sorted(member.members))}"
        )
        assert parse(name, json.dumps(request).encode()) == convert(name, right)


def test_a_wrong_place_is_found_in_the_middle_of_a_list():
    decisions = [
        {"decisionType": "RecordMarker", "recordMarkerDecisionAttributes": {"markerName": "m"}}
    ] * 3
    decisions[1] = {"decisionType": "BoardRobotTask"}
    code, message = refusals(
        "RespondDecisionTaskCompleted", {"taskToken": "t", "decisions": decisions}
    )
    assert code == "ValidationException"
    assert (
        "Value 'BoardRobotTask' at 'decisions.2.member.decisionType' failed to satisfy" in message
    )


@pytest.mark.parametrize("name", ["listDomains", "ListRobots", "", "Operation"])
def test_an_operation_must_exist(name):
    for door, argument in ((parse, b"{}"), (convert, {})):
        with pytest.raises(UnknownOperationException, match=f"operation: {name}$"):
            door(name, argument)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"null", id="null"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"5", id="a number"),
        pytest.param(b"{", id="cut off"),
        pytest.param(b"registrationStatus=REGISTERED", id="no JSON"),
        pytest.param(b'{"registrationStatus":"REGISTERED"}{}', id="more than one"),
        pytest.param(b'\xef\xbb\xbf{"registrationStatus":"REGISTERED"}', id="a byte order mark"),
        pytest.param(b'{"registrationStatus":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"registrationStatus":"\xed\xa0\x80"}', id="half a surrogate pair in UTF-8"),
        pytest.param(b'{"registrationStatus":"\\udc00"}', id="half a surrogate pair"),
        pytest.param(b'{"registrationStatus":"X",,}', id="malformed behind a wrong value"),
        pytest.param(b'{"registrationStatus":"X","a":"\xff"}', id="not UTF-8 behind a wrong value"),
        pytest.param(b'{"a":' + b"[" * 200_000, id="nested deeply"),
        pytest.param(b'{"registrationStatus":"X","a":' + b"[" * 200_000, id="wrong and nested"),
        pytest.param(b'{"maximumPageSize":1e999}', id="a number that is none"),
        pytest.param(
            b'{"registrationStatus":"X","a":' + b"9" * 5_000 + b"}", id="thousands of digits"
        ),
    ],
)
def test_what_is_no_json_structure_cannot_be_read(body):
    with pytest.raises(SerializationException) as refused:
        parse("ListDomains", body)
    assert str(refused.value)


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


def outcome(door, name, argument):
    """The operation, or the code and the message of the fault."""
    try:
        return door(name, argument)
    except (ValidationException, SerializationException) as refused:
        return refused.code, str(refused)


@settings(max_examples=400)
@given(data=st.data(), name=st.sampled_from(list(OPERATIONS)))
def test_whatever_comes_both_doors_agree(data, name):
    request = example(input_shape(name))
    there = [path for path, _, _ in places(input_shape(name), request)]
    request = changed(request, data.draw(st.sampled_from(there)), data.draw(ANY_JSON))
    python = outcome(convert, name, request)
    wire = outcome(parse, name, json.dumps(request).encode())
    # The wire passes over what the model does not know.
    assert wire == python or "Unknown parameter" in python[1]


@given(
    st.sampled_from(list(OPERATIONS)), st.binary() | ANY_JSON.map(lambda x: json.dumps(x).encode())
)
def test_any_bytes_are_read_or_refused(name, body):
    try:
        assert type(parse(name, body)) is OPERATIONS[name]
    except (ValidationException, SerializationException) as refused:
        json.dumps(refused.response).encode()


# --- what only Python callers can do -----------------------------------------------------

OPEN = "CountOpenWorkflowExecutions"


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (datetime(2026, 8, 1, tzinfo=UTC), 1785542400.0),
        (datetime(2026, 8, 1, 2, tzinfo=timezone(timedelta(hours=2))), 1785542400.0),
        (datetime(2026, 8, 1, microsecond=250_000, tzinfo=UTC), 1785542400.25),
        (1785542400, 1785542400.0),
        (1785542400.25, 1785542400.25),
    ],
)
def test_a_time_may_be_a_datetime_or_seconds(time, seconds):
    request = {"domain": "d", "startTimeFilter": {"oldestDate": 0, "latestDate": time}}
    found = convert(OPEN, request).start_time_filter
    assert (found.oldest_date, found.latest_date) == (0.0, seconds)
    assert request["startTimeFilter"] == {"oldestDate": 0, "latestDate": time}
    both = {name: {"oldestDate": time} for name in ("startTimeFilter", "closeTimeFilter")}
    closed = convert("ListClosedWorkflowExecutions", {"domain": "d", **both})
    assert closed.close_time_filter == closed.start_time_filter
    assert closed.close_time_filter.oldest_date == seconds


def test_a_datetime_without_zone_is_local_as_for_botocore():
    local = datetime(2026, 8, 1)  # noqa: DTZ001 - that is the point
    request = {"domain": "d", "startTimeFilter": {"oldestDate": local}}
    assert convert(OPEN, request).start_time_filter.oldest_date == local.timestamp()


@pytest.mark.parametrize(
    "time",
    [float("nan"), float("inf"), datetime(1, 1, 1)],  # noqa: DTZ001 - too early in any zone
    ids=["nan", "inf", "the year 1"],
)
def test_what_is_no_time_is_refused(time):
    with pytest.raises(ValidationException, match=r"'startTimeFilter\.oldestDate' failed"):
        convert(OPEN, {"domain": "d", "startTimeFilter": {"oldestDate": time}})


class Text(str):
    __slots__ = ()


class Policy(enum.StrEnum):
    TERMINATE = "TERMINATE"


def test_odd_kinds_of_strings_become_strings():
    request = {
        "domain": Text("d"),
        "workflowId": "w",
        "workflowType": {"name": Text("n"), "version": "1"},
        "childPolicy": Policy.TERMINATE,
        "tagList": {Text("t")},
    }
    operation = convert("StartWorkflowExecution", request)
    assert {type(operation.domain), type(operation.workflow_type.name)} == {str}
    assert parse("StartWorkflowExecution", msgspec.json.encode(operation)) == operation
    assert operation.tag_list == ("t",)
    assert operation.child_policy == "TERMINATE"


@pytest.mark.parametrize("kind", [str, Text])
def test_half_a_surrogate_pair_is_refused(kind):
    with pytest.raises(SerializationException, match="surrogates not allowed"):
        convert("RespondActivityTaskCompleted", {"taskToken": "t", "result": kind("\ud800")})


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"taskToken": b"t"}, "BYTES_VALUE can not be converted to a String (at 'taskToken')"),
        ({"taskToken": "t", "result": "\ud800" * 40_000}, "Member must have length less than"),
        ({1: "t"}, "Expected `str`"),
    ],
)
def test_other_values_of_python_are_refused(request_, said):
    with pytest.raises(Fault) as refused:
        convert("RespondActivityTaskCompleted", request_)
    assert said in str(refused.value)
    json.dumps(refused.value.response, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    "size", [10**30, -(10**30), 10**5_000], ids=["long", "negative", "longest"]
)
def test_a_number_may_be_of_any_length(size):
    with pytest.raises(ValidationException, match="at 'maximumPageSize' failed"):
        convert("ListDomains", {"registrationStatus": "REGISTERED", "maximumPageSize": size})


def test_a_refusal_changes_nothing_in_the_request():
    request = {"domain": "d", "taskList": {"name": "l", "x": 1}}
    before = copy.deepcopy(request)
    with pytest.raises(ValidationException):
        convert("PollForActivityTask", request)
    assert request == before


# --- faults ------------------------------------------------------------------------------

MODELLED = {
    name
    for name in MODEL.shape_names
    if isinstance(MODEL.shape_for(name), StructureShape)
    and MODEL.shape_for(name).metadata.get("exception")
}


def test_every_fault_of_the_model_is_there():
    assert len(MODELLED) == 11
    ours = {name for name, cls in FAULTS.items() if cls.namespace == UnknownResourceFault.namespace}
    assert ours == MODELLED


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_faults_of_an_operation_are_there(name):
    assert {shape.name for shape in MODEL.operation_model(name).error_shapes} <= FAULTS.keys()


def test_every_fault_is_found_by_its_code():
    assert {cls.__name__: cls for cls in Fault.__subclasses__()} == FAULTS
    assert all(getattr(faults, name) is cls for name, cls in FAULTS.items())
    assert issubclass(Fault, DataflowError)


@pytest.mark.parametrize("cls", FAULTS.values())
def test_botocore_reads_a_fault(cls):
    sent = cls("Unknown domain: d")
    answer = {
        "body": json.dumps({"__type": sent.wire_type, "message": sent.message}).encode(),
        "headers": {},
        "status_code": sent.status,
    }
    error = ClientError(JSONParser().parse(answer, None), "ListDomains")
    assert error.response["Error"] == sent.response["Error"]
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status == sent.response["ResponseMetadata"]["HTTPStatusCode"]
    received = fault(error.response["Error"]["Code"], error.response["Error"]["Message"])
    assert type(received) is cls
    assert received.response == sent.response


@pytest.mark.parametrize(
    ("code", "status", "namespace"),
    [
        ("UnknownResourceFault", 400, "com.amazonaws.swf.base.model"),
        ("ValidationException", 400, "com.amazon.coral.validate"),
        ("AccessDeniedException", 400, "com.amazon.coral.service"),
        ("RequestTimeoutException", 408, "com.amazon.coral.service"),
        ("RequestEntityTooLargeException", 413, "com.amazon.coral.service"),
        ("InternalFailure", 500, "com.amazon.coral.service"),
        ("ServiceUnavailable", 503, "com.amazon.coral.service"),
    ],
)
def test_the_status_and_the_type_of_a_fault(code, status, namespace):
    answer = fault(code, "so it is")
    assert type(answer) is FAULTS[code]
    assert (answer.code, answer.message, answer.status) == (code, "so it is", status)
    assert answer.wire_type == f"{namespace}#{code}"
    assert fault(answer.wire_type).code == code


def test_a_fault_that_has_no_class_is_read():
    answer = fault("com.amazon.coral.service#RobotOnStrike:http://a.b/c", "Tuesdays", 502)
    assert type(answer) is Fault
    assert str(answer) == "Tuesdays"
    assert answer.wire_type == "com.amazon.coral.service#RobotOnStrike"
    assert answer.response == {
        "Error": {"Code": "RobotOnStrike", "Message": "Tuesdays"},
        "ResponseMetadata": {"HTTPStatusCode": 502},
    }
    assert fault("UnknownResourceFault", "").status == 400


def test_a_fault_without_a_message_says_its_name():
    assert (
        str(fault("WorkflowExecutionAlreadyStartedFault")) == "WorkflowExecutionAlreadyStartedFault"
    )
    assert fault("WorkflowExecutionAlreadyStartedFault").message == ""


@pytest.mark.parametrize("code", ["UnknownResourceFault", "RobotOnStrike"])
def test_a_fault_survives_pickling(code):
    sent = fault(code, "so it is", 418)
    received = pickle.loads(pickle.dumps(sent))  # noqa: S301 - our own
    assert type(received) is type(sent)
    assert (received.response, str(received)) == (sent.response, str(sent))
