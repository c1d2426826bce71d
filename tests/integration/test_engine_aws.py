"""The server as its users know Amazon SWF: the ``aws`` command and boto3, over TCP, with a key."""

import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
DATAFLOW = [sys.executable, "-m", "dataflow"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A user's home, with nothing of AWS or ours in the environment."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "DATAFLOW_", "SWF_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path


@pytest.fixture
def server(home, monkeypatch):
    """A server, and an environment in which every AWS tool finds it."""
    credentials = home / ".aws" / "credentials"
    key = [*DATAFLOW, "server.key.create", "--name=me", f"--credentials={credentials}"]
    subprocess.run(key, check=True, capture_output=True)
    command = [*DATAFLOW, "server.start", "--listen=127.0.0.1:0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    ready = process.stderr.readline()
    assert ready.startswith("dataflow server ready: unix:")
    (url,) = (word for word in ready.split() if word.startswith("http://"))
    monkeypatch.setenv("AWS_PROFILE", "me")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_SWF", url)
    yield process
    process.terminate()
    assert process.wait(10) == 0
    process.stderr.close()


def aws(*arguments, code=0):
    """The answer of ``aws swf``; what it says on standard error where it must fail."""
    command = [sys.executable, "-m", "awscli", "swf", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stderr if code else json.loads(done.stdout or "null")


@pytest.mark.usefixtures("server")
def test_the_aws_command():
    domain = ("--domain", "shop")
    aws("register-domain", "--name=shop", "--workflow-execution-retention-period-in-days=7")
    aws(
        *("register-workflow-type", *domain, "--name=order", "--workflow-version=1"),
        *("--default-task-list", "name=deciders", "--default-child-policy=TERMINATE"),
        *("--default-task-start-to-close-timeout=60",),
        *("--default-execution-start-to-close-timeout=600",),
    )
    kind = ("--workflow-type", "name=order,version=1")
    run = aws("start-workflow-execution", *domain, "--workflow-id=17", *kind, "--input=hello")
    execution = ("--execution", f"workflowId=17,runId={run['runId']}")
    task = aws("poll-for-decision-task", *domain, "--task-list=name=deciders")
    assert task["events"][0]["workflowExecutionStartedEventAttributes"]["input"] == "hello"
    complete = {
        "decisionType": "CompleteWorkflowExecution",
        "completeWorkflowExecutionDecisionAttributes": {"result": "done"},
    }
    aws(
        *("respond-decision-task-completed", f"--task-token={task['taskToken']}"),
        *("--decisions", json.dumps([complete])),
    )
    (closed,) = aws(
        *("list-closed-workflow-executions", *domain),
        *("--start-time-filter", "oldestDate=2020-01-01T00:00:00Z"),
    )["executionInfos"]
    assert (closed["execution"]["workflowId"], closed["closeStatus"]) == ("17", "COMPLETED")
    events = aws("get-workflow-execution-history", *domain, *execution)["events"]
    assert [event["eventType"] for event in events] == [
        "WorkflowExecutionStarted",
        "DecisionTaskScheduled",
        "DecisionTaskStarted",
        "DecisionTaskCompleted",
        "WorkflowExecutionCompleted",
    ]
    told = aws("describe-domain", "--name=nowhere", code=255)
    assert "(UnknownResourceFault)" in told
    assert "Unknown domain: nowhere" in told


@pytest.mark.usefixtures("server")
def test_boto3():
    # A session of its own: the default one may remember another home.
    swf = boto3.Session().client("swf")
    swf.register_domain(name="shop", workflowExecutionRetentionPeriodInDays="7")
    swf.register_workflow_type(domain="shop", name="order", version="1")
    swf.register_activity_type(domain="shop", name="pay", version="1")
    run = swf.start_workflow_execution(
        domain="shop",
        workflowId="17",
        workflowType={"name": "order", "version": "1"},
        taskList={"name": "deciders"},
        executionStartToCloseTimeout="600",
        taskStartToCloseTimeout="60",
        childPolicy="TERMINATE",
    )
    task = swf.poll_for_decision_task(domain="shop", taskList={"name": "deciders"})
    timeouts = ("scheduleToStart", "scheduleToClose", "startToClose")
    pay = {
        "activityType": {"name": "pay", "version": "1"},
        "activityId": "pay-1",
        "taskList": {"name": "workers"},
        "input": "5",
        **{f"{name}Timeout": "60" for name in timeouts},
    }
    swf.respond_decision_task_completed(
        taskToken=task["taskToken"],
        decisions=[
            {
                "decisionType": "ScheduleActivityTask",
                "scheduleActivityTaskDecisionAttributes": pay,
            }
        ],
    )
    work = swf.poll_for_activity_task(domain="shop", taskList={"name": "workers"})
    assert (work["activityId"], work["input"]) == ("pay-1", "5")
    swf.respond_activity_task_completed(taskToken=work["taskToken"], result="paid")
    with pytest.raises(swf.exceptions.UnknownResourceFault):
        swf.respond_activity_task_completed(taskToken=work["taskToken"], result="again")
    execution = {"workflowId": "17", "runId": run["runId"]}
    pages = swf.get_paginator("get_workflow_execution_history").paginate(
        domain="shop", execution=execution, PaginationConfig={"PageSize": 3}
    )
    events = [event for page in pages for event in page["events"]]
    assert [event["eventId"] for event in events] == list(range(1, len(events) + 1))
    assert events[-2]["activityTaskCompletedEventAttributes"]["result"] == "paid"
    (found,) = swf.list_open_workflow_executions(
        domain="shop", startTimeFilter={"oldestDate": events[0]["eventTimestamp"]}
    )["executionInfos"]
    assert found["execution"] == execution
