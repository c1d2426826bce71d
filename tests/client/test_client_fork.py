"""A child of the process has no share in its connections. In processes of their own: they fork."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
WORK = "domain='shop', taskList={'name': 'work'}"


def run(script, url, **variables):
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, url],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


BOTH = """
import os, sys
from dataflow.client.http import HttpService

client = HttpService(sys.argv[1])
client.describe_domain(name="shop")
(wire,) = client._pool
child = os.fork()
if child == 0:
    assert wire._socket.fileno() == -1, "the child has a part in the connection"
    for _ in range(50):
        assert client.describe_domain(name="shop")["domainInfo"]["name"] == "shop"
    assert wire not in client._pool
    os._exit(0)
for _ in range(50):
    assert client.describe_domain(name="shop")["domainInfo"]["name"] == "shop"
assert list(client._pool) == [wire], "the parent goes on with its own"
_, status = os.waitpid(child, 0)
assert status == 0
"""


def test_parent_and_child_go_on_with_connections_of_their_own(server, client):
    run(BOTH, server.unix)


POLLING = f"""
import os, sys, threading, time
from dataflow.client.http import HttpService

client = HttpService(sys.argv[1])
poller = client.poller()
threading.Thread(
    target=lambda: poller.poll_for_activity_task({WORK}), daemon=True
).start()
sys.stdin = None
time.sleep(0.5)
child = os.fork()
if child == 0:
    time.sleep(60)
print(child, flush=True)
os._exit(0)  # as if it were killed
"""


def test_a_process_that_dies_takes_its_poll_along(server, client):
    """Though a child of it lives on, which would hold the connection open."""
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", POLLING, server.unix],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        server.until(lambda: server.parked == 1)
        child = int(process.stdout.readline())
        process.wait(20)
        try:
            server.until(lambda: server.parked == 0)
            os.kill(child, 0)  # it is there
        finally:
            os.kill(child, 9)


CANCELLING = f"""
import os, sys, threading
from dataflow.client.http import HttpService

client = HttpService(sys.argv[1])
poller = client.poller()
child = os.fork()
if child == 0:
    thread = threading.Thread(target=lambda: poller.poll_for_activity_task({WORK}))
    thread.start()
    poller.cancel()
    poller.cancel()
    thread.join(20)
    os._exit(thread.is_alive())
_, status = os.waitpid(child, 0)
assert status == 0
assert not poller._breaker.pulled
poller._breaker.wait(0)
assert poller._breaker._hearing.fileno() >= 0
poller._breaker._hearing.setblocking(False)
try:
    poller._breaker._hearing.recv(1)
except BlockingIOError:
    print("nothing was heard")
"""


def test_a_child_that_cancels_does_not_cancel_for_its_parent(server, client):
    assert run(CANCELLING, server.unix) == "nothing was heard\n"


AMAZON = """
import os
from dataflow.client.amazon import AmazonService

amazon = AmazonService(attempts=1)
assert amazon.list_domains(registrationStatus="REGISTERED")["domainInfos"] == []
before = amazon._client
child = os.fork()
if child == 0:
    assert amazon.list_domains(registrationStatus="REGISTERED")["domainInfos"] == []
    assert amazon._client is not before
    os._exit(0)
assert amazon.list_domains(registrationStatus="REGISTERED")["domainInfos"] == []
assert amazon._client is before
_, status = os.waitpid(child, 0)
assert status == 0
"""


def test_boto3_has_other_connections_in_a_child(moto):
    run(AMAZON, moto)
