"""A server whose disk is full, or fails, or whose file is not as it should be: it says so in one
line, loses nothing that it has acknowledged, and goes on by itself when it can."""

import os
import resource
import select
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from killing import DECIDERS, DOMAIN, REGISTRATIONS, WORKERS, WORKFLOW, RefusedError, Wire

from dataflow.engine import Engine
from dataflow.engine.check import check
from dataflow.engine.owner import EngineInUse
from dataflow.engine.schema import VERSION

PATIENCE = 60
EVER = {"startTimeFilter": {"oldestDate": 0}}
BYTES = 8 * 2**20

pytestmark = pytest.mark.integration


class Server:
    """A server in a process of its own."""

    def __init__(self, home):
        self.home = home
        command = [sys.executable, "-m", "dataflow", "server.start", "--home", home]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.first_line = self.process.stderr.readline()
        self._wires = []

    def wire(self):
        self._wires.append(Wire(str(self.home / "engine.sock"), timeout=PATIENCE))
        return self._wires[-1]

    def health(self):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.home / "engine.sock"))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            said = connection.makefile("rb").read().decode()
        head, _, body = said.partition("\r\n\r\n")
        return int(head.split()[1]), body

    def stop(self):
        """End it as a user does; what it has said."""
        for wire in self._wires:
            wire.close()
        self.process.terminate()
        said = self.process.stderr.read()
        assert self.process.wait(PATIENCE) == 0, said
        return said

    def close(self):
        for wire in self._wires:
            wire.close()
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


@contextmanager
def served(home):
    server = Server(home)
    try:
        assert server.first_line.startswith("dataflow server ready"), (
            server.first_line + server.process.stderr.read()
        )
        yield server
    finally:
        server.close()


def refused(home):
    """The one line that a server says that cannot start."""
    server = Server(home)
    try:
        rest = server.process.stderr.read()
        assert server.process.wait(PATIENCE) == 2, server.first_line + rest
        assert rest == ""
        return server.first_line
    finally:
        server.close()


@pytest.fixture
def home(tmp_path):
    tmp_path.chmod(0o700)
    return tmp_path


@contextmanager
def mounted(place, *options):
    """A small file system in memory."""
    place.mkdir(mode=0o700)
    command = ["mount", "-t", "tmpfs", "-o", f"size={BYTES},mode=700", "tmpfs", place]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root may mount a small disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


class SmallDisk:
    """A file system that something else has filled."""

    def __init__(self, home, server):
        self._ballast = home / "ballast"

    def fill(self):
        with self._ballast.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))

    def make_room(self):
        self._ballast.unlink()


class LimitedFiles:
    """A process that may not write to its files any more: for SQLite, an error of the disk."""

    def __init__(self, home, server):
        self._pid = server.process.pid

    def fill(self):
        _, hard = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (0, hard))

    def make_room(self):
        _, hard = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (hard, hard))


@pytest.fixture(params=[SmallDisk, LimitedFiles])
def disk(request, home):
    """Where the server's home is, and what makes it fail."""
    if request.param is LimitedFiles:
        yield home, LimitedFiles
        return
    with mounted(home / "disk") as place:
        yield place, SmallDisk


class Work:
    """Requests, and what was acknowledged of them."""

    def __init__(self, wire):
        self.wire = wire
        self.started = {}
        self.signals = 0

    def register(self):
        for operation, request in REGISTRATIONS:
            self.wire.ask(operation, **request)

    def start(self, workflow_id, **more):
        request = {"domain": DOMAIN, "workflowId": workflow_id, "workflowType": WORKFLOW, **more}
        run_id = self.wire.ask("StartWorkflowExecution", **request)["runId"]
        self.started[workflow_id] = run_id
        return {"workflowId": workflow_id, "runId": run_id}

    def everything(self):
        """What there is to see of the executions."""
        listed = self.wire.ask("ListOpenWorkflowExecutions", domain=DOMAIN, **EVER)
        seen = [listed]
        for info in listed["executionInfos"]:
            named = {"domain": DOMAIN, "execution": info["execution"]}
            seen.append(self.wire.ask("DescribeWorkflowExecution", **named))
            seen.append(self.wire.ask("GetWorkflowExecutionHistory", **named))
        return seen

    def lost(self):
        """What was acknowledged and is not there."""
        listed = self.wire.ask("ListOpenWorkflowExecutions", domain=DOMAIN, **EVER)
        there = {info["execution"]["runId"] for info in listed["executionInfos"]}
        return {name for name, run_id in self.started.items() if run_id not in there}


