"""What ``workflow.start`` prints, where, and its exit codes."""

import json
import re
import subprocess
import time

import pytest
from commands import COMMAND, HERE, environment, start

pytestmark = pytest.mark.integration


def without_times(text):
    return re.sub(r"\b\d+\.\d\d s\b", "N s", text)


def told(done):
    """Standard error, with what differs from run to run taken out."""
    return without_times(done.err).replace(f"{HERE}/", "").splitlines()


# --- where things go ------------------------------------------------------------------


def test_the_workflow_has_standard_output_for_itself():
    done = start("flows.Doubles", "--input", "[4]")
    assert done.code == 0
    assert done.out == "doubled: 8\n"
    assert told(done) == ["aside", "completed in N s: 8"]


def test_what_is_printed_comes_before_the_outcome():
    command = [*COMMAND, "workflow.start", "--local", "flows.Doubles"]
    output = subprocess.run(
        command,
        cwd=HERE,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout
    assert without_times(output).splitlines()[1:] == ["doubled: 2", "completed in N s: 2"]


def test_output_is_printed_once_however_often_the_workflow_waits():
    assert start("flows.Doubles", "--input", '{"kwargs": {"times": 5}}').out == "doubled: 32\n"


def test_json_is_all_there_is_on_standard_output():
    done = start("flows.Doubles", "--format", "json", "--workflow-id", "my-id")
    assert done.code == 0
    told = json.loads(done.out)
    assert re.fullmatch("[0-9a-f]{32}", told.pop("run_id"))
    assert told == {"workflow_id": "my-id", "status": "COMPLETED", "result": 2}
    assert done.out.count("\n") == 1
    assert done.err == "doubled: 2\naside\n"


def test_json_of_a_failure():
    done = start("flows.Divides", "--input", "[1, 0]", "--format", "json")
    assert done.code == 1
    told = json.loads(done.out)
    assert told["status"] == "FAILED"
    assert told["reason"] == "TaskFailed: flows.divide: ZeroDivisionError: division by zero"
    assert told["details"]["error"] == "TaskFailed"
    assert "result" not in told
    assert done.err == "dividing\n"


def test_json_of_details_that_are_text():
    told = json.loads(start("flows.GivesUp", "--format", "json").out)
    assert (told["reason"], told["details"]) == ("no good", "first line\nsecond line")


def test_what_programs_print_does_not_mix_with_the_json():
    done = start("flows.StartsAProgram", "--format", "json")
    assert json.loads(done.out)["result"] is None
    assert done.err == "from a program\n"


def test_workflow_ids_differ_unless_they_are_given():
    ids = [json.loads(start("flows.Doubles", "--format", "json").out)["workflow_id"] for _ in "ab"]
    assert ids[0] != ids[1]
    assert all(name.startswith("doubles-") for name in ids)


def test_logs_go_to_standard_error():
    done = start("flows.Logs", LOG_LEVEL="info")
    assert done.out == ""
    assert "INFO flows: from the workflow" in done.err
    assert "DEBUG" not in done.err
    assert "from the workflow" not in start("flows.Logs").err


# --- how it ends ------------------------------------------------------------------------


def test_a_long_result_is_cut():
    done = start("flows.Returns", "--input", json.dumps(["x" * 10_000]))
    assert done.err.endswith("xxx ...\n")
    assert len(done.err) < 600


@pytest.mark.parametrize("value", [None, {"é": [1.5, "\x1b"]}])
def test_results_are_shown_as_json(value):
    done = start("flows.Returns", "--input", json.dumps([value]))
    assert json.loads(done.err.partition(": ")[2]) == value


def test_a_failure_shows_the_users_own_lines():
    done = start("flows.Divides", "--input", "[1, 0]")
    assert (done.code, done.out) == (1, "dividing\n")
    lines = [line for line in told(done) if line.strip(" ^~")]
    assert lines[0] == (
        "failed in N s: TaskFailed: flows.divide: ZeroDivisionError: division by zero"
    )
    assert lines[1] == "  Traceback (most recent call last):"
    shown = "\n".join(lines)
    assert '    File "flows.py", line' in shown
    assert ", in divide\n      return quotient(x, y)\n    File " in shown
    assert ", in quotient\n      return x / y\n  ZeroDivisionError: division by zero" in shown
    assert ", in run\n      return self.submit(divide, x, y).result" in shown
    assert "/dataflow/" not in shown


def test_a_failure_shows_the_chain_of_causes():
    shown = "\n".join(told(start("flows.Wraps", "--input", "[1, 0]")))
    assert shown.startswith("failed in N s: RuntimeError: no quotient\n")
    assert (
        shown.index("ZeroDivisionError: division by zero")
        < shown.index("direct cause")
        < shown.index("TaskFailed: flows.divide")
        < shown.rindex("RuntimeError: no quotient")
    )
    assert "OriginalError" not in shown


def test_a_group_shows_all_failures():
    shown = "\n".join(told(start("flows.DividesTwice", "--input", "[0, 0]")))
    assert shown.startswith("failed in N s: ExceptionGroup: 2 of 2 ")
    assert shown.count("ZeroDivisionError: division by zero") >= 2
    assert "/dataflow/" not in shown


def test_all_frames_are_shown_for_debugging():
    done = start("flows.Divides", "--input", "[1, 0]", LOG_LEVEL="DEBUG")
    assert "dataflow/futures.py" in done.err


def test_reason_and_details_of_a_workflow_that_gives_up():
    done = start("flows.GivesUp")
    assert done.code == 1
    assert told(done) == ["failed in N s: no good", "  first line", "  second line"]


def test_a_time_out():
    done = start("flows.TakesTooLong")
    assert done.code == 5
    assert re.match(r"timed out after 1\.\d\d s: ", done.err)


def test_stuck():
    done = start("flows.Stuck")
    assert done.code == 1
    assert told(done)[0].startswith("stuck after N s: run() waits for an answer, and nothing")


@pytest.mark.parametrize(
    ("workflow", "reason"),
    [
        ("SubmitsAFunction", "NotSubmittable: the function quotient is no activity"),
        ("SendsWhatHasNoJson", "PayloadError: flows.double: args[0]['when'][0] cannot be encoded"),
        ("GetsWhatHasNoJson", "PayloadError: result['when'][0] cannot be encoded"),
    ],
)
def test_mistakes_of_the_workflow_fail_it(workflow, reason):
    done = start(f"flows.{workflow}")
    assert done.code == 1
    assert told(done)[0].startswith("failed in N s: ")
    assert reason in told(done)[0]


def test_work_left_behind_is_warned_of_and_does_not_hold_up_the_end():
    started = time.monotonic()
    done = start("flows.LeavesWorkBehind")
    assert time.monotonic() - started < 5
    assert done.code == 0
    assert done.out.startswith("line 0\nline 1\n")
    warned, outcome = told(done)
    assert warned.startswith("warning: run() returned before activity-flows.speak-1, activity-")
    assert outcome == "completed in N s: null"


# --- the input --------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["-"], ["--input", "-"], ["--input-file", "-"]])
def test_input_from_standard_input(arguments):
    done = start("flows.Returns", *arguments, stdin='["from stdin"]\n')
    assert told(done) == ['completed in N s: "from stdin"']


def test_input_from_a_file(tmp_path):
    file = tmp_path / "input.json"
    file.write_bytes(b'\xef\xbb\xbf{"args": ["\xc3\xa9"]}')
    done = start("flows.Returns", "--input-file", str(file))
    assert json.loads(done.err.partition(": ")[2]) == "é"


@pytest.mark.parametrize("name", ["flows:Outer.Inner", "flows:Doubles", "flows.Doubles"])
def test_names_of_workflows(name):
    assert start(name).code == 0


def test_the_working_directory_comes_first(tmp_path):
    (tmp_path / "examples.py").write_text(
        "from dataflow import Workflow\nclass Mine(Workflow):\n    def run(self): return 'mine'\n"
    )
    assert told(start("examples.Mine", cwd=tmp_path)) == ['completed in N s: "mine"']


# --- output that nobody reads -----------------------------------------------------------


def test_a_reader_that_goes_away_ends_nothing():
    script = '"$@" | head -n 1; echo "${PIPESTATUS[0]}"'
    command = [*COMMAND, "workflow.start", "--local", "flows.Prints", "--input", "20000"]
    done = subprocess.run(
        ["bash", "-c", script, "bash", *command],
        cwd=HERE,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "line 0\n0\n"
    assert without_times(done.stderr) == "completed in N s: 20000\n"


@pytest.mark.parametrize(
    ("arguments", "redirection", "code", "expected"),
    [
        (["--help"], ">/dev/full", 1, "error: [Errno 28] No space left on device\n"),
        (["--version"], ">/dev/full", 1, "error: [Errno 28] No space left on device\n"),
        (["flows.Doubles"], ">&-", 0, "aside\ncompleted in N s: 2\n"),
        (["flows.Doubles"], "2>&-", 0, ""),
        (["flows.Doubles", "--format", "json"], ">&-", 0, "doubled: 2\naside\n"),
        (
            ["flows.Returns", "-i0", "--format", "json"],
            ">/dev/full",
            1,
            "error: [Errno 28] No space left on device\n",
        ),
    ],
)
def test_output_that_cannot_be_written(arguments, redirection, code, expected):
    if not arguments[0].startswith("-"):
        arguments = ["workflow.start", "--local", *arguments]
    done = subprocess.run(
        ["bash", "-c", f'"$@" {redirection}', "bash", *COMMAND, *arguments],
        cwd=HERE,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert without_times(done.stderr) == expected
