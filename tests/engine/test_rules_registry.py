"""Registered types: how they come and go, and what the rules are told of them."""

import pytest
from one_domain import NEEDED, ORDER, PARCEL, start_child, story
from one_execution import PAY, WORKERS, schedule

from dataflow.engine.rules.registry import (
    ActivityDefaults,
    EveryType,
    RegisteredType,
    TypeRegistry,
    Types,
    WorkflowDefaults,
)
from dataflow.protocol.faults import (
    LimitExceededFault,
    TypeAlreadyExistsFault,
    TypeDeprecatedFault,
    TypeNotDeprecatedFault,
    UnknownResourceFault,
    ValidationException,
)
from dataflow.protocol.operations import RegisterActivityType, RegisterWorkflowType

NOW = 1_000.0


@pytest.fixture
def types():
    return Types("ActivityType")


def pay(version="1", name="pay", **settings):
    return RegisterActivityType("d", name, version, **settings)


# --- the states of a type ----------------------------------------------------------------

ACTIONS = {
    "register": lambda types: types.register(pay(), NOW),
    "deprecate": lambda types: types.deprecate("pay", "1", NOW),
    "undeprecate": lambda types: types.undeprecate("pay", "1"),
    "delete": lambda types: types.delete("pay", "1"),
}


def state(types):
    found = types.get("pay", "1")
    if found is None:
        return "unknown"
    return "registered" if found.deprecated is None else "deprecated"


#: What leads to each state.
PATHS = {
    "unknown": [],
    "registered": ["register"],
    "deprecated": ["register", "deprecate"],
}
#: "You may get this fault if you are registering a type that is either already registered or
#: deprecated, or if you undeprecate a type that is currently registered." (TypeAlreadyExistsFault)
#: "Returned when the specified activity or workflow type was already deprecated."
#: (TypeDeprecatedFault) "Prior to deletion, activity types must first be deprecated."
#: (DeleteActivityType)
TRANSITIONS = {
    ("unknown", "register"): "registered",
    ("unknown", "deprecate"): UnknownResourceFault,
    ("unknown", "undeprecate"): UnknownResourceFault,
    ("unknown", "delete"): UnknownResourceFault,
    ("registered", "register"): TypeAlreadyExistsFault,
    ("registered", "deprecate"): "deprecated",
    ("registered", "undeprecate"): TypeAlreadyExistsFault,
    ("registered", "delete"): TypeNotDeprecatedFault,
    ("deprecated", "register"): TypeAlreadyExistsFault,
    ("deprecated", "deprecate"): TypeDeprecatedFault,
    ("deprecated", "undeprecate"): "registered",
    ("deprecated", "delete"): "unknown",
}


@pytest.mark.parametrize(("before", "action"), TRANSITIONS)
def test_the_states_of_a_type(types, before, action):
    for step in PATHS[before]:
        ACTIONS[step](types)
    assert state(types) == before
    after = TRANSITIONS[before, action]
    if isinstance(after, str):
        ACTIONS[action](types)
        assert state(types) == after
    else:
        with pytest.raises(after):
            ACTIONS[action](types)
        assert state(types) == before


MESSAGES = {
    ("unknown", "deprecate"): r"^Unknown type: ActivityType=\[name=pay, version=1\]$",
    ("registered", "register"): r"^ActivityType=\[name=pay, version=1\]$",
    ("registered", "delete"): (
        "^The type is currently registered and cannot be deleted in its current state$"
    ),
    ("deprecated", "deprecate"): r"^ActivityType=\[name=pay, version=1\]$",
}


@pytest.mark.parametrize(("before", "action"), MESSAGES)
def test_the_words_of_amazon(types, before, action):
    for step in PATHS[before]:
        ACTIONS[step](types)
    with pytest.raises(TRANSITIONS[before, action], match=MESSAGES[before, action]):
        ACTIONS[action](types)


def test_a_type_knows_since_when(types):
    """The date and time when the type was created; if deprecated, when. (ActivityTypeInfo)"""
    found = types.register(pay(), NOW)
    assert (found.created, found.deprecated) == (NOW, None)
    assert types.deprecate("pay", "1", NOW + 5) is found
    assert (found.created, found.deprecated) == (NOW, NOW + 5)
    assert types.undeprecate("pay", "1") is found
    assert found.deprecated is None


def test_a_deleted_type_may_be_registered_anew(types):
    """Silent in the documentation."""
    for action in ("register", "deprecate", "delete"):
        ACTIONS[action](types)
    again = pay(description="another")
    assert types.register(again, NOW + 9).registration is again
    assert types.known("pay", "1").created == NOW + 9


def test_types_are_told_apart_by_name_and_version(types):
    """The combination of name and version must be unique within the domain.
    (RegisterActivityType)"""
    for name, version in [("pay", "2"), ("pay", "1"), ("ask", "3"), ("pay", "10")]:
        types.register(pay(version, name), NOW)
    types.deprecate("pay", "1", NOW)
    assert types.known("pay", "2").deprecated is None
    names = [(t.registration.name, t.registration.version) for t in types.all()]
    assert names == [("ask", "3"), ("pay", "1"), ("pay", "10"), ("pay", "2")]
    assert len(types) == 4


