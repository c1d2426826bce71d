"""What is done to executions, one and many."""

import contextlib
import json

import pytest
from commands import ROOT

from dataflow.cli import again, bulk, control, main, render
from dataflow.connect import Connection
from dataflow.engine import Engine
from dataflow.process import loading
from dataflow.process.client import Client, Start
from dataflow.process.definitions import type_of
from dataflow.process.standalone import Setup, Standalone

DOMAIN = "shop"


class Shop:
    """A domain with executions, which are decided by hand."""

    def __init__(self, engine):
        self.engine = engine
        engine.register_domain(name=DOMAIN, workflowExecutionRetentionPeriodInDays="1")
        for name in ("order", "bill"):
            engine.register_workflow_type(domain=DOMAIN, name=name, version="1")

    @property
    def connection(self):
        return Connection(self.engine, self.engine.poller, kind="embedded", name="engine")

    def start(self, workflow_id, *, name="order", tags=(), text='{"args":[1],"kwargs":{}}'):
        return self.engine.start_workflow_execution(
            domain=DOMAIN,
            workflowId=workflow_id,
            workflowType={"name": name, "version": "1"},
            taskList={"name": f"of {workflow_id}"},
            tagList=list(tags),
            input=text,
            executionStartToCloseTimeout="500",
            taskStartToCloseTimeout="20",
            childPolicy="ABANDON",
            taskPriority="7",
        )["runId"]

    def decide(self, workflow_id, decision, **attributes):
        task = self.engine.poll_for_decision_task(
            domain=DOMAIN, taskList={"name": f"of {workflow_id}"}
        )
        member = f"{decision[0].lower()}{decision[1:]}DecisionAttributes"
        self.engine.respond_decision_task_completed(
            taskToken=task["taskToken"],
            decisions=[{"decisionType": decision, member: attributes}],
        )

    def complete(self, workflow_id, result, **more):
        run_id = self.start(workflow_id, **more)
        self.decide(workflow_id, "CompleteWorkflowExecution", result=result)
        return run_id

    def fail(self, workflow_id, reason="no", **more):
        run_id = self.start(workflow_id, **more)
        self.decide(workflow_id, "FailWorkflowExecution", reason=reason)
        return run_id

    def terminate(self, workflow_id, **more):
        self.engine.terminate_workflow_execution(domain=DOMAIN, workflowId=workflow_id, **more)

    def events(self, workflow_id, run_id):
        return self.engine.get_workflow_execution_history(
            domain=DOMAIN, execution={"workflowId": workflow_id, "runId": run_id}
        )["events"]

    def open(self):
        infos = self.engine.list_open_workflow_executions(
            domain=DOMAIN, startTimeFilter={"oldestDate": 0}
        )["executionInfos"]
        return {info["execution"]["workflowId"]: info["execution"]["runId"] for info in infos}


@pytest.fixture
def engine(monkeypatch):
    with Engine(":memory:", poll_seconds=0.05) as engine:

        @contextlib.contextmanager
        def connect(*_, **__):
            yield Connection(engine, engine.poller, kind="embedded", name="in memory")

        monkeypatch.setattr("dataflow.connect.connect", connect)
        yield engine


@pytest.fixture
def shop(engine):
    return Shop(engine)


@pytest.fixture
def run(here, capsys, monkeypatch):
    for name in ("DATAFLOW_FORMAT", "SWF_DOMAIN"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments):
        code = main.run(arguments)
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def terminal(monkeypatch):
    """Somebody who answers, and what he was asked."""
    questions = []

    def answering(answer):
        def ask(question):
            questions.append(question)
            return answer

        monkeypatch.setattr(render, "ask", ask)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        return questions

    return answering


# --- what is printed ------------------------------------------------------------------------


def test_the_members_of_json_are_documented():
    document = (ROOT / "docs" / "control.rst").read_text()
    for columns in (bulk._COLUMNS, control._COLUMNS, again._NEW, again._RESET):
        for column in columns:
            assert f"``{column.key}``" in document


# --- signal ------------------------------------------------------------------------------


def test_a_signal(run, shop):
    run_id = shop.start("o1")
    done = run("workflow.signal", "shop", "o1", "paid", "--input", '{"amount": 5}')
    assert done == (0, "", "o1 was sent the signal paid\n")
    [signal] = [
        event["workflowExecutionSignaledEventAttributes"]
        for event in shop.events("o1", run_id)
        if event["eventType"] == "WorkflowExecutionSignaled"
    ]
    assert signal["signalName"] == "paid"
    assert signal["input"] == '{"amount":5}'


