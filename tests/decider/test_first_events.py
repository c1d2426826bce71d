"""Threads that read the first events of a process at the same moment must not end it.

See `dataflow.engine.readiness`; it is the decider's business where the engine is another process.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading
from types import SimpleNamespace

from dataflow.process.decider import Decider
from dataflow.protocol import events

Decider(
    SimpleNamespace(service=None, direct=None, poller=lambda: None, fields=None),
    "domain",
    "list",
    None,
)
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(8)
event = {
    "eventId": 1,
    "eventTimestamp": 1.0,
    "eventType": "TimerFired",
    "timerFiredEventAttributes": {"timerId": "t", "startedEventId": 1},
}

def read():
    barrier.wait()
    assert events.from_wire(event).event_id == 1

threads = [threading.Thread(target=read) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.integration
@pytest.mark.parametrize("attempt", range(4))
def test_the_first_events_of_a_process(attempt):
    ended = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True)
    assert ended.returncode == 0, ended.stderr.decode()
