"""What the model's texts say of single values: names, durations, priorities, retention, tags."""

import msgspec
import pytest
from witness import MODEL

from dataflow.engine.rules.checks import (
    check_domain_name,
    check_name,
    check_settings,
    check_tags,
    retention_days,
)
from dataflow.protocol import decisions as de
from dataflow.protocol.decisions import DECISION_TYPES, attributes_member
from dataflow.protocol.faults import ValidationException
from dataflow.protocol.operations import (
    OPERATIONS,
    RegisterWorkflowType,
    RespondDecisionTaskCompleted,
    StartWorkflowExecution,
)
from dataflow.protocol.values import ActivityType, ResourceTag, WorkflowType

#: A digit, and yet none that counts.
FIVE = "\N{ARABIC-INDIC DIGIT FIVE}"


def refused(call, value, member):
    with pytest.raises(ValidationException) as error:
        call()
    assert error.value.message.startswith(
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
    )


# --- names -------------------------------------------------------------------------------

NAMES = ["a", "a b", "arn2", "Arn", "a.b-c_d", " a ", "größe", "a\u00a0b", "a\u2028b"]
NO_NAMES = ["a:b", "a/b", "a|b", "arn", "a\x00b", "a\nb", "a\x1fb", "a\x7fb", "a\x85b", "\x9f"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name(name):
    check_name(name, "version")


@pytest.mark.parametrize("name", NO_NAMES)
def test_what_is_no_name(name):
    """The specified string must not contain a : (colon), / (slash), | (vertical bar), or any
    control characters (\\u0000-\\u001f | \\u007f-\\u009f). Also, it must not be the literal string
    arn. (RegisterDomain, name)"""
    refused(lambda: check_name(name, "version"), name, "version")
    refused(lambda: check_domain_name(name), name, "name")


def test_the_name_of_a_domain():
    """The specified string must not start or end with whitespace. (RegisterDomain, name)"""
    check_domain_name("a b")
    for name in (" a", "a ", "\u00a0a", "\u3000", " "):
        refused(lambda name=name: check_domain_name(name), name, "name")


# --- durations and priorities ------------------------------------------------------------

#: Of the model's shapes, which these rules are about.
CHECKED = {"DurationInSeconds", "DurationInSecondsOptional", "TaskPriority"}


def structures():
    """Each request and decision that has durations or priorities, with its shape in the model."""
    for name, cls in OPERATIONS.items():
        yield cls, MODEL.operation_model(name).input_shape
    for name, cls in DECISION_TYPES.items():
        yield cls, MODEL.shape_for("Decision").members[attributes_member(name)]


def members(shape):
    return [name for name, member in shape.members.items() if member.name in CHECKED]


def build(cls, **given):
    """A structure with these members, and whatever else it needs."""
    samples = {"workflow_type": WorkflowType("w", "1"), "activity_type": ActivityType("a", "1")}
    needed = {
        field.name: samples.get(field.name, "5")
        for field in msgspec.structs.fields(cls)
        if field.required
    }
    return cls(**{**needed, **given})


WHERE = [
    pytest.param(cls, name, id=f"{cls.__name__}-{name}")
    for cls, shape in structures()
    for name in members(shape)
]


@pytest.mark.parametrize(("cls", "wire_name"), WHERE)
def test_every_duration_and_priority_of_the_model_is_looked_at(cls, wire_name):
    """The duration is specified in seconds, an integer greater than or equal to 0. Valid values are
    integers that range from Java's Integer.MIN_VALUE to Integer.MAX_VALUE."""
    names = dict(zip(cls.__struct_encode_fields__, cls.__struct_fields__, strict=True))
    check_settings(build(cls))
    check_settings(build(cls, **{names[wire_name]: "60"}))
    for wrong in ("soon", "1.5", " 5", "5 ", "5\n", FIVE, "+", "0x5", "1e3", "none", "9" * 11):
        structure = build(cls, **{names[wire_name]: wrong})
        refused(lambda structure=structure: check_settings(structure), wrong, wire_name)


def priority(value):
    return build(de.ScheduleActivityTask, task_priority=value)


def duration(value):
    return build(de.ScheduleActivityTask, heartbeat_timeout=value)


def timer(value):
    return build(de.StartTimer, start_to_fire_timeout=value)


def function(value):
    return build(de.ScheduleLambdaFunction, start_to_close_timeout=value)


def of_a_start(value):
    return build(StartWorkflowExecution, execution_start_to_close_timeout=value)


def of_a_type(value):
    return build(RegisterWorkflowType, default_execution_start_to_close_timeout=value)


def of_a_child(value):
    return build(de.StartChildWorkflowExecution, execution_start_to_close_timeout=value)


def of_the_next_run(value):
    return build(de.ContinueAsNewWorkflowExecution, execution_start_to_close_timeout=value)


def patience(value):
    return build(RespondDecisionTaskCompleted, task_list_schedule_to_start_timeout=value)


YEAR = "31536000"
#: What each may be, and may not. "You can use NONE to specify unlimited duration." "Unlike some of
#: the other timeout parameters in Amazon SWF, you cannot specify a value of "NONE" for this
#: timeout; there is a one-year max limit". "This can be any integer from 1-900". An optional text
#: may be empty.
RANGES = [
    (priority, ["-2147483648", "2147483647", "+7", "0", ""], ["-2147483649", "2147483648", "NONE"]),
    (duration, ["0", "99999999", "NONE", ""], ["-1", "100000000"]),
    (timer, ["0", "99999999"], ["-1", "NONE", ""]),
    (function, ["1", "900", ""], ["0", "901", "NONE"]),
    (of_a_start, ["0", YEAR, ""], ["-1", "31536001", "NONE"]),
    (of_a_type, ["0", YEAR, ""], ["-1", "31536001", "NONE"]),
    (of_a_child, ["0", YEAR, "NONE", ""], ["-1", "31536001"]),
    (of_the_next_run, ["0", YEAR, "NONE", ""], ["-1", "31536001"]),
    (patience, ["0", "99999999", "NONE", ""], ["-1"]),
]


@pytest.mark.parametrize(
    ("make", "value"), [(make, value) for make, values, _ in RANGES for value in values]
)
def test_what_a_setting_may_be(make, value):
    check_settings(make(value))


@pytest.mark.parametrize(
    ("make", "value"), [(make, value) for make, _, values in RANGES for value in values]
)
def test_what_a_setting_may_not_be(make, value):
    with pytest.raises(ValidationException, match=rf"Value '{value}' at "):
        check_settings(make(value))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (timer, "Member must be an integer from 0 to 99999999"),
        (duration, "Member must be an integer from 0 to 99999999, or NONE"),
    ],
)
def test_the_words_say_what_it_may_be(make, words):
    with pytest.raises(ValidationException, match=f"constraint: {words}$"):
        check_settings(make("soon"))