def test_a_signal_without_input_in_the_domain_of_the_environment(run, shop, monkeypatch):
    monkeypatch.setenv("SWF_DOMAIN", "shop")
    run_id = shop.start("o1")
    assert run("workflow.signal", "o1", "paid")[0] == 0
    assert "input" not in shop.events("o1", run_id)[-1]["workflowExecutionSignaledEventAttributes"]


def test_signals_to_many(run, shop):
    for name in ("o1", "o2"):
        shop.start(name, tags=["vip"])
    shop.start("b1", name="bill", tags=["vip"])
    shop.complete("o3", "1", tags=["vip"])
    many = ("workflow.signal", "shop", "hurry", "--type", "order", "--tag", "vip")
    code, out, err = run(*many, "--dry-run", "--fields", "workflow_id,workflow_type,status")
    assert (code, err) == (0, "2 executions would be sent the signal hurry\n")
    assert sorted(out.splitlines()) == ["o1  order  OPEN", "o2  order  OPEN"]
    code, out, err = run(*many)
    assert (code, out) == (2, "")
    assert err == (
        "error: this would send the signal hurry to 2 executions: say --yes if that is meant\n"
    )
    code, out, err = run(*many, "--yes", "--format", "jsonl")
    assert (code, err) == (0, "2 executions were sent the signal hurry\n")
    assert {json.loads(line)["workflow_id"] for line in out.splitlines()} == {"o1", "o2"}
    for name, run_id in shop.open().items():
        kinds = [event["eventType"] for event in shop.events(name, run_id)]
        assert kinds.count("WorkflowExecutionSignaled") == (name != "b1")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["shop", "o9", "hi"], 3, "there is no execution o9 in the domain shop: "),
        (["nowhere", "o1", "hi"], 3, "there is no domain nowhere: "),
        (["shop", "o2", "hi"], 3, "the execution o2 RUN is not open any more: it is FAILED"),
        (["o1"], 2, "SIGNAL is missing: write DOMAIN WORKFLOW_ID SIGNAL, or WORKFLOW_ID SIGNAL "),
        (["shop", "o1", "hi", "--input", "{x"], 2, "--input is not JSON: "),
        (["shop", "o1", "hi", "--dry-run"], 2, "--dry-run goes with conditions, such as --status"),
        (["shop", "hi", "--tag=x", "--run-id=1"], 2, "--run-id goes with one workflow id, "),
        (["shop", "hi", "--status=closed"], 2, "only what is open can be meant: leave --status "),
        (["shop", "hi", "--status=all"], 2, "only what is open can be meant: leave --status out"),
        (["shop", "o1", "a" * 257], 2, "1 validation error "),
    ],
)
def test_signals_that_cannot_be_sent(run, shop, arguments, code, line):
    shop.start("o1")
    run_id = shop.fail("o2")
    done, out, err = run("workflow.signal", *arguments)
    assert (done, out, err.count("\n")) == (code, "", 1)
    assert err.startswith(f"error: {line.replace('RUN', run_id)}")


# --- cancel and terminate ------------------------------------------------------------------


def test_cancel(run, shop):
    run_id = shop.start("o1")
    assert run("workflow.cancel", "shop", "o1") == (0, "", "o1 was asked to cancel\n")
    last = shop.events("o1", run_id)[-1]
    assert last["eventType"] == "WorkflowExecutionCancelRequested"
    assert run("workflow.cancel", "shop", "o1", "x" * 32)[0] == 3


def test_terminate_without_a_terminal(run, shop):
    run_id = shop.start("o1")
    code, out, err = run("workflow.terminate", "shop", "o1")
    assert (code, out) == (2, "")
    assert err == (
        "error: this would terminate o1 in the domain shop: say --yes if that is meant\n"
    )
    assert shop.open() == {"o1": run_id}
    done = run("workflow.terminate", "shop", "o1", "--yes", "--reason", "why", "--details", "so")
    assert done == (0, "", "o1 was terminated\n")
    last = shop.events("o1", run_id)[-1]["workflowExecutionTerminatedEventAttributes"]
    assert (last["reason"], last["details"], last["cause"]) == ("why", "so", "OPERATOR_INITIATED")
    assert run("workflow.terminate", "shop", "o1", "--yes")[0] == 3


