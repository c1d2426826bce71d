"""The vocabulary against botocore's service model of SWF, which is its specification."""

import json
import typing
from datetime import UTC, datetime

import msgspec
import pytest
from botocore.parsers import JSONParser
from hypothesis import given, settings
from hypothesis import strategies as st
from swf_model import MODEL, complaints, instances, members_of_model, members_of_struct

from dataflow.protocol import decisions, events, limits, names, values
from dataflow.protocol.decisions import CLOSING_DECISIONS, DECISION_TYPES
from dataflow.protocol.events import EVENT_TYPES, Event, UnknownEvent

VALUES = values.Value.__subclasses__()
VALUES = [cls for cls in VALUES if cls.__module__ == values.__name__]


# --- structures --------------------------------------------------------------------------


def test_every_event_type_is_there():
    assert set(EVENT_TYPES) == set(MODEL.shape_for("EventType").enum)
    assert len(EVENT_TYPES) == 54


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_an_event_has_the_members_of_the_model(name):
    shape = MODEL.shape_for("HistoryEvent").members[events.attributes_member(name)]
    # No lengths: events are checked before they are written, and are read quickly.
    assert members_of_struct(EVENT_TYPES[name]) == members_of_model(shape, constrained=False)


def test_every_decision_type_is_there():
    assert set(DECISION_TYPES) == set(MODEL.shape_for("DecisionType").enum)
    assert len(DECISION_TYPES) == 13


@pytest.mark.parametrize("name", DECISION_TYPES)
def test_a_decision_has_the_members_of_the_model(name):
    shape = MODEL.shape_for("Decision").members[decisions.attributes_member(name)]
    assert members_of_struct(DECISION_TYPES[name]) == members_of_model(shape)


def test_a_decision_on_the_wire_has_the_members_of_the_model():
    ours = members_of_struct(decisions.WireDecision)
    model = MODEL.shape_for("Decision")
    assert ours.pop("decisionType") is names.DecisionType
    assert model.required_members == ["decisionType"]
    assert ours == {
        decisions.attributes_member(name): cls | None for name, cls in DECISION_TYPES.items()
    }
    assert ours.keys() == model.members.keys() - {"decisionType"}


@pytest.mark.parametrize("cls", VALUES)
def test_a_small_structure_has_the_members_of_the_model(cls):
    assert members_of_struct(cls) == members_of_model(MODEL.shape_for(cls.__name__))


@pytest.mark.parametrize("cls", [*EVENT_TYPES.values(), *DECISION_TYPES.values(), *VALUES])
def test_what_is_not_required_may_be_left_out(cls):
    for field in msgspec.structs.fields(cls):
        optional = type(None) in typing.get_args(field.type)
        assert field.required is not optional, field.name
        assert optional is (field.default is None), field.name


# --- enumerations, faults, limits --------------------------------------------------------

ENUMERATIONS = sorted(name for name in vars(names) if name[0].isupper() and name != "Literal")


@pytest.mark.parametrize("name", ENUMERATIONS)
def test_an_enumeration_has_the_values_of_the_model(name):
    assert set(typing.get_args(getattr(names, name))) == set(MODEL.shape_for(name).enum)


def test_every_enumeration_is_there():
    model = {name for name in MODEL.shape_names if getattr(MODEL.shape_for(name), "enum", None)}
    # The types of events are the classes in ``events``.
    assert set(ENUMERATIONS) == model - {"EventType"}


def test_the_closing_decisions_are_those_that_an_unseen_event_can_refuse():
    refusable = {
        name
        for name in DECISION_TYPES
        if (cause := names.__dict__.get(f"{name}FailedCause")) is not None
        and "UNHANDLED_DECISION" in typing.get_args(cause)
    }
    assert {cls.__name__ for cls in CLOSING_DECISIONS} == refusable


@pytest.mark.parametrize(
    ("limit", "shapes"),
    [
        (limits.ID_LENGTH, ["ActivityId", "TimerId", "WorkflowId", "Name", "DomainName"]),
        (limits.VERSION_LENGTH, ["Version", "VersionOptional"]),
        (limits.RUN_ID_LENGTH, ["WorkflowRunId", "WorkflowRunIdOptional"]),
        (limits.FUNCTION_NAME_LENGTH, ["FunctionName"]),
        (limits.IDENTITY_LENGTH, ["Identity"]),
        (limits.DESCRIPTION_LENGTH, ["Description"]),
        (limits.ARN_LENGTH, ["Arn"]),
        (limits.TASK_TOKEN_LENGTH, ["TaskToken"]),
        (limits.PAGE_TOKEN_LENGTH, ["PageToken"]),
        (limits.PAGE_SIZE, ["PageSize"]),
        (limits.TAG_LENGTH, ["Tag", "ResourceTagValue"]),
        (limits.TAG_KEY_LENGTH, ["ResourceTagKey"]),
        (limits.DURATION_DIGITS, ["DurationInSeconds", "DurationInDays"]),
        (limits.REASON_LENGTH, ["FailureReason", "TerminateReason"]),
        (limits.DATA_LENGTH, ["Data"]),
        (limits.SWF_LIMITS.data_length, ["Data"]),
        (limits.HEARTBEAT_DETAILS_LENGTH, ["LimitedData"]),
        (limits.TAGS, ["TagList"]),
        (len(str(limits.DURATION_SECONDS)), ["DurationInSeconds", "DurationInSecondsOptional"]),
    ],
)
def test_a_limit_is_that_of_the_model(limit, shapes):
    assert {MODEL.shape_for(shape).metadata["max"] for shape in shapes} == {limit}


