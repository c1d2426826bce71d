"""Amazon SWF by boto3: against moto, as far as it knows SWF, and against what a stub answers."""

import os
import threading
from contextlib import closing
from pathlib import Path

import pytest
from botocore import exceptions as boto
from botocore.stub import Stubber
from served_engine import SETTINGS, TYPE, furnish

from dataflow.client import amazon
from dataflow.client.amazon import AmazonService
from dataflow.errors import UsageError
from dataflow.protocol import faults

WORK = {"domain": "shop", "taskList": {"name": "work"}}
DECISIONS = {"domain": "shop", "taskList": {"name": "decisions"}}
START = {"domain": "shop", "workflowId": "w", "workflowType": TYPE}
EXECUTION = {"workflowId": "w", "runId": "r"}
ACTIVITY_TASK = {
    "taskToken": "t",
    "startedEventId": 7,
    "activityId": "a",
    "activityType": {"name": "pay", "version": "1"},
    "workflowExecution": EXECUTION,
}
DECISION_TASK = {
    "taskToken": "t",
    "startedEventId": 7,
    "events": [],
    "workflowType": TYPE,
    "workflowExecution": EXECUTION,
}


@pytest.fixture
def keys(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")


@pytest.fixture
def swf(keys, slept):
    with closing(AmazonService(attempts=3, pollers=2, sleep=slept.append)) as swf:
        yield swf


@pytest.fixture
def stub(swf):
    """What Amazon answers to calls that are no polls."""
    with Stubber(swf._client) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def polled(swf):
    """What Amazon answers to polls."""
    with Stubber(swf._polls) as stub:
        yield stub
        stub.assert_no_pending_responses()


@pytest.fixture
def fails(swf, monkeypatch):
    """Let calls fail with errors of botocore's, one after the other."""

    def fails(*errors, client=swf._client, then=None):
        left = list(errors)

        def fail(*_, **__):
            if left:
                raise left.pop(0)
            return then

        monkeypatch.setattr(client, "_make_api_call", fail)
        return left

    return fails


# --- with moto ------------------------------------------------------------------------------


@pytest.mark.integration
def test_a_workflow(moto):
    """The happy path: a decision, an activity, the end."""
    with closing(AmazonService(attempts=5)) as swf:
        assert swf.url == moto
        furnish(swf)
        run_id = swf.start_workflow_execution(**START, **SETTINGS)["runId"]
        poller = swf.poller()
        task = poller.poll_for_decision_task(**DECISIONS)
        assert task["workflowExecution"] == {"workflowId": "w", "runId": run_id}
        assert task["events"][0]["eventType"] == "WorkflowExecutionStarted"
        schedule = {
            "decisionType": "ScheduleActivityTask",
            "scheduleActivityTaskDecisionAttributes": {
                "activityId": "a",
                "activityType": {"name": "pay", "version": "1"},
                "taskList": {"name": "work"},
            },
        }
        swf.respond_decision_task_completed(taskToken=task["taskToken"], decisions=[schedule])
        activity = poller.poll_for_activity_task(**WORK)
        assert activity["activityId"] == "a"
        swf.respond_activity_task_completed(taskToken=activity["taskToken"], result="paid")
        task = poller.poll_for_decision_task(**DECISIONS)
        end = {
            "decisionType": "CompleteWorkflowExecution",
            "completeWorkflowExecutionDecisionAttributes": {"result": "paid"},
        }
        swf.respond_decision_task_completed(taskToken=task["taskToken"], decisions=[end])
        history = swf.get_workflow_execution_history(
            domain="shop", execution={"workflowId": "w", "runId": run_id}
        )
        assert history["events"][-1]["eventType"] == "WorkflowExecutionCompleted"
        assert history["events"][-1]["eventTimestamp"].tzinfo is not None


@pytest.mark.integration
def test_a_fault_is_one_of_ours(moto):
    with closing(AmazonService(attempts=1)) as swf:
        with pytest.raises(swf.exceptions.UnknownResourceFault) as refused:
            swf.describe_domain(name="nowhere")
        assert isinstance(refused.value, faults.UnknownResourceFault)
        assert refused.value.response["Error"]["Code"] == "UnknownResourceFault"
        assert isinstance(refused.value.__cause__, boto.ClientError)
        furnish(swf)
        with pytest.raises(swf.exceptions.DomainAlreadyExistsFault):
            furnish(swf)


@pytest.mark.integration
def test_a_poll_without_a_task(moto):
    with closing(AmazonService(attempts=1)) as swf:
        furnish(swf)
        answer = swf.poller().poll_for_activity_task(**WORK)
        assert (answer["taskToken"], answer["startedEventId"]) == ("", 0)
        answer = swf.poll_for_decision_task(**DECISIONS)
        assert (answer["taskToken"], answer["previousStartedEventId"]) == ("", 0)


# --- how boto3 is told to behave ------------------------------------------------------------


def test_the_clients(swf):
    calls, polls = swf._client.meta.config, swf._polls.meta.config
    assert calls.retries == {"mode": "standard", "total_max_attempts": 3}
    assert polls.retries == {"mode": "standard", "total_max_attempts": 1}
    assert polls.read_timeout == 70
    assert calls.read_timeout == 60
    assert polls.max_pool_connections == 2
    assert swf.url == "https://swf.eu-west-1.amazonaws.com"


def test_calls_keep_to_the_rates(swf, stub, slept):
    for _ in range(101):
        stub.add_response("list_domains", {"domainInfos": []})
        swf.list_domains(registrationStatus="REGISTERED")
    (pause,) = slept
    assert 0 < pause <= 1 / 6


# --- limits that pass -----------------------------------------------------------------------


def test_a_limit_that_passes_is_waited_for(swf, stub, slept):
    stub.add_client_error("start_workflow_execution", "LimitExceededFault")
    stub.add_client_error("start_workflow_execution", "LimitExceededFault")
    stub.add_response("start_workflow_execution", {"runId": "r"})
    assert swf.start_workflow_execution(**START)["runId"] == "r"
    assert 0.1 <= slept[0] <= 0.2 <= slept[1] <= 0.4


def test_a_limit_is_not_waited_for_for_ever(swf, stub, slept):
    for _ in range(3):
        stub.add_client_error("start_workflow_execution", "LimitExceededFault", "full")
    with pytest.raises(faults.LimitExceededFault, match="full"):
        swf.start_workflow_execution(**START)
    assert len(slept) == 2


def test_a_limit_that_stays_is_told(swf, stub, slept):
    stub.add_client_error("register_domain", "LimitExceededFault", "100 domains")
    with pytest.raises(faults.LimitExceededFault):
        swf.register_domain(name="d", workflowExecutionRetentionPeriodInDays="1")
    assert slept == []


def test_other_faults_are_told_at_once(swf, stub, slept):
    stub.add_client_error("describe_domain", "UnknownResourceFault", "Unknown domain: x", 400)
    with pytest.raises(faults.UnknownResourceFault) as refused:
        swf.describe_domain(name="x")
    assert (refused.value.message, refused.value.status) == ("Unknown domain: x", 400)
    assert slept == []


@pytest.mark.parametrize("code", ["ThrottlingException", "LimitExceededFault", "InternalFailure"])
def test_a_poll_that_was_refused_for_now(swf, polled, slept, code):
    """boto3 itself tries it only once; what was refused has taken no task."""
    polled.add_client_error("poll_for_activity_task", code)
    polled.add_response("poll_for_activity_task", ACTIVITY_TASK)
    assert swf.poll_for_activity_task(**WORK)["taskToken"] == "t"
    assert len(slept) == 1


def test_a_poll_that_is_refused_for_long(swf, polled, slept):
    for _ in range(3):
        polled.add_client_error("poll_for_decision_task", "ThrottlingException")
    with pytest.raises(faults.ThrottlingException):
        swf.poll_for_decision_task(**DECISIONS)
    assert len(slept) == 2


def test_a_poll_that_is_wrong(swf, polled, slept):
    polled.add_client_error("poll_for_decision_task", "UnknownResourceFault")
    with pytest.raises(faults.UnknownResourceFault):
        swf.poller().poll_for_decision_task(**DECISIONS)
    assert slept == []


# --- the network ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        boto.ReadTimeoutError(endpoint_url="https://x"),
        boto.ConnectionClosedError(endpoint_url="https://x"),
    ],
)
def test_a_poll_that_breaks_has_found_no_task(swf, fails, slept, error):
    fails(error, client=swf._polls)
    answer = swf.poll_for_decision_task(**DECISIONS)
    assert (answer["taskToken"], answer["previousStartedEventId"]) == ("", 0)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert len(slept) == 1


