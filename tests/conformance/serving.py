"""The server under test: a whole one, in a thread of this process, on a port of the loopback.

Its clients are ``boto3`` and, for what ``boto3`` would not send, `Wire`; both sign with a key that
was made for them.
"""

import asyncio
import http.client
import json
import threading
from contextlib import contextmanager
from typing import NamedTuple

import boto3
import uvloop
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials

from dataflow.clock import SystemClock
from dataflow.engine.auth.keys import KeyFile
from dataflow.engine.http.gates import Signed
from dataflow.engine.http.server import Entrance, Server
from dataflow.engine.http.sockets import read_listen, tcp_sockets
from dataflow.engine.metrics import Metrics
from dataflow.engine.service import EngineService

REGION = "us-east-1"


class Address(NamedTuple):
    """Where the server is, a key to it, and what it serves."""

    service: EngineService
    url: str
    key_id: str
    secret: str

    def boto3_client(self):
        """A client that leaves it to the server to refuse what does not fit the model."""
        return boto3.client(
            "swf",
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=self.key_id,
            aws_secret_access_key=self.secret,
            config=Config(parameter_validation=False, retries={"max_attempts": 0}),
        )


@contextmanager
def served(home, *, poll_seconds=0):
    """A server with its file and its keys in this directory.

    Unless a test says otherwise, polls that find nothing do not wait: they would do so for a minute
    by the clock of the machine.
    """
    clock = SystemClock()
    keys = KeyFile(home)
    key = keys.create(now=clock.now())
    counted = Metrics()
    service = EngineService(home / "engine.db", poll_seconds=poll_seconds, metrics=counted)
    entrance = Entrance(
        sockets=tcp_sockets(read_listen("127.0.0.1:0"), anywhere=False), gate=Signed(keys)
    )
    server = Server(service, [entrance], counted=counted, clock=clock)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, name="server")
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(server.start(), loop).result(30)
            yield Address(service, entrance.urls[0], key.access_key_id, key.secret)
            asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(30)


class Answer(NamedTuple):
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


class Wire:
    """A signed connection that sends any bytes."""

    def __init__(self, address):
        self._url = address.url
        self._auth = SigV4Auth(Credentials(address.key_id, address.secret), "swf", REGION)
        self._connection = http.client.HTTPConnection(address.url.removeprefix("http://"))

    def post(self, operation, request):
        return self.post_bytes(operation, json.dumps(request).encode())

    def post_bytes(self, operation, body):
        self.send_bytes(operation, body)
        return self.answer()

    def send(self, operation, request):
        """The first half of `post`."""
        self.send_bytes(operation, json.dumps(request).encode())

    def send_bytes(self, operation, body):
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"SimpleWorkflowService.{operation}",
        }
        signed = AWSRequest(method="POST", url=f"{self._url}/", data=body, headers=headers)
        self._auth.add_auth(signed)
        self._connection.request("POST", "/", body, dict(signed.headers))

    @property
    def socket(self):
        return self._connection.sock

    def answer(self):
        """The second half of `post`."""
        answer = self._connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, answer.read())

    def close(self):
        self._connection.close()