def test_a_longer_duration_does_not_fit():
    longer = str(limits.DURATION_SECONDS + 1)
    assert len(longer) > MODEL.shape_for("DurationInSeconds").metadata["max"]


@pytest.mark.parametrize(
    ("duration", "expected"),
    [("0", 0), ("90", 90), ("99999999", 99_999_999), ("NONE", None), ("", None), (None, None)],
)
def test_seconds(duration, expected):
    assert values.seconds(duration) == expected


# --- the wire ----------------------------------------------------------------------------


HISTORY_EVENTS = st.builds(
    Event,
    st.integers(1, 25_000),
    st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1_000),
    st.sampled_from(list(EVENT_TYPES.values())).flatmap(instances),
)


@settings(max_examples=400)
@given(HISTORY_EVENTS)
def test_an_event_survives_the_wire(event):
    wire = events.to_wire(event)
    assert complaints("HistoryEvent", wire) == ""
    assert events.from_wire(json.loads(json.dumps(wire))) == event


@settings(max_examples=400)
@given(HISTORY_EVENTS)
def test_an_event_survives_the_store(event):
    text = events.encode(event)
    assert json.loads(text) == json.loads(json.dumps(events.to_wire(event)))
    assert events.decode(text) == event
    # From other writers of JSON, too.
    assert events.decode(json.dumps(events.to_wire(event), indent=1).encode()) == event


@pytest.mark.parametrize("name", EVENT_TYPES)
@given(data=st.data())
@settings(max_examples=5)
def test_each_type_survives_the_wire_the_store_and_botocore(name, data):
    event = Event(7, 1786560427.599, data.draw(instances(EVENT_TYPES[name])))
    text = events.encode(event)
    assert events.decode(text) == event
    assert events.from_wire(json.loads(text)) == event
    parsed = JSONParser().parse(
        {"body": b'{"events": [%s]}' % text, "headers": {}, "status_code": 200},
        MODEL.shape_for("History"),
    )
    assert events.from_wire(parsed["events"][0]) == event
    assert complaints("HistoryEvent", json.loads(text)) == ""


@settings(max_examples=200)
@given(HISTORY_EVENTS)
def test_an_event_is_read_as_botocore_parses_it(event):
    answer = {"body": json.dumps({"events": [events.to_wire(event)]}).encode(), "headers": {}}
    parsed = JSONParser().parse({**answer, "status_code": 200}, MODEL.shape_for("History"))
    assert isinstance(parsed["events"][0]["eventTimestamp"], datetime)
    assert events.from_wire(parsed["events"][0]) == event


@settings(max_examples=200)
@given(st.sampled_from(list(DECISION_TYPES.values())).flatmap(instances))
def test_a_decision_survives_the_wire(decision):
    wire = decisions.to_wire(decision)
    assert complaints("Decision", wire) == ""
    assert decisions.from_wire(json.loads(json.dumps(wire))) == decision


def test_the_wire_form_of_an_event():
    event = Event(7, 1.5, events.TimerFired(timer_id="t", started_event_id=5))
    assert events.to_wire(event) == {
        "eventId": 7,
        "eventTimestamp": 1.5,
        "eventType": "TimerFired",
        "timerFiredEventAttributes": {"timerId": "t", "startedEventId": 5},
    }


def test_the_wire_form_of_a_decision():
    decision = decisions.StartTimer(timer_id="t", start_to_fire_timeout="5")
    assert decisions.to_wire(decision) == {
        "decisionType": "StartTimer",
        "startTimerDecisionAttributes": {"timerId": "t", "startToFireTimeout": "5"},
    }


def test_a_decision_without_attributes_may_leave_their_structure_out():
    wire = {"decisionType": "CompleteWorkflowExecution"}
    assert decisions.from_wire(wire) == decisions.CompleteWorkflowExecution()


