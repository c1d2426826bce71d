"""The server, sent anything: never a 500, nothing in its log, and the next client is served."""

import asyncio
import itertools
import json
import logging

import pytest
import uvloop
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from fuzzed_engine import POLLS, documented
from hypothesis import given, settings
from hypothesis import strategies as st
from random_requests import INPUTS, MODEL, OPERATIONS, Requests, filled, misfit, seeded, stand_in

from dataflow.clock import SystemClock
from dataflow.engine.auth.keys import KeyFile
from dataflow.engine.http.gates import SameUser, Signed
from dataflow.engine.http.server import Entrance, Server
from dataflow.engine.http.sockets import read_listen, tcp_sockets, unix_socket
from dataflow.engine.metrics import Metrics
from dataflow.engine.service import EngineService

PATIENCE = 30
#: What a request may be answered whose signature is looked at.
OF_SIGNATURES = {
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "AccessDeniedException",
}
MANY = settings(max_examples=3 * settings.default.max_examples)
SEEDS = st.integers(0, 2**64)


class Served:
    """A server, its log, and a key to it; clients run in its own event loop."""

    def __init__(self, runner, home):
        self._runner = runner
        self.errors = []
        clock = SystemClock()
        keys = KeyFile(home)
        key = keys.create(now=clock.now())
        self.credentials = Credentials(key.access_key_id, key.secret)
        self.path = str(home / "engine.sock")
        tcp = tcp_sockets(read_listen("127.0.0.1:0"), anywhere=False)
        self.port = tcp[0].getsockname()[1]
        entrances = [
            Entrance(sockets=[unix_socket(home / "engine.sock")], gate=SameUser()),
            Entrance(sockets=tcp, gate=Signed(keys)),
        ]
        service = EngineService(":memory:", poll_seconds=0)
        self._server = Server(service, entrances, counted=Metrics(), clock=clock)

    async def start(self):
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.errors.append(context))
        await self._server.start()
        for name in ("d", "e"):
            body = {"name": name, "workflowExecutionRetentionPeriodInDays": "1"}
            await self._ask(post("RegisterDomain", json.dumps(body).encode()))

    async def stop(self):
        await self._server.stop()

    def ask(self, text, *, tcp=False, whole=True):
        """What the server says to these bytes until it hangs up; then it must still be well.

        ``whole``: the server hangs up first, since it has been asked to.
        """

        async def ask():
            said = await self._ask(text, tcp=tcp, whole=whole)
            assert (await self._ask(HEALTH))[0].status == 200
            return said

        said = self._runner.run(ask())
        assert not self.errors, self.errors
        for answer in said:
            assert answer.status < 500, answer
        return said

    async def _ask(self, text, *, tcp=False, whole=True):
        async with asyncio.timeout(PATIENCE):
            if tcp:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            else:
                reader, writer = await asyncio.open_unix_connection(self.path)
            try:
                writer.write(text)
                if not whole:
                    writer.write_eof()
                said = await reader.read()
            except ConnectionError:
                said = b""
            finally:
                writer.close()
        return list(answers(said))


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body!r}"

    @property
    def fault(self):
        """The name of the fault, which stands in three places; None if it is none."""
        if self.status == 200:
            return None
        name = json.loads(self.body)["__type"].rpartition("#")[2]
        assert self.headers[b"x-amzn-errortype"] == self.headers[b"x-amzn-query-error"]
        assert self.headers[b"x-amzn-errortype"].decode() == name
        return name


def answers(said):
    """The answers that stand one behind the other."""
    while said:
        head, found, said = said.partition(b"\r\n\r\n")
        assert found, head
        status, *lines = head.split(b"\r\n")
        assert status.startswith(b"HTTP/1.1 "), status
        headers = {name.lower(): value for name, _, value in (n.partition(b": ") for n in lines)}
        length = int(headers.get(b"content-length", 0))
        body, said = said[:length], said[length:]
        yield Answer(int(status.split()[1]), headers, body)


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        served = Served(runner, home)
        handler = logging.Handler(logging.ERROR)
        handler.emit = served.errors.append
        logging.getLogger().addHandler(handler)
        runner.run(served.start())
        yield served
        runner.run(served.stop())
        logging.getLogger().removeHandler(handler)


# --- requests -----------------------------------------------------------------------------

HEALTH = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
TARGET = "SimpleWorkflowService."


