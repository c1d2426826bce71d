"""The server as it is, with the engine behind it, in a thread of this process."""

import asyncio
import threading
from contextlib import contextmanager

import uvloop

from dataflow.clock import SystemClock
from dataflow.engine.auth.keys import KeyFile
from dataflow.engine.http.gates import SameUser, Signed
from dataflow.engine.http.server import Entrance, Server
from dataflow.engine.http.sockets import Listen, tcp_sockets, unix_socket
from dataflow.engine.metrics import Metrics
from dataflow.engine.service import EngineService

SETTINGS = {
    "taskList": {"name": "decisions"},
    "executionStartToCloseTimeout": "600",
    "taskStartToCloseTimeout": "60",
    "childPolicy": "TERMINATE",
}
TYPE = {"name": "order", "version": "1"}
PAY = {"name": "pay", "version": "1"}


class Served:
    """A server that runs."""

    def __init__(self, home, service, server, loop, entrances):
        self.home = home
        self.service = service
        self._server = server
        self._loop = loop
        self.unix = entrances[0].urls[0]
        self.tcp = entrances[1].urls[0]
        self.keys = KeyFile(home)
        self._stopped = False

    def key(self, **options):
        return self.keys.create(now=SystemClock().now(), **options)

    @property
    def connections(self):
        """How many there are; asked where they are counted."""

        async def count():
            return sum(len(clients.connections) for clients in self._server._clients)

        return asyncio.run_coroutine_threadsafe(count(), self._loop).result(20)

    @property
    def parked(self):
        """How many polls wait."""
        return sum(self.service.gauges().parked.values())

    def until(self, condition):
        """Wait for what the server does by itself."""
        pause = threading.Event()
        for _ in range(20_000):
            if condition():
                return
            pause.wait(0.001)
        raise AssertionError("it did not come to that")

    def stop(self):
        if not self._stopped:
            self._stopped = True
            asyncio.run_coroutine_threadsafe(self._server.stop(), self._loop).result(20)


@contextmanager
def served(home, *, tls=None, poll_seconds=60, gate=None):
    """A server on this directory, by its Unix socket and by TCP (at another port each time)."""
    home.mkdir(mode=0o700, exist_ok=True)
    service = EngineService(home / "engine.db", poll_seconds=poll_seconds)
    entrances = [
        Entrance(sockets=[unix_socket(home / "engine.sock")], gate=SameUser()),
        Entrance(
            sockets=tcp_sockets(Listen("127.0.0.1", 0), anywhere=False),
            gate=gate or Signed(KeyFile(home)),
            tls=tls,
        ),
    ]
    server = Server(service, entrances, counted=Metrics(), clock=SystemClock())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever, name="server")
        it = Served(home, service, server, loop, entrances)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(server.start(), loop).result(20)
            yield it
            it.stop()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(20)


def furnish(service):
    """A domain with a workflow type and an activity type."""
    service.register_domain(name="shop", workflowExecutionRetentionPeriodInDays="1")
    service.register_workflow_type(domain="shop", **TYPE)
    service.register_activity_type(
        domain="shop",
        **PAY,
        defaultTaskList={"name": "work"},
        defaultTaskHeartbeatTimeout="NONE",
        defaultTaskStartToCloseTimeout="60",
        defaultTaskScheduleToStartTimeout="60",
        defaultTaskScheduleToCloseTimeout="60",
    )


def start(service, workflow_id="one"):
    answer = service.start_workflow_execution(
        domain="shop", workflowId=workflow_id, workflowType=TYPE, **SETTINGS
    )
    return answer["runId"]


def schedule(service, *activity_ids):
    """Have a decider schedule these activities."""
    task = service.poll_for_decision_task(domain="shop", taskList={"name": "decisions"})
    service.respond_decision_task_completed(
        taskToken=task["taskToken"],
        decisions=[
            {
                "decisionType": "ScheduleActivityTask",
                "scheduleActivityTaskDecisionAttributes": {
                    "activityId": activity_id,
                    "activityType": PAY,
                },
            }
            for activity_id in activity_ids
        ],
    )
