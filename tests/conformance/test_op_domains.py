"""RegisterDomain, DescribeDomain, ListDomains, DeprecateDomain, UndeprecateDomain."""

import pytest
from conforming import (
    MODEL,
    ORDER,
    ORDER_DEFAULTS,
    PAY,
    check_page_tokens,
    check_pages,
    complete,
    minimal,
    new_domain_name,
    refused,
    schedule,
)


@pytest.fixture
def name(swf):
    """A registered domain with nothing in it."""
    name = new_domain_name()
    swf.register_domain(
        name=name, description="of a test", workflowExecutionRetentionPeriodInDays="7"
    )
    return name


def names(swf, status, prefix, **order):
    """The listed domains whose names begin so."""
    listed = swf.list_domains(registrationStatus=status, **order)["domainInfos"]
    assert {info["status"] for info in listed} <= {status}
    return [info["name"] for info in listed if info["name"].startswith(prefix)]


# --- register ----------------------------------------------------------------------------


def test_what_was_registered_is_described(swf, name):
    """DescribeDomain: "Returns information about the specified domain, including description and
    status." """
    answer = swf.describe_domain(name=name)
    arn = answer["domainInfo"].pop("arn")
    assert answer == {
        "domainInfo": {"name": name, "status": "REGISTERED", "description": "of a test"},
        "configuration": {"workflowExecutionRetentionPeriodInDays": "7"},
    }
    assert arn.startswith("arn:aws:swf:")
    assert arn.endswith(f"/domain/{name}")


def test_a_description_may_be_left_out(swf):
    name = new_domain_name()
    swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="7")
    assert "description" not in swf.describe_domain(name=name)["domainInfo"]


def test_a_name_is_given_once(swf, name):
    """DomainAlreadyExistsFault: "You may get this fault if you are registering a domain that is
    either already registered or deprecated, or if you undeprecate a domain that is currently
    registered." """
    with refused(swf, "DomainAlreadyExistsFault"):
        swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="9")
    swf.deprecate_domain(name=name)
    with refused(swf, "DomainAlreadyExistsFault"):
        swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="9")
    swf.undeprecate_domain(name=name)
    with refused(swf, "DomainAlreadyExistsFault"):
        swf.undeprecate_domain(name=name)
    configuration = swf.describe_domain(name=name)["configuration"]
    assert configuration == {"workflowExecutionRetentionPeriodInDays": "7"}


@pytest.mark.parametrize("days", ["NONE", "0", "1", "90"])
def test_retention(swf, days):
    """ "If you pass the value NONE or 0 (zero), then the workflow execution history isn't
    retained." "The maximum workflow execution retention period is 90 days." """
    name = new_domain_name()
    swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays=days)
    configuration = swf.describe_domain(name=name)["configuration"]
    assert configuration == {"workflowExecutionRetentionPeriodInDays": days}


@pytest.mark.parametrize("days", ["91", "99999999", "-1", "1.5", "week", "none"])
def test_no_other_retention(swf, days):
    """ "The maximum workflow execution retention period is 90 days." """
    name = new_domain_name()
    with refused(swf, "ValidationException"):
        swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays=days)
    with refused(swf, "UnknownResourceFault"):
        swf.describe_domain(name=name)


@pytest.mark.parametrize(
    "name", [" a", "a ", "\ta", "a:b", "a/b", "a|b", "a\nb", "a\0b", "a\x7fb", "a\x9fb", "arn"]
)
def test_names_that_are_refused(swf, name):
    """ "The specified string must not start or end with whitespace. It must not contain a :
    (colon), / (slash), | (vertical bar), or any control characters (\\u0000-\\u001f |
    \\u007f-\\u009f). Also, it must not be the literal string arn." """
    with refused(swf, "ValidationException"):
        swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="7")


@pytest.mark.parametrize("ending", ["-a b", "arn", "-Ä€", "-\U0001f600", "-.*'\"\\%_"])
def test_names_that_are_allowed(swf, ending):
    name = new_domain_name() + ending
    swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="7")
    assert swf.describe_domain(name=name)["domainInfo"]["name"] == name
    assert names(swf, "REGISTERED", name) == [name]


def test_the_longest_name(swf):
    """DomainName: 1 to 256 characters."""
    name = new_domain_name().ljust(256, "n")
    swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="7")
    assert swf.describe_domain(name=name)["domainInfo"]["name"] == name
    with refused(swf, "ValidationException"):
        swf.unchecked("RegisterDomain", name=name + "n", workflowExecutionRetentionPeriodInDays="7")


# --- deprecate and undeprecate -----------------------------------------------------------


def test_deprecate_and_undeprecate(swf, name):
    """DomainDeprecatedFault: "Returned when the specified domain has been deprecated." """
    swf.deprecate_domain(name=name)
    assert swf.describe_domain(name=name)["domainInfo"]["status"] == "DEPRECATED"
    with refused(swf, "DomainDeprecatedFault"):
        swf.deprecate_domain(name=name)
    swf.undeprecate_domain(name=name)
    assert swf.describe_domain(name=name)["domainInfo"]["status"] == "REGISTERED"
    swf.deprecate_domain(name=name)


def test_a_deprecated_domain_takes_nothing_new(world):
    """ "After a domain has been deprecated it cannot be used to create new workflow executions or
    register new types." """
    world.swf.deprecate_domain(name=world.domain)
    with refused(world.swf, "DomainDeprecatedFault"):
        world.start()
    with refused(world.swf, "DomainDeprecatedFault"):
        world.workflow_type("new")
    with refused(world.swf, "DomainDeprecatedFault"):
        world.activity_type("new")