def http(headers, body, first=b"POST / HTTP/1.1"):
    lines = [first, *(b"%b: %b" % header for header in headers)]
    return b"\r\n".join([*lines, b"", body])


def post(operation, body, *more):
    return http(
        [
            (b"host", b"localhost"),
            (b"content-type", b"application/x-amz-json-1.0"),
            (b"x-amz-target", f"{TARGET}{operation}".encode()),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
            *more,
        ],
        body,
    )


def check(operation, request, answer):
    """Whether it is an answer to this."""
    fault = answer.fault
    if fault is not None:
        assert fault in documented(operation)
        assert answer.status == 400
        return
    shape = MODEL.operation_model(operation).output_shape
    if shape is None:
        assert answer.body == b""
    elif operation not in POLLS:  # there are no tasks
        assert misfit(shape, json.loads(answer.body)) is None
    if isinstance(request, dict):
        known = {name: request[name] for name in request.keys() & INPUTS[operation].members.keys()}
        assert misfit(INPUTS[operation], known) is None or "no member" in misfit(
            INPUTS[operation], known
        )


def some_request(chance):
    """An operation and a request for it, of any kind."""
    operation = chance.choice(OPERATIONS)
    requests = Requests(chance)
    make = chance.choice([requests.likely, requests.likely, requests.broken, requests.arbitrary])
    return operation, filled(make(operation), stand_in)


@MANY
@given(seed=SEEDS)
def test_requests_get_an_answer_or_a_fault(served, seed):
    operation, request = some_request(seeded(seed))
    (answer,) = served.ask(post(operation, json.dumps(request).encode()))
    check(operation, request, answer)


# --- odd headers --------------------------------------------------------------------------

NAMES = (
    b"content-type",
    b"content-length",
    b"transfer-encoding",
    b"x-amz-target",
    b"authorization",
    b"x-amz-date",
    b"x-amz-content-sha256",
    b"x-amz-security-token",
    b"host",
    b"connection",
    b"expect",
    b"upgrade",
    b"date",
    b"x",
)
VALUES = (
    b"",
    b"0",
    b"-1",
    b"+5",
    b"1e3",
    b"9" * 30,
    b"0x10",
    b"chunked",
    b"chunked, chunked",
    b"identity",
    b"gzip",
    b"close",
    b"100-continue",
    b"websocket",
    b"h2c",
    b"application/json",
    b"application/x-amz-json-1.1; charset=\xff",
    b"SimpleWorkflowService.ListDomains",
    b"SimpleWorkflowService.",
    b"ListDomains",
    b"\xff\xfe",
    b"\xc3\xa9",
    b"a" * 10_000,
    b"AWS4-HMAC-SHA256",
    b"AWS4-HMAC-SHA256 Credential=, SignedHeaders=, Signature=",
    b"AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host;x, Signature=" + b"0" * 64,
    b"AWS4-HMAC-SHA256 Credential=\xff/20260101/x/swf/aws4_request,SignedHeaders=host,Signature=z",
    b"20260301T000000Z",
    b"Sun, 06 Nov 1994 08:49:37 GMT",
    b"UNSIGNED-PAYLOAD",
)
FIRST_LINES = (
    b"POST / HTTP/1.1",
    b"POST / HTTP/1.0",
    b"POST // HTTP/1.1",
    b"POST /?a=%zz&b HTTP/1.1",
    b"POST /\xff HTTP/1.1",
    b"POST * HTTP/1.1",
    b"POST http://x/ HTTP/1.1",
    b"GET / HTTP/1.1",
    b"GET /metrics HTTP/1.1",
    b"HEAD /metrics HTTP/1.1",
    b"GET /healthz?\x00 HTTP/1.1",
    b"OPTIONS * HTTP/1.1",
    b"CONNECT x:1 HTTP/1.1",
    b"PRI * HTTP/2.0",
    b"BREW / HTTP/1.1",
    b"POST / HTTP/9.9",
    b"POST",
    b"",
)


def odd_headers(chance, body):
    headers = [
        (b"host", b"localhost"),
        (b"content-type", b"application/x-amz-json-1.0"),
        (b"x-amz-target", f"{TARGET}{chance.choice(OPERATIONS)}".encode()),
        (b"content-length", b"%d" % len(body)),
    ]
    for _ in range(chance.randrange(1, 4)):
        value = chance.choice(VALUES) if chance.randrange(4) else chance.randbytes(8)
        odd = (chance.choice(NAMES), value)
        if chance.randrange(2):
            headers.append(odd)
        else:
            headers[chance.randrange(len(headers))] = odd
    return headers


