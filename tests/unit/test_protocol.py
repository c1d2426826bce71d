"""The vocabulary against botocore's service model of SWF, which is its specification."""

import json
import typing
from datetime import UTC, datetime

import msgspec
import pytest
from botocore.loaders import Loader
from botocore.model import ListShape, ServiceModel, StringShape, StructureShape
from botocore.parsers import JSONParser
from botocore.validate import ParamValidator
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.protocol import decisions, events, faults, limits, names, values
from dataflow.protocol.decisions import CLOSING_DECISIONS, DECISION_TYPES
from dataflow.protocol.events import EVENT_TYPES, Event, UnknownEvent

MODEL = ServiceModel(Loader().load_service_model("swf", "service-2"), "swf")
VALUES = [
    values.ActivityType,
    values.WorkflowType,
    values.TaskList,
    values.WorkflowExecution,
]


def annotation(shape):
    """How a shape of the model is written as a type here."""
    match shape:
        case StringShape(enum=[_, *_]):
            return getattr(names, shape.name)
        case StructureShape():
            return getattr(values, shape.name)
        case ListShape():
            return tuple[annotation(shape.member), ...]
    return {"string": str, "long": int}[shape.type_name]


def members_of_model(shape):
    """Each member, with its type; None is added to a type that is not required."""
    return {
        name: annotation(member) if name in shape.required_members else annotation(member) | None
        for name, member in shape.members.items()
    }


def members_of_struct(cls):
    return {field.encode_name: field.type for field in msgspec.structs.fields(cls)}


def enumerations(shape, seen=frozenset()):
    """The names of all enumerations within a shape."""
    if shape.name in seen:
        return set()
    match shape:
        case StringShape(enum=[_, *_]):
            return {shape.name}
        case StructureShape():
            parts = shape.members.values()
        case ListShape():
            parts = [shape.member]
        case _:
            parts = []
    return set().union(*(enumerations(part, seen | {shape.name}) for part in parts))


# --- structures --------------------------------------------------------------------------


def test_every_event_type_is_there():
    assert set(EVENT_TYPES) == set(MODEL.shape_for("EventType").enum)
    assert len(EVENT_TYPES) == 54


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_an_event_has_the_members_of_the_model(name):
    shape = MODEL.shape_for("HistoryEvent").members[events.attributes_member(name)]
    assert members_of_struct(EVENT_TYPES[name]) == members_of_model(shape)


def test_every_decision_type_is_there():
    assert set(DECISION_TYPES) == set(MODEL.shape_for("DecisionType").enum)
    assert len(DECISION_TYPES) == 13


@pytest.mark.parametrize("name", DECISION_TYPES)
def test_a_decision_has_the_members_of_the_model(name):
    shape = MODEL.shape_for("Decision").members[decisions.attributes_member(name)]
    assert members_of_struct(DECISION_TYPES[name]) == members_of_model(shape)


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

ENUMERATIONS = sorted(name for name in vars(names) if name.endswith(("Cause", "Type", "Policy")))


@pytest.mark.parametrize("name", [*ENUMERATIONS, "CloseStatus", "ExecutionStatus"])
def test_an_enumeration_has_the_values_of_the_model(name):
    assert set(typing.get_args(getattr(names, name))) == set(MODEL.shape_for(name).enum)


def test_every_enumeration_of_events_and_decisions_is_there():
    roots = [MODEL.shape_for("HistoryEvent"), MODEL.shape_for("Decision")]
    model = set().union(*map(enumerations, roots))
    assert set(ENUMERATIONS) == model - {"EventType", "DecisionType"}


def test_the_closing_decisions_are_those_that_an_unseen_event_can_refuse():
    refusable = {
        name
        for name in DECISION_TYPES
        if (cause := names.__dict__.get(f"{name}FailedCause")) is not None
        and "UNHANDLED_DECISION" in typing.get_args(cause)
    }
    assert {cls.__name__ for cls in CLOSING_DECISIONS} == refusable


def test_a_fault_bears_the_name_that_the_model_gives_it():
    ours = {cls.__name__ for cls in faults.Fault.__subclasses__()}
    modelled = {name for name in MODEL.shape_names if name.endswith("Fault")}
    # The model does not name the fault that the service gives to malformed requests.
    assert ours - {"ValidationException"} <= modelled


@pytest.mark.parametrize(
    ("limit", "shapes"),
    [
        (limits.ID_LENGTH, ["ActivityId", "TimerId", "WorkflowId"]),
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


def instances(annotated):
    """Values of an annotation, in the lengths that the model allows."""
    if isinstance(annotated, type) and issubclass(annotated, msgspec.Struct):
        fields = msgspec.structs.fields(annotated)
        return st.builds(annotated, **{field.name: instances(field.type) for field in fields})
    if typing.get_origin(annotated) is typing.Literal:
        return st.sampled_from(typing.get_args(annotated))
    if typing.get_origin(annotated) is tuple:
        return st.lists(st.text(), max_size=limits.TAGS).map(tuple)
    if parts := typing.get_args(annotated):
        return st.one_of(map(instances, parts))
    return {
        str: st.text(min_size=1, max_size=8),
        int: st.integers(0, 25_000),
        type(None): st.none(),
    }[annotated]


HISTORY_EVENTS = st.builds(
    Event,
    st.integers(1, 25_000),
    st.integers(0, 4_000_000_000_000).map(lambda ms: ms / 1_000),
    st.sampled_from(list(EVENT_TYPES.values())).flatmap(instances),
)


def complaints(shape, wire):
    """What botocore has against a value; nothing, if it is as the model says."""
    return ParamValidator().validate(wire, MODEL.shape_for(shape)).generate_report()


@settings(max_examples=400)
@given(HISTORY_EVENTS)
def test_an_event_survives_the_wire(event):
    wire = events.to_wire(event)
    assert complaints("HistoryEvent", wire) == ""
    assert events.from_wire(json.loads(json.dumps(wire))) == event


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


def test_a_member_of_a_later_version_of_swf_is_passed_over():
    attributes = {"timerId": "t", "startedEventId": 5, "mood": "fine"}
    wire = {"eventId": 7, "eventTimestamp": 0, "eventType": "TimerFired"}
    event = events.from_wire({**wire, "timerFiredEventAttributes": attributes})
    assert event.attributes == events.TimerFired(timer_id="t", started_event_id=5)


@pytest.mark.parametrize(
    "attributes",
    [
        pytest.param({"timerId": "t"}, id="a required member is missing"),
        pytest.param({"timerId": "t", "startedEventId": "5"}, id="a number in quotes"),
        pytest.param({"timerId": None, "startedEventId": 5}, id="null"),
    ],
)
def test_wrong_members_are_refused(attributes):
    wire = {"eventId": 7, "eventTimestamp": 0, "eventType": "TimerFired"}
    with pytest.raises(msgspec.ValidationError):
        events.from_wire({**wire, "timerFiredEventAttributes": attributes})


def test_an_unknown_decision_type_is_refused():
    with pytest.raises(KeyError, match="BoardRobotTask"):
        decisions.from_wire({"decisionType": "BoardRobotTask"})
