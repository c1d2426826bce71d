"""``workflow.replay``: whether code fits a history."""

import io
import json
import sys

import pytest

from dataflow.cli import main
from dataflow.inspection import exported
from dataflow.inspection.executions import Execution
from dataflow.process import loading
from dataflow.storage.opening import open_fields
from dataflow.testing import run_workflow

FLOWS = """
from dataflow import Workflow, activity

@activity.with_attributes(version="1")
def double(x):
    return 2 * x

class Doubles(Workflow):
    name, version = "doubles", "1"

    def run(self, x, times=2):
        for _ in range(times):
            x = self.submit(double, x).result
        print("printed")
        return {result}
"""


@pytest.fixture
def replay(tmp_path, monkeypatch, capsys):
    """Replays a history of `FLOWS` with other code; ``code``, ``out`` and ``err``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])

    def write(name, **changes):
        text = FLOWS.replace("{result}", "x")
        for old, new in changes.values():
            assert old in text
            text = text.replace(old, new)
        (tmp_path / f"{name}.py").write_text(text)
        sys.modules.pop(name, None)

    def record():
        write("replayed")
        monkeypatch.syspath_prepend(tmp_path)
        finished = run_workflow(loading.find("replayed.Doubles"), 3)
        capsys.readouterr()
        execution = Execution(
            domain="shop",
            workflow_id="w",
            run_id="test-run",
            name="doubles",
            version="1",
            status="COMPLETED",
            started_at=0.0,
        )
        (tmp_path / "w.json").write_text(
            "\n".join(exported.written(execution, finished.history.events))
        )

    def replay(*arguments, **changes):
        write("replayed", **changes)
        code = main.run(["workflow.replay", *arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    record()
    yield replay
    sys.modules.pop("replayed", None)


def test_code_that_fits(replay):
    code, out, err = replay("w.json", "replayed.Doubles")
    assert (code, out) == (0, "")
    assert err.splitlines()[-1].startswith("the code fits: ")
    assert "printed" in err


def test_code_that_asks_for_something_else(replay):
    code, out, err = replay("w.json", "replayed.Doubles", times=("times=2", "times=3"))
    assert (code, out) == (1, "")
    assert "the code does not fit the history" in err
    assert "WorkflowExecutionCompleted" in err


def test_another_result(replay):
    code, _, err = replay("w.json", "replayed.Doubles", result=("return x", "return x + 1"))
    assert code == 1
    assert "WorkflowExecutionCompleted with 12" in err


def test_as_json(replay):
    code, out, _ = replay("w.json", "replayed.Doubles", "--format", "json")
    told = json.loads(out)
    assert code == 0
    assert told == {"fits": True, "events": told["events"], "decisions": 3}
    code, out, _ = replay(
        "w.json", "replayed.Doubles", "--format=json", body=("double, x", "double, x + 1")
    )
    told = json.loads(out)
    assert code == 1
    assert told.keys() == {"fits", "events", "decisions", "event_id", "history", "code"}
    assert "[4]" in told["code"]


def test_another_version_is_warned_of(replay):
    code, _, err = replay(
        "w.json", "replayed.Doubles", version=('"doubles", "1"', '"doubles", "2"')
    )
    assert code == 0
    assert "warning: the execution is of workflow type doubles version 1" in err


def test_standard_input(replay, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", io.StringIO((tmp_path / "w.json").read_text()))
    assert replay("-", "replayed.Doubles")[0] == 0
    monkeypatch.setattr(sys, "stdin", io.StringIO("nonsense"))
    code, _, err = replay("-", "replayed.Doubles")
    assert code == 2
    assert err.startswith("error: standard input: this is no history (")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nix.json", "replayed.Doubles"], "error: cannot read nix.json: No such file"),
        (["w.json", "replayed.Nix"], "Nix"),
        (["replayed.py", "replayed.Doubles"], "error: replayed.py: this is no history ("),
    ],
)
def test_what_is_not_there(replay, arguments, told):
    code, out, err = replay(*arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert err.count("\n") == 1


def test_the_class_is_found_where_the_input_is_encrypted(replay, monkeypatch, tmp_path):
    monkeypatch.setenv("DATAFLOW_HOME", str(tmp_path))
    monkeypatch.setenv("DATAFLOW_CODEC", "aesgcm")
    monkeypatch.setenv("DATAFLOW_ENCRYPTION_KEYS", f"k:{'A' * 43}=")
    history = json.loads((tmp_path / "w.json").read_text())
    started = history["events"][0]["workflowExecutionStartedEventAttributes"]
    text = json.dumps(json.loads(started["input"]) | {"definition": "replayed.Doubles"})
    started["input"] = open_fields().write(text, field="input", limit=1000)
    (tmp_path / "w.json").write_text(json.dumps(history))
    assert replay("w.json")[0] == 0
    monkeypatch.delenv("DATAFLOW_CODEC")
    monkeypatch.delenv("DATAFLOW_ENCRYPTION_KEYS")
    code, _, err = replay("w.json")
    assert code == 1
    assert err.startswith("error: ")
    assert "aesgcm" in err
    assert err.count("\n") == 1
