"""Register, Describe, List, Deprecate, Undeprecate and Delete: workflow types and activity types.

The two kinds have the same operations and the same texts, so most tests are run for both.
"""

import pytest
from conforming import (
    ORDER,
    ORDER_DEFAULTS,
    PAY,
    attributes,
    check_page_tokens,
    check_pages,
    complete,
    refused,
    schedule,
)

DEFAULTS = {
    "workflow": {
        "defaultTaskStartToCloseTimeout": "30",
        "defaultExecutionStartToCloseTimeout": "3600",
        "defaultTaskList": {"name": "list"},
        "defaultTaskPriority": "-7",
        "defaultChildPolicy": "REQUEST_CANCEL",
        "defaultLambdaRole": "arn:aws:iam::123456789012:role/lambda",
    },
    "activity": {
        "defaultTaskStartToCloseTimeout": "30",
        "defaultTaskHeartbeatTimeout": "NONE",
        "defaultTaskList": {"name": "list"},
        "defaultTaskPriority": "7",
        "defaultTaskScheduleToStartTimeout": "0",
        "defaultTaskScheduleToCloseTimeout": "99999999",
    },
}


class Types:
    """The six operations on one kind of types."""

    def __init__(self, world, kind):
        self.swf = world.swf
        self.world = world
        self.kind = kind
        self.defaults = DEFAULTS[kind]

    def named(self, verb, name, version="1", domain=None):
        call = getattr(self.swf, f"{verb}_{self.kind}_type")
        named = {f"{self.kind}Type": {"name": name, "version": version}}
        return call(domain=domain or self.world.domain, **named)

    def register(self, name, version="1", **settings):
        call = getattr(self.swf, f"register_{self.kind}_type")
        call(domain=self.world.domain, name=name, version=version, **settings)

    def describe(self, name, version="1"):
        return self.named("describe", name, version)

    def info(self, name, version="1"):
        return self.describe(name, version)["typeInfo"]

    def deprecate(self, name, version="1"):
        self.named("deprecate", name, version)

    def undeprecate(self, name, version="1"):
        self.named("undeprecate", name, version)

    def delete(self, name, version="1"):
        self.named("delete", name, version)

    def infos(self, status="REGISTERED", **more):
        call = getattr(self.swf, f"list_{self.kind}_types")
        listed = call(domain=self.world.domain, registrationStatus=status, **more)["typeInfos"]
        assert {info["status"] for info in listed} <= {status}
        return listed

    def listed(self, status="REGISTERED", **more):
        """Names and versions, without the types that every world has."""
        types = [info[f"{self.kind}Type"] for info in self.infos(status, **more)]
        return [(t["name"], t["version"]) for t in types if t not in (ORDER, PAY)]


@pytest.fixture(params=["workflow", "activity"])
def types(world, request):
    return Types(world, request.param)


# --- register and describe ---------------------------------------------------------------


def test_what_was_registered_is_described(types):
    """ "This includes configuration settings specified when the type was registered and other
    information such as creation date, current status, etc." """
    types.register("thing", "1.0", description="of a test", **types.defaults)
    answer = types.describe("thing", "1.0")
    created = answer["typeInfo"].pop("creationDate").timestamp()
    assert answer == {
        "typeInfo": {
            f"{types.kind}Type": {"name": "thing", "version": "1.0"},
            "status": "REGISTERED",
            "description": "of a test",
        },
        "configuration": types.defaults,
    }
    assert abs(created - types.world.now()) < 60


def test_nothing_needs_a_default(types):
    """ "If set, specifies the default ..." stands with each of them."""
    types.register("thing")
    answer = types.describe("thing")
    assert answer["configuration"] == {}
    assert "description" not in answer["typeInfo"]


def test_a_type_is_registered_once(types):
    """TypeAlreadyExistsFault: "You may get this fault if you are registering a type that is either
    already registered or deprecated, or if you undeprecate a type that is currently registered."
    "You cannot change the configuration settings of a workflow type once it is registered and it
    must be registered as a new version." """
    types.register("thing")
    with refused(types.swf, "TypeAlreadyExistsFault"):
        types.register("thing", **types.defaults)
    types.deprecate("thing")
    with refused(types.swf, "TypeAlreadyExistsFault"):
        types.register("thing", **types.defaults)
    types.undeprecate("thing")
    with refused(types.swf, "TypeAlreadyExistsFault"):
        types.undeprecate("thing")
    assert types.describe("thing")["configuration"] == {}
    types.register("thing", "2", **types.defaults)
    assert types.describe("thing", "2")["configuration"] == types.defaults


