"""What a caller may do."""

import botocore.session
import pytest

from dataflow.engine.auth import roles
from dataflow.engine.auth.caller import LOCAL, Caller, Role
from dataflow.protocol.faults import AccessDeniedException
from dataflow.protocol.operations import OPERATIONS, convert

MODEL = botocore.session.Session().get_service_model("swf")
NAMES = sorted(MODEL.operation_names)


def value(shape, name):
    """Something that fits the shape: the least of it."""
    match shape.type_name:
        case "structure":
            return {key: value(shape.members[key], key) for key in shape.required_members}
        case "list":
            return []
        case "timestamp":
            return 0
        case _ if shape.enum:
            return shape.enum[0]
        case _ if name == "resourceArn":
            return "arn:aws:swf:eu-west-3:123456789012:/domain/shop"
        case _:
            return "7" if "InDays" in name else "shop"


def operation(operation_name, **members):
    """A request that fits the model, in the domain and of the task list "shop"."""
    request = value(MODEL.operation_model(operation_name).input_shape, "")
    return convert(operation_name, {**request, **members})


def caller(role="admin", domain=None, task_list=None):
    return Caller(key_id="DFKEY", role=Role(role), domain=domain, task_list=task_list)


def may(who, request):
    try:
        roles.check(who, request)
    except AccessDeniedException:
        return False
    return True


def allowed(role):
    return {name for name in NAMES if may(caller(role), operation(name))}


# --- roles ----------------------------------------------------------------------------------

READING = {name for name in NAMES if name.startswith(("Count", "Describe", "List", "Get"))}


def test_every_operation_has_its_roles():
    assert sorted(roles.ROLES) == NAMES == sorted(OPERATIONS)


@pytest.mark.parametrize("who", [LOCAL, caller("admin")])
def test_an_admin_may_do_everything(who):
    for name in NAMES:
        roles.check(who, operation(name))


def test_a_reader_may_look():
    assert allowed("reader") == READING


def test_a_decider_may_decide_and_look():
    assert allowed("decider") == READING | {
        "PollForDecisionTask",
        "RespondDecisionTaskCompleted",
        "RegisterWorkflowType",
        "RegisterActivityType",
    }


def test_a_worker_may_work():
    assert allowed("worker") == {
        "PollForActivityTask",
        "RespondActivityTaskCompleted",
        "RespondActivityTaskFailed",
        "RespondActivityTaskCanceled",
        "RecordActivityTaskHeartbeat",
        "CountPendingActivityTasks",
        "DescribeActivityType",
        "DescribeDomain",
        "RegisterActivityType",
    }


@pytest.mark.parametrize(
    ("who", "name", "resource", "reason"),
    [
        (caller("reader"), "PollForActivityTask", "/domain/shop", "its role is reader"),
        (caller("worker"), "ListDomains", "*", "its role is worker"),
        (
            caller("admin", "bank"),
            "TagResource",
            "/domain/shop",
            "it is limited to the domain bank",
        ),
        (
            caller("worker", "shop", "mail-*"),
            "PollForActivityTask",
            "/domain/shop",
            "it is limited to the task lists mail-*",
        ),
    ],
)
def test_a_refusal_says_why(who, name, resource, reason):
    with pytest.raises(AccessDeniedException) as caught:
        roles.check(who, operation(name))
    assert caught.value.message == (
        f"User: DFKEY is not authorized to perform: swf:{name} "
        f"on resource: {resource} because {reason}"
    )


# --- domains --------------------------------------------------------------------------------

BY_TOKEN = {
    name for name in NAMES if "taskToken" in MODEL.operation_model(name).input_shape.members
}


def test_the_domain_of_a_request():
    for name in NAMES:
        expected = None if name in BY_TOKEN | {"ListDomains"} else "shop"
        assert roles.domain_of(operation(name)) == expected


def test_a_caller_stays_in_its_domain():
    for name in NAMES:
        # Of an answer, only the token says where the task is.
        assert may(caller("admin", "bank"), operation(name)) == (name in BY_TOKEN)
        assert may(caller("admin", "shop"), operation(name)) == (name != "ListDomains")


@pytest.mark.parametrize("role", Role)
def test_a_limit_gives_nothing(role):
    without = allowed(role)
    for limits in ({"domain": "shop"}, {"task_list": "*"}):
        assert {n for n in NAMES if may(caller(role, **limits), operation(n))} <= without


def test_domains_that_look_alike():
    def tagging(arn):
        return operation("UntagResource", resourceArn=arn, tagKeys=["k"])

    who = caller("admin", "shop")
    assert may(who, tagging("arn:aws:swf:eu-west-3:123456789012:/domain/shop"))
    for arn in (
        "arn:aws:swf:eu-west-3:123456789012:/domain/Shop",
        "arn:aws:swf:eu-west-3:123456789012:/domain/shop2",
        "arn:aws:swf:eu-west-3:123456789012:/domain/shop/",
        "arn:aws:swf:eu-west-3:123456789012:/domain/a:shop",
    ):
        assert not may(who, tagging(arn))


# --- task lists -----------------------------------------------------------------------------

OF_TASK_LISTS = [
    "PollForActivityTask",
    "PollForDecisionTask",
    "CountPendingActivityTasks",
    "CountPendingDecisionTasks",
]


def test_the_operations_of_task_lists():
    assert {
        name
        for name in NAMES
        if "taskList" in MODEL.operation_model(name).input_shape.required_members
    } == set(OF_TASK_LISTS)


@pytest.mark.parametrize("name", OF_TASK_LISTS)
@pytest.mark.parametrize(
    ("pattern", "task_list", "fits"),
    [
        ("mail", "mail", True),
        ("mail", "mails", False),
        ("mail", "Mail", False),
        ("mail-*", "mail-1", True),
        ("mail-*", "mail-", True),
        ("mail-*", "fax-mail-1", False),
        ("m?il", "mail", True),
        ("*", "a\nb", True),
        ("mail", "mail\n", False),
    ],
)
def test_a_caller_stays_with_its_task_lists(name, pattern, task_list, fits):
    request = operation(name, taskList={"name": task_list})
    assert may(caller("admin", task_list=pattern), request) == fits


def test_a_pattern_limits_nothing_else():
    who = caller("admin", task_list="mail-*")
    for name in set(NAMES) - set(OF_TASK_LISTS):
        roles.check(who, operation(name))


# --- answers --------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["decider", "worker"])
def test_only_who_was_given_a_task_may_answer_it(role):
    roles.may_answer(caller(role), "DFKEY", "shop")
    roles.may_answer(caller(role, "shop"), "DFKEY", "shop")
    for key_id in ("DFOTHER", ""):  # the empty one: a local caller was given it
        with pytest.raises(AccessDeniedException) as caught:
            roles.may_answer(caller(role), key_id, "shop")
        assert caught.value.message == (
            "User: DFKEY is not authorized to answer this task because the task was not given to it"
        )


def test_an_admin_may_answer_for_others():
    for who in (LOCAL, caller("admin"), caller("admin", "shop")):
        for key_id in ("DFOTHER", "DFKEY", ""):
            roles.may_answer(who, key_id, "shop")


@pytest.mark.parametrize("role", Role)
def test_an_answer_into_another_domain(role):
    with pytest.raises(AccessDeniedException) as caught:
        roles.may_answer(caller(role, "bank"), "DFKEY", "shop")
    assert "shop" not in caught.value.message