def test_a_poll_that_was_not_sent_is_made_again(swf, fails, slept):
    left = fails(
        boto.EndpointConnectionError(endpoint_url="https://x"),
        boto.ConnectTimeoutError(endpoint_url="https://x"),
        client=swf._polls,
        then={"taskToken": "t"},
    )
    assert swf.poll_for_activity_task(**WORK)["taskToken"] == "t"
    assert (left, len(slept)) == ([], 2)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (boto.ReadTimeoutError(endpoint_url="https://x"), "Read timeout"),
        (boto.ConnectionClosedError(endpoint_url="https://x"), "Connection was closed"),
        (boto.ProxyConnectionError(proxy_url="http://p"), "Failed to connect to proxy"),
        (boto.SSLError(endpoint_url="https://x", error="handshake"), "handshake"),
        (boto.EndpointConnectionError(endpoint_url="https://x"), "is AWS_DEFAULT_REGION a region"),
    ],
)
def test_errors_of_the_network(swf, fails, error, told):
    fails(error)
    with pytest.raises(faults.ServiceUnavailable, match=told) as unavailable:
        swf.describe_domain(name="x")
    assert unavailable.value.__cause__ is error


def test_what_does_not_fit_the_model(swf):
    with pytest.raises(faults.ValidationException, match='Unknown parameter in input: "nmae"'):
        swf.describe_domain(nmae="x")


