"""What a task is answered, and how persistently."""

import threading
from functools import partial

import pytest
from test_worker_heartbeats import TASK

from dataflow.process.answers import Answers
from dataflow.process.jobs import Canceled, Completed, Failed
from dataflow.process.running import Ending, Running
from dataflow.protocol.faults import (
    AccessDeniedException,
    InternalFailure,
    LimitExceededFault,
    ServiceUnavailable,
    ThrottlingException,
    UnknownResourceFault,
    ValidationException,
)

COMPLETED = ("completed", {"taskToken": "token", "result": "1"})
FAILED = ("failed", {"taskToken": "token", "reason": "why", "details": "{}"})
CANCELED = ("canceled", {"taskToken": "token"})


class Service:
    def __init__(self, *errors):
        self.errors = list(errors)
        self.told = []

    def __getattr__(self, method):
        def respond(**request):
            self.told.append((method.rpartition("_")[2], request))
            if self.errors:
                raise self.errors.pop(0)

        return respond


class Direct:
    """The same service, as an engine that calls back."""

    def __init__(self, service):
        self._service = service

    def ask(self, method, request, told):
        try:
            getattr(self._service, method)(**request)
        except Exception as error:  # noqa: BLE001 - handed on
            told(partial(failed, error))
        else:
            told(dict)


def failed(error):
    raise error


@pytest.fixture(params=["waits", "is called back"])
def give(request):
    return partial(give_to, direct=Direct if request.param == "is called back" else lambda _: None)


def give_to(service, outcome, ending=None, *, hurry=False, direct):
    running = Running(TASK)
    if ending is not None:
        running.end(Ending[ending])
    event = threading.Event()
    if hurry:
        event.set()
    answers = Answers(service, event, lambda: iter([0] * 50), direct(service))
    answers.give(running, outcome)
    answers.close(20)
    return service.told


@pytest.mark.parametrize("ending", [None, "STOPPED", "CANCELED"])
@pytest.mark.parametrize(
    ("outcome", "answer"), [(Completed("1"), COMPLETED), (Failed("why", "{}"), FAILED)]
)
def test_what_has_ended_by_itself(give, outcome, answer, ending):
    assert give(Service(), outcome, ending) == [answer]


@pytest.mark.parametrize("ending", [None, "CANCELED"])
def test_what_was_cancelled(give, ending):
    assert give(Service(), Canceled(), ending) == [CANCELED]


def test_what_was_stopped_has_failed(give):
    [(kind, request)] = give(Service(), Canceled(), "STOPPED")
    assert kind == "failed"
    assert request["reason"] == (
        "WorkerStopped: the worker was stopped before the activity had ended"
    )


@pytest.mark.parametrize("outcome", [Completed("1"), Failed("why", "{}"), Canceled()])
def test_what_is_gone(give, outcome):
    assert give(Service(), outcome, "GONE") == []


def test_answered_once():
    service, running = Service(), Running(TASK)
    answers = Answers(service, threading.Event())
    answers.give(running, Completed("1"))
    answers.give(running, Failed("why", "{}"))
    assert service.told == [COMPLETED]


@pytest.mark.parametrize(
    "error",
    [
        ServiceUnavailable("stopping"),
        ThrottlingException("slow down"),
        InternalFailure("oops"),
        LimitExceededFault("too much"),
        ConnectionRefusedError(),
        TimeoutError(),
    ],
)
def test_until_it_is_taken(give, error):
    assert give(Service(*[error] * 20), Completed("1")) == [COMPLETED] * 21


def test_not_for_ever(give, monkeypatch):
    monkeypatch.setattr("dataflow.process.answers.ANSWER_SECONDS", -1)
    assert give(Service(OSError(), OSError()), Completed("1")) == [COMPLETED]


def test_one_attempt_in_a_hurry(give, caplog):
    assert give(Service(OSError(), OSError()), Completed("1"), hurry=True) == [COMPLETED]
    assert "not answered, since the worker is stopped" in caplog.text


def test_no_more_once_the_task_is_gone(caplog):
    running = Running(TASK)

    class Leaving(Service):
        def respond_activity_task_completed(self, **request):
            self.told.append(request)
            running.end(Ending.GONE)
            raise ServiceUnavailable

    service = Leaving()
    Answers(service, threading.Event(), pauses=lambda: iter([0] * 9)).give(running, Completed("1"))
    assert len(service.told) == 1


@pytest.mark.parametrize("error", [UnknownResourceFault("late"), AccessDeniedException("no")])
def test_what_would_not_help_is_not_tried_again(give, error, caplog):
    assert give(Service(error), Completed("1")) == [COMPLETED]
    assert ("came too late" in caplog.text) == isinstance(error, UnknownResourceFault)


@pytest.mark.parametrize("error", [ValidationException("no such text"), TypeError("a bug")])
def test_an_answer_that_is_refused_is_a_failure(give, error, caplog):
    [first, (kind, request)] = give(Service(error), Completed("1"))
    assert (first, kind) == (COMPLETED, "failed")
    assert request["reason"] == f"AnswerRefused: {type(error).__name__}: {error}"
    assert "the answer was refused" in caplog.text


def test_a_refusal_of_everything_is_logged(give, caplog):
    errors = [ValidationException("no")] * 2
    assert len(give(Service(*errors), Completed("1"))) == 2
    assert "the answer could not be given" in caplog.text