# --- domains -----------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "days"), [("NONE", 0), ("0", 0), ("1", 1), ("90", 90)])
def test_a_retention_period(text, days):
    """If you pass the value NONE or 0 (zero), then the workflow execution history isn't retained.
    The maximum workflow execution retention period is 90 days. (RegisterDomain)"""
    assert retention_days(text) == days


@pytest.mark.parametrize("text", ["91", "-1", "a week", "1.5", ""])
def test_what_is_no_retention_period(text):
    refused(lambda: retention_days(text), text, "workflowExecutionRetentionPeriodInDays")


def test_tags_of_a_domain():
    """Tags may only contain unicode letters, digits, whitespace, or these symbols: _ . : / = + - @.
    (RegisterDomain, tags)"""
    tags = [ResourceTag("Größe 1_.:/=+-@"), ResourceTag("数", f"{FIVE} x"), ResourceTag("a", "")]
    check_tags(tags)
    check_tags([])


@pytest.mark.parametrize("text", ["a,b", "a;b", "a\\b", "a#b", "a\x00b", "a(b", "€"])
def test_what_is_no_tag_of_a_domain(text):
    refused(lambda: check_tags([ResourceTag("a", "b"), ResourceTag(text, "b")]), text, "tags")
    refused(lambda: check_tags([ResourceTag("a", text)]), text, "tags")
