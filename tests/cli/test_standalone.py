"""``dataflow standalone``, and the commands that look at what it has left behind."""

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager

import pytest
from commands import HERE, dataflow, environment

pytestmark = pytest.mark.integration


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def run(home, tmp_path):
    """The command, with the home of this test."""

    def run(*arguments, **variables):
        return dataflow(
            *arguments, DATAFLOW_HOME=str(home), STEPS=str(tmp_path / "steps"), **variables
        )

    return run


@contextmanager
def serving(home):
    """A server on the home of this test."""
    server = subprocess.Popen(
        [sys.executable, "-m", "dataflow", "server.start"],
        cwd=HERE,
        env=environment(DATAFLOW_HOME=str(home)),
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stderr.readline().startswith("dataflow server ready")
        yield
    finally:
        server.terminate()
        server.communicate()


def test_a_workflow(run):
    done = run("standalone", "lasting.Steps", "--input", "3")
    assert (done.code, done.out) == (0, "3 steps\n")
    assert done.err.startswith("completed in ")
    assert done.err.endswith(" s: [0,1,2]\n")


def test_for_a_program(run):
    done = run("--format", "json", "standalone", "--isolation=inline", "lasting.Steps", "-i1")
    told = json.loads(done.out)
    assert (told["status"], told["result"]) == ("COMPLETED", [0])
    assert done.code == 0


def test_a_failure(run):
    done = run("standalone", "lasting.Fails")
    assert done.code == 1
    assert "ValueError: no luck" in done.err


@pytest.fixture
def begin(home, tmp_path):
    """Begins the command; what is returned kills it, as soon as a condition holds."""
    processes = []

    def begin(*arguments, **variables):
        process = subprocess.Popen(
            [sys.executable, "-m", "dataflow", *arguments],
            cwd=HERE,
            env=environment(DATAFLOW_HOME=str(home), STEPS=str(tmp_path / "steps"), **variables),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        processes.append(process)

        def kill_when(condition):
            while not condition():
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGKILL)
            process.wait()

        return kill_when

    yield begin
    for process in processes:
        process.kill()
        process.wait()


def test_what_it_leaves_behind_can_be_looked_at_without_an_engine(run):
    run("standalone", "--workflow-id=w", "lasting.Steps", "-i2")
    assert run("workflow.result", "w") == (0, "[0,1]\n", "")
    assert (
        run("activity.rerun", "--workflow-id=w", "--activity-id=activity-lasting.step-2").code == 0
    )
    for command in (["workflow.result", "--wait"], ["workflow.signal", "go"]):
        code, out, err = run(*command, "w")
        assert (code, out) == (6, "")
        assert "`dataflow server.start` starts one" in err


def test_it_goes_on_where_it_was_killed(run, begin, tmp_path):
    steps = tmp_path / "steps"
    command = ["standalone", "--workflow-id=w", "--isolation=inline", "lasting.Steps", "-i4"]
    kill_when = begin(*command, HANG="2")
    kill_when(lambda: steps.exists() and "2\n" in steps.read_text())
    done = run(*command)
    assert done.code == 0
    assert done.err.startswith("going on with w ")
    assert done.err.endswith(" s: [0,1,2,3]\n")
    assert steps.read_text().split() == ["0", "1", "2", "2", "3"]
    assert run("server.check").out.endswith(" events: sound\n")


def test_it_does_not_wait_for_the_decider_that_was_killed(run, begin, home):
    """Nobody lives on the list that the next decision task would have waited in."""
    command = ["standalone", "--workflow-id=w", "--isolation=inline", "lasting.Waits", "-i3"]
    begin(*command)(lambda: "TimerStarted" in kinds(home))
    assert run(*command).code == 0
    told = kinds(home)
    assert told.count("DecisionTaskTimedOut") == 1
    assert told.index("DecisionTaskTimedOut") < told.index("TimerFired")


def kinds(home):
    """The types of the events in the engine's file, of one execution."""
    if not (home / "engine.db").exists():
        return []
    with closing(sqlite3.connect(f"file:{home / 'engine.db'}?mode=ro", uri=True)) as file:
        try:
            bodies = file.execute("SELECT body FROM event ORDER BY id").fetchall()
        except sqlite3.OperationalError:  # it is just being made
            return []
    return [json.loads(body)["eventType"] for (body,) in bodies]


def test_a_repair_does_again_what_is_named(run, tmp_path):
    assert run("standalone", "--workflow-id=old", "lasting.Steps", "-i3").code == 0
    (tmp_path / "steps").unlink()
    done = run("standalone", "--repair=old", "--force-activities=step-2$", "lasting.Steps")
    assert done.err.endswith(" s: [0,1,2]\n")
    assert (tmp_path / "steps").read_text().split() == ["1"]


def test_long_texts(run, tmp_path, home):
    given = tmp_path / "input.json"
    given.write_text(json.dumps(["ab" * 20_000]))
    flow = ("standalone", "--workflow-id=w", "lasting.Large", "--input-file", str(given))
    done = run("--format=json", *flow)
    assert done.code == 0, done.err
    assert json.loads(done.out)["result"] == "ab" * 20_000 * 10
    repaired = run("--format=json", "standalone", "--repair=w", "lasting.Large")
    assert json.loads(repaired.out)["result"] == "ab" * 20_000 * 10
    assert (tmp_path / "steps").read_text() == "grow\n"
    with serving(home):
        rerun = ("activity.rerun", "--workflow-id=w", "--activity-id=activity-lasting.measure-1")
        assert run(*rerun) == (0, "400000\n", "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["lasting.Nothing"],
            "lasting has no Nothing: its workflows are Large, Steps, Fails, Waits",
        ),
        (
            ["--force-activities=x", "lasting.Steps"],
            "--force-activities goes with --repair: name the run to repair",
        ),
        (["--tags=a,b,c,d,e,f", "lasting.Steps", "-i1"], "6 tags: an execution may have 5"),
        (
            ["--engine=nowhere", "lasting.Steps"],
            (
                "--engine nowhere is no engine: write local, swf, http://HOST:PORT, "
                "https://HOST:PORT or unix:PATH"
            ),
        ),
    ],
)
def test_mistakes(run, arguments, line):
    assert run("standalone", *arguments) == (2, "", f"error: {line}\n")


