"""A server, deciders and workers, each the command as a user starts it."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from dataflow.cli import inputs
from dataflow.connect import connect
from dataflow.payload import arguments
from dataflow.process.client import Client, Start
from dataflow.process.definitions import type_of

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
#: Seconds for anything.
PATIENCE = 90
DOMAIN = "test"


class Command:
    """A command in a process of its own."""

    def __init__(self, fleet, *arguments, **variables):
        ours = ("AWS_", "DATAFLOW_", "LOG_", "SWF_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        self.output = fleet.place / f"{arguments[0]}-{len(fleet.commands)}.log"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "dataflow", *arguments],
                cwd=HERE,
                env={
                    **clean,
                    "PYTHONPATH": str(ROOT),
                    "DATAFLOW_HOME": str(fleet.home),
                    "SWF_DOMAIN": DOMAIN,
                    "FLEET_PLACE": str(fleet.place),
                    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
                    "AWS_CONFIG_FILE": os.devnull,
                    **variables,
                },
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=output,
                text=True,
                start_new_session=True,
            )
        fleet.commands.append(self)

    @property
    def told(self):
        """What it has written to standard error."""
        return self.output.read_text()

    @property
    def children(self):
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def until_told(self, pattern):
        until(lambda: re.search(pattern, self.told) or self.process.poll() is not None, self)
        found = re.search(pattern, self.told)
        assert found, self.told
        return found

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        """The exit code, and what it has written to standard error."""
        out, _ = self.process.communicate(timeout=PATIENCE)
        assert out == ""
        return self.process.returncode, self.told

    def stop(self):
        self.signal(signal.SIGTERM)
        return self.end()


class Fleet:
    """All the commands, in a directory of their own; a context manager that ends them."""

    def __init__(self, place):
        self.place = place
        self.home = place / "home"
        self.commands = []
        self.connection = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.connection is not None:
            self.connection.close()
        for command in self.commands:
            with suppress(psutil.Error):
                for process in psutil.Process(command.process.pid).children(recursive=True):
                    process.kill()
            command.process.kill()
            command.process.wait()
            command.process.stdout.close()

    # --- commands -------------------------------------------------------------------------

    def command(self, *arguments, **variables):
        return Command(self, *arguments, **variables)

    def serve(self, *arguments):
        server = self.command("server.start", *arguments)
        server.until_told("dataflow server ready")
        return server

    def connect(self):
        """Go in by the Unix socket; the domain is registered."""
        self.connection = connect(f"unix:{self.home / 'engine.sock'}")
        self.client = Client(self.connection, DOMAIN)
        self.client.ensure_domain()

    def decide(self, *arguments, **variables):
        options = ("--task-list", "decide", "--sticky-timeout", "1")
        return self._running("decider.start", *options, *arguments, **variables)

    def work(self, *arguments, **variables):
        return self._running("worker.start", "--task-list", "work", *arguments, **variables)

    def _running(self, *arguments, **variables):
        command = self.command(*arguments, **variables)
        command.until_told(r"dataflow \w+ test/\w+: \d+ process")
        return command

    # --- executions -----------------------------------------------------------------------

    def start(self, flow, *args):
        """Start an execution; its first argument is its workflow id, too."""
        given = arguments.from_value(list(args))
        return self.client.start(
            Start(
                workflow_type=type_of(flow),
                workflow_id=args[0],
                task_list=flow.task_list,
                input=inputs.check(flow, given, path=f"fleet_flows.{flow.__name__}"),
                decision_tasks_timeout=flow.decision_tasks_timeout,
                execution_timeout=600,
            )
        )

    def result(self, execution):
        """The result of an execution, when it has ended."""
        ended = self.client.wait(execution, threading.Event(), longest_pause=0.05)
        assert ended.status == "COMPLETED", ended
        return ended.value

    def open(self, name):
        """Let go on what waits."""
        (self.place / f"gate-{name}").touch()

    def notes(self, *words):
        """What the lines of the journal that begin so say behind."""
        journal = self.place / "journal"
        lines = (
            [line.split() for line in journal.read_text().splitlines()] if journal.exists() else []
        )
        wanted = list(map(str, words))
        return [line[len(wanted) :] for line in lines if line[: len(wanted)] == wanted]

    def until_noted(self, *words, times=1):
        until(lambda: len(self.notes(*words)) >= times, self.commands[-1])
        return self.notes(*words)

    def assert_done_once(self, name):
        """What was completed has not been done again."""
        assert self.notes("step", f"{name}-before") == [[]]
        assert self.notes("step", f"{name}-after") == [[]]


def until(condition, command):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, command.told
        time.sleep(0.01)


def kill(pid):
    os.kill(int(pid), signal.SIGKILL)