def start_until_refused(work):
    """What is left of a page or a log is used up first."""
    for number in range(5_000):
        try:
            work.start(f"filling-{number}", input="x" * 30_000)
        except RefusedError as fault:
            return str(fault)
    raise AssertionError("the disk is never full")


def until(condition):
    """Wait for what the server does by itself."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.05)


def is_answered(wire, seconds=0.0):
    return bool(select.select([wire._socket], [], [], seconds)[0])


def test_a_disk_that_fails_for_a_while(disk):
    home, kind = disk
    with served(home) as server:
        disk = kind(home, server)
        work = Work(server.wire())
        work.register()
        work.start("a", taskStartToCloseTimeout="1")
        taken = work.wire.ask("PollForDecisionTask", domain=DOMAIN, taskList=DECIDERS)
        parked = server.wire()
        later = {"name": "later"}
        parked.send("PollForDecisionTask", domain=DOMAIN, taskList=later)
        work.everything()  # by now it is parked, and that the first one was taken is on disk

        disk.fill()
        assert start_until_refused(work) == "ServiceUnavailable"
        before = work.everything()
        for operation, request in {
            "StartWorkflowExecution": {"workflowId": "b", "workflowType": WORKFLOW},
            "SignalWorkflowExecution": {"workflowId": "a", "signalName": "s"},
            "TerminateWorkflowExecution": {"workflowId": "a"},
            "RegisterActivityType": {"name": "other", "version": "1"},
            "PollForDecisionTask": {"taskList": DECIDERS},
        }.items():
            with pytest.raises(RefusedError, match="ServiceUnavailable"):
                work.wire.ask(operation, domain=DOMAIN, **request)
        status, why = server.health()
        assert status == 503
        assert "cannot write" in why
        assert str(home / "engine.db") in why
        assert len(why.splitlines()) == 1
        time.sleep(1.5)  # the time-out of the task that was taken comes meanwhile
        assert work.everything() == before
        assert work.lost() == set()
        assert server.health()[0] == 503
        assert not is_answered(parked)

        disk.make_room()
        until(lambda: server.health()[0] == 200)
        run = {"domain": DOMAIN, "execution": taken["workflowExecution"]}
        until(lambda: "DecisionTaskTimedOut" in kinds(work.wire, run))
        named = work.start("parked", taskList=later)
        assert parked.receive()["workflowExecution"] == named
        assert work.lost() == set()
        said = server.stop()
        assert len(said.splitlines()) == 1, said  # that it cannot write, once
        assert "cannot write" in said
    assert check(home / "engine.db").problems == []


def kinds(wire, run):
    events = wire.ask("GetWorkflowExecutionHistory", **run)["events"]
    return [event["eventType"] for event in events]


def test_a_server_that_stops_while_its_disk_is_full(disk):
    home, kind = disk
    with served(home) as server:
        disk = kind(home, server)
        work = Work(server.wire())
        work.register()
        work.start("a")
        parked = server.wire()
        parked.send("PollForActivityTask", domain=DOMAIN, taskList=WORKERS)
        work.everything()  # by now it is parked
        disk.fill()
        assert start_until_refused(work) == "ServiceUnavailable"
        server.process.terminate()
        assert parked.receive()["taskToken"] == ""
        assert server.process.wait(PATIENCE) == 0
    disk.make_room() if kind is SmallDisk else None
    assert check(home / "engine.db").problems == []
    with served(home) as server:
        work.wire = server.wire()
        assert work.lost() == set()


def test_a_home_on_a_full_disk(home):
    with mounted(home / "disk") as place:
        with served(place):
            pass
        SmallDisk(place, None).fill()
        said = refused(place)
        assert said.startswith("error: cannot ")
        assert str(place) in said
        assert "space" in said or "full" in said


# --- what cannot be used ------------------------------------------------------------------


@contextmanager
def read_only(home):
    """A directory that nobody may write in, not even root."""
    if os.geteuid():
        place = home / "read-only"
        place.mkdir()
        yield place
        place.chmod(0o700)
        return
    with mounted(home / "read-only") as place:
        yield place


def make_read_only(place):
    if os.geteuid():
        place.chmod(0o500)
    else:
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)


def test_a_home_that_cannot_be_written(home):
    with read_only(home) as place:
        with served(place):
            pass
        make_read_only(place)
        said = refused(place)
        assert said.startswith("error: cannot ")
        assert str(place / "engine.db") in said
        said = refused(place / "new")
        assert said.startswith(f"error: cannot make {place / 'new'}")


def test_a_second_server_names_the_first(home):
    with served(home) as first:
        said = refused(home)
        assert f"in use by process {first.process.pid}" in said
        with pytest.raises(EngineInUse, match=f"process {first.process.pid}:"):
            Engine(home / "engine.db")
        first.process.kill()
        first.process.wait()
        with served(home):  # nothing is left of a dead owner
            pass


def test_a_server_does_not_take_a_file_from_an_engine_in_a_program(home):
    with Engine(home / "engine.db"):
        assert f"in use by process {os.getpid()}" in refused(home)
    with served(home):
        pass


@pytest.fixture(scope="module")
def used(tmp_path_factory):
    """A file with something in it."""
    path = tmp_path_factory.mktemp("used") / "engine.db"
    with Engine(path) as engine:
        for operation, request in REGISTRATIONS:
            getattr(engine, SNAKE[operation])(**request)
        for number in range(40):
            engine.start_workflow_execution(
                domain=DOMAIN, workflowId=str(number), workflowType=WORKFLOW, input="x" * 3_000
            )
    return path


SNAKE = {
    "RegisterDomain": "register_domain",
    "RegisterWorkflowType": "register_workflow_type",
    "RegisterActivityType": "register_activity_type",
}


def run_sql(*statements):
    def spoil(path):
        connection = sqlite3.connect(path)
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    return spoil


def overwrite(at, length):
    def spoil(path):
        with path.open("r+b") as file:
            file.seek(at)
            file.write(b"\xa5" * length)

    return spoil


def in_its_place(content):
    def spoil(path):
        path.unlink()
        content(path)

    return spoil


FOREIGN = {
    "text": lambda path: path.write_text("Dear diary,\n"),
    "bytes": lambda path: path.write_bytes(bytes(range(256)) * 40),
    "a directory": in_its_place(Path.mkdir),
    "another database": in_its_place(run_sql("CREATE TABLE diary (day TEXT)")),
    "another application": run_sql("PRAGMA application_id = 7"),
    "a later version": run_sql(f"PRAGMA user_version = {VERSION + 1}"),
}
DAMAGED = {
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut in the first page": lambda path: os.truncate(path, 1_000),
    "the first page": overwrite(100, 400),
    "all but the first page": overwrite(4096, 200_000),
    "no events": run_sql("DROP TABLE event"),
    "an event that is none": run_sql(
        "UPDATE event SET body = '{' WHERE id = (SELECT min(id) FROM event)"
    ),
    "an event that is missing": run_sql("DELETE FROM event WHERE id = (SELECT min(id) FROM event)"),
    "a domain that is missing": run_sql("DELETE FROM domain"),
    "a registration that is none": run_sql("UPDATE domain SET registration = '{}'"),
    "a secret that is missing": run_sql("DELETE FROM secret"),
}


@pytest.mark.parametrize("damage", DAMAGED.values(), ids=DAMAGED)
def test_a_file_that_is_damaged(home, used, damage):
    path = home / "engine.db"
    shutil.copy(used, path)
    damage(path)
    assert refused(home).startswith(f"error: {path} is damaged")


@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN)
def test_a_file_that_is_not_ours_to_change(home, used, make):
    path = home / "engine.db"
    shutil.copy(used, path)
    make(path)
    before = path.read_bytes() if path.is_file() else None
    said = refused(home)
    assert said.startswith("error: ")
    assert str(path) in said
    assert path.is_dir() or path.read_bytes() == before
    assert list(home.glob("engine.sock")) == []