def test_workflow_types_and_activity_types_have_names_of_their_own(world):
    """ "The activity type consists of the name and version, the combination of which must be
    unique within the domain"; the same is said of workflow types."""
    world.workflow_type("thing")
    world.activity_type("thing")


def test_a_type_belongs_to_a_domain(types):
    """ "The name of the domain in which the activity type is registered." """
    types.register("thing")
    other = Types(types.world.another(), types.kind)
    with refused(types.swf, "UnknownResourceFault"):
        other.describe("thing")
    other.register("thing")


@pytest.mark.parametrize("text", ["a:b", "a/b", "a|b", "a\nb", "a\0b", "a\x7fb", "a\x85b", "arn"])
def test_names_that_are_refused(types, text):
    """ "The specified string must not contain a : (colon), / (slash), | (vertical bar), or any
    control characters (\\u0000-\\u001f | \\u007f-\\u009f). Also, it must not be the literal string
    arn." It is said of the name and of the version."""
    with refused(types.swf, "ValidationException"):
        types.register(text)
    with refused(types.swf, "ValidationException"):
        types.register("thing", text)


@pytest.mark.parametrize("text", ["a b", "learn", "Ä€", "\U0001f600", "a.b*'\"\\%_"])
def test_names_that_are_allowed(types, text):
    types.register(text, text)
    assert types.info(text, text)[f"{types.kind}Type"] == {"name": text, "version": text}
    assert types.listed(name=text) == [(text, text)]


def test_the_longest_names(types):
    """Name: 1 to 256 characters; Version: 1 to 64 characters."""
    types.register("n" * 256, "v" * 64)
    assert types.listed() == [("n" * 256, "v" * 64)]


@pytest.mark.parametrize("priority", ["-2147483648", "0", "2147483647"])
def test_priorities(types, priority):
    """ "Valid values are integers that range from Java's Integer.MIN_VALUE (-2147483648) to
    Integer.MAX_VALUE (2147483647)." """
    types.register("thing", defaultTaskPriority=priority)
    assert types.describe("thing")["configuration"] == {"defaultTaskPriority": priority}


@pytest.mark.parametrize("priority", ["-2147483649", "2147483648", "high", "1.5"])
def test_no_other_priorities(types, priority):
    """ "Valid values are integers that range from Java's Integer.MIN_VALUE (-2147483648) to
    Integer.MAX_VALUE (2147483647)." """
    with refused(types.swf, "ValidationException"):
        types.register("thing", defaultTaskPriority=priority)


@pytest.mark.parametrize("duration", ["-1", "1.5", "soon", "1h"])
def test_a_duration_is_a_number_of_seconds(types, duration):
    """ "The duration is specified in seconds, an integer greater than or equal to 0. You can use
    NONE to specify unlimited duration." """
    for default in types.defaults:
        if default.endswith("Timeout"):
            with refused(types.swf, "ValidationException"):
                types.register("thing", **{default: duration})


@pytest.mark.parametrize("duration", ["0", "99999999", "NONE"])
def test_durations(types, duration):
    """ "The duration is specified in seconds, an integer greater than or equal to 0. You can use
    NONE to specify unlimited duration." """
    settings = dict.fromkeys(types.defaults.keys() - {"defaultExecutionStartToCloseTimeout"})
    settings = {name: duration for name in settings if name.endswith("Timeout")}
    types.register("thing", **settings)
    assert types.describe("thing")["configuration"] == settings


def test_an_execution_may_not_run_for_ever(world):
    """ "Unlike some of the other timeout parameters in Amazon SWF, you cannot specify a value of
    "NONE" for defaultExecutionStartToCloseTimeout; there is a one-year max limit on the time that
    a workflow execution can run." """
    with refused(world.swf, "ValidationException"):
        world.workflow_type("thing", defaultExecutionStartToCloseTimeout="NONE")
    world.workflow_type("thing", defaultExecutionStartToCloseTimeout="31536000")


