"""Whatever is sent, in whatever pieces: no answer blames the server, and others do not notice."""

import re
import socket
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st
from running_server import Client, describe, poll, post

HOLD = describe("hold")
PIECES = [
    describe("x"),
    describe("fault"),
    describe("thread"),
    describe("later"),
    HOLD,
    poll(),
    post("RegisterDomain", b'{"name": "d", "workflowExecutionRetentionPeriodInDays": "1"}'),
    post("DescribeDomain", b" " * 3_000),
    post("DescribeDomain", b'{"name": "x"}', "expect: 100-continue"),
    post("DescribeDomain", b'{"name": "x"}', "connection: close"),
    b"GET /healthz HTTP/1.1\r\n\r\n",
    b"HEAD /metrics HTTP/1.0\r\n\r\n",
    b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: 5\r\n\r\n",
    b"content-length: 2000000\r\n",
    b"upgrade: h2c\r\nconnection: upgrade\r\n",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    b"\r\n",
    b"\r\n\r\n",
]
SENT = st.lists(st.sampled_from(PIECES) | st.binary(max_size=20), max_size=12).map(b"".join)


def test_whatever_is_sent(server, service, caplog):
    @settings(max_examples=300)
    @given(SENT, st.lists(st.integers(0, 2_000), max_size=4))
    def sent(text, places):
        with Client(server.path) as client:
            before = 0
            with suppress(BrokenPipeError, ConnectionResetError):
                for place in sorted({*places, len(text)}):
                    client.send(text[before:place])
                    before = place
                client.socket.shutdown(socket.SHUT_WR)
            if HOLD in text:  # its answer comes when all is over
                return
            answers = b""
            with suppress(ConnectionResetError):
                while data := client.socket.recv(65_536):
                    answers += data
        assert not re.search(rb"^HTTP/1.1 5", answers, re.MULTILINE)

    sent()
    service.wait_for(lambda: not service.parked)
    for reply in service.held:
        reply(None)
    server.until(lambda: not server.connections)
    with Client(server.path) as client:
        assert client.ask(describe("x")).status == 200
    server.until(lambda: not server.server._clients[0].tasks)
    assert caplog.text == ""
