"""``server.start``, ``server.check`` and ``server.backup``."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from commands import COMMAND, HERE, environment

from dataflow.cli import main
from dataflow.engine import Engine
from dataflow.engine.auth.keys import KeyFile
from dataflow.engine.http import sockets

EXECUTION = {
    "taskList": {"name": "decisions"},
    "executionStartToCloseTimeout": "600",
    "taskStartToCloseTimeout": "60",
    "childPolicy": "TERMINATE",
}
TYPE = {"name": "order", "version": "1"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    path = tmp_path / "home"
    monkeypatch.setenv("DATAFLOW_HOME", str(path))
    before = os.umask(0o022)
    yield path
    os.umask(before)


@pytest.fixture
def file(home):
    """A file with a domain, a type and two executions."""
    home.mkdir(mode=0o700)
    with Engine(home / "engine.db") as engine:
        fill(engine)
    return home / "engine.db"


def fill(client):
    client.register_domain(name="shop", workflowExecutionRetentionPeriodInDays="1")
    client.register_workflow_type(domain="shop", **TYPE)
    for workflow_id in ("one", "two"):
        client.start_workflow_execution(
            domain="shop", workflowId=workflow_id, workflowType=TYPE, **EXECUTION
        )


def damage(file, *statements):
    connection = sqlite3.connect(file)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


@pytest.fixture
def run(home, capsys):
    """The exit code, standard output and standard error of a command."""

    def run(*arguments):
        code = main.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def refused(run):
    """The line that refuses a command."""

    def refused(*arguments):
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert err.count("\n") == 1
        assert err.startswith("error: ")
        return err.removeprefix("error: ").rstrip()

    return refused


# --- server.check -------------------------------------------------------------------------


def test_a_sound_file(run, file):
    told = f"{file}: 1 domains, 1 types, 2 open and 0 closed executions, 4 events: sound\n"
    assert run("server.check") == (0, told, "")
    assert run("server.check", "--home", str(file.parent)) == (0, told, "")
    assert run("server.check", str(file)) == (0, told, "")


def test_a_file_that_is_in_use(run, file):
    with Engine(file) as engine:
        engine.deprecate_domain(name="shop")
        assert run("server.check")[0] == 0


def test_a_file_that_is_not_sound(run, file):
    damage(file, "DELETE FROM event WHERE id = (SELECT max(id) FROM event)")
    code, out, err = run("server.check")
    assert (code, err) == (1, "")
    problem, summary = out.splitlines()
    assert problem.startswith("execution two ")
    assert summary.endswith(", 3 events: 1 problems")


def test_more_problems_than_anybody_reads(run, file):
    damage(
        file,
        "INSERT INTO event "
        "WITH RECURSIVE n(i) AS (VALUES (500) UNION ALL SELECT i + 1 FROM n WHERE i < 620) "
        "SELECT i << 20, x'00' FROM n",
    )
    code, out, _ = run("server.check")
    assert code == 1
    assert out.splitlines()[-2:][0] == "and 21 more problems"
    assert out.endswith(": 121 problems\n")


def test_a_check_for_programs(run, file):
    damage(file, "DELETE FROM event WHERE id = (SELECT max(id) FROM event)")
    code, out, err = run("server.check", "--format", "json")
    assert (code, err) == (1, "")
    told = json.loads(out)
    assert told["events"] == 3
    assert len(told["problems"]) == 1


def test_what_cannot_be_checked(refused, home, file, tmp_path):
    other = tmp_path / "other"
    assert refused("server.check", str(other)).startswith(f"there is no file {other}: ")
    assert refused("server.check", "--home", str(tmp_path)).startswith("there is no file ")
    assert refused("server.check", str(tmp_path)).startswith("there is no file ")
    other.write_text("what is this?")
    assert str(other) in refused("server.check", str(other))
    both = refused("server.check", str(file), "--home", str(home))
    assert both == f"name {file} or --home {home}: one file is checked"


# --- server.backup ------------------------------------------------------------------------


def test_a_copy(run, file, tmp_path):
    copy = tmp_path / "copy.db"
    assert run("server.backup", str(copy)) == (
        0,
        "",
        f"copied {copy.stat().st_size:,} bytes to {copy}\n",
    )
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path != file.parent] == ["copy.db"]
    assert run("server.check", str(copy))[0] == 0
    with Engine(copy) as engine:
        found = engine.count_open_workflow_executions(
            domain="shop", startTimeFilter={"oldestDate": 0}
        )
    assert found["count"] == 2


def test_a_copy_of_a_file_that_is_in_use(run, file, tmp_path):
    copy = tmp_path / "copy.db"
    with Engine(file) as engine:
        engine.register_domain(name="late", workflowExecutionRetentionPeriodInDays="1")
        code, out, err = run("server.backup", str(copy), "--format", "json")
        engine.register_domain(name="later", workflowExecutionRetentionPeriodInDays="1")
    assert (code, err) == (0, "")
    assert json.loads(out) == {"file": str(copy), "bytes": copy.stat().st_size}
    with Engine(copy) as engine:
        domains = engine.list_domains(registrationStatus="REGISTERED")["domainInfos"]
    assert [domain["name"] for domain in domains] == ["late", "shop"]


@pytest.mark.parametrize("make", [Path.touch, Path.mkdir, lambda path: path.symlink_to("nowhere")])
def test_nothing_is_overwritten(refused, file, tmp_path, make):
    copy = tmp_path / "copy.db"
    make(copy)
    told = f"{copy} exists: name another file, or move that one"
    assert refused("server.backup", str(copy)) == told


def test_a_file_that_comes_into_being_meanwhile(refused, file, tmp_path, monkeypatch):
    copy = tmp_path / "copy.db"
    fsync = os.fsync

    def somebody_is_faster(descriptor):
        copy.write_text("mine")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", somebody_is_faster)
    assert refused("server.backup", str(copy)) == f"{copy} has just been made by somebody else"
    assert copy.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "home"]


def test_a_file_system_without_hard_links(run, file, tmp_path, monkeypatch):
    def link(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    assert run("server.backup", str(tmp_path / "copy.db"))[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["copy.db", "home"]


def test_what_cannot_be_copied(refused, home, file, tmp_path):
    copy = tmp_path / "copy.db"
    nowhere = refused("server.backup", str(copy), "--home", str(tmp_path))
    assert nowhere == f"there is no file {tmp_path}/engine.db: name the --home of the server"
    told = refused("server.backup", str(tmp_path / "no" / "copy.db"))
    assert told.endswith("copy.db: No such file or directory")
    file.write_text("what is this? It is no database.")
    assert str(file) in refused("server.backup", str(copy))
    file.write_text("")
    assert refused("server.backup", str(copy)) == f"{file} is empty: start the server once"
    assert list(tmp_path.iterdir()) == [home]


# --- server.start: what is refused ---------------------------------------------------------


def test_what_cannot_be_listened_on(refused):
    assert "is not HOST:PORT" in refused("server.start", "--listen", "8080")
    told = refused("server.start", "--listen", "0.0.0.0:0")
    assert told.startswith("on 0.0.0.0:0 other machines could come in")


def test_options_that_need_others(refused):
    told = "TLS needs both --tls-cert and --tls-key"
    assert refused("server.start", "--listen", "127.0.0.1:0", "--tls-cert", "c") == told
    assert refused("server.start", "--listen", "127.0.0.1:0", "--tls-key", "k") == told
    told = "TLS and --insecure are for TCP: say where, with --listen HOST:PORT"
    assert refused("server.start", "--tls-cert", "c", "--tls-key", "k") == told
    assert refused("server.start", "--insecure") == told


def test_a_certificate_that_is_not_there(refused):
    told = refused(
        *("server.start", "--listen", "127.0.0.1:0", "--tls-cert", "c.pem", "--tls-key", "k.pem")
    )
    assert told == "cannot read --tls-cert c.pem: No such file or directory"


def test_a_port_that_is_taken(run, home):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        code, _, err = run("server.start", "--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert code == 2
    assert "Address already in use" in err
    assert not (home / "engine.sock").exists()
    Engine(home / "engine.db").close()  # nobody owns it


def test_a_home_that_is_none(refused, tmp_path):
    (tmp_path / "file").touch()
    told = refused("server.start", "--home", str(tmp_path / "file"))
    assert told.startswith(f"{tmp_path}/file is not a directory")


def test_a_home_whose_name_is_too_long(refused, tmp_path):
    told = refused("server.start", "--home", str(tmp_path / ("x" * 100)))
    assert "is too long for a socket" in told


def test_keys_that_cannot_be_trusted(refused, home):
    home.mkdir(mode=0o700)
    (home / "keys.json").write_text("{}")
    told = refused("server.start", "--listen", "127.0.0.1:0")
    assert told.startswith(f"others may read or write {home}/keys.json")


@pytest.mark.parametrize(
    ("module", "told"),
    [
        ("no_such_module", "cannot be imported: ModuleNotFoundError: No module named "),
        ("failing_lambdas", "cannot be imported: ZeroDivisionError: division by zero"),
        ("empty_lambdas", ": this module defines no functions"),
    ],
)
def test_lambdas_that_are_none(refused, tmp_path, monkeypatch, module, told):
    (tmp_path / "failing_lambdas.py").write_text("1 / 0\n")
    (tmp_path / "empty_lambdas.py").write_text("from json import dumps\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    assert told in refused("server.start", "--lambdas", module)
    sys.modules.pop(module, None)


def test_a_home_that_another_engine_owns(refused, file):
    with Engine(file):
        assert refused("server.start").startswith(f"{file} is in use by another engine")


# --- server.start: a server of its own ------------------------------------------------------


class Served:
    """A server in a process of its own."""

    def __init__(self, home, *arguments, command=COMMAND, **variables):
        self.home = home
        self.process = subprocess.Popen(
            [*command, "server.start", "--home", str(home), *arguments],
            cwd=HERE,
            env=environment(**variables),
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines = []
        while not self.lines or "server ready" not in self.lines[-1]:
            line = self.process.stderr.readline()
            assert line, self.lines
            self.lines.append(line.rstrip())

    @property
    def ready(self):
        return self.lines[-1]

    @property
    def url(self):
        return self.ready.split()[4]

    def connect(self):
        connected = socket.socket(socket.AF_UNIX)
        connected.settimeout(30)
        connected.connect(str(self.home / "engine.sock"))
        return connected

    def ask(self, operation, **request):
        with self.connect() as connected:
            return ask(connected, operation, **request)

    def wait_for_metric(self, line):
        with self.connect() as page:
            answer = b""
            while f"{line}\n".encode() not in answer:
                time.sleep(0.01)
                page.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
                answer = b""
                while b"process_resident_memory_bytes " not in answer or answer[-1:] != b"\n":
                    answer += page.recv(65_536)

    def swf(self, **options):
        key = KeyFile(self.home).create(now=time.time())
        return boto3.client(
            "swf",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret,
            config=Config(retries={"total_max_attempts": 1}),
            **options,
        )

    def end(self, number=signal.SIGTERM):
        """The exit code, and what was said after the server was ready."""
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=60)
        return self.process.returncode, rest


def send(connected, operation, **request):
    body = json.dumps(request).encode()
    head = (
        f"POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: SimpleWorkflowService.{operation}\r\n"
        f"content-type: application/x-amz-json-1.0\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    connected.sendall(head.encode() + body)


def receive(connected):
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connected.recv(65_536)
    head, _, body = answer.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines()[1:])
    while len(body) < int(headers["content-length"]):
        body += connected.recv(65_536)
    return json.loads(body or b"null")


def ask(connected, operation, **request):
    send(connected, operation, **request)
    return receive(connected)


@pytest.fixture
def serve(home):
    started = []

    def serve(*arguments, **options):
        started.append(Served(home, *arguments, **options))
        return started[-1]

    yield serve
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
        server.process.communicate()


@pytest.mark.integration
def test_a_server_says_when_it_is_ready_and_ends_when_it_is_told(serve, home):
    server = serve()
    assert server.lines == [f"dataflow server ready: unix:{home}/engine.sock (durability full)"]
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert server.ask("ListDomains", registrationStatus="REGISTERED") == {"domainInfos": []}
    assert server.end() == (0, "")
    assert not (home / "engine.sock").exists()


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_answered_is_there_again(serve, number):
    server = serve("--durability", "process")
    assert server.ready.endswith(" (durability process)")
    server.ask("RegisterDomain", name="shop", workflowExecutionRetentionPeriodInDays="1")
    assert server.end(number) == (0, "")
    server = serve()
    (domain,) = server.ask("ListDomains", registrationStatus="REGISTERED")["domainInfos"]
    assert domain["name"] == "shop"


@pytest.mark.integration
def test_a_server_that_was_killed(serve):
    server = serve()
    server.ask("RegisterDomain", name="shop", workflowExecutionRetentionPeriodInDays="1")
    server.process.kill()
    server.process.wait()
    assert (server.home / "engine.sock").is_socket()
    (domain,) = serve().ask("ListDomains", registrationStatus="REGISTERED")["domainInfos"]
    assert domain["name"] == "shop"


@pytest.mark.integration
def test_two_servers_on_one_home(serve, home, refused):
    server = serve()
    told = refused("server.start", "--home", str(home))
    assert told.startswith(f"{home}/engine.db is in use by process {server.process.pid}: ")
    assert server.ask("ListDomains", registrationStatus="REGISTERED") == {"domainInfos": []}


@pytest.mark.integration
def test_tcp(serve):
    server = serve("--listen", "127.0.0.1:0")
    warning, ready = server.lines
    assert warning.startswith("warning: there are no keys yet for TCP")
    assert f" unix:{server.home}/engine.sock http://127.0.0.1:" in ready
    swf = server.swf()
    fill(swf)
    task = swf.poll_for_decision_task(domain="shop", taskList={"name": "decisions"})
    swf.respond_decision_task_completed(
        taskToken=task["taskToken"],
        decisions=[{"decisionType": "CompleteWorkflowExecution"}],
    )
    page = HTTPConnection(server.url.removeprefix("http://"))
    page.request("GET", "/metrics")
    told = page.getresponse().read().decode()
    assert "dataflow_open_executions 1\n" in told
    assert 'dataflow_backlog{domain="shop",kind="decision",task_list="decisions"} 1\n' in told
    page.close()
    swf.close()
    assert server.end() == (0, "")


@pytest.mark.integration
def test_https(serve, tmp_path):
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(cert)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    tls = ["--tls-cert", str(cert), "--tls-key", str(key)]
    server = serve("--listen", "0.0.0.0:0", *tls)
    port = server.url.rpartition(":")[2]
    assert server.url == f"https://0.0.0.0:{port}"
    server.lines[-1] = server.ready.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - to connect to
    swf = server.swf(verify=str(cert))
    swf.register_domain(name="shop", workflowExecutionRetentionPeriodInDays="1")
    assert swf.list_domains(registrationStatus="REGISTERED")["domainInfos"][0]["name"] == "shop"
    swf.close()


@pytest.mark.integration
def test_other_machines_may_come_in_where_the_user_says_so(serve):
    assert "http://0.0.0.0:" in serve("--listen", "0.0.0.0:0", "--insecure").ready


@pytest.mark.integration
def test_quotas(serve):
    with serve("--quotas").connect() as connected:
        request = {"workflowExecutionRetentionPeriodInDays": "1"}
        answers = [ask(connected, "RegisterDomain", name=f"d{n}", **request) for n in range(101)]
    assert answers[:100] == [None] * 100
    # The bucket of calls, which fills again meanwhile, or the quota of domains.
    fault = answers[100]["__type"].partition("#")[2]
    assert fault in {"LimitExceededFault", "ThrottlingException"}


@pytest.mark.integration
def test_lambda_functions_of_a_module(serve, tmp_path):
    (tmp_path / "our_lambdas.py").write_text("def double(text):\n    return str(2 * int(text))\n")
    server = serve("--lambdas", "our_lambdas", PYTHONPATH=f"{tmp_path}:{HERE.parents[1]}")
    with server.connect() as swf:
        ask(swf, "RegisterDomain", name="shop", workflowExecutionRetentionPeriodInDays="1")
        ask(swf, "RegisterWorkflowType", domain="shop", **TYPE)
        started = {"workflowId": "w", "workflowType": TYPE, "lambdaRole": "role", **EXECUTION}
        ask(swf, "StartWorkflowExecution", domain="shop", **started)
        there = {"domain": "shop", "taskList": {"name": "decisions"}}
        token = ask(swf, "PollForDecisionTask", **there)["taskToken"]
        call = {"id": "1", "name": "double", "input": "21"}
        decision = {
            "decisionType": "ScheduleLambdaFunction",
            "scheduleLambdaFunctionDecisionAttributes": call,
        }
        ask(swf, "RespondDecisionTaskCompleted", taskToken=token, decisions=[decision])
        events = ask(swf, "PollForDecisionTask", **there)["events"]
    (completed,) = [e for e in events if e["eventType"] == "LambdaFunctionCompleted"]
    assert completed["lambdaFunctionCompletedEventAttributes"]["result"] == "42"


@pytest.mark.integration
def test_a_second_signal_is_obeyed_at_once(serve, home):
    server = serve()
    with server.connect() as slow:
        # It is refused, and given time to send the rest: the server has something in hand.
        slow.sendall(
            b"POST / HTTP/1.1\r\nx-amz-target: SimpleWorkflowService.ListDomains\r\n"
            b"content-type: application/x-amz-json-1.0\r\ncontent-length: 2000000\r\n\r\n"
        )
        assert receive(slow)["__type"].endswith("#RequestEntityTooLargeException")
        server.process.send_signal(signal.SIGTERM)
        while (home / "engine.sock").exists():
            time.sleep(0.001)
        assert server.end(signal.SIGTERM) == (128 + signal.SIGTERM, "")


@pytest.mark.integration
def test_an_interrupt_that_the_shell_has_switched_off_stays_off(serve):
    quiet = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    command = [sys.executable, "-c", f"{quiet}os.execv(sys.executable, sys.argv[1:])", *COMMAND]
    server = serve(command=command)
    server.process.send_signal(signal.SIGINT)
    assert server.ask("ListDomains", registrationStatus="REGISTERED") == {"domainInfos": []}
    assert server.end() == (0, "")


@pytest.mark.integration
def test_two_thousand_parked_polls_and_then_the_end(serve):
    server = serve()
    server.ask("RegisterDomain", name="shop", workflowExecutionRetentionPeriodInDays="1")
    polls = [server.connect() for _ in range(2_000)]
    resting = [server.connect() for _ in range(10)]
    for n, connected in enumerate(polls):
        # As many as may wait at one task list.
        there = {"domain": "shop", "taskList": {"name": f"list {n % 10}"}}
        send(connected, "PollForActivityTask", **there)
    for connected in resting:
        ask(connected, "ListDomains", registrationStatus="REGISTERED")
    server.wait_for_metric('dataflow_parked_polls{kind="activity"} 2000')
    assert server.end() == (0, "")
    assert {receive(connected)["taskToken"] for connected in polls} == {""}
    for connected in [*polls, *resting]:
        assert connected.recv(1) == b""
        connected.close()


@pytest.mark.integration
def test_a_worker_that_dies_while_it_waits_takes_no_task(serve):
    server = serve()
    with server.connect() as swf:
        ask(swf, "RegisterDomain", name="shop", workflowExecutionRetentionPeriodInDays="1")
        ask(swf, "RegisterWorkflowType", domain="shop", **TYPE)
        there = {"domain": "shop", "taskList": {"name": "decisions"}}
        dying = [server.connect() for _ in range(20)]
        for connected in dying:
            send(connected, "PollForDecisionTask", **there)
        server.wait_for_metric('dataflow_parked_polls{kind="decision"} 20')
        for connected in dying:
            connected.close()
        server.wait_for_metric('dataflow_parked_polls{kind="decision"} 0')
        started = {"workflowId": "w", "workflowType": TYPE, **EXECUTION}
        ask(swf, "StartWorkflowExecution", domain="shop", **started)
        task = ask(swf, "PollForDecisionTask", **there)
    assert task["workflowExecution"]["workflowId"] == "w"


# --- what is imported -----------------------------------------------------------------------


@pytest.mark.integration
def test_help_does_not_pay_for_the_server():
    told = "import sys; from dataflow.cli.main import run; run(sys.argv[1:]); print(*sys.modules)"
    for arguments in (["--help"], ["server.start", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", told, *arguments],
            cwd=HERE,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        modules = set(done.stdout.splitlines()[-1].split())
        assert not modules & {"uvicorn", "uvloop", "sqlite3", "asyncio", "ssl", "boto3"}


def test_the_paths_in_the_home_fit(home):
    assert len(os.fsencode(home / "engine.sock")) <= sockets._MOST_PATH