def test_a_type_that_was_registered_before_is_taken_in(types):
    types.add(RegisteredType(pay(), NOW, NOW + 1))
    assert state(types) == "deprecated"
    with pytest.raises(TypeAlreadyExistsFault):
        types.register(pay(), NOW)


WRONG = {
    "a name": pay(name="a:b"),
    "a version": pay("1/2"),
    "a duration": pay(default_task_heartbeat_timeout="soon"),
    "a priority": pay(default_task_priority="high"),
}


@pytest.mark.parametrize("registration", WRONG.values(), ids=WRONG)
def test_what_breaks_a_rule_is_not_registered(types, registration):
    """The specified string must not contain a : (colon), / (slash), | (vertical bar), or any
    control characters. (RegisterActivityType, name)"""
    with pytest.raises(ValidationException):
        types.register(registration, NOW)
    assert len(types) == 0


def test_at_most_so_many_types_are_registered(types):
    """Maximum workflow and activity types: 10,000 each per domain. Including deprecated ones.
    (Developer Guide, Quotas)"""
    types.register(pay("1"), NOW, limit=2)
    types.register(pay("2"), NOW, limit=2)
    types.deprecate("pay", "2", NOW)
    with pytest.raises(LimitExceededFault):
        types.register(pay("3"), NOW, limit=2)
    with pytest.raises(TypeAlreadyExistsFault):
        types.register(pay("2"), NOW, limit=2)
    types.delete("pay", "2")
    types.register(pay("3"), NOW, limit=2)


# --- what the rules are told -------------------------------------------------------------


def test_the_defaults_of_an_activity_type():
    registry = TypeRegistry()
    registration = pay(
        default_task_list=WORKERS,
        default_task_priority="5",
        default_task_schedule_to_start_timeout="10",
        default_task_schedule_to_close_timeout="20",
        default_task_start_to_close_timeout="30",
        default_task_heartbeat_timeout="40",
    )
    registry.activities.register(registration, NOW)
    defaults = ActivityDefaults(
        task_list=WORKERS,
        task_priority="5",
        schedule_to_start_timeout="10",
        schedule_to_close_timeout="20",
        start_to_close_timeout="30",
        heartbeat_timeout="40",
    )
    assert registry.activity_type(PAY) == defaults
    registry.activities.deprecate("pay", "1", NOW)
    assert registry.activity_type(PAY).deprecated
    registry.activities.delete("pay", "1")
    assert registry.activity_type(PAY) is None


def test_the_defaults_of_a_workflow_type():
    registry = TypeRegistry()
    settings = {**NEEDED, "task_priority": "5", "lambda_role": "arn:aws:iam::1:role/r"}
    defaults = {f"default_{member}": value for member, value in settings.items()}
    registry.workflows.register(RegisterWorkflowType("d", "order", "1", **defaults), NOW)
    assert registry.workflow_type(ORDER) == WorkflowDefaults(**settings)
    assert registry.workflow_type(PARCEL) is None
    registry.workflows.deprecate("order", "1", NOW)
    assert registry.workflow_type(ORDER) == WorkflowDefaults(deprecated=True, **settings)


def test_activity_types_and_workflow_types_are_told_apart():
    registry = TypeRegistry()
    registry.activities.register(pay(name="order"), NOW)
    assert registry.workflow_type(ORDER) is None


def test_where_nothing_needs_registering_every_type_exists():
    every = EveryType()
    assert every.activity_type(PAY) == ActivityDefaults()
    assert every.workflow_type(ORDER) == WorkflowDefaults()


@pytest.mark.parametrize("delete", [False, True])
def test_what_is_running_or_scheduled_goes_on(domains, delete):
    """Tasks of this type that were scheduled before the type was deprecated continue to run.
    (DeprecateActivityType) Executions that started before the type was deleted will continue to
    run. (DeleteWorkflowType) After an activity type has been deprecated, you cannot create new
    tasks of that activity type."""
    registry = TypeRegistry()
    registry.activities.register(pay(), NOW)
    registry.workflows.register(RegisterWorkflowType("d", "order", "1"), NOW)
    domain = domains(registry=registry)
    domain.begin("order", schedule("a"), start_child(workflow_type=ORDER))
    registry.activities.deprecate("pay", "1", NOW)
    registry.workflows.deprecate("order", "1", NOW)
    if delete:
        registry.activities.delete("pay", "1")
        registry.workflows.delete("order", "1")
    token = domain.take("order", "a")
    assert story(domain.report("complete", "run-1", token))[0] == "order ActivityTaskCompleted"
    written = domain.decide("order", schedule("b"), start_child("c", workflow_type=ORDER))
    causes = {told.attributes.cause for told in written[1:3]}
    what = "DOES_NOT_EXIST" if delete else "DEPRECATED"
    assert causes == {f"ACTIVITY_TYPE_{what}", f"WORKFLOW_TYPE_{what}"}
    assert story(domain.decide("parcel"))[0] == "parcel DecisionTaskCompleted"
