"""TCP: who comes in with which key. The client is boto3, and then one that cheats."""

import socket
import time
from types import SimpleNamespace

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from running_server import Client, describe, poll, post, request, running

from dataflow.engine.auth.caller import Role
from dataflow.engine.auth.keys import KeyFile
from dataflow.engine.http import gates
from dataflow.engine.http.gates import Signed
from dataflow.engine.http.server import Entrance
from dataflow.engine.http.sockets import Listen, tcp_sockets

REGION = "eu-central-1"


@pytest.fixture
def keys(tmp_path):
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return KeyFile(home)


@pytest.fixture
def server(service, tmp_path, keys):
    entrance = Entrance(
        sockets=tcp_sockets(Listen("127.0.0.1", 0), anywhere=False), gate=Signed(keys)
    )
    with running(service, tmp_path / "engine.sock", entrance) as server:
        yield server


@pytest.fixture
def create(keys):
    def create(**options):
        return keys.create(now=time.time(), **options)

    return create


@pytest.fixture
def connect(server):
    clients = []

    def connect():
        clients.append(Client(("127.0.0.1", server.port)))
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def swf(server):
    """A client as a user makes one."""
    clients = []

    def swf(key, secret=None):
        client = boto3.client(
            "swf",
            endpoint_url=server.urls[1],
            region_name=REGION,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=secret or key.secret,
            config=Config(retries={"total_max_attempts": 1}),
        )
        clients.append(client)
        return client

    yield swf
    for client in clients:
        client.close()


def refusal(call, **request):
    with pytest.raises(ClientError) as refused:
        call(**request)
    return refused.value.response["Error"]["Code"]


# --- boto3 --------------------------------------------------------------------------------


def test_a_key_lets_in(swf, create, service):
    key = create(name="me")
    answer = swf(key).describe_domain(name="x")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert len(answer["ResponseMetadata"]["RequestId"]) == 36
    ((operation, caller),) = service.submitted
    assert operation.name == "x"
    assert (caller.key_id, caller.role) == (key.access_key_id, Role.ADMIN)


def test_a_fault_is_the_exception_of_its_name(swf, create):
    client = swf(create())
    with pytest.raises(client.exceptions.UnknownResourceFault, match="Unknown domain: fault"):
        client.describe_domain(name="fault")


def test_no_such_key(swf, create, service):
    create()
    nobody = SimpleNamespace(access_key_id="DFAAAAAAAAAAAAAAAAAA", secret="s" * 40)
    assert refusal(swf(nobody).describe_domain, name="x") == "UnrecognizedClientException"
    assert service.submitted == []


def test_a_wrong_secret(swf, create, service):
    client = swf(create(), secret="s" * 40)
    assert refusal(client.describe_domain, name="x") == "InvalidSignatureException"
    assert service.submitted == []


def test_a_revoked_key(swf, create, keys):
    key = create()
    client = swf(key)
    client.describe_domain(name="x")
    keys.revoke(key.access_key_id)
    assert refusal(client.describe_domain, name="x") == "UnrecognizedClientException"


def test_a_role(swf, create, service):
    client = swf(create(role=Role.WORKER))
    assert refusal(client.list_open_workflow_executions, **LISTING) == "AccessDeniedException"
    assert service.submitted == []


LISTING = {"domain": "d", "startTimeFilter": {"oldestDate": 0}}


def test_a_domain_and_a_task_list(swf, create, service):
    client = swf(create(role=Role.WORKER, domain="d", task_list="mail-*"))
    there = {"domain": "d", "taskList": {"name": "mail-1"}}
    for elsewhere in ({"domain": "e"}, {"taskList": {"name": "box"}}):
        refused = refusal(client.poll_for_activity_task, **{**there, **elsewhere})
        assert refused == "AccessDeniedException"
    assert service.submitted == []


def test_a_clock_that_is_wrong(swf, create, monkeypatch):
    client = swf(create())
    client.describe_domain(name="x")
    for error in (-400, 400):
        monkeypatch.setattr(gates, "wall_time", lambda error=error: time.time() + error)
        assert refusal(client.describe_domain, name="x") == "InvalidSignatureException"


def test_a_file_of_keys_that_cannot_be_read(swf, create, keys, caplog):
    client = swf(create())
    keys.path.write_text("{")
    assert refusal(client.describe_domain, name="x") == "ServiceUnavailable"
    assert "is damaged" in caplog.text
    caplog.clear()


def test_the_unix_socket_asks_for_no_key(server, service):
    with Client(server.path) as client:
        assert client.ask(describe("x")).status == 200
    ((_, caller),) = service.submitted
    assert caller.key_id == ""


# --- requests that were tampered with ------------------------------------------------------


@pytest.fixture
def signed(server, create):
    """The bytes of a request as botocore signs it."""

    def signed(body=b'{"name": "x"}', path="/", operation="DescribeDomain", key=None):
        key = key or create()
        headers = {
            "Host": f"127.0.0.1:{server.port}",
            "X-Amz-Target": f"SimpleWorkflowService.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
        }
        url = f"http://127.0.0.1:{server.port}{path}"
        asked = AWSRequest("POST", url, data=body, headers=headers)
        SigV4Auth(Credentials(key.access_key_id, key.secret), "swf", REGION).add_auth(asked)
        lines = [f"{name}: {value}" for name, value in asked.headers.items()]
        return request(*lines, method=f"POST {path} HTTP/1.1", body=body)

    return signed