# --- credentials and regions ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (boto.NoCredentialsError(), "there are no AWS credentials: set AWS_ACCESS_KEY_ID"),
        (boto.PartialCredentialsError(provider="env", cred_var="x"), "aws sts get-caller-identity"),
        (
            boto.CredentialRetrievalError(provider="custom", error_msg="no"),
            "`aws sts get-caller-identity` shows which",
        ),
        (boto.UnauthorizedSSOTokenError(), "run `aws sso login`"),
        (boto.SSOTokenLoadError(error_msg="expired"), "run `aws sso login`"),
        (boto.TokenRetrievalError(provider="sso", error_msg="expired"), "run `aws sso login`"),
        (
            boto.SSLError(endpoint_url="https://x", error="[SSL: CERTIFICATE_VERIFY_FAILED]"),
            "AWS_CA_BUNDLE",
        ),
        (boto.UnknownEndpointError(service_name="swf", region_name="x"), "AWS cannot be used: "),
    ],
)
def test_what_a_user_can_put_right_is_one_line(swf, fails, error, told):
    fails(error)
    with pytest.raises(UsageError) as refused:
        swf.describe_domain(name="x")
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)
    assert not isinstance(refused.value, faults.Fault)


@pytest.mark.parametrize("code", ["UnrecognizedClientException", "ExpiredTokenException"])
def test_credentials_that_amazon_refuses(swf, stub, code):
    stub.add_client_error("describe_domain", code, "The security token is invalid.")
    with pytest.raises(faults.Fault) as refused:
        swf.describe_domain(name="x")
    assert refused.value.code == code
    expected = "The security token is invalid: `aws sts get-caller-identity` shows which"
    assert str(refused.value).startswith(expected)


def test_no_region(keys, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(UsageError, match="there is no AWS region: set AWS_DEFAULT_REGION"):
        AmazonService(attempts=1)


def test_a_region_that_is_none(keys, monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "not a region")
    with pytest.raises(UsageError, match=r"AWS cannot be used: .*'not a region'"):
        AmazonService(attempts=1)


def test_no_credentials(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with pytest.raises(UsageError, match="there are no AWS credentials: set AWS_ACCESS_KEY_ID"):
        AmazonService(attempts=1)


def test_no_such_profile(keys, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    with pytest.raises(UsageError, match=r"\(mine\) could not be found: `aws configure list-prof"):
        AmazonService(attempts=1)


def test_an_endpoint_that_is_no_url(keys, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_SWF", "nowhere")
    with pytest.raises(UsageError, match="AWS cannot be used: Invalid endpoint: nowhere"):
        AmazonService(attempts=1)


def test_a_profile(monkeypatch):
    Path(os.environ["AWS_CONFIG_FILE"]).write_text("[profile mine]\nregion = eu-central-1\n")
    Path(os.environ["AWS_SHARED_CREDENTIALS_FILE"]).write_text(
        "[mine]\naws_access_key_id = A\naws_secret_access_key = S\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "mine")
    with closing(AmazonService(attempts=1)) as swf:
        assert swf.url == "https://swf.eu-central-1.amazonaws.com"


# --- pollers that are cancelled -------------------------------------------------------------


def test_a_cancelled_poller_asks_no_more(swf):
    poller = swf.poller()
    poller.cancel()
    answer = poller.poll_for_activity_task(**WORK)
    assert (answer["taskToken"], answer["startedEventId"]) == ("", 0)
    answer = poller.poll_for_decision_task(**DECISIONS)
    assert (answer["taskToken"], answer["previousStartedEventId"]) == ("", 0)


def test_pages_are_read_all_the_same(swf, stub):
    poller = swf.poller()
    poller.cancel()
    stub.add_response("poll_for_decision_task", DECISION_TASK)
    assert poller.poll_for_decision_task(**DECISIONS, nextPageToken="n")["taskToken"] == "t"


def test_a_poll_under_way_goes_on(swf, monkeypatch):
    """Nothing can be done; and what it brings is not thrown away."""
    poller = swf.poller()

    def late(*_):
        poller.cancel()
        return ACTIVITY_TASK

    monkeypatch.setattr(swf._polls, "_make_api_call", late)
    assert poller.poll_for_activity_task(**WORK)["taskToken"] == "t"
    assert poller.poll_for_activity_task(**WORK)["taskToken"] == ""


def test_who_waits_for_another_attempt_is_woken(swf, polled, monkeypatch):
    monkeypatch.setattr(amazon, "pause", lambda _: 60)
    polled.add_client_error("poll_for_activity_task", "ThrottlingException")
    poller = swf.poller()
    wait, pausing = poller._wait, threading.Event()

    def waits(seconds):
        pausing.set()
        wait(seconds)

    poller._wait = waits
    answers = []
    thread = threading.Thread(target=lambda: answers.append(poller.poll_for_activity_task(**WORK)))
    thread.start()
    assert pausing.wait(20)
    poller.cancel()
    thread.join(20)
    assert [answer["taskToken"] for answer in answers] == [""]
