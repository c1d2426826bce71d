"""The way to Amazon SWF: plain boto3, against moto's stand-in for it.

moto knows the happy path only (no long polls, no task lists of deciders, no time-outs unless asked
for), so that is what is tested: that our requests are those of SWF, and its answers understood.
"""

import os
import threading

import pytest
from moto.server import ThreadedMotoServer

from dataflow import Workflow, activity
from dataflow.connect import connect
from dataflow.process.client import Client, Start
from dataflow.process.decider import Decider
from dataflow.process.definitions import Definitions, type_of
from dataflow.process.worker import Worker

pytestmark = pytest.mark.integration


@activity.with_attributes(task_list="amazon")
def double(x):
    return 2 * x


class Doubles(Workflow):
    """One after the other, then side by side."""

    def run(self, x):
        first = self.submit(double, x).result
        return [first, *(future.result for future in self.map(double, [1, 2, 3]))]


@pytest.fixture
def connection(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("AWS_", "DATAFLOW_", "SWF_")):
            monkeypatch.delenv(name)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL_SWF", f"http://{host}:{port}")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with connect("swf", pollers=3) as connection:
        yield connection
    server.stop()


def test_a_workflow(connection):
    client = Client(connection, "shop")
    client.ensure_domain()
    decider = Decider(connection, "shop", "amazon-deciders", Definitions([Doubles]).find, threads=1)
    worker = Worker(connection, "shop", "amazon", isolation="inline")
    threads = [threading.Thread(target=actor.run) for actor in (decider, worker)]
    for thread in threads:
        thread.start()
    try:
        execution = client.start(
            Start(
                workflow_type=type_of(Doubles),
                workflow_id="doubles",
                task_list="amazon-deciders",
                input='{"args":[5],"kwargs":{}}',
                decision_tasks_timeout=60,
            )
        )
        ended = client.wait(execution, threading.Event(), longest_pause=0.2)
    finally:
        decider.stop()
        worker.stop()
        for thread in threads:
            thread.join(10)
    assert ended.status == "COMPLETED", ended
    assert ended.value == [10, 2, 4, 6]
    assert not any(thread.is_alive() for thread in threads)