@pytest.mark.parametrize("tcp", [False, True])
@MANY
@given(seed=SEEDS)
def test_odd_headers_are_refused_or_passed_over(served, tcp, seed):
    chance = seeded(seed)
    body = json.dumps(some_request(chance)[1]).encode()
    first = FIRST_LINES[0] if chance.randrange(2) else chance.choice(FIRST_LINES)
    for answer in served.ask(http(odd_headers(chance, body), body, first), tcp=tcp, whole=False):
        assert answer.status in {100, 200, 400, 404, 413}
        assert not tcp or answer.status != 200 or first != FIRST_LINES[0]


# --- damaged bytes ------------------------------------------------------------------------


def damaged(chance, text):
    """Bytes in which something is missing, wrong or too much."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(text) + 1)
        until = min(len(text), at + chance.choice([0, 1, 1, 8, 100]))
        middle = chance.choice(
            [b"", chance.randbytes(chance.randrange(4)), text[at:until] * 2, b"\r\n", b"\0", b":"]
        )
        text = text[:at] + middle + text[until:]
    return text


@MANY
@given(seed=SEEDS)
def test_damaged_bytes_do_no_harm(served, seed):
    chance = seeded(seed)
    operation, request = some_request(chance)
    text = post(operation, json.dumps(request).encode()) * chance.randrange(1, 3)
    served.ask(damaged(chance, text), tcp=chance.randrange(2) == 1, whole=False)


@MANY
@given(st.binary(max_size=200))
def test_any_bytes_do_no_harm(served, text):
    served.ask(text, whole=False)


# --- signed requests ----------------------------------------------------------------------


_numbers = itertools.count()


def signed(served, operation, body):
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"{TARGET}{operation}",
        "X-Number": str(next(_numbers)),  # or it could be one that was sent before
    }
    request = AWSRequest(
        method="POST", url=f"http://localhost:{served.port}/", data=body, headers=headers
    )
    SigV4Auth(served.credentials, "swf", "us-east-1").add_auth(request)
    given = [(name.encode(), str(value).encode()) for name, value in request.headers.items()]
    given += [
        (b"Host", b"localhost:%d" % served.port),
        (b"Content-Length", b"%d" % len(body)),
        (b"Connection", b"close"),
    ]
    return given


@MANY
@given(seed=SEEDS)
def test_what_is_signed_cannot_be_changed(served, seed):
    chance = seeded(seed)
    operation, request = some_request(chance)
    body = json.dumps(request).encode()
    headers = signed(served, operation, body)
    at = chance.randrange(len(body) + 1)
    body = body[:at] + chance.choice([b" ", b"x", b"\0"]) + body[at:]
    headers = [(n, b"%d" % len(body) if n == b"Content-Length" else v) for n, v in headers]
    (answer,) = served.ask(http(headers, body), tcp=True)
    assert answer.fault in OF_SIGNATURES


@MANY
@given(seed=SEEDS)
def test_signatures_that_are_damaged_are_refused(served, seed):
    chance = seeded(seed)
    operation, request = some_request(chance)
    body = json.dumps(request).encode()
    headers = signed(served, operation, body)
    number = next(n for n, header in enumerate(headers) if header[0] == b"Authorization")
    whole = headers[number][1]
    wrong = bytes(c for c in damaged(chance, whole) if c in PRINTED)
    headers[number] = (b"Authorization", wrong)
    (answer,) = served.ask(http(headers, body), tcp=True)
    if answer.fault not in OF_SIGNATURES:
        # Spaces and commas may be where they do not matter; all else does.
        assert wrong.translate(None, b" ,") == whole.translate(None, b" ,")


PRINTED = frozenset(range(0x20, 0x7F)) | frozenset(range(0xA0, 0x100))


@MANY
@given(seed=SEEDS)
def test_what_is_signed_is_let_in(served, seed):
    operation, request = some_request(seeded(seed))
    body = json.dumps(request).encode()
    (answer,) = served.ask(http(signed(served, operation, body), body), tcp=True)
    assert answer.fault not in OF_SIGNATURES