def test_a_deprecated_domain_can_be_looked_into(world):
    """ "However, you can still use visibility actions on this domain." """
    run = world.start()
    world.swf.deprecate_domain(name=world.domain)
    assert world.open_run("order-17") == run
    since = {"startTimeFilter": {"oldestDate": 0}}
    count = world.swf.count_open_workflow_executions(domain=world.domain, **since)
    assert count["count"] == 1
    closed = world.swf.list_closed_workflow_executions(domain=world.domain, **since)
    assert closed["executionInfos"] == []
    assert world.close_status(run) is None
    assert world.kinds(run) == ["WorkflowExecutionStarted", "DecisionTaskScheduled"]


def test_a_deprecated_domain_deprecates_its_types(world):
    """ "Deprecating a domain also deprecates all activity and workflow types registered in the
    domain." """
    world.swf.deprecate_domain(name=world.domain)
    workflow_type = world.swf.describe_workflow_type(domain=world.domain, workflowType=ORDER)
    activity_type = world.swf.describe_activity_type(domain=world.domain, activityType=PAY)
    for described in (workflow_type, activity_type):
        assert described["typeInfo"]["status"] == "DEPRECATED"
        assert "deprecationDate" in described["typeInfo"]


def test_the_executions_of_a_deprecated_domain_go_on(world):
    """ "Executions that were started before the domain was deprecated continues to run." """
    run = world.decided(schedule("a"))
    world.swf.deprecate_domain(name=world.domain)
    world.activity_completed(world.poll_activity(), result="done")
    world.decide(complete(result="done"))
    assert world.close_status(run) == "COMPLETED"


def test_an_undeprecated_domain_is_as_good_as_new(world):
    """ "After a domain has been undeprecated it can be used to create new workflow executions or
    register new types." """
    world.swf.deprecate_domain(name=world.domain)
    world.swf.undeprecate_domain(name=world.domain)
    # Whether its old types come back is not said.
    new = world.workflow_type("new", **ORDER_DEFAULTS)
    world.start(workflow_type=new)
    assert world.poll_decision()["workflowType"] == new


# --- list --------------------------------------------------------------------------------


def test_domains_are_listed_by_status_and_name(swf):
    """ "registrationStatus: Specifies the registration status of the domains to list." "By
    default, the results are returned in ascending alphabetical order by name of the domains."
    "reverseOrder: When set to true, returns the results in reverse order." """
    prefix = new_domain_name()
    for ending in ("-c", "-a", "-d", "-b"):
        swf.register_domain(
            name=prefix + ending, description=ending, workflowExecutionRetentionPeriodInDays="1"
        )
    swf.deprecate_domain(name=f"{prefix}-c")
    swf.deprecate_domain(name=f"{prefix}-b")
    assert names(swf, "REGISTERED", prefix) == [f"{prefix}-a", f"{prefix}-d"]
    assert names(swf, "DEPRECATED", prefix) == [f"{prefix}-b", f"{prefix}-c"]
    assert names(swf, "DEPRECATED", prefix, reverseOrder=True) == [f"{prefix}-c", f"{prefix}-b"]
    swf.undeprecate_domain(name=f"{prefix}-b")
    assert names(swf, "REGISTERED", prefix) == [prefix + ending for ending in ("-a", "-b", "-d")]


def test_a_listed_domain_is_the_described_one(swf, name):
    listed = swf.list_domains(registrationStatus="REGISTERED")["domainInfos"]
    (info,) = (info for info in listed if info["name"] == name)
    assert info == swf.describe_domain(name=name)["domainInfo"]


def test_pages_of_domains(swf):
    """ "maximumPageSize: The maximum number of results that are returned per call. Use
    nextPageToken to obtain further pages of results." """
    for _ in range(5):
        name = new_domain_name()
        swf.register_domain(name=name, workflowExecutionRetentionPeriodInDays="1")
        swf.deprecate_domain(name=name)
    listed = check_pages(swf.list_domains, "domainInfos", registrationStatus="DEPRECATED")
    assert len(listed) >= 5
    check_page_tokens(swf, "ListDomains", "domainInfos", registrationStatus="DEPRECATED")


# --- unknown domains ---------------------------------------------------------------------


@pytest.mark.parametrize("operation", ["DescribeDomain", "DeprecateDomain", "UndeprecateDomain"])
def test_an_unknown_domain(swf, name, operation):
    """UnknownResourceFault: "Returned when the named resource cannot be found with in the scope
    of this operation (region or domain)." """
    for unknown in (new_domain_name(), name.upper()):
        with refused(swf, "UnknownResourceFault"):
            swf.unchecked(operation, name=unknown)


@pytest.mark.parametrize(
    "operation",
    [
        name
        for name in MODEL.operation_names
        if "domain" in MODEL.operation_model(name).input_shape.members
    ],
)
def test_nothing_happens_in_an_unknown_domain(swf, operation):
    """UnknownResourceFault: "Returned when the named resource cannot be found with in the scope
    of this operation (region or domain)." """
    request = minimal(operation, domain=new_domain_name())
    if operation.endswith("ClosedWorkflowExecutions"):
        request["startTimeFilter"] = {"oldestDate": 0}
    with refused(swf, "UnknownResourceFault"):
        swf.unchecked(operation, **request)