def test_a_signed_request(connect, signed):
    assert connect().ask(signed()).json == {"name": "x"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"x"', b'"y"'),
        (b".DescribeDomain", b".DeprecateDomain"),
        (b"Host: 127", b"Host: 128"),
        (b"POST / ", b"POST /?a=b "),
    ],
    ids=["body", "target", "host", "query"],
)
def test_a_request_that_was_changed_on_its_way(connect, signed, service, before, after):
    asked = signed()
    assert before in asked
    got = connect().ask(asked.replace(before, after))
    assert (got.status, got.fault) == (400, "InvalidSignatureException")
    assert service.submitted == []


def test_a_query_that_was_signed(connect, signed):
    assert connect().ask(signed(path="/?b=2&a=1")).status == 200


def test_a_target_that_was_slipped_in(connect, signed, service):
    slipped = b"x-amz-target: SimpleWorkflowService.DeprecateDomain\r\n\r\n"
    got = connect().ask(signed().replace(b"\r\n\r\n", b"\r\n" + slipped, 1))
    assert got.fault == "InvalidSignatureException"
    assert service.submitted == []


def test_a_request_without_a_signature(connect, service):
    assert connect().ask(describe("x")).fault == "MissingAuthenticationTokenException"
    assert connect().ask(poll()).fault == "MissingAuthenticationTokenException"
    assert service.submitted == service.parked == []


def test_half_a_signature(connect, signed):
    asked = signed()
    half = asked[: asked.index(b", Signature=")] + asked[asked.index(b"\r\ncontent-length") :]
    assert connect().ask(half).fault == "IncompleteSignatureException"


def test_a_request_that_was_recorded_and_is_sent_again(connect, signed, monkeypatch):
    asked = signed()
    assert connect().ask(asked).status == 200
    monkeypatch.setattr(gates, "wall_time", lambda: time.time() + 60)
    assert connect().ask(asked).fault == "InvalidSignatureException"


def test_who_has_no_key_learns_nothing_of_what_is_wrong(connect):
    assert (
        connect().ask(post("DescribeDomain", b"{")).fault == "MissingAuthenticationTokenException"
    )


# --- keys that are revoked -----------------------------------------------------------------

POLL = {"operation": "PollForActivityTask", "body": b'{"domain":"d","taskList":{"name":"list"}}'}


def test_the_poll_of_a_key_that_is_revoked_takes_no_task(
    create, keys, signed, connect, server, service
):
    """It ends; what the client asks next is refused."""
    key, other = create(), create()
    clients = [connect().send(signed(**POLL, key=each)) for each in (key, other)]
    service.wait_for(lambda: len(service.parked) == 2)
    keys.revoke(key.name)
    server.do(server.server.check_callers)
    service.hand_out({"taskToken": "a task"})
    assert [client.answer().json["taskToken"] for client in clients] == ["", "a task"]
    assert clients[0].ask(signed(**POLL, key=key)).fault == "UnrecognizedClientException"


def test_a_server_looks_after_revoked_keys_by_itself(create, keys, signed, connect, service):
    key = create()
    client = connect().send(signed(**POLL, key=key))
    service.wait_for(lambda: service.parked)
    keys.revoke(key.name)
    assert client.answer().json["taskToken"] == ""


# --- pages --------------------------------------------------------------------------------

METRICS = request(method="GET /metrics HTTP/1.1")


def test_health_is_told_to_everybody(connect):
    assert connect().ask(request(method="GET /healthz HTTP/1.1")).body == b"ok\n"


def test_metrics_are_told_to_this_machine(connect):
    assert b"dataflow_open_executions 7\n" in connect().ask(METRICS).body


@pytest.mark.parametrize("header", ["X-Forwarded-For: 1.2.3.4", "Via: 1.1 x", "Forwarded: for=x"])
def test_metrics_are_not_told_to_whom_a_proxy_lets_in(connect, header):
    got = connect().ask(request(header, method="GET /metrics HTTP/1.1"))
    assert got.fault == "AccessDeniedException"


@pytest.mark.parametrize("host", ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1"])
def test_metrics_are_not_told_to_other_machines(keys, host):
    assert not Signed(keys).may_look({"client": (host, 1234), "headers": []})


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1"])
def test_metrics_are_told_to_each_address_of_this_machine(keys, host):
    assert Signed(keys).may_look({"client": (host, 1234), "headers": []})


def test_a_client_whose_address_is_gone_already(keys):
    assert not Signed(keys).may_look({"client": None, "headers": []})


# --- clients that vanish ------------------------------------------------------------------


def test_a_worker_that_is_cut_off_takes_no_task(swf, create, service, server):
    key = create(role=Role.WORKER)
    client = swf(key)
    client.meta.events.register("before-send.swf.PollForActivityTask", _send_and_leave)
    client.poll_for_activity_task(domain="d", taskList={"name": "list"})
    service.wait_for(lambda: service.withdrawn)
    assert service.parked == []


def _send_and_leave(request, **_):
    """Send what boto3 has signed, wait until it is parked, and be gone."""
    host, _, port = request.url.removeprefix("http://").rstrip("/").partition(":")
    lines = [f"{name}: {_text(value)}" for name, value in request.headers.items()]
    body = request.body
    head = "\r\n".join(["POST / HTTP/1.1", f"Host: {host}:{port}", *lines])
    with socket.create_connection((host, int(port))) as leaving:
        leaving.sendall(head.encode() + b"\r\n\r\n" + body)
    return SimpleNamespace(status_code=200, headers={}, content=b"{}", text="{}")


def _text(value):
    return value.decode() if isinstance(value, bytes) else value