def test_a_repair_of_nothing(run):
    line = (
        "error: there is no execution x in the domain default: `dataflow workflow.list default "
        "--status all` shows which there are\n"
    )
    assert run("standalone", "--repair=x", "lasting.Steps") == (3, "", line)


def test_an_activity_again(run, tmp_path, home):
    assert run("standalone", "--workflow-id=w", "lasting.Steps", "-i2").code == 0
    with serving(home):
        rerun = ("activity.rerun", "--workflow-id=w", "--activity-id")
        assert run(*rerun, "activity-lasting.step-2") == (0, "1\n", "")
        assert run(*rerun, "none").err == (
            "error: there is no activity none: there are "
            "activity-lasting.step-1, activity-lasting.step-2\n"
        )
        started = run("workflow.start", "--workflow-id=two", "lasting.Steps", "-i1")
        assert started.out.split()[0] == "two"
        again = run("workflow.start", "--workflow-id=two", "lasting.Steps", "-i1")
        assert (again.code, again.out) == (1, "")
        assert "with the workflow id two is open" in again.err
        nowhere = run("workflow.start", "--domain=nowhere", "lasting.Steps", "-i1")
        assert nowhere.code == 3
        assert nowhere.err.startswith("error: there is no domain nowhere: ")
        registered = run("domain.register", "default")
        assert registered.code == 1
        assert registered.err == "error: the domain default is registered already\n"


def test_info_hides_secrets(run):
    done = run("info", "environment", AWS_SECRET_ACCESS_KEY="hush")  # noqa: S106 - none
    assert "AWS_SECRET_ACCESS_KEY (hidden)" in done.out
    assert "hush" not in done.out
    told = json.loads(run("--format=json", "info").out)
    assert set(told) == {"versions", "settings", "environment"}