def test_terminate_on_a_terminal(run, shop, terminal):
    run_id = shop.start("o1")
    questions = terminal(False)
    assert run("workflow.terminate", "shop", "o1") == (1, "", "nothing was done\n")
    assert shop.open() == {"o1": run_id}
    terminal(True)
    assert run("workflow.terminate", "shop", "o1") == (0, "", "o1 was terminated\n")
    assert questions == 2 * ["Terminate o1 in the domain shop?"]


def test_terminate_many(run, shop, terminal):
    for name in ("o1", "o2", "o3"):
        shop.start(name)
    questions = terminal(True)
    code, out, err = run("workflow.terminate", "shop", "--type", "order", "--workflow-id", "o2")
    assert (code, err) == (0, "1 execution was terminated\n")
    assert out.startswith("o2  ")
    assert questions == ["Terminate 1 execution?"]
    assert sorted(shop.open()) == ["o1", "o3"]


def test_none_of_many(run, shop):
    shop.start("o1")
    done = run("workflow.terminate", "shop", "--type", "bill", "--format", "csv", "--no-header")
    assert done == (0, "", "no execution is meant\n")


def test_one_of_many_is_gone(run, shop, monkeypatch):
    """It is told, and the others follow."""
    for name in ("o1", "o2", "o3"):
        shop.start(name)
    terminate = shop.engine.terminate_workflow_execution

    def late(**request):
        if request["workflowId"] == "o2":
            terminate(**request)
        return terminate(**request)

    monkeypatch.setattr(shop.engine, "terminate_workflow_execution", late)
    code, out, err = run("workflow.terminate", "shop", "--type=order", "-y", "--fields=workflow_id")
    assert code == 1
    assert sorted(out.split()) == ["o1", "o3"]
    told, count = err.splitlines()
    assert told.startswith("error: o2: the execution o2 ")
    assert told.endswith(" is not open any more: it is TERMINATED")
    assert count == "2 of 3 executions were terminated"


def test_an_engine_that_is_away_tells_what_was_done(run, shop, monkeypatch):
    for name in ("o1", "o2", "o3"):
        shop.start(name)
    terminate = shop.engine.terminate_workflow_execution
    asked = []

    def away(**request):
        asked.append(request["workflowId"])
        if len(asked) > 1:
            raise shop.engine.exceptions.ServiceUnavailable("gone")
        return terminate(**request)

    monkeypatch.setattr(shop.engine, "terminate_workflow_execution", away)
    code, out, err = run("workflow.terminate", "shop", "--type=order", "-y", "--fields=workflow_id")
    assert (code, out.split()) == (6, asked[:1])
    assert err == "1 of 3 executions was terminated\nerror: gone\n"
    assert len(asked) == 2


def test_an_interrupt_tells_what_was_done(run, shop, monkeypatch):
    for name in ("o1", "o2"):
        shop.start(name)
    terminate = shop.engine.terminate_workflow_execution
    done = []

    def interrupted(**request):
        if done:
            raise KeyboardInterrupt
        done.append(request["workflowId"])
        return terminate(**request)

    monkeypatch.setattr(shop.engine, "terminate_workflow_execution", interrupted)
    code, out, err = run("workflow.terminate", "shop", "--type=order", "-y", "--fields=workflow_id")
    assert (code, out.split(), err) == (130, done, "1 of 2 executions was terminated\n")


# --- restart ----------------------------------------------------------------------------------


def test_restart(run, shop):
    old = shop.fail("o1", tags=["vip"])
    code, out, err = run("workflow.restart", "shop", "o1")
    new = shop.open()["o1"]
    assert (code, out, err) == (0, f"o1  {new}\n", "")
    before, after = (
        shop.events("o1", run_id)[0]["workflowExecutionStartedEventAttributes"]
        for run_id in (old, new)
    )
    assert before == after
    assert before["tagList"] == ["vip"]


@pytest.mark.parametrize("which", [["o1"], ["--status", "failed"]])
def test_nothing_is_done_that_could_not_be_told(run, shop, which):
    shop.fail("o1")
    code, out, err = run("workflow.restart", "--domain=shop", *which, "--yes", "--fields=nix")
    assert (code, out) == (2, "")
    assert err == "error: --fields: there is no nix; there are workflow_id, run_id\n"
    assert shop.open() == {}


