"""From the name of an engine to a way there."""

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dataflow import connect as connecting
from dataflow import settings
from dataflow.client.amazon import AmazonService
from dataflow.client.http import HttpService
from dataflow.connect import Connection, connect
from dataflow.engine import Engine
from dataflow.engine.auth.keys import KeyFile
from dataflow.errors import UsageError
from dataflow.payload.fields import CLEAR

ROOT = Path(__file__).parents[2]
DOMAIN = {"name": "shop", "workflowExecutionRetentionPeriodInDays": "1"}
WORK = {"domain": "shop", "taskList": {"name": "work"}}


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """The home of the local engine; and no settings but those of the test."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "SWF_", "DATAFLOW_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    home = tmp_path / "home"
    monkeypatch.setenv("DATAFLOW_HOME", str(home))
    return home


@pytest.fixture
def server(home):
    """Start ``dataflow server.start`` and wait for the URLs that it prints."""
    processes = []

    def server(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "dataflow", "server.start", *arguments],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        for line in process.stderr:
            if "ready: " in line:
                return line.partition("ready: ")[2].partition(" (")[0].split()
        raise AssertionError("it did not start")

    yield server
    for process in processes:
        with process:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def refused(*arguments, **options):
    with pytest.raises(UsageError) as why:
        connect(*arguments, **options)
    assert "\n" not in str(why.value)
    return str(why.value)


def works(connection):
    """It takes requests, and polls that can be broken off."""
    service = connection.service
    with pytest.raises(service.exceptions.UnknownResourceFault):
        service.describe_domain(name="nowhere")
    poller = connection.poller()
    poller.cancel()
    assert poller.poll_for_activity_task(**WORK)["taskToken"] == ""
    assert connection.poller() is not poller
    return True


# --- words --------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["aws", "Local", "localhost:80", "/run/engine.sock", "ftp://x"])
def test_what_is_no_engine(word, monkeypatch):
    told = (
        f"{word} is no engine: write local, swf, http://HOST:PORT, https://HOST:PORT or unix:PATH"
    )
    assert refused(word) == f"--engine {told}"
    monkeypatch.setenv("DATAFLOW_ENGINE", word)
    assert refused() == f"DATAFLOW_ENGINE {told}"


def test_a_url_that_is_none():
    assert "is no URL" in refused("http://")
    assert "names no socket" in refused("unix:")


def test_the_argument_goes_before_the_environment(monkeypatch, tmp_path):
    assert settings.engine() == "local"
    monkeypatch.setenv("DATAFLOW_ENGINE", " ")
    assert settings.engine() == "local"
    monkeypatch.setenv("DATAFLOW_ENGINE", f"unix:{tmp_path / 'a'}")
    assert refused() == f"there is no socket {tmp_path / 'a'}"
    assert refused(f"unix:{tmp_path / 'b'}") == f"there is no socket {tmp_path / 'b'}"


# --- local --------------------------------------------------------------------------------


def test_no_engine_runs(home, tmp_path):
    assert refused() == (
        f"no engine runs on {home}: `dataflow server.start` starts one, and "
        "`dataflow standalone` brings its own"
    )
    other = tmp_path / "other"
    told = refused("local", home=str(other))
    assert f"no engine runs on {other}: `dataflow server.start --home {other}` starts one" in told
    assert not home.exists()
    assert not other.exists()


def test_an_engine_of_ones_own(home):
    with connect(own=True) as connection:
        assert connection.kind == "embedded"
        assert isinstance(connection.service, Engine)
        assert connection.name == str(home / "engine.db")
        connection.service.register_domain(**DOMAIN)
        assert works(connection)
    with connect(own=True, home=str(home)) as connection:
        assert connection.service.describe_domain(name="shop")["domainInfo"]["name"] == "shop"


def test_what_is_in_the_home_is_nobody_elses_business(home):
    before = os.umask(0o022)
    try:
        with connect(own=True) as connection:
            connection.service.register_domain(**DOMAIN)
            modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in home.iterdir()}
    finally:
        os.umask(before)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert modes.pop("engine.db") == 0o600
    assert set(modes.values()) == {0o600}


def test_a_home_that_others_could_write_in(home):
    home.mkdir()
    home.chmod(0o777)
    assert "others may write in" in refused(own=True)


def test_polls_in_this_process_can_be_broken_off():
    with connect(own=True) as connection:
        connection.service.register_domain(**DOMAIN)
        poller = connection.poller()
        answers = []
        thread = threading.Thread(
            target=lambda: answers.append(poller.poll_for_activity_task(**WORK))
        )
        thread.start()
        poller.cancel()
        thread.join(20)
        assert answers[0]["taskToken"] == ""


def test_an_engine_that_somebody_else_has_to_himself(home, monkeypatch):
    monkeypatch.setattr(connecting, "_OWN_PAUSE", 0)
    with connect(own=True):
        told = refused(own=True)
        assert told.startswith(f"another process has {home / 'engine.db'} and lets nobody else in")
        assert "dataflow server.start" in told
        assert "no engine runs" in refused()


def test_an_engine_that_is_just_being_given_up(monkeypatch):
    """Who has it ends while one waits for his socket."""
    other = connect(own=True)
    monkeypatch.setattr(connecting.time, "sleep", lambda _: other.close())
    with connect(own=True) as connection:
        assert connection.kind == "embedded"
        assert works(connection)


@pytest.mark.integration
def test_an_engine_that_runs(home, server):
    (url,) = server()
    for connection in (connect(), connect("local"), connect(own=True), connect(url)):
        with connection:
            assert connection.kind == "http"
            assert isinstance(connection.service, HttpService)
            assert connection.name == url == f"unix:{home / 'engine.sock'}"
            assert connection.home == str(home)
            assert works(connection)


# --- a server, Amazon -------------------------------------------------------------------------


@pytest.mark.integration
def test_a_server_over_tcp(home, server, monkeypatch):
    _, url = server("--listen", "127.0.0.1:0")
    assert "`dataflow server.key.create` makes one" in refused(url)
    key = KeyFile(home).create(now=0)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key.access_key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key.secret)
    monkeypatch.setenv("DATAFLOW_ENGINE", url)
    with connect() as connection:
        assert (connection.kind, connection.name, connection.home) == ("http", url, None)
        assert connection.fields is CLEAR
        assert repr(connection) == f"<Connection to {url}>"
        assert works(connection)


def test_nobody_there(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
    assert refused("http://127.0.0.1:1").startswith("nobody listens at http://127.0.0.1:1: ")


def test_amazon(monkeypatch):
    assert "set AWS_DEFAULT_REGION" in refused("swf")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert "there are no AWS credentials" in refused("swf")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "A")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
    monkeypatch.setenv("DATAFLOW_ENGINE", "swf")
    monkeypatch.setenv("SWF_CONNECTION_RETRIES", "7")
    with connect(pollers=33) as connection:
        amazon = connection.service
        assert (connection.kind, connection.name) == ("swf", "https://swf.eu-west-1.amazonaws.com")
        assert isinstance(amazon, AmazonService)
        assert amazon._client.meta.config.retries["total_max_attempts"] == 7
        assert amazon._polls.meta.config.max_pool_connections == 33
        poller = connection.poller()
        poller.cancel()
        assert poller.poll_for_activity_task(**WORK)["taskToken"] == ""


@pytest.mark.integration
def test_amazon_in_the_hands_of_moto(monkeypatch):
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - a second, for one test

    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        url = "http://{}:{}".format(*moto.get_host_and_port())
        monkeypatch.setenv("AWS_ENDPOINT_URL_SWF", url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        with connect("swf") as connection:
            assert connection.name == url
            assert works(connection)
    finally:
        moto.stop()


# --- what it costs ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import dataflow.connect", ["boto3", "botocore", "httptools", "ssl", "sqlite3"]),
        ("from dataflow.connect import connect; connect(own=True)", ["boto3", "botocore"]),
    ],
)
def test_nobody_pays_for_what_he_does_not_use(code, absent):
    script = f"{code}\nimport sys; print([name for name in {absent} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"


def test_a_connection_closes_what_it_is_made_of():
    closed = []

    class Service:
        def close(self):
            closed.append(self)

    service = Service()
    with Connection(service, lambda: None, kind="embedded", name="x"):
        assert closed == []
    assert closed == [service]


# --- settings -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "attempts"), [(None, 5), ("", 5), (" 3 ", 3), ("1", 1), ("0", 1), ("100", 100)]
)
def test_attempts(monkeypatch, word, attempts):
    if word is not None:
        monkeypatch.setenv("SWF_CONNECTION_RETRIES", word)
    assert settings.connection_attempts() == attempts


@pytest.mark.parametrize("word", ["many", "-1", "1.5", "³", "1e3"])
def test_attempts_that_are_no_number(monkeypatch, word):
    monkeypatch.setenv("SWF_CONNECTION_RETRIES", word)
    expected = f"SWF_CONNECTION_RETRIES={word} is not a number of attempts, such as 5"
    with pytest.raises(UsageError) as why:
        settings.connection_attempts()
    assert str(why.value) == expected


def test_settings_of_aws(monkeypatch):
    assert settings.aws_keys() is None
    assert settings.aws_region() is settings.ca_bundle() is None
    monkeypatch.setenv("AWS_DEFAULT_REGION", " eu-west-1 ")
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/ca.pem")
    assert settings.aws_region() == "eu-west-1"
    assert settings.ca_bundle() == "/etc/ca.pem"
