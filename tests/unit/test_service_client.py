"""The shape of `Service` against that of botocore's client for SWF."""

import json
from datetime import UTC, datetime

import botocore.session
import pytest
from botocore import xform_name
from botocore.loaders import Loader
from botocore.paginate import Paginator
from botocore.parsers import JSONParser
from botocore.stub import Stubber
from swf_model import MODEL

from dataflow.errors import UsageError
from dataflow.protocol.faults import FAULTS, Fault, UnknownResourceFault
from dataflow.protocol.operations import METHODS
from dataflow.protocol.service import _PAGES, _TIME, _TIMES, Service, in_python

PAGINATION = Loader().load_service_model("swf", "paginators-1")["pagination"]


class Recorded(Service):
    """Answers what it is told to, or raises it, and remembers what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.calls = []

    def _call(self, operation, request):
        self.calls.append((operation, dict(request)))
        answer = self.answers.pop(0)
        if isinstance(answer, Fault):
            raise answer
        return in_python(answer)


@pytest.fixture(scope="module")
def boto():
    """botocore's client, whatever the user's AWS settings are."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ENDPOINT_URL"):
            environment.delenv(name, raising=False)
        environment.setenv("AWS_CONFIG_FILE", "/dev/null")
        environment.setenv("AWS_ACCESS_KEY_ID", "a")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "b")
        session = botocore.session.Session()
        yield session.create_client("swf", region_name="eu-west-1")


# --- methods -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODEL.operation_names)
def test_every_operation_has_its_method(name, boto):
    swf = Recorded({"answer": 1})
    assert callable(getattr(boto, xform_name(name)))
    answer = getattr(swf, xform_name(name))(domain="d", maximumPageSize=5)
    assert answer["answer"] == 1
    assert swf.calls == [(name, {"domain": "d", "maximumPageSize": 5})]


def test_there_are_no_other_methods():
    public = {name for name in vars(Service) if not name.startswith("_")}
    assert public - {"exceptions", "close", "can_paginate", "get_paginator"} == set(METHODS)


def test_every_method_says_in_a_sentence_what_it_does():
    for name in METHODS:
        sentence = getattr(Service, name).__doc__
        assert sentence.endswith(".")
        assert "\n" not in sentence


def test_arguments_are_keywords_as_for_boto3(boto):
    for swf in (Recorded({}), boto):
        with pytest.raises(TypeError):
            swf.list_domains("REGISTERED")


def test_a_service_must_say_how_a_request_travels():
    with pytest.raises(TypeError, match="abstract"):
        Service()


def test_closing_a_service_that_holds_nothing_is_allowed_twice():
    swf = Recorded()
    swf.close()
    swf.close()
    assert swf.calls == []


# --- exceptions --------------------------------------------------------------------------


def test_the_exceptions_of_boto3_are_there(boto):
    for shape in MODEL.error_shapes:
        assert getattr(boto.exceptions, shape.name).__name__ == shape.name
        assert getattr(Service.exceptions, shape.name) is FAULTS[shape.name]
    assert Service.exceptions.ClientError is Fault
    for client in (boto, Recorded()):
        with pytest.raises(AttributeError):
            _ = client.exceptions.NoSuchFault


def find_domain(swf):
    """What a user may write, for either."""
    try:
        return swf.describe_domain(name="d")["domainInfo"]["arn"]
    except swf.exceptions.UnknownResourceFault as error:
        return error.response["Error"]["Message"]
    except swf.exceptions.ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_one_code_for_both_reads_an_answer(boto):
    answer = {
        "domainInfo": {"name": "d", "status": "REGISTERED", "arn": "arn:aws:swf:eu-west-1::d"},
        "configuration": {"workflowExecutionRetentionPeriodInDays": "5"},
    }
    with Stubber(boto) as stub:
        stub.add_response("describe_domain", answer)
        assert find_domain(boto) == find_domain(Recorded(answer)) == "arn:aws:swf:eu-west-1::d"


@pytest.mark.parametrize("cls", FAULTS.values())
def test_one_code_for_both_catches_a_fault(cls, boto):
    sent = cls("so it is")
    with Stubber(boto) as stub:
        stub.add_client_error("describe_domain", sent.code, sent.message, sent.status)
        found = find_domain(boto)
    assert found == find_domain(Recorded(sent))
    assert found == ("so it is" if cls is UnknownResourceFault else (sent.code, sent.status))


# --- answers -----------------------------------------------------------------------------


def example(shape):
    """A full answer on the wire, with two items in each list."""
    match shape.type_name:
        case "structure":
            return {name: example(member) for name, member in shape.members.items()}
        case "list":
            return [example(shape.member), example(shape.member)]
        case "string":
            return shape.enum[0] if shape.enum else "x"
    return {"integer": 1, "long": 2, "boolean": True, "timestamp": 1786560427.599}[shape.type_name]


def as_botocore_reads_it(shape, wire):
    answer = {"body": json.dumps(wire).encode(), "headers": {}, "status_code": 200}
    return JSONParser().parse(answer, shape)


@pytest.mark.parametrize("name", MODEL.operation_names)
@pytest.mark.parametrize("full", [True, False])
def test_an_answer_is_what_botocore_reads(name, full):
    shape = MODEL.operation_model(name).output_shape
    wire = example(shape) if shape is not None and full else {}
    parsed = as_botocore_reads_it(shape, wire)
    answer = in_python(wire)
    metadata = answer.pop("ResponseMetadata")
    assert parsed.pop("ResponseMetadata").items() <= metadata.items()
    assert answer == parsed