# --- deprecate, undeprecate, delete ------------------------------------------------------


def test_deprecate_and_undeprecate(types):
    """TypeDeprecatedFault: "Returned when the specified activity or workflow type was already
    deprecated." deprecationDate: "If DEPRECATED, the date and time DeprecateActivityType was
    called." """
    types.register("thing")
    types.world.tick()
    types.deprecate("thing")
    info = types.info("thing")
    assert info["status"] == "DEPRECATED"
    assert info["deprecationDate"] > info["creationDate"]
    with refused(types.swf, "TypeDeprecatedFault"):
        types.deprecate("thing")
    types.undeprecate("thing")
    info = types.info("thing")
    assert info["status"] == "REGISTERED"
    assert "deprecationDate" not in info


def test_delete(types):
    """ "Prior to deletion, activity types must first be deprecated." TypeNotDeprecatedFault:
    "Returned when the resource type has not been deprecated." """
    types.register("thing")
    with refused(types.swf, "TypeNotDeprecatedFault"):
        types.delete("thing")
    types.deprecate("thing")
    types.delete("thing")
    with refused(types.swf, "UnknownResourceFault"):
        types.describe("thing")
    assert types.listed("DEPRECATED") == []
    assert types.listed("REGISTERED") == []


def test_undeprecated_types_are_not_deleted(types):
    """TypeNotDeprecatedFault: "Returned when the resource type has not been deprecated." """
    types.register("thing")
    types.deprecate("thing")
    types.undeprecate("thing")
    with refused(types.swf, "TypeNotDeprecatedFault"):
        types.delete("thing")


@pytest.mark.parametrize("verb", ["describe", "deprecate", "undeprecate", "delete"])
def test_an_unknown_type(types, verb):
    """UnknownResourceFault: "This could happen if the named resource was never created or is no
    longer available for this operation." """
    types.register("thing")
    types.register("old")
    types.deprecate("old")
    types.delete("old")
    for name, version in (("nothing", "1"), ("thing", "2"), ("Thing", "1"), ("old", "1")):
        with refused(types.swf, "UnknownResourceFault"):
            types.named(verb, name, version)


# --- list --------------------------------------------------------------------------------


def test_types_are_listed_by_status_and_name(types):
    """ "By default the results are returned in ascending alphabetical order of the name of the
    workflow types." "reverseOrder: When set to true, returns the results in reverse order." """
    for name in "cadb":
        types.register(name)
    types.deprecate("c")
    types.deprecate("b")
    assert types.listed() == [("a", "1"), ("d", "1")]
    assert types.listed(reverseOrder=True) == [("d", "1"), ("a", "1")]
    assert types.listed("DEPRECATED") == [("b", "1"), ("c", "1")]
    assert types.listed("DEPRECATED", reverseOrder=True) == [("c", "1"), ("b", "1")]


def test_the_types_of_one_name(types):
    """ "If specified, only lists the activity types that have this name." """
    for name, version in (("a", "1"), ("a", "2"), ("ab", "1"), ("A", "1"), ("b", "1")):
        types.register(name, version)
    types.deprecate("a", "2")
    assert types.listed(name="a") == [("a", "1")]
    assert types.listed("DEPRECATED", name="a") == [("a", "2")]
    assert types.listed(name="c") == []


def test_a_listed_type_is_the_described_one(types):
    types.register("thing", description="of a test")
    types.deprecate("thing")
    assert types.infos("DEPRECATED") == [types.info("thing")]


def test_pages_of_types(types):
    """ "maximumPageSize: The maximum number of results that are returned per call. Use
    nextPageToken to obtain further pages of results." """
    for name in "abc":
        types.register(name, "1")
        types.register(name, "2")
    operation = f"List{types.kind.title()}Types"
    request = {"domain": types.world.domain, "registrationStatus": "REGISTERED"}
    ask = getattr(types.swf, f"list_{types.kind}_types")
    assert len(check_pages(ask, "typeInfos", **request)) == 7
    assert len(check_pages(ask, "typeInfos", **request, name="b")) == 2
    assert check_pages(ask, "typeInfos", **request, name="d") == []
    check_page_tokens(types.swf, operation, "typeInfos", **request)