def test_restart_with_another_input(run, shop):
    shop.fail("o1", text='{"args":[1],"kwargs":{},"definition":"shop.Order"}')
    code, out, _ = run(
        *("workflow.restart", "shop", "o1", "--input", '{"kwargs": {"n": 2}}'),
        *("--task-list", "others", "--format", "json"),
    )
    told = json.loads(out)
    assert code == 0
    first = shop.events("o1", told["run_id"])[0]["workflowExecutionStartedEventAttributes"]
    assert json.loads(first["input"]) == {
        "args": [],
        "kwargs": {"n": 2},
        "definition": "shop.Order",
    }
    assert first["taskList"] == {"name": "others"}


def test_restart_of_what_is_open(run, shop):
    old = shop.start("o1")
    code, out, err = run("workflow.restart", "shop", "o1")
    assert (code, out) == (2, "")
    assert "this would terminate o1, which is open, to restart it: say --yes" in err
    assert run("workflow.restart", "shop", "o1", "--yes")[0] == 0
    assert shop.events("o1", old)[-1]["eventType"] == "WorkflowExecutionTerminated"
    assert shop.open()["o1"] != old


def test_restart_of_an_old_run_while_another_is_open(run, shop):
    old = shop.fail("o1")
    now = shop.start("o1")
    code, out, err = run("workflow.restart", "shop", "o1", old)
    assert (code, out) == (1, "")
    assert err == "error: another run of o1 is open in the domain shop\n"
    assert shop.open() == {"o1": now}


def test_restart_of_many_means_the_latest_runs(run, shop):
    shop.fail("again")
    shop.complete("again", "1")
    shop.fail("open")
    shop.start("open")
    shop.fail("failed")
    failed = shop.fail("failed")
    shop.complete("completed", "1")
    many = ("workflow.restart", "shop", "--status", "failed")
    code, out, err = run(*many, "--dry-run", "--fields", "workflow_id,run_id")
    assert (code, out, err) == (0, f"failed  {failed}\n", "1 execution would be restarted\n")
    code, out, err = run(*many, "--yes")
    assert (code, err) == (0, "1 execution was restarted\n")
    assert out == f"failed  {shop.open()['failed']}\n"
    assert sorted(shop.open()) == ["failed", "open"]


def test_restart_of_many_means_closed_ones_unless_told(run, shop):
    shop.start("open")
    shop.complete("completed", "1")
    _, out, _ = run("workflow.restart", "shop", "--type=order", "--dry-run", "--fields=workflow_id")
    assert out == "completed\n"
    _, out, _ = run("workflow.restart", "shop", "-s", "all", "--dry-run", "--fields=workflow_id")
    assert out.split() == ["open", "completed"]


# --- reset ---------------------------------------------------------------------------------------


@pytest.fixture
def doubles(shop, here, capsys):
    """An execution of `flows.Doubles` that has ended."""
    definition = loading.find("flows.Doubles")
    connection = Connection(shop.engine, shop.engine.poller, kind="embedded", name="")
    start = Start(
        workflow_type=type_of(definition),
        workflow_id="d",
        task_list="",
        input='{"args":[1],"kwargs":{"times":3},"definition":"flows.Doubles"}',
    )
    setup = Setup(isolation="inline")
    assert Standalone(connection, DOMAIN, definition, start, setup).run().value == 8
    capsys.readouterr()
    return "d"


def test_reset(run, shop, doubles):
    reset = ("workflow.reset", "shop", doubles, "--to", "activity-flows.double-3")
    code, out, err = run(*reset)
    assert (code, out) == (2, "")
    assert err == (
        "error: d was run by `dataflow standalone`, on a task list of its own: name the list where "
        "deciders wait with --task-list\n"
    )
    assert shop.open() == {}
    code, out, err = run(*reset, "--task-list", "deciders", "--format", "json")
    told = json.loads(out)
    assert told == {
        "workflow_id": "d",
        "run_id": shop.open()["d"],
        "kept": 2,
        "known": 2,
        "task_list": "deciders",
    }
    assert (code, err) == (
        0,
        "d: kept 2 of 2 outcomes; it waits for deciders of the task list deciders\n",
    )


def test_reset_to_its_end(run, shop, doubles):
    reset = ("workflow.reset", "shop", "--type=doubles", "-y", "--task-list=deciders", "--to")
    end = len(shop.events("d", Client(shop.connection, DOMAIN).find("d").run_id))
    code, out, err = run(*reset, str(end))
    assert code == 0
    assert out.startswith("d  ")
    # What the workflow prints is not what the command has to say.
    assert err == (
        "doubled: 8\naside\nd: kept 3 of 3 outcomes, with which it has ended\n"
        "1 execution was reset\n"
    )
    assert run("workflow.result", "shop", "d") == (0, "8\n", "")