def test_only_what_is_there_becomes_a_time():
    answer = in_python({"executionInfo": {"startTimestamp": 0, "executionStatus": "OPEN"}})
    assert answer["executionInfo"] == {
        "startTimestamp": datetime(1970, 1, 1, tzinfo=UTC),
        "executionStatus": "OPEN",
    }


def test_an_operation_that_answers_nothing_answers_a_dictionary():
    metadata = in_python(None).pop("ResponseMetadata")
    assert metadata["HTTPStatusCode"] == 200


def test_every_time_of_the_model_is_known():
    def times(shape):
        if shape.type_name == "list":
            return times(shape.member)
        return {name for name, part in shape.members.items() if part.type_name == "timestamp"}

    found = {}
    for name in MODEL.operation_names:
        for member, shape in getattr(
            MODEL.operation_model(name).output_shape, "members", {}
        ).items():
            if shape.type_name == "timestamp":
                assert member == _TIME
            elif shape.type_name in {"structure", "list"} and times(shape):
                found[member] = times(shape)
    assert found == {member: set(names) for member, names in _TIMES.items()}


# --- pages -------------------------------------------------------------------------------


def test_what_botocore_paginates_is_paginated(boto):
    for name in MODEL.operation_names:
        method = xform_name(name)
        assert boto.can_paginate(method) == Recorded().can_paginate(method) == (name in PAGINATION)
    for name, config in PAGINATION.items():
        assert config["limit_key"] == "maximumPageSize"
        assert {config["input_token"], config["output_token"]} == {"nextPageToken"}
        whole = tuple(config.get("non_aggregate_keys", ()))
        assert _PAGES[xform_name(name)] == (config["result_key"], whole)


def test_what_has_no_pages_has_no_paginator(boto):
    with pytest.raises(UsageError, match="describe_domain does not answer in pages"):
        Recorded().get_paginator("describe_domain")
    with pytest.raises(Exception, match="cannot be paginated"):
        boto.get_paginator("describe_domain")


def both(name, answers, **request):
    """The pages, the result and the calls, by ours and by botocore's paginator."""
    for kind in ("ours", "botocore"):
        pages, calls, results = [], [], []
        for result in (False, True):
            swf = Recorded(*json.loads(json.dumps(answers)))
            method = getattr(swf, xform_name(name))
            if kind == "ours":
                paginator = swf.get_paginator(xform_name(name))
            else:
                paginator = Paginator(method, dict(PAGINATION[name]), MODEL.operation_model(name))
            iterator = paginator.paginate(**request)
            if result:
                results = iterator.build_full_result()
                results.pop("NextToken", None)  # botocore's own token
            else:
                pages = list(iterator)
            calls.append(swf.calls)
        yield pages, results, calls


DOMAINS = [
    {"domainInfos": [{"name": "a"}, {"name": "b"}], "nextPageToken": "1"},
    {"domainInfos": [], "nextPageToken": "2"},
    {"domainInfos": [{"name": "c"}, {"name": "d"}], "nextPageToken": "3"},
    {"domainInfos": [{"name": "e"}]},
]


@pytest.mark.parametrize(
    "config",
    [
        None,
        {},
        {"PageSize": 2},
        {"PageSize": "2"},
        {"MaxItems": 1},
        {"MaxItems": 2},
        {"MaxItems": "3", "PageSize": 2},
        {"MaxItems": 5},
        {"MaxItems": 9},
        {"StartingToken": "0"},
    ],
)
def test_pages_are_followed_as_botocore_follows_them(config):
    config = {} if config is None else {"PaginationConfig": config}
    ours, theirs = both("ListDomains", DOMAINS, registrationStatus="REGISTERED", **config)
    assert ours == theirs


def test_the_result_of_a_decision_task_is_that_of_botocore():
    task = {"taskToken": "t", "startedEventId": 4, "previousStartedEventId": 0}
    answers = [
        {**task, "events": [{"eventId": 1}, {"eventId": 2}], "nextPageToken": "1"},
        {**task, "events": [{"eventId": 3}]},
    ]
    ours, theirs = both("PollForDecisionTask", answers, domain="d", taskList={"name": "l"})
    # botocore has null for what the answer leaves out.
    theirs = (theirs[0], {k: v for k, v in theirs[1].items() if v is not None}, theirs[2])
    assert ours == theirs
    assert [event["eventId"] for event in ours[1]["events"]] == [1, 2, 3]


def test_pages_can_be_asked_for_again():
    swf = Recorded(*DOMAINS, *DOMAINS)
    pages = swf.get_paginator("list_domains").paginate(registrationStatus="REGISTERED")
    first = [page["domainInfos"] for page in pages]
    assert [page["domainInfos"] for page in pages] == first
    assert swf.calls[:4] == swf.calls[4:]


def test_a_setting_that_is_not_known_is_refused():
    paginator = Recorded().get_paginator("list_domains")
    with pytest.raises(UsageError, match="not Pagesize"):
        paginator.paginate(registrationStatus="REGISTERED", PaginationConfig={"Pagesize": 5})