def test_an_event_of_a_later_version_of_swf_stays_readable():
    time = datetime(2030, 1, 1, tzinfo=UTC)
    wire = {"eventId": 3, "eventTimestamp": time, "eventType": "RobotTaskBoarded"}
    event = events.from_wire({**wire, "robotTaskBoardedEventAttributes": {"robot": "r2"}})
    assert event == Event(3, time.timestamp(), UnknownEvent(event_type="RobotTaskBoarded"))
    assert event.event_type == "RobotTaskBoarded"
    assert events.to_wire(event) == {**wire, "eventTimestamp": time.timestamp()}
    assert events.decode(events.encode(event)) == event


def test_a_member_of_a_later_version_of_swf_is_passed_over():
    attributes = {"timerId": "t", "startedEventId": 5, "mood": "fine"}
    wire = {"eventId": 7, "eventTimestamp": 0, "eventType": "TimerFired"}
    wire = {**wire, "timerFiredEventAttributes": attributes, "rating": 5}
    event = Event(7, 0, events.TimerFired(timer_id="t", started_event_id=5))
    assert events.from_wire(wire) == event
    assert events.decode(json.dumps(wire).encode()) == event


ENUMERATED = [
    (name, field.encode_name)
    for name, cls in EVENT_TYPES.items()
    for field in msgspec.structs.fields(cls)
    if typing.Literal in map(typing.get_origin, (field.type, *typing.get_args(field.type)))
]


@pytest.mark.parametrize(("name", "member"), ENUMERATED)
@given(data=st.data())
@settings(max_examples=5)
def test_a_value_of_a_later_version_of_swf_is_kept(name, member, data):
    event = Event(7, 1.5, data.draw(instances(EVENT_TYPES[name])))
    wire = events.to_wire(event)
    wire[events.attributes_member(name)][member] = "ROBOT_TIRED"
    for read in (events.from_wire(wire), events.decode(json.dumps(wire).encode())):
        assert type(read.attributes) is EVENT_TYPES[name]
        assert events.to_wire(read) == wire
        assert events.decode(events.encode(read)) == read


def without(wire, name):
    return {member: value for member, value in wire.items() if member != name}


FIRED = {
    "eventId": 7,
    "eventTimestamp": 0,
    "eventType": "TimerFired",
    "timerFiredEventAttributes": {"timerId": "t", "startedEventId": 5},
}


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param({}, id="nothing"),
        pytest.param(without(FIRED, "eventId"), id="no id"),
        pytest.param(without(FIRED, "eventTimestamp"), id="no time"),
        pytest.param(without(FIRED, "eventType"), id="no type"),
        pytest.param(without(FIRED, "timerFiredEventAttributes"), id="no attributes"),
        pytest.param({**FIRED, "eventId": "7"}, id="an id in quotes"),
        pytest.param({**FIRED, "eventTimestamp": "now"}, id="a time in words"),
        pytest.param({**FIRED, "eventType": 5}, id="a type that is a number"),
        pytest.param({**FIRED, "timerFiredEventAttributes": "t"}, id="no structure"),
        *(
            pytest.param({**FIRED, "timerFiredEventAttributes": attributes}, id=name)
            for name, attributes in {
                "a required member is missing": {"timerId": "t"},
                "a number in quotes": {"timerId": "t", "startedEventId": "5"},
                "null": {"timerId": None, "startedEventId": 5},
            }.items()
        ),
        pytest.param(
            {
                "eventId": 7,
                "eventTimestamp": 0,
                "eventType": "StartTimerFailed",
                "startTimerFailedEventAttributes": {"cause": "ROBOT_TIRED"},
            },
            id="an unknown cause, and a required member is missing",
        ),
    ],
)
def test_what_is_not_an_event_is_refused(wire):
    with pytest.raises(msgspec.ValidationError):
        events.from_wire(wire)
    with pytest.raises(msgspec.ValidationError):
        events.decode(json.dumps(wire).encode())


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"null", b'{"eventType": "\xff"}'])
def test_what_is_not_an_event_of_json_is_refused(text):
    with pytest.raises(msgspec.DecodeError):
        events.decode(text)


def test_an_event_without_attributes_may_leave_their_structure_out():
    text = b'{"eventId":7,"eventTimestamp":0,"eventType":"WorkflowExecutionCancelRequested"}'
    assert events.decode(text) == Event(7, 0, events.WorkflowExecutionCancelRequested())


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"decisionType": "BoardRobotTask"}, id="an unknown type"),
        pytest.param({"decisionType": "StartTimer"}, id="attributes are missing"),
        pytest.param(
            {"decisionType": "StartTimer", "cancelTimerDecisionAttributes": {"timerId": "t"}},
            id="the attributes of another type",
        ),
        pytest.param(
            {"decisionType": "CancelTimer", "cancelTimerDecisionAttributes": {"timerId": ""}},
            id="too short",
        ),
    ],
)
def test_a_wrong_decision_is_refused(wire):
    with pytest.raises(msgspec.ValidationError):
        decisions.from_wire(wire)