# --- what it means for executions --------------------------------------------------------


def test_a_deprecated_workflow_type_is_not_started(world):
    """ "After a workflow type has been deprecated, you cannot create new executions of that type."
    "After a workflow type has been undeprecated, you can create new executions of that type." """
    world.swf.deprecate_workflow_type(domain=world.domain, workflowType=ORDER)
    with refused(world.swf, "TypeDeprecatedFault"):
        world.start()
    world.swf.undeprecate_workflow_type(domain=world.domain, workflowType=ORDER)
    world.start()


def test_a_deleted_workflow_type_is_not_started(world):
    """ "After a workflow type has been deleted, you cannot create new executions of that type." """
    world.swf.deprecate_workflow_type(domain=world.domain, workflowType=ORDER)
    world.swf.delete_workflow_type(domain=world.domain, workflowType=ORDER)
    with refused(world.swf, "UnknownResourceFault"):
        world.start()


@pytest.mark.parametrize("delete", [False, True])
def test_the_executions_of_a_deprecated_workflow_type_go_on(world, delete):
    """ "Executions that were started before the type was deprecated continues to run. A deprecated
    workflow type may still be used when calling visibility actions." "Executions that started
    before the type was deleted will continue to run." """
    run = world.start()
    world.swf.deprecate_workflow_type(domain=world.domain, workflowType=ORDER)
    if delete:
        world.swf.delete_workflow_type(domain=world.domain, workflowType=ORDER)
    world.signal()
    listed = world.swf.list_open_workflow_executions(
        domain=world.domain, startTimeFilter={"oldestDate": 0}, typeFilter=ORDER
    )
    assert [info["execution"] for info in listed["executionInfos"]] == [run]
    world.decide(complete())
    assert world.close_status(run) == "COMPLETED"


@pytest.mark.parametrize(
    ("delete", "cause"),
    [(False, "ACTIVITY_TYPE_DEPRECATED"), (True, "ACTIVITY_TYPE_DOES_NOT_EXIST")],
)
def test_a_deprecated_activity_type_is_not_scheduled(world, delete, cause):
    """ "After an activity type has been deprecated, you cannot create new tasks of that activity
    type." "After an activity type has been deleted, you cannot schedule new activities of that
    type." """
    world.swf.deprecate_activity_type(domain=world.domain, activityType=PAY)
    if delete:
        world.swf.delete_activity_type(domain=world.domain, activityType=PAY)
    world.decided(schedule("a"))
    assert world.last("ScheduleActivityTaskFailed")["cause"] == cause
    assert world.no_activity()


def test_an_undeprecated_activity_type_is_scheduled(world):
    """ "After an activity type has been undeprecated, you can create new tasks of that activity
    type." """
    world.swf.deprecate_activity_type(domain=world.domain, activityType=PAY)
    world.swf.undeprecate_activity_type(domain=world.domain, activityType=PAY)
    world.decided(schedule("a"))
    assert world.poll_activity()["activityType"] == PAY


@pytest.mark.parametrize("delete", [False, True])
def test_the_tasks_of_a_deprecated_activity_type_go_on(world, delete):
    """ "Tasks of this type that were scheduled before the type was deprecated continue to run."
    "Activities that started before the type was deleted will continue to run." """
    task = world.working()
    world.swf.deprecate_activity_type(domain=world.domain, activityType=PAY)
    if delete:
        world.swf.delete_activity_type(domain=world.domain, activityType=PAY)
    assert not world.heartbeat(task)
    world.activity_completed(task, result="42")
    completed = world.history()[-2]
    assert completed["eventType"] == "ActivityTaskCompleted"
    assert attributes(completed)["result"] == "42"


def test_a_new_version_does_not_touch_the_old(world):
    """ "You cannot change the configuration settings of a workflow type once it is registered and
    it must be registered as a new version." """
    new = world.workflow_type(
        "order", "2", **{**ORDER_DEFAULTS, "defaultTaskList": {"name": "new"}}
    )
    world.start("old")
    world.start("new", workflow_type=new)
    assert world.poll_decision("deciders")["workflowType"] == ORDER
    assert world.poll_decision("new")["workflowType"] == new
