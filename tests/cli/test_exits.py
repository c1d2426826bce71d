"""Which exit code says what."""

from typing import get_args

import pytest
from botocore.exceptions import ClientError

from dataflow.cli import exits, main
from dataflow.client.outcomes import NoServer
from dataflow.errors import DataflowError, NotFound, Unreachable, UsageError
from dataflow.protocol import faults
from dataflow.protocol.names import CloseStatus

STATUSES = {
    "COMPLETED": 0,
    "CONTINUED_AS_NEW": 0,
    "FAILED": 1,
    "CANCELED": 4,
    "TERMINATED": 4,
    "TIMED_OUT": 5,
}


def test_every_end_of_an_execution():
    assert {status: exits.of_end(status) for status in get_args(CloseStatus)} == STATUSES


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("--input is not JSON"), 2),
        (NotFound("there is no execution"), 3),
        (Unreachable("nobody answers"), 6),
        (NoServer("nobody listens"), 6),
        (DataflowError("a bug"), 1),
        (faults.UnknownResourceFault("Unknown domain: x"), 3),
        (faults.ValidationException("1 validation error"), 2),
        (faults.SerializationException("no surrogates"), 2),
        (faults.ThrottlingException("Rate exceeded"), 6),
        (faults.LimitExceededFault("too many"), 6),
        (faults.ServiceUnavailable("the disk is full"), 6),
        (faults.InternalFailure(""), 6),
        (faults.Fault("x"), 1),
        (faults.WorkflowExecutionAlreadyStartedFault("it is open"), 1),
        (faults.AccessDeniedException("not you"), 1),
        (OSError(28, "No space left on device"), 1),
    ],
)
def test_errors(monkeypatch, capsys, error, code):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(main.command, "main", fail)
    assert main.run([]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"error: {error}\n")


def test_a_fault_is_one_line(monkeypatch, capsys):
    def fail(*_, **__):
        raise faults.ServiceUnavailable("<html>\n<title>503</title>\n\n</html>\n")

    monkeypatch.setattr(main.command, "main", fail)
    assert main.run([]) == 6
    assert capsys.readouterr().err == "error: <html> <title>503</title> </html>\n"


def test_botos_errors_have_the_codes_of_ours(monkeypatch):
    told = {"Error": {"Code": "UnknownResourceFault", "Message": "Unknown domain: x"}}

    def fail(*_, **__):
        raise ClientError(told, "DescribeDomain")

    monkeypatch.setattr(main.command, "main", fail)
    assert main.run([]) == 3
