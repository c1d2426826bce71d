"""A server that is killed at random moments while clients work: nothing that it has acknowledged is
lost, nothing is done twice, nothing is stuck.

    DATAFLOW_KILLS=200 pytest tests/integration/test_engine_kill.py

kills it so often; a failure names the seed of its campaign.
"""

import os
import random
import signal
import subprocess
import sys
import time

import killing
import pytest
from killing import RefusedError, Wire

from dataflow.engine.check import check

KILLS = int(os.environ.get("DATAFLOW_KILLS", "12"))
#: Kills in one life of a file.
CAMPAIGN = 12
#: Seconds until everything has come to its end, when nothing new comes and nobody is killed.
PATIENCE = 60
CLIENTS = (
    ("starter", "signaller", "decider", "decider", "decider"),
    ("worker", "worker", "worker"),
    ("worker", "worker"),
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(60 + 10 * CAMPAIGN)]


class Campaign:
    """A server and its clients, in a home of their own."""

    def __init__(self, home, seed):
        self.home = home
        self.chance = random.Random(seed)  # noqa: S311 - no secret
        self.socket = str(home / "engine.sock")
        self.file = home / "engine.db"
        self.server = None
        self.clients = {}
        self.journals = []
        self.rounds = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in (self.server, *self.clients.values()):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
            if process is not None and process.stderr is not None:
                process.stderr.close()

    # --- the server -----------------------------------------------------------------------

    def start(self):
        command = [sys.executable, "-m", "dataflow", "server.start", "--home", self.home]
        self.server = subprocess.Popen(command, stderr=subprocess.PIPE)

    def wait_until_ready(self):
        line = self.server.stderr.readline()
        assert line.startswith(b"dataflow server ready"), line + self.server.stderr.read()

    def kill(self):
        self.server.kill()
        assert self.server.wait(PATIENCE) == -signal.SIGKILL, self.server.stderr.read()
        self.server.stderr.close()

    def stop(self):
        self.server.terminate()
        told = self.server.stderr.read()
        self.server.stderr.close()
        assert self.server.wait(PATIENCE) == 0
        assert told == b""

    # --- the clients ----------------------------------------------------------------------

    def register(self):
        """Also when a part of it was done before a kill."""
        wire = Wire(self.socket)
        for operation, request in killing.REGISTRATIONS:
            try:
                wire.ask(operation, **request)
            except RefusedError as refused:
                assert "AlreadyExists" in str(refused)  # noqa: PT017 - any other is a failure
        wire.close()

    def hire(self):
        """Start the clients that are not there."""
        for roles in CLIENTS:
            client = self.clients.get(roles)
            if client is None or client.poll() is not None:
                journal = self.home / f"journal-{len(self.journals)}"
                journal.touch()
                self.journals.append(journal)
                command = [sys.executable, killing.__file__, self.socket, journal, *roles]
                self.clients[roles] = subprocess.Popen(command)

    # --- a life ---------------------------------------------------------------------------

    def round(self):
        """One kill."""
        self.rounds += 1
        if self.chance.random() < 0.25:
            self.start()
            time.sleep(self.chance.uniform(0, 0.4))
            self.kill()
            return
        self.start()
        self.wait_until_ready()
        self.register()
        self.hire()
        time.sleep(self.chance.choice([0.1, 0.4, 0.8, 1.5]) * self.chance.random() + 0.05)
        if self.chance.random() < 0.25:
            # A worker that dies with tasks in hand and polls parked.
            self.clients[CLIENTS[-1]].kill()
            self.clients[CLIENTS[-1]].wait()
        self.kill()
        if self.rounds in {1, 2, 4}:
            assert check(self.file).problems == []

    def end(self):
        """Let everything come to its end."""
        self.start()
        self.wait_until_ready()
        self.register()
        self.hire()
        for client in self.clients.values():
            time.sleep(0.3)  # it has to have started to hear a signal
            client.send_signal(signal.SIGUSR1)
        self.wait_until_all_is_done()
        for client in self.clients.values():
            client.terminate()
        self.stop()
        for client in self.clients.values():
            assert client.wait(PATIENCE) == 0

    def wait_until_all_is_done(self):
        wire, until = Wire(self.socket), time.monotonic() + PATIENCE
        while time.monotonic() < until:
            since = {"startTimeFilter": {"oldestDate": 0}}
            if not wire.ask("CountOpenWorkflowExecutions", domain=killing.DOMAIN, **since)["count"]:
                break
            time.sleep(0.1)
        wire.close()  # what is stuck is found in the file


@pytest.mark.parametrize("campaign", range(-(-KILLS // CAMPAIGN)))
def test_a_killed_server_has_kept_its_word(tmp_path, campaign):
    tmp_path.chmod(0o700)
    with Campaign(tmp_path, campaign) as life:
        for _ in range(min(CAMPAIGN, KILLS - campaign * CAMPAIGN)):
            life.round()
        life.end()
    report = check(life.file)
    evidence = killing.Evidence(life.file, life.journals)
    assert report.problems == []
    assert evidence.examine() == []