def test_reset_that_does_again_what_failed(run, shop, doubles):
    reset = ("workflow.reset", "shop", doubles, "--retry-failed", "--task-list=deciders")
    assert run(*reset)[0] == 0
    assert run("workflow.result", "shop", "d") == (0, "8\n", "")


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["d"], 2, "back to when? --to names an event or a task, --retry-failed does again "),
        (["d", "--to", "99"], 3, "there is no event 99: the events are 1 to "),
        (["d", "--to", "x"], 3, "there is no task x in the history: there are activity-flows."),
        (["x", "--to", "1"], 3, "there is no execution x "),
        (["d", "--to", "1", "--workflow", "flows.Nix"], 2, "flows has no Nix"),
        (["d", "--to", "1", "--workflow", "flows.Returns"], 2, "workflow type doubles version "),
    ],
)
def test_resets_that_cannot_be(run, shop, doubles, arguments, code, line):
    done, out, err = run("workflow.reset", "--domain=shop", *arguments)
    assert (done, out, err.count("\n")) == (code, "", 1)
    assert err.startswith(f"error: {line}")


# --- result --------------------------------------------------------------------------------------


def test_results(run, shop):
    completed = shop.complete("completed", '{"a":1}')
    failed = shop.fail("failed", "ValueError: no")
    shop.start("canceled")
    shop.decide("canceled", "CancelWorkflowExecution")
    shop.complete("nothing", "null")
    shop.start("terminated")
    shop.terminate("terminated", reason="so")
    result = ("workflow.result", "shop")
    assert run(*result, "completed") == (0, '{"a":1}\n', "")
    assert run(*result, "completed", completed, "--wait") == (0, '{"a":1}\n', "")
    assert run(*result, "nothing") == (0, "null\n", "")
    assert run(*result, "failed") == (1, "", "failed: ValueError: no\n")
    assert run(*result, "canceled") == (4, "", "canceled: no reason was given\n")
    assert run(*result, "terminated") == (4, "", "terminated: so\n")
    code, out, _ = run("--format=json", *result, "failed")
    assert (code, json.loads(out)) == (
        1,
        {
            "workflow_id": "failed",
            "run_id": failed,
            "status": "FAILED",
            "reason": "ValueError: no",
            "details": None,
        },
    )


def test_no_result_yet(run, shop):
    shop.start("o1")
    result = ("workflow.result", "shop", "o1")
    assert run(*result) == (5, "", "o1 has not ended: --wait waits for it\n")
    assert run(*result, "--wait", "--timeout=0.05") == (5, "", "o1 has not ended in time\n")
    line = "error: --timeout goes with --wait: without it nothing is waited for\n"
    assert run(*result, "--timeout=1") == (2, "", line)


def test_the_result_of_a_run_that_goes_on(run, shop):
    first = shop.start("o1")
    shop.decide("o1", "ContinueAsNewWorkflowExecution", input="2", taskStartToCloseTimeout="10")
    shop.decide("o1", "CompleteWorkflowExecution", result="3")
    assert run("workflow.result", "shop", "o1", first) == (0, "3\n", "")


# --- workflow.start ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        (lambda shop: shop.terminate("w"), 4, "terminated after "),
        (lambda shop: shop.decide("w", "CancelWorkflowExecution"), 4, "canceled after "),
        (lambda shop: shop.decide("w", "FailWorkflowExecution", reason="no"), 1, "failed in "),
        (lambda shop: shop.decide("w", "CompleteWorkflowExecution", result="1"), 0, "completed in"),
    ],
)
def test_the_end_of_what_one_waits_for(run, shop, monkeypatch, end, code, told):
    start = shop.engine.start_workflow_execution

    def ending(**request):
        answer = start(**request)
        end(shop)
        return answer

    monkeypatch.setattr(shop.engine, "start_workflow_execution", ending)
    wait = ("workflow.start", "--wait", "--domain=shop", "--workflow-id=w", "--task-list=of w")
    done, out, err = run(*wait, "flows.Doubles")
    assert (done, out) == (code, "")
    assert err.splitlines()[1].startswith(told)
